/* The carafe tool: an app without routes. */
#include "cli/cli.h"

int
main(int argc, char **argv)
{
	return crf_cli(carafe_new(.client_id = "carafe"), CRF_IN_TOOL, argc, argv);
}

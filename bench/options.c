#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define OPTIONS_MAX 32

static _Noreturn void
usage(const struct bench *b, const struct bench_option *options)
{
	fprintf(stderr, "usage: KAFKA=host:port %s [--json]", b->name);
	for (const struct bench_option *o = options; o->name != NULL; o++)
		if (o->value != NULL)
			fprintf(stderr, " [--%s=%s]", o->name, o->value);
	fputc('\n', stderr);
	exit(1);
}

static void
take(const struct bench *b, const struct bench_option *o, const char *text)
{
	if (o->number != NULL)
		*o->number = bench_number(b, text, o->low, o->high);
	else
		*o->text = text;
}

void
bench_read_options(struct bench *b, const char *name, const struct bench_option *options, int argc, char **argv)
{
	struct option known[OPTIONS_MAX] = { { "json", no_argument, NULL, OPTIONS_MAX } };
	int option;

	*b = (struct bench){ .name = name, .self = realpath("/proc/self/exe", NULL), .brokers = getenv("KAFKA") };
	for (int i = 0; options[i].name != NULL && i + 2 < OPTIONS_MAX; i++)
		known[i + 1] = (struct option){ options[i].name, required_argument, NULL, i };
	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		if (option == '?')
			usage(b, options);
		if (option == OPTIONS_MAX)
			b->json = true;
		else
			take(b, &options[option], optarg);
	}
	if (optind < argc || b->brokers == NULL)
		usage(b, options);
}

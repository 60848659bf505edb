/* What server and dev have in common. */
#ifndef CRF_CLI_SERVER_H
#define CRF_CLI_SERVER_H

#include "cli/cli.h"
#include "route/route.h"

/* The options that include and exclude, as the routes take them. */
struct crf_scope_lists {
	struct crf_words groups, exclude_groups;
	struct crf_words connections, exclude_connections;
	struct crf_words topics, exclude_topics;
	struct crf_scope scope;
};
/* False, having said so, when an option that includes names nothing; to be finished all the same. */
bool crf_scope_lists_init(struct crf_scope_lists *l, const struct crf_call *call);
void crf_scope_lists_fini(struct crf_scope_lists *l);

/* What will run, in two lines. */
void crf_server_banner(const struct crf_call *call, bool mock);
/* Runs the prepared app. mock: on a stand-in that goes with it. Returns the exit status. */
int crf_server_run(struct crf_call *call, bool mock);

#endif

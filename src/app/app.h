/* The app as a whole: what was drawn, what was set, and the running of it. */
#ifndef CRF_APP_APP_H
#define CRF_APP_APP_H

#include <carafe/carafe.h>

#include "bus/bus.h"
#include "bus/log.h"
#include "core/problems.h"
#include "route/route.h"
#include "settings/settings.h"

struct crf_engine;

struct carafe {
	uint32_t magic;
	struct crf_settings settings;
	struct crf_tree tree;
	struct crf_bus *bus;
	struct crf_routing routing;   /* after crf_app_prepare */
	struct crf_problems problems; /* likewise */
	struct crf_tokens *tokens; /* NULL: nobody provides any */
	struct {
		bool wanted;
		carafe_log_fn fn; /* NULL: stderr */
		void *arg;
		struct crf_log *log; /* NULL: not open yet */
	} log; /* of a host program */

	/* Asked for, perhaps before it was started. Any thread. */
	atomic_bool quiet;
	atomic_bool stop;
	atomic_bool force; /* a stop is to wait for nobody */

	struct crf_mutex mu;
	struct crf_cond changed;   /* mu: anything below, or anything the keeper looks at */
	carafe_status status;      /* mu */
	struct crf_engine *_Atomic engine; /* the running of it; NULL before, the same one ever after. Any thread asks */
};

#define CRF_APP_MAGIC CRF_MAGIC('A', 'P', 'P', 'C')
#define crf_check_app(app)                                                                                             \
	crf_check_handle((app), CRF_APP_MAGIC, "app", "what carafe_new() has returned, until carafe_free() or carafe_main()")

/* Resolves the settings, the environment's included, and compiles the routes for the scope (NULL: everything, and it is no mistake
 * when none of it is consumed); every mistake is in app->problems. Does its work once. Settings of the command line must be set before. */
carafe_rc crf_app_prepare(carafe *app, const struct crf_scope *scope, carafe_error *err);

/* A log of a prepared app as its settings have it, to fn, NULL: stderr. The caller frees it, after the app. */
struct crf_log *crf_app_log(carafe *app, carafe_log_fn fn, void *arg);
/* The one that the host program asked for, if it did. */
void crf_app_open_log(carafe *app);

/* Starts what was prepared. exit_eof: stop by itself when every assigned partition was consumed to its end. */
carafe_rc crf_app_start(carafe *app, bool exit_eof, carafe_error *err);

/* Counters of the run so far, for the summary at the end. Any thread. */
struct crf_totals {
	int64_t consumed; /* messages handled with success */
	int64_t failed;   /* handler runs that failed */
	int64_t retried;  /* runs beyond the first */
	int64_t dead;     /* dead-lettered */
	crf_ns running;   /* since the first message */
};
void crf_app_totals(const carafe *app, struct crf_totals *t);

/* Runs a prepared app in the foreground for the server command: signals, waiting, force. Returns the exit status. */
int crf_app_serve(carafe *app, bool exit_eof);

/* The exit status that a return code of the whole run means. */
int crf_exit_status(carafe_rc rc);

#endif

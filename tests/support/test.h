/* What every integration test includes. */
#ifndef IT_TEST_H
#define IT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <carafe/carafe.h>

#include "support/app.h"
#include "support/child.h"
#include "support/cluster.h"
#include "support/peer.h"
#include "support/recorder.h"
#include "support/until.h"

/* A test that ends apps, gates and sinks of its own, whatever became of it. */
#define IT(fn) { #fn, fn, it_begin, it_end_test, NULL }
/* The same once for each group protocol; the test asks it_protocol(state). */
#define IT_PROTOCOLS(fn)                                                                                               \
	{ #fn ", range", fn, it_begin, it_end_test, (void *)"range" },                                                 \
	    { #fn ", cooperative", fn, it_begin, it_end_test, (void *)"cooperative" },                                 \
	    { #fn ", kip-848", fn, it_begin, it_end_test, (void *)"kip-848" }
/* Twice, for what only the classic protocol has. */
#define IT_CLASSIC_ONES(fn)                                                                                            \
	{ #fn ", range", fn, it_begin, it_end_test, (void *)"range" },                                                 \
	    { #fn ", cooperative", fn, it_begin, it_end_test, (void *)"cooperative" }
/* What takes long by its nature is not done once more for the eager protocol. */
#define IT_COOPERATIVE_ONES(fn)                                                                                        \
	{ #fn ", cooperative", fn, it_begin, it_end_test, (void *)"cooperative" },                                     \
	    { #fn ", kip-848", fn, it_begin, it_end_test, (void *)"kip-848" }

int it_begin(void **state);
int it_end_test(void **state);
int it_end_all(void **state);
enum it_protocol it_protocol(void **state);

/* Runs a program's tests (those that match IT_ONLY, which may have * in it; with IT_VERBOSE every event is shown, with
 * IT_DEBUG=fetch,cgrp,... librdkafka debugs too); says why and ends with 77 (skipped) when there is no Kafka. */
#define it_run(tests) (it_skip_without("KAFKA"), cmocka_run_group_tests(tests, NULL, it_end_all))
void it_skip_without(const char *variable);

#endif

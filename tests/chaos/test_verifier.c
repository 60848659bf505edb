/* The verifier sees what is wrong, and takes nothing for wrong that is not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chaos/verifier.h"
#include "support/test.h"

static char path[64];

static struct verifier *
read_log(const char *log, enum weather weather)
{
	FILE *f = fopen(path, "we");
	struct verifier *v;

	assert_non_null(f);
	fputs(log, f);
	fclose(f);
	v = verifier_new(path, weather);
	verifier_read(v);
	return v;
}

static const struct {
	const char *log, *wrong; /* NULL: nothing */
} logs[] = {
	{ "A 1 0\nB 1 0 1 0 1 1 2\nE 1 0 1 0 1 1 2\nC 1 0:2\nV 1 stop 0\n", NULL },
	/* commits */
	{ "A 1 0\nB 1 0 1 0 0 1 1\nC 1 0:1\n", "has committed 1 of partition 0" },
	{ "A 1 0\nB 1 0 1 0 4 1 5\nE 1 0 1 0 4 1 5\nC 1 0:5\nA 2 0\nB 2 0 1 5 5 6 6\n", NULL },
	{ "A 1 0\nB 1 0 1 0 4 1 5\nE 1 0 1 0 4 1 5\nC 1 0:5\nA 2 0\nB 2 0 1 3 3 4 4\n", "begins partition 0 at 3" },
	/* gaps */
	{ "A 1 0\nB 1 0 1 5 5 6 6\n", "begins partition 0 at 5" },
	{ "A 1 0\nB 1 0 1 0 0 1 1\nE 1 0 1 0 0 1 1\nB 1 0 1 2 2 3 3\n", "goes on with 2" },
	{ "A 1 0\nB 1 0 1 0 0 1 1\nB 1 0 1 1 1 2 2\n", "goes on with 1" },
	{ "A 1 0\nB 1 0 1 0 0 1 1\nB 1 0 1 0 0 1 1\nE 1 0 1 0 0 1 1\n", NULL }, /* it failed */
	/* again */
	{ "A 1 0\nB 1 0 1 0 0 1 1\nE 1 0 1 0 0 1 1\nV 1 revoked 0\nA 2 0\nB 2 0 1 0 0 1 1\n", "begins partition 0 at 0" },
	{ "A 1 0\nB 1 0 1 0 0 1 1\nE 1 0 1 0 0 1 1\nF 1 0:1\nV 1 revoked 0\nA 2 0\nB 2 0 1 0 0 1 1\n", NULL },
	{ "A 1 0\nB 1 0 1 0 0 1 1\nE 1 0 1 0 0 1 1\nT 1 0\nV 1 revoked 0\nA 2 0\nB 2 0 1 0 0 1 1\n", NULL },
	{ "A 1 0\nB 1 0 1 0 0 1 1\nE 1 0 1 0 0 1 1\nV 1 lost 0\nA 2 0\nB 2 0 1 0 0 1 1\n", NULL },
	{ "A 1 0\nB 1 0 1 0 0 1 1\nE 1 0 1 0 0 1 1\nA 2 0\nB 2 0 1 0 0 1 1\n", NULL }, /* it was killed */
	/* ownership */
	{ "A 1 0\nV 1 revoked 0\nB 1 0 1 0 0 1 1\n", "which it has given up" },
	{ "A 1 0\nV 1 lost 0\nB 1 0 1 0 0 1 1\n", NULL },
	{ "A 1 0\nV 1 lost 0\nB 1 0 1 0 0 1 1\nE 1 0 1 0 0 1 1\nB 1 0 1 1 1 2 2\n", "which it has given up" },
	{ "A 1 0\nA 2 0\nB 1 0 1 0 0 1 1\n", "which run 2 was given" },
	{ "V 1 revoked 0\n", "which it does not have" },
	/* contents */
	{ "A 1 0\nB 1 0 1 0 1 1 2\nE 1 0 1 0 1 1 5\n", "has 1 at 0 and 5 at 1" },
	{ "A 1 77\n", "there is no partition 77" },
	{ "A 1 0\nB 1 0 nonsense\n", "not understood" },
};

static void
contradictions_are_seen_and_nothing_else(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++) {
		struct verifier *v = read_log(logs[i].log, CALM);
		const char *found = verifier_violation(v);

		if ((found == NULL) != (logs[i].wrong == NULL) || (found != NULL && strstr(found, logs[i].wrong) == NULL))
			fail_msg("log %zu: %s", i, found != NULL ? found : "nothing was seen");
		verifier_free(v);
	}
}

static void
who_was_stopped_may_go_on_without_knowing(void **state)
{
	struct verifier *v = read_log("A 1 0\nA 2 0\nB 1 0 1 0 0 1 1\n", FAIR);

	(void)state;
	assert_null(verifier_violation(v));
	verifier_free(v);
}

/* A request that was given up may lie about in a node that stands still. */
static void
a_commit_without_an_answer_may_come_late(void **state)
{
	static const char log[] = "A 1 0\nB 1 0 1 0 4 1 5\nE 1 0 1 0 4 1 5\nF 1 0:3\nC 1 0:5\nA 2 0\nB 2 0 1 3 3 4 4\n";
	struct verifier *v = read_log(log, ROUGH);

	(void)state;
	assert_null(verifier_violation(v));
	verifier_free(v);
	v = read_log(log, FAIR);
	assert_non_null(verifier_violation(v));
	verifier_free(v);
}

static struct verifier *
two_handled(void)
{
	struct verifier *v = read_log("A 1 0\nB 1 0 1 0 1 1 2\nE 1 0 1 0 1 1 2\n", CALM);

	verifier_produced(v, 0, 0, 1);
	verifier_produced(v, 0, 1, 2);
	return v;
}

static void
what_the_group_has_never_goes_back_nor_ahead(void **state)
{
	struct verifier *v = two_handled();

	(void)state;
	assert_false(verifier_done(v));
	verifier_committed(v, 0, 1);
	verifier_committed(v, 0, 2);
	for (int p = 1; p < CHAOS_PARTITIONS; p++)
		verifier_committed(v, p, 0);
	assert_true(verifier_done(v));
	verifier_finish(v);
	assert_null(verifier_violation(v));
	verifier_committed(v, 0, 1);
	assert_non_null(verifier_violation(v));
	verifier_free(v);
	v = two_handled();
	verifier_committed(v, 0, 3);
	assert_non_null(verifier_violation(v));
	verifier_free(v);
}

static void
what_is_missing_in_the_end_is_seen(void **state)
{
	struct verifier *v = two_handled();

	(void)state;
	verifier_produced(v, 0, 2, 3);
	verifier_finish(v);
	assert_non_null(strstr(verifier_violation(v), "ends at 3"));
	verifier_free(v);
	v = two_handled();
	verifier_produced(v, 0, 1, 9);
	verifier_committed(v, 0, 2);
	for (int p = 1; p < CHAOS_PARTITIONS; p++)
		verifier_committed(v, p, 0);
	verifier_finish(v);
	assert_non_null(strstr(verifier_violation(v), "produced was 9, handled 2"));
	verifier_free(v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contradictions_are_seen_and_nothing_else),
		cmocka_unit_test(who_was_stopped_may_go_on_without_knowing),
		cmocka_unit_test(a_commit_without_an_answer_may_come_late),
		cmocka_unit_test(what_the_group_has_never_goes_back_nor_ahead),
		cmocka_unit_test(what_is_missing_in_the_end_is_seen),
	};
	int failed;

	snprintf(path, sizeof(path), "/tmp/carafe-verifier-%ld.log", (long)getpid());
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}

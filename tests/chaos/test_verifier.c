/* The verifier sees what is wrong, and takes nothing for wrong that is not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chaos/verifier.h"
#include "support/test.h"

static char path[64];

static struct verifier *
read_log(const char *log, enum weather weather, unsigned manners)
{
	FILE *f = fopen(path, "we");
	struct verifier *v;

	assert_non_null(f);
	fputs(log, f);
	fclose(f);
	v = verifier_new(path, weather, manners);
	verifier_read(v);
	return v;
}

/* Of one key, and of another one. */
#define K0 "0:1"
#define K1 "2:3"
#define L0 "1:2"
#define SIX "B 1 0 1 0:1 1:2 2:3 3:4 4:5 5:6\nE 1 0 1 0:1 1:2 2:3 3:4 4:5 5:6\n"
static const struct {
	const char *log, *wrong; /* NULL: nothing */
	unsigned manners;
} logs[] = {
	{ "A 1 0\nB 1 0 1 0:1 1:2\nE 1 0 1 0:1 1:2\nC 1 0:2\nV 1 stop 0\n", NULL, 0 },
	/* commits */
	{ "A 1 0\nB 1 0 1 0:1\nC 1 0:1\n", "has committed 1 of partition 0", 0 },
	{ "A 1 0\nB 1 0 1 0:1 1:2 2:3 3:4 4:5\nE 1 0 1 0:1 1:2 2:3 3:4 4:5\nC 1 0:5\nA 2 0\nB 2 0 1 5:6\n", NULL, 0 },
	{ "A 1 0\nB 1 0 1 0:1 1:2 2:3 3:4 4:5\nE 1 0 1 0:1 1:2 2:3 3:4 4:5\nC 1 0:5\nA 2 0\nB 2 0 1 3:4\n", "begins partition 0 at 3", 0 },
	{ "A 1 0\nB 1 0 1 0:1 1:2 2:3 3:4 4:5\nE 1 0 1 0:1 1:2 2:3 3:4 4:5\nC 1 0:5\nC 1 0:3\n", "which had 5", 0 },
	{ "A 1 0\nB 1 0 1 0:1 1:2\nE 1 0 1 0:1 1:2\nY 1 0:2\nA 2 0\nB 2 0 1 2:3\n", NULL, 0 },
	{ "A 1 0\nB 1 0 1 0:1 1:2\nE 1 0 1 0:1 1:2\nY 1 0:2\nA 2 0\nB 2 0 1 0:1\n", "begins partition 0 at 0", 0 },
	{ "A 1 0\nB 1 0 1 0:1\nY 1 0:1\n", "was told that 1 of partition 0 is committed", 0 },
	/* gaps */
	{ "A 1 0\nB 1 0 1 5:6\n", "begins partition 0 at 5", 0 },
	{ "A 1 0\nB 1 0 1 0:1\nE 1 0 1 0:1\nB 1 0 1 2:3\n", "goes on with 2", 0 },
	{ "A 1 0\nB 1 0 1 0:1\nB 1 0 1 1:2\n", "begins 1 of partition 0 beside 1 others", 0 },
	{ "A 1 0\nB 1 0 1 0:1\nX 1 0 1 0:1\nB 1 0 1 0:1\nE 1 0 1 0:1\n", NULL, 0 },
	/* again */
	{ "A 1 0\nB 1 0 1 0:1\nE 1 0 1 0:1\nV 1 revoked 0\nA 2 0\nB 2 0 1 0:1\n", "begins partition 0 at 0", 0 },
	{ "A 1 0\nB 1 0 1 0:1\nE 1 0 1 0:1\nF 1 0:1\nV 1 revoked 0\nA 2 0\nB 2 0 1 0:1\n", NULL, 0 },
	{ "A 1 0\nB 1 0 1 0:1\nE 1 0 1 0:1\nT 1 0\nV 1 revoked 0\nA 2 0\nB 2 0 1 0:1\n", NULL, 0 },
	{ "A 1 0\nB 1 0 1 0:1\nE 1 0 1 0:1\nV 1 lost 0\nA 2 0\nB 2 0 1 0:1\n", NULL, 0 },
	{ "A 1 0\nB 1 0 1 0:1\nE 1 0 1 0:1\nA 2 0\nB 2 0 1 0:1\n", NULL, 0 }, /* it was killed */
	/* ownership */
	{ "A 1 0\nV 1 revoked 0\nB 1 0 1 0:1\n", "which it has given up", 0 },
	{ "A 1 0\nV 1 lost 0\nB 1 0 1 0:1\n", NULL, 0 },
	{ "A 1 0\nV 1 lost 0\nB 1 0 1 0:1\nE 1 0 1 0:1\nB 1 0 1 1:2\n", "which it has given up", 0 },
	{ "A 1 0\nA 2 0\nB 1 0 1 0:1\n", "which run 2 was given", 0 },
	{ "V 1 revoked 0\n", "which it does not have", 0 },
	/* contents */
	{ "A 1 0\nB 1 0 1 0:1 1:2\nE 1 0 1 0:1 1:5\n", "has 5 at 1, and had 2", 0 },
	{ "A 1 77\n", "there is no partition 77", 0 },
	{ "A 1 0\nB 1 0 nonsense\n", "not understood", 0 },
	{ "A 1 0\nB 1 0 1 x:1\n", "there is no offset x", 0 },
	{ "A 1 0\nB 1 0 1\n", "no messages", 0 },
	/* side by side */
	{ "A 1 0\nB 1 0 1 0:1\nB 1 0 1 1:2\nE 1 0 1 1:2\nE 1 0 1 0:1\nC 1 0:2\nV 1 revoked 0\nA 2 0\nB 2 0 1 2:3\n", NULL,
	    SIDE_BY_SIDE },
	{ "A 1 0\nB 1 0 1 0:1\nB 1 0 1 1:2\nE 1 0 1 1:2\nC 1 0:2\n", "has committed 2 of partition 0", SIDE_BY_SIDE },
	{ "A 1 0\nB 1 0 1 0:1\nB 1 0 1 2:3\n", "goes on with 2 of partition 0, not 1", SIDE_BY_SIDE },
	{ "A 1 0\nB 1 0 1 0:1\nB 1 0 1 1:2\nX 1 0 1 0:1\nE 1 0 1 1:2\nB 1 0 1 0:1\n", NULL, SIDE_BY_SIDE },
	{ "A 1 0\nB 1 0 1 0:1\nB 1 0 1 1:2\nX 1 0 1 0:1\nB 1 0 1 0:1\n", "begins 0 of partition 0 beside 1 others", SIDE_BY_SIDE },
	{ "A 1 0\nB 1 0 1 0:1\nB 1 0 1 1:2\nE 1 0 1 0:1\nX 1 0 1 1:2\nB 1 0 1 0:1\n", "goes on with 0 of partition 0, not 2",
	    SIDE_BY_SIDE },
	{ "A 1 0\nB 1 0 1 0:1\nB 1 0 1 1:2\nE 1 0 1 0:1\nE 1 0 1 1:2\nV 1 revoked 0\nA 2 0\nB 2 0 1 1:2\n",
	    "begins partition 0 at 1", SIDE_BY_SIDE },
	{ "A 1 0\nB 1 0 1 0:1\nB 1 0 1 1:2\nX 1 0 1 0:1\nE 1 0 1 1:2\nV 1 revoked 0\nA 2 0\nB 2 0 1 0:1\nE 2 0 1 0:1\nB 2 0 1 1:2\n",
	    NULL, SIDE_BY_SIDE },
	/* keys */
	{ "A 1 0\nB 1 0 1 " K0 "\nB 1 0 1 " L0 "\nE 1 0 1 " L0 "\nE 1 0 1 " K0 "\nB 1 0 1 " K1 "\n", NULL, KEYED },
	{ "A 1 0\nB 1 0 1 " K0 "\nB 1 0 1 " K1 "\n", "which has the same key", KEYED },
	{ "A 1 0\nB 1 0 1 " K0 "\nX 1 0 1 " K0 "\nB 1 0 1 " K1 "\n", "which has the same key", KEYED },
	{ "A 1 0\nB 1 0 1 " K0 "\nX 1 0 1 " K0 "\nB 1 0 1 " K0 "\n", NULL, KEYED },
	{ "A 1 0\nB 1 0 1 " K0 "\nE 1 0 1 " K0 "\nB 1 0 1 " K0 "\n", "of partition 0 again", KEYED },
	{ "A 1 0\nB 1 0 1 " K0 "\nG 1 0 1 " K0 "\nE 1 0 1 " K0 "\nB 1 0 1 " K0 "\nE 1 0 1 " K0 "\nC 1 0:1\n", NULL, KEYED },
	{ "A 1 0\nB 1 0 1 " K0 "\nG 1 0 1 " K0 "\nE 1 0 1 " K0 "\nC 1 0:1\n", "has committed 1", KEYED },
	{ "A 1 0\nB 1 0 1 " K0 "\nE 1 0 1 " K0 "\nB 1 0 1 " K1 "\nE 1 0 1 " K1 "\nA 2 0\nB 2 0 1 " K1 "\nE 2 0 1 " K1
	  "\nB 2 0 1 " K0 "\n", "after", KEYED },
	{ "A 1 0\nB 1 0 1 " L0 "\nE 1 0 1 " L0 "\nC 1 0:2\n", "has committed 2 of partition 0", KEYED },
	{ "A 1 0\nB 1 0 1 " L0 "\nE 1 0 1 " L0 "\nA 2 0\nB 2 0 1 " L0 "\n", NULL, KEYED }, /* it was killed */
	{ "A 1 0\nB 1 0 1 " L0 "\nE 1 0 1 " L0 "\nV 1 stop 0\nA 2 0\nB 2 0 1 " L0 "\n", "metadata says is done", KEYED },
	{ "A 1 0\nB 1 0 1 " L0 "\nE 1 0 1 " L0 "\nF 1 0:0\nV 1 stop 0\nA 2 0\nB 2 0 1 " L0 "\n", NULL, KEYED },
	{ "A 1 0\nB 1 0 1 " K0 "\nE 1 0 1 " K0 "\nV 1 stop 0\nA 2 0\nB 2 0 1 " K0 "\n", "committed is everything before 1", KEYED },
	{ "A 1 0\nK 1 0\n", "cannot ask what is done", KEYED },
	/* seeks */
	{ "A 1 0\nB 1 0 1 0:1 1:2\nW 1 0 1 0\nE 1 0 1 0:1 1:2\nS 1 0:0\nB 1 0 1 0:1\n", NULL, SEEKING },
	{ "A 1 0\nB 1 0 1 0:1 1:2\nE 1 0 1 0:1 1:2\nS 1 0:0\nB 1 0 1 0:1\n", "and nobody wanted it", SEEKING },
	{ "A 1 0\nB 1 0 1 0:1 1:2\nW 1 0 1 0\nw 1 0 1 0\nE 1 0 1 0:1 1:2\nS 1 0:0\n", "and nobody wanted it", SEEKING },
	{ "A 1 0\nB 1 0 1 0:1 1:2\nW 1 0 1 0\nE 1 0 1 0:1 1:2\nB 1 0 1 2:3\n", "wanted to go on with 0", SEEKING },
	{ "A 1 0\nB 1 0 1 0:1 1:2\nW 1 0 1 0\nE 1 0 1 0:1 1:2\nS 1 0:0\nB 1 0 1 1:2\n", "goes on with 1", SEEKING },
	{ "A 1 0\nB 1 0 1 0:1 1:2\nW 1 0 1 1\nE 1 0 1 0:1 1:2\nC 1 0:1\n", NULL, SEEKING },
	{ "A 1 0\nB 1 0 1 0:1 1:2\nW 1 0 1 1\nE 1 0 1 0:1 1:2\nC 1 0:2\n", "has committed 2", SEEKING },
	{ "A 1 0\nB 1 0 1 0:1\nW 1 0 0 5\nS 1 0:5\n", "while 1 messages are in progress", SEEKING },
	{ "A 1 0\nB 1 0 1 0:1\nE 1 0 1 0:1\nW 1 0 0 5\nS 1 0:5\nB 1 0 1 5:6\nE 1 0 1 5:6\nC 1 0:6\n", NULL, SEEKING },
	{ "A 1 0\nB 1 0 1 0:1\nE 1 0 1 0:1\nW 1 0 0 -1\nS 1 0:5\nB 1 0 1 5:6\n", NULL, SEEKING },
	{ "A 1 0\nB 1 0 1 0:1\nE 1 0 1 0:1\nW 1 0 0 5\nS 1 0:5\nV 1 revoked 0\nA 2 0\nB 2 0 1 1:2\n", NULL, SEEKING },
	{ "W 1 0 0 0\nA 1 0\nS 1 0:0\nB 1 0 1 0:1\n", NULL, SEEKING },
	{ "A 1 0\nW 1 0 0 0\nV 1 revoked 0\nA 1 0\nS 1 0:0\n", "and nobody wanted it", SEEKING },
	{ "A 1 0\nB 1 0 1 0:1\nE 1 0 1 0:1\nW 1 0 0 5\nC 1 0:5\n", "has committed 5", SEEKING },
	{ "A 1 0\nB 1 0 1 0:1 1:2\nW 1 0 1 1\nE 1 0 1 0:1 1:2\nV 1 stop 0\nA 2 0\nB 2 0 1 1:2\n", NULL, SEEKING },
	{ "A 1 0\nB 1 0 1 0:1 1:2\nW 1 0 1 1\nE 1 0 1 0:1 1:2\nV 1 stop 0\nA 2 0\nB 2 0 1 0:1\n", "begins partition 0 at 0", SEEKING },
	{ "A 1 0\nB 1 0 1 0:1 1:2\nW 1 0 1 1\nE 1 0 1 0:1 1:2\nU 1 0:1\nB 1 0 1 1:2\n", NULL, SEEKING },
	{ "A 1 0\nB 1 0 1 0:1\nE 1 0 1 0:1\nW 1 0 0 -1\nW 1 0 0 0\nU 1 0:1\nS 1 0:0\nB 1 0 1 0:1\n", NULL, SEEKING },
	{ "A 1 0\nB 1 0 1 " L0 "\nE 1 0 1 " L0 "\nV 1 stop 0\nA 2 0\nW 2 0 0 0\nS 2 0:0\nB 2 0 1 " L0 "\n", NULL, KEYED | SEEKING },
	{ "A 1 0\nB 1 0 1 " K0 "\nW 1 0 0 5\nG 1 0 1 " K0 "\nW 1 0 1 0\nE 1 0 1 " K0 "\nS 1 0:0\nB 1 0 1 " K0 "\nE 1 0 1 " K0
	  "\nS 1 0:5\n", NULL, KEYED | SEEKING },
	/* pauses */
	{ "A 1 0\nP 1 0:0\nR 1 0:0\nB 1 0 1 0:1\n", NULL, 0 },
	{ "A 1 0\nB 1 0 1 0:1\nE 1 0 1 0:1\nP 1 0:0\nB 1 0 1 1:2\n", "which is paused", 0 },
	/* dead letters: the seventh message is one */
	{ "A 1 0\n" SIX "B 1 0 1 6:7\nX 1 0 1 6:7\nD 1 0:6\nC 1 0:7\nB 1 0 1 7:8\n", NULL, LETTERS },
	{ "A 1 0\n" SIX "B 1 0 1 6:7\nX 1 0 1 6:7\nC 1 0:7\n", "has committed 7", LETTERS },
	{ "A 1 0\n" SIX "B 1 0 1 6:7\nD 1 0:6\n", "before it has failed", LETTERS },
	{ "A 1 0\n" SIX "D 1 0:5\n", "which it is not", LETTERS },
	/* metadata */
	{ "A 1 0\nB 1 0 1 0:1\nE 1 0 1 0:1\nM 1 0 1 m0\n", NULL, ANNOTATED },
	{ "A 1 0\nB 1 0 1 0:1\nE 1 0 1 0:1\nM 1 0 1 -\n", "with \"\", not \"m0\"", ANNOTATED },
	{ "A 1 0\nB 1 0 1 0:1\nE 1 0 1 0:1\nM 1 0 1 m5\n", "with \"m5\", not \"m0\"", ANNOTATED },
	{ "A 1 0\nB 1 0 1 0:1\nE 1 0 1 0:1\nM 1 0 1 m0\n", "which nobody said", 0 },
	{ "A 1 0\n" SIX "B 1 0 1 6:7\nX 1 0 1 6:7\nD 1 0:6\nM 1 0 7 -\n", NULL, ANNOTATED | LETTERS },
};

static void
contradictions_are_seen_and_nothing_else(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++) {
		struct verifier *v = read_log(logs[i].log, CALM, logs[i].manners);
		const char *found = verifier_violation(v);

		if ((found == NULL) != (logs[i].wrong == NULL) || (found != NULL && strstr(found, logs[i].wrong) == NULL))
			fail_msg("log %zu: %s", i, found != NULL ? found : "nothing was seen");
		verifier_free(v);
	}
}

static void
who_was_stopped_may_go_on_without_knowing(void **state)
{
	static const struct {
		const char *log;
		unsigned manners;
	} gone_on[] = {
		{ "A 1 0\nA 2 0\nB 1 0 1 0:1\n", 0 },
		{ "A 1 0\nA 2 0\nB 2 0 1 " K0 "\nE 2 0 1 " K0 "\nC 2 0:1\nB 1 0 1 " K0 "\n", KEYED },
		{ "A 1 0\nA 2 0\nB 2 0 1 " L0 "\nE 2 0 1 " L0 "\nV 2 stop 0\nB 1 0 1 " L0 "\n", KEYED },
		{ "A 1 0\n" SIX "B 1 0 1 6:7\nX 1 0 1 6:7\nA 2 0\nB 2 0 1 6:7\nD 1 0:6\nB 1 0 1 7:8\n", LETTERS },
		{ "A 1 0\nB 1 0 1 0:1\nB 1 0 1 1:2\nA 2 0\nB 2 0 1 0:1\nX 1 0 1 0:1\nE 1 0 1 1:2\nB 1 0 1 0:1\n", SIDE_BY_SIDE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(gone_on) / sizeof(gone_on[0]); i++) {
		struct verifier *v = read_log(gone_on[i].log, FAIR, gone_on[i].manners);

		assert_null(verifier_violation(v));
		verifier_free(v);
	}
}

/* A request that was given up may lie about in a node that stands still. */
static void
a_commit_without_an_answer_may_come_late(void **state)
{
	static const char log[] = "A 1 0\nB 1 0 1 0:1 1:2 2:3 3:4 4:5\nE 1 0 1 0:1 1:2 2:3 3:4 4:5\nF 1 0:3\nC 1 0:5\nA 2 0\nB 2 0 1 3:4\n";
	struct verifier *v = read_log(log, ROUGH, 0);

	(void)state;
	assert_null(verifier_violation(v));
	verifier_free(v);
	v = read_log(log, FAIR, 0);
	assert_non_null(verifier_violation(v));
	verifier_free(v);
}

static struct verifier *
two_handled(void)
{
	struct verifier *v = read_log("A 1 0\nB 1 0 1 0:1 1:2\nE 1 0 1 0:1 1:2\n", CALM, 0);

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
	verifier_committed(v, 0, 1, "");
	verifier_committed(v, 0, 2, "");
	for (int p = 1; p < CHAOS_PARTITIONS; p++)
		verifier_committed(v, p, 0, "");
	assert_true(verifier_done(v));
	verifier_finish(v);
	assert_null(verifier_violation(v));
	verifier_committed(v, 0, 1, "");
	assert_non_null(verifier_violation(v));
	verifier_free(v);
	v = two_handled();
	verifier_committed(v, 0, 3, "");
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
	verifier_committed(v, 0, 2, "");
	for (int p = 1; p < CHAOS_PARTITIONS; p++)
		verifier_committed(v, p, 0, "");
	verifier_finish(v);
	assert_non_null(strstr(verifier_violation(v), "produced was 9, handled 2"));
	verifier_free(v);
}

/* That the metadata contradicts the log. */
static void
assert_note(const char *log, unsigned manners, int64_t committed, const char *metadata, const char *wrong)
{
	struct verifier *v = read_log(log, CALM, manners);

	verifier_committed(v, 0, committed, metadata);
	if (wrong == NULL && verifier_violation(v) != NULL)
		fail_msg("%s: %s", metadata, verifier_violation(v));
	if (wrong != NULL && (verifier_violation(v) == NULL || strstr(verifier_violation(v), wrong) == NULL))
		fail_msg("%s: %s", metadata, verifier_violation(v) != NULL ? verifier_violation(v) : "nothing was seen");
	verifier_free(v);
}

static void
what_metadata_says_is_done_was_handled(void **state)
{
	static const char log[] = "A 1 0\nB 1 0 1 " L0 "\nE 1 0 1 " L0 "\n";

	(void)state;
	assert_note(log, KEYED, 0, "", NULL);
	assert_note(log, KEYED, 0, "carafe/1 0 0 =2", NULL);
	assert_note(log, KEYED, 0, "carafe/1 0 0 =3", "2 committed as done");
	assert_note(log, KEYED, 0, "carafe/1 0 0 2 =2", "3 committed as done");
	assert_note(log, KEYED, 0, "carafe/1 0 1 =2", "0 committed as done");
	assert_note(log, KEYED, 0, "m1", "none of carafe's");
	assert_note("A 1 0\n" SIX, 0, 6, "m5", "which nobody said");
	assert_note("A 1 0\n" SIX, ANNOTATED, 6, "m5", NULL);
	assert_note("A 1 0\n" SIX, ANNOTATED, 6, "m4", "not \"m5\"");
	assert_note("A 1 0\n" SIX, ANNOTATED, 6, "", "not \"m5\"");
}

static void
append_log(struct verifier *v, const char *log)
{
	FILE *f = fopen(path, "ae");

	assert_non_null(f);
	fputs(log, f);
	fclose(f);
	verifier_read(v);
}

/* Its member may have been killed: there is no peaceful end to conclude it from. */
static void
what_metadata_says_is_done_nobody_does_again(void **state)
{
	struct verifier *v = read_log("A 1 0\nB 1 0 1 " L0 "\nE 1 0 1 " L0 "\n", CALM, KEYED);

	(void)state;
	verifier_committed(v, 0, 0, "carafe/1 0 0 =2");
	append_log(v, "A 2 0\nB 2 0 1 " L0 "\n");
	assert_non_null(strstr(verifier_violation(v), "metadata says is done"));
	verifier_free(v);
}

static void
a_commit_waits_for_dead_letters(void **state)
{
	static const char log[] = "A 1 0\n" SIX "B 1 0 1 6:7\nX 1 0 1 6:7\nD 1 0:6\n";
	struct verifier *v = read_log(log, CALM, LETTERS);

	(void)state;
	verifier_committed(v, 0, 6, "");
	assert_null(verifier_violation(v));
	verifier_letter(v, 0, 6);
	verifier_committed(v, 0, 7, "");
	assert_null(verifier_violation(v));
	verifier_free(v);
	v = read_log(log, CALM, LETTERS);
	verifier_committed(v, 0, 7, "");
	assert_non_null(strstr(verifier_violation(v), "is in no dead letter topic"));
	verifier_free(v);
}

/* Only what was sought over. */
static void
what_was_skipped_need_not_be_committed(void **state)
{
	struct verifier *v = read_log("A 1 0\nB 1 0 1 0:1\nE 1 0 1 0:1\nW 1 0 0 2\nS 1 0:2\n", CALM, SEEKING);

	(void)state;
	verifier_produced(v, 0, 0, 1);
	verifier_produced(v, 0, 1, 2);
	for (int p = 0; p < CHAOS_PARTITIONS; p++)
		verifier_committed(v, p, p == 0 ? 1 : 0, "");
	assert_true(verifier_done(v));
	verifier_finish(v);
	assert_null(verifier_violation(v));
	verifier_produced(v, 0, 2, 3);
	assert_false(verifier_done(v));
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
		cmocka_unit_test(what_metadata_says_is_done_was_handled),
		cmocka_unit_test(what_metadata_says_is_done_nobody_does_again),
		cmocka_unit_test(a_commit_waits_for_dead_letters),
		cmocka_unit_test(what_was_skipped_need_not_be_committed),
	};
	int failed;

	snprintf(path, sizeof(path), "/tmp/carafe-verifier-%ld.log", (long)getpid());
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}

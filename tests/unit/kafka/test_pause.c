/* librdkafka pauses everything while a rebalance is to be answered. */
#include <unistd.h>

#include "scene.h"

#define ROUNDS 8
#define ENOUGH (2 * CRF_SECOND) /* together: what waits for no other reason takes some ms; else half a second each, on average */

static void
subscribe_to(struct scene *s, size_t count)
{
	const char *topics[] = { "stays", "moves" };

	assert_ok(crf_client_subscribe(s->client, topics, count, err));
}

static void
answer_assign(struct scene *s)
{
	struct crf_client_event ev;

	await_event(s, CRF_CLIENT_ASSIGN, &ev);
	assert_ok(crf_client_assign(s->client, &ev.partitions, err));
	crf_client_event_fini(&ev);
}

/* How long a message that is there waits once the revocation of another topic is answered. */
static crf_ns
wait_once_revoked(struct scene *s)
{
	struct crf_client_event ev;
	void *natives[1];
	crf_ns answered;

	await_event(s, CRF_CLIENT_REVOKE, &ev);
	write_messages(s, "stays", 0, 1);
	usleep(50000); /* several times fetch.wait.max.ms: what fetches has nothing to fetch */
	answered = crf_now();
	assert_ok(crf_client_unassign(s->client, &ev.partitions, err));
	crf_client_event_fini(&ev);
	take_exactly(&s->lanes[0], natives, 1);
	free_natives(natives, 1);
	return crf_now() - answered;
}

static void
what_stays_goes_on_as_soon_as_a_revocation_is_answered(void **unused)
{
	struct scene s;
	crf_ns waited = 0;

	(void)unused;
	scene_open(&s);
	crf_kvs_set(&s.kafka, "session.timeout.ms", "1500", "default");
	make_topic(&s, "stays", LANES);
	make_topic(&s, "moves", 1);
	join(&s, "stays");
	for (int i = 0; i < ROUNDS; i++) {
		subscribe_to(&s, 2);
		answer_assign(&s);
		subscribe_to(&s, 1);
		waited += wait_once_revoked(&s);
		answer_assign(&s);
	}
	print_message("# %d ms\n", (int)(waited / CRF_MS));
	assert_true(waited < ENOUGH);
	leave(&s);
	scene_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_stays_goes_on_as_soon_as_a_revocation_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

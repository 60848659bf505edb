/* What is committed while a lane goes on marking: a real client, a mock cluster, no connection's thread. */
#include "../kafka/scene.h"

#include <sched.h>

#include "connection/priv.h"

#define COMMITS 20000 /* enough to see it, nearly always, if it is wrong */

static struct scene s;
static struct crf_connection c;
static const struct crf_connection_spec spec = { .group = "test" };
static const struct crf_topic topic = { .name = "orders" };

static void *
opened(void *host, struct crf_epoch *e)
{
	(void)host;
	return e;
}

static void
leave_lane(void *lane)
{
	(void)lane;
}

static char *
note(const void *lane)
{
	(void)lane;
	return NULL;
}

static const struct crf_connection_host host = { .opened = opened, .wake = leave_lane, .note = note, .ended = leave_lane };

static struct crf_epoch *
open_epoch(void)
{
	scene_open(&s);
	make_topic(&s, "orders", LANES);
	join(&s, "orders");
	c = (struct crf_connection){ .spec = &spec, .bus = s.bus, .ops = &host, .client = s.client };
	crf_mutex_init(&c.mu);
	crf_cond_init(&c.idle);
	crf_list_init(&c.epochs);
	crf_list_init(&c.held);
	crf_list_init(&c.waits);
	close_lanes(&s);
	return crf_epoch_open(&c, &topic, 0, false);
}

static void
end_epoch(struct crf_epoch *e)
{
	crf_epoch_end(e);
	crf_epoch_release(e);
	crf_partitions_fini(&c.strays);
	crf_cond_fini(&c.idle);
	crf_mutex_fini(&c.mu);
	leave(&s);
	scene_close(&s);
}

/* ------------------------------------------------------------------------------------------------ leader epochs */

static atomic_bool over;

/* Each message has a leader of its own, whose epoch is the offset behind it. */
static void *
mark_on(void *epoch)
{
	for (int32_t next = 2; next < INT32_MAX && !atomic_load(&over); next++) {
		(void)crf_epoch_mark(epoch, next, next, NULL);
		if (next % 256 == 0)
			sched_yield();
	}
	return NULL;
}

/* The mock knows of no such leaders and refuses it. */
static void
commit(struct crf_partition *committed)
{
	struct crf_client_event ev;

	assert_true(crf_commit_start(&c, crf_now()));
	await_event(&s, CRF_CLIENT_COMMITTED, &ev);
	assert_int_equal(ev.partitions.count, 1);
	*committed = ev.partitions.items[0];
	crf_commit_ended(&c, &ev);
	crf_client_event_fini(&ev);
}

/* KIP-320: with a newer one the log's being cut short is missed, with an older one it is seen where it is not. */
static void
an_offset_is_committed_with_the_leader_epoch_of_the_message_before_it(void **unused)
{
	struct crf_epoch *e = open_epoch();
	struct crf_thread lane = { 0 };
	struct crf_partition p;

	(void)unused;
	assert_int_equal(crf_epoch_mark(e, 1, 1, NULL), CARAFE_OK);
	crf_thread_start(&lane, "lane", mark_on, e);
	for (int i = 0; i < COMMITS; i++) {
		commit(&p);
		if (p.leader_epoch != p.offset)
			break;
	}
	atomic_store(&over, true);
	crf_thread_join(&lane);
	assert_int_equal(p.leader_epoch, p.offset);
	end_epoch(e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_offset_is_committed_with_the_leader_epoch_of_the_message_before_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

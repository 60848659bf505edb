/* A mock cluster, something to write with, and one consumer with its mailboxes. */
#ifndef SCENE_H
#define SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bus/bus.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/mem.h"
#include "kafka/client.h"
#include "kafka/mailbox.h"
#include "kafka/mock.h"
#include "producer/producer.h"

#define DEADLINE (60 * CRF_SECOND) /* of everything that is waited for: generous, for valgrind */
#define LANES 2

struct lane {
	struct scene *scene;
	struct crf_mailbox *mailbox;
	int woken; /* scene.mu */
};

struct scene {
	struct crf_mock *mock;
	struct crf_bus *bus;
	struct crf_producer *producer;
	struct crf_kvs kafka;
	struct crf_client *client;
	struct crf_mutex mu;
	struct crf_cond woken;
	struct lane lanes[LANES];
};

#define assert_ok(call)                                                                                                \
	do {                                                                                                           \
		carafe_error err_ = { 0 };                                                                             \
		carafe_error *err = &err_;                                                                             \
		if ((call) != CARAFE_OK)                                                                               \
			fail_msg("%s: %s", #call, err->text);                                                          \
	} while (0)

static inline void
set(struct scene *s, const char *key, const char *value)
{
	crf_kvs_set(&s->kafka, key, value, "test");
}

static inline void
scene_open(struct scene *s)
{
	*s = (struct scene){ .bus = crf_bus_new() };
	crf_mutex_init(&s->mu);
	crf_cond_init(&s->woken);
	for (int i = 0; i < LANES; i++)
		s->lanes[i].scene = s;
	assert_ok(crf_mock_new(&s->mock, 1, err));
	set(s, "bootstrap.servers", crf_mock_bootstrap(s->mock));
	set(s, "group.id", "test");
	set(s, "auto.offset.reset", "earliest");
	set(s, "fetch.wait.max.ms", "10");
	/* As defaults, so that they are left out with group.protocol=consumer. The mock lets a group that had members wait
	 * for session.timeout.ms less a second before it is complete again. */
	crf_kvs_set(&s->kafka, "partition.assignment.strategy", "cooperative-sticky", "default");
	crf_kvs_set(&s->kafka, "session.timeout.ms", "3000", "default");
	crf_kvs_set(&s->kafka, "heartbeat.interval.ms", "300", "default");
	assert_ok(crf_producer_new(&s->producer, &s->kafka, s->bus, err));
}

static inline void
scene_close(struct scene *s)
{
	crf_producer_free(s->producer, 1000);
	crf_mock_free(s->mock);
	crf_kvs_fini(&s->kafka);
	crf_bus_free(s->bus);
	crf_cond_fini(&s->woken);
	crf_mutex_fini(&s->mu);
}

static inline void
make_topic(struct scene *s, const char *topic, int partitions)
{
	assert_ok(crf_mock_topic(s->mock, topic, partitions, err));
}

/* count messages whose values are "0", "1", ... */
static inline void
write_messages(struct scene *s, const char *topic, int32_t partition, int count)
{
	for (int i = 0; i < count; i++) {
		char value[16];
		struct crf_record r = { .topic = topic, .partition = partition, .spread = -1 };

		snprintf(value, sizeof(value), "%d", i);
		r.value = (carafe_bytes){ value, strlen(value) };
		assert_ok(crf_produce(s->producer, &r, NULL, NULL, 0, err));
	}
	assert_ok(crf_producer_flush(s->producer, 30000, err));
}

static inline void
open_client(struct scene *s)
{
	assert_ok(crf_client_new(&s->client, &s->kafka, err));
}

static inline void
subscribe(struct scene *s, const char *topic)
{
	assert_ok(crf_client_subscribe(s->client, &topic, 1, err));
}

/* Polls until an event of that kind comes; the caller finishes it. */
static inline void
await_event(struct scene *s, enum crf_client_event_kind kind, struct crf_client_event *ev)
{
	crf_ns until = crf_now() + DEADLINE;

	while (crf_now() < until) {
		crf_client_poll(s->client, 100, ev);
		if (ev->kind == kind)
			return;
		crf_client_event_fini(ev);
	}
	fail_msg("no event of kind %d came", kind);
}

static inline void
wake_lane(void *arg)
{
	struct lane *l = arg;

	crf_lock(&l->scene->mu);
	l->woken++;
	crf_cond_broadcast(&l->scene->woken);
	crf_unlock(&l->scene->mu);
}

static inline void
open_lane(struct scene *s, const char *topic, int i)
{
	s->lanes[i].woken = 0;
	s->lanes[i].mailbox = crf_mailbox_open(s->client, topic, i, wake_lane, &s->lanes[i]);
}

static inline void
close_lanes(struct scene *s)
{
	for (int i = 0; i < LANES; i++) {
		crf_mailbox_close(s->lanes[i].mailbox);
		s->lanes[i].mailbox = NULL;
	}
}

/* False when until has passed first. */
static inline bool
await_wake(struct lane *l, crf_ns until)
{
	bool in_time = true;

	crf_lock(&l->scene->mu);
	while (in_time && l->woken == 0)
		in_time = crf_cond_wait_until(&l->scene->woken, &l->scene->mu, until);
	in_time = l->woken > 0;
	l->woken = 0;
	crf_unlock(&l->scene->mu);
	return in_time;
}

/* As a lane does it: sleeps only when woken for the last time and empty. The client is served meanwhile by nobody, which a
 * mailbox must not mind. */
static inline void
take_exactly(struct lane *l, void **natives, size_t count)
{
	crf_ns until = crf_now() + DEADLINE;
	size_t got = 0;

	while (got < count) {
		size_t n = crf_mailbox_take(l->mailbox, natives + got, count - got);

		got += n;
		if (n == 0 && !await_wake(l, until))
			fail_msg("%zu of %zu messages came", got, count);
	}
}

static inline void
free_natives(void **natives, size_t count)
{
	for (size_t i = 0; i < count; i++)
		crf_native_free(natives[i]);
}

/* Subscribes and answers the first assignment: all lanes open. */
static inline void
join(struct scene *s, const char *topic)
{
	struct crf_client_event ev;

	open_client(s);
	subscribe(s, topic);
	await_event(s, CRF_CLIENT_ASSIGN, &ev);
	assert_int_equal(ev.partitions.count, LANES);
	for (int i = 0; i < LANES; i++)
		open_lane(s, topic, i);
	assert_ok(crf_client_assign(s->client, &ev.partitions, err));
	crf_client_event_fini(&ev);
}

static inline void
serve_until_closed(struct scene *s)
{
	crf_ns until = crf_now() + DEADLINE;
	struct crf_client_event ev;

	while (!crf_client_closed(s->client)) {
		if (crf_now() > until)
			fail_msg("the client does not close");
		crf_client_poll(s->client, 100, &ev);
		if (ev.kind == CRF_CLIENT_REVOKE) {
			close_lanes(s);
			assert_ok(crf_client_unassign(s->client, &ev.partitions, err));
		}
		crf_client_event_fini(&ev);
	}
}

static inline void
leave(struct scene *s)
{
	assert_ok(crf_client_close(s->client, err));
	serve_until_closed(s);
	close_lanes(s);
	crf_client_free(s->client, false);
	s->client = NULL;
}

#endif

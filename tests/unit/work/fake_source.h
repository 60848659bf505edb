/* A mailbox without a broker, time that stands still until told otherwise, and a pool driven by hand. */
#ifndef CRF_TESTS_FAKE_SOURCE_H
#define CRF_TESTS_FAKE_SOURCE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/buf.h"
#include "core/mem.h"
#include "work/lane.h"

/* ------------------------------------------------------------------------------------------------ time */

#ifndef TIME_GOES_ON

static crf_ns virtual_now = 1000 * CRF_SECOND;

/* In the place of libc's: crf_now() reads what the test says. */
int
clock_gettime(clockid_t id, struct timespec *ts)
{
	if (id != CLOCK_MONOTONIC)
		return (int)syscall(SYS_clock_gettime, id, ts);
	*ts = (struct timespec){ .tv_sec = virtual_now / CRF_SECOND, .tv_nsec = virtual_now % CRF_SECOND };
	return 0;
}

#define STEPS_ENOUGH 100000 /* more turns in a row than anything needs: the lane spins */

/* Takes every turn there is. */
static inline int
settle(struct crf_pool *p)
{
	int turns = 0;

	crf_pool_tick(p, virtual_now);
	while (crf_pool_step(p))
		assert_true(++turns < STEPS_ENOUGH);
	return turns;
}

/* Lets time pass, stopping wherever a timer is due. */
static inline void
pass(struct crf_pool *p, crf_ns ns)
{
	crf_ns until = virtual_now + ns;

	settle(p);
	for (crf_ns next; (next = crf_pool_tick(p, virtual_now)) <= until;) {
		if (next > virtual_now)
			virtual_now = next;
		settle(p);
	}
	virtual_now = until;
	settle(p);
}

#endif

/* ------------------------------------------------------------------------------------------------ natives */

struct native {
	char rd_kafka_message[256]; /* zeroes: to librdkafka, a message of no topic */
	struct native *next;
	int64_t offset;
	int news;
	const char *text;
	const char *key;
	const char *value;
	int64_t stamp;
};

struct fake_source {
	struct crf_lane *lane;
	struct native *first, **last;
	int in_mailbox;
	int out;            /* taken and not freed */
	size_t taken_at_most; /* in one call */
	int64_t marked;     /* highest; -1 */
	int32_t leader_epoch; /* of the last mark */
	char metadata[32];  /* likewise */
	int asked;          /* what is committed */
	bool answers_late;  /* when fake_answer() is called */
	crf_committed_fn *told; /* it was asked, and has not answered */
	void *told_arg;
	int marks;
	int commits;
	int restated;
	const char *note;   /* what is committed; NULL: "committed" */
	int64_t committed;  /* ... with this offset, if there is a note */
	bool doubtful;
	bool lost;          /* what is marked is refused */
	int seeks;
	struct crf_position sought; /* the last one's, until it is answered */
	crf_seek_fn *seek_done;
	void *seek_arg;
	int drained;
	bool released;
	bool broken;        /* used after its end */
	void (*meanwhile)(void); /* what others do while something is taken; NULL */
	struct crf_buf *log;
};

static inline void
fake_init(struct fake_source *f, struct crf_buf *log)
{
	*f = (struct fake_source){ .marked = -1, .log = log };
	f->last = &f->first;
}

/* As librdkafka does: the lane is woken when the mailbox was empty, and only then. */
static inline void
fake_push(struct fake_source *f, struct native n)
{
	struct native *copy = crf_memdup(&n, sizeof(n));

	copy->next = NULL;
	*f->last = copy;
	f->last = &copy->next;
	if (f->in_mailbox++ == 0 && !f->released)
		crf_lane_wake(f->lane);
}

static inline void
fake_message(struct fake_source *f, int64_t offset)
{
	fake_push(f, (struct native){ .offset = offset, .value = "value" });
}

static inline void
fake_messages(struct fake_source *f, int64_t from, int64_t to)
{
	for (int64_t offset = from; offset <= to; offset++)
		fake_message(f, offset);
}

static inline void
fake_eof(struct fake_source *f, int64_t offset)
{
	fake_push(f, (struct native){ .offset = offset, .news = CRF_NEWS_EOF });
}

static inline void
fake_error(struct fake_source *f, int code, const char *text)
{
	fake_push(f, (struct native){ .news = code, .text = text });
}

static size_t
fake_take(void *source, void **natives, size_t max)
{
	struct fake_source *f = source;
	size_t n = 0;

	if (f->meanwhile != NULL)
		f->meanwhile();
	f->broken = f->broken || f->released;
	if (max > f->taken_at_most)
		f->taken_at_most = max;
	while (n < max && f->first != NULL) {
		natives[n++] = f->first;
		f->first = f->first->next;
		f->in_mailbox--;
		f->out++;
	}
	if (f->first == NULL)
		f->last = &f->first;
	if (f->meanwhile != NULL)
		f->meanwhile();
	return n;
}

static int
fake_news(const void *native, int64_t *offset, const char **text)
{
	const struct native *n = native;

	*offset = n->offset;
	*text = n->text;
	return n->news;
}

static bool
fake_read(void *source, void *native, const char *topic, carafe_message *m)
{
	const struct native *n = native;

	(void)source;
	if (n->news != 0)
		return false;
	*m = (carafe_message){ .offset = n->offset, .topic = topic, .native_ = native };
	if (n->key != NULL)
		m->key = (carafe_bytes){ n->key, strlen(n->key) };
	if (n->value != NULL)
		m->value = (carafe_bytes){ n->value, strlen(n->value) };
	return true;
}

static int64_t
fake_stamp(const carafe_message *m)
{
	return ((const struct native *)m->native_)->stamp;
}

static void
fake_free_native(void *source, void *native)
{
	struct fake_source *f = source;

	f->out--;
	f->broken = f->broken || f->released;
	memset(native, 0xff, sizeof(struct native));
	free(native);
}

static carafe_rc
fake_mark(void *source, int64_t next, int32_t leader_epoch, const char *metadata)
{
	struct fake_source *f = source;

	f->broken = f->broken || f->released;
	if (f->lost)
		return CARAFE_LOST;
	f->marks++;
	f->leader_epoch = leader_epoch;
	if (next > f->marked)
		f->marked = next;
	snprintf(f->metadata, sizeof(f->metadata), "%s", metadata != NULL ? metadata : "");
	return CARAFE_OK;
}

static carafe_rc
fake_commit(void *source, carafe_error *err)
{
	struct fake_source *f = source;

	(void)err;
	f->commits++;
	return f->lost ? CARAFE_LOST : CARAFE_OK;
}

static carafe_rc
fake_committed(void *source, int64_t *offset, char **metadata, carafe_error *err)
{
	struct fake_source *f = source;

	(void)err;
	f->asked++;
	*offset = f->note != NULL ? f->committed : f->marked;
	*metadata = crf_strdup(f->note != NULL ? f->note : "committed");
	return CARAFE_OK;
}

static inline void
fake_answer(struct fake_source *f)
{
	crf_committed_fn *told = f->told;
	char *metadata;
	int64_t offset;

	assert_non_null(told);
	f->told = NULL;
	fake_committed(f, &offset, &metadata, NULL);
	told(f->told_arg, offset, metadata, &(carafe_error){ 0 });
}

static void
fake_ask_committed(void *source, crf_committed_fn *done, void *arg)
{
	struct fake_source *f = source;

	f->broken = f->broken || f->released || f->told != NULL;
	f->told = done;
	f->told_arg = arg;
	if (!f->answers_late)
		fake_answer(f);
}

static void
fake_seek(void *source, struct crf_position to, crf_seek_fn *done, void *arg)
{
	struct fake_source *f = source;

	f->broken = f->broken || f->released || f->seek_done != NULL;
	f->seeks++;
	f->sought = to;
	f->seek_done = done;
	f->seek_arg = arg;
}

static inline void
fake_empty(struct fake_source *f)
{
	struct native *n;

	while ((n = f->first) != NULL) {
		f->first = n->next;
		f->in_mailbox--;
		free(n);
	}
	f->last = &f->first;
}

/* What was fetched before is gone then. */
static inline void
fake_sought(struct fake_source *f, int64_t offset)
{
	crf_seek_fn *done = f->seek_done;

	assert_non_null(done);
	fake_empty(f);
	f->seek_done = NULL;
	done(f->seek_arg, offset, &(carafe_error){ 0 });
}

static inline void
fake_not_sought(struct fake_source *f, const char *text)
{
	crf_seek_fn *done = f->seek_done;
	carafe_error err = { .rc = CARAFE_TIMEOUT };

	snprintf(err.text, sizeof(err.text), "%s", text);
	f->seek_done = NULL;
	done(f->seek_arg, -1, &err);
}

static void
fake_restated(void *source)
{
	((struct fake_source *)source)->restated++;
}

static bool
fake_doubtful(const void *source)
{
	return ((const struct fake_source *)source)->doubtful;
}

static void
fake_forget(void *source)
{
	((struct fake_source *)source)->marked = -1;
}

static bool
fake_owned(const void *source)
{
	return !((const struct fake_source *)source)->lost;
}

static void
fake_drained(void *source)
{
	struct fake_source *f = source;

	f->drained++;
	f->broken = f->broken || f->released;
	if (f->log != NULL)
		crf_buf_puts(f->log, "drained;");
}

static void
fake_release(void *source)
{
	struct fake_source *f = source;

	f->broken = f->broken || f->released;
	f->released = true;
	if (f->log != NULL)
		crf_buf_puts(f->log, "released;");
}

static int
fake_max_poll(const void *source)
{
	(void)source;
	return 1000;
}

static int64_t
fake_marked_next(const void *source)
{
	return ((const struct fake_source *)source)->marked;
}

static void
fake_overdue(void *source)
{
	struct fake_source *f = source;

	if (f->log != NULL)
		crf_buf_puts(f->log, "overdue;");
}

static const struct crf_source_ops fake_source_ops = {
	.take = fake_take,
	.news = fake_news,
	.message = fake_read,
	.stamp = fake_stamp,
	.doubtful = fake_doubtful,
	.free_native = fake_free_native,
	.mark = fake_mark,
	.commit = fake_commit,
	.committed = fake_committed,
	.ask_committed = fake_ask_committed,
	.seek = fake_seek,
	.restated = fake_restated,
	.forget = fake_forget,
	.owned = fake_owned,
	.drained = fake_drained,
	.release = fake_release,
	.max_poll = fake_max_poll,
	.marked = fake_marked_next,
	.overdue = fake_overdue,
};

/* What nobody took any more. */
static inline void
fake_fini(struct fake_source *f)
{
	void *natives[1];

	f->meanwhile = NULL;
	while (fake_take(f, natives, 1) == 1) {
		f->out--;
		free(natives[0]);
	}
}

#endif

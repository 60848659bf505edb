#include "core/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <string.h>
#include <cmocka.h>

struct meeting {
	struct crf_mutex mu;
	struct crf_cond c;
	char name[32]; /* mu */
	bool arrived;  /* mu */
	sigset_t blocked; /* mu */
};

static void
meeting_init(struct meeting *m)
{
	memset(m, 0, sizeof(*m));
	crf_mutex_init(&m->mu);
	crf_cond_init(&m->c);
}

static void
meeting_fini(struct meeting *m)
{
	crf_cond_fini(&m->c);
	crf_mutex_fini(&m->mu);
}

static void *
arrive(void *arg)
{
	struct meeting *m = arg;

	crf_lock(&m->mu);
	pthread_sigmask(SIG_SETMASK, NULL, &m->blocked);
	m->arrived = true;
	crf_cond_broadcast(&m->c);
	crf_unlock(&m->mu);
	return NULL;
}

static void
threads_meet_with_signals_blocked(void **unused)
{
	static const int kept[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1, SIGTSTP };
	struct crf_thread t = { 0 };
	sigset_t here;
	struct meeting m;

	(void)unused;
	meeting_init(&m);
	crf_thread_start(&t, "carafe-meeting-with-a-long-name", arrive, &m);
	crf_lock(&m.mu);
	while (!m.arrived)
		crf_cond_wait(&m.c, &m.mu);
	crf_unlock(&m.mu);
	crf_thread_join(&t);
	crf_thread_join(&t);
	assert_false(t.started);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		assert_int_equal(sigismember(&m.blocked, kept[i]), 1);
	assert_int_equal(sigismember(&m.blocked, SIGSEGV), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &here);
	assert_int_equal(sigismember(&here, SIGINT), 0);
	meeting_fini(&m);
}

static void *
wait_for_name(void *arg)
{
	struct meeting *m = arg;

	crf_lock(&m->mu);
	while (!m->arrived)
		crf_cond_wait(&m->c, &m->mu);
	pthread_getname_np(pthread_self(), m->name, sizeof(m->name));
	crf_unlock(&m->mu);
	return NULL;
}

static void
long_names_are_cut(void **unused)
{
	struct crf_thread t = { 0 };
	struct meeting m;

	(void)unused;
	meeting_init(&m);
	crf_thread_start(&t, "carafe-worker-17-long", wait_for_name, &m);
	crf_lock(&m.mu);
	m.arrived = true;
	crf_cond_signal(&m.c);
	crf_unlock(&m.mu);
	crf_thread_join(&t);
#ifdef __linux__
	assert_string_equal(m.name, "carafe-worker-1");
#endif
	meeting_fini(&m);
}

static void
waiting_ends_in_time_and_not_before(void **unused)
{
	struct meeting m;
	crf_ns until;

	(void)unused;
	meeting_init(&m);
	crf_lock(&m.mu);
	assert_false(crf_cond_wait_until(&m.c, &m.mu, crf_now() - 1));
	assert_false(crf_cond_wait_until(&m.c, &m.mu, -1));
	until = crf_now() + 20 * CRF_MS;
	while (crf_cond_wait_until(&m.c, &m.mu, until))
		;
	assert_true(crf_now() >= until);
	crf_unlock(&m.mu);
	meeting_fini(&m);
}

static void
waiting_without_limit_ends_when_woken(void **unused)
{
	struct crf_thread t = { 0 };
	struct meeting m;

	(void)unused;
	meeting_init(&m);
	crf_lock(&m.mu);
	crf_thread_start(&t, "arrive", arrive, &m);
	while (!m.arrived)
		assert_true(crf_cond_wait_until(&m.c, &m.mu, CRF_NEVER));
	crf_unlock(&m.mu);
	crf_thread_join(&t);
	meeting_fini(&m);
}

static void
a_thread_never_started_is_no_trouble(void **unused)
{
	struct crf_thread t = { 0 };

	(void)unused;
	crf_thread_join(&t);
	crf_thread_detach(&t);
}

struct ping_pong {
	struct crf_bell ping, pong;
	int plain; /* whoever was rung for writes it: without an order between the two it is a data race */
};

static void *
answer(void *arg)
{
	struct ping_pong *p = arg;

	for (int i = 0; i < 1000; i++) {
		crf_bell_wait(&p->ping);
		p->plain++;
		crf_bell_ring(&p->pong);
	}
	return NULL;
}

static void
each_ring_is_heard_once_also_when_it_came_before(void **unused)
{
	struct ping_pong p = { .plain = 0 };
	struct crf_thread t = { 0 };

	(void)unused;
	crf_bell_init(&p.ping);
	crf_bell_init(&p.pong);
	crf_bell_ring(&p.ping);
	crf_thread_start(&t, "answers", answer, &p);
	for (int i = 1; i < 1000; i++) {
		crf_bell_wait(&p.pong);
		assert_int_equal(p.plain++, 2 * i - 1);
		crf_bell_ring(&p.ping);
	}
	crf_bell_wait(&p.pong);
	crf_thread_join(&t);
	assert_int_equal(p.plain, 1999);
	crf_bell_fini(&p.ping);
	crf_bell_fini(&p.pong);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_meet_with_signals_blocked),
		cmocka_unit_test(long_names_are_cut),
		cmocka_unit_test(waiting_ends_in_time_and_not_before),
		cmocka_unit_test(waiting_without_limit_ends_when_woken),
		cmocka_unit_test(a_thread_never_started_is_no_trouble),
		cmocka_unit_test(each_ring_is_heard_once_also_when_it_came_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "app.h"

#include "bench.h"

void
bench_app_start(carafe *app)
{
	carafe_error err = { 0 };

	if (carafe_start(app, &err) != CARAFE_OK)
		bench_die("carafe: %s", err.text);
}

void
bench_app_end(carafe *app)
{
	carafe_error err = { 0 };

	carafe_stop(app);
	if (carafe_wait(app, -1, &err) != CARAFE_OK)
		bench_die("carafe: %s", err.text);
	carafe_free(app);
}

void
bench_latch_init(struct bench_latch *l, int count)
{
	atomic_init(&l->left, count);
	crf_mutex_init(&l->mu);
	crf_cond_init(&l->open);
}

void
bench_latch_count(struct bench_latch *l)
{
	if (atomic_fetch_sub(&l->left, 1) > 1)
		return;
	crf_lock(&l->mu);
	crf_cond_signal(&l->open);
	crf_unlock(&l->mu);
}

void
bench_latch_wait(struct bench_latch *l)
{
	crf_lock(&l->mu);
	while (atomic_load(&l->left) > 0)
		crf_cond_wait(&l->open, &l->mu);
	crf_unlock(&l->mu);
}

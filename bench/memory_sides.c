#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "app.h"
#include "memory.h"
#include "raw.h"

void
memory_look(struct bench_result *result)
{
	FILE *in = fopen("/proc/self/statm", "r");
	struct mallinfo2 heap = mallinfo2();
	long pages = 0;

	if (in == NULL || fscanf(in, "%*d %ld", &pages) != 1)
		bench_die("memory: /proc/self/statm cannot be read");
	fclose(in);
	result->value[0] = (double)pages * (double)sysconf(_SC_PAGESIZE);
	result->value[1] = (double)heap.uordblks + (double)heap.hblkhd;
}

/* ------------------------------------------------------------------------------------------------ librdkafka alone */

void
memory_peer(const struct memory *m, struct bench_result *result)
{
	rd_kafka_t *rk = raw_consumer(m->brokers, m->topic, CARAFE_KV({ NULL, NULL }));
	crf_ns until = CRF_NEVER;
	int left = m->partitions;

	while (crf_now() < until) {
		rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, 100);

		if (message == NULL)
			continue;
		if (message->err == 0 && --left == 0)
			until = crf_now() + m->settle * CRF_SECOND;
		rd_kafka_message_destroy(message);
	}
	memory_look(result);
	raw_consumer_free(rk);
}

/* ------------------------------------------------------------------------------------------------ carafe */

static struct bench_latch arriving;

static carafe_rc
on_message(carafe_consumer *c, const carafe_message *m)
{
	(void)c, (void)m;
	bench_latch_count(&arriving);
	return CARAFE_OK;
}

static const carafe_handler handler = { .message = on_message };

void
memory_carafe(const struct memory *m, struct bench_result *result)
{
	carafe *app = carafe_new(.client_id = "bench", .kafka = CARAFE_KV({ "bootstrap.servers", m->brokers }));

	bench_latch_init(&arriving, m->partitions);
	carafe_route(carafe_group(app, bench_fresh_name("carafe-bench")), m->topic, .handler = &handler);
	bench_app_start(app);
	bench_latch_wait(&arriving);
	sleep((unsigned)m->settle);
	memory_look(result);
	bench_app_end(app);
}

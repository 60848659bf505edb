/* Every macro of the public headers, as C and as C++, see scripts/check-headers: what was named arrives. */
#include <carafe/carafe.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static carafe_rc
consume(carafe_consumer *c, const carafe_batch *batch)
{
	carafe_error err;

	carafe_foreach (m, batch) {
		if (m->offset == 7 && carafe_pause(c, carafe_offset(7), 10) != CARAFE_OK)
			return carafe_fail(c, "cannot pause at %" PRId64, m->offset);
		if (carafe_mark_with(c, m, .metadata = "seen", .err = &err, .commit = 1) != CARAFE_OK)
			return carafe_seek(c, carafe_next(), false);
	}
	return carafe_seek(c, carafe_time(0), true);
}

static carafe_rc
eofed(carafe_consumer *c)
{
	return carafe_attempt(c) > 1 ? carafe_seek(c, carafe_earliest(), true) : carafe_seek(c, carafe_latest(), true);
}

static const carafe_handler handler = { .consume = consume, .eofed = eofed };

static carafe *
right(void)
{
	carafe *app = carafe_new(.client_id = "usage",
	    .kafka = CARAFE_KV({ "bootstrap.servers", "127.0.0.1:1" }, { "enable.partition.eof", "true" }),
	    .settings = CARAFE_KV({ "pause.timeout", "500" }), .concurrency = 2);
	carafe_group *g = carafe_group(app, "usage"), *by_hand = carafe_group(app, "by-hand");
	carafe_route *r;

	carafe_defaults(app, .max_messages = 10);
	r = carafe_route(g, "orders", .handler = &handler, .kafka = CARAFE_KV({ "fetch.min.bytes", "1" }), .connection = "own",
	    .kafka_mode = CARAFE_KAFKA_INHERIT);
	carafe_dlq(r, .topic = "orders.dead", .max_retries = 5);
	carafe_retry(r, .timeout = 10, .max_timeout = 100);
	carafe_throttle(r, .limit = 100, .interval = 1000);
	carafe_keys(r, .max = 2, .distribution = CARAFE_KEYS_CONSISTENT);
	carafe_multiplex(g, .connection = "own", .max = 2);
	carafe_assign(carafe_route(by_hand, "prices", .handler = &handler), .partitions = "0,3-5");
	carafe_pattern(g, "^orders\\.", .handler = &handler);
	return app;
}

/* One mistake in each call. */
static carafe *
wrong(void)
{
	carafe *app = carafe_new(.kafka = CARAFE_KV({ "bootstrap.servers", "127.0.0.1:1" }, { "no.such.setting", "1" }),
	    .settings = CARAFE_KV({ "client_id", "usage" }, { "pause.timeout", "soon" }), .concurrency = -3);
	carafe_group *g = carafe_group(app, "usage"), *by_hand = carafe_group(app, "by-hand");
	carafe_route *r;

	carafe_defaults(app, .max_wait_time = -7);
	r = carafe_route(g, "orders", .handler = &handler, .max_messages = -8);
	carafe_dlq(r, .topic = "orders.dead", .max_retries = -9);
	carafe_retry(r, .timeout = -10);
	carafe_throttle(r, .limit = -11);
	carafe_keys(r, .max = -12);
	carafe_multiplex(g, .max = 2, .scale_delay = 13);
	carafe_assign(carafe_route(by_hand, "prices", .handler = &handler), .partitions = "some");
	carafe_pattern(g, "^orders\\.", .handler = &handler, .max_messages = -14);
	return app;
}

static const char *const mistakes[] = { "no.such.setting", "soon", "-3", "-7", "-8", "-9", "-10", "-11", "-12", "scale_delay",
	"\"some\"", "-14" };
#define MISTAKES (sizeof(mistakes) / sizeof(mistakes[0]))

static void
note(const char *path, const char *problem, void *arg)
{
	bool *seen = (bool *)arg;

	printf("%s %s\n", path, problem);
	for (size_t i = 0; i < MISTAKES; i++)
		seen[i] = seen[i] || strstr(path, mistakes[i]) != NULL || strstr(problem, mistakes[i]) != NULL;
}

int
main(void)
{
	bool seen[MISTAKES] = { false };
	carafe *good = right(), *bad = wrong();
	int status = carafe_check(good, note, seen) != 0;

	carafe_check(bad, note, seen);
	for (size_t i = 0; i < MISTAKES; i++) {
		if (!seen[i])
			printf("nothing was said of %s\n", mistakes[i]);
		status = status || !seen[i];
	}
	carafe_free(good);
	carafe_free(bad);
	return status;
}

#include "support/app.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"

#define MOST 64

static carafe *running[MOST];

static size_t
put(carafe_kv *list, size_t n, const char *key, const char *value)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].key, key) == 0) {
			list[i].value = value;
			return n;
		}
	list[n] = (carafe_kv){ key, value };
	return n + 1;
}

static size_t
put_all(carafe_kv *list, size_t n, const carafe_kv *more)
{
	for (; more != NULL && more->key != NULL; more++)
		n = put(list, n, more->key, more->value);
	return n;
}

int
it_limit_ms(enum it_protocol protocol)
{
	return protocol == IT_KIP848 ? 1500 : 3000;
}

static void
kafka_list(carafe_kv *list, const struct it_app_opts *o)
{
	size_t n = put(list, 0, "bootstrap.servers", it_kafka());

	n = put(list, n, "auto.commit.interval.ms", "100");
	n = put(list, n, "topic.metadata.refresh.fast.interval.ms", "50");
	n = put(list, n, "reconnect.backoff.ms", "20");
	n = put(list, n, "reconnect.backoff.max.ms", "200");
	if (o->protocol == IT_KIP848) {
		n = put(list, n, "group.protocol", "consumer");
	} else {
		n = put(list, n, "session.timeout.ms", o->impatient ? "3000" : "15000");
		n = put(list, n, "heartbeat.interval.ms", "100");
		n = put(list, n, "partition.assignment.strategy", o->protocol == IT_RANGE ? "range" : "cooperative-sticky");
	}
	if (o->impatient)
		n = put(list, n, "max.poll.interval.ms", o->protocol == IT_KIP848 ? "1500" : "3000");
	if (getenv("IT_DEBUG") != NULL)
		n = put(list, n, "debug", getenv("IT_DEBUG"));
	put_all(list, n, o->kafka);
}

static void
settings_list(carafe_kv *list, const struct it_app_opts *o)
{
	size_t n = put(list, 0, "pause.timeout", "10");

	n = put(list, n, "pause.max_timeout", "50");
	n = put(list, n, "tick_interval", "100");
	n = put(list, n, "shutdown_timeout", "60000");
	n = put(list, n, "drain_timeout", "30000");
	put_all(list, n, o->settings);
}

static void
remember(carafe *app)
{
	for (size_t i = 0; i < MOST; i++)
		if (running[i] == NULL) {
			running[i] = app;
			return;
		}
	fail_msg("more than %d apps in one test", MOST);
}

void
it_app_forget(carafe *app)
{
	for (size_t i = 0; i < MOST; i++)
		if (running[i] == app)
			running[i] = NULL;
}

carafe *
it_app_(const struct it_app_opts *o)
{
	carafe_kv kafka[MOST] = { { 0 } }, settings[MOST] = { { 0 } };
	carafe *app;

	kafka_list(kafka, o);
	settings_list(settings, o);
	app = carafe_new(.client_id = "it", .kafka = kafka, .settings = settings,
	    .concurrency = o->concurrency > 0 ? o->concurrency : 4, .max_messages = o->max_messages,
	    .max_wait_time = o->max_wait_time);
	it_events_listen(o->events, app);
	remember(app);
	return app;
}

static void
print_problem(const char *path, const char *problem, void *arg)
{
	(void)arg;
	print_error("%s: %s\n", path, problem);
}

void
it_start(carafe *app)
{
	carafe_error err = { 0 };

	if (carafe_start(app, &err) == CARAFE_OK)
		return;
	carafe_check(app, print_problem, NULL);
	fail_msg("the app does not start: %s", err.text);
}

void
it_await_end(carafe *app)
{
	carafe_error err = { 0 };
	carafe_rc rc = carafe_wait(app, IT_PATIENCE_MS, &err);

	if (rc != CARAFE_OK)
		fail_msg("the app did not end well: %s: %s", carafe_rc_name(rc), err.text);
	assert_int_equal(carafe_status_of(app), CARAFE_TERMINATED);
	it_app_forget(app);
	carafe_free(app);
}

void
it_stop(carafe *app)
{
	carafe_stop(app);
	it_await_end(app);
}

void
it_apps_end(void)
{
	for (size_t i = 0; i < MOST; i++) {
		carafe *app = running[i];

		if (app == NULL)
			continue;
		running[i] = NULL;
		carafe_stop(app);
		if (carafe_status_of(app) < CARAFE_RUNNING || carafe_wait(app, 10000, NULL) != CARAFE_TIMEOUT)
			carafe_free(app);
	}
}

int
it_threads(const char *name)
{
	DIR *tasks = opendir("/proc/self/task");
	const struct dirent *entry;
	int n = 0;

	assert_non_null(tasks);
	while ((entry = readdir(tasks)) != NULL) {
		char path[300], comm[32] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
		if ((f = fopen(path, "re")) == NULL)
			continue;
		n += fgets(comm, sizeof(comm), f) != NULL && strncmp(comm, name, strlen(name)) == 0;
		fclose(f);
	}
	closedir(tasks);
	return n;
}

int
it_descriptors(void)
{
	DIR *files = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(files);
	while (readdir(files) != NULL)
		n++;
	closedir(files);
	return n;
}

/* The server as a process: signals, exit statuses, what it says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/test.h"

/* A process that consumes topic in group; args as it_spawn's. */
static struct it_child *
serve_as(const char *handler, const char *topic, const char *group, const char *const *args)
{
	return it_spawn("member",
	    CARAFE_KV({ "APP_TOPICS", topic }, { "APP_GROUP", group }, { "APP_HANDLER", handler }, { "KAFKA", it_kafka() }), args);
}

#define serve(topic, group, ...) serve_as("message", (topic), (group), IT_ARGS("server", "--log-level", "info", ##__VA_ARGS__))

/* How often the child said that of this partition's offset; -1: of none in particular. */
static int
said(struct it_child *c, const char *what, const char *topic, int32_t partition, int64_t offset)
{
	char line[200];

	snprintf(line, sizeof(line), "%s %s %d %lld attempt", what, topic, partition, (long long)offset);
	return it_child_said(c, line);
}

static void
expect_status(struct it_child *c, int status)
{
	int got = it_child_wait(c);

	if (got != status)
		it_child_show(c);
	assert_int_equal(got, status);
}

/* ------------------------------------------------------------------------------------------------ stopping */

#define TOGETHER_MS 110 /* signals that are closer count as one */

static void
end_mid_message(int signal)
{
	const char *topic = it_topic("signal", 1, NULL), *group = it_name("group");
	struct it_child *c;

	it_produce(topic, 0, "quick");
	it_produce(topic, 0, "wait");
	it_produce(topic, 0, "later");
	c = serve(topic, group);
	it_until(said(c, "begin", topic, 0, 1));
	it_child_signal(c, signal);
	expect_status(c, 0);
	assert_int_equal(said(c, "end", topic, 0, 1), 1); /* what was begun is finished */
	assert_int_equal(said(c, "begin", topic, 0, 2), 0);
	assert_int_equal(said(c, "shutdown", topic, 0, -1), 1);
	assert_int_equal(said(c, "revoked", topic, 0, -1), 0);
	assert_int_equal(it_committed(group, topic, 0), 2);
	assert_int_equal(it_members(group), 0);
}

static void
a_signal_finishes_what_is_in_hand_commits_and_ends_with_0(void **state)
{
	(void)state;
	end_mid_message(SIGTERM);
	end_mid_message(SIGINT);
	end_mid_message(SIGQUIT);
}

static void
a_thread_that_was_there_before_passes_signals_on(void **state)
{
	const char *topic = it_topic("thread", 1, NULL), *group = it_name("group");
	struct it_child *c;

	(void)state;
	it_produce(topic, 0, "wait");
	c = it_spawn("member",
	    CARAFE_KV({ "APP_TOPICS", topic }, { "APP_GROUP", group }, { "APP_THREAD", "1" }, { "KAFKA", it_kafka() }),
	    IT_ARGS("server", "--log-level", "info"));
	it_until(said(c, "begin", topic, 0, 0));
	it_child_signal(c, SIGTTIN);
	it_until(it_child_said(c, "running at offset 0"));
	it_child_signal(c, SIGTERM);
	expect_status(c, 0);
	assert_int_equal(said(c, "end", topic, 0, 0), 1);
	assert_int_equal(it_committed(group, topic, 0), 1);
}

static void
signals_that_come_together_are_one(void **state)
{
	const char *topic = it_topic("together", 1, NULL), *group = it_name("group");
	struct it_child *c;

	(void)state;
	it_produce(topic, 0, "sleep");
	c = serve(topic, group);
	it_until(said(c, "begin", topic, 0, 0));
	it_child_signal(c, SIGTERM);
	it_child_signal(c, SIGINT);
	expect_status(c, 0);
	assert_int_equal(said(c, "end", topic, 0, 0), 1);
}

static void
a_shell_that_a_handler_starts_ends(void **state)
{
	const char *topic = it_topic("shell", 1, NULL), *group = it_name("group");
	struct it_child *c;

	(void)state;
	it_produce(topic, 0, "shell");
	c = serve(topic, group);
	it_until(said(c, "end", topic, 0, 0));
	it_child_signal(c, SIGTERM);
	expect_status(c, 0);
}

static void
a_stop_from_a_handler_ends_the_server(void **state)
{
	const char *topic = it_topic("from-handler", 1, NULL), *group = it_name("group");
	struct it_child *c;

	(void)state;
	it_produce(topic, 0, "stop");
	it_produce_many(topic, 0, 0, 500);
	c = serve(topic, group);
	expect_status(c, 0);
	assert_int_equal(said(c, "end", topic, 0, 0), 1);
	assert_true(it_committed(group, topic, 0) >= 1);
}

static void
a_quiet_server_works_off_stays_a_member_and_takes_nothing_new(void **state)
{
	const char *topic = it_topic("quiet", 1, NULL), *group = it_name("group");
	struct it_child *c;

	(void)state;
	it_produce(topic, 0, "wait");
	it_produce(topic, 0, "later");
	c = serve(topic, group);
	it_until(said(c, "begin", topic, 0, 0));
	it_child_signal(c, SIGTSTP);
	it_until(said(c, "shutdown", topic, 0, -1) == 1 && it_child_said(c, "app.quiet ") == 1);
	assert_int_equal(said(c, "end", topic, 0, 0), 1);
	it_produce(topic, 0, "much later");
	it_until(it_committed(group, topic, 0) == 1);
	assert_int_equal(it_members(group), 1);
	assert_false(it_child_ended(c));
	it_child_signal(c, SIGTERM);
	expect_status(c, 0);
	assert_int_equal(said(c, "begin", topic, 0, 1), 0);
	assert_int_equal(said(c, "shutdown", topic, 0, -1), 1); /* once */
	assert_int_equal(it_committed(group, topic, 0), 1);
}

static void
a_second_signal_forces(void **state)
{
	const char *topic = it_topic("force", 2, NULL), *group = it_name("group");
	struct it_child *c;

	(void)state;
	it_produce(topic, 0, "hang");
	it_produce(topic, 1, "fine");
	c = serve(topic, group, "-X", "enable.auto.commit=false", "-X", "forceful_shutdown_wait=60000");
	it_until(said(c, "begin", topic, 0, 0) && said(c, "end", topic, 1, 0));
	it_child_signal(c, SIGTERM);
	it_until(it_child_said(c, "app.stopping"));
	it_nap(TOGETHER_MS);
	it_child_signal(c, SIGTERM);
	expect_status(c, 75);
	assert_true(it_child_said(c, "app.stuck") > 0);
	assert_int_equal(it_members(group), 0);
	assert_int_equal(it_committed(group, topic, 0), -1);
	assert_int_equal(it_committed(group, topic, 1), 1);
}

static const char *
liveness_file(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "/tmp/%s", it_name("liveness"));
	return path;
}

static const char *
setting_of(const char *file)
{
	static char setting[96];

	snprintf(setting, sizeof(setting), "liveness.file=%s", file);
	return setting;
}

static void
a_third_signal_ends_the_process_whatever_it_is_at(void **state)
{
	const char *topic = it_topic("end", 1, NULL), *group = it_name("group"), *file = liveness_file();
	struct it_child *c;

	(void)state;
	it_produce(topic, 0, "hang");
	c = it_spawn("member",
	    CARAFE_KV({ "APP_TOPICS", topic }, { "APP_GROUP", group }, { "APP_STUCK", "hang" }, { "KAFKA", it_kafka() }),
	    IT_ARGS("server", "--log-level", "info", "-X", setting_of(file)));
	it_until(said(c, "begin", topic, 0, 0) && access(file, F_OK) == 0);
	it_child_signal(c, SIGINT);
	it_until(it_child_said(c, "app.stopping"));
	it_nap(TOGETHER_MS);
	it_child_signal(c, SIGINT);
	it_until(it_child_said(c, "a callback hangs"));
	it_until(it_members(group) == 0); /* the group does not wait for that */
	it_child_signal(c, SIGTTIN);
	it_until(it_child_said(c, "process.dump  connection") && it_child_said(c, "running at offset 0"));
	it_nap(TOGETHER_MS);
	it_child_signal(c, SIGINT);
	expect_status(c, 75);
	assert_int_not_equal(access(file, F_OK), 0);
}

static void
a_handler_that_hangs_is_named_and_the_stop_forced(void **state)
{
	const char *topic = it_topic("hang", 2, NULL), *group = it_name("group"), *file = liveness_file();
	char name[200];
	struct it_child *c;

	(void)state;
	it_produce(topic, 0, "fine");
	it_produce(topic, 1, "fine");
	it_produce(topic, 1, "hang");
	c = serve(topic, group, "-X", "shutdown_timeout=1500", "-X", "drain_timeout=1000", "-X",
	    "forceful_shutdown_wait=60000", "-X", setting_of(file));
	it_until(said(c, "begin", topic, 1, 1) && said(c, "end", topic, 0, 0) && access(file, F_OK) == 0);
	it_child_signal(c, SIGTERM);
	expect_status(c, 75);
	snprintf(name, sizeof(name), "%s[1] running at offset 1", topic);
	assert_true(it_child_said(c, "app.stuck") > 0);
	assert_true(it_child_said(c, name) > 0);
	assert_int_not_equal(access(file, F_OK), 0);
	assert_int_equal(it_committed(group, topic, 0), 1); /* the others are in order */
	assert_int_equal(it_committed(group, topic, 1), 1);
}

static void
the_shutdown_hook_runs_in_a_back_off_but_not_for_what_was_never_fed(void **state)
{
	const char *topic = it_topic("hook", 2, NULL), *group = it_name("group");
	struct it_child *c;

	(void)state;
	it_produce(topic, 0, "poison");
	c = serve(topic, group, "-X", "pause.timeout=60000", "-X", "pause.max_timeout=60000");
	it_until(said(c, "begin", topic, 0, 0) && it_child_said(c, "consumer.retry"));
	it_child_signal(c, SIGTERM);
	expect_status(c, 0);
	assert_int_equal(said(c, "shutdown", topic, 0, -1), 1);
	assert_int_equal(said(c, "initialized", topic, 1, -1), 0);
	assert_int_equal(said(c, "shutdown", topic, 1, -1), 0);
	assert_int_equal(it_committed(group, topic, 0), -1);
}

static void
a_dump_shows_threads_and_partitions(void **state)
{
	const char *topic = it_topic("dump", 1, NULL), *group = it_name("group");
	char lane[200];
	struct it_child *c;

	(void)state;
	it_produce(topic, 0, "wait");
	c = serve(topic, group);
	it_until(said(c, "begin", topic, 0, 0));
	it_child_signal(c, SIGTTIN);
	snprintf(lane, sizeof(lane), "%s[0] running at offset 0", topic);
	it_until(it_child_said(c, lane) && it_child_said(c, "crf-connection") && it_child_said(c, "crf-worker-") >= 5);
	assert_false(it_child_ended(c));
	it_child_signal(c, SIGTTIN); /* again: it is still all right */
	it_until(it_child_said(c, lane) >= 2);
	it_child_signal(c, SIGTERM);
	expect_status(c, 0);
	assert_int_equal(it_committed(group, topic, 0), 1);
}

static void
exit_eof_ends_when_everything_is_consumed(void **state)
{
	const char *topic = it_topic("exit-eof", 3, NULL), *group = it_name("group");
	struct it_child *c;

	(void)state;
	it_produce_many(topic, 0, 0, 20);
	it_produce_many(topic, 2, 0, 10);
	c = serve(topic, group, "--exit-eof");
	expect_status(c, 0);
	assert_int_equal(it_committed(group, topic, 0), 20);
	assert_int_equal(it_committed(group, topic, 1), -1);
	assert_int_equal(it_committed(group, topic, 2), 10);
}

/* ------------------------------------------------------------------------------------------------ crashes */

static void
after_a_crash_the_next_run_starts_behind_the_last_mark(void **state)
{
	const char *topic = it_topic("crash", 1, NULL), *group = it_name("group");
	struct it_child *c;

	(void)state;
	it_produce_many(topic, 0, 0, 5);
	it_produce(topic, 0, "hang");
	it_produce_many(topic, 0, 6, 3);
	c = serve_as("marking", topic, group, IT_ARGS("server", "-X", "group.instance.id=same"));
	it_until(said(c, "begin", topic, 0, 5));
	it_child_signal(c, SIGKILL);
	expect_status(c, 128 + SIGKILL);
	assert_int_equal(it_committed(group, topic, 0), 5);
	c = serve_as("marking", topic, group, IT_ARGS("server", "-X", "group.instance.id=same"));
	it_until(said(c, "begin", topic, 0, 5));
	for (int i = 0; i < 5; i++)
		assert_int_equal(said(c, "begin", topic, 0, i), 0);
	it_child_signal(c, SIGKILL);
	expect_status(c, 128 + SIGKILL);
}

/* ------------------------------------------------------------------------------------------------ what is wrong */

static void
nobody_at_the_address_ends_with_69(void **state)
{
	struct it_child *c = serve(it_name("unreachable"), it_name("group"), "-X", "bootstrap.servers=127.0.0.1:1", "-X",
	    "boot_timeout=500");

	(void)state;
	expect_status(c, 69);
	assert_true(it_child_said(c, "127.0.0.1:1") > 0);
	assert_true(it_child_said(c, "boot_timeout") > 0);
}

static void
an_unknown_setting_ends_with_78_and_the_right_name(void **state)
{
	struct it_child *c = serve(it_name("unknown"), it_name("group"), "-X", "fetch.min.bites=1");

	(void)state;
	expect_status(c, 78);
	assert_true(it_child_said(c, "fetch.min.bites") > 0);
	assert_true(it_child_said(c, "fetch.min.bytes") > 0);
}

static void
all_mistakes_are_told_at_once(void **state)
{
	struct it_child *c = serve("not a topic!", it_name("group"), "-X", "concurrency=none", "-X", "shutdown_timeot=5",
	    "-X", "session.timeout.ms=soon");

	(void)state;
	expect_status(c, 78);
	assert_true(it_child_said(c, "not a topic!") > 0);
	assert_true(it_child_said(c, "concurrency") > 0);
	assert_true(it_child_said(c, "shutdown_timeout") > 0);
	assert_true(it_child_said(c, "session.timeout.ms") > 0);
}

static void
an_unknown_command_ends_with_64(void **state)
{
	struct it_child *c = it_spawn("member", NULL, IT_ARGS("sevrer"));

	(void)state;
	expect_status(c, 64);
	assert_true(it_child_said(c, "server") > 0);
}

static void
wrong_credentials_end_with_69_and_are_named(void **state)
{
	const char *topic = it_topic("sasl", 1, NULL), *group = it_name("group");
	struct it_child *c;
	char servers[200];

	(void)state;
	if (getenv("KAFKA_SASL") == NULL)
		skip(); /* scripts/kafka start --sasl */
	it_produce_many(topic, 0, 0, 5);
	snprintf(servers, sizeof(servers), "bootstrap.servers=%s", getenv("KAFKA_SASL"));
	for (int right = 0; right <= 1; right++) {
		c = serve(topic, group, "--exit-eof", "-X", servers, "-X", "security.protocol=sasl_plaintext", "-X",
		    "sasl.mechanism=PLAIN", "-X", "sasl.username=carafe", "-X", "boot_timeout=2000", "-X",
		    right ? "sasl.password=carafe-secret" : "sasl.password=not-the-secret");
		expect_status(c, right ? 0 : 69);
		if (!right)
			assert_true(it_child_said(c, "uthentication") > 0);
		assert_int_equal(it_child_said(c, "secret"), 0); /* not shown, right or wrong */
	}
	assert_int_equal(it_committed(group, topic, 0), 5);
}

/* ------------------------------------------------------------------------------------------------ producing */

static struct it_child *
produce_line(const char *topic, const char *allow)
{
	static char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/tmp/%s", it_name("line"));
	f = fopen(path, "we");
	assert_non_null(f);
	fputs("a line\n", f);
	fclose(f);
	return it_spawn("member", CARAFE_KV({ "APP_TOPICS", topic }, { "APP_GROUP", "none" }, { "KAFKA", it_kafka() }),
	    IT_ARGS("produce", topic, "--file", path, "-X", allow));
}

static void
a_topic_to_produce_to_that_is_not_there_is_told_of_at_once(void **state)
{
	const char *topic = it_name("nowhere");
	struct it_child *c = produce_line(topic, "allow.auto.create.topics=false");

	(void)state;
	expect_status(c, 70);
	assert_int_equal(it_child_said(c, "there is no topic "), 1);
	assert_int_equal(it_child_said(c, "--create --topic "), 1);
	assert_int_equal(it_child_said(c, "Unknown topic or partition"), 0); /* nothing was waited for */
}

static void
a_topic_to_produce_to_that_brokers_may_make_is_waited_for_aloud(void **state)
{
	const char *topic = it_name("soon");
	struct it_child *c = produce_line(topic, "allow.auto.create.topics=true");

	(void)state;
	it_until(it_child_said(c, "waiting for the brokers to make it"));
	it_topic_make(topic, 1, NULL);
	expect_status(c, 0);
	assert_int_equal(it_child_said(c, "wrote 1 message to "), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IT(a_signal_finishes_what_is_in_hand_commits_and_ends_with_0),
		IT(a_stop_from_a_handler_ends_the_server),
		IT(a_quiet_server_works_off_stays_a_member_and_takes_nothing_new),
		IT(a_thread_that_was_there_before_passes_signals_on),
		IT(signals_that_come_together_are_one),
		IT(a_shell_that_a_handler_starts_ends),
		IT(a_second_signal_forces),
		IT(a_third_signal_ends_the_process_whatever_it_is_at),
		IT(a_handler_that_hangs_is_named_and_the_stop_forced),
		IT(the_shutdown_hook_runs_in_a_back_off_but_not_for_what_was_never_fed),
		IT(a_dump_shows_threads_and_partitions),
		IT(exit_eof_ends_when_everything_is_consumed),
		IT(after_a_crash_the_next_run_starts_behind_the_last_mark),
		IT(nobody_at_the_address_ends_with_69),
		IT(an_unknown_setting_ends_with_78_and_the_right_name),
		IT(all_mistakes_are_told_at_once),
		IT(an_unknown_command_ends_with_64),
		IT(a_topic_to_produce_to_that_is_not_there_is_told_of_at_once),
		IT(a_topic_to_produce_to_that_brokers_may_make_is_waited_for_aloud),
		IT(wrong_credentials_end_with_69_and_are_named),
	};

	return it_run(tests);
}

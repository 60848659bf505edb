/* Crashes: a consumer is killed with SIGKILL at seeded random moments and started again, while what was produced, what its
 * log says was handled, and what the group has committed are held against each other.
 *
 *     crash [--seed N] [--kills 50]
 *
 * At every kill, for each partition: what is committed was handled, or is in the dead letter queue; what was handled and
 * is not committed is recent. In every run: it begins at what was committed, and nothing is skipped or out of order. At the
 * end, after a graceful stop: everything that was acknowledged to the producer was handled, as it was produced.
 *
 * The member is static (group.instance.id): the coordinator then lets its successor have its partitions at once. A member
 * of any other kind would be waited for until its session ends, for seconds after each of fifty kills. */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/letters.h"
#include "support/rdkafka.h"
#include "support/test.h"

#define PARTITIONS 3
#define RATE 900            /* messages a second and topic */
#define RECENT_MS 3000      /* commits come every 50 ms; the rest is for a machine that is busy */
#define MOST (1 << 18)      /* messages a partition */

struct record {
	int produced; /* sequence number that was acknowledged at this offset, from 1; 0 none */
	int handled;  /* ... that was handled there */
	int times;
	double at;
	bool dead, in_queue;
};

struct partition {
	const char *topic;
	int32_t id;
	struct record *records;
	int64_t end;        /* behind the last that was acknowledged */
	int64_t handled_to; /* everything before was handled: first deliveries are in order */
	int64_t committed;  /* as last asked */
	int64_t next;       /* expected in this run, -1 at its beginning */
	int run;
	int sequence; /* produced last */
};

static struct {
	unsigned seed, random;
	int kills;
	const char *group, *topics[3], *dead;
	struct partition partitions[3 * PARTITIONS];
	rd_kafka_t *producer;
	struct it_letters *letters;
	double produce_since;
	long produced;
	bool produce_no_more;
	int log_fd;
	char log_path[128];
	char *unread; /* of the log: a line that has no end yet */
	off_t log_at;
	int run;
	long lines, duplicates, most_at_once;
	double oldest;
} t = { .kills = 50 };

static struct partition *
partition_of(const char *topic, int32_t id)
{
	for (int i = 0; i < 3 * PARTITIONS; i++)
		if (t.partitions[i].id == id && strcmp(t.partitions[i].topic, topic) == 0)
			return &t.partitions[i];
	fail_msg("no partition %s[%d]", topic, id);
	return NULL;
}

/* ------------------------------------------------------------------------------------------------ producing */

static void
on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct partition *p = partition_of(rd_kafka_topic_name(m->rkt), m->partition);

	(void)rk, (void)opaque;
	if (m->err != 0)
		fail_msg("seed %u: not produced: %s", t.seed, rd_kafka_err2str(m->err));
	assert_true(m->offset < MOST);
	p->records[m->offset].produced = (int)(intptr_t)m->_private;
	if (m->offset >= p->end)
		p->end = m->offset + 1;
}

/* Every tenth message of the third topic is one for the dead letter queue. */
static void
produce_one(struct partition *p)
{
	bool dead = ++p->sequence % 10 == 0 && p->topic == t.topics[2];
	char value[64];
	size_t len = (size_t)snprintf(value, sizeof(value), "%d:%d%s", p->id, p->sequence, dead ? "dead" : "");
	rd_kafka_vu_t vus[] = {
		{ .vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = p->topic },
		{ .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = p->id },
		{ .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY },
		{ .vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = { value, len } },
		{ .vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = (void *)(intptr_t)p->sequence },
	};

	assert_null(rd_kafka_produceva(t.producer, vus, 5));
	t.produced++;
}

/* Produces what is due by now. */
static void
pump(void)
{
	long due = (long)((it_now() - t.produce_since) * RATE * 3 / 1000);

	while (!t.produce_no_more && t.produced < due)
		produce_one(&t.partitions[t.produced % (3 * PARTITIONS)]);
	rd_kafka_poll(t.producer, 0);
}

/* ------------------------------------------------------------------------------------------------ the log */

static void
begin_run(struct partition *p, int run, int64_t offset)
{
	long again = p->handled_to - offset;

	if (offset < (p->committed > 0 ? p->committed : 0) || again < 0)
		fail_msg("seed %u: run %d of %s[%d] begins at %lld; committed was %lld, handled everything before %lld", t.seed, run,
		    p->topic, p->id, (long long)offset, (long long)p->committed, (long long)p->handled_to);
	t.duplicates += again;
	if (again > t.most_at_once)
		t.most_at_once = again;
	p->run = run;
	p->next = offset;
}

static void
read_line(const char *line)
{
	char what, topic[96], tail[16] = "";
	int run, sequence;
	int32_t id, of;
	long long offset;
	double at;
	struct partition *p;
	struct record *r;

	if (sscanf(line, "%c %d %95s %d %lld %d:%d%15[a-z] %lf", &what, &run, topic, &id, &offset, &of, &sequence, tail, &at) != 9 &&
	    sscanf(line, "%c %d %95s %d %lld %d:%d %lf", &what, &run, topic, &id, &offset, &of, &sequence, &at) != 8)
		fail_msg("seed %u: not a line of the log: %s", t.seed, line);
	p = partition_of(topic, id);
	if (run != p->run)
		begin_run(p, run, offset);
	if (offset != p->next)
		fail_msg("seed %u: run %d of %s[%d] has %lld after %lld", t.seed, run, topic, id, offset, (long long)p->next - 1);
	r = &p->records[offset];
	r->handled = sequence;
	r->times++;
	r->at = at;
	r->dead = what == 'D';
	p->next++;
	if (p->handled_to < p->next)
		p->handled_to = p->next;
	t.lines++;
}

static void
read_log(void)
{
	char chunk[65536 + 1];
	ssize_t n;

	while ((n = pread(t.log_fd, chunk, sizeof(chunk) - 1, t.log_at)) > 0) {
		char *line = chunk, *end;

		chunk[n] = '\0';
		for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
			*end = '\0';
			read_line(line);
			t.log_at += end + 1 - line;
		}
		if (line == chunk) /* it is being written: where a page ends, a part of it is there first */
			return;
	}
}

static off_t
log_size(void)
{
	struct stat st;

	fstat(t.log_fd, &st);
	return st.st_size;
}

/* ------------------------------------------------------------------------------------------------ dead letters */

static void
note_letter(int32_t partition, int64_t offset)
{
	partition_of(t.topics[2], partition)->records[offset].in_queue = true;
}

/* ------------------------------------------------------------------------------------------------ after a kill */

static void
check_partition(struct partition *p, double killed)
{
	int64_t before = p->committed;
	double age;

	p->committed = it_committed(t.group, p->topic, p->id);
	if (p->committed < before || p->committed > p->handled_to)
		fail_msg("seed %u, kill %d: %s[%d] has %lld committed, before it was %lld, handled is everything before %lld", t.seed,
		    t.run, p->topic, p->id, (long long)p->committed, (long long)before, (long long)p->handled_to);
	if (p->committed < 0 || p->committed == p->handled_to)
		return;
	age = killed - p->records[p->committed].at;
	if (age > t.oldest)
		t.oldest = age;
	if (age > RECENT_MS && p->run == t.run)
		fail_msg("seed %u, kill %d: %s[%d] offset %lld was handled %.0f ms before the kill and is not committed", t.seed,
		    t.run, p->topic, p->id, (long long)p->committed, age);
}

/* Of what is committed: it was acknowledged before. */
static void
check_letters(struct partition *p)
{
	for (int64_t o = 0; o < p->committed; o++)
		if (p->records[o].dead && !p->records[o].in_queue)
			fail_msg("seed %u, kill %d: %s[%d] offset %lld is committed and in no dead letter queue", t.seed, t.run,
			    p->topic, p->id, (long long)o);
}

static void
check_after_kill(double killed)
{
	read_log();
	for (int i = 0; i < 3 * PARTITIONS; i++)
		check_partition(&t.partitions[i], killed);
	assert_true(it_letters_read(t.letters, note_letter, IT_PATIENCE_MS));
	for (int i = 2 * PARTITIONS; i < 3 * PARTITIONS; i++)
		check_letters(&t.partitions[i]);
}

/* ------------------------------------------------------------------------------------------------ the runs */

static struct it_child *
start_member(void)
{
	char run[16];

	snprintf(run, sizeof(run), "%d", ++t.run);
	return it_spawn("crash_member",
	    CARAFE_KV({ "KAFKA", it_kafka() }, { "CRASH_RUN", run }, { "CRASH_LOG", t.log_path }, { "CRASH_GROUP", t.group },
		{ "CRASH_BATCHES", t.topics[0] }, { "CRASH_MESSAGES", t.topics[1] }, { "CRASH_LETTERS", t.topics[2] },
		{ "CRASH_DEAD", t.dead }),
	    IT_ARGS("server"));
}

static void
pump_for(double ms)
{
	for (double end = it_now() + ms; it_now() < end; it_nap(1))
		pump();
}

/* One in four at any moment of starting, the others at work: some at once, some after a while. */
static void
await_moment(struct it_child *c)
{
	off_t size = log_size();
	int kind = rand_r(&t.random) % 4;
	double after = rand_r(&t.random) % (kind == 0 ? 250 : kind == 1 ? 20 : 300);
	double since = it_now();

	while (kind != 0 && log_size() == size) {
		pump();
		if (it_child_ended(c) || it_now() - since > IT_PATIENCE_MS) {
			it_child_show(c);
			fail_msg("seed %u: run %d does nothing", t.seed, t.run);
		}
		it_nap(1);
	}
	pump_for(after);
}

static void
run_and_kill(void)
{
	struct it_child *c = start_member();
	double killed;

	await_moment(c);
	killed = it_now();
	it_child_signal(c, SIGKILL);
	assert_int_equal(it_child_wait(c), 128 + SIGKILL);
	check_after_kill(killed);
}

static bool
everything_is_handled(void)
{
	read_log();
	for (int i = 0; i < 3 * PARTITIONS; i++)
		if (t.partitions[i].handled_to < t.partitions[i].end)
			return false;
	return true;
}

static void
check_record(const struct partition *p, int64_t offset)
{
	const struct record *r = &p->records[offset];

	if (r->produced != r->handled || r->times < 1)
		fail_msg("seed %u: %s[%d] offset %lld was produced as %d, handled as %d, %d times", t.seed, p->topic, p->id,
		    (long long)offset, r->produced, r->handled, r->times);
}

static void
run_to_the_end(void)
{
	struct it_child *c = start_member();

	t.produce_no_more = true;
	assert_int_equal(rd_kafka_flush(t.producer, 20000), 0);
	it_until(everything_is_handled());
	it_child_signal(c, SIGTERM);
	if (it_child_wait(c) != 0) {
		it_child_show(c);
		fail_msg("seed %u: the last run did not end well", t.seed);
	}
	check_after_kill(it_now());
	for (int i = 0; i < 3 * PARTITIONS; i++) {
		struct partition *p = &t.partitions[i];

		assert_int_equal(p->committed, p->end);
		assert_int_equal(p->handled_to, p->end);
		for (int64_t o = 0; o < p->end; o++)
			check_record(p, o);
	}
}

/* ------------------------------------------------------------------------------------------------ set-up */

static void
set_up(void)
{
	t.group = it_name("group");
	t.dead = it_topic("crash-dead", 1, NULL);
	for (int i = 0; i < 3 * PARTITIONS; i++) {
		if (i % PARTITIONS == 0)
			t.topics[i / PARTITIONS] = it_topic("crash", PARTITIONS, NULL);
		t.partitions[i] = (struct partition){ .topic = t.topics[i / PARTITIONS], .id = i % PARTITIONS, .committed = -1 };
		t.partitions[i].records = calloc(MOST, sizeof(struct record));
	}
	snprintf(t.log_path, sizeof(t.log_path), "/tmp/carafe-crash-%ld.log", (long)getpid());
	t.log_fd = open(t.log_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(t.log_fd >= 0);
	t.producer = it_producer(CARAFE_KV({ "linger.ms", "2" }, { "max.in.flight.requests.per.connection", "1" }), on_delivery);
	t.letters = it_letters_open(t.dead);
	t.produce_since = it_now();
}

static void
tear_down(void)
{
	rd_kafka_destroy(t.producer);
	it_letters_close(t.letters);
	for (int i = 0; i < 3 * PARTITIONS; i++)
		free(t.partitions[i].records);
	close(t.log_fd);
	unlink(t.log_path);
}

static void
crashes_lose_nothing_keep_order_and_repeat_only_what_was_not_committed(void **state)
{
	double since = it_now();

	(void)state;
	print_message("# seed %u, %d kills\n", t.seed, t.kills);
	t.random = t.seed;
	set_up();
	for (int i = 0; i < t.kills; i++)
		run_and_kill();
	run_to_the_end();
	print_message("# seed %u: %d kills, %ld messages, handled %ld times; %ld again, at most %ld of a partition at once; "
		      "the oldest that was not committed at a kill was handled %.0f ms before; %.0f s\n",
	    t.seed, t.kills, t.produced, t.lines, t.duplicates, t.most_at_once, t.oldest, (it_now() - since) / 1000);
	tear_down();
}

int
main(int argc, char **argv)
{
	static const struct option options[] = { { "seed", required_argument, NULL, 's' }, { "kills", required_argument, NULL, 'k' },
		{ 0 } };
	const struct CMUnitTest tests[] = {
		IT(crashes_lose_nothing_keep_order_and_repeat_only_what_was_not_committed),
	};
	int option;

	t.seed = (unsigned)it_now();
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's')
			t.seed = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 'k')
			t.kills = atoi(optarg);
		else
			return 64;
	}
	return it_run(tests);
}

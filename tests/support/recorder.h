/* What happened: handlers that write down what they were given, and a listener that writes down events. */
#ifndef IT_RECORDER_H
#define IT_RECORDER_H

#include <stdatomic.h>

#include <carafe/carafe.h>

/* ------------------------------------------------------------------------------------------------ handlers */

/* One message that a handler got, or one hook that ran. */
struct it_entry {
	carafe_hook hook;
	double at; /* it_now() */
	char topic[80];
	int32_t partition;
	int64_t offset;
	char key[64], value[64]; /* cut; "(null)" for null */
	int attempt;
	long thread;
	int run;   /* which call of the handler, from 0: the messages of a batch share it */
	int count; /* messages in that call */
	bool eofed;
	bool revoked;
};

/* Where handlers write, and what they do then. Given as a route's .arg. */
struct it_sink {
	/* Called for each message or batch after it was written down; NULL: success. */
	carafe_rc (*on_message)(struct it_sink *s, carafe_consumer *c, const carafe_message *m);
	carafe_rc (*on_batch)(struct it_sink *s, carafe_consumer *c, const carafe_batch *b);
	carafe_rc (*on_hook)(struct it_sink *s, carafe_consumer *c, carafe_hook hook);
	struct it_gate *gate;
	atomic_int flag, other; /* the test's own */
	_Atomic int64_t number;
	void *arg;
	int sleep_ms; /* before on_message, on_batch */
	struct it_log *log;
};

/* Lives as long as the program. */
struct it_sink *it_sink_new(void);
/* For on_message: each message waits at the sink's gate. */
carafe_rc it_wait_at_gate(struct it_sink *s, carafe_consumer *c, const carafe_message *m);

/* Each writes down whatever hook it has: message or consume, initialized, revoked, shutdown. */
extern const carafe_handler it_message_handler;
extern const carafe_handler it_batch_handler;
/* consume, eofed, shutdown; message, tick, shutdown. */
extern const carafe_handler it_eof_handler;
extern const carafe_handler it_tick_handler;

/* How many entries of that hook; of one partition (topic NULL: any). */
size_t it_count(const struct it_sink *s, carafe_hook hook);
size_t it_count_in(const struct it_sink *s, carafe_hook hook, const char *topic, int32_t partition);
/* The i-th of them: fails the test when there is none. */
struct it_entry it_at(const struct it_sink *s, carafe_hook hook, size_t i);
struct it_entry it_at_in(const struct it_sink *s, carafe_hook hook, const char *topic, int32_t partition, size_t i);
/* How many messages were handled. */
#define it_handled(s) it_count((s), CARAFE_HOOK_CONSUME)
#define it_handled_in(s, topic, partition) it_count_in((s), CARAFE_HOOK_CONSUME, (topic), (partition))

/* What was handled of the partition is exactly this, in this order: count offsets from first on. */
void it_expect_each_once(const struct it_sink *s, const char *topic, int32_t partition, int64_t first, size_t count);
/* The same over several sinks (NULL-terminated) that had the partition in turn, order aside. */
void it_expect_each_once_among(struct it_sink *const *sinks, const char *topic, int32_t partition, int64_t first, size_t count);

void it_sinks_free(void);

/* ------------------------------------------------------------------------------------------------ events */

struct it_event {
	carafe_event_id id;
	double at;
	char group[80], topic[80], type[16], rc[24], kafka[40], reason[16], target[80], thread[32];
	char text[1024], hint[256];
	int64_t partition, offset, last_offset, count, attempt, timeout_ms, time_ms, from, to, target_partition, target_offset;
	int64_t fetched; /* of statistics: messages, since the client was made */
};

struct it_events;

/* Lives as long as the program. */
struct it_events *it_events_new(void);
void it_events_listen(struct it_events *e, carafe *app);
size_t it_event_count(struct it_events *e, carafe_event_id id);
struct it_event it_event_at(struct it_events *e, carafe_event_id id, size_t i);
/* The first event of the kind whose text or hint contains this; false when there is none. event may be NULL. */
bool it_event_find(struct it_events *e, carafe_event_id id, const char *contains, struct it_event *event);
/* How many messages the app's one client has fetched by now, those that came again included. Waits for that to be told: needs
 * statistics.interval.ms. */
int64_t it_fetched(struct it_events *e);
void it_events_free(void);

#endif

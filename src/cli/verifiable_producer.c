/* The producer of Apache Kafka's system tests, made of carafe's: counts upwards, and tells what became of each message. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "cli/lines.h"
#include "cli/verifiable.h"
#include "core/mem.h"
#include "kafka/kafka.h"

#define LOOK_MS 100

struct producer {
	const char *topic;
	int64_t most, throughput, create_time, prefix, keys; /* negative: none given */
	struct crf_producer *producer;
	sigset_t stop;
	crf_ns started;
	int64_t sent;
	struct crf_mutex mu;
	int64_t acked; /* mu */
};

/* A message on its way. */
struct flight {
	struct producer *v;
	char *key; /* NULL: none */
	char *value;
};

/* ------------------------------------------------------------------------------------------------ lines */

static void
tell(const struct flight *f, const struct crf_delivery *d)
{
	CRF_AUTO(crf_buf) line = { 0 };

	crf_line_begin(&line, d->error == 0 ? "producer_send_success" : "producer_send_error");
	crf_buf_puts(&line, ",\"key\":");
	crf_buf_json(&line, f->key);
	crf_buf_puts(&line, ",\"value\":");
	crf_buf_json(&line, f->value);
	if (d->error == 0) {
		crf_buf_printf(&line, ",\"offset\":%" PRId64 ",\"partition\":%" PRId32, d->offset, d->partition);
	} else {
		crf_buf_printf(&line, ",\"exception\":\"%s\",\"message\":", crf_kafka_error_name(d->error));
		crf_buf_json(&line, d->text);
	}
	crf_buf_puts(&line, ",\"topic\":");
	crf_buf_json(&line, f->v->topic);
	crf_line_end(&line);
}

static void
tell_totals(const struct producer *v)
{
	double seconds = (double)(crf_now() - v->started) / (double)CRF_SECOND;
	CRF_AUTO(crf_buf) line = { 0 };

	crf_line_begin(&line, "tool_data");
	crf_buf_printf(&line, ",\"sent\":%" PRId64 ",\"acked\":%" PRId64 ",\"target_throughput\":%" PRId64 ",\"avg_throughput\":%f",
	    v->sent, v->acked, v->throughput, (double)v->acked / seconds);
	crf_line_end(&line);
}

/* ------------------------------------------------------------------------------------------------ sending */

static void
on_delivered(const struct crf_delivery *d, void *arg)
{
	struct flight *f = arg;

	if (d->error == 0) {
		crf_lock(&f->v->mu);
		f->v->acked++;
		crf_unlock(&f->v->mu);
	}
	tell(f, d);
	free(f->key);
	free(f->value);
	free(f);
}

static struct flight *
make(struct producer *v, int64_t number)
{
	struct flight *f = crf_new(struct flight);

	f->v = v;
	if (v->keys > 0)
		f->key = crf_format("%" PRId64, number % v->keys);
	f->value = v->prefix >= 0 ? crf_format("%" PRId64 ".%" PRId64, v->prefix, number) : crf_format("%" PRId64, number);
	return f;
}

/* Waits for a signal to stop until then; true when it came. */
static bool
stopped(const struct producer *v, crf_ns until)
{
	crf_ns left = until - crf_now();
	struct timespec ts = { 0 };

	if (left > 0)
		ts = (struct timespec){ left / CRF_SECOND, left % CRF_SECOND };
	while (sigtimedwait(&v->stop, NULL, &ts) < 0)
		if (errno == EAGAIN)
			return false;
	return true;
}

/* When message i may go. */
static crf_ns
due(const struct producer *v, int64_t i)
{
	if (v->throughput < 0 || i == 0)
		return 0;
	return v->throughput == 0 ? crf_now() + 3600 * CRF_SECOND : v->started + i * CRF_SECOND / v->throughput;
}

/* False when it is to stop. */
static bool
send_one(struct producer *v, int64_t number)
{
	struct flight *f = make(v, number);
	struct crf_record r = { .topic = v->topic, .partition = CRF_ANY_PARTITION, .spread = -1,
		.value = { f->value, strlen(f->value) } };
	carafe_error err = { 0 };
	carafe_rc rc;

	if (f->key != NULL)
		r.key = (carafe_bytes){ f->key, strlen(f->key) };
	if (v->create_time >= 0)
		r.timestamp = v->create_time + (crf_now() - v->started) / CRF_MS;
	v->sent++;
	while ((rc = crf_produce(v->producer, &r, on_delivered, f, LOOK_MS, &err)) == CARAFE_TIMEOUT)
		if (stopped(v, 0))
			break;
	if (rc != CARAFE_OK)
		on_delivered(&(struct crf_delivery){ .error = err.kafka != 0 ? err.kafka : CRF_KAFKA_TIMED_OUT, .text = err.text }, f);
	return rc != CARAFE_TIMEOUT;
}

/* Until all is sent and acknowledged; a signal ends the sending, a second one the waiting. */
static void
send_all(struct producer *v)
{
	int64_t i = 0;

	while ((v->most < 0 || i < v->most) && !stopped(v, due(v, i)) && send_one(v, i))
		i++;
	while (crf_producer_flush(v->producer, LOOK_MS, NULL) == CARAFE_TIMEOUT && !stopped(v, 0))
		;
	crf_producer_free(v->producer, 0);
}

/* ------------------------------------------------------------------------------------------------ the command */

static const enum crf_option_id required[] = { CRF_OPT_BOOTSTRAP_SERVER, CRF_OPT_TOPIC };

static const struct crf_verifiable_setting settings[] = {
	{ CRF_OPT_BOOTSTRAP_SERVER, "bootstrap.servers", NULL },
	{ CRF_OPT_ACKS, "acks", "-1" },
	{ CRF_OPTION_COUNT, "retries", "0" },                  /* each failure is told, none is hidden */
	{ CRF_OPTION_COUNT, "partitioner", "murmur2_random" }, /* a key goes where Java's producer sends it */
	{ CRF_OPTION_COUNT, "allow.auto.create.topics", "true" },
};

/* It would be now, in silence, where Java's begins with 1970. */
static bool
can_be_sent(const struct crf_call *call, int64_t create_time)
{
	if (create_time == 0)
		crf_misused(call, "--%s 0: librdkafka cannot send that time, which means now to it; begin with 1",
		    crf_options[CRF_OPT_MESSAGE_CREATE_TIME].name);
	return create_time != 0;
}

static bool
numbers(const struct crf_call *call, struct producer *v)
{
	return crf_verifiable_number(call, CRF_OPT_MAX_MESSAGES, -1, &v->most) &&
	    crf_verifiable_number(call, CRF_OPT_THROUGHPUT, -1, &v->throughput) &&
	    crf_verifiable_number(call, CRF_OPT_MESSAGE_CREATE_TIME, -1, &v->create_time) && can_be_sent(call, v->create_time) &&
	    crf_verifiable_number(call, CRF_OPT_VALUE_PREFIX, 0, &v->prefix) &&
	    crf_verifiable_number(call, CRF_OPT_REPEATING_KEYS, 1, &v->keys);
}

/* As with Java's, what a file says wins over the other options. */
static void
apply(const struct crf_call *call)
{
	static const enum crf_option_id files[] = { CRF_OPT_COMMAND_CONFIG, CRF_OPT_PRODUCER_CONFIG };

	crf_verifiable_settings(call, settings, crf_array_len(settings));
	for (size_t f = 0; f < crf_array_len(files); f++)
		for (size_t i = 0; i < call->given[files[f]].count; i++)
			crf_settings_from_file_as(&call->app->settings, CRF_LAYER_COMMAND_LINE, call->given[files[f]].items[i]);
}

static void
block_signals(sigset_t *stop)
{
	sigemptyset(stop);
	sigaddset(stop, SIGINT);
	sigaddset(stop, SIGTERM);
	pthread_sigmask(SIG_BLOCK, stop, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int
crf_command_verifiable_producer(struct crf_call *call)
{
	struct producer v = { .most = -1, .throughput = -1, .create_time = -1, .prefix = -1, .keys = -1 };
	int status;

	if (!crf_verifiable_required(call, required, crf_array_len(required)) || !numbers(call, &v))
		return CRF_EXIT_USAGE;
	v.topic = crf_call_value(call, CRF_OPT_TOPIC);
	carafe_route(carafe_group(call->app, call->command->name), v.topic, .inactive = 1); /* an app must have one */
	apply(call);
	if ((status = crf_call_prepare(call, NULL)) != CRF_EXIT_OK)
		return status;
	block_signals(&v.stop);
	if (crf_call_producer(call, &v.producer) != CARAFE_OK)
		return CRF_EXIT_FAILED;
	crf_mutex_init(&v.mu);
	v.started = crf_now();
	crf_line("startup_complete");
	send_all(&v);
	crf_line("shutdown_complete");
	tell_totals(&v);
	crf_mutex_fini(&v.mu);
	return CRF_EXIT_OK;
}

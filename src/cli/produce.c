#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "app/app.h"
#include "cli/lines.h"
#include "core/mem.h"
#include "core/text.h"
#include "kafka/kafka.h"

#define GRACE_MS 1000
#define ASK_MS 1000                /* each time */
#define ANNOUNCED (1 * CRF_SECOND) /* a topic that was just made may not be known everywhere */

static bool
read_partition(const struct crf_call *call, int32_t *partition)
{
	const char *text = crf_call_value(call, CRF_OPT_PARTITION);
	int64_t n;

	if (text == NULL)
		return true;
	if (!crf_parse_int(text, &n) || n < 0 || n > INT32_MAX)
		return false;
	*partition = (int32_t)n;
	return true;
}

static void
report(const struct crf_lines *l)
{
	double seconds = (double)(crf_now() - l->started) / (double)CRF_SECOND;
	char written[32], rate[32], failed[32];

	crf_group_digits(l->acknowledged, written, sizeof(written));
	crf_group_digits((int64_t)((double)l->acknowledged / seconds), rate, sizeof(rate));
	crf_group_digits(l->failed, failed, sizeof(failed));
	fprintf(stderr, "wrote %s message%s to %s in %.1f s (%s/s)", written, l->acknowledged == 1 ? "" : "s", l->topic, seconds, rate);
	if (l->failed > 0)
		fprintf(stderr, "; %s failed", failed);
	fputc('\n', stderr);
}

static void
list_settings(const struct crf_call *call, struct crf_kvs *kafka)
{
	crf_kvs_copy(kafka, &call->app->settings.kafka);
	crf_settings_inject_producer(&call->app->settings, kafka);
}

carafe_rc
crf_call_producer(const struct crf_call *call, struct crf_producer **p)
{
	struct crf_kvs kafka = { 0 };
	carafe_error err = { 0 };
	carafe_rc rc;

	list_settings(call, &kafka);
	if ((rc = crf_producer_new(p, &kafka, call->app->bus, &err)) != CARAFE_OK)
		crf_say(call, "%s", err.text);
	crf_kvs_fini(&kafka);
	return rc;
}

static bool
makes_topics(const struct crf_call *call)
{
	struct crf_kvs kafka = { 0 };
	const char *text;
	bool yes = false;

	list_settings(call, &kafka);
	text = crf_kvs_get(&kafka, "allow.auto.create.topics");
	yes = text != NULL && crf_parse_bool(text, &yes) && yes;
	crf_kvs_fini(&kafka);
	return yes;
}

/* Without it, librdkafka would hold back every line for as long as a topic takes that is just being made, and say nothing. False when
 * there is no point in that. Brokers that cannot be asked are another matter. */
static bool
is_there(const struct crf_call *call, struct crf_producer *p, const char *topic)
{
	const char *servers = crf_kvs_get(&call->app->settings.kafka, "bootstrap.servers");
	crf_ns until = crf_now() + ANNOUNCED;

	while (crf_producer_topic_error(p, topic, ASK_MS) == CRF_KAFKA_UNKNOWN_TOPIC_OR_PART) {
		if (crf_now() < until) {
			nanosleep(&(struct timespec){ .tv_nsec = 100 * CRF_MS }, NULL);
			continue;
		}
		crf_say(call, "there is no topic %s, or this principal may not see it; create it: kafka-topics.sh --bootstrap-server %s "
			      "--create --topic %s", topic, servers != NULL ? servers : "HOST:PORT", topic);
		if (!makes_topics(call))
			return false;
		crf_say(call, "waiting for the brokers to make it (allow.auto.create.topics=true)");
		return true;
	}
	return true;
}

carafe_rc
crf_produce_lines(const struct crf_call *call, const char *topic, FILE *in, int32_t partition, bool quiet)
{
	struct crf_producer *p;
	struct crf_lines lines;
	carafe_rc rc;

	if ((rc = crf_call_producer(call, &p)) != CARAFE_OK)
		return rc;
	if (!is_there(call, p, topic)) {
		crf_producer_free(p, 0);
		return CARAFE_FAILED;
	}
	crf_lines_init(&lines, call, p, topic, crf_call_value(call, CRF_OPT_KEY_DELIMITER));
	lines.partition = partition;
	lines.boot_timeout = call->app->settings.v.boot_timeout;
	rc = crf_lines_send(&lines, in);
	crf_producer_free(p, rc == CARAFE_UNAVAILABLE ? 0 : GRACE_MS);
	if (!quiet && rc != CARAFE_UNAVAILABLE)
		report(&lines);
	crf_lines_fini(&lines);
	return rc;
}

int
crf_command_produce(struct crf_call *call)
{
	int32_t partition = CRF_ANY_PARTITION;
	FILE *in;
	int status;

	if (!read_partition(call, &partition))
		return crf_misused(call, "--partition %s: must be a number from 0", crf_call_value(call, CRF_OPT_PARTITION));
	if ((status = crf_call_prepare(call, NULL)) != CRF_EXIT_OK)
		return status;
	if ((in = crf_lines_open(call, crf_call_value(call, CRF_OPT_FILE))) == NULL)
		return CRF_EXIT_USAGE;
	status = crf_exit_status(crf_produce_lines(call, call->args.items[0], in, partition, false));
	crf_lines_close(in);
	return status;
}

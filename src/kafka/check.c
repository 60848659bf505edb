/* Whether a list of settings would do. librdkafka judges single values on a scratch configuration, in its own words; what
 * it refuses only when a client is made (which would start threads) is repeated here as rules. A rule that is missing
 * costs nothing but time: the client then fails to be made, with librdkafka's words for it. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/mem.h"
#include "core/text.h"
#include "kafka/conf.h"
#include "kafka/keys.h"
#include "kafka/native.h"

struct check {
	const struct crf_kvs *kafka;
	enum crf_client_kind kind;
	const char *path;
	struct crf_problems *out;
};

static CARAFE_PRINTF(3, 4) void
problem(const struct check *c, const char *key, const char *format, ...)
{
	char *path = crf_format("%s.%s", c->path, key), text[CRF_NATIVE_TEXT];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	crf_problem(c->out, path, "%s", text);
	free(path);
}

/* ------------------------------------------------------------------------------------------------ one setting */

struct managed {
	const char *key;
	const char *harmless; /* the value that says what carafe does anyway; NULL none */
	int kinds;            /* 1 << kind */
	const char *advice;
};

#define CONSUMER (1 << CRF_CONSUMER)
#define PRODUCER (1 << CRF_PRODUCER)

static const struct managed managed[] = {
	{ "enable.auto.offset.store", "false", CONSUMER,
	    "offsets are stored when messages are marked; leave it out, and use .marking = CARAFE_MARK_MANUAL to mark them yourself" },
	{ "auto.commit.enable", NULL, CONSUMER, "it commits by itself; use enable.auto.commit" },
	{ "offset.store.method", "broker", CONSUMER, "offsets are kept by the group's coordinator; leave it out" },
	{ "client.software.name", NULL, CONSUMER | PRODUCER, "it says who it is; use client_id to tell services apart" },
	{ "client.software.version", NULL, CONSUMER | PRODUCER, "it says who it is; leave it out" },
	{ "log.queue", "true", CONSUMER | PRODUCER, "it reads librdkafka's log; leave it out" },
	{ "enabled_events", NULL, CONSUMER | PRODUCER, "it chooses what librdkafka reports; leave it out" },
	{ "enable_sasl_queue", NULL, CONSUMER | PRODUCER, "it serves that queue; leave it out" },
	{ "delivery.report.only.error", "false", PRODUCER, "it waits for every acknowledgement; leave it out" },
	{ "transactional.id", NULL, PRODUCER, "its own producer does not use transactions; leave it out" },
};

static bool
check_managed(const struct check *c, const struct crf_kv *kv)
{
	const struct crf_key *k = crf_key_find(kv->key);

	if (k->pointer) {
		problem(c, kv->key, "is a callback or an object of librdkafka's, which cannot be set as text; leave it out");
		return true;
	}
	for (size_t i = 0; i < crf_array_len(managed); i++) {
		const struct managed *m = &managed[i];

		if (strcmp(crf_key_canonical(kv->key), m->key) != 0 || !(m->kinds & 1 << c->kind))
			continue;
		if (m->harmless == NULL || strcasecmp(kv->value, m->harmless) != 0)
			problem(c, kv->key, "is managed by carafe: %s", m->advice);
		return true;
	}
	return false;
}

static void
cut(char *text, const char *what)
{
	char *at = strstr(text, what);

	if (at != NULL)
		memmove(at, at + strlen(what), strlen(at + strlen(what)) + 1);
}

/* 'Configuration property "x" value 0 is outside allowed range 1..2' -> 'value 0 is outside allowed range 1..2': the
 * path of the problem names the setting already. */
static void
clean(char *text, const char *key)
{
	static const char *const before[] = { "Bool configuration property ", "Integer configuration property ",
		"Float configuration property ", "Configuration property ", " for configuration property ", " for " };
	size_t len;

	for (size_t i = 0; i < crf_array_len(before); i++) {
		char *phrase = crf_format("%s\"%s\"", before[i], key);

		cut(text, phrase);
		free(phrase);
	}
	len = strspn(text, " ");
	memmove(text, text + len, strlen(text + len) + 1);
	text[0] = (char)tolower((unsigned char)text[0]);
	for (len = strlen(text); len > 0 && isspace((unsigned char)text[len - 1]); len--)
		text[len - 1] = '\0';
}

/* librdkafka cuts integers to 32 bits before it compares: 4294967396 would pass for 100. */
static bool
check_range(const struct check *c, const struct crf_kv *kv, const struct crf_key *k)
{
	long long least, most;
	int64_t given;

	if (sscanf(k->values, "%lld .. %lld", &least, &most) != 2 || !crf_parse_int(kv->value, &given))
		return true;
	if (given >= least && given <= most)
		return true;
	problem(c, kv->key, "value %s is outside allowed range %lld..%lld", kv->value, least, most);
	return false;
}

/* As librdkafka has it, which leaves out space in front of a text. */
static bool
is_empty(const char *text)
{
	while (isspace((unsigned char)*text))
		text++;
	return *text == '\0';
}

/* As a variable may be: librdkafka takes its own default for it, where carafe's would have been better, or nothing at all when there
 * is only space. */
static void
check_empty(const struct check *c, const struct crf_kv *kv, const struct crf_key *k)
{
	if (is_empty(kv->value) && k->standard != NULL && k->standard[0] != '\0')
		problem(c, kv->key, "is empty: give it a value, or leave it out");
}

static void
tell_refusal(const struct check *c, const struct crf_kv *kv, const struct crf_key *k, char *text)
{
	clean(text, crf_key_canonical(kv->key));
	if (crf_conf_secret(kv->key))
		problem(c, kv->key, "is refused (the value is not shown)");
	else if (k->values[0] != '\0' && strstr(text, "range") == NULL)
		problem(c, kv->key, "%s; it takes %s", text, k->values);
	else
		problem(c, kv->key, "%s", text);
}

static void
check_value(const struct check *c, const struct crf_kv *kv)
{
	const struct crf_key *k = crf_key_find(kv->key);
	rd_kafka_conf_t *scratch;
	char text[CRF_NATIVE_TEXT] = "";

	if (!check_range(c, kv, k))
		return;
	scratch = rd_kafka_conf_new();
	if (rd_kafka_conf_set(scratch, kv->key, kv->value, text, sizeof(text)) == RD_KAFKA_CONF_OK)
		check_empty(c, kv, k);
	else
		tell_refusal(c, kv, k, text);
	rd_kafka_conf_destroy(scratch);
}

/* librdkafka knows a number of the Java client's settings well enough to say what to use instead of them. */
static void
check_unknown(const struct check *c, const struct crf_kv *kv)
{
	rd_kafka_conf_t *scratch = rd_kafka_conf_new();
	const char *nearest = crf_conf_nearest(kv->key);
	char text[CRF_NATIVE_TEXT] = "";

	if (rd_kafka_conf_set(scratch, kv->key, kv->value, text, sizeof(text)) == RD_KAFKA_CONF_INVALID)
		problem(c, kv->key, "%s", text);
	else if (nearest != NULL)
		problem(c, kv->key, "librdkafka %s has no such setting; did you mean %s?", crf_kafka_version(), nearest);
	else
		problem(c, kv->key, "librdkafka %s has no such setting", crf_kafka_version());
	rd_kafka_conf_destroy(scratch);
}

static void
check_setting(const struct check *c, const struct crf_kv *kv)
{
	if (!crf_conf_known(kv->key))
		check_unknown(c, kv);
	else if (crf_conf_concerns(kv->key, c->kind) && !check_managed(c, kv))
		check_value(c, kv);
}

/* ------------------------------------------------------------------------------------------------ combinations */

/* The setting under any of its names; NULL when it is not in the list. */
static const struct crf_kv *
find(const struct check *c, const char *key)
{
	const char *canonical = crf_key_canonical(key);
	const struct crf_kv *found = NULL;

	for (size_t i = 0; i < c->kafka->count; i++)
		if (strcmp(crf_key_canonical(c->kafka->items[i].key), canonical) == 0)
			found = &c->kafka->items[i]; /* the last one wins in librdkafka too */
	return found;
}

/* As librdkafka would see it: the value given, else the default, else "". */
static const char *
value(const struct check *c, const char *key)
{
	const struct crf_kv *kv = find(c, key);
	const char *standard = kv != NULL ? kv->value : crf_conf_default(key);

	return standard != NULL ? standard : "";
}

static bool
is(const struct check *c, const char *key, const char *expected)
{
	return strcasecmp(value(c, key), expected) == 0;
}

static bool
truth(const struct check *c, const char *key)
{
	bool yes = false;

	return crf_parse_bool(value(c, key), &yes) && yes;
}

static double
number(const struct check *c, const char *key)
{
	return strtod(value(c, key), NULL);
}

/* The name under which the user knows it. */
static const char *
name_of(const struct check *c, const char *key)
{
	const struct crf_kv *kv = find(c, key);

	return kv != NULL ? kv->key : key;
}

static bool
has_feature(const char *feature)
{
	const char *at = crf_conf_features();
	size_t len = strlen(feature);

	while ((at = strstr(at, feature)) != NULL) {
		if ((at == crf_conf_features() || at[-1] == ',') && (at[len] == ',' || at[len] == '\0'))
			return true;
		at += len;
	}
	return false;
}

static void
check_protocol(const struct check *c)
{
	static const struct {
		const char *key, *instead;
	} classic[] = {
		{ "session.timeout.ms", "brokers decide it (group.consumer.session.timeout.ms); leave it out" },
		{ "heartbeat.interval.ms", "brokers decide it (group.consumer.heartbeat.interval.ms); leave it out" },
		{ "partition.assignment.strategy", "brokers assign partitions; leave it out, or choose with group.remote.assignor" },
		{ "group.protocol.type", "leave it out" },
	};

	if (!is(c, "group.protocol", "consumer"))
		return;
	if (crf_kafka_version_number() < CRF_KAFKA_2_12)
		problem(c, "group.protocol",
		    "consumer (KIP-848) needs librdkafka 2.12 or later, better 2.15 (2.12 to 2.14 have a race that can end a client); this is %s",
		    crf_kafka_version());
	for (size_t i = 0; i < crf_array_len(classic); i++) {
		const struct crf_kv *kv = find(c, classic[i].key);

		if (kv != NULL && (kv->origin == NULL || strcmp(kv->origin, "default") != 0))
			problem(c, kv->key, "does not go with group.protocol=consumer: %s", classic[i].instead);
	}
}

/* greater must be at least lesser + extra. */
static void
check_order(const struct check *c, const char *lesser, const char *greater, int extra)
{
	if (number(c, greater) >= number(c, lesser) + extra)
		return;
	if (extra == 0)
		problem(c, name_of(c, greater), "%s must be at least %s (%s)", value(c, greater), name_of(c, lesser), value(c, lesser));
	else
		problem(c, name_of(c, greater), "%s must be at least %s (%s) and %d more", value(c, greater), name_of(c, lesser),
		    value(c, lesser), extra);
}

/* "range, roundrobin" or "cooperative-sticky": one kind of them. */
static void
check_assignors(const struct check *c)
{
	CRF_AUTO_FREE char *names = crf_strdup(value(c, "partition.assignment.strategy"));
	bool eager = false, cooperative = false;
	char *rest;

	for (char *name = strtok_r(names, ", ", &rest); name != NULL; name = strtok_r(NULL, ", ", &rest)) {
		if (strcmp(name, "cooperative-sticky") == 0)
			cooperative = true;
		else if (strcmp(name, "range") == 0 || strcmp(name, "roundrobin") == 0)
			eager = true;
		else
			problem(c, "partition.assignment.strategy",
			    "there is no %s: use cooperative-sticky, range or roundrobin", name);
	}
	if (eager && cooperative)
		problem(c, "partition.assignment.strategy",
		    "cooperative-sticky does not go with range or roundrobin: they rebalance in different ways");
}

static void
check_classic(const struct check *c)
{
	check_assignors(c);
	check_order(c, "session.timeout.ms", "max.poll.interval.ms", 0);
	if (number(c, "heartbeat.interval.ms") >= number(c, "session.timeout.ms"))
		problem(c, name_of(c, "heartbeat.interval.ms"), "%s must be less than %s (%s), better a third of it",
		    value(c, "heartbeat.interval.ms"), name_of(c, "session.timeout.ms"), value(c, "session.timeout.ms"));
}

static void
check_consumer(const struct check *c)
{
	check_protocol(c);
	if (!is(c, "group.protocol", "consumer"))
		check_classic(c);
	if (number(c, "fetch.min.bytes") < 1 || number(c, "fetch.min.bytes") > 100000000)
		problem(c, "fetch.min.bytes", "value %s is outside allowed range 1..100000000", value(c, "fetch.min.bytes"));
	/* These two adjust themselves to each other as long as nobody sets them. */
	if (find(c, "fetch.max.bytes") != NULL)
		check_order(c, "message.max.bytes", "fetch.max.bytes", 0);
	if (find(c, "receive.message.max.bytes") != NULL)
		check_order(c, find(c, "fetch.max.bytes") != NULL ? "fetch.max.bytes" : "message.max.bytes",
		    "receive.message.max.bytes", 512);
}

static void
check_idempotence(const struct check *c)
{
	if (!truth(c, "enable.idempotence")) {
		if (truth(c, "enable.gapless.guarantee"))
			problem(c, "enable.gapless.guarantee", "needs enable.idempotence=true");
		return;
	}
	if (find(c, "max.in.flight") != NULL && number(c, "max.in.flight") > 5)
		problem(c, name_of(c, "max.in.flight"), "must be at most 5 with enable.idempotence=true");
	if (find(c, "retries") != NULL && number(c, "retries") < 1)
		problem(c, name_of(c, "retries"), "must be at least 1 with enable.idempotence=true");
	if (find(c, "queue.buffering.backpressure.threshold") != NULL &&
	    number(c, "queue.buffering.backpressure.threshold") > 1)
		problem(c, "queue.buffering.backpressure.threshold", "must be 1 with enable.idempotence=true");
	if (!is(c, "acks", "-1") && !is(c, "acks", "all"))
		problem(c, name_of(c, "acks"), "must be all with enable.idempotence=true");
	if (!is(c, "queuing.strategy", "fifo"))
		problem(c, "queuing.strategy", "must be fifo with enable.idempotence=true");
}

static void
check_producer(const struct check *c)
{
	double timeout = number(c, "message.timeout.ms");

	check_idempotence(c);
	if (find(c, "linger.ms") != NULL && timeout > 0 && timeout <= number(c, "linger.ms"))
		problem(c, name_of(c, "message.timeout.ms"), "%s must be greater than %s (%s)", value(c, "message.timeout.ms"),
		    name_of(c, "linger.ms"), value(c, "linger.ms"));
}

/* ------------------------------------------------------------------------------------------------ security */

/* librdkafka takes a text that is empty for one that was not given. */
static bool
is_given(const struct check *c, const char *key)
{
	const struct crf_kv *kv = find(c, key);

	return kv != NULL && !is_empty(kv->value);
}

static void
need(const struct check *c, const char *key, const char *because)
{
	if (!is_given(c, key))
		problem(c, key, "must be set: %s", because);
}

static void
check_token(const struct check *c)
{
	if (!has_feature("sasl_oauthbearer"))
		problem(c, "sasl.mechanisms", "this librdkafka was built without OAUTHBEARER");
	if (c->kafka->tokens != NULL && is(c, "sasl.oauthbearer.method", "oidc"))
		problem(c, "sasl.oauthbearer.method", "does not go with carafe_token_provider(): leave out one of the two");
	if (truth(c, "enable.sasl.oauthbearer.unsecure.jwt") || c->kafka->tokens != NULL)
		return;
	if (!is(c, "sasl.oauthbearer.method", "oidc")) {
		problem(c, "sasl.oauthbearer.method", "must be oidc: sasl.mechanisms=OAUTHBEARER gets its tokens that way, or from carafe_token_provider()");
		return;
	}
	if (find(c, "sasl.oauthbearer.grant.type") != NULL || find(c, "sasl.oauthbearer.metadata.authentication.type") != NULL)
		return; /* other grants need other things */
	need(c, "sasl.oauthbearer.token.endpoint.url", "sasl.oauthbearer.method=oidc fetches tokens there");
	need(c, "sasl.oauthbearer.client.id", "sasl.oauthbearer.method=oidc");
	need(c, "sasl.oauthbearer.client.secret", "sasl.oauthbearer.method=oidc");
}

static void
check_kerberos(const struct check *c)
{
	if (!has_feature("sasl_gssapi"))
		problem(c, "sasl.mechanisms", "GSSAPI (Kerberos) needs a librdkafka built with libsasl2; this one was not");
	else if (strstr(value(c, "sasl.kerberos.kinit.cmd"), "%{sasl.kerberos.keytab}") != NULL)
		need(c, "sasl.kerberos.keytab", "sasl.kerberos.kinit.cmd uses it");
}

static void
check_sasl(const struct check *c)
{
	const char *mechanism = value(c, "sasl.mechanisms");

	if (strncasecmp(value(c, "security.protocol"), "sasl", 4) != 0)
		return;
	if (find(c, "sasl.mechanisms") == NULL && is_given(c, "sasl.username")) {
		problem(c, "sasl.mechanisms",
		    "must be set: a user name is for PLAIN or SCRAM-SHA-512, but %s is what librdkafka takes by itself", mechanism);
	} else if (strcmp(mechanism, "GSSAPI") == 0) {
		check_kerberos(c);
	} else if (strcmp(mechanism, "PLAIN") == 0 || strncmp(mechanism, "SCRAM-SHA-", strlen("SCRAM-SHA-")) == 0) {
		need(c, "sasl.username", "sasl.mechanisms needs it");
		need(c, "sasl.password", "sasl.mechanisms needs it");
	} else if (strcmp(mechanism, "OAUTHBEARER") == 0) {
		check_token(c);
	} else {
		problem(c, name_of(c, "sasl.mechanisms"),
		    "there is no mechanism %s: use GSSAPI, PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER, in capitals", mechanism);
	}
}

static void
check_both(const struct check *c)
{
	check_order(c, "reconnect.backoff.ms", "reconnect.backoff.max.ms", 0);
	if (is_given(c, "ssl.keystore.location"))
		need(c, "ssl.keystore.password", "ssl.keystore.location needs it");
	if (is_given(c, "https.ca.location") && is_given(c, "https.ca.pem"))
		problem(c, "https.ca.pem", "does not go with https.ca.location: set one of them");
	check_sasl(c);
}

void
crf_conf_check(const struct crf_kvs *kafka, enum crf_client_kind kind, const char *path, struct crf_problems *out)
{
	const struct check c = { kafka, kind, path, out };
	size_t before = out->count;

	for (size_t i = 0; i < kafka->count; i++)
		check_setting(&c, &kafka->items[i]);
	if (out->count > before) /* combinations of values that are wrong already say nothing new */
		return;
	check_both(&c);
	if (kind == CRF_CONSUMER)
		check_consumer(&c);
	else
		check_producer(&c);
}

/* Lists of settings as librdkafka's configuration objects. */
#include "kafka/conf.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <carafe/carafe.h>

#include "core/error.h"
#include "core/mem.h"
#include "core/text.h"
#include "kafka/keys.h"
#include "kafka/native.h"

#define STRING(x) STRING_(x)
#define STRING_(x) #x
#define VERSION STRING(CARAFE_VERSION_MAJOR) "." STRING(CARAFE_VERSION_MINOR) "." STRING(CARAFE_VERSION_PATCH)

bool
crf_conf_known(const char *key)
{
	return crf_key_find(key) != NULL;
}

/* What is hidden or cannot be set as text is nothing to suggest. */
static const char *
candidate(const void *arg, size_t i)
{
	const struct crf_key *k = crf_key_at(i);

	(void)arg;
	return k->hidden || k->pointer ? "" : k->name;
}

const char *
crf_conf_nearest(const char *key)
{
	return crf_nearest(key, crf_key_count(), candidate, NULL);
}

static bool
is_separator(char c)
{
	return c == '.' || c == '-' || c == '_';
}

static bool
same_letters(const char *a, const char *b)
{
	for (;;) {
		while (is_separator(*a))
			a++;
		while (is_separator(*b))
			b++;
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
		if (*a == '\0')
			return true;
		a++;
		b++;
	}
}

const char *
crf_conf_from_env(const char *name)
{
	for (size_t i = 0; i < crf_key_count(); i++)
		if (!crf_key_at(i)->pointer && same_letters(crf_key_at(i)->name, name))
			return crf_key_at(i)->name;
	return NULL;
}

const char *
crf_conf_canonical(const char *key)
{
	return crf_key_canonical(key);
}

/* By the end of the name, so that a setting of a later librdkafka is covered: passwords, passphrases, client secrets,
 * private keys given as text, tokens. A certificate as text (ssl.certificate.pem) is public, a location is only a path.
 * The one exception to the rule is a free-form setting that may hold credentials among other things. */
bool
crf_conf_secret(const char *key)
{
	static const char *const endings[] = { "password", "passphrase", "secret", "key.pem", "token" };
	size_t len = strlen(key);

	if (strcasecmp(key, "sasl.oauthbearer.config") == 0)
		return true;
	for (size_t i = 0; i < crf_array_len(endings); i++) {
		size_t n = strlen(endings[i]);

		if (len >= n && strcasecmp(key + len - n, endings[i]) == 0)
			return true;
	}
	return false;
}

const char *
crf_conf_default(const char *key)
{
	const struct crf_key *k = crf_key_find(key);

	return k != NULL ? k->standard : NULL;
}

bool
crf_conf_concerns(const char *key, enum crf_client_kind kind)
{
	const struct crf_key *k = crf_key_find(key);

	return k == NULL || (kind == CRF_CONSUMER ? k->consumer : k->producer);
}

const char *
crf_conf_features(void)
{
	const char *features = crf_conf_default("builtin.features");

	return features != NULL ? features : "";
}

/* ------------------------------------------------------------------------------------------------ making one */

/* Defaults that somebody put into the list must not turn into what KIP-848 refuses to be told. */
static bool
is_moot(const struct crf_kvs *kafka, const struct crf_kv *kv)
{
	static const char *const classic[] = { "session.timeout.ms", "heartbeat.interval.ms",
		"partition.assignment.strategy", "group.protocol.type" };
	const char *protocol = crf_kvs_get(kafka, "group.protocol");

	if (protocol == NULL || strcasecmp(protocol, "consumer") != 0)
		return false;
	if (kv->origin == NULL || strcmp(kv->origin, "default") != 0)
		return false;
	for (size_t i = 0; i < crf_array_len(classic); i++)
		if (strcmp(kv->key, classic[i]) == 0)
			return true;
	return false;
}

/* The connection reads these from the list: they are when carafe commits, not when librdkafka does. */
static bool
is_ours(const char *key)
{
	return strcmp(key, "enable.auto.commit") == 0 || strcmp(key, "auto.commit.interval.ms") == 0 ||
	    strcmp(key, "enable.auto.offset.store") == 0;
}

static bool
wanted(const struct crf_kvs *kafka, const struct crf_kv *kv, enum crf_client_kind kind)
{
	return crf_conf_concerns(kv->key, kind) && !is_moot(kafka, kv) && !is_ours(kv->key);
}

/* A token that nobody provides: without this the client would wait for one for ever, in silence. */
static void
no_token(rd_kafka_t *rk, const char *config, void *opaque)
{
	(void)config;
	(void)opaque;
	rd_kafka_oauthbearer_set_token_failure(rk,
	    "sasl.mechanisms=OAUTHBEARER needs sasl.oauthbearer.method=oidc and its settings, or carafe_token_provider()");
}

bool
crf_native_conf_is(const rd_kafka_conf_t *conf, const char *key, const char *value)
{
	char text[64];
	size_t len = sizeof(text);

	return rd_kafka_conf_get(conf, key, text, &len) == RD_KAFKA_CONF_OK && strcasecmp(text, value) == 0;
}

/* Token refreshes are served on librdkafka's background thread: as events they would come to a poll that cannot answer
 * them. */
static void
prepare_tokens(rd_kafka_conf_t *conf, const struct crf_tokens *tokens)
{
	if (!crf_native_conf_is(conf, "sasl.mechanisms", "OAUTHBEARER"))
		return;
	rd_kafka_conf_enable_sasl_queue(conf, 1);
	if (tokens != NULL)
		rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf, crf_native_provide_token);
	else if (!crf_native_conf_is(conf, "sasl.oauthbearer.method", "oidc") &&
	    !crf_native_conf_is(conf, "enable.sasl.oauthbearer.unsecure.jwt", "true"))
		rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf, no_token);
}

rd_kafka_conf_t *
crf_native_conf(const struct crf_kvs *kafka, enum crf_client_kind kind, carafe_error *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char text[CRF_NATIVE_TEXT];

	rd_kafka_conf_set(conf, "client.software.name", "carafe", NULL, 0);
	rd_kafka_conf_set(conf, "client.software.version", VERSION, NULL, 0);
	for (size_t i = 0; i < kafka->count; i++) {
		const struct crf_kv *kv = &kafka->items[i];

		if (!wanted(kafka, kv, kind) ||
		    rd_kafka_conf_set(conf, kv->key, kv->value, text, sizeof(text)) == RD_KAFKA_CONF_OK)
			continue;
		crf_error_kafka(err, CARAFE_CONFIG, RD_KAFKA_RESP_ERR__INVALID_ARG, "%s: %s", kv->key,
		    crf_conf_secret(kv->key) ? "refused" : text);
		rd_kafka_conf_destroy(conf);
		return NULL;
	}
	prepare_tokens(conf, kafka->tokens);
	return conf;
}

carafe_rc
crf_native_new(rd_kafka_t **rk, enum crf_client_kind kind, rd_kafka_conf_t *conf, carafe_error *err)
{
	bool tokens = crf_native_conf_is(conf, "sasl.mechanisms", "OAUTHBEARER");
	char text[CRF_NATIVE_TEXT];

	*rk = rd_kafka_new(kind == CRF_CONSUMER ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	if (*rk == NULL) {
		rd_kafka_conf_destroy(conf);
		return crf_error_kafka(err, CARAFE_CONFIG, rd_kafka_last_error(), "cannot make a %s: %s",
		    kind == CRF_CONSUMER ? "consumer" : "producer", text);
	}
	if (tokens)
		rd_kafka_error_destroy(rd_kafka_sasl_background_callbacks_enable(*rk)); /* fails without SASL only */
	return CARAFE_OK;
}

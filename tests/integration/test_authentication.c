/* Tokens that the program provides, on a Kafka that takes OAUTHBEARER. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/test.h"

#define SASL                                                                                                           \
	{ "bootstrap.servers", getenv("KAFKA_SASL") }, { "security.protocol", "sasl_plaintext" },                      \
	{                                                                                                              \
		"sasl.mechanisms", "OAUTHBEARER"                                                                       \
	}

/* What a provider does, and what it saw. */
struct vault {
	atomic_int calls;
	int lifetime; /* s */
	bool sealed;
	char config[64];
	char token[512];
};

static void
add_base64url(char *to, const char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t len = strlen(text);

	to += strlen(to);
	for (size_t i = 0; i < len; i += 3) {
		unsigned group = (unsigned char)text[i] << 16, have = len - i < 3 ? (unsigned)(len - i) : 3;

		group |= have > 1 ? (unsigned)(unsigned char)text[i + 1] << 8 : 0;
		group |= have > 2 ? (unsigned char)text[i + 2] : 0;
		for (unsigned d = 0; d <= have; d++)
			*to++ = digits[group >> (18 - 6 * d) & 63];
	}
	*to = '\0';
}

/* Without a signature: the brokers of the tests believe what it says. */
static carafe_rc
provide(const char *config, carafe_token *token, carafe_error *err, void *arg)
{
	struct vault *v = arg;
	time_t now = time(NULL);
	char claims[128];

	atomic_fetch_add(&v->calls, 1);
	snprintf(v->config, sizeof(v->config), "%s", config != NULL ? config : "(null)");
	if (v->sealed) {
		snprintf(err->text, sizeof(err->text), "the vault is sealed");
		return CARAFE_FAILED;
	}
	snprintf(claims, sizeof(claims), "{\"sub\":\"carafe\",\"iat\":%lld,\"exp\":%lld}", (long long)now, (long long)now + 3600);
	v->token[0] = '\0';
	add_base64url(v->token, "{\"alg\":\"none\"}");
	strcat(v->token, ".");
	add_base64url(v->token, claims);
	strcat(v->token, ".");
	token->value = v->token;
	token->expires_at = (int64_t)(now + v->lifetime) * 1000;
	token->principal = "carafe";
	return CARAFE_OK;
}

static void
need_sasl(void)
{
	if (getenv("KAFKA_SASL") == NULL)
		skip(); /* scripts/kafka start --sasl */
}

static carafe_rc
fail_first(struct it_sink *s, carafe_consumer *c, const carafe_message *m)
{
	(void)s;
	return m->offset == 0 ? carafe_fail(c, "the first one is bad") : CARAFE_OK;
}

static void
consumers_and_the_producer_use_the_tokens_they_are_given(void **unused)
{
	const char *topic = it_topic("token", 1, NULL), *dead = it_topic("token.dead", 1, NULL), *group = it_name("group");
	static struct vault of_consumer = { .lifetime = 3600 };
	struct it_sink *s = it_sink_new();
	struct it_messages letters;
	carafe *app;

	(void)unused;
	need_sasl();
	app = it_app(.kafka = CARAFE_KV(SASL, { "sasl.oauthbearer.config", "scope=orders" }));
	carafe_token_provider(app, provide, &of_consumer);
	s->on_message = fail_first;
	it_produce_many(topic, 0, 0, 5);
	carafe_dlq(it_route(app, group, topic, it_message_handler, s), .topic = dead, .max_retries = CARAFE_NONE);
	it_start(app);
	it_until(it_committed(group, topic, 0) == 5);
	it_stop(app);
	it_read(dead, &letters);
	assert_int_equal(letters.count, 1);
	it_messages_free(&letters);
	assert_true(atomic_load(&of_consumer.calls) >= 2);
	assert_string_equal(of_consumer.config, "scope=orders");
}

static void
a_token_is_asked_for_again_before_it_ends(void **unused)
{
	const char *topic = it_topic("refresh", 1, NULL), *group = it_name("group");
	static struct vault v = { .lifetime = 3 };
	struct it_sink *s = it_sink_new();
	carafe *app;

	(void)unused;
	need_sasl();
	app = it_app(.kafka = CARAFE_KV(SASL));
	carafe_token_provider(app, provide, &v);
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(atomic_load(&v.calls) >= 2);
	it_produce(topic, 0, "value");
	it_until(it_handled(s) == 1);
	it_stop(app);
}

static void
why_there_is_no_token_is_told(void **unused)
{
	static struct vault v = { .sealed = true };
	struct it_events *e = it_events_new();
	carafe_error err = { 0 };
	carafe *app;

	(void)unused;
	need_sasl();
	app = it_app(.kafka = CARAFE_KV(SASL), .events = e, .settings = CARAFE_KV({ "boot_timeout", "1500" }));
	carafe_token_provider(app, provide, &v);
	it_route(app, it_name("group"), it_topic("sealed", 1, NULL), it_message_handler, it_sink_new());
	it_app_forget(app);
	it_start(app);
	assert_int_equal(carafe_wait(app, IT_PATIENCE_MS, &err), CARAFE_DENIED);
	assert_non_null(strstr(err.text, "the vault is sealed"));
	assert_true(it_event_find(e, CARAFE_EV_CONNECTION_ERROR, "the vault is sealed", NULL));
	carafe_free(app);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IT(consumers_and_the_producer_use_the_tokens_they_are_given),
		IT(a_token_is_asked_for_again_before_it_ends),
		IT(why_there_is_no_token_is_told),
	};

	return it_run(tests);
}

#include "cli/info.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "app/app.h"
#include "core/mem.h"

static carafe_rc
on_order(carafe_consumer *c, const carafe_message *m)
{
	(void)c;
	(void)m;
	return CARAFE_OK;
}

static carafe *
draw(void)
{
	static const carafe_handler orders = { .message = on_order };
	carafe *app = carafe_new(.client_id = "shop",
	    .kafka = CARAFE_KV({ "bootstrap.servers", "127.0.0.1:1" }, { "sasl.password", "geheim" }));
	carafe_route *r = carafe_route(carafe_group(app, "billing"), "orders", .handler = &orders);

	carafe_dlq(r, .topic = "orders.dead");
	return app;
}

static void
info(struct crf_buf *out, bool json)
{
	carafe *app = draw();

	assert_int_equal(crf_app_prepare(app, NULL, NULL), CARAFE_OK);
	crf_info(app, json, out);
	carafe_free(app);
}

static void
secrets_are_masked(void **unused)
{
	CRF_AUTO(crf_buf) text = { 0 };
	CRF_AUTO(crf_buf) json = { 0 };

	(void)unused;
	info(&text, false);
	info(&json, true);
	assert_null(strstr(crf_buf_str(&text), "geheim"));
	assert_null(strstr(crf_buf_str(&json), "geheim"));
	assert_non_null(strstr(crf_buf_str(&text), "sasl.password"));
	assert_non_null(strstr(crf_buf_str(&json), "\"sasl.password\":{\"value\":\"********\",\"origin\":\"code\"}"));
	assert_string_equal(crf_info_shown("sasl.password", ""), "");
	assert_string_equal(crf_info_shown("sasl.username", "me"), "me");
}

static void
everything_says_where_it_came_from(void **unused)
{
	CRF_AUTO(crf_buf) text = { 0 };

	(void)unused;
	setenv("CARAFE_CONCURRENCY", "7", 1);
	info(&text, true);
	unsetenv("CARAFE_CONCURRENCY");
	assert_non_null(strstr(crf_buf_str(&text), "\"concurrency\":{\"value\":\"7\",\"origin\":\"environment CARAFE_CONCURRENCY\"}"));
	assert_non_null(strstr(crf_buf_str(&text), "\"bootstrap.servers\":{\"value\":\"127.0.0.1:1\",\"origin\":\"code\"}"));
	assert_non_null(strstr(crf_buf_str(&text), "\"max_messages\":{\"value\":\"100\",\"origin\":\"default\"}"));
}

static void
routes_show_their_handlers_and_features(void **unused)
{
	CRF_AUTO(crf_buf) text = { 0 };
	CRF_AUTO(crf_buf) json = { 0 };

	(void)unused;
	info(&text, false);
	info(&json, true);
	assert_non_null(strstr(crf_buf_str(&text), "\nGroup billing\n"));
	assert_non_null(strstr(crf_buf_str(&text), "\n    topic orders: message handler; auto_mark "));
	assert_non_null(strstr(crf_buf_str(&text), " dlq"));
	assert_non_null(strstr(crf_buf_str(&text), "; writes to orders.dead\n"));
	assert_non_null(strstr(crf_buf_str(&json), "{\"topic\":\"orders\",\"handler\":\"message\",\"features\":[\"auto_mark\","));
	assert_non_null(strstr(crf_buf_str(&json), "\"dlq\""));
	assert_non_null(strstr(crf_buf_str(&json), "\"writes_to\":[\"orders.dead\"]}"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_are_masked),
		cmocka_unit_test(everything_says_where_it_came_from),
		cmocka_unit_test(routes_show_their_handlers_and_features),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

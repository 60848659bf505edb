/* Static membership: identities that stay when the routing around them changes. */
#include "fixture.h"

/* What may be drawn in these tests, each in group g unless it says otherwise. */
static void
draw_one(struct fixture *f, char what)
{
	switch (what) {
	case 'a':
		draw(f, "g", "a", .handler = &by_message);
		break;
	case 'b':
		draw(f, "g", "b", .handler = &by_message);
		break;
	case 'l':
		draw(f, "g", "late", .handler = &by_message, .initial_offset = "latest");
		break;
	case 'm':
		draw(f, "g", "later", .handler = &by_message, .initial_offset = "latest");
		break;
	case 'k':
		draw(f, "g", "kafka", .handler = &by_message, .kafka_mode = CARAFE_KAFKA_INHERIT,
		    .kafka = CARAFE_KV({ "fetch.min.bytes", "5" }, { "client.rack", "x" }));
		break;
	case 'K': /* the same in another order */
		draw(f, "g", "kafka", .handler = &by_message, .kafka_mode = CARAFE_KAFKA_INHERIT,
		    .kafka = CARAFE_KV({ "client.rack", "x" }, { "fetch.min.bytes", "5" }));
		break;
	case 'n':
		draw(f, "g", "named", .handler = &by_message, .connection = "fast");
		break;
	case 'h':
		draw(f, "h", "a", .handler = &by_message);
		break;
	case 'r':
		draw(f, "g", "replaces", .handler = &by_message, .kafka_mode = CARAFE_KAFKA_REPLACE,
		    .kafka = CARAFE_KV({ "bootstrap.servers", "other:1" }, { "group.instance.id", "pod-1" }));
		break;
	case 'o':
		draw(f, "g", "off", .inactive = 1);
		break;
	}
}

static void
draw_all(struct fixture *f, const char *drawing)
{
	set(f, "group.instance.id=pod-1");
	for (const char *c = drawing; *c != '\0'; c++)
		draw_one(f, *c);
}

static char *
identity_in(const char *drawing, const char *group_name, const char *name, const char *option)
{
	FIXTURE(f);

	draw_all(&f, drawing);
	if (option != NULL)
		set(&f, option);
	compile(&f);
	expect_count(&f.out, 0);
	return crf_strdup(kafka_of(&f, group_name, name, "group.instance.id"));
}

static void
expect_identity(const char *drawing, const char *group_name, const char *name, const char *option, const char *expected)
{
	CRF_AUTO_FREE char *id = identity_in(drawing, group_name, name, option);

	if (strcmp(id, expected) != 0)
		print_message("drawing %s, topic %s:\n", drawing, name);
	assert_string_equal(id, expected);
}

static void
without_a_prefix_there_is_none(void **unused)
{
	FIXTURE(f);
	FIXTURE(g);

	(void)unused;
	draw_one(&f, 'a');
	compile(&f);
	assert_null(kafka_of(&f, "g", "a", "group.instance.id"));
	draw_one(&g, 'a');
	set(&g, "group.instance.id=");
	compile(&g);
	expect_count(&g.out, 0);
	assert_string_equal(kafka_of(&g, "g", "a", "group.instance.id"), "");
}

static void
identities_can_be_read(void **unused)
{
	(void)unused;
	expect_identity("a", "g", "a", NULL, "pod-1_g");
	expect_identity("ah", "h", "a", NULL, "pod-1_h");
	expect_identity("an", "g", "named", NULL, "pod-1_g_fast");
}

static const char *const drawings[] = { "ablkn", "lakbn", "nklba", "hablknro", "rohnklba", "oKnmlhab" };

static void
the_order_of_routes_does_not_matter(void **unused)
{
	CRF_AUTO_FREE char *late = identity_in("l", "g", "late", NULL), *kafka = identity_in("k", "g", "kafka", NULL);

	(void)unused;
	assert_string_not_equal(late, kafka);
	assert_int_equal(strlen(late), strlen("pod-1_g_12345678"));
	for (size_t i = 0; i < crf_array_len(drawings); i++) {
		expect_identity(drawings[i], "g", "a", NULL, "pod-1_g");
		expect_identity(drawings[i], "g", "b", NULL, "pod-1_g");
		expect_identity(drawings[i], "g", "named", NULL, "pod-1_g_fast");
		expect_identity(drawings[i], "g", "late", NULL, late);
		expect_identity(drawings[i], "g", "kafka", NULL, kafka);
	}
}

static void
settings_of_the_app_do_not_matter(void **unused)
{
	static const char *const options[] = { "max_messages=5", "fetch.wait.max.ms=77", "bootstrap.servers=elsewhere:1",
		"sasl.password=x", "client_id=other" };
	CRF_AUTO_FREE char *late = identity_in("l", "g", "late", NULL), *replaces = identity_in("r", "g", "replaces", NULL);

	(void)unused;
	for (size_t i = 0; i < crf_array_len(options); i++) {
		expect_identity("abl", "g", "a", options[i], "pod-1_g");
		expect_identity("abl", "g", "late", options[i], late);
		expect_identity("abr", "g", "replaces", options[i], replaces);
	}
}

/* These are what a digest must not move away from without a very good reason: a release that changes them makes every
 * static member rejoin under a new name. */
static void
digests_are_for_ever(void **unused)
{
	(void)unused;
	expect_identity("l", "g", "late", NULL, "pod-1_g_3c63dae0");
	expect_identity("k", "g", "kafka", NULL, "pod-1_g_68187759");
	expect_identity("r", "g", "replaces", NULL, "pod-1_g_64c1fc16");
}

static void
the_scope_does_not_matter(void **unused)
{
	static const char *const topics[] = { "late", NULL };
	CRF_AUTO_FREE char *late = identity_in("ablkn", "g", "late", NULL);
	FIXTURE(f);

	(void)unused;
	draw_all(&f, "ablkn");
	compile_scope(&f, &(struct crf_scope){ .topics = topics });
	expect_count(&f.out, 0);
	expect_kafka(&f, "g", "late", "group.instance.id", late);
	assert_int_equal(topic(&f, "g", "late")->connection->position, 1);
	assert_string_equal(topic(&f, "g", "late")->connection->name, "g_1");
}

static void
secrets_stay_out_of_it(void **unused)
{
	FIXTURE(f);

	(void)unused;
	set(&f, "group.instance.id=pod-1");
	for (int i = 0; i < 2; i++)
		carafe_route(group(&f, "g"), i ? "a" : "b", .handler = &by_message, .kafka_mode = CARAFE_KAFKA_INHERIT,
		    .kafka = CARAFE_KV({ "sasl.password", i ? "1" : "2" }));
	compile(&f);
	expect_problem(&f.out, "kafka.group.instance.id", "makes \"pod-1_g\" for connections g_0 and g_1; tell them apart with .connection");
	expect_count(&f.out, 1);
}

static void
brokers_must_accept_it(void **unused)
{
	FIXTURE(f);
	char prefix[300];

	(void)unused;
	memset(prefix, 'x', sizeof(prefix));
	memcpy(prefix, "group.instance.id=", strlen("group.instance.id="));
	prefix[strlen("group.instance.id=") + 247] = '\0';
	draw_one(&f, 'a'); /* 247 + "_g" is 249 */
	set(&f, prefix);
	compile(&f);
	expect_count(&f.out, 0);
	FIXTURE(g);
	strcat(prefix, "x");
	draw_one(&g, 'a');
	set(&g, prefix);
	compile(&g);
	expect_problem(&g.out, "kafka.group.instance.id", "longer than 249 bytes");
	expect_count(&g.out, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_prefix_there_is_none),
		cmocka_unit_test(identities_can_be_read),
		cmocka_unit_test(the_order_of_routes_does_not_matter),
		cmocka_unit_test(settings_of_the_app_do_not_matter),
		cmocka_unit_test(digests_are_for_ever),
		cmocka_unit_test(the_scope_does_not_matter),
		cmocka_unit_test(secrets_stay_out_of_it),
		cmocka_unit_test(brokers_must_accept_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Which part of a routing runs: include and exclude flags. */
#include "fixture.h"

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* g: a, b on one connection (g_0), c on fast; h: a, d; a is inactive in h. */
static void
draw_all(struct fixture *f)
{
	draw(f, "g", "a", .handler = &by_message);
	draw(f, "g", "b", .handler = &by_message);
	draw(f, "g", "c", .handler = &by_message, .connection = "fast");
	draw(f, "h", "a", .inactive = 1);
	draw(f, "h", "d", .handler = &by_message);
}

static char *
running(const struct fixture *f)
{
	char text[128] = "";

	for (size_t i = 0; i < f->routing.count; i++) {
		const struct crf_connection_spec *c = &f->routing.connections[i];

		assert_int_equal(c->active, c->topic_count > 0);
		for (size_t j = 0; j < c->topic_count; j++)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s.%s", *text ? " " : "", c->group,
			    c->topics[j].name);
	}
	return crf_strdup(text);
}

static const struct {
	struct crf_scope scope;
	const char *running;
} scopes[] = {
	{ { 0 }, "g.a g.b g.c h.d" },
	{ { .groups = LIST("g") }, "g.a g.b g.c" },
	{ { .groups = LIST("g", "h") }, "g.a g.b g.c h.d" },
	{ { .exclude_groups = LIST("g") }, "h.d" },
	{ { .topics = LIST("a", "d") }, "g.a h.d" },
	{ { .exclude_topics = LIST("a", "d") }, "g.b g.c" },
	{ { .connections = LIST("fast") }, "g.c" },
	{ { .connections = LIST("g_fast", "h_0") }, "g.c h.d" },
	{ { .exclude_connections = LIST("g_0") }, "g.c h.d" },
	{ { .exclude_connections = LIST("fast", "h_0") }, "g.a g.b" },
	/* the levels must all agree */
	{ { .groups = LIST("g"), .topics = LIST("a", "d") }, "g.a" },
	{ { .groups = LIST("g"), .exclude_topics = LIST("a"), .exclude_connections = LIST("fast") }, "g.b" },
	/* include beats exclude on one name, and shuts out the others */
	{ { .groups = LIST("g"), .exclude_groups = LIST("g") }, "g.a g.b g.c" },
	{ { .topics = LIST("a"), .exclude_topics = LIST("a", "b") }, "g.a" },
	{ { .connections = LIST("g_fast"), .exclude_connections = LIST("fast") }, "g.c" },
	/* an empty list is none */
	{ { .groups = (const char *const[]){ NULL }, .exclude_topics = LIST("a") }, "g.b g.c h.d" },
};

static void
scopes_and_what_runs(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < crf_array_len(scopes); i++) {
		FIXTURE(f);
		CRF_AUTO_FREE char *list = NULL;

		draw_all(&f);
		compile_scope(&f, &scopes[i].scope);
		expect_count(&f.out, 0);
		list = running(&f);
		assert_string_equal(list, scopes[i].running);
	}
}

static const struct {
	struct crf_scope scope;
	const char *path, *fragment;
} bad_scopes[] = {
	{ { .groups = LIST("gg") }, "scope.groups", "there is no group \"gg\"; did you mean g?" },
	{ { .groups = LIST("shipping") }, "scope.groups", "there is no group \"shipping\" in the routing" },
	{ { .groups = LIST("") }, "scope.groups", "there is no group \"\"" },
	{ { .exclude_groups = LIST("x.y.z") }, "scope.exclude_groups", "there is no group" },
	{ { .topics = LIST("a", "aa") }, "scope.topics", "there is no topic \"aa\"; did you mean a?" },
	{ { .exclude_topics = LIST("g_0") }, "scope.exclude_topics", "there is no topic" },
	{ { .connections = LIST("fsat") }, "scope.connections", "there is no connection \"fsat\"; did you mean fast?" },
	{ { .exclude_connections = LIST("g_00") }, "scope.exclude_connections", "did you mean g_0?" },
	{ { .groups = LIST("g"), .topics = LIST("d") }, "scope", "nothing is left to consume" },
	{ { .groups = LIST("h"), .topics = LIST("a") }, "scope", "nothing is left to consume" },
	{ { .exclude_groups = LIST("g", "h") }, "scope", "nothing is left to consume" },
};

static void
scopes_with_mistakes(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < crf_array_len(bad_scopes); i++) {
		FIXTURE(f);

		draw_all(&f);
		compile_scope(&f, &bad_scopes[i].scope);
		expect_problem(&f.out, bad_scopes[i].path, bad_scopes[i].fragment);
		expect_count(&f.out, 1);
	}
}

static void
nothing_active_is_a_mistake_of_who_consumes(void **unused)
{
	FIXTURE(f);
	FIXTURE(g);

	(void)unused;
	draw(&f, "g", "a", .inactive = 1);
	compile_scope(&f, &(struct crf_scope){ 0 });
	expect_problem(&f.out, "scope", "every route is inactive");
	expect_count(&f.out, 1);
	draw(&g, "g", "a", .inactive = 1);
	compile(&g);
	expect_count(&g.out, 0);
}

static void
names_and_positions_are_those_of_the_whole(void **unused)
{
	FIXTURE(f);

	(void)unused;
	draw_all(&f);
	compile_scope(&f, &(struct crf_scope){ .topics = LIST("d") });
	assert_int_equal(f.routing.count, 3);
	assert_string_equal(f.routing.connections[2].name, "h_0");
	assert_int_equal(f.routing.connections[2].position, 2);
	assert_true(f.routing.connections[2].active);
	assert_false(f.routing.connections[0].active);
	assert_int_equal(f.routing.connections[0].drawn_count, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scopes_and_what_runs),
		cmocka_unit_test(scopes_with_mistakes),
		cmocka_unit_test(nothing_active_is_a_mistake_of_who_consumes),
		cmocka_unit_test(names_and_positions_are_those_of_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

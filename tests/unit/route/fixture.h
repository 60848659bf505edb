/* A tree and settings to compile, for the tests of routes. */
#ifndef TESTS_ROUTE_FIXTURE_H
#define TESTS_ROUTE_FIXTURE_H

#include "../settings/expect.h"
#include "core/mem.h"
#include "route/route.h"

struct fixture {
	struct crf_settings s;
	struct crf_tree t;
	struct crf_problems out;
	struct crf_routing routing;
};

static inline void
fixture_init(struct fixture *f)
{
	crf_settings_init(&f->s);
	crf_tree_init(&f->t);
	crf_settings_from_code(&f->s,
	    &(carafe_opts){ .size = sizeof(carafe_opts), .kafka = CARAFE_KV({ "bootstrap.servers", "localhost:9092" }) });
}

static inline void
fixture_fini(struct fixture *f)
{
	crf_routing_fini(&f->routing);
	crf_problems_fini(&f->out);
	crf_tree_fini(&f->t);
	crf_settings_fini(&f->s);
}

#define FIXTURE(name)                                                                                                  \
	__attribute__((cleanup(fixture_fini))) struct fixture name = { 0 };                                            \
	fixture_init(&name)

static inline carafe_group *
group(struct fixture *f, const char *name)
{
	return crf_tree_group(&f->t, name);
}

#define draw(f, group_name, topic, ...) carafe_route(group((f), (group_name)), (topic), __VA_ARGS__)
#define draw_defaults(f, ...)                                                                                          \
	crf_tree_defaults(&(f)->t,                                                                                     \
	    &(carafe_route_opts){                                                                                      \
		.size = sizeof(carafe_route_opts), .handler_size = sizeof(carafe_handler), __VA_ARGS__ })

static inline void
set(struct fixture *f, const char *option)
{
	assert_true(crf_settings_from_option(&f->s, option));
}

static inline void
compile_scope(struct fixture *f, const struct crf_scope *scope)
{
	crf_settings_resolve(&f->s, &f->out);
	crf_problems_add_all(&f->out, &f->t.problems);
	crf_route_compile(&f->t, &f->s, scope, &f->routing, &f->out);
}

static inline void
compile(struct fixture *f)
{
	compile_scope(f, NULL);
}

static inline const struct crf_topic *
topic(const struct fixture *f, const char *group_name, const char *name)
{
	for (size_t i = 0; i < f->routing.count; i++) {
		const struct crf_connection_spec *c = &f->routing.connections[i];

		for (size_t j = 0; j < c->drawn_count; j++)
			if (strcmp(c->group, group_name) == 0 && strcmp(c->topics[j].name, name) == 0)
				return &c->topics[j];
	}
	fail_msg("no topic %s in group %s", name, group_name);
	return NULL;
}

static inline const char *
kafka_of(const struct fixture *f, const char *group_name, const char *name, const char *key)
{
	return crf_kvs_get(&topic(f, group_name, name)->connection->kafka, key);
}

static inline void
expect_kafka(const struct fixture *f, const char *group_name, const char *name, const char *key, const char *value)
{
	const char *is = kafka_of(f, group_name, name, key);

	if (value == NULL) {
		assert_null(is);
		return;
	}
	assert_non_null(is);
	assert_string_equal(is, value);
}

static inline carafe_rc
ignore(carafe_consumer *c, const carafe_message *m)
{
	(void)c, (void)m;
	return CARAFE_OK;
}

static inline carafe_rc
ignore_batch(carafe_consumer *c, const carafe_batch *b)
{
	(void)c, (void)b;
	return CARAFE_OK;
}

static inline carafe_rc
ignore_hook(carafe_consumer *c)
{
	(void)c;
	return CARAFE_OK;
}

static const carafe_handler by_message = { .message = ignore };
static const carafe_handler by_batch = { .consume = ignore_batch };

#endif

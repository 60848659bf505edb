#include "core/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/mem.h"

static void
an_empty_map_has_nothing(void **unused)
{
	struct crf_map m = { 0 };
	size_t at = 0;
	void *value;

	(void)unused;
	assert_null(crf_map_get(&m, "a"));
	assert_null(crf_map_remove(&m, "a"));
	assert_null(crf_map_next(&m, &at, &value));
	crf_map_fini(&m);
}

static void
values_are_put_replaced_and_removed(void **unused)
{
	CRF_AUTO(crf_map) m = { 0 };
	char key[] = "orders";
	int one, two;

	(void)unused;
	assert_null(crf_map_put(&m, key, &one));
	key[0] = 'x';
	assert_ptr_equal(crf_map_get(&m, "orders"), &one);
	assert_null(crf_map_get(&m, key));
	assert_ptr_equal(crf_map_put(&m, "orders", &two), &one);
	assert_int_equal(m.count, 1);
	assert_ptr_equal(crf_map_put(&m, "", &one), NULL);
	assert_ptr_equal(crf_map_get(&m, ""), &one);
	assert_ptr_equal(crf_map_remove(&m, "orders"), &two);
	assert_null(crf_map_remove(&m, "orders"));
	assert_int_equal(m.count, 1);
}

#define KEYS 600

/* What the map should hold: a value for each of KEYS keys, or NULL. */
struct oracle {
	void *values[KEYS];
	size_t count;
};

static uint32_t
next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static const char *
key_of(size_t i, char buf[32])
{
	snprintf(buf, 32, "topic-%zu", i);
	return buf;
}

static void
expect_same(const struct crf_map *m, const struct oracle *o)
{
	size_t at = 0, seen = 0;
	const char *key;
	char buf[32];
	void *value;

	assert_int_equal(m->count, o->count);
	for (size_t i = 0; i < KEYS; i++)
		assert_ptr_equal(crf_map_get(m, key_of(i, buf)), o->values[i]);
	while ((key = crf_map_next(m, &at, &value)) != NULL) {
		size_t i = strtoul(key + strlen("topic-"), NULL, 10);

		assert_ptr_equal(value, o->values[i]);
		seen++;
	}
	assert_int_equal(seen, o->count);
	assert_true(m->count * 10 <= m->cap * 7);
}

/* The first half of each thousand rather puts, the second rather removes, so that the map grows and empties. */
static void
step(struct crf_map *m, struct oracle *o, uint32_t n, uint32_t *random)
{
	size_t i = next_random(random) % KEYS;
	bool put = next_random(random) % 10 < (n % 1000 < 500 ? 8 : 2);
	char buf[32];

	if (put) {
		void *value = &o->values[next_random(random) % KEYS];

		assert_ptr_equal(crf_map_put(m, key_of(i, buf), value), o->values[i]);
		o->count += o->values[i] == NULL;
		o->values[i] = value;
	} else {
		assert_ptr_equal(crf_map_remove(m, key_of(i, buf)), o->values[i]);
		o->count -= o->values[i] != NULL;
		o->values[i] = NULL;
	}
}

static void
it_agrees_with_an_array(void **unused)
{
	(void)unused;
	for (uint32_t seed = 1; seed <= 8; seed++) {
		CRF_AUTO(crf_map) m = { 0 };
		struct oracle o = { 0 };
		uint32_t random = seed;

		for (uint32_t n = 0; n < 5000; n++) {
			step(&m, &o, n, &random);
			if (n % 97 == 0)
				expect_same(&m, &o);
		}
		expect_same(&m, &o);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_map_has_nothing),
		cmocka_unit_test(values_are_put_replaced_and_removed),
		cmocka_unit_test(it_agrees_with_an_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

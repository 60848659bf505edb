#include "core/kv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "core/mem.h"

static void
the_last_set_wins_with_its_origin(void **unused)
{
	CRF_AUTO(crf_kvs) l = { 0 };
	const struct crf_kv *kv;

	(void)unused;
	assert_null(crf_kvs_get(&l, "a"));
	crf_kvs_set(&l, "a", "1", "code");
	crf_kvs_set(&l, "b", "2", "code");
	crf_kvs_set(&l, "a", "3", "command line -X");
	assert_int_equal(l.count, 2);
	kv = crf_kvs_find(&l, "a");
	assert_string_equal(kv->value, "3");
	assert_string_equal(kv->origin, "command line -X");
	assert_string_equal(l.items[0].key, "a");
	assert_string_equal(crf_kvs_get(&l, "b"), "2");
}

static void
a_default_gives_way(void **unused)
{
	CRF_AUTO(crf_kvs) l = { 0 };

	(void)unused;
	crf_kvs_set(&l, "a", "1", "code");
	crf_kvs_default(&l, "a", "9", "default");
	crf_kvs_default(&l, "b", "9", "default");
	assert_string_equal(crf_kvs_get(&l, "a"), "1");
	assert_string_equal(crf_kvs_find(&l, "b")->origin, "default");
}

static void
removing_keeps_the_order_of_the_rest(void **unused)
{
	CRF_AUTO(crf_kvs) l = { 0 };
	char key[2] = "a";

	(void)unused;
	for (; key[0] <= 'z'; key[0]++)
		crf_kvs_set(&l, key, key, "code");
	assert_true(crf_kvs_remove(&l, "b"));
	assert_true(crf_kvs_remove(&l, "z"));
	assert_false(crf_kvs_remove(&l, "b"));
	assert_int_equal(l.count, 24);
	assert_string_equal(l.items[1].key, "c");
	assert_string_equal(l.items[23].key, "y");
}

static void
a_value_may_be_set_from_itself(void **unused)
{
	CRF_AUTO(crf_kvs) l = { 0 };

	(void)unused;
	crf_kvs_set(&l, "a", "value", "code");
	crf_kvs_set(&l, "a", crf_kvs_get(&l, "a") + 2, l.items[0].origin);
	assert_string_equal(crf_kvs_get(&l, "a"), "lue");
	assert_string_equal(l.items[0].origin, "code");
}

static void
a_copy_lies_on_top(void **unused)
{
	CRF_AUTO(crf_kvs) to = { 0 };
	CRF_AUTO(crf_kvs) from = { 0 };

	(void)unused;
	crf_kvs_set(&to, "a", "1", "code");
	crf_kvs_set(&to, "b", "2", "code");
	crf_kvs_set(&from, "b", "3", "file x:1");
	crf_kvs_set(&from, "c", "4", "file x:2");
	crf_kvs_copy(&to, &from);
	assert_int_equal(to.count, 3);
	assert_string_equal(crf_kvs_get(&to, "a"), "1");
	assert_string_equal(crf_kvs_get(&to, "b"), "3");
	assert_string_equal(crf_kvs_find(&to, "c")->origin, "file x:2");
}

static void
order_and_origin_do_not_make_lists_differ(void **unused)
{
	CRF_AUTO(crf_kvs) a = { 0 };
	CRF_AUTO(crf_kvs) b = { 0 };

	(void)unused;
	assert_true(crf_kvs_equal(&a, &b));
	crf_kvs_set(&a, "x", "1", "code");
	assert_false(crf_kvs_equal(&a, &b));
	crf_kvs_set(&a, "y", NULL, "code");
	crf_kvs_set(&b, "y", NULL, "default");
	crf_kvs_set(&b, "x", "1", "default");
	assert_true(crf_kvs_equal(&a, &b));
	crf_kvs_set(&b, "y", "2", "code");
	assert_false(crf_kvs_equal(&a, &b));
	assert_false(crf_kvs_equal(&b, &a));
	crf_kvs_remove(&b, "y");
	crf_kvs_set(&b, "z", NULL, "code");
	assert_false(crf_kvs_equal(&a, &b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_set_wins_with_its_origin),
		cmocka_unit_test(a_default_gives_way),
		cmocka_unit_test(removing_keeps_the_order_of_the_rest),
		cmocka_unit_test(a_value_may_be_set_from_itself),
		cmocka_unit_test(a_copy_lies_on_top),
		cmocka_unit_test(order_and_origin_do_not_make_lists_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

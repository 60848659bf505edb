#include "core/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

struct item {
	char name;
	struct crf_list link;
};

static void
expect(const struct crf_list *head, const char *names)
{
	char found[16] = "";
	size_t n = 0;

	crf_list_each (it, head, struct item, link)
		found[n++] = it->name;
	assert_string_equal(found, names);
	assert_int_equal(crf_list_empty(head), *names == '\0');
}

static void
items_stay_in_order(void **unused)
{
	struct item a = { .name = 'a' }, b = { .name = 'b' }, c = { .name = 'c' };
	struct crf_list head;

	(void)unused;
	crf_list_init(&head);
	expect(&head, "");
	assert_null(crf_list_pop(&head));
	crf_list_append(&head, &a.link);
	crf_list_append(&head, &b.link);
	crf_list_append(&head, &c.link);
	expect(&head, "abc");
	crf_list_remove(&b.link);
	crf_list_remove(&b.link);
	expect(&head, "ac");
	assert_ptr_equal(crf_list_pop(&head), &a.link);
	crf_list_append(&head, &a.link);
	expect(&head, "ca");
}

static void
a_list_moves_to_the_end_of_another(void **unused)
{
	struct item a = { .name = 'a' }, b = { .name = 'b' }, c = { .name = 'c' };
	struct crf_list to, from;

	(void)unused;
	crf_list_init(&to);
	crf_list_init(&from);
	crf_list_move(&to, &from);
	expect(&to, "");
	crf_list_append(&from, &a.link);
	crf_list_append(&from, &b.link);
	crf_list_move(&to, &from);
	expect(&from, "");
	crf_list_append(&from, &c.link);
	crf_list_move(&to, &from);
	expect(&to, "abc");
}

static void
items_may_go_while_looping(void **unused)
{
	struct crf_list head;
	int seen = 0;

	(void)unused;
	crf_list_init(&head);
	for (int i = 0; i < 10; i++)
		crf_list_append(&head, &crf_new(struct item)->link);
	crf_list_each (it, &head, struct item, link) {
		crf_list_remove(&it->link);
		free(it);
		seen++;
	}
	assert_int_equal(seen, 10);
	assert_true(crf_list_empty(&head));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_stay_in_order),
		cmocka_unit_test(a_list_moves_to_the_end_of_another),
		cmocka_unit_test(items_may_go_while_looping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

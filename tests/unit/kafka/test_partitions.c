#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/mem.h"
#include "kafka/native.h"

static void
assert_text(const struct crf_partitions *l, size_t max, const char *expected)
{
	char *text = crf_partitions_text(l, max);

	assert_string_equal(text, expected);
	free(text);
}

static void
text_names_runs_of_partitions(void **unused)
{
	static const int32_t numbers[] = { 5, 1, 0, 2, 9, 8 };
	struct crf_partitions l = { 0 };

	(void)unused;
	assert_text(&l, 100, "");
	crf_partitions_add(&l, "refunds", 1);
	assert_text(&l, 100, "refunds[1]");
	for (size_t i = 0; i < crf_array_len(numbers); i++)
		crf_partitions_add(&l, "orders", numbers[i]);
	assert_text(&l, 100, "orders[0-2,5,8-9] refunds[1]");
	assert_ptr_equal(crf_partitions_find(&l, "orders", 2), &l.items[4]);
	assert_null(crf_partitions_find(&l, "orders", 3));
	assert_null(crf_partitions_find(&l, "refunds", 2));
	crf_partitions_fini(&l);
	crf_partitions_fini(&l); /* again: nothing */
}

static void
text_is_cut_and_says_how_much_is_missing(void **unused)
{
	struct crf_partitions l = { 0 };

	(void)unused;
	for (int32_t i = 0; i < 100; i++)
		crf_partitions_add(&l, "orders", 2 * i);
	assert_text(&l, 0, "orders[0] ... and 99 more");
	assert_text(&l, 12, "orders[0,2,4] ... and 97 more");
	crf_partitions_fini(&l);
}

static void
text_names_offsets(void **unused)
{
	struct crf_partitions l = { 0 };
	char *text;

	(void)unused;
	crf_partitions_add(&l, "refunds", 1)->offset = 0;
	crf_partitions_add(&l, "orders", 1)->offset = 7;
	crf_partitions_add(&l, "orders", 0)->offset = 15;
	assert_string_equal(text = crf_positions_text(&l, 100), "orders[0]@15 orders[1]@7 refunds[1]@0");
	free(text);
	assert_string_equal(text = crf_positions_text(&l, 5), "orders[0]@15 ... and 2 more");
	free(text);
	crf_partitions_fini(&l);
	assert_string_equal(text = crf_positions_text(&l, 5), "");
	free(text);
}

static void
a_new_partition_knows_nothing(void **unused)
{
	struct crf_partitions l = { 0 };
	const struct crf_partition *p = crf_partitions_add(&l, "orders", 3);

	(void)unused;
	assert_string_equal(p->topic, "orders");
	assert_int_equal(p->partition, 3);
	assert_int_equal(p->offset, CRF_OFFSET_NONE);
	assert_int_equal(p->offset, RD_KAFKA_OFFSET_INVALID);
	assert_int_equal(p->leader_epoch, -1);
	assert_null(p->metadata);
	assert_int_equal(p->error, 0);
	crf_partitions_fini(&l);
}

static void
everything_survives_the_way_to_librdkafka_and_back(void **unused)
{
	struct crf_partitions l = { 0 }, back = { 0 };
	rd_kafka_topic_partition_list_t *native;
	struct crf_partition *p;

	(void)unused;
	p = crf_partitions_add(&l, "orders", 3);
	p->offset = 42;
	p->leader_epoch = 7;
	p->metadata = crf_strdup("how far");
	crf_partitions_add(&l, "refunds", 0);
	native = crf_native_list(&l);
	assert_int_equal(native->cnt, 2);
	native->elems[1].err = RD_KAFKA_RESP_ERR_NOT_COORDINATOR;
	crf_native_list_read(&back, native);
	crf_native_list_read(&back, NULL);
	rd_kafka_topic_partition_list_destroy(native);

	assert_int_equal(back.count, 2);
	assert_string_equal(back.items[0].topic, "orders");
	assert_int_equal(back.items[0].partition, 3);
	assert_int_equal(back.items[0].offset, 42);
	assert_int_equal(back.items[0].leader_epoch, 7);
	assert_string_equal(back.items[0].metadata, "how far");
	assert_int_equal(back.items[0].error, 0);
	assert_null(back.items[1].metadata);
	assert_int_equal(back.items[1].leader_epoch, -1);
	assert_int_equal(back.items[1].offset, CRF_OFFSET_NONE);
	assert_int_equal(back.items[1].error, RD_KAFKA_RESP_ERR_NOT_COORDINATOR);
	crf_partitions_fini(&l);
	crf_partitions_fini(&back);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_names_runs_of_partitions),
		cmocka_unit_test(text_is_cut_and_says_how_much_is_missing),
		cmocka_unit_test(text_names_offsets),
		cmocka_unit_test(a_new_partition_knows_nothing),
		cmocka_unit_test(everything_survives_the_way_to_librdkafka_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

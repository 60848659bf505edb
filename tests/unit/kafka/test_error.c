#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/error.h"
#include "core/mem.h"
#include "kafka/native.h"

static void
codes_have_librdkafkas_names(void **unused)
{
	(void)unused;
	assert_string_equal(crf_kafka_error_name(RD_KAFKA_RESP_ERR__TRANSPORT), "_TRANSPORT");
	assert_string_equal(crf_kafka_error_name(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART), "UNKNOWN_TOPIC_OR_PART");
	assert_true(strlen(crf_kafka_error_text(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)) > 0);
	assert_int_equal(CRF_KAFKA_TIMED_OUT, RD_KAFKA_RESP_ERR__TIMED_OUT);
}

static void
codes_become_carafes(void **unused)
{
	static const struct {
		rd_kafka_resp_err_t code;
		carafe_rc rc;
		bool retriable;
	} rows[] = {
		{ RD_KAFKA_RESP_ERR_NO_ERROR, CARAFE_OK, false },
		{ RD_KAFKA_RESP_ERR__TRANSPORT, CARAFE_UNAVAILABLE, true },
		{ RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, CARAFE_UNAVAILABLE, true },
		{ RD_KAFKA_RESP_ERR__AUTHENTICATION, CARAFE_DENIED, false },
		{ RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, CARAFE_DENIED, false },
		{ RD_KAFKA_RESP_ERR__TIMED_OUT, CARAFE_TIMEOUT, true },
		{ RD_KAFKA_RESP_ERR__QUEUE_FULL, CARAFE_TIMEOUT, true },
		{ RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, CARAFE_LOST, false },
		{ RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, CARAFE_LOST, false },
		{ RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, CARAFE_KAFKA, true },
		{ RD_KAFKA_RESP_ERR_STALE_MEMBER_EPOCH, CARAFE_KAFKA, true },
		{ RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, CARAFE_FATAL, false },
		{ RD_KAFKA_RESP_ERR__FATAL, CARAFE_FATAL, false },
		{ RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, CARAFE_UNSUPPORTED, false },
		{ RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, CARAFE_KAFKA, false },
		{ (rd_kafka_resp_err_t)12345, CARAFE_KAFKA, false },
	};

	(void)unused;
	for (size_t i = 0; i < crf_array_len(rows); i++) {
		assert_int_equal(crf_kafka_rc(rows[i].code), rows[i].rc);
		assert_int_equal(crf_kafka_error_retriable(rows[i].code), rows[i].retriable);
	}
	assert_null(crf_kafka_error_hint(12345));
	assert_null(crf_kafka_error_hint(0));
}

/* One sentence each, to be put behind "hint: ". */
static void
hints_are_sentences(void **unused)
{
	int hints = 0;

	(void)unused;
	for (int code = -300; code < 200; code++) {
		const char *hint = crf_kafka_error_hint(code);

		if (hint == NULL)
			continue;
		hints++;
		assert_true(strlen(hint) > 10 && strlen(hint) < 200);
		assert_true(islower((unsigned char)hint[0]) || hint[0] == '_');
		assert_int_not_equal(hint[strlen(hint) - 1], '.');
		assert_null(strchr(hint, '\n'));
	}
	assert_true(hints > 30);
}

static void
an_error_object_becomes_an_error(void **unused)
{
	rd_kafka_error_t *error = rd_kafka_error_new(RD_KAFKA_RESP_ERR__STATE, "not %s", "now");
	carafe_error err = { 0 };

	(void)unused;
	assert_int_equal(crf_native_fail_error(NULL, &err, NULL, "cannot"), CARAFE_OK);
	assert_int_equal(crf_native_fail_error(NULL, &err, error, "cannot assign"), CARAFE_STATE);
	assert_int_equal(err.kafka, RD_KAFKA_RESP_ERR__STATE);
	assert_string_equal(err.text, "cannot assign: not now");
	assert_int_equal(crf_native_fail(NULL, &err, RD_KAFKA_RESP_ERR_NOT_COORDINATOR, "cannot commit"), CARAFE_KAFKA);
	assert_int_equal(err.kafka, RD_KAFKA_RESP_ERR_NOT_COORDINATOR);
}

static void
versions_are_told(void **unused)
{
	(void)unused;
	assert_true(crf_kafka_version_number() >= 0x02080000);
	assert_int_equal(crf_kafka_version()[0], '2');
	assert_int_equal(crf_kafka_version_built()[0], '2');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_have_librdkafkas_names),
		cmocka_unit_test(codes_become_carafes),
		cmocka_unit_test(hints_are_sentences),
		cmocka_unit_test(an_error_object_becomes_an_error),
		cmocka_unit_test(versions_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

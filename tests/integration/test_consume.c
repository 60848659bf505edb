#include "support/test.h"

static void
each_message_is_handled_once_in_order(void **state)
{
	const char *topic = it_topic("once", 2, NULL), *group = it_name("group");
	struct it_sink *s = it_sink_new();
	carafe *app = it_app(.protocol = it_protocol(state));

	it_produce_many(topic, 0, 0, 50);
	it_produce_many(topic, 1, 0, 30);
	it_route(app, group, topic, it_message_handler, s);
	it_start(app);
	it_until(it_handled(s) == 80);
	it_stop(app);
	it_expect_each_once(s, topic, 0, 0, 50);
	it_expect_each_once(s, topic, 1, 0, 30);
	assert_int_equal(it_committed(group, topic, 0), 50);
	assert_int_equal(it_committed(group, topic, 1), 30);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IT_PROTOCOLS(each_message_is_handled_once_in_order),
	};

	return it_run(tests);
}

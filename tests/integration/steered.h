/* What is paused, and sent elsewhere. */
#ifndef STEERED_H
#define STEERED_H

#include "support/test.h"

/* In small batches, with one worker, who waits for nobody, and with statistics for it_fetched. The app is s->arg. */
static inline void
begin(enum it_protocol protocol, const char *topic, const char *group, struct it_sink *s, struct it_events *e)
{
	carafe *app = it_app(.protocol = protocol, .events = e, .concurrency = 1, .max_messages = 10,
	    .kafka = CARAFE_KV({ "statistics.interval.ms", "50" }));

	it_route(app, group, topic, it_message_handler, s, .initial_offset = "earliest");
	s->arg = app;
	it_start(app);
}

#endif

/* A producer that is always there: each program has a crf_produce of its own. */
#ifndef CRF_TESTS_FLOW_FAKE_PRODUCER_H
#define CRF_TESTS_FLOW_FAKE_PRODUCER_H

#include "producer/producer.h"

carafe_rc
crf_producer_new(struct crf_producer **p, const struct crf_kvs *kafka, struct crf_bus *bus, carafe_error *err)
{
	(void)p, (void)kafka, (void)bus, (void)err;
	return CARAFE_OK;
}

carafe_rc
crf_producer_flush(struct crf_producer *p, int timeout_ms, carafe_error *err)
{
	(void)p, (void)timeout_ms, (void)err;
	return CARAFE_OK;
}

void
crf_producer_free(struct crf_producer *p, int timeout_ms)
{
	(void)p, (void)timeout_ms;
}

#endif

/* librdkafka's in-process mock cluster: enough for a first look without a Kafka. Nothing survives, 5 MiB a partition, no
 * admin calls, no real transactions. */
#ifndef CRF_KAFKA_MOCK_H
#define CRF_KAFKA_MOCK_H

#include <carafe/error.h>

struct crf_mock;

carafe_rc crf_mock_new(struct crf_mock **mock, int brokers, carafe_error *err);
/* "127.0.0.1:41234,...". Borrowed. */
const char *crf_mock_bootstrap(const struct crf_mock *mock);
carafe_rc crf_mock_topic(struct crf_mock *mock, const char *topic, int partitions, carafe_error *err);
/* After all clients of it are gone. */
void crf_mock_free(struct crf_mock *mock);

#endif

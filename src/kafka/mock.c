/* The mock cluster lives inside a librdkafka handle: a producer of its own, which never produces. */
#include "kafka/mock.h"

#include <stdlib.h>

#include "core/error.h"
#include "core/mem.h"
#include "kafka/native.h"

#include <librdkafka/rdkafka_mock.h>

#define REBALANCE_DELAY_MS 100 /* instead of 3 s: nobody else is about to join */

struct crf_mock {
	rd_kafka_t *rk;
	rd_kafka_mock_cluster_t *cluster;
};

static void
swallow(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	(void)level;
	(void)facility;
	(void)text;
}

carafe_rc
crf_mock_new(struct crf_mock **mock, int brokers, carafe_error *err)
{
	const struct crf_kvs none = { 0 };
	rd_kafka_conf_t *conf = crf_native_conf(&none, CRF_PRODUCER, err);
	rd_kafka_mock_cluster_t *cluster;
	rd_kafka_t *rk;
	carafe_rc rc;

	if (conf == NULL)
		return CARAFE_CONFIG;
	rd_kafka_conf_set_log_cb(conf, swallow);
	if ((rc = crf_native_new(&rk, CRF_PRODUCER, conf, err)) != CARAFE_OK)
		return rc;
	if ((cluster = rd_kafka_mock_cluster_new(rk, brokers)) == NULL) {
		rd_kafka_destroy(rk);
		return crf_error(err, CARAFE_SYSTEM, "cannot start a mock cluster of %d brokers", brokers);
	}
	rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, REBALANCE_DELAY_MS);
	*mock = crf_new(struct crf_mock);
	(*mock)->rk = rk;
	(*mock)->cluster = cluster;
	return CARAFE_OK;
}

const char *
crf_mock_bootstrap(const struct crf_mock *mock)
{
	return rd_kafka_mock_cluster_bootstraps(mock->cluster);
}

carafe_rc
crf_mock_topic(struct crf_mock *mock, const char *topic, int partitions, carafe_error *err)
{
	rd_kafka_resp_err_t code = rd_kafka_mock_topic_create(mock->cluster, topic, partitions, 1);

	if (code == 0)
		return CARAFE_OK;
	return crf_error_kafka(err, crf_kafka_rc(code), code, "cannot make topic %s: %s", topic, rd_kafka_err2str(code));
}

void
crf_mock_free(struct crf_mock *mock)
{
	if (mock == NULL)
		return;
	rd_kafka_mock_cluster_destroy(mock->cluster);
	rd_kafka_destroy(mock->rk);
	free(mock);
}

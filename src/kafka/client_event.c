/* What librdkafka tells, in carafe's words. */
#include "kafka/client_priv.h"

static void
read_rebalance(struct crf_client *c, rd_kafka_event_t *native, struct crf_client_event *ev)
{
	rd_kafka_resp_err_t code = rd_kafka_event_error(native);

	c->reached = true;
	c->unanswered = true;
	ev->code = code;
	crf_native_list_read(&ev->partitions, rd_kafka_event_topic_partition_list(native));
	/* There are only these two; should there ever be another, giving everything up is the safe answer to it. */
	ev->kind = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? CRF_CLIENT_ASSIGN : CRF_CLIENT_REVOKE;
	ev->lost = ev->kind == CRF_CLIENT_REVOKE && rd_kafka_assignment_lost(c->rk);
}

static void
read_commit(rd_kafka_event_t *native, struct crf_client_event *ev)
{
	ev->kind = CRF_CLIENT_COMMITTED;
	ev->code = rd_kafka_event_error(native);
	ev->tag = rd_kafka_event_opaque(native);
	crf_native_list_read(&ev->partitions, rd_kafka_event_topic_partition_list(native));
}

/* librdkafka has put the true code and text in the place of _FATAL already. */
static void
read_error(rd_kafka_event_t *native, struct crf_client_event *ev)
{
	rd_kafka_topic_partition_t *where = rd_kafka_event_topic_partition(native);

	ev->kind = CRF_CLIENT_ERROR;
	ev->code = rd_kafka_event_error(native);
	ev->fatal = rd_kafka_event_error_is_fatal(native) != 0;
	ev->text = rd_kafka_event_error_string(native);
	if (where != NULL) {
		crf_partitions_add(&ev->partitions, where->topic, where->partition)->error = ev->code;
		rd_kafka_topic_partition_destroy(where);
	}
}

static void
read_log(rd_kafka_event_t *native, struct crf_client_event *ev)
{
	ev->kind = CRF_CLIENT_LOG;
	if (rd_kafka_event_log(native, NULL, &ev->text, &ev->level) != 0)
		ev->text = "";
}

/* Leaves CRF_CLIENT_NOTHING for what nobody asked for, such as messages of a partition without a mailbox. */
static void
read_event(struct crf_client *c, rd_kafka_event_t *native, struct crf_client_event *ev)
{
	switch (rd_kafka_event_type(native)) {
	case RD_KAFKA_EVENT_REBALANCE:
		read_rebalance(c, native, ev);
		break;
	case RD_KAFKA_EVENT_OFFSET_COMMIT:
		read_commit(native, ev);
		break;
	case RD_KAFKA_EVENT_ERROR:
		read_error(native, ev);
		break;
	case RD_KAFKA_EVENT_STATS:
		ev->kind = CRF_CLIENT_STATISTICS;
		ev->text = rd_kafka_event_stats(native);
		break;
	case RD_KAFKA_EVENT_LOG:
		read_log(native, ev);
		break;
	default:
		break;
	}
}

void
crf_client_poll(struct crf_client *c, int timeout_ms, struct crf_client_event *ev)
{
	rd_kafka_event_t *native = rd_kafka_queue_poll(c->queue, timeout_ms);

	*ev = (struct crf_client_event){ 0 };
	if (native == NULL)
		return;
	ev->native_ = native;
	read_event(c, native, ev);
}

void
crf_client_event_fini(struct crf_client_event *ev)
{
	crf_partitions_fini(&ev->partitions);
	if (ev->native_ != NULL)
		rd_kafka_event_destroy(ev->native_);
	*ev = (struct crf_client_event){ 0 };
}

/* What a group says of itself. */
#include <string.h>

#include "core/mem.h"
#include "kafka/client_priv.h"

carafe_rc
crf_client_committed(struct crf_client *c, struct crf_partitions *l, int timeout_ms, carafe_error *err)
{
	rd_kafka_topic_partition_list_t *list = crf_native_list(l);
	rd_kafka_resp_err_t code = rd_kafka_committed(c->rk, list, timeout_ms);

	crf_partitions_fini(l);
	crf_native_list_read(l, list);
	rd_kafka_topic_partition_list_destroy(list);
	return code == 0 ? CARAFE_OK : crf_native_fail(c->rk, err, code, "cannot ask what is committed");
}

/* Asks the coordinator of the group. NULL: no answer within the time; else to be destroyed, also when *group, which it owns, is
 * NULL because the answer says nothing of it. */
static rd_kafka_event_t *
describe(struct crf_client *c, const char *name, int timeout_ms, const rd_kafka_ConsumerGroupDescription_t **group)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(c->rk);
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(c->rk, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
	const rd_kafka_DescribeConsumerGroups_result_t *result;
	const rd_kafka_ConsumerGroupDescription_t **groups;
	rd_kafka_event_t *answer;
	size_t count = 0;

	rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, NULL, 0);
	rd_kafka_DescribeConsumerGroups(c->rk, &name, 1, options, queue);
	rd_kafka_AdminOptions_destroy(options);
	answer = rd_kafka_queue_poll(queue, timeout_ms);
	rd_kafka_queue_destroy(queue);
	*group = NULL;
	if (answer == NULL || (result = rd_kafka_event_DescribeConsumerGroups_result(answer)) == NULL)
		return answer;
	groups = rd_kafka_DescribeConsumerGroups_result_groups(result, &count);
	if (count > 0 && rd_kafka_ConsumerGroupDescription_error(groups[0]) == NULL)
		*group = groups[0];
	return answer;
}

char *
crf_client_group_strategy(struct crf_client *c, const char *group, int timeout_ms)
{
	const rd_kafka_ConsumerGroupDescription_t *found;
	rd_kafka_event_t *answer = describe(c, group, timeout_ms, &found);
	const char *strategy = found != NULL ? rd_kafka_ConsumerGroupDescription_partition_assignor(found) : NULL;
	char *copy = strategy != NULL && *strategy != '\0' ? crf_strdup(strategy) : NULL;

	if (answer != NULL)
		rd_kafka_event_destroy(answer);
	return copy;
}

static bool
is_rebalancing(const rd_kafka_ConsumerGroupDescription_t *group)
{
	rd_kafka_consumer_group_state_t state = rd_kafka_ConsumerGroupDescription_state(group);

	return state == RD_KAFKA_CONSUMER_GROUP_STATE_PREPARING_REBALANCE ||
	    state == RD_KAFKA_CONSUMER_GROUP_STATE_COMPLETING_REBALANCE;
}

static bool
lists(const rd_kafka_ConsumerGroupDescription_t *group, const char *member)
{
	for (size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(group); i++) {
		const rd_kafka_MemberDescription_t *m = rd_kafka_ConsumerGroupDescription_member(group, i);

		if (strcmp(rd_kafka_MemberDescription_consumer_id(m), member) == 0)
			return true;
	}
	return false;
}

bool
crf_client_is_joining(struct crf_client *c, const char *group, int timeout_ms)
{
	const rd_kafka_ConsumerGroupDescription_t *found;
	rd_kafka_event_t *answer = describe(c, group, timeout_ms, &found);
	char *id = rd_kafka_memberid(c->rk);
	bool joining = found != NULL && id != NULL && is_rebalancing(found) && lists(found, id);

	if (id != NULL)
		rd_kafka_mem_free(c->rk, id);
	if (answer != NULL)
		rd_kafka_event_destroy(answer);
	return joining;
}

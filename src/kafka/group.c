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

static char *
read_strategy(const rd_kafka_event_t *answer)
{
	const rd_kafka_DescribeConsumerGroups_result_t *result = rd_kafka_event_DescribeConsumerGroups_result((rd_kafka_event_t *)answer);
	const rd_kafka_ConsumerGroupDescription_t **groups;
	const char *strategy;
	size_t count = 0;

	if (result == NULL)
		return NULL;
	groups = rd_kafka_DescribeConsumerGroups_result_groups(result, &count);
	if (count == 0 || rd_kafka_ConsumerGroupDescription_error(groups[0]) != NULL)
		return NULL;
	strategy = rd_kafka_ConsumerGroupDescription_partition_assignor(groups[0]);
	return strategy != NULL && *strategy != '\0' ? crf_strdup(strategy) : NULL;
}

char *
crf_client_group_strategy(struct crf_client *c, const char *group, int timeout_ms)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(c->rk);
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(c->rk, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
	rd_kafka_event_t *answer;
	char *strategy = NULL;

	rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, NULL, 0);
	rd_kafka_DescribeConsumerGroups(c->rk, &group, 1, options, queue);
	rd_kafka_AdminOptions_destroy(options);
	if ((answer = rd_kafka_queue_poll(queue, timeout_ms)) != NULL) {
		strategy = read_strategy(answer);
		rd_kafka_event_destroy(answer);
	}
	rd_kafka_queue_destroy(queue);
	return strategy;
}

/* The last one. */
static const char *
find_last(const char *text, const char *what)
{
	const char *last = NULL;

	while ((text = strstr(text, what)) != NULL)
		last = text++;
	return last;
}

bool
crf_client_joins(const char *statistics)
{
	static const char up[] = "\"cgrp\": { \"state\": \"up\"", join[] = "\"join_state\": \"";
	static const char *const at_rest[] = { "init\"", "wait-metadata\"", "steady\"" };
	const char *state = find_last(statistics, up);

	if (state == NULL || (state = strstr(state, join)) == NULL)
		return false;
	for (size_t i = 0; i < crf_array_len(at_rest); i++)
		if (strncmp(state + strlen(join), at_rest[i], strlen(at_rest[i])) == 0)
			return false;
	return true;
}

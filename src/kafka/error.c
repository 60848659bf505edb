/* What librdkafka's and the brokers' error codes mean to carafe, and to whoever reads its log. */
#include <stddef.h>
#include <stdio.h>

#include "core/error.h"
#include "core/mem.h"
#include "kafka/native.h"

struct meaning {
	rd_kafka_resp_err_t code;
	carafe_rc rc;
	bool retriable;
	const char *hint; /* NULL: it passes by itself, or librdkafka's words say it all */
};

#define E(name) RD_KAFKA_RESP_ERR_##name

/* A code that is not here is CARAFE_KAFKA, not retriable and without a hint. */
static const struct meaning meanings[] = {
	/* reaching the brokers */
	{ E(_TRANSPORT), CARAFE_UNAVAILABLE, true,
	    "check bootstrap.servers, the network, and that security.protocol is what that port of the broker speaks" },
	{ E(_ALL_BROKERS_DOWN), CARAFE_UNAVAILABLE, true,
	    "no broker can be reached: check bootstrap.servers, that the brokers run, and any firewall in between" },
	{ E(_RESOLVE), CARAFE_UNAVAILABLE, true,
	    "a broker's host name does not resolve here: check bootstrap.servers, and advertised.listeners on the brokers" },
	{ E(NETWORK_EXCEPTION), CARAFE_UNAVAILABLE, true, NULL },
	{ E(BROKER_NOT_AVAILABLE), CARAFE_UNAVAILABLE, true, NULL },
	{ E(_SSL), CARAFE_DENIED, false,
	    "check ssl.ca.location, the client's certificate and key, and that the host name is in the broker's certificate" },
	{ E(_AUTHENTICATION), CARAFE_DENIED, false,
	    "check sasl.mechanisms, sasl.username and sasl.password, and that security.protocol fits the broker's listener" },
	{ E(SASL_AUTHENTICATION_FAILED), CARAFE_DENIED, false,
	    "the broker refused the credentials: check sasl.username and sasl.password" },
	{ E(ILLEGAL_SASL_STATE), CARAFE_DENIED, false,
	    "the listener does not expect SASL: check security.protocol" },
	{ E(UNSUPPORTED_SASL_MECHANISM), CARAFE_DENIED, false,
	    "the broker does not offer this mechanism: check sasl.mechanisms against its sasl.enabled.mechanisms" },
	{ E(TOPIC_AUTHORIZATION_FAILED), CARAFE_DENIED, false,
	    "give this principal the ACLs Read and Describe on the topic (Write to produce)" },
	{ E(GROUP_AUTHORIZATION_FAILED), CARAFE_DENIED, false,
	    "give this principal the ACL Read on the consumer group" },
	{ E(CLUSTER_AUTHORIZATION_FAILED), CARAFE_DENIED, false,
	    "give this principal the ACL for this operation on the cluster" },
	{ E(TRANSACTIONAL_ID_AUTHORIZATION_FAILED), CARAFE_DENIED, false,
	    "give this principal the ACLs Write and Describe on the transactional id" },

	/* time */
	{ E(_TIMED_OUT), CARAFE_TIMEOUT, true, NULL },
	{ E(_TIMED_OUT_QUEUE), CARAFE_TIMEOUT, true, NULL },
	{ E(REQUEST_TIMED_OUT), CARAFE_TIMEOUT, true, NULL },
	{ E(_MSG_TIMED_OUT), CARAFE_TIMEOUT, true,
	    "not acknowledged within message.timeout.ms: see the errors before this one; raise it for longer outages" },
	{ E(_QUEUE_FULL), CARAFE_TIMEOUT, true,
	    "messages are produced faster than brokers take them: wait for deliveries, or raise queue.buffering.max.messages" },

	/* topics and partitions */
	{ E(UNKNOWN_TOPIC_OR_PART), CARAFE_KAFKA, false,
	    "create the topic, check its spelling, or check that this principal has the ACL Describe on it" },
	{ E(_UNKNOWN_TOPIC), CARAFE_KAFKA, false,
	    "create the topic, check its spelling, or check that this principal has the ACL Describe on it" },
	{ E(_UNKNOWN_PARTITION), CARAFE_KAFKA, false, "the topic has fewer partitions than that" },
	{ E(TOPIC_EXCEPTION), CARAFE_KAFKA, false,
	    "topic names are at most 249 characters of a-z, A-Z, 0-9, '.', '_' and '-'" },
	{ E(LEADER_NOT_AVAILABLE), CARAFE_KAFKA, true, NULL },
	{ E(NOT_LEADER_FOR_PARTITION), CARAFE_KAFKA, true, NULL },
	{ E(REPLICA_NOT_AVAILABLE), CARAFE_KAFKA, true, NULL },
	{ E(FENCED_LEADER_EPOCH), CARAFE_KAFKA, true, NULL },
	{ E(UNKNOWN_LEADER_EPOCH), CARAFE_KAFKA, true, NULL },
	{ E(OFFSET_NOT_AVAILABLE), CARAFE_KAFKA, true, NULL },
	{ E(KAFKA_STORAGE_ERROR), CARAFE_KAFKA, true, "a broker has trouble with its disk: see its log" },
	{ E(NOT_ENOUGH_REPLICAS), CARAFE_KAFKA, true,
	    "fewer replicas are in sync than min.insync.replicas: see which broker is down" },
	{ E(NOT_ENOUGH_REPLICAS_AFTER_APPEND), CARAFE_KAFKA, true,
	    "fewer replicas are in sync than min.insync.replicas: see which broker is down" },
	{ E(MSG_SIZE_TOO_LARGE), CARAFE_KAFKA, false,
	    "raise the topic's max.message.bytes and the client's message.max.bytes, or send less" },
	{ E(_INVALID_DIFFERENT_RECORD), CARAFE_KAFKA, true, "another message of the same batch was refused; this one was not at fault" },
	{ E(POLICY_VIOLATION), CARAFE_KAFKA, false, "the cluster's policy does not allow it: ask who runs it" },
	{ E(THROTTLING_QUOTA_EXCEEDED), CARAFE_KAFKA, true, "a quota of the cluster is used up: ask who runs it" },

	/* offsets */
	{ E(_AUTO_OFFSET_RESET), CARAFE_KAFKA, false,
	    "the position is not in the log any more: messages expired before they were consumed; set initial_offset, or raise the topic's retention.ms" },
	{ E(OFFSET_OUT_OF_RANGE), CARAFE_KAFKA, false,
	    "the position is not in the log any more: messages expired before they were consumed; raise the topic's retention.ms" },
	{ E(_NO_OFFSET), CARAFE_KAFKA, false, NULL },
	{ E(OFFSET_METADATA_TOO_LARGE), CARAFE_INVALID, false,
	    "commit less metadata, or raise offset.metadata.max.bytes on the brokers" },
	{ E(UNSTABLE_OFFSET_COMMIT), CARAFE_KAFKA, true, NULL },

	/* consumer groups */
	{ E(_MAX_POLL_EXCEEDED), CARAFE_LOST, false,
	    "the process stood still for longer than max.poll.interval.ms: look for a suspended process or starved processor, or raise it" },
	{ E(ILLEGAL_GENERATION), CARAFE_LOST, false,
	    "the group rebalanced without this member, which missed its heartbeats: raise session.timeout.ms if this repeats" },
	{ E(UNKNOWN_MEMBER_ID), CARAFE_LOST, false,
	    "the group has dropped this member, which missed its heartbeats: raise session.timeout.ms if this repeats" },
	{ E(FENCED_MEMBER_EPOCH), CARAFE_LOST, false, NULL },
	{ E(_ASSIGNMENT_LOST), CARAFE_LOST, false, NULL },
	{ E(REBALANCE_IN_PROGRESS), CARAFE_KAFKA, true, NULL },
	{ E(STALE_MEMBER_EPOCH), CARAFE_KAFKA, true, NULL },
	{ E(FENCED_INSTANCE_ID), CARAFE_FATAL, false,
	    "another process joined with the same group.instance.id: give each process its own" },
	{ E(UNRELEASED_INSTANCE_ID), CARAFE_FATAL, false,
	    "another member still has this group.instance.id: give each process its own, or wait until the other's session has expired" },
	{ E(INCONSISTENT_GROUP_PROTOCOL), CARAFE_KAFKA, false,
	    "members of the group disagree on partition.assignment.strategy or group.protocol: give all of them the same" },
	{ E(UNSUPPORTED_ASSIGNOR), CARAFE_KAFKA, false,
	    "the brokers do not know this group.remote.assignor: leave it unset" },
	{ E(INVALID_SESSION_TIMEOUT), CARAFE_KAFKA, false,
	    "session.timeout.ms must lie between the brokers' group.min.session.timeout.ms and group.max.session.timeout.ms" },
	{ E(GROUP_MAX_SIZE_REACHED), CARAFE_KAFKA, false,
	    "the group has as many members as the brokers' group.max.size allows" },
	{ E(INVALID_GROUP_ID), CARAFE_INVALID, false, "check group.id" },
	{ E(GROUP_ID_NOT_FOUND), CARAFE_KAFKA, false,
	    "no such group; or a classic one that brokers cannot take over while members with cooperative-sticky are in it, so that those have to stop first" },
	{ E(COORDINATOR_LOAD_IN_PROGRESS), CARAFE_KAFKA, true, NULL },
	{ E(COORDINATOR_NOT_AVAILABLE), CARAFE_KAFKA, true,
	    "no broker coordinates the group yet: on a new cluster check offsets.topic.replication.factor against the number of brokers" },
	{ E(NOT_COORDINATOR), CARAFE_KAFKA, true, NULL },
	{ E(_WAIT_COORD), CARAFE_KAFKA, true, NULL },

	/* producers and transactions */
	{ E(_FENCED), CARAFE_FATAL, false,
	    "another producer uses the same transactional.id: give each process its own" },
	{ E(PRODUCER_FENCED), CARAFE_FATAL, false,
	    "another producer uses the same transactional.id: give each process its own" },
	{ E(INVALID_PRODUCER_EPOCH), CARAFE_FATAL, false,
	    "another producer uses the same transactional.id, or the transaction took longer than transaction.timeout.ms" },
	{ E(OUT_OF_ORDER_SEQUENCE_NUMBER), CARAFE_FATAL, false, NULL },
	{ E(_PURGE_QUEUE), CARAFE_KAFKA, false, "the producer was closed before it could be sent" },
	{ E(_PURGE_INFLIGHT), CARAFE_KAFKA, false,
	    "the producer was closed before it was acknowledged: it may have been written all the same" },
	{ E(CONCURRENT_TRANSACTIONS), CARAFE_KAFKA, true, NULL },

	/* what this library or that broker cannot do */
	{ E(UNSUPPORTED_VERSION), CARAFE_UNSUPPORTED, false,
	    "the brokers are too old for this: upgrade them, or set group.protocol=classic if that was changed" },
	{ E(_UNSUPPORTED_FEATURE), CARAFE_UNSUPPORTED, false,
	    "the brokers do not offer what this needs: upgrade them, or leave out the setting that asks for it" },
	{ E(UNSUPPORTED_COMPRESSION_TYPE), CARAFE_UNSUPPORTED, false,
	    "choose another compression.type" },
	{ E(UNSUPPORTED_FOR_MESSAGE_FORMAT), CARAFE_UNSUPPORTED, false, NULL },
	{ E(_NOT_IMPLEMENTED), CARAFE_UNSUPPORTED, false, NULL },
	{ E(_BAD_MSG), CARAFE_KAFKA, false,
	    "a message is damaged: compare the topic on another replica, or step over it with a seek" },
	{ E(_BAD_COMPRESSION), CARAFE_KAFKA, false, "a message is damaged, or compressed in a way this librdkafka was not built for" },
	{ E(_INVALID_ARG), CARAFE_INVALID, false, NULL },
	{ E(_STATE), CARAFE_STATE, false, NULL },
	{ E(_DESTROY), CARAFE_STATE, false, NULL },
	{ E(_PREV_IN_PROGRESS), CARAFE_STATE, true, NULL },
	{ E(_FATAL), CARAFE_FATAL, false, NULL },
};

#undef E

static const struct meaning *
meaning_of(int code)
{
	static const struct meaning unknown = { .rc = CARAFE_KAFKA };

	for (size_t i = 0; i < crf_array_len(meanings); i++)
		if (meanings[i].code == code)
			return &meanings[i];
	return &unknown;
}

const char *
crf_kafka_error_name(int code)
{
	return rd_kafka_err2name((rd_kafka_resp_err_t)code);
}

const char *
crf_kafka_error_text(int code)
{
	return rd_kafka_err2str((rd_kafka_resp_err_t)code);
}

const char *
crf_kafka_error_hint(int code)
{
	return meaning_of(code)->hint;
}

bool
crf_kafka_error_retriable(int code)
{
	return meaning_of(code)->retriable;
}

carafe_rc
crf_kafka_rc(int code)
{
	return code == 0 ? CARAFE_OK : meaning_of(code)->rc;
}

carafe_rc
crf_native_fail(rd_kafka_t *rk, carafe_error *err, rd_kafka_resp_err_t code, const char *what)
{
	char text[CRF_NATIVE_TEXT];
	rd_kafka_resp_err_t fatal;

	if (code == RD_KAFKA_RESP_ERR__FATAL && (fatal = rd_kafka_fatal_error(rk, text, sizeof(text))) != 0)
		return crf_error_kafka(err, CARAFE_FATAL, fatal, "%s: %s", what, text);
	return crf_error_kafka(err, crf_kafka_rc(code), code, "%s: %s", what, rd_kafka_err2str(code));
}

carafe_rc
crf_native_fail_error(rd_kafka_t *rk, carafe_error *err, rd_kafka_error_t *error, const char *what)
{
	rd_kafka_resp_err_t code;
	carafe_rc rc;

	if (error == NULL)
		return CARAFE_OK;
	code = rd_kafka_error_code(error);
	if (rd_kafka_error_is_fatal(error) || code == RD_KAFKA_RESP_ERR__FATAL)
		rc = crf_native_fail(rk, err, RD_KAFKA_RESP_ERR__FATAL, what);
	else
		rc = crf_error_kafka(err, crf_kafka_rc(code), code, "%s: %s", what, rd_kafka_error_string(error));
	rd_kafka_error_destroy(error);
	return rc;
}

const char *
crf_kafka_version(void)
{
	return rd_kafka_version_str();
}

int
crf_kafka_version_number(void)
{
	return rd_kafka_version();
}

const char *
crf_kafka_version_built(void)
{
	static char text[16];

	snprintf(text, sizeof(text), "%d.%d.%d", RD_KAFKA_VERSION >> 24, RD_KAFKA_VERSION >> 16 & 0xff, RD_KAFKA_VERSION >> 8 & 0xff);
	return text;
}

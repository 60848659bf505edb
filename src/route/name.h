/* Names of topics, groups and connections, for this room only. */
#ifndef CRF_ROUTE_NAME_H
#define CRF_ROUTE_NAME_H

#include <stdbool.h>

/* Letters, digits, '.', '_' and '-', at least one. */
bool crf_name_is_plain(const char *name);
/* As crf_topic_name_problem, for what brokers take as a group.instance.id too. */
const char *crf_kafka_name_problem(const char *name);
/* '.' and '_' both: Kafka's metrics cannot tell a.b from a_b. */
bool crf_name_is_mixed(const char *name);
/* Different, but only in '.' and '_'. */
bool crf_names_collide(const char *a, const char *b);

#endif

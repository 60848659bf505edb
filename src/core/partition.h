/* Partitions and what is said of them: what the connection, the client and events have in common. */
#ifndef CRF_CORE_PARTITION_H
#define CRF_CORE_PARTITION_H

#include <stddef.h>
#include <stdint.h>

#define CRF_OFFSET_NONE (-1001) /* librdkafka's INVALID: nothing known, nothing committed */
#define CRF_OFFSET_BEGINNING (-2) /* librdkafka's, as a place to begin at */
#define CRF_OFFSET_END (-1)

/* A partition and what is said of it. Strings are owned by whoever made the list. */
struct crf_partition {
	char *topic;
	int32_t partition;
	int32_t leader_epoch; /* -1 unknown */
	int64_t offset;       /* CRF_OFFSET_NONE */
	char *metadata;       /* NULL none; NUL-terminated */
	int error;            /* for results; 0 fine */
};

struct crf_partitions {
	struct crf_partition *items;
	size_t count;
	size_t cap;
};

#endif

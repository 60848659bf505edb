/* The table of librdkafka's settings, for this room only. */
#ifndef CRF_KAFKA_KEYS_H
#define CRF_KAFKA_KEYS_H

#include <stdbool.h>
#include <stddef.h>

struct crf_key {
	char *name;
	char *alias_of; /* the name librdkafka itself uses; NULL when this is it */
	char *values;   /* "none, gzip, ..." or "0 .. 300000"; "" for anything */
	const char *standard; /* the default; NULL none */
	bool consumer;
	bool producer;
	bool pointer; /* a callback or an object: cannot be set as text */
	bool hidden;  /* librdkafka accepts it but does not document it */
};

/* NULL when librdkafka does not know it. Any thread; const for ever. */
const struct crf_key *crf_key_find(const char *name);
/* The name that an alias stands for, or name itself. */
const char *crf_key_canonical(const char *name);
size_t crf_key_count(void);
const struct crf_key *crf_key_at(size_t i);

#endif

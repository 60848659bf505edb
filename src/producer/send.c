/* Sending. Records in flight are on a list in the order in which they were accepted: its head says how far everything is
 * finished. */
#include <stdlib.h>

#include "core/error.h"
#include "core/mem.h"
#include "producer/producer_priv.h"

/* ------------------------------------------------------------------------------------------------ in flight */

/* False while the client is being made anew. */
static bool
take_off(struct crf_producer *p, struct crf_flight *f)
{
	bool may;

	crf_lock(&p->mu);
	if ((may = !p->renewing)) {
		f->number = ++p->accepted;
		crf_list_append(&p->flying, &f->link);
	}
	crf_unlock(&p->mu);
	return may;
}

void
crf_flight_land(struct crf_producer *p, struct crf_flight *f)
{
	crf_lock(&p->mu);
	crf_list_remove(&f->link);
	p->finished++;
	crf_cond_broadcast(&p->progress);
	crf_unlock(&p->mu);
	free(f);
}

/* Everything up to number has come to its end. mu held. */
static bool
landed(const struct crf_producer *p, uint64_t number)
{
	return crf_list_empty(&p->flying) ||
	    crf_container_of(p->flying.next, struct crf_flight, link)->number > number;
}

/* ------------------------------------------------------------------------------------------------ producing */

/* Asked for each record that names no partition: librdkafka's habit of keeping those without a key together for a while,
 * without asking, is off (sticky.partitioning.linger.ms=0). */
int32_t
crf_producer_partition(
    const rd_kafka_topic_t *topic, const void *key, size_t key_len, int32_t count, void *topic_opaque, void *opaque)
{
	const struct crf_producer *p = topic_opaque;
	const struct crf_flight *f = opaque;

	if (f->spread >= 0)
		return f->spread % count;
	return p->by_key(topic, key, key_len, count, NULL, NULL);
}

/* The handle of a topic, which is where our partitioner sits. */
static rd_kafka_topic_t *
topic_handle(struct crf_producer *p, const char *name)
{
	rd_kafka_topic_t *topic;
	rd_kafka_topic_conf_t *conf;

	crf_lock(&p->mu);
	topic = crf_map_get(&p->topics, name);
	if (topic == NULL) {
		conf = rd_kafka_default_topic_conf_dup(p->rk);
		rd_kafka_topic_conf_set_opaque(conf, p);
		rd_kafka_topic_conf_set_partitioner_cb(conf, crf_producer_partition);
		topic = rd_kafka_topic_new(p->rk, name, conf);
		if (topic != NULL)
			crf_map_put(&p->topics, name, topic);
	}
	crf_unlock(&p->mu);
	return topic;
}

int
crf_producer_topic_error(struct crf_producer *p, const char *topic, int timeout_ms)
{
	struct crf_flight *f = crf_new(struct crf_flight); /* keeps the client in its place */
	rd_kafka_topic_t *handle;
	int partitions, code;

	if (!take_off(p, f)) {
		free(f);
		return RD_KAFKA_RESP_ERR__FATAL;
	}
	handle = topic_handle(p, topic);
	code = handle != NULL ? crf_native_ask_for_topic(p->rk, handle, timeout_ms, &partitions) : rd_kafka_last_error();
	crf_flight_land(p, f);
	return code;
}

static rd_kafka_headers_t *
headers_of(const carafe_message *m)
{
	rd_kafka_headers_t *headers;

	if (m == NULL || m->native_ == NULL || rd_kafka_message_headers(m->native_, &headers) != 0)
		return NULL;
	return rd_kafka_headers_copy(headers);
}

static rd_kafka_headers_t *
make_headers(const struct crf_record *r)
{
	rd_kafka_headers_t *headers = headers_of(r->headers_of);

	if (headers == NULL && r->header_count > 0)
		headers = rd_kafka_headers_new(r->header_count);
	for (size_t i = 0; i < r->header_count; i++)
		rd_kafka_header_add(headers, r->headers[i].name, -1, r->headers[i].value.data,
		    (ssize_t)r->headers[i].value.len);
	return headers;
}

static rd_kafka_vu_t
memory(rd_kafka_vtype_t type, carafe_bytes b)
{
	rd_kafka_vu_t vu = { .vtype = type };

	vu.u.mem.ptr = (void *)(uintptr_t)b.data; /* copied: never written to */
	vu.u.mem.size = b.len;
	return vu;
}

/* Takes the headers when it succeeds. */
static rd_kafka_error_t *
send_record(struct crf_producer *p, rd_kafka_topic_t *topic, const struct crf_record *r, rd_kafka_headers_t *headers, struct crf_flight *f)
{
	rd_kafka_vu_t vus[8] = {
		{ .vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic },
		{ .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = r->partition },
		{ .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY },
		{ .vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = f },
		memory(RD_KAFKA_VTYPE_KEY, r->key),
		memory(RD_KAFKA_VTYPE_VALUE, r->value),
	};
	size_t count = 6;

	if (r->timestamp != 0)
		vus[count++] = (rd_kafka_vu_t){ .vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = r->timestamp };
	if (headers != NULL)
		vus[count++] = (rd_kafka_vu_t){ .vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers };
	return rd_kafka_produceva(p->rk, vus, count);
}

/* Waits for anything to come to its end since seen; false when until has passed. */
static bool
wait_for_room(struct crf_producer *p, uint64_t seen, crf_ns until)
{
	bool moved = true;

	crf_lock(&p->mu);
	while (moved && p->finished == seen)
		moved = crf_cond_wait_until(&p->progress, &p->mu, until);
	crf_unlock(&p->mu);
	return moved;
}

static uint64_t
finished(struct crf_producer *p)
{
	uint64_t n;

	crf_lock(&p->mu);
	n = p->finished;
	crf_unlock(&p->mu);
	return n;
}

/* NULL when it was accepted. seen is read before each attempt, so that no delivery in between is missed. */
static rd_kafka_error_t *
send_patiently(struct crf_producer *p, rd_kafka_topic_t *topic, const struct crf_record *r, rd_kafka_headers_t *headers,
    struct crf_flight *f, int wait_ms)
{
	crf_ns until = crf_now() + wait_ms * CRF_MS;

	for (;;) {
		uint64_t seen = finished(p);
		rd_kafka_error_t *error = send_record(p, topic, r, headers, f);

		if (error == NULL || rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL ||
		    !wait_for_room(p, seen, until))
			return error;
		rd_kafka_error_destroy(error);
	}
}

static struct crf_flight *
flight_new(const struct crf_record *r, crf_delivered_fn done, void *arg)
{
	struct crf_flight *f = crf_new(struct crf_flight);

	f->done = done;
	f->arg = arg;
	f->spread = r->spread;
	return f;
}

static carafe_rc
send_flight(struct crf_producer *p, const struct crf_record *r, struct crf_flight *f, int wait_ms, carafe_error *err)
{
	rd_kafka_topic_t *topic = topic_handle(p, r->topic);
	CRF_AUTO_FREE char *what = NULL;
	rd_kafka_headers_t *headers;
	rd_kafka_error_t *error;

	if (topic == NULL)
		return crf_error_kafka(err, CARAFE_INVALID, rd_kafka_last_error(), "\"%s\" is no topic to produce to: %s",
		    r->topic, rd_kafka_err2str(rd_kafka_last_error()));
	headers = make_headers(r);
	error = send_patiently(p, topic, r, headers, f, wait_ms);
	if (error == NULL)
		return CARAFE_OK;

	if (headers != NULL)
		rd_kafka_headers_destroy(headers);
	what = crf_format("cannot produce to %s", r->topic);
	return crf_native_fail_error(p->rk, err, error, what);
}

carafe_rc
crf_produce(struct crf_producer *p, const struct crf_record *r, crf_delivered_fn done, void *arg, int wait_ms, carafe_error *err)
{
	struct crf_flight *f = flight_new(r, done, arg);
	carafe_rc rc;

	if (!take_off(p, f)) {
		free(f);
		return crf_error_kafka(err, CARAFE_UNAVAILABLE, RD_KAFKA_RESP_ERR__FATAL,
		    "cannot produce to %s: the producer has failed for good, and is just being made anew", r->topic);
	}
	if ((rc = send_flight(p, r, f, wait_ms, err)) != CARAFE_OK)
		crf_flight_land(p, f);
	return rc;
}

carafe_rc
crf_producer_flush(struct crf_producer *p, int timeout_ms, carafe_error *err)
{
	crf_ns until = crf_now() + timeout_ms * CRF_MS;
	bool in_time = true, all;
	uint64_t last;

	crf_lock(&p->mu);
	last = p->accepted;
	while (in_time && !landed(p, last))
		in_time = crf_cond_wait_until(&p->progress, &p->mu, until);
	all = landed(p, last);
	crf_unlock(&p->mu);
	if (all)
		return CARAFE_OK;
	return crf_error(err, CARAFE_TIMEOUT, "not everything produced was acknowledged within %d ms", timeout_ms);
}

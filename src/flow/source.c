/* An epoch as a lane's source: what is behind a consumer when there is a broker. */
#include "connection/connection.h"
#include "flow/flow.h"

static size_t
take(void *source, void **natives, size_t max)
{
	return crf_epoch_take(source, natives, max);
}

static bool
message(void *source, void *native, const char *topic, carafe_message *m)
{
	(void)source;
	return crf_native_message(native, topic, m);
}

static void
free_native(void *source, void *native)
{
	(void)source;
	crf_native_free(native);
}

static int
news(const void *native, int64_t *offset, const char **text)
{
	*offset = crf_native_offset(native);
	*text = crf_native_text(native);
	return crf_native_is_eof(native) ? CRF_NEWS_EOF : crf_native_error(native);
}

static carafe_rc
mark(void *source, int64_t next, int32_t leader_epoch, const char *metadata)
{
	return crf_epoch_mark(source, next, leader_epoch, metadata);
}

static carafe_rc
commit(void *source, carafe_error *err)
{
	return crf_epoch_commit(source, err);
}

static carafe_rc
committed(void *source, int64_t *offset, char **metadata, carafe_error *err)
{
	return crf_epoch_committed(source, offset, metadata, err);
}

static void
ask_committed(void *source, crf_committed_fn *done, void *arg)
{
	crf_epoch_ask_committed(source, done, arg);
}

static void
seek(void *source, struct crf_position to, crf_seek_fn *done, void *arg)
{
	crf_epoch_seek(source, to, done, arg);
}

static void
restated(void *source)
{
	crf_epoch_restated(source);
}

static bool
owned(const void *source)
{
	return crf_epoch_owned(source);
}

static bool
doubtful(const void *source)
{
	return ((const struct crf_epoch *)source)->stray;
}

static void
forget(void *source)
{
	crf_epoch_forget(source);
}

static void
drained(void *source)
{
	crf_epoch_drained(source);
}

static void
release(void *source)
{
	crf_epoch_release(source);
}

static int
max_poll(const void *source)
{
	return crf_connection_max_poll(((const struct crf_epoch *)source)->connection);
}

static int64_t
marked(const void *source)
{
	return crf_epoch_marked(source);
}

static void
overdue(void *source)
{
	crf_epoch_overdue(source);
}

const struct crf_source_ops crf_epoch_source = {
	.take = take,
	.message = message,
	.stamp = carafe_message_timestamp,
	.doubtful = doubtful,
	.news = news,
	.free_native = free_native,
	.mark = mark,
	.commit = commit,
	.committed = committed,
	.ask_committed = ask_committed,
	.seek = seek,
	.restated = restated,
	.owned = owned,
	.forget = forget,
	.drained = drained,
	.release = release,
	.max_poll = max_poll,
	.marked = marked,
	.overdue = overdue,
};

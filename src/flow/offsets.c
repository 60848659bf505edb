/* Marks that say more than their offset, and what the group remembers of that. */
#include <carafe/feature/offsets.h>

#include <stdlib.h>

#include "core/error.h"
#include "core/opts.h"
#include "flow/consumer.h"
#include "work/done.h"

carafe_rc
carafe_mark_with_(carafe_consumer *c, const carafe_message *m, const carafe_mark_opts *opts)
{
	carafe_mark_opts o;
	carafe_rc rc;

	crf_check_consumer(c);
	if (!crf_opts_copy(&o, sizeof(o), opts))
		return crf_error(o.err, CARAFE_INVALID, "carafe_mark_with: an option that this version of carafe does not know");
	if (!crf_consumer_had(c, m))
		return crf_error(o.err, CARAFE_INVALID, "the message is none that was handed out of %s[%d]: nothing was marked",
		    c->topic->name, c->lane.partition);
	if (o.metadata != NULL)
		crf_lane_annotate(&c->lane, o.metadata);
	if ((rc = carafe_mark(c, m)) != CARAFE_OK)
		return crf_error(o.err, rc, "%s[%d] is no longer owned, nothing was marked", c->topic->name, c->lane.partition);
	return o.commit ? carafe_commit(c, o.err) : CARAFE_OK;
}

void
carafe_store_offset_metadata(carafe_consumer *c, const char *metadata)
{
	crf_check_consumer(c);
	crf_lane_annotate(&c->lane, metadata);
}

static carafe_rc
ask(struct carafe_consumer *c, carafe_error *err)
{
	char *metadata = NULL;
	int64_t offset;
	carafe_rc rc = c->lane.from->committed(c->lane.source, &offset, &metadata, err);

	if (rc != CARAFE_OK)
		return rc;
	free(c->committed.metadata);
	c->committed.metadata = metadata;
	if (crf_done_is_text(metadata)) { /* carafe's own */
		free(metadata);
		c->committed.metadata = NULL;
	}
	c->committed.known = true;
	return CARAFE_OK;
}

carafe_rc
carafe_offset_metadata(carafe_consumer *c, bool afresh, const char **metadata, carafe_error *err)
{
	carafe_rc rc;

	crf_check_consumer(c);
	*metadata = NULL;
	if (!crf_lane_owned(&c->lane))
		return crf_error(err, CARAFE_LOST, "%s[%d] is no longer owned", c->topic->name, c->lane.partition);
	if ((afresh || !c->committed.known) && (rc = ask(c, err)) != CARAFE_OK)
		return rc;
	*metadata = c->committed.metadata;
	return CARAFE_OK;
}

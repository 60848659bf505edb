#include "flow/failures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/mem.h"

#define TEXT 128
#define RCS (CARAFE_CRITICAL + 1)

struct failure {
	carafe_rc rc;
	char text[TEXT];
};

struct carafe_failures {
	size_t count; /* those that are not kept any more included */
	size_t by_rc[RCS];
	char trace_id[33];
	struct failure ring[CARAFE_FAILURES_KEPT]; /* number i is at i % CARAFE_FAILURES_KEPT */
};

static size_t
class_of(carafe_rc rc)
{
	return rc > CARAFE_OK && rc < RCS ? (size_t)rc : CARAFE_INVALID;
}

static void
new_trace_id(char id[33])
{
	unsigned char bytes[16];

	if (getentropy(bytes, sizeof(bytes)) != 0)
		memset(bytes, 0, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(id + 2 * i, 3, "%02x", bytes[i]);
}

void
crf_failures_add(struct crf_failures *f, carafe_rc rc, const char *text)
{
	carafe_failures *k = f->kept;
	struct failure *new;

	if (k == NULL)
		k = f->kept = crf_new(carafe_failures);
	if (k->count == 0)
		new_trace_id(k->trace_id);
	new = &k->ring[k->count++ % CARAFE_FAILURES_KEPT];
	k->by_rc[class_of(rc)]++;
	new->rc = (carafe_rc)class_of(rc);
	snprintf(new->text, sizeof(new->text), "%s", text);
}

void
crf_failures_clear(struct crf_failures *f)
{
	if (f->kept == NULL || f->kept->count == 0)
		return;
	f->kept->count = 0;
	memset(f->kept->by_rc, 0, sizeof(f->kept->by_rc));
	f->kept->trace_id[0] = '\0';
}

void
crf_failures_keep_last(struct crf_failures *f)
{
	struct failure last;

	if (f->kept == NULL || f->kept->count < 2)
		return;
	last = f->kept->ring[(f->kept->count - 1) % CARAFE_FAILURES_KEPT];
	crf_failures_clear(f);
	crf_failures_add(f, last.rc, last.text);
}

void
crf_failures_fini(struct crf_failures *f)
{
	free(f->kept);
	f->kept = NULL;
}

const char *
crf_failures_trace_id(const struct crf_failures *f)
{
	return f->kept != NULL && f->kept->trace_id[0] != '\0' ? f->kept->trace_id : NULL;
}

/* ------------------------------------------------------------------------------------------------ what strategies call */

#define check_failures(f) crf_check_given((f), "list of failures", "the one that the strategy is given")

static const struct failure *
at(const carafe_failures *f, size_t i)
{
	return i < f->count && i < CARAFE_FAILURES_KEPT ? &f->ring[(f->count - 1 - i) % CARAFE_FAILURES_KEPT] : NULL;
}

size_t
carafe_failures_count(const carafe_failures *f)
{
	check_failures(f);
	return f->count;
}

size_t
carafe_failures_with(const carafe_failures *f, carafe_rc rc)
{
	check_failures(f);
	return f->by_rc[class_of(rc)];
}

carafe_rc
carafe_failures_rc(const carafe_failures *f, size_t i)
{
	check_failures(f);
	return at(f, i) != NULL ? at(f, i)->rc : CARAFE_OK;
}

const char *
carafe_failures_text(const carafe_failures *f, size_t i)
{
	check_failures(f);
	return at(f, i) != NULL ? at(f, i)->text : NULL;
}

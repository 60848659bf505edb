/* What verifiable-consumer and verifiable-producer have in common: the arguments and the lines of Apache Kafka's tools of the
 * same names, so that whatever drives those can drive these. */
#ifndef CRF_CLI_VERIFIABLE_H
#define CRF_CLI_VERIFIABLE_H

#include "cli/cli.h"

/* An option that is a setting: as given, else the fallback, which any other layer of settings overrides; NULL: none. */
struct crf_verifiable_setting {
	enum crf_option_id option; /* CRF_OPTION_COUNT: none */
	const char *key;
	const char *fallback;
};
void crf_verifiable_settings(const struct crf_call *call, const struct crf_verifiable_setting *list, size_t count);

/* The number that an option gives, *value as it is when it is not given; false, having said so, when it is none from lowest
 * on. */
bool crf_verifiable_number(const struct crf_call *call, enum crf_option_id id, int64_t lowest, int64_t *value);
/* False, having said so, when an option is missing that a tool cannot do without. */
bool crf_verifiable_required(const struct crf_call *call, const enum crf_option_id *list, size_t count);

/* Asks the process to stop, as by a signal: once, since a second one would force it. Any thread, callbacks too. */
void crf_verifiable_stop(void);

/* A line: begun with its time and name, ended and written in one go. Any thread. When nobody reads them any more the process
 * is asked to stop. */
void crf_line_begin(struct crf_buf *line, const char *name);
void crf_line_end(struct crf_buf *line);
/* One without anything else in it. */
void crf_line(const char *name);

#endif

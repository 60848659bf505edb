/* Filling in a carafe_error. */
#ifndef CRF_CORE_ERROR_H
#define CRF_CORE_ERROR_H

#include <stdarg.h>

#include <carafe/error.h>

/* Each returns rc, so that a failing function ends in one line: return crf_error(err, CARAFE_INVALID, "..."). err may be
 * NULL. The text is cut to fit, on a character boundary. Any thread. */
carafe_rc crf_error(carafe_error *err, carafe_rc rc, const char *format, ...) CARAFE_PRINTF(3, 4);
carafe_rc crf_error_kafka(carafe_error *err, carafe_rc rc, int kafka, const char *format, ...) CARAFE_PRINTF(4, 5);
/* With ": <strerror(errnum)>" behind the text, CARAFE_SYSTEM. */
carafe_rc crf_error_errno(carafe_error *err, int errnum, const char *format, ...) CARAFE_PRINTF(3, 4);
/* Puts "<text>: " before what err says already, and keeps its Kafka code. */
carafe_rc crf_error_prefix(carafe_error *err, carafe_rc rc, const char *format, ...) CARAFE_PRINTF(3, 4);

#endif

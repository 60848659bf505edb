/* Return codes and error details. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CARAFE_ERROR_H
#define CARAFE_ERROR_H

#if defined(__GNUC__)
#define CARAFE_API __attribute__((visibility("default")))
#define CARAFE_USE __attribute__((warn_unused_result))
#define CARAFE_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define CARAFE_API
#define CARAFE_USE
#define CARAFE_PRINTF(fmt, args)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* What a call came to. A handler returns CARAFE_OK for success; every other value but CARAFE_PENDING is a failure of the
 * batch or message it was given, which is then retried; but after CARAFE_CRITICAL nothing is retried, dead-lettered or
 * marked: the app stops gracefully, carafe_wait returns CARAFE_CRITICAL, and a server ends with status 70. */
typedef enum carafe_rc {
	CARAFE_OK = 0,
	CARAFE_FAILED = 1,       /* a handler's own verdict: carafe_fail() returns it */
	CARAFE_INVALID = 2,      /* an argument is wrong */
	CARAFE_CONFIG = 3,       /* the configuration has mistakes, all of them in the text or printed */
	CARAFE_STATE = 4,        /* not now: the object's state does not allow the call */
	CARAFE_TIMEOUT = 5,      /* it did not happen in time; it may still happen */
	CARAFE_LOST = 6,         /* the partition is no longer owned; nothing was done */
	CARAFE_UNAVAILABLE = 7,  /* no broker could be reached */
	CARAFE_DENIED = 8,       /* authentication or authorisation failed */
	CARAFE_UNSUPPORTED = 9,  /* this librdkafka or broker cannot do it */
	CARAFE_KAFKA = 10,       /* Kafka or librdkafka refused: see carafe_error.kafka */
	CARAFE_FATAL = 11,       /* the client cannot go on */
	CARAFE_SYSTEM = 12,      /* an operating-system call failed */
	CARAFE_CRITICAL = 13,    /* a handler's own verdict: nothing can go on; the app stops */
	CARAFE_PENDING = 14      /* a handler's, after carafe_defer(): in progress, carafe_complete() will say how it ended */
} carafe_rc;

#define CARAFE_ERROR_TEXT 256

/* Details of a failed call. The caller owns it (usually on the stack) and passes it as the last argument, or NULL when
 * it does not want to know. It is written only when the call fails. */
typedef struct carafe_error {
	carafe_rc rc;
	int kafka; /* rd_kafka_resp_err_t behind the failure, 0 if there is none */
	char text[CARAFE_ERROR_TEXT];
} carafe_error;

/* The name of a code, such as "CARAFE_LOST"; "unknown" for a value that is none. Any thread. */
CARAFE_API const char *carafe_rc_name(carafe_rc rc);

#ifdef __cplusplus
}
#endif
#endif

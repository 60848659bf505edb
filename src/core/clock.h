/* Time. crf_ns is monotonic nanoseconds; wall time is only for showing and for what Kafka stamps. */
#ifndef CRF_CORE_CLOCK_H
#define CRF_CORE_CLOCK_H

#include <stdint.h>
#include <time.h>

typedef int64_t crf_ns;

#define CRF_MS ((crf_ns)1000000)
#define CRF_SECOND (1000 * CRF_MS)
#define CRF_NEVER INT64_MAX

static inline crf_ns
crf_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (crf_ns)ts.tv_sec * CRF_SECOND + ts.tv_nsec;
}

/* Milliseconds since 1970. */
int64_t crf_wall_ms(void);
/* Milliseconds until when, rounded up so that a wait never ends too early; 0 when it is past, at most cap. */
int crf_ms_until(crf_ns when, crf_ns now, int cap);

#endif

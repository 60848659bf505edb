#include "core/clock.h"

int64_t
crf_wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int
crf_ms_until(crf_ns when, crf_ns now, int cap)
{
	crf_ns left;

	if (when <= now)
		return 0;
	if (when == CRF_NEVER || __builtin_sub_overflow(when, now, &left))
		return cap;
	left = left / CRF_MS + (left % CRF_MS != 0);
	return left < cap ? (int)left : cap;
}

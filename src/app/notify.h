/* What systemd is told: datagrams to the socket that NOTIFY_SOCKET names, sd_notify's protocol without libsystemd. */
#ifndef CRF_APP_NOTIFY_H
#define CRF_APP_NOTIFY_H

#include <stdbool.h>

#include "core/clock.h"

/* There is somebody to tell. */
bool crf_notify_wanted(void);
/* How often WATCHDOG=1 is due, half of what WATCHDOG_USEC says; 0: systemd does not wait for it. */
crf_ns crf_notify_watchdog(void);
/* Sends "READY=1" and the like; never blocks, and nobody there is no error. */
void crf_notify(const char *text);

#endif

/* Several connections for the same topics. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CARAFE_FEATURE_MULTIPLEX_H
#define CARAFE_FEATURE_MULTIPLEX_H

#include <carafe/carafe.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A connection is made several times over: each copy is a member of the group with a librdkafka consumer of its own, so that one
 * process fetches through several connections. Partitions are shared out among copies as among any members; handlers run on
 * the same workers as before.
 *
 * With min equal to max the number is fixed. Else it begins with boot, and when the group has not rebalanced for scale_delay
 * one copy is added while one of them has more than one partition, or stopped when one of them has none. Not with
 * group.instance.id, since identities would come and go; a fixed number is fine with it. Copies are told apart by a number
 * behind client.id, group.instance.id and the connection's name ("-0", "-1", ...), the same ones after every start. */
typedef struct carafe_multiplex_opts {
	size_t size;
	const char *connection; /* the .connection of its routes; NULL: routes without one */
	int max;                /* required: 2 or more */
	int min;                /* max: a fixed number */
	int boot;               /* half of max, at least min; max when the number is fixed */
	int scale_delay;        /* ms; 60000, at least 1000 */
} carafe_multiplex_opts;

/* Once for each connection of the group. Drawing. */
#define carafe_multiplex(group, ...) carafe_multiplex_((group), CARAFE_OPTS_(carafe_multiplex_opts, __VA_ARGS__))
CARAFE_API void carafe_multiplex_(carafe_group *group, const carafe_multiplex_opts *opts);

#ifdef __cplusplus
}
#endif
#endif

/* Episodes of a random test, each with its seed.
 *
 *   CRF_SEED=n      runs the one episode that failed; each failure prints its seed
 *   CRF_EPISODES=n  how many to run */
#ifndef CRF_TESTS_EPISODES_H
#define CRF_TESTS_EPISODES_H

#include <stdint.h>
#include <stdlib.h>

/* Below that; state is never 0. */
static inline uint64_t
next_random(uint64_t *state, uint64_t below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state % below;
}

static inline void
run_episodes(void (*episode)(uint64_t seed), uint64_t count)
{
	const char *seed = getenv("CRF_SEED"), *episodes = getenv("CRF_EPISODES");

	if (seed != NULL) {
		episode(strtoull(seed, NULL, 10));
		return;
	}
	if (episodes != NULL)
		count = strtoull(episodes, NULL, 10);
	for (uint64_t i = 1; i <= count; i++)
		episode(i);
}

#endif

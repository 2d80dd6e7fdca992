/* backoff.h: how long to wait before trying again: exponential with full jitter, so that many
 * switches that lost the same server do not come back in step. Pure: the random number comes in. */
#ifndef VSN_BASE_BACKOFF_H
#define VSN_BASE_BACKOFF_H

#include <stdint.h>

struct backoff {
    int64_t first_ms; /* the bound of the first delay, at least 1 */
    int64_t most_ms;  /* no bound grows beyond it */
    unsigned failures;
};

/* The next delay, 0 to min(most_ms, first_ms * 2^failures) in milliseconds, picked by 'random' (any
 * 64 bits); counts one more failure. */
int64_t backoff_next(struct backoff *backoff, uint64_t random);

/* After a success: the next delay is a first one again. */
void backoff_reset(struct backoff *backoff);

#endif

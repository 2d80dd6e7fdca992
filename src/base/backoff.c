#include "base/backoff.h"

int64_t backoff_next(struct backoff *backoff, uint64_t random)
{
    int64_t bound = backoff->first_ms;

    for (unsigned i = 0; i < backoff->failures && bound < backoff->most_ms; i++)
        bound *= 2;
    if (bound > backoff->most_ms)
        bound = backoff->most_ms;
    if (bound < backoff->most_ms)
        backoff->failures++;
    return (int64_t)(random % (uint64_t)(bound + 1));
}

void backoff_reset(struct backoff *backoff)
{
    backoff->failures = 0;
}

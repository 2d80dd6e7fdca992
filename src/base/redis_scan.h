/* redis_scan.h: walking the keys of a Redis database with their rows, page by page.
 *
 * SCAN tells every key that is there from its beginning to its end, some of them twice; a page's
 * rows are asked for in one pipeline. Nothing is held but one page. */
#ifndef VSN_BASE_REDIS_SCAN_H
#define VSN_BASE_REDIS_SCAN_H

#include "base/redis.h"

struct redis_walk {
    struct redis *redis;
    const char *pattern; /* of the keys (glob), "PORT|*" */
    int64_t until_ms;    /* for all of it */

    /* Adds the one command that asks for the key's row; false, and no command, when the key is of
     * no interest. With a NULL 'redis' it only says whether. NULL: the keys are all that is wanted.
     */
    bool (*ask)(struct redis *redis, const char *key);
    /* Takes a key, and the reply that is its row; NULL where there was none to ask for or where
     * another hand has put something else under the key. A failure ends the walk. */
    int (*take)(void *data, const char *key, const redisReply *row, struct error *reterr);
    void *data;
};

/* Asks by HGETALL, for any key. */
bool redis_ask_hash(struct redis *redis, const char *key);

/* Returns 0, the errno of 'take', or as redis_hear(); then replies may be on the way, and the
 * connection is of no use any more. */
int redis_walk(const struct redis_walk *walk, struct error *reterr);

#endif

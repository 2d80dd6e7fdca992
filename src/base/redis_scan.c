#include "base/redis_scan.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

#define PAGE "1000" /* keys that a SCAN looks at: what Redis does between two of its clients */
#define PAGES_MAX 100000

bool redis_ask_hash(struct redis *redis, const char *key)
{
    if (redis)
        REDIS_ADD(redis, "HGETALL", key);
    return true;
}

/* The row under a key. What another hand made no hash of is no row; any other refusal of Redis ends
 * the walk. */
static int hear_row(const struct redis_walk *walk, redisReply **ret_row, struct error *reterr)
{
    struct error error = { "" };
    int r = redis_hear(walk->redis, walk->until_ms, ret_row, &error);

    if (r == -EREMOTEIO && strstr(error.text, "WRONGTYPE"))
        return 0;
    return r < 0 ? error_set(reterr, r, "%s", error.text) : 0;
}

static int take_page(const struct redis_walk *walk, const redisReply *keys, struct error *reterr)
{
    const redisReply *key;
    int r = 0;

    for (size_t i = 0; walk->ask && (key = redis_at(keys, i)); i++)
        walk->ask(walk->redis, redis_text(key));
    for (size_t i = 0; r == 0 && (key = redis_at(keys, i)); i++) {
        redisReply *row = NULL;

        if (walk->ask && !walk->ask(NULL, redis_text(key)))
            continue;
        if (walk->ask)
            r = hear_row(walk, &row, reterr);
        if (r == 0)
            r = walk->take(walk->data, redis_text(key), row, reterr);
        freeReplyObject(row);
    }
    return r;
}

int redis_walk(const struct redis_walk *walk, struct error *reterr)
{
    char cursor[32] = "0";

    for (unsigned page = 0; page < PAGES_MAX; page++) {
        redisReply *reply = NULL;
        int r = REDIS_ASK(walk->redis, walk->until_ms, &reply, reterr, "SCAN", cursor, "MATCH",
                          walk->pattern, "COUNT", PAGE);

        if (r < 0)
            return r;
        text_copy(cursor, sizeof(cursor), redis_text(redis_at(reply, 0)));
        r = take_page(walk, redis_at(reply, 1), reterr);
        freeReplyObject(reply);
        if (r < 0 || !*cursor || strcmp(cursor, "0") == 0)
            return r;
    }
    return error_set(reterr, -EMSGSIZE, "Redis has more keys than can be read");
}

/* sonic_confirmer SOCKET: writes into STATE_DB what is configured in CONFIG_DB, as vlanmgrd would
 * if it had nothing to do: so that what is measured is not the stand-in. Says "ready". */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

/* Confirms one row; the replies to what was sent are taken later. */
static int confirm(redisContext *state, const redisReply *message)
{
    const char *key = message->elements == 4 ? strstr(message->element[2]->str, "|Vlan") : NULL;

    if (!key)
        return 0;
    if (strcmp(message->element[3]->str, "del") == 0)
        redisAppendCommand(state, "DEL VLAN_MEMBER_TABLE%s", key);
    else
        redisAppendCommand(state, "HSET VLAN_MEMBER_TABLE%s state ok", key);
    return 1;
}

static int take(redisContext *state, int sent)
{
    for (int i = 0; i < sent; i++) {
        redisReply *reply = NULL;

        if (redisGetReply(state, (void **)&reply) != REDIS_OK)
            return -1;
        freeReplyObject(reply);
    }
    return 0;
}

int main(int argc, char **argv)
{
    redisContext *news = argc == 2 ? redisConnectUnix(argv[1]) : NULL;
    redisContext *state = argc == 2 ? redisConnectUnix(argv[1]) : NULL;
    void *message = NULL;
    int r = 0;

    if (!news || news->err || !state || state->err)
        return 2;
    freeReplyObject(redisCommand(state, "SELECT 6"));
    freeReplyObject(redisCommand(news, "PSUBSCRIBE __keyspace@4__:VLAN_MEMBER|*"));
    puts("ready");
    fflush(stdout);
    while (r == 0 && redisGetReply(news, &message) == REDIS_OK) {
        int sent = 0;

        do {
            sent += confirm(state, message);
            freeReplyObject(message);
            message = NULL;
        } while (redisReaderGetReply(news->reader, &message) == REDIS_OK && message);
        r = take(state, sent);
    }
    redisFree(news);
    redisFree(state);
    return 0;
}

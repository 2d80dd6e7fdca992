/* The floor of SONiC: one pipeline of HSET or DEL, the wait until vlanmgrd's rows are there, and a
 * pipeline of HGET. */
#include "switch_floor_sonic.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAUSE_US 200 /* between two looks at how many rows STATE_DB has */
#define PAUSES_MAX 300000

struct sonic_floor {
    redisContext *config, *state;
};

static redisContext *open_database(const char *socket, const char *select)
{
    redisContext *context = redisConnectUnix(socket);

    if (context && !context->err)
        freeReplyObject(redisCommand(context, select));
    return context;
}

struct sonic_floor *sonic_floor_new(const char *arguments)
{
    const char *socket = strstr(arguments, "unix:");
    struct sonic_floor *floor = calloc(1, sizeof(*floor));

    if (!socket)
        return sonic_floor_free(floor);
    floor->config = open_database(socket + 5, "SELECT 4");
    floor->state = open_database(socket + 5, "SELECT 6");
    if (!floor->config || !floor->state || floor->config->err || floor->state->err)
        return sonic_floor_free(floor);
    return floor;
}

struct sonic_floor *sonic_floor_free(struct sonic_floor *floor)
{
    if (floor && floor->config)
        redisFree(floor->config);
    if (floor && floor->state)
        redisFree(floor->state);
    free(floor);
    return NULL;
}

static long long rows(struct sonic_floor *floor)
{
    redisReply *reply = redisCommand(floor->state, "DBSIZE");
    long long count = reply ? reply->integer : -1;

    freeReplyObject(reply);
    return count;
}

static int pipeline(struct sonic_floor *floor, const char *format, const char *rest, unsigned ports,
                    unsigned first, unsigned last)
{
    char command[128];
    int failed = 0;

    for (unsigned vlan = first; vlan <= last; vlan++)
        for (unsigned port = 1; port <= ports; port++) {
            snprintf(command, sizeof(command), "%s VLAN_MEMBER|Vlan%u|swp%u %s", format, vlan, port,
                     rest);
            redisAppendCommand(floor->config, command);
        }
    for (unsigned i = 0; i < ports * (last - first + 1); i++) {
        redisReply *reply = NULL;

        failed |= redisGetReply(floor->config, (void **)&reply) != REDIS_OK ||
                  reply->type == REDIS_REPLY_ERROR;
        freeReplyObject(reply);
    }
    return failed ? -1 : 0;
}

int sonic_floor_write(struct sonic_floor *floor, bool adding, unsigned ports, unsigned first,
                      unsigned last)
{
    long long change = (long long)ports * (last - first + 1), before = rows(floor);
    long long wanted = adding ? before + change : before - change;
    int r = pipeline(floor, adding ? "HSET" : "DEL", adding ? "tagging_mode tagged" : "", ports,
                     first, last);

    for (int i = 0; r == 0 && rows(floor) != wanted; i++) {
        if (i == PAUSES_MAX)
            return -1;
        usleep(PAUSE_US);
    }
    return r == 0 ? pipeline(floor, "HGET", "tagging_mode", ports, first, last) : r;
}

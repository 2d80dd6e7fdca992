/* Any bytes as what Redis sends: they are read within the caps, and what they hold is looked at as
 * rows and notifications are. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/redis.h"
#include "switch/sonic_keys.h"

#define SIZE_MOST 60000 /* that a socket takes at once */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const redisReply *reply)
{
    const redisReply *element;
    const char *key, *port;
    unsigned database;

    redis_field(reply, "tagging_mode");
    for (size_t i = 0; (element = redis_at(reply, i)); i++)
        look(element);
    key = sonic_channel_key(redis_text(reply), &database);
    if (key && sonic_member_of(key, "VLAN_MEMBER|", &port) > 4094)
        __builtin_trap();
    if (sonic_vlan_of(redis_text(reply), NULL) > 4094)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct redis *redis;
    redisReply *reply = NULL;
    int ends[2];

    if (size > SIZE_MOST || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return 0;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    redis = redis_adopt(ends[0]);
    if (write(ends[1], data, size) != (ssize_t)size)
        __builtin_trap();
    close(ends[1]);
    for (int r = 1; redis && r != -ENOTCONN && r != -EBADMSG;) {
        r = redis_take(redis, &reply, NULL);
        if (r == 1) {
            look(reply);
            freeReplyObject(reply);
        }
    }
    redis_free(redis);
    return 0;
}

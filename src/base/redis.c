#include "base/redis.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/attrs.h"
#include "base/clock.h"
#include "base/strbuf.h"
#include "base/text.h"

#define READ_CHUNK 65536
#define DEPTH_MAX 4 /* arrays within arrays; Redis needs two */

/* hiredis 1.0 changed the type. */
#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif

struct redis {
    int fd;
    struct strbuf out;
    redisReader *reader;
    redisReplyObjectFunctions functions, standard;
    size_t fed;      /* bytes since the last whole reply */
    size_t elements; /* values promised by the arrays of the reply that is being read */
    int broken;      /* 0, or the errno that ended the connection */
};

/* ---- Replies --------------------------------------------------------------------------------- */

/* Memory for an array is taken when its head is read, so the heads are what has to be capped. */
static void *capped_array(const redisReadTask *task, element_count elements)
{
    struct redis *redis = task->privdata;
    size_t depth = 0;

    for (const redisReadTask *at = task; at->parent; at = at->parent)
        depth++;
    if (depth >= DEPTH_MAX || (size_t)elements > REDIS_ELEMENTS_MAX - redis->elements)
        return NULL;
    redis->elements += (size_t)elements;
    return redis->standard.createArray(task, elements);
}

static int fail(struct redis *redis, int r, struct error *reterr, const char *text)
{
    if (!redis->broken)
        redis->broken = r;
    return error_set(reterr, r, "%s", text);
}

/* 1 and a reply, 0 when more bytes are needed. */
static int next_reply(struct redis *redis, redisReply **ret_reply, struct error *reterr)
{
    void *reply = NULL;

    if (redisReaderGetReply(redis->reader, &reply) != REDIS_OK)
        return fail(redis, -EBADMSG, reterr,
                    "Redis sent something that cannot be read, or more than can be held");
    if (!reply)
        return 0;
    redis->fed = redis->reader->len - redis->reader->pos;
    redis->elements = 0;
    *ret_reply = reply;
    return 1;
}

static int refusal_of(redisReply *reply, struct error *reterr)
{
    char text[256];

    error_set(reterr, -EREMOTEIO, "Redis: %s", text_safe(text, sizeof(text), reply->str));
    freeReplyObject(reply);
    return -EREMOTEIO;
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

static int receive(struct redis *redis, struct error *reterr)
{
    char chunk[READ_CHUNK];
    ssize_t got = recv(redis->fd, chunk, sizeof(chunk), 0);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got <= 0)
        return fail(redis, -ENOTCONN, reterr, "Redis closed the connection");
    redis->fed += (size_t)got;
    if (redis->fed > REDIS_REPLY_MAX)
        return fail(redis, -EBADMSG, reterr, "Redis sent more than can be held");
    if (redisReaderFeed(redis->reader, chunk, (size_t)got) != REDIS_OK)
        return fail(redis, -EBADMSG, reterr, "out of memory");
    return 1;
}

static int transmit(struct redis *redis, struct error *reterr)
{
    ssize_t put = send(redis->fd, redis->out.data, redis->out.size, MSG_NOSIGNAL);

    if (put < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (put < 0)
        return fail(redis, -ENOTCONN, reterr, "Redis closed the connection");
    strbuf_consume(&redis->out, (size_t)put);
    return 0;
}

/* Sends and receives once, waiting for either. */
static int exchange(struct redis *redis, int64_t until_ms, struct error *reterr)
{
    struct pollfd fd = { .fd = redis->fd,
                         .events = (short)(POLLIN | (redis->out.size ? POLLOUT : 0)) };
    int64_t left = until_ms - clock_now_ms();
    int r = poll(&fd, 1, left > 0 ? (int)left : 0);

    if (r == 0)
        return fail(redis, -ETIMEDOUT, reterr, "Redis does not answer in time");
    if (r < 0)
        return errno == EINTR ? 0 : fail(redis, -ENOTCONN, reterr, strerror(errno));
    r = fd.revents & POLLOUT ? transmit(redis, reterr) : 0;
    if (r == 0 && fd.revents & (POLLIN | POLLHUP | POLLERR))
        r = receive(redis, reterr);
    return r < 0 ? r : 0;
}

/* ---- Commands -------------------------------------------------------------------------------- */

int redis_add(struct redis *redis, size_t n_words, const char *const *words)
{
    strbuf_addf(&redis->out, "*%zu\r\n", n_words);
    for (size_t i = 0; i < n_words; i++) {
        strbuf_addf(&redis->out, "$%zu\r\n", strlen(words[i]));
        strbuf_adds(&redis->out, words[i]);
        strbuf_adds(&redis->out, "\r\n");
    }
    if (redis->out.overflow && !redis->broken)
        redis->broken = -EMSGSIZE; /* half a command must not go out */
    return redis->broken == -EMSGSIZE ? -EMSGSIZE : 0;
}

static int check_usable(const struct redis *redis, struct error *reterr)
{
    if (redis->broken == -EMSGSIZE)
        return error_set(reterr, -ENOTCONN, "more commands for Redis than can be held");
    return redis->broken ? error_set(reterr, -ENOTCONN, "the connection to Redis was given up") : 0;
}

int redis_hear(struct redis *redis, int64_t until_ms, redisReply **ret_reply, struct error *reterr)
{
    redisReply *reply = NULL;
    int r = check_usable(redis, reterr);

    while (r == 0 && (r = next_reply(redis, &reply, reterr)) == 0)
        r = exchange(redis, until_ms, reterr);
    if (r < 0)
        return r;
    if (reply->type == REDIS_REPLY_ERROR)
        return refusal_of(reply, reterr);
    *ret_reply = reply;
    return 0;
}

int redis_ask(struct redis *redis, int64_t until_ms, redisReply **ret_reply, struct error *reterr,
              size_t n_words, const char *const *words)
{
    redis_add(redis, n_words, words);
    return redis_hear(redis, until_ms, ret_reply, reterr);
}

int redis_take(struct redis *redis, redisReply **ret_reply, struct error *reterr)
{
    redisReply *reply = NULL;
    int r = check_usable(redis, reterr);

    while (r == 0 && (r = next_reply(redis, &reply, reterr)) == 0) {
        r = receive(redis, reterr);
        if (r == 0)
            return 0;
        r = r < 0 ? r : 0;
    }
    if (r < 0)
        return r;
    if (reply->type == REDIS_REPLY_ERROR)
        return refusal_of(reply, reterr);
    *ret_reply = reply;
    return 1;
}

/* ---- Reading a reply ------------------------------------------------------------------------- */

const char *redis_text(const redisReply *reply)
{
    bool is_text =
        reply && (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS);

    return is_text && reply->str ? reply->str : "";
}

const redisReply *redis_at(const redisReply *reply, size_t index)
{
    if (!reply || reply->type != REDIS_REPLY_ARRAY || index >= reply->elements)
        return NULL;
    return reply->element[index];
}

const char *redis_field(const redisReply *reply, const char *field)
{
    const redisReply *name;

    for (size_t i = 0; (name = redis_at(reply, i)); i += 2)
        if (strcmp(redis_text(name), field) == 0)
            return redis_text(redis_at(reply, i + 1));
    return NULL;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static int connect_to(const char *path, struct error *reterr)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    CLEANUP(close_fd) int fd = -1;

    if (strlen(path) >= sizeof(address.sun_path))
        return error_set(reterr, -ENAMETOOLONG, "%s: longer than a socket's name may be", path);
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)(void *)&address, sizeof(address)) < 0)
        return error_set(reterr, -ENOTCONN, "%s: %s", path, strerror(errno));
    return take_fd(&fd);
}

struct redis *redis_adopt(int fd)
{
    struct redis *redis = calloc(1, sizeof(*redis));

    if (!redis) {
        close(fd);
        return NULL;
    }
    redis->fd = fd;
    strbuf_init(&redis->out, REDIS_SEND_MAX);
    redis->reader = redisReaderCreate();
    if (!redis->reader)
        return redis_free(redis);
    redis->standard = redis->functions = *redis->reader->fn;
    redis->functions.createArray = capped_array;
    redis->reader->fn = &redis->functions;
    redis->reader->privdata = redis;
    return redis;
}

int redis_open(const char *path, struct redis **ret_redis, struct error *reterr)
{
    int fd = connect_to(path, reterr);
    struct redis *redis = fd < 0 ? NULL : redis_adopt(fd);

    if (fd < 0)
        return fd;
    if (!redis)
        return error_set(reterr, -ENOMEM, "out of memory");
    *ret_redis = redis;
    return 0;
}

struct redis *redis_free(struct redis *redis)
{
    if (!redis)
        return NULL;
    close_fd(&redis->fd);
    if (redis->reader)
        redisReaderFree(redis->reader);
    strbuf_done(&redis->out);
    free(redis);
    return NULL;
}

int redis_fd(const struct redis *redis)
{
    return redis->fd;
}

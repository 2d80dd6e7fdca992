/* redis.h: a client of Redis over a unix socket. hiredis reads and writes the protocol (RESP2,
 * https://redis.io/docs/latest/develop/reference/protocol-spec); waiting is bounded by the caller's
 * clock, and what a reply may hold by the caps below, whatever the server sends.
 *
 * Commands are added first and go out together while replies are waited for: a pipeline. After any
 * failure the connection is of no use any more, since nobody knows which reply is next. */
#ifndef VSN_BASE_REDIS_H
#define VSN_BASE_REDIS_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define REDIS_SEND_MAX (64 * 1024 * 1024)  /* bytes of commands that wait to be sent */
#define REDIS_REPLY_MAX (16 * 1024 * 1024) /* bytes of one reply */
#define REDIS_ELEMENTS_MAX 262144          /* values in one reply, in all its arrays */

struct redis;

/* Connects to the socket 'path'. Returns 0, -ENAMETOOLONG or -ENOTCONN. */
int redis_open(const char *path, struct redis **ret_redis, struct error *reterr);
/* The same with a connected socket, which it takes over. NULL when out of memory. */
struct redis *redis_adopt(int fd);
struct redis *redis_free(struct redis *redis);

/* To wait for; readable means redis_take(). */
int redis_fd(const struct redis *redis);

/* Adds a command of 'n_words' words. Returns 0, -EMSGSIZE or -ENOMEM; a failure fails the next
 * redis_hear() as well, so that a run of additions can go unchecked. */
int redis_add(struct redis *redis, size_t n_words, const char *const *words);
#define REDIS_ADD(redis, ...)                                                                      \
    redis_add((redis), sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *),        \
              (const char *const[]){ __VA_ARGS__ })

/* Sends what was added and waits for the next reply until the clock (clock_now_ms) shows
 * 'until_ms'. '*ret_reply' goes to freeReplyObject(). A reply that is an error ("-ERR ...") is one
 * as well: -EREMOTEIO, after which the connection goes on; others: -ENOTCONN (connection lost),
 * -ETIMEDOUT, -EBADMSG (not RESP2, or beyond a cap). */
int redis_hear(struct redis *redis, int64_t until_ms, redisReply **ret_reply, struct error *reterr);

/* Adds one command and waits for its reply; for a connection on which no other reply is awaited. */
int redis_ask(struct redis *redis, int64_t until_ms, redisReply **ret_reply, struct error *reterr,
              size_t n_words, const char *const *words);
#define REDIS_ASK(redis, until_ms, ret_reply, reterr, ...)                                         \
    redis_ask((redis), (until_ms), (ret_reply), (reterr),                                          \
              sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *),                 \
              (const char *const[]){ __VA_ARGS__ })

/* Takes the next reply that has arrived, without waiting: 1, 0 when there is none, or a negative
 * errno as redis_hear(). */
int redis_take(struct redis *redis, redisReply **ret_reply, struct error *reterr);

/* The text of a string or status; "" for anything else. Ends at its first NUL. */
const char *redis_text(const redisReply *reply);

/* The element of an array, NULL when it is none or has fewer. */
const redisReply *redis_at(const redisReply *reply, size_t index);

/* The value of a field in the reply to HGETALL; NULL: there is no such field. */
const char *redis_field(const redisReply *reply, const char *field);

#endif

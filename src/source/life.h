/* life.h: the life of a session with a hypervisor, whatever its API: connecting, keeping contact,
 * trying again with growing delays, holding still after a refused password or certificate (accounts
 * get locked), taking up another target, and stopping.
 *
 * What a session does while it is alive is its own; it says here how that went. */
#ifndef VSN_SOURCE_LIFE_H
#define VSN_SOURCE_LIFE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/backoff.h"
#include "base/error.h"
#include "base/loop.h"
#include "model/record.h"

struct life_callbacks {
    /* Whole lines of record.h, in order. */
    void (*emit)(const char *lines, size_t size, void *data);
    /* True while no more should be emitted; asked before each piece of a reply. */
    bool (*congested)(void *data);
    /* The session that life_stop() was called for is logged out, or could not be. */
    void (*stopped)(void *data);
};

/* What a session does, with its own data. */
struct life_ops {
    /* There is another target: forgets everything of the last one. A negative errno with the
     * sentence holds the session. */
    int (*open)(struct error *reterr, void *session);
    /* Connects and logs in. */
    void (*connect)(void *session);
    /* Ends what is under way. True when it is now logging out: life_closed() is called then, or
     * 'abandon' when that takes too long. */
    bool (*disconnect)(void *session);
    void (*abandon)(void *session);
};

/* What comes after the session has been closed. */
enum life_after { LIFE_RETRY, LIFE_HOLD, LIFE_TARGET, LIFE_STOP };

struct life {
    struct loop *loop;
    struct life_callbacks callbacks;
    void *data;
    const struct life_ops *ops;
    void *session;

    struct target *target, *next_target; /* row_copy() */
    enum session_state state;
    struct error reason; /* set by the session before life_close() */
    char product[128], version[64], api[128], notice[ERROR_SIZE];

    struct loop_watch *timer;        /* of the retry, or the bound of a close */
    struct loop_watch *target_timer; /* takes up next_target, from outside of any callback */
    struct backoff backoff;
    enum life_after after;
    bool closing;         /* from life_close() to life_closed() */
    bool waiting;         /* for the retry */
    bool ever_read;       /* something of this target was read in full */
    int64_t connected_ms; /* since when; 0: not connected */
};

/* Returns 0 or -ENOMEM; life_done() is safe after either. 'ops' is borrowed. */
int life_init(struct life *life, struct loop *loop, const struct life_callbacks *callbacks,
              void *data, const struct life_ops *ops, void *session);
void life_done(struct life *life);

/* Tells vsnd the state. */
void life_tell(struct life *life, enum session_state state);
/* Everything was read: tells so. */
void life_connected(struct life *life);
/* Ends what is under way; the reason is set. */
void life_close(struct life *life, enum life_after after);
/* The session is logged out. */
void life_closed(struct life *life);

/* Whom to follow from now on; the texts are copied. vsnd says the same target again whenever its
 * configuration was read: then what waits is tried at once, as a password or a certificate may be
 * another one now, and a session that works goes on. */
void life_target(struct life *life, const struct target *target);
/* Ends the session within a few seconds, and calls 'stopped'. */
void life_stop(struct life *life);

/* Something random, for delays. */
uint64_t life_random(void);

#endif

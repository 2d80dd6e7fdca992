/* channel.h: lines in both directions over a stream socket between two of our processes. */
#ifndef VSN_BASE_CHANNEL_H
#define VSN_BASE_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/loop.h"
#include "base/strbuf.h"

/* The descriptor on which a child process finds its channel to vsnd. */
#define CHANNEL_CHILD_FD 3

struct channel;

/* One line, without its newline; 'line' may be changed in place. */
typedef void channel_line_fn(char *line, void *data);
/* Everything that had arrived was handed out: the moment to draw conclusions. May be NULL. */
typedef void channel_settled_fn(void *data);
/* The other end is gone, or broke the rules; 'reason' says which. The channel is still the caller's
 * to free, from here or later. */
typedef void channel_closed_fn(const char *reason, void *data);

struct channel_callbacks {
    channel_line_fn *line;
    channel_settled_fn *settled;
    channel_closed_fn *closed;
};

/* Takes ownership of 'fd' (a stream socket), makes it non-blocking. A line longer than 'line_max'
 * bytes, or more than 'backlog_max' bytes that the other end does not take, closes the channel.
 * NULL on failure, 'fd' then still being the caller's. */
struct channel *channel_new(struct loop *loop, int fd, size_t line_max, size_t backlog_max,
                            const struct channel_callbacks *callbacks, void *data);

/* Queues bytes (whole lines with their newlines). Returns 0 or -EMSGSIZE / -EPIPE; after a failure
 * the closed callback comes at the next turn of the loop. */
int channel_send(struct channel *channel, const char *data, size_t size);

/* Bytes that the other end has not taken yet. */
size_t channel_backlog(const struct channel *channel);

struct channel *channel_free(struct channel *channel);

#endif

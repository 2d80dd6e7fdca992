#include "base/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define READ_CHUNK 65536

struct channel {
    int fd;
    struct loop_watch *watch;
    struct loop_watch *failed; /* fires the closed callback outside of channel_send() */
    const char *reason;
    struct strbuf in, out;
    size_t line_max;
    bool dead;
    bool busy; /* inside a callback: channel_free() only marks */
    bool freed;
    struct channel_callbacks callbacks;
    void *data;
};

static void channel_rewatch(struct channel *channel)
{
    int events =
        (channel->dead ? 0 : LOOP_READ) | (channel->out.size && !channel->dead ? LOOP_WRITE : 0);

    loop_watch_events(channel->watch, events);
}

/* Stops traffic and tells the owner at the next turn, so that no caller is surprised inside a call.
 */
static void channel_fail(struct channel *channel, const char *reason)
{
    if (channel->dead)
        return;
    channel->dead = true;
    channel->reason = reason;
    channel_rewatch(channel);
    loop_timer_start(channel->failed, 0);
}

static void on_failed(void *data)
{
    struct channel *channel = data;

    channel->callbacks.closed(channel->reason, channel->data);
}

/* Hands out the complete lines. False when the owner freed the channel meanwhile. */
static bool channel_hand_out(struct channel *channel)
{
    size_t done = 0;
    char *end;

    channel->busy = true;
    while (!channel->freed && done < channel->in.size &&
           (end = memchr(channel->in.data + done, '\n', channel->in.size - done))) {
        char *line = channel->in.data + done;

        *end = '\0';
        done = (size_t)(end - channel->in.data) + 1;
        channel->callbacks.line(line, channel->data);
    }
    if (!channel->freed && done && channel->callbacks.settled)
        channel->callbacks.settled(channel->data);
    channel->busy = false;
    if (channel->freed) {
        channel_free(channel);
        return false;
    }
    strbuf_consume(&channel->in, done);
    if (channel->in.size > channel->line_max)
        channel_fail(channel, "sent a line that is too long");
    return true;
}

static void channel_read(struct channel *channel)
{
    char chunk[READ_CHUNK];
    ssize_t got = read(channel->fd, chunk, sizeof(chunk));

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0)
        channel_fail(channel, "closed the connection");
    else if (strbuf_add(&channel->in, chunk, (size_t)got) < 0)
        channel_fail(channel, "sent more than can be held");
    else
        channel_hand_out(channel);
}

static void channel_write(struct channel *channel)
{
    ssize_t put = send(channel->fd, channel->out.data, channel->out.size, MSG_NOSIGNAL);

    if (put < 0 && errno != EAGAIN && errno != EINTR)
        channel_fail(channel, "closed the connection");
    if (put > 0)
        strbuf_consume(&channel->out, (size_t)put);
    channel_rewatch(channel);
}

static void on_ready(int fd, int ready, void *data)
{
    struct channel *channel = data;

    (void)fd;
    if (ready & LOOP_WRITE)
        channel_write(channel);
    if (ready & LOOP_READ && !channel->dead)
        channel_read(channel);
}

struct channel *channel_new(struct loop *loop, int fd, size_t line_max, size_t backlog_max,
                            const struct channel_callbacks *callbacks, void *data)
{
    struct channel *channel = calloc(1, sizeof(*channel));

    if (!channel)
        return NULL;
    *channel = (struct channel){
        .fd = -1,
        .line_max = line_max,
        .callbacks = *callbacks,
        .data = data,
    };
    strbuf_init(&channel->in, line_max + READ_CHUNK);
    strbuf_init(&channel->out, backlog_max);
    channel->failed = loop_timer_new(loop, on_failed, channel);
    channel->watch = loop_watch_fd(loop, fd, LOOP_READ, on_ready, channel);
    if (!channel->failed || !channel->watch || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        return channel_free(channel);
    channel->fd = fd;
    return channel;
}

int channel_send(struct channel *channel, const char *data, size_t size)
{
    bool was_empty = channel->out.size == 0;

    if (channel->dead)
        return -EPIPE;
    if (strbuf_add(&channel->out, data, size) < 0) {
        channel_fail(channel, "does not take what it is sent");
        return -EMSGSIZE;
    }
    if (was_empty)
        channel_write(channel);
    return 0;
}

size_t channel_backlog(const struct channel *channel)
{
    return channel->out.size;
}

struct channel *channel_free(struct channel *channel)
{
    if (!channel)
        return NULL;
    if (channel->busy) {
        channel->freed = true;
        return NULL;
    }
    loop_watch_free(channel->watch);
    loop_watch_free(channel->failed);
    if (channel->fd >= 0)
        close(channel->fd);
    strbuf_done(&channel->in);
    strbuf_done(&channel->out);
    free(channel);
    return NULL;
}

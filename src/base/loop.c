#include "base/loop.h"

#include <event2/event.h>
#include <stdlib.h>

struct loop {
    struct event_base *base;
    int code;
};

struct loop_watch {
    struct loop *loop;
    struct event *event; /* NULL while paused */
    int fd;
    union {
        loop_io_fn *io;
        loop_fn *timer;
        loop_signal_fn *signal;
    } fn;
    void *data;
};

struct loop *loop_new(void)
{
    struct loop *loop = calloc(1, sizeof(*loop));

    if (!loop)
        return NULL;
    loop->base = event_base_new();
    return loop->base ? loop : loop_free(loop);
}

struct loop *loop_free(struct loop *loop)
{
    if (loop && loop->base)
        event_base_free(loop->base);
    free(loop);
    return NULL;
}

int loop_run(struct loop *loop)
{
    event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
    return loop->code;
}

void loop_quit(struct loop *loop, int code)
{
    loop->code = code;
    event_base_loopbreak(loop->base);
}

static struct loop_watch *watch_new(struct loop *loop, int fd, void *data)
{
    struct loop_watch *watch = calloc(1, sizeof(*watch));

    if (watch)
        *watch = (struct loop_watch){ .loop = loop, .fd = fd, .data = data };
    return watch;
}

static void on_io(int fd, short what, void *data)
{
    struct loop_watch *watch = data;

    watch->fn.io(fd, (what & EV_READ ? LOOP_READ : 0) | (what & EV_WRITE ? LOOP_WRITE : 0),
                 watch->data);
}

void loop_watch_events(struct loop_watch *watch, int events)
{
    short what = (short)(EV_PERSIST | (events & LOOP_READ ? EV_READ : 0) |
                         (events & LOOP_WRITE ? EV_WRITE : 0));

    if (watch->event)
        event_free(watch->event);
    watch->event = events ? event_new(watch->loop->base, watch->fd, what, on_io, watch) : NULL;
    if (watch->event)
        event_add(watch->event, NULL);
}

struct loop_watch *loop_watch_fd(struct loop *loop, int fd, int events, loop_io_fn *fn, void *data)
{
    struct loop_watch *watch = watch_new(loop, fd, data);

    if (!watch)
        return NULL;
    watch->fn.io = fn;
    loop_watch_events(watch, events);
    return events && !watch->event ? loop_watch_free(watch) : watch;
}

static void on_timer(int fd, short what, void *data)
{
    struct loop_watch *watch = data;

    (void)fd;
    (void)what;
    watch->fn.timer(watch->data);
}

struct loop_watch *loop_timer_new(struct loop *loop, loop_fn *fn, void *data)
{
    struct loop_watch *watch = watch_new(loop, -1, data);

    if (!watch)
        return NULL;
    watch->fn.timer = fn;
    watch->event = evtimer_new(loop->base, on_timer, watch);
    return watch->event ? watch : loop_watch_free(watch);
}

void loop_timer_start(struct loop_watch *timer, int64_t delay_ms)
{
    struct timeval delay = { .tv_sec = delay_ms / 1000, .tv_usec = delay_ms % 1000 * 1000 };

    evtimer_add(timer->event, &delay);
}

void loop_timer_stop(struct loop_watch *timer)
{
    evtimer_del(timer->event);
}

static void on_signal(int signal, short what, void *data)
{
    struct loop_watch *watch = data;

    (void)what;
    watch->fn.signal(signal, watch->data);
}

struct loop_watch *loop_watch_signal(struct loop *loop, int signal, loop_signal_fn *fn, void *data)
{
    struct loop_watch *watch = watch_new(loop, signal, data);

    if (!watch)
        return NULL;
    watch->fn.signal = fn;
    watch->event = evsignal_new(loop->base, signal, on_signal, watch);
    if (!watch->event)
        return loop_watch_free(watch);
    evsignal_add(watch->event, NULL);
    return watch;
}

struct loop_watch *loop_watch_free(struct loop_watch *watch)
{
    if (watch && watch->event)
        event_free(watch->event);
    free(watch);
    return NULL;
}

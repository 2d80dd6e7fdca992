/* loop.h: the event loop of a process. The only file that knows libevent; everything else sees file
 * descriptors, timers and signals with a callback. */
#ifndef VSN_BASE_LOOP_H
#define VSN_BASE_LOOP_H

#include <stdint.h>

struct loop;
struct loop_watch; /* a watched descriptor, timer or signal */

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

typedef void loop_io_fn(int fd, int ready, void *data); /* 'ready': LOOP_READ | LOOP_WRITE */
typedef void loop_fn(void *data);
typedef void loop_signal_fn(int signal, void *data);

/* A loop, or NULL when the system refuses one (out of memory or descriptors). */
struct loop *loop_new(void);
struct loop *loop_free(struct loop *loop);

/* Runs until loop_quit(). Returns the code given there. */
int loop_run(struct loop *loop);
void loop_quit(struct loop *loop, int code);

/* Calls 'fn' whenever 'fd' is ready for one of 'events' (LOOP_READ | LOOP_WRITE; 0 pauses). The
 * descriptor stays the caller's and must outlive the watch. NULL on failure. */
struct loop_watch *loop_watch_fd(struct loop *loop, int fd, int events, loop_io_fn *fn, void *data);
/* Changes what is watched for. */
void loop_watch_events(struct loop_watch *watch, int events);

/* A timer, not yet running. */
struct loop_watch *loop_timer_new(struct loop *loop, loop_fn *fn, void *data);
/* (Re)starts it: fires once after 'delay_ms' (0: at the next turn). */
void loop_timer_start(struct loop_watch *timer, int64_t delay_ms);
void loop_timer_stop(struct loop_watch *timer);

struct loop_watch *loop_watch_signal(struct loop *loop, int signal, loop_signal_fn *fn, void *data);

/* Ends a watch, timer or signal; safe inside its own callback. Accepts NULL, returns NULL. */
struct loop_watch *loop_watch_free(struct loop_watch *watch);

#endif

/* child.h: a process of ours behind a line channel, started again when it ends.
 *
 * The child finds a stream socket on descriptor 3 (channel.h). When it ends by whatever cause, the
 * owner is told, and it is started again after a growing pause (100 ms to 5 s). */
#ifndef VSN_VSND_CHILD_H
#define VSN_VSND_CHILD_H

#include <sys/types.h>

#include "base/channel.h"
#include "base/error.h"

#define CHILD_ARGUMENTS_MAX 16

struct child;

struct child_callbacks {
    void (*started)(void *data);          /* a new process runs: send it what it needs */
    void (*line)(char *line, void *data); /* it said something */
    void (*settled)(void *data);          /* all that it said was handed out */
    void (*ended)(const char *reason,
                  void *data); /* "was killed by signal 9"; it will be restarted */
};

/* Starts 'program' with the arguments after it (NULL-terminated, at most CHILD_ARGUMENTS_MAX;
 * copied). Returns 0 or a negative errno. */
int child_new(struct loop *loop, const char *program, const char *const *arguments,
              const struct child_callbacks *callbacks, void *data, struct child **ret_child,
              struct error *reterr);

/* Sends lines to the process; what is sent while none runs is lost, 'started' is the time to speak.
 */
void child_send(struct child *child, const char *lines, size_t size);

/* The process id, 0 while none runs. */
pid_t child_pid(const struct child *child);

/* To be called for every process that was reaped; true when it was this one. */
bool child_reaped(struct child *child, pid_t pid, int status);

/* Closes its channel, which asks it to end by itself, and never restarts it. */
void child_dismiss(struct child *child);

/* Frees; a process that still runs is killed. Accepts NULL. */
struct child *child_free(struct child *child);

#endif

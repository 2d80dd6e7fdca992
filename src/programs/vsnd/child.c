#include "programs/vsnd/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "model/record.h"

#define BACKLOG_MAX (32 * 1024 * 1024)
#define RESTART_FIRST_MS 100
#define RESTART_MOST_MS 5000
#define STEADY_MS 30000 /* a process that ran that long starts over with short pauses */

struct child {
    struct loop *loop;
    struct channel *channel;
    struct loop_watch *restart;
    struct backoff backoff;
    pid_t pid;
    int64_t started_ms;
    bool dismissed;
    char *words[CHILD_ARGUMENTS_MAX + 2]; /* program and arguments */
    struct child_callbacks callbacks;
    void *data;
};

static void on_line(char *line, void *data)
{
    struct child *child = data;

    child->callbacks.line(line, child->data);
}

static void on_settled(void *data)
{
    struct child *child = data;

    child->callbacks.settled(child->data);
}

/* The end of the channel is the end of the process: what does not end by itself is ended. The rest
 * follows when it is reaped. */
static void on_closed(const char *reason UNUSED, void *data)
{
    struct child *child = data;

    if (child->pid)
        kill(child->pid, SIGKILL);
}

static void exec_child(struct child *child, int fd)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    /* dup2 onto itself would keep close-on-exec set. */
    if (fd == CHANNEL_CHILD_FD)
        fd = dup(fd);
    if (dup2(fd, CHANNEL_CHILD_FD) < 0)
        _exit(127);
    execv(child->words[0], child->words);
    _exit(127);
}

static int child_start(struct child *child, struct error *reterr)
{
    static const struct channel_callbacks callbacks = { on_line, on_settled, on_closed };
    CLEANUP(close_fd) int theirs = -1;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return error_set(reterr, -errno, "no socket for %s: %s", child->words[0], strerror(errno));
    theirs = pair[1];
    child->channel =
        channel_new(child->loop, pair[0], RECORD_LINE_MAX, BACKLOG_MAX, &callbacks, child);
    if (!child->channel) {
        close(pair[0]);
        return error_set(reterr, -ENOMEM, "no channel for %s", child->words[0]);
    }
    child->pid = fork();
    if (child->pid == 0)
        exec_child(child, theirs);
    if (child->pid < 0) {
        child->pid = 0;
        child->channel = channel_free(child->channel);
        return error_set(reterr, -errno, "%s cannot be started: %s", child->words[0],
                         strerror(errno));
    }
    child->started_ms = clock_now_ms();
    child->callbacks.started(child->data);
    return 0;
}

static void schedule_restart(struct child *child)
{
    uint64_t random = 0;

    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
        random = (uint64_t)clock_now_ms();
    loop_timer_start(child->restart, backoff_next(&child->backoff, random) + 1);
}

static void on_restart(void *data)
{
    struct child *child = data;
    struct error error = { "" };

    if (child_start(child, &error) < 0) {
        child->callbacks.ended(error.text, child->data);
        schedule_restart(child);
    }
}

int child_new(struct loop *loop, const char *program, const char *const *arguments,
              const struct child_callbacks *callbacks, void *data, struct child **ret_child,
              struct error *reterr)
{
    struct child *child = calloc(1, sizeof(*child));
    int r = -ENOMEM;

    if (!child)
        return error_set(reterr, r, "out of memory");
    child->loop = loop;
    child->callbacks = *callbacks;
    child->data = data;
    child->backoff = (struct backoff){ .first_ms = RESTART_FIRST_MS, .most_ms = RESTART_MOST_MS };
    child->restart = loop_timer_new(loop, on_restart, child);
    child->words[0] = strdup(program);
    for (size_t i = 0; i < CHILD_ARGUMENTS_MAX && arguments[i]; i++)
        child->words[i + 1] = strdup(arguments[i]);
    *ret_child = child; /* 'started' may want it */
    if (child->restart && child->words[0])
        r = child_start(child, reterr);
    if (r < 0)
        *ret_child = child_free(child);
    return r;
}

void child_send(struct child *child, const char *lines, size_t size)
{
    if (child->channel)
        channel_send(child->channel, lines, size);
}

pid_t child_pid(const struct child *child)
{
    return child->pid;
}

bool child_reaped(struct child *child, pid_t pid, int status)
{
    char reason[64];

    if (!child || !child->pid || child->pid != pid)
        return false;
    child->pid = 0;
    child->channel = channel_free(child->channel);
    if (child->dismissed)
        return true;
    if (WIFSIGNALED(status))
        snprintf(reason, sizeof(reason), "was killed by signal %d", WTERMSIG(status));
    else
        snprintf(reason, sizeof(reason), "ended with status %d", WEXITSTATUS(status));
    if (clock_now_ms() - child->started_ms > STEADY_MS)
        backoff_reset(&child->backoff);
    schedule_restart(child);
    child->callbacks.ended(reason, child->data);
    return true;
}

void child_dismiss(struct child *child)
{
    child->dismissed = true;
    loop_timer_stop(child->restart);
    child->channel = channel_free(child->channel);
}

struct child *child_free(struct child *child)
{
    if (!child)
        return NULL;
    if (child->pid) {
        kill(child->pid, SIGKILL);
        waitpid(child->pid, NULL, 0);
    }
    channel_free(child->channel);
    loop_watch_free(child->restart);
    for (size_t i = 0; i < ARRAY_SIZE(child->words); i++)
        free(child->words[i]);
    free(child);
    return NULL;
}

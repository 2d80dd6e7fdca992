#include "programs/vsnd/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/confine.h"
#include "base/groups.h"
#include "present/control.h"
#include "programs/vsnd/control_server.h"
#include "programs/vsnd/followers.h"
#include "programs/vsnd/recorder.h"
#include "reconcile/core.h"

#define SETTLE_GAP_MS 20 /* least time between two settlings; longer when one takes long */
#define SETTLE_SHARE 4   /* at most a fourth of the time is spent settling */
#define FAREWELL_MS 3000 /* for sessions to log out */
#define LLDPD_SOCKET "/run/lldpd.socket"     /* where Debian's lldpd(8) listens, */
#define LLDPD_GROUP "_lldpd"                 /* and the group that may ask it */
#define SONIC_SOCKET "/run/redis/redis.sock" /* the same for SONiC's databases */
#define SONIC_GROUP "redis"

struct daemon {
    const struct options *options;
    struct loop *loop;
    struct core *core;
    struct recorder *recorder;
    struct control_server *control;
    struct followers *followers;
    struct loop_watch *signals[4];
    struct loop_watch *settle, *wake;
    bool settle_pending;
    bool settle_now; /* a machine is on its way: as soon as what arrived with it is handed in */
    int64_t settled_ms, settle_cost_ms;
    int lock_fd;
    bool leaving;
};

/* ---- Into the core and out of it --------------------------------------------------------------
 */

static void write_log_lines(char *lines)
{
    char *line;

    while (lines && *lines && (line = strsep(&lines, "\n")))
        if (line[0] && line[1])
            log_write((enum log_level)(line[0] - '0'), "%s", line + 2);
}

static void schedule_settle(struct daemon *daemon, int64_t now_ms)
{
    int64_t gap = daemon->settle_cost_ms * SETTLE_SHARE, due;

    if (daemon->settle_pending)
        return;
    if (gap < SETTLE_GAP_MS)
        gap = SETTLE_GAP_MS;
    due = daemon->settled_ms + gap - now_ms;
    daemon->settle_pending = true;
    loop_timer_start(daemon->settle, due < 0 || due > gap ? 0 : due);
}

static void perform(struct daemon *daemon, struct actions *actions, int64_t now_ms)
{
    write_log_lines(actions->log.data);
    followers_send(daemon->followers, FOLLOWER_MODULE, &actions->to_module);
    followers_send(daemon->followers, FOLLOWER_HISTORY, &actions->to_history);
    if (actions->settle || actions->settle_now)
        schedule_settle(daemon, now_ms);
    daemon->settle_now |= actions->settle_now;
    if (actions->wake_ms != INT64_MAX)
        loop_timer_start(daemon->wake, actions->wake_ms > now_ms ? actions->wake_ms - now_ms : 0);
}

/* Hands one event to the core and does what follows from it. 'line' is the record's written form,
 * for the recording. */
static int step(struct daemon *daemon, const struct event *event, const char *line,
                struct error *reterr)
{
    int64_t now_ms = clock_now_ms(), wall_ms = clock_wall_ms();
    struct actions actions;
    int r;

    recorder_note(daemon->recorder, event, line, now_ms, wall_ms);
    actions_init(&actions);
    r = core_step(daemon->core, event, now_ms, wall_ms, &actions, reterr);
    perform(daemon, &actions, now_ms);
    actions_done(&actions);
    return r;
}

static void on_settle(void *data)
{
    struct daemon *daemon = data;
    const struct event event = { .kind = EVENT_SETTLE, .source = "" };
    struct error error = { "" };
    int64_t before_ms = clock_now_ms();

    daemon->settle_pending = daemon->settle_now = false;
    loop_timer_stop(daemon->settle);
    if (step(daemon, &event, NULL, &error) < 0)
        log_error("the plan could not be computed (out of memory); nothing was changed");
    daemon->settled_ms = clock_now_ms();
    daemon->settle_cost_ms = daemon->settled_ms - before_ms;
}

static void on_wake(void *data)
{
    struct daemon *daemon = data;

    schedule_settle(daemon, clock_now_ms());
}

/* ---- Processes ----------------------------------------------------------------------------- */

static void on_line(const char *source, char *line, void *data)
{
    struct daemon *daemon = data;
    struct record record;
    struct event event = { .kind = EVENT_RECORD, .source = source, .record = &record };
    CLEANUP(free_text) char *copy = daemon->recorder ? strdup(line) : NULL;
    struct error error = { "" };

    if (record_read(line, &record, &error) < 0)
        log_error("%s sent a line that cannot be read: %s", source, error.text);
    else if (step(daemon, &event, copy ? copy : "", &error) < 0)
        log_error("%s", error.text);
}

/* The core asks for settling itself, and it is coalesced; but a move does not wait for that. */
static void on_lines_settled(void *data)
{
    struct daemon *daemon = data;

    if (daemon->settle_now)
        on_settle(daemon);
}

static void on_ended(const char *source, const char *reason, void *data)
{
    struct daemon *daemon = data;
    const struct event event = { .kind = EVENT_LOST, .source = source, .reason = reason };
    struct error error = { "" };

    if (!daemon->leaving && step(daemon, &event, NULL, &error) < 0)
        log_error("%s", error.text);
}

static const struct followers_callbacks follower_callbacks = { on_line, on_lines_settled,
                                                               on_ended };

static void on_reaped(int number UNUSED, void *data)
{
    struct daemon *daemon = data;

    followers_reap(daemon->followers);
}

/* ---- Configuration --------------------------------------------------------------------------- */

/* A copy by way of the written form, which keeps everything. */
static int copy_config(const struct config *config, struct config **ret_copy)
{
    struct strbuf text;
    int r;

    strbuf_init(&text, CONFIG_FILE_MAX);
    config_write(config, &text);
    r = config_parse(strbuf_text(&text), text.size, "running-config", ret_copy, NULL);
    strbuf_done(&text);
    return r;
}

static int load_config(struct daemon *daemon, struct error *reterr)
{
    struct event event = { .kind = EVENT_CONFIG, .source = "" };
    struct config *before = NULL;
    int r = options_read_config(daemon->options->config, &event.config, reterr);

    if (r < 0)
        return r;
    r = copy_config(core_config(daemon->core), &before);
    if (r == 0)
        r = step(daemon, &event, NULL, reterr);
    if (r < 0) {
        config_free(event.config);
        config_free(before);
        return r;
    }
    r = followers_take_over(daemon->followers, before, event.config, reterr);
    config_free(before);
    return r;
}

static void on_reload(int number UNUSED, void *data)
{
    struct daemon *daemon = data;
    struct error error = { "" };

    if (load_config(daemon, &error) < 0)
        log_error("%s; the running configuration stays", error.text);
    else
        log_notice("%s was read again", daemon->options->config);
}

/* ---- Commands -------------------------------------------------------------------------------- */

static int set_frozen(const struct daemon *daemon, bool frozen, struct error *reterr)
{
    CLEANUP(free_text) char *path = NULL;
    CLEANUP(close_fd) int fd = -1;

    if (asprintf(&path, "%s/freeze", daemon->options->runtime_dir) < 0)
        return error_set(reterr, -ENOMEM, "out of memory");
    if (frozen) {
        fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
        return fd < 0 ? error_set(reterr, -errno, "%s: %s", path, strerror(errno)) : 0;
    }
    if (unlink(path) < 0 && errno != ENOENT)
        return error_set(reterr, -errno, "%s: %s", path, strerror(errno));
    return 0;
}

static int act(struct daemon *daemon, const struct control_request *request, struct error *reterr)
{
    struct event accept = { .kind = EVENT_ACCEPT };

    switch (request->action) {
    case CONTROL_SHOW:
        return 0;
    case CONTROL_FREEZE:
        return set_frozen(daemon, true, reterr);
    case CONTROL_THAW:
        return set_frozen(daemon, false, reterr);
    case CONTROL_RELOAD:
        return load_config(daemon, reterr);
    case CONTROL_ACCEPT:
        accept.source = request->argument;
        return step(daemon, &accept, NULL, reterr);
    }
    return -EINVAL;
}

/* What is said after a command that did something. */
static const char *const done_sentences[] = {
    [CONTROL_SHOW] = "",
    [CONTROL_FREEZE] = "frozen: nothing is written to the switch until 'vsn thaw'",
    [CONTROL_THAW] = "thawed: the plan is carried out again",
    [CONTROL_RELOAD] = "the configuration was read again and is in force",
    [CONTROL_ACCEPT] = "accepted: what the last answer did not hold is gone",
};

static void on_request(char *request_line, bool may_act, struct strbuf *reply, void *data)
{
    struct daemon *daemon = data;
    struct control_request request = { 0 };
    struct error error = { "" };
    int r = control_decode(request_line, &request, &error);

    if (r < 0) {
        control_say(request.json, 2, error.text, reply);
    } else if (request.action == CONTROL_SHOW) {
        control_run(daemon->core, &request, clock_now_ms(), clock_wall_ms(), reply);
    } else if (!may_act) {
        control_say(request.json, 1, "only root, or the user that vsnd runs as, may do that",
                    reply);
    } else if (act(daemon, &request, &error) < 0) {
        log_warning("%s", error.text);
        control_say(request.json, 1, error.text, reply);
    } else {
        log_notice("%s", done_sentences[request.action]);
        control_say(request.json, 0, done_sentences[request.action], reply);
    }
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void on_stop(int number UNUSED, void *data)
{
    struct daemon *daemon = data;

    log_notice("stopping; the switch keeps what it has");
    loop_quit(daemon->loop, 0);
}

static int make_directory(const char *path, mode_t mode, struct error *reterr)
{
    if (mkdir(path, mode) < 0 && errno != EEXIST)
        return error_set(reterr, -errno, "%s: %s", path, strerror(errno));
    return 0;
}

/* One vsnd per runtime directory. The kernel lets go of the lock however vsnd ends. */
static int take_lock(struct daemon *daemon, struct error *reterr)
{
    CLEANUP(free_text) char *path = NULL;

    if (asprintf(&path, "%s/vsnd.lock", daemon->options->runtime_dir) < 0)
        return error_set(reterr, -ENOMEM, "out of memory");
    daemon->lock_fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (daemon->lock_fd < 0)
        return error_set(reterr, -errno, "%s: %s", path, strerror(errno));
    if (flock(daemon->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return error_set(reterr, -EBUSY, "%s is held: another vsnd runs on this runtime directory",
                         path);
    return 0;
}

/* From here on vsnd has no capability itself; when root runs it, the Config Module has its one
 * again. The groups of lldpd's socket and of SONiC's Redis are joined first, for the processes that
 * need them, which could not later. */
static int give_up_rights(struct error *reterr)
{
    /* As far as that goes: who cannot connect says so. */
    groups_join(LLDPD_SOCKET, LLDPD_GROUP);
    groups_join(SONIC_SOCKET, SONIC_GROUP);
    return confine(CONFINE_CORE, reterr);
}

static int prepare_loop(struct daemon *daemon, struct error *reterr)
{
    static const struct {
        int signal;
        loop_signal_fn *fn;
    } signals[] = {
        { SIGTERM, on_stop },
        { SIGINT, on_stop },
        { SIGHUP, on_reload },
        { SIGCHLD, on_reaped },
    };

    daemon->loop = loop_new();
    daemon->core = core_new();
    if (daemon->loop) {
        daemon->settle = loop_timer_new(daemon->loop, on_settle, daemon);
        daemon->wake = loop_timer_new(daemon->loop, on_wake, daemon);
    }
    if (!daemon->loop || !daemon->core || !daemon->settle || !daemon->wake)
        return error_set(reterr, -ENOMEM, "out of memory");
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        daemon->signals[i] =
            loop_watch_signal(daemon->loop, signals[i].signal, signals[i].fn, daemon);
        if (!daemon->signals[i])
            return error_set(reterr, -ENOMEM, "signals cannot be watched");
    }
    return followers_new(daemon->loop, daemon->options, daemon->core, &follower_callbacks, daemon,
                         &daemon->followers, reterr);
}

static int open_up(struct daemon *daemon, struct error *reterr)
{
    CLEANUP(free_text) char *socket_path = NULL;
    int r = 0;

    if (asprintf(&socket_path, "%s/control.sock", daemon->options->runtime_dir) < 0)
        return error_set(reterr, -ENOMEM, "out of memory");
    if (daemon->options->record) {
        daemon->recorder = recorder_new(daemon->options->record, reterr);
        r = daemon->recorder ? 0 : -EIO;
    }
    if (r == 0)
        r = load_config(daemon, reterr);
    if (r == 0)
        r = control_server_new(daemon->loop, socket_path, on_request, daemon, &daemon->control,
                               reterr);
    return r;
}

int daemon_new(const struct options *options, struct daemon **ret_daemon, struct error *reterr)
{
    struct daemon *daemon = calloc(1, sizeof(*daemon));
    int r;

    if (!daemon)
        return error_set(reterr, -ENOMEM, "out of memory");
    daemon->options = options;
    daemon->lock_fd = -1;
    r = make_directory(options->state_dir, 0700, reterr);
    if (r == 0)
        r = make_directory(options->runtime_dir, 0755, reterr);
    if (r == 0)
        r = take_lock(daemon, reterr);
    if (r == 0)
        r = give_up_rights(reterr);
    if (r == 0)
        r = prepare_loop(daemon, reterr);
    if (r == 0)
        r = open_up(daemon, reterr);
    if (r < 0) {
        daemon_free(daemon);
        return r;
    }
    *ret_daemon = daemon;
    return 0;
}

int daemon_run(struct daemon *daemon)
{
    return loop_run(daemon->loop);
}

static void on_patience(void *data)
{
    struct daemon *daemon = data;

    loop_quit(daemon->loop, 0);
}

static void on_farewell(int number, void *data)
{
    struct daemon *daemon = data;

    on_reaped(number, daemon);
    if (!followers_linger(daemon->followers))
        loop_quit(daemon->loop, 0);
}

/* Waits a bounded time for those that have something to do at the end. */
static void say_farewell(struct daemon *daemon)
{
    struct loop_watch *patience = loop_timer_new(daemon->loop, on_patience, daemon);
    struct loop_watch *reaped;

    daemon->leaving = true;
    daemon->signals[3] = loop_watch_free(daemon->signals[3]);
    reaped = loop_watch_signal(daemon->loop, SIGCHLD, on_farewell, daemon);
    followers_dismiss(daemon->followers);
    on_reaped(SIGCHLD, daemon);
    if (patience && reaped && followers_linger(daemon->followers)) {
        loop_timer_start(patience, FAREWELL_MS);
        loop_run(daemon->loop);
    }
    loop_watch_free(reaped);
    loop_watch_free(patience);
}

struct daemon *daemon_free(struct daemon *daemon)
{
    if (!daemon)
        return NULL;
    if (daemon->followers)
        say_farewell(daemon);
    control_server_free(daemon->control);
    followers_free(daemon->followers);
    core_free(daemon->core);
    recorder_free(daemon->recorder);
    for (size_t i = 0; i < ARRAY_SIZE(daemon->signals); i++)
        loop_watch_free(daemon->signals[i]);
    loop_watch_free(daemon->settle);
    loop_watch_free(daemon->wake);
    loop_free(daemon->loop);
    if (daemon->lock_fd >= 0)
        close(daemon->lock_fd);
    free(daemon);
    return NULL;
}

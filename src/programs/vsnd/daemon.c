#include "programs/vsnd/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/confine.h"
#include "base/groups.h"
#include "present/control.h"
#include "programs/vsnd/child.h"
#include "programs/vsnd/control_server.h"
#include "programs/vsnd/recorder.h"
#include "reconcile/core.h"

#define SETTLE_GAP_MS 20 /* least time between two settlings; longer when one takes long */
#define SETTLE_SHARE 4   /* at most a fourth of the time is spent settling */
#define FAREWELL_MS 3000 /* for sessions to log out */
#define LLDPD_SOCKET "/run/lldpd.socket"     /* where Debian's lldpd(8) listens, */
#define LLDPD_GROUP "_lldpd"                 /* and the group that may ask it */
#define SONIC_SOCKET "/run/redis/redis.sock" /* the same for SONiC's databases */
#define SONIC_GROUP "redis"

/* A process that feeds the core. */
struct follower {
    struct follower *next; /* among those that are leaving */
    struct daemon *daemon;
    char source[CONFIG_NAME_SIZE + 16]; /* as the core knows it */
    struct child *child;
    char *told; /* a session: the target line that it has; NULL: none */
};

struct daemon {
    const struct options *options;
    char *libexec_dir; /* where our other programs are */
    struct loop *loop;
    struct core *core;
    struct recorder *recorder;
    struct control_server *control;
    struct follower **sessions; /* one per enabled hypervisor; each a block of its own, as its child
                                 * holds a pointer to it */
    size_t n_sessions;
    struct follower *leaving_sessions; /* whose hypervisor is no longer wanted: they log out */
    struct follower module, neighbor, history;
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
    if (actions->to_module.size && daemon->module.child)
        child_send(daemon->module.child, actions->to_module.data, actions->to_module.size);
    if (actions->to_history.size && daemon->history.child)
        child_send(daemon->history.child, actions->to_history.data, actions->to_history.size);
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

static void on_line(char *line, void *data)
{
    struct follower *follower = data;
    struct daemon *daemon = follower->daemon;
    struct record record;
    struct event event = { .kind = EVENT_RECORD, .source = follower->source, .record = &record };
    CLEANUP(free_text) char *copy = daemon->recorder ? strdup(line) : NULL;
    struct error error = { "" };

    if (record_read(line, &record, &error) < 0)
        log_error("%s sent a line that cannot be read: %s", follower->source, error.text);
    else if (step(daemon, &event, copy ? copy : "", &error) < 0)
        log_error("%s", error.text);
}

/* The core asks for settling itself, and it is coalesced; but a move does not wait for that. */
static void on_lines_settled(void *data)
{
    const struct follower *follower = data;

    if (follower->daemon->settle_now)
        on_settle(follower->daemon);
}

static void on_ended(const char *reason, void *data)
{
    struct follower *follower = data;
    const struct event event = {
        .kind = EVENT_LOST,
        .source = follower->source,
        .reason = reason,
    };
    struct error error = { "" };

    if (!follower->daemon->leaving && step(follower->daemon, &event, NULL, &error) < 0)
        log_error("%s", error.text);
}

static int write_target(const struct config_hypervisor *hypervisor, struct strbuf *to)
{
    const struct target target = {
        .type = hypervisor->type,
        .url = hypervisor->url,
        .username = hypervisor->username,
        .password_file = hypervisor->password_file,
        .ca_file = hypervisor->ca_file,
        .fingerprint = hypervisor->fingerprint,
        .tls_legacy = hypervisor->tls_legacy,
        .hint_interval_s = hypervisor->hint_interval_s,
    };

    return record_write(to, RECORD_NEW, TABLE_TARGET, &target, 0);
}

static const char *name_of(const struct follower *follower)
{
    return strchr(follower->source, '/') + 1;
}

static bool is_without_contact(const struct follower *follower)
{
    const struct core *core = follower->daemon->core;

    for (size_t i = 0; i < core_hypervisors(core); i++) {
        struct core_hypervisor hypervisor = core_hypervisor(core, i);

        if (strcmp(hypervisor.config->name, name_of(follower)) == 0)
            return hypervisor.state != SESSION_CONNECTED && hypervisor.state != SESSION_SYNCING;
    }
    return false;
}

/* Tells a session whom to follow. One that has that target already is left in peace, unless it is
 * held, or pauses before its next try: a reload is how an operator says "try again". */
static void send_target(struct follower *follower, bool is_new_process)
{
    const struct config_hypervisor *hypervisor =
        config_hypervisor(core_config(follower->daemon->core), name_of(follower));
    struct strbuf line;

    strbuf_init(&line, RECORD_LINE_MAX);
    if (hypervisor && follower->child && write_target(hypervisor, &line) == 0 &&
        (is_new_process || !follower->told || strcmp(follower->told, line.data) != 0 ||
         is_without_contact(follower))) {
        child_send(follower->child, line.data, line.size);
        free(follower->told);
        follower->told = strdup(line.data);
    }
    strbuf_done(&line);
}

static void on_session_started(void *data)
{
    send_target(data, /* is_new_process = */ true);
}

/* The ports that are to be marked: those behind which a host may be. */
static void send_marks(struct daemon *daemon)
{
    const struct config *config = core_config(daemon->core);
    struct strbuf lines;

    strbuf_init(&lines, RECORD_LINE_MAX + CONFIG_PORTS_MAX * CONFIG_NAME_SIZE * 4);
    record_write(&lines, RECORD_BEGIN, TABLE_POLICY, NULL, 0);
    for (size_t i = 0; config->lldpd_nonce && i < config->n_ports; i++)
        if (config->ports[i].enabled && !config->ports[i].uplink)
            record_write(&lines, RECORD_NEW, TABLE_POLICY,
                         &(struct policy){ .id = config->ports[i].name }, 0);
    record_write(&lines, RECORD_END, TABLE_POLICY, NULL, 0);
    if (daemon->neighbor.child && !lines.overflow)
        child_send(daemon->neighbor.child, lines.data, lines.size);
    strbuf_done(&lines);
}

/* The Config Module is told all it needs by its arguments; the policy follows when it has spoken
 * (core.c). */
static void on_started(void *data)
{
    const struct follower *follower = data;

    if (follower == &follower->daemon->neighbor)
        send_marks(follower->daemon);
}

static int start(struct daemon *daemon, struct follower *follower, const char *program,
                 const char *const *arguments, struct error *reterr)
{
    static const struct child_callbacks session = { on_session_started, on_line, on_lines_settled,
                                                    on_ended };
    static const struct child_callbacks other = { on_started, on_line, on_lines_settled, on_ended };
    CLEANUP(free_text) char *path = NULL;

    if (asprintf(&path, "%s/%s", daemon->libexec_dir, program) < 0)
        return error_set(reterr, -ENOMEM, "out of memory");
    follower->daemon = daemon;
    return child_new(daemon->loop, path, arguments,
                     strchr(follower->source, '/') ? &session : &other, follower, &follower->child,
                     reterr);
}

static int start_module(struct daemon *daemon, const struct config *config, struct error *reterr)
{
    CLEANUP(free_text) char *ledger = NULL;
    CLEANUP(free_text) char *freeze = NULL;
    const char *arguments[] = { "--driver",
                                config->switch_driver,
                                "--arguments",
                                config->switch_arguments,
                                "--ledger",
                                NULL,
                                "--freeze-file",
                                NULL,
                                NULL };

    if (asprintf(&ledger, "%s/ledger", daemon->options->state_dir) < 0 ||
        asprintf(&freeze, "%s/freeze", daemon->options->runtime_dir) < 0)
        return error_set(reterr, -ENOMEM, "out of memory");
    arguments[5] = ledger;
    arguments[7] = freeze;
    strcpy(daemon->module.source, "switch");
    return start(daemon, &daemon->module, "vsn-config", arguments, reterr);
}

/* SONiC's lldpd is in a container; what it hears is in the databases, unless another one is named.
 */
static bool hears_by_sonic(const struct config *config)
{
    return !config->lldpd_socket[0] && strcmp(config->switch_driver, "sonic") == 0;
}

static int start_neighbor(struct daemon *daemon, const struct config *config, struct error *reterr)
{
    const char *arguments[] = { "--lldpd-socket", config->lldpd_socket, NULL };

    strcpy(daemon->neighbor.source, "neighbor");
    if (strcmp(config->lldpd_socket, "none") == 0)
        return 0;
    if (hears_by_sonic(config)) {
        arguments[0] = "--sonic";
        arguments[1] = config->switch_arguments;
    } else if (!config->lldpd_socket[0]) {
        arguments[0] = NULL;
    }
    return start(daemon, &daemon->neighbor, "vsn-neighbor", arguments, reterr);
}

/* What it keeps is bounded by its arguments. It is told everything else when it has said what it
 * has (core.c). */
static int start_history(struct daemon *daemon, const struct config *config, struct error *reterr)
{
    char days[16], entries[16];
    const char *arguments[] = {
        "--state-dir", daemon->options->state_dir, "--days", days, "--entries", entries, NULL
    };

    snprintf(days, sizeof(days), "%u", config->history_days);
    snprintf(entries, sizeof(entries), "%u", config->history_entries);
    strcpy(daemon->history.source, "history");
    return start(daemon, &daemon->history, "vsn-history", arguments, reterr);
}

static void follower_free(struct follower *follower)
{
    if (!follower)
        return;
    child_free(follower->child);
    free(follower->told);
    free(follower);
}

/* Takes out the follower of a hypervisor whose target is the same in both configurations. */
static struct follower *keep_session(struct daemon *daemon, const struct config *before,
                                     const struct config_hypervisor *now)
{
    const struct config_hypervisor *old = config_hypervisor(before, now->name);

    if (!old || strcmp(old->url, now->url) != 0 || strcmp(old->type, now->type) != 0)
        return NULL;
    for (size_t i = 0; i < daemon->n_sessions; i++) {
        struct follower *follower = daemon->sessions[i];

        if (follower && strcmp(name_of(follower), now->name) == 0) {
            daemon->sessions[i] = NULL;
            return follower;
        }
    }
    return NULL;
}

static int start_session(struct daemon *daemon, const char *name, struct follower **ret_follower,
                         struct error *reterr)
{
    struct follower *follower = calloc(1, sizeof(*follower));
    const char *const none[] = { NULL };
    int r;

    if (!follower)
        return error_set(reterr, -ENOMEM, "out of memory");
    snprintf(follower->source, sizeof(follower->source), "hypervisor/%s", name);
    r = start(daemon, follower, "vsn-session", none, reterr);
    if (r < 0)
        follower_free(follower);
    else
        *ret_follower = follower;
    return r;
}

/* Lets a session log out in its own time; it is freed when it has ended. */
static void send_home(struct daemon *daemon, struct follower *follower)
{
    if (!follower)
        return;
    child_dismiss(follower->child);
    if (child_pid(follower->child)) {
        follower->next = daemon->leaving_sessions;
        daemon->leaving_sessions = follower;
    } else {
        follower_free(follower);
    }
}

static bool reap_leaving(struct daemon *daemon, pid_t pid, int status)
{
    for (struct follower **at = &daemon->leaving_sessions; *at; at = &(*at)->next) {
        struct follower *follower = *at;

        if (!child_reaped(follower->child, pid, status))
            continue;
        *at = follower->next;
        follower_free(follower);
        return true;
    }
    return false;
}

/* Keeps the session processes whose target stays, starts new ones, ends those left over. */
static int take_over_sessions(struct daemon *daemon, const struct config *before,
                              const struct config *config, struct error *reterr)
{
    struct follower **sessions = calloc(config->n_hypervisors + 1, sizeof(struct follower *));
    size_t count = 0;
    int r = 0;

    if (!sessions)
        return error_set(reterr, -ENOMEM, "out of memory");
    for (size_t i = 0; i < config->n_hypervisors && r == 0; i++) {
        const struct config_hypervisor *hypervisor = &config->hypervisors[i];

        if (!hypervisor->enabled)
            continue;
        sessions[count] = keep_session(daemon, before, hypervisor);
        if (sessions[count])
            send_target(sessions[count], /* is_new_process = */ false);
        else
            r = start_session(daemon, hypervisor->name, &sessions[count], reterr);
        count += r == 0;
    }
    for (size_t i = 0; i < daemon->n_sessions; i++)
        send_home(daemon, daemon->sessions[i]);
    free(daemon->sessions);
    daemon->sessions = sessions;
    daemon->n_sessions = count;
    return r;
}

static void on_reaped(int number UNUSED, void *data)
{
    struct daemon *daemon = data;
    pid_t pid;
    int status;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        bool known = reap_leaving(daemon, pid, status) ||
                     child_reaped(daemon->module.child, pid, status) ||
                     child_reaped(daemon->neighbor.child, pid, status) ||
                     child_reaped(daemon->history.child, pid, status);

        for (size_t i = 0; i < daemon->n_sessions && !known; i++)
            known = child_reaped(daemon->sessions[i]->child, pid, status);
    }
}

/* ---- Configuration --------------------------------------------------------------------------- */

static bool changes_neighbor(const struct config *before, const struct config *config)
{
    return strcmp(before->lldpd_socket, config->lldpd_socket) != 0 ||
           hears_by_sonic(before) != hears_by_sonic(config) ||
           (hears_by_sonic(config) &&
            strcmp(before->switch_arguments, config->switch_arguments) != 0);
}

/* The processes that the new configuration wants. 'before' is a copy of the old one. */
static int take_over_processes(struct daemon *daemon, const struct config *before,
                               const struct config *config, struct error *reterr)
{
    int r = 0;

    if (!daemon->module.child || strcmp(before->switch_driver, config->switch_driver) != 0 ||
        strcmp(before->switch_arguments, config->switch_arguments) != 0) {
        daemon->module.child = child_free(daemon->module.child);
        r = start_module(daemon, config, reterr);
    }
    if (r == 0 && (!daemon->neighbor.child || changes_neighbor(before, config))) {
        daemon->neighbor.child = child_free(daemon->neighbor.child);
        r = start_neighbor(daemon, config, reterr);
    }
    if (r == 0 && (!daemon->history.child || before->history_days != config->history_days ||
                   before->history_entries != config->history_entries)) {
        daemon->history.child = child_free(daemon->history.child);
        r = start_history(daemon, config, reterr);
    }
    return r < 0 ? r : take_over_sessions(daemon, before, config, reterr);
}

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
    r = take_over_processes(daemon, before, event.config, reterr);
    send_marks(daemon);
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

/* Our other programs lie beside this one in a build tree, or in the place where they are installed.
 */
static int find_programs(struct daemon *daemon, struct error *reterr)
{
    char self[4096], *slash;
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 32);

    if (length < 0)
        return error_set(reterr, -errno, "/proc/self/exe: %s", strerror(errno));
    self[length] = '\0';
    slash = strrchr(self, '/');
    strcpy(slash, "/vsn-config");
    if (access(self, X_OK) == 0)
        *slash = '\0';
    else
        strcpy(self, VSN_LIBEXEC_DIR);
    daemon->libexec_dir = strdup(self);
    return daemon->libexec_dir ? 0 : error_set(reterr, -ENOMEM, "out of memory");
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
    return 0;
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
        r = find_programs(daemon, reterr);
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

static bool somebody_runs(const struct daemon *daemon)
{
    for (size_t i = 0; i < daemon->n_sessions; i++)
        if (child_pid(daemon->sessions[i]->child))
            return true;
    return daemon->leaving_sessions || (daemon->history.child && child_pid(daemon->history.child));
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
    if (!somebody_runs(daemon))
        loop_quit(daemon->loop, 0);
}

/* Lets the sessions log out: vCenter and pools give out a limited number. The history writes down
 * what it was told last. */
static void say_farewell(struct daemon *daemon)
{
    struct loop_watch *patience = loop_timer_new(daemon->loop, on_patience, daemon);
    struct loop_watch *reaped;

    daemon->leaving = true;
    daemon->signals[3] = loop_watch_free(daemon->signals[3]);
    reaped = loop_watch_signal(daemon->loop, SIGCHLD, on_farewell, daemon);
    for (size_t i = 0; i < daemon->n_sessions; i++)
        child_dismiss(daemon->sessions[i]->child);
    if (daemon->history.child)
        child_dismiss(daemon->history.child);
    on_reaped(SIGCHLD, daemon);
    if (patience && reaped && somebody_runs(daemon)) {
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
    if (daemon->n_sessions || daemon->leaving_sessions || daemon->history.child)
        say_farewell(daemon);
    control_server_free(daemon->control);
    for (size_t i = 0; i < daemon->n_sessions; i++)
        follower_free(daemon->sessions[i]);
    free(daemon->sessions);
    while (daemon->leaving_sessions) {
        struct follower *follower = daemon->leaving_sessions;

        daemon->leaving_sessions = follower->next;
        follower_free(follower);
    }
    child_free(daemon->module.child);
    child_free(daemon->neighbor.child);
    child_free(daemon->history.child);
    core_free(daemon->core);
    recorder_free(daemon->recorder);
    for (size_t i = 0; i < ARRAY_SIZE(daemon->signals); i++)
        loop_watch_free(daemon->signals[i]);
    loop_watch_free(daemon->settle);
    loop_watch_free(daemon->wake);
    loop_free(daemon->loop);
    if (daemon->lock_fd >= 0)
        close(daemon->lock_fd);
    free(daemon->libexec_dir);
    free(daemon);
    return NULL;
}

#include "programs/vsnd/followers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "programs/vsnd/child.h"

struct follower {
    struct follower *next; /* among those that are leaving */
    struct followers *owner;
    char source[CONFIG_NAME_SIZE + 16]; /* as the core knows it */
    struct child *child;                /* NULL: not wanted */
    char *told;                         /* a session: the target line that it has; NULL: none */
};

struct followers {
    struct loop *loop;
    const struct options *options;
    const struct core *core;
    const struct followers_callbacks *callbacks;
    void *data;
    char *libexec_dir; /* where our other programs are */
    struct follower single[N_FOLLOWER_KINDS];
    struct follower **sessions; /* one per enabled hypervisor; each a block of its own, as its child
                                 * holds a pointer to it */
    size_t n_sessions;
    struct follower *leaving; /* sessions whose hypervisor is no longer wanted: they log out */
};

/* ---- What they say --------------------------------------------------------------------------- */

static void on_line(char *line, void *data)
{
    const struct follower *follower = data;

    follower->owner->callbacks->line(follower->source, line, follower->owner->data);
}

static void on_lines_settled(void *data)
{
    const struct follower *follower = data;

    follower->owner->callbacks->settled(follower->owner->data);
}

static void on_ended(const char *reason, void *data)
{
    const struct follower *follower = data;

    follower->owner->callbacks->ended(follower->source, reason, follower->owner->data);
}

/* ---- What they are told ---------------------------------------------------------------------- */

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
    const struct core *core = follower->owner->core;

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
        config_hypervisor(core_config(follower->owner->core), name_of(follower));
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

void followers_send(struct followers *followers, enum follower_kind kind,
                    const struct strbuf *lines)
{
    struct child *child = followers->single[kind].child;

    if (child && lines->size)
        child_send(child, lines->data, lines->size);
}

/* The ports that are to be marked: those behind which a host may be. */
static void send_marks(struct followers *followers)
{
    const struct config *config = core_config(followers->core);
    struct strbuf lines;

    strbuf_init(&lines, RECORD_LINE_MAX + CONFIG_PORTS_MAX * CONFIG_NAME_SIZE * 4);
    record_write(&lines, RECORD_BEGIN, TABLE_POLICY, NULL, 0);
    for (size_t i = 0; config->lldpd_nonce && i < config->n_ports; i++)
        if (config->ports[i].enabled && !config->ports[i].uplink)
            record_write(&lines, RECORD_NEW, TABLE_POLICY,
                         &(struct policy){ .id = config->ports[i].name }, 0);
    record_write(&lines, RECORD_END, TABLE_POLICY, NULL, 0);
    if (!lines.overflow)
        followers_send(followers, FOLLOWER_NEIGHBOR, &lines);
    strbuf_done(&lines);
}

/* The Config Module is told all it needs by its arguments; the policy follows when it has spoken
 * (core.c). */
static void on_started(void *data)
{
    const struct follower *follower = data;

    if (follower == &follower->owner->single[FOLLOWER_NEIGHBOR])
        send_marks(follower->owner);
}

/* ---- Starting them --------------------------------------------------------------------------- */

static int start(struct followers *followers, struct follower *follower, const char *program,
                 const char *const *arguments, struct error *reterr)
{
    static const struct child_callbacks session = { on_session_started, on_line, on_lines_settled,
                                                    on_ended };
    static const struct child_callbacks other = { on_started, on_line, on_lines_settled, on_ended };
    CLEANUP(free_text) char *path = NULL;

    if (asprintf(&path, "%s/%s", followers->libexec_dir, program) < 0)
        return error_set(reterr, -ENOMEM, "out of memory");
    follower->owner = followers;
    return child_new(followers->loop, path, arguments,
                     strchr(follower->source, '/') ? &session : &other, follower, &follower->child,
                     reterr);
}

static int start_module(struct followers *followers, const struct config *config,
                        struct error *reterr)
{
    struct follower *module = &followers->single[FOLLOWER_MODULE];
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

    if (asprintf(&ledger, "%s/ledger", followers->options->state_dir) < 0 ||
        asprintf(&freeze, "%s/freeze", followers->options->runtime_dir) < 0)
        return error_set(reterr, -ENOMEM, "out of memory");
    arguments[5] = ledger;
    arguments[7] = freeze;
    strcpy(module->source, "switch");
    return start(followers, module, "vsn-config", arguments, reterr);
}

/* SONiC's lldpd is in a container; what it hears is in the databases, unless another one is named.
 */
static bool hears_by_sonic(const struct config *config)
{
    return !config->lldpd_socket[0] && strcmp(config->switch_driver, "sonic") == 0;
}

static int start_neighbor(struct followers *followers, const struct config *config,
                          struct error *reterr)
{
    struct follower *neighbor = &followers->single[FOLLOWER_NEIGHBOR];
    const char *arguments[] = { "--lldpd-socket", config->lldpd_socket, NULL };

    strcpy(neighbor->source, "neighbor");
    if (strcmp(config->lldpd_socket, "none") == 0)
        return 0;
    if (hears_by_sonic(config)) {
        arguments[0] = "--sonic";
        arguments[1] = config->switch_arguments;
    } else if (!config->lldpd_socket[0]) {
        arguments[0] = NULL;
    }
    return start(followers, neighbor, "vsn-neighbor", arguments, reterr);
}

/* What it keeps is bounded by its arguments. It is told everything else when it has said what it
 * has (core.c). */
static int start_history(struct followers *followers, const struct config *config,
                         struct error *reterr)
{
    struct follower *history = &followers->single[FOLLOWER_HISTORY];
    char days[16], entries[16];
    const char *arguments[] = {
        "--state-dir", followers->options->state_dir, "--days", days, "--entries", entries, NULL
    };

    snprintf(days, sizeof(days), "%u", config->history_days);
    snprintf(entries, sizeof(entries), "%u", config->history_entries);
    strcpy(history->source, "history");
    return start(followers, history, "vsn-history", arguments, reterr);
}

/* ---- Sessions -------------------------------------------------------------------------------- */

static void follower_free(struct follower *follower)
{
    if (!follower)
        return;
    child_free(follower->child);
    free(follower->told);
    free(follower);
}

/* Takes out the follower of a hypervisor whose target is the same in both configurations. */
static struct follower *keep_session(struct followers *followers, const struct config *before,
                                     const struct config_hypervisor *now)
{
    const struct config_hypervisor *old = config_hypervisor(before, now->name);

    if (!old || strcmp(old->url, now->url) != 0 || strcmp(old->type, now->type) != 0)
        return NULL;
    for (size_t i = 0; i < followers->n_sessions; i++) {
        struct follower *follower = followers->sessions[i];

        if (follower && strcmp(name_of(follower), now->name) == 0) {
            followers->sessions[i] = NULL;
            return follower;
        }
    }
    return NULL;
}

static int start_session(struct followers *followers, const char *name,
                         struct follower **ret_follower, struct error *reterr)
{
    struct follower *follower = calloc(1, sizeof(*follower));
    const char *const none[] = { NULL };
    int r;

    if (!follower)
        return error_set(reterr, -ENOMEM, "out of memory");
    snprintf(follower->source, sizeof(follower->source), "hypervisor/%s", name);
    r = start(followers, follower, "vsn-session", none, reterr);
    if (r < 0)
        follower_free(follower);
    else
        *ret_follower = follower;
    return r;
}

/* Lets a session log out in its own time; it is freed when it has ended. */
static void send_home(struct followers *followers, struct follower *follower)
{
    if (!follower)
        return;
    child_dismiss(follower->child);
    if (child_pid(follower->child)) {
        follower->next = followers->leaving;
        followers->leaving = follower;
    } else {
        follower_free(follower);
    }
}

static bool reap_leaving(struct followers *followers, pid_t pid, int status)
{
    for (struct follower **at = &followers->leaving; *at; at = &(*at)->next) {
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
static int take_over_sessions(struct followers *followers, const struct config *before,
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
        sessions[count] = keep_session(followers, before, hypervisor);
        if (sessions[count])
            send_target(sessions[count], /* is_new_process = */ false);
        else
            r = start_session(followers, hypervisor->name, &sessions[count], reterr);
        count += r == 0;
    }
    for (size_t i = 0; i < followers->n_sessions; i++)
        send_home(followers, followers->sessions[i]);
    free(followers->sessions);
    followers->sessions = sessions;
    followers->n_sessions = count;
    return r;
}

/* ---- Taking over ----------------------------------------------------------------------------- */

static bool changes_neighbor(const struct config *before, const struct config *config)
{
    return strcmp(before->lldpd_socket, config->lldpd_socket) != 0 ||
           hears_by_sonic(before) != hears_by_sonic(config) ||
           (hears_by_sonic(config) &&
            strcmp(before->switch_arguments, config->switch_arguments) != 0);
}

static bool changes_switch(const struct config *before, const struct config *config)
{
    return strcmp(before->switch_driver, config->switch_driver) != 0 ||
           strcmp(before->switch_arguments, config->switch_arguments) != 0;
}

static bool changes_history(const struct config *before, const struct config *config)
{
    return before->history_days != config->history_days ||
           before->history_entries != config->history_entries;
}

static const struct {
    bool (*changes)(const struct config *before, const struct config *config);
    int (*start)(struct followers *followers, const struct config *config, struct error *reterr);
} kinds[] = {
    [FOLLOWER_MODULE] = { changes_switch, start_module },
    [FOLLOWER_NEIGHBOR] = { changes_neighbor, start_neighbor },
    [FOLLOWER_HISTORY] = { changes_history, start_history },
};

int followers_take_over(struct followers *followers, const struct config *before,
                        const struct config *config, struct error *reterr)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < N_FOLLOWER_KINDS; i++) {
        struct follower *follower = &followers->single[i];

        if (follower->child && !kinds[i].changes(before, config))
            continue;
        follower->child = child_free(follower->child);
        r = kinds[i].start(followers, config, reterr);
    }
    if (r == 0)
        r = take_over_sessions(followers, before, config, reterr);
    send_marks(followers);
    return r;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static bool reap_one(struct followers *followers, pid_t pid, int status)
{
    for (size_t i = 0; i < N_FOLLOWER_KINDS; i++)
        if (child_reaped(followers->single[i].child, pid, status))
            return true;
    for (size_t i = 0; i < followers->n_sessions; i++)
        if (child_reaped(followers->sessions[i]->child, pid, status))
            return true;
    return reap_leaving(followers, pid, status);
}

void followers_reap(struct followers *followers)
{
    pid_t pid;
    int status;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        reap_one(followers, pid, status);
}

void followers_dismiss(struct followers *followers)
{
    struct child *history = followers->single[FOLLOWER_HISTORY].child;

    for (size_t i = 0; i < followers->n_sessions; i++)
        child_dismiss(followers->sessions[i]->child);
    if (history)
        child_dismiss(history);
}

bool followers_linger(const struct followers *followers)
{
    const struct child *history = followers->single[FOLLOWER_HISTORY].child;

    for (size_t i = 0; i < followers->n_sessions; i++)
        if (child_pid(followers->sessions[i]->child))
            return true;
    return followers->leaving || (history && child_pid(history));
}

/* Our other programs lie beside this one in a build tree, or in the place where they are installed.
 */
static int find_programs(struct followers *followers, struct error *reterr)
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
    followers->libexec_dir = strdup(self);
    return followers->libexec_dir ? 0 : error_set(reterr, -ENOMEM, "out of memory");
}

int followers_new(struct loop *loop, const struct options *options, const struct core *core,
                  const struct followers_callbacks *callbacks, void *data,
                  struct followers **ret_followers, struct error *reterr)
{
    struct followers *followers = calloc(1, sizeof(*followers));
    int r;

    if (!followers)
        return error_set(reterr, -ENOMEM, "out of memory");
    followers->loop = loop;
    followers->options = options;
    followers->core = core;
    followers->callbacks = callbacks;
    followers->data = data;
    r = find_programs(followers, reterr);
    if (r < 0)
        followers_free(followers);
    else
        *ret_followers = followers;
    return r;
}

struct followers *followers_free(struct followers *followers)
{
    if (!followers)
        return NULL;
    for (size_t i = 0; i < followers->n_sessions; i++)
        follower_free(followers->sessions[i]);
    free(followers->sessions);
    while (followers->leaving) {
        struct follower *follower = followers->leaving;

        followers->leaving = follower->next;
        follower_free(follower);
    }
    for (size_t i = 0; i < N_FOLLOWER_KINDS; i++)
        child_free(followers->single[i].child);
    free(followers->libexec_dir);
    free(followers);
    return NULL;
}

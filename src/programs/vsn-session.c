/* vsn-session: follows one hypervisor for vsnd. It finds its channel on CHANNEL_CHILD_FD, is told
 * whom to follow by a 'new target' record, and answers with records until the channel closes. */
#include <curl/curl.h>
#include <errno.h>
#include <libxml/parser.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/channel.h"
#include "base/confine.h"
#include "base/log.h"
#include "base/loop.h"
#include "model/record.h"
#include "source/vsphere/session.h"
#include "source/xenapi/session.h"

#define BACKLOG_MAX (128u << 20) /* beyond it vsnd is dead */
#define CONGESTED (1u << 18)     /* beyond it replies wait; a move is never behind much more */

struct program;

/* A session of one of the vendors. */
struct kind {
    const char *type; /* of the target */
    void *(*new)(struct program *program);
    void (*free)(void *session);
    void (*target)(void *session, const struct target *target);
    void (*stop)(void *session);
};

struct program {
    struct loop *loop;
    struct channel *channel;
    const struct kind *kind; /* NULL: no target yet */
    void *session;
    struct target *next; /* of another kind, taken up when the session has ended */
    struct loop_watch *turn;
    bool stopping;
};

static void stop(struct program *program)
{
    if (program->stopping)
        return;
    program->stopping = true;
    if (program->kind)
        program->kind->stop(program->session);
    else
        loop_quit(program->loop, 0);
}

/* ---- Sessions -------------------------------------------------------------------------------- */

static void on_emit(const char *lines, size_t size, void *data)
{
    struct program *program = data;

    channel_send(program->channel, lines, size);
}

static bool on_congested(void *data)
{
    struct program *program = data;

    return channel_backlog(program->channel) > CONGESTED;
}

/* The session is over: because the program is, or because the next one is of another kind. */
static void on_stopped(void *data)
{
    struct program *program = data;

    if (program->stopping)
        loop_quit(program->loop, 0);
    else
        loop_timer_start(program->turn, 0);
}

static const struct life_callbacks callbacks = { .emit = on_emit,
                                                 .congested = on_congested,
                                                 .stopped = on_stopped };

static void *new_vsphere(struct program *program)
{
    return vsphere_session_new(program->loop, &callbacks, program);
}

static void free_vsphere(void *session)
{
    vsphere_session_free(session);
}

static void target_vsphere(void *session, const struct target *target)
{
    vsphere_session_target(session, target);
}

static void stop_vsphere(void *session)
{
    vsphere_session_stop(session);
}

static void *new_xenapi(struct program *program)
{
    return xenapi_session_new(program->loop, &callbacks, program);
}

static void free_xenapi(void *session)
{
    xenapi_session_free(session);
}

static void target_xenapi(void *session, const struct target *target)
{
    xenapi_session_target(session, target);
}

static void stop_xenapi(void *session)
{
    xenapi_session_stop(session);
}

static const struct kind kinds[] = {
    { "vmware", new_vsphere, free_vsphere, target_vsphere, stop_vsphere },
    { "xen-citrix", new_xenapi, free_xenapi, target_xenapi, stop_xenapi },
};

static const struct kind *find_kind(const char *type)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (strcmp(kinds[i].type, type) == 0)
            return &kinds[i];
    return NULL;
}

static void start_kind(struct program *program, const struct kind *kind,
                       const struct target *target)
{
    program->session = kind->new (program);
    if (!program->session) {
        log_error("out of memory");
        loop_quit(program->loop, 1);
        return;
    }
    program->kind = kind;
    kind->target(program->session, target);
}

/* The session of another kind has ended. */
static void on_turn(void *data)
{
    struct program *program = data;
    struct target *next = program->next;

    program->kind->free(program->session);
    program->kind = NULL;
    program->session = NULL;
    program->next = NULL;
    start_kind(program, find_kind(next->type), next);
    free(next);
}

static void take_target(struct program *program, const struct target *target)
{
    const struct kind *kind = find_kind(target->type);
    bool is_turning = program->next;

    if (program->stopping)
        return;
    if (!kind) {
        log_error("vsnd sent a target of type '%s'", target->type);
    } else if (!program->kind) {
        start_kind(program, kind, target);
    } else if (kind == program->kind && !is_turning) {
        kind->target(program->session, target);
    } else {
        free(program->next);
        program->next = row_copy(TABLE_TARGET, target);
        if (!is_turning && program->next)
            program->kind->stop(program->session);
    }
}

/* ---- vsnd ------------------------------------------------------------------------------------ */

static void on_line(char *line, void *data)
{
    struct program *program = data;
    struct record record;
    struct error error = { "" };

    if (record_read(line, &record, &error) < 0)
        log_error("vsnd sent a line that is no record: %s", error.text);
    else if (record.op == RECORD_NEW && record.table == TABLE_TARGET)
        take_target(program, &record.row.target);
    else
        log_error("vsnd sent a record that is no target");
}

static void on_channel_closed(const char *reason, void *data)
{
    log_debug("vsnd %s", reason);
    stop(data);
}

static void on_signal(int number, void *data)
{
    (void)number;
    stop(data);
}

static int start(struct program *program, struct error *reterr)
{
    static const struct channel_callbacks channel = { .line = on_line,
                                                      .closed = on_channel_closed };

    program->loop = loop_new();
    if (!program->loop)
        return error_set(reterr, -ENOMEM, "cannot make an event loop");
    program->turn = loop_timer_new(program->loop, on_turn, program);
    program->channel = channel_new(program->loop, CHANNEL_CHILD_FD, RECORD_LINE_MAX, BACKLOG_MAX,
                                   &channel, program);
    if (!program->turn || !program->channel)
        return error_set(reterr, -EBADF, "descriptor %d is no channel to vsnd", CHANNEL_CHILD_FD);
    if (!loop_watch_signal(program->loop, SIGTERM, on_signal, program) ||
        !loop_watch_signal(program->loop, SIGINT, on_signal, program))
        return error_set(reterr, -ENOMEM, "cannot watch signals");
    return confine(CONFINE_SESSION, reterr);
}

int main(int argc, char **argv)
{
    struct program program = { 0 };
    struct error error = { "" };
    char name[32];
    int code = 1;

    snprintf(name, sizeof(name), "vsn-session%s%s", argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
    log_setup(name, LOG_LEVEL_INFO);
    confine_secrets();
    signal(SIGPIPE, SIG_IGN);
    xmlInitParser();
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        error_set(&error, -ENOMEM, "libcurl does not start");
    else if (start(&program, &error) == 0)
        code = loop_run(program.loop);
    if (*error.text)
        log_error("%s", error.text);
    if (program.kind)
        program.kind->free(program.session);
    free(program.next);
    loop_watch_free(program.turn);
    channel_free(program.channel);
    curl_global_cleanup();
    return code;
}

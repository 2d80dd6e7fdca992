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

#define BACKLOG_MAX (128u << 20) /* beyond it vsnd is dead */
#define CONGESTED (1u << 20)     /* beyond it replies wait */

struct program {
    struct loop *loop;
    struct channel *channel;
    struct vsphere_session *session;
    bool stopping;
};

static void stop(struct program *program)
{
    if (!program->stopping)
        vsphere_session_stop(program->session);
    program->stopping = true;
}

static void on_line(char *line, void *data)
{
    struct program *program = data;
    struct record record;
    struct error error = { "" };

    if (record_read(line, &record, &error) < 0)
        log_error("vsnd sent a line that is no record: %s", error.text);
    else if (record.op == RECORD_NEW && record.table == TABLE_TARGET)
        vsphere_session_target(program->session, &record.row.target);
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

static void on_stopped(void *data)
{
    struct program *program = data;

    loop_quit(program->loop, 0);
}

static int start(struct program *program, struct error *reterr)
{
    static const struct channel_callbacks channel = { .line = on_line,
                                                      .closed = on_channel_closed };
    static const struct vsphere_callbacks session = { .emit = on_emit,
                                                      .congested = on_congested,
                                                      .stopped = on_stopped };

    program->loop = loop_new();
    if (!program->loop)
        return error_set(reterr, -ENOMEM, "cannot make an event loop");
    program->session = vsphere_session_new(program->loop, &session, program);
    program->channel = channel_new(program->loop, CHANNEL_CHILD_FD, RECORD_LINE_MAX, BACKLOG_MAX,
                                   &channel, program);
    if (!program->session || !program->channel)
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
    vsphere_session_free(program.session);
    channel_free(program.channel);
    curl_global_cleanup();
    return code;
}

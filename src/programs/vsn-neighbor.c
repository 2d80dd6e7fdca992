/* vsn-neighbor: tells vsnd what this switch hears and says by LLDP and CDP.
 *
 * Started by vsnd with a stream socket on descriptor 3 (channel.h), which tells it what ports are
 * to be marked (source/marks.h); talks to lldpd only (see source/lldp.h), and needs no right but to
 * reach its socket. Ends when descriptor 3 closes. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>

#include "base/channel.h"
#include "base/confine.h"
#include "base/groups.h"
#include "base/log.h"
#include "source/lldp.h"

#define BACKLOG_MAX (64 * 1024 * 1024)
#define DEFAULT_SOCKET "/run/lldpd.socket"
#define DEFAULT_GROUP "_lldpd" /* that Debian's lldpd gives its socket to */

struct process {
    struct loop *loop;
    struct channel *channel;
    struct lldp *lldp;
    struct strbuf line;
    const char *socket;
};

static void on_row(enum record_op op, enum table table, const void *row, void *data)
{
    struct process *process = data;

    strbuf_reset(&process->line);
    if (record_write(&process->line, op, table, row, 0) == 0)
        channel_send(process->channel, process->line.data, process->line.size);
}

static void on_contact(const char *reason, void *data)
{
    struct process *process = data;

    if (reason)
        log_warning("lldpd at %s cannot be reached (%s): what it told is kept, trying again",
                    process->socket, reason);
    else
        log_notice("following lldpd at %s", process->socket);
}

/* A list of policy rows names the ports that are to be marked. */
static void take_policy(struct process *process, const struct record *record)
{
    struct marks *marks = lldp_marks(process->lldp);

    if (record->op == RECORD_BEGIN)
        marks_begin(marks);
    else if (record->op == RECORD_NEW)
        marks_add(marks, record->row.policy.id);
    else if (record->op == RECORD_END)
        marks_end(marks);
    if (record->op == RECORD_END)
        lldp_marks_changed(process->lldp);
}

static void on_line(char *line, void *data)
{
    struct record record;
    struct error error = { "" };

    if (record_read(line, &record, &error) < 0)
        log_error("from vsnd: %s", error.text);
    else if (record.table == TABLE_POLICY)
        take_policy(data, &record);
    else
        log_error("from vsnd: a %s row is nothing for vsn-neighbor", table_name(record.table));
}

static void on_closed(const char *reason UNUSED, void *data)
{
    struct process *process = data;

    loop_quit(process->loop, 0);
}

static void on_signal(int number UNUSED, void *data)
{
    struct process *process = data;

    loop_quit(process->loop, 0);
}

static int usage(void)
{
    fprintf(stderr, "usage: vsn-neighbor [--lldpd-socket PATH]\n"
                    "Started by vsnd, with a stream socket on descriptor 3.\n");
    return 2;
}

static int parse_arguments(int argc, char **argv, struct process *process)
{
    static const struct option options[] = {
        { "lldpd-socket", required_argument, NULL, 's' },
        { 0 },
    };
    int option;

    process->socket = DEFAULT_SOCKET;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option != 's')
            return -1;
        process->socket = optarg;
    }
    return optind == argc ? 0 : -1;
}

static int prepare(struct process *process, struct error *reterr)
{
    static const struct channel_callbacks callbacks = { on_line, NULL, on_closed };

    strbuf_init(&process->line, RECORD_LINE_MAX);
    process->loop = loop_new();
    if (!process->loop || !loop_watch_signal(process->loop, SIGTERM, on_signal, process) ||
        !loop_watch_signal(process->loop, SIGINT, on_signal, process))
        return error_set(reterr, -1, "no event loop");
    process->channel = channel_new(process->loop, CHANNEL_CHILD_FD, RECORD_LINE_MAX, BACKLOG_MAX,
                                   &callbacks, process);
    if (!process->channel)
        return error_set(reterr, -1, "descriptor %d is no socket", CHANNEL_CHILD_FD);
    groups_join(process->socket, DEFAULT_GROUP); /* as far as that goes: the attempt will tell */
    if (confine(CONFINE_NEIGHBOR, reterr) < 0)
        return -1;
    process->lldp = lldp_new(process->loop, process->socket, on_row, on_contact, process);
    return process->lldp ? 0 : error_set(reterr, -1, "out of memory");
}

int main(int argc, char **argv)
{
    struct process process = { 0 };
    struct error error = { "" };
    int code = 1;

    log_setup("vsn-neighbor", LOG_LEVEL_INFO);
    if (parse_arguments(argc, argv, &process) < 0)
        return usage();
    if (prepare(&process, &error) < 0)
        log_error("%s", error.text);
    else
        code = loop_run(process.loop);
    lldp_free(process.lldp);
    channel_free(process.channel);
    strbuf_done(&process.line);
    return code;
}

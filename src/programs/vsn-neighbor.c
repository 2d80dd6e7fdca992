/* vsn-neighbor: tells vsnd what this switch hears and says by LLDP and CDP.
 *
 * Started by vsnd with a stream socket on descriptor 3 (channel.h), which tells it what ports are
 * to be marked (source/marks.h); talks to lldpd only (see source/lldp.h), or, on a SONiC switch, to
 * its databases only (source/appl_db.h), and needs no right but to reach that socket. Ends when
 * descriptor 3 closes. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>

#include "base/channel.h"
#include "base/confine.h"
#include "base/groups.h"
#include "base/log.h"
#include "source/appl_db.h"
#include "source/lldp.h"

#define BACKLOG_MAX (64 * 1024 * 1024)
#define DEFAULT_SOCKET "/run/lldpd.socket"
#define DEFAULT_GROUP "_lldpd" /* that Debian's lldpd gives its socket to */

struct process {
    struct loop *loop;
    struct channel *channel;
    struct lldp *lldp; /* one of these two */
    struct appl_db *appl_db;
    struct strbuf line;
    const char *socket; /* of lldpd, */
    bool is_sonic;      /* or of Redis, in */
    struct sonic_line sonic;
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

    const char *what = process->is_sonic ? "SONiC's databases" : "lldpd";

    if (reason)
        log_warning("%s at %s cannot be reached (%s): what was told is kept, trying again", what,
                    process->socket, reason);
    else
        log_notice("following %s at %s", what, process->socket);
}

/* A list of policy rows names the ports that are to be marked. What SONiC's lldpd sends is not
 * within reach. */
static void take_policy(struct process *process, const struct record *record)
{
    struct marks *marks = process->lldp ? lldp_marks(process->lldp) : NULL;

    if (!marks)
        return;
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
    fprintf(stderr, "usage: vsn-neighbor [--lldpd-socket PATH | --sonic 'redis unix:PATH ...']\n"
                    "Started by vsnd, with a stream socket on descriptor 3.\n");
    return 2;
}

static int parse_sonic(const char *text, struct process *process)
{
    struct error error = { "" };

    if (sonic_line_read(text, &process->sonic, &error) < 0) {
        fprintf(stderr, "vsn-neighbor: %s\n", error.text);
        return -1;
    }
    process->is_sonic = true;
    process->socket = process->sonic.socket;
    return 0;
}

static int parse_arguments(int argc, char **argv, struct process *process)
{
    static const struct option options[] = {
        { "lldpd-socket", required_argument, NULL, 's' },
        { "sonic", required_argument, NULL, 'r' },
        { 0 },
    };
    int option;

    process->socket = DEFAULT_SOCKET;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 's')
            process->socket = optarg;
        else if (option != 'r' || parse_sonic(optarg, process) < 0)
            return -1;
    }
    return optind == argc ? 0 : -1;
}

static bool start_source(struct process *process)
{
    if (process->is_sonic)
        process->appl_db = appl_db_new(process->loop, &process->sonic, on_row, on_contact, process);
    else
        process->lldp = lldp_new(process->loop, process->socket, on_row, on_contact, process);
    return process->appl_db || process->lldp;
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
    groups_join(process->socket,
                process->is_sonic ? "redis"
                                  : DEFAULT_GROUP); /* as far as that goes: the attempt will tell */
    if (confine(CONFINE_NEIGHBOR, reterr) < 0)
        return -1;
    return start_source(process) ? 0 : error_set(reterr, -1, "out of memory");
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
    appl_db_free(process.appl_db);
    channel_free(process.channel);
    strbuf_done(&process.line);
    return code;
}

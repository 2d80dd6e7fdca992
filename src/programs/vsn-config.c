/* vsn-config: the Config Module's process, the only one that writes to the switch.
 *
 * Started by vsnd with a stream socket on descriptor 3 (channel.h), over which records pass in both
 * directions; see switch/module.h for which. It ends when the socket closes or on SIGTERM, and
 * leaves the switch as it is. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/channel.h"
#include "base/confine.h"
#include "base/log.h"
#include "switch/module.h"

#define BACKLOG_MAX (64 * 1024 * 1024)

struct process {
    struct loop *loop;
    struct channel *channel;
    struct module *module;
    struct strbuf line;
};

/* ---- Between the channel and the module ------------------------------------------------------ */

static void on_row(enum record_op op, enum table table, const void *row, void *data)
{
    struct process *process = data;

    strbuf_reset(&process->line);
    if (record_write(&process->line, op, table, row, 0) < 0)
        log_error("a %s row is too long to be told", table_name(table));
    else
        channel_send(process->channel, process->line.data, process->line.size);
}

static void on_notice(const char *text, void *data UNUSED)
{
    log_warning("%s", text);
}

static void on_line(char *line, void *data)
{
    struct process *process = data;
    struct record record;
    struct error error = { "" };

    if (record_read(line, &record, &error) < 0 || module_take(process->module, &record, &error) < 0)
        log_error("from vsnd: %s", error.text);
}

static void on_settled(void *data)
{
    struct process *process = data;

    module_settled(process->module);
}

static void on_closed(const char *reason, void *data)
{
    struct process *process = data;

    log_debug("vsnd %s", reason);
    loop_quit(process->loop, 0);
}

static void on_signal(int number UNUSED, void *data)
{
    struct process *process = data;

    loop_quit(process->loop, 0);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static int usage(void)
{
    fprintf(stderr, "usage: vsn-config --driver NAME --arguments TEXT --ledger FILE "
                    "[--freeze-file FILE]\n"
                    "Started by vsnd, with a stream socket on descriptor 3.\n");
    return 2;
}

static int parse_arguments(int argc, char **argv, struct module_setup *ret_setup)
{
    static const struct option options[] = {
        { "driver", required_argument, NULL, 'd' },
        { "arguments", required_argument, NULL, 'a' },
        { "ledger", required_argument, NULL, 'l' },
        { "freeze-file", required_argument, NULL, 'f' },
        { 0 },
    };
    int option;

    ret_setup->arguments = "";
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'd' && !(ret_setup->ops = driver_find(optarg))) {
            fprintf(stderr, "vsn-config: there is no switch driver '%s'\n", optarg);
            return -1;
        } else if (option == 'a') {
            ret_setup->arguments = optarg;
        } else if (option == 'l') {
            ret_setup->ledger = optarg;
        } else if (option == 'f') {
            ret_setup->freeze_file = optarg;
        } else if (option == '?') {
            return -1;
        }
    }
    return optind == argc && ret_setup->ops && ret_setup->ledger ? 0 : -1;
}

static int prepare(struct process *process, const struct module_setup *setup, struct error *reterr)
{
    static const struct channel_callbacks callbacks = { on_line, on_settled, on_closed };
    bool is_remote = setup->ops->is_remote && setup->ops->is_remote(setup->arguments);

    strbuf_init(&process->line, RECORD_LINE_MAX);
    process->loop = loop_new();
    if (!process->loop)
        return error_set(reterr, -1, "no event loop");
    if (!loop_watch_signal(process->loop, SIGTERM, on_signal, process) ||
        !loop_watch_signal(process->loop, SIGINT, on_signal, process))
        return error_set(reterr, -1, "signals cannot be watched");
    process->channel = channel_new(process->loop, CHANNEL_CHILD_FD, RECORD_LINE_MAX, BACKLOG_MAX,
                                   &callbacks, process);
    if (!process->channel)
        return error_set(reterr, -1, "descriptor %d is no socket", CHANNEL_CHILD_FD);
    if (confine(is_remote ? CONFINE_CONFIG_REMOTE : CONFINE_CONFIG, reterr) < 0)
        return -1;
    return module_new(process->loop, setup, &process->module, reterr);
}

int main(int argc, char **argv)
{
    struct process process = { 0 };
    struct module_setup setup = { .emit = on_row, .notice = on_notice, .data = &process };
    struct error error = { "" };
    int code = 1;

    signal(SIGPIPE, SIG_IGN); /* a switch that hangs up: OpenSSL writes with write(2) */
    log_setup("vsn-config", LOG_LEVEL_INFO);
    if (parse_arguments(argc, argv, &setup) < 0)
        return usage();
    if (prepare(&process, &setup, &error) < 0)
        log_error("%s", error.text);
    else
        code = loop_run(process.loop);
    module_free(process.module);
    channel_free(process.channel);
    strbuf_done(&process.line);
    /* The signal watches belong to the loop and go with the process. */
    return code;
}

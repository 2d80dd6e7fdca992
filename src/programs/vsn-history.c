/* vsn-history: keeps the ledger of moves and the audit over restarts.
 *
 * Started by vsnd with a stream socket on descriptor 3 (channel.h). Tells what it has, as complete
 * lists of the newest rows, the oldest of them first; takes 'new migration' and 'new audit' from
 * then on, a row of the same id in place of the one before, and writes what has gathered together.
 * Keeps STATE_DIR/history.sqlite (history/store.h) within its bounds of age and number. What the
 * disk does holds up nobody else: vsnd does not wait for an answer, and there is none. Ends when
 * descriptor 3 closes. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/channel.h"
#include "base/clock.h"
#include "base/confine.h"
#include "base/log.h"
#include "base/text.h"
#include "programs/history/store.h"

#define BACKLOG_MAX (32 * 1024 * 1024) /* bytes that vsnd does not take */
#define WAITING_MAX (8 * 1024 * 1024)  /* bytes of rows that could not be written yet */
#define WAITING_ENOUGH (256 * 1024)    /* so many are written without waiting for more */
#define GATHER_MS 200                  /* for which rows gather otherwise */
#define RETRY_MS 10000                 /* after the disk failed */
#define PRUNE_MS 60000                 /* between two looks at the bounds */
#define SAY_MS 600000                  /* between two complaints about the disk */
#define DAY_MS INT64_C(86400000)
#define TOLD_MIGRATIONS 10000 /* rows that vsnd keeps in memory */
#define TOLD_AUDITS 1000

struct process {
    struct loop *loop;
    struct channel *channel;
    struct loop_watch *flush;
    struct store *store; /* NULL: it could not be opened, and will be tried again */
    const char *folder;
    char *path;
    uint64_t days, entries;
    struct strbuf waiting; /* lines, each with its newline */
    bool is_dropping;      /* 'waiting' is full */
    int64_t pruned_ms;     /* monotonic; 0: not yet */
    struct log_limit complaints;
};

/* ---- Telling what there is ------------------------------------------------------------------- */

static void tell(struct process *process, enum record_op op, enum table table, const void *row)
{
    struct strbuf line;

    strbuf_init(&line, RECORD_LINE_MAX);
    if (record_write(&line, op, table, row, 0) == 0)
        channel_send(process->channel, line.data, line.size);
    strbuf_done(&line);
}

static void tell_row(enum table table, const void *row, void *data)
{
    tell(data, RECORD_NEW, table, row);
}

static int tell_table(struct process *process, enum table table, uint64_t most,
                      struct error *reterr)
{
    int r;

    tell(process, RECORD_BEGIN, table, NULL);
    r = store_read(process->store, table, most, tell_row, process, reterr);
    if (r == 0)
        tell(process, RECORD_END, table, NULL);
    return r;
}

static int tell_all(struct process *process, struct error *reterr)
{
    int r = tell_table(process, TABLE_MIGRATION, TOLD_MIGRATIONS, reterr);

    return r < 0 ? r : tell_table(process, TABLE_AUDIT, TOLD_AUDITS, reterr);
}

/* ---- The file -------------------------------------------------------------------------------- */

static void complain(struct process *process, const struct error *error)
{
    unsigned held;

    if (log_allowed(&process->complaints, clock_now_ms(), 1, SAY_MS, &held))
        log_error("%s; the history waits, everything else goes on", error->text);
    else
        log_debug("%s", error->text);
}

static int prune(struct process *process, struct error *reterr)
{
    int64_t now_ms = clock_now_ms();

    if (process->pruned_ms && now_ms - process->pruned_ms < PRUNE_MS)
        return 0;
    process->pruned_ms = now_ms;
    return store_prune(process->store, clock_wall_ms() - (int64_t)process->days * DAY_MS,
                       process->entries, reterr);
}

/* Opens the file and tells what is in it. */
static int open_once(struct process *process, struct error *reterr)
{
    int r = store_open(process->path, &process->store, reterr);

    if (r < 0)
        return r;
    process->pruned_ms = 0;
    r = prune(process, reterr);
    if (r == 0)
        r = tell_all(process, reterr);
    if (r < 0)
        process->store = store_close(process->store);
    return r;
}

/* The same, with a new file in place of one that is damaged. Returns 0, or what stays in the way.
 */
static int open_store(struct process *process, struct error *reterr)
{
    int r = open_once(process, reterr);

    if (r != -EUCLEAN)
        return r;
    log_error("%s; it is kept as %s.bad, and the history begins anew", reterr->text, process->path);
    r = store_set_aside(process->path, reterr);
    return r < 0 ? r : open_once(process, reterr);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static int put_line(struct process *process, char *line, struct error *reterr)
{
    struct record record;
    int r = record_read(line, &record, reterr);

    if (r == 0 && (record.op != RECORD_NEW ||
                   (record.table != TABLE_MIGRATION && record.table != TABLE_AUDIT)))
        r = error_set(reterr, -EINVAL, "it is none of ours");
    if (r == 0)
        r = store_put(process->store, record.table, &record.row, reterr);
    if (r != -EINVAL)
        return r;
    log_error("from vsnd: a line that cannot be used: %s", reterr->text);
    return 0;
}

static int put_lines(struct process *process, char *lines, struct error *reterr)
{
    char *line;
    int r = 0;

    while (r == 0 && (line = strsep(&lines, "\n")))
        if (*line)
            r = put_line(process, line, reterr);
    return r;
}

static int write_waiting(struct process *process, struct error *reterr)
{
    CLEANUP(free_text) char *lines = strdup(strbuf_text(&process->waiting)); /* kept for a retry */
    int r =
        lines ? store_begin(process->store, reterr) : error_set(reterr, -ENOMEM, "out of memory");

    if (r == 0)
        r = put_lines(process, lines, reterr);
    if (r == 0)
        r = store_commit(process->store, reterr);
    if (r < 0)
        store_rollback(process->store);
    else
        strbuf_reset(&process->waiting);
    return r < 0 ? r : prune(process, reterr);
}

static void on_flush(void *data)
{
    struct process *process = data;
    struct error error = { "" };
    int r = process->store ? 0 : open_store(process, &error);

    if (r == 0 && process->waiting.size)
        r = write_waiting(process, &error);
    if (r == 0) {
        process->is_dropping = false;
        return;
    }
    complain(process, &error);
    if (r == -EUCLEAN) {
        /* vsnd tells the next process everything that it has in memory. */
        loop_quit(process->loop, 1);
        return;
    }
    loop_timer_start(process->flush, RETRY_MS);
}

static void on_line(char *line, void *data)
{
    struct process *process = data;
    bool was_empty = process->waiting.size == 0;
    size_t before = process->waiting.size;

    if (before + strlen(line) + 1 > WAITING_MAX || strbuf_adds(&process->waiting, line) < 0 ||
        strbuf_addc(&process->waiting, '\n') < 0) {
        if (!process->is_dropping)
            log_error("%s cannot be written for too long: entries are left out", process->path);
        process->is_dropping = true;
        return;
    }
    if (process->store && before < WAITING_ENOUGH && process->waiting.size >= WAITING_ENOUGH)
        loop_timer_start(process->flush, 0);
    else if (process->store && was_empty)
        loop_timer_start(process->flush, GATHER_MS);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void leave(struct process *process)
{
    struct error error = { "" };

    if (process->store && process->waiting.size && write_waiting(process, &error) < 0)
        log_error("%s; the last entries are lost", error.text);
    loop_quit(process->loop, 0);
}

static void on_closed(const char *reason UNUSED, void *data)
{
    leave(data);
}

static void on_signal(int number UNUSED, void *data)
{
    leave(data);
}

static int usage(void)
{
    fprintf(stderr, "usage: vsn-history --state-dir DIR [--days N] [--entries N]\n"
                    "Started by vsnd, with a stream socket on descriptor 3.\n");
    return 2;
}

static int set_folder(struct process *process, const char *folder)
{
    process->folder = folder;
    return asprintf(&process->path, "%s/history.sqlite", folder) < 0 ? -1 : 0;
}

static int parse_arguments(int argc, char **argv, struct process *process)
{
    static const struct option options[] = {
        { "state-dir", required_argument, NULL, 's' },
        { "days", required_argument, NULL, 'd' },
        { "entries", required_argument, NULL, 'e' },
        { 0 },
    };
    int option, r = 0;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1 && r == 0) {
        if (option == 's' && !process->path)
            r = set_folder(process, optarg);
        else if (option == 'd')
            r = text_number(optarg, 1, 36500, &process->days);
        else if (option == 'e')
            r = text_number(optarg, 1, INT32_MAX, &process->entries);
        else
            r = -1;
    }
    return r == 0 && process->path && optind == argc ? 0 : -1;
}

/* On an old kernel it goes on without the part that only a newer one can do. */
static int give_up_rights(const struct process *process, struct error *reterr)
{
    int r = confine(CONFINE_HISTORY, reterr);

    if (r == 0)
        r = confine_writes(process->folder, reterr);
    return r == -EOPNOTSUPP ? 0 : r;
}

static int prepare(struct process *process, struct error *reterr)
{
    static const struct channel_callbacks callbacks = { on_line, NULL, on_closed };

    strbuf_init(&process->waiting, WAITING_MAX);
    process->loop = loop_new();
    if (!process->loop || !loop_watch_signal(process->loop, SIGTERM, on_signal, process) ||
        !loop_watch_signal(process->loop, SIGINT, on_signal, process))
        return error_set(reterr, -1, "no event loop");
    process->flush = loop_timer_new(process->loop, on_flush, process);
    process->channel = channel_new(process->loop, CHANNEL_CHILD_FD, RECORD_LINE_MAX, BACKLOG_MAX,
                                   &callbacks, process);
    if (!process->channel || !process->flush)
        return error_set(reterr, -1, "descriptor %d is no socket", CHANNEL_CHILD_FD);
    return give_up_rights(process, reterr);
}

int main(int argc, char **argv)
{
    struct process process = { .days = 90, .entries = 100000 };
    struct error error = { "" };
    int code = 1;

    log_setup("vsn-history", LOG_LEVEL_INFO);
    umask(0077); /* names of machines are nobody else's business */
    if (parse_arguments(argc, argv, &process) < 0)
        return usage();
    if (prepare(&process, &error) < 0) {
        log_error("%s", error.text);
    } else {
        loop_timer_start(process.flush, 0);
        code = loop_run(process.loop);
    }
    store_close(process.store);
    channel_free(process.channel);
    loop_watch_free(process.flush);
    strbuf_done(&process.waiting);
    free(process.path);
    return code;
}

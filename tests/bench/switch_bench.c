/* switch_bench: how long the Config Module takes from a change to its outcome, beside the least
 * that the same switch can be asked for by hand.
 *
 *     switch_bench linux-bridge BRIDGE PORTS RUNS FOLDER
 *     switch_bench open-vswitch "bridge NAME db unix:PATH" PORTS RUNS FOLDER
 *     switch_bench sonic "redis unix:PATH" PORTS RUNS FOLDER
 *
 * The ports are swp1 to swpPORTS; FOLDER is for the ledger. Prints lines NAME OURS-MS FLOOR-MS,
 * each the median of RUNS, ours and the floor in turn. Both write, wait until the switch has done
 * it, and read it back. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "switch/module.h"
#include "switch_floor.h"

#define SETTLE_MS 70 /* the module may look at the switch again meanwhile */
#define RUNS_MAX 1000

struct bench {
    struct loop *loop;
    struct loop_watch *pause;
    struct module *module;
    unsigned ports;
    bool ready;
    unsigned outcomes, problems;
    struct floor *floor;
};

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void die(const char *what)
{
    fprintf(stderr, "switch_bench: %s\n", what);
    exit(1);
}

/* ---- The Config Module ----------------------------------------------------------------------- */

static void on_row(enum record_op op, enum table table, const void *row, void *data)
{
    struct bench *bench = data;
    const struct switch_status *status = row;
    const struct outcome *outcome = row;

    if (table == TABLE_SWITCH && op == RECORD_NEW)
        bench->ready = status->state == SWITCH_READY;
    if (table != TABLE_OUTCOME)
        return;
    bench->outcomes++;
    if (*outcome->problem) {
        bench->problems++;
        fprintf(stderr, "switch_bench: %s: %s\n", outcome->port, outcome->problem);
    }
}

static void on_notice(const char *text, void *data UNUSED)
{
    fprintf(stderr, "switch_bench: %s\n", text);
}

static void on_pause(void *data)
{
    struct bench *bench = data;

    loop_quit(bench->loop, 0);
}

static void run_loop(struct bench *bench, int64_t for_ms)
{
    loop_timer_start(bench->pause, for_ms);
    loop_run(bench->loop);
}

static void say(struct bench *bench, const char *format, ...) PRINTF_LIKE(2, 3);
static void say(struct bench *bench, const char *format, ...)
{
    char line[256];
    struct record record;
    struct error error = { "" };
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (record_read(line, &record, &error) < 0 || module_take(bench->module, &record, &error) < 0)
        die(error.text);
}

/* One change on each of the first 'ports' ports; the time until the last outcome. */
static double change(struct bench *bench, unsigned ports, const char *verb, const char *vlans)
{
    double started = now_ms(), took;

    bench->outcomes = 0;
    for (unsigned i = 1; i <= ports; i++)
        say(bench, "new change id=%u port=swp%u %s=%s", i, i, verb, vlans);
    module_settled(bench->module);
    took = now_ms() - started;
    if (bench->outcomes != ports || bench->problems)
        die("a change was not carried out");
    run_loop(bench, SETTLE_MS);
    return took;
}

/* ---- Figures --------------------------------------------------------------------------------- */

static int compare(const void *left, const void *right)
{
    const double *a = left, *b = right;

    return *a < *b ? -1 : *a > *b;
}

static double median(double *values, unsigned count)
{
    qsort(values, count, sizeof(*values), compare);
    return values[count / 2];
}

static void measure(struct bench *bench, const char *name, unsigned ports, const char *vlans,
                    unsigned runs)
{
    double ours[RUNS_MAX], theirs[RUNS_MAX], started;

    for (unsigned i = 0; i < runs; i++) {
        ours[i] = change(bench, ports, "add", vlans);
        change(bench, ports, "remove", vlans);
        started = now_ms();
        if (floor_write(bench->floor, true, ports, vlans) < 0)
            die("the floor cannot be written");
        theirs[i] = now_ms() - started;
        if (floor_write(bench->floor, false, ports, vlans) < 0)
            die("the floor cannot be removed");
        run_loop(bench, SETTLE_MS);
    }
    printf("%s %.3f %.3f\n", name, median(ours, runs), median(theirs, runs));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct bench bench = { 0 };
    struct module_setup setup = { .emit = on_row, .notice = on_notice, .data = &bench };
    struct error error = { "" };
    char ledger[512];
    unsigned runs;

    if (argc != 6 || !(setup.ops = driver_find(argv[1])))
        die("switch_bench DRIVER ARGUMENTS PORTS RUNS FOLDER");
    signal(SIGPIPE, SIG_IGN);
    setup.arguments = argv[2];
    bench.ports = (unsigned)atoi(argv[3]);
    runs = (unsigned)atoi(argv[4]);
    if (runs < 1 || runs > RUNS_MAX / 10)
        die("RUNS: 1 to 100");
    snprintf(ledger, sizeof(ledger), "%s/ledger", argv[5]);
    setup.ledger = ledger;
    bench.loop = loop_new();
    bench.pause = loop_timer_new(bench.loop, on_pause, &bench);
    bench.floor = floor_new(argv[1], argv[2]);
    if (!bench.floor || module_new(bench.loop, &setup, &bench.module, &error) < 0)
        die(error.text);
    for (int i = 0; i < 50 && !bench.ready; i++)
        run_loop(&bench, 100);
    if (!bench.ready)
        die("the switch is not reachable");
    say(&bench, "begin policy");
    for (unsigned i = 1; i <= bench.ports; i++)
        say(&bench, "new policy id=swp%u allowed=2-4000", i);
    say(&bench, "end policy");
    run_loop(&bench, SETTLE_MS);
    measure(&bench, "single", 1, "100", runs * 5);
    measure(&bench, "one_vlan", bench.ports, "100", runs);
    measure(&bench, "vlans500", bench.ports, "101-600", runs > 3 ? 3 : runs);
    module_free(bench.module);
    floor_free(bench.floor);
    loop_watch_free(bench.pause);
    loop_free(bench.loop);
    return 0;
}

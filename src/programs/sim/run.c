#include "programs/sim/run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "programs/sim/advance.h"
#include "programs/sim/invariants.h"
#include "programs/sim/moves.h"

struct totals {
    uint64_t lines, settles, added, removed, raced, restarts, readings, moves, in_advance;
    int64_t simulated_ms;
};

struct run {
    struct world world;
    struct faults faults;
    struct switch_model model;
    struct invariants invariants;
    struct advance advance;
    struct feed feed;
    FILE *recording;
    uint64_t restarts;
    int64_t quiet_ms; /* since when nothing was sent */
};

/* ---- One step -------------------------------------------------------------------------------- */

/* Judges what the core sent, and hands it to the switch. */
static bool deliver(struct run *run)
{
    const struct core *core = replay_core(run->feed.replay);
    char *lines = run->feed.to_module.data, *line;

    invariants_look(&run->invariants, &run->world, core, run->feed.now_ms);
    advance_look(&run->advance, &run->world, &run->faults, core, &run->model, run->feed.now_ms);
    while (lines && *lines && (line = strsep(&lines, "\n"))) {
        struct switch_change change;

        if (!switch_take(&run->model, &run->world, line, run->feed.now_ms, &change))
            continue;
        run->quiet_ms = run->feed.now_ms;
        if (!invariants_judge(&run->invariants, &run->world, &run->faults, core, &change,
                              run->feed.now_ms) ||
            !advance_judge(&run->advance, &run->world, &run->model, &change, run->feed.now_ms))
            return false;
    }
    strbuf_reset(&run->feed.to_module);
    return true;
}

/* The next time at which something happens by itself: the core wakes, the switch has written, a
 * move goes on. */
static int64_t next_ms(const struct run *run)
{
    int64_t now_ms = run->feed.now_ms;
    int64_t next = run->feed.wake_ms > now_ms ? run->feed.wake_ms : now_ms;
    int64_t moves_ms = moves_next_ms(&run->world, now_ms);
    int64_t switch_ms = switch_next_ms(&run->model, now_ms);
    int64_t look_ms = advance_next_ms(&run->advance, now_ms);

    next = moves_ms < next ? moves_ms : next;
    next = switch_ms < next ? switch_ms : next;
    return look_ms < next ? look_ms : next;
}

/* Moves the time on, stopping wherever something happens. */
static bool pass_time(struct run *run, int64_t until_ms)
{
    for (int64_t at_ms = next_ms(run); at_ms < until_ms; at_ms = next_ms(run)) {
        if (!feed_until(&run->feed, at_ms) || !deliver(run) ||
            !switch_run(&run->model, &run->world, &run->feed) ||
            !moves_run(&run->world, &run->faults, &run->feed) || !deliver(run) ||
            !advance_check(&run->advance, &run->world, &run->model, run->feed.now_ms))
            return false;
    }
    return feed_until(&run->feed, until_ms) && deliver(run);
}

static bool start_core(struct run *run)
{
    struct strbuf config;
    bool taken;

    if (feed_start(&run->feed, run->recording, run->feed.now_ms) < 0)
        return false;
    strbuf_init(&config, CONFIG_FILE_MAX);
    world_config(&run->world, &config);
    taken = feed_config(&run->feed, strbuf_text(&config));
    strbuf_done(&config);
    faults_restart(&run->faults, run->feed.now_ms);
    invariants_restart(&run->invariants);
    advance_restart(&run->advance);
    run->model.n_pending = 0;
    return taken && switch_start(&run->model, &run->world, &run->feed);
}

static bool trouble(struct run *run)
{
    struct dice *dice = &run->world.dice;
    bool fine = true;

    for (unsigned h = 0; h < run->world.n_hypervisors; h++) {
        unsigned index = 0;
        enum sim_change change;

        if (!dice_percent(dice, 25))
            continue;
        change = world_change(&run->world, h, run->feed.now_ms, &index);
        faults_note(&run->faults, h, change, index);
    }
    moves_begin(&run->world, run->feed.now_ms);
    if (dice_once_in(dice, 120))
        world_move_cable(&run->world, run->feed.now_ms);
    if (dice_once_in(dice, 100))
        fine = switch_by_hand(&run->model, &run->world, &run->feed);
    if (dice_once_in(dice, 200))
        fine &= switch_fault(&run->model, &run->world, &run->feed);
    if (dice_once_in(dice, 400)) {
        run->restarts++;
        fine &= start_core(run);
    }
    return fine;
}

/* Settling may be late, by seconds here, but not while a machine is on its way: vsnd settles some
 * tens of milliseconds after anything that it is told. */
static bool is_awaited(const struct run *run)
{
    for (unsigned i = 0; i < SIM_MOVES; i++)
        if (run->world.moves[i].exists && run->world.moves[i].is_told)
            return true;
    return false;
}

static bool step(struct run *run, bool troubled)
{
    struct dice *dice = &run->world.dice;
    int64_t pause =
        dice_percent(dice, 5) ? dice_range(dice, 10000, 30000) : dice_range(dice, 20, 10000);

    if (!pass_time(run, run->feed.now_ms + pause))
        return false;
    if (troubled && !trouble(run))
        return false;
    if (!faults_run(&run->faults, &run->world, &run->feed) ||
        !switch_run(&run->model, &run->world, &run->feed) ||
        !moves_run(&run->world, &run->faults, &run->feed))
        return false;
    if (run->feed.settle && (dice_percent(dice, 80) || is_awaited(run)) && !feed_settle(&run->feed))
        return false;
    return deliver(run);
}

/* ---- The end of a run ------------------------------------------------------------------------ */

/* An operator accepts what is true after all. */
static bool accept_doubted(struct run *run)
{
    const struct core *core = replay_core(run->feed.replay);

    for (size_t i = 0; i < core_hypervisors(core); i++) {
        struct core_hypervisor hypervisor = core_hypervisor(core, i);
        char name[CONFIG_NAME_SIZE];

        if (!hypervisor.inventory || !inventory_doubt(hypervisor.inventory))
            continue;
        snprintf(name, sizeof(name), "%s", hypervisor.config->name);
        if (!feed_line(&run->feed, "accept", name))
            return false;
    }
    return true;
}

/* Heals everything and waits until the core has nothing more to send for two hold-downs, as the
 * hour's share of the budget may make it wait longer, at most for some hours. */
static bool converge(struct run *run)
{
    int64_t patience_ms = (int64_t)run->world.hold_down_s * 2000 + 120000;
    int64_t begun_ms = run->feed.now_ms, enough_ms = begun_ms + 12 * 3600000;

    world_heal(&run->world);
    faults_calm(&run->faults, run->feed.now_ms);
    run->model.trouble = 0;
    if (!switch_heal(&run->model, &run->world, &run->feed))
        return false;
    run->quiet_ms = run->feed.now_ms;
    while (run->feed.now_ms < enough_ms) {
        bool healed = faults_told_all(&run->faults, &run->world) && moves_are_over(&run->world) &&
                      run->feed.now_ms > begun_ms + 300000;

        if (!step(run, /* troubled = */ false) || (healed && !accept_doubted(run)))
            return false;
        if (healed && run->feed.now_ms - run->quiet_ms > patience_ms &&
            invariants_converged(&run->invariants, &run->world, replay_core(run->feed.replay),
                                 &run->model))
            return true;
    }
    return invariants_converged(&run->invariants, &run->world, replay_core(run->feed.replay),
                                &run->model);
}

/* ---- Runs ------------------------------------------------------------------------------------ */

static bool run_one(struct run *run, uint64_t seed, unsigned steps, unsigned *ret_step)
{
    world_init(&run->world, seed);
    faults_init(&run->faults, &run->world);
    invariants_init(&run->invariants, &run->world);
    advance_init(&run->advance);
    switch_init(&run->model, &run->world);
    run->feed.now_ms = 1000;
    run->quiet_ms = 0;
    run->restarts = 0;
    *ret_step = 0;
    if (!start_core(run))
        return false;
    for (; *ret_step < steps; (*ret_step)++)
        if (!step(run, /* troubled = */ true))
            return false;
    run->invariants.broken[0] = '\0';
    if (!converge(run) ||
        !advance_ledger(&run->advance, &run->world, replay_core(run->feed.replay)))
        return false;
    run->invariants.broken[0] = '\0';
    return true;
}

static void report(const struct run *run, uint64_t seed, unsigned step)
{
    printf("seed %" PRIu64 " step %u at %" PRId64 " ms: %s\nthe last lines:\n", seed, step,
           run->feed.now_ms,
           run->advance.broken[0]      ? run->advance.broken
           : run->invariants.broken[0] ? run->invariants.broken
                                       : "the core refused an event");
    feed_report(&run->feed, stdout);
    printf("again: vsn-sim run --seeds 1 --first %" PRIu64 " --record FILE\n", seed);
}

static void add_up(struct totals *totals, const struct run *run)
{
    totals->lines += run->feed.lines;
    totals->settles += run->feed.settles;
    totals->added += run->model.added;
    totals->removed += run->model.removed;
    totals->raced += run->invariants.raced;
    totals->restarts += run->restarts;
    totals->moves += run->world.n_moves;
    totals->in_advance += run->advance.judged;
    totals->simulated_ms += run->feed.now_ms;
    for (unsigned h = 0; h < SIM_HYPERVISORS; h++)
        totals->readings += run->faults.sessions[h].readings;
}

static void print_totals(const struct totals *totals, uint64_t seeds, double seconds)
{
    double hours = (double)totals->simulated_ms / 3600000;

    printf("%" PRIu64 " seeds, %.0f simulated hours: %" PRIu64 " events, %" PRIu64
           " settlings, %" PRIu64 " full reads, %" PRIu64 " restarts; %" PRIu64 " moves, %" PRIu64
           " of them seen to be served in advance; %" PRIu64 " VLANs added, %" PRIu64
           " removed, %" PRIu64
           " of them wanted again before that could be told; every invariant held\n",
           seeds, hours, totals->lines, totals->settles, totals->readings, totals->restarts,
           totals->moves, totals->in_advance, totals->added, totals->removed, totals->raced);
    if (seconds > 0)
        printf("%.1f s, %.0f simulated hours per second\n", seconds, hours / seconds);
}

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int run_seeds(const struct run_options *options)
{
    struct run *run = calloc(1, sizeof(*run));
    struct totals totals = { 0 };
    double begun_s = now_s();
    bool held = run != NULL;
    unsigned at_step = 0;

    if (held && options->recording) {
        run->recording = fopen(options->recording, "w+e");
        held = run->recording != NULL;
        if (!held)
            printf("%s: %s\n", options->recording, strerror(errno));
    }
    for (uint64_t i = 0; held && i < options->seeds; i++) {
        run->feed.lines = run->feed.settles = 0;
        held = run_one(run, options->first + i, options->steps, &at_step);
        if (!held)
            report(run, options->first + i, at_step);
        add_up(&totals, run);
        feed_done(&run->feed);
        faults_done(&run->faults);
    }
    if (held)
        print_totals(&totals, options->seeds, options->timed ? now_s() - begun_s : 0);
    if (run && run->recording)
        fclose(run->recording);
    free(run);
    return held ? 0 : 1;
}

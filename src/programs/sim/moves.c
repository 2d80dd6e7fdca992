#include "programs/sim/moves.h"

#include "programs/sim/teller.h"

/* ---- Beginning --------------------------------------------------------------------------------
 */

static struct sim_move *free_move(struct world *world)
{
    for (unsigned i = 0; i < SIM_MOVES; i++)
        if (!world->moves[i].exists)
            return &world->moves[i];
    return NULL;
}

static bool pick_machine(struct world *world, unsigned h, unsigned *ret_machine)
{
    for (int tries = 0; tries < 20; tries++) {
        *ret_machine = (unsigned)dice_range(&world->dice, 0, SIM_MACHINES - 1);
        if (world->hypervisors[h].machines[*ret_machine].exists &&
            !world_is_moving(world, h, *ret_machine))
            return true;
    }
    return false;
}

/* Most moves go to another host. */
static unsigned pick_destination(struct world *world, unsigned h, unsigned from)
{
    unsigned to = from;

    for (int tries = 0; tries < 30 && to == from; tries++) {
        unsigned host = (unsigned)dice_range(&world->dice, 0, SIM_HOSTS - 1);

        if (world->hypervisors[h].hosts[host].exists)
            to = host;
    }
    return to;
}

/* The hosts that are named while the destination is not; now and then none is. */
static uint64_t pick_possible(struct world *world, const struct sim_move *move)
{
    uint64_t possible = UINT64_C(1) << move->to;

    if (dice_percent(&world->dice, 25))
        return 0;
    for (unsigned host = 0; host < SIM_HOSTS; host++)
        if (world->hypervisors[move->hypervisor].hosts[host].exists &&
            dice_percent(&world->dice, 30))
            possible |= UINT64_C(1) << host;
    return possible;
}

/* When it is heard of, and what is heard: mostly at once and in full. */
static void choose_telling(struct world *world, struct sim_move *move, int64_t begun_ms)
{
    struct dice *dice = &world->dice;

    move->tell_ms = begun_ms + dice_range(dice, 0, 20);
    if (dice_percent(dice, 12))
        move->tell_ms = dice_range(dice, begun_ms, move->ends_ms);
    else if (dice_percent(dice, 5))
        move->tell_ms = INT64_MAX;
    move->to_ms = move->tell_ms;
    if (dice_percent(dice, 10))
        move->to_ms = INT64_MAX;
    else if (dice_percent(dice, 15))
        move->to_ms = dice_range(dice, begun_ms, move->ends_ms);
    move->end_tell_ms = move->ends_ms + dice_range(dice, 0, dice_percent(dice, 10) ? 3000 : 50);
    move->seen_ms = move->end_tell_ms + (dice_percent(dice, 50) ? 0 : dice_range(dice, 0, 2000));
}

static void begin_one(struct world *world, int64_t now_ms)
{
    unsigned h = (unsigned)dice_range(&world->dice, 0, world->n_hypervisors - 1);
    struct sim_move *move = free_move(world);
    struct dice *dice = &world->dice;
    unsigned machine;

    if (!move || world->hypervisors[h].twin || !pick_machine(world, h, &machine))
        return;
    *move = (struct sim_move){
        .exists = true,
        .number = ++world->n_moves,
        .hypervisor = h,
        .machine = machine,
        .from = world->hypervisors[h].machines[machine].host,
        .end = dice_percent(dice, 80)   ? MOVE_DONE
               : dice_percent(dice, 60) ? MOVE_FAILED
                                        : MOVE_CANCELLED,
        .ends_ms = now_ms + dice_range(dice, 300, dice_percent(dice, 10) ? 120000 : 20000),
    };
    move->to = pick_destination(world, h, move->from);
    move->kind = move->to == move->from ? MOVE_STORAGE : MOVE_MIGRATE;
    if (move->kind == MOVE_MIGRATE && dice_percent(dice, 15))
        move->kind = MOVE_COLD;
    move->possible = pick_possible(world, move);
    choose_telling(world, move, now_ms);
}

/* Events that were held up come all at once. */
static void hold_up(struct world *world, int64_t now_ms)
{
    for (unsigned i = 0; i < SIM_MOVES; i++) {
        struct sim_move *move = &world->moves[i];

        if (!move->exists || move->tell_ms < now_ms || move->tell_ms == INT64_MAX)
            continue;
        move->tell_ms = now_ms + 5000;
        if (move->to_ms < move->tell_ms)
            move->to_ms = move->tell_ms;
        if (move->end_tell_ms < move->tell_ms)
            move->end_tell_ms = move->tell_ms;
        if (move->seen_ms < move->end_tell_ms)
            move->seen_ms = move->end_tell_ms;
    }
}

void moves_begin(struct world *world, int64_t now_ms)
{
    int64_t count = dice_percent(&world->dice, 15) ? dice_range(&world->dice, 2, 8) : 1;

    if (!dice_percent(&world->dice, 40))
        return;
    while (count-- > 0)
        begin_one(world, now_ms);
    if (dice_percent(&world->dice, 5))
        hold_up(world, now_ms);
}

/* ---- Telling ----------------------------------------------------------------------------------
 */

static void announce(struct teller *teller, const void *data)
{
    tell_move(teller, data, MOVE_RUNNING);
}

static void tell_end(struct teller *teller, const void *data)
{
    const struct sim_move *move = data;

    tell_move(teller, move, move->end);
    if (move->end != MOVE_DONE)
        tell_move_gone(teller, move);
}

/* Where the machine is now is told before the row of its move goes. */
static void tell_arrival(struct teller *teller, const void *data)
{
    const struct sim_move *move = data;

    tell_machine(teller, move->machine);
    tell_move_gone(teller, move);
}

static bool is_due(int64_t at_ms, const struct feed *feed)
{
    return at_ms <= feed->now_ms;
}

/* The next thing that its session has to say of a move; it is up. */
static bool tell_next(struct world *world, struct faults *faults, struct feed *feed,
                      struct sim_move *move)
{
    unsigned h = move->hypervisor;

    if (move->is_told && move->told_ms == 0)
        move->told_ms = feed->now_ms; /* the full read that told of it is over */
    if (!move->is_told && is_due(move->tell_ms, feed) && !move->has_ended) {
        move->is_told = true;
        move->is_to_told = is_due(move->to_ms, feed);
        move->told_ms = feed->now_ms;
        return faults_tell(faults, world, h, feed, announce, move);
    }
    if (move->is_told && !move->is_to_told && is_due(move->to_ms, feed) && !move->has_ended) {
        move->is_to_told = true;
        return faults_tell(faults, world, h, feed, announce, move);
    }
    if (!move->is_told || !move->has_ended)
        return true;
    if (!move->is_end_told && is_due(move->end_tell_ms, feed)) {
        move->is_end_told = true;
        move->is_to_told |= move->end == MOVE_DONE; /* the word of an arrival says where */
        if (!faults_tell(faults, world, h, feed, tell_end, move))
            return false;
    }
    if (!move->is_end_told || (move->end == MOVE_DONE && !is_due(move->seen_ms, feed)))
        return true;
    move->exists = false;
    return move->end != MOVE_DONE || faults_tell(faults, world, h, feed, tell_arrival, move);
}

/* ---- Happening --------------------------------------------------------------------------------
 */

static void end_move(struct world *world, struct faults *faults, struct sim_move *move)
{
    move->has_ended = true;
    if (move->end != MOVE_DONE || move->to == move->from)
        return;
    world_put_machine(world, move->hypervisor, move->machine, move->to);
    faults_note(faults, move->hypervisor, SIM_MACHINE, move->machine);
}

bool moves_run(struct world *world, struct faults *faults, struct feed *feed)
{
    for (unsigned i = 0; i < SIM_MOVES; i++) {
        struct sim_move *move = &world->moves[i];

        if (!move->exists)
            continue;
        if (!move->has_ended && is_due(move->ends_ms, feed))
            end_move(world, faults, move);
        if (faults->sessions[move->hypervisor].phase == PHASE_UP &&
            !tell_next(world, faults, feed, move))
            return false;
        if (move->has_ended && !move->is_told)
            move->exists =
                false; /* nobody heard of it, or it was forgotten when contact was lost */
    }
    return feed_settle_now(feed);
}

static void earlier(int64_t *next_ms, int64_t at_ms, int64_t now_ms)
{
    if (at_ms > now_ms && at_ms < *next_ms)
        *next_ms = at_ms;
}

int64_t moves_next_ms(const struct world *world, int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;

    for (unsigned i = 0; i < SIM_MOVES; i++) {
        const struct sim_move *move = &world->moves[i];

        if (!move->exists)
            continue;
        earlier(&next_ms, move->tell_ms, now_ms);
        earlier(&next_ms, move->to_ms, now_ms);
        earlier(&next_ms, move->ends_ms, now_ms);
        earlier(&next_ms, move->end_tell_ms, now_ms);
        earlier(&next_ms, move->seen_ms, now_ms);
    }
    return next_ms;
}

bool moves_are_over(const struct world *world)
{
    for (unsigned i = 0; i < SIM_MOVES; i++)
        if (world->moves[i].exists)
            return false;
    return true;
}

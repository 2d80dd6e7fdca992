#include "source/vsphere/moving.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "model/names.h"

#define POSSIBLE_CAP 60000
#define ARRIVAL_MS 60000 /* how long the inventory may take to show a machine that is there */
#define KEPT_MS 60000    /* a move that is over is remembered: what is late is about it */
#define SILENCE_MS (60 * 60000LL) /* a move that no task stands for, and nothing speaks of */

struct moving *moving_new(const char *vm, uint64_t chain, const char *task,
                          const struct moment *moment)
{
    struct moving *move = calloc(1, sizeof(*move));

    if (!move)
        return NULL;
    text_copy(move->vm, sizeof(move->vm), vm);
    text_copy(move->task, sizeof(move->task), task);
    move->chain = chain;
    if (chain)
        snprintf(move->id, sizeof(move->id), "%" PRIu64, chain);
    else
        text_copy(move->id, sizeof(move->id), task);
    move->since_ms = (uint64_t)moment->wall_ms;
    move->heard_ms = moment->now_ms;
    move->confirmed = true;
    return move;
}

struct moving *moving_free(struct moving *move)
{
    if (move)
        free(move->line);
    free(move);
    return NULL;
}

bool moving_is_over(const struct moving *move)
{
    return move->ended_ms != 0;
}

bool move_makes_machine(enum move_kind kind)
{
    return kind == MOVE_CLONE || kind == MOVE_DEPLOY || kind == MOVE_CREATE;
}

const char *event_owner(const struct event *event)
{
    return *event->source_vm ? event->source_vm : event->vm;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* The hosts of the same cluster. */
static void list_possible(const struct moving *move, const struct moment *moment,
                          struct strbuf *possible)
{
    const struct known *from = known_find(moment->hosts, move->from), *host, *next;

    if (*move->to || !moment->complete || !from || !*from->place)
        return;
    HASH_ITER (hh, moment->hosts->first, host, next)
        if (host != from && strcmp(host->place, from->place) == 0)
            names_add(possible, host->id);
}

/* A move may turn out to be to another store only. */
static enum move_kind kind_of(const struct moving *move)
{
    bool moves = move->kind == MOVE_MIGRATE || move->kind == MOVE_COLD;

    return moves && *move->to && strcmp(move->from, move->to) == 0 ? MOVE_STORAGE : move->kind;
}

static void write_row(struct moving *move, const struct moment *moment)
{
    struct strbuf possible, line;

    strbuf_init(&possible, POSSIBLE_CAP);
    strbuf_init(&line, RECORD_LINE_MAX);
    list_possible(move, moment, &possible);
    record_write(&line, RECORD_NEW, TABLE_MOVE,
                 &(struct move){ .owner = move->vm,
                                 .id = move->id,
                                 .kind = kind_of(move),
                                 .outcome = move->outcome,
                                 .from = move->from,
                                 .to = move->to,
                                 .possible = possible.overflow ? "" : strbuf_text(&possible),
                                 .name = move->name,
                                 .by = move->by,
                                 .user = move->user,
                                 .problem = move->problem,
                                 .since_ms = move->since_ms,
                                 .waiting = !*move->to && (move->evacuation || move->queued) },
                 0);
    if (!line.overflow && (!move->line || strcmp(move->line, strbuf_text(&line)) != 0)) {
        strbuf_adds(moment->to, strbuf_text(&line));
        free(move->line);
        move->line = strdup(strbuf_text(&line));
    }
    move->told = true;
    strbuf_done(&line);
    strbuf_done(&possible);
}

void moving_tell(struct moving *move, const struct moment *moment)
{
    if (!move->gone && *move->vm && (*move->to || move->armed))
        write_row(move, moment);
}

void moving_gone(struct moving *move, const struct moment *moment)
{
    if (move->told && !move->gone)
        record_write(moment->to, RECORD_GONE, TABLE_MOVE,
                     &(struct move){ .owner = move->vm, .id = move->id }, 0);
    move->gone = true;
}

/* ---- Ends ------------------------------------------------------------------------------------ */

static void moving_end(struct moving *move, enum move_outcome outcome, const struct mishap *mishap,
                       const struct moment *moment)
{
    uint32_t stated = record_field(TABLE_MOVE, "outcome");

    if (moving_is_over(move))
        return;
    move->outcome = outcome;
    move->ended_ms = moment->now_ms ? moment->now_ms : 1;
    move->running = false;
    if (mishap && outcome != MOVE_DONE)
        text_copy(move->problem, sizeof(move->problem),
                  *mishap->text ? mishap->text : mishap->type);
    if (*move->problem)
        stated |= record_field(TABLE_MOVE, "problem");
    if (move->told && !move->gone)
        record_write(
            moment->to, RECORD_PUT, TABLE_MOVE,
            &(struct move){
                .owner = move->vm, .id = move->id, .outcome = outcome, .problem = move->problem },
            stated);
    if (outcome != MOVE_DONE || !move->told)
        moving_gone(move, moment);
}

void moving_fail(struct moving *move, const struct mishap *mishap, bool cancelled,
                 const struct moment *moment)
{
    bool is_cancel = cancelled || strcmp(mishap->type, "RequestCanceled") == 0;

    moving_end(move, is_cancel ? MOVE_CANCELLED : MOVE_FAILED, mishap, moment);
}

void moving_task(struct moving *move, const struct task *task, const struct moment *moment)
{
    text_copy(move->task, sizeof(move->task), task->id);
    move->confirmed = true;
    move->heard_ms = moment->now_ms;
    if (task->chain && (!move->chain || move->evacuation))
        move->chain = task->chain;
    switch (task->state) {
    case TASK_UNKNOWN:
        break;
    case TASK_QUEUED:
    case TASK_RUNNING:
        move->running = !moving_is_over(move);
        move->queued = task->state == TASK_QUEUED;
        break;
    case TASK_SUCCESS:
        moving_end(move, MOVE_DONE, NULL, moment);
        break;
    case TASK_ERROR:
        moving_fail(move, &task->mishap, task->cancelled, moment);
        break;
    }
}

bool moving_has_task(const struct moving *move, const struct task *task)
{
    if (strcmp(task->id, move->task) == 0)
        return true;
    if (!task->chain || task->chain != move->chain)
        return false;
    return strcmp(task->entity_type, "VirtualMachine") == 0 ? strcmp(task->entity, move->vm) == 0
                                                            : move->kind == MOVE_CREATE;
}

void moving_drop(struct moving *move, const struct mishap *mishap, bool cancelled,
                 const struct moment *moment)
{
    if (mishap) {
        moving_fail(move, mishap, cancelled, moment);
    } else {
        moving_gone(move, moment);
        moving_end(move, MOVE_DONE, NULL, moment);
    }
}

/* ---- What events say ------------------------------------------------------------------------- */

void moving_set_kind(struct moving *move, enum move_kind kind, const struct moment *moment)
{
    const struct known *machine = known_find(moment->machines, move->vm);

    move->kind = kind == MOVE_MIGRATE && machine && !machine->running ? MOVE_COLD : kind;
}

/* Sets where to, by reference or else by the name of one host. */
static void set_destination(struct moving *move, const char *host, const char *name,
                            const struct moment *moment)
{
    const struct known *each, *next, *found = NULL;
    unsigned count = 0;

    if (*host) {
        text_copy(move->to, sizeof(move->to), host);
        return;
    }
    if (name != move->to_name)
        text_copy(move->to_name, sizeof(move->to_name), name);
    if (!*name)
        return;
    HASH_ITER (hh, moment->hosts->first, each, next)
        if (strcasecmp(each->name, name) == 0) {
            found = each;
            count++;
        }
    if (count == 1)
        text_copy(move->to, sizeof(move->to), found->id);
}

/* The machine that comes to be: of a copy the event is about its source, otherwise about itself. */
static void name_copy(struct moving *move, const struct event *event)
{
    text_copy(move->name, sizeof(move->name), *event->name ? event->name : event->vm_name);
    if (strcmp(event->vm, move->vm) != 0)
        text_copy(move->copy, sizeof(move->copy), event->vm);
}

void moving_begin(struct moving *move, const struct event *event,
                  const struct event_meaning *meaning, const struct moment *moment)
{
    bool has_source = !move_makes_machine(meaning->kind) && meaning->where == AT_DEST;

    moving_set_kind(move, meaning->kind, moment);
    move->queued = false;
    move->armed = move->armed || meaning->where == AT_DEST;
    if (has_source && *event->host)
        text_copy(move->from, sizeof(move->from), event->host);
    set_destination(move, meaning->where == AT_HOST ? event->host : event->dest, event->dest_name,
                    moment);
    if (move_makes_machine(meaning->kind))
        name_copy(move, event);
    text_copy(move->by, sizeof(move->by), event->type);
    if (*event->user)
        text_copy(move->user, sizeof(move->user), event->user);
}

void moving_leave(struct moving *move, const struct event *event)
{
    move->queued = false;
    if (*move->to || *move->by)
        return;
    move->kind = MOVE_MIGRATE;
    move->armed = true;
    text_copy(move->from, sizeof(move->from), event->host);
    text_copy(move->by, sizeof(move->by), event->type);
    text_copy(move->user, sizeof(move->user), event->user);
}

void moving_arrive(struct moving *move, const struct event *event,
                   const struct event_meaning *meaning, const struct moment *moment)
{
    if (!*move->by) { /* nothing was heard of it before */
        move->kind = meaning->kind;
        text_copy(move->from, sizeof(move->from), event->source);
        text_copy(move->by, sizeof(move->by), event->type);
        text_copy(move->user, sizeof(move->user), event->user);
    }
    if (meaning->kind == MOVE_RESTART)
        move->kind = MOVE_RESTART;
    if (move_makes_machine(move->kind))
        text_copy(move->copy, sizeof(move->copy), event->vm);
    if (!*move->vm)
        text_copy(move->vm, sizeof(move->vm), event_owner(event));
    if (*event->host && strcmp(move->to, event->host) != 0) {
        text_copy(move->to, sizeof(move->to), event->host);
        moving_tell(move, moment);
    }
    moving_end(move, MOVE_DONE, NULL, moment);
}

void moving_late(struct moving *move, const struct event *event)
{
    if (move_makes_machine(move->kind) && strcmp(event->vm, move->vm) != 0)
        text_copy(move->copy, sizeof(move->copy), event->vm);
}

/* ---- What the inventory says ----------------------------------------------------------------- */

static bool is_there(const struct moving *move, const struct known *machine)
{
    switch (move->kind) {
    case MOVE_CLONE:
    case MOVE_DEPLOY:
        return *move->copy && machine && *machine->place;
    case MOVE_CREATE:
        return machine && *machine->place;
    case MOVE_START:
    case MOVE_RESTART:
    case MOVE_RESUME:
        return machine && machine->running && strcmp(machine->place, move->to) == 0;
    case MOVE_UNKNOWN:
    case MOVE_MIGRATE:
    case MOVE_COLD:
    case MOVE_STORAGE:
    case MOVE_ARRIVE:
        break;
    }
    if (!machine || !*machine->place)
        return false;
    return *move->to ? strcmp(machine->place, move->to) == 0
                     : strcmp(machine->place, move->from) != 0;
}

/* True when it was moved for certain, whatever became of the event that says so. */
static bool has_switched_over(const struct moving *move, const struct known *machine)
{
    bool moves = move->kind == MOVE_MIGRATE || move->kind == MOVE_COLD;

    if (!moves || !machine || !*move->from || !*machine->place)
        return false;
    return strcmp(machine->place, move->from) != 0 &&
           (!*move->to || strcmp(machine->place, move->to) == 0);
}

/* What was only known by name, or not at all. */
static void complete(struct moving *move, const struct known *machine, const struct moment *moment)
{
    bool had_to = *move->to, had_from = *move->from;

    if (!had_to && *move->to_name)
        set_destination(move, "", move->to_name, moment);
    if (!had_from && move->armed && !*move->to && machine)
        text_copy(move->from, sizeof(move->from), machine->place);
    if (had_to != !!*move->to || had_from != !!*move->from)
        moving_tell(move, moment);
}

/* A move under way. */
static void look_at(struct moving *move, const struct known *machine, const struct moment *moment)
{
    bool is_silent = !move->running && moment->now_ms - move->heard_ms >= SILENCE_MS;

    complete(move, machine, moment);
    if (!move->running && has_switched_over(move, machine)) {
        moving_end(move, MOVE_DONE, NULL, moment);
    } else if (is_silent) {
        move->ended_ms = moment->now_ms;
        moving_gone(move, moment);
    } else if (move->met && !machine) { /* its machine is no more, and its row went with it */
        move->ended_ms = moment->now_ms;
        move->gone = true;
    }
    move->met = move->met || machine;
}

int64_t moving_look(struct moving *move, const struct moment *moment)
{
    bool is_copy = moving_is_over(move) && move_makes_machine(move->kind) && *move->copy;
    const struct known *machine = known_find(moment->machines, is_copy ? move->copy : move->vm);
    int64_t since_end_ms;

    if (!moving_is_over(move))
        look_at(move, machine, moment);
    if (!moving_is_over(move))
        return SILENCE_MS;
    since_end_ms = moment->now_ms - move->ended_ms;
    if (!move->gone && (is_there(move, machine) || since_end_ms >= ARRIVAL_MS))
        moving_gone(move, moment);
    if (since_end_ms < KEPT_MS)
        return KEPT_MS - since_end_ms;
    return move->gone ? 0 : 1;
}

#include "source/vsphere/pending.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <utlist.h>

#include "base/attrs.h"
#include "base/text.h"
#include "model/names.h"
#include "model/record.h"

#define TASKS_MAX 4096
#define POSSIBLE_CAP 60000
#define ARRIVAL_MS 60000 /* how long the inventory may take to show a machine that is there */
#define KEPT_MS 60000    /* a move that is over is remembered: what is late is about it */
#define SILENCE_MS (60 * 60000LL) /* a move that no task stands for, and nothing speaks of */

struct known_task {
    UT_hash_handle hh;
    struct task task; /* its id is the key */
};

struct pending_move {
    struct pending_move *prev, *next;
    char id[ID_SIZE]; /* of its row */
    char vm[ID_SIZE], task[ID_SIZE];
    uint64_t chain;
    enum move_kind kind;
    enum move_outcome outcome;
    char from[ID_SIZE], to[ID_SIZE];
    char to_name[NAME_SIZE]; /* where 'to' is only known by name */
    char copy[ID_SIZE];      /* the machine that came to be */
    char name[NAME_SIZE], by[128], user[256], problem[256];
    uint64_t since_ms;
    int64_t heard_ms, ended_ms; /* ended_ms 0: under way */
    bool armed;                 /* stated even while its destination is not known */
    bool evacuation;            /* its host is to be emptied; it has no operation of its own yet */
    bool running;               /* its task is known to be queued or running */
    bool confirmed;             /* spoken of since contact was found */
    bool asked, met;            /* pending_ask(); its machine was in the inventory */
    bool told, gone;
    char *line; /* the row as it was last stated */
};

struct pending {
    struct pending_move *moves;
    struct known_task *tasks;
    unsigned count;
    bool overflow;
};

/* ---- What events and tasks mean -------------------------------------------------------------- */

enum role {
    ROLE_BEGIN,   /* names the destination */
    ROLE_LEAVE,   /* a machine is about to leave its host */
    ROLE_END,     /* it is there: 'host' is where */
    ROLE_FAIL,    /* it stays */
    ROLE_ERROR,   /* something failed; its task says whether that was the end */
    ROLE_EMPTY,   /* a host is to be emptied */
    ROLE_EMPTIED, /* or no longer */
};

/* Where an event has the destination. */
enum where { AT_NONE, AT_DEST, AT_HOST };

static const struct event_meaning {
    const char *type;
    enum role role;
    enum move_kind kind;
    enum where where;
    bool extended;
} meanings[] = {
    { "VmBeingHotMigratedEvent", ROLE_BEGIN, MOVE_MIGRATE, AT_DEST, false },
    { "VmBeingMigratedEvent", ROLE_BEGIN, MOVE_COLD, AT_DEST, false },
    { "VmBeingRelocatedEvent", ROLE_BEGIN, MOVE_MIGRATE, AT_DEST, false },
    { "com.vmware.vc.vm.VmHotMigratingWithEncryptionEvent", ROLE_BEGIN, MOVE_MIGRATE, AT_DEST,
      true },
    { "VmEmigratingEvent", ROLE_LEAVE, MOVE_MIGRATE, AT_NONE, false },
    { "VmMigratedEvent", ROLE_END, MOVE_MIGRATE, AT_HOST, false },
    { "DrsVmMigratedEvent", ROLE_END, MOVE_MIGRATE, AT_HOST, false },
    { "VmRelocatedEvent", ROLE_END, MOVE_MIGRATE, AT_HOST, false },
    { "VmFailedMigrateEvent", ROLE_FAIL, MOVE_MIGRATE, AT_DEST, false },
    { "VmRelocateFailedEvent", ROLE_FAIL, MOVE_MIGRATE, AT_DEST, false },
    { "com.vmware.vc.vm.SrcVmMigrateFailedEvent", ROLE_FAIL, MOVE_MIGRATE, AT_DEST, true },
    { "MigrationErrorEvent", ROLE_ERROR, MOVE_MIGRATE, AT_NONE, false },
    { "MigrationHostErrorEvent", ROLE_ERROR, MOVE_MIGRATE, AT_NONE, false },
    { "MigrationResourceErrorEvent", ROLE_ERROR, MOVE_MIGRATE, AT_NONE, false },
    { "com.vmware.vc.vm.DstVmMigratedEvent", ROLE_END, MOVE_ARRIVE, AT_HOST, true },

    { "VmStartingEvent", ROLE_BEGIN, MOVE_START, AT_HOST, false },
    { "VmPoweredOnEvent", ROLE_END, MOVE_START, AT_HOST, false },
    { "DrsVmPoweredOnEvent", ROLE_END, MOVE_START, AT_HOST, false },
    { "VmFailedToPowerOnEvent", ROLE_FAIL, MOVE_START, AT_HOST, false },
    { "VmResumingEvent", ROLE_BEGIN, MOVE_RESUME, AT_HOST, false },
    { "VmRestartedOnAlternateHostEvent", ROLE_END, MOVE_RESTART, AT_HOST, false },
    { "com.vmware.vc.ha.VmRestartedByHAEvent", ROLE_END, MOVE_RESTART, AT_HOST, true },

    { "VmBeingClonedEvent", ROLE_BEGIN, MOVE_CLONE, AT_DEST, false },
    { "VmBeingClonedNoFolderEvent", ROLE_BEGIN, MOVE_CLONE, AT_DEST, false },
    { "VmClonedEvent", ROLE_END, MOVE_CLONE, AT_HOST, false },
    { "VmCloneFailedEvent", ROLE_FAIL, MOVE_CLONE, AT_DEST, false },
    { "VmBeingDeployedEvent", ROLE_BEGIN, MOVE_DEPLOY, AT_HOST, false },
    { "VmDeployedEvent", ROLE_END, MOVE_DEPLOY, AT_HOST, false },
    { "VmDeployFailedEvent", ROLE_FAIL, MOVE_DEPLOY, AT_DEST, false },
    { "VmBeingCreatedEvent", ROLE_BEGIN, MOVE_CREATE, AT_HOST, false },
    { "VmCreatedEvent", ROLE_END, MOVE_CREATE, AT_HOST, false },

    { "EnteringMaintenanceModeEvent", ROLE_EMPTY, MOVE_MIGRATE, AT_NONE, false },
    { "EnteredMaintenanceModeEvent", ROLE_EMPTIED, MOVE_MIGRATE, AT_NONE, false },
    { "ExitMaintenanceModeEvent", ROLE_EMPTIED, MOVE_MIGRATE, AT_NONE, false },
};

/* Tasks by their descriptionId (in any case of letters). */
static const struct task_meaning {
    const char *about;
    enum move_kind kind;
    bool arms; /* a row is stated before the destination is known */
} task_meanings[] = {
    { "VirtualMachine.migrate", MOVE_MIGRATE, true },
    { "VirtualMachine.relocate", MOVE_MIGRATE, true },
    { "Drm.ExecuteVMotionLRO", MOVE_MIGRATE, true },
    { "VirtualMachine.powerOn", MOVE_START, false },
    { "Drm.ExecuteVmPowerOnLRO", MOVE_START, false },
    { "VirtualMachine.clone", MOVE_CLONE, false },
    { "VirtualMachine.deploy", MOVE_DEPLOY, false },
};

#define EVACUATION_TASK "HostSystem.enterMaintenanceMode"

const char *pending_event_type(size_t i, bool *ret_extended)
{
    if (i >= ARRAY_SIZE(meanings))
        return NULL;
    *ret_extended = meanings[i].extended;
    return meanings[i].type;
}

static const struct event_meaning *find_meaning(const char *type)
{
    for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
        if (strcmp(meanings[i].type, type) == 0)
            return &meanings[i];
    return NULL;
}

static const struct task_meaning *find_task_meaning(const char *about)
{
    for (size_t i = 0; i < ARRAY_SIZE(task_meanings); i++)
        if (strcasecmp(task_meanings[i].about, about) == 0)
            return &task_meanings[i];
    return NULL;
}

static bool makes_machine(enum move_kind kind)
{
    return kind == MOVE_CLONE || kind == MOVE_DEPLOY || kind == MOVE_CREATE;
}

/* The machine whose networks are needed. */
static const char *owner_of(const struct event *event)
{
    return *event->source_vm ? event->source_vm : event->vm;
}

/* ---- Moves ----------------------------------------------------------------------------------- */

static void forget(struct pending *pending, struct pending_move *move)
{
    DL_DELETE(pending->moves, move);
    pending->count--;
    free(move->line);
    free(move);
}

/* Where there is no room, one that is over makes it. */
static bool make_room(struct pending *pending)
{
    struct pending_move *move;

    if (pending->count < PENDING_MAX)
        return true;
    DL_FOREACH(pending->moves, move)
    if (move->gone) {
        forget(pending, move);
        return true;
    }
    pending->overflow = true;
    return false;
}

static struct pending_move *add_move(struct pending *pending, const char *vm, uint64_t chain,
                                     const char *task, const struct pending_moment *moment)
{
    struct pending_move *move = make_room(pending) ? calloc(1, sizeof(*move)) : NULL;

    if (!move)
        return NULL; /* the machine is seen when it arrives */
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
    DL_APPEND(pending->moves, move);
    pending->count++;
    return move;
}

static bool is_over(const struct pending_move *move)
{
    return move->ended_ms != 0;
}

/* The move that a word about machine 'vm' ("" when it does not say) of this chain is about: that of
 * the chain; else one of the machine that has not been heard of by its chain. */
static struct pending_move *find_move(const struct pending *pending, uint64_t chain, const char *vm)
{
    struct pending_move *move, *other = NULL;

    DL_FOREACH(pending->moves, move)
    {
        bool same = strcmp(move->vm, vm) == 0;

        if (chain && move->chain == chain && !move->evacuation &&
            (same || !*vm || !*move->vm ||
             (makes_machine(move->kind) && strcmp(move->copy, vm) == 0)))
            return move;
        if (same && *vm && !is_over(move) && (!chain || !move->chain || move->evacuation))
            other = move;
    }
    return other;
}

static struct pending_move *find_by_task(const struct pending *pending, const char *task)
{
    struct pending_move *move;

    DL_FOREACH(pending->moves, move)
    if (*task && strcmp(move->task, task) == 0)
        return move;
    return NULL;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* The hosts of the same cluster. */
static void list_possible(const struct pending_move *move, const struct pending_moment *moment,
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
static enum move_kind kind_of(const struct pending_move *move)
{
    bool moves = move->kind == MOVE_MIGRATE || move->kind == MOVE_COLD;

    return moves && *move->to && strcmp(move->from, move->to) == 0 ? MOVE_STORAGE : move->kind;
}

static void write_row(struct pending_move *move, const struct pending_moment *moment)
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
                                 .since_ms = move->since_ms },
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

/* States the move if there is something to say of it that was not said. */
static void tell(struct pending_move *move, const struct pending_moment *moment)
{
    if (!move->gone && *move->vm && (*move->to || move->armed))
        write_row(move, moment);
}

static void tell_gone(struct pending_move *move, const struct pending_moment *moment)
{
    if (move->told && !move->gone)
        record_write(moment->to, RECORD_GONE, TABLE_MOVE,
                     &(struct move){ .owner = move->vm, .id = move->id }, 0);
    move->gone = true;
}

/* ---- Ends ------------------------------------------------------------------------------------ */

static void end_move(struct pending_move *move, enum move_outcome outcome,
                     const struct mishap *mishap, const struct pending_moment *moment)
{
    uint32_t stated = record_field(TABLE_MOVE, "outcome");

    if (is_over(move))
        return;
    move->outcome = outcome;
    move->ended_ms = moment->now_ms ? moment->now_ms : 1;
    move->running = false;
    if (mishap && outcome != MOVE_DONE)
        text_copy(move->problem, sizeof(move->problem),
                  *mishap->text ? mishap->text : mishap->type);
    if (move->told && !move->gone)
        record_write(
            moment->to, RECORD_PUT, TABLE_MOVE,
            &(struct move){
                .owner = move->vm, .id = move->id, .outcome = outcome, .problem = move->problem },
            stated);
    if (outcome != MOVE_DONE || !move->told)
        tell_gone(move, moment);
}

static enum move_outcome outcome_of(const struct mishap *mishap, bool cancelled)
{
    return cancelled || strcmp(mishap->type, "RequestCanceled") == 0 ? MOVE_CANCELLED : MOVE_FAILED;
}

/* What its task says of a move. */
static void apply_task(struct pending_move *move, const struct task *task,
                       const struct pending_moment *moment)
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
        move->running = !is_over(move);
        break;
    case TASK_SUCCESS:
        end_move(move, MOVE_DONE, NULL, moment);
        break;
    case TASK_ERROR:
        end_move(move, outcome_of(&task->mishap, task->cancelled), &task->mishap, moment);
        break;
    }
}

/* What a machine that is not running does when others migrate. */
static void set_kind(struct pending_move *move, enum move_kind kind,
                     const struct pending_moment *moment)
{
    const struct known *machine = known_find(moment->machines, move->vm);

    move->kind = kind == MOVE_MIGRATE && machine && !machine->running ? MOVE_COLD : kind;
}

/* True when the task can be that of the move. */
static bool is_task_of(const struct task *task, const struct pending_move *move)
{
    if (strcmp(task->id, move->task) == 0)
        return true;
    if (!task->chain || task->chain != move->chain)
        return false;
    return strcmp(task->entity_type, "VirtualMachine") == 0 ? strcmp(task->entity, move->vm) == 0
                                                            : move->kind == MOVE_CREATE;
}

/* The task of a move that an event began may have been told before. */
static void find_its_task(const struct pending *pending, struct pending_move *move,
                          const struct pending_moment *moment)
{
    struct known_task *known, *next;

    HASH_ITER (hh, pending->tasks, known, next)
        if (is_task_of(&known->task, move)) {
            apply_task(move, &known->task, moment);
            return;
        }
}

/* ---- Maintenance ----------------------------------------------------------------------------- */

/* Who says that a host is to be emptied. */
struct emptying {
    const char *host, *by, *user, *task;
    uint64_t chain;
};

static void arm_evacuation(struct pending *pending, const struct known *machine,
                           const struct emptying *emptying, const struct pending_moment *moment)
{
    struct pending_move *move = find_move(pending, 0, machine->id);

    if (move) {
        move->confirmed = true;
        return;
    }
    move = add_move(pending, machine->id, emptying->chain, emptying->task, moment);
    if (!move)
        return;
    move->evacuation = move->armed = true;
    move->kind = MOVE_MIGRATE;
    *move->task = '\0'; /* that of the host gave the row its id, and is not the machine's */
    text_copy(move->from, sizeof(move->from), emptying->host);
    text_copy(move->by, sizeof(move->by), emptying->by);
    text_copy(move->user, sizeof(move->user), emptying->user);
    tell(move, moment);
}

static void empty_host(struct pending *pending, const struct emptying *emptying,
                       const struct pending_moment *moment)
{
    const struct known *machine, *next;

    HASH_ITER (hh, moment->machines->first, machine, next)
        if (machine->running && strcmp(machine->place, emptying->host) == 0)
            arm_evacuation(pending, machine, emptying, moment);
}

/* What was not moved by now stays where it is. */
static void host_emptied(struct pending *pending, const char *host, enum move_outcome outcome,
                         const struct mishap *mishap, const struct pending_moment *moment)
{
    struct pending_move *move;

    DL_FOREACH(pending->moves, move)
    if (move->evacuation && !is_over(move) && strcmp(move->from, host) == 0) {
        if (outcome == MOVE_DONE) /* none of its own: it was switched off, say */
            tell_gone(move, moment);
        end_move(move, outcome, mishap, moment);
    }
}

static bool is_evacuation(const struct task *task)
{
    return strcasecmp(task->about, EVACUATION_TASK) == 0;
}

static void evacuation_task(struct pending *pending, const struct task *task,
                            const struct pending_moment *moment)
{
    const struct emptying emptying = { .host = task->entity,
                                       .by = task->about,
                                       .user = task->user,
                                       .task = task->id,
                                       .chain = task->chain };

    if (task->state == TASK_SUCCESS)
        host_emptied(pending, task->entity, MOVE_DONE, NULL, moment);
    else if (task->state == TASK_ERROR)
        host_emptied(pending, task->entity, outcome_of(&task->mishap, task->cancelled),
                     &task->mishap, moment);
    else
        empty_host(pending, &emptying, moment);
}

/* ---- Tasks ----------------------------------------------------------------------------------- */

static void drop_task(struct pending *pending, struct known_task *known)
{
    HASH_DEL(pending->tasks, known);
    free(known);
}

static void keep_task(struct pending *pending, const struct task *task)
{
    struct known_task *known;

    HASH_FIND_STR(pending->tasks, task->id, known);
    if (known) {
        known->task = *task;
        return;
    }
    if (HASH_COUNT(pending->tasks) >= TASKS_MAX)
        drop_task(pending, pending->tasks); /* the oldest */
    known = calloc(1, sizeof(*known));
    if (!known)
        return;
    known->task = *task;
    HASH_ADD_STR(pending->tasks, task.id, known);
}

static void task_left(struct pending *pending, const char *id)
{
    struct pending_move *move = find_by_task(pending, id);
    struct known_task *known;

    HASH_FIND_STR(pending->tasks, id, known);
    if (known)
        drop_task(pending, known);
    if (move)
        move->running = false;
}

/* A task that nothing was heard of begins a move. */
static struct pending_move *arm(struct pending *pending, const struct task *task,
                                const struct pending_moment *moment)
{
    const struct task_meaning *meaning = find_task_meaning(task->about);
    bool under_way = task->state == TASK_QUEUED || task->state == TASK_RUNNING;
    const struct known *machine = known_find(moment->machines, task->entity);
    struct pending_move *move;

    if (!meaning || !under_way || strcmp(task->entity_type, "VirtualMachine") != 0)
        return NULL;
    move = add_move(pending, task->entity, task->chain, task->id, moment);
    if (!move)
        return NULL;
    set_kind(move, meaning->kind, moment);
    move->armed = meaning->arms;
    if (machine && meaning->arms)
        text_copy(move->from, sizeof(move->from), machine->place);
    text_copy(move->by, sizeof(move->by), task->about);
    text_copy(move->user, sizeof(move->user), task->user);
    return move;
}

/* The move that a task is about, where there is one already. */
static struct pending_move *find_for_task(struct pending *pending, const struct task *task)
{
    struct pending_move *move = find_by_task(pending, task->id);
    const struct task_meaning *meaning = find_task_meaning(task->about);

    if (move)
        return move;
    if (strcmp(task->entity_type, "VirtualMachine") == 0)
        move = find_move(pending, task->chain, task->entity);
    else if (task->chain)
        move = find_move(pending, task->chain, "");
    /* A machine may be the source of copies, and have other tasks, at any time. */
    if (move && !is_task_of(task, move) && (!meaning || meaning->kind != move->kind))
        return NULL;
    return move;
}

void pending_task(struct pending *pending, const struct task *task,
                  const struct pending_moment *moment)
{
    struct pending_move *move;

    if (task->gone) {
        task_left(pending, task->id);
        return;
    }
    keep_task(pending, task);
    if (is_evacuation(task)) {
        evacuation_task(pending, task, moment);
        return;
    }
    move = find_for_task(pending, task);
    if (!move)
        move = arm(pending, task, moment);
    if (!move)
        return;
    if (move->evacuation) {
        text_copy(move->by, sizeof(move->by), task->about);
        text_copy(move->user, sizeof(move->user), task->user);
    }
    apply_task(move, task, moment);
    move->evacuation = false;
    if (!is_over(move))
        tell(move, moment);
}

/* ---- Events ---------------------------------------------------------------------------------- */

/* Sets where to, by reference or else by the name of one host. */
static void set_destination(struct pending_move *move, const char *host, const char *name,
                            const struct pending_moment *moment)
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
static void name_copy(struct pending_move *move, const struct event *event)
{
    text_copy(move->name, sizeof(move->name), *event->name ? event->name : event->vm_name);
    if (strcmp(event->vm, move->vm) != 0)
        text_copy(move->copy, sizeof(move->copy), event->vm);
}

static void begin_move(struct pending_move *move, const struct event *event,
                       const struct event_meaning *meaning, const struct pending_moment *moment)
{
    bool has_source = !makes_machine(meaning->kind) && meaning->where == AT_DEST;

    set_kind(move, meaning->kind, moment);
    move->armed = move->armed || meaning->where == AT_DEST;
    if (has_source && *event->host)
        text_copy(move->from, sizeof(move->from), event->host);
    set_destination(move, meaning->where == AT_HOST ? event->host : event->dest, event->dest_name,
                    moment);
    if (makes_machine(meaning->kind))
        name_copy(move, event);
    text_copy(move->by, sizeof(move->by), event->type);
    if (*event->user)
        text_copy(move->user, sizeof(move->user), event->user);
}

/* A machine leaves its host: where to is not said. */
static void leave_host(struct pending_move *move, const struct event *event)
{
    if (*move->to || *move->by)
        return;
    move->kind = MOVE_MIGRATE;
    move->armed = true;
    text_copy(move->from, sizeof(move->from), event->host);
    text_copy(move->by, sizeof(move->by), event->type);
    text_copy(move->user, sizeof(move->user), event->user);
}

/* It is there. What was not known of it is now. */
static void arrive(struct pending_move *move, const struct event *event,
                   const struct event_meaning *meaning, const struct pending_moment *moment)
{
    if (!*move->by) { /* nothing was heard of it before */
        move->kind = meaning->kind;
        text_copy(move->from, sizeof(move->from), event->source);
        text_copy(move->by, sizeof(move->by), event->type);
        text_copy(move->user, sizeof(move->user), event->user);
    }
    if (meaning->kind == MOVE_RESTART)
        move->kind = MOVE_RESTART;
    if (makes_machine(move->kind))
        text_copy(move->copy, sizeof(move->copy), event->vm);
    if (!*move->vm)
        text_copy(move->vm, sizeof(move->vm), owner_of(event));
    if (*event->host && strcmp(move->to, event->host) != 0) {
        text_copy(move->to, sizeof(move->to), event->host);
        tell(move, moment);
    }
    end_move(move, MOVE_DONE, NULL, moment);
}

static bool is_begun_by(enum role role)
{
    return role == ROLE_BEGIN || role == ROLE_LEAVE || role == ROLE_END || role == ROLE_FAIL;
}

static void dispatch(struct pending *pending, const struct event *event,
                     const struct event_meaning *meaning, struct pending_move *move,
                     const struct pending_moment *moment)
{
    switch (meaning->role) {
    case ROLE_BEGIN:
        begin_move(move, event, meaning, moment);
        break;
    case ROLE_LEAVE:
        leave_host(move, event);
        break;
    case ROLE_END:
        arrive(move, event, meaning, moment);
        return;
    case ROLE_ERROR:
        if (move->running)
            return;
        end_move(move, outcome_of(&event->mishap, false), &event->mishap, moment);
        return;
    case ROLE_FAIL:
        end_move(move, outcome_of(&event->mishap, false), &event->mishap, moment);
        return;
    case ROLE_EMPTY:
    case ROLE_EMPTIED:
        return;
    }
    tell(move, moment);
    if (!*move->task || !move->running)
        find_its_task(pending, move, moment);
}

static void host_event(struct pending *pending, const struct event *event,
                       const struct event_meaning *meaning, const struct pending_moment *moment)
{
    const struct emptying emptying = { .host = event->host,
                                       .by = event->type,
                                       .user = event->user,
                                       .task = "",
                                       .chain = event->chain ? event->chain : event->key };

    if (meaning->role == ROLE_EMPTY)
        empty_host(pending, &emptying, moment);
    else
        host_emptied(pending, event->host, MOVE_DONE, NULL, moment);
}

/* HA tells of a restart twice, and not as one operation. */
static bool find_restart(const struct pending *pending, const struct event *event)
{
    const struct pending_move *move;

    DL_FOREACH(pending->moves, move)
    if (move->kind == MOVE_RESTART && is_over(move) && strcmp(move->vm, event->vm) == 0 &&
        strcmp(move->to, event->host) == 0)
        return true;
    return false;
}

void pending_event(struct pending *pending, const struct event *event,
                   const struct pending_moment *moment)
{
    const struct event_meaning *meaning = find_meaning(event->type);
    struct pending_move *move;

    if (!meaning)
        return;
    if (meaning->role == ROLE_EMPTY || meaning->role == ROLE_EMPTIED) {
        host_event(pending, event, meaning, moment);
        return;
    }
    move = find_move(pending, event->chain, owner_of(event));
    if (!move && meaning->kind == MOVE_RESTART && find_restart(pending, event))
        return;
    if (!move && is_begun_by(meaning->role) && event->key && (event->chain || *event->vm))
        move = add_move(pending, owner_of(event), event->chain ? event->chain : event->key, "",
                        moment);
    if (!move || is_over(move))
        return;
    if (move->evacuation || !move->chain) {
        move->evacuation = false;
        move->chain = event->chain;
    }
    move->confirmed = true;
    move->heard_ms = moment->now_ms;
    dispatch(pending, event, meaning, move, moment);
}

/* ---- Time ------------------------------------------------------------------------------------ */

static bool is_there(const struct pending_move *move, const struct known *machine)
{
    switch (move->kind) {
    case MOVE_CLONE:
    case MOVE_DEPLOY:
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
static bool has_switched_over(const struct pending_move *move, const struct known *machine)
{
    bool moves = move->kind == MOVE_MIGRATE || move->kind == MOVE_COLD;

    if (!moves || !machine || !*move->from || !*machine->place)
        return false;
    return strcmp(machine->place, move->from) != 0 &&
           (!*move->to || strcmp(machine->place, move->to) == 0);
}

/* A move under way. */
static void look_at(struct pending_move *move, const struct known *machine,
                    const struct pending_moment *moment)
{
    if (machine)
        move->met = true;
    if (!*move->to && *move->to_name)
        set_destination(move, "", move->to_name, moment);
    if (!*move->from && move->armed && !*move->to && machine)
        text_copy(move->from, sizeof(move->from), machine->place);
    if (!move->running && has_switched_over(move, machine))
        end_move(move, MOVE_DONE, NULL, moment);
    else if (!move->running && moment->now_ms - move->heard_ms >= SILENCE_MS) {
        move->ended_ms = moment->now_ms;
        tell_gone(move, moment);
    } else if (move->met && !machine) { /* its machine is no more, and its row went with it */
        move->ended_ms = moment->now_ms;
        move->gone = true;
    } else if (move->told) {
        tell(move, moment);
    }
}

static int64_t sooner(int64_t a_ms, int64_t b_ms)
{
    if (b_ms < 1)
        b_ms = 1;
    return a_ms && a_ms < b_ms ? a_ms : b_ms;
}

int64_t pending_look(struct pending *pending, const struct pending_moment *moment)
{
    struct pending_move *move, *next;
    int64_t again_ms = 0;

    DL_FOREACH_SAFE(pending->moves, move, next)
    {
        bool is_copy = makes_machine(move->kind) && *move->copy;
        const struct known *machine =
            known_find(moment->machines, is_copy && is_over(move) ? move->copy : move->vm);
        int64_t since_end_ms = moment->now_ms - move->ended_ms;

        if (!is_over(move)) {
            look_at(move, machine, moment);
            again_ms = sooner(again_ms, SILENCE_MS);
        }
        if (is_over(move) && !move->gone && (is_there(move, machine) || since_end_ms >= ARRIVAL_MS))
            tell_gone(move, moment);
        if (is_over(move) && since_end_ms >= KEPT_MS && move->gone)
            forget(pending, move);
        else if (is_over(move))
            again_ms = sooner(again_ms, KEPT_MS - since_end_ms);
    }
    return again_ms;
}

void pending_reconnect(struct pending *pending)
{
    struct pending_move *move;

    while (pending->tasks)
        drop_task(pending, pending->tasks);
    DL_FOREACH(pending->moves, move)
    move->confirmed = move->running = move->asked = false;
}

void pending_restate(struct pending *pending, const struct pending_moment *moment)
{
    struct pending_move *move, *next;
    struct known_task *task, *other;

    /* Machines may have been read after the tasks that empty their host. */
    HASH_ITER (hh, pending->tasks, task, other)
        if (is_evacuation(&task->task) &&
            (task->task.state == TASK_QUEUED || task->task.state == TASK_RUNNING))
            evacuation_task(pending, &task->task, moment);
    DL_FOREACH_SAFE(pending->moves, move, next)
    {
        if (!is_over(move) && !move->confirmed) {
            forget(pending, move);
            continue;
        }
        free(move->line);
        move->line = NULL;
        tell(move, moment);
    }
}

bool pending_ask(struct pending *pending, uint64_t *ret_chain)
{
    struct pending_move *move;

    DL_FOREACH(pending->moves, move)
    {
        if (!move->chain || !move->running || *move->to || *move->to_name || move->asked)
            continue;
        move->asked = true;
        *ret_chain = move->chain;
        return true;
    }
    return false;
}

bool pending_overflowed(struct pending *pending)
{
    bool overflow = pending->overflow;

    pending->overflow = false;
    return overflow;
}

struct pending *pending_new(void)
{
    return calloc(1, sizeof(struct pending));
}

struct pending *pending_free(struct pending *pending)
{
    if (!pending)
        return NULL;
    while (pending->tasks)
        drop_task(pending, pending->tasks);
    while (pending->moves)
        forget(pending, pending->moves);
    free(pending);
    return NULL;
}

#include "source/vsphere/pending.h"

#include <string.h>
#include <utlist.h>

#include "base/text.h"

#define TASKS_MAX 4096

struct known_task {
    UT_hash_handle hh;
    struct task task; /* its id is the key */
};

struct pending {
    struct moving *moves;
    struct known_task *tasks;
    unsigned count;
    bool overflow;
};

/* ---- Moves ----------------------------------------------------------------------------------- */

static void forget(struct pending *pending, struct moving *move)
{
    DL_DELETE(pending->moves, move);
    pending->count--;
    moving_free(move);
}

/* Where there is no room, one that is over makes it. */
static bool make_room(struct pending *pending)
{
    struct moving *move;

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

static struct moving *add_move(struct pending *pending, const char *vm, uint64_t chain,
                               const char *task, const struct moment *moment)
{
    struct moving *move = make_room(pending) ? moving_new(vm, chain, task, moment) : NULL;

    if (!move)
        return NULL; /* the machine is seen when it arrives */
    DL_APPEND(pending->moves, move);
    pending->count++;
    return move;
}

/* True when a word about machine 'vm' ("": it does not say) of the move's own chain is about it.
 * 'makes': the word is about a machine that comes to be. */
static bool is_about(const struct moving *move, const char *vm, bool makes)
{
    return strcmp(move->vm, vm) == 0 || !*vm || !*move->vm ||
           (makes && strcmp(move->copy, vm) == 0);
}

/* The move that a word of this chain about machine 'vm' is about: that of the chain; else one of
 * the machine that has not been heard of by its chain. A machine may be copied, and be on its way
 * itself, at once. */
static struct moving *find_move(const struct pending *pending, uint64_t chain, const char *vm,
                                bool makes)
{
    struct moving *move, *other = NULL;

    DL_FOREACH(pending->moves, move)
    {
        bool is_open = !moving_is_over(move) && (!chain || !move->chain || move->evacuation);

        if (chain && move->chain == chain && !move->evacuation && is_about(move, vm, makes))
            return move;
        if (is_open && *vm && strcmp(move->vm, vm) == 0 && move_makes_machine(move->kind) == makes)
            other = move;
    }
    return other;
}

static struct moving *find_by_task(const struct pending *pending, const char *task)
{
    struct moving *move;

    DL_FOREACH(pending->moves, move)
    if (*task && strcmp(move->task, task) == 0)
        return move;
    return NULL;
}

/* The task of a move that an event began may have been told before. */
static void find_its_task(const struct pending *pending, struct moving *move,
                          const struct moment *moment)
{
    struct known_task *known, *next;

    HASH_ITER (hh, pending->tasks, known, next)
        if (moving_has_task(move, &known->task)) {
            moving_task(move, &known->task, moment);
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
                           const struct emptying *emptying, const struct moment *moment)
{
    struct moving *move = find_move(pending, 0, machine->id, false);

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
    moving_tell(move, moment);
}

static void empty_host(struct pending *pending, const struct emptying *emptying,
                       const struct moment *moment)
{
    const struct known *machine, *next;

    HASH_ITER (hh, moment->machines->first, machine, next)
        if (machine->running && strcmp(machine->place, emptying->host) == 0)
            arm_evacuation(pending, machine, emptying, moment);
}

/* What was not moved by now stays where it is; it may have been switched off. 'mishap' NULL: the
 * host is empty. */
static void host_emptied(struct pending *pending, const char *host, const struct mishap *mishap,
                         bool cancelled, const struct moment *moment)
{
    struct moving *move;

    DL_FOREACH(pending->moves, move)
    if (move->evacuation && !moving_is_over(move) && strcmp(move->from, host) == 0)
        moving_drop(move, mishap, cancelled, moment);
}

static void evacuation_task(struct pending *pending, const struct task *task,
                            const struct moment *moment)
{
    const struct emptying emptying = { .host = task->entity,
                                       .by = task->about,
                                       .user = task->user,
                                       .task = task->id,
                                       .chain = task->chain };

    if (task->state == TASK_SUCCESS)
        host_emptied(pending, task->entity, NULL, false, moment);
    else if (task->state == TASK_ERROR)
        host_emptied(pending, task->entity, &task->mishap, task->cancelled, moment);
    else
        empty_host(pending, &emptying, moment);
}

/* ---- Tasks ----------------------------------------------------------------------------------- */

static void drop_task(struct pending *pending, struct known_task *known)
{
    HASH_DEL(pending->tasks, known);
    free(known);
}

/* True when it was known before. */
static bool keep_task(struct pending *pending, const struct task *task)
{
    struct known_task *known;

    HASH_FIND_STR(pending->tasks, task->id, known);
    if (known) {
        known->task = *task;
        return true;
    }
    if (HASH_COUNT(pending->tasks) >= TASKS_MAX)
        drop_task(pending, pending->tasks); /* the oldest */
    known = calloc(1, sizeof(*known));
    if (!known)
        return false;
    known->task = *task;
    HASH_ADD_STR(pending->tasks, task.id, known);
    return false;
}

static void task_left(struct pending *pending, const char *id)
{
    struct moving *move = find_by_task(pending, id);
    struct known_task *known;

    HASH_FIND_STR(pending->tasks, id, known);
    if (known)
        drop_task(pending, known);
    if (move)
        move->running = false;
}

/* A task that nothing was heard of begins a move. */
static struct moving *arm(struct pending *pending, const struct task *task,
                          const struct moment *moment)
{
    const struct task_meaning *meaning = meaning_of_task(task);
    bool under_way = task->state == TASK_QUEUED || task->state == TASK_RUNNING;
    const struct known *machine = known_find(moment->machines, task->entity);
    struct moving *move;

    if (!meaning || !under_way || strcmp(task->entity_type, "VirtualMachine") != 0)
        return NULL;
    move = add_move(pending, task->entity, task->chain, task->id, moment);
    if (!move)
        return NULL;
    moving_set_kind(move, meaning->kind, moment);
    move->armed = meaning->arms;
    if (machine && meaning->arms)
        text_copy(move->from, sizeof(move->from), machine->place);
    text_copy(move->by, sizeof(move->by), task->about);
    text_copy(move->user, sizeof(move->user), task->user);
    return move;
}

/* The move that a task is about, where there is one already. A task that was over when it was first
 * seen ('is_old') is about a move of the past, unless it is told by its chain. */
static struct moving *find_for_task(struct pending *pending, const struct task *task, bool is_old)
{
    struct moving *move = find_by_task(pending, task->id);
    const struct task_meaning *meaning = meaning_of_task(task);

    if (move)
        return move;
    if (strcmp(task->entity_type, "VirtualMachine") == 0)
        move = find_move(pending, task->chain, task->entity,
                         meaning && move_makes_machine(meaning->kind));
    else if (task->chain)
        move = find_move(pending, task->chain, "", false);
    /* A machine may be the source of copies, and have other tasks, at any time. */
    if (move && !moving_has_task(move, task) && (is_old || !meaning || meaning->kind != move->kind))
        return NULL;
    return move;
}

void pending_task(struct pending *pending, const struct task *task, const struct moment *moment)
{
    struct moving *move;
    bool is_old;

    if (task->gone) {
        task_left(pending, task->id);
        return;
    }
    is_old = !keep_task(pending, task) && task->state != TASK_QUEUED && task->state != TASK_RUNNING;
    if (meaning_is_evacuation(task)) {
        evacuation_task(pending, task, moment);
        return;
    }
    move = find_for_task(pending, task, is_old);
    if (!move)
        move = arm(pending, task, moment);
    if (!move)
        return;
    if (move->evacuation) {
        text_copy(move->by, sizeof(move->by), task->about);
        text_copy(move->user, sizeof(move->user), task->user);
    }
    moving_task(move, task, moment);
    move->evacuation = false;
    if (!moving_is_over(move))
        moving_tell(move, moment);
}

/* ---- Events ---------------------------------------------------------------------------------- */

static bool is_begun_by(enum role role)
{
    return role == ROLE_BEGIN || role == ROLE_LEAVE || role == ROLE_END || role == ROLE_FAIL;
}

static void dispatch(struct pending *pending, const struct event *event,
                     const struct event_meaning *meaning, struct moving *move,
                     const struct moment *moment)
{
    switch (meaning->role) {
    case ROLE_BEGIN:
        moving_begin(move, event, meaning, moment);
        break;
    case ROLE_LEAVE:
        moving_leave(move, event);
        break;
    case ROLE_END:
        moving_arrive(move, event, meaning, moment);
        return;
    case ROLE_ERROR:
        if (!move->running)
            moving_fail(move, &event->mishap, false, moment);
        return;
    case ROLE_FAIL:
        moving_fail(move, &event->mishap, false, moment);
        return;
    case ROLE_EMPTY:
    case ROLE_EMPTIED:
        return;
    }
    moving_tell(move, moment);
    if (!*move->task || !move->running)
        find_its_task(pending, move, moment);
}

static void host_event(struct pending *pending, const struct event *event,
                       const struct event_meaning *meaning, const struct moment *moment)
{
    const struct emptying emptying = { .host = event->host,
                                       .by = event->type,
                                       .user = event->user,
                                       .task = "",
                                       .chain = event->chain ? event->chain : event->key };

    if (meaning->role == ROLE_EMPTY)
        empty_host(pending, &emptying, moment);
    else
        host_emptied(pending, event->host, NULL, false, moment);
}

/* HA tells of a restart twice, and not as one operation. */
static bool find_restart(const struct pending *pending, const struct event *event)
{
    const struct moving *move;

    DL_FOREACH(pending->moves, move)
    if (move->kind == MOVE_RESTART && moving_is_over(move) && strcmp(move->vm, event->vm) == 0 &&
        strcmp(move->to, event->host) == 0)
        return true;
    return false;
}

void pending_event(struct pending *pending, const struct event *event, const struct moment *moment)
{
    const struct event_meaning *meaning = meaning_of_event(event);
    struct moving *move;

    if (!meaning)
        return;
    if (meaning->role == ROLE_EMPTY || meaning->role == ROLE_EMPTIED) {
        host_event(pending, event, meaning, moment);
        return;
    }
    move = find_move(pending, event->chain, event_owner(event), move_makes_machine(meaning->kind));
    if (!move && meaning->kind == MOVE_RESTART && find_restart(pending, event))
        return;
    if (!move && is_begun_by(meaning->role) && event->key && (event->chain || *event->vm))
        move = add_move(pending, event_owner(event), event->chain ? event->chain : event->key, "",
                        moment);
    if (move && moving_is_over(move) && meaning->role == ROLE_END)
        moving_late(move, event);
    if (!move || moving_is_over(move))
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

int64_t pending_look(struct pending *pending, const struct moment *moment)
{
    struct moving *move, *next;
    int64_t again_ms = 0;

    DL_FOREACH_SAFE(pending->moves, move, next)
    {
        int64_t wait_ms = moving_look(move, moment);

        if (wait_ms == 0)
            forget(pending, move);
        else if (!again_ms || wait_ms < again_ms)
            again_ms = wait_ms;
    }
    return again_ms;
}

void pending_reconnect(struct pending *pending)
{
    struct moving *move;

    while (pending->tasks)
        drop_task(pending, pending->tasks);
    DL_FOREACH(pending->moves, move)
    move->confirmed = move->running = move->asked = false;
}

void pending_restate(struct pending *pending, const struct moment *moment)
{
    struct moving *move, *next;
    struct known_task *task, *other;

    /* Machines may have been read after the tasks that empty their host. */
    HASH_ITER (hh, pending->tasks, task, other)
        if (meaning_is_evacuation(&task->task) &&
            (task->task.state == TASK_QUEUED || task->task.state == TASK_RUNNING))
            evacuation_task(pending, &task->task, moment);
    DL_FOREACH_SAFE(pending->moves, move, next)
    {
        if (!moving_is_over(move) && !move->confirmed) {
            forget(pending, move);
            continue;
        }
        free(move->line);
        move->line = NULL;
        moving_tell(move, moment);
    }
}

bool pending_ask(struct pending *pending, uint64_t *ret_chain)
{
    struct moving *move;

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

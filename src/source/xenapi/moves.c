#include "source/xenapi/moves.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "model/names.h"
#include "model/record.h"
#include "source/xenapi/rows.h"

#define POSSIBLE_CAP 60000
#define OUTCOME_MS 5000     /* how long a task may take to say how it ended */
#define DESTINATION_MS 100  /* how long a host may take to say that it is the one */
#define INCOMING "incoming" /* the key of a move that no operation in this pool stands for */

struct xen_move {
    UT_hash_handle hh;
    enum move_kind kind;
    const char *by; /* the operation, or the field that told of it */
    char vm[XEN_REF_SIZE], task[XEN_REF_SIZE];
    char from[XEN_REF_SIZE], to[XEN_REF_SIZE];
    uint64_t since_ms; /* wall clock */
    int64_t began_ms;
    int64_t ended_ms; /* when its operation was seen to be over; 0: it is not */
    bool seen, told;
    char key[]; /* VM and operation */
};

/* Operations of a VM that bring it to a host, and what that host holds meanwhile. */
static const struct {
    const char *operation, *at_host;
    enum move_kind kind;
} operations[] = {
    { "pool_migrate", "vm_migrate", MOVE_MIGRATE },
    { "migrate_send", "vm_migrate", MOVE_MIGRATE },
    { "start", "vm_start", MOVE_START },
    { "start_on", "vm_start", MOVE_START },
    { "resume", "vm_resume", MOVE_RESUME },
    { "resume_on", "vm_resume", MOVE_RESUME },
};

static void forget(struct xen_moves *moves, struct xen_move *move)
{
    HASH_DEL(moves->first, move);
    free(move);
}

void xen_moves_done(struct xen_moves *moves)
{
    while (moves->first)
        forget(moves, moves->first);
}

static struct xen_move *find_move(const struct xen_moves *moves, const char *vm, const char *task)
{
    char key[2 * XEN_REF_SIZE];
    struct xen_move *move = NULL;
    int length = snprintf(key, sizeof(key), "%s%c%s", vm, NAMES_SEPARATOR, task);

    HASH_FIND(hh, moves->first, key, (size_t)length, move);
    return move;
}

static struct xen_move *need_move(struct xen_moves *moves, const struct xen_object *vm,
                                  const char *task, const struct xen_moment *moment)
{
    struct xen_move *move = find_move(moves, xen_ref(vm), task);
    size_t size = strlen(xen_ref(vm)) + strlen(task) + 2;

    if (move)
        return move;
    move = calloc(1, sizeof(*move) + size);
    if (!move)
        return NULL;
    text_copy(move->vm, sizeof(move->vm), xen_ref(vm));
    text_copy(move->task, sizeof(move->task), task);
    text_copy(move->from, sizeof(move->from), xen_text(vm, XEN_RESIDENT));
    move->since_ms = (uint64_t)moment->wall_ms;
    move->began_ms = moment->now_ms;
    snprintf(move->key, size, "%s%c%s", move->vm, NAMES_SEPARATOR, move->task);
    HASH_ADD(hh, moves->first, key, size - 1, move);
    return move;
}

/* ---- Where to -------------------------------------------------------------------------------- */

static const char *destination_of(const struct xen_pool *pool, const struct xen_object *vm,
                                  const char *task, const char *at_host)
{
    char operation[RPC_KEY_SIZE];

    XEN_POOL_EACH(pool, host, XEN_HOST)
    if (xen_map_find(xen_text(host, XEN_OPERATIONS), task, operation) &&
        strcmp(operation, at_host) == 0)
        return xen_ref(host);
    return xen_text(vm, XEN_SCHEDULED);
}

static bool has_pif_on(const struct xen_pool *pool, const char *host, const char *network)
{
    XEN_POOL_CHILDREN(pool, pif, XEN_PIF, host)
    if (strcmp(xen_text(pif, XEN_ITS_NETWORK), network) == 0)
        return true;
    return false;
}

static bool may_go_to(const struct xen_pool *pool, const struct xen_object *vm,
                      const struct xen_object *host)
{
    if (!xen_flag(host, XEN_ENABLED))
        return false;
    XEN_POOL_CHILDREN(pool, vif, XEN_VIF, xen_ref(vm))
    {
        const struct xen_object *network =
            xen_pool_find(pool, XEN_NETWORK, xen_text(vif, XEN_ITS_NETWORK));

        if (network && !xen_is_internal(network) &&
            !has_pif_on(pool, xen_ref(host), xen_ref(network)))
            return false;
    }
    return true;
}

static void list_possible(const struct xen_pool *pool, const struct xen_move *move,
                          struct strbuf *possible)
{
    const struct xen_object *vm = xen_pool_find(pool, XEN_VM, move->vm);

    if (*move->to || !vm)
        return;
    XEN_POOL_EACH(pool, host, XEN_HOST)
    if (strcmp(xen_ref(host), move->from) != 0 && may_go_to(pool, vm, host))
        names_add(possible, xen_ref(host));
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static void write_move(const struct xen_pool *pool, struct xen_move *move, struct strbuf *to)
{
    struct strbuf possible;

    strbuf_init(&possible, POSSIBLE_CAP);
    list_possible(pool, move, &possible);
    record_write(to, RECORD_NEW, TABLE_MOVE,
                 &(struct move){ .owner = move->vm,
                                 .id = move->task,
                                 .kind = move->kind,
                                 .from = move->from,
                                 .to = move->to,
                                 .possible = possible.overflow ? "" : strbuf_text(&possible),
                                 .by = move->by,
                                 .since_ms = move->since_ms },
                 0);
    strbuf_done(&possible);
    move->told = true;
}

static void write_end(const struct xen_move *move, enum move_outcome outcome, struct strbuf *to)
{
    const struct move row = { .owner = move->vm, .id = move->task, .outcome = outcome };

    record_write(to, RECORD_PUT, TABLE_MOVE, &row, record_field(TABLE_MOVE, "outcome"));
    record_write(to, RECORD_GONE, TABLE_MOVE, &row, 0);
}

/* ---- Beginning ------------------------------------------------------------------------------- */

static void take_move(struct xen_moves *moves, const struct xen_pool *pool,
                      const struct xen_object *vm, const char *task, enum move_kind kind,
                      const char *by, const char *destination, const struct xen_moment *moment,
                      struct strbuf *to)
{
    struct xen_move *move = need_move(moves, vm, task, moment);

    if (!move)
        return; /* out of memory: the machine is seen when it arrives */
    move->kind = kind;
    move->by = by;
    move->seen = true;
    move->ended_ms = 0;
    if (*destination && strcmp(destination, move->to) != 0) {
        text_copy(move->to, sizeof(move->to), destination);
        move->told = false;
    }
    if (!move->told && *move->to && strcmp(move->from, move->to) == 0) {
        /* Over the hill already when we came; or its disks move, and it stays. */
        if (vm->came || moment->all)
            *move->from = '\0';
        else if (kind == MOVE_MIGRATE)
            move->kind = MOVE_STORAGE;
    }
    if (!*move->to && !moment->all && moment->now_ms - move->began_ms < DESTINATION_MS)
        return;
    if (!move->told || moment->all)
        write_move(pool, move, to);
}

/* True when one of the VM's operations is a move. */
static bool take_operations(struct xen_moves *moves, const struct xen_pool *pool,
                            const struct xen_object *vm, const struct xen_moment *moment,
                            struct strbuf *to)
{
    const char *at = xen_text(vm, XEN_OPERATIONS);
    char task[RPC_KEY_SIZE], operation[RPC_KEY_SIZE];
    bool any = false;

    while (xen_map_next(&at, task, operation))
        for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
            if (strcmp(operation, operations[i].operation) != 0)
                continue;
            any = true;
            take_move(moves, pool, vm, task, operations[i].kind, operations[i].operation,
                      destination_of(pool, vm, task, operations[i].at_host), moment, to);
        }
    return any;
}

/* A machine that comes from another pool has no operation here. Some releases left the field set
 * for good, so it counts only when it was seen to change. */
static void take_incoming(struct xen_moves *moves, const struct xen_pool *pool,
                          const struct xen_object *vm, const struct xen_moment *moment,
                          struct strbuf *to)
{
    const char *scheduled = xen_text(vm, XEN_SCHEDULED);
    struct xen_move *move = find_move(moves, xen_ref(vm), INCOMING);

    if (!*scheduled || *xen_text(vm, XEN_RESIDENT) || (!move && (moment->all || !vm->changed)))
        return;
    take_move(moves, pool, vm, INCOMING, MOVE_ARRIVE, "scheduled_to_be_resident_on", scheduled,
              moment, to);
}

/* ---- Ending ---------------------------------------------------------------------------------- */

static bool has_arrived(const struct xen_move *move, const struct xen_object *vm)
{
    const char *resident = xen_text(vm, XEN_RESIDENT);

    if (!*resident)
        return false;
    return *move->to ? strcmp(resident, move->to) == 0 : strcmp(resident, move->from) != 0;
}

/* How a move ended that is over; false: its task has yet to say, or the machine has yet to be where
 * the task brought it, since the move's need must not end before the machine's own begins. The
 * task's own end is the last thing that xapi writes. */
static bool has_ended(const struct xen_pool *pool, struct xen_move *move,
                      const struct xen_moment *moment, enum move_outcome *ret_outcome)
{
    static const struct {
        const char *status;
        enum move_outcome outcome;
    } statuses[] = {
        { "success", MOVE_DONE },
        { "failure", MOVE_FAILED },
        { "cancelled", MOVE_CANCELLED },
    };
    const struct xen_object *vm = xen_pool_find(pool, XEN_VM, move->vm);
    const struct xen_object *task = xen_pool_find(pool, XEN_TASK, move->task);

    *ret_outcome = vm && has_arrived(move, vm) ? MOVE_DONE : MOVE_FAILED;
    if (*ret_outcome == MOVE_DONE || !vm || !task)
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
        if (strcmp(xen_text(task, XEN_STATUS), statuses[i].status) == 0) {
            *ret_outcome = statuses[i].outcome;
            return *ret_outcome != MOVE_DONE || moment->now_ms - move->ended_ms >= OUTCOME_MS;
        }
    return moment->now_ms - move->ended_ms >= OUTCOME_MS;
}

/* True when the outcome is still open. */
static bool end_move(struct xen_moves *moves, const struct xen_pool *pool, struct xen_move *move,
                     const struct xen_moment *moment, struct strbuf *to)
{
    enum move_outcome outcome;

    if (!move->ended_ms)
        move->ended_ms = moment->now_ms;
    if (moment->all) {
        forget(moves, move); /* the end of the full read tells */
        return false;
    }
    if (!has_ended(pool, move, moment, &outcome))
        return true;
    if (move->told && xen_pool_find(pool, XEN_VM, move->vm)) /* else its row went with the VM's */
        write_end(move, outcome, to);
    forget(moves, move);
    return false;
}

static int64_t sooner(int64_t a_ms, int64_t b_ms)
{
    return a_ms && a_ms < b_ms ? a_ms : b_ms;
}

int64_t xen_moves_write(struct xen_moves *moves, struct xen_pool *pool,
                        const struct xen_moment *moment, struct strbuf *to)
{
    struct xen_move *move, *next;
    int64_t again_ms = 0;

    HASH_ITER (hh, moves->first, move, next)
        move->seen = false;
    XEN_POOL_EACH(pool, vm, XEN_VM)
    {
        if (xen_is_machine(vm) && !take_operations(moves, pool, vm, moment, to))
            take_incoming(moves, pool, vm, moment, to);
        vm->changed = vm->came = false;
    }
    HASH_ITER (hh, moves->first, move, next) {
        if (move->seen && !move->told)
            again_ms = sooner(again_ms, DESTINATION_MS);
        else if (!move->seen && end_move(moves, pool, move, moment, to))
            again_ms = sooner(again_ms, OUTCOME_MS);
    }
    pool->changes.moves = false;
    return again_ms;
}

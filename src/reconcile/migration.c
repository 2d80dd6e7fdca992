#include "reconcile/migration.h"

#include <string.h>

#include "base/text.h"

/* ---- The row --------------------------------------------------------------------------------- */

/* Takes the place of the row; when there is no memory for that, the old texts stay. */
static void replace(struct entry *entry, const struct migration *row)
{
    struct migration *copy = row_copy(TABLE_MIGRATION, row);

    entry->is_changed = true;
    if (!copy)
        return;
    free(entry->row);
    entry->row = copy;
}

/* Sets one text of the row, cut to its size. 'member' is its place in the row. */
static void set_text(struct entry *entry, size_t member, const char *text)
{
    struct migration row = *entry->row;
    char cut[MIGRATION_TEXT_MAX];
    const char **at = (const char **)(void *)((char *)&row + member);

    text_copy(cut, sizeof(cut), text);
    if (strcmp(*at, cut) == 0)
        return;
    *at = cut;
    replace(entry, &row);
}

#define SET_TEXT(entry, member, text) set_text(entry, offsetof(struct migration, member), text)

uint64_t entry_time(const struct entry *entry, int64_t now_ms)
{
    int64_t since = now_ms - entry->seen_ms;

    return entry->row->seen_ms + (uint64_t)(since > 0 ? since : 0);
}

void entry_end(struct entry *entry, enum migration_outcome outcome, const char *reason)
{
    SET_TEXT(entry, reason, reason);
    entry->is_changed |= entry->row->outcome != outcome;
    entry->row->outcome = outcome;
}

bool migration_lead(const struct migration *row, int64_t *ret_lead_ms)
{
    if (!row->verified_ms || !row->switched_over_ms)
        return false;
    *ret_lead_ms = (int64_t)row->switched_over_ms - (int64_t)row->verified_ms;
    return true;
}

/* ---- Entries --------------------------------------------------------------------------------- */

static const char *name_or_id(const char *name, const char *id)
{
    return *name ? name : id;
}

static const char *host_name(const struct contact *contact, const char *id)
{
    const struct host *host = inventory_find(contact->inventory, TABLE_HOST, "", id);

    return host ? name_or_id(host->name, host->id) : id;
}

struct entry *entry_new(const struct contact *contact, const char *machine, struct moment moment)
{
    const struct machine *known = inventory_find(contact->inventory, TABLE_MACHINE, "", machine);
    struct entry *entry = calloc(1, sizeof(*entry));
    struct migration row = {
        .hypervisor = contact->name,
        .seen_ms = (uint64_t)moment.wall_ms,
    };
    char id[MIGRATION_TEXT_MAX], name[MIGRATION_TEXT_MAX];

    text_copy(id, sizeof(id), machine);
    text_copy(name, sizeof(name), known ? name_or_id(known->name, known->id) : machine);
    row.machine_id = id;
    row.machine = name;
    if (entry)
        entry->row = row_copy(TABLE_MIGRATION, &row);
    if (!entry || !entry->row)
        return entry_free(entry);
    entry->seen_ms = moment.now_ms;
    entry->is_followed = true;
    entry->is_changed = true;
    return entry;
}

struct entry *entry_restore(const struct migration *row, uint64_t number)
{
    struct entry *entry = calloc(1, sizeof(*entry));

    if (entry)
        entry->row = row_copy(TABLE_MIGRATION, row);
    if (!entry || !entry->row)
        return entry_free(entry);
    entry->number = number;
    entry->seen_ms = INT64_MIN / 2; /* on a clock of which nothing is known */
    entry->is_old = row->outcome == MIGRATION_RUNNING;
    entry->is_followed = entry->is_old;
    return entry;
}

struct entry *entry_free(struct entry *entry)
{
    if (!entry)
        return NULL;
    free(entry->row);
    free(entry->to_id);
    free(entry->arrived_id);
    entry_forget_ports(entry);
    free(entry);
    return NULL;
}

/* ---- What a move row says -------------------------------------------------------------------- */

/* The destination is known now, or has become another one. */
static void set_destination(struct entry *entry, const char *host, const char *name,
                            struct moment moment)
{
    char *copy;

    if (!*host || (entry->to_id && strcmp(entry->to_id, host) == 0))
        return;
    copy = strdup(host);
    if (!copy)
        return;
    free(entry->to_id);
    entry->to_id = copy;
    entry->to_ms = moment.now_ms;
    entry->was_looked_at = entry->is_understood = false;
    entry->row->planned_ms = entry->row->applied_ms = entry->row->verified_ms = 0;
    SET_TEXT(entry, to, name);
}

/* Told by the history as under way, and now by its hypervisor as well: its clock starts anew. */
static void resume(struct entry *entry, struct moment moment)
{
    if (!entry->is_old)
        return;
    entry->is_old = false;
    entry->seen_ms = moment.now_ms - (moment.wall_ms - (int64_t)entry->row->seen_ms);
}

static void take_outcome(struct entry *entry, const struct contact *contact,
                         const struct move *move, struct moment moment)
{
    switch (move->outcome) {
    case MOVE_RUNNING:
        return;
    case MOVE_DONE:
        entry_arrive(entry, move->to, host_name(contact, move->to), moment);
        return;
    case MOVE_FAILED:
    case MOVE_CANCELLED:
        break;
    }
    if (entry->row->switched_over_ms && !entry->is_presumed)
        return; /* it was seen there: that counts for more */
    entry->row->switched_over_ms = 0;
    entry->keeps_reason = false;
    entry_end(entry, move->outcome == MOVE_FAILED ? MIGRATION_FAILED : MIGRATION_CANCELLED,
              move->problem);
}

void entry_take_move(struct entry *entry, const struct contact *contact, const struct move *move,
                     struct moment moment)
{
    resume(entry, moment);
    if (!entry->row->move[0])
        entry->row->kind = move->kind;
    SET_TEXT(entry, move, move->id);
    if (move->kind != MOVE_UNKNOWN && move->kind != entry->row->kind) {
        entry->row->kind = move->kind;
        entry->is_changed = true;
    }
    if (move->name[0])
        SET_TEXT(entry, machine, move->name);
    if (move->from[0])
        SET_TEXT(entry, from, host_name(contact, move->from));
    if (move->by[0])
        SET_TEXT(entry, by, move->by);
    if (move->user[0])
        SET_TEXT(entry, user, move->user);
    if (!entry->row->switched_over_ms)
        set_destination(entry, move->to, host_name(contact, move->to), moment);
    take_outcome(entry, contact, move, moment);
}

/* ---- Arrival --------------------------------------------------------------------------------- */

/* Kinds by which another machine comes to be than the one whose networks are needed. */
static bool makes_a_machine(enum move_kind kind)
{
    return kind == MOVE_CLONE || kind == MOVE_DEPLOY || kind == MOVE_CREATE || kind == MOVE_ARRIVE;
}

bool entry_is_of_itself(const struct entry *entry)
{
    switch (entry->row->kind) {
    case MOVE_STORAGE:
    case MOVE_CLONE:
    case MOVE_DEPLOY:
    case MOVE_CREATE:
        return false;
    case MOVE_UNKNOWN:
    case MOVE_MIGRATE:
    case MOVE_COLD:
    case MOVE_ARRIVE:
    case MOVE_START:
    case MOVE_RESTART:
    case MOVE_RESUME:
        break;
    }
    return true;
}

/* Kinds that are there only when the machine runs: vSphere's are on their host before. */
static bool ends_running(enum move_kind kind)
{
    return kind == MOVE_START || kind == MOVE_RESTART || kind == MOVE_RESUME;
}

const struct machine *entry_machine(const struct entry *entry, const struct contact *contact)
{
    return inventory_find(contact->inventory, TABLE_MACHINE, "",
                          entry->arrived_id ? entry->arrived_id : entry->row->machine_id);
}

bool entry_has_arrived(const struct entry *entry, const struct machine *machine)
{
    const struct migration *row = entry->row;
    bool is_itself = strcmp(machine->id, row->machine_id) == 0;

    if (row->kind == MOVE_STORAGE || !machine->host[0])
        return false;
    if (entry->to_id && strcmp(machine->host, entry->to_id) != 0)
        return false;
    if (row->kind == MOVE_CLONE || row->kind == MOVE_DEPLOY)
        return !is_itself && strcmp(machine->name, row->machine) == 0;
    if (!is_itself)
        return makes_a_machine(row->kind) && strcmp(machine->name, row->machine) == 0;
    if (ends_running(row->kind))
        return machine->power == POWER_ON;
    return entry->to_id != NULL;
}

void entry_arrive(struct entry *entry, const char *host, const char *name, struct moment moment)
{
    resume(entry, moment);
    set_destination(entry, host, name, moment);
    if (entry->row->switched_over_ms)
        return;
    entry->row->switched_over_ms = entry_time(entry, moment.now_ms);
    entry->is_changed = true;
}

void entry_remark(struct entry *entry, const char *reason)
{
    entry->keeps_reason = true;
    SET_TEXT(entry, reason, reason);
}

void entry_surprise(struct entry *entry, enum move_kind kind, const char *from_name,
                    const char *why)
{
    entry->row->kind = kind;
    SET_TEXT(entry, from, from_name);
    entry_remark(entry, why);
}

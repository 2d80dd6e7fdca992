#include "reconcile/migrations.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

/* Oldest first. */
struct list {
    struct entry **entries;
    size_t count;
};

struct migrations {
    struct list kept;     /* room for MIGRATIONS_MAX, and one */
    struct list told;     /* by the history, between begin and end */
    struct list followed; /* those of 'kept' that can still change */
    uint64_t last;        /* the highest id given out or told */
    bool is_open;         /* the history's list is being told */
    bool is_numbered;     /* it was told once: every entry has its id */
    bool is_listening;    /* it was told since the history's process started */
};

/* ---- Lists ----------------------------------------------------------------------------------- */

static int list_init(struct list *list, size_t space)
{
    list->entries = calloc(space, sizeof(struct entry *));
    return list->entries ? 0 : -ENOMEM;
}

static void list_empty(struct list *list)
{
    for (size_t i = 0; i < list->count; i++)
        entry_free(list->entries[i]);
    list->count = 0;
}

static void list_drop(struct list *list, size_t index)
{
    list->count--;
    memmove(list->entries + index, list->entries + index + 1,
            (list->count - index) * sizeof(struct entry *));
}

struct migrations *migrations_new(void)
{
    struct migrations *migrations = calloc(1, sizeof(*migrations));

    if (!migrations)
        return NULL;
    if (list_init(&migrations->kept, MIGRATIONS_MAX + 1) < 0 ||
        list_init(&migrations->told, MIGRATIONS_MAX + 1) < 0 ||
        list_init(&migrations->followed, MIGRATIONS_FOLLOWED_MAX + 1) < 0)
        return migrations_free(migrations);
    return migrations;
}

struct migrations *migrations_free(struct migrations *migrations)
{
    if (!migrations)
        return NULL;
    list_empty(&migrations->kept);
    list_empty(&migrations->told);
    free(migrations->kept.entries);
    free(migrations->told.entries);
    free(migrations->followed.entries);
    free(migrations);
    return NULL;
}

/* ---- Entries --------------------------------------------------------------------------------- */

static void set_number(struct entry *entry, uint64_t number)
{
    struct migration row = *entry->row, *copy;
    char id[24];

    snprintf(id, sizeof(id), "%" PRIu64, number);
    row.id = id;
    copy = row_copy(TABLE_MIGRATION, &row);
    if (!copy)
        return;
    free(entry->row);
    entry->row = copy;
    entry->number = number;
}

static void write_entry(struct entry *entry, struct strbuf *to_history)
{
    record_write(to_history, RECORD_NEW, TABLE_MIGRATION, entry->row, 0);
    entry->is_changed = false;
}

/* Too many moves at once: the one that is followed longest is let go. */
static void follow(struct migrations *migrations, struct entry *entry)
{
    struct list *followed = &migrations->followed;

    if (followed->count == MIGRATIONS_FOLLOWED_MAX) {
        struct entry *oldest = followed->entries[0];

        if (oldest->row->outcome == MIGRATION_RUNNING)
            entry_end(oldest, MIGRATION_UNKNOWN, "too many moves at once to follow it");
        oldest->is_followed = false;
        list_drop(followed, 0);
    }
    followed->entries[followed->count++] = entry;
    entry->is_followed = true;
}

/* The oldest entry that is over makes room. */
static void make_room(struct list *kept)
{
    size_t index = 0;

    while (index + 1 < kept->count && kept->entries[index]->is_followed)
        index++;
    entry_free(kept->entries[index]);
    list_drop(kept, index);
}

static void keep(struct migrations *migrations, struct entry *entry)
{
    migrations->kept.entries[migrations->kept.count++] = entry;
    if (migrations->is_numbered)
        set_number(entry, ++migrations->last);
    follow(migrations, entry);
    if (migrations->kept.count > MIGRATIONS_MAX)
        make_room(&migrations->kept);
}

static bool is_about(const struct entry *entry, const struct contact *contact, const char *machine)
{
    return strcmp(entry->row->machine_id, machine) == 0 &&
           strcmp(entry->row->hypervisor, contact->name) == 0;
}

/* The move of that key that is under way; NULL: none. */
static struct entry *find_followed(const struct migrations *migrations,
                                   const struct contact *contact, const struct move *move)
{
    for (size_t i = migrations->followed.count; i > 0; i--) {
        struct entry *entry = migrations->followed.entries[i - 1];

        if (is_about(entry, contact, move->owner) && strcmp(entry->row->move, move->id) == 0)
            return entry;
    }
    return NULL;
}

/* A move that was taken to be over when it was announced, as the machine seemed to be there, and of
 * which more is told now. */
static struct entry *find_presumed(const struct migrations *migrations,
                                   const struct contact *contact, const struct move *move)
{
    for (size_t i = migrations->kept.count; i > 0; i--) {
        struct entry *entry = migrations->kept.entries[i - 1];

        if (entry->is_presumed && is_about(entry, contact, move->owner) &&
            strcmp(entry->row->move, move->id) == 0)
            return entry;
    }
    return NULL;
}

/* The last entry about a machine's own way among those of the last minute, or those that are
 * followed. */
static struct entry *find_last(const struct migrations *migrations, const struct contact *contact,
                               const char *machine, int64_t now_ms)
{
    for (size_t i = migrations->kept.count; i > 0; i--) {
        struct entry *entry = migrations->kept.entries[i - 1];

        if (now_ms - entry->seen_ms > MIGRATIONS_JOIN_MS)
            break;
        if (is_about(entry, contact, machine) && entry_is_of_itself(entry))
            return entry;
    }
    for (size_t i = migrations->followed.count; i > 0; i--) {
        struct entry *entry = migrations->followed.entries[i - 1];

        if (is_about(entry, contact, machine) && entry_is_of_itself(entry))
            return entry;
    }
    return NULL;
}

/* ---- Moves that are told --------------------------------------------------------------------- */

static const char *name_of_host(const struct contact *contact, const char *id)
{
    const struct host *host = inventory_find(contact->inventory, TABLE_HOST, "", id);

    return host && host->name[0] ? host->name : id;
}

/* The machine was found there first, and this is the word of how it came. */
static struct entry *find_surprise(struct migrations *migrations, const struct contact *contact,
                                   const struct move *move, int64_t now_ms)
{
    struct entry *entry = find_last(migrations, contact, move->owner, now_ms);

    if (!entry || entry->row->move[0] || !entry->to_id ||
        (move->to[0] && strcmp(entry->to_id, move->to) != 0))
        return NULL;
    if (strcmp(entry->to_id, move->from) == 0)
        return NULL; /* it goes on from there */
    return entry;
}

static void begin(struct migrations *migrations, const struct contact *contact,
                  const struct move *move, struct moment moment)
{
    struct entry *entry = entry_new(contact, move->owner, moment);
    const struct machine *machine;

    if (!entry)
        return; /* out of memory: the move is acted upon all the same */
    keep(migrations, entry);
    entry_take_move(entry, contact, move, moment);
    machine = entry_machine(entry, contact);
    if (entry->row->outcome == MIGRATION_RUNNING && machine && entry_has_arrived(entry, machine)) {
        entry_arrive(entry, machine->host, name_of_host(contact, machine->host), moment);
        entry->has_landed = entry->is_presumed = true;
        entry_surprise(entry, entry->row->kind, entry->row->from,
                       "it was announced when it was there already");
    }
}

static void follow_move(struct migrations *migrations, const struct contact *contact,
                        const struct record *record, const struct migrations_before *before,
                        struct moment moment)
{
    const struct move *move =
        inventory_find(contact->inventory, TABLE_MOVE, record->row.key.owner, record->row.key.id);
    struct entry *entry = move ? find_followed(migrations, contact, move) : NULL;

    if (!move)
        return;
    if (!entry && before->is_known && move->outcome != MOVE_RUNNING)
        entry = find_presumed(migrations, contact, move);
    if (!entry && !before->is_known) {
        entry = find_surprise(migrations, contact, move, moment.now_ms);
        if (!entry)
            begin(migrations, contact, move, moment);
    }
    if (entry) {
        if (!entry->is_followed)
            follow(migrations, entry);
        entry_take_move(entry, contact, move, moment);
    }
}

/* ---- Machines that are there ----------------------------------------------------------------- */

static void clock_text(int64_t wall_ms, char text[16])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;

    strcpy(text, "?");
    if (gmtime_r(&seconds, &parts))
        strftime(text, 16, "%H:%M:%S", &parts);
}

/* From when to when contact was lost, in words: "01:46:42 to 01:46:47 UTC". */
static const char *outage(const struct contact *contact, struct moment moment, char text[48])
{
    char from[16], to[16];

    clock_text(moment.wall_ms - (moment.now_ms - contact->lost_ms), from);
    clock_text(moment.wall_ms, to);
    snprintf(text, 48, "%s to %s UTC", from, to);
    return text;
}

/* Why nobody said that the machine would come. */
static void explain_silence(const struct contact *contact, struct moment moment,
                            char text[MIGRATION_TEXT_MAX])
{
    char text_of_outage[48];

    if (contact_state(contact) == SESSION_CONNECTED) {
        snprintf(text, MIGRATION_TEXT_MAX,
                 "its move was not announced: %s told only that it was there", contact->name);
    } else if (contact->lost_ms) {
        snprintf(text, MIGRATION_TEXT_MAX,
                 "its move was not announced: contact with %s was lost from %s", contact->name,
                 outage(contact, moment, text_of_outage));
    } else {
        snprintf(text, MIGRATION_TEXT_MAX,
                 "its move was not announced: it was found by reading %s in full", contact->name);
    }
}

/* What must have happened to the machine. */
static enum move_kind kind_of_surprise(const struct migrations_before *before,
                                       const struct machine *machine)
{
    if (machine->power != POWER_ON)
        return MOVE_COLD;
    switch (before->power) {
    case POWER_OFF:
        return MOVE_START;
    case POWER_SUSPENDED:
        return MOVE_RESUME;
    case POWER_ON:
    case POWER_UNKNOWN:
        break;
    }
    return MOVE_MIGRATE;
}

static void begin_with_arrival(struct migrations *migrations, const struct contact *contact,
                               const struct machine *machine,
                               const struct migrations_before *before, struct moment moment)
{
    struct entry *entry = entry_new(contact, machine->id, moment);
    char why[MIGRATION_TEXT_MAX];

    if (!entry)
        return;
    keep(migrations, entry);
    explain_silence(contact, moment, why);
    entry_surprise(entry, kind_of_surprise(before, machine), name_of_host(contact, before->host),
                   why);
    entry_arrive(entry, machine->host, name_of_host(contact, machine->host), moment);
    entry->has_landed = true;
}

/* The machine is there. What is found out after contact was lost may be long true. */
static void arrive(struct entry *entry, const struct contact *contact,
                   const struct machine *machine, struct moment moment)
{
    char text[MIGRATION_TEXT_MAX], text_of_outage[48];

    if (!entry->row->switched_over_ms && !entry->keeps_reason && contact->lost_ms) {
        snprintf(text, sizeof(text),
                 "contact with %s was lost from %s: it was there earlier than that was told",
                 contact->name, outage(contact, moment, text_of_outage));
        entry_remark(entry, text);
    }
    entry_arrive(entry, machine->host, name_of_host(contact, machine->host), moment);
    entry->has_landed = true;
}

/* The machine is on another host than before, and some move of it was told: whether it has brought
 * it there. */
static bool explains(struct entry *entry, const struct contact *contact,
                     const struct machine *machine, struct moment moment)
{
    char text[MIGRATION_TEXT_MAX];

    if (entry->has_landed || strcmp(entry->row->from, name_of_host(contact, machine->host)) == 0)
        return false; /* it sets out from there */
    switch (entry->row->outcome) {
    case MIGRATION_FAILED:
    case MIGRATION_CANCELLED:
    case MIGRATION_UNKNOWN:
        return false;
    case MIGRATION_RUNNING:
    case MIGRATION_IN_TIME:
    case MIGRATION_MISSED:
    case MIGRATION_ELSEWHERE:
        break;
    }
    if (entry->to_id && strcmp(entry->to_id, machine->host) != 0) {
        if (entry->row->outcome != MIGRATION_RUNNING)
            return false;
        snprintf(text, sizeof(text), "it was announced for %.100s", entry->row->to);
        entry_surprise(entry, entry->row->kind, entry->row->from, text);
    }
    arrive(entry, contact, machine, moment);
    return true;
}

/* Every move that has brought the machine, or made it, is there now. */
static void land(const struct migrations *migrations, const struct contact *contact,
                 const struct machine *machine, struct moment moment)
{
    for (size_t i = 0; i < migrations->followed.count; i++) {
        struct entry *entry = migrations->followed.entries[i];

        if (entry->has_landed || entry->is_old ||
            strcmp(entry->row->hypervisor, contact->name) != 0 ||
            !entry_has_arrived(entry, machine))
            continue;
        if (strcmp(entry->row->machine_id, machine->id) != 0)
            entry->arrived_id = strdup(machine->id);
        arrive(entry, contact, machine, moment);
    }
}

/* A machine that is off may be on no host, which is no move. */
static bool came_from_somewhere(const struct migrations_before *before)
{
    return before->is_known &&
           (before->host[0] || before->power == POWER_OFF || before->power == POWER_SUSPENDED);
}

static void follow_machine(struct migrations *migrations, const struct contact *contact,
                           const struct record *record, const struct migrations_before *before,
                           struct moment moment)
{
    const struct machine *machine = inventory_find(contact->inventory, TABLE_MACHINE,
                                                   record->row.key.owner, record->row.key.id);
    struct entry *last;

    if (!machine || !machine->host[0] || machine->template ||
        (before->host && strcmp(before->host, machine->host) == 0 &&
         before->power == machine->power))
        return;
    land(migrations, contact, machine, moment);
    if (!before->host || !came_from_somewhere(before) || strcmp(before->host, machine->host) == 0)
        return;
    last = find_last(migrations, contact, machine->id, moment.now_ms);
    if (last && last->to_id && strcmp(last->to_id, machine->host) == 0 && last->has_landed)
        return;
    if (!last || !explains(last, contact, machine, moment))
        begin_with_arrival(migrations, contact, machine, before, moment);
}

/* ---- Facts ----------------------------------------------------------------------------------- */

struct migrations_before migrations_before(const struct contact *contact,
                                           const struct record *record)
{
    struct migrations_before before = { 0 };
    const void *row;

    if (record->table != TABLE_MOVE && record->table != TABLE_MACHINE)
        return before;
    row = inventory_find(contact->inventory, record->table, record->row.key.owner,
                         record->row.key.id);
    before.is_known = row != NULL;
    if (row && record->table == TABLE_MACHINE) {
        const struct machine *machine = row;

        before.host = strdup(machine->host);
        before.power = machine->power;
    }
    return before;
}

void migrations_before_done(struct migrations_before *before)
{
    free(before->host);
    *before = (struct migrations_before){ 0 };
}

void migrations_follow(struct migrations *migrations, const struct contact *contact,
                       const struct record *record, const struct migrations_before *before,
                       struct moment moment)
{
    if (record->op != RECORD_NEW && record->op != RECORD_PUT)
        return;
    if (record->table == TABLE_MOVE)
        follow_move(migrations, contact, record, before, moment);
    else if (record->table == TABLE_MACHINE)
        follow_machine(migrations, contact, record, before, moment);
}

void migrations_look_at_port(struct migrations *migrations, const struct inventory *module,
                             const char *port, struct moment moment)
{
    for (size_t i = 0; i < migrations->followed.count; i++)
        entry_look_at_port(migrations->followed.entries[i], module, port, moment);
}

void migrations_take_outcome(struct migrations *migrations, const struct inventory *module,
                             const struct outcome *outcome, struct moment moment)
{
    for (size_t i = 0; i < migrations->followed.count; i++)
        entry_take_outcome(migrations->followed.entries[i], module, outcome, moment);
}

void migrations_settle(struct migrations *migrations, const struct migration_facts *facts,
                       struct strbuf *to_history)
{
    struct list *followed = &migrations->followed;
    size_t left = 0;

    for (size_t i = 0; i < followed->count; i++) {
        struct entry *entry = followed->entries[i];

        entry_settle(entry, facts);
        if (entry->is_changed && migrations->is_listening)
            write_entry(entry, to_history);
        if (entry->is_followed)
            followed->entries[left++] = entry;
    }
    followed->count = left;
}

/* ---- The history ----------------------------------------------------------------------------- */

static int take_entry(struct migrations *migrations, const struct migration *row)
{
    struct list *told = &migrations->told;
    struct entry *entry;
    uint64_t number;

    if (text_number(row->id, 1, UINT64_MAX, &number) < 0)
        return 0; /* not written by us */
    entry = entry_restore(row, number);
    if (!entry)
        return -ENOMEM;
    told->entries[told->count++] = entry;
    if (told->count > MIGRATIONS_MAX) {
        entry_free(told->entries[0]);
        list_drop(told, 0);
    }
    return 0;
}

/* The first list that the history tells is older than whatever came about meanwhile. */
static void join(struct migrations *migrations)
{
    struct list newer = migrations->kept;

    migrations->kept = migrations->told;
    migrations->told = newer;
    migrations->is_numbered = true;
    for (size_t i = 0; i < migrations->kept.count; i++)
        if (migrations->kept.entries[i]->is_followed)
            follow(migrations, migrations->kept.entries[i]);
    for (size_t i = 0; i < newer.count; i++) {
        set_number(newer.entries[i], ++migrations->last);
        migrations->kept.entries[migrations->kept.count++] = newer.entries[i];
        if (migrations->kept.count > MIGRATIONS_MAX)
            make_room(&migrations->kept);
    }
    migrations->told.count = 0;
}

/* Writes what the history does not have, or has otherwise. Both lists rise. */
static void write_missing(struct migrations *migrations, struct strbuf *to_history)
{
    const struct list *told = &migrations->told;
    size_t at = 0;

    for (size_t i = 0; i < migrations->kept.count; i++) {
        struct entry *entry = migrations->kept.entries[i];

        while (at < told->count && told->entries[at]->number < entry->number)
            at++;
        if (at == told->count || told->entries[at]->number != entry->number ||
            !row_equal(TABLE_MIGRATION, told->entries[at]->row, entry->row))
            write_entry(entry, to_history);
    }
}

static void take_end(struct migrations *migrations, struct strbuf *to_history)
{
    struct list *told = &migrations->told;

    if (told->count && told->entries[told->count - 1]->number > migrations->last)
        migrations->last = told->entries[told->count - 1]->number;
    if (!migrations->is_numbered) {
        size_t known = told->count;

        join(migrations);
        for (size_t i = known; i < migrations->kept.count; i++)
            write_entry(migrations->kept.entries[i], to_history);
    } else {
        write_missing(migrations, to_history);
    }
    list_empty(told);
    migrations->is_listening = true;
}

int migrations_take(struct migrations *migrations, const struct record *record,
                    struct strbuf *to_history)
{
    bool was_open = migrations->is_open;

    switch (record->op) {
    case RECORD_BEGIN:
        list_empty(&migrations->told);
        migrations->is_open = true;
        return 0;
    case RECORD_NEW:
        return was_open ? take_entry(migrations, &record->row.migration) : 0;
    case RECORD_END:
        migrations->is_open = false;
        if (was_open)
            take_end(migrations, to_history);
        return 0;
    case RECORD_PUT:
    case RECORD_GONE:
    case RECORD_UNKNOWN:
    case N_RECORD_OPS:
        break;
    }
    return 0;
}

void migrations_pause(struct migrations *migrations)
{
    migrations->is_open = false;
    migrations->is_listening = false;
}

/* ---- What there is to see -------------------------------------------------------------------- */

const struct migration *migrations_find(const struct migrations *migrations, size_t index)
{
    const struct list *kept = &migrations->kept;

    return index < kept->count ? kept->entries[kept->count - 1 - index]->row : NULL;
}

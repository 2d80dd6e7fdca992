#include "model/inventory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
/* An allocation that fails is an error to report, not a reason to exit. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((element)->lost = true)
#include <uthash.h>
#include <utlist.h>

/* What lies in front of every stored row, so that a walk finds its way on from the row itself. */
union row_head {
    struct entry *entry;
    max_align_t align;
};

struct entry {
    char *key; /* owner 0x1f id, for the bucket's table */
    void *row; /* behind its row_head */
    struct bucket *bucket;
    uint64_t seen;  /* the stamp at which it was last stated */
    bool condemned; /* told absent, not yet carried out */
    bool lost;
    struct entry *prev, *next;    /* the bucket's rows, in order of appearance */
    struct place *place;          /* a machine's */
    struct entry *before, *after; /* the machines at that place */
    UT_hash_handle hh;
};

/* The rows of one table and one owner. */
struct bucket {
    char *owner;
    enum table table;
    struct entry *entries;
    uint64_t begun;   /* stamp of an open bracket, 0: none */
    uint64_t unknown; /* stamp at which it was told unreadable, 0: it is readable */
    bool lost;
    struct bucket *prev, *next; /* the table's buckets */
    UT_hash_handle hh;
};

/* The machines that are on one host. */
struct place {
    char *host;
    struct entry *machines;
    bool lost;
    UT_hash_handle hh;
};

struct inventory {
    struct place *places;
    struct {
        struct bucket *list, *by_owner;
        struct entry *by_key;
        size_t count;     /* rows, condemned ones included */
        size_t condemned; /* of them */
        size_t vanished;  /* rows that went lately */
        uint64_t begun;   /* stamp of an open bracket over the whole table */
    } tables[N_TABLES];
    int64_t vanished_ms; /* monotonic: when the last of them went */
    uint64_t stamp;
    uint64_t all_begun;
    size_t rows, buckets;
    bool complete;
    bool was_read;     /* it was complete once */
    bool hostless;     /* it held no host, and nobody said that this is right */
    bool may_be_empty; /* an operator said so; until a host is told */
    bool read_ended;   /* a complete read ended since the last settling */
    bool gap;          /* a record could not be taken in since the last complete read began */
    char doubt[256];
};

struct inventory *inventory_new(void)
{
    return calloc(1, sizeof(struct inventory));
}

static struct bucket *bucket_find(const struct inventory *inventory, enum table table,
                                  const char *owner)
{
    struct bucket *bucket = NULL;

    HASH_FIND_STR(inventory->tables[table].by_owner, owner, bucket);
    return bucket;
}

static struct bucket *bucket_make(struct inventory *inventory, enum table table, const char *owner)
{
    struct bucket *bucket = bucket_find(inventory, table, owner);

    if (bucket || inventory->buckets >= INVENTORY_ROWS_MAX)
        return bucket;
    bucket = calloc(1, sizeof(*bucket));
    if (!bucket)
        return NULL;
    bucket->table = table;
    bucket->owner = strdup(owner);
    if (bucket->owner)
        HASH_ADD_KEYPTR(hh, inventory->tables[table].by_owner, bucket->owner, strlen(owner),
                        bucket);
    if (!bucket->owner || bucket->lost) {
        free(bucket->owner);
        free(bucket);
        return NULL;
    }
    DL_APPEND(inventory->tables[table].list, bucket);
    inventory->buckets++;
    return bucket;
}

static void bucket_free(struct inventory *inventory, struct bucket *bucket)
{
    HASH_DEL(inventory->tables[bucket->table].by_owner, bucket);
    DL_DELETE(inventory->tables[bucket->table].list, bucket);
    inventory->buckets--;
    free(bucket->owner);
    free(bucket);
}

static union row_head *row_head(const void *row)
{
    union row_head *head;
    const void *at = (const char *)row - sizeof(*head);

    memcpy(&head, &at, sizeof(head)); /* the row is ours to free although walkers see it const */
    return head;
}

/* Puts a copy of 'row' in the place of the entry's row. */
static int entry_store(struct entry *entry, enum table table, const union row *row)
{
    char *block = row_copy_behind(table, row, sizeof(union row_head));

    if (!block)
        return -ENOMEM;
    if (entry->row)
        free(row_head(entry->row));
    entry->row = block + sizeof(union row_head);
    row_head(entry->row)->entry = entry;
    return 0;
}

static void entry_condemn(struct inventory *inventory, struct entry *entry)
{
    if (!entry->condemned)
        inventory->tables[entry->bucket->table].condemned++;
    entry->condemned = true;
}

static void entry_reprieve(struct inventory *inventory, struct entry *entry)
{
    if (entry->condemned)
        inventory->tables[entry->bucket->table].condemned--;
    entry->condemned = false;
}

static void place_leave(struct inventory *inventory, struct entry *entry)
{
    struct place *place = entry->place;

    entry->place = NULL;
    if (!place)
        return;
    DL_DELETE2(place->machines, entry, before, after);
    if (place->machines)
        return;
    HASH_DEL(inventory->places, place);
    free(place->host);
    free(place);
}

static struct place *place_make(struct inventory *inventory, const char *host)
{
    struct place *place = NULL;

    HASH_FIND_STR(inventory->places, host, place);
    if (place)
        return place;
    place = calloc(1, sizeof(*place));
    if (!place)
        return NULL;
    place->host = strdup(host);
    if (place->host)
        HASH_ADD_KEYPTR(hh, inventory->places, place->host, strlen(host), place);
    if (!place->host || place->lost) {
        free(place->host);
        free(place);
        return NULL;
    }
    return place;
}

/* Files a machine under the host it is on. */
static int place_enter(struct inventory *inventory, struct entry *entry)
{
    const struct machine *machine = entry->row;
    struct place *place;

    if (entry->bucket->table != TABLE_MACHINE ||
        (entry->place && strcmp(entry->place->host, machine->host) == 0))
        return 0;
    place_leave(inventory, entry);
    place = place_make(inventory, machine->host);
    if (!place)
        return -ENOMEM;
    DL_APPEND2(place->machines, entry, before, after);
    entry->place = place;
    return 0;
}

static void entry_release(struct entry *entry)
{
    if (entry->row)
        free(row_head(entry->row));
    free(entry->key);
    free(entry);
}

static void entry_free(struct inventory *inventory, struct entry *entry)
{
    enum table table = entry->bucket->table;

    entry_reprieve(inventory, entry);
    place_leave(inventory, entry);
    HASH_DEL(inventory->tables[table].by_key, entry);
    DL_DELETE(entry->bucket->entries, entry);
    inventory->tables[table].count--;
    inventory->rows--;
    entry_release(entry);
}

struct inventory *inventory_free(struct inventory *inventory)
{
    for (enum table table = 0; inventory && table < N_TABLES; table++) {
        while (inventory->tables[table].list) {
            struct bucket *bucket = inventory->tables[table].list;

            while (bucket->entries)
                entry_free(inventory, bucket->entries);
            bucket_free(inventory, bucket);
        }
    }
    free(inventory);
    return NULL;
}

/* Keys of up to this size are looked up without an allocation. */
#define KEY_LOCAL 512

static struct entry *entry_find(const struct inventory *inventory, enum table table,
                                const char *owner, const char *id)
{
    char local[KEY_LOCAL];
    CLEANUP(free_text) char *large = NULL;
    struct entry *entry = NULL;
    char *key = local;
    int length = snprintf(local, sizeof(local), "%s\x1f%s", owner, id);

    if ((size_t)length >= sizeof(local)) {
        if (asprintf(&large, "%s\x1f%s", owner, id) < 0)
            return NULL;
        key = large;
    }
    HASH_FIND(hh, inventory->tables[table].by_key, key, (size_t)length, entry);
    return entry;
}

static struct entry *entry_new(struct inventory *inventory, enum table table, const union row *row)
{
    struct bucket *bucket = bucket_make(inventory, table, row->key.owner);
    struct entry *entry = bucket ? calloc(1, sizeof(*entry)) : NULL;

    if (!entry)
        return NULL;
    entry->bucket = bucket;
    if (entry_store(entry, table, row) < 0 ||
        asprintf(&entry->key, "%s\x1f%s", row->key.owner, row->key.id) < 0)
        entry->key = NULL;
    if (entry->key)
        HASH_ADD_KEYPTR(hh, inventory->tables[table].by_key, entry->key, strlen(entry->key), entry);
    if (!entry->key || entry->lost) {
        entry_release(entry);
        return NULL;
    }
    DL_APPEND(bucket->entries, entry);
    inventory->tables[table].count++;
    inventory->rows++;
    return entry;
}

/* A record that was not taken in leaves a hole: the next 'end all' must not conclude from absence.
 */
static int take_in_failed(struct inventory *inventory, int code, struct error *reterr)
{
    inventory->gap = true;
    inventory->complete = false;
    return error_set(reterr, code,
                     code == -ENOSPC ? "more than %d rows: the inventory is not complete and "
                                       "nothing will be removed because of it"
                                     : "out of memory with %d rows at most: the inventory is not "
                                       "complete and nothing will be removed because of it",
                     INVENTORY_ROWS_MAX);
}

static int apply_row(struct inventory *inventory, const struct record *record, struct error *reterr)
{
    struct entry *entry =
        entry_find(inventory, record->table, record->row.key.owner, record->row.key.id);
    union row row = { 0 };

    if (entry)
        memcpy(&row, entry->row, table_row_size(record->table));
    record_merge(record, &row);
    row_complete(record->table, &row);
    if (!entry) {
        if (inventory->rows >= INVENTORY_ROWS_MAX)
            return take_in_failed(inventory, -ENOSPC, reterr);
        entry = entry_new(inventory, record->table, &row);
        if (!entry)
            return take_in_failed(inventory, -ENOMEM, reterr);
        entry->seen = ++inventory->stamp;
        return place_enter(inventory, entry) < 0 ? take_in_failed(inventory, -ENOMEM, reterr) : 1;
    }
    entry->seen = ++inventory->stamp;
    entry_reprieve(inventory, entry);
    if (row_equal(record->table, entry->row, &row))
        return 0;
    if (entry_store(entry, record->table, &row) < 0 || place_enter(inventory, entry) < 0)
        return take_in_failed(inventory, -ENOMEM, reterr);
    return 1;
}

bool inventory_amend(struct inventory *inventory, const struct record *record)
{
    struct entry *entry =
        entry_find(inventory, record->table, record->row.key.owner, record->row.key.id);
    union row row = { 0 };

    if (!entry)
        return false;
    memcpy(&row, entry->row, table_row_size(record->table));
    record_merge(record, &row);
    row_complete(record->table, &row);
    return entry_store(entry, record->table, &row) == 0;
}

static int apply_gone(struct inventory *inventory, const struct record *record)
{
    struct entry *entry =
        entry_find(inventory, record->table, record->row.key.owner, record->row.key.id);

    if (entry)
        entry_condemn(inventory, entry);
    return entry != NULL;
}

static int apply_begin(struct inventory *inventory, const struct record *record,
                       struct error *reterr)
{
    struct bucket *bucket;

    inventory->stamp++;
    if (record->table == TABLE_ALL) {
        inventory->all_begun = inventory->stamp;
        inventory->gap = false;
        return 0;
    }
    if (!record->row.key.owner[0]) {
        inventory->tables[record->table].begun = inventory->stamp;
        return 0;
    }
    bucket = bucket_make(inventory, record->table, record->row.key.owner);
    if (!bucket)
        return take_in_failed(inventory, -ENOMEM, reterr);
    bucket->begun = inventory->stamp;
    return 0;
}

/* Condemns what was not stated since 'begun'. A list told unreadable since then proves nothing. */
static int bucket_sweep(struct inventory *inventory, struct bucket *bucket, uint64_t begun)
{
    struct entry *entry;
    int changed = 0;

    if (bucket->unknown >= begun)
        return 0;
    changed = bucket->unknown != 0;
    bucket->unknown = 0;
    DL_FOREACH(bucket->entries, entry)
    {
        if (entry->seen < begun) {
            entry_condemn(inventory, entry);
            changed = 1;
        }
    }
    return changed;
}

static int table_sweep(struct inventory *inventory, enum table table, uint64_t begun)
{
    struct bucket *bucket;
    int changed = 0;

    DL_FOREACH(inventory->tables[table].list, bucket)
    changed |= bucket_sweep(inventory, bucket, begun);
    return changed;
}

static int apply_end_all(struct inventory *inventory)
{
    if (!inventory->all_begun)
        return 0;
    for (enum table table = 0; table < N_TABLES; table++)
        if (table != TABLE_SESSION && table != TABLE_HINT && !inventory->gap)
            table_sweep(inventory, table, inventory->all_begun);
    inventory->all_begun = 0;
    inventory->complete = !inventory->gap;
    inventory->was_read |= inventory->complete;
    inventory->read_ended = true;
    return 1;
}

static int apply_end(struct inventory *inventory, const struct record *record)
{
    struct bucket *bucket;
    uint64_t begun;

    if (record->table == TABLE_ALL)
        return apply_end_all(inventory);
    if (!record->row.key.owner[0]) {
        begun = inventory->tables[record->table].begun;
        inventory->tables[record->table].begun = 0;
        return begun ? table_sweep(inventory, record->table, begun) : 0;
    }
    bucket = bucket_find(inventory, record->table, record->row.key.owner);
    if (!bucket || !bucket->begun)
        return 0;
    begun = bucket->begun;
    bucket->begun = 0;
    return bucket_sweep(inventory, bucket, begun);
}

static int apply_unknown(struct inventory *inventory, const struct record *record,
                         struct error *reterr)
{
    struct bucket *bucket = bucket_make(inventory, record->table, record->row.key.owner);

    if (!bucket)
        return take_in_failed(inventory, -ENOMEM, reterr);
    bucket->unknown = ++inventory->stamp;
    return 1;
}

int inventory_apply(struct inventory *inventory, const struct record *record, struct error *reterr)
{
    switch (record->op) {
    case RECORD_PUT:
    case RECORD_NEW:
        return apply_row(inventory, record, reterr);
    case RECORD_GONE:
        return apply_gone(inventory, record);
    case RECORD_BEGIN:
        return apply_begin(inventory, record, reterr);
    case RECORD_END:
        return apply_end(inventory, record);
    case RECORD_UNKNOWN:
        return apply_unknown(inventory, record, reterr);
    case N_RECORD_OPS:
        break;
    }
    return -EINVAL;
}

/* ---- Settling ------------------------------------------------------------------------------ */

/* Rows without an owner: hosts, machines, distributed switches, shared networks. Where few can be
 * condemned, 'all' is not counted: that a move ends must not cost a walk over all machines. */
static void count_roots(const struct inventory *inventory, size_t *ret_all, size_t *ret_condemned)
{
    static const enum table roots[] = { TABLE_HOST, TABLE_MACHINE, TABLE_NETWORK, TABLE_DVSWITCH };
    size_t most = 0;

    for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
        most += inventory->tables[roots[i]].condemned;
    *ret_all = *ret_condemned = 0;
    for (size_t i = 0; i < ARRAY_SIZE(roots) && most >= INVENTORY_SHRINK_LEAST; i++) {
        struct bucket *bucket = bucket_find(inventory, roots[i], "");
        struct entry *entry;

        if (!bucket)
            continue;
        DL_FOREACH(bucket->entries, entry)
        {
            (*ret_all)++;
            *ret_condemned += entry->condemned;
        }
    }
}

/* A network that goes with its virtual switch is no wonder. */
static bool goes_with_vswitch(const struct inventory *inventory, const struct entry *entry)
{
    const struct network *network = entry->row;
    const struct entry *vswitch =
        entry->bucket->table == TABLE_NETWORK
            ? entry_find(inventory, TABLE_VSWITCH, network->owner, network->vswitch)
            : entry;

    return !vswitch || (vswitch != entry && vswitch->condemned);
}

/* True when every row of a bucket is to go, though its owner stays. */
static bool is_hollow(const struct inventory *inventory, const struct bucket *bucket, size_t least)
{
    const struct entry *owner =
        bucket->owner[0] ? entry_find(inventory, TABLE_HOST, "", bucket->owner) : NULL;
    const struct entry *entry;
    size_t rows = 0;

    if (!owner || owner->condemned)
        return false;
    DL_FOREACH(bucket->entries, entry)
    {
        if (!entry->condemned)
            return false;
        rows += !goes_with_vswitch(inventory, entry);
    }
    return rows >= least;
}

/* A list of one host that comes empty where it was not. No host works without a NIC or a virtual
 * switch; its last network may well go, but not together with others. */
static const struct bucket *find_hollow(const struct inventory *inventory)
{
    static const struct {
        enum table table;
        size_t least;
    } lists[] = {
        { TABLE_NIC, 1 }, { TABLE_VSWITCH, 1 }, { TABLE_UPLINK, 1 }, { TABLE_NETWORK, 2 }
    };

    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        const struct bucket *bucket;

        if (!inventory->tables[lists[i].table].condemned)
            continue;
        DL_FOREACH(inventory->tables[lists[i].table].list, bucket)
        if (is_hollow(inventory, bucket, lists[i].least))
            return bucket;
    }
    return NULL;
}

/* True when the last rows of a kind are to go. A complete read that holds none of it is always a
 * wonder; by events the only host, or the last of two networks, may well go, and machines come and
 * go. */
static bool goes_altogether(const struct inventory *inventory, enum table kind, size_t *ret_were)
{
    size_t rows = inventory->tables[kind].count, least = kind == TABLE_HOST ? 2 : 3;

    *ret_were = rows;
    if (rows == 0 || inventory->tables[kind].condemned < rows)
        return false;
    if (inventory->read_ended)
        return true;
    *ret_were += inventory->tables[kind].vanished;
    return kind != TABLE_MACHINE && *ret_were >= least;
}

/* What is not to be believed about the removals at hand; false: nothing. */
static bool shrinks_too_much(const struct inventory *inventory, char *doubt, size_t size)
{
    static const enum table kinds[] = { TABLE_HOST, TABLE_NETWORK, TABLE_MACHINE };
    const struct bucket *hollow;
    size_t all, condemned;

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        size_t were;

        if (goes_altogether(inventory, kinds[i], &were)) {
            snprintf(doubt, size, "the last answer held no %s where there were %zu",
                     table_name(kinds[i]), were);
            return true;
        }
    }
    if (inventory->hostless) {
        snprintf(doubt, size, "the answer held no host at all");
        return true;
    }
    hollow = find_hollow(inventory);
    if (hollow) {
        snprintf(doubt, size, "the last answer held no %s of host %.64s, where there were some",
                 table_name(hollow->table), hollow->owner);
        return true;
    }
    count_roots(inventory, &all, &condemned);
    if (condemned < INVENTORY_SHRINK_LEAST || condemned * 100 <= all * INVENTORY_SHRINK_PERCENT)
        return false;
    snprintf(doubt, size, "%zu of %zu hosts, machines and networks vanished at once", condemned,
             all);
    return true;
}

/* Drops what a row owned. */
static void drop_children(struct inventory *inventory, enum table parent, const char *owner)
{
    static const struct {
        enum table parent, child;
    } families[] = {
        { TABLE_HOST, TABLE_NIC },       { TABLE_HOST, TABLE_VSWITCH },
        { TABLE_HOST, TABLE_UPLINK },    { TABLE_HOST, TABLE_NETWORK },
        { TABLE_HOST, TABLE_VMKNIC },    { TABLE_HOST, TABLE_HINT },
        { TABLE_MACHINE, TABLE_VIF },    { TABLE_MACHINE, TABLE_MOVE },
        { TABLE_DVSWITCH, TABLE_PVLAN }, { TABLE_PORT, TABLE_STATION },
    };

    for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
        struct bucket *bucket =
            families[i].parent == parent ? bucket_find(inventory, families[i].child, owner) : NULL;

        while (bucket && bucket->entries)
            entry_free(inventory, bucket->entries);
        if (bucket)
            bucket_free(inventory, bucket);
    }
}

static size_t carry_out(struct inventory *inventory)
{
    size_t gone = 0;

    for (enum table table = 0; table < N_TABLES; table++) {
        struct bucket *bucket, *next;

        if (!inventory->tables[table].condemned)
            continue;
        DL_FOREACH_SAFE(inventory->tables[table].list, bucket, next)
        {
            struct entry *entry, *after;

            DL_FOREACH_SAFE(bucket->entries, entry, after)
            {
                if (!entry->condemned)
                    continue;
                drop_children(inventory, table, ((const union row *)entry->row)->key.id);
                entry_free(inventory, entry);
                inventory->tables[table].vanished++;
                gone++;
            }
        }
    }
    return gone;
}

static void forget_vanished(struct inventory *inventory, int64_t now_ms)
{
    for (enum table table = 0;
         now_ms - inventory->vanished_ms >= INVENTORY_VANISH_MS && table < N_TABLES; table++)
        inventory->tables[table].vanished = 0;
}

int inventory_settle(struct inventory *inventory, int64_t now_ms)
{
    size_t condemned = 0;

    forget_vanished(inventory, now_ms);

    if (inventory->tables[TABLE_HOST].count > 0)
        inventory->may_be_empty = false;
    for (enum table table = 0; table < N_TABLES; table++)
        condemned += inventory->tables[table].condemned;
    if (inventory->read_ended)
        inventory->hostless = inventory->tables[TABLE_HOST].count == 0 && !inventory->may_be_empty;
    /* A doubt is about rows that are said to be gone: when all of them came back it is settled. */
    if ((condemned == 0 && !inventory->hostless) || inventory->read_ended)
        inventory->doubt[0] = '\0';
    if (condemned == 0 && !inventory->read_ended)
        return 0;
    if (!inventory->doubt[0])
        shrinks_too_much(inventory, inventory->doubt, sizeof(inventory->doubt));
    inventory->read_ended = false;
    if (inventory->doubt[0])
        return 1;
    if (carry_out(inventory) == 0)
        return 0;
    inventory->vanished_ms = now_ms;
    return 1;
}

size_t inventory_accept(struct inventory *inventory)
{
    size_t gone = carry_out(inventory);

    inventory->doubt[0] = '\0';
    inventory->hostless = false;
    inventory->may_be_empty = inventory->tables[TABLE_HOST].count == 0;
    return gone;
}

/* ---- Looking ------------------------------------------------------------------------------- */

bool inventory_is_complete(const struct inventory *inventory)
{
    return inventory->complete;
}

bool inventory_was_read(const struct inventory *inventory)
{
    return inventory->was_read;
}

void inventory_distrust(struct inventory *inventory)
{
    inventory->complete = false;
    inventory->all_begun = 0;
    for (enum table table = 0; table < N_TABLES; table++) {
        struct bucket *bucket;

        inventory->tables[table].begun = 0;
        DL_FOREACH(inventory->tables[table].list, bucket)
        bucket->begun = 0;
    }
}

const char *inventory_doubt(const struct inventory *inventory)
{
    return inventory->doubt[0] ? inventory->doubt : NULL;
}

bool inventory_is_unknown(const struct inventory *inventory, enum table table, const char *owner)
{
    const struct bucket *bucket = bucket_find(inventory, table, owner);

    return bucket && bucket->unknown;
}

const void *inventory_find(const struct inventory *inventory, enum table table, const char *owner,
                           const char *id)
{
    const struct entry *entry = entry_find(inventory, table, owner, id);

    return entry ? entry->row : NULL;
}

static const void *first_row_from(const struct bucket *bucket)
{
    for (; bucket; bucket = bucket->next)
        if (bucket->entries)
            return bucket->entries->row;
    return NULL;
}

const void *inventory_next(const struct inventory *inventory, enum table table, const char *owner,
                           const void *after)
{
    const struct entry *entry;

    if (!after) {
        const struct bucket *bucket =
            owner ? bucket_find(inventory, table, owner) : inventory->tables[table].list;

        if (owner)
            return bucket && bucket->entries ? bucket->entries->row : NULL;
        return first_row_from(bucket);
    }
    entry = row_head(after)->entry;
    if (entry->next)
        return entry->next->row;
    return owner ? NULL : first_row_from(entry->bucket->next);
}

const struct machine *inventory_next_on(const struct inventory *inventory, const char *host,
                                        const struct machine *after)
{
    const struct entry *entry = NULL;
    struct place *place = NULL;

    if (after) {
        entry = row_head(after)->entry->after;
    } else {
        HASH_FIND_STR(inventory->places, host, place);
        entry = place ? place->machines : NULL;
    }
    return entry ? entry->row : NULL;
}

size_t inventory_count(const struct inventory *inventory, enum table table)
{
    return inventory->tables[table].count;
}

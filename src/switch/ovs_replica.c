#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(row) ((row)->is_lost = true)
#include "switch/ovs_replica.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define BACKLOG_MAX 10000 /* updates before the answer */
#define ROWS_MAX 100000

struct ovs_replica {
    struct ovs_row *rows;    /* by uuid, which is unique over all tables */
    struct ovs_row *by_name; /* the ports among them, whose names the schema keeps unique */
    bool is_indexed;         /* by_name is all of them */
    json_t *backlog;         /* [[method, params], ...] until it is loaded, then NULL */
};

static const char *const tables[N_OVS_TABLES] = {
    [OVS_BRIDGE] = "Bridge",
    [OVS_PORT] = "Port",
    [OVS_INTERFACE] = "Interface",
    [OVS_ROOT] = "Open_vSwitch",
};

/* ---- Columns --------------------------------------------------------------------------------- */

static int set_name(struct ovs_row *row, const json_t *value, bool is_difference UNUSED)
{
    const char *text = json_string_value(value);
    char *name = text ? strdup(text) : NULL;

    if (!name)
        return -EBADMSG;
    free(row->name);
    row->name = name;
    row->port.name = name;
    return 0;
}

static bool is_uuid(const char *text)
{
    return strlen(text) == OVS_UUID_SIZE - 1 &&
           strspn(text, "0123456789abcdef-") == OVS_UUID_SIZE - 1;
}

static int toggle_member(struct ovs_row *row, const char *uuid)
{
    char(*members)[OVS_UUID_SIZE];

    if (!is_uuid(uuid))
        return -EBADMSG;
    for (size_t i = 0; i < row->n_members; i++)
        if (strcmp(row->members[i], uuid) == 0) {
            row->n_members--;
            memmove(&row->members[i], &row->members[i + 1],
                    (row->n_members - i) * sizeof(*row->members));
            return 0;
        }
    members = realloc(row->members, (row->n_members + 1) * sizeof(*members));
    if (!members)
        return -ENOMEM;
    row->members = members;
    text_copy(members[row->n_members++], sizeof(*members), uuid);
    return 0;
}

static int set_members(struct ovs_row *row, const json_t *value, bool is_difference)
{
    int r = 0;

    if (!is_difference)
        row->n_members = 0;
    for (size_t i = 0; r == 0 && i < ovsdb_set_size(value); i++)
        r = toggle_member(row, ovsdb_uuid(ovsdb_set_at(value, i)));
    return r;
}

static int set_mode(struct ovs_row *row, const json_t *value, bool is_difference UNUSED)
{
    text_copy(row->port.mode, sizeof(row->port.mode), ovsdb_string(value));
    return 0;
}

static int set_tag(struct ovs_row *row, const json_t *value, bool is_difference UNUSED)
{
    row->port.tag = json_is_integer(value) ? (int)json_integer_value(value) : -1;
    return 0;
}

static int set_trunks(struct ovs_row *row, const json_t *value, bool is_difference)
{
    struct ovsdb_trunks trunks;
    int r = ovsdb_trunks_read(value, &trunks);

    if (r == 0 && is_difference)
        trunks = ovsdb_trunks_differ(&row->port.trunks, &trunks);
    if (r == 0)
        row->port.trunks = trunks;
    return r;
}

static int set_admin_state(struct ovs_row *row, const json_t *value, bool is_difference UNUSED)
{
    row->is_enabled = strcmp(ovsdb_string(value), "up") == 0;
    return 0;
}

static int set_link_state(struct ovs_row *row, const json_t *value, bool is_difference UNUSED)
{
    const char *text = ovsdb_string(value);

    row->link = strcmp(text, "up") == 0     ? LINK_UP
                : strcmp(text, "down") == 0 ? LINK_DOWN
                                            : LINK_UNKNOWN;
    return 0;
}

static int set_lacp_current(struct ovs_row *row, const json_t *value, bool is_difference UNUSED)
{
    row->is_lacp_current = json_is_true(value);
    return 0;
}

static int set_number(struct ovs_row *row, const json_t *value, bool is_difference UNUSED)
{
    row->number = json_integer_value(value);
    return 0;
}

static const struct column {
    enum ovs_table table;
    const char *name;
    int (*set)(struct ovs_row *row, const json_t *value, bool is_difference);
} columns[] = {
    { OVS_BRIDGE, "name", set_name },
    { OVS_BRIDGE, "ports", set_members },
    { OVS_PORT, "name", set_name },
    { OVS_PORT, "interfaces", set_members },
    { OVS_PORT, "vlan_mode", set_mode },
    { OVS_PORT, "tag", set_tag },
    { OVS_PORT, "trunks", set_trunks },
    { OVS_INTERFACE, "name", set_name },
    { OVS_INTERFACE, "admin_state", set_admin_state },
    { OVS_INTERFACE, "lacp_current", set_lacp_current },
    { OVS_INTERFACE, "link_state", set_link_state },
    { OVS_INTERFACE, "ofport", set_number },
    { OVS_ROOT, "cur_cfg", set_number },
};

json_t *ovs_replica_requests(void)
{
    json_t *requests = json_object();

    for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
        const char *table = tables[columns[i].table];

        if (!json_object_get(requests, table))
            json_object_set_new(requests, table, json_pack("{s:[]}", "columns"));
        json_array_append_new(json_object_get(json_object_get(requests, table), "columns"),
                              json_string(columns[i].name));
    }
    return requests;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static struct ovs_row *row_find(const struct ovs_replica *replica, const char *uuid)
{
    struct ovs_row *row;

    HASH_FIND_STR(replica->rows, uuid, row);
    return row;
}

/* Before a port goes, or its name does, to which the index points. */
static void forget_names(struct ovs_replica *replica)
{
    HASH_CLEAR(hh_name, replica->by_name);
    replica->is_indexed = false;
}

static void row_drop(struct ovs_replica *replica, struct ovs_row *row)
{
    if (row->table == OVS_PORT)
        forget_names(replica);
    HASH_DEL(replica->rows, row);
    free(row->members);
    free(row->name);
    free(row);
}

/* A row with every column at its default. */
static struct ovs_row *row_make(struct ovs_replica *replica, enum ovs_table table, const char *uuid)
{
    struct ovs_row *row = row_find(replica, uuid);

    if (row)
        row_drop(replica, row);
    if (!is_uuid(uuid) || HASH_COUNT(replica->rows) >= ROWS_MAX)
        return NULL;
    row = calloc(1, sizeof(*row));
    if (!row)
        return NULL;
    row->table = table;
    row->link = LINK_UNKNOWN;
    row->port = (struct ovsdb_port){ .name = "", .tag = -1 };
    text_copy(row->uuid, sizeof(row->uuid), uuid);
    HASH_ADD_STR(replica->rows, uuid, row);
    if (!row->is_lost)
        return row;
    free(row);
    return NULL;
}

static int set_columns(struct ovs_replica *replica, struct ovs_row *row, const json_t *values,
                       bool is_difference)
{
    int r = row && json_is_object(values) ? 0 : -EBADMSG;

    if (json_object_get(values, "name"))
        forget_names(replica);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(columns); i++) {
        const json_t *value = json_object_get(values, columns[i].name);

        if (columns[i].table == row->table && value)
            r = columns[i].set(row, value, is_difference);
    }
    return r;
}

/* ---- Updates --------------------------------------------------------------------------------- */

/* <row-update>: "new" is the whole row, and is not there when the row has gone. */
static int take_row(struct ovs_replica *replica, enum ovs_table table, const char *uuid,
                    const json_t *update)
{
    const json_t *now = json_object_get(update, "new");
    struct ovs_row *row = row_find(replica, uuid);

    if (!now && row)
        row_drop(replica, row);
    if (!now)
        return 0;
    return set_columns(replica, row ? row : row_make(replica, table, uuid), now,
                       /* is_difference = */ false);
}

/* <row-update2> */
static int take_row2(struct ovs_replica *replica, enum ovs_table table, const char *uuid,
                     const json_t *update)
{
    const json_t *whole = json_object_get(update, "initial");
    struct ovs_row *row = row_find(replica, uuid);

    whole = whole ? whole : json_object_get(update, "insert");
    if (whole)
        return set_columns(replica, row_make(replica, table, uuid), whole,
                           /* is_difference = */ false);
    if (!row)
        return -EBADMSG;
    if (json_object_get(update, "modify"))
        return set_columns(replica, row, json_object_get(update, "modify"),
                           /* is_difference = */ true);
    row_drop(replica, row);
    return 0;
}

static int take_tables(struct ovs_replica *replica, const json_t *updates, bool is_difference,
                       bool *ret_others)
{
    int r = json_is_object(updates) ? 0 : -EBADMSG;

    for (enum ovs_table table = 0; table < N_OVS_TABLES; table++) {
        json_t *rows = json_object_get(updates, tables[table]), *update;
        const char *uuid;

        json_object_foreach(rows, uuid, update)
        {
            const struct ovs_row *row = row_find(replica, uuid);

            *ret_others |= table != OVS_ROOT && !(row && row->is_written);
            if (r == 0)
                r = (is_difference ? take_row2 : take_row)(replica, table, uuid, update);
        }
    }
    return r;
}

int ovs_replica_take(struct ovs_replica *replica, const char *method, json_t *params,
                     bool *ret_others)
{
    if (strcmp(method, "update") != 0 && strcmp(method, "update2") != 0 &&
        strcmp(method, "update3") != 0)
        return 0;
    if (!replica->backlog)
        return take_tables(replica, json_array_get(params, strcmp(method, "update3") == 0 ? 2 : 1),
                           /* is_difference = */ strcmp(method, "update") != 0, ret_others);
    if (json_array_size(replica->backlog) >= BACKLOG_MAX)
        return -EBADMSG;
    return json_array_append_new(replica->backlog, json_pack("[s, O]", method, params)) == 0
               ? 0
               : -ENOMEM;
}

int ovs_replica_load(struct ovs_replica *replica, const json_t *updates, bool is_difference)
{
    json_t *backlog = replica->backlog, *one;
    bool others = false;
    size_t i;
    int r = take_tables(replica, updates, is_difference, &others);

    replica->backlog = NULL;
    json_array_foreach(backlog, i, one)
    {
        if (r == 0)
            r = ovs_replica_take(replica, json_string_value(json_array_get(one, 0)),
                                 json_array_get(one, 1), &others);
    }
    json_decref(backlog);
    return r;
}

/* ---- Looking --------------------------------------------------------------------------------- */

struct ovs_row *ovs_replica_bridge(const struct ovs_replica *replica, const char *name)
{
    for (struct ovs_row *row = replica->rows; row; row = row->hh.next)
        if (row->table == OVS_BRIDGE && row->name && strcmp(row->name, name) == 0)
            return row;
    return NULL;
}

static void index_names(struct ovs_replica *replica)
{
    HASH_CLEAR(hh_name, replica->by_name);
    for (struct ovs_row *row = replica->rows; row; row = row->hh.next) {
        if (row->table == OVS_PORT && row->name)
            HASH_ADD_KEYPTR(hh_name, replica->by_name, row->name, strlen(row->name), row);
    }
    replica->is_indexed = true;
}

struct ovs_row *ovs_replica_port(struct ovs_replica *replica, const struct ovs_row *bridge,
                                 const char *name)
{
    struct ovs_row *row;

    if (!replica->is_indexed)
        index_names(replica);
    HASH_FIND(hh_name, replica->by_name, name, strlen(name), row);
    for (size_t i = 0; row && i < bridge->n_members; i++)
        if (memcmp(bridge->members[i], row->uuid, OVS_UUID_SIZE) == 0)
            return row;
    return NULL;
}

struct ovs_row *ovs_replica_member(const struct ovs_replica *replica, const struct ovs_row *row,
                                   size_t index)
{
    return index < row->n_members ? row_find(replica, row->members[index]) : NULL;
}

int64_t ovs_replica_applied(const struct ovs_replica *replica)
{
    for (const struct ovs_row *row = replica->rows; row; row = row->hh.next)
        if (row->table == OVS_ROOT)
            return row->number;
    return 0;
}

/* ---- Life ------------------------------------------------------------------------------------ */

struct ovs_replica *ovs_replica_new(void)
{
    struct ovs_replica *replica = calloc(1, sizeof(*replica));

    if (!replica)
        return NULL;
    replica->backlog = json_array();
    return replica->backlog ? replica : ovs_replica_free(replica);
}

struct ovs_replica *ovs_replica_free(struct ovs_replica *replica)
{
    struct ovs_row *row, *next;

    if (!replica)
        return NULL;
    HASH_ITER (hh, replica->rows, row, next) {
        row_drop(replica, row);
    }
    json_decref(replica->backlog);
    free(replica);
    return NULL;
}

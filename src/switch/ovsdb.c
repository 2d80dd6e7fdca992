#include "switch/ovsdb.h"

#include <errno.h>
#include <string.h>

static const json_t *members_of(const json_t *value)
{
    const char *kind = json_string_value(json_array_get(value, 0));

    return kind && strcmp(kind, "set") == 0 ? json_array_get(value, 1) : NULL;
}

size_t ovsdb_set_size(const json_t *value)
{
    const json_t *members = members_of(value);

    return members ? json_array_size(members) : value ? 1 : 0;
}

const json_t *ovsdb_set_at(const json_t *value, size_t index)
{
    const json_t *members = members_of(value);

    return members ? json_array_get(members, index) : index == 0 ? value : NULL;
}

const char *ovsdb_string(const json_t *value)
{
    const char *text = json_string_value(value);

    return text ? text : "";
}

const char *ovsdb_uuid(const json_t *value)
{
    const char *kind = json_string_value(json_array_get(value, 0));

    return kind && strcmp(kind, "uuid") == 0 ? ovsdb_string(json_array_get(value, 1)) : "";
}

int ovsdb_port_read(const json_t *row, struct ovsdb_port *ret_port)
{
    const json_t *trunks = json_object_get(row, "trunks"), *tag = json_object_get(row, "tag");
    struct ovsdb_port port = {
        .name = json_string_value(json_object_get(row, "name")),
        .mode = ovsdb_string(json_object_get(row, "vlan_mode")),
        .tag = json_is_integer(tag) ? (int)json_integer_value(tag) : -1,
        .n_trunks = (unsigned)ovsdb_set_size(trunks),
    };

    if (!port.name)
        return -EBADMSG;
    for (size_t i = 0; i < port.n_trunks; i++) {
        const json_t *vlan = ovsdb_set_at(trunks, i);
        json_int_t id = json_integer_value(vlan);

        if (!json_is_integer(vlan) || id < 0 || id > OVSDB_CLOSED_VLAN)
            return -EBADMSG;
        vlanset_add(&port.trunks, (uint32_t)id);
    }
    *ret_port = port;
    return 0;
}

/* ---- Operations ------------------------------------------------------------------------------ */

static json_t *where_name(const char *name)
{
    return name ? json_pack("[[s, s, s]]", "name", "==", name) : json_array();
}

json_t *ovsdb_select(const char *table, const char *name, const char *const *columns)
{
    json_t *names = json_array();

    for (; *columns; columns++)
        json_array_append_new(names, json_string(*columns));
    return json_pack("{s:s, s:s, s:o, s:o}", "op", "select", "table", table, "where",
                     where_name(name), "columns", names);
}

static json_t *wait_operation(const char *port, json_t *columns, const char *until, json_t *row)
{
    return json_pack("{s:s, s:i, s:s, s:o, s:o, s:s, s:[o]}", "op", "wait", "timeout", 0, "table",
                     "Port", "where", where_name(port), "columns", columns, "until", until, "rows",
                     row);
}

void ovsdb_expect_port(json_t *operations, const struct ovsdb_port *port)
{
    json_t *mode = *port->mode ? json_string(port->mode) : json_pack("[s, []]", "set");
    json_t *tag = port->tag >= 0 ? json_integer(port->tag) : json_pack("[s, []]", "set");

    json_array_append_new(
        operations, wait_operation(port->name, json_pack("[s, s]", "vlan_mode", "tag"),
                                   "==", json_pack("{s:o, s:o}", "vlan_mode", mode, "tag", tag)));
    json_array_append_new(operations, wait_operation(port->name, json_pack("[s]", "trunks"), "!=",
                                                     json_pack("{s:[s, []]}", "trunks", "set")));
}

static void mutate_trunks(json_t *operations, const char *port, const char *how, json_t *ids)
{
    json_array_append_new(operations,
                          json_pack("{s:s, s:s, s:o, s:[[s, s, [s, o]]]}", "op", "mutate", "table",
                                    "Port", "where", where_name(port), "mutations", "trunks", how,
                                    "set", ids));
}

static json_t *ids_of(const struct vlanset *vlans)
{
    json_t *ids = json_array();

    for (uint32_t vlan = vlanset_next(vlans, 1); vlan; vlan = vlanset_next(vlans, vlan + 1))
        json_array_append_new(ids, json_integer(vlan));
    return ids;
}

void ovsdb_insert_trunks(json_t *operations, const char *port, const struct vlanset *vlans)
{
    mutate_trunks(operations, port, "insert", ids_of(vlans));
}

void ovsdb_delete_trunks(json_t *operations, const char *port, const struct vlanset *vlans)
{
    mutate_trunks(operations, port, "insert", json_pack("[i]", OVSDB_CLOSED_VLAN));
    mutate_trunks(operations, port, "delete", ids_of(vlans));
}

void ovsdb_count_up(json_t *operations)
{
    json_array_append_new(operations,
                          json_pack("{s:s, s:s, s:[], s:[[s, s, i]]}", "op", "mutate", "table",
                                    "Open_vSwitch", "where", "mutations", "next_cfg", "+=", 1));
    json_array_append_new(operations,
                          ovsdb_select("Open_vSwitch", NULL, (const char *[]){ "next_cfg", NULL }));
}

int ovsdb_check(const json_t *result, size_t *ret_at, struct error *reterr)
{
    for (size_t i = 0; i < json_array_size(result); i++) {
        const json_t *one = json_array_get(result, i);
        const char *error = json_string_value(json_object_get(one, "error"));

        if (!error)
            continue;
        *ret_at = i;
        return error_set(reterr, -EREMOTEIO, "%.100s: %.300s", error,
                         ovsdb_string(json_object_get(one, "details")));
    }
    return 0;
}

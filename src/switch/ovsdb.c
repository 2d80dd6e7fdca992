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

int ovsdb_trunks_read(const json_t *value, struct ovsdb_trunks *ret_trunks)
{
    struct ovsdb_trunks trunks = { .zero = false };

    for (size_t i = 0; i < ovsdb_set_size(value); i++) {
        const json_t *one = ovsdb_set_at(value, i);
        json_int_t id = json_integer_value(one);

        if (!json_is_integer(one) || id < 0 || id > OVSDB_CLOSED_VLAN)
            return -EBADMSG;
        trunks.zero |= id == 0;
        trunks.closed |= id == OVSDB_CLOSED_VLAN;
        vlanset_add(&trunks.vlans, (uint32_t)id);
    }
    *ret_trunks = trunks;
    return 0;
}

bool ovsdb_trunks_are_empty(const struct ovsdb_trunks *trunks)
{
    return !trunks->zero && !trunks->closed && vlanset_is_empty(&trunks->vlans);
}

struct ovsdb_trunks ovsdb_trunks_differ(const struct ovsdb_trunks *a, const struct ovsdb_trunks *b)
{
    struct vlanset only_a = vlanset_minus(&a->vlans, &b->vlans);
    struct vlanset only_b = vlanset_minus(&b->vlans, &a->vlans);

    return (struct ovsdb_trunks){
        .vlans = vlanset_union(&only_a, &only_b),
        .zero = a->zero != b->zero,
        .closed = a->closed != b->closed,
    };
}

/* ---- Operations ------------------------------------------------------------------------------ */

static void add_ids(struct strbuf *to, const struct vlanset *vlans)
{
    const char *comma = "";

    for (uint32_t vlan = vlanset_next(vlans, 1); vlan; vlan = vlanset_next(vlans, vlan + 1)) {
        strbuf_addf(to, "%s%u", comma, vlan);
        comma = ",";
    }
}

static void add_set(struct strbuf *to, const struct vlanset *vlans)
{
    strbuf_adds(to, "[\"set\",[");
    add_ids(to, vlans);
    strbuf_adds(to, "]]");
}

static void add_trunks(struct strbuf *to, const struct ovsdb_trunks *trunks)
{
    const char *comma = vlanset_is_empty(&trunks->vlans) ? "" : ",";

    strbuf_adds(to, "[\"set\",[");
    add_ids(to, &trunks->vlans);
    if (trunks->zero)
        strbuf_addf(to, "%s0", comma);
    if (trunks->closed)
        strbuf_addf(to, "%s%d", trunks->zero ? "," : comma, OVSDB_CLOSED_VLAN);
    strbuf_adds(to, "]]");
}

/* ',{... "where": [...' of a mutation of the port as it was read; the list stays open. The mode is
 * one of those that the schema knows, so it needs no escape. */
static void begin_mutation(struct strbuf *to, const char *uuid, const struct ovsdb_port *port)
{
    static const char unset[] = "[\"set\",[]]";

    strbuf_addf(to,
                ",{\"op\":\"mutate\",\"table\":\"Port\",\"where\":[[\"_uuid\",\"==\","
                "[\"uuid\",\"%s\"]],[\"vlan_mode\",\"==\",",
                uuid);
    if (*port->mode)
        strbuf_addf(to, "\"%s\"],[\"tag\",\"==\",", port->mode);
    else
        strbuf_addf(to, "%s],[\"tag\",\"==\",", unset);
    if (port->tag >= 0)
        strbuf_addf(to, "%d],[\"trunks\",", port->tag);
    else
        strbuf_addf(to, "%s],[\"trunks\",", unset);
}

/* That none of 'vlans' is there can be said by naming them, or by naming what is there: the shorter
 * list is taken. */
void ovsdb_insert_trunks(struct strbuf *to, const char *uuid, const struct ovsdb_port *port,
                         const struct vlanset *vlans)
{
    begin_mutation(to, uuid, port);
    if (vlanset_count(&port->trunks.vlans) < vlanset_count(vlans)) {
        strbuf_adds(to, "\"==\",");
        add_trunks(to, &port->trunks);
    } else {
        strbuf_adds(to, "\"!=\",[\"set\",[]]],[\"trunks\",\"excludes\",");
        add_set(to, vlans);
    }
    strbuf_adds(to, "]],\"mutations\":[[\"trunks\",\"insert\",");
    add_set(to, vlans);
    strbuf_adds(to, "]]}");
}

void ovsdb_delete_trunks(struct strbuf *to, const char *uuid, const struct ovsdb_port *port,
                         const struct vlanset *vlans)
{
    begin_mutation(to, uuid, port);
    strbuf_addf(to,
                "\"!=\",[\"set\",[]]]],\"mutations\":[[\"trunks\",\"insert\",%d],"
                "[\"trunks\",\"delete\",",
                OVSDB_CLOSED_VLAN);
    add_set(to, vlans);
    strbuf_adds(to, "]]}");
}

void ovsdb_count_up(struct strbuf *to)
{
    strbuf_adds(to, ",{\"op\":\"mutate\",\"table\":\"Open_vSwitch\",\"where\":[],\"mutations\":"
                    "[[\"next_cfg\",\"+=\",1]]},{\"op\":\"select\",\"table\":\"Open_vSwitch\","
                    "\"where\":[],\"columns\":[\"next_cfg\"]}");
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

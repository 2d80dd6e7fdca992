#include "switch/open_vswitch.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "switch/json_rpc.h"
#include "switch/ovs_fdb.h"
#include "switch/ovsdb.h"

#define DATABASE "Open_vSwitch"

/* Where an interface of a port is found in the MAC table. */
struct place {
    char *port;
    int64_t ofport;
};

struct open_vswitch {
    struct driver driver;
    struct loop *loop;
    char *bridge, *socket;
    struct json_rpc *database;
    struct ovs_fdb *fdb;
    struct place *places; /* as of the last reading */
    size_t n_places;
    struct loop_watch *watch;
    json_int_t applied; /* Open_vSwitch.cur_cfg as last heard */
    driver_changed_fn *changed;
    void *changed_data;
};

static struct open_vswitch *vswitch_of(struct driver *driver)
{
    return (struct open_vswitch *)(void *)driver;
}

/* ---- The database ---------------------------------------------------------------------------- */

/* Every transaction begins with the name of the database. */
static json_t *transaction(void)
{
    return json_pack("[s]", DATABASE);
}

static int transact(struct open_vswitch *vswitch, json_t *operations, json_t **ret_result,
                    size_t *ret_failed, struct error *reterr)
{
    json_t *result = NULL;
    int r = json_rpc_call(vswitch->database, "transact", operations, &result, reterr);

    if (r < 0)
        return error_prefix(reterr, r, "%s", vswitch->socket);
    *ret_failed = SIZE_MAX;
    r = ovsdb_check(result, ret_failed, reterr);
    if (r < 0)
        json_decref(result);
    else
        *ret_result = result;
    return r;
}

static const json_t *rows_of(const json_t *result, size_t operation)
{
    return json_object_get(json_array_get(result, operation), "rows");
}

/* RFC 7047 4.1.6: {table: {uuid: {"new": {column: value}}}}. Which table changed does not matter,
 * but what ovs-vswitchd has applied does. */
static void on_update(const char *method, json_t *params, void *data)
{
    struct open_vswitch *vswitch = data;
    json_t *tables = json_array_get(params, 1), *row;
    bool others = false;
    const char *key;

    if (strcmp(method, "update") != 0)
        return;
    json_object_foreach(json_object_get(tables, "Open_vSwitch"), key, row)
    {
        json_t *applied = json_object_get(json_object_get(row, "new"), "cur_cfg");

        if (json_is_integer(applied))
            vswitch->applied = json_integer_value(applied);
    }
    others = json_object_get(tables, "Bridge") || json_object_get(tables, "Port") ||
             json_object_get(tables, "Interface");
    if (others && vswitch->changed)
        vswitch->changed(vswitch->changed_data);
}

static json_t *quiet(json_t *columns)
{
    return json_pack("{s:o, s:{s:b}}", "columns", columns, "select", "initial", 0);
}

static int monitor(struct open_vswitch *vswitch, struct error *reterr)
{
    json_t *result = NULL, *params;
    int r;

    params = json_pack(
        "[s, s, {s:o, s:o, s:o, s:{s:[s]}}]", DATABASE, "vsn", "Bridge",
        quiet(json_pack("[s, s]", "name", "ports")), "Port",
        quiet(json_pack("[s, s, s, s, s]", "name", "vlan_mode", "tag", "trunks", "interfaces")),
        "Interface",
        quiet(json_pack("[s, s, s, s]", "name", "admin_state", "link_state", "ofport")),
        "Open_vSwitch", "columns", "cur_cfg");
    r = json_rpc_call(vswitch->database, "monitor", params, &result, reterr);
    if (r < 0)
        return error_prefix(reterr, -ENOTCONN, "%s", vswitch->socket);
    json_decref(result);
    return 0;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* One consistent reading: the rows of the three tables, indexed by uuid. */
struct view {
    json_t *result; /* of the transaction; what is below points into it */
    const json_t *bridge;
    json_t *ports, *interfaces; /* objects: uuid to row */
};

static void view_done(struct view *view)
{
    json_decref(view->result);
    json_decref(view->ports);
    json_decref(view->interfaces);
}

static json_t *index_rows(const json_t *rows)
{
    json_t *index = json_object(), *row;
    size_t i;

    json_array_foreach(rows, i, row)
        json_object_set(index, ovsdb_uuid(json_object_get(row, "_uuid")), row);
    return index;
}

static int view_read(struct open_vswitch *vswitch, struct view *ret_view, struct error *reterr)
{
    static const char *const bridge[] = { "name", "ports", NULL };
    static const char *const port[] = { "_uuid",  "name",       "vlan_mode", "tag",
                                        "trunks", "interfaces", NULL };
    static const char *const interface[] = { "_uuid",      "name",   "admin_state",
                                             "link_state", "ofport", NULL };
    struct view view = { 0 };
    json_t *operations = transaction();
    size_t failed;
    int r;

    json_array_append_new(operations, ovsdb_select("Bridge", vswitch->bridge, bridge));
    json_array_append_new(operations, ovsdb_select("Port", NULL, port));
    json_array_append_new(operations, ovsdb_select("Interface", NULL, interface));
    r = transact(vswitch, operations, &view.result, &failed, reterr);
    if (r < 0)
        return r;
    view.bridge = json_array_get(rows_of(view.result, 0), 0);
    view.ports = index_rows(rows_of(view.result, 1));
    view.interfaces = index_rows(rows_of(view.result, 2));
    if (!view.bridge) {
        view_done(&view);
        return error_set(reterr, -ENOTCONN, "there is no bridge %s", vswitch->bridge);
    }
    *ret_view = view;
    return 0;
}

/* The 'index'th row that a set of uuids points at, or NULL. */
static const json_t *row_at(const json_t *index, const json_t *set, size_t at)
{
    return json_object_get(index, ovsdb_uuid(ovsdb_set_at(set, at)));
}

static void forget_places(struct open_vswitch *vswitch)
{
    for (size_t i = 0; i < vswitch->n_places; i++)
        free(vswitch->places[i].port);
    free(vswitch->places);
    vswitch->places = NULL;
    vswitch->n_places = 0;
}

/* Without memory the port is not found later, and its stations are not known. */
static void place_add(struct open_vswitch *vswitch, const char *port, int64_t ofport)
{
    struct place *places =
        realloc(vswitch->places, (vswitch->n_places + 1) * sizeof(*vswitch->places));
    char *name = strdup(port);

    if (places)
        vswitch->places = places;
    if (places && name)
        places[vswitch->n_places++] = (struct place){ name, ofport };
    else
        free(name);
}

/* A port is up when one of its interfaces is. */
static void read_interfaces(struct open_vswitch *vswitch, const struct view *view,
                            const json_t *port_row, struct port *port)
{
    const json_t *set = json_object_get(port_row, "interfaces");

    port->link = LINK_UNKNOWN;
    for (size_t i = 0; i < ovsdb_set_size(set); i++) {
        const json_t *row = row_at(view->interfaces, set, i);
        const char *link = ovsdb_string(json_object_get(row, "link_state"));
        json_int_t number = json_integer_value(json_object_get(row, "ofport"));

        if (strcmp(ovsdb_string(json_object_get(row, "admin_state")), "up") == 0)
            port->enabled = true;
        if (strcmp(link, "up") == 0)
            port->link = LINK_UP;
        else if (strcmp(link, "down") == 0 && port->link == LINK_UNKNOWN)
            port->link = LINK_DOWN;
        ovs_fdb_learnt(vswitch->fdb, number, &port->learnt);
        place_add(vswitch, port->id, number);
    }
    port->learnt_known = ovs_fdb_known(vswitch->fdb);
}

static bool has_native(const struct ovsdb_port *port)
{
    return strcmp(port->mode, "native-tagged") == 0 || strcmp(port->mode, "native-untagged") == 0;
}

/* ovs-vswitchd.conf.db(5), Port vlan_mode: unset means access with a tag, trunk without one. */
static bool is_trunk(const struct ovsdb_port *port)
{
    return has_native(port) || strcmp(port->mode, "trunk") == 0 || (!*port->mode && port->tag < 0);
}

/* Why the port cannot be written, and what the operator can do; "" when it can. */
static void judge(const struct ovsdb_port *port, char *text, size_t size)
{
    text[0] = '\0';
    if (!is_trunk(port))
        snprintf(
            text, size,
            "port %.64s is no trunk (vlan_mode %.32s) and its mode is not changed; make it one: "
            "ovs-vsctl set port %.64s vlan_mode=native-untagged tag=%d trunks=%d",
            port->name, *port->mode ? port->mode : "access", port->name,
            port->tag > 0 ? port->tag : 1, OVSDB_CLOSED_VLAN);
    else if (port->n_trunks == 0)
        snprintf(
            text, size,
            "port %.64s carries every VLAN (its trunks are empty) and is left alone; close it: "
            "ovs-vsctl set port %.64s trunks=%d",
            port->name, port->name, OVSDB_CLOSED_VLAN);
}

static struct port row_of(const struct ovsdb_port *port, const char *refusal)
{
    struct port row = {
        .id = port->name,
        .refusal = refusal,
        .open = is_trunk(port) && port->n_trunks == 0,
    };

    if (has_native(port) || !is_trunk(port))
        row.native = port->tag > 0 ? (uint64_t)port->tag : 0;
    if (is_trunk(port))
        row.tagged = port->trunks;
    vlanset_remove(&row.tagged, (uint32_t)row.native);
    return row;
}

static int read_into(struct open_vswitch *vswitch, const struct view *view,
                     struct port_list *ret_ports, struct error *reterr)
{
    const json_t *set = json_object_get(view->bridge, "ports");

    for (size_t i = 0; i < ovsdb_set_size(set); i++) {
        const json_t *row = row_at(view->ports, set, i);
        struct ovsdb_port found;
        struct port port;
        char refusal[320];

        if (!row || ovsdb_port_read(row, &found) < 0)
            return error_set(reterr, -ENOTCONN, "bridge %s: a port's record cannot be read",
                             vswitch->bridge);
        if (strcmp(found.name, vswitch->bridge) == 0)
            continue;
        judge(&found, refusal, sizeof(refusal));
        port = row_of(&found, refusal);
        read_interfaces(vswitch, view, row, &port);
        if (port_list_add(ret_ports, &port) < 0)
            return error_set(reterr, -ENOMEM, "out of memory");
    }
    return 0;
}

static int ovs_read(struct driver *driver, struct port_list *ret_ports, struct error *reterr)
{
    struct open_vswitch *vswitch = vswitch_of(driver);
    struct view view;
    int r = view_read(vswitch, &view, reterr);

    if (r < 0)
        return r;
    ovs_fdb_refresh(vswitch->fdb, clock_now_ms());
    forget_places(vswitch);
    r = read_into(vswitch, &view, ret_ports, reterr);
    view_done(&view);
    return r;
}

static int ovs_heard(struct driver *driver, const char *port, struct stations *stations)
{
    const struct open_vswitch *vswitch = vswitch_of(driver);
    bool found = false;

    for (size_t i = 0; i < vswitch->n_places; i++) {
        if (strcmp(vswitch->places[i].port, port) != 0)
            continue;
        ovs_fdb_heard(vswitch->fdb, vswitch->places[i].ofport, stations);
        found = true;
    }
    return found && ovs_fdb_known(vswitch->fdb) ? 0 : -ENODATA;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* The port's record in 'view'; it must be one of the bridge. */
static int find_port(const struct open_vswitch *vswitch, const struct view *view, const char *name,
                     struct ovsdb_port *ret_port, struct error *reterr)
{
    const json_t *set = json_object_get(view->bridge, "ports");

    for (size_t i = 0; i < ovsdb_set_size(set); i++) {
        const json_t *row = row_at(view->ports, set, i);

        if (row && ovsdb_port_read(row, ret_port) == 0 && strcmp(ret_port->name, name) == 0)
            return 0;
    }
    return error_set(reterr, -ENODEV, "bridge %s has no port %s", vswitch->bridge, name);
}

static int check(const struct ovsdb_port *port, const struct vlanset *add, struct error *reterr)
{
    char refusal[320];

    judge(port, refusal, sizeof(refusal));
    if (*refusal)
        return error_set(reterr, -EPERM, "%s", refusal);
    if (has_native(port) && port->tag > 0 && vlanset_has(add, (uint32_t)port->tag))
        return error_set(reterr, -EPERM, "port %s: VLAN %d is native there", port->name, port->tag);
    return 0;
}

/* Waits until ovs-vswitchd has done what the transaction of 'result' says. */
static int confirm(struct open_vswitch *vswitch, const json_t *result, struct error *reterr)
{
    size_t last = json_array_size(result) - 1;
    json_int_t wanted =
        json_integer_value(json_object_get(json_array_get(rows_of(result, last), 0), "next_cfg"));
    int64_t until_ms = clock_now_ms() + DRIVER_WAIT_MS;
    int r = 0;

    while (r == 0 && vswitch->applied < wanted)
        r = json_rpc_wait(vswitch->database, until_ms, reterr);
    if (r == -ETIMEDOUT)
        return error_set(reterr, r, "ovs-vswitchd has not confirmed the change within %d ms",
                         DRIVER_WAIT_MS);
    return r;
}

/* One half of a change: a transaction that holds only if the port is as it was read. */
static int write_trunks(struct open_vswitch *vswitch, const struct ovsdb_port *port,
                        const struct vlanset *vlans, bool adding, struct error *reterr)
{
    json_t *operations, *result = NULL;
    size_t failed;
    int r;

    if (vlanset_is_empty(vlans))
        return 0;
    operations = transaction();
    ovsdb_expect_port(operations, port);
    if (adding)
        ovsdb_insert_trunks(operations, port->name, vlans);
    else
        ovsdb_delete_trunks(operations, port->name, vlans);
    ovsdb_count_up(operations);
    r = transact(vswitch, operations, &result, &failed, reterr);
    if (r == -EREMOTEIO && failed < 2) /* one of the two expectations */
        return error_set(reterr, -EPERM,
                         "port %s was changed by another hand just now; nothing was "
                         "written",
                         port->name);
    if (r < 0)
        return r;
    r = confirm(vswitch, result, reterr);
    json_decref(result);
    return r;
}

static int write_change(struct open_vswitch *vswitch, const char *name, const struct vlanset *add,
                        const struct vlanset *remove, struct error *reterr)
{
    struct ovsdb_port port = { 0 };
    struct vlanset absent, present;
    struct view view;
    int r = view_read(vswitch, &view, reterr);

    if (r < 0)
        return r;
    r = find_port(vswitch, &view, name, &port, reterr);
    if (r == 0)
        r = check(&port, add, reterr);
    absent = vlanset_minus(add, &port.trunks);
    present = vlanset_both(remove, &port.trunks);
    if (has_native(&port) && port.tag > 0)
        vlanset_remove(&present, (uint32_t)port.tag);
    if (r == 0)
        r = write_trunks(vswitch, &port, &absent, /* adding = */ true, reterr);
    if (r == 0)
        r = write_trunks(vswitch, &port, &present, /* adding = */ false, reterr);
    view_done(&view);
    return r;
}

static int ovs_apply(struct driver *driver, const char *name, const struct vlanset *add,
                     const struct vlanset *remove, struct port **ret_port, struct error *reterr)
{
    struct port_list ports = { 0 };
    int written = write_change(vswitch_of(driver), name, add, remove, reterr);
    int r = ovs_read(driver, &ports, written == 0 ? reterr : NULL);
    const struct port *port = r == 0 ? port_list_find(&ports, name) : NULL;

    *ret_port = port ? row_copy(TABLE_PORT, port) : NULL;
    port_list_done(&ports);
    return written < 0 ? written : r;
}

static int ovs_test(struct driver *driver, const char *name, const struct vlanset *add,
                    const struct vlanset *remove UNUSED, struct error *reterr)
{
    struct open_vswitch *vswitch = vswitch_of(driver);
    struct ovsdb_port port;
    struct view view;
    int r = view_read(vswitch, &view, reterr);

    if (r < 0)
        return r;
    r = find_port(vswitch, &view, name, &port, reterr);
    if (r == 0)
        r = check(&port, add, reterr);
    view_done(&view);
    return r;
}

/* ---- Watching -------------------------------------------------------------------------------- */

/* A lost connection is heard of here, and told as a change: the reading that follows fails. */
static void on_readable(int fd UNUSED, int ready UNUSED, void *data)
{
    struct open_vswitch *vswitch = data;

    if (json_rpc_process(vswitch->database, NULL) == 0)
        return;
    loop_watch_events(vswitch->watch, 0);
    vswitch->changed(vswitch->changed_data);
}

static int ovs_watch(struct driver *driver, driver_changed_fn *changed, void *data,
                     struct error *reterr)
{
    struct open_vswitch *vswitch = vswitch_of(driver);

    vswitch->changed = changed;
    vswitch->changed_data = data;
    vswitch->watch = loop_watch_fd(vswitch->loop, json_rpc_fd(vswitch->database), LOOP_READ,
                                   on_readable, vswitch);
    return vswitch->watch ? 0 : error_set(reterr, -ENOMEM, "out of memory");
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void ovs_free(struct driver *driver)
{
    struct open_vswitch *vswitch = vswitch_of(driver);

    if (!vswitch)
        return;
    loop_watch_free(vswitch->watch);
    json_rpc_free(vswitch->database);
    ovs_fdb_free(vswitch->fdb);
    forget_places(vswitch);
    free(vswitch->bridge);
    free(vswitch->socket);
    free(vswitch);
}

/* "bridge NAME db unix:PATH [ctl PATH]", cut up in place. */
static int parse_arguments(char *text, const char **ret_bridge, const char **ret_socket,
                           const char **ret_control)
{
    char *word, *value;

    *ret_bridge = *ret_socket = *ret_control = NULL;
    while ((word = strsep(&text, " ")) && (value = strsep(&text, " "))) {
        if (strcmp(word, "bridge") == 0)
            *ret_bridge = value;
        else if (strcmp(word, "db") == 0 && strncmp(value, "unix:", 5) == 0)
            *ret_socket = value + 5;
        else if (strcmp(word, "ctl") == 0)
            *ret_control = value;
        else
            return -EINVAL;
    }
    return word || !*ret_bridge || !*ret_socket || !**ret_bridge || !**ret_socket ? -EINVAL : 0;
}

static int prepare(struct open_vswitch *vswitch, const char *arguments, struct error *reterr)
{
    CLEANUP(free_text) char *text = strdup(arguments);
    const char *bridge, *socket, *control;
    int r;

    if (!text || parse_arguments(text, &bridge, &socket, &control) < 0)
        return error_set(reterr, -EINVAL,
                         "switch open-vswitch: expected 'bridge NAME db unix:PATH [ctl PATH]'");
    vswitch->bridge = strdup(bridge);
    vswitch->socket = strdup(socket);
    vswitch->fdb = ovs_fdb_new(bridge, socket, control);
    if (!vswitch->bridge || !vswitch->socket || !vswitch->fdb)
        return error_set(reterr, -ENOMEM, "out of memory");
    r = json_rpc_open(socket, on_update, vswitch, &vswitch->database, reterr);
    return r < 0 ? r : monitor(vswitch, reterr);
}

static int ovs_new(struct loop *loop, const char *arguments, struct driver **ret_driver,
                   struct error *reterr)
{
    struct open_vswitch *vswitch = calloc(1, sizeof(*vswitch));
    int r;

    if (!vswitch)
        return error_set(reterr, -ENOMEM, "out of memory");
    vswitch->driver.ops = &driver_open_vswitch;
    vswitch->loop = loop;
    r = prepare(vswitch, arguments, reterr);
    if (r < 0)
        ovs_free(&vswitch->driver);
    else
        *ret_driver = &vswitch->driver;
    return r;
}

const struct driver_ops driver_open_vswitch = {
    .name = "open-vswitch",
    .new = ovs_new,
    .free = ovs_free,
    .read = ovs_read,
    .test = ovs_test,
    .apply = ovs_apply,
    .watch = ovs_watch,
    .heard = ovs_heard,
};

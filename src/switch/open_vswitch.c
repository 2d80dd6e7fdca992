#include "switch/open_vswitch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "model/names.h"
#include "switch/json_rpc.h"
#include "switch/link_up.h"
#include "switch/ovs_fdb.h"
#include "switch/ovs_replica.h"

#define DATABASE "Open_vSwitch"
#define TRANSACTION_MAX (64 * 1024 * 1024) /* bytes */
#define REFUSAL_SIZE 320
#define MEMBERS_MAX 4096 /* bytes of the names of a port's interfaces */
#define TRIES 4          /* on a port that another hand is changing as well */

/* Where an interface of a port is found in the MAC table. */
struct place {
    char *port;
    int64_t ofport;
};

struct open_vswitch {
    struct driver driver;
    struct loop *loop;
    char *bridge, *server;
    struct json_rpc *database;
    struct ovs_replica *replica;
    bool is_broken; /* an update could not be taken: the replica is not what the database holds */
    struct ovs_fdb *fdb;
    struct place *places; /* as of the last reading */
    size_t n_places;
    struct loop_watch *watch;
    driver_changed_fn *changed;
    void *changed_data;
};

static struct open_vswitch *vswitch_of(struct driver *driver)
{
    return (struct open_vswitch *)(void *)driver;
}

/* ---- The database ---------------------------------------------------------------------------- */

static void on_update(const char *method, json_t *params, void *data)
{
    struct open_vswitch *vswitch = data;
    bool others = false;

    if (ovs_replica_take(vswitch->replica, method, params, &others) < 0)
        vswitch->is_broken = others = true;
    if (others && vswitch->changed)
        vswitch->changed(vswitch->changed_data);
}

static json_t *monitor_params(const char *method)
{
    json_t *params = json_pack("[s, s, o]", DATABASE, "vsn", ovs_replica_requests());

    if (strcmp(method, "monitor_cond_since") == 0)
        json_array_append_new(params, json_string("00000000-0000-0000-0000-000000000000"));
    return params;
}

/* Asks for the rows and for their updates, in the newest way that the server knows. The answer to
 * monitor_cond_since is [found, transaction, updates]. */
static int monitor(struct open_vswitch *vswitch, struct error *reterr)
{
    static const char *const methods[] = { "monitor_cond_since", "monitor_cond", "monitor" };
    const char *method = NULL;
    json_t *result = NULL;
    int r = -EREMOTEIO;

    for (size_t i = 0; i < ARRAY_SIZE(methods) && r == -EREMOTEIO; i++) {
        method = methods[i];
        r = json_rpc_call(vswitch->database, method, monitor_params(method), &result, reterr);
    }
    if (r < 0)
        return error_prefix(reterr, -ENOTCONN, "%s", vswitch->server);
    r = ovs_replica_load(vswitch->replica,
                         json_is_array(result) ? json_array_get(result, 2) : result,
                         /* is_difference = */ strcmp(method, "monitor") != 0);
    json_decref(result);
    return r < 0 ? error_set(reterr, -ENOTCONN, "%s: what it told cannot be read", vswitch->server)
                 : 0;
}

/* Takes what has arrived. The replica is what the database holds, as far as it has told. */
static int be_current(struct open_vswitch *vswitch, struct error *reterr)
{
    int r = json_rpc_process(vswitch->database, reterr);

    if (r < 0)
        return error_prefix(reterr, -ENOTCONN, "%s", vswitch->server);
    if (vswitch->is_broken)
        return error_set(reterr, -ENOTCONN, "%s: what it told cannot be read", vswitch->server);
    if (!ovs_replica_bridge(vswitch->replica, vswitch->bridge))
        return error_set(reterr, -ENOTCONN, "there is no bridge %s", vswitch->bridge);
    return 0;
}

/* ---- Reading --------------------------------------------------------------------------------- */

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

/* Adds to 'names' the interfaces of a port that has more than one. */
static void name_members(const struct open_vswitch *vswitch, const struct ovs_row *row,
                         struct strbuf *names)
{
    for (size_t i = 0; row->n_members > 1 && i < row->n_members; i++) {
        const struct ovs_row *interface = ovs_replica_member(vswitch->replica, row, i);

        if (interface && interface->name)
            names_add(names, interface->name);
    }
}

/* A port is up when one of its interfaces is. */
static void read_interfaces(const struct open_vswitch *vswitch, const struct ovs_row *row,
                            struct port *port)
{
    bool is_lacp_current = false;

    port->link = LINK_UNKNOWN;
    for (size_t i = 0; i < row->n_members; i++) {
        const struct ovs_row *interface = ovs_replica_member(vswitch->replica, row, i);

        if (!interface)
            continue;
        port->enabled |= interface->is_enabled;
        is_lacp_current |= interface->is_lacp_current;
        if (interface->link == LINK_UP || port->link == LINK_UNKNOWN)
            port->link = interface->link;
        ovs_fdb_learnt(vswitch->fdb, interface->number, &port->learnt);
    }
    port->learnt_known = ovs_fdb_known(vswitch->fdb);
    if (is_lacp_current)
        port->partner = ovs_fdb_partner(vswitch->fdb, row->port.name);
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
    else if (ovsdb_trunks_are_empty(&port->trunks))
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
        .open = is_trunk(port) && ovsdb_trunks_are_empty(&port->trunks),
    };

    if (has_native(port) || !is_trunk(port))
        row.native = port->tag > 0 ? (uint64_t)port->tag : 0;
    if (is_trunk(port))
        row.tagged = port->trunks.vlans;
    vlanset_remove(&row.tagged, (uint32_t)row.native);
    return row;
}

/* What a port's row borrows. */
struct port_texts {
    char refusal[REFUSAL_SIZE];
    struct strbuf members;
};

/* The port as it is now. */
static struct port port_of(const struct open_vswitch *vswitch, const struct ovs_row *row,
                           struct port_texts *texts)
{
    struct port port;

    judge(&row->port, texts->refusal, sizeof(texts->refusal));
    port = row_of(&row->port, texts->refusal);
    read_interfaces(vswitch, row, &port);
    strbuf_reset(&texts->members);
    name_members(vswitch, row, &texts->members);
    port.members = strbuf_text(&texts->members);
    return port;
}

static void find_places(struct open_vswitch *vswitch, const struct ovs_row *row)
{
    for (size_t i = 0; i < row->n_members; i++) {
        const struct ovs_row *interface = ovs_replica_member(vswitch->replica, row, i);

        if (interface)
            place_add(vswitch, row->port.name, interface->number);
    }
}

static int ovs_read(struct driver *driver, struct port_list *ret_ports, struct error *reterr)
{
    struct open_vswitch *vswitch = vswitch_of(driver);
    int r = be_current(vswitch, reterr);
    const struct ovs_row *bridge, *row;
    struct port_texts texts;

    if (r < 0)
        return r;
    strbuf_init(&texts.members, MEMBERS_MAX);
    ovs_fdb_refresh(vswitch->fdb, clock_now_ms());
    forget_places(vswitch);
    bridge = ovs_replica_bridge(vswitch->replica, vswitch->bridge);
    for (size_t i = 0; r == 0 && i < bridge->n_members; i++) {
        struct port port;

        row = ovs_replica_member(vswitch->replica, bridge, i);
        if (!row || strcmp(row->port.name, vswitch->bridge) == 0)
            continue;
        find_places(vswitch, row);
        port = port_of(vswitch, row, &texts);
        r = port_list_add(ret_ports, &port);
    }
    strbuf_done(&texts.members);
    return r < 0 ? error_set(reterr, r, "out of memory") : 0;
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

static struct ovs_row *find_port(const struct open_vswitch *vswitch, const char *name)
{
    const struct ovs_row *bridge = ovs_replica_bridge(vswitch->replica, vswitch->bridge);

    return bridge ? ovs_replica_port(vswitch->replica, bridge, name) : NULL;
}

/* 'row' is that of the port 'name', if there is one. */
static int check(const struct open_vswitch *vswitch, const struct ovs_row *row, const char *name,
                 const struct vlanset *add, struct error *reterr)
{
    const struct ovsdb_port *port;
    char refusal[REFUSAL_SIZE];

    if (!row)
        return error_set(reterr, -ENODEV, "bridge %s has no port %s", vswitch->bridge, name);
    port = &row->port;
    judge(port, refusal, sizeof(refusal));
    if (*refusal)
        return error_set(reterr, -EPERM, "%s", refusal);
    if (has_native(port) && port->tag > 0 && vlanset_has(add, (uint32_t)port->tag))
        return error_set(reterr, -EPERM, "port %s: VLAN %d is native there", name, port->tag);
    return 0;
}

/* One half of a batch: its additions or its removals. */
struct half {
    struct port_change *changes;
    size_t count;
    bool adding;
    struct port_change **written; /* in the order of the operations of the last transaction */
    size_t n_written;
    bool *done; /* per change */
    struct strbuf text;
};

/* Puts one port's part into the transaction, unless there is nothing (left) to do. */
static void add_part(const struct open_vswitch *vswitch, struct half *half, size_t at)
{
    struct port_change *change = &half->changes[at];
    struct ovs_row *row = find_port(vswitch, change->port);
    struct vlanset vlans;

    if (half->done[at] || change->result < 0)
        return;
    change->result = check(vswitch, row, change->port, &change->add, &change->error);
    if (!row || change->result < 0)
        return;
    row->is_written = true;
    vlans = half->adding ? vlanset_minus(&change->add, &row->port.trunks.vlans)
                         : vlanset_both(&change->remove, &row->port.trunks.vlans);
    if (half->adding)
        change->found = vlanset_both(&change->add, &row->port.trunks.vlans);
    else if (has_native(&row->port) && row->port.tag > 0)
        vlanset_remove(&vlans, (uint32_t)row->port.tag);
    if (vlanset_is_empty(&vlans)) {
        half->done[at] = true;
        return;
    }
    half->written[half->n_written++] = change;
    (half->adding ? ovsdb_insert_trunks : ovsdb_delete_trunks)(&half->text, row->uuid, &row->port,
                                                               &vlans);
}

/* Waits until ovs-vswitchd has done what the transaction of 'result' says. */
static int confirm(struct open_vswitch *vswitch, const json_t *result, struct error *reterr)
{
    const json_t *last = json_array_get(result, json_array_size(result) - 1);
    json_int_t wanted = json_integer_value(
        json_object_get(json_array_get(json_object_get(last, "rows"), 0), "next_cfg"));
    int64_t until_ms = clock_now_ms() + DRIVER_WAIT_MS;
    int r = 0;

    while (r == 0 && ovs_replica_applied(vswitch->replica) < wanted)
        r = json_rpc_wait(vswitch->database, until_ms, reterr);
    if (r == -ETIMEDOUT)
        return error_set(reterr, r, "ovs-vswitchd has not confirmed the change within %d ms",
                         DRIVER_WAIT_MS);
    return r;
}

/* What the answer says of each operation. A count of 0: the port was not as it was read. */
static void take_counts(struct half *half, const json_t *result)
{
    for (size_t i = 0; i < half->n_written; i++)
        if (json_integer_value(json_object_get(json_array_get(result, i), "count")) > 0)
            half->done[half->written[i] - half->changes] = true;
}

/* An operation that the database refuses takes the others with it: they are tried again without. */
static int take_refusal(struct half *half, size_t failed, int r, const struct error *error)
{
    struct port_change *change = failed < half->n_written ? half->written[failed] : NULL;

    if (!change)
        return r;
    change->result = r;
    change->error = *error;
    error_prefix(&change->error, r, "port %s", change->port);
    return 0;
}

/* One transaction with what is still to be done. Returns 0 or what fails all of it. */
static int transact(struct open_vswitch *vswitch, struct half *half, struct error *reterr)
{
    size_t failed = SIZE_MAX;
    json_t *result = NULL;
    int r;

    half->n_written = 0;
    strbuf_reset(&half->text);
    strbuf_adds(&half->text, "[\"" DATABASE "\"");
    for (size_t i = 0; i < half->count; i++)
        add_part(vswitch, half, i);
    if (!half->n_written)
        return 0;
    ovsdb_count_up(&half->text);
    strbuf_addc(&half->text, ']');
    if (half->text.overflow)
        return error_set(reterr, -EMSGSIZE, "more changes than fit one transaction");
    r = json_rpc_call_text(vswitch->database, "transact", half->text.data, &result, reterr);
    if (r < 0)
        return error_prefix(reterr, r, "%s", vswitch->server);
    r = ovsdb_check(result, &failed, reterr);
    if (r < 0) {
        r = take_refusal(half, failed, r, reterr);
    } else {
        take_counts(half, result);
        r = confirm(vswitch, result, reterr);
    }
    json_decref(result);
    return r;
}

static void give_up(struct half *half)
{
    for (size_t i = 0; i < half->count; i++) {
        struct port_change *change = &half->changes[i];

        if (!half->done[i] && change->result == 0)
            change->result = error_set(&change->error, -EAGAIN,
                                       "port %s is being changed by another hand; nothing was "
                                       "written",
                                       change->port);
    }
}

/* A port that another hand has just changed is tried again as it is now: its update came before the
 * answer. */
static int write_half(struct open_vswitch *vswitch, struct port_change *changes, size_t count,
                      bool adding, struct error *reterr)
{
    struct half half = { .changes = changes, .count = count, .adding = adding };
    size_t tries = TRIES + count;
    int r = 0;

    strbuf_init(&half.text, TRANSACTION_MAX);
    half.written = calloc(count, sizeof(*half.written));
    half.done = calloc(count, sizeof(*half.done));
    if (!half.written || !half.done)
        r = error_set(reterr, -ENOMEM, "out of memory");
    for (half.n_written = 1; r == 0 && half.n_written && tries; tries--)
        r = transact(vswitch, &half, reterr);
    if (r == 0)
        give_up(&half);
    strbuf_done(&half.text);
    free(half.written);
    free(half.done);
    return r;
}

/* The replica has the ports as they are now: the updates come before ovs-vswitchd's word. */
static void hand_back(struct open_vswitch *vswitch, struct port_change *change)
{
    struct ovs_row *row = find_port(vswitch, change->port);
    struct port_texts texts;
    struct port port;

    if (!row)
        return;
    row->is_written = false;
    strbuf_init(&texts.members, MEMBERS_MAX);
    port = port_of(vswitch, row, &texts);
    change->now = row_copy(TABLE_PORT, &port);
    strbuf_done(&texts.members);
}

static void ovs_apply(struct driver *driver, struct port_change *changes, size_t count)
{
    struct open_vswitch *vswitch = vswitch_of(driver);
    struct error error = { "" };
    int r = be_current(vswitch, &error);

    if (r == 0)
        r = write_half(vswitch, changes, count, /* adding = */ true, &error);
    if (r == 0)
        r = write_half(vswitch, changes, count, /* adding = */ false, &error);
    if (r < 0)
        port_changes_fail(changes, count, r, &error);
    r = be_current(vswitch, &error);
    if (r < 0)
        port_changes_fail(changes, count, r, &error);
    for (size_t i = 0; r == 0 && i < count; i++)
        hand_back(vswitch, &changes[i]);
}

static int ovs_test(struct driver *driver, const char *name, const struct vlanset *add,
                    const struct vlanset *remove UNUSED, struct error *reterr)
{
    struct open_vswitch *vswitch = vswitch_of(driver);
    int r = be_current(vswitch, reterr);

    return r < 0 ? r : check(vswitch, find_port(vswitch, name), name, add, reterr);
}

/* ---- Bringing up ----------------------------------------------------------------------------- */

/* Open vSwitch has no word for it: its interfaces are the kernel's, here. */
static int bring_up(const struct open_vswitch *vswitch, const struct ovs_row *row,
                    struct error *reterr)
{
    struct netlink *netlink = netlink_new();
    int r = netlink
                ? 0
                : error_set(reterr, -EPERM, "port %s cannot be brought up from here: netlink: %s",
                            row->port.name, strerror(errno));

    for (size_t i = 0; r == 0 && i < row->n_members; i++) {
        const struct ovs_row *interface = ovs_replica_member(vswitch->replica, row, i);

        if (interface && interface->name && !interface->is_enabled)
            r = link_up(netlink, interface->name, reterr);
    }
    netlink_free(netlink);
    return r;
}

static bool is_up(const struct open_vswitch *vswitch, const char *name)
{
    const struct ovs_row *row = find_port(vswitch, name);

    for (size_t i = 0; row && i < row->n_members; i++) {
        const struct ovs_row *interface = ovs_replica_member(vswitch->replica, row, i);

        if (!interface || !interface->is_enabled)
            return false;
    }
    return row != NULL;
}

/* ovs-vswitchd hears of it from the kernel, and writes it into the database. */
static int ovs_enable(struct driver *driver, const char *name, struct error *reterr)
{
    struct open_vswitch *vswitch = vswitch_of(driver);
    int64_t until_ms = clock_now_ms() + DRIVER_WAIT_MS;
    int r = be_current(vswitch, reterr);
    const struct ovs_row *row = r < 0 ? NULL : find_port(vswitch, name);

    if (r == 0 && !row)
        r = error_set(reterr, -ENODEV, "bridge %s has no port %s", vswitch->bridge, name);
    if (r == 0)
        r = bring_up(vswitch, row, reterr);
    while (r == 0 && !is_up(vswitch, name))
        r = json_rpc_wait(vswitch->database, until_ms, reterr);
    if (r == -ETIMEDOUT)
        return error_set(reterr, r, "ovs-vswitchd has not seen port %s come up within %d ms", name,
                         DRIVER_WAIT_MS);
    return r;
}

/* ---- Watching -------------------------------------------------------------------------------- */

/* A lost connection is heard of here, and told as a change: the reading that follows fails. */
static void ovs_catch_up(struct driver *driver)
{
    struct open_vswitch *vswitch = vswitch_of(driver);

    if (json_rpc_process(vswitch->database, NULL) == 0)
        return;
    loop_watch_events(vswitch->watch, 0);
    vswitch->changed(vswitch->changed_data);
}

static void on_readable(int fd UNUSED, int ready UNUSED, void *data)
{
    ovs_catch_up(data);
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
    ovs_replica_free(vswitch->replica);
    free(vswitch->server);
    free(vswitch);
}

/* What is behind 'switch open-vswitch'. */
struct line {
    const char *bridge, *control;
    struct stream_target target;
};

/* Cuts 'text' up in place. */
static int parse_line(char *text, struct line *ret_line)
{
    struct line line = { .bridge = NULL };
    const struct {
        const char *word, **value;
    } words[] = {
        { "bridge", &line.bridge },           { "ctl", &line.control },
        { "db", &line.target.where },         { "ca", &line.target.authority },
        { "cert", &line.target.certificate }, { "key", &line.target.key },
    };
    char *word, *value;

    while ((word = strsep(&text, " ")) && (value = strsep(&text, " "))) {
        size_t i = 0;

        while (i < ARRAY_SIZE(words) && strcmp(words[i].word, word) != 0)
            i++;
        if (i == ARRAY_SIZE(words) || !*value)
            return -EINVAL;
        *words[i].value = value;
    }
    *ret_line = line;
    return word || !line.bridge || !stream_target_is_good(&line.target) ? -EINVAL : 0;
}

static int prepare(struct open_vswitch *vswitch, const char *arguments, struct error *reterr)
{
    CLEANUP(free_text) char *text = strdup(arguments);
    struct line line;
    int r;

    if (!text || parse_line(text, &line) < 0)
        return error_set(reterr, -EINVAL,
                         "switch open-vswitch: expected 'bridge NAME db unix:PATH [ctl PATH]' or "
                         "'bridge NAME db ssl:ADDRESS:PORT ca FILE cert FILE key FILE [ctl PATH]'");
    vswitch->bridge = strdup(line.bridge);
    vswitch->server = strdup(line.target.where);
    vswitch->replica = ovs_replica_new();
    vswitch->fdb = ovs_fdb_new(
        line.bridge,
        stream_is_remote(line.target.where) ? NULL : line.target.where + strlen("unix:"),
        line.control);
    if (!vswitch->bridge || !vswitch->server || !vswitch->replica || !vswitch->fdb)
        return error_set(reterr, -ENOMEM, "out of memory");
    r = json_rpc_open(&line.target, on_update, vswitch, &vswitch->database, reterr);
    return r < 0 ? r : monitor(vswitch, reterr);
}

static bool ovs_is_remote(const char *arguments)
{
    CLEANUP(free_text) char *text = strdup(arguments);
    struct line line;

    return text && parse_line(text, &line) == 0 && stream_is_remote(line.target.where);
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
    .is_remote = ovs_is_remote,
    .new = ovs_new,
    .free = ovs_free,
    .read = ovs_read,
    .test = ovs_test,
    .apply = ovs_apply,
    .enable = ovs_enable,
    .watch = ovs_watch,
    .catch_up = ovs_catch_up,
    .heard = ovs_heard,
};

#include "switch/sonic_read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/redis_scan.h"
#include "base/text.h"

/* ---- Ports ----------------------------------------------------------------------------------- */

static int compare_ports(const void *left, const void *right)
{
    const struct sonic_port *a = left, *b = right;

    return strcmp(a->name, b->name);
}

struct sonic_port *sonic_view_port(const struct sonic_view *view, const char *name)
{
    size_t low = 0, high = view->n_ports;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, view->ports[middle].name);

        if (order == 0)
            return &view->ports[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* While ports are being read they are in no order. NULL when there is no room. */
static struct sonic_port *make_port(struct sonic_view *view, const char *name, size_t size)
{
    struct sonic_port *ports;

    for (size_t i = 0; i < view->n_ports; i++)
        if (strlen(view->ports[i].name) == size && strncmp(view->ports[i].name, name, size) == 0)
            return &view->ports[i];
    if (size == 0 || size >= SONIC_NAME_MAX || view->n_ports == SONIC_PORTS_MAX)
        return NULL;
    ports = realloc(view->ports, (view->n_ports + 1) * sizeof(*ports));
    if (!ports)
        return NULL;
    view->ports = ports;
    ports[view->n_ports] = (struct sonic_port){ 0 };
    memcpy(ports[view->n_ports].name, name, size);
    return &ports[view->n_ports++];
}

static enum sonic_mode mode_of(const char *text)
{
    static const char *const modes[] = { "", "routed", "access", "trunk" };

    for (size_t i = 1; text && i < ARRAY_SIZE(modes); i++)
        if (strcmp(text, modes[i]) == 0)
            return (enum sonic_mode)i;
    return SONIC_MODE_UNSET;
}

static void take_port(struct sonic_port *port, const redisReply *row, bool is_channel)
{
    const char *alias = redis_field(row, "alias"), *status = redis_field(row, "admin_status");

    port->is_listed = true;
    port->is_channel = is_channel;
    port->is_up = status && strcasecmp(status, "up") == 0;
    port->mode = mode_of(redis_field(row, "mode"));
    text_copy(port->alias, sizeof(port->alias), alias ? alias : "");
}

/* The tables of CONFIG_DB whose keys begin with P, I or M and that matter. Where a port is named in
 * the key, 'name' says at which of its parts. */
static const struct {
    const char *table;
    enum { ROW_PORT, ROW_CHANNEL, ROW_ROUTED, ROW_MEMBER, ROW_MIRROR } kind;
} tables[] = {
    { "PORT|", ROW_PORT },
    { "PORTCHANNEL|", ROW_CHANNEL },
    { "PORTCHANNEL_MEMBER|", ROW_MEMBER },
    { "PORTCHANNEL_INTERFACE|", ROW_ROUTED },
    { "INTERFACE|", ROW_ROUTED },
    { "MIRROR_SESSION|", ROW_MIRROR },
};

/* Which of 'tables' the key is of, ARRAY_SIZE for none. '*ret_rest' is what follows the table. */
static size_t table_of(const char *key, const char **ret_rest)
{
    size_t i;

    for (i = 0; i < ARRAY_SIZE(tables); i++)
        if ((*ret_rest = sonic_key_rest(key, tables[i].table)))
            break;
    return i;
}

static bool ask_port_row(struct redis *redis, const char *key)
{
    const char *rest;

    if (table_of(key, &rest) == ARRAY_SIZE(tables))
        return false;
    if (redis)
        REDIS_ADD(redis, "HGETALL", key);
    return true;
}

/* "PortChannel001|Ethernet8": the port is behind the bar. */
static struct sonic_port *take_channel_member(struct sonic_view *view, const char *rest)
{
    const char *bar = strchr(rest, '|');
    struct sonic_port *port = bar ? make_port(view, bar + 1, strlen(bar + 1)) : NULL;

    if (port)
        snprintf(port->channel, sizeof(port->channel), "%.*s", (int)(bar - rest), rest);
    return port;
}

static int take_port_row(void *data, const char *key, const redisReply *row, struct error *reterr)
{
    struct sonic_view *view = data;
    const char *rest, *mirrored;
    size_t i = table_of(key, &rest);
    struct sonic_port *port = NULL;

    if (!redis_at(row, 0)) /* gone meanwhile */
        return 0;
    switch (tables[i].kind) {
    case ROW_PORT:
    case ROW_CHANNEL:
        port = make_port(view, rest, strlen(rest));
        if (port)
            take_port(port, row, tables[i].kind == ROW_CHANNEL);
        break;
    case ROW_ROUTED:
        port = make_port(view, rest, strcspn(rest, "|"));
        if (port)
            port->is_routed = true;
        break;
    case ROW_MEMBER:
        port = take_channel_member(view, rest);
        break;
    case ROW_MIRROR:
        mirrored = redis_field(row, "dst_port");
        if (!mirrored || !*mirrored)
            return 0;
        port = make_port(view, mirrored, strlen(mirrored));
        if (port)
            text_copy(port->mirror, sizeof(port->mirror), rest);
        break;
    }
    /* A row that names no port that could be kept is an error only when there are too many. */
    return port || view->n_ports < SONIC_PORTS_MAX
               ? 0
               : error_set(reterr, -EMSGSIZE, "more than %d ports", SONIC_PORTS_MAX);
}

/* Leaves those that have a row of their own, in order. */
static void sort_ports(struct sonic_view *view)
{
    size_t kept = 0;

    for (size_t i = 0; i < view->n_ports; i++)
        if (view->ports[i].is_listed)
            view->ports[kept++] = view->ports[i];
    view->n_ports = kept;
    if (kept)
        qsort(view->ports, kept, sizeof(*view->ports), compare_ports);
}

/* ---- VLANs ----------------------------------------------------------------------------------- */

static bool ask_vlan_row(struct redis *redis, const char *key)
{
    const char *port;

    if (sonic_key_rest(key, "VLAN|"))
        return !redis || REDIS_ADD(redis, "HGETALL", key) == 0;
    if (!sonic_member_of(key, "VLAN_MEMBER|", &port))
        return false;
    return !redis || REDIS_ADD(redis, "HGETALL", key) == 0;
}

void sonic_take_member(struct sonic_port *port, uint32_t vlan, const redisReply *row)
{
    const char *mode = redis_field(row, "tagging_mode");

    vlanset_remove(&port->tagged, vlan);
    vlanset_remove(&port->untagged, vlan);
    vlanset_remove(&port->odd, vlan);
    if (!redis_at(row, 0))
        return;
    if (mode && strcmp(mode, "tagged") == 0)
        vlanset_add(&port->tagged, vlan);
    else if (!mode || strcmp(mode, "untagged") == 0 || strcmp(mode, "priority_tagged") == 0)
        vlanset_add(&port->untagged, vlan);
    else
        vlanset_add(&port->odd, vlan);
}

static int take_vlan_row(void *data, const char *key, const redisReply *row,
                         struct error *reterr UNUSED)
{
    struct sonic_view *view = data;
    const char *name, *rest = sonic_key_rest(key, "VLAN|");
    uint32_t vlan = rest ? sonic_vlan_of(rest, NULL) : sonic_member_of(key, "VLAN_MEMBER|", &name);
    struct sonic_port *port = rest || !vlan ? NULL : sonic_view_port(view, name);

    if (rest && redis_at(row, 0))
        vlanset_add(&view->vlans, vlan);
    if (port)
        sonic_take_member(port, vlan, row);
    return 0;
}

static int take_state_row(void *data, const char *key, const redisReply *row UNUSED,
                          struct error *reterr UNUSED)
{
    struct sonic_view *view = data;
    const char *name;
    uint32_t vlan = sonic_member_of(key, "VLAN_MEMBER_TABLE|", &name);
    struct sonic_port *port = vlan ? sonic_view_port(view, name) : NULL;

    if (port)
        vlanset_add(&port->ready, vlan);
    return 0;
}

/* ---- Links ----------------------------------------------------------------------------------- */

void sonic_take_link(struct sonic_port *port, const char *oper_status)
{
    port->link = strcmp(oper_status, "up") == 0     ? LINK_UP
                 : strcmp(oper_status, "down") == 0 ? LINK_DOWN
                                                    : LINK_UNKNOWN;
    port->is_link_stale = false;
}

void sonic_ask_link(struct sonic_db *db, const struct sonic_port *port)
{
    char key[SONIC_KEY_MAX];

    snprintf(key, sizeof(key), "%s:%s", port->is_channel ? "LAG_TABLE" : "PORT_TABLE", port->name);
    REDIS_ADD(db->appl, "HGET", key, "oper_status");
}

static int read_links(struct sonic_db *db, int64_t until_ms, struct sonic_view *view,
                      struct error *reterr)
{
    int r = 0;

    for (size_t i = 0; i < view->n_ports; i++)
        sonic_ask_link(db, &view->ports[i]);
    for (size_t i = 0; r == 0 && i < view->n_ports; i++) {
        redisReply *reply = NULL;

        r = redis_hear(db->appl, until_ms, &reply, reterr);
        if (r == 0)
            sonic_take_link(&view->ports[i], redis_text(reply));
        freeReplyObject(reply);
    }
    return r;
}

/* ---- Everything ------------------------------------------------------------------------------ */

int sonic_read_all(struct sonic_db *db, int64_t until_ms, struct sonic_view *ret_view,
                   struct error *reterr)
{
    struct sonic_view view = { 0 };
    const struct redis_walk ports = {
        db->config, "[PIM]*", until_ms, ask_port_row, take_port_row, &view,
    };
    const struct redis_walk vlans = {
        db->config, "VLAN*", until_ms, ask_vlan_row, take_vlan_row, &view,
    };
    const struct redis_walk state = {
        db->state, "VLAN_MEMBER_TABLE|*", until_ms, NULL, take_state_row, &view,
    };
    int r = redis_walk(&ports, reterr);

    if (r == 0) {
        sort_ports(&view);
        r = redis_walk(&vlans, reterr);
    }
    if (r == 0)
        r = redis_walk(&state, reterr);
    if (r == 0)
        r = read_links(db, until_ms, &view, reterr);
    if (r < 0)
        sonic_view_done(&view);
    else
        *ret_view = view;
    return r;
}

void sonic_view_done(struct sonic_view *view)
{
    for (size_t i = 0; i < view->n_ports; i++)
        stations_done(&view->ports[i].stations);
    free(view->ports);
    *view = (struct sonic_view){ 0 };
}

/* ---- What is learnt -------------------------------------------------------------------------- */

static bool ask_fdb_row(struct redis *redis, const char *key UNUSED)
{
    return !redis || REDIS_ADD(redis, "HMGET", key, "port", "type") == 0;
}

/* "FDB_TABLE|Vlan100:52:54:00:aa:bb:cc" {port, type}. What was set by hand was not heard. */
static int take_fdb_row(void *data, const char *key, const redisReply *row,
                        struct error *reterr UNUSED)
{
    struct sonic_view *view = data;
    const char *rest = sonic_key_rest(key, "FDB_TABLE|"), *colon = rest ? strchr(rest, ':') : NULL;
    uint32_t vlan = colon ? sonic_vlan_of(rest, colon) : 0;
    struct sonic_port *port = sonic_view_port(view, redis_text(redis_at(row, 0)));
    struct mac mac;

    if (!vlan || !port || strcmp(redis_text(redis_at(row, 1)), "static") == 0)
        return 0;
    vlanset_add(&port->learnt, vlan);
    if (mac_parse(colon + 1, &mac) == 0)
        stations_add(&port->stations, mac, vlan);
    return 0;
}

int sonic_read_fdb(struct sonic_db *db, int64_t until_ms, struct error *reterr)
{
    const struct redis_walk walk = {
        db->state, "FDB_TABLE|*", until_ms, ask_fdb_row, take_fdb_row, &db->view,
    };

    for (size_t i = 0; i < db->view.n_ports; i++) {
        db->view.ports[i].learnt = vlanset_empty;
        stations_done(&db->view.ports[i].stations);
        db->view.ports[i].stations = (struct stations){ 0 };
    }
    return redis_walk(&walk, reterr);
}

/* ---- LACP partners --------------------------------------------------------------------------- */

/* teamd's state of a port is "current" while LACPDUs come in (IEEE 802.1AX 6.4.13), and else what
 * is left of a partner, or one that teamd made up. */
static void take_partner(struct sonic_port *port, const redisReply *row)
{
    bool is_heard = strcmp(redis_text(redis_at(row, 0)), "current") == 0;

    port->partner = (struct mac){ { 0 } };
    if (is_heard)
        mac_parse(redis_text(redis_at(row, 1)), &port->partner);
}

int sonic_read_partners(struct sonic_db *db, int64_t until_ms, struct error *reterr)
{
    struct sonic_view *view = &db->view;
    char key[SONIC_KEY_MAX + SONIC_NAME_MAX];
    int r = 0;

    for (size_t i = 0; i < view->n_ports; i++) {
        if (!*view->ports[i].channel)
            continue;
        snprintf(key, sizeof(key), "LAG_MEMBER_TABLE|%s|%s", view->ports[i].channel,
                 view->ports[i].name);
        REDIS_ADD(db->state, "HMGET", key, "runner.state", "runner.partner_lacpdu_info.system");
    }
    for (size_t i = 0; r == 0 && i < view->n_ports; i++) {
        redisReply *reply = NULL;

        if (!*view->ports[i].channel)
            continue;
        r = redis_hear(db->state, until_ms, &reply, reterr);
        if (r == 0)
            take_partner(&view->ports[i], reply);
        freeReplyObject(reply);
    }
    return r;
}

struct mac sonic_view_partner(const struct sonic_view *view, const char *channel)
{
    struct mac partner = { { 0 } };

    for (size_t i = 0; i < view->n_ports; i++) {
        const struct sonic_port *port = &view->ports[i];

        if (strcmp(port->channel, channel) != 0 || !mac_is_unicast(port->partner))
            continue;
        if (mac_is_unicast(partner) && !mac_equal(partner, port->partner))
            return (struct mac){ { 0 } }; /* cabled to two */
        partner = port->partner;
    }
    return partner;
}

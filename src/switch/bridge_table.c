#include "switch/bridge_table.h"

#include <endian.h>
#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/text.h"

#define DUMP_TRIES 10
#define PORTS_MAX 4096
#define FDB_MS 1000 /* the MAC table may hold very many entries: read at most this often */

struct bridge_port *bridge_table_at(const struct bridge_table *table, int ifindex)
{
    for (size_t i = 0; i < table->n_ports; i++)
        if (table->ports[i].ifindex == ifindex)
            return &table->ports[i];
    return NULL;
}

bool bridge_table_concerns(const struct bridge_table *table, int ifindex, int master)
{
    if (ifindex == table->ifindex || (master && master == table->ifindex))
        return true;
    for (size_t i = 0; i < table->n_ports; i++)
        if (table->ports[i].ifindex == ifindex || table->ports[i].ifindex == master ||
            bridge_lag_has(&table->ports[i].lag, ifindex))
            return true;
    return false;
}

struct bridge_port *bridge_table_find(const struct bridge_table *table, const char *name)
{
    for (size_t i = 0; i < table->n_ports; i++)
        if (strcmp(table->ports[i].name, name) == 0)
            return &table->ports[i];
    return NULL;
}

/* ---- The bridge itself ----------------------------------------------------------------------- */

struct look {
    int ifindex;
    bool is_bridge, filters;
    uint16_t protocol;
};

static void look_at_info(struct look *look, const struct nlattr *info)
{
    const struct nlattr *attribute, *inner;

    mnl_attr_for_each_nested(attribute, info)
    {
        if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND)
            look->is_bridge = strcmp(mnl_attr_get_str(attribute), "bridge") == 0;
        if (mnl_attr_get_type(attribute) != IFLA_INFO_DATA || !look->is_bridge)
            continue;
        mnl_attr_for_each_nested(inner, attribute)
        {
            if (mnl_attr_get_type(inner) == IFLA_BR_VLAN_FILTERING)
                look->filters = mnl_attr_get_u8(inner) != 0;
            if (mnl_attr_get_type(inner) == IFLA_BR_VLAN_PROTOCOL)
                look->protocol = be16toh(mnl_attr_get_u16(inner));
        }
    }
}

static int on_bridge(const struct nlmsghdr *message, void *data)
{
    const struct ifinfomsg *link = mnl_nlmsg_get_payload(message);
    const struct nlattr *attribute;
    struct look *look = data;

    look->ifindex = link->ifi_index;
    mnl_attr_for_each(attribute, message,
                      sizeof(*link)) if (mnl_attr_get_type(attribute) == IFLA_LINKINFO)
        look_at_info(look, attribute);
    return 0;
}

static struct nlmsghdr *look_request(void *buffer, const char *name)
{
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    struct ifinfomsg *link;

    request->nlmsg_type = RTM_GETLINK;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    link = mnl_nlmsg_put_extra_header(request, sizeof(*link));
    link->ifi_family = AF_UNSPEC;
    mnl_attr_put_strz(request, IFLA_IFNAME, name);
    return request;
}

static void judge(struct bridge_table *table, const struct look *look)
{
    table->refusal[0] = '\0';
    if (!look->filters)
        snprintf(table->refusal, sizeof(table->refusal),
                 "bridge %s does not filter VLANs; turn it on: ip link set dev %s type bridge "
                 "vlan_filtering 1",
                 table->name, table->name);
    else if (look->protocol != ETH_P_8021Q)
        snprintf(table->refusal, sizeof(table->refusal),
                 "bridge %s filters by service tags (802.1ad), not by 802.1Q tags", table->name);
}

int bridge_table_look(struct bridge_table *table, struct error *reterr)
{
    char buffer[512] __attribute__((aligned(8)));
    struct look look = { .protocol = ETH_P_8021Q };
    int r;

    r = netlink_talk(table->netlink, look_request(buffer, table->name), on_bridge, &look);
    if (r < 0)
        return error_set(reterr, -ENOTCONN, "bridge %s: %s", table->name, strerror(-r));
    if (!look.is_bridge)
        return error_set(reterr, -ENOTCONN, "interface %s is no bridge", table->name);
    table->ifindex = look.ifindex;
    judge(table, &look);
    return 0;
}

/* ---- Ports ----------------------------------------------------------------------------------- */

/* RFC 2863 operational states; one that an interface does not tell is taken from its carrier. */
static enum link link_of(unsigned operstate, unsigned flags)
{
    if (operstate == IF_OPER_UP)
        return LINK_UP;
    if (operstate == IF_OPER_UNKNOWN)
        return flags & IFF_RUNNING ? LINK_UP : LINK_DOWN;
    return LINK_DOWN;
}

static int port_add(struct bridge_table *table, const struct bridge_port *port)
{
    struct bridge_port *ports;

    if (table->n_ports >= PORTS_MAX)
        return -EMSGSIZE;
    ports = realloc(table->ports, (table->n_ports + 1) * sizeof(*ports));
    if (!ports)
        return -ENOMEM;
    table->ports = ports;
    ports[table->n_ports++] = *port;
    return 0;
}

/* Takes a link message of one of the bridge's ports; others are passed over. */
static int on_port(const struct nlmsghdr *message, void *data)
{
    const struct ifinfomsg *link = mnl_nlmsg_get_payload(message);
    struct bridge_port port = { .ifindex = link->ifi_index };
    struct bridge_table *table = data;
    const struct nlattr *attribute;
    unsigned operstate = IF_OPER_UNKNOWN;

    if (bridge_lag_master_of(message) != table->ifindex || port.ifindex == table->ifindex)
        return 0;
    mnl_attr_for_each(attribute, message, sizeof(*link))
    {
        if (mnl_attr_get_type(attribute) == IFLA_IFNAME)
            text_copy(port.name, sizeof(port.name), mnl_attr_get_str(attribute));
        else if (mnl_attr_get_type(attribute) == IFLA_OPERSTATE)
            operstate = mnl_attr_get_u8(attribute);
        else if (mnl_attr_get_type(attribute) == IFLA_LINKINFO)
            bridge_lag_take(&port.lag, attribute);
    }
    port.enabled = (link->ifi_flags & IFF_UP) != 0;
    port.link = link_of(operstate, link->ifi_flags);
    return port_add(table, &port);
}

static int on_vlans(const struct nlmsghdr *message, void *data)
{
    struct bridge_port *port = bridge_table_at(data, bridge_vlan_ifindex(message));

    return port ? bridge_vlan_parse(message, &port->vlans) : 0;
}

static struct nlmsghdr *vlan_request(void *buffer, int ifindex)
{
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    struct br_vlan_msg *head;

    request->nlmsg_type = RTM_GETVLAN;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    head = mnl_nlmsg_put_extra_header(request, sizeof(*head));
    head->family = AF_BRIDGE;
    head->ifindex = (uint32_t)ifindex;
    return request;
}

static void ports_done(struct bridge_port *ports, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bridge_lag_done(&ports[i].lag);
        stations_done(&ports[i].stations);
    }
    free(ports);
}

void bridge_table_done(struct bridge_table *table)
{
    ports_done(table->ports, table->n_ports);
    table->ports = NULL;
    table->n_ports = 0;
}

static int dump_ports(struct bridge_table *table)
{
    char buffer[512] __attribute__((aligned(8)));
    int r;

    bridge_table_done(table);
    r = netlink_talk(table->netlink, bridge_lag_request(buffer, table->ifindex), on_port, table);
    if (r == 0)
        r = netlink_talk(table->netlink, vlan_request(buffer, 0), on_vlans, table);
    for (size_t i = 0; r == 0 && i < table->n_ports; i++)
        if (table->ports[i].lag.is_lag)
            r = bridge_lag_read(&table->ports[i].lag, table->netlink, table->ports[i].ifindex);
    return r;
}

/* The MAC tables outlive a reading of the ports, unless there is a port that they do not speak of.
 */
static void keep_learnt(struct bridge_table *table, struct bridge_port *before, size_t n_before)
{
    size_t n_kept = 0;

    for (size_t i = 0; i < n_before; i++) {
        struct bridge_port *port = bridge_table_at(table, before[i].ifindex);

        if (!port)
            continue;
        port->learnt = before[i].learnt;
        port->stations = before[i].stations;
        before[i].stations = (struct stations){ 0 };
        n_kept++;
    }
    table->fdb_known &= n_kept == table->n_ports;
}

int bridge_table_read(struct bridge_table *table, struct error *reterr)
{
    int r = bridge_table_look(table, reterr);
    struct bridge_port *before = table->ports;
    size_t n_before = table->n_ports;

    if (r < 0)
        return r;
    table->ports = NULL;
    table->n_ports = 0;
    r = -EAGAIN; /* a dump that changed under way is repeated */
    for (int i = 0; i < DUMP_TRIES && r == -EAGAIN; i++)
        r = dump_ports(table);
    if (r == 0)
        keep_learnt(table, before, n_before);
    ports_done(before, n_before);
    return r < 0 ? error_set(reterr, -ENOTCONN, "bridge %s cannot be read: %s", table->name,
                             strerror(-r))
                 : 0;
}

static void forget_vlans(struct bridge_table *table, struct bridge_port *port)
{
    for (size_t i = 0; i < table->n_ports; i++)
        if (!port || port == &table->ports[i])
            table->ports[i].vlans = (struct bridge_vlans){ .pvid = 0 };
}

int bridge_table_read_vlans(struct bridge_table *table, struct bridge_port *port)
{
    char buffer[512] __attribute__((aligned(8)));
    int r = -EAGAIN;

    for (int i = 0; i < DUMP_TRIES && r == -EAGAIN; i++) {
        forget_vlans(table, port);
        r = netlink_talk(table->netlink, vlan_request(buffer, port ? port->ifindex : 0), on_vlans,
                         table);
    }
    return r;
}

/* ---- MAC tables ------------------------------------------------------------------------------ */

static int on_fdb(const struct nlmsghdr *message, void *data)
{
    const struct ndmsg *entry = mnl_nlmsg_get_payload(message);
    const struct nlattr *attribute;
    struct bridge_port *port;
    struct mac mac = { { 0 } };
    uint16_t vlan = 0;

    if (mnl_nlmsg_get_payload_len(message) < sizeof(*entry) ||
        entry->ndm_state & (NUD_PERMANENT | NUD_NOARP))
        return 0; /* the port's own address, or one set by hand: not heard */
    port = bridge_table_at(data, entry->ndm_ifindex);
    if (!port)
        return 0;
    mnl_attr_for_each(attribute, message, sizeof(*entry))
    {
        if (mnl_attr_get_type(attribute) == NDA_VLAN)
            vlan = mnl_attr_get_u16(attribute);
        else if (mnl_attr_get_type(attribute) == NDA_LLADDR &&
                 mnl_attr_get_payload_len(attribute) == sizeof(mac.byte))
            memcpy(mac.byte, mnl_attr_get_payload(attribute), sizeof(mac.byte));
    }
    vlanset_add(&port->learnt, vlan);
    stations_add(&port->stations, mac, vlan);
    return 0;
}

static int dump_fdb(struct bridge_table *table)
{
    char buffer[512] __attribute__((aligned(8)));
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    struct ndmsg *head;

    request->nlmsg_type = RTM_GETNEIGH;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    head = mnl_nlmsg_put_extra_header(request, sizeof(*head));
    head->ndm_family = AF_BRIDGE;
    return netlink_talk(table->netlink, request, on_fdb, table);
}

/* An entry that a table which changed under way shows was there, so it counts; but the table may
 * hold more. */
void bridge_table_read_fdb(struct bridge_table *table)
{
    int64_t now_ms = clock_now_ms();

    if (table->fdb_known && now_ms - table->fdb_at_ms < FDB_MS)
        return;
    table->fdb_known = false;
    for (int i = 0; i < DUMP_TRIES && !table->fdb_known; i++) {
        for (size_t j = 0; j < table->n_ports; j++) {
            stations_done(&table->ports[j].stations);
            table->ports[j].learnt = vlanset_empty;
        }
        table->fdb_known = dump_fdb(table) == 0;
    }
    table->fdb_at_ms = now_ms;
}

#include "switch/linux_bridge.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/text.h"
#include "switch/bridge_vlan.h"
#include "switch/netlink.h"

#define DUMP_TRIES 10
#define PORTS_MAX 4096
#define FDB_MS 1000 /* the MAC table may hold very many entries: read at most this often */
/* Each message holds the kernel's routing lock; deleting is the slower by far. */
#define ADD_IDS 1024
#define REMOVE_IDS 128

struct bridge_port {
    char name[IFNAMSIZ];
    int ifindex;
    bool enabled;
    enum link link;
    struct bridge_vlans vlans;
    struct vlanset learnt;
    struct stations stations;
};

struct linux_bridge {
    struct driver driver;
    struct loop *loop;
    char name[IFNAMSIZ];
    struct netlink *netlink;
    int ifindex;         /* of the bridge, at the last look */
    const char *refusal; /* why no port of it can be written; "" when they can */
    char refusal_text[160];
    struct bridge_port *ports;
    size_t n_ports;
    int64_t fdb_at_ms;
    bool fdb_known;
    int listen_fd;
    struct loop_watch *listen;
    driver_changed_fn *changed;
    void *changed_data;
};

static struct linux_bridge *bridge_of(struct driver *driver)
{
    return (struct linux_bridge *)(void *)driver;
}

static struct bridge_port *port_by_index(const struct linux_bridge *bridge, int ifindex)
{
    for (size_t i = 0; i < bridge->n_ports; i++)
        if (bridge->ports[i].ifindex == ifindex)
            return &bridge->ports[i];
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
                look->protocol = ntohs(mnl_attr_get_u16(inner));
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

static struct nlmsghdr *link_request(void *buffer, uint16_t flags, unsigned char family)
{
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    struct ifinfomsg *link;

    request->nlmsg_type = RTM_GETLINK;
    request->nlmsg_flags = NLM_F_REQUEST | flags;
    link = mnl_nlmsg_put_extra_header(request, sizeof(*link));
    link->ifi_family = family;
    return request;
}

static void judge(struct linux_bridge *bridge, const struct look *look)
{
    bridge->refusal = bridge->refusal_text;
    bridge->refusal_text[0] = '\0';
    if (!look->filters)
        snprintf(bridge->refusal_text, sizeof(bridge->refusal_text),
                 "bridge %s does not filter VLANs; turn it on: ip link set dev %s type bridge "
                 "vlan_filtering 1",
                 bridge->name, bridge->name);
    else if (look->protocol != ETH_P_8021Q)
        snprintf(bridge->refusal_text, sizeof(bridge->refusal_text),
                 "bridge %s filters by service tags (802.1ad), not by 802.1Q tags", bridge->name);
}

static int look_at_bridge(struct linux_bridge *bridge, struct error *reterr)
{
    char buffer[512] __attribute__((aligned(8)));
    struct nlmsghdr *request = link_request(buffer, NLM_F_ACK, AF_UNSPEC);
    struct look look = { .protocol = ETH_P_8021Q };
    int r;

    mnl_attr_put_strz(request, IFLA_IFNAME, bridge->name);
    r = netlink_talk(bridge->netlink, request, on_bridge, &look);
    if (r < 0)
        return error_set(reterr, -ENOTCONN, "bridge %s: %s", bridge->name, strerror(-r));
    if (!look.is_bridge)
        return error_set(reterr, -ENOTCONN, "interface %s is no bridge", bridge->name);
    bridge->ifindex = look.ifindex;
    judge(bridge, &look);
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

static int port_add(struct linux_bridge *bridge, const struct bridge_port *port)
{
    struct bridge_port *ports;

    if (bridge->n_ports >= PORTS_MAX)
        return -EMSGSIZE;
    ports = realloc(bridge->ports, (bridge->n_ports + 1) * sizeof(*ports));
    if (!ports)
        return -ENOMEM;
    bridge->ports = ports;
    ports[bridge->n_ports++] = *port;
    return 0;
}

/* Takes what a link message says of a port: a new one, or one that is known. Returns 1, 0 when the
 * interface is no port of the bridge, or a negative errno. */
static int take_link(struct linux_bridge *bridge, const struct nlmsghdr *message)
{
    const struct ifinfomsg *link = mnl_nlmsg_get_payload(message);
    struct bridge_port *known = port_by_index(bridge, link->ifi_index);
    struct bridge_port port = { .ifindex = link->ifi_index };
    const struct nlattr *attribute;
    unsigned operstate = IF_OPER_UNKNOWN;
    int master = 0;

    mnl_attr_for_each(attribute, message, sizeof(*link))
    {
        if (mnl_attr_get_type(attribute) == IFLA_IFNAME)
            text_copy(port.name, sizeof(port.name), mnl_attr_get_str(attribute));
        else if (mnl_attr_get_type(attribute) == IFLA_MASTER)
            master = (int)mnl_attr_get_u32(attribute);
        else if (mnl_attr_get_type(attribute) == IFLA_OPERSTATE)
            operstate = mnl_attr_get_u8(attribute);
    }
    if (master != bridge->ifindex || port.ifindex == bridge->ifindex)
        return 0;
    port.enabled = (link->ifi_flags & IFF_UP) != 0;
    port.link = link_of(operstate, link->ifi_flags);
    if (!known)
        return port_add(bridge, &port) < 0 ? -ENOMEM : 1;
    port.vlans = known->vlans;
    port.learnt = known->learnt;
    port.stations = known->stations;
    *known = port;
    return 1;
}

static int on_port(const struct nlmsghdr *message, void *data)
{
    int r = take_link(data, message);

    return r < 0 ? r : 0;
}

static int on_vlans(const struct nlmsghdr *message, void *data)
{
    struct bridge_port *port = port_by_index(data, bridge_vlan_ifindex(message));

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
    for (size_t i = 0; i < count; i++)
        stations_done(&ports[i].stations);
    free(ports);
}

static void forget_ports(struct linux_bridge *bridge)
{
    ports_done(bridge->ports, bridge->n_ports);
    bridge->ports = NULL;
    bridge->n_ports = 0;
}

static int dump_ports(struct linux_bridge *bridge)
{
    char buffer[512] __attribute__((aligned(8)));
    int r;

    forget_ports(bridge);
    r = netlink_talk(bridge->netlink, link_request(buffer, NLM_F_DUMP, AF_BRIDGE), on_port, bridge);
    if (r == 0)
        r = netlink_talk(bridge->netlink, vlan_request(buffer, 0), on_vlans, bridge);
    return r;
}

/* Fills 'ports' anew; a dump that changed under way is repeated. */
static int read_ports(struct linux_bridge *bridge, struct error *reterr)
{
    int r = look_at_bridge(bridge, reterr);

    if (r < 0)
        return r;
    r = -EAGAIN;
    for (int i = 0; i < DUMP_TRIES && r == -EAGAIN; i++)
        r = dump_ports(bridge);
    return r < 0 ? error_set(reterr, -ENOTCONN, "bridge %s cannot be read: %s", bridge->name,
                             strerror(-r))
                 : 0;
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
    port = port_by_index(data, entry->ndm_ifindex);
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

static int dump_fdb(struct linux_bridge *bridge)
{
    char buffer[512] __attribute__((aligned(8)));
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    struct ndmsg *head;

    request->nlmsg_type = RTM_GETNEIGH;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    head = mnl_nlmsg_put_extra_header(request, sizeof(*head));
    head->ndm_family = AF_BRIDGE;
    return netlink_talk(bridge->netlink, request, on_fdb, bridge);
}

/* Reads the MAC tables, or takes over what was read a moment ago. An entry that a table which
 * changed under way shows was there, so it counts; but the table may hold more. */
static void read_fdb(struct linux_bridge *bridge, struct bridge_port *before, size_t n_before)
{
    int64_t now_ms = clock_now_ms();

    if (bridge->fdb_known && now_ms - bridge->fdb_at_ms < FDB_MS) {
        for (size_t i = 0; i < n_before; i++) {
            struct bridge_port *port = port_by_index(bridge, before[i].ifindex);

            if (!port)
                continue;
            port->learnt = before[i].learnt;
            port->stations = before[i].stations;
            before[i].stations = (struct stations){ 0 };
        }
        return;
    }
    bridge->fdb_known = false;
    for (int i = 0; i < DUMP_TRIES && !bridge->fdb_known; i++) {
        for (size_t j = 0; j < bridge->n_ports; j++)
            stations_done(&bridge->ports[j].stations);
        bridge->fdb_known = dump_fdb(bridge) == 0;
    }
    bridge->fdb_at_ms = now_ms;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static struct port row_of(const struct linux_bridge *bridge, const struct bridge_port *port)
{
    struct vlanset tagged = port->vlans.tagged;

    vlanset_remove(&tagged, port->vlans.pvid);
    return (struct port){
        .id = port->name,
        .enabled = port->enabled,
        .link = port->link,
        .refusal = bridge->refusal,
        .native = port->vlans.pvid,
        .tagged = tagged,
        .learnt = port->learnt,
        .learnt_known = bridge->fdb_known,
    };
}

static int bridge_read(struct driver *driver, struct port_list *ret_ports, struct error *reterr)
{
    struct linux_bridge *bridge = bridge_of(driver);
    struct bridge_port *before = bridge->ports;
    size_t n_before = bridge->n_ports;
    int r;

    bridge->ports = NULL;
    bridge->n_ports = 0;
    r = read_ports(bridge, reterr);
    if (r == 0)
        read_fdb(bridge, before, n_before);
    ports_done(before, n_before);
    for (size_t i = 0; r == 0 && i < bridge->n_ports; i++) {
        struct port row = row_of(bridge, &bridge->ports[i]);

        r = port_list_add(ret_ports, &row);
    }
    return r;
}

static int bridge_heard(struct driver *driver, const char *name, struct stations *stations)
{
    const struct linux_bridge *bridge = bridge_of(driver);

    for (size_t i = 0; bridge->fdb_known && i < bridge->n_ports; i++) {
        if (strcmp(bridge->ports[i].name, name) != 0)
            continue;
        stations_copy(stations, &bridge->ports[i].stations);
        return 0;
    }
    return -ENODATA;
}

/* Reads one port's VLANs anew. */
static int read_vlans(struct linux_bridge *bridge, struct bridge_port *port)
{
    char buffer[512] __attribute__((aligned(8)));
    int r = -EAGAIN;

    for (int i = 0; i < DUMP_TRIES && r == -EAGAIN; i++) {
        port->vlans = (struct bridge_vlans){ .pvid = 0 };
        r = netlink_talk(bridge->netlink, vlan_request(buffer, port->ifindex), on_vlans, bridge);
    }
    return r;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static int check(const struct linux_bridge *bridge, const struct bridge_port *port,
                 const struct vlanset *add, struct error *reterr)
{
    struct vlanset untagged = port->vlans.untagged, clash;
    char text[128];

    if (*bridge->refusal)
        return error_set(reterr, -EPERM, "%s", bridge->refusal);
    vlanset_add(&untagged, port->vlans.pvid);
    clash = vlanset_both(add, &untagged);
    if (!vlanset_is_empty(&clash))
        return error_set(reterr, -EPERM, "port %s: VLAN %s is carried untagged there", port->name,
                         vlanset_text(&clash, text, sizeof(text)));
    return 0;
}

struct finding {
    struct linux_bridge *bridge;
    int ifindex; /* of the port; 0: not found */
};

static int on_finding(const struct nlmsghdr *message, void *data)
{
    const struct ifinfomsg *link = mnl_nlmsg_get_payload(message);
    struct finding *finding = data;
    int r = take_link(finding->bridge, message);

    if (r == 1)
        finding->ifindex = link->ifi_index;
    return r < 0 ? r : 0;
}

/* Looks at the bridge, at one port and at its VLANs as they are now. */
static int find_port(struct linux_bridge *bridge, const char *name, struct bridge_port **ret_port,
                     struct error *reterr)
{
    char buffer[512] __attribute__((aligned(8)));
    struct nlmsghdr *request = link_request(buffer, NLM_F_ACK, AF_UNSPEC);
    struct finding finding = { .bridge = bridge };
    int r = look_at_bridge(bridge, reterr);

    if (r < 0)
        return r;
    if (strlen(name) < IFNAMSIZ) {
        mnl_attr_put_strz(request, IFLA_IFNAME, name);
        r = netlink_talk(bridge->netlink, request, on_finding, &finding);
    }
    *ret_port = port_by_index(bridge, finding.ifindex);
    if (r == -ENODEV || (r == 0 && !*ret_port))
        return error_set(reterr, -ENODEV, "bridge %s has no port %s", bridge->name, name);
    if (r == 0)
        r = read_vlans(bridge, *ret_port);
    return r < 0 ? error_set(reterr, -ENOTCONN, "port %s cannot be read: %s", name, strerror(-r))
                 : 0;
}

/* One failing message does not undo those before it, nor its own items before the bad one: what is
 * there afterwards is read back. */
static int send_vlans(struct linux_bridge *bridge, uint16_t type, int ifindex,
                      const struct vlanset *vlans, unsigned max_ids)
{
    char buffer[BRIDGE_VLAN_MESSAGE_SIZE] __attribute__((aligned(8)));
    int64_t until_ms = clock_now_ms() + DRIVER_WAIT_MS;
    int r = 0;

    for (uint32_t at = vlanset_next(vlans, 1); at && r == 0;) {
        struct nlmsghdr *request =
            bridge_vlan_build(buffer, type, ifindex, vlans, at, max_ids, &at);

        r = clock_now_ms() > until_ms ? -ETIMEDOUT
                                      : netlink_talk(bridge->netlink, request, NULL, NULL);
    }
    return r;
}

static int write_vlans(struct linux_bridge *bridge, const struct bridge_port *port,
                       const struct vlanset *add, const struct vlanset *remove,
                       struct error *reterr)
{
    struct vlanset absent = vlanset_minus(add, &port->vlans.tagged);
    struct vlanset present = vlanset_both(remove, &port->vlans.tagged);
    int r = check(bridge, port, add, reterr);

    if (r < 0)
        return r;
    vlanset_remove(&present, port->vlans.pvid);
    r = send_vlans(bridge, RTM_SETLINK, port->ifindex, &absent, ADD_IDS);
    if (r < 0)
        return error_set(reterr, r, "port %s: the kernel refuses to add: %s", port->name,
                         strerror(-r));
    r = send_vlans(bridge, RTM_DELLINK, port->ifindex, &present, REMOVE_IDS);
    return r < 0 ? error_set(reterr, r, "port %s: the kernel refuses to remove: %s", port->name,
                             strerror(-r))
                 : 0;
}

static int bridge_apply(struct driver *driver, const char *name, const struct vlanset *add,
                        const struct vlanset *remove, struct port **ret_port, struct error *reterr)
{
    struct linux_bridge *bridge = bridge_of(driver);
    struct bridge_port *port;
    int r = find_port(bridge, name, &port, reterr), written;

    *ret_port = NULL;
    if (r < 0)
        return r;
    written = write_vlans(bridge, port, add, remove, reterr);
    r = read_vlans(bridge, port);
    if (r == 0) {
        struct port row = row_of(bridge, port);

        *ret_port = row_copy(TABLE_PORT, &row);
    }
    if (r < 0 && written == 0)
        return error_set(reterr, -ENOTCONN, "port %s cannot be read back: %s", name, strerror(-r));
    return written;
}

static int bridge_test(struct driver *driver, const char *name, const struct vlanset *add,
                       const struct vlanset *remove UNUSED, struct error *reterr)
{
    struct linux_bridge *bridge = bridge_of(driver);
    struct bridge_port *port;
    int r = find_port(bridge, name, &port, reterr);

    return r < 0 ? r : check(bridge, port, add, reterr);
}

/* ---- Watching -------------------------------------------------------------------------------- */

static bool concerns(const struct linux_bridge *bridge, const struct nlmsghdr *message)
{
    const struct ifinfomsg *link = mnl_nlmsg_get_payload(message);
    const struct nlattr *attribute;

    if (message->nlmsg_type == RTM_NEWVLAN || message->nlmsg_type == RTM_DELVLAN)
        return true;
    if ((message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK) ||
        mnl_nlmsg_get_payload_len(message) < sizeof(*link))
        return false;
    if (link->ifi_family == AF_BRIDGE || link->ifi_index == bridge->ifindex)
        return true;
    mnl_attr_for_each(attribute, message,
                      sizeof(*link)) if (mnl_attr_get_type(attribute) == IFLA_MASTER &&
                                         (int)mnl_attr_get_u32(attribute) ==
                                             bridge->ifindex) return true;
    return false;
}

/* Notices only say that it is time to read: they get lost (ENOBUFS), so nothing is patched. */
static void on_notice(int fd, int ready, void *data)
{
    char buffer[NETLINK_READ_SIZE] __attribute__((aligned(8)));
    struct linux_bridge *bridge = data;
    bool changed = false;
    ssize_t got;

    (void)ready;
    while ((got = recv(fd, buffer, sizeof(buffer), 0)) > 0 || (got < 0 && errno == ENOBUFS)) {
        const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)buffer;
        int left = (int)got;

        changed |= got < 0;
        for (; !changed && mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
            changed |= concerns(bridge, message);
    }
    if (changed)
        bridge->changed(bridge->changed_data);
}

static int bridge_watch(struct driver *driver, driver_changed_fn *changed, void *data,
                        struct error *reterr)
{
    static const unsigned groups[] = { RTNLGRP_LINK, RTNLGRP_BRVLAN, 0 };
    struct linux_bridge *bridge = bridge_of(driver);

    bridge->changed = changed;
    bridge->changed_data = data;
    bridge->listen_fd = netlink_listen(groups);
    if (bridge->listen_fd < 0)
        return error_set(reterr, -ENOTCONN, "bridge %s cannot be watched: %s", bridge->name,
                         strerror(-bridge->listen_fd));
    bridge->listen = loop_watch_fd(bridge->loop, bridge->listen_fd, LOOP_READ, on_notice, bridge);
    return bridge->listen ? 0 : error_set(reterr, -ENOMEM, "out of memory");
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void bridge_free(struct driver *driver)
{
    struct linux_bridge *bridge = bridge_of(driver);

    if (!bridge)
        return;
    loop_watch_free(bridge->listen);
    close_fd(&bridge->listen_fd);
    netlink_free(bridge->netlink);
    forget_ports(bridge);
    free(bridge);
}

static int bridge_new(struct loop *loop, const char *arguments, struct driver **ret_driver,
                      struct error *reterr)
{
    struct linux_bridge *bridge;
    int r;

    if (!*arguments || strlen(arguments) >= IFNAMSIZ || strpbrk(arguments, " /"))
        return error_set(reterr, -EINVAL, "switch linux-bridge: '%s' is no interface name",
                         arguments);
    bridge = calloc(1, sizeof(*bridge));
    if (!bridge)
        return error_set(reterr, -ENOMEM, "out of memory");
    bridge->driver.ops = &driver_linux_bridge;
    bridge->loop = loop;
    bridge->listen_fd = -1;
    bridge->refusal = "";
    text_copy(bridge->name, sizeof(bridge->name), arguments);
    bridge->netlink = netlink_new();
    r = bridge->netlink ? look_at_bridge(bridge, reterr)
                        : error_set(reterr, -ENOTCONN, "netlink: %s", strerror(errno));
    if (r < 0) {
        bridge_free(&bridge->driver);
        return r;
    }
    *ret_driver = &bridge->driver;
    return 0;
}

const struct driver_ops driver_linux_bridge = {
    .name = "linux-bridge",
    .new = bridge_new,
    .free = bridge_free,
    .read = bridge_read,
    .test = bridge_test,
    .apply = bridge_apply,
    .watch = bridge_watch,
    .heard = bridge_heard,
};

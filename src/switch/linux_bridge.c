#include "switch/linux_bridge.h"

#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/text.h"
#include "switch/bridge_table.h"
#include "switch/link_up.h"

/* Each message holds the kernel's routing lock; deleting is the slower by far. */
#define ADD_IDS 1024
#define REMOVE_IDS 128
#define BURST_IDS 8192   /* a burst cannot be stopped once it was sent */
#define NOTICE_SIZE 4096 /* of a longer one the rest is not looked at */
#define NOTICES 16       /* looked at together */

struct linux_bridge {
    struct driver driver;
    struct loop *loop;
    struct netlink *netlink;
    struct bridge_table table;
    bool is_read; /* the table is what the kernel shows, but for what it has told since */
    int listen_fd;
    struct loop_watch *listen;
    driver_changed_fn *changed;
    void *changed_data;
};

static struct linux_bridge *bridge_of(struct driver *driver)
{
    return (struct linux_bridge *)(void *)driver;
}

/* ---- Notices --------------------------------------------------------------------------------- */

/* The port is read back by the batch that is under way, whoever has changed it. */
static bool is_read_back(const struct linux_bridge *bridge, int ifindex)
{
    const struct bridge_port *port = bridge_table_at(&bridge->table, ifindex);

    return port && port->is_written;
}

static bool concerns(const struct linux_bridge *bridge, const struct nlmsghdr *message)
{
    const struct ifinfomsg *link = mnl_nlmsg_get_payload(message);

    if (message->nlmsg_type == RTM_NEWVLAN || message->nlmsg_type == RTM_DELVLAN)
        return !is_read_back(bridge, bridge_vlan_ifindex(message));
    if ((message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK) ||
        mnl_nlmsg_get_payload_len(message) < sizeof(*link))
        return false;
    if (link->ifi_family == AF_BRIDGE)
        return message->nlmsg_type == RTM_DELLINK || !is_read_back(bridge, link->ifi_index);
    return bridge_table_concerns(&bridge->table, link->ifi_index, bridge_lag_master_of(message));
}

/* Whether one of the notices in a datagram says that the bridge, or a port of it, changed. */
static bool says_changed(const struct linux_bridge *bridge, const char *data, size_t size)
{
    const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)data;
    int left = (int)size;

    if (size >= sizeof(*message) && message->nlmsg_len > size)
        return bridge->table.ifindex != 0; /* cut off */
    for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
        if (concerns(bridge, message))
            return true;
    return false;
}

/* Looks at the notices that wait. They only say that it is time to read: they get lost (ENOBUFS),
 * so nothing is patched. */
static bool look_at_notices(struct linux_bridge *bridge)
{
    char data[NOTICES][NOTICE_SIZE] __attribute__((aligned(8)));
    struct mmsghdr messages[NOTICES];
    struct iovec pieces[NOTICES];
    bool changed = false;
    int got;

    do {
        memset(messages, 0, sizeof(messages));
        for (int i = 0; i < NOTICES; i++) {
            pieces[i] = (struct iovec){ data[i], NOTICE_SIZE };
            messages[i].msg_hdr = (struct msghdr){ .msg_iov = &pieces[i], .msg_iovlen = 1 };
        }
        got = recvmmsg(bridge->listen_fd, messages, NOTICES, MSG_DONTWAIT, NULL);
        changed |= got < 0 && errno == ENOBUFS;
        for (int i = 0; i < got && !changed; i++)
            changed = says_changed(bridge, data[i], messages[i].msg_len);
    } while (got > 0 || (got < 0 && (errno == ENOBUFS || errno == EINTR)));
    bridge->is_read &= !changed;
    return changed;
}

static void bridge_catch_up(struct driver *driver)
{
    struct linux_bridge *bridge = bridge_of(driver);

    if (look_at_notices(bridge))
        bridge->changed(bridge->changed_data);
}

static void on_notice(int fd UNUSED, int ready UNUSED, void *data)
{
    bridge_catch_up(data);
}

static int bridge_watch(struct driver *driver, driver_changed_fn *changed, void *data,
                        struct error *reterr)
{
    static const unsigned groups[] = { RTNLGRP_LINK, RTNLGRP_BRVLAN, 0 };
    struct linux_bridge *bridge = bridge_of(driver);

    bridge->changed = changed;
    bridge->changed_data = data;
    bridge->is_read = false;
    bridge->listen_fd = netlink_listen(groups);
    if (bridge->listen_fd < 0)
        return error_set(reterr, -ENOTCONN, "bridge %s cannot be watched: %s", bridge->table.name,
                         strerror(-bridge->listen_fd));
    bridge->listen = loop_watch_fd(bridge->loop, bridge->listen_fd, LOOP_READ, on_notice, bridge);
    return bridge->listen ? 0 : error_set(reterr, -ENOMEM, "out of memory");
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
        .refusal = bridge->table.refusal,
        .native = port->vlans.pvid,
        .tagged = tagged,
        .learnt = port->learnt,
        .learnt_known = bridge->table.fdb_known,
        .members = port->lag.members,
        .partner = port->lag.partner,
    };
}

/* What was told before is in the reading, what is told later is not. */
static int read_table(struct linux_bridge *bridge, struct error *reterr)
{
    int r;

    if (bridge->listen)
        look_at_notices(bridge);
    r = bridge_table_read(&bridge->table, reterr);
    bridge->is_read = r == 0 && bridge->listen;
    return r;
}

static int bridge_read(struct driver *driver, struct port_list *ret_ports, struct error *reterr)
{
    struct linux_bridge *bridge = bridge_of(driver);
    int r = read_table(bridge, reterr);

    if (r == 0)
        bridge_table_read_fdb(&bridge->table);
    for (size_t i = 0; r == 0 && i < bridge->table.n_ports; i++) {
        struct port row = row_of(bridge, &bridge->table.ports[i]);

        r = port_list_add(ret_ports, &row);
    }
    return r;
}

static int bridge_heard(struct driver *driver, const char *name, struct stations *stations)
{
    const struct linux_bridge *bridge = bridge_of(driver);
    const struct bridge_port *port = bridge_table_find(&bridge->table, name);

    if (!port || !bridge->table.fdb_known)
        return -ENODATA;
    stations_copy(stations, &port->stations);
    return 0;
}

/* The table is as the kernel shows it: reads it, unless nothing was told since the last time. */
static int be_current(struct linux_bridge *bridge, struct error *reterr)
{
    if (bridge->is_read)
        bridge_catch_up(&bridge->driver);
    return bridge->is_read ? 0 : read_table(bridge, reterr);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static int check(const struct linux_bridge *bridge, const char *name, const struct vlanset *add,
                 struct error *reterr)
{
    const struct bridge_port *port = bridge_table_find(&bridge->table, name);
    struct vlanset untagged, clash;
    char text[128];

    if (!port)
        return error_set(reterr, -ENODEV, "bridge %s has no port %s", bridge->table.name, name);
    if (*bridge->table.refusal)
        return error_set(reterr, -EPERM, "%s", bridge->table.refusal);
    untagged = port->vlans.untagged;
    vlanset_add(&untagged, port->vlans.pvid);
    clash = vlanset_both(add, &untagged);
    if (!vlanset_is_empty(&clash))
        return error_set(reterr, -EPERM, "port %s: VLAN %s is carried untagged there", name,
                         vlanset_text(&clash, text, sizeof(text)));
    return 0;
}

/* One half of a batch on its way: requests gather in the burst and are sent when it is full. */
struct writing {
    struct linux_bridge *bridge;
    bool adding;
    int64_t until_ms;
    struct netlink_burst burst;
    struct port_change *of[NETLINK_BURST_REQUESTS]; /* per request */
    unsigned ids;
};

static void on_failed(unsigned index, int error, void *data)
{
    const struct writing *writing = data;
    struct port_change *change = writing->of[index];

    change->result = error_set(&change->error, error, "port %s: the kernel refuses to %s: %s",
                               change->port, writing->adding ? "add" : "remove", strerror(-error));
}

/* What became of a burst that was not answered is read back. */
static void send_burst(struct writing *writing)
{
    unsigned count = writing->burst.count;
    int r = netlink_burst_send(writing->bridge->netlink, &writing->burst, on_failed, writing);

    for (unsigned i = 0; r < 0 && i < count; i++)
        on_failed(i, r, writing);
    writing->ids = 0;
}

/* One failing message does not undo those before it, nor its own items before the bad one: what is
 * there afterwards is read back. */
static void write_vlans(struct writing *writing, struct port_change *change, int ifindex,
                        const struct vlanset *vlans)
{
    uint16_t type = writing->adding ? RTM_SETLINK : RTM_DELLINK;
    unsigned max_ids = writing->adding ? ADD_IDS : REMOVE_IDS;
    struct nlmsghdr *request;

    for (uint32_t at = vlanset_next(vlans, 1); at && change->result == 0;) {
        void *room = netlink_burst_room(&writing->burst, BRIDGE_VLAN_MESSAGE_SIZE);

        if (!room || writing->ids + max_ids > (writing->adding ? BURST_IDS : REMOVE_IDS)) {
            send_burst(writing);
            continue;
        }
        if (clock_now_ms() > writing->until_ms) {
            change->result =
                error_set(&change->error, -ETIMEDOUT,
                          "port %s: the kernel took %d ms, and this is not written yet",
                          change->port, DRIVER_WAIT_MS);
            return;
        }
        request = bridge_vlan_build(room, type, ifindex, vlans, at, max_ids, &at);
        writing->of[writing->burst.count] = change;
        netlink_burst_add(&writing->burst, request);
        writing->ids += max_ids;
    }
}

static void write_half(struct writing *writing, struct port_change *change)
{
    struct bridge_port *port = bridge_table_find(&writing->bridge->table, change->port);
    struct vlanset vlans;

    if (change->result < 0)
        return;
    port->is_written = true;
    if (writing->adding) {
        change->found = vlanset_both(&change->add, &port->vlans.tagged);
        vlans = vlanset_minus(&change->add, &port->vlans.tagged);
    } else {
        vlans = vlanset_both(&change->remove, &port->vlans.tagged);
        vlanset_remove(&vlans, port->vlans.pvid);
    }
    write_vlans(writing, change, port->ifindex, &vlans);
}

static void write_batch(struct linux_bridge *bridge, struct port_change *changes, size_t count)
{
    struct writing *writing = calloc(1, sizeof(*writing));

    if (!writing) {
        port_changes_fail(changes, count, -ENOMEM, &(struct error){ "out of memory" });
        return;
    }
    writing->bridge = bridge;
    writing->adding = true;
    writing->until_ms = clock_now_ms() + DRIVER_WAIT_MS;
    for (size_t i = 0; i < count; i++)
        write_half(writing, &changes[i]);
    send_burst(writing);
    writing->adding = false;
    writing->until_ms = clock_now_ms() + DRIVER_WAIT_MS;
    for (size_t i = count; i-- > 0;)
        write_half(writing, &changes[i]);
    send_burst(writing);
    free(writing);
}

/* Reading all ports costs about as much as reading four. */
static int read_back(struct linux_bridge *bridge, struct port_change *changes, size_t count)
{
    int r = 0;

    if (bridge->listen && look_at_notices(bridge))
        bridge->changed(bridge->changed_data);
    if (count > 4)
        return bridge_table_read_vlans(&bridge->table, NULL);
    for (size_t i = 0; r == 0 && i < count; i++) {
        struct bridge_port *port = bridge_table_find(&bridge->table, changes[i].port);

        if (port)
            r = bridge_table_read_vlans(&bridge->table, port);
    }
    return r;
}

static void hand_back(struct linux_bridge *bridge, struct port_change *change)
{
    struct bridge_port *port = bridge_table_find(&bridge->table, change->port);
    struct port row;

    if (!port)
        return;
    port->is_written = false;
    row = row_of(bridge, port);
    change->now = row_copy(TABLE_PORT, &row);
}

static void bridge_apply(struct driver *driver, struct port_change *changes, size_t count)
{
    struct linux_bridge *bridge = bridge_of(driver);
    struct error error = { "" };
    int r = be_current(bridge, &error);

    if (r < 0) {
        port_changes_fail(changes, count, r, &error);
        return;
    }
    for (size_t i = 0; i < count; i++)
        changes[i].result = check(bridge, changes[i].port, &changes[i].add, &changes[i].error);
    write_batch(bridge, changes, count);
    r = read_back(bridge, changes, count);
    if (r < 0) {
        bridge->is_read = false;
        error_set(&error, r, "bridge %s cannot be read back: %s", bridge->table.name, strerror(-r));
        port_changes_fail(changes, count, -ENOTCONN, &error);
    }
    for (size_t i = 0; r == 0 && i < count; i++)
        hand_back(bridge, &changes[i]);
}

static int bridge_test(struct driver *driver, const char *name, const struct vlanset *add,
                       const struct vlanset *remove UNUSED, struct error *reterr)
{
    struct linux_bridge *bridge = bridge_of(driver);
    int r = be_current(bridge, reterr);

    return r < 0 ? r : check(bridge, name, add, reterr);
}

static int bridge_enable(struct driver *driver, const char *name, struct error *reterr)
{
    struct linux_bridge *bridge = bridge_of(driver);
    int r = be_current(bridge, reterr);

    if (r == 0 && !bridge_table_find(&bridge->table, name))
        return error_set(reterr, -ENODEV, "bridge %s has no port %s", bridge->table.name, name);
    return r < 0 ? r : link_up(bridge->netlink, name, reterr);
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
    bridge_table_done(&bridge->table);
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
    text_copy(bridge->table.name, sizeof(bridge->table.name), arguments);
    bridge->netlink = bridge->table.netlink = netlink_new();
    r = bridge->netlink ? bridge_table_look(&bridge->table, reterr)
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
    .enable = bridge_enable,
    .watch = bridge_watch,
    .catch_up = bridge_catch_up,
    .heard = bridge_heard,
};

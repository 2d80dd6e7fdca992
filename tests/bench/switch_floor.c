#include "switch_floor.h"

#include <libmnl/libmnl.h>
#include <linux/if_bridge.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "switch_floor_sonic.h"

#define TEXT_MAX (1 << 20)
#define PORTS_MAX 256

struct floor {
    struct mnl_socket *netlink; /* NULL: Open vSwitch, */
    struct sonic_floor *sonic;  /* or SONiC, unless this is NULL too */
    int index[PORTS_MAX + 1];
    unsigned sequence;
    int database;
    long long number; /* the last transaction's next_cfg */
    char *out, *in;
    size_t got;
};

/* ---- Linux bridge ---------------------------------------------------------------------------- */

static int receive(struct floor *floor)
{
    unsigned port = mnl_socket_get_portid(floor->netlink);
    int r = 1;

    while (r > 0) {
        ssize_t got = mnl_socket_recvfrom(floor->netlink, floor->in, TEXT_MAX);

        r = got < 0 ? -1 : mnl_cb_run(floor->in, (size_t)got, floor->sequence, port, NULL, NULL);
    }
    return r;
}

static int set_vlans(struct floor *floor, bool adding, unsigned port, unsigned first, unsigned last)
{
    struct nlmsghdr *request = mnl_nlmsg_put_header(floor->out);
    struct bridge_vlan_info from = { .vid = (uint16_t)first }, to = { .vid = (uint16_t)last };
    struct ifinfomsg *link;
    struct nlattr *nest;

    if (!floor->index[port])
        floor->index[port] =
            (int)if_nametoindex((snprintf(floor->in, 16, "swp%u", port), floor->in));
    request->nlmsg_type = adding ? RTM_SETLINK : RTM_DELLINK;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    request->nlmsg_seq = ++floor->sequence;
    link = mnl_nlmsg_put_extra_header(request, sizeof(*link));
    link->ifi_family = AF_BRIDGE;
    link->ifi_index = floor->index[port];
    nest = mnl_attr_nest_start(request, IFLA_AF_SPEC);
    if (first != last) {
        from.flags = BRIDGE_VLAN_INFO_RANGE_BEGIN;
        to.flags = BRIDGE_VLAN_INFO_RANGE_END;
        mnl_attr_put(request, IFLA_BRIDGE_VLAN_INFO, sizeof(from), &from);
    }
    mnl_attr_put(request, IFLA_BRIDGE_VLAN_INFO, sizeof(to), &to);
    mnl_attr_nest_end(request, nest);
    if (mnl_socket_sendto(floor->netlink, request, request->nlmsg_len) < 0)
        return -1;
    return receive(floor);
}

static int dump_vlans(struct floor *floor)
{
    struct nlmsghdr *request = mnl_nlmsg_put_header(floor->out);
    struct br_vlan_msg *head;

    request->nlmsg_type = RTM_GETVLAN;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request->nlmsg_seq = ++floor->sequence;
    head = mnl_nlmsg_put_extra_header(request, sizeof(*head));
    head->family = AF_BRIDGE;
    if (mnl_socket_sendto(floor->netlink, request, request->nlmsg_len) < 0)
        return -1;
    return receive(floor);
}

static int write_bridge(struct floor *floor, bool adding, unsigned ports, unsigned first,
                        unsigned last)
{
    for (unsigned i = 1; i <= ports; i++)
        if (set_vlans(floor, adding, i, first, last) < 0)
            return -1;
    return dump_vlans(floor);
}

/* ---- Open vSwitch ---------------------------------------------------------------------------- */

static int send_text(struct floor *floor, const char *text, size_t size)
{
    while (size) {
        ssize_t put = write(floor->database, text, size);

        if (put <= 0)
            return -1;
        text += put;
        size -= (size_t)put;
    }
    return 0;
}

/* Reads on until what was received holds 'text'; where it is, or NULL. */
static const char *await(struct floor *floor, const char *text)
{
    const char *found;
    size_t looked = 0;

    while (!(found = memmem(floor->in + looked, floor->got - looked, text, strlen(text)))) {
        ssize_t got;

        looked = floor->got > strlen(text) ? floor->got - strlen(text) : 0;
        got = floor->got >= TEXT_MAX - 1
                  ? -1
                  : read(floor->database, floor->in + floor->got, TEXT_MAX - 1 - floor->got);
        if (got <= 0)
            return NULL;
        floor->got += (size_t)got;
    }
    return found;
}

static char *put_ids(char *at, unsigned first, unsigned last)
{
    for (unsigned vlan = first; vlan <= last; vlan++)
        at += sprintf(at, "%s%u", vlan == first ? "" : ",", vlan);
    return at;
}

static int transact(struct floor *floor, bool adding, unsigned ports, unsigned first, unsigned last)
{
    char *at = floor->out;

    at += sprintf(at, "{\"id\":\"W\",\"method\":\"transact\",\"params\":[\"Open_vSwitch\"");
    for (unsigned i = 1; i <= ports; i++) {
        at += sprintf(at,
                      ",{\"op\":\"mutate\",\"table\":\"Port\",\"where\":[[\"name\",\"==\","
                      "\"swp%u\"]],\"mutations\":[[\"trunks\",\"%s\",[\"set\",[",
                      i, adding ? "insert" : "delete");
        at = put_ids(at, first, last);
        at += sprintf(at, "]]]]}");
    }
    at += sprintf(at, ",{\"op\":\"mutate\",\"table\":\"Open_vSwitch\",\"where\":[],\"mutations\":"
                      "[[\"next_cfg\",\"+=\",1]]},{\"op\":\"select\",\"table\":\"Open_vSwitch\","
                      "\"where\":[],\"columns\":[\"next_cfg\"]}]}");
    return send_text(floor, floor->out, (size_t)(at - floor->out));
}

static int write_database(struct floor *floor, bool adding, unsigned ports, unsigned first,
                          unsigned last)
{
    static const char read_back[] =
        "{\"id\":\"R\",\"method\":\"transact\",\"params\":[\"Open_vSwitch\",{\"op\":\"select\","
        "\"table\":\"Port\",\"where\":[],\"columns\":[\"name\",\"trunks\"]}]}";
    char applied[64];
    const char *found;

    floor->got = 0;
    if (transact(floor, adding, ports, first, last) < 0 ||
        !(found = await(floor, "{\"next_cfg\":")) || !await(floor, "\"id\":\"W\""))
        return -1;
    snprintf(applied, sizeof(applied), "\"cur_cfg\":%lld", atoll(found + strlen("{\"next_cfg\":")));
    if (!await(floor, applied))
        return -1;
    floor->got = 0;
    if (send_text(floor, read_back, strlen(read_back)) < 0 || !await(floor, "\"id\":\"R\""))
        return -1;
    return memmem(floor->in, floor->got, "swp1", 4) ? 0 : -1;
}

static int open_database(struct floor *floor, const char *arguments)
{
    static const char monitor[] =
        "{\"id\":\"M\",\"method\":\"monitor\",\"params\":[\"Open_vSwitch\",null,{\"Open_vSwitch\":"
        "{\"columns\":[\"cur_cfg\"]}}]}";
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const char *path = strstr(arguments, "db unix:");

    if (!path || sscanf(path, "db unix:%107s", address.sun_path) != 1)
        return -1;
    floor->database = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(floor->database, (struct sockaddr *)(void *)&address, sizeof(address)) < 0 ||
        send_text(floor, monitor, strlen(monitor)) < 0)
        return -1;
    return await(floor, "\"id\":\"M\"") ? 0 : -1;
}

/* ---- Both ------------------------------------------------------------------------------------ */

struct floor *floor_new(const char *driver, const char *arguments)
{
    struct floor *floor = calloc(1, sizeof(*floor));

    floor->in = malloc(TEXT_MAX);
    floor->out = malloc(TEXT_MAX);
    floor->database = -1;
    if (strcmp(driver, "open-vswitch") == 0) {
        if (open_database(floor, arguments) == 0)
            return floor;
    } else if (strcmp(driver, "sonic") == 0) {
        floor->sonic = sonic_floor_new(arguments);
        if (floor->sonic)
            return floor;
    } else {
        floor->netlink = mnl_socket_open(NETLINK_ROUTE);
        if (floor->netlink && mnl_socket_bind(floor->netlink, 0, MNL_SOCKET_AUTOPID) == 0)
            return floor;
    }
    floor_free(floor);
    return NULL;
}

void floor_free(struct floor *floor)
{
    if (!floor)
        return;
    if (floor->netlink)
        mnl_socket_close(floor->netlink);
    sonic_floor_free(floor->sonic);
    if (floor->database >= 0)
        close(floor->database);
    free(floor->in);
    free(floor->out);
    free(floor);
}

int floor_write(struct floor *floor, bool adding, unsigned ports, const char *vlans)
{
    unsigned first, last;
    int read = sscanf(vlans, "%u-%u", &first, &last);

    if (ports > PORTS_MAX || read < 1)
        return -1;
    if (read == 1)
        last = first;
    if (floor->sonic)
        return sonic_floor_write(floor->sonic, adding, ports, first, last);
    return floor->netlink ? write_bridge(floor, adding, ports, first, last)
                          : write_database(floor, adding, ports, first, last);
}

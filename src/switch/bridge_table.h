/* bridge_table.h: a Linux bridge as the kernel shows it over rtnetlink: whether it filters VLANs,
 * its ports with their VLANs and, for a LAG, its members, and its MAC table. It only reads;
 * linux_bridge.c writes. */
#ifndef VSN_SWITCH_BRIDGE_TABLE_H
#define VSN_SWITCH_BRIDGE_TABLE_H

#include <linux/if.h>

#include "model/record.h"
#include "switch/bridge_lag.h"
#include "switch/bridge_vlan.h"
#include "switch/netlink.h"
#include "switch/stations.h"

struct bridge_port {
    char name[IFNAMSIZ];
    int ifindex;
    bool enabled;
    enum link link;
    struct bridge_vlans vlans;
    struct bridge_lag lag;
    struct vlanset learnt;
    struct stations stations;
    bool is_written; /* by the batch under way */
};

struct bridge_table {
    struct netlink *netlink; /* the owner's */
    char name[IFNAMSIZ];
    int ifindex;       /* of the bridge, at the last look */
    char refusal[160]; /* why no port of it can be written; "" when they can */
    struct bridge_port *ports;
    size_t n_ports;
    int64_t fdb_at_ms;
    bool fdb_known;
};

void bridge_table_done(struct bridge_table *table);

/* Looks whether the bridge is there and filters. 0 or -ENOTCONN. */
int bridge_table_look(struct bridge_table *table, struct error *reterr);

/* Reads the bridge, its ports and their VLANs anew; the MAC tables known of them are kept. 0 or
 * -ENOTCONN. */
int bridge_table_read(struct bridge_table *table, struct error *reterr);

/* Reads the MAC tables, unless that was done a moment ago. */
void bridge_table_read_fdb(struct bridge_table *table);

/* Reads the VLANs of one port anew (of all of them: NULL). Returns 0 or a negative errno. */
int bridge_table_read_vlans(struct bridge_table *table, struct bridge_port *port);

struct bridge_port *bridge_table_find(const struct bridge_table *table, const char *name);
struct bridge_port *bridge_table_at(const struct bridge_table *table, int ifindex);

/* Whether that interface is the bridge, a port of it, or a member of a LAG that is one, or with
 * that master (0: none) is becoming one of these. */
bool bridge_table_concerns(const struct bridge_table *table, int ifindex, int master);

#endif

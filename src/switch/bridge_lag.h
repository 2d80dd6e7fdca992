/* bridge_lag.h: a port of a Linux bridge that is a bond or a team: its members, and by LACP its
 * partner. It only reads, over rtnetlink. */
#ifndef VSN_SWITCH_BRIDGE_LAG_H
#define VSN_SWITCH_BRIDGE_LAG_H

#include <stdbool.h>

#include "model/mac.h"
#include "switch/netlink.h"

#define BRIDGE_LAG_MEMBERS_MAX 256

struct bridge_lag {
    bool is_lag;
    struct mac partner; /* IFLA_BOND_AD_INFO_PARTNER_MAC; zero: no 802.3ad bond, nobody there, or a
                           team, whose LACP is teamd's and not the kernel's */
    char *members;      /* names.h list of the links whose master it is, up or down; NULL: none */
    int *ifindexes;     /* theirs */
    size_t n_members;
};

/* Takes what an interface's IFLA_LINKINFO says into a zeroed LAG. */
void bridge_lag_take(struct bridge_lag *lag, const struct nlattr *info);

/* Reads the members of the LAG with that interface number. Returns 0 or as netlink_talk(), and
 * -EMSGSIZE for more members than BRIDGE_LAG_MEMBERS_MAX. */
int bridge_lag_read(struct bridge_lag *lag, struct netlink *netlink, int ifindex);

bool bridge_lag_has(const struct bridge_lag *lag, int ifindex);
void bridge_lag_done(struct bridge_lag *lag);

/* Builds a request for all links with that master in 'buffer' (512 bytes, aligned). A kernel that
 * does not know the filter answers with all links there are. */
struct nlmsghdr *bridge_lag_request(void *buffer, int master);

/* The master that a link message tells, 0 for none. */
int bridge_lag_master_of(const struct nlmsghdr *message);

#endif

/* bridge_vlan.h: the VLAN part of the Linux bridge's netlink messages, built and read. No I/O.
 *
 * Writing: RTM_SETLINK adds and RTM_DELLINK removes, family AF_BRIDGE, IFLA_AF_SPEC holding
 * IFLA_BRIDGE_VLAN_INFO items, a range as a RANGE_BEGIN and RANGE_END pair. Reading: RTM_NEWVLAN
 * messages of an RTM_GETVLAN dump (linux/if_bridge.h). */
#ifndef VSN_SWITCH_BRIDGE_VLAN_H
#define VSN_SWITCH_BRIDGE_VLAN_H

#include <libmnl/libmnl.h>

#include "model/vlanset.h"

#define BRIDGE_VLAN_MESSAGE_SIZE 8192 /* bytes that bridge_vlan_build() may need */

/* What one port carries. */
struct bridge_vlans {
    struct vlanset tagged;   /* leaves the port with its tag */
    struct vlanset untagged; /* leaves it without */
    uint32_t pvid;           /* where untagged frames go; 0: nowhere */
};

/* Writes a request of 'type' (RTM_SETLINK or RTM_DELLINK) for members of 'vlans' from 'from' on
 * into 'buffer' (BRIDGE_VLAN_MESSAGE_SIZE bytes): as many as fit, 'max_ids' at most. The items
 * carry no flags: tagged membership. '*ret_next' is where the next message goes on, 0 after the
 * last. */
struct nlmsghdr *bridge_vlan_build(void *buffer, uint16_t type, int ifindex,
                                   const struct vlanset *vlans, uint32_t from, unsigned max_ids,
                                   uint32_t *ret_next);

/* The interface that an RTM_NEWVLAN message speaks of, 0 for a message that is cut short. */
int bridge_vlan_ifindex(const struct nlmsghdr *message);

/* Adds what an RTM_NEWVLAN message says to 'vlans'. Returns 0 or -EBADMSG. */
int bridge_vlan_parse(const struct nlmsghdr *message, struct bridge_vlans *vlans);

#endif

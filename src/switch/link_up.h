/* link_up.h: brings an interface of this machine up, over rtnetlink: IFF_UP. */
#ifndef VSN_SWITCH_LINK_UP_H
#define VSN_SWITCH_LINK_UP_H

#include "switch/netlink.h"

/* Returns 0 when the kernel says that the interface is up; -ENODEV: there is none of that name in
 * this process's network namespace; -EPERM: CAP_NET_ADMIN is missing; or as netlink_talk(). */
int link_up(struct netlink *netlink, const char *name, struct error *reterr);

#endif

/* linux_bridge.h: the kernel's VLAN-filtering bridge, over rtnetlink.
 *
 *     switch linux-bridge br0
 *
 * Ports are the interfaces in the bridge; a bond or team is one port, its members are none. The
 * native VLAN (the PVID) and every VLAN that leaves a port untagged are never touched: to the
 * kernel, adding an id again means stripping its flags, so an id that is there is never sent. Needs
 * CAP_NET_ADMIN in the network namespace of the bridge. Linux 5.6 or later (RTM_GETVLAN). */
#ifndef VSN_SWITCH_LINUX_BRIDGE_H
#define VSN_SWITCH_LINUX_BRIDGE_H

#include "switch/driver.h"

#endif

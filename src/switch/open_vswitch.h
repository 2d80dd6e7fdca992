/* open_vswitch.h: an Open vSwitch bridge, over its database (OVSDB, RFC 7047).
 *
 *     switch open-vswitch bridge NAME db unix:PATH [ctl PATH]
 *     switch open-vswitch bridge NAME db ssl:ADDRESS:PORT ca FILE cert FILE key FILE [ctl PATH]
 *
 * 'ctl' is the control socket of ovs-vswitchd, from which the MAC table comes (fdb/show); left out,
 * it is looked for beside the database's socket. Ports are the bridge's Port records, bonds
 * included; the bridge's own port is none. A batch is one transaction, in which each port's part
 * holds only if the port still is what was read, and is confirmed by ovs-vswitchd (next_cfg,
 * cur_cfg). A second one removes.
 *
 * A port whose 'trunks' are empty carries every VLAN: it is reported as open and left alone.
 * Removing never empties 'trunks'. */
#ifndef VSN_SWITCH_OPEN_VSWITCH_H
#define VSN_SWITCH_OPEN_VSWITCH_H

#include "switch/driver.h"

#endif

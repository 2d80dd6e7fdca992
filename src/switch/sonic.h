/* sonic.h: the driver for SONiC.
 *
 *     switch sonic redis unix:/run/redis/redis.sock [naming alias]
 *
 * It writes rows of VLAN_MEMBER into CONFIG_DB and takes vlanmgrd's row in STATE_DB as the
 * confirmation (sonic_db.h, sonic_write.h). What "config vlan member add" would refuse is refused
 * (sonic_judge.h). A port's tagged VLANs are its rows; 'pending' are those that vlanmgrd has not
 * confirmed. Nothing is saved: CONFIG_DB is memory, and "config save" is the operator's.
 *
 * Ports are called as in the databases (Ethernet0, PortChannel001), or with 'naming alias' as SONiC
 * calls them in its naming mode alias, where they have one. */
#ifndef VSN_SWITCH_SONIC_H
#define VSN_SWITCH_SONIC_H

#include "switch/driver.h"

#endif

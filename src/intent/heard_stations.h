/* heard_stations.h: the MAC addresses that the switch has learnt on ports where a host may be, to
 * be looked up by address.
 *
 * Pure. Addresses that are nobody's are left out: zero, group addresses, and fe:ff:ff:ff:ff:ff,
 * which XenServer gives to every VLAN interface and virtual bridge. */
#ifndef VSN_INTENT_HEARD_STATIONS_H
#define VSN_INTENT_HEARD_STATIONS_H

#include "model/config.h"
#include "model/inventory.h"

struct heard_station {
    struct mac mac;
    const char *port; /* borrowed from the configuration */
};

struct heard_stations {
    struct heard_station *list; /* by address */
    size_t count;
};

/* Collects the stations of 'module' on enabled ports that are no uplinks. Returns 0 or -ENOMEM. */
int heard_stations_collect(const struct config *config, const struct inventory *module,
                           struct heard_stations *ret_stations);
void heard_stations_done(struct heard_stations *stations);

/* The first place where the address was learnt, NULL when it was not; and the next one. */
const struct heard_station *heard_stations_find(const struct heard_stations *stations,
                                                struct mac mac);
const struct heard_station *heard_stations_next(const struct heard_stations *stations,
                                                const struct heard_station *at);

#endif

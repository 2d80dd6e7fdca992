/* stations.h: the MAC addresses that a switch has learnt on one port.
 *
 * A list is filled with stations_add(), then sorted once; it never grows beyond STATIONS_MAX,
 * whatever a port's neighbours send. */
#ifndef VSN_SWITCH_STATIONS_H
#define VSN_SWITCH_STATIONS_H

#include "model/mac.h"
#include "model/record.h"

#define STATIONS_MAX 1024 /* MAC addresses in their VLANs, on one port */

struct heard {
    struct mac mac;
    uint16_t vlan; /* 0: untagged, on a switch that has no VLAN for that */
};

struct stations {
    struct heard *heard; /* by MAC address, then VLAN, once it is sorted */
    size_t count;
    bool is_partial; /* there was more than could be held: the list proves nothing absent */
};

/* Notes one entry of a MAC table; addresses that are no station's (zero, group) are left out. */
void stations_add(struct stations *stations, struct mac mac, uint32_t vlan);

/* Brings the list into order, each entry once. */
void stations_sort(struct stations *stations);

/* Adds a copy of each entry of 'from' to an empty list. */
void stations_copy(struct stations *to, const struct stations *from);

void stations_done(struct stations *stations);

typedef void station_fn(enum record_op op, const struct station *station, void *data);

/* Tells the way from one sorted list of 'port' to another: 'gone' and 'new' rows. */
void stations_differ(const char *port, const struct stations *before, const struct stations *now,
                     station_fn *fn, void *data);

#endif

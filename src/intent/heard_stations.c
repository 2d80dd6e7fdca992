#include "intent/heard_stations.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *left, const void *right)
{
    const struct heard_station *a = left, *b = right;

    return memcmp(a->mac.byte, b->mac.byte, sizeof(a->mac.byte));
}

static bool is_nobodys(struct mac mac)
{
    static const struct mac placeholder = { { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff } };

    return !mac_is_unicast(mac) || mac_equal(mac, placeholder);
}

int heard_stations_collect(const struct config *config, const struct inventory *module,
                           struct heard_stations *ret_stations)
{
    size_t most = inventory_count(module, TABLE_STATION) + 1;
    struct heard_stations stations = { .list = malloc(most * sizeof(*stations.list)) };

    if (!stations.list)
        return -ENOMEM;
    for (size_t i = 0; i < config->n_ports; i++) {
        const struct config_port *port = &config->ports[i];

        if (!port->enabled || port->uplink)
            continue;
        INVENTORY_EACH(module, station, TABLE_STATION, port->name)
        if (!is_nobodys(station->mac) && stations.count < most)
            stations.list[stations.count++] = (struct heard_station){ station->mac, port->name };
    }
    if (stations.count)
        qsort(stations.list, stations.count, sizeof(*stations.list), compare);
    *ret_stations = stations;
    return 0;
}

void heard_stations_done(struct heard_stations *stations)
{
    free(stations->list);
    *stations = (struct heard_stations){ 0 };
}

const struct heard_station *heard_stations_find(const struct heard_stations *stations,
                                                struct mac mac)
{
    const struct heard_station key = { .mac = mac };
    const struct heard_station *at =
        stations->count ? bsearch(&key, stations->list, stations->count, sizeof(key), compare)
                        : NULL;

    while (at && at > stations->list && mac_equal(at[-1].mac, mac))
        at--;
    return at;
}

const struct heard_station *heard_stations_next(const struct heard_stations *stations,
                                                const struct heard_station *at)
{
    const struct heard_station *next = at + 1;

    return next < stations->list + stations->count && mac_equal(next->mac, at->mac) ? next : NULL;
}

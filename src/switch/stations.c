#include "switch/stations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *left, const void *right)
{
    const struct heard *a = left, *b = right;
    int r = memcmp(a->mac.byte, b->mac.byte, sizeof(a->mac.byte));

    return r ? r : (int)a->vlan - (int)b->vlan;
}

void stations_add(struct stations *stations, struct mac mac, uint32_t vlan)
{
    if (!mac_is_unicast(mac) || vlan > VLAN_MAX)
        return;
    /* Room is made in powers of two: 16, 32, ... STATIONS_MAX. */
    if (stations->count < STATIONS_MAX &&
        (stations->count == 0 ||
         (stations->count >= 16 && (stations->count & (stations->count - 1)) == 0))) {
        size_t space = stations->count ? 2 * stations->count : 16;
        struct heard *heard = realloc(stations->heard, space * sizeof(*heard));

        stations->is_partial |= !heard;
        stations->heard = heard ? heard : stations->heard;
    }
    stations->is_partial |= stations->count >= STATIONS_MAX;
    if (!stations->is_partial)
        stations->heard[stations->count++] = (struct heard){ mac, (uint16_t)vlan };
}

void stations_sort(struct stations *stations)
{
    size_t kept = 0;

    if (stations->count == 0)
        return;
    qsort(stations->heard, stations->count, sizeof(*stations->heard), compare);
    for (size_t i = 1; i < stations->count; i++)
        if (compare(&stations->heard[kept], &stations->heard[i]) != 0)
            stations->heard[++kept] = stations->heard[i];
    stations->count = kept + 1;
}

void stations_copy(struct stations *to, const struct stations *from)
{
    for (size_t i = 0; i < from->count; i++)
        stations_add(to, from->heard[i].mac, from->heard[i].vlan);
    to->is_partial |= from->is_partial;
}

void stations_done(struct stations *stations)
{
    free(stations->heard);
    *stations = (struct stations){ 0 };
}

static void tell(enum record_op op, const char *port, const struct heard *heard, station_fn *fn,
                 void *data)
{
    char mac[MAC_TEXT], id[MAC_TEXT + 8];
    struct station station = { .owner = port, .id = id, .mac = heard->mac, .vlan = heard->vlan };

    snprintf(id, sizeof(id), "%s/%u", mac_format(heard->mac, mac), heard->vlan);
    fn(op, &station, data);
}

void stations_differ(const char *port, const struct stations *before, const struct stations *now,
                     station_fn *fn, void *data)
{
    size_t i = 0, j = 0;

    while (i < before->count || j < now->count) {
        int r = i == before->count ? 1
                : j == now->count  ? -1
                                   : compare(&before->heard[i], &now->heard[j]);

        if (r < 0)
            tell(RECORD_GONE, port, &before->heard[i++], fn, data);
        else if (r > 0)
            tell(RECORD_NEW, port, &now->heard[j++], fn, data);
        else
            i++, j++;
    }
}

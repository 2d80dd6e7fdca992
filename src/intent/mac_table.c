#include "intent/mac_table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* ---- Memory ---------------------------------------------------------------------------------- */

static const struct hypervisor_view *view_of(const struct hypervisor_view *hypervisors,
                                             size_t n_hypervisors, const char *name)
{
    for (size_t i = 0; i < n_hypervisors; i++)
        if (strcmp(hypervisors[i].config->name, name) == 0)
            return &hypervisors[i];
    return NULL;
}

static struct sighting *find_host(struct sightings *sightings, size_t from, const char *port,
                                  const struct hypervisor_view *view, const char *host)
{
    for (size_t i = from; i < sightings->count; i++)
        if (sightings->list[i].view == view && strcmp(sightings->list[i].port, port) == 0 &&
            strcmp(sightings->list[i].host, host) == 0)
            return &sightings->list[i];
    return NULL;
}

static bool is_recallable(const struct config_port *port, const struct inventory *module,
                          const struct wire *old)
{
    const struct port *row = inventory_find(module, TABLE_PORT, "", old->port);

    return old->n_candidates > 0 && old->was_trusted && port && port->enabled && !port->uplink &&
           row && row->link == LINK_UP;
}

/* Brings back what the wires of before knew by the table, one sighting for each port and host that
 * is not seen now. */
static int recall(const struct config *config, const struct hypervisor_view *hypervisors,
                  size_t n_hypervisors, const struct inventory *module, const struct wires *before,
                  struct sightings *sightings)
{
    size_t seen = sightings->count;

    for (size_t i = 0; before && i < before->count; i++) {
        const struct wire *old = &before->wires[i];
        const struct hypervisor_view *view = view_of(hypervisors, n_hypervisors, old->hypervisor);
        const struct config_port *port = config_port(config, old->port);
        const struct nic *nic =
            view ? inventory_find(view->inventory, TABLE_NIC, old->host, old->nic) : NULL;
        struct sighting *same;

        if (!nic || !is_recallable(port, module, old))
            continue;
        same = find_host(sightings, 0, port->name, view, old->host);
        if (same && same < sightings->list + seen)
            continue;
        if (!same) {
            struct sighting sighting = {
                .port = port->name,
                .view = view,
                .host = nic->owner,
                .is_recalled = true,
                .seen_ms = old->table_ms,
            };

            text_copy(sighting.detail, sizeof(sighting.detail),
                      "it was in the MAC table, and the link has been up since");
            if (sightings_add(sightings, &sighting) < 0)
                return -ENOMEM;
            same = &sightings->list[sightings->count - 1];
        }
        nic_set_add(&same->nics, nic);
    }
    return 0;
}

/* ---- Better evidence ------------------------------------------------------------------------- */

static bool is_of(const struct sighting *sighting, const struct wire *wire)
{
    return strcmp(wire->hypervisor, sighting->view->config->name) == 0 &&
           strcmp(wire->host, sighting->host) == 0;
}

/* The wires that say exactly which NIC it is: none of them is from the MAC table yet. */
static void sharpen(struct sighting *sighting, const struct wires *better)
{
    struct nic_set here = { .count = 0 }, left = { .count = 0 };

    for (size_t i = 0; i < sighting->nics.count; i++) {
        const struct nic *nic = sighting->nics.nics[i];
        bool is_elsewhere = false;

        for (size_t j = 0; j < better->count; j++) {
            const struct wire *wire = &better->wires[j];

            if (!is_of(sighting, wire) || strcmp(wire->nic, nic->id) != 0 || !wire_names_nic(wire))
                continue;
            if (strcmp(wire->port, sighting->port) == 0)
                nic_set_add(&here, nic);
            else
                is_elsewhere = true;
        }
        if (!is_elsewhere)
            nic_set_add(&left, nic);
    }
    if (here.count > 0)
        sighting->nics = here;
    else if (left.count > 0)
        sighting->nics = left;
    else
        sighting->is_elsewhere = true;
}

/* ---- Doubt ----------------------------------------------------------------------------------- */

/* True when something else is behind that port as well, so that the port is no proof of where this
 * host is: better evidence for another NIC, or another host in the table. */
static bool is_contested(const struct sightings *sightings, const struct sighting *sighting,
                         const struct wires *better)
{
    for (size_t i = 0; i < better->count; i++) {
        const struct wire *wire = &better->wires[i];

        if (strcmp(wire->port, sighting->port) == 0 && wire_names_nic(wire) &&
            !(is_of(sighting, wire) && nic_set_has(&sighting->nics, wire->nic)))
            return true;
    }
    for (size_t i = 0; i < sightings->count; i++) {
        const struct sighting *other = &sightings->list[i];

        if (other != sighting && strcmp(other->port, sighting->port) == 0 &&
            other->view == sighting->view)
            return true;
    }
    return false;
}

/* Ports at which one of the NICs of 'set' of that host must be. */
static size_t count_ports(const struct sightings *sightings, const struct sighting *about,
                          const struct wires *better)
{
    size_t count = 0;

    for (size_t i = 0; i < sightings->count; i++) {
        const struct sighting *each = &sightings->list[i];

        count += each->view == about->view && strcmp(each->host, about->host) == 0 &&
                 nic_set_is_within(&each->nics, &about->nics) && !each->is_elsewhere &&
                 !is_contested(sightings, each, better);
    }
    return count;
}

static void find_crowds(struct sightings *sightings, const struct wires *better)
{
    for (size_t i = 0; i < sightings->count; i++) {
        const struct sighting *about = &sightings->list[i];

        if (count_ports(sightings, about, better) <= about->nics.count)
            continue;
        for (size_t j = 0; j < sightings->count; j++) {
            struct sighting *each = &sightings->list[j];

            each->is_crowded |= each->view == about->view && strcmp(each->host, about->host) == 0 &&
                                nic_set_is_within(&each->nics, &about->nics);
        }
    }
}

int mac_table_read(const struct config *config, const struct hypervisor_view *hypervisors,
                   size_t n_hypervisors, const struct inventory *module, const struct wires *better,
                   const struct wires *before, struct sightings *ret_sightings)
{
    struct sightings sightings;
    int r = sightings_collect(config, hypervisors, n_hypervisors, module, &sightings);

    if (r < 0)
        return r;
    r = recall(config, hypervisors, n_hypervisors, module, before, &sightings);
    if (r < 0) {
        sightings_done(&sightings);
        return r;
    }
    for (size_t i = 0; i < sightings.count; i++)
        sharpen(&sightings.list[i], better);
    find_crowds(&sightings, better);
    *ret_sightings = sightings;
    return 0;
}

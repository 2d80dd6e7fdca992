#include "intent/sightings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "intent/demand.h"
#include "intent/heard_stations.h"

/* ---- Sets of NICs ---------------------------------------------------------------------------- */

bool nic_set_has(const struct nic_set *set, const char *nic)
{
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->nics[i]->id, nic) == 0)
            return true;
    return false;
}

void nic_set_add(struct nic_set *set, const struct nic *nic)
{
    if (set->count < SIGHTING_NICS_MAX && !nic_set_has(set, nic->id))
        set->nics[set->count++] = nic;
}

bool nic_set_is_within(const struct nic_set *a, const struct nic_set *b)
{
    for (size_t i = 0; i < a->count; i++)
        if (!nic_set_has(b, a->nics[i]->id))
            return false;
    return true;
}

static struct nic_set nic_set_both(const struct nic_set *a, const struct nic_set *b)
{
    struct nic_set both = { .count = 0 };

    for (size_t i = 0; i < a->count; i++)
        if (nic_set_has(b, a->nics[i]->id))
            nic_set_add(&both, a->nics[i]);
    return both;
}

/* ---- Whose an address is ----------------------------------------------------------------------
 */

struct claim {
    struct mac mac;
    const struct hypervisor_view *view;
    const char *host;
    const char *interface; /* NULL: it is a NIC's own */
    struct nic_set nics;
    bool is_shared; /* another host, or a machine, has it as well */
};

struct search {
    struct heard_stations heard;
    struct claim *claims;
    size_t n_claims, space;
    bool failed; /* out of memory */
};

static void claim_add(struct search *search, const struct claim *claim)
{
    for (size_t i = 0; i < search->n_claims; i++) {
        struct claim *other = &search->claims[i];

        if (other->view != claim->view || !mac_equal(other->mac, claim->mac))
            continue;
        if (strcmp(other->host, claim->host) != 0)
            other->is_shared = true;
        else if (!other->interface == !claim->interface)
            for (size_t j = 0; j < claim->nics.count; j++)
                nic_set_add(&other->nics, claim->nics.nics[j]);
        return; /* an interface says better than a NIC through what it speaks, and is told first */
    }
    if (search->n_claims == search->space) {
        size_t space = search->space ? 2 * search->space : 64;
        struct claim *claims = realloc(search->claims, space * sizeof(*claims));

        search->failed |= !claims;
        if (!claims)
            return;
        search->claims = claims;
        search->space = space;
    }
    search->claims[search->n_claims++] = *claim;
}

struct nic_set nic_set_of(const struct inventory *inventory, const char *host, const char *vswitch,
                          const struct network *network)
{
    struct nic_set set = { .count = 0 };
    size_t uplinks = 0;

    INVENTORY_EACH(inventory, uplink, TABLE_UPLINK, host)
    {
        const struct nic *nic = inventory_find(inventory, TABLE_NIC, host, uplink->id);

        if (strcmp(uplink->vswitch, vswitch) != 0 ||
            (network && !network_uses_uplink(network, uplink)))
            continue;
        uplinks++;
        if (nic)
            nic_set_add(&set, nic);
    }
    if (set.count < uplinks)
        set.count = 0; /* one of them is not known, or they are too many */
    return set;
}

static void claim_interfaces(struct search *search, const struct hypervisor_view *view)
{
    INVENTORY_EACH(view->inventory, vmknic, TABLE_VMKNIC, NULL)
    {
        struct claim claim = {
            .mac = vmknic->mac,
            .view = view,
            .host = vmknic->owner,
            .interface = vmknic->id,
        };
        const struct network *network;
        const char *vswitch;

        if (!heard_stations_find(&search->heard, vmknic->mac))
            continue;
        network =
            network_of_interface(view->inventory, vmknic->owner, vmknic->network, vmknic->shared);
        vswitch = network ? vswitch_of_network(view->inventory, network) : NULL;
        if (vswitch)
            claim.nics = nic_set_of(view->inventory, vmknic->owner, vswitch, network);
        claim_add(search, &claim);
    }
}

static void claim_nics(struct search *search, const struct hypervisor_view *view)
{
    INVENTORY_EACH(view->inventory, nic, TABLE_NIC, NULL)
    {
        const struct uplink *uplink;
        struct claim claim = { .mac = nic->mac, .view = view, .host = nic->owner };

        if (!heard_stations_find(&search->heard, nic->mac))
            continue;
        uplink = inventory_find(view->inventory, TABLE_UPLINK, nic->owner, nic->id);
        if (uplink)
            claim.nics = nic_set_of(view->inventory, nic->owner, uplink->vswitch, NULL);
        else
            nic_set_add(&claim.nics, nic);
        claim_add(search, &claim);
    }
}

/* A machine's owner chooses its address: one that is also a host's is nobody's evidence. */
static void disclaim_machines(struct search *search, const struct hypervisor_view *view)
{
    if (search->n_claims == 0)
        return;
    INVENTORY_EACH(view->inventory, vif, TABLE_VIF, NULL)
    {
        if (!heard_stations_find(&search->heard, vif->mac))
            continue;
        for (size_t i = 0; i < search->n_claims; i++)
            if (mac_equal(search->claims[i].mac, vif->mac))
                search->claims[i].is_shared = true;
    }
}

/* ---- What is seen ---------------------------------------------------------------------------- */

int sightings_add(struct sightings *sightings, const struct sighting *sighting)
{
    if (sightings->count == sightings->space) {
        size_t space = sightings->space ? 2 * sightings->space : 16;
        struct sighting *list = realloc(sightings->list, space * sizeof(*list));

        if (!list)
            return -ENOMEM;
        sightings->list = list;
        sightings->space = space;
    }
    sightings->list[sightings->count++] = *sighting;
    return 0;
}

void sightings_done(struct sightings *sightings)
{
    free(sightings->list);
    *sightings = (struct sightings){ 0 };
}

/* Narrows what is known of that host on that port; false when the claim is about other NICs. */
static bool narrow(struct sightings *sightings, const struct claim *claim, const char *port)
{
    for (size_t i = 0; i < sightings->count; i++) {
        struct sighting *each = &sightings->list[i];
        struct nic_set both = nic_set_both(&each->nics, &claim->nics);

        if (each->view != claim->view || strcmp(each->port, port) != 0 ||
            strcmp(each->host, claim->host) != 0 || both.count == 0)
            continue;
        each->nics = both;
        return true;
    }
    return false;
}

static int see(struct sightings *sightings, const struct claim *claim, const char *port)
{
    struct sighting sighting = {
        .port = port,
        .view = claim->view,
        .host = claim->host,
        .nics = claim->nics,
    };
    char mac[MAC_TEXT];

    if (claim->is_shared || claim->nics.count == 0 || narrow(sightings, claim, port))
        return 0;
    snprintf(sighting.detail, sizeof(sighting.detail), "%s%.40s%s %s",
             claim->interface ? "interface " : "", claim->interface ? claim->interface : "a NIC's",
             claim->interface ? "'s address" : " address", mac_format(claim->mac, mac));
    return sightings_add(sightings, &sighting);
}

int sightings_collect(const struct config *config, const struct hypervisor_view *hypervisors,
                      size_t n_hypervisors, const struct inventory *module,
                      struct sightings *ret_sightings)
{
    struct search search = { 0 };
    struct sightings sightings = { 0 };

    search.failed = heard_stations_collect(config, module, &search.heard) < 0;
    for (size_t i = 0; i < n_hypervisors && search.heard.count; i++) {
        claim_interfaces(&search, &hypervisors[i]);
        claim_nics(&search, &hypervisors[i]);
    }
    for (size_t i = 0; i < n_hypervisors && search.heard.count; i++)
        disclaim_machines(&search, &hypervisors[i]);
    for (size_t i = 0; i < search.n_claims && !search.failed; i++) {
        const struct claim *claim = &search.claims[i];

        for (const struct heard_station *at = heard_stations_find(&search.heard, claim->mac); at;
             at = heard_stations_next(&search.heard, at))
            search.failed |= see(&sightings, claim, at->port) < 0;
    }
    heard_stations_done(&search.heard);
    free(search.claims);
    if (search.failed) {
        sightings_done(&sightings);
        return -ENOMEM;
    }
    *ret_sightings = sightings;
    return 0;
}

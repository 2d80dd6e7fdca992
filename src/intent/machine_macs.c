#include "intent/machine_macs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "intent/demand.h"
#include "intent/heard_stations.h"
#include "intent/sightings.h"

#define IS_MACHINE EVIDENCE_BIT(EVIDENCE_MACHINE)

/* ---- Whose address it is --------------------------------------------------------------------- */

/* The interface that alone has a learnt address. */
struct claim {
    const struct hypervisor_view *view;
    const struct machine *machine;
    const struct vif *vif;
    bool is_shared;
};

/* One claim per station, at the same index; only the first place of an address is used. */
static void claim_all(struct round *round, const struct heard_stations *heard, struct claim *claims)
{
    for (size_t h = 0; h < round->n_hypervisors && heard->count; h++) {
        const struct hypervisor_view *view = &round->hypervisors[h];

        INVENTORY_EACH(view->inventory, vif, TABLE_VIF, NULL)
        {
            const struct heard_station *at = heard_stations_find(heard, vif->mac);
            struct claim *claim = at ? &claims[at - heard->list] : NULL;

            if (!claim)
                continue;
            *claim = (struct claim){
                .view = view,
                .machine = inventory_find(view->inventory, TABLE_MACHINE, "", vif->owner),
                .vif = vif,
                .is_shared = claim->vif != NULL,
            };
        }
    }
}

static struct nic_set nics_of_claim(const struct claim *claim)
{
    static const struct nic_set none = { .count = 0 };
    const struct inventory *inventory = claim->view->inventory;
    const char *host = claim->machine ? claim->machine->host : "", *vswitch;
    const struct network *network;

    if (claim->is_shared || !host[0] || claim->machine->power != POWER_ON)
        return none;
    network = network_of_interface(inventory, host, claim->vif->network, claim->vif->shared);
    vswitch = network ? vswitch_of_network(inventory, network) : NULL;
    return vswitch ? nic_set_of(inventory, host, vswitch, network) : none;
}

static void note_claim(struct round *round, const struct claim *claim, const char *port)
{
    struct nic_set nics = nics_of_claim(claim);
    char detail[256], mac[MAC_TEXT];

    snprintf(detail, sizeof(detail), "address %s of machine %.100s%s",
             mac_format(claim->vif->mac, mac), claim->machine ? claim->machine->name : "",
             nics.count > 1 ? "; it is one of several NICs" : "");
    for (size_t i = 0; i < nics.count; i++) {
        struct wire *wire = round_note(round, port, claim->view, claim->machine->host,
                                       nics.nics[i]->id, EVIDENCE_MACHINE, detail);

        if (wire && wire->n_machine_nics < nics.count)
            wire->n_machine_nics = (unsigned)nics.count;
    }
}

/* ---- What it is worth ------------------------------------------------------------------------ */

static bool is_same_host(const struct wire *a, const struct wire *b)
{
    return strcmp(a->hypervisor, b->hypervisor) == 0 && strcmp(a->host, b->host) == 0;
}

/* Better evidence for the port or the NIC, or machines of another host on the same port. */
static bool is_disputed(const struct round *round, const struct wire *wire,
                        const struct wire *other)
{
    bool same_port = strcmp(wire->port, other->port) == 0;
    bool is_better = other->evidence & ~(IS_MACHINE | EVIDENCE_BIT(EVIDENCE_NAMED));

    if (same_port)
        return !is_same_host(wire, other) && (is_better || other->evidence & IS_MACHINE) &&
               !round_may_share_port(round, wire, other);
    return is_better && is_same_host(wire, other) && strcmp(wire->nic, other->nic) == 0;
}

/* On how many ports machines of the wire's host show that NIC. */
static unsigned count_ports(const struct round *round, const struct wire *wire)
{
    unsigned count = 0;

    for (size_t i = 0; i < round->found.count; i++) {
        const struct wire *each = &round->found.wires[i];

        count += each->evidence & IS_MACHINE && is_same_host(each, wire) &&
                 strcmp(each->nic, wire->nic) == 0;
    }
    return count;
}

static void judge(struct round *round)
{
    for (size_t i = 0; i < round->found.count; i++) {
        struct wire *wire = &round->found.wires[i];

        if (!(wire->evidence & IS_MACHINE))
            continue;
        wire->is_rumour = count_ports(round, wire) > wire->n_machine_nics;
        for (size_t j = 0; j < round->found.count && !wire->is_rumour; j++)
            wire->is_rumour = j != i && is_disputed(round, wire, &round->found.wires[j]);
    }
}

int machine_macs_collect(struct round *round)
{
    struct heard_stations heard;
    struct claim *claims;

    if (heard_stations_collect(round->config, round->module, &heard) < 0)
        return -ENOMEM;
    claims = calloc(heard.count + 1, sizeof(*claims));
    if (!claims) {
        heard_stations_done(&heard);
        return -ENOMEM;
    }
    claim_all(round, &heard, claims);
    for (size_t i = 0; i < heard.count; i++)
        for (const struct heard_station *at = &heard.list[i]; claims[i].vif && at;
             at = heard_stations_next(&heard, at))
            note_claim(round, &claims[i], at->port);
    judge(round);
    free(claims);
    heard_stations_done(&heard);
    return round->failed ? -ENOMEM : 0;
}

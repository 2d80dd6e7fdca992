#include "intent/demand.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model/names.h"

struct vlanset network_vlans(const struct inventory *inventory, const struct network *network,
                             bool *ret_known)
{
    struct vlanset vlans = network->vlans;

    *ret_known = network->mode != VLAN_UNKNOWN;
    if (network->mode == VLAN_NATIVE || network->mode == VLAN_UNKNOWN)
        return vlanset_empty;
    if (network->mode == VLAN_INHERITED) {
        const struct network *defaults = NULL;

        INVENTORY_EACH_AS(inventory, network, each, TABLE_NETWORK, "")
        if (each->role == NETWORK_DEFAULTS && strcmp(each->vswitch, network->vswitch) == 0)
            defaults = each;
        *ret_known = defaults && defaults->mode != VLAN_INHERITED;
        return *ret_known ? network_vlans(inventory, defaults, ret_known) : vlanset_empty;
    }
    if (network->mode == VLAN_PRIVATE) {
        bool is_unknown = inventory_is_unknown(inventory, TABLE_PVLAN, network->vswitch);

        *ret_known = false;
        INVENTORY_EACH_AS(inventory, pvlan, pair, TABLE_PVLAN, network->vswitch)
        {
            if (!vlanset_has(&network->vlans, (uint32_t)pair->secondary))
                continue;
            vlanset_add(&vlans, (uint32_t)pair->primary);
            *ret_known = !is_unknown;
        }
    }
    return vlans;
}

bool network_uses_uplink(const struct network *network, const struct uplink *uplink)
{
    const char *const lists[] = { network->active, network->standby };

    /* An order that names nobody is an order that was not read, and so is an uplink without a name.
     */
    if (!network->teaming_known || (!network->active[0] && !network->standby[0]) ||
        (!uplink->name[0] && !uplink->lag[0]))
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        if (names_has(lists[i], uplink->name) ||
            (uplink->lag[0] && names_has(lists[i], uplink->lag)))
            return true;
    return false;
}

const struct network *network_of_interface(const struct inventory *inventory, const char *host,
                                           const char *network, bool shared)
{
    return inventory_find(inventory, TABLE_NETWORK, shared ? "" : host, network);
}

/* A distributed network names its switch by reference; the host's side of that switch goes by uuid.
 */
const char *vswitch_of_network(const struct inventory *inventory, const struct network *network)
{
    const struct dvswitch *dvswitch;

    if (network->owner[0])
        return network->vswitch;
    dvswitch = inventory_find(inventory, TABLE_DVSWITCH, "", network->vswitch);
    return dvswitch ? dvswitch->uuid : NULL;
}

/* ---- One walk -------------------------------------------------------------------------------- */

struct walk {
    const struct inventory *inventory;
    const struct host *host;
    const struct uplink *uplink;
    const struct vswitch *vswitch;
    demand_fn *fn;
    void *data;
    struct error *reterr;
    bool known;
};

static void unknown(struct walk *walk, const char *what, const char *name)
{
    if (walk->known)
        error_set(walk->reterr, -ENODATA, "%s %s could not be read", what, name);
    walk->known = false;
}

/* True when the network lives on the virtual switch that the walk is about. */
static bool is_on_vswitch(const struct walk *walk, const struct network *network)
{
    const char *vswitch = vswitch_of_network(walk->inventory, network);

    return vswitch && strcmp(vswitch, walk->vswitch->id) == 0;
}

/* 'who' says for whom. */
static void tell(struct walk *walk, const struct network *network, const struct need *who)
{
    struct need need = *who;
    bool known;

    need.vswitch = walk->vswitch;
    need.network = network;
    if (network->role != NETWORK_DEMAND)
        return;
    if (!network->vswitch[0])
        unknown(walk, "the virtual switch of network", network->name);
    if (!is_on_vswitch(walk, network) || !network_uses_uplink(network, walk->uplink))
        return;
    need.vlans = network_vlans(walk->inventory, network, &known);
    if (!known && network->kind != NETWORK_OPAQUE)
        unknown(walk, "the VLAN of network", network->name);
    if (!vlanset_is_empty(&need.vlans))
        walk->fn(&need, walk->data);
}

/* A distributed switch that a host takes part in, but whose own row was not read, hides its
 * networks. */
static bool is_switch_known(const struct walk *walk)
{
    if (walk->vswitch->kind != VSWITCH_DISTRIBUTED)
        return true;
    INVENTORY_EACH(walk->inventory, dvswitch, TABLE_DVSWITCH, NULL)
    if (strcmp(dvswitch->uuid, walk->vswitch->id) == 0)
        return true;
    return false;
}

/* The networks of a virtual switch are the host's own, or the shared ones. */
static const char *owner_of_networks(struct walk *walk)
{
    const char *owner = walk->vswitch->kind == VSWITCH_DISTRIBUTED ? "" : walk->host->id;

    /* A virtual switch with an uplink has a network somewhere beside it: no list is a hollow one.
     */
    if (inventory_is_unknown(walk->inventory, TABLE_NETWORK, owner) ||
        !inventory_next(walk->inventory, TABLE_NETWORK, owner, NULL))
        unknown(walk, "the networks of", owner[0] ? walk->host->name : "the distributed switches");
    return owner;
}

static void walk_networks(struct walk *walk)
{
    const char *owner = owner_of_networks(walk);

    INVENTORY_EACH(walk->inventory, network, TABLE_NETWORK, owner)
    tell(walk, network, &(struct need){ .machine = NULL });
}

static void walk_interfaces(struct walk *walk)
{
    if (inventory_is_unknown(walk->inventory, TABLE_VMKNIC, walk->host->id))
        unknown(walk, "the interfaces of", walk->host->name);
    INVENTORY_EACH(walk->inventory, vmknic, TABLE_VMKNIC, walk->host->id)
    {
        const struct network *network =
            network_of_interface(walk->inventory, walk->host->id, vmknic->network, vmknic->shared);

        if (network)
            tell(walk, network, &(struct need){ .vmknic = vmknic });
        else
            unknown(walk, "the network of interface", vmknic->id);
    }
}

/* 'move': on whose way the machine is; NULL: it is there. */
static void walk_machine(struct walk *walk, const struct machine *machine, const struct move *move)
{
    const struct need who = { .machine = machine, .move = move };

    if (inventory_is_unknown(walk->inventory, TABLE_VIF, machine->id))
        unknown(walk, "the interfaces of machine", machine->name);
    INVENTORY_EACH(walk->inventory, vif, TABLE_VIF, machine->id)
    {
        const struct network *network =
            network_of_interface(walk->inventory, walk->host->id, vif->network, vif->shared);

        /* One that only might take the machine, and has no such network, will not. */
        bool is_out = !network && move && !move->to[0];

        if (network)
            tell(walk, network, &who);
        else if (vif->network[0] && !is_out)
            unknown(walk, "the network of machine", machine->name);
    }
}

/* A machine that is off may well be on no host at all: XenAPI places it when it starts. */
static bool has_no_host(const struct machine *machine)
{
    return machine->power == POWER_OFF || machine->power == POWER_SUSPENDED;
}

static void walk_machines(struct walk *walk)
{
    if (inventory_is_unknown(walk->inventory, TABLE_MACHINE, ""))
        unknown(walk, "the machines of", walk->host->name);
    for (const struct machine *machine = inventory_next_on(walk->inventory, "", NULL); machine;
         machine = inventory_next_on(walk->inventory, "", machine))
        if (!machine->template && !has_no_host(machine))
            unknown(walk, "the host of machine", machine->name[0] ? machine->name : machine->id);
    for (const struct machine *machine = inventory_next_on(walk->inventory, walk->host->id, NULL);
         machine; machine = inventory_next_on(walk->inventory, walk->host->id, machine))
        if (!machine->template)
            walk_machine(walk, machine, NULL);
}

bool move_may_end_on(const struct move *move, const char *host)
{
    bool is_over = move->outcome == MOVE_FAILED || move->outcome == MOVE_CANCELLED;
    bool stays = move->kind == MOVE_STORAGE &&
                 (!move->to[0] || !move->from[0] || strcmp(move->from, move->to) == 0);

    if (is_over || stays)
        return false;
    if (move->to[0])
        return strcmp(move->to, host) == 0;
    return move->widened && (!move->possible[0] || names_has(move->possible, host));
}

/* Machines on their way to the host. What one needs is asked for while it may arrive; what cannot
 * be said of it proves nothing. A machine that is coming to be has no interfaces yet. */
static void walk_moves(struct walk *walk)
{
    INVENTORY_EACH(walk->inventory, move, TABLE_MOVE, NULL)
    {
        const struct machine *machine;

        if (!move_may_end_on(move, walk->host->id))
            continue;
        machine = inventory_find(walk->inventory, TABLE_MACHINE, "", move->owner);
        if (!machine || !inventory_next(walk->inventory, TABLE_VIF, machine->id, NULL))
            unknown(walk, "the interfaces of machine",
                    machine && machine->name[0] ? machine->name : move->owner);
        if (machine)
            walk_machine(walk, machine, move);
    }
}

/* Finds the host's side of things; false when there is nothing to walk. */
static bool walk_start(struct walk *walk, const char *host, const char *nic)
{
    walk->known = true;
    walk->host = inventory_find(walk->inventory, TABLE_HOST, "", host);
    if (!walk->host) {
        unknown(walk, "host", host);
        return false;
    }
    if (inventory_is_unknown(walk->inventory, TABLE_HOST, "") ||
        inventory_is_unknown(walk->inventory, TABLE_DVSWITCH, "") ||
        inventory_is_unknown(walk->inventory, TABLE_UPLINK, host) ||
        inventory_is_unknown(walk->inventory, TABLE_VSWITCH, host) ||
        inventory_is_unknown(walk->inventory, TABLE_NIC, host))
        unknown(walk, "the virtual switches of", walk->host->name);
    walk->uplink = inventory_find(walk->inventory, TABLE_UPLINK, host, nic);
    if (!walk->uplink) {
        /* A NIC that no virtual switch uses carries nothing; but some NIC does the host's talking.
         */
        if (!inventory_next(walk->inventory, TABLE_UPLINK, host, NULL))
            unknown(walk, "the virtual switches of", walk->host->name);
        return false;
    }
    walk->vswitch = inventory_find(walk->inventory, TABLE_VSWITCH, host, walk->uplink->vswitch);
    if (!walk->vswitch || walk->vswitch->kind == VSWITCH_UNKNOWN ||
        walk->vswitch->kind == VSWITCH_OPAQUE)
        unknown(walk, "the virtual switch of NIC", nic);
    else if (!is_switch_known(walk))
        unknown(walk, "distributed switch", walk->vswitch->name);
    return walk->vswitch != NULL;
}

bool demand_of_nic(const struct inventory *inventory, enum config_provision provision,
                   const char *host, const char *nic, demand_fn *fn, void *data,
                   struct error *reterr)
{
    struct walk walk = { .inventory = inventory, .fn = fn, .data = data, .reterr = reterr };

    if (!walk_start(&walk, host, nic))
        return walk.known;
    switch (provision) {
    case PROVISION_NETWORKS:
        walk_networks(&walk);
        break;
    case PROVISION_MACHINES:
        owner_of_networks(&walk);
        walk_interfaces(&walk);
        walk_machines(&walk);
        break;
    }
    walk_moves(&walk);
    return walk.known;
}

bool demand_of_machine(const struct inventory *inventory, const struct machine *machine,
                       const char *host, const char *nic, demand_fn *fn, void *data,
                       struct error *reterr)
{
    struct walk walk = { .inventory = inventory, .fn = fn, .data = data, .reterr = reterr };

    if (!walk_start(&walk, host, nic))
        return walk.known;
    owner_of_networks(&walk);
    walk_machine(&walk, machine, NULL);
    return walk.known;
}

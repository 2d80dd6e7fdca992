#include "programs/sim/world.h"

#include <stdio.h>
#include <string.h>

#include "model/record.h"

/* ---- Making ---------------------------------------------------------------------------------- */

static struct sim_network make_network(struct world *world, struct sim_hypervisor *hypervisor,
                                       bool shared)
{
    struct dice *dice = &world->dice;
    struct sim_network network = {
        .exists = true,
        .number = ++hypervisor->numbers,
        .mode = VLAN_TAGGED,
        .vlan = (uint32_t)dice_range(dice, SIM_VLAN_FIRST, SIM_VLAN_LAST),
        .nics = (unsigned)dice_range(dice, 0, (1 << SIM_NICS) - 1),
    };

    if (dice_percent(dice, 10)) {
        network.mode = VLAN_NATIVE;
    } else if (dice_percent(dice, 15)) {
        network.mode = VLAN_TRUNK;
        network.last = network.vlan + (uint32_t)dice_range(dice, 0, 3);
    } else if (shared && dice_percent(dice, 20)) {
        network.mode = VLAN_PRIVATE;
        network.last = SIM_VLAN_FIRST;
    } else if (dice_percent(dice, 4)) {
        network.vlan = SIM_VLAN_BEYOND;
    }
    return network;
}

static void make_host(struct world *world, struct sim_hypervisor *hypervisor, struct sim_host *host)
{
    struct dice *dice = &world->dice;
    int networks = (int)dice_range(dice, 2, SIM_NETWORKS);

    *host = (struct sim_host){ .exists = true, .connection = CONNECTION_CONNECTED };
    host->shows = dice_percent(dice, 50);
    for (int i = 0; i < networks; i++)
        host->networks[i] = make_network(world, hypervisor, false);
    for (int i = 0; i < SIM_NICS; i++) {
        host->nics[i].on_shared = dice_percent(dice, 40);
        host->nics[i].speaks = dice_percent(dice, 60);
        host->nics[i].listens = dice_percent(dice, host->nics[i].speaks ? 50 : 70);
        host->nics[i].port = -1;
    }
}

static bool pick_host(struct world *world, const struct sim_hypervisor *hypervisor,
                      unsigned *ret_host)
{
    for (int tries = 0; tries < 20; tries++) {
        *ret_host = (unsigned)dice_range(&world->dice, 0, SIM_HOSTS - 1);
        if (hypervisor->hosts[*ret_host].exists)
            return true;
    }
    return false;
}

/* Plugs an interface into some network that exists where the machine is. */
static void plug_in(struct world *world, const struct sim_hypervisor *hypervisor, unsigned host,
                    struct sim_vif *vif)
{
    *vif = (struct sim_vif){ .shared = dice_percent(&world->dice, 50) };
    for (int tries = 0; tries < 20 && !vif->exists; tries++) {
        vif->network = (unsigned)dice_range(&world->dice, 0, SIM_NETWORKS - 1);
        vif->exists = vif->shared ? hypervisor->shared[vif->network].exists
                                  : hypervisor->hosts[host].networks[vif->network].exists;
    }
}

static void make_machine(struct world *world, struct sim_hypervisor *hypervisor,
                         struct sim_machine *machine)
{
    *machine = (struct sim_machine){
        .number = ++hypervisor->numbers,
        .talks = dice_percent(&world->dice, 50),
    };
    machine->exists = pick_host(world, hypervisor, &machine->host);
    for (int i = 0; i < SIM_VIFS; i++)
        if (i == 0 || dice_percent(&world->dice, 30))
            plug_in(world, hypervisor, machine->host, &machine->vifs[i]);
}

static void make_hypervisor(struct world *world, unsigned h)
{
    struct sim_hypervisor *hypervisor = &world->hypervisors[h];
    struct dice *dice = &world->dice;
    int hosts, machines;

    hypervisor->twin = h == 2 && dice_percent(dice, 60);
    snprintf(hypervisor->name, sizeof(hypervisor->name), "%s%u", hypervisor->twin ? "esx" : "vc",
             h);
    hypervisor->mode = h > 0 && dice_percent(dice, 25) ? MODE_CHECK : MODE_CONFIG;
    hypervisor->provision = dice_percent(dice, 50) ? PROVISION_NETWORKS : PROVISION_MACHINES;
    vlanset_add_range(&hypervisor->allowed, SIM_VLAN_FIRST, SIM_VLAN_LAST + 4);
    if (dice_percent(dice, 30))
        vlanset_remove(&hypervisor->allowed,
                       (uint32_t)dice_range(dice, SIM_VLAN_FIRST, SIM_VLAN_LAST));
    for (int i = 0; i < SIM_NETWORKS - 2; i++)
        hypervisor->shared[i] = make_network(world, hypervisor, true);
    hosts = hypervisor->twin ? 1 : (int)dice_range(dice, 2, SIM_HOSTS);
    for (int i = 0; i < hosts; i++)
        make_host(world, hypervisor, &hypervisor->hosts[i]);
    machines = (int)dice_range(dice, 2, SIM_MACHINES - 2);
    for (int i = 0; i < machines; i++)
        make_machine(world, hypervisor, &hypervisor->machines[i]);
}

static struct sim_nic *pick_nic(struct world *world)
{
    for (int tries = 0; tries < 50; tries++) {
        unsigned h = (unsigned)dice_range(&world->dice, 0, world->n_hypervisors - 1);
        struct sim_hypervisor *hypervisor = &world->hypervisors[h];
        unsigned host;

        if (!hypervisor->twin && pick_host(world, hypervisor, &host))
            return &hypervisor->hosts[host].nics[dice_range(&world->dice, 0, SIM_NICS - 1)];
    }
    return &world->hypervisors[0].hosts[0].nics[0];
}

static void make_switch(struct world *world)
{
    for (unsigned port = 0; port < SIM_PORTS; port++) {
        struct sim_port *at = &world->ports[port];

        at->allowed = vlanset_all();
        if (dice_percent(&world->dice, 20))
            vlanset_remove(&at->allowed,
                           (uint32_t)dice_range(&world->dice, SIM_VLAN_FIRST, SIM_VLAN_LAST));
        vlanset_remove(&at->allowed, SIM_VLAN_BEYOND);
        at->native = dice_percent(&world->dice, 20) ? SIM_VLAN_FIRST + 5 : 1;
        for (int i = 0; i < 4; i++)
            at->by_hand[i] = dice_percent(&world->dice, 10);
    }
    world->uplink = dice_percent(&world->dice, 60) ? SIM_PORTS - 1 : -1;
    for (unsigned port = 0; port + 2 < SIM_PORTS; port++) {
        struct sim_nic *nic = pick_nic(world);

        if (nic->port < 0)
            nic->port = (int)port;
    }
}

void world_init(struct world *world, uint64_t seed)
{
    static const uint32_t hold_downs[] = { 300, 300, 300, 60 };

    *world = (struct world){ .dice = dice_of_seed(seed), .n_hypervisors = SIM_HYPERVISORS };
    for (unsigned h = 0; h < world->n_hypervisors; h++)
        make_hypervisor(world, h);
    make_switch(world);
    vlanset_add(&world->protected_vlans, SIM_VLAN_PROTECTED);
    world->hold_down_s = hold_downs[dice_range(&world->dice, 0, 3)];
    world->budget = (uint32_t)dice_range(&world->dice, 2, 20);
}

/* ---- Change ---------------------------------------------------------------------------------- */

void world_put_machine(struct world *world, unsigned h, unsigned index, unsigned host)
{
    struct sim_hypervisor *hypervisor = &world->hypervisors[h];
    struct sim_machine *machine = &hypervisor->machines[index];

    world->changes++;
    machine->host = host;
    for (int i = 0; i < SIM_VIFS; i++)
        if (machine->vifs[i].exists && !machine->vifs[i].shared)
            plug_in(world, hypervisor, machine->host, &machine->vifs[i]);
}

bool world_is_moving(const struct world *world, unsigned h, unsigned index)
{
    for (unsigned i = 0; i < SIM_MOVES; i++)
        if (world->moves[i].exists && world->moves[i].hypervisor == h &&
            world->moves[i].machine == index)
            return true;
    return false;
}

static void change_machine(struct world *world, unsigned h, unsigned index)
{
    struct sim_hypervisor *hypervisor = &world->hypervisors[h];
    struct sim_machine *machine = &hypervisor->machines[index];
    unsigned host;

    if (world_is_moving(world, h, index))
        return;
    if (!machine->exists)
        make_machine(world, hypervisor, machine);
    else if (dice_percent(&world->dice, 65) && pick_host(world, hypervisor, &host))
        world_put_machine(world, h, index, host);
    else if (dice_percent(&world->dice, 60))
        plug_in(world, hypervisor, machine->host, &machine->vifs[0]);
    else
        machine->exists = false;
}

static bool in_use(const struct sim_hypervisor *hypervisor, unsigned index, bool shared,
                   unsigned host)
{
    for (int m = 0; m < SIM_MACHINES; m++)
        for (int i = 0; i < SIM_VIFS; i++) {
            const struct sim_machine *machine = &hypervisor->machines[m];
            const struct sim_vif *vif = &machine->vifs[i];

            if (machine->exists && vif->exists && vif->shared == shared && vif->network == index &&
                (shared || machine->host == host))
                return true;
        }
    return false;
}

/* Makes, changes or removes one network; one that is plugged into is never removed. At least two
 * stay, so that an empty list is always a lie. */
static void change_network(struct world *world, struct sim_hypervisor *hypervisor,
                           struct sim_network *networks, unsigned host, bool shared)
{
    unsigned index = (unsigned)dice_range(&world->dice, 0, SIM_NETWORKS - 1);
    struct sim_network *network = &networks[index];
    unsigned others = 0;

    for (unsigned i = 0; i < SIM_NETWORKS; i++)
        others += i != index && networks[i].exists;
    if (!network->exists)
        *network = make_network(world, hypervisor, shared);
    else if (dice_percent(&world->dice, 50) && others >= 2 &&
             !in_use(hypervisor, index, shared, host))
        network->exists = false;
    else if (network->mode == VLAN_TAGGED)
        network->vlan = (uint32_t)dice_range(&world->dice, SIM_VLAN_FIRST, SIM_VLAN_LAST);
}

static void change_host(struct world *world, struct sim_hypervisor *hypervisor, unsigned index)
{
    struct sim_host *host = &hypervisor->hosts[index];

    if (dice_percent(&world->dice, 70))
        change_network(world, hypervisor, host->networks, index, false);
    else if (host->connection != CONNECTION_CONNECTED)
        host->connection = CONNECTION_CONNECTED;
    else if (dice_percent(&world->dice, 50))
        host->connection =
            dice_percent(&world->dice, 50) ? CONNECTION_DISCONNECTED : CONNECTION_NOT_RESPONDING;
    else
        host->nics[dice_range(&world->dice, 0, SIM_NICS - 1)].on_shared ^= true;
}

enum sim_change world_change(struct world *world, unsigned h, int64_t now_ms, unsigned *ret_index)
{
    struct sim_hypervisor *hypervisor = &world->hypervisors[h];

    (void)now_ms;
    world->changes++;
    if (dice_percent(&world->dice, 60)) {
        *ret_index = (unsigned)dice_range(&world->dice, 0, SIM_MACHINES - 1);
        change_machine(world, h, *ret_index);
        return SIM_MACHINE;
    }
    if (dice_percent(&world->dice, 30)) {
        change_network(world, hypervisor, hypervisor->shared, 0, true);
        return SIM_SHARED;
    }
    if (!pick_host(world, hypervisor, ret_index))
        return SIM_NOTHING;
    change_host(world, hypervisor, *ret_index);
    return SIM_HOST;
}

static void unplug(struct world *world, int port)
{
    unsigned h, host, nic;

    if (port >= 0 && world_behind(world, (unsigned)port, &h, &host, &nic))
        world->hypervisors[h].hosts[host].nics[nic].port = -1;
}

void world_move_cable(struct world *world, int64_t now_ms)
{
    struct sim_nic *nic = pick_nic(world);
    int to = dice_percent(&world->dice, 80) ? (int)dice_range(&world->dice, 0, SIM_PORTS - 1) : -1;

    if (to >= 0 && to == world->uplink)
        to = -1;
    world->changes++;
    unplug(world, to);
    nic->port = to;
    nic->moved_ms = now_ms;
}

void world_heal(struct world *world)
{
    world->changes++;
    for (unsigned h = 0; h < world->n_hypervisors; h++)
        for (unsigned host = 0; host < SIM_HOSTS; host++)
            world->hypervisors[h].hosts[host].connection = CONNECTION_CONNECTED;
}

/* ---- Truth ----------------------------------------------------------------------------------- */

bool world_behind(const struct world *world, unsigned port, unsigned *ret_hypervisor,
                  unsigned *ret_host, unsigned *ret_nic)
{
    for (unsigned h = 0; h < world->n_hypervisors; h++)
        for (unsigned host = 0; host < SIM_HOSTS && !world->hypervisors[h].twin; host++)
            for (unsigned nic = 0; nic < SIM_NICS; nic++)
                if (world->hypervisors[h].hosts[host].exists &&
                    world->hypervisors[h].hosts[host].nics[nic].port == (int)port) {
                    *ret_hypervisor = h;
                    *ret_host = host;
                    *ret_nic = nic;
                    return true;
                }
    return false;
}

const struct sim_nic *world_nic(const struct world *world, unsigned hypervisor, unsigned host,
                                unsigned nic)
{
    return &world->hypervisors[world->hypervisors[hypervisor].twin ? 0 : hypervisor]
                .hosts[host]
                .nics[nic];
}

int world_port_of(const struct world *world, unsigned hypervisor, unsigned host, unsigned nic)
{
    return world_nic(world, hypervisor, host, nic)->port;
}

struct vlanset world_network_vlans(const struct sim_network *network)
{
    struct vlanset vlans = vlanset_empty;

    if (!network->exists || network->mode == VLAN_NATIVE)
        return vlans;
    vlanset_add(&vlans, network->vlan);
    if (network->mode == VLAN_TRUNK)
        vlanset_add_range(&vlans, network->vlan, network->last);
    if (network->mode == VLAN_PRIVATE)
        vlanset_add(&vlans, network->last);
    return vlans;
}

static void add_network(const struct sim_network *network, unsigned nic, struct vlanset *vlans)
{
    struct vlanset more = world_network_vlans(network);

    if (network->nics == 0 || network->nics >> nic & 1)
        *vlans = vlanset_union(vlans, &more);
}

static void add_machine(const struct sim_hypervisor *hypervisor, const struct sim_machine *machine,
                        unsigned nic, bool on_shared, struct vlanset *vlans)
{
    for (int i = 0; i < SIM_VIFS; i++) {
        const struct sim_vif *vif = &machine->vifs[i];

        if (vif->exists && vif->shared == on_shared)
            add_network(vif->shared ? &hypervisor->shared[vif->network]
                                    : &hypervisor->hosts[machine->host].networks[vif->network],
                        nic, vlans);
    }
}

struct vlanset world_demand(const struct world *world, unsigned h, unsigned host, unsigned nic,
                            unsigned port)
{
    const struct sim_hypervisor *hypervisor = &world->hypervisors[h];
    bool on_shared = hypervisor->hosts[host].nics[nic].on_shared;
    const struct sim_network *networks =
        on_shared ? hypervisor->shared : hypervisor->hosts[host].networks;
    struct vlanset vlans = vlanset_empty;

    if (hypervisor->provision == PROVISION_NETWORKS) {
        for (int i = 0; i < SIM_NETWORKS; i++)
            add_network(&networks[i], nic, &vlans);
    } else {
        /* The host's own interface is plugged into its first standard network. */
        if (!on_shared)
            add_network(&networks[0], nic, &vlans);
        for (int m = 0; m < SIM_MACHINES; m++)
            if (hypervisor->machines[m].exists && hypervisor->machines[m].host == host)
                add_machine(hypervisor, &hypervisor->machines[m], nic, on_shared, &vlans);
    }
    vlans = vlanset_both(&vlans, &hypervisor->allowed);
    vlans = vlanset_both(&vlans, &world->ports[port].allowed);
    return vlanset_minus(&vlans, &world->protected_vlans);
}

struct vlanset world_shared_needs(const struct world *world, unsigned h, unsigned machine,
                                  unsigned host, unsigned nic, unsigned port)
{
    const struct sim_hypervisor *hypervisor = &world->hypervisors[h];
    struct vlanset vlans = vlanset_empty;

    if (hypervisor->hosts[host].nics[nic].on_shared)
        add_machine(hypervisor, &hypervisor->machines[machine], nic, /* on_shared = */ true,
                    &vlans);
    vlans = vlanset_both(&vlans, &hypervisor->allowed);
    vlans = vlanset_both(&vlans, &world->ports[port].allowed);
    vlans = vlanset_minus(&vlans, &world->protected_vlans);
    vlanset_remove(&vlans, world->ports[port].native);
    return vlans;
}

struct vlanset world_needs(const struct world *world, unsigned port, struct vlanset *ret_config)
{
    struct vlanset needs = vlanset_empty;

    *ret_config = vlanset_empty;
    for (unsigned h = 0; h < world->n_hypervisors; h++)
        for (unsigned host = 0; host < SIM_HOSTS; host++)
            for (unsigned nic = 0; nic < SIM_NICS; nic++) {
                struct vlanset demand;

                if (!world->hypervisors[h].hosts[host].exists ||
                    world_port_of(world, h, host, nic) != (int)port)
                    continue;
                demand = world_demand(world, h, host, nic, port);
                needs = vlanset_union(&needs, &demand);
                if (world->hypervisors[h].mode == MODE_CONFIG)
                    *ret_config = vlanset_union(ret_config, &demand);
            }
    return needs;
}

bool world_shows(const struct world *world, unsigned port, unsigned *ret_hypervisor,
                 unsigned *ret_host, uint32_t *ret_vlan)
{
    const struct sim_network *network;
    const struct sim_host *host;
    unsigned nic;

    if (!world_behind(world, port, ret_hypervisor, ret_host, &nic))
        return false;
    host = &world->hypervisors[*ret_hypervisor].hosts[*ret_host];
    network = &host->networks[0];
    if (!host->shows || !network->exists)
        return false;
    *ret_vlan = network->mode == VLAN_NATIVE ? 0 : network->vlan;
    for (unsigned i = 0; i < SIM_NICS; i++)
        if (!host->nics[i].on_shared && (network->nics == 0 || network->nics >> i & 1))
            return i == nic;
    return false;
}

struct vlanset world_talk(const struct world *world, unsigned port)
{
    struct vlanset talk = vlanset_empty;

    for (unsigned h = 0; h < world->n_hypervisors; h++)
        for (unsigned m = 0; m < SIM_MACHINES; m++) {
            const struct sim_machine *machine = &world->hypervisors[h].machines[m];

            for (unsigned nic = 0; machine->exists && machine->talks && nic < SIM_NICS; nic++)
                if (world_port_of(world, h, machine->host, nic) == (int)port)
                    add_machine(&world->hypervisors[h], machine, nic,
                                world->hypervisors[h].hosts[machine->host].nics[nic].on_shared,
                                &talk);
        }
    return talk;
}

/* ---- The configuration ----------------------------------------------------------------------- */

static void config_vlans(struct strbuf *to, const char *words, const struct vlanset *vlans)
{
    strbuf_addf(to, " %s ", words);
    vlanset_format(vlans, to);
    strbuf_adds(to, "\n");
}

void world_config(const struct world *world, struct strbuf *to)
{
    strbuf_adds(to, "hostname tor-1\nswitch dummy ports\n");
    for (unsigned h = 0; h < world->n_hypervisors; h++) {
        const struct sim_hypervisor *hypervisor = &world->hypervisors[h];

        strbuf_addf(to, "hypervisor %s\n type vmware\n", hypervisor->name);
        strbuf_addf(to, " access https://127.0.0.1/%s username u password-file /p\n",
                    hypervisor->name);
        if (hypervisor->mode == MODE_CONFIG)
            strbuf_adds(to, " mode config\n");
        if (hypervisor->provision == PROVISION_MACHINES)
            strbuf_adds(to, " provision machines\n");
        config_vlans(to, "vlan allowed", &hypervisor->allowed);
        strbuf_adds(to, " no disable\n!\n");
    }
    for (unsigned port = 0; port < SIM_PORTS; port++) {
        strbuf_addf(to, "interface swp%u\n vsn %s\n", port,
                    (int)port == world->uplink ? "uplink" : "enable");
        config_vlans(to, "vlan allowed", &world->ports[port].allowed);
        strbuf_adds(to, "!\n");
    }
    strbuf_addf(to, "vsn\n prune hold-down %u\n prune budget %u\n", world->hold_down_s,
                world->budget);
    config_vlans(to, "vlan protect", &world->protected_vlans);
    strbuf_adds(to, "!\nend\n");
}

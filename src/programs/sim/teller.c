#include "programs/sim/teller.h"

#include <stdio.h>

#include "model/names.h"

enum { LIST_NIC, LIST_VSWITCH, LIST_UPLINK, LIST_NETWORK, LIST_VMKNIC, N_LISTS };

static const enum table lists[N_LISTS] = {
    [LIST_NIC] = TABLE_NIC,         [LIST_VSWITCH] = TABLE_VSWITCH, [LIST_UPLINK] = TABLE_UPLINK,
    [LIST_NETWORK] = TABLE_NETWORK, [LIST_VMKNIC] = TABLE_VMKNIC,
};

static void tell(struct teller *teller, enum record_op op, enum table table, const void *row)
{
    record_write(teller->to, op, table, row, 0);
}

const char *sim_mac(const struct world *world, unsigned hypervisor, unsigned host, unsigned nic,
                    char text[32])
{
    snprintf(text, 32, "00:50:56:%02x:%02x:%02x",
             world->hypervisors[hypervisor].twin ? 0 : hypervisor, host, nic);
    return text;
}

/* The same throw each time for the same row of the same lie. */
static bool left_out(const struct teller *teller, unsigned number, bool talks)
{
    const struct sim_session *session = teller->session;
    struct dice dice = dice_of_seed(session->lie_seed + number);

    if (session->lie == LIE_SHORT || teller->blind)
        return dice_percent(&dice, 25);
    return session->lie == LIE_TALKING && talks && dice_percent(&dice, 50);
}

static void tell_network(struct teller *teller, const char *owner,
                         const struct sim_network *network)
{
    char id[24], active[64];
    struct strbuf names;
    struct network row = {
        .owner = owner,
        .id = id,
        .name = id,
        .kind = owner[0] ? NETWORK_STANDARD : NETWORK_DISTRIBUTED,
        .vswitch = owner[0] ? "vSwitch0" : "dvs-1",
        .mode = network->mode,
        .teaming_known = network->nics != 0,
    };

    if (!network->exists || left_out(teller, network->number, false))
        return;
    snprintf(id, sizeof(id), "pg-%u", network->number);
    if (network->mode == VLAN_PRIVATE)
        vlanset_add(&row.vlans, network->vlan);
    else
        row.vlans = world_network_vlans(network);
    strbuf_init(&names, sizeof(active));
    for (unsigned nic = 0; nic < SIM_NICS; nic++)
        if (network->nics >> nic & 1) {
            char name[16];

            snprintf(name, sizeof(name), "%s%u", owner[0] ? "vmnic" : "up", nic);
            names_add(&names, name);
        }
    row.active = strbuf_text(&names);
    tell(teller, RECORD_NEW, TABLE_NETWORK, &row);
    strbuf_done(&names);
}

static void tell_nics(struct teller *teller, const char *id, unsigned host)
{
    for (unsigned i = 0; i < SIM_NICS; i++) {
        char device[16], mac[32];
        struct nic row = { .owner = id, .id = device, .link = LINK_UP };

        snprintf(device, sizeof(device), "vmnic%u", i);
        mac_parse(sim_mac(teller->world, teller->index, host, i, mac), &row.mac);
        tell(teller, RECORD_NEW, TABLE_NIC, &row);
    }
}

static void tell_vswitches(struct teller *teller, const char *id)
{
    const struct vswitch standard = { id, "vSwitch0", "vSwitch0", VSWITCH_STANDARD };
    const struct vswitch shared = { id, "uuid-1", "dvs", VSWITCH_DISTRIBUTED };

    tell(teller, RECORD_NEW, TABLE_VSWITCH, &standard);
    tell(teller, RECORD_NEW, TABLE_VSWITCH, &shared);
}

static void tell_uplinks(struct teller *teller, const char *id, const struct sim_host *host)
{
    for (unsigned i = 0; i < SIM_NICS; i++) {
        bool on_shared = host->nics[i].on_shared;
        char device[16], name[16];
        const struct uplink row = { id, device, on_shared ? "uuid-1" : "vSwitch0", name, "" };

        snprintf(device, sizeof(device), "vmnic%u", i);
        snprintf(name, sizeof(name), "%s%u", on_shared ? "up" : "vmnic", i);
        tell(teller, RECORD_NEW, TABLE_UPLINK, &row);
    }
}

static void tell_vmknic(struct teller *teller, const char *id, unsigned index)
{
    const struct sim_host *host = &teller->hypervisor->hosts[index];
    char network[24];
    struct vmknic row = { .owner = id, .id = "vmk0", .network = network };

    if (host->shows && !teller->hypervisor->twin)
        row.mac = (struct mac){ { 2, 0x50, 0x56, (uint8_t)teller->index, (uint8_t)index, 0 } };

    snprintf(network, sizeof(network), "pg-%u", host->networks[0].number);
    if (host->networks[0].exists)
        tell(teller, RECORD_NEW, TABLE_VMKNIC, &row);
}

static void tell_list(struct teller *teller, const char *id, unsigned host, unsigned list)
{
    const struct sim_host *truth = &teller->hypervisor->hosts[host];
    const union row key = { .key = { id, "" } };
    bool here = teller->session->lie_host == host && teller->session->lie_list % N_LISTS == list;

    if (here && teller->session->lie == LIE_UNKNOWN) {
        tell(teller, RECORD_UNKNOWN, lists[list], &key);
        return;
    }
    tell(teller, RECORD_BEGIN, lists[list], &key);
    if (!here || teller->session->lie != LIE_HOLLOW) {
        if (list == LIST_NIC)
            tell_nics(teller, id, host);
        else if (list == LIST_VSWITCH)
            tell_vswitches(teller, id);
        else if (list == LIST_UPLINK)
            tell_uplinks(teller, id, truth);
        else if (list == LIST_VMKNIC)
            tell_vmknic(teller, id, host);
        else
            for (unsigned i = 0; i < SIM_NETWORKS; i++)
                tell_network(teller, id, &truth->networks[i]);
    }
    tell(teller, RECORD_END, lists[list], &key);
}

void tell_host(struct teller *teller, unsigned host)
{
    const struct sim_host *truth = &teller->hypervisor->hosts[host];
    char id[16];
    struct host row = { .id = id, .name = id, .connection = truth->connection };

    snprintf(id, sizeof(id), "host-%u", host);
    if (!truth->exists)
        return;
    tell(teller, RECORD_NEW, TABLE_HOST, &row);
    teller->blind = truth->connection != CONNECTION_CONNECTED;
    for (unsigned list = 0; list < N_LISTS; list++)
        tell_list(teller, id, host, list);
    teller->blind = false;
}

void tell_shared(struct teller *teller)
{
    const struct dvswitch dvswitch = { "", "dvs-1", "dvs", "uuid-1" };
    const union row key = { .key = { "dvs-1", "" } };
    bool unknown = teller->session->lie == LIE_UNKNOWN && teller->session->lie_list % 7 == 5;

    tell(teller, RECORD_NEW, TABLE_DVSWITCH, &dvswitch);
    tell(teller, RECORD_BEGIN, TABLE_PVLAN, &key);
    for (unsigned i = 0; i < SIM_NETWORKS; i++) {
        const struct sim_network *network = &teller->hypervisor->shared[i];
        char id[24];
        const struct pvlan row = { "dvs-1", id, network->last, network->vlan };

        snprintf(id, sizeof(id), "%u/%u", network->last, network->vlan);
        if (network->exists && network->mode == VLAN_PRIVATE)
            tell(teller, RECORD_NEW, TABLE_PVLAN, &row);
    }
    tell(teller, RECORD_END, TABLE_PVLAN, &key);
    if (unknown) {
        tell(teller, RECORD_UNKNOWN, TABLE_NETWORK, NULL);
        return;
    }
    for (unsigned i = 0; i < SIM_NETWORKS; i++) {
        const struct sim_network *network = &teller->hypervisor->shared[i];
        unsigned *told = &teller->session->shared_told[i];
        char old[24];
        const union row gone = { .key = { "", old } };

        snprintf(old, sizeof(old), "pg-%u", *told);
        if (*told && (!network->exists || *told != network->number))
            tell(teller, RECORD_GONE, TABLE_NETWORK, &gone);
        *told = network->exists ? network->number : 0;
        tell_network(teller, "", network);
    }
}

static void tell_vifs(struct teller *teller, const char *id, const struct sim_machine *machine)
{
    const union row key = { .key = { id, "" } };
    struct dice dice = dice_of_seed(teller->session->lie_seed + machine->number);

    if (teller->session->lie == LIE_UNKNOWN && dice_percent(&dice, 10)) {
        tell(teller, RECORD_UNKNOWN, TABLE_VIF, &key);
        return;
    }
    tell(teller, RECORD_BEGIN, TABLE_VIF, &key);
    for (unsigned i = 0; i < SIM_VIFS; i++) {
        const struct sim_vif *vif = &machine->vifs[i];
        const struct sim_network *network =
            vif->shared ? &teller->hypervisor->shared[vif->network]
                        : &teller->hypervisor->hosts[machine->host].networks[vif->network];
        char device[16], pg[24];
        const struct vif row = { .owner = id, .id = device, .network = pg, .shared = vif->shared };

        snprintf(device, sizeof(device), "%u", 4000 + i);
        snprintf(pg, sizeof(pg), "pg-%u", network->number);
        if (vif->exists)
            tell(teller, RECORD_NEW, TABLE_VIF, &row);
    }
    tell(teller, RECORD_END, TABLE_VIF, &key);
}

void tell_machine(struct teller *teller, unsigned index)
{
    const struct sim_machine *machine = &teller->hypervisor->machines[index];
    unsigned *told = &teller->session->machine_told[index];
    char id[16], host[16];
    struct machine row = { .id = id, .name = id, .host = host, .power = POWER_ON };

    if (*told && (!machine->exists || *told != machine->number)) {
        snprintf(id, sizeof(id), "vm-%u", *told);
        tell(teller, RECORD_GONE, TABLE_MACHINE, &row);
        *told = 0;
    }
    if (!machine->exists || left_out(teller, machine->number, machine->talks))
        return;
    snprintf(id, sizeof(id), "vm-%u", machine->number);
    snprintf(host, sizeof(host), "host-%u", machine->host);
    tell(teller, RECORD_NEW, TABLE_MACHINE, &row);
    tell_vifs(teller, id, machine);
    *told = machine->number;
}

static void move_id(const struct sim_move *move, char text[24])
{
    snprintf(text, 24, "move-%u", move->number);
}

static void host_id(unsigned host, char text[16])
{
    snprintf(text, 16, "host-%u", host);
}

static void add_possible(const struct sim_move *move, struct strbuf *names)
{
    for (unsigned host = 0; host < SIM_HOSTS; host++) {
        char id[16];

        host_id(host, id);
        if (move->possible >> host & 1)
            names_add(names, id);
    }
}

void tell_move(struct teller *teller, const struct sim_move *move, enum move_outcome outcome)
{
    const struct sim_machine *machine = &teller->hypervisor->machines[move->machine];
    char owner[16], id[24], from[16], to[16];
    struct strbuf possible;
    struct move row = {
        .owner = owner,
        .id = id,
        .kind = move->kind,
        .outcome = outcome,
        .from = from,
        .to = move->is_to_told ? to : "",
        .by = "sim",
    };

    snprintf(owner, sizeof(owner), "vm-%u", machine->number);
    move_id(move, id);
    host_id(move->from, from);
    host_id(move->to, to);
    strbuf_init(&possible, 256);
    if (!move->is_to_told)
        add_possible(move, &possible);
    row.possible = strbuf_text(&possible);
    tell(teller, RECORD_NEW, TABLE_MOVE, &row);
    strbuf_done(&possible);
}

void tell_move_gone(struct teller *teller, const struct sim_move *move)
{
    char owner[16], id[24];
    const union row key = { .key = { owner, id } };

    snprintf(owner, sizeof(owner), "vm-%u", teller->hypervisor->machines[move->machine].number);
    move_id(move, id);
    tell(teller, RECORD_GONE, TABLE_MOVE, &key);
}

void tell_everything(struct teller *teller)
{
    if (teller->session->lie == LIE_EMPTY)
        return;
    for (unsigned i = 0; i < SIM_HOSTS; i++)
        tell_host(teller, i);
    tell_shared(teller);
    if (teller->session->lie == LIE_UNKNOWN && teller->session->lie_list % 7 == 6)
        tell(teller, RECORD_UNKNOWN, TABLE_MACHINE, NULL);
    else
        for (unsigned i = 0; i < SIM_MACHINES; i++)
            tell_machine(teller, i);
    for (unsigned i = 0; i < SIM_MOVES; i++) {
        const struct sim_move *move = &teller->world->moves[i];

        if (move->exists && move->is_told && move->hypervisor == teller->index)
            tell_move(teller, move, MOVE_RUNNING);
    }
}

void tell_hints(struct teller *teller, unsigned host, bool heard)
{
    char id[16];
    union row key = { .key = { id, "" } };

    snprintf(id, sizeof(id), "host-%u", host);
    tell(teller, RECORD_BEGIN, TABLE_HINT, &key);
    for (unsigned nic = 0; heard && nic < SIM_NICS; nic++) {
        const struct sim_nic *truth = world_nic(teller->world, teller->index, host, nic);
        char device[16], hint[24], port[16];
        const struct hint row = {
            .owner = id,
            .id = hint,
            .nic = device,
            .protocol = DISCOVERY_CDP,
            .system = "tor-1",
            .port = port,
        };

        if (!truth->listens || truth->port < 0)
            continue;
        snprintf(device, sizeof(device), "vmnic%u", nic);
        snprintf(hint, sizeof(hint), "vmnic%u/cdp", nic);
        snprintf(port, sizeof(port), "swp%d", truth->port);
        tell(teller, RECORD_NEW, TABLE_HINT, &row);
    }
    tell(teller, RECORD_END, TABLE_HINT, &key);
}

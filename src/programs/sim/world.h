/* world.h: the truth that the simulator's core is held against: hypervisors, hosts, NICs, networks,
 * machines, and which NIC is plugged into which port of the switch.
 *
 * Nothing here knows what the core was told; see faults.h for that. The demand of a port is worked
 * out here a second time, from the truth and by other code than intent/demand.c. */
#ifndef VSN_SIM_WORLD_H
#define VSN_SIM_WORLD_H

#include "base/strbuf.h"
#include "model/config.h"
#include "model/record.h"
#include "programs/sim/dice.h"

enum {
    SIM_HYPERVISORS = 3,
    SIM_HOSTS = 5,    /* most per hypervisor */
    SIM_NICS = 2,     /* per host */
    SIM_PORTS = 10,   /* of the switch */
    SIM_NETWORKS = 6, /* most per host, and of the distributed switch */
    SIM_MACHINES = 14,
    SIM_MOVES = 12, /* at a time */
    SIM_VIFS = 2,
    SIM_VLAN_FIRST = 100, /* networks use these ... */
    SIM_VLAN_LAST = 123,
    SIM_VLAN_BEYOND = 900,   /* ... this one, which no fence allows ... */
    SIM_VLAN_PROTECTED = 110 /* ... and this one is protected */
};

struct sim_network {
    bool exists;
    unsigned number; /* part of its id; never used twice */
    enum vlan_mode mode;
    uint32_t vlan, last; /* last: of a trunk; the primary id of a private VLAN */
    unsigned nics;       /* bit per NIC that may carry it; 0: teaming not known, every one */
};

struct sim_nic {
    bool on_shared;   /* an uplink of the distributed switch, else of vSwitch0 */
    bool speaks;      /* LLDP with its own MAC address */
    bool listens;     /* reports what it hears: hints */
    int port;         /* -1: plugged in elsewhere */
    int64_t moved_ms; /* when it was plugged in there */
};

struct sim_host {
    bool exists;
    enum connection connection;
    bool shows; /* its own interface has an address, and talks with it */
    struct sim_nic nics[SIM_NICS];
    struct sim_network networks[SIM_NETWORKS]; /* standard ones */
};

struct sim_vif {
    bool exists, shared;
    unsigned network; /* index of a network of its host, or of the shared ones */
};

struct sim_machine {
    bool exists;
    unsigned number;
    unsigned host;
    bool talks; /* its MAC address is always in the switch's table; else never */
    struct sim_vif vifs[SIM_VIFS];
};

struct sim_hypervisor {
    char name[16];
    enum config_mode mode;
    enum config_provision provision;
    struct vlanset allowed;
    bool twin; /* an ESXi that vc0 manages too: its only host is vc0's first, NICs included */
    unsigned numbers;
    struct sim_host hosts[SIM_HOSTS];
    struct sim_network shared[SIM_NETWORKS];
    struct sim_machine machines[SIM_MACHINES];
};

/* A machine on its way to a host, and how far its session has told of it (moves.h). */
struct sim_move {
    bool exists;
    unsigned number; /* of its id; never used twice */
    unsigned hypervisor, machine, from, to;
    enum move_kind kind;
    enum move_outcome end; /* what it will come to */
    uint64_t possible;     /* bit per host that is named while the destination is not; 0: none */
    int64_t tell_ms;       /* when it is announced; INT64_MAX: never, its events are lost */
    int64_t to_ms;         /* when the destination is told; INT64_MAX: never */
    int64_t ends_ms;
    int64_t end_tell_ms; /* when the end is told */
    int64_t seen_ms;     /* when the machine is told to be on its new host */
    bool is_told, is_to_told, has_ended, is_end_told;
    int64_t told_ms; /* when the core had been told of it; 0: not yet */
};

struct sim_port {
    struct vlanset allowed;
    uint32_t native;
    bool by_hand[4]; /* VLANs SIM_VLAN_FIRST.. that an engineer put there */
};

struct world {
    struct dice dice;
    struct sim_hypervisor hypervisors[SIM_HYPERVISORS];
    unsigned n_hypervisors;
    struct sim_port ports[SIM_PORTS];
    struct sim_move moves[SIM_MOVES];
    unsigned n_moves; /* ever begun */
    int uplink;       /* port to another switch; -1: none */
    struct vlanset protected_vlans;
    uint32_t hold_down_s, budget;
    uint64_t changes; /* counts every change of the truth */
};

/* What has changed in a hypervisor, for the session to tell. */
enum sim_change { SIM_NOTHING, SIM_HOST, SIM_SHARED, SIM_MACHINE };

void world_init(struct world *world, uint64_t seed);

/* Lets one thing happen in hypervisor 'h'. Returns what, and '*ret_index' which host or machine. */
enum sim_change world_change(struct world *world, unsigned h, int64_t now_ms, unsigned *ret_index);

bool world_is_moving(const struct world *world, unsigned hypervisor, unsigned machine);

/* A machine is on another host, plugged in as well as it can be there. */
void world_put_machine(struct world *world, unsigned hypervisor, unsigned machine, unsigned host);

/* Moves one NIC to another port, or swaps two. */
void world_move_cable(struct world *world, int64_t now_ms);

/* Every host is connected again. */
void world_heal(struct world *world);

/* The NIC behind a port as its own hypervisor sees it, false when there is none. A twin's NIC is
 * where vc0's is: see world_port_of(). */
bool world_behind(const struct world *world, unsigned port, unsigned *ret_hypervisor,
                  unsigned *ret_host, unsigned *ret_nic);

/* The port that a NIC is plugged into, -1 for none. */
int world_port_of(const struct world *world, unsigned hypervisor, unsigned host, unsigned nic);

/* The NIC that a host row stands for (a twin's is vc0's). */
const struct sim_nic *world_nic(const struct world *world, unsigned hypervisor, unsigned host,
                                unsigned nic);

/* What one hypervisor needs on one of its NICs, within the fences of 'port'. */
struct vlanset world_demand(const struct world *world, unsigned hypervisor, unsigned host,
                            unsigned nic, unsigned port);

/* What a machine in its distributed networks needs, or would need, on a NIC of 'host', within the
 * fences of 'port'. */
struct vlanset world_shared_needs(const struct world *world, unsigned hypervisor, unsigned machine,
                                  unsigned host, unsigned nic, unsigned port);

/* What all hypervisors really need on a port; '*ret_config' the part that those in 'mode config'
 * need. */
struct vlanset world_needs(const struct world *world, unsigned port, struct vlanset *ret_config);

/* VLANs in which a machine behind that port talks. */
struct vlanset world_talk(const struct world *world, unsigned port);

/* The host whose own interface talks through 'port' now, and in which VLAN (0: untagged): the first
 * of its NICs that its first network may use. False: none. */
bool world_shows(const struct world *world, unsigned port, unsigned *ret_hypervisor,
                 unsigned *ret_host, uint32_t *ret_vlan);

/* The VLANs of one network. */
struct vlanset world_network_vlans(const struct sim_network *network);

/* The configuration file of this world. */
void world_config(const struct world *world, struct strbuf *to);

#endif

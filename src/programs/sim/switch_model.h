/* switch_model.h: a switch with its Config Module, as src/switch/module.h promises it: it tells its
 * ports, enforces its policy, owns only what it added, and answers each change with what the switch
 * carries then; unless a fault strikes. Beside it, a second writer with hands of its own. */
#ifndef VSN_SIM_SWITCH_MODEL_H
#define VSN_SIM_SWITCH_MODEL_H

#include "model/record.h"
#include "programs/sim/feed.h"
#include "programs/sim/world.h"

#define SWITCH_PENDING 64
#define SWITCH_VLANS 32

struct switch_port {
    struct vlanset tagged;
    struct vlanset owned;  /* the ledger; survives restarts */
    struct vlanset absent; /* ours, and missing at the last reading */
    struct vlanset learnt;
    bool learnt_known;
    char station[48]; /* id of the one that is told; "": none */
    bool has_policy;
    struct vlanset policy;
    int64_t upset_ms; /* until then a fault or another hand may keep vsn from writing to it ... */
    int64_t upset_vlan_ms[SWITCH_VLANS]; /* ... or this VLAN, from SIM_VLAN_FIRST on */
};

struct switch_change {
    char id[24];
    unsigned port;
    struct vlanset add, remove;
    int64_t due_ms;
    bool fails, silent; /* nothing is written; no outcome is told */
};

struct switch_model {
    struct switch_port ports[SIM_PORTS];
    struct switch_change pending[SWITCH_PENDING];
    unsigned n_pending;
    bool runs, reachable, frozen;
    int64_t back_ms;         /* when a fault of these three ends */
    int64_t last_due_ms;     /* changes are carried out in the order in which they came */
    unsigned trouble;        /* percent of changes that a fault strikes */
    uint64_t added, removed; /* pairs, in all */
};

void switch_init(struct switch_model *model, struct world *world);

/* The module starts (again) and tells everything. */
bool switch_start(struct switch_model *model, struct world *world, struct feed *feed);

/* Takes one line from the core, which is changed; a change is stored in '*ret_change' too (its port
 * as an index), and then true is returned. */
bool switch_take(struct switch_model *model, struct world *world, char *line, int64_t now_ms,
                 struct switch_change *ret_change);

/* Carries out what is due, reads the MAC table, lets faults come and go. */
bool switch_run(struct switch_model *model, struct world *world, struct feed *feed);

/* When the next change is carried out; INT64_MAX: none is waiting. */
int64_t switch_next_ms(const struct switch_model *model, int64_t now_ms);

/* Somebody adds or removes a VLAN by hand. */
bool switch_by_hand(struct switch_model *model, struct world *world, struct feed *feed);

/* A fault strikes the module or the switch. */
bool switch_fault(struct switch_model *model, struct world *world, struct feed *feed);

/* Every fault ends. */
bool switch_heal(struct switch_model *model, struct world *world, struct feed *feed);

#endif

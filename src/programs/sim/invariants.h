/* invariants.h: what must never happen, whatever the world and the faults do.
 *
 *  I1  nothing is added beyond a fence, or on a port without a trusted wire, or one in conflict
 *  I2  nothing protected, native or made by hand is removed
 *  I3  nothing is removed that an owner behind the port has needed for longer than the truth takes
 *      to be told ('grace'), once the core knew that this owner is there
 *  I4  removals stay within the budget: so many a minute, and its share of what is owned per hour
 *  I5  nothing is removed before every hypervisor was read in full since the core started
 *  I6  when faults have stopped, each port carries what it really needs, and keeps nothing else
 *  I7  a port behind which only hypervisors in 'mode check' are is never written
 *
 * I1 to I5 and I7 hold for each change when it is sent; I6 at the end of a run. */
#ifndef VSN_SIM_INVARIANTS_H
#define VSN_SIM_INVARIANTS_H

#include "programs/sim/faults.h"
#include "programs/sim/switch_model.h"

enum { SIM_VLANS = 32 }; /* SIM_VLAN_FIRST and those after it */

struct invariants {
    /* Since when an owner behind a port needs a VLAN, 0: it does not. */
    int64_t needed_ms[SIM_PORTS][SIM_HYPERVISORS][SIM_VLANS];
    /* The core has had a trusted wire to what is really there. */
    bool seen[SIM_PORTS][SIM_HYPERVISORS];
    uint64_t looked_at; /* state of world.changes when needed_ms was worked out */
    int64_t grace_ms;
    int64_t removals[4096]; /* times of single removals since the core started, a ring */
    uint64_t n_removals;
    uint64_t raced;   /* removals of what was needed since less than the grace */
    char broken[512]; /* the invariant that did not hold; "": all did */
};

void invariants_init(struct invariants *invariants, const struct world *world);

/* The core was started anew. */
void invariants_restart(struct invariants *invariants);

/* Looks at the world and at what the core knows of it; once per step, before what is sent is
 * judged. */
void invariants_look(struct invariants *invariants, const struct world *world,
                     const struct core *core, int64_t now_ms);

/* Judges one change that the core sent. False when an invariant does not hold: 'broken' says so. */
bool invariants_judge(struct invariants *invariants, const struct world *world,
                      const struct faults *faults, const struct core *core,
                      const struct switch_change *change, int64_t now_ms);

/* I6. */
bool invariants_converged(struct invariants *invariants, const struct world *world,
                          const struct core *core, const struct switch_model *model);

#endif

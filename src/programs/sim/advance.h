/* advance.h: what must hold for machines on their way, and for the uplink.
 *
 *  I8   the VLANs of a machine on its way are on the destination's ports SIM_ADVANCE_MS after the
 *       destination was told, or the core stopped to wait for that, and from then on while it
 *       goes on: where the destination's NIC is known to the core, within the fences, told of
 *       in full, and nothing keeps the switch from taking them
 *  I9   nothing that a move asked for is removed before the hold-down has passed since, and
 *       nothing of a machine that is leaving while it is still there
 *  I10  the ledger of moves says what came of each
 *  I11  the uplink has what a port is to carry before the port does, and keeps what any port
 *       carries
 *
 * The demand is worked out from the truth (world.h). */
#ifndef VSN_SIM_ADVANCE_H
#define VSN_SIM_ADVANCE_H

#include "programs/sim/faults.h"
#include "programs/sim/switch_model.h"

enum {
    SIM_ADVANCE_MS = 500, /* the switch takes 200 ms for a change at most */
    SIM_ENDED = 256       /* moves that are remembered when they are over */
};

/* What a machine needs on the NICs of one host. */
struct sim_need {
    int ports[SIM_NICS]; /* -1: nothing is to be expected there */
    struct vlanset vlans[SIM_NICS];
};

/* One move that the core was told of. */
struct watch {
    unsigned move; /* its number; 0: none */
    unsigned slot; /* in world.moves */
    int64_t told_ms;
    int64_t due_ms; /* when its VLANs have to be there */
    bool is_to_told;
    uint64_t readings; /* of its session, when it was told */
    bool is_clear;     /* everything about the machine and both hosts had been told, truly */
    bool is_plain;     /* no fence stands against anything that the machine needs there */
    struct sim_need there, here;
    bool was_checked, was_there; /* every VLAN, when its time had come */
};

/* A move that is over, whose session told all of it, from the beginning to the end. */
struct ended {
    unsigned move, hypervisor;
    enum move_outcome end;
    bool is_expected_in_time;
};

struct advance {
    struct watch watches[SIM_MOVES];
    struct ended ended[SIM_ENDED]; /* a ring */
    uint64_t n_ended;
    /* When a move last asked for a VLAN (from SIM_VLAN_FIRST on) on a port; 0: never. */
    int64_t asked_ms[SIM_PORTS][SWITCH_VLANS];
    uint64_t judged; /* moves whose VLANs were looked for */
    char broken[512];
};

void advance_init(struct advance *advance);

/* The core was started anew. */
void advance_restart(struct advance *advance);

/* Looks at the moves that the core knows of; once for each settling. */
void advance_look(struct advance *advance, const struct world *world, const struct faults *faults,
                  const struct core *core, const struct switch_model *model, int64_t now_ms);

/* I8: looks for what is due. When that is next: advance_next_ms(), INT64_MAX for never. */
bool advance_check(struct advance *advance, const struct world *world,
                   const struct switch_model *model, int64_t now_ms);
int64_t advance_next_ms(const struct advance *advance, int64_t now_ms);

/* I9 and I11: judges a change that the core sent. */
bool advance_judge(struct advance *advance, const struct world *world,
                   const struct switch_model *model, const struct switch_change *change,
                   int64_t now_ms);

/* I10: at the end of a run. */
bool advance_ledger(struct advance *advance, const struct world *world, const struct core *core);

#endif

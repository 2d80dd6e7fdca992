/* budget.h: what fits on a switch that cannot carry everything.
 *
 * Pure. Platforms have room for so many VLANs, so many of them on a port, so many memberships (a
 * VLAN on a port counts one). When what is to be added would be too much, ranks decide (rank.h).
 * What vsn added for stopped machines and empty networks gives way to better ranks, by way of the
 * guard; what runs, and what others made, never does. */
#ifndef VSN_RECONCILE_BUDGET_H
#define VSN_RECONCILE_BUDGET_H

#include "intent/rank.h"

struct budget_port {
    struct vlanset carried;      /* tagged, by whatever hand */
    struct vlanset owned;        /* of it, what vsn added */
    struct vlanset wanted;       /* to be added */
    const struct vlanset *ranks; /* N_RANKS sets */
    struct vlanset left_out;     /* out: wanted, and there is no room for it now */
    struct vlanset surplus;      /* out: owned, and gives way to something better */
    const char *reason;          /* out: which limit; NULL: none */
};

/* What is there besides: on ports that are none of vsn's. */
struct budget_others {
    struct vlanset carried;
    unsigned memberships;
};

/* Decides; 0 or -ENOMEM. In 'ports' those first whose VLANs matter first within a rank. */
int budget_compute(const struct config *config, const struct budget_others *others,
                   struct budget_port *ports, size_t count);

#endif

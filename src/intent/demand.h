/* demand.h: which VLANs a host needs on the wire of one of its NICs, and who needs them.
 *
 * Pure. Demand is enumerated, not stored: the caller is told each need with its reason, so that the
 * intent (a set) and 'vsn why' (the chain) come from the same walk. */
#ifndef VSN_INTENT_DEMAND_H
#define VSN_INTENT_DEMAND_H

#include "model/config.h"
#include "model/inventory.h"

struct need {
    struct vlanset vlans;          /* expanded: trunk ranges, private VLAN pairs */
    const struct vswitch *vswitch; /* through which virtual switch of the host */
    const struct network *network;
    const struct machine *machine; /* the machine that is or will be there; else NULL */
    const struct move *move;       /* on whose way it is; NULL: it is there */
    const struct vmknic *vmknic;   /* the hypervisor's own interface; else NULL */
};

typedef void demand_fn(const struct need *need, void *data);

/* Calls 'fn' for each need of NIC 'nic' of 'host' under 'provision'; needs of machines that are on
 * their way to the host are told under both. Returns true when the whole
 * demand is known, false when a part could not be read (so that nothing may be concluded from what
 * was not told); '*reterr' then says which part. */
bool demand_of_nic(const struct inventory *inventory, enum config_provision provision,
                   const char *host, const char *nic, demand_fn *fn, void *data,
                   struct error *reterr);

/* The same for one machine, as if it were on that host already: what is needed there before it
 * arrives. */
bool demand_of_machine(const struct inventory *inventory, const struct machine *machine,
                       const char *host, const char *nic, demand_fn *fn, void *data,
                       struct error *reterr);

/* True when the machine of a move may arrive on 'host': it is the destination or, while that is not
 * known, one of the possible ones, and the move has not come to nothing. It is so until the row is
 * gone, also when the move is done. A move from store to store ends on no host. */
bool move_may_end_on(const struct move *move, const char *host);

/* The network that an interface is plugged into: a standard one of its host, or a shared one. NULL
 * when it is not known. */
const struct network *network_of_interface(const struct inventory *inventory, const char *host,
                                           const char *network, bool shared);

/* The id of the virtual switch that a network lives on, as the hosts that have it know it: NULL
 * when its distributed switch was not read. */
const char *vswitch_of_network(const struct inventory *inventory, const struct network *network);

/* The VLANs that a network carries, expanded. '*ret_known' is false when it cannot be said. */
struct vlanset network_vlans(const struct inventory *inventory, const struct network *network,
                             bool *ret_known);

/* True when the network's traffic can leave its host through that uplink (teaming order). */
bool network_uses_uplink(const struct network *network, const struct uplink *uplink);

#endif

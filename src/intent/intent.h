/* intent.h: the VLANs that each port should carry, and what stands in the way.
 *
 * Pure. For each configured port: the union of what its trusted wires need, cut to the fences. For
 * a port to another switch: what the others need (uplink.h). */
#ifndef VSN_INTENT_INTENT_H
#define VSN_INTENT_INTENT_H

#include "intent/demand.h"
#include "intent/rank.h"
#include "intent/wires.h"

struct port_intent {
    const struct config_port *port;
    struct vlanset needed;  /* what the wires need within the allowed lists, all owners together: no
                             * member of it is ever removed */
    struct vlanset wanted;  /* the part of it that fits the port's cap */
    struct vlanset apply;   /* the part of it that hypervisors in 'mode config' ask for */
    struct vlanset refused; /* needed, but beyond a fence */
    char refusal[256];      /* which fence; empty when nothing is refused */
    struct vlanset ranks[N_RANKS]; /* who needs what, where that is asked for (intent_is_ranked());
                                    * else empty */
    struct vlanset kept;   /* an uplink: what other ports carry, and so is not removed from it */
    bool is_bound;         /* a host NIC is known to be or to have been behind it */
    bool may_add;          /* the port is bound and nothing contradicts */
    bool may_remove;       /* absence is proved: every owner that could want a VLAN here was read
                            * in full, is connected, and is not doubted */
    char reason[256];      /* why not, for either */
    enum config_mode mode; /* MODE_CONFIG when a hypervisor in that mode is behind the port */
};

struct intent {
    struct port_intent *ports; /* one per configured port with 'vsn enable', in configuration order,
                                * and then one per port with 'vsn uplink' ('port->uplink') */
    size_t count;
};

/* How far a hypervisor's word can be trusted. */
struct hypervisor_trust {
    struct hypervisor_view view;
    enum session_state state;
    bool
        released; /* 'hold SECONDS' ran out after contact was lost: what it wanted counts no more */
};

/* Returns 0 or -ENOMEM. 'module' is the Config Module's inventory: what ports carry. 'ret_intent'
 * borrows from 'config'. */
int intent_compute(const struct config *config, const struct hypervisor_trust *hypervisors,
                   size_t n_hypervisors, const struct wires *wires, const struct inventory *module,
                   struct intent *ret_intent);

/* What the intent of a port becomes when 'hypervisor', which is behind it, needs 'demand' there as
 * well: through the same fences and the same cap. */
void intent_ask(const struct config *config, const struct config_hypervisor *hypervisor,
                const struct vlanset *demand, struct port_intent *intent);

/* True when there may not be room on the port for all that is needed. */
bool intent_is_ranked(const struct config *config, const struct config_port *port);

/* Fills in 'wanted' with what of 'needed' fits the port's 'vlan maximum', by rank; the rest is
 * refused. */
void intent_cap(struct port_intent *intent);

void intent_done(struct intent *intent);

const struct port_intent *intent_find(const struct intent *intent, const char *port);

#endif

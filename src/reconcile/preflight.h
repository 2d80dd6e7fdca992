/* preflight.h: what a machine would find on another host, told before it moves.
 *
 * Pure. Goes from the machine's interfaces through the networks, virtual switches and NICs of the
 * destination to the ports of this switch, and asks for each VLAN what the intent and the plan make
 * of the move as if it had been announced (intent_ask(), plan_compute()): an answer cannot differ
 * from what then happens. What comes from behind another switch needs the uplinks as well. */
#ifndef VSN_RECONCILE_PREFLIGHT_H
#define VSN_RECONCILE_PREFLIGHT_H

#include "reconcile/core.h"

enum preflight_state {                    /* from best to worst */
                       PREFLIGHT_READY,   /* carried now, or nothing is needed */
                       PREFLIGHT_WILL_BE, /* added when the move is announced */
                       PREFLIGHT_UNKNOWN, /* a fact is missing: 'reason' says which */
                       PREFLIGHT_REFUSED, /* a fence stands against it: 'reason' names its word */
};

/* VLANs of one interface on one way to the wire. */
struct preflight_line {
    enum preflight_state state;
    const struct vif *vif; /* NULL: an uplink, or the machine's interfaces could not be read */
    const struct network *network; /* on the destination; NULL: not known there */
    const char *nic;               /* of the destination; "" when there is no way to a NIC */
    const char *port;              /* that it is behind; "" when none is known */
    struct vlanset vlans;          /* empty: untagged, or not known */
    const char *reason;            /* may be empty when ready, or will be; borrowed for the call */
};

typedef void preflight_fn(const struct preflight_line *line, void *data);

/* Calls 'fn' for every line of a move of 'machine' to 'host', both of 'hypervisor', which has an
 * inventory. Returns the worst state; PREFLIGHT_READY for a machine without interfaces. */
enum preflight_state preflight_move(const struct core *core,
                                    const struct core_hypervisor *hypervisor,
                                    const struct machine *machine, const struct host *host,
                                    int64_t now_ms, preflight_fn *fn, void *data);

/* "ready", "will be made ready", "unknown", "refused". */
const char *preflight_word(enum preflight_state state);

#endif

/* guard.h: what has to be true before a VLAN is taken away.
 *
 * Pure; holds the clocks of waiting removals. A removal passes when, all at once:
 *  - absence is proved now (intent.may_remove), and has been for the hold-down, counting only time
 *    during which it was proved;
 *  - the switch's MAC table was read and shows no station of that VLAN on the port;
 *  - it is not the port's last word on an empty answer (inventory.h, shrink guard, does that);
 *  - nothing is about to be added anywhere: additions go first, and alone;
 *  - the removal budget has room: so many a minute, and a third of what vsn owns per hour.
 * 'prune immediate' drops the hold-down only, 'prune never' lets nothing pass. */
#ifndef VSN_RECONCILE_GUARD_H
#define VSN_RECONCILE_GUARD_H

#include "model/config.h"

#define GUARD_HOUR_PERCENT 30

struct guard;

/* What is known about one waiting removal at this moment. */
struct guard_case {
    const char *port;
    uint32_t vlan;
    bool proved;          /* intent.may_remove */
    const char *unproved; /* why not; borrowed for the call */
    bool learnt_known;
    bool learnt;        /* a station speaks in that VLAN on that port */
    size_t owned_pairs; /* port-VLAN pairs that vsn owns on the whole switch */
    bool waits;         /* for additions, which go first */
};

struct guard *guard_new(void);
struct guard *guard_free(struct guard *guard);

/* True when the removal may be done now; it is then charged to the budget and its clock forgotten.
 * Otherwise its clock runs (or stands still while unproved), and '*wake_ms' is lowered to when it
 * may be worth asking again. -ENOMEM counts as "not now". */
bool guard_asks(struct guard *guard, const struct config *config, const struct guard_case *removal,
                int64_t now_ms, int64_t *wake_ms);

/* Call before and after one round of guard_asks() over every port: clocks of removals that were not
 * asked for in the round (the VLAN is wanted again, or gone) are forgotten. */
void guard_begin(struct guard *guard);
void guard_end(struct guard *guard);

/* Why a removal waits, for people: "absent for 12 s of 300 s". "" when it does not wait. Returns
 * 'text'. */
const char *guard_reason(const struct guard *guard, const char *port, uint32_t vlan, char *text,
                         size_t size);

#endif

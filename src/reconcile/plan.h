/* plan.h: the ordered difference between the intent and what a port carries.
 *
 * Pure. Additions come first: nothing is removed in the same plan in which something is added on
 * any port. Removals pass the guard (guard.h) one by one. */
#ifndef VSN_RECONCILE_PLAN_H
#define VSN_RECONCILE_PLAN_H

#include "intent/intent.h"
#include "reconcile/flight.h"
#include "reconcile/guard.h"

struct plan_port {
    const struct config_port *port;
    bool exists;          /* the switch has that port */
    bool is_open;         /* which carries every VLAN by itself */
    struct vlanset add;   /* wanted and not carried, whatever the mode */
    struct vlanset write; /* the part of 'add' that is to be written now: without what is under way
                           * or rests after a failure */
    struct vlanset ready; /* the same, were it not for a 'problem' of this port alone */
    struct vlanset
        remove;          /* owned, no longer wanted, and passed by the guard: may be written now */
    struct vlanset held; /* owned, no longer wanted, waiting; guard_reason() says for what */
    struct vlanset
        refused; /* wanted, but a fence, the native VLAN or the port itself stands against it */
    char refusal[256];
    bool bring_up; /* it is down, needed, and may be brought up ('port auto-enable'), */
    bool enable;   /* and that is to be done now */
    bool is_down;  /* it is down and needed, and has no 'port auto-enable' */
    bool is_shut;  /* it is down, and vsn brought it up once: somebody does not want it up */
    struct vlanset left_out; /* there is no room for it now (budget.h) */
    struct vlanset surplus;  /* carried for what matters least; it gives way, through the guard */
    const char *left_out_reason; /* which limit; NULL: none */
    char problem[256];     /* why nothing can be written on this port now, but for what 'write' has;
                            * empty: everything can */
    enum config_mode mode; /* as in the intent: nothing is written under MODE_CHECK */
};

struct plan {
    struct plan_port *ports; /* as intent.ports: uplinks last */
    size_t count;
    int64_t wake_ms; /* monotonic: when a held removal may become due; INT64_MAX: never */
};

/* What stands against writing to 'port' just now: a change is under way, or failed a moment ago. */
typedef struct flight_obstacle plan_obstacle_fn(const char *port, void *data);

/* Computes the plan of all ports. 'module' is the Config Module's inventory (tables switch, port).
 * Returns 0 or -ENOMEM. */
int plan_compute(const struct config *config, const struct intent *intent,
                 const struct inventory *module, struct guard *guard, plan_obstacle_fn *obstacle,
                 void *data, int64_t now_ms, struct plan *ret_plan);

/* The part of it that adds: fills in 'add', 'ready' and 'write' of 'plan', and adds to 'refused',
 * for a port that carries what 'port' says. */
void plan_additions(struct plan_port *plan, const struct port_intent *intent,
                    const struct port *port);

void plan_done(struct plan *plan);

const struct plan_port *plan_find(const struct plan *plan, const char *port);

#endif

#include "reconcile/plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "reconcile/budget.h"

struct planning {
    const struct config *config;
    const struct inventory *module;
    struct guard *guard;
    int64_t now_ms;
    int64_t *wake_ms;
    size_t owned_pairs;
    const char *everywhere; /* what stands against any writing */
    bool adds;              /* something is added on some port */
    size_t n_uplinks;
    struct vlanset uplinks_learnt; /* on any of them */
    bool uplinks_known;            /* and the MAC table was read for all */
};

/* What stands against any writing to the switch; NULL: nothing. */
static const char *switch_obstacle(const struct inventory *module)
{
    const struct switch_status *status = inventory_find(module, TABLE_SWITCH, "", "");

    if (!status || status->state != SWITCH_READY)
        return status && status->reason[0] ? status->reason : "the switch has not been read yet";
    if (status->frozen)
        return "frozen by the operator ('vsn thaw' goes on)";
    return NULL;
}

static size_t count_owned(const struct inventory *module)
{
    size_t pairs = 0;

    INVENTORY_EACH(module, port, TABLE_PORT, NULL)
    pairs += vlanset_count(&port->owned);
    return pairs;
}

static void refuse(struct plan_port *plan, const struct vlanset *vlans, const char *why)
{
    if (vlanset_is_empty(vlans))
        return;
    plan->refused = vlanset_union(&plan->refused, vlans);
    if (!plan->refusal[0])
        text_copy(plan->refusal, sizeof(plan->refusal), why);
}

void plan_additions(struct plan_port *plan, const struct port_intent *intent,
                    const struct port *port)
{
    struct vlanset native = vlanset_empty;

    plan->add = vlanset_minus(&intent->wanted, &port->tagged);
    vlanset_add(&native, (uint32_t)port->native);
    native = vlanset_both(&native, &plan->add);
    refuse(plan, &native, "the native VLAN of the port, which stays untagged");
    plan->add = vlanset_minus(&plan->add, &native);
    if (port->open || port->refusal[0]) {
        refuse(plan, &plan->add, port->refusal[0] ? port->refusal : "the port carries every VLAN");
        plan->add = vlanset_empty;
    }
    if (intent->may_add)
        plan->ready = vlanset_both(&plan->add, &intent->apply);
    if (!plan->problem[0])
        plan->write = plan->ready;
}

/* A port that is down and needed is brought up where it may be, unless somebody shut it after vsn
 * did that before. */
static void plan_bring_up(struct plan_port *plan, const struct port_intent *intent,
                          const struct port *port)
{
    bool may = intent->port->auto_enable;
    bool needed =
        intent->may_add && !port->open && !port->refusal[0] && !vlanset_is_empty(&intent->wanted);

    if (port->enabled)
        return;
    plan->is_shut = may && port->brought_up;
    plan->is_down = !may && needed && port->link != LINK_UP;
    plan->bring_up = may && needed && !port->brought_up;
    plan->enable = plan->bring_up && !plan->problem[0] && !vlanset_is_empty(&intent->apply);
}

/* The VLANs in which a station is known on the port; false when that is not known.
 *
 * A station behind the only uplink has nobody here to talk to when nothing on this side carries its
 * VLAN. With several, one of them may carry for another. */
static bool learnt_on(const struct planning *planning, const struct port_intent *intent,
                      const struct port *port, struct vlanset *ret_learnt)
{
    *ret_learnt = intent->port->uplink ? planning->uplinks_learnt : port->learnt;
    if (intent->port->uplink && planning->n_uplinks == 1)
        *ret_learnt = vlanset_empty;
    return intent->port->uplink ? planning->n_uplinks == 1 || planning->uplinks_known
                                : port->learnt_known;
}

static void plan_removals(const struct planning *planning, struct plan_port *plan,
                          const struct port_intent *intent, const struct port *port)
{
    struct vlanset idle, learnt;
    bool is_known;
    const char *unproved = intent->may_remove ? NULL : intent->reason;

    if (!port)
        return;
    idle = vlanset_both(&port->owned, &port->tagged);
    if (!unproved && intent->mode == MODE_CHECK)
        unproved = "'mode check' writes nothing";
    if (plan->problem[0])
        unproved = plan->problem;
    is_known = learnt_on(planning, intent, port, &learnt);
    idle = vlanset_minus(&idle, &intent->needed);
    idle = vlanset_union(&idle, &plan->surplus);
    idle = vlanset_minus(&idle, &intent->kept);
    idle = vlanset_minus(&idle, &planning->config->protected_vlans);
    vlanset_remove(&idle, (uint32_t)port->native);
    for (uint32_t vlan = vlanset_next(&idle, VLAN_MIN); vlan;
         vlan = vlanset_next(&idle, vlan + 1)) {
        const struct guard_case removal = {
            .port = port->id,
            .vlan = vlan,
            .proved = unproved == NULL,
            .unproved = unproved,
            .learnt_known = is_known,
            .learnt = vlanset_has(&learnt, vlan),
            .owned_pairs = planning->owned_pairs,
            .waits = planning->adds,
        };

        if (guard_asks(planning->guard, planning->config, &removal, planning->now_ms,
                       planning->wake_ms))
            vlanset_add(&plan->remove, vlan);
        else
            vlanset_add(&plan->held, vlan);
    }
}

static const struct port *port_of(const struct planning *planning, const struct port_intent *intent)
{
    return inventory_find(planning->module, TABLE_PORT, "", intent->port->name);
}

/* All but the removals. */
static void plan_port(const struct planning *planning, const struct port_intent *intent,
                      const struct flight_obstacle *obstacle, struct plan_port *plan)
{
    const struct port *port = port_of(planning, intent);

    plan->port = intent->port;
    plan->mode = intent->mode;
    plan->exists = port != NULL;
    plan->is_open = port && port->open;
    plan->refused = intent->refused;
    text_copy(plan->refusal, sizeof(plan->refusal), intent->refusal);
    if (planning->everywhere || obstacle->reason)
        text_copy(plan->problem, sizeof(plan->problem),
                  planning->everywhere ? planning->everywhere : obstacle->reason);
    else if (!port)
        snprintf(plan->problem, sizeof(plan->problem), "the switch has no port %s",
                 intent->port->name);
    if (!port) {
        plan->add = intent->wanted;
        return;
    }
    plan_additions(plan, intent, port);
    plan_bring_up(plan, intent, port);
    if (planning->everywhere)
        plan->ready = vlanset_empty;
    if (obstacle->reason && obstacle->may_add)
        plan->write = vlanset_minus(&plan->ready, &obstacle->held);
}

/* ---- Room ------------------------------------------------------------------------------------ */

/* VLANs on ports that are none of vsn's take room as well. */
static struct budget_others others_of(const struct planning *planning, const struct intent *intent)
{
    struct budget_others others = { .memberships = 0 };

    INVENTORY_EACH(planning->module, port, TABLE_PORT, NULL)
    {
        vlanset_add(&others.carried, (uint32_t)port->native);
        if (intent_find(intent, port->id))
            continue;
        others.carried = vlanset_union(&others.carried, &port->tagged);
        others.memberships += vlanset_count(&port->tagged);
    }
    return others;
}

static void leave_out(struct plan_port *plan, const struct budget_port *decided)
{
    plan->left_out = decided->left_out;
    plan->left_out_reason = decided->reason;
    plan->surplus = decided->surplus;
    plan->add = vlanset_minus(&plan->add, &plan->left_out);
    plan->ready = vlanset_minus(&plan->ready, &plan->left_out);
    plan->write = vlanset_minus(&plan->write, &plan->left_out);
}

/* Uplinks come first: what they have no room for reaches nobody. */
static int plan_room(const struct planning *planning, const struct intent *intent,
                     struct plan *plan)
{
    const struct budget_others others = others_of(planning, intent);
    struct budget_port *ports = calloc(plan->count + 1, sizeof(*ports));
    int r;

    if (!ports)
        return -ENOMEM;
    for (size_t i = 0; i < plan->count; i++) {
        const struct port_intent *from = &intent->ports[intent->count - 1 - i];
        const struct port *port = port_of(planning, from);

        ports[i].ranks = from->ranks;
        ports[i].wanted = plan->ports[plan->count - 1 - i].ready;
        if (!port)
            continue;
        ports[i].carried = port->tagged;
        ports[i].owned = port->owned;
    }
    r = budget_compute(planning->config, &others, ports, plan->count);
    for (size_t i = 0; r == 0 && i < plan->count; i++)
        leave_out(&plan->ports[plan->count - 1 - i], &ports[i]);
    free(ports);
    return r;
}

/* ---- All of it ------------------------------------------------------------------------------- */

/* Removals wait while anything is added: they need a disk (switch/ledger.h), additions do not. */
static void plan_all_removals(struct planning *planning, const struct intent *intent,
                              struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        planning->adds |= !vlanset_is_empty(&plan->ports[i].write);
    guard_begin(planning->guard);
    for (size_t i = 0; i < plan->count; i++)
        plan_removals(planning, &plan->ports[i], &intent->ports[i],
                      port_of(planning, &intent->ports[i]));
    guard_end(planning->guard);
}

static void look_at_uplinks(struct planning *planning, const struct intent *intent)
{
    planning->uplinks_known = true;
    for (size_t i = 0; i < intent->count; i++) {
        const struct port *port = port_of(planning, &intent->ports[i]);

        if (!intent->ports[i].port->uplink)
            continue;
        planning->n_uplinks++;
        planning->uplinks_known &= port && port->learnt_known;
        if (port)
            planning->uplinks_learnt = vlanset_union(&planning->uplinks_learnt, &port->learnt);
    }
}

int plan_compute(const struct config *config, const struct intent *intent,
                 const struct inventory *module, struct guard *guard, plan_obstacle_fn *obstacle,
                 void *data, int64_t now_ms, struct plan *ret_plan)
{
    struct plan plan = {
        .ports = calloc(intent->count + 1, sizeof(*plan.ports)),
        .count = intent->count,
        .wake_ms = INT64_MAX,
    };
    struct planning planning = {
        .config = config,
        .module = module,
        .guard = guard,
        .now_ms = now_ms,
        .wake_ms = &plan.wake_ms,
        .owned_pairs = count_owned(module),
        .everywhere = switch_obstacle(module),
    };

    if (!plan.ports)
        return -ENOMEM;
    look_at_uplinks(&planning, intent);
    for (size_t i = 0; i < intent->count; i++) {
        struct flight_obstacle on_port = { .may_add = true };

        if (obstacle)
            on_port = obstacle(intent->ports[i].port->name, data);
        plan_port(&planning, &intent->ports[i], &on_port, &plan.ports[i]);
    }
    if (config_has_limits(config) && plan_room(&planning, intent, &plan) < 0) {
        plan_done(&plan);
        return -ENOMEM;
    }
    plan_all_removals(&planning, intent, &plan);
    *ret_plan = plan;
    return 0;
}

void plan_done(struct plan *plan)
{
    free(plan->ports);
    *plan = (struct plan){ 0 };
}

const struct plan_port *plan_find(const struct plan *plan, const char *port)
{
    for (size_t i = 0; i < plan->count; i++)
        if (strcmp(plan->ports[i].port->name, port) == 0)
            return &plan->ports[i];
    return NULL;
}

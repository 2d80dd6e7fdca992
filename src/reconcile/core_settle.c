#include "reconcile/core_parts.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

static void settle_inventories(struct core *core, int64_t now_ms, struct actions *actions)
{
    for (size_t i = 0; i < core->contacts.count; i++)
        contact_settle(&core->contacts.list[i], now_ms, actions);
    inventory_settle(core->neighbors, now_ms);
    inventory_settle(core->module, now_ms);
}

struct obstacles {
    struct core *core;
    int64_t now_ms;
    int64_t wake_ms;
};

static struct flight_obstacle obstacle_on(const char *port, void *data)
{
    struct obstacles *obstacles = data;
    const struct core *core = obstacles->core;
    const struct port *row = inventory_find(core->module, TABLE_PORT, "", port);
    const char *alarm = lag_watch_alarm(core->lag_watch);
    struct flight_obstacle obstacle =
        flights_obstacle(core->flights, port, obstacles->now_ms, &obstacles->wake_ms);

    if (!alarm)
        return obstacle;
    if (!obstacle.reason)
        obstacle = (struct flight_obstacle){ .may_add = true };
    obstacle.reason = alarm;
    obstacle.may_add = obstacle.may_add && row && !row->members[0];
    return obstacle;
}

static void log_wires(const struct core *core, const struct wires *now, struct actions *actions)
{
    for (size_t i = 0; i < now->count; i++) {
        const struct wire *wire = &now->wires[i], *old = NULL;

        for (size_t j = 0; j < core->wires.count && !old; j++)
            if (strcmp(core->wires.wires[j].port, wire->port) == 0 &&
                strcmp(core->wires.wires[j].hypervisor, wire->hypervisor) == 0 &&
                strcmp(core->wires.wires[j].host, wire->host) == 0 &&
                strcmp(core->wires.wires[j].nic, wire->nic) == 0)
                old = &core->wires.wires[j];
        if (!old || old->state != wire->state)
            actions_say(actions,
                        wire->state == WIRE_CONFLICT ? LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE,
                        "port %s: wire to %s %s %s: %s (%s)", wire->port, wire->hypervisor,
                        wire->host_name, wire->nic, wire_state_word(wire->state), wire->detail);
    }
}

/* Wires and intent, from everything that is known. */
static int conclude_intent(struct core *core, int64_t now_ms, struct actions *actions)
{
    struct hypervisor_view views[CONFIG_HYPERVISORS_MAX];
    struct hypervisor_trust trust[CONFIG_HYPERVISORS_MAX];
    struct wires wires;
    struct intent intent;

    for (size_t i = 0; i < core->contacts.count; i++) {
        struct contact *contact = &core->contacts.list[i];

        views[i] = (struct hypervisor_view){ config_hypervisor(core->config, contact->name),
                                             contact->inventory };
        trust[i] = (struct hypervisor_trust){ views[i], contact_state(contact),
                                              contact_is_released(contact, core->config->hold_s,
                                                                  now_ms, actions) };
    }
    if (wires_compute(core->config, views, core->contacts.count, core->neighbors, core->module,
                      &core->wires, now_ms, &wires) < 0)
        return -ENOMEM;
    log_wires(core, &wires, actions);
    wires_done(&core->wires);
    core->wires = wires;
    if (intent_compute(core->config, trust, core->contacts.count, &core->wires, core->module,
                       &intent) < 0)
        return -ENOMEM;
    intent_done(&core->intent);
    core->intent = intent;
    for (size_t i = 0; i < intent.count; i++)
        if (!vlanset_is_empty(&intent.ports[i].needed) ||
            !vlanset_is_empty(&intent.ports[i].refused))
            wires_note_demand(&core->wires, intent.ports[i].port->name);
    return 0;
}

static void send_change(struct core *core, struct change *change, int64_t now_ms,
                        struct actions *actions)
{
    struct vlanset taken = flights_taken(core->flights, change->port);
    struct vlanset repairs = vlanset_both(&change->add, &taken);
    bool yields = false;

    if (vlanset_is_empty(&change->add) && vlanset_is_empty(&change->remove) && !change->enable)
        return;
    if (flights_start(core->flights, change, !vlanset_is_empty(&repairs), now_ms, &yields) < 0)
        return; /* out of memory: the plan stands, and is tried again at the next settling */
    if (!vlanset_is_empty(&repairs)) {
        char text[128];

        actions_say(actions, LOG_LEVEL_WARNING,
                    "port %s: somebody else took VLAN %s away; putting it back%s", change->port,
                    vlanset_text(&repairs, text, sizeof(text)),
                    yields ? " for the last time for now: it keeps happening" : "");
    }
    lag_watch_change(core->lag_watch, change->port, now_ms); /* out of memory: it is not watched */
    record_write(&actions->to_module, RECORD_NEW, TABLE_CHANGE, change, 0);
    actions_wake(actions, now_ms + FLIGHT_LOST_MS);
}

/* The switch itself says what fails; what cannot even be tried is said here, when it is new. A host
 * goes on without its uplink: what is on this switch can still speak. */
static void warn_of_uplink(const struct plan_port *before, const struct plan_port *now,
                           struct actions *actions)
{
    bool was_absent = before && !before->exists && !vlanset_is_empty(&before->add);
    struct vlanset refused = now->refused;
    char text[128];

    if (!now->exists && !vlanset_is_empty(&now->add) && !was_absent)
        actions_say(actions, LOG_LEVEL_WARNING,
                    "uplink %s: the switch has no such port; hosts here need VLAN %s of it",
                    now->port->name, vlanset_text(&now->add, text, sizeof(text)));
    if (before)
        refused = vlanset_minus(&refused, &before->refused);
    if (!vlanset_is_empty(&refused) && !now->is_open)
        actions_say(actions, LOG_LEVEL_WARNING,
                    "uplink %s: VLAN %s is needed by hosts here, and refused: %s", now->port->name,
                    vlanset_text(&refused, text, sizeof(text)), now->refusal);
}

static void warn_of_uplinks(const struct plan *before, const struct plan *now,
                            struct actions *actions)
{
    for (size_t i = 0; i < now->count; i++)
        if (now->ports[i].port->uplink)
            warn_of_uplink(plan_find(before, now->ports[i].port->name), &now->ports[i], actions);
}

/* What the plan wants on uplinks, or on the other ports. Changes are carried out in the order in
 * which they are sent. */
static void carry_out(struct core *core, bool uplinks, int64_t now_ms, struct actions *actions)
{
    for (size_t i = 0; i < core->plan.count; i++) {
        const struct plan_port *plan = &core->plan.ports[i];
        struct change change = {
            .port = plan->port->name,
            .add = plan->write,
            .remove = plan->remove,
            .enable = plan->enable,
        };

        if (plan->port->uplink == uplinks)
            send_change(core, &change, now_ms, actions);
    }
}

static void settle_migrations(struct core *core, struct moment moment, struct actions *actions)
{
    const struct migration_facts facts = {
        .config = core->config,
        .contacts = &core->contacts,
        .wires = &core->wires,
        .plan = &core->plan,
        .module = core->module,
        .moment = moment,
        .wake_ms = &actions->wake_ms,
    };

    migrations_settle(core->migrations, &facts, &actions->to_history);
}

/* Out of memory: a port is looked at the next time. */
static void settle_discoveries(struct core *core, int64_t now_ms, struct actions *actions)
{
    const struct discovery_facts facts = {
        .config = core->config,
        .contacts = &core->contacts,
        .wires = &core->wires,
        .module = core->module,
        .now_ms = now_ms,
    };

    discoveries_settle(core->discoveries, &facts, actions);
}

static int conclude_plan(struct core *core, int64_t now_ms, struct actions *actions)
{
    struct obstacles obstacles = { core, now_ms, INT64_MAX };
    struct plan plan;
    int r = plan_compute(core->config, &core->intent, core->module, core->guard, obstacle_on,
                         &obstacles, now_ms, &plan);

    if (r < 0)
        return r;
    warn_of_uplinks(&core->plan, &plan, actions);
    plan_done(&core->plan);
    core->plan = plan;
    actions_wake(actions, plan.wake_ms);
    actions_wake(actions, obstacles.wake_ms);
    return 0;
}

int core_settle(struct core *core, int64_t now_ms, int64_t wall_ms, struct actions *actions)
{
    int r;

    settle_inventories(core, now_ms, actions);
    r = conclude_intent(core, now_ms, actions);
    if (r == 0)
        r = conclude_plan(core, now_ms, actions);
    if (r < 0) {
        actions->wake_ms = now_ms + 1000; /* out of memory: try again, change nothing */
        return r;
    }
    carry_out(core, /* uplinks = */ true, now_ms, actions);
    carry_out(core, /* uplinks = */ false, now_ms, actions);
    settle_migrations(core, (struct moment){ now_ms, wall_ms }, actions);
    settle_discoveries(core, now_ms, actions);
    return 0;
}

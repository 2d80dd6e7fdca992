#include "reconcile/core.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "reconcile/audit.h"
#include "reconcile/contact.h"
#include "reconcile/flight.h"
#include "reconcile/lag_watch.h"

#define WHOM_MAX 512
#define HYPERVISOR_PREFIX "hypervisor/"

struct core {
    struct config *config;
    struct contacts contacts;
    struct inventory *neighbors;
    struct inventory *module;
    struct wires wires;
    struct intent intent;
    struct plan plan;
    struct guard *guard;
    struct flights *flights;
    struct lag_watch *lag_watch;
    struct audit_log *audit;
    struct migrations *migrations;
    bool policy_sent;
};

struct core *core_new(void)
{
    struct core *core = calloc(1, sizeof(*core));

    if (!core)
        return NULL;
    core->config = config_new();
    core->neighbors = inventory_new();
    core->module = inventory_new();
    core->guard = guard_new();
    core->flights = flights_new();
    core->lag_watch = lag_watch_new();
    core->audit = audit_new();
    core->migrations = migrations_new();
    if (!core->config || !core->neighbors || !core->module || !core->guard || !core->flights ||
        !core->lag_watch || !core->audit || !core->migrations)
        return core_free(core);
    return core;
}

struct core *core_free(struct core *core)
{
    if (!core)
        return NULL;
    contacts_done(&core->contacts);
    audit_free(core->audit);
    migrations_free(core->migrations);
    inventory_free(core->neighbors);
    inventory_free(core->module);
    wires_done(&core->wires);
    intent_done(&core->intent);
    plan_done(&core->plan);
    guard_free(core->guard);
    flights_free(core->flights);
    lag_watch_free(core->lag_watch);
    config_free(core->config);
    free(core);
    return NULL;
}

/* ---- Configuration --------------------------------------------------------------------------- */

/* The Config Module's own fences, in full. */
static void send_policy(struct core *core, struct actions *actions)
{
    const struct config *config = core->config;

    record_write(&actions->to_module, RECORD_BEGIN, TABLE_POLICY, NULL, 0);
    for (size_t i = 0; i < config->n_ports; i++) {
        const struct config_port *port = &config->ports[i];
        struct policy policy = { .id = port->name, .uplink = port->uplink };

        if (!port->enabled && !port->uplink)
            continue;
        policy.allowed = vlanset_minus(&port->allowed, &config->protected_vlans);
        record_write(&actions->to_module, RECORD_NEW, TABLE_POLICY, &policy, 0);
    }
    record_write(&actions->to_module, RECORD_END, TABLE_POLICY, NULL, 0);
    core->policy_sent = true;
}

static int take_config(struct core *core, struct config *config, struct actions *actions,
                       struct error *reterr)
{
    int r = contacts_take_over(&core->contacts, core->config, config, reterr);

    if (r < 0)
        return r;
    /* The intent and the plan borrow from the old configuration. */
    intent_done(&core->intent);
    plan_done(&core->plan);
    config_free(core->config);
    core->config = config;
    lag_watch_clear(core->lag_watch);
    if (core->policy_sent)
        send_policy(core, actions);
    actions->settle = true;
    return 0;
}

/* ---- The Config Module ----------------------------------------------------------------------- */

/* Who is behind the port: "vc1/esx01/vmnic0". */
static void name_wires(const struct core *core, const char *port, struct strbuf *to)
{
    for (size_t i = 0; i < core->wires.count; i++) {
        const struct wire *wire = &core->wires.wires[i];

        if (strcmp(wire->port, port) == 0 && wire->state >= WIRE_CONFIRMED)
            strbuf_addf(to, "%s%s/%s/%s", to->size ? " " : "", wire->hypervisor, wire->host_name,
                        wire->nic);
    }
}

static void note_change(struct core *core, const struct outcome *outcome, int64_t wall_ms,
                        struct actions *actions)
{
    struct audit entry = {
        .port = outcome->port,
        .added = outcome->added,
        .removed = outcome->removed,
        .problem = outcome->problem,
        .at_ms = (uint64_t)wall_ms,
    };
    struct strbuf whom;

    strbuf_init(&whom, WHOM_MAX);
    name_wires(core, outcome->port, &whom);
    entry.whom = strbuf_text(&whom);
    audit_add(core->audit, &entry, &actions->to_history); /* out of memory: the log line has it */
    strbuf_done(&whom);
}

/* Then nothing that follows from an outcome waits. */
static bool somebody_moves(const struct core *core)
{
    for (size_t i = 0; i < core->contacts.count; i++)
        if (inventory_count(core->contacts.list[i].inventory, TABLE_MOVE) > 0)
            return true;
    return false;
}

static void take_outcome(struct core *core, const struct outcome *outcome, int64_t now_ms,
                         int64_t wall_ms, struct actions *actions)
{
    char added[256], removed[256];
    bool changed = !vlanset_is_empty(&outcome->added) || !vlanset_is_empty(&outcome->removed);

    flights_land(core->flights, outcome, now_ms);
    if (changed || outcome->problem[0])
        note_change(core, outcome, wall_ms, actions);
    vlanset_text(&outcome->added, added, sizeof(added));
    vlanset_text(&outcome->removed, removed, sizeof(removed));
    if (changed)
        actions_say(actions, LOG_LEVEL_NOTICE, "port %s:%s%s%s%s", outcome->port,
                    added[0] ? " added " : "", added, removed[0] ? " removed " : "", removed);
    if (outcome->problem[0])
        actions_say(actions, LOG_LEVEL_WARNING, "port %s: %s", outcome->port, outcome->problem);
    actions->settle = true;
    actions->settle_now |= somebody_moves(core);
}

static void follow_switch(const struct core *core, enum switch_state before,
                          struct actions *actions)
{
    const struct switch_status *status = inventory_find(core->module, TABLE_SWITCH, "", "");

    if (!status || status->state == before)
        return;
    if (status->state == SWITCH_READY)
        actions_say(actions, LOG_LEVEL_NOTICE, "switch (%s): ready", status->driver);
    else
        actions_say(actions, LOG_LEVEL_WARNING, "switch (%s): %s", status->driver, status->reason);
}

/* What somebody else takes away shows between two readings of a port. */
static void follow_port(struct core *core, const struct port *now, int64_t now_ms,
                        struct actions *actions)
{
    const struct port *before = inventory_find(core->module, TABLE_PORT, "", now->id);

    if (!before)
        return;
    flights_note_port(core->flights, before, now); /* out of memory: then it goes unremarked */
    if (lag_watch_port(core->lag_watch, before, now, now_ms))
        actions_say(actions, LOG_LEVEL_ERROR, "%s", lag_watch_alarm(core->lag_watch));
}

static int take_module_record(struct core *core, const struct record *record, int64_t now_ms,
                              int64_t wall_ms, struct actions *actions, struct error *reterr)
{
    const struct switch_status *status = inventory_find(core->module, TABLE_SWITCH, "", "");
    enum switch_state before = status ? status->state : SWITCH_UNKNOWN;
    int r;

    if (!core->policy_sent)
        send_policy(core, actions);
    if (record->table == TABLE_OUTCOME) {
        take_outcome(core, &record->row.outcome, now_ms, wall_ms, actions);
        migrations_take_outcome(core->migrations, core->module, &record->row.outcome,
                                (struct moment){ now_ms, wall_ms });
        return 0;
    }
    if (record->table == TABLE_PORT && record->op == RECORD_NEW)
        follow_port(core, &record->row.port, now_ms, actions);
    r = inventory_apply(core->module, record, reterr);
    if (r > 0)
        actions->settle = true;
    if (record->table == TABLE_SWITCH)
        follow_switch(core, before, actions);
    if (record->table == TABLE_PORT)
        migrations_look_at_port(core->migrations, core->module, record->row.key.id,
                                (struct moment){ now_ms, wall_ms });
    return r < 0 ? r : 0;
}

static void lose_module(struct core *core, const char *reason, struct actions *actions)
{
    struct record record = { .op = RECORD_PUT, .table = TABLE_SWITCH };

    record.row.switch_status.state = SWITCH_UNREACHABLE;
    record.row.switch_status.reason = "the Config Module is being started again";
    record.stated = record_field(TABLE_SWITCH, "state") | record_field(TABLE_SWITCH, "reason");
    row_complete(TABLE_SWITCH, &record.row);
    inventory_apply(core->module, &record, NULL);
    flights_forget(core->flights);
    core->policy_sent = false;
    actions_say(actions, LOG_LEVEL_WARNING,
                "the Config Module %s; it is started again, and the switch keeps what it has",
                reason);
    actions->settle = true;
}

/* ---- Drawing conclusions -----------------------------------------------------------------------
 */

static void settle_inventories(struct core *core, struct actions *actions)
{
    for (size_t i = 0; i < core->contacts.count; i++)
        contact_settle(&core->contacts.list[i], actions);
    inventory_settle(core->neighbors);
    inventory_settle(core->module);
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

    if (vlanset_is_empty(&change->add) && vlanset_is_empty(&change->remove))
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

static int settle(struct core *core, int64_t now_ms, int64_t wall_ms, struct actions *actions)
{
    int r;

    settle_inventories(core, actions);
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
    return 0;
}

/* ---- The step -------------------------------------------------------------------------------- */

static struct contact *contact_of_event(const struct core *core, const struct event *event,
                                        struct error *reterr)
{
    const char *name = event->source;
    struct contact *contact;

    if (strncmp(name, HYPERVISOR_PREFIX, strlen(HYPERVISOR_PREFIX)) == 0)
        name += strlen(HYPERVISOR_PREFIX);
    contact = contacts_find(&core->contacts, name);
    if (!contact)
        error_set(reterr, -ENOENT, "no hypervisor '%s' is configured and enabled", name);
    return contact;
}

static int take_neighbor_record(struct core *core, const struct record *record,
                                struct actions *actions, struct error *reterr)
{
    int r = inventory_apply(core->neighbors, record, reterr);

    actions->settle = true;
    return r < 0 ? r : 0;
}

/* What the history held before vsnd started. */
static int take_history_record(struct core *core, const struct record *record,
                               struct actions *actions, struct error *reterr)
{
    int r = 0;

    if (record->table == TABLE_AUDIT)
        r = audit_take(core->audit, record, &actions->to_history);
    else if (record->table == TABLE_MIGRATION)
        r = migrations_take(core->migrations, record, &actions->to_history);
    actions->settle = true;
    return r < 0 ? error_set(reterr, r, "out of memory: the history is not complete") : 0;
}

static int take_hypervisor_record(struct core *core, struct contact *contact,
                                  const struct record *record, struct moment moment,
                                  struct actions *actions, struct error *reterr)
{
    struct migrations_before before = migrations_before(contact, record);
    int r = contact_take(contact, record, moment.now_ms, actions, reterr);

    if (r == 0)
        migrations_follow(core->migrations, contact, record, &before, moment);
    migrations_before_done(&before);
    return r;
}

static int take_record(struct core *core, const struct event *event, int64_t now_ms,
                       int64_t wall_ms, struct actions *actions, struct error *reterr)
{
    const struct record *record = event->record;
    struct contact *contact;

    if (strcmp(event->source, "switch") == 0)
        return take_module_record(core, record, now_ms, wall_ms, actions, reterr);
    if (strcmp(event->source, "neighbor") == 0)
        return take_neighbor_record(core, record, actions, reterr);
    if (strcmp(event->source, "history") == 0)
        return take_history_record(core, record, actions, reterr);
    contact = contact_of_event(core, event, reterr);
    return contact ? take_hypervisor_record(core, contact, record,
                                            (struct moment){ now_ms, wall_ms }, actions, reterr)
                   : -ENOENT;
}

static void lose_neighbor(struct core *core, const char *reason, struct actions *actions)
{
    inventory_distrust(core->neighbors);
    actions_say(actions, LOG_LEVEL_WARNING,
                "the neighbour process %s; it is started again, and known wires are kept", reason);
}

static void lose_history(struct core *core, const char *reason, struct actions *actions)
{
    audit_pause(core->audit);
    migrations_pause(core->migrations);
    actions_say(actions, LOG_LEVEL_WARNING,
                "the history process %s; it is started again, and told what it missed", reason);
}

static int take_loss(struct core *core, const struct event *event, int64_t now_ms,
                     struct actions *actions, struct error *reterr)
{
    struct contact *contact = NULL;

    if (strcmp(event->source, "switch") == 0) {
        lose_module(core, event->reason, actions);
    } else if (strcmp(event->source, "neighbor") == 0) {
        lose_neighbor(core, event->reason, actions);
    } else if (strcmp(event->source, "history") == 0) {
        lose_history(core, event->reason, actions);
    } else {
        contact = contact_of_event(core, event, reterr);
        if (!contact)
            return -ENOENT;
        contact_lose(contact, event->reason, now_ms, actions);
    }
    return 0;
}

static int accept_shrunk(const struct core *core, const struct event *event,
                         struct actions *actions, struct error *reterr)
{
    struct contact *contact = contact_of_event(core, event, reterr);

    return contact ? contact_accept(contact, actions, reterr) : -ENOENT;
}

int core_step(struct core *core, const struct event *event, int64_t now_ms, int64_t wall_ms,
              struct actions *actions, struct error *reterr)
{
    switch (event->kind) {
    case EVENT_CONFIG:
        return take_config(core, event->config, actions, reterr);
    case EVENT_RECORD:
        return take_record(core, event, now_ms, wall_ms, actions, reterr);
    case EVENT_LOST:
        return take_loss(core, event, now_ms, actions, reterr);
    case EVENT_SETTLE:
        return settle(core, now_ms, wall_ms, actions);
    case EVENT_ACCEPT:
        return accept_shrunk(core, event, actions, reterr);
    }
    return -EINVAL;
}

/* ---- What there is to see ----------------------------------------------------------------------
 */

const struct config *core_config(const struct core *core)
{
    return core->config;
}

size_t core_hypervisors(const struct core *core)
{
    return core->config->n_hypervisors;
}

struct core_hypervisor core_hypervisor(const struct core *core, size_t index)
{
    const struct config_hypervisor *config = &core->config->hypervisors[index];
    const struct contact *contact = contacts_find(&core->contacts, config->name);

    return (struct core_hypervisor){
        .config = config,
        .inventory = contact ? contact->inventory : NULL,
        .session = contact_session(contact),
        .state = contact ? contact_state(contact) : SESSION_DISABLED,
        .heard_ms = contact ? contact->heard_ms : 0,
        .connected_ms = contact ? contact->connected_ms : 0,
    };
}

const struct inventory *core_neighbors(const struct core *core)
{
    return core->neighbors;
}

const struct inventory *core_module(const struct core *core)
{
    return core->module;
}

const struct wires *core_wires(const struct core *core)
{
    return &core->wires;
}

const struct intent *core_intent(const struct core *core)
{
    return &core->intent;
}

const struct plan *core_plan(const struct core *core)
{
    return &core->plan;
}

const struct flights *core_flights(const struct core *core)
{
    return core->flights;
}

const struct guard *core_guard(const struct core *core)
{
    return core->guard;
}

const struct audit *core_audit(const struct core *core, size_t index)
{
    return audit_find(core->audit, index);
}

const struct migrations *core_migrations(const struct core *core)
{
    return core->migrations;
}

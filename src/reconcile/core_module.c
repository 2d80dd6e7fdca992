#include "reconcile/core_parts.h"

#include <string.h>

#include "base/log.h"

#define WHOM_MAX 512

void core_send_policy(struct core *core, struct actions *actions)
{
    const struct config *config = core->config;

    record_write(&actions->to_module, RECORD_BEGIN, TABLE_POLICY, NULL, 0);
    for (size_t i = 0; i < config->n_ports; i++) {
        const struct config_port *port = &config->ports[i];
        struct policy policy = {
            .id = port->name,
            .uplink = port->uplink,
            .may_enable = port->auto_enable,
        };

        if (!port->enabled && !port->uplink)
            continue;
        policy.allowed = vlanset_minus(&port->allowed, &config->protected_vlans);
        record_write(&actions->to_module, RECORD_NEW, TABLE_POLICY, &policy, 0);
    }
    record_write(&actions->to_module, RECORD_END, TABLE_POLICY, NULL, 0);
    core->policy_sent = true;
}

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
        .enabled = outcome->enabled,
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
    bool changed = !vlanset_is_empty(&outcome->added) || !vlanset_is_empty(&outcome->removed) ||
                   outcome->enabled;

    flights_land(core->flights, outcome, now_ms);
    if (changed || outcome->problem[0])
        note_change(core, outcome, wall_ms, actions);
    vlanset_text(&outcome->added, added, sizeof(added));
    vlanset_text(&outcome->removed, removed, sizeof(removed));
    if (changed)
        actions_say(actions, LOG_LEVEL_NOTICE, "port %s:%s%s%s%s%s", outcome->port,
                    added[0] ? " added " : "", added, removed[0] ? " removed " : "", removed,
                    outcome->enabled ? " brought up" : "");
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

static bool is_shut(const struct port *port)
{
    return port && port->brought_up && !port->enabled;
}

/* What somebody else takes away shows between two readings of a port. */
static void follow_port(struct core *core, const struct port *now, int64_t now_ms,
                        struct actions *actions)
{
    const struct port *before = inventory_find(core->module, TABLE_PORT, "", now->id);

    if (is_shut(now) && !is_shut(before))
        actions_say(actions, LOG_LEVEL_NOTICE,
                    "port %s: vsn brought it up, and somebody has shut it again: it stays down",
                    now->id);
    if (!before)
        return;
    discoveries_follow_port(core->discoveries, before, now);
    flights_note_port(core->flights, before, now); /* out of memory: then it goes unremarked */
    if (lag_watch_port(core->lag_watch, before, now, now_ms))
        actions_say(actions, LOG_LEVEL_ERROR, "%s", lag_watch_alarm(core->lag_watch));
}

int core_take_module_record(struct core *core, const struct record *record, int64_t now_ms,
                            int64_t wall_ms, struct actions *actions, struct error *reterr)
{
    const struct switch_status *status = inventory_find(core->module, TABLE_SWITCH, "", "");
    enum switch_state before = status ? status->state : SWITCH_UNKNOWN;
    int r;

    if (!core->policy_sent)
        core_send_policy(core, actions);
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

void core_lose_module(struct core *core, const char *reason, struct actions *actions)
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

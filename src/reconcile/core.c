#include "reconcile/core.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "reconcile/flight.h"

#define AUDIT_MAX 1000
#define LOG_MAX 65536
#define TO_MODULE_MAX (16 * 1024 * 1024)
#define HYPERVISOR_PREFIX "hypervisor/"

struct source {
    char name[CONFIG_NAME_SIZE];
    struct inventory *inventory;
    bool process_lost; /* EVENT_LOST came, and no record since */
    int64_t heard_ms;
    int64_t connected_ms; /* 0: not connected */
    int64_t lost_ms;      /* when contact was lost; 0: it is there, or never was */
    bool doubt_logged;
    bool to_announce; /* connected, and not yet said: what it holds is known when it has settled */
};

struct core {
    struct config *config;
    struct source *sources; /* one per enabled hypervisor of the configuration */
    size_t n_sources;
    struct inventory *neighbors;
    struct inventory *module;
    struct wires wires;
    struct intent intent;
    struct plan plan;
    struct guard *guard;
    struct flights *flights;
    struct core_audit audit[AUDIT_MAX]; /* a ring */
    size_t audited;                     /* entries ever written */
    bool policy_sent;
};

void actions_init(struct actions *actions)
{
    *actions = (struct actions){ .wake_ms = INT64_MAX };
    strbuf_init(&actions->to_module, TO_MODULE_MAX);
    strbuf_init(&actions->log, LOG_MAX);
}

void actions_done(struct actions *actions)
{
    strbuf_done(&actions->to_module);
    strbuf_done(&actions->log);
}

static void say(struct actions *actions, enum log_level level, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* One line for the log. Names in it come from outside, so line breaks are taken out here already.
 */
static void say(struct actions *actions, enum log_level level, const char *format, ...)
{
    char line[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    for (char *at = line; *at; at++)
        if (*at == '\n')
            *at = ' ';
    strbuf_addf(&actions->log, "%d %s\n", (int)level, line);
}

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
    if (!core->config || !core->neighbors || !core->module || !core->guard || !core->flights)
        return core_free(core);
    return core;
}

static void audit_entry_done(struct core_audit *entry)
{
    free(entry->port);
    free(entry->reason);
    free(entry->problem);
    *entry = (struct core_audit){ 0 };
}

struct core *core_free(struct core *core)
{
    if (!core)
        return NULL;
    for (size_t i = 0; i < core->n_sources; i++)
        inventory_free(core->sources[i].inventory);
    for (size_t i = 0; i < AUDIT_MAX; i++)
        audit_entry_done(&core->audit[i]);
    free(core->sources);
    inventory_free(core->neighbors);
    inventory_free(core->module);
    wires_done(&core->wires);
    intent_done(&core->intent);
    plan_done(&core->plan);
    guard_free(core->guard);
    flights_free(core->flights);
    config_free(core->config);
    free(core);
    return NULL;
}

static struct source *source_find(const struct core *core, const char *name)
{
    for (size_t i = 0; i < core->n_sources; i++)
        if (strcmp(core->sources[i].name, name) == 0)
            return &core->sources[i];
    return NULL;
}

/* ---- Configuration --------------------------------------------------------------------------- */

static bool is_same_target(const struct config *before, const struct config_hypervisor *now)
{
    const struct config_hypervisor *old = config_hypervisor(before, now->name);

    return old && strcmp(old->url, now->url) == 0 && strcmp(old->type, now->type) == 0;
}

/* Builds the sources of the new configuration; those that stay keep what they know. */
static int take_over_sources(struct core *core, const struct config *config, struct error *reterr)
{
    struct source *sources = calloc(config->n_hypervisors + 1, sizeof(*sources));
    size_t count = 0;

    if (!sources)
        return error_set(reterr, -ENOMEM, "out of memory: the configuration is not taken over");
    for (size_t i = 0; i < config->n_hypervisors; i++) {
        const struct config_hypervisor *hypervisor = &config->hypervisors[i];
        struct source *old = source_find(core, hypervisor->name);

        if (!hypervisor->enabled)
            continue;
        text_copy(sources[count].name, sizeof(sources[count].name), hypervisor->name);
        if (old && is_same_target(core->config, hypervisor)) {
            sources[count++] = *old;
            old->inventory = NULL;
        } else {
            sources[count++].inventory = inventory_new();
        }
    }
    for (size_t i = 0; i < core->n_sources; i++)
        inventory_free(core->sources[i].inventory);
    free(core->sources);
    core->sources = sources;
    core->n_sources = count;
    for (size_t i = 0; i < count; i++)
        if (!sources[i].inventory)
            return error_set(reterr, -ENOMEM, "out of memory");
    return 0;
}

/* The Config Module's own fences, in full. */
static void send_policy(struct core *core, struct actions *actions)
{
    const struct config *config = core->config;

    record_write(&actions->to_module, RECORD_BEGIN, TABLE_POLICY, NULL, 0);
    for (size_t i = 0; i < config->n_ports; i++) {
        const struct config_port *port = &config->ports[i];
        struct policy policy = { .id = port->name };

        if (!port->enabled || port->uplink)
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
    int r = take_over_sources(core, config, reterr);

    if (r < 0)
        return r;
    /* The intent and the plan borrow from the old configuration. */
    intent_done(&core->intent);
    plan_done(&core->plan);
    config_free(core->config);
    core->config = config;
    if (core->policy_sent)
        send_policy(core, actions);
    actions->settle = true;
    return 0;
}

/* ---- Hypervisors ----------------------------------------------------------------------------- */

static const struct session no_session = {
    .owner = "",
    .id = "",
    .reason = "the session process is starting",
    .product = "",
    .version = "",
    .api = "",
    .notice = "",
    .state = SESSION_CONNECTING,
};

static const struct session *session_of(const struct source *source)
{
    const struct session *session = inventory_find(source->inventory, TABLE_SESSION, "", "");

    return session ? session : &no_session;
}

static bool knows_something(const struct source *source)
{
    return inventory_count(source->inventory, TABLE_HOST) > 0;
}

static enum session_state state_of(const struct source *source)
{
    enum session_state state = session_of(source)->state;

    if (source->process_lost || state == SESSION_CONNECTING || state == SESSION_SYNCING)
        return state == SESSION_SYNCING && !source->process_lost ? SESSION_SYNCING
               : knows_something(source)                         ? SESSION_STALE
                                                                 : SESSION_CONNECTING;
    return state;
}

/* Follows a session into and out of contact; says so once per change. */
static void follow_session(struct source *source, enum session_state before, int64_t now_ms,
                           struct actions *actions)
{
    const struct session *session = session_of(source);
    enum session_state state = state_of(source);

    if (state == SESSION_CONNECTED) {
        source->lost_ms = 0;
        if (before != SESSION_CONNECTED) {
            source->connected_ms = now_ms;
            source->to_announce = true;
        }
        return;
    }
    source->connected_ms = 0;
    if (before == SESSION_CONNECTED) {
        source->lost_ms = now_ms;
        inventory_distrust(source->inventory);
    }
    if (state != before || session->reason[0])
        say(actions, state == SESSION_SYNCING ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
            "hypervisor %s: %s%s%s%s", source->name,
            record_word(TABLE_SESSION, "state", &(struct session){ .state = state }),
            session->reason[0] ? ": " : "", session->reason,
            knows_something(source) && state != SESSION_SYNCING
                ? "; everything learnt from it is kept"
                : "");
}

static int take_hypervisor_record(struct source *source, const struct record *record,
                                  int64_t now_ms, struct actions *actions, struct error *reterr)
{
    enum session_state before = state_of(source);
    CLEANUP(free_text) char *notice = strdup(session_of(source)->notice);
    int r;

    r = inventory_apply(source->inventory, record, reterr);
    source->heard_ms = now_ms;
    source->process_lost = false;
    if (record->table == TABLE_SESSION && r > 0)
        follow_session(source, before, now_ms, actions);
    if (record->table == TABLE_SESSION && record->row.session.notice[0] && notice &&
        strcmp(notice, record->row.session.notice) != 0)
        say(actions, LOG_LEVEL_WARNING, "hypervisor %s: %s", source->name,
            record->row.session.notice);
    if (r < 0)
        error_prefix(reterr, r, "hypervisor %s", source->name);
    actions->settle = true;
    return r < 0 ? r : 0;
}

/* The state that the old process told is not the new one's. */
static void forget_session_state(struct source *source)
{
    struct record record = {
        .op = RECORD_PUT,
        .table = TABLE_SESSION,
        .stated = record_field(TABLE_SESSION, "state"),
    };

    if (!inventory_find(source->inventory, TABLE_SESSION, "", ""))
        return;
    record.row.session.state = SESSION_CONNECTING;
    row_complete(TABLE_SESSION, &record.row);
    inventory_apply(source->inventory, &record, NULL);
}

static void lose_hypervisor(struct source *source, const char *reason, int64_t now_ms,
                            struct actions *actions)
{
    if (source->connected_ms)
        source->lost_ms = now_ms;
    source->process_lost = true;
    source->connected_ms = 0;
    inventory_distrust(source->inventory);
    forget_session_state(source);
    say(actions, LOG_LEVEL_WARNING,
        "hypervisor %s: its session process %s; it is started again, and everything learnt is kept",
        source->name, reason);
    actions->settle = true;
}

/* ---- The Config Module ----------------------------------------------------------------------- */

static void audit_add(struct core *core, const struct outcome *outcome, int64_t wall_ms)
{
    struct core_audit *entry = &core->audit[core->audited % AUDIT_MAX];
    struct strbuf who;

    audit_entry_done(entry);
    strbuf_init(&who, 512);
    for (size_t i = 0; i < core->wires.count; i++) {
        const struct wire *wire = &core->wires.wires[i];

        if (strcmp(wire->port, outcome->port) == 0 && wire->state >= WIRE_CONFIRMED)
            strbuf_addf(&who, "%s%s/%s/%s", who.size ? " " : "", wire->hypervisor, wire->host_name,
                        wire->nic);
    }
    *entry = (struct core_audit){
        .wall_ms = wall_ms,
        .port = strdup(outcome->port),
        .added = outcome->added,
        .removed = outcome->removed,
        .reason = strdup(strbuf_text(&who)),
        .problem = strdup(outcome->problem),
    };
    strbuf_done(&who);
    if (!entry->port || !entry->reason || !entry->problem)
        audit_entry_done(entry); /* out of memory: the log line has it */
    else
        core->audited++;
}

static void take_outcome(struct core *core, const struct outcome *outcome, int64_t now_ms,
                         int64_t wall_ms, struct actions *actions)
{
    char added[256], removed[256];
    bool changed = !vlanset_is_empty(&outcome->added) || !vlanset_is_empty(&outcome->removed);

    flights_land(core->flights, outcome, now_ms);
    if (changed || outcome->problem[0])
        audit_add(core, outcome, wall_ms);
    vlanset_text(&outcome->added, added, sizeof(added));
    vlanset_text(&outcome->removed, removed, sizeof(removed));
    if (changed)
        say(actions, LOG_LEVEL_NOTICE, "port %s:%s%s%s%s", outcome->port, added[0] ? " added " : "",
            added, removed[0] ? " removed " : "", removed);
    if (outcome->problem[0])
        say(actions, LOG_LEVEL_WARNING, "port %s: %s", outcome->port, outcome->problem);
    actions->settle = true;
}

static void follow_switch(const struct core *core, enum switch_state before,
                          struct actions *actions)
{
    const struct switch_status *status = inventory_find(core->module, TABLE_SWITCH, "", "");

    if (!status || status->state == before)
        return;
    if (status->state == SWITCH_READY)
        say(actions, LOG_LEVEL_NOTICE, "switch (%s): ready", status->driver);
    else
        say(actions, LOG_LEVEL_WARNING, "switch (%s): %s", status->driver, status->reason);
}

/* What somebody else takes away shows between two readings of a port. */
static void follow_port(struct core *core, const struct port *now)
{
    const struct port *before = inventory_find(core->module, TABLE_PORT, "", now->id);

    if (before)
        flights_note_port(core->flights, before, now); /* out of memory: then it goes unremarked */
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
        return 0;
    }
    if (record->table == TABLE_PORT && record->op == RECORD_NEW)
        follow_port(core, &record->row.port);
    r = inventory_apply(core->module, record, reterr);
    if (r > 0)
        actions->settle = true;
    if (record->table == TABLE_SWITCH)
        follow_switch(core, before, actions);
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
    say(actions, LOG_LEVEL_WARNING,
        "the Config Module %s; it is started again, and the switch keeps what it has", reason);
    actions->settle = true;
}

/* ---- Drawing conclusions -----------------------------------------------------------------------
 */

static bool is_released(const struct core *core, const struct source *source, int64_t now_ms,
                        struct actions *actions)
{
    int64_t hold = (int64_t)core->config->hold_s * 1000;

    if (hold == 0 || source->lost_ms == 0)
        return false;
    if (now_ms - source->lost_ms >= hold)
        return true;
    if (source->lost_ms + hold < actions->wake_ms)
        actions->wake_ms = source->lost_ms + hold;
    return false;
}

static void announce(struct source *source, struct actions *actions)
{
    const struct session *session = session_of(source);

    source->to_announce = false;
    if (state_of(source) == SESSION_CONNECTED)
        say(actions, LOG_LEVEL_NOTICE, "hypervisor %s: connected, %s (%s); hosts %zu, machines %zu",
            source->name, session->product, session->api,
            inventory_count(source->inventory, TABLE_HOST),
            inventory_count(source->inventory, TABLE_MACHINE));
}

static void settle_inventories(struct core *core, struct actions *actions)
{
    for (size_t i = 0; i < core->n_sources; i++) {
        struct source *source = &core->sources[i];
        const char *doubt;

        inventory_settle(source->inventory);
        if (source->to_announce)
            announce(source, actions);
        doubt = inventory_doubt(source->inventory);
        if (doubt && !source->doubt_logged)
            say(actions, LOG_LEVEL_WARNING,
                "hypervisor %s: %s; it is not believed and everything is kept "
                "('vsn accept %s' if it is right)",
                source->name, doubt, source->name);
        source->doubt_logged = doubt != NULL;
    }
    inventory_settle(core->neighbors);
    inventory_settle(core->module);
}

struct obstacles {
    struct core *core;
    int64_t now_ms;
    int64_t wake_ms;
};

static const char *obstacle_on(const char *port, void *data)
{
    struct obstacles *obstacles = data;

    return flights_obstacle(obstacles->core->flights, port, obstacles->now_ms, &obstacles->wake_ms);
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
            say(actions, wire->state == WIRE_CONFLICT ? LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE,
                "port %s: wire to %s %s %s: %s (%s)", wire->port, wire->hypervisor, wire->host_name,
                wire->nic, wire_state_word(wire->state), wire->detail);
    }
}

/* Wires and intent, from everything that is known. */
static int conclude_intent(struct core *core, int64_t now_ms, struct actions *actions)
{
    struct hypervisor_view views[CONFIG_HYPERVISORS_MAX];
    struct hypervisor_trust trust[CONFIG_HYPERVISORS_MAX];
    struct wires wires;
    struct intent intent;

    for (size_t i = 0; i < core->n_sources; i++) {
        struct source *source = &core->sources[i];

        views[i] = (struct hypervisor_view){ config_hypervisor(core->config, source->name),
                                             source->inventory };
        trust[i] = (struct hypervisor_trust){ views[i], state_of(source),
                                              is_released(core, source, now_ms, actions) };
    }
    if (wires_compute(core->config, views, core->n_sources, core->neighbors, core->module,
                      &core->wires, now_ms, &wires) < 0)
        return -ENOMEM;
    log_wires(core, &wires, actions);
    wires_done(&core->wires);
    core->wires = wires;
    if (intent_compute(core->config, trust, core->n_sources, &core->wires, &intent) < 0)
        return -ENOMEM;
    plan_done(&core->plan);
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

        say(actions, LOG_LEVEL_WARNING,
            "port %s: somebody else took VLAN %s away; putting it back%s", change->port,
            vlanset_text(&repairs, text, sizeof(text)),
            yields ? " for the last time for now: it keeps happening" : "");
    }
    record_write(&actions->to_module, RECORD_NEW, TABLE_CHANGE, change, 0);
    if (now_ms + FLIGHT_LOST_MS < actions->wake_ms)
        actions->wake_ms = now_ms + FLIGHT_LOST_MS;
}

/* What the plan wants on one port; while a failure rests, only additions that did not fail. */
static void carry_out(struct core *core, const struct plan_port *plan, int64_t now_ms,
                      struct actions *actions)
{
    struct change change = { .port = plan->port->name };
    struct vlanset failed;

    if (!plan->problem[0]) {
        change.add = plan->write;
        change.remove = plan->remove;
    } else if (flights_rests(core->flights, change.port, now_ms, &failed)) {
        change.add = vlanset_minus(&plan->ready, &failed);
    }
    send_change(core, &change, now_ms, actions);
}

static int settle(struct core *core, int64_t now_ms, struct actions *actions)
{
    struct obstacles obstacles = { core, now_ms, INT64_MAX };
    int r;

    settle_inventories(core, actions);
    r = conclude_intent(core, now_ms, actions);
    if (r == 0)
        r = plan_compute(core->config, &core->intent, core->module, core->guard, obstacle_on,
                         &obstacles, now_ms, &core->plan);
    if (r < 0) {
        actions->wake_ms = now_ms + 1000; /* out of memory: try again, change nothing */
        return r;
    }
    for (size_t i = 0; i < core->plan.count; i++)
        carry_out(core, &core->plan.ports[i], now_ms, actions);
    if (core->plan.wake_ms < actions->wake_ms)
        actions->wake_ms = core->plan.wake_ms;
    if (obstacles.wake_ms < actions->wake_ms)
        actions->wake_ms = obstacles.wake_ms;
    return 0;
}

/* ---- The step -------------------------------------------------------------------------------- */

static struct source *source_of_event(const struct core *core, const struct event *event,
                                      struct error *reterr)
{
    const char *name = event->source;
    struct source *source;

    if (strncmp(name, HYPERVISOR_PREFIX, strlen(HYPERVISOR_PREFIX)) == 0)
        name += strlen(HYPERVISOR_PREFIX);
    source = source_find(core, name);
    if (!source)
        error_set(reterr, -ENOENT, "no hypervisor '%s' is configured and enabled", name);
    return source;
}

static int take_record(struct core *core, const struct event *event, int64_t now_ms,
                       int64_t wall_ms, struct actions *actions, struct error *reterr)
{
    struct source *source;
    int r;

    if (strcmp(event->source, "switch") == 0)
        return take_module_record(core, event->record, now_ms, wall_ms, actions, reterr);
    if (strcmp(event->source, "neighbor") == 0) {
        r = inventory_apply(core->neighbors, event->record, reterr);
        actions->settle = true;
        return r < 0 ? r : 0;
    }
    source = source_of_event(core, event, reterr);
    if (!source)
        return -ENOENT;
    return take_hypervisor_record(source, event->record, now_ms, actions, reterr);
}

static int take_loss(struct core *core, const struct event *event, int64_t now_ms,
                     struct actions *actions, struct error *reterr)
{
    struct source *source;

    if (strcmp(event->source, "switch") == 0) {
        lose_module(core, event->reason, actions);
        return 0;
    }
    if (strcmp(event->source, "neighbor") == 0) {
        inventory_distrust(core->neighbors);
        say(actions, LOG_LEVEL_WARNING,
            "the neighbour process %s; it is started again, and known wires are kept",
            event->reason);
        return 0;
    }
    source = source_of_event(core, event, reterr);
    if (!source)
        return -ENOENT;
    lose_hypervisor(source, event->reason, now_ms, actions);
    return 0;
}

static int accept_shrunk(struct core *core, const struct event *event, struct actions *actions,
                         struct error *reterr)
{
    struct source *source = source_of_event(core, event, reterr);
    size_t gone;

    if (!source)
        return -ENOENT;
    if (!inventory_doubt(source->inventory))
        return error_set(reterr, -EALREADY, "hypervisor %s: there is nothing to accept",
                         source->name);
    gone = inventory_accept(source->inventory);
    say(actions, LOG_LEVEL_NOTICE,
        "hypervisor %s: the smaller answer was accepted, %zu rows are gone", source->name, gone);
    actions->settle = true;
    return 0;
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
        return settle(core, now_ms, actions);
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
    const struct source *source = source_find(core, config->name);

    return (struct core_hypervisor){
        .config = config,
        .inventory = source ? source->inventory : NULL,
        .session = source ? session_of(source) : &no_session,
        .state = source ? state_of(source) : SESSION_DISABLED,
        .heard_ms = source ? source->heard_ms : 0,
        .connected_ms = source ? source->connected_ms : 0,
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

const struct guard *core_guard(const struct core *core)
{
    return core->guard;
}

const struct core_audit *core_audit(const struct core *core, size_t index)
{
    size_t kept = core->audited < AUDIT_MAX ? core->audited : AUDIT_MAX;

    return index < kept ? &core->audit[(core->audited - 1 - index) % AUDIT_MAX] : NULL;
}

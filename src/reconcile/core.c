#include "reconcile/core.h"

#include <errno.h>
#include <string.h>

#include "reconcile/core_parts.h"

#define HYPERVISOR_PREFIX "hypervisor/"

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
    core->discoveries = discoveries_new();
    core->audit = audit_new();
    core->migrations = migrations_new();
    if (!core->config || !core->neighbors || !core->module || !core->guard || !core->flights ||
        !core->lag_watch || !core->discoveries || !core->audit || !core->migrations)
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
    discoveries_free(core->discoveries);
    config_free(core->config);
    free(core);
    return NULL;
}

/* ---- Configuration --------------------------------------------------------------------------- */

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
    discoveries_resume(core->discoveries, "the configuration was read");
    if (core->policy_sent)
        core_send_policy(core, actions);
    actions->settle = true;
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

/* A host or a NIC that was not known before. */
static bool is_new_place(const struct contact *contact, const struct record *record)
{
    return (record->table == TABLE_HOST || record->table == TABLE_NIC) &&
           (record->op == RECORD_NEW || record->op == RECORD_PUT) &&
           !inventory_find(contact->inventory, record->table, record->row.key.owner,
                           record->row.key.id);
}

static int take_hypervisor_record(struct core *core, struct contact *contact,
                                  const struct record *record, struct moment moment,
                                  struct actions *actions, struct error *reterr)
{
    struct migrations_before before = migrations_before(contact, record);
    bool is_place = is_new_place(contact, record);
    int r = contact_take(contact, record, moment.now_ms, actions, reterr);

    if (r == 0 && is_place)
        discoveries_resume(core->discoveries, "hypervisor %s has a new host or NIC", contact->name);
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
        return core_take_module_record(core, record, now_ms, wall_ms, actions, reterr);
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
        core_lose_module(core, event->reason, actions);
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
        return core_settle(core, now_ms, wall_ms, actions);
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

const struct discoveries *core_discoveries(const struct core *core)
{
    return core->discoveries;
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

#include "reconcile/contact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static bool is_same_target(const struct config *before, const struct config_hypervisor *now)
{
    const struct config_hypervisor *old = config_hypervisor(before, now->name);

    return old && strcmp(old->url, now->url) == 0 && strcmp(old->type, now->type) == 0;
}

/* Whether 'old' goes on under the new configuration. */
static bool stays(const struct contact *old, const struct config *before,
                  const struct config_hypervisor *now)
{
    return old && is_same_target(before, now);
}

static void list_free(struct contact *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        inventory_free(list[i].inventory);
    free(list);
}

void contacts_done(struct contacts *contacts)
{
    list_free(contacts->list, contacts->count);
    *contacts = (struct contacts){ 0 };
}

/* The new list, with empty inventories for those that are new; NULL when out of memory. */
static struct contact *make_list(const struct contacts *contacts, const struct config *before,
                                 const struct config *config, size_t *ret_count)
{
    struct contact *list = calloc(config->n_hypervisors + 1, sizeof(*list));
    size_t count = 0;

    for (size_t i = 0; list && i < config->n_hypervisors; i++) {
        const struct config_hypervisor *hypervisor = &config->hypervisors[i];

        if (!hypervisor->enabled)
            continue;
        text_copy(list[count].name, sizeof(list[count].name), hypervisor->name);
        if (!stays(contacts_find(contacts, hypervisor->name), before, hypervisor)) {
            list[count].inventory = inventory_new();
            if (!list[count].inventory) {
                list_free(list, count);
                return NULL;
            }
        }
        count++;
    }
    *ret_count = count;
    return list;
}

int contacts_take_over(struct contacts *contacts, const struct config *before,
                       const struct config *config, struct error *reterr)
{
    size_t count = 0;
    struct contact *list = make_list(contacts, before, config, &count);

    if (!list)
        return error_set(reterr, -ENOMEM, "out of memory: the configuration is not taken over");
    for (size_t i = 0; i < count; i++) {
        struct contact *old = contacts_find(contacts, list[i].name);

        if (list[i].inventory)
            continue;
        list[i] = *old;
        old->inventory = NULL;
    }
    contacts_done(contacts);
    *contacts = (struct contacts){ list, count };
    return 0;
}

struct contact *contacts_find(const struct contacts *contacts, const char *name)
{
    for (size_t i = 0; i < contacts->count; i++)
        if (strcmp(contacts->list[i].name, name) == 0)
            return &contacts->list[i];
    return NULL;
}

/* ---- State ----------------------------------------------------------------------------------- */

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

const struct session *contact_session(const struct contact *contact)
{
    const struct session *session =
        contact ? inventory_find(contact->inventory, TABLE_SESSION, "", "") : NULL;

    return session ? session : &no_session;
}

static bool knows_something(const struct contact *contact)
{
    return inventory_count(contact->inventory, TABLE_HOST) > 0;
}

enum session_state contact_state(const struct contact *contact)
{
    enum session_state state = contact_session(contact)->state;

    if (contact->process_lost || state == SESSION_CONNECTING || state == SESSION_SYNCING)
        return state == SESSION_SYNCING && !contact->process_lost ? SESSION_SYNCING
               : knows_something(contact)                         ? SESSION_STALE
                                                                  : SESSION_CONNECTING;
    return state;
}

/* Follows a session into and out of contact; says so once per change. */
static void follow_session(struct contact *contact, enum session_state before, int64_t now_ms,
                           struct actions *actions)
{
    const struct session *session = contact_session(contact);
    enum session_state state = contact_state(contact);

    if (state == SESSION_CONNECTED) {
        contact->lost_ms = 0;
        if (before != SESSION_CONNECTED) {
            contact->connected_ms = now_ms;
            contact->to_announce = true;
        }
        return;
    }
    contact->connected_ms = 0;
    if (before == SESSION_CONNECTED) {
        contact->lost_ms = now_ms;
        inventory_distrust(contact->inventory);
    }
    if (state != before || session->reason[0])
        actions_say(actions, state == SESSION_SYNCING ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
                    "hypervisor %s: %s%s%s%s", contact->name,
                    record_word(TABLE_SESSION, "state", &(struct session){ .state = state }),
                    session->reason[0] ? ": " : "", session->reason,
                    knows_something(contact) && state != SESSION_SYNCING
                        ? "; everything learnt from it is kept"
                        : "");
}

/* A machine is on its way, or has arrived: its VLANs cannot wait. */
static bool is_urgent(const struct contact *contact, const struct record *record)
{
    const struct machine *machine, *now = &record->row.machine;

    if (record->table == TABLE_MOVE)
        return true;
    if (record->table == TABLE_VIF) /* of one that comes to be while it is on its way */
        return inventory_next(contact->inventory, TABLE_MOVE, record->row.vif.owner, NULL) != NULL;
    if (record->table != TABLE_MACHINE || (record->op != RECORD_PUT && record->op != RECORD_NEW))
        return false;
    machine = inventory_find(contact->inventory, TABLE_MACHINE, "", now->id);
    return machine && now->host[0] && strcmp(machine->host, now->host) != 0;
}

/* ---- Moves without a destination ------------------------------------------------------------- */

static bool put_widening(struct contact *contact, const struct move *move, uint64_t widen_ms,
                         bool widened)
{
    struct record record = {
        .op = RECORD_PUT,
        .table = TABLE_MOVE,
        .stated = record_field(TABLE_MOVE, "widen_ms") | record_field(TABLE_MOVE, "widened"),
        .row.move = { .owner = move->owner,
                      .id = move->id,
                      .widen_ms = widen_ms,
                      .widened = widened },
    };

    row_complete(TABLE_MOVE, &record.row);
    return inventory_amend(contact->inventory, &record);
}

/* What the core knows of a move that is told of again. */
static struct move move_before(const struct contact *contact, const struct record *record)
{
    const struct move *key = &record->row.move, *before = NULL;

    if (record->table == TABLE_MOVE && (record->op == RECORD_NEW || record->op == RECORD_PUT))
        before = inventory_find(contact->inventory, TABLE_MOVE, key->owner, key->id);
    return (struct move){ .widen_ms = before ? before->widen_ms : 0,
                          .widened = before && before->widened };
}

/* 'before': the row as it was, of which only the core's own fields count; all zero when new. */
static void await_destination(struct contact *contact, const struct record *record,
                              const struct move *before, int64_t now_ms)
{
    const struct move *key = &record->row.move;
    const struct move *move = inventory_find(contact->inventory, TABLE_MOVE, key->owner, key->id);

    if (!move || move->to[0] || move->waiting || move->widen_ms)
        return;
    put_widening(contact, move,
                 before->widen_ms ? before->widen_ms : (uint64_t)(now_ms + CONTACT_WIDEN_MS),
                 before->widened);
}

/* The next one that waited long enough; 'actions' wakes the core for those that did not. */
static const struct move *next_to_widen(const struct contact *contact, int64_t now_ms,
                                        struct actions *actions)
{
    INVENTORY_EACH(contact->inventory, move, TABLE_MOVE, NULL)
    {
        if (move->to[0] || move->waiting || move->widened || move->outcome != MOVE_RUNNING)
            continue;
        if (now_ms >= (int64_t)move->widen_ms)
            return move;
        actions_wake(actions, (int64_t)move->widen_ms);
    }
    return NULL;
}

static void widen_moves(struct contact *contact, int64_t now_ms, struct actions *actions)
{
    const struct move *move;

    while ((move = next_to_widen(contact, now_ms, actions)))
        if (!put_widening(contact, move, move->widen_ms, true))
            return;
}

/* ---- Records --------------------------------------------------------------------------------- */

int contact_take(struct contact *contact, const struct record *record, int64_t now_ms,
                 struct actions *actions, struct error *reterr)
{
    enum session_state before = contact_state(contact);
    bool urgent = is_urgent(contact, record);
    struct move move = move_before(contact, record);
    CLEANUP(free_text)
    char *notice = record->table == TABLE_SESSION ? strdup(contact_session(contact)->notice) : NULL;
    int r;

    r = inventory_apply(contact->inventory, record, reterr);
    contact->heard_ms = now_ms;
    contact->process_lost = false;
    if (record->table == TABLE_MOVE && r > 0)
        await_destination(contact, record, &move, now_ms);
    if (record->table == TABLE_SESSION && r > 0)
        follow_session(contact, before, now_ms, actions);
    if (record->table == TABLE_SESSION && record->row.session.notice[0] && notice &&
        strcmp(notice, record->row.session.notice) != 0)
        actions_say(actions, LOG_LEVEL_WARNING, "hypervisor %s: %s", contact->name,
                    record->row.session.notice);
    if (r < 0)
        error_prefix(reterr, r, "hypervisor %s", contact->name);
    actions->settle = true;
    actions->settle_now |= r > 0 && urgent;
    return r < 0 ? r : 0;
}

/* The state that the old process told is not the new one's. */
static void forget_session_state(struct contact *contact)
{
    struct record record = {
        .op = RECORD_PUT,
        .table = TABLE_SESSION,
        .stated = record_field(TABLE_SESSION, "state"),
    };

    if (!inventory_find(contact->inventory, TABLE_SESSION, "", ""))
        return;
    record.row.session.state = SESSION_CONNECTING;
    row_complete(TABLE_SESSION, &record.row);
    inventory_apply(contact->inventory, &record, NULL);
}

void contact_lose(struct contact *contact, const char *reason, int64_t now_ms,
                  struct actions *actions)
{
    if (contact->connected_ms)
        contact->lost_ms = now_ms;
    contact->process_lost = true;
    contact->connected_ms = 0;
    inventory_distrust(contact->inventory);
    forget_session_state(contact);
    actions_say(
        actions, LOG_LEVEL_WARNING,
        "hypervisor %s: its session process %s; it is started again, and everything learnt is kept",
        contact->name, reason);
    actions->settle = true;
}

bool contact_is_released(const struct contact *contact, uint32_t hold_s, int64_t now_ms,
                         struct actions *actions)
{
    int64_t hold_ms = (int64_t)hold_s * 1000;

    if (hold_ms == 0 || contact->lost_ms == 0)
        return false;
    if (now_ms - contact->lost_ms >= hold_ms)
        return true;
    actions_wake(actions, contact->lost_ms + hold_ms);
    return false;
}

static void announce(struct contact *contact, struct actions *actions)
{
    const struct session *session = contact_session(contact);

    contact->to_announce = false;
    if (contact_state(contact) == SESSION_CONNECTED)
        actions_say(actions, LOG_LEVEL_NOTICE,
                    "hypervisor %s: connected, %s (%s); hosts %zu, machines %zu", contact->name,
                    session->product, session->api, inventory_count(contact->inventory, TABLE_HOST),
                    inventory_count(contact->inventory, TABLE_MACHINE));
}

void contact_settle(struct contact *contact, int64_t now_ms, struct actions *actions)
{
    const char *doubt;

    inventory_settle(contact->inventory, now_ms);
    widen_moves(contact, now_ms, actions);
    if (contact->to_announce)
        announce(contact, actions);
    doubt = inventory_doubt(contact->inventory);
    if (doubt && !contact->doubt_logged)
        actions_say(actions, LOG_LEVEL_WARNING,
                    "hypervisor %s: %s; it is not believed and everything is kept "
                    "('vsn accept %s' if it is right)",
                    contact->name, doubt, contact->name);
    contact->doubt_logged = doubt != NULL;
}

int contact_accept(struct contact *contact, struct actions *actions, struct error *reterr)
{
    size_t gone;

    if (!inventory_doubt(contact->inventory))
        return error_set(reterr, -EALREADY, "hypervisor %s: there is nothing to accept",
                         contact->name);
    gone = inventory_accept(contact->inventory);
    actions_say(actions, LOG_LEVEL_NOTICE,
                "hypervisor %s: the smaller answer was accepted, %zu rows are gone", contact->name,
                gone);
    actions->settle = true;
    return 0;
}

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((element)->lost = true)
#include "reconcile/discovery.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct search {
    enum discovery_state state;
    int64_t since_ms;  /* monotonic: since when it is looked for; 0: it cannot be, just now */
    bool link_came_up; /* since the last settling */
    bool is_current;   /* seen in the settling under way */
    bool lost;         /* out of memory while it was put in */
    UT_hash_handle hh;
    char port[];
};

struct discoveries {
    struct search *searches;
    int64_t connected_ms; /* the latest connection of a hypervisor that is known of */
    char cause[160];      /* to look again everywhere; "" none */
};

struct discoveries *discoveries_new(void)
{
    return calloc(1, sizeof(struct discoveries));
}

static void search_drop(struct discoveries *discoveries, struct search *search)
{
    HASH_DEL(discoveries->searches, search);
    free(search);
}

struct discoveries *discoveries_free(struct discoveries *discoveries)
{
    struct search *search, *next;

    if (!discoveries)
        return NULL;
    HASH_ITER (hh, discoveries->searches, search, next) {
        search_drop(discoveries, search);
    }
    free(discoveries);
    return NULL;
}

static struct search *search_find(const struct discoveries *discoveries, const char *port)
{
    struct search *search = NULL;

    HASH_FIND_STR(discoveries->searches, port, search);
    return search;
}

static struct search *search_make(struct discoveries *discoveries, const char *port)
{
    struct search *search = search_find(discoveries, port);
    size_t size = strlen(port) + 1;

    if (search)
        return search;
    search = calloc(1, sizeof(*search) + size);
    if (!search)
        return NULL;
    search->state = DISCOVERY_SEARCHING;
    memcpy(search->port, port, size);
    HASH_ADD_STR(discoveries->searches, port, search);
    if (!search->lost)
        return search;
    free(search);
    return NULL;
}

/* ---- What happens ---------------------------------------------------------------------------- */

void discoveries_resume(struct discoveries *discoveries, const char *format, ...)
{
    va_list args;

    if (discoveries->cause[0])
        return;
    va_start(args, format);
    vsnprintf(discoveries->cause, sizeof(discoveries->cause), format, args);
    va_end(args);
}

void discoveries_follow_port(struct discoveries *discoveries, const struct port *before,
                             const struct port *now)
{
    struct search *search = search_find(discoveries, now->id);

    if (search && before && before->link != LINK_UP && now->link == LINK_UP)
        search->link_came_up = true;
}

static void follow_contacts(struct discoveries *discoveries, const struct contacts *contacts)
{
    int64_t latest_ms = discoveries->connected_ms;

    for (size_t i = 0; i < contacts->count; i++) {
        if (contacts->list[i].connected_ms <= discoveries->connected_ms)
            continue;
        discoveries_resume(discoveries, "hypervisor %s is connected", contacts->list[i].name);
        if (contacts->list[i].connected_ms > latest_ms)
            latest_ms = contacts->list[i].connected_ms;
    }
    discoveries->connected_ms = latest_ms;
}

/* ---- One port -------------------------------------------------------------------------------- */

static bool is_bound(const struct discovery_facts *facts, const char *port)
{
    for (size_t i = 0; i < facts->wires->count; i++) {
        const struct wire *wire = &facts->wires->wires[i];

        if (strcmp(wire->port, port) == 0 && wire->state != WIRE_MOVED &&
            (wire->state != WIRE_CLAIMED || wire_is_trusted(wire, facts->config->evidence)))
            return true;
    }
    return false;
}

static bool is_somebody_connected(const struct contacts *contacts)
{
    for (size_t i = 0; i < contacts->count; i++)
        if (contact_state(&contacts->list[i]) == SESSION_CONNECTED)
            return true;
    return false;
}

static void end_search(struct search *search, struct actions *actions)
{
    if (search->state == DISCOVERY_SUSPENDED)
        actions_say(actions, LOG_LEVEL_NOTICE, "port %s: a hypervisor's NIC is seen", search->port);
    search->state = DISCOVERY_BOUND;
    search->since_ms = 0;
}

static void look_again(struct search *search, const char *cause, struct actions *actions)
{
    if (search->state == DISCOVERY_SUSPENDED)
        actions_say(actions, LOG_LEVEL_NOTICE, "port %s: discovery resumed: %s", search->port,
                    cause);
    search->state = DISCOVERY_SEARCHING;
    search->since_ms = 0;
}

/* The time runs while somebody could be found. */
static void go_on(struct search *search, const struct discovery_facts *facts, bool is_possible,
                  struct actions *actions)
{
    int64_t due_ms;

    if (search->state == DISCOVERY_SUSPENDED)
        return;
    if (!is_possible) {
        search->since_ms = 0;
        return;
    }
    if (search->since_ms == 0)
        search->since_ms = facts->now_ms;
    due_ms = search->since_ms + INT64_C(1000) * facts->config->discovery_timeout_s;
    if (facts->now_ms < due_ms) {
        actions_wake(actions, due_ms);
        return;
    }
    search->state = DISCOVERY_SUSPENDED;
    actions_say(actions, LOG_LEVEL_NOTICE,
                "port %s: no hypervisor's NIC is seen; discovery suspended", search->port);
}

static void settle_port(struct discoveries *discoveries, struct search *search,
                        const struct discovery_facts *facts, bool is_connected,
                        struct actions *actions)
{
    const struct port *port = inventory_find(facts->module, TABLE_PORT, "", search->port);
    bool is_possible = is_connected && port && port->link == LINK_UP;

    if (is_bound(facts, search->port)) {
        end_search(search, actions);
    } else {
        if (search->state == DISCOVERY_BOUND)
            look_again(search, "", actions);
        else if (search->link_came_up)
            look_again(search, "its link came up", actions);
        else if (discoveries->cause[0])
            look_again(search, discoveries->cause, actions);
        go_on(search, facts, is_possible, actions);
    }
    search->link_came_up = false;
    search->is_current = true;
}

/* ---- All of them ----------------------------------------------------------------------------- */

static void drop_others(struct discoveries *discoveries)
{
    struct search *search, *next;

    HASH_ITER (hh, discoveries->searches, search, next) {
        if (!search->is_current)
            search_drop(discoveries, search);
        else
            search->is_current = false;
    }
}

int discoveries_settle(struct discoveries *discoveries, const struct discovery_facts *facts,
                       struct actions *actions)
{
    bool is_connected = is_somebody_connected(facts->contacts);
    int r = 0;

    follow_contacts(discoveries, facts->contacts);
    for (size_t i = 0; i < facts->config->n_ports; i++) {
        const struct config_port *port = &facts->config->ports[i];
        struct search *search;

        if (!port->enabled || port->uplink)
            continue;
        search = search_make(discoveries, port->name);
        if (search)
            settle_port(discoveries, search, facts, is_connected, actions);
        else
            r = -ENOMEM;
    }
    drop_others(discoveries);
    discoveries->cause[0] = '\0';
    return r;
}

enum discovery_state discoveries_of(const struct discoveries *discoveries, const char *port)
{
    const struct search *search = search_find(discoveries, port);

    return search ? search->state : DISCOVERY_NONE;
}

const char *discovery_word(enum discovery_state state)
{
    static const char *const words[] = {
        [DISCOVERY_NONE] = "",
        [DISCOVERY_BOUND] = "bound",
        [DISCOVERY_SEARCHING] = "searching",
        [DISCOVERY_SUSPENDED] = "suspended",
    };

    return words[state];
}

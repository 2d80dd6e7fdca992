#include "source/xenapi/take.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

void xen_take_init(struct xen_take *take, struct xen_pool *pool)
{
    *take = (struct xen_take){ .pool = pool };
    take->record = &take->held;
    xen_record_init(&take->held);
}

void xen_take_done(struct xen_take *take)
{
    xen_record_done(&take->held);
}

void xen_take_begin(struct xen_take *take, const struct rpc_rule *rule)
{
    rpc_init(&take->rpc, rule, take);
    take->class = N_XEN_CLASSES;
    take->scalar[0] = take->token[0] = '\0';
    take->counted = 0;
    take->events = 0;
    take->pool_touched = take->incomplete = false;
}

static int copy_whole(struct rpc *rpc, char *to, size_t size, const char *text)
{
    if (text_copy(to, size, text) < 0)
        return error_set(rpc_error(rpc), -EMSGSIZE, "the reply has a value that is too long");
    return 0;
}

static int take_scalar(struct rpc *rpc, const struct rpc_rule *rule, const char *key,
                       const char *text, void *data)
{
    struct xen_take *take = data;

    (void)rule, (void)key;
    return copy_whole(rpc, take->scalar, sizeof(take->scalar), text);
}

/* ---- Records --------------------------------------------------------------------------------- */

static int open_record(struct rpc *rpc, const struct rpc_rule *rule, const char *key, void *data)
{
    struct xen_take *take = data;

    (void)rpc, (void)rule, (void)key;
    xen_record_reset(take->record);
    return 0;
}

static int store(struct rpc *rpc, struct xen_take *take, enum xen_class class, const char *ref)
{
    if (!*ref)
        return 0;
    if (take->record->spoiled)
        return error_set(rpc_error(rpc), -EMSGSIZE, "a record of class %s cannot be held",
                         xen_class_name(class));
    if (xen_pool_store(take->pool, class, ref, take->record) < 0)
        return error_set(rpc_error(rpc), -EMSGSIZE, "the pool has more objects than can be held");
    return 0;
}

static int close_record(struct rpc *rpc, const struct rpc_rule *rule, const char *key,
                        const char *text, void *data)
{
    struct xen_take *take = data;

    (void)rule, (void)text;
    return store(rpc, take, take->class, key);
}

/* ---- Events ---------------------------------------------------------------------------------- */

static int open_event(struct rpc *rpc, const struct rpc_rule *rule, const char *key, void *data)
{
    struct xen_take *take = data;

    take->event_class[0] = take->operation[0] = take->ref[0] = '\0';
    take->has_snapshot = false;
    take->events++;
    return open_record(rpc, rule, key, data);
}

enum { EVENT_CLASS, EVENT_OPERATION, EVENT_REF };

static int take_event_text(struct rpc *rpc, const struct rpc_rule *rule, const char *key,
                           const char *text, void *data)
{
    struct xen_take *take = data;

    (void)key;
    switch (rule->what) {
    case EVENT_CLASS: /* a class that does not fit is none of ours */
        text_copy(take->event_class, sizeof(take->event_class), text);
        return 0;
    case EVENT_OPERATION:
        text_copy(take->operation, sizeof(take->operation), text);
        return 0;
    }
    return copy_whole(rpc, take->ref, sizeof(take->ref), text);
}

static int open_snapshot(struct rpc *rpc, const struct rpc_rule *rule, const char *key, void *data)
{
    struct xen_take *take = data;

    take->has_snapshot = true;
    return open_record(rpc, rule, key, data);
}

/* "add" and "mod" are both upserts: which one comes says little. */
static int close_event(struct rpc *rpc, const struct rpc_rule *rule, const char *key,
                       const char *text, void *data)
{
    struct xen_take *take = data;
    enum xen_class class = xen_class_find(take->event_class);

    (void)rule, (void)key, (void)text;
    if (class == XEN_POOL)
        take->pool_touched = true;
    if (class == N_XEN_CLASSES)
        return 0;
    if (strcmp(take->operation, "del") == 0)
        xen_pool_remove(take->pool, class, take->ref);
    else if (take->has_snapshot)
        return store(rpc, take, class, take->ref);
    else
        take->incomplete = true;
    return 0;
}

static int take_count(struct rpc *rpc, const struct rpc_rule *rule, const char *key,
                      const char *text, void *data)
{
    struct xen_take *take = data;
    enum xen_class class = xen_class_find(key);

    (void)rpc, (void)rule;
    if (class != N_XEN_CLASSES && text_number(text, 0, UINT32_MAX, &take->counts[class]) == 0)
        take->counted |= 1u << class;
    return 0;
}

static int take_token(struct rpc *rpc, const struct rpc_rule *rule, const char *key,
                      const char *text, void *data)
{
    struct xen_take *take = data;

    (void)rule, (void)key;
    return copy_whole(rpc, take->token, sizeof(take->token), text);
}

static const struct rpc_rule event_rules[] = {
    { .name = "class", .what = EVENT_CLASS, .close = take_event_text },
    { .name = "operation", .what = EVENT_OPERATION, .close = take_event_text },
    { .name = "ref", .what = EVENT_REF, .close = take_event_text },
    { .name = "snapshot", .rules = xen_record_rules, .open = open_snapshot },
    { .name = NULL },
};
static const struct rpc_rule events_rules[] = {
    { .name = "[]", .rules = event_rules, .open = open_event, .close = close_event },
    { .name = NULL },
};
static const struct rpc_rule counts_rules[] = { { .name = "*", .close = take_count },
                                                { .name = NULL } };
static const struct rpc_rule from_rules[] = {
    { .name = "events", .rules = events_rules },
    { .name = "valid_ref_counts", .rules = counts_rules },
    { .name = "token", .close = take_token },
    { .name = NULL },
};
static const struct rpc_rule list_rules[] = {
    { .name = "*", .rules = xen_record_rules, .open = open_record, .close = close_record },
    { .name = NULL },
};

const struct rpc_rule xen_nothing_rule = { .name = "" };
const struct rpc_rule xen_scalar_rule = { .name = "", .close = take_scalar };
const struct rpc_rule xen_list_rule = { .name = "", .rules = list_rules };
const struct rpc_rule xen_next_rule = { .name = "", .rules = events_rules };
const struct rpc_rule xen_from_rule = { .name = "", .rules = from_rules };

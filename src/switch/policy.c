#include "switch/policy.h"

#include <errno.h>
#include <string.h>

struct policy_list {
    struct policy **rows; /* each one block from row_copy() */
    size_t count;
};

struct policy_set {
    struct policy_list in_force, growing;
    bool open; /* between begin and end */
};

struct policy_set *policy_new(void)
{
    return calloc(1, sizeof(struct policy_set));
}

static void list_done(struct policy_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->rows[i]);
    free(list->rows);
    *list = (struct policy_list){ 0 };
}

struct policy_set *policy_free(struct policy_set *set)
{
    if (!set)
        return NULL;
    list_done(&set->in_force);
    list_done(&set->growing);
    free(set);
    return NULL;
}

static struct policy **list_find(const struct policy_list *list, const char *port)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->rows[i]->id, port) == 0)
            return &list->rows[i];
    return NULL;
}

static void list_drop(struct policy_list *list, const char *port)
{
    struct policy **at = list_find(list, port);

    if (!at)
        return;
    free(*at);
    *at = list->rows[--list->count];
}

static int list_put(struct policy_list *list, const struct policy *row)
{
    struct policy **rows, *copy;

    if (list->count >= POLICY_PORTS_MAX)
        return -EMSGSIZE;
    rows = realloc(list->rows, (list->count + 1) * sizeof(struct policy *));
    if (!rows)
        return -ENOMEM;
    list->rows = rows;
    copy = row_copy(TABLE_POLICY, row);
    if (!copy)
        return -ENOMEM;
    list_drop(list, row->id);
    rows[list->count++] = copy;
    return 0;
}

int policy_take(struct policy_set *set, const struct record *record, struct error *reterr)
{
    struct policy_list *list = set->open ? &set->growing : &set->in_force;
    int r = 0;

    switch (record->op) {
    case RECORD_BEGIN:
        list_done(&set->growing);
        set->open = true;
        break;
    case RECORD_END:
        if (!set->open)
            break;
        list_done(&set->in_force);
        set->in_force = set->growing;
        set->growing = (struct policy_list){ 0 };
        set->open = false;
        break;
    case RECORD_NEW:
    case RECORD_PUT:
        r = list_put(list, &record->row.policy);
        break;
    case RECORD_GONE:
        list_drop(list, record->row.policy.id);
        break;
    case RECORD_UNKNOWN:
    case N_RECORD_OPS:
        break;
    }
    return r < 0
               ? error_set(reterr, r, "policy of port %s: %s", record->row.policy.id, strerror(-r))
               : 0;
}

const struct policy *policy_find(const struct policy_set *set, const char *port)
{
    struct policy **at = list_find(&set->in_force, port);

    return at ? *at : NULL;
}

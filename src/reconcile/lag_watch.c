#include "reconcile/lag_watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct changed {
    UT_hash_handle hh;
    int64_t at_ms;
    char port[];
};

struct lag_watch {
    struct changed *changed;
    char *fallen; /* the LAG that raised the alarm; NULL: none */
    char alarm[256];
};

struct lag_watch *lag_watch_new(void)
{
    return calloc(1, sizeof(struct lag_watch));
}

void lag_watch_clear(struct lag_watch *watch)
{
    free(watch->fallen);
    watch->fallen = NULL;
    watch->alarm[0] = '\0';
}

struct lag_watch *lag_watch_free(struct lag_watch *watch)
{
    struct changed *changed, *next;

    if (!watch)
        return NULL;
    HASH_ITER (hh, watch->changed, changed, next) {
        HASH_DEL(watch->changed, changed);
        free(changed);
    }
    lag_watch_clear(watch);
    free(watch);
    return NULL;
}

int lag_watch_change(struct lag_watch *watch, const char *port, int64_t now_ms)
{
    struct changed *changed = NULL;
    size_t size = strlen(port) + 1;

    HASH_FIND_STR(watch->changed, port, changed);
    if (!changed) {
        changed = calloc(1, sizeof(*changed) + size);
        if (!changed)
            return -ENOMEM;
        memcpy(changed->port, port, size);
        HASH_ADD_STR(watch->changed, port, changed);
    }
    changed->at_ms = now_ms;
    return 0;
}

static bool fell_after_change(const struct lag_watch *watch, const struct port *before,
                              const struct port *now, int64_t now_ms)
{
    const struct changed *changed = NULL;

    HASH_FIND_STR(watch->changed, now->id, changed);
    return changed && now_ms - changed->at_ms <= LAG_WATCH_MS && before->members[0] &&
           before->link == LINK_UP && before->enabled && now->enabled && now->link == LINK_DOWN;
}

bool lag_watch_port(struct lag_watch *watch, const struct port *before, const struct port *now,
                    int64_t now_ms)
{
    if (watch->fallen && strcmp(watch->fallen, now->id) == 0 && now->link == LINK_UP)
        lag_watch_clear(watch);
    if (watch->fallen || !fell_after_change(watch, before, now, now_ms))
        return false;
    watch->fallen = strdup(now->id);
    snprintf(
        watch->alarm, sizeof(watch->alarm),
        "LAG %.60s went down right after vsn changed it: until it is up again, or 'vsn reload', no "
        "LAG is changed and nothing is removed",
        now->id);
    return watch->fallen != NULL;
}

const char *lag_watch_alarm(const struct lag_watch *watch)
{
    return watch->fallen ? watch->alarm : NULL;
}

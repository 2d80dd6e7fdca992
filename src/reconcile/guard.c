#include "reconcile/guard.h"

#include <stdio.h>
#include <string.h>
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((element)->lost = true)
#include <uthash.h>

#include "base/text.h"

#define MINUTE_MS 60000
#define HOUR_MS 3600000
#define KEY_SIZE (CONFIG_NAME_SIZE + 8)

/* The clock of one waiting removal: it counts proved absence only. */
struct clock {
    char key[KEY_SIZE]; /* "port vlan" */
    int64_t absent_ms;  /* counted so far, without the running stretch */
    int64_t since_ms;   /* start of the running stretch; -1: stands still */
    bool asked;         /* in this round */
    bool lost;
    char reason[300];
    UT_hash_handle hh;
};

struct guard {
    struct clock *clocks;
    int64_t *removals; /* when budget was spent, oldest first */
    size_t n_removals, space;
};

struct guard *guard_new(void)
{
    return calloc(1, sizeof(struct guard));
}

static void clock_drop(struct guard *guard, struct clock *clock)
{
    HASH_DEL(guard->clocks, clock);
    free(clock);
}

struct guard *guard_free(struct guard *guard)
{
    while (guard && guard->clocks)
        clock_drop(guard, guard->clocks);
    if (guard)
        free(guard->removals);
    free(guard);
    return NULL;
}

void guard_begin(struct guard *guard)
{
    struct clock *clock, *next;

    HASH_ITER (hh, guard->clocks, clock, next)
        clock->asked = false;
}

void guard_end(struct guard *guard)
{
    struct clock *clock, *next;

    HASH_ITER (hh, guard->clocks, clock, next)
        if (!clock->asked)
            clock_drop(guard, clock);
}

static struct clock *clock_find(const struct guard *guard, const char *port, uint32_t vlan)
{
    char key[KEY_SIZE];
    struct clock *clock = NULL;

    snprintf(key, sizeof(key), "%s %u", port, vlan);
    HASH_FIND_STR(guard->clocks, key, clock);
    return clock;
}

static struct clock *clock_make(struct guard *guard, const char *port, uint32_t vlan)
{
    struct clock *clock = clock_find(guard, port, vlan);

    if (clock)
        return clock;
    clock = calloc(1, sizeof(*clock));
    if (!clock)
        return NULL;
    snprintf(clock->key, sizeof(clock->key), "%s %u", port, vlan);
    clock->since_ms = -1;
    HASH_ADD_STR(guard->clocks, key, clock);
    if (clock->lost) {
        free(clock);
        return NULL;
    }
    return clock;
}

static int64_t clock_read(const struct clock *clock, int64_t now_ms)
{
    return clock->absent_ms + (clock->since_ms < 0 ? 0 : now_ms - clock->since_ms);
}

static void clock_stop(struct clock *clock, int64_t now_ms)
{
    clock->absent_ms = clock_read(clock, now_ms);
    clock->since_ms = -1;
}

/* ---- The budget ------------------------------------------------------------------------------ */

static void forget_old_removals(struct guard *guard, int64_t now_ms)
{
    size_t old = 0;

    while (old < guard->n_removals && guard->removals[old] <= now_ms - HOUR_MS)
        old++;
    if (old == 0)
        return;
    guard->n_removals -= old;
    memmove(guard->removals, guard->removals + old, guard->n_removals * sizeof(*guard->removals));
}

/* Milliseconds until the budget has room for one more removal, 0: now. */
static int64_t budget_wait(struct guard *guard, const struct config *config, size_t owned_pairs,
                           int64_t now_ms)
{
    size_t minute = config->budget_per_minute, hour = owned_pairs * GUARD_HOUR_PERCENT / 100;
    int64_t wait = 0;

    forget_old_removals(guard, now_ms);
    if (hour < minute)
        hour = minute;
    if (guard->n_removals >= minute)
        wait = guard->removals[guard->n_removals - minute] + MINUTE_MS - now_ms;
    if (guard->n_removals >= hour &&
        guard->removals[guard->n_removals - hour] + HOUR_MS > now_ms + wait)
        wait = guard->removals[guard->n_removals - hour] + HOUR_MS - now_ms;
    return wait > 0 ? wait : 0;
}

static bool budget_spend(struct guard *guard, int64_t now_ms)
{
    if (guard->n_removals == guard->space) {
        size_t space = guard->space ? 2 * guard->space : 64;
        int64_t *removals = realloc(guard->removals, space * sizeof(*removals));

        if (!removals)
            return false;
        guard->removals = removals;
        guard->space = space;
    }
    guard->removals[guard->n_removals++] = now_ms;
    return true;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

static void wake_at(int64_t *wake_ms, int64_t at_ms)
{
    if (at_ms < *wake_ms)
        *wake_ms = at_ms;
}

/* Starts or stops the clock; false while the absence is not proved. */
static bool clock_runs(struct clock *clock, const struct guard_case *removal, int64_t now_ms)
{
    if (!removal->proved) {
        clock_stop(clock, now_ms);
        text_copy(clock->reason, sizeof(clock->reason), removal->unproved);
        return false;
    }
    if (clock->since_ms < 0)
        clock->since_ms = now_ms;
    return true;
}

static bool held_down(struct clock *clock, const struct config *config, int64_t now_ms,
                      int64_t *wake_ms)
{
    int64_t needed = config->prune == PRUNE_IMMEDIATE ? 0 : (int64_t)config->hold_down_s * 1000;
    int64_t absent = clock_read(clock, now_ms);

    if (absent >= needed)
        return false;
    wake_at(wake_ms, now_ms + needed - absent);
    snprintf(clock->reason, sizeof(clock->reason),
             "nobody needs it for %lld s now; it goes after %u s", (long long)absent / 1000,
             config->hold_down_s);
    return true;
}

/* When the MAC table is worth another look though the switch told nothing new of it. */
#define LEARNT_AGAIN_MS 30000
#define ADDITIONS_MS 1000 /* their outcome comes before that */

static bool still_spoken(struct clock *clock, const struct guard_case *removal, int64_t now_ms,
                         int64_t *wake_ms)
{
    if (removal->learnt_known && !removal->learnt)
        return false;
    wake_at(wake_ms, now_ms + LEARNT_AGAIN_MS);
    text_copy(
        clock->reason, sizeof(clock->reason),
        removal->learnt_known
            ? "nobody needs it, but the switch still has a station's MAC address in it on this port"
            : "nobody needs it, but the switch's MAC address table could not be read");
    return true;
}

static bool gives_way(struct clock *clock, const struct guard_case *removal, int64_t now_ms,
                      int64_t *wake_ms)
{
    if (!removal->waits)
        return false;
    wake_at(wake_ms, now_ms + ADDITIONS_MS);
    text_copy(clock->reason, sizeof(clock->reason), "nobody needs it; additions go first");
    return true;
}

bool guard_asks(struct guard *guard, const struct config *config, const struct guard_case *removal,
                int64_t now_ms, int64_t *wake_ms)
{
    struct clock *clock = clock_make(guard, removal->port, removal->vlan);
    int64_t wait;

    if (!clock)
        return false;
    clock->asked = true;
    if (!clock_runs(clock, removal, now_ms))
        return false;
    if (config->prune == PRUNE_NEVER) {
        text_copy(clock->reason, sizeof(clock->reason), "nobody needs it; 'prune never' keeps it");
        return false;
    }
    if (held_down(clock, config, now_ms, wake_ms) ||
        still_spoken(clock, removal, now_ms, wake_ms) || gives_way(clock, removal, now_ms, wake_ms))
        return false;
    wait = budget_wait(guard, config, removal->owned_pairs, now_ms);
    if (wait > 0 || !budget_spend(guard, now_ms)) {
        wake_at(wake_ms, now_ms + (wait > 0 ? wait : MINUTE_MS));
        snprintf(clock->reason, sizeof(clock->reason),
                 "nobody needs it; the removal budget is spent, next in %lld s",
                 (long long)(wait + 999) / 1000);
        return false;
    }
    clock_drop(guard, clock);
    return true;
}

const char *guard_reason(const struct guard *guard, const char *port, uint32_t vlan, char *text,
                         size_t size)
{
    const struct clock *clock = clock_find(guard, port, vlan);

    text_copy(text, size, clock ? clock->reason : "");
    return text;
}

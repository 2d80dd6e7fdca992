#include <string.h>

#include "reconcile/migrations.h"

static void count_outcome(struct migration_totals *totals, enum migration_outcome outcome)
{
    size_t *const counts[] = {
        [MIGRATION_RUNNING] = &totals->running,     [MIGRATION_IN_TIME] = &totals->in_time,
        [MIGRATION_MISSED] = &totals->missed,       [MIGRATION_FAILED] = &totals->failed,
        [MIGRATION_CANCELLED] = &totals->cancelled, [MIGRATION_ELSEWHERE] = &totals->elsewhere,
        [MIGRATION_UNKNOWN] = &totals->unknown,
    };

    totals->moves++;
    ++*counts[outcome];
}

static int by_lead(const void *a, const void *b)
{
    int64_t left, right;

    memcpy(&left, a, sizeof(left));
    memcpy(&right, b, sizeof(right));
    return (left < right) - (left > right); /* the longest first */
}

/* What 'percent' of the leads reach. */
static int64_t reached(const int64_t *leads, size_t count, size_t percent)
{
    return leads[(count * percent + 99) / 100 - 1];
}

struct migration_totals migrations_totals(const struct migrations *migrations)
{
    struct migration_totals totals = { 0 };
    int64_t *leads = calloc(MIGRATIONS_MAX, sizeof(*leads));
    const struct migration *row;

    for (size_t i = 0; i < MIGRATIONS_MAX && (row = migrations_find(migrations, i)); i++) {
        count_outcome(&totals, row->outcome);
        if (leads && !vlanset_is_empty(&row->vlans) && migration_lead(row, &leads[totals.leads]))
            totals.leads++;
    }
    if (totals.leads) {
        qsort(leads, totals.leads, sizeof(*leads), by_lead);
        totals.lead_p50_ms = reached(leads, totals.leads, 50);
        totals.lead_p99_ms = reached(leads, totals.leads, 99);
        totals.lead_worst_ms = leads[totals.leads - 1];
    }
    free(leads);
    return totals;
}

#include "reconcile/audit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* Oldest first. */
struct list {
    struct audit *rows[AUDIT_MAX]; /* each one block */
    size_t count;
};

struct audit_log {
    struct list kept;
    struct list told;  /* by the history, between begin and end */
    uint64_t last;     /* the highest id given out or told */
    bool is_open;      /* the history's list is being told */
    bool is_numbered;  /* it was told once: every entry has its id */
    bool is_listening; /* it was told since the history's process started: new entries go there */
};

struct audit_log *audit_new(void)
{
    return calloc(1, sizeof(struct audit_log));
}

static void list_done(struct list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->rows[i]);
    list->count = 0;
}

struct audit_log *audit_free(struct audit_log *log)
{
    if (!log)
        return NULL;
    list_done(&log->kept);
    list_done(&log->told);
    free(log);
    return NULL;
}

static int list_add(struct list *list, const struct audit *entry)
{
    struct audit *row = row_copy(TABLE_AUDIT, entry);

    if (!row)
        return -ENOMEM;
    if (list->count == AUDIT_MAX) {
        free(list->rows[0]);
        memmove(list->rows, list->rows + 1, --list->count * sizeof(list->rows[0]));
    }
    list->rows[list->count++] = row;
    return 0;
}

static uint64_t number_of(const struct audit *entry)
{
    uint64_t number;

    return text_number(entry->id, 1, UINT64_MAX, &number) < 0 ? 0 : number;
}

static void write_entry(const struct audit *entry, struct strbuf *to_history)
{
    record_write(to_history, RECORD_NEW, TABLE_AUDIT, entry, 0);
}

int audit_add(struct audit_log *log, const struct audit *entry, struct strbuf *to_history)
{
    struct audit numbered = *entry;
    char id[24] = "";

    if (log->is_numbered)
        snprintf(id, sizeof(id), "%" PRIu64, ++log->last);
    numbered.owner = "";
    numbered.id = id;
    if (list_add(&log->kept, &numbered) < 0)
        return -ENOMEM;
    if (log->is_listening)
        write_entry(&numbered, to_history);
    return 0;
}

/* The first list that the history tells is older than whatever came about meanwhile. */
static int join(struct audit_log *log)
{
    struct list newer = log->kept;
    int r = 0;

    log->kept = log->told;
    log->told.count = 0;
    log->is_numbered = true;
    for (size_t i = 0; i < newer.count && r == 0; i++)
        r = audit_add(log, newer.rows[i], NULL);
    list_done(&newer);
    return r;
}

static int take_end(struct audit_log *log, struct strbuf *to_history)
{
    uint64_t known = 0;
    int r = 0;

    for (size_t i = 0; i < log->told.count; i++)
        known = number_of(log->told.rows[i]) > known ? number_of(log->told.rows[i]) : known;
    if (known > log->last)
        log->last = known;
    if (!log->is_numbered)
        r = join(log);
    list_done(&log->told);
    for (size_t i = 0; i < log->kept.count; i++)
        if (number_of(log->kept.rows[i]) > known)
            write_entry(log->kept.rows[i], to_history);
    log->is_listening = true;
    return r;
}

int audit_take(struct audit_log *log, const struct record *record, struct strbuf *to_history)
{
    bool was_open = log->is_open;

    switch (record->op) {
    case RECORD_BEGIN:
        list_done(&log->told);
        log->is_open = true;
        return 0;
    case RECORD_NEW:
        return log->is_open ? list_add(&log->told, &record->row.audit) : 0;
    case RECORD_END:
        log->is_open = false;
        return was_open ? take_end(log, to_history) : 0;
    case RECORD_PUT:
    case RECORD_GONE:
    case RECORD_UNKNOWN:
    case N_RECORD_OPS:
        break;
    }
    return 0;
}

void audit_pause(struct audit_log *log)
{
    log->is_open = false;
    log->is_listening = false;
}

const struct audit *audit_find(const struct audit_log *log, size_t index)
{
    return index < log->kept.count ? log->kept.rows[log->kept.count - 1 - index] : NULL;
}

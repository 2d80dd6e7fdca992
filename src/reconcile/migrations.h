/* migrations.h: the ledger of moves: what became of each machine that was on its way to a host.
 *
 * Pure. An entry begins when a move is told, or when a machine turns up on another host without
 * one; it is followed until it is known whether its VLANs were on the switch before the machine
 * was there, and judged (docs/decisions/0011-moves-ahead.md). What the first full read of a
 * hypervisor tells makes no entry, apart from moves that are under way then.
 *
 * Entries are rows 'migration' (record.h) whose ids rise from 1, over restarts, too: as with the
 * audit (audit.h), the process that keeps the history tells what it has when it starts, and is
 * written what is new, or has changed, from then on. */
#ifndef VSN_RECONCILE_MIGRATIONS_H
#define VSN_RECONCILE_MIGRATIONS_H

#include "reconcile/migration.h"

#define MIGRATIONS_MAX 10000 /* entries; the oldest that are over go */
#define MIGRATIONS_FOLLOWED_MAX                                                                    \
    2048                         /* moves that are followed at a time; others are not seen end */
#define MIGRATIONS_JOIN_MS 60000 /* a machine's arrival and the word of its move are one entry */

struct migrations;

struct migrations *migrations_new(void);
struct migrations *migrations_free(struct migrations *migrations);

/* ---- Facts ----------------------------------------------------------------------------------- */

/* What a hypervisor's inventory said of a record's row before the record was taken in. Free with
 * migrations_before_done(). */
struct migrations_before {
    bool is_known; /* there was such a row */
    char *host;    /* of the machine */
    enum power power;
};

struct migrations_before migrations_before(const struct contact *contact,
                                           const struct record *record);
void migrations_before_done(struct migrations_before *before);

/* A record which the inventory has taken in; those of tables move and machine count. */
void migrations_follow(struct migrations *migrations, const struct contact *contact,
                       const struct record *record, const struct migrations_before *before,
                       struct moment moment);

/* The Config Module read a port, or told what became of a change. */
void migrations_look_at_port(struct migrations *migrations, const struct inventory *module,
                             const char *port, struct moment moment);
void migrations_take_outcome(struct migrations *migrations, const struct inventory *module,
                             const struct outcome *outcome, struct moment moment);

/* Draws conclusions, and writes entries that have changed to the history. */
void migrations_settle(struct migrations *migrations, const struct migration_facts *facts,
                       struct strbuf *to_history);

/* ---- The history ----------------------------------------------------------------------------- */

/* Takes one record of table 'migration' of what the history holds. Returns 0 or -ENOMEM. */
int migrations_take(struct migrations *migrations, const struct record *record,
                    struct strbuf *to_history);

/* The history's process is gone: nothing is written to it before it has told its list again. */
void migrations_pause(struct migrations *migrations);

/* ---- What there is to see -------------------------------------------------------------------- */

/* Index 0 is the newest. NULL behind the end. Valid until the next call with a ledger that is not
 * const. */
const struct migration *migrations_find(const struct migrations *migrations, size_t index);

/* Over everything that is kept. */
struct migration_totals {
    size_t moves, running, in_time, missed, failed, cancelled, elsewhere, unknown;
    size_t leads; /* moves that needed a VLAN here, and have one; the rest is nothing without */
    int64_t lead_p50_ms;   /* half of them had at least that lead */
    int64_t lead_p99_ms;   /* 99 of 100 had */
    int64_t lead_worst_ms; /* each had; negative: the VLANs came that much later */
};

struct migration_totals migrations_totals(const struct migrations *migrations);

#endif

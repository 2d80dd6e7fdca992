/* inventory.h: what one source told so far, row by row (record.h).
 *
 * One inventory per source: each hypervisor's session, the neighbour process, the Config Module.
 * Present is what is stored; proved absent is what was removed by 'gone' or by the 'end' of a
 * complete list; everything else is unknown and changes nothing. A row that vanishes with its owner
 * (a host's NICs with the host) is removed with it.
 *
 * Removals are decided together, at inventory_settle(). The shrink guard looks at them first: a
 * complete read that leaves no host, no network or no machine where there were some, the end of
 * every host or of every network within INVENTORY_VANISH_MS, at once of every NIC, virtual switch
 * or uplink, or of several networks and with them the last, of one host that stays, or of more than
 * INVENTORY_SHRINK_PERCENT of the hosts, machines and shared networks, is not believed; nor is an
 * answer without any host, be it the first. The rows stay, the inventory is 'doubted', and nothing
 * may be concluded from absence until the rows are told again by a complete read, or an operator
 * accepts the smaller answer. */
#ifndef VSN_MODEL_INVENTORY_H
#define VSN_MODEL_INVENTORY_H

#include "model/record.h"

#define INVENTORY_SHRINK_PERCENT 30
#define INVENTORY_SHRINK_LEAST 10  /* rows: fewer removals than that are never too many */
#define INVENTORY_VANISH_MS 5000   /* one answer may come in several parts */
#define INVENTORY_ROWS_MAX 4000000 /* a source that tells more is refused */

struct inventory;

/* An empty inventory, nothing known. NULL when out of memory. */
struct inventory *inventory_new(void);
struct inventory *inventory_free(struct inventory *inventory);

/* Takes in one record (its texts are copied). Returns 1 when something changed, 0 when nothing did,
 * or a negative errno with the reason when the record cannot be taken in (-ENOSPC: too many rows,
 * -ENOMEM); the inventory is then 'incomplete' until the next complete read ends. */
int inventory_apply(struct inventory *inventory, const struct record *record, struct error *reterr);

/* Changes fields of a row that is there, as the reader's own note on it: its source has said
 * nothing, so that the row can still be found missing in a list that is under way. True when done;
 * pointers to the row are no longer valid then. */
bool inventory_amend(struct inventory *inventory, const struct record *record);

/* Carries out the removals that were told since the last call, or doubts them. 'now_ms' is
 * monotonic. Returns 1 when something changed. */
int inventory_settle(struct inventory *inventory, int64_t now_ms);

/* True from the end of the first complete read on: absence means something. */
bool inventory_is_complete(const struct inventory *inventory);

/* True once a first complete read has ended, whatever came after: before that, the source may know
 * of anything. */
bool inventory_was_read(const struct inventory *inventory);

/* Drops the claim to completeness (the source was lost); the rows stay. */
void inventory_distrust(struct inventory *inventory);

/* The doubt of the shrink guard: its sentence, or NULL when there is none. */
const char *inventory_doubt(const struct inventory *inventory);

/* An operator's word that the smaller answer is right: removes what the guard kept. Returns how
 * many rows went. */
size_t inventory_accept(struct inventory *inventory);

/* True when a list of that table and owner was told as unreadable since it was last complete. */
bool inventory_is_unknown(const struct inventory *inventory, enum table table, const char *owner);

/* A row, or NULL. Valid until the next inventory_apply(). */
const void *inventory_find(const struct inventory *inventory, enum table table, const char *owner,
                           const char *id);

/* Walks a table, in the order in which rows first appeared: start with NULL, NULL at the end.
 * 'owner' NULL: every owner. */
const void *inventory_next(const struct inventory *inventory, enum table table, const char *owner,
                           const void *after);

/* Walks the machines that are on a host ("": on one that is not known): start with NULL. */
const struct machine *inventory_next_on(const struct inventory *inventory, const char *host,
                                        const struct machine *after);

size_t inventory_count(const struct inventory *inventory, enum table table);

/* Typed walks. The variable is named like the row: 'INVENTORY_EACH(inv, host, TABLE_HOST, NULL)
 * use(host->name);', or has a name of its own: 'INVENTORY_EACH_AS(inv, nic, other, TABLE_NIC,
 * NULL)'. */
#define INVENTORY_EACH_AS(inventory, type, row, table, owner)                                      \
    for (const struct type *row = inventory_next(inventory, table, owner, NULL); row;              \
         row = inventory_next(inventory, table, owner, row))
#define INVENTORY_EACH(inventory, row, table, owner)                                               \
    INVENTORY_EACH_AS(inventory, row, row, table, owner)

#endif

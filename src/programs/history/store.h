/* store.h: the database of the history: rows of tables 'migration' and 'audit' (record.h) in a file
 * of SQLite (https://sqlite.org/docs.html).
 *
 * A table of the same name for each, a column for each field but 'owner': numbers as INTEGER, the
 * rest as TEXT in words that people read; lists of names have commas. The write-ahead log lets
 * others read the file meanwhile.
 *
 * Failures are told apart by their errno: -EUCLEAN: the file is damaged, or no history of ours (set
 * it aside, and begin anew); -ENOSPC: the disk is full; -EIO and others: it may work later. */
#ifndef VSN_HISTORY_STORE_H
#define VSN_HISTORY_STORE_H

#include "model/record.h"

#define STORE_VERSION 2 /* PRAGMA user_version */

struct store;

/* Opens 'path', or makes it; checks it. 0 or a negative errno with the sentence. */
int store_open(const char *path, struct store **ret_store, struct error *reterr);

/* Accepts NULL, returns NULL. */
struct store *store_close(struct store *store);

/* Moves a damaged file and what belongs to it to 'path'.bad, in place of one that is there. */
int store_set_aside(const char *path, struct error *reterr);

/* Rows between store_begin() and store_commit() are written together, or not at all. */
int store_begin(struct store *store, struct error *reterr);
int store_commit(struct store *store, struct error *reterr);
void store_rollback(struct store *store);

/* Writes a row in place of one with the same id. -EINVAL for a row without a number as its id. */
int store_put(struct store *store, enum table table, const void *row, struct error *reterr);

/* Hands out the newest 'most' rows, the oldest of them first; a row is borrowed for the call. What
 * cannot be read as a row of ours is passed over. */
typedef void store_row_fn(enum table table, const void *row, void *data);
int store_read(struct store *store, enum table table, uint64_t most, store_row_fn *fn, void *data,
               struct error *reterr);

/* Forgets what is older than 'oldest_ms' (milliseconds since the epoch), and all but the newest
 * 'most' rows of each table. */
int store_prune(struct store *store, int64_t oldest_ms, uint64_t most, struct error *reterr);

#endif

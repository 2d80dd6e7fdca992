/* audit.h: the changes that were made on the switch, or refused by it, newest first.
 *
 * Pure. Entries are rows 'audit' (record.h) whose ids rise from 1, over restarts, too: the process
 * that keeps the history tells what it has when it starts (a complete list of that table). Until
 * that came, new entries have no id; then they get theirs and are written to it. When it starts
 * anew, what it has missed meanwhile is written again. */
#ifndef VSN_RECONCILE_AUDIT_H
#define VSN_RECONCILE_AUDIT_H

#include "model/record.h"

#define AUDIT_MAX 1000 /* entries; the oldest go */

struct audit_log;

struct audit_log *audit_new(void);
struct audit_log *audit_free(struct audit_log *log);

/* Adds an entry (copied; its id does not matter) and writes it to 'to_history' when it has an id.
 * Returns 0 or -ENOMEM. */
int audit_add(struct audit_log *log, const struct audit *entry, struct strbuf *to_history);

/* Takes one record of table 'audit' of what the history holds. Returns 0 or -ENOMEM. */
int audit_take(struct audit_log *log, const struct record *record, struct strbuf *to_history);

/* The history's process is gone: nothing is written to it before it has told its list again. */
void audit_pause(struct audit_log *log);

/* Index 0 is the newest. NULL behind the end. Valid until the next call with a log that is not
 * const. */
const struct audit *audit_find(const struct audit_log *log, size_t index);

#endif

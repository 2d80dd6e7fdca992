/* pending.h: machines on their way to a host, put together from events and tasks. Pure: no call is
 * made here, no clock read.
 *
 * A move is armed by its task, which never names the destination; it is destined by an event that
 * does; and it ends by an event or by its task. Events and tasks of one operation have the same
 * eventChainId, but come in either order, more than once, or not at all:
 *
 *     task queued ─► armed ──event──► destined ──event, task──► done ──machine is there──► gone
 *                      │                  │
 *                      └──────────────────┴─────event, task───► failed, cancelled ───────► gone
 *
 * A row (table "move" of record.h) is stated when a move is first seen, and again when more is
 * known of it. Its id is the operation's eventChainId, or the reference of its task where the chain
 * is not known, and stays the same. The row of a move that is done stays until the inventory says
 * that the machine is there, so that the need for its VLANs has no gap.
 *
 * Of a start, a resume, a copy or a new machine a row is stated only when the host is known: the
 * event that names it comes at once, and nothing is gained by making all hosts ready. A machine on
 * a host that is to be emptied for maintenance is armed for the other hosts of its cluster. */
#ifndef VSN_SOURCE_VSPHERE_PENDING_H
#define VSN_SOURCE_VSPHERE_PENDING_H

#include "source/vsphere/moving.h"

#define PENDING_MAX 4096 /* moves at a time; more are seen when they arrive */

struct pending;

struct pending *pending_new(void);
struct pending *pending_free(struct pending *pending);

/* One event; one task as it is now, or as it leaves the recent ones. */
void pending_event(struct pending *pending, const struct event *event, const struct moment *moment);
void pending_task(struct pending *pending, const struct task *task, const struct moment *moment);

/* Ends the moves that have arrived or waited long enough, and states again what is known better
 * now. Returns in how many milliseconds to call it again, 0: no need. */
int64_t pending_look(struct pending *pending, const struct moment *moment);

/* Contact was lost and found: tasks are told anew, and a move that nothing speaks of any more is
 * forgotten by pending_restate(). */
void pending_reconnect(struct pending *pending);
/* At the end of a full read: states every move that is still under way; the end of the read ends
 * the others. */
void pending_restate(struct pending *pending, const struct moment *moment);

/* The event chain of a move whose task runs but whose destination is not known, to be asked for
 * once after contact was found. False: there is none (left). */
bool pending_ask(struct pending *pending, uint64_t *ret_chain);

/* True when a move could not be held since the last call. */
bool pending_overflowed(struct pending *pending);

#endif

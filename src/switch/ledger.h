/* ledger.h: which VLAN memberships vsn added, remembered over restarts.
 *
 * An append-only file of lines, each with the whole truth about one port, so that the last sound
 * line of a port counts and a lost one costs one step of one port:
 *
 *     CRC32 OWNED REMOVING PORT          a1b2c3d4 100,200-210 - swp1
 *
 * CRC32 (IEEE 802.3, hexadecimal) covers what follows it; an empty set is '-'. Now and then the
 * file is written anew (temporary file, fsync, rename, fsync of the directory). A last line without
 * its newline was being written when the process died and is ignored; any other bad line is
 * skipped and reported.
 *
 * Durability follows danger: an addition is written without waiting for the disk, because a lost
 * record only means that the VLAN counts as hand-made and is never removed. A removal is on the
 * disk before the switch is touched. When the disk refuses, additions go on in memory. */
#ifndef VSN_SWITCH_LEDGER_H
#define VSN_SWITCH_LEDGER_H

#include "base/error.h"
#include "model/vlanset.h"

#define LEDGER_PORTS_MAX 8192              /* ports remembered */
#define LEDGER_SIZE_MAX (64 * 1024 * 1024) /* bytes read from a file */

struct ledger;

/* Opens or creates the ledger 'path' and takes the lock 'path'.lock for as long as it is open;
 * waits up to DRIVER_WAIT_MS and a little for a predecessor that still holds it. Returns 0, then
 * 'retnote' is empty or says what was wrong with the file; or a negative errno when there is no
 * using it. */
int ledger_open(const char *path, struct ledger **ret_ledger, struct error *retnote);
struct ledger *ledger_free(struct ledger *ledger);

/* What vsn added on 'port', and which of it was about to be removed when last heard of. */
struct vlanset ledger_owned(const struct ledger *ledger, const char *port);
struct vlanset ledger_removing(const struct ledger *ledger, const char *port);

/* One port's part of what is about to be written. */
struct ledger_step {
    const char *port;
    const struct vlanset *add, *remove;
};

/* Before a batch is written: what it adds becomes ours, in memory always, and what it removes is
 * noted as about to go. One write, and one wait for the disk if anything is to be removed. A
 * negative errno: no removal was noted, and none may be made. */
int ledger_intend(struct ledger *ledger, const struct ledger_step *steps, size_t count,
                  struct error *reterr);

/* After reading back: these are not ours any more. */
int ledger_disown(struct ledger *ledger, const char *port, const struct vlanset *vlans,
                  struct error *reterr);

/* After reading back: no removal is under way on 'port'. */
int ledger_settle(struct ledger *ledger, const char *port, struct error *reterr);

#endif

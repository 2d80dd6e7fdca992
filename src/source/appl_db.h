/* appl_db.h: what a SONiC switch hears and says on its ports by LLDP, from its databases.
 *
 * There, lldpd runs in a container, and lldpsyncd writes what it hears into LLDP_ENTRY_TABLE of
 * APPL_DB every 10 s, one neighbour a port, and into LLDP_LOC_CHASSIS what the switch says of
 * itself; lldpmgrd has it call a port by its alias. All is read at the start, when a keyspace
 * notification says that a row changed and the rows have come to rest (a changed one is deleted
 * first), and now and then. Rows told: as in lldp.h, in the same form.
 *
 * Reading is done at one go, APPL_WAIT_MS at most. */
#ifndef VSN_SOURCE_APPL_DB_H
#define VSN_SOURCE_APPL_DB_H

#include "base/loop.h"
#include "model/sonic_line.h"
#include "source/told.h"

#define APPL_WAIT_MS 5000
#define APPL_TEXT_MAX 256 /* bytes with the NUL: a TLV's string has 255 (IEEE 802.1AB-2016 8.4) */

struct appl_db;

/* Contact found ('reason' NULL) or lost: for the log. */
typedef void appl_db_contact_fn(const char *reason, void *data);

/* Follows the databases of 'line', and tries again for as long as there are none. NULL when out of
 * memory. */
struct appl_db *appl_db_new(struct loop *loop, const struct sonic_line *line, told_emit_fn *emit,
                            appl_db_contact_fn *contact, void *data);
struct appl_db *appl_db_free(struct appl_db *db);

#endif

/* ovsdb.h: what the Open vSwitch driver says to ovsdb-server and reads from it (RFC 7047 sections
 * 4.1 and 5): values and operations built and taken apart. No I/O. */
#ifndef VSN_SWITCH_OVSDB_H
#define VSN_SWITCH_OVSDB_H

#include <jansson.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "model/vlanset.h"

/* The VLAN id that no frame of a machine carries: a trunk whose set holds only this one carries
 * nothing, while an empty set would carry everything (ovs-vswitchd.conf.db(5), Port trunks). */
#define OVSDB_CLOSED_VLAN 4095

/* A 'trunks' column: VLAN ids and the two that are none. */
struct ovsdb_trunks {
    struct vlanset vlans;
    bool zero, closed; /* 0 and OVSDB_CLOSED_VLAN are in it */
};

/* What one Port record says of VLANs. */
struct ovsdb_port {
    const char *name; /* borrowed */
    char mode[32];    /* vlan_mode; "" when unset */
    int tag;          /* -1: unset */
    struct ovsdb_trunks trunks;
};

/* Walks the members of a set, or of a single value, which RFC 7047 5.1 writes bare. */
size_t ovsdb_set_size(const json_t *value);
const json_t *ovsdb_set_at(const json_t *value, size_t index);

/* The string of a value that is one string or an empty set; "" then. */
const char *ovsdb_string(const json_t *value);

/* ["uuid", "..."]: its text, or "". */
const char *ovsdb_uuid(const json_t *value);

/* Reads a set of ids of 0 to 4095. Returns 0 or -EBADMSG. */
int ovsdb_trunks_read(const json_t *value, struct ovsdb_trunks *ret_trunks);
bool ovsdb_trunks_are_empty(const struct ovsdb_trunks *trunks);
/* What is in one of the two and not in both. */
struct ovsdb_trunks ovsdb_trunks_differ(const struct ovsdb_trunks *a, const struct ovsdb_trunks *b);

/* The operations of a transaction, as text: ,{...},{...} (RFC 7047 5.2). With hundreds of ids on
 * many ports a tree of values would take longer to make and write than the database takes to read
 * it.
 *
 * Each mutation of a port's trunks holds only on a port that still is what was read: the same mode
 * and tag, trunks that are not empty, and, when ids are inserted, none of them there. Where it does
 * not hold, its count is 0, nothing was changed on that port, and the rest of the transaction
 * stands. A deletion puts OVSDB_CLOSED_VLAN in as well, so that the set is never empty. */
void ovsdb_insert_trunks(struct strbuf *to, const char *uuid, const struct ovsdb_port *port,
                         const struct vlanset *vlans);
void ovsdb_delete_trunks(struct strbuf *to, const char *uuid, const struct ovsdb_port *port,
                         const struct vlanset *vlans);

/* Counts next_cfg up and selects it, as the last operations; ovs-vswitchd sets cur_cfg to the same
 * when it has applied everything before. */
void ovsdb_count_up(struct strbuf *to);

/* Looks for a failed operation in the result of a transact: 0, or -EREMOTEIO with its words;
 * '*ret_at' is its number among the operations. */
int ovsdb_check(const json_t *result, size_t *ret_at, struct error *reterr);

#endif

/* ovsdb.h: what the Open vSwitch driver says to ovsdb-server and reads from it (RFC 7047 sections
 * 4.1 and 5): values and operations built and taken apart. No I/O. */
#ifndef VSN_SWITCH_OVSDB_H
#define VSN_SWITCH_OVSDB_H

#include <jansson.h>

#include "base/error.h"
#include "model/vlanset.h"

/* The VLAN id that no frame of a machine carries: a trunk whose set holds only this one carries
 * nothing, while an empty set would carry everything (ovs-vswitchd.conf.db(5), Port trunks). */
#define OVSDB_CLOSED_VLAN 4095

/* What one Port record says of VLANs. */
struct ovsdb_port {
    const char *name;  /* borrowed from the row */
    const char *mode;  /* vlan_mode; "" when unset */
    int tag;           /* -1: unset */
    unsigned n_trunks; /* ids in 'trunks', 0 and 4095 included */
    struct vlanset trunks;
};

/* Walks the members of a set, or of a single value, which RFC 7047 5.1 writes bare. */
size_t ovsdb_set_size(const json_t *value);
const json_t *ovsdb_set_at(const json_t *value, size_t index);

/* The string of a value that is one string or an empty set; "" then. */
const char *ovsdb_string(const json_t *value);

/* ["uuid", "..."]: its text, or "". */
const char *ovsdb_uuid(const json_t *value);

/* Reads a Port row of a select. Returns 0 or -EBADMSG. */
int ovsdb_port_read(const json_t *row, struct ovsdb_port *ret_port);

/* {"op": "select", ...} of 'columns' (NULL-terminated) of every row, or of the one whose 'name'
 * column is 'name'. New reference, as all below. */
json_t *ovsdb_select(const char *table, const char *name, const char *const *columns);

/* The port is still as it was read: its mode and tag are the same, and its trunks are not empty.
 * Two operations, appended to 'operations'. */
void ovsdb_expect_port(json_t *operations, const struct ovsdb_port *port);

/* Inserts ids into a port's trunks, or deletes them. A deletion puts OVSDB_CLOSED_VLAN in first, so
 * that the set is never empty. */
void ovsdb_insert_trunks(json_t *operations, const char *port, const struct vlanset *vlans);
void ovsdb_delete_trunks(json_t *operations, const char *port, const struct vlanset *vlans);

/* Counts next_cfg up and selects it, as the last operations; ovs-vswitchd sets cur_cfg to the same
 * when it has applied everything before. */
void ovsdb_count_up(json_t *operations);

/* Looks for a failed operation in the result of a transact: 0, or -EREMOTEIO with its words;
 * '*ret_at' is its number among the operations. */
int ovsdb_check(const json_t *result, size_t *ret_at, struct error *reterr);

#endif

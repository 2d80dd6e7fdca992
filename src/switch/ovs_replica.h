/* ovs_replica.h: what ovsdb-server has told of the bridges, ports and interfaces: a copy of the
 * rows that is kept up to date by its updates, so that nothing has to be asked for before or after
 * a write. No I/O.
 *
 * Understands the three forms of a monitor: "update" (RFC 7047 section 4.1.6: whole rows), and
 * "update2" and "update3" (ovsdb-server(7) 4.1.14: a modification names the difference, which for
 * 'trunks' and other sets of more than one value is the symmetric one, and for the rest the new
 * value). In these, initial and inserted rows leave out columns at their default. */
#ifndef VSN_SWITCH_OVS_REPLICA_H
#define VSN_SWITCH_OVS_REPLICA_H

#include <uthash.h>

#include "model/record.h"
#include "switch/ovsdb.h"

#define OVS_UUID_SIZE 37 /* with its NUL */

enum ovs_table { OVS_BRIDGE, OVS_PORT, OVS_INTERFACE, OVS_ROOT, N_OVS_TABLES };

/* Of any table; which members mean something depends on that. */
struct ovs_row {
    char uuid[OVS_UUID_SIZE];
    enum ovs_table table;
    char *name;
    char (*members)[OVS_UUID_SIZE]; /* Bridge: ports; Port: interfaces */
    size_t n_members;
    struct ovsdb_port port; /* 'name' is borrowed from above */
    bool is_enabled;        /* Interface: admin_state */
    enum link link;         /* Interface: link_state */
    bool is_lacp_current;   /* Interface: lacp_current, its LACP partner was heard of lately */
    int64_t number;         /* Interface: ofport; root: cur_cfg */
    bool is_written;        /* for the owner of the replica: see ovs_replica_take() */
    bool is_lost;           /* out of memory while it was put in */
    UT_hash_handle hh, hh_name;
};

struct ovs_replica;

struct ovs_replica *ovs_replica_new(void);
struct ovs_replica *ovs_replica_free(struct ovs_replica *replica);

/* The <monitor-requests> of RFC 7047 4.1.5 for what the replica holds. New reference. */
json_t *ovs_replica_requests(void);

/* Takes the answer to a "monitor" ('is_difference' false), "monitor_cond" or "monitor_cond_since":
 * its table updates. Updates that came before it was taken are taken then. 0 or -EBADMSG. */
int ovs_replica_load(struct ovs_replica *replica, const json_t *updates, bool is_difference);

/* Takes an "update", "update2" or "update3"; other methods are nothing. '*ret_others' becomes true
 * when a row of a bridge, port or interface changed that is not marked 'is_written'. 0 or -EBADMSG,
 * after which the replica cannot be relied upon. */
int ovs_replica_take(struct ovs_replica *replica, const char *method, json_t *params,
                     bool *ret_others);

/* The bridge of that name; its port of that name; the row that another one's 'members' name. NULL:
 * there is none. */
struct ovs_row *ovs_replica_bridge(const struct ovs_replica *replica, const char *name);
struct ovs_row *ovs_replica_port(struct ovs_replica *replica, const struct ovs_row *bridge,
                                 const char *name);
struct ovs_row *ovs_replica_member(const struct ovs_replica *replica, const struct ovs_row *row,
                                   size_t index);

/* Open_vSwitch.cur_cfg: how far ovs-vswitchd has come. */
int64_t ovs_replica_applied(const struct ovs_replica *replica);

#endif

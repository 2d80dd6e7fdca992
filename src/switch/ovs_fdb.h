/* ovs_fdb.h: the MAC table of an Open vSwitch bridge, and its bonds' partners by LACP. They are not
 * in the database: ovs-vswitchd prints them on its control socket (ovs-appctl fdb/show, lacp/show).
 */
#ifndef VSN_SWITCH_OVS_FDB_H
#define VSN_SWITCH_OVS_FDB_H

#include <stdbool.h>
#include <stdint.h>

#include "model/vlanset.h"
#include "switch/stations.h"

struct ovs_fdb;

/* 'control' is the socket's path; NULL: ovs-vswitchd*.ctl beside the database's socket. With
 * neither (the switch is another machine) the table is never known. */
struct ovs_fdb *ovs_fdb_new(const char *bridge, const char *database, const char *control);
struct ovs_fdb *ovs_fdb_free(struct ovs_fdb *fdb);

/* Reads the table, unless that was done a second ago. */
void ovs_fdb_refresh(struct ovs_fdb *fdb, int64_t now_ms);

/* False when the last reading failed. */
bool ovs_fdb_known(const struct ovs_fdb *fdb);

/* Adds the VLANs in which a MAC is learnt on the interface with that OpenFlow port number. */
void ovs_fdb_learnt(const struct ovs_fdb *fdb, int64_t ofport, struct vlanset *vlans);

/* Adds the MAC addresses learnt on that interface. */
void ovs_fdb_heard(const struct ovs_fdb *fdb, int64_t ofport, struct stations *stations);

/* Takes the text of fdb/show as the table. False, and the table is not known, when it has not the
 * form of one. */
bool ovs_fdb_parse(struct ovs_fdb *fdb, const char *text);

/* The partner system of that bond by LACP, as lacp/show prints it: what its members agree on that
 * hear one. Zero: there is none, they do not agree, or it could not be asked. Asks at most once
 * from one refresh to the next. */
struct mac ovs_fdb_partner(struct ovs_fdb *fdb, const char *bond);

/* The same from the text of lacp/show. */
struct mac ovs_fdb_parse_partner(const char *text, const char *bond);

#endif

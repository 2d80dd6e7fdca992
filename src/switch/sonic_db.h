/* sonic_db.h: what SONiC's databases say of ports and VLANs, read over Redis and kept up to date.
 *
 * CONFIG_DB holds what is configured: PORT, PORTCHANNEL, VLAN, VLAN_MEMBER and what keeps a port
 * from being a member. vlanmgrd turns a row of VLAN_MEMBER into kernel state and then writes the
 * row of the same name in STATE_DB's VLAN_MEMBER_TABLE, which is taken as the confirmation, as
 * vlanmgrd itself takes it. APPL_DB says which links are up, STATE_DB which addresses are learnt.
 *
 * Everything is read once, and then what keyspace notifications say has changed. They are not
 * queued for anyone who is not there: a lost connection is the end of a sonic_db. They do not tell
 * of a flushed database either: everything is read again now and then, and whenever
 * CONFIG_DB_INITIALIZED, which is gone while a configuration is loaded, was touched. Where
 * notifications are turned off, everything is read each time. */
#ifndef VSN_SWITCH_SONIC_DB_H
#define VSN_SWITCH_SONIC_DB_H

#include "base/error.h"
#include "base/redis.h"
#include "model/record.h"
#include "switch/sonic_keys.h"
#include "switch/stations.h"

#define SONIC_PORTS_MAX 4096

enum sonic_mode { SONIC_MODE_UNSET, SONIC_MODE_ROUTED, SONIC_MODE_ACCESS, SONIC_MODE_TRUNK };

/* A row of PORT or PORTCHANNEL and what others say of it. */
struct sonic_port {
    char name[SONIC_NAME_MAX], alias[SONIC_NAME_MAX];
    bool is_listed;  /* it has such a row */
    bool is_channel; /* of PORTCHANNEL */
    bool is_up;      /* administratively */
    enum link link;
    enum sonic_mode mode;
    bool is_routed;               /* it has a row in INTERFACE or PORTCHANNEL_INTERFACE */
    char channel[SONIC_NAME_MAX]; /* the port-channel that it is part of; "" */
    char mirror[SONIC_NAME_MAX];  /* the mirror session that it is the destination of; "" */
    struct vlanset tagged;        /* rows of VLAN_MEMBER, by tagging_mode: tagged, */
    struct vlanset untagged;      /* untagged, priority_tagged or none, */
    struct vlanset odd;           /* or anything else, which vlanmgrd refuses */
    struct vlanset ready;         /* rows of STATE_DB */
    struct vlanset stale;         /* rows that have changed since they were read */
    bool is_link_stale;
    struct mac partner; /* of a port-channel's part: its LACP partner's system, while that is heard
                         * (STATE_DB LAG_MEMBER_TABLE, as tlm_teamd writes it); zero: none */
    bool is_written;    /* by us, now: what happens to it is no news */
    struct vlanset learnt;
    struct stations stations;
};

/* What was read. */
struct sonic_view {
    struct sonic_port *ports; /* by name */
    size_t n_ports;
    struct vlanset vlans; /* rows of VLAN */
    struct vlanset stale; /* of them, those that have changed */
};

struct sonic_db {
    struct redis *config, *state, *appl, *news;
    struct sonic_view view;
    bool is_told;       /* notifications are on */
    bool is_lost;       /* a connection failed: nothing works any more, */
    struct error why;   /* and this is why */
    bool has_news;      /* since this was last set to false, something of interest changed */
    bool is_stale;      /* everything has to be read again */
    bool is_behind;     /* some rows have */
    bool fdb_known;     /* the MAC table could be read */
    int64_t read_at_ms; /* everything, last */
    int64_t fdb_at_ms;  /* the MAC table and LACP partners, last */
};

/* Connects to the Redis whose socket is 'path' and subscribes; nothing is read yet. */
int sonic_db_open(const char *path, struct sonic_db **ret_db, struct error *reterr);
struct sonic_db *sonic_db_free(struct sonic_db *db);

/* Brings the view up to date with everything that was written before the call. Ports keep their
 * place in memory only until the next call. -ENOTCONN also while no configuration is loaded. */
int sonic_db_refresh(struct sonic_db *db, struct error *reterr);

/* The same for what is learnt, and for LACP partners, unless that was read a second ago. */
int sonic_db_refresh_learnt(struct sonic_db *db, struct error *reterr);

/* Takes the news that have arrived, without waiting. 1: there were some (see 'has_news'), 0, or
 * -ENOTCONN. */
int sonic_db_take_news(struct sonic_db *db, struct error *reterr);

/* Takes the news of everything that was written before the call. 0 or -ENOTCONN. */
int sonic_db_hear_news(struct sonic_db *db, struct error *reterr);

/* As sonic_db_take_news(), waiting for them until the clock (clock_now_ms) shows 'until_ms'. */
int sonic_db_await_news(struct sonic_db *db, int64_t until_ms, struct error *reterr);

/* ---- For those that read and write with it --------------------------------------------------- */

/* A connection failed, or replies were left unread: nothing works any more. 'error' (may be NULL)
 * says why. Returns the errno for the caller: -ENOTCONN, but 'r' where that is -ENOMEM. */
int sonic_db_lose(struct sonic_db *db, int r, const struct error *error);

#endif

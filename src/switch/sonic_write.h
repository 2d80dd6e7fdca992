/* sonic_write.h: writing rows of VLAN_MEMBER, and waiting until vlanmgrd has carried them out.
 *
 * A batch of additions is one pipelined transaction (MULTI to EXEC), of ROWS_MAX rows at most,
 * under WATCH of what they rest on: the ports, the VLANs, and that a configuration is loaded. When
 * any of that was touched after it was judged, Redis drops the transaction, and it is judged anew.
 * HSETNX leaves a row alone that another hand made meanwhile. Removals, under WATCH of the rows
 * themselves, are written when the additions are confirmed: whoever took a port's last VLAN first
 * would have vlanmgrd take the port out of the bridge. */
#ifndef VSN_SWITCH_SONIC_WRITE_H
#define VSN_SWITCH_SONIC_WRITE_H

#include "switch/sonic_db.h"

struct sonic_item {
    char port[SONIC_NAME_MAX]; /* its row's name; "" for none, which is passed over */
    struct vlanset add, remove;

    bool is_left;           /* the port must not be written, or is not there */
    int result;             /* 0, or the errno of the first thing that went wrong */
    struct strbuf problem;  /* what did not happen, and why */
    struct vlanset goal;    /* of 'add', what may be there, and is or has been written */
    struct vlanset queued;  /* of it, what is in the transaction under way, */
    struct vlanset written; /* and what was in those that Redis took */
    struct vlanset leaving; /* of 'remove', what has no row any more */
};

void sonic_item_init(struct sonic_item *item, const char *port, const struct vlanset *add,
                     const struct vlanset *remove);
void sonic_item_done(struct sonic_item *item);

/* Carries out all items: every addition is confirmed, or given up for now, before the first removal
 * of its port is written. Returns 0 when each item says by itself what became of it, or -ENOTCONN.
 * Waits DRIVER_WAIT_MS at most for the confirmation of the additions, and of the removals; a row
 * that is late stays where it is. */
int sonic_write(struct sonic_db *db, struct sonic_item *items, size_t n_items,
                struct error *reterr);

/* Brings a port up: its row's admin_status, under WATCH of the row. Returns 0 when it says so,
 * -ENODEV: there is no such port, -EAGAIN: another hand changed it meanwhile, and it is as before;
 * or -ENOTCONN. */
int sonic_bring_up(struct sonic_db *db, const char *name, struct error *reterr);

/* Finds out, by the view as it is, what of the item's additions may be written ('goal'), and says
 * what may not. */
void sonic_judge(const struct sonic_db *db, struct sonic_item *item);

#endif

/* driver.h: the seam between the Config Module and a family of switches.
 *
 * A driver knows one switch through its own native interface. It has no opinion: what may be
 * written is decided above it (module.h), what is owned is remembered above it (ledger.h). Life
 * cycle:
 *
 *  1. new() connects or prepares; it may fail, and is then tried again later with a new call.
 *  2. read() fills a table of ports with what the switch says now.
 *  3. test() says whether a change could be written to a port; it never changes anything.
 *  4. apply() writes a batch, the changes of several ports, and reads those ports back. Every
 *     addition of the batch is on the switch before the first removal is sent. Where a driver
 *     writes port by port, additions go in the order of the batch and removals in the reverse one:
 *     what comes first in it (an uplink) is open before what needs it and closed after it. One
 *     port's failure is that port's: the others are written. The same batch may come again: then
 *     nothing happens. apply() never touches a VLAN that is not named in a port's change, nor the
 *     native VLAN, nor a port's mode. What fails half-way keeps what was carried before and is not
 *     named in 'remove'.
 *  5. watch() arranges that 'changed' is called, with its 'data', whenever ports or their VLANs may
 *     have changed by whatever hand (what apply() has read back itself need not be told), and when
 *     the connection is lost, after which read() fails and the module starts over with a new
 *     driver. NULL: the module polls.
 *  6. catch_up() looks at what the switch has told and nobody has looked at yet, without waiting,
 *     and calls 'changed' as watch() says. It is called before a change: when nothing was told
 * since the last reading, that one stands, and none is made, as a reading costs more than most
 *     changes. NULL: the switch is read before each batch.
 *  7. heard() adds the MAC addresses learnt on one port to a list, as of the last read(). It fails
 *     with -ENODATA when the MAC table could not be read then.
 *  8. enable() brings a port up administratively ("no shutdown") and returns when the switch says
 *     that it is. -ETIMEDOUT and -ENOTCONN: it may be up; every other error: it is down as before.
 *     NULL: this driver cannot.
 *  9. free() cancels what is pending and closes; nothing on the switch changes. Accepts NULL.
 *
 * All calls are synchronous with a bounded wait (DRIVER_WAIT_MS): a switch that answers later than
 * that has failed the call with -ETIMEDOUT. Errors: 0 or a negative errno with a sentence; -ENODEV
 * means that the port is not there, -ENOTCONN that the switch is not reachable (any more), -EPERM
 * that the port must not be written (its sentence says why and what the operator can do). */
#ifndef VSN_SWITCH_DRIVER_H
#define VSN_SWITCH_DRIVER_H

#include "base/error.h"
#include "base/loop.h"
#include "model/record.h"
#include "switch/stations.h"

#define DRIVER_WAIT_MS 5000

struct driver;

typedef void driver_changed_fn(void *data);

/* Ports as read; 'port' rows as in record.h, of which a driver fills everything but 'owned'. */
struct port_list {
    struct port **ports; /* each one block from row_copy() */
    size_t count;
};

/* Takes a copy of 'port' into the list. Returns 0 or -ENOMEM. */
int port_list_add(struct port_list *list, const struct port *port);
void port_list_done(struct port_list *list);
/* The port of that name, or NULL. */
struct port *port_list_find(const struct port_list *list, const char *name);

/* One port's part of a batch. A batch names a port once. */
struct port_change {
    const char *port;
    struct vlanset add, remove;
    /* Set by apply(): */
    int result;           /* 0 or a negative errno */
    struct vlanset found; /* of 'add', what another hand had put there before it was written */
    struct error error;   /* its sentence */
    /* As read back, after a failure too: a block from row_copy() that the caller frees. NULL when
     * it could not be read. */
    struct port *now;
};

/* Frees what apply() has put into 'changes'. */
void port_changes_done(struct port_change *changes, size_t count);
/* For a driver that has lost the switch: what has not failed yet, fails now. Returns 'r'. */
int port_changes_fail(struct port_change *changes, size_t count, int r, const struct error *error);

struct driver_ops {
    const char *name; /* the word in the configuration: "linux-bridge" */

    /* Whether the switch is reached over the network with these arguments, instead of a socket of
     * this machine. NULL: never. */
    bool (*is_remote)(const char *arguments);
    /* 'arguments' is what follows that word in the 'switch' line, e.g. "br0". */
    int (*new)(struct loop *loop, const char *arguments, struct driver **ret_driver,
               struct error *reterr);
    void (*free)(struct driver *driver);
    int (*read)(struct driver *driver, struct port_list *ret_ports, struct error *reterr);
    int (*test)(struct driver *driver, const char *port, const struct vlanset *add,
                const struct vlanset *remove, struct error *reterr);
    /* 'result', 'error' and 'now' of the changes are zero before. */
    void (*apply)(struct driver *driver, struct port_change *changes, size_t count);
    int (*watch)(struct driver *driver, driver_changed_fn *changed, void *data,
                 struct error *reterr);
    void (*catch_up)(struct driver *driver);
    int (*enable)(struct driver *driver, const char *port, struct error *reterr);
    int (*heard)(struct driver *driver, const char *port, struct stations *stations);
};

/* Every driver embeds this first. */
struct driver {
    const struct driver_ops *ops;
};

extern const struct driver_ops driver_dummy;
extern const struct driver_ops driver_linux_bridge;
extern const struct driver_ops driver_open_vswitch;
extern const struct driver_ops driver_sonic;

/* The driver of that name, or NULL. */
const struct driver_ops *driver_find(const char *name);

#endif

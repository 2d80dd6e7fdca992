/* driver.h: the seam between the Config Module and a family of switches.
 *
 * A driver knows one switch through its own native interface. It has no opinion: what may be
 * written is decided above it (module.h), what is owned is remembered above it (ledger.h). Life
 * cycle:
 *
 *  1. new() connects or prepares; it may fail, and is then tried again later with a new call.
 *  2. read() fills a table of ports with what the switch says now.
 *  3. test() says whether a change could be written to a port; it never changes anything.
 *  4. apply() writes one port's change and reads the port back. Additions are on the switch before
 *     the first removal is sent. It may be called again with the same change: nothing happens then.
 *     It never touches a VLAN that is not named in the change, nor the native VLAN, nor a port's
 *     mode. When it fails half-way, what was carried before and not named in 'remove' still is.
 *  5. watch() arranges that 'changed' is called, with its 'data', whenever ports or their VLANs may
 *     have changed by whatever hand, our own included; and when the connection is lost, after which
 *     read() fails and the module starts over with a new driver. NULL: the module polls.
 *  6. heard() adds the MAC addresses learnt on one port to a list, as of the last read(). It fails
 *     with -ENODATA when the MAC table could not be read then.
 *  7. free() cancels what is pending and closes; nothing on the switch changes. Accepts NULL.
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

struct driver_ops {
    const char *name; /* the word in the configuration: "linux-bridge" */

    /* 'arguments' is what follows that word in the 'switch' line, e.g. "br0". */
    int (*new)(struct loop *loop, const char *arguments, struct driver **ret_driver,
               struct error *reterr);
    void (*free)(struct driver *driver);
    int (*read)(struct driver *driver, struct port_list *ret_ports, struct error *reterr);
    int (*test)(struct driver *driver, const char *port, const struct vlanset *add,
                const struct vlanset *remove, struct error *reterr);
    /* On success and on failure alike '*ret_port' is the port as read back (a block from row_copy()
     * that the caller frees), or NULL when it could not be read. */
    int (*apply)(struct driver *driver, const char *port, const struct vlanset *add,
                 const struct vlanset *remove, struct port **ret_port, struct error *reterr);
    int (*watch)(struct driver *driver, driver_changed_fn *changed, void *data,
                 struct error *reterr);
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

/* module.h: the Config Module: everything between vsnd's plan and a driver.
 *
 * It keeps contact with one switch, tells what its ports carry, and writes what it is asked to and
 * may write. It holds these rules by itself, whatever it is asked:
 *
 *  - a port without a policy row is never written, and no VLAN outside a port's policy is added;
 *  - only what the ledger says we added is removed; the native VLAN is never touched;
 *  - nothing is written while the freeze file exists;
 *  - an addition is in the ledger before it is on the switch, a removal is on the disk before;
 *  - success is what the switch says after the write;
 *  - a port is brought up only where its policy says so, after its VLANs were written, and never
 *    again when it was shut after that (brought_up.h, a file beside the ledger).
 *
 * Rows told: 'switch' (one row); 'port' (the whole list, bracketed, after each new contact, single
 * rows when one changed); 'station' for ports with a policy row (a port's whole list, bracketed,
 * first; single rows when it changed; 'unknown' when it cannot be read or held); 'outcome' for each
 * change. When contact is lost the ports told stay as
 * they are and 'switch' says unreachable; a change that arrives then is answered with an outcome
 * that says so. Rows taken: 'policy' (bracketed by begin and end) and 'change'. */
#ifndef VSN_SWITCH_MODULE_H
#define VSN_SWITCH_MODULE_H

#include "switch/driver.h"

struct module;

/* One row told; as the arguments of record_write(). */
typedef void module_emit_fn(enum record_op op, enum table table, const void *row, void *data);
/* Something for the log: a lasting trouble that no row speaks of, as a ledger that is damaged. */
typedef void module_notice_fn(const char *text, void *data);

struct module_setup {
    const struct driver_ops *ops;
    const char *arguments;   /* the rest of the 'switch' line */
    const char *ledger;      /* path, see ledger.h */
    const char *freeze_file; /* path that need not exist; NULL: none */
    module_emit_fn *emit;
    module_notice_fn *notice;
    void *data;
};

/* Opens the ledger and tries the switch at the next turn of the loop. The texts in 'setup' must
 * outlive the module. Returns 0, or a negative errno when the ledger cannot be used at all. */
int module_new(struct loop *loop, const struct module_setup *setup, struct module **ret_module,
               struct error *reterr);

/* Leaves the switch as it is. */
struct module *module_free(struct module *module);

/* Takes one record from vsnd: a policy, a change, or their brackets; other tables are refused with
 * -EINVAL. Changes wait for module_settled(). */
int module_take(struct module *module, const struct record *record, struct error *reterr);

/* Carries out the changes taken, as one batch (batch.h): what they add is on the switch before
 * anything of them is removed. */
void module_settled(struct module *module);

#endif

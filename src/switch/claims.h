/* claims.h: whose a VLAN on a port is: ours, because we added it, or somebody else's.
 *
 * Between the ledger, which remembers what we added (ledger.h), and the readings of the switch:
 *
 *  - what is ours and absent stays ours: another hand took it away, and the plan puts it back;
 *  - unless we were about to remove it ourselves;
 *  - but when another hand brings it back, it is that hand's. */
#ifndef VSN_SWITCH_CLAIMS_H
#define VSN_SWITCH_CLAIMS_H

#include "switch/batch.h"

struct claims;

/* Something for the log: the ledger is damaged, or cannot be written. */
typedef void claims_notice_fn(const char *text, void *data);

/* Opens the ledger; errors as ledger_open(). */
int claims_open(const char *ledger, claims_notice_fn *notice, void *data,
                struct claims **ret_claims, struct error *reterr);
struct claims *claims_free(struct claims *claims);

struct vlanset claims_owned(const struct claims *claims, const char *port);

/* Compares with what a reading says, and fills in 'owned'. */
void claims_take(struct claims *claims, struct port *port);

/* Before a batch is written: notes what it is about to do. Removals that cannot be made durable are
 * taken out of it. */
void claims_intend(struct claims *claims, struct batch *batch);

/* After it was written and read back: what was to be added and is absent, or had been put there by
 * another hand, was never ours. Then as claims_take() with 'change->now'. */
void claims_conclude(struct claims *claims, const struct port_change *change);

/* What is to go, is ours, and was taken away by another hand already: it needs no writing, but is
 * not ours any more. Returns these; the caller takes them out of what it has told. */
struct vlanset claims_let_go(struct claims *claims, const struct change *change);

#endif

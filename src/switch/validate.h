/* validate.h: the last look at a change before it reaches the switch. Pure.
 *
 * The Config Module does not trust the plan: whatever the decision core believes, only what passes
 * here is written. */
#ifndef VSN_SWITCH_VALIDATE_H
#define VSN_SWITCH_VALIDATE_H

#include "base/strbuf.h"
#include "model/record.h"

struct validate_view {           /* what the change is held against */
    const struct port *port;     /* as read from the switch just now; NULL: there is no such port */
    const struct policy *policy; /* NULL: vsn may not write that port */
    struct vlanset owned;        /* by the ledger */
    const char *frozen;          /* the freeze file when it is there, else NULL */
    bool can_enable;             /* the driver can bring ports up */
};

struct verdict {
    struct vlanset add;    /* to be written: allowed, and not carried yet */
    struct vlanset remove; /* to be removed: ours, and still carried */
    bool enable;           /* the port is to be brought up, after that */
};

bool verdict_is_empty(const struct verdict *verdict); /* no VLAN is to be written */

/* Splits 'change' into what may be written and what is refused; sentences about the latter are
 * appended to 'problem', separated by "; ". What needs no writing is in neither. */
struct verdict validate_change(const struct change *change, const struct validate_view *view,
                               struct strbuf *problem);

/* Appends "; " when there is something before, then the text. */
void problem_add(struct strbuf *problem, const char *format, ...) PRINTF_LIKE(2, 3);

#endif

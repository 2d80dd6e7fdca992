/* sonic_judge.h: what may be written to a port of SONiC. Pure.
 *
 * Whoever writes to CONFIG_DB goes past the checks of SONiC's own command line, and a row that
 * vlanmgrd cannot carry out may end it (a failing command on a port throws out of its loop). So
 * what "config vlan member add" refuses is refused here: VLAN 1, a VLAN or port that is not there,
 * a part of a port-channel, a router interface, a port in mode routed or access, the destination of
 * a mirror session. */
#ifndef VSN_SWITCH_SONIC_JUDGE_H
#define VSN_SWITCH_SONIC_JUDGE_H

#include "base/strbuf.h"
#include "switch/sonic_db.h"

#define SONIC_REFUSAL_MAX 320

/* Why no VLAN can be written to the port, and what the operator can do; "" when they can. Returns
 * 'text'. */
const char *sonic_judge_port(const struct sonic_port *port, char text[SONIC_REFUSAL_MAX]);

/* What of 'add' may be there; sentences about the rest are added to 'problem', "; " between them.
 * The port itself must have been found good. */
struct vlanset sonic_judge_vlans(const struct sonic_view *view, const struct sonic_port *port,
                                 const struct vlanset *add, struct strbuf *problem);

#endif

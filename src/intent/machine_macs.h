/* machine_macs.h: which hosts the addresses of machines show behind which ports, as FTOS found out
 * ('evidence ftos').
 *
 * Pure; inside of round.c. The address of a machine that runs on a host, learnt on a port, says
 * that one of the NICs that its network leaves through is behind that port. Machines' owners choose
 * their addresses, so that is a claim; and one about which something else speaks is a rumour, not
 * acted upon under any setting: when better evidence names a NIC behind the port, or another port
 * for the NIC; when machines of two hosts are seen there; when the host is seen behind more ports
 * than NICs. An address that two interfaces have says nothing. */
#ifndef VSN_INTENT_MACHINE_MACS_H
#define VSN_INTENT_MACHINE_MACS_H

#include "intent/round.h"

/* Adds EVIDENCE_MACHINE to the wires found so far. Returns 0 or -ENOMEM. */
int machine_macs_collect(struct round *round);

#endif

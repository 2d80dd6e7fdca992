/* mac_table.h: what the switch's MAC table is worth as evidence for wires.
 *
 * Pure. Takes the sightings of this moment and
 *  - recalls those of before: an idle host falls out of the table after some minutes, but is still
 *    there as long as its port's link stayed up;
 *  - sharpens them by better evidence: a NIC that is known to be behind another port is not behind
 *    this one, and where one of several NICs is known to be behind this port, it is that one;
 *  - doubts them: one NIC is behind one port. A host that is seen behind more ports than it has
 *    NICs to be seen through is seen where it is not (a forged or a bridged address), and nobody
 * can say where. What was known before stays as it is then. Sightings of other hosts behind the
 * same port are left to the judgement of the wires. */
#ifndef VSN_INTENT_MAC_TABLE_H
#define VSN_INTENT_MAC_TABLE_H

#include "intent/sightings.h"

/* 'better' are the wires of this round so far, by evidence that names one NIC; 'before' the wires
 * of the last round (may be NULL). Returns 0 or -ENOMEM. */
int mac_table_read(const struct config *config, const struct hypervisor_view *hypervisors,
                   size_t n_hypervisors, const struct inventory *module, const struct wires *better,
                   const struct wires *before, struct sightings *ret_sightings);

#endif

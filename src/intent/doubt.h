/* doubt.h: what stands against believing that nobody needs a VLAN. Inside of intent.c and uplink.c.
 */
#ifndef VSN_INTENT_DOUBT_H
#define VSN_INTENT_DOUBT_H

#include "intent/intent.h"

/* Notes a reason against removals on a port; the first one is the one that is told. */
void doubt(struct port_intent *intent, const char *format, ...) PRINTF_LIKE(2, 3);

/* Doubts whatever a hypervisor is said not to need, unless it is in contact, was read in full, and
 * is believed. */
void doubt_hypervisor(struct port_intent *intent, const struct hypervisor_trust *trust);

/* A hypervisor that was never read since the start may want anything anywhere. */
void doubt_unread(struct port_intent *intent, const struct hypervisor_trust *hypervisors,
                  size_t n_hypervisors);

#endif

/* uplink.h: what ports to other switches should carry ('vsn uplink').
 *
 * Pure. An uplink carries what this switch's own ports need or carry because of vsn, within its
 * 'vlan allowed', without protected VLANs and its native one. It gives a VLAN back last: when no
 * port of the switch but uplinks carries it any more, whoever put it there, and only while nothing
 * is doubted behind any port or of any hypervisor. */
#ifndef VSN_INTENT_UPLINK_H
#define VSN_INTENT_UPLINK_H

#include "intent/intent.h"

/* Appends the intents of the uplinks to those of the other ports, which are complete; there is room
 * for them. 'module' is the Config Module's inventory. */
void uplinks_add(const struct config *config, const struct hypervisor_trust *hypervisors,
                 size_t n_hypervisors, const struct inventory *module, struct intent *intent);

#endif

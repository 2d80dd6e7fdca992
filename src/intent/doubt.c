#include "intent/doubt.h"

#include <stdarg.h>
#include <stdio.h>

void doubt(struct port_intent *intent, const char *format, ...)
{
    va_list args;

    if (intent->may_remove) {
        va_start(args, format);
        vsnprintf(intent->reason, sizeof(intent->reason), format, args);
        va_end(args);
    }
    intent->may_remove = false;
}

void doubt_hypervisor(struct port_intent *intent, const struct hypervisor_trust *trust)
{
    const char *name = trust->view.config->name;

    if (trust->state != SESSION_CONNECTED)
        doubt(intent, "no contact with hypervisor %s: what was learnt from it is kept", name);
    else if (!inventory_is_complete(trust->view.inventory))
        doubt(intent, "hypervisor %s has not been read in full", name);
    else if (inventory_doubt(trust->view.inventory))
        doubt(intent, "hypervisor %s: %s; it is kept until you accept it", name,
              inventory_doubt(trust->view.inventory));
}

/* Read in full once, and not without any host. */
static bool was_understood(const struct inventory *inventory)
{
    return inventory_was_read(inventory) &&
           !(inventory_doubt(inventory) && inventory_count(inventory, TABLE_HOST) == 0);
}

void doubt_unread(struct port_intent *intent, const struct hypervisor_trust *hypervisors,
                  size_t n_hypervisors)
{
    for (size_t i = 0; i < n_hypervisors; i++) {
        const struct hypervisor_trust *trust = &hypervisors[i];

        if (!trust->released && !was_understood(trust->view.inventory))
            doubt(intent, "hypervisor %s has not been read yet: it may want VLANs here",
                  trust->view.config->name);
    }
}

#include "intent/uplink.h"

#include <stdio.h>
#include <string.h>

#include "intent/doubt.h"

/* The same for every uplink. */
struct local { /* what there is on this side */
    struct vlanset needed, apply, carried, ranks[N_RANKS];
    enum config_mode mode;
    const struct port_intent *in_doubt; /* the first port on which absence is not proved */
    const struct port *open;            /* a port that carries every VLAN */
    bool is_bound;                      /* something is known behind some port */
};

/* What a port asks for, and what vsn put there. Nothing is known of a port without any NIC behind
 * it, and nothing need be: what it carries is kept. */
static void add_own(struct local *local, const struct port_intent *own, const struct port *port)
{
    struct vlanset ours = port ? vlanset_both(&port->owned, &port->tagged) : vlanset_empty;

    local->needed = vlanset_union(&local->needed, &own->wanted);
    local->apply = vlanset_union(&local->apply, &own->apply);
    for (enum need_rank rank = 0; rank < N_RANKS; rank++)
        local->ranks[rank] = vlanset_union(&local->ranks[rank], &own->ranks[rank]);
    local->is_bound |= own->is_bound;
    if (own->mode == MODE_CONFIG) {
        local->mode = MODE_CONFIG;
        local->needed = vlanset_union(&local->needed, &ours);
        local->apply = vlanset_union(&local->apply, &ours);
    }
    if (own->is_bound && !own->may_remove && !local->in_doubt)
        local->in_doubt = own;
}

/* A frozen port has no need that could be told, but it carries what it carried. */
static struct local look_around(const struct config *config, const struct inventory *module,
                                const struct intent *intent)
{
    struct local local = { .mode = MODE_CHECK };

    for (size_t i = 0; i < intent->count; i++)
        add_own(&local, &intent->ports[i],
                inventory_find(module, TABLE_PORT, "", intent->ports[i].port->name));
    INVENTORY_EACH(module, port, TABLE_PORT, NULL)
    {
        const struct config_port *configured = config_port(config, port->id);

        if (configured && configured->uplink)
            continue;
        local.carried = vlanset_union(&local.carried, &port->tagged);
        vlanset_add(&local.carried, (uint32_t)port->native);
        if (port->open && !local.open)
            local.open = port;
    }
    return local;
}

static void doubt_all(const struct hypervisor_trust *hypervisors, size_t n_hypervisors,
                      const struct local *local, struct port_intent *intent)
{
    doubt_unread(intent, hypervisors, n_hypervisors);
    for (size_t i = 0; i < n_hypervisors; i++)
        if (!hypervisors[i].released)
            doubt_hypervisor(intent, &hypervisors[i]);
    if (local->in_doubt)
        doubt(intent, "port %.60s: %.180s", local->in_doubt->port->name, local->in_doubt->reason);
    if (!local->is_bound)
        doubt(intent, "no host NIC is known behind any port");
    if (local->open)
        doubt(intent, "port %.60s carries every VLAN", local->open->id);
}

static void compute_uplink(const struct config *config, const struct local *local,
                           const struct port *port, struct port_intent *intent)
{
    struct vlanset allowed = vlanset_minus(&intent->port->allowed, &config->protected_vlans);
    struct vlanset needed = local->needed;

    if (port)
        vlanset_remove(&needed, (uint32_t)port->native);
    intent->needed = vlanset_both(&needed, &allowed);
    intent->refused = vlanset_minus(&needed, &allowed);
    if (!vlanset_is_empty(&intent->refused))
        snprintf(intent->refusal, sizeof(intent->refusal),
                 "beyond 'vlan allowed' of the uplink, or protected by 'vlan protect'");
    memcpy(intent->ranks, local->ranks, sizeof(intent->ranks));
    intent_cap(intent);
    intent->apply = vlanset_both(&intent->wanted, &local->apply);
    intent->kept = vlanset_both(&local->carried, &allowed);
    intent->mode = local->mode;
    intent->may_add = true;
}

void uplinks_add(const struct config *config, const struct hypervisor_trust *hypervisors,
                 size_t n_hypervisors, const struct inventory *module, struct intent *intent)
{
    const struct local local = look_around(config, module, intent);

    for (size_t i = 0; i < config->n_ports; i++) {
        struct port_intent *uplink = &intent->ports[intent->count];

        if (!config->ports[i].uplink)
            continue;
        intent->count++;
        uplink->port = &config->ports[i];
        uplink->may_remove = true;
        compute_uplink(config, &local, inventory_find(module, TABLE_PORT, "", uplink->port->name),
                       uplink);
        doubt_all(hypervisors, n_hypervisors, &local, uplink);
    }
}

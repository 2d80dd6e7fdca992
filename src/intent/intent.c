#include "intent/intent.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "intent/doubt.h"
#include "intent/uplink.h"

static void add_need(const struct need *need, void *data)
{
    struct vlanset *demand = data;

    *demand = vlanset_union(demand, &need->vlans);
}

/* ---- One wire, one port ---------------------------------------------------------------------- */

static const struct hypervisor_trust *trust_of(const struct hypervisor_trust *hypervisors,
                                               size_t n_hypervisors, const struct wire *wire)
{
    for (size_t i = 0; i < n_hypervisors; i++)
        if (strcmp(hypervisors[i].view.config->name, wire->hypervisor) == 0)
            return &hypervisors[i];
    return NULL;
}

/* Cuts one wire's demand to the fences; what is cut is told. */
static struct vlanset fence(const struct config *config, const struct config_hypervisor *hypervisor,
                            struct port_intent *intent, const struct vlanset *demand)
{
    struct vlanset allowed = vlanset_both(&hypervisor->allowed, &intent->port->allowed);
    struct vlanset beyond, kept;

    allowed = vlanset_minus(&allowed, &config->protected_vlans);
    kept = vlanset_both(demand, &allowed);
    beyond = vlanset_minus(demand, &allowed);
    if (vlanset_is_empty(&beyond))
        return kept;
    intent->refused = vlanset_union(&intent->refused, &beyond);
    if (!intent->refusal[0]) {
        struct vlanset guarded = vlanset_both(&beyond, &config->protected_vlans);

        snprintf(intent->refusal, sizeof(intent->refusal), "%s",
                 !vlanset_is_empty(&guarded)
                     ? "protected by 'vlan protect', or beyond 'vlan allowed'"
                     : "beyond 'vlan allowed' of the hypervisor or the port");
    }
    return kept;
}

static void doubt_owner(struct port_intent *intent, const struct hypervisor_trust *trust,
                        const struct host *host)
{
    doubt_hypervisor(intent, trust);
    if (!host || host->connection != CONNECTION_CONNECTED)
        doubt(intent, "host %.100s is not connected to hypervisor %s", host ? host->name : "?",
              trust->view.config->name);
}

static void add_wire(const struct config *config, const struct hypervisor_trust *trust,
                     const struct wire *wire, struct port_intent *intent, struct vlanset *in_config)
{
    const struct inventory *inventory = trust->view.inventory;
    const struct config_hypervisor *hypervisor = trust->view.config;
    struct vlanset demand = vlanset_empty, kept;
    struct error error = { "" };

    if (!demand_of_nic(inventory, hypervisor->provision, wire->host, wire->nic, add_need, &demand,
                       &error))
        doubt(intent, "hypervisor %s: %.150s", hypervisor->name, error.text);
    doubt_owner(intent, trust, inventory_find(inventory, TABLE_HOST, "", wire->host));
    if (intent_is_ranked(config, intent->port))
        rank_nic(inventory, hypervisor->provision, wire->host, wire->nic, intent->ranks);
    kept = fence(config, hypervisor, intent, &demand);
    intent->needed = vlanset_union(&intent->needed, &kept);
    if (hypervisor->mode == MODE_CONFIG) {
        intent->mode = MODE_CONFIG;
        *in_config = vlanset_union(in_config, &kept);
    }
}

/* A wire that counts no more: its NIC is elsewhere now, or 'hold SECONDS' ran out. */
static void add_former_wire(const struct hypervisor_trust *trust, const struct wire *wire,
                            struct port_intent *intent)
{
    if (trust->view.config->mode == MODE_CONFIG)
        intent->mode = MODE_CONFIG;
    if (!trust->released)
        doubt_owner(intent, trust,
                    inventory_find(trust->view.inventory, TABLE_HOST, "", wire->host));
}

bool intent_is_ranked(const struct config *config, const struct config_port *port)
{
    return config_has_limits(config) || port->vlan_max < VLAN_MAX;
}

/* What is on the port already is not taken away for it, since 'needed' protects it. */
void intent_cap(struct port_intent *intent)
{
    struct vlanset wanted = rank_best(intent->ranks, &intent->needed, intent->port->vlan_max);
    struct vlanset beyond;

    beyond = vlanset_minus(&intent->needed, &wanted);
    intent->wanted = wanted;
    intent->refused = vlanset_union(&intent->refused, &beyond);
    if (!vlanset_is_empty(&beyond) && !intent->refusal[0])
        snprintf(intent->refusal, sizeof(intent->refusal), "beyond the port's 'vlan maximum %u'",
                 intent->port->vlan_max);
}

/* The strongest state on the port decides what may happen there. */
static const struct wire *conflict_on(const struct wires *wires, const char *port)
{
    for (size_t i = 0; i < wires->count; i++)
        if (strcmp(wires->wires[i].port, port) == 0 && wires->wires[i].state == WIRE_CONFLICT)
            return &wires->wires[i];
    return NULL;
}

/* Goes through the wires of a port. '*ret_bound' counts those that say something about its VLANs.
 */
static void add_wires(const struct config *config, const struct hypervisor_trust *hypervisors,
                      size_t n_hypervisors, const struct wires *wires, struct port_intent *intent,
                      size_t *ret_bound)
{
    struct vlanset in_config = vlanset_empty;

    *ret_bound = 0;
    for (size_t i = 0; i < wires->count; i++) {
        const struct wire *wire = &wires->wires[i];
        const struct hypervisor_trust *trust = trust_of(hypervisors, n_hypervisors, wire);

        if (strcmp(wire->port, intent->port->name) != 0)
            continue;
        intent->is_bound |= wire->state >= WIRE_LOST;
        if (wire->state == WIRE_LOST)
            doubt(intent, "the wire to %.80s %.40s lost its evidence", wire->host_name, wire->nic);
        if (!trust || (wire->state != WIRE_MOVED && !wire_is_trusted(wire, config->evidence)))
            continue;
        (*ret_bound)++;
        if (wire->state == WIRE_MOVED || trust->released) {
            add_former_wire(trust, wire, intent);
            continue;
        }
        intent->may_add = true;
        add_wire(config, trust, wire, intent, &in_config);
    }
    intent_cap(intent);
    intent->apply = vlanset_both(&intent->wanted, &in_config);
}

/* An empty answer is never the first word: behind a port for which nothing was ever asked since the
 * start, nothing is concluded from nothing being asked for. */
static bool is_mute(const struct wires *wires, const struct port_intent *intent)
{
    if (!vlanset_is_empty(&intent->needed) || !vlanset_is_empty(&intent->refused))
        return false;
    for (size_t i = 0; i < wires->count; i++)
        if (strcmp(wires->wires[i].port, intent->port->name) == 0 && wires->wires[i].demanded)
            return false;
    return true;
}

static void compute_port(const struct config *config, const struct hypervisor_trust *hypervisors,
                         size_t n_hypervisors, const struct wires *wires,
                         struct port_intent *intent)
{
    const struct wire *conflict = conflict_on(wires, intent->port->name);
    size_t bound;

    intent->may_remove = true;
    if (conflict) {
        intent->is_bound = true;
        doubt(intent, "frozen, evidence contradicts: %.200s", conflict->detail);
        return;
    }
    add_wires(config, hypervisors, n_hypervisors, wires, intent, &bound);
    if (bound > 0 && is_mute(wires, intent))
        doubt(intent, "nothing was ever asked for behind this port since vsn started");
    if (bound == 0)
        doubt(intent, "no host NIC is known behind this port");
    doubt_unread(intent, hypervisors, n_hypervisors);
}

void intent_ask(const struct config *config, const struct config_hypervisor *hypervisor,
                const struct vlanset *demand, struct port_intent *intent)
{
    struct vlanset kept = fence(config, hypervisor, intent, demand);

    intent->ranks[RANK_MOVE] = vlanset_union(&intent->ranks[RANK_MOVE], demand);
    intent->needed = vlanset_union(&intent->needed, &kept);
    if (hypervisor->mode == MODE_CONFIG) {
        intent->mode = MODE_CONFIG;
        intent->apply = vlanset_union(&intent->apply, &kept);
    }
    intent_cap(intent);
    intent->apply = vlanset_both(&intent->apply, &intent->wanted);
}

int intent_compute(const struct config *config, const struct hypervisor_trust *hypervisors,
                   size_t n_hypervisors, const struct wires *wires, const struct inventory *module,
                   struct intent *ret_intent)
{
    struct intent intent = { .ports = calloc(config->n_ports + 1, sizeof(*intent.ports)) };

    if (!intent.ports)
        return -ENOMEM;
    for (size_t i = 0; i < config->n_ports; i++) {
        if (!config->ports[i].enabled || config->ports[i].uplink)
            continue;
        intent.ports[intent.count].port = &config->ports[i];
        compute_port(config, hypervisors, n_hypervisors, wires, &intent.ports[intent.count]);
        intent.count++;
    }
    uplinks_add(config, hypervisors, n_hypervisors, module, &intent);
    *ret_intent = intent;
    return 0;
}

void intent_done(struct intent *intent)
{
    free(intent->ports);
    *intent = (struct intent){ 0 };
}

const struct port_intent *intent_find(const struct intent *intent, const char *port)
{
    for (size_t i = 0; i < intent->count; i++)
        if (strcmp(intent->ports[i].port->name, port) == 0)
            return &intent->ports[i];
    return NULL;
}

#include "reconcile/preflight.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "reconcile/flight.h"

struct preflight {
    const struct core *core;
    const struct core_hypervisor *hypervisor;
    const struct machine *machine;
    const struct host *host;
    int64_t now_ms;
    preflight_fn *fn;
    void *data;
    char doubt[512]; /* why nothing that is known of the destination may be relied upon */
    enum preflight_state worst;
    struct preflight_line line; /* the one at hand, as far as it is known */
    struct intent intent;       /* with what the move would ask for */
    struct plan plan;           /* and what the plan would make of it */
};

const char *preflight_word(enum preflight_state state)
{
    static const char *const words[] = {
        [PREFLIGHT_READY] = "ready",
        [PREFLIGHT_WILL_BE] = "will be made ready",
        [PREFLIGHT_UNKNOWN] = "unknown",
        [PREFLIGHT_REFUSED] = "refused",
    };

    return words[state];
}

static const struct inventory *inventory_of(const struct preflight *preflight)
{
    return preflight->hypervisor->inventory;
}

static const char *name_of(const struct host *host)
{
    return host->name[0] ? host->name : host->id;
}

/* Tells the line at hand with its state and why. */
static void tell(struct preflight *preflight, enum preflight_state state, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void tell(struct preflight *preflight, enum preflight_state state, const char *format, ...)
{
    char reason[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    preflight->line.reason = reason;
    if (state < PREFLIGHT_UNKNOWN && preflight->doubt[0]) {
        state = PREFLIGHT_UNKNOWN;
        preflight->line.reason = preflight->doubt;
    }
    preflight->line.state = state;
    if (state > preflight->worst)
        preflight->worst = state;
    preflight->fn(&preflight->line, preflight->data);
}

/* Tells of the part 'of' those VLANs that are still to be told of, and takes it out of them. */
static void tell_part(struct preflight *preflight, struct vlanset *rest, struct vlanset of,
                      enum preflight_state state, const char *reason)
{
    preflight->line.vlans = vlanset_both(rest, &of);
    if (vlanset_is_empty(&preflight->line.vlans))
        return;
    *rest = vlanset_minus(rest, &of);
    tell(preflight, state, "%s", reason);
}

/* ---- The ways of an interface ---------------------------------------------------------------- */

/* Whether the network leaves the destination through that uplink. */
static bool leaves_through(const struct preflight *preflight, const struct network *network,
                           const struct uplink *uplink)
{
    const char *vswitch = vswitch_of_network(inventory_of(preflight), network);

    return vswitch && strcmp(uplink->vswitch, vswitch) == 0 && network_uses_uplink(network, uplink);
}

static bool is_wire_of(const struct preflight *preflight, const struct wire *wire, const char *nic)
{
    return strcmp(wire->hypervisor, preflight->hypervisor->config->name) == 0 &&
           strcmp(wire->host, preflight->host->id) == 0 && strcmp(wire->nic, nic) == 0;
}

static const struct network *network_of_vif(const struct preflight *preflight,
                                            const struct vif *vif)
{
    return network_of_interface(inventory_of(preflight), preflight->host->id, vif->network,
                                vif->shared);
}

static void add_need(const struct need *need, void *data)
{
    struct vlanset *vlans = data;

    *vlans = vlanset_union(vlans, &need->vlans);
}

/* All that the machine would ask for on a port: its interfaces share the port's cap. */
static struct vlanset asked_on(const struct preflight *preflight, const char *port)
{
    const struct wires *wires = core_wires(preflight->core);
    struct vlanset asked = vlanset_empty;

    for (size_t i = 0; i < wires->count; i++) {
        const struct wire *wire = &wires->wires[i];
        struct error error; /* what is not known is told line by line */

        if (strcmp(wire->port, port) == 0 && is_wire_of(preflight, wire, wire->nic) &&
            wire_is_trusted(wire, core_config(preflight->core)->evidence))
            demand_of_machine(inventory_of(preflight), preflight->machine, preflight->host->id,
                              wire->nic, add_need, &asked, &error);
    }
    return asked;
}

/* ---- One port -------------------------------------------------------------------------------- */

/* Why nothing can be said of a port; NULL: nothing stands against it. */
static const char *unknown_port(const struct preflight *preflight, const struct port *port,
                                const struct port_intent *intent)
{
    const struct switch_status *status =
        inventory_find(core_module(preflight->core), TABLE_SWITCH, "", "");

    if (!status || status->state != SWITCH_READY)
        return status && status->reason[0] ? status->reason : "the switch has not been read yet";
    if (!port)
        return "the switch has no such port";
    if (!intent)
        return "the port has no 'vsn enable'";
    if (!intent->may_add)
        return intent->reason[0] ? intent->reason : "the wires of the port are not certain";
    return NULL;
}

static bool is_frozen(const struct preflight *preflight)
{
    const struct switch_status *status =
        inventory_find(core_module(preflight->core), TABLE_SWITCH, "", "");

    return status && status->frozen;
}

/* Why a port that is down stays so, though it is needed; NULL: it is up, or will be. */
static const char *stays_down(const struct preflight *preflight, const struct plan_port *ahead)
{
    if (ahead->is_shut)
        return "the port is down: vsn brought it up once, and somebody shut it again";
    if (ahead->is_down)
        return "the port is down, and has no 'port auto-enable'";
    if (!ahead->bring_up || ahead->enable)
        return NULL;
    return is_frozen(preflight)
               ? "the port is down, and frozen by the operator: it stays so until 'vsn thaw'"
               : "the port is down, and in 'mode check' it is not brought up";
}

/* What will not be written, and which word stands against it. */
static void tell_refused(struct preflight *preflight, struct vlanset *rest, const struct port *port)
{
    const struct config_hypervisor *hypervisor = preflight->hypervisor->config;
    const struct port_intent *intent = intent_find(&preflight->intent, port->id);
    const struct plan_port *plan = plan_find(&preflight->plan, port->id);
    const struct config_port *fence = intent->port;
    struct vlanset native = vlanset_empty;
    char text[400];

    if (port->native)
        vlanset_add(&native, (uint32_t)port->native);
    tell_part(preflight, rest, native, PREFLIGHT_REFUSED,
              "the native VLAN of the port, which stays untagged");
    tell_part(preflight, rest, core_config(preflight->core)->protected_vlans, PREFLIGHT_REFUSED,
              "'vlan protect'");
    snprintf(text, sizeof(text), "beyond 'vlan allowed' of hypervisor %s", hypervisor->name);
    tell_part(preflight, rest, vlanset_minus(rest, &hypervisor->allowed), PREFLIGHT_REFUSED, text);
    snprintf(text, sizeof(text), "beyond 'vlan allowed' of interface %s", fence->name);
    tell_part(preflight, rest, vlanset_minus(rest, &fence->allowed), PREFLIGHT_REFUSED, text);
    snprintf(text, sizeof(text), "beyond 'vlan maximum %u' of interface %s", fence->vlan_max,
             fence->name);
    tell_part(preflight, rest, vlanset_minus(rest, &intent->wanted), PREFLIGHT_REFUSED, text);
    if (port->refusal[0])
        tell_part(preflight, rest, *rest, PREFLIGHT_REFUSED, port->refusal);
    snprintf(text, sizeof(text), "hypervisor %s is in 'mode check': nothing is written",
             hypervisor->name);
    tell_part(preflight, rest, vlanset_minus(rest, &intent->apply), PREFLIGHT_REFUSED, text);
    if (is_frozen(preflight))
        tell_part(preflight, rest, *rest, PREFLIGHT_REFUSED,
                  "frozen by the operator: nothing is written until 'vsn thaw'");
    if (plan->left_out_reason)
        tell_part(preflight, rest, plan->left_out, PREFLIGHT_REFUSED, plan->left_out_reason);
    tell_part(preflight, rest, *rest, PREFLIGHT_UNKNOWN, "it would not be written just now");
}

/* What would be written, but for a failure that may come again. */
static void tell_written(struct preflight *preflight, struct vlanset *rest, const char *port,
                         const char *reason)
{
    const struct plan_port *plan = plan_find(&preflight->plan, port);
    struct vlanset failed = vlanset_empty;
    const char *rests =
        flights_rest(core_flights(preflight->core), port, preflight->now_ms, &failed);

    if (rests)
        tell_part(preflight, rest, vlanset_both(&plan->ready, &failed), PREFLIGHT_UNKNOWN, rests);
    tell_part(preflight, rest, plan->ready, PREFLIGHT_WILL_BE, reason);
}

static void tell_port(struct preflight *preflight, const struct vlanset *vlans, const char *name)
{
    const struct port *port = inventory_find(core_module(preflight->core), TABLE_PORT, "", name);
    const struct port_intent *intent = intent_find(core_intent(preflight->core), name);
    const struct plan_port *plan = plan_find(core_plan(preflight->core), name);
    const struct plan_port *ahead = plan_find(&preflight->plan, name);
    const char *unknown = unknown_port(preflight, port, intent), *down, *coming_up;
    struct vlanset rest = *vlans, carried;

    preflight->line.port = name;
    preflight->line.vlans = *vlans;
    if (unknown) {
        tell(preflight, PREFLIGHT_UNKNOWN, "%s", unknown);
        return;
    }
    down = stays_down(preflight, ahead);
    if (down) {
        tell(preflight, PREFLIGHT_REFUSED, "%s", down);
        return;
    }
    coming_up = ahead->enable ? "the port is down, and will be brought up" : "";
    carried = port->open ? *vlans : port->tagged;
    if (plan)
        carried = vlanset_minus(&carried, &plan->remove);
    tell_part(preflight, &rest, carried, ahead->enable ? PREFLIGHT_WILL_BE : PREFLIGHT_READY,
              coming_up);
    tell_written(preflight, &rest, name, coming_up);
    tell_refused(preflight, &rest, port);
}

/* ---- One NIC --------------------------------------------------------------------------------- */

static void tell_uncertain(struct preflight *preflight, const struct wire *wire)
{
    const char *what = NULL;

    switch (wire->state) {
    case WIRE_CLAIMED:
        what = "the evidence that it is behind this port is too weak to act upon";
        break;
    case WIRE_LOST:
        what = "the evidence that it is behind this port is gone";
        break;
    case WIRE_MOVED:
        what = "it was behind this port";
        break;
    case WIRE_CONFLICT:
        what = "the evidence for this port contradicts itself";
        break;
    case WIRE_CONFIRMED:
    case WIRE_PROVED:
    case N_WIRE_STATES:
        what = "'evidence strict' acts on proof only, and nothing proves that it is here";
        break;
    }
    preflight->line.port = wire->port;
    tell(preflight, PREFLIGHT_UNKNOWN, "%s (%s)", what, wire->detail);
}

/* Tells of the NIC's wires that are trusted, or else of the others; false when there is none. */
static bool tell_wires(struct preflight *preflight, const struct vlanset *vlans, const char *nic,
                       bool trusted)
{
    const struct wires *wires = core_wires(preflight->core);
    bool found = false;

    for (size_t i = 0; i < wires->count; i++) {
        const struct wire *wire = &wires->wires[i];

        if (!is_wire_of(preflight, wire, nic) ||
            wire_is_trusted(wire, core_config(preflight->core)->evidence) != trusted)
            continue;
        found = true;
        preflight->line.vlans = *vlans;
        if (trusted)
            tell_port(preflight, vlans, wire->port);
        else
            tell_uncertain(preflight, wire);
    }
    return found;
}

static void tell_nic(struct preflight *preflight, const struct vlanset *vlans, const char *nic)
{
    preflight->line.nic = nic;
    if (!tell_wires(preflight, vlans, nic, true) && !tell_wires(preflight, vlans, nic, false)) {
        preflight->line.port = "";
        preflight->line.vlans = *vlans;
        tell(preflight, PREFLIGHT_UNKNOWN,
             "no wire is known for NIC %s of %s: it may be behind another switch", nic,
             name_of(preflight->host));
    }
    preflight->line.nic = preflight->line.port = "";
}

/* ---- One interface --------------------------------------------------------------------------- */

/* Returns how many NICs the network leaves the host through. */
static size_t tell_nics(struct preflight *preflight, const struct vlanset *vlans)
{
    size_t nics = 0;

    INVENTORY_EACH(inventory_of(preflight), uplink, TABLE_UPLINK, preflight->host->id)
    {
        if (!leaves_through(preflight, preflight->line.network, uplink))
            continue;
        nics++;
        tell_nic(preflight, vlans, uplink->id);
    }
    return nics;
}

/* No NIC carries the network: by its nature, or for want of knowledge. */
static void tell_no_nic(struct preflight *preflight)
{
    const struct inventory *inventory = inventory_of(preflight);
    const char *host = name_of(preflight->host);
    const char *vswitch = vswitch_of_network(inventory, preflight->line.network);

    if (!vswitch || inventory_is_unknown(inventory, TABLE_UPLINK, preflight->host->id) ||
        inventory_is_unknown(inventory, TABLE_VSWITCH, preflight->host->id) ||
        !inventory_next(inventory, TABLE_UPLINK, preflight->host->id, NULL)) {
        tell(preflight, PREFLIGHT_UNKNOWN, "the virtual switches of %s could not be read", host);
        return;
    }
    if (!inventory_find(inventory, TABLE_VSWITCH, preflight->host->id, vswitch)) {
        tell(preflight, PREFLIGHT_UNKNOWN, "%s does not have the virtual switch of this network",
             host);
        return;
    }
    INVENTORY_EACH(inventory, uplink, TABLE_UPLINK, preflight->host->id)
    {
        if (strcmp(uplink->vswitch, vswitch) == 0) {
            tell(preflight, PREFLIGHT_UNKNOWN, "its teaming order names no NIC of %s", host);
            return;
        }
    }
    tell(preflight, PREFLIGHT_READY, "no NIC of %s carries it: it does not leave the host", host);
}

static void tell_network(struct preflight *preflight, const struct network *network)
{
    bool known;
    struct vlanset vlans = network_vlans(inventory_of(preflight), network, &known);

    preflight->line.network = network;
    if (!known)
        tell(preflight, PREFLIGHT_UNKNOWN, "the VLAN of this network could not be read");
    else if (vlanset_is_empty(&vlans))
        tell(preflight, PREFLIGHT_READY, "untagged: the native VLAN is left alone");
    else if (tell_nics(preflight, &vlans) == 0)
        tell_no_nic(preflight);
}

static void tell_vif(struct preflight *preflight, const struct vif *vif)
{
    const struct network *network = network_of_vif(preflight, vif);
    const char *owner = vif->shared ? "" : preflight->host->id;

    preflight->line = (struct preflight_line){ .vif = vif, .nic = "", .port = "" };
    if (network)
        tell_network(preflight, network);
    else if (!vif->network[0])
        tell(preflight, PREFLIGHT_READY, "it is plugged into no network");
    else if (inventory_is_unknown(inventory_of(preflight), TABLE_NETWORK, owner))
        tell(preflight, PREFLIGHT_UNKNOWN, "the networks of %s could not be read",
             name_of(preflight->host));
    else
        tell(preflight, PREFLIGHT_UNKNOWN, "%s has no such network", name_of(preflight->host));
}

/* ---- The switch as it would be -----------------------------------------------------------------
 */

/* Whether the machine comes from a host behind this switch. */
static bool comes_from_here(const struct preflight *preflight)
{
    const struct wires *wires = core_wires(preflight->core);

    for (size_t i = 0; i < wires->count; i++)
        if (strcmp(wires->wires[i].hypervisor, preflight->hypervisor->config->name) == 0 &&
            strcmp(wires->wires[i].host, preflight->machine->host) == 0 &&
            wire_is_trusted(&wires->wires[i], core_config(preflight->core)->evidence))
            return true;
    return false;
}

/* Asks for it on every port that the machine would be served through, and on the uplinks. Returns
 * what it is, all in all. */
static struct vlanset ask(struct preflight *preflight)
{
    const struct config *config = core_config(preflight->core);
    const struct config_hypervisor *hypervisor = preflight->hypervisor->config;
    struct vlanset all = vlanset_empty;

    for (size_t i = 0; i < preflight->intent.count; i++) {
        struct port_intent *intent = &preflight->intent.ports[i];
        struct vlanset asked = intent->port->uplink ? all : asked_on(preflight, intent->port->name);

        intent_ask(config, hypervisor, &asked, intent);
        all = vlanset_union(&all, &asked);
    }
    return all;
}

/* Plans for it, with a guard of its own: nothing is taken away. Returns 0 or -ENOMEM. */
static int look_ahead(struct preflight *preflight, struct vlanset *ret_asked)
{
    const struct intent *now = core_intent(preflight->core);
    struct guard *guard = guard_new();
    int r = -ENOMEM;

    preflight->intent.ports = calloc(now->count + 1, sizeof(*now->ports));
    if (preflight->intent.ports && guard) {
        for (size_t i = 0; i < now->count; i++)
            preflight->intent.ports[i] = now->ports[i];
        preflight->intent.count = now->count;
        *ret_asked = ask(preflight);
        r = plan_compute(core_config(preflight->core), &preflight->intent,
                         core_module(preflight->core), guard, NULL, NULL, preflight->now_ms,
                         &preflight->plan);
    }
    guard_free(guard);
    return r;
}

/* What comes from behind another switch has to get there. */
static void tell_uplinks(struct preflight *preflight, const struct vlanset *asked)
{
    const struct config *config = core_config(preflight->core);

    preflight->line = (struct preflight_line){ .nic = "", .port = "" };
    if (vlanset_is_empty(asked) || comes_from_here(preflight))
        return;
    for (size_t i = 0; i < config->n_ports; i++)
        if (config->ports[i].uplink)
            tell_port(preflight, asked, config->ports[i].name);
}

/* ---- The machine ----------------------------------------------------------------------------- */

/* No move would be heard of, or what is known may be out of date. */
static void doubt(struct preflight *preflight)
{
    const struct core_hypervisor *hypervisor = preflight->hypervisor;
    const struct session state = { .state = hypervisor->state };

    if (hypervisor->state != SESSION_CONNECTED)
        snprintf(preflight->doubt, sizeof(preflight->doubt),
                 "hypervisor %s is %s%s%.300s: what is known of it may be out of date",
                 hypervisor->config->name, record_word(TABLE_SESSION, "state", &state),
                 hypervisor->session->reason[0] ? ", " : "", hypervisor->session->reason);
    else if (preflight->host->connection != CONNECTION_CONNECTED)
        snprintf(preflight->doubt, sizeof(preflight->doubt),
                 "host %.200s is not connected to hypervisor %s: what is known of it may be out of "
                 "date",
                 name_of(preflight->host), hypervisor->config->name);
}

static void tell_all(struct preflight *preflight, const struct vlanset *asked)
{
    const struct inventory *inventory = inventory_of(preflight);

    doubt(preflight);
    if (inventory_is_unknown(inventory, TABLE_VIF, preflight->machine->id))
        tell(preflight, PREFLIGHT_UNKNOWN, "the machine's interfaces could not be read");
    INVENTORY_EACH(inventory, vif, TABLE_VIF, preflight->machine->id)
    tell_vif(preflight, vif);
    tell_uplinks(preflight, asked);
}

enum preflight_state preflight_move(const struct core *core,
                                    const struct core_hypervisor *hypervisor,
                                    const struct machine *machine, const struct host *host,
                                    int64_t now_ms, preflight_fn *fn, void *data)
{
    struct preflight preflight = {
        .core = core,
        .hypervisor = hypervisor,
        .machine = machine,
        .host = host,
        .now_ms = now_ms,
        .fn = fn,
        .data = data,
        .line = { .nic = "", .port = "" },
    };
    struct vlanset asked;

    if (look_ahead(&preflight, &asked) == 0)
        tell_all(&preflight, &asked);
    else
        tell(&preflight, PREFLIGHT_UNKNOWN, "out of memory");
    plan_done(&preflight.plan);
    intent_done(&preflight.intent);
    return preflight.worst;
}

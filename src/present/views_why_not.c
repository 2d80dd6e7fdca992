/* why-not PORT VLAN: the links of the chain that are missing for a VLAN that is not there. */
#include <stdio.h>
#include <string.h>

#include "present/reasons.h"

/* ---- The port and the switch ------------------------------------------------------------------
 */

/* Without these nothing else matters. Returns true when one of them stands in the way. */
static bool say_port(struct reasons *reasons)
{
    const struct config_port *config = reasons->port_config;

    if (!config)
        reasons_say(reasons,
                    "The configuration does not mention %s: without 'interface %s' and "
                    "'vsn enable' vsn leaves it alone.",
                    reasons->name, reasons->name);
    else if (!config->enabled && !config->uplink)
        reasons_say(reasons, "'interface %s' has no 'vsn enable': vsn leaves the port alone.",
                    reasons->name);
    else
        return false;
    return true;
}

static void say_switch(struct reasons *reasons)
{
    const struct switch_status *status = view_switch_status(reasons->view);

    if (!status)
        reasons_say(reasons, "The switch has not been read yet.");
    else if (status->state != SWITCH_READY)
        reasons_say(reasons, "The switch is not reachable: %s", status->reason);
    else if (status->frozen)
        reasons_say(reasons, "The operator froze vsn: nothing is written until 'vsn thaw'.");
    else if (!reasons->port)
        reasons_say(reasons, "The switch has no port %s.", reasons->name);
    else if (reasons->port->refusal[0])
        reasons_say(reasons, "VLANs cannot be written to %s: %s.", reasons->name,
                    reasons->port->refusal);
}

static void say_fences(struct reasons *reasons)
{
    if (vlanset_has(&reasons->config->protected_vlans, reasons->vlan))
        reasons_say(reasons, "'vlan protect' names VLAN %u: vsn never adds it.", reasons->vlan);
    if (!vlanset_has(&reasons->port_config->allowed, reasons->vlan))
        reasons_say(reasons, "'vlan allowed' of interface %s does not hold VLAN %u.", reasons->name,
                    reasons->vlan);
}

/* ---- The hypervisor's side --------------------------------------------------------------------
 */

/* True when the host has that network, whatever uplinks it uses. */
static bool is_on_host(const struct inventory *inventory, const struct network *network,
                       const char *host)
{
    const char *vswitch = vswitch_of_network(inventory, network);

    if (network->owner[0])
        return strcmp(network->owner, host) == 0;
    return vswitch && inventory_find(inventory, TABLE_VSWITCH, host, vswitch);
}

/* The VLAN is on the host, but not behind this NIC: says for which reason. */
static void say_other_path(struct reasons *reasons, const struct inventory *inventory,
                           const struct network *network, const struct wire *wire)
{
    const struct uplink *uplink = inventory_find(inventory, TABLE_UPLINK, wire->host, wire->nic);
    const char *vswitch = vswitch_of_network(inventory, network);
    const char *host = view_name(wire->host_name, wire->host);

    if (!uplink)
        reasons_say(reasons,
                    "Network \"%s\" of host %s carries VLAN %u, but no virtual switch uses NIC %s, "
                    "which is behind %s.",
                    network->name, host, reasons->vlan, wire->nic, reasons->name);
    else if (!vswitch || strcmp(uplink->vswitch, vswitch) != 0)
        reasons_say(
            reasons,
            "Network \"%s\" of host %s carries VLAN %u, but lives on another virtual switch "
            "than the one that uses NIC %s.",
            network->name, host, reasons->vlan, wire->nic);
    else if (!network_uses_uplink(network, uplink))
        reasons_say(reasons,
                    "Network \"%s\" of host %s carries VLAN %u, but its teaming order leaves out "
                    "NIC %s.",
                    network->name, host, reasons->vlan, wire->nic);
    else
        reasons_say(
            reasons,
            "Network \"%s\" of host %s carries VLAN %u, but no machine that is there or on its "
            "way, and no interface of the host, is plugged into it ('provision machines').",
            network->name, host, reasons->vlan);
}

/* Looks for the VLAN on the host of a wire behind which nobody needs it. */
static void say_no_need(struct reasons *reasons, const struct core_hypervisor *hypervisor,
                        const struct wire *wire)
{
    bool somewhere = false, here = false;

    INVENTORY_EACH(hypervisor->inventory, network, TABLE_NETWORK, NULL)
    {
        bool known;
        struct vlanset vlans = network_vlans(hypervisor->inventory, network, &known);

        if (network->role != NETWORK_DEMAND || !vlanset_has(&vlans, reasons->vlan))
            continue;
        somewhere = true;
        if (!is_on_host(hypervisor->inventory, network, wire->host))
            continue;
        here = true;
        say_other_path(reasons, hypervisor->inventory, network, wire);
    }
    if (!here)
        reasons_say(reasons, "No network of host %s (hypervisor %s) carries VLAN %u%s.",
                    view_name(wire->host_name, wire->host), wire->hypervisor, reasons->vlan,
                    somewhere ? ", though networks of other hosts do" : "");
}

/* What the session's state means for this VLAN. */
static void say_session(struct reasons *reasons, const struct core_hypervisor *hypervisor)
{
    const struct session state = { .state = hypervisor->state };

    if (hypervisor->state == SESSION_CONNECTED)
        return;
    reasons_say(reasons, "Hypervisor %s is %s%s%s: what it wants may be out of date.",
                hypervisor->config->name, record_word(TABLE_SESSION, "state", &state),
                hypervisor->session->reason[0] ? ", " : "", hypervisor->session->reason);
}

/* The needs behind one trusted wire. Returns how many there are for the VLAN. */
static size_t say_wire(struct reasons *reasons, const struct wire *wire)
{
    struct core_hypervisor hypervisor;
    struct error error = { "" };
    size_t count;

    if (!view_hypervisor(reasons->view, wire->hypervisor, &hypervisor) || !hypervisor.inventory) {
        reasons_say(reasons, "Hypervisor %s, which is behind %s, is disabled.", wire->hypervisor,
                    reasons->name);
        return 0;
    }
    say_session(reasons, &hypervisor);
    count = reasons_needs(reasons, wire, "It is needed there:", &error);
    if (count == 0)
        say_no_need(reasons, &hypervisor, wire);
    if (error.text[0])
        reasons_say(reasons, "Not all is known of hypervisor %s: %s.", wire->hypervisor,
                    error.text);
    if (count > 0 && !vlanset_has(&hypervisor.config->allowed, reasons->vlan))
        reasons_say(reasons, "'vlan allowed' of hypervisor %s does not hold VLAN %u.",
                    wire->hypervisor, reasons->vlan);
    if (count > 0 && hypervisor.config->mode == MODE_CHECK)
        reasons_say(reasons,
                    "Hypervisor %s is in 'mode check': its plan is shown, and nothing is "
                    "written.",
                    wire->hypervisor);
    return count;
}

/* ---- Machines on their way ---------------------------------------------------------------------
 */

/* Whether the machine would need the VLAN on that host. */
static bool would_need(const struct reasons *reasons, const struct inventory *inventory,
                       const struct machine *machine, const char *host)
{
    INVENTORY_EACH(inventory, vif, TABLE_VIF, machine->id)
    {
        const struct network *network =
            network_of_interface(inventory, host, vif->network, vif->shared);
        struct vlanset vlans;
        bool known;

        if (!network)
            continue;
        vlans = network_vlans(inventory, network, &known);
        if (vlanset_has(&vlans, reasons->vlan))
            return true;
    }
    return false;
}

/* The port that a host is behind, this one if it may be; NULL: none is known. */
static const struct wire *wire_to(const struct reasons *reasons, const char *hypervisor,
                                  const char *host)
{
    const struct wires *wires = core_wires(reasons->view->core);
    const struct wire *found = NULL;

    for (size_t i = 0; i < wires->count; i++) {
        const struct wire *wire = &wires->wires[i];

        if (strcmp(wire->hypervisor, hypervisor) != 0 || strcmp(wire->host, host) != 0)
            continue;
        if (strcmp(wire->port, reasons->name) == 0)
            return wire;
        if (!found && wire_is_trusted(wire, reasons->config->evidence))
            found = wire;
    }
    return found;
}

/* Why a move does not bring the VLAN to this port. */
static void say_move(struct reasons *reasons, const struct core_hypervisor *hypervisor,
                     const struct machine *machine, const struct move *move)
{
    const struct inventory *inventory = hypervisor->inventory;
    const char *to = view_host_name(inventory, move->to);
    const struct wire *wire = wire_to(reasons, hypervisor->config->name, move->to);
    char text[1024], who[660], but[512];

    if (!move->to[0])
        snprintf(but, sizeof(but), "its destination is not known yet");
    else if (!wire)
        snprintf(but, sizeof(but), "%.200s is behind no port that is known here", to);
    else if (strcmp(wire->port, reasons->name) != 0)
        snprintf(but, sizeof(but), "%.200s is behind %s, not %s", to, wire->port, reasons->name);
    else if (!wire_is_trusted(wire, reasons->config->evidence))
        snprintf(but, sizeof(but), "it is not certain that %.200s is behind %s", to, reasons->name);
    else
        snprintf(but, sizeof(but), "NIC %s of %.200s does not carry it", wire->nic, to);
    reasons_say(reasons, "VLAN %u is needed by %s (%s), but %s.", reasons->vlan,
                reasons_machine_text(machine, move, who, sizeof(who)),
                reasons_move_text(reasons, inventory, move, text, sizeof(text)), but);
}

static void say_moves_of(struct reasons *reasons, const struct core_hypervisor *hypervisor)
{
    INVENTORY_EACH(hypervisor->inventory, move, TABLE_MOVE, NULL)
    {
        const struct machine *machine =
            inventory_find(hypervisor->inventory, TABLE_MACHINE, "", move->owner);
        const char *host = move->to[0] ? move->to : move->from;

        if (machine && (!move->to[0] || move_may_end_on(move, move->to)) &&
            would_need(reasons, hypervisor->inventory, machine, host))
            say_move(reasons, hypervisor, machine, move);
    }
}

/* Nothing that is known needs the VLAN on this port: machines that are on their way need it
 * elsewhere. */
static void say_moves(struct reasons *reasons)
{
    for (size_t i = 0; i < core_hypervisors(reasons->view->core); i++) {
        struct core_hypervisor hypervisor = core_hypervisor(reasons->view->core, i);

        if (hypervisor.inventory)
            say_moves_of(reasons, &hypervisor);
    }
}

/* ---- Wires ------------------------------------------------------------------------------------
 */

static void say_untrusted(struct reasons *reasons, const struct wire *wire)
{
    const char *host = view_name(wire->host_name, wire->host);

    switch (wire->state) {
    case WIRE_CONFLICT:
        reasons_say(reasons, "The evidence for %s contradicts itself, so the port is frozen: %s.",
                    reasons->name, wire->detail);
        break;
    case WIRE_LOST:
        reasons_say(reasons,
                    "NIC %s of host %s was behind %s, but that is not certain any more (%s): what "
                    "is there stays, and nothing is added.",
                    wire->nic, host, reasons->name, wire->detail);
        break;
    case WIRE_MOVED:
        reasons_say(reasons, "NIC %s of host %s was behind %s: %s.", wire->nic, host, reasons->name,
                    wire->detail);
        break;
    case WIRE_CLAIMED:
        reasons_say(reasons,
                    "NIC %s of host %s may be behind %s, but the evidence is too weak to act upon "
                    "(%s). 'vsn bind %s %s %s' in its interface block would settle it.",
                    wire->nic, host, reasons->name, wire->detail, wire->hypervisor, host,
                    wire->nic);
        break;
    case WIRE_CONFIRMED:
        reasons_say(
            reasons,
            "NIC %s of host %s is behind %s, but 'evidence strict' acts on proof only: 'vsn "
            "bind %s %s %s' in its interface block, or an echo of 'lldpd nonce'.",
            wire->nic, host, reasons->name, wire->hypervisor, host, wire->nic);
        break;
    case WIRE_PROVED:
    case N_WIRE_STATES:
        break;
    }
}

static void say_no_wire(struct reasons *reasons)
{
    const struct neighbor *neighbor =
        inventory_next(core_neighbors(reasons->view->core), TABLE_NEIGHBOR, reasons->name, NULL);

    reasons_say(reasons, "No host NIC is known behind %s.", reasons->name);
    if (neighbor)
        reasons_say(reasons,
                    "A station that calls itself \"%s\" (port \"%s\") is heard there, but no "
                    "hypervisor reports such a NIC.",
                    neighbor->system, neighbor->port);
    else
        reasons_say(reasons, "No station is heard there by LLDP or CDP, no hypervisor says that a "
                             "NIC hears this port, the switch has learnt no host's address there, "
                             "and no 'vsn bind' names one.");
}

/* Returns how many needs for the VLAN the wires of the port bring. */
static size_t say_wires(struct reasons *reasons)
{
    const struct wires *wires = core_wires(reasons->view->core);
    size_t n_wires = 0, needs = 0;

    writer_array(reasons->view->writer, "needs");
    for (size_t i = 0; i < wires->count; i++) {
        const struct wire *wire = &wires->wires[i];

        if (strcmp(wire->port, reasons->name) != 0)
            continue;
        n_wires++;
        if (wire_is_trusted(wire, reasons->config->evidence))
            needs += say_wire(reasons, wire);
        else
            say_untrusted(reasons, wire);
    }
    writer_end(reasons->view->writer);
    if (n_wires == 0)
        say_no_wire(reasons);
    return needs;
}

/* Everything is there, and yet it is not on the switch. */
static void say_writing(struct reasons *reasons)
{
    const struct plan_port *plan = reasons->plan;

    if (!plan)
        return;
    if (vlanset_has(&reasons->intent->needed, reasons->vlan) &&
        !vlanset_has(&reasons->intent->wanted, reasons->vlan))
        reasons_say(reasons,
                    "'vlan maximum %u' of interface %s is reached: what is more important has its "
                    "places. This one is for %s.",
                    reasons->port_config->vlan_max, reasons->name,
                    rank_words(rank_of(reasons->intent->ranks, reasons->vlan)));
    else if (vlanset_has(&plan->left_out, reasons->vlan))
        reasons_say(reasons,
                    "There is no room for it (%s). It is for %s; what is more important has the "
                    "room, or waits for it.",
                    plan->left_out_reason,
                    rank_words(rank_of(reasons->intent->ranks, reasons->vlan)));
    else if (vlanset_has(&plan->add, reasons->vlan) && plan->problem[0])
        reasons_say(reasons, "It is planned, and not there yet: %s.", plan->problem);
    else if (vlanset_has(&plan->write, reasons->vlan))
        reasons_say(reasons, "It is planned and being written.");
}

/* ---- The view ---------------------------------------------------------------------------------
 */

/* A port to another switch. */
static void say_uplink(struct reasons *reasons)
{
    writer_array(reasons->view->writer, "needs");
    writer_end(reasons->view->writer);
    if (reasons_for_ports(reasons, "It is an uplink, and the VLAN is needed there for") > 0) {
        if (reasons->plan && reasons->plan->mode == MODE_CHECK)
            reasons_say(reasons, "The hypervisors behind them are in 'mode check': nothing is "
                                 "written.");
        else
            say_writing(reasons);
    } else {
        reasons_say(reasons,
                    "%s is an uplink, which carries what the other ports of this switch need: none "
                    "of them needs VLAN %u.",
                    reasons->name, reasons->vlan);
    }
}

static void say_why_not(struct reasons *reasons)
{
    size_t needs;

    reasons_say(reasons, "VLAN %u is not carried on %s.", reasons->vlan, reasons->name);
    if (say_port(reasons))
        return;
    say_switch(reasons);
    reasons_down(reasons);
    say_fences(reasons);
    if (reasons->port_config->uplink) {
        say_uplink(reasons);
        return;
    }
    needs = say_wires(reasons);
    if (needs > 0)
        say_writing(reasons);
    else
        say_moves(reasons);
}

enum view_status view_why_not(const struct view *view)
{
    struct reasons reasons;
    enum view_status status = reasons_init(&reasons, view);
    bool carried;

    if (status != VIEW_DONE)
        return status;
    carried = strcmp(reasons_by(&reasons), "nobody") != 0;
    writer_object(view->writer, NULL);
    writer_text(view->writer, "port", reasons.name);
    writer_number(view->writer, "vlan", reasons.vlan);
    writer_flag(view->writer, "carried", carried);
    writer_flag(view->writer, "wanted",
                reasons.intent && vlanset_has(&reasons.intent->wanted, reasons.vlan));
    if (carried)
        reasons_say(&reasons, "VLAN %u is carried on %s. 'vsn why %s %u' says why.", reasons.vlan,
                    reasons.name, reasons.name, reasons.vlan);
    else
        say_why_not(&reasons);
    if (carried || !reasons.port_config || !reasons.port_config->uplink)
        reasons_for_ports(&reasons, NULL);
    reasons_write(&reasons, "sentences");
    reasons_end(&reasons);
    return carried ? VIEW_NOT_FOUND : VIEW_DONE;
}

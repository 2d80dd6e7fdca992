/* The switch's side: ports, VLANs, virtual wires, the plan, and what was done. */
#include "present/views.h"

#include <stdio.h>
#include <string.h>

static const struct port *port_row(const struct view *view, const char *name)
{
    return inventory_find(core_module(view->core), TABLE_PORT, "", name);
}

/* ---- show switch ------------------------------------------------------------------------------
 */

enum view_status view_switch(const struct view *view)
{
    const struct switch_status *status = view_switch_status(view);
    struct writer *writer = view->writer;
    const struct config *config = core_config(view->core);

    writer_object(writer, NULL);
    writer_text(writer, "hostname", config->hostname);
    writer_text(writer, "driver", config->switch_driver);
    writer_text(writer, "arguments", config->switch_arguments);
    writer_text(writer, "state", status ? record_word(TABLE_SWITCH, "state", status) : "unknown");
    writer_flag(writer, "frozen", status && status->frozen);
    writer_number(writer, "ports", (int64_t)inventory_count(core_module(view->core), TABLE_PORT));
    writer_remark(writer, "reason", status ? status->reason : "it was not read yet");
    writer_end(writer);
    return VIEW_DONE;
}

/* ---- show port --------------------------------------------------------------------------------
 */

static void write_wire(const struct view *view, const struct wire *wire)
{
    struct writer *writer = view->writer;
    char evidence[64];

    writer_text(writer, "hypervisor", wire->hypervisor);
    writer_text(writer, "host", view_name(wire->host_name, wire->host));
    writer_text(writer, "nic", wire->nic);
    writer_text(writer, "state", wire_state_word(wire->state));
    writer_text(writer, "evidence", wire_evidence_text(wire, evidence, sizeof(evidence)));
    writer_age(writer, "age_s", view_age(view, wire->since_ms));
    writer_age(writer, "seen_s", view_age(view, wire->seen_ms));
    writer_remark(writer, "detail", wire->detail);
}

static void write_wires(const struct view *view, const char *port)
{
    const struct wires *wires = core_wires(view->core);

    writer_array(view->writer, "wires");
    for (size_t i = 0; i < wires->count; i++) {
        if (strcmp(wires->wires[i].port, port) != 0)
            continue;
        writer_object(view->writer, NULL);
        write_wire(view, &wires->wires[i]);
        writer_end(view->writer);
    }
    writer_end(view->writer);
}

static void write_held(const struct view *view, const struct plan_port *plan)
{
    const struct vlanset *held = plan ? &plan->held : &vlanset_empty;

    writer_array(view->writer, "held");
    for (uint32_t vlan = vlanset_next(held, VLAN_MIN); vlan; vlan = vlanset_next(held, vlan + 1)) {
        char reason[512];

        writer_object(view->writer, NULL);
        writer_number(view->writer, "vlan", vlan);
        writer_remark(
            view->writer, "reason",
            guard_reason(core_guard(view->core), plan->port->name, vlan, reason, sizeof(reason)));
        writer_end(view->writer);
    }
    writer_end(view->writer);
}

/* Whether vsn may write to a port: the hosts are behind it, or another switch. */
static bool is_ours(const struct config_port *config)
{
    return config && (config->enabled || config->uplink);
}

/* What stands in the way on a port, apart from fences. */
static const char *problem_of(const struct config_port *config, const struct port *port,
                              const struct port_intent *intent, const struct plan_port *plan)
{
    if (!is_ours(config))
        return "";
    if (plan && plan->problem[0])
        return plan->problem;
    if (port && port->refusal[0])
        return port->refusal;
    return intent ? intent->reason : "";
}

/* What the switch takes its time over; "" when it does not. */
static const char *late_of(const struct port *port, char *text, size_t size)
{
    char vlans[128];

    text[0] = '\0';
    if (!vlanset_is_empty(&port->pending))
        snprintf(text, size, "VLAN %s is configured, and the switch has not confirmed it yet",
                 vlanset_text(&port->pending, vlans, sizeof(vlans)));
    return text;
}

static const char *remark_of(const struct config_port *config, const struct port *port,
                             const struct plan_port *plan, enum discovery_state discovery)
{
    if (config && config->uplink)
        return "an uplink to another switch: it carries what the ports here need";
    if (port->open && !port->refusal[0])
        return "it carries every VLAN already: vsn leaves it alone";
    if (view_down(plan))
        return view_down(plan);
    if (discovery == DISCOVERY_SUSPENDED)
        return "no hypervisor's NIC is seen behind it: discovery is suspended";
    return "";
}

static void write_port(const struct view *view, const char *name)
{
    static const struct port absent = { .link = LINK_UNKNOWN };
    struct writer *writer = view->writer;
    const struct port *row = port_row(view, name), *port = row ? row : &absent;
    const struct config_port *config = config_port(core_config(view->core), name);
    const struct port_intent *intent = intent_find(core_intent(view->core), name);
    const struct plan_port *plan = plan_find(core_plan(view->core), name);
    struct vlanset applied = view_applied(port), hand_made = view_hand_made(port);
    const char *problem = problem_of(config, row, intent, plan);
    enum discovery_state discovery = discoveries_of(core_discoveries(view->core), name);
    char late[256];

    writer_object(writer, NULL);
    writer_text(writer, "port", name);
    writer_flag(writer, "enabled", is_ours(config));
    writer_text(writer, "link", row ? record_word(TABLE_PORT, "link", port) : "missing");
    writer_vlans(writer, "intended", intent ? &intent->wanted : &vlanset_empty);
    writer_vlans(writer, "applied", &applied);
    writer_vlans(writer, "hand_made", &hand_made);
    writer_vlans(writer, "refused", plan ? &plan->refused : &vlanset_empty);
    if (port->native)
        writer_number(writer, "native", (int64_t)port->native);
    else
        writer_nothing(writer, "native");
    writer_text(writer, "mode", view_mode(view, plan));
    writer_aside(writer, true);
    writer_text(writer, "discovery", discovery_word(discovery));
    writer_aside(writer, false);
    write_wires(view, name);
    write_held(view, plan);
    writer_remark(writer, "refusal", plan ? plan->refusal : "");
    writer_remark(writer, "problem", *problem ? problem : late_of(port, late, sizeof(late)));
    writer_remark(writer, "remark", remark_of(config, port, plan, discovery));
    writer_end(writer);
}

enum view_status view_ports(const struct view *view)
{
    const struct config *config = core_config(view->core);
    const char *wanted = view->argc > 0 ? view->argv[0] : NULL;

    if (wanted && !config_port(config, wanted) && !port_row(view, wanted)) {
        strbuf_addf(view->problem, "the switch has no port %s, and none is configured", wanted);
        return VIEW_NOT_FOUND;
    }
    if (wanted)
        writer_detailed(view->writer);
    writer_array(view->writer, NULL);
    for (size_t i = 0; i < config->n_ports; i++) {
        if (!wanted || strcmp(config->ports[i].name, wanted) == 0)
            write_port(view, config->ports[i].name);
    }
    INVENTORY_EACH(core_module(view->core), port, TABLE_PORT, NULL)
    {
        if (!config_port(config, port->id) && (!wanted || strcmp(port->id, wanted) == 0))
            write_port(view, port->id);
    }
    writer_end(view->writer);
    view_note_switch(view);
    return VIEW_DONE;
}

/* ---- show vlan --------------------------------------------------------------------------------
 */

static bool in_vsn(const struct port *port, uint32_t vlan)
{
    return vlanset_has(&port->tagged, vlan) && vlanset_has(&port->owned, vlan);
}

static bool in_tagged(const struct port *port, uint32_t vlan)
{
    return vlanset_has(&port->tagged, vlan) && !vlanset_has(&port->owned, vlan);
}

static bool in_untagged(const struct port *port, uint32_t vlan)
{
    return port->native == vlan;
}

/* The letters are those of FTOS, where H stood for what VSN had tagged. */
static const struct {
    const char *letter;
    bool (*has)(const struct port *port, uint32_t vlan);
} memberships[] = { { "U", in_untagged }, { "H", in_vsn }, { "T", in_tagged } };

static void write_members(const struct view *view, uint32_t vlan, size_t membership)
{
    struct view_names names = { 0 };

    INVENTORY_EACH(core_module(view->core), port, TABLE_PORT, NULL)
    {
        if (memberships[membership].has(port, vlan))
            view_names_add(&names, port->id);
    }
    if (names.count == 0 && !names.failed)
        return;
    writer_object(view->writer, NULL);
    writer_number(view->writer, "vlan", vlan);
    writer_text(view->writer, "q", memberships[membership].letter);
    view_names_write(&names, view->writer, "ports");
    writer_end(view->writer);
}

enum view_status view_vlans(const struct view *view)
{
    struct vlanset seen = vlanset_empty;

    INVENTORY_EACH(core_module(view->core), port, TABLE_PORT, NULL)
    {
        seen = vlanset_union(&seen, &port->tagged);
        vlanset_add(&seen, (uint32_t)port->native);
    }
    writer_array(view->writer, NULL);
    for (uint32_t vlan = vlanset_next(&seen, VLAN_MIN); vlan;
         vlan = vlanset_next(&seen, vlan + 1)) {
        for (size_t i = 0; i < ARRAY_SIZE(memberships); i++)
            write_members(view, vlan, i);
    }
    writer_end(view->writer);
    writer_note(view->writer, "Q: U - untagged, T - tagged by hand, H - VSN tagged");
    view_note_switch(view);
    return VIEW_DONE;
}

/* ---- show virtualwire -------------------------------------------------------------------------
 */

/* Each kind of evidence that there is, or was. */
static void write_kinds(const struct view *view, const struct wire *wire)
{
    writer_array(view->writer, "kinds");
    for (enum evidence_kind kind = 0; kind < N_EVIDENCE_KINDS; kind++) {
        if (!wire->kind_seen_ms[kind] && !wire->kind_since_ms[kind])
            continue;
        writer_object(view->writer, NULL);
        writer_text(view->writer, "kind", wire_kind_word(kind));
        writer_flag(view->writer, "there", wire_has(wire, kind));
        writer_age(view->writer, "since_s", view_age(view, wire->kind_since_ms[kind]));
        writer_age(view->writer, "seen_s", view_age(view, wire->kind_seen_ms[kind]));
        writer_end(view->writer);
    }
    writer_end(view->writer);
}

enum view_status view_wires(const struct view *view)
{
    const struct wires *wires = core_wires(view->core);

    writer_array(view->writer, NULL);
    for (size_t i = 0; i < wires->count; i++) {
        writer_object(view->writer, NULL);
        writer_text(view->writer, "port", wires->wires[i].port);
        write_wire(view, &wires->wires[i]);
        write_kinds(view, &wires->wires[i]);
        writer_end(view->writer);
    }
    writer_end(view->writer);
    if (wires->count == 0)
        writer_note(view->writer, "No virtual wire is known: no enabled port is bound, and neither "
                                  "hypervisors nor lldpd nor the switch's MAC table say what is "
                                  "behind one.");
    return VIEW_DONE;
}

/* ---- show plan --------------------------------------------------------------------------------
 */

enum view_status view_plan(const struct view *view)
{
    const struct plan *plan = core_plan(view->core);
    struct writer *writer = view->writer;
    bool idle = true;

    writer_array(writer, NULL);
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_port *port = &plan->ports[i];

        idle = idle && vlanset_is_empty(&port->add) && vlanset_is_empty(&port->remove) &&
               vlanset_is_empty(&port->held) && !port->bring_up;
        writer_object(writer, NULL);
        writer_text(writer, "port", port->port->name);
        writer_text(writer, "mode", view_mode(view, port));
        writer_vlans(writer, "add", &port->add);
        writer_vlans(writer, "remove", &port->remove);
        writer_vlans(writer, "held", &port->held);
        writer_vlans(writer, "refused", &port->refused);
        writer_vlans(writer, "left_out", &port->left_out);
        writer_remark(writer, "bring_up",
                      port->bring_up ? "the port is down, and will be brought up" : "");
        writer_remark(writer, "refusal", port->refusal);
        writer_remark(writer, "problem", port->problem);
        writer_remark(writer, "no_room", port->left_out_reason ? port->left_out_reason : "");
        writer_end(writer);
    }
    writer_end(writer);
    if (idle)
        writer_note(writer, "Nothing is to be done.");
    view_note_switch(view);
    return VIEW_DONE;
}

/* ---- show audit -------------------------------------------------------------------------------
 */

enum view_status view_audit(const struct view *view)
{
    struct writer *writer = view->writer;
    const struct audit *entry;

    writer_array(writer, NULL);
    for (size_t i = 0; (entry = core_audit(view->core, i)); i++) {
        writer_object(writer, NULL);
        writer_time(writer, "when_ms", (int64_t)entry->at_ms);
        writer_text(writer, "port", entry->port);
        writer_vlans(writer, "added", &entry->added);
        writer_vlans(writer, "removed", &entry->removed);
        writer_text(writer, "for", entry->whom);
        writer_remark(writer, "remark", entry->enabled ? "the port was brought up" : "");
        writer_remark(writer, "problem", entry->problem);
        writer_end(writer);
    }
    writer_end(writer);
    if (!core_audit(view->core, 0))
        writer_note(writer, "No change is recorded.");
    return VIEW_DONE;
}

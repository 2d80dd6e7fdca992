/* What a move needs on which ports, and how far that is. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "model/names.h"
#include "reconcile/migration.h"

/* ---- The switch ------------------------------------------------------------------------------ */

static bool is_ready(const struct inventory *module)
{
    const struct switch_status *status = inventory_find(module, TABLE_SWITCH, "", "");

    return status && status->state == SWITCH_READY;
}

/* What of a port's needs is not on the switch, as it was read back. */
static struct vlanset missing_on(const struct inventory *module, const char *name,
                                 const struct vlanset *vlans)
{
    const struct port *port = inventory_find(module, TABLE_PORT, "", name);
    struct vlanset carried;

    if (!port || !is_ready(module))
        return *vlans;
    carried = vlanset_minus(&port->tagged, &port->pending);
    return port->open ? vlanset_empty : vlanset_minus(vlans, &carried);
}

/* Notes since when a port carries what is needed there. Returns what it lacks. */
static struct vlanset look_at(const struct inventory *module, const char *name,
                              const struct vlanset *vlans, int64_t now_ms, int64_t *carried_ms)
{
    struct vlanset missing = missing_on(module, name, vlans);

    if (!vlanset_is_empty(&missing))
        *carried_ms = 0;
    else if (!*carried_ms)
        *carried_ms = now_ms;
    return missing;
}

static void set_time(struct entry *entry, uint64_t *time, int64_t now_ms)
{
    if (*time)
        return;
    *time = entry_time(entry, now_ms);
    entry->is_changed = true;
}

/* The last of its ports was read back at 'carried_ms'. What was read back was written, and what was
 * written was planned. */
static void verify(struct entry *entry, int64_t written_ms, int64_t carried_ms)
{
    set_time(entry, &entry->row->verified_ms, carried_ms);
    set_time(entry, &entry->row->applied_ms, written_ms);
    set_time(entry, &entry->row->planned_ms, written_ms);
}

/* Compares its ports with what it needs there. */
static void follow_ports(struct entry *entry)
{
    int64_t written_ms = 0, carried_ms = entry->n_ports ? 0 : entry->to_ms;
    bool all_written = entry->n_ports > 0, all_carried = true;

    for (size_t i = 0; i < entry->n_ports; i++) {
        const struct migration_port *port = &entry->ports[i];

        all_written = all_written && port->written_ms;
        all_carried = all_carried && port->carried_ms;
        written_ms = port->written_ms > written_ms ? port->written_ms : written_ms;
        carried_ms = port->carried_ms > carried_ms ? port->carried_ms : carried_ms;
    }
    if (all_written)
        set_time(entry, &entry->row->applied_ms, written_ms);
    if (all_carried) {
        verify(entry, all_written && written_ms < carried_ms ? written_ms : carried_ms, carried_ms);
    } else if (entry->row->verified_ms && !entry->row->switched_over_ms) {
        entry->row->verified_ms = 0; /* somebody took it away again before the machine was there */
        entry->is_changed = true;
    }
}

void entry_look_at_port(struct entry *entry, const struct inventory *module, const char *port,
                        struct moment moment)
{
    struct migration_candidates *candidates = entry->candidates;
    bool concerns = false;

    for (size_t i = 0; i < entry->n_ports; i++) {
        if (strcmp(entry->ports[i].name, port) != 0)
            continue;
        look_at(module, port, &entry->ports[i].vlans, moment.now_ms, &entry->ports[i].carried_ms);
        concerns = true;
    }
    for (size_t i = 0; candidates && i < candidates->count; i++)
        if (strcmp(candidates->list[i].name, port) == 0)
            look_at(module, port, &candidates->vlans, moment.now_ms,
                    &candidates->list[i].carried_ms);
    if (concerns && entry->is_understood)
        follow_ports(entry);
}

/* True when an outcome leaves nothing to be written there. */
static bool is_written(const struct inventory *module, const struct outcome *outcome,
                       const char *name, const struct vlanset *vlans)
{
    struct vlanset missing = vlanset_empty;

    if (strcmp(name, outcome->port) != 0)
        return false;
    missing = missing_on(module, name, vlans);
    missing = vlanset_minus(&missing, &outcome->added);
    return vlanset_is_empty(&missing);
}

void entry_take_outcome(struct entry *entry, const struct inventory *module,
                        const struct outcome *outcome, struct moment moment)
{
    struct migration_candidates *candidates = entry->candidates;

    for (size_t i = 0; i < entry->n_ports; i++)
        if (!entry->ports[i].written_ms &&
            is_written(module, outcome, entry->ports[i].name, &entry->ports[i].vlans))
            entry->ports[i].written_ms = moment.now_ms;
    for (size_t i = 0; candidates && i < candidates->count; i++)
        if (!candidates->list[i].written_ms &&
            is_written(module, outcome, candidates->list[i].name, &candidates->vlans))
            candidates->list[i].written_ms = moment.now_ms;
    if (entry->is_understood)
        follow_ports(entry);
}

/* ---- What is needed -------------------------------------------------------------------------- */

struct survey {
    const struct migration_facts *facts;
    const struct contact *contact;
    const struct machine *machine; /* NULL: not known */
    struct migration_port *ports;  /* room for every wire */
    size_t n_ports;
    bool is_there; /* a NIC of the destination is, or may be, behind this switch */
    bool is_known;
    char problem[MIGRATION_TEXT_MAX];
};

static void add_need(const struct need *need, void *data)
{
    struct vlanset *vlans = data;

    *vlans = vlanset_union(vlans, &need->vlans);
}

static void doubt(struct survey *survey, const char *sentence)
{
    if (survey->is_known)
        text_copy(survey->problem, sizeof(survey->problem), sentence);
    survey->is_known = false;
}

static void survey_wire(struct survey *survey, const struct wire *wire)
{
    struct migration_port *port = &survey->ports[survey->n_ports];
    struct error error = { "" };
    char sentence[512];

    if (!wire_is_trusted(wire, survey->facts->config->evidence)) {
        snprintf(sentence, sizeof(sentence), "port %s: the wire to %.100s %.40s is %s", wire->port,
                 wire->host_name, wire->nic, wire_state_word(wire->state));
        doubt(survey, sentence);
        return;
    }
    if (!survey->machine) {
        doubt(survey, "its networks are not known");
        return;
    }
    *port = (struct migration_port){ 0 };
    text_copy(port->name, sizeof(port->name), wire->port);
    if (!demand_of_machine(survey->contact->inventory, survey->machine, wire->host, wire->nic,
                           add_need, &port->vlans, &error))
        doubt(survey, error.text);
    if (!vlanset_is_empty(&port->vlans))
        survey->n_ports++;
}

/* Wires that lead to the destination, or may. */
static bool leads_there(const struct entry *entry, const struct wire *wire)
{
    return wire->state != WIRE_MOVED && strcmp(wire->host, entry->to_id) == 0 &&
           strcmp(wire->hypervisor, entry->row->hypervisor) == 0;
}

static size_t count_wires(const struct entry *entry, const struct wires *wires)
{
    size_t count = 0;

    for (size_t i = 0; i < wires->count; i++)
        count += leads_there(entry, &wires->wires[i]);
    return count;
}

static void survey_wires(struct survey *survey, const struct entry *entry)
{
    const struct wires *wires = survey->facts->wires;

    for (size_t i = 0; i < wires->count; i++) {
        if (!leads_there(entry, &wires->wires[i]))
            continue;
        survey->is_there = true;
        survey_wire(survey, &wires->wires[i]);
    }
}

/* True when some network of the machine has a VLAN there, though not behind this switch. */
static bool needs_others(const struct entry *entry, const struct survey *survey)
{
    const struct inventory *inventory = survey->contact->inventory;
    const struct machine *machine = survey->machine;

    if (!machine)
        return false;
    INVENTORY_EACH(inventory, vif, TABLE_VIF, machine->id)
    {
        const struct network *network =
            network_of_interface(inventory, entry->to_id, vif->network, vif->shared);
        struct vlanset vlans = vlanset_empty;
        bool is_known;

        if (network)
            vlans = network_vlans(inventory, network, &is_known);
        if (!vlanset_is_empty(&vlans))
            return true;
    }
    return false;
}

/* What is known of a port from before: it was looked at already, or may have been the one. */
static void take_over(const struct entry *entry, struct migration_port *port)
{
    const struct migration_candidates *candidates = entry->candidates;

    for (size_t i = 0; i < entry->n_ports; i++)
        if (strcmp(entry->ports[i].name, port->name) == 0 &&
            vlanset_equal(&entry->ports[i].vlans, &port->vlans)) {
            *port = entry->ports[i];
            return;
        }
    if (!candidates || !vlanset_equal(&candidates->vlans, &port->vlans))
        return;
    for (size_t i = 0; i < candidates->count; i++) {
        if (strcmp(candidates->list[i].name, port->name) != 0)
            continue;
        port->added = candidates->list[i].was_missing ? port->vlans : vlanset_empty;
        port->written_ms = candidates->list[i].written_ms;
        port->carried_ms = candidates->list[i].carried_ms;
    }
}

/* What is there when it is looked at first was there when the destination was known: nothing has
 * been done for it since. */
static void take_ports(struct entry *entry, struct survey *survey)
{
    int64_t now_ms = entry->was_looked_at ? survey->facts->moment.now_ms : entry->to_ms;

    for (size_t i = 0; i < survey->n_ports; i++) {
        struct migration_port *port = &survey->ports[i];
        struct vlanset missing;

        take_over(entry, port);
        missing =
            look_at(survey->facts->module, port->name, &port->vlans, now_ms, &port->carried_ms);
        port->added = vlanset_union(&port->added, &missing);
    }
    free(entry->ports);
    entry->ports = survey->ports;
    entry->n_ports = survey->n_ports;
    entry->was_looked_at = true;
}

void entry_forget_ports(struct entry *entry)
{
    free(entry->ports);
    free(entry->candidates);
    entry->ports = NULL;
    entry->candidates = NULL;
    entry->n_ports = 0;
    entry->is_understood = false;
}

/* Writes down the ports and VLANs, if they differ from what is there. */
static void show_ports(struct entry *entry)
{
    struct migration row = *entry->row, *copy;
    struct strbuf names;

    strbuf_init(&names, 8 * MIGRATION_TEXT_MAX);
    row.vlans = row.added = vlanset_empty;
    for (size_t i = 0; i < entry->n_ports; i++) {
        names_add(&names, entry->ports[i].name);
        row.vlans = vlanset_union(&row.vlans, &entry->ports[i].vlans);
        row.added = vlanset_union(&row.added, &entry->ports[i].added);
    }
    row.ports = strbuf_text(&names);
    if (!row_equal(TABLE_MIGRATION, &row, entry->row)) {
        copy = row_copy(TABLE_MIGRATION, &row);
        if (copy) {
            free(entry->row);
            entry->row = copy;
        }
        entry->is_changed = true;
    }
    strbuf_done(&names);
}

/* ---- Where it may go ------------------------------------------------------------------------- */

/* A port needs what all before it did, and lacks all of it or nothing. */
static void add_candidate(struct entry *entry, const struct survey *survey,
                          const struct migration_port *port)
{
    struct migration_candidates *candidates = entry->candidates;
    size_t count = candidates->count;
    int64_t carried_ms = 0;
    struct vlanset missing =
        look_at(survey->facts->module, port->name, &port->vlans, entry->seen_ms, &carried_ms);

    if (count == 0)
        candidates->vlans = port->vlans;
    if (count == MIGRATION_CANDIDATES_MAX || !vlanset_equal(&candidates->vlans, &port->vlans) ||
        (!carried_ms && !vlanset_equal(&missing, &port->vlans)))
        return;
    text_copy(candidates->list[count].name, sizeof(candidates->list[count].name), port->name);
    candidates->list[count].was_missing = carried_ms == 0;
    candidates->list[count].carried_ms = carried_ms;
    candidates->count++;
}

static bool may_lead_there(const struct survey *survey, const struct entry *entry,
                           const struct move *move, const struct wire *wire)
{
    return strcmp(wire->hypervisor, entry->row->hypervisor) == 0 &&
           wire_is_trusted(wire, survey->facts->config->evidence) &&
           (!move->possible[0] || names_has(move->possible, wire->host));
}

/* Once, when the move is new: the ports are followed from then on. */
static void look_for_candidates(struct entry *entry, struct survey *survey)
{
    const struct wires *wires = survey->facts->wires;
    const struct move *move = inventory_find(survey->contact->inventory, TABLE_MOVE,
                                             entry->row->machine_id, entry->row->move);
    struct migration_port port;

    if (!move || !survey->machine || entry->candidates)
        return;
    entry->candidates = calloc(1, sizeof(*entry->candidates));
    survey->ports = &port;
    for (size_t i = 0; entry->candidates && i < wires->count; i++) {
        if (!may_lead_there(survey, entry, move, &wires->wires[i]))
            continue;
        survey->n_ports = 0;
        survey_wire(survey, &wires->wires[i]);
        if (survey->n_ports)
            add_candidate(entry, survey, &port);
    }
    survey->ports = NULL;
}

/* ---- How far it is --------------------------------------------------------------------------- */

static bool is_planned(const struct entry *entry, const struct migration_facts *facts)
{
    for (size_t i = 0; i < entry->n_ports; i++) {
        const struct migration_port *port = &entry->ports[i];
        const struct plan_port *plan = plan_find(facts->plan, port->name);
        struct vlanset missing;

        if (port->carried_ms)
            continue;
        missing = missing_on(facts->module, port->name, &port->vlans);
        if (plan) {
            missing = vlanset_minus(&missing, &plan->write);
            missing = vlanset_minus(&missing, &plan->ready);
        }
        if (!vlanset_is_empty(&missing))
            return false;
    }
    return true;
}

static void explain_port(const struct migration_port *port, const struct migration_facts *facts,
                         char text[MIGRATION_TEXT_MAX])
{
    const struct plan_port *plan = plan_find(facts->plan, port->name);
    struct vlanset missing = missing_on(facts->module, port->name, &port->vlans);
    struct vlanset refused = vlanset_empty;
    char vlans[64];

    *text = '\0';
    if (vlanset_is_empty(&missing))
        return;
    if (plan)
        refused = vlanset_both(&missing, &plan->refused);
    if (!vlanset_is_empty(&refused))
        snprintf(text, MIGRATION_TEXT_MAX, "port %s: VLAN %s is refused, %.140s", port->name,
                 vlanset_text(&refused, vlans, sizeof(vlans)), plan->refusal);
    else if (plan && plan->mode == MODE_CHECK)
        snprintf(text, MIGRATION_TEXT_MAX, "port %s: 'mode check' writes nothing", port->name);
    else if (plan && plan->problem[0] && vlanset_is_empty(&plan->ready))
        snprintf(text, MIGRATION_TEXT_MAX, "port %s: %.160s", port->name, plan->problem);
}

void entry_explain(const struct entry *entry, const struct migration_facts *facts,
                   char text[MIGRATION_TEXT_MAX])
{
    *text = '\0';
    for (size_t i = 0; i < entry->n_ports && !*text; i++)
        explain_port(&entry->ports[i], facts, text);
}

void entry_look_around(struct entry *entry, const struct migration_facts *facts,
                       const struct contact *contact, char ret_problem[MIGRATION_TEXT_MAX])
{
    struct survey survey = {
        .facts = facts,
        .contact = contact,
        .machine = entry_machine(entry, contact),
        .is_known = true,
    };

    if (!entry->to_id) {
        look_for_candidates(entry, &survey);
        return;
    }
    survey.ports = calloc(count_wires(entry, facts->wires) + 1, sizeof(*survey.ports));
    if (!survey.ports) {
        text_copy(ret_problem, MIGRATION_TEXT_MAX, "out of memory");
        return;
    }
    survey_wires(&survey, entry);
    entry->is_elsewhere =
        !survey.is_there || (survey.is_known && !survey.n_ports && needs_others(entry, &survey));
    entry->is_understood = survey.is_known && !entry->is_elsewhere;
    take_ports(entry, &survey);
    show_ports(entry);
    text_copy(ret_problem, MIGRATION_TEXT_MAX, survey.problem);
    if (!entry->is_understood)
        return;
    follow_ports(entry);
    if (is_planned(entry, facts))
        set_time(entry, &entry->row->planned_ms, facts->moment.now_ms);
}

/* How far a move's VLANs are, and how it ended. */
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
static struct vlanset missing_on(const struct inventory *module, const struct migration_port *need)
{
    const struct port *port = inventory_find(module, TABLE_PORT, "", need->name);

    if (!port || !is_ready(module))
        return need->vlans;
    return port->open ? vlanset_empty : vlanset_minus(&need->vlans, &port->tagged);
}

static bool is_carried(const struct entry *entry, const struct inventory *module)
{
    for (size_t i = 0; i < entry->n_ports; i++) {
        struct vlanset missing = missing_on(module, &entry->ports[i]);

        if (!vlanset_is_empty(&missing))
            return false;
    }
    return true;
}

static void set_time(struct entry *entry, uint64_t *time, int64_t now_ms)
{
    if (*time)
        return;
    *time = entry_time(entry, now_ms);
    entry->is_changed = true;
}

/* What was read back was written, and what was written was planned. */
static void verify(struct entry *entry, int64_t now_ms)
{
    set_time(entry, &entry->row->verified_ms, now_ms);
    set_time(entry, &entry->row->applied_ms, now_ms);
    set_time(entry, &entry->row->planned_ms, now_ms);
}

static bool concerns(const struct entry *entry, const char *port)
{
    for (size_t i = 0; i < entry->n_ports; i++)
        if (strcmp(entry->ports[i].name, port) == 0)
            return true;
    return false;
}

void entry_look_at_port(struct entry *entry, const struct inventory *module, const char *port,
                        struct moment moment)
{
    if (!concerns(entry, port))
        return;
    if (is_carried(entry, module)) {
        verify(entry, moment.now_ms);
    } else if (entry->row->verified_ms && !entry->row->switched_over_ms) {
        entry->row->verified_ms = 0; /* somebody took it away again before the machine was there */
        entry->is_changed = true;
    }
}

void entry_take_outcome(struct entry *entry, const struct inventory *module,
                        const struct outcome *outcome, struct moment moment)
{
    bool all = entry->n_ports > 0;

    for (size_t i = 0; i < entry->n_ports; i++) {
        struct migration_port *port = &entry->ports[i];
        struct vlanset missing = missing_on(module, port);

        missing = vlanset_minus(&missing, &outcome->added);
        if (strcmp(port->name, outcome->port) == 0 && vlanset_is_empty(&missing))
            port->written = true;
        all = all && port->written;
    }
    if (all)
        set_time(entry, &entry->row->applied_ms, moment.now_ms);
}

/* ---- What is needed -------------------------------------------------------------------------- */

struct survey {
    struct migration_port *ports; /* room for every wire */
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

static void survey_wire(struct survey *survey, const struct migration_facts *facts,
                        const struct contact *contact, const struct machine *machine,
                        const struct wire *wire)
{
    struct migration_port *port = &survey->ports[survey->n_ports];
    struct error error = { "" };
    char sentence[512];

    survey->is_there = true;
    if (!wire_is_trusted(wire, facts->config->evidence)) {
        snprintf(sentence, sizeof(sentence), "port %s: the wire to %.100s %.40s is %s", wire->port,
                 wire->host_name, wire->nic, wire_state_word(wire->state));
        doubt(survey, sentence);
        return;
    }
    text_copy(port->name, sizeof(port->name), wire->port);
    port->vlans = vlanset_empty;
    port->written = false;
    if (!demand_of_machine(contact->inventory, machine, wire->host, wire->nic, add_need,
                           &port->vlans, &error))
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

static void survey_wires(struct survey *survey, const struct entry *entry,
                         const struct migration_facts *facts, const struct contact *contact)
{
    const struct machine *machine = entry_machine(entry, contact);

    for (size_t i = 0; i < facts->wires->count; i++) {
        const struct wire *wire = &facts->wires->wires[i];

        if (!leads_there(entry, wire))
            continue;
        if (machine) {
            survey_wire(survey, facts, contact, machine, wire);
            continue;
        }
        survey->is_there = true;
        doubt(survey, "its networks are not known");
    }
}

/* True when some network of the machine has a VLAN there, though not behind this switch. */
static bool needs_others(const struct entry *entry, const struct contact *contact)
{
    const struct inventory *inventory = contact->inventory;
    const struct machine *machine = entry_machine(entry, contact);

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

static void name_ports(const struct entry *entry, struct strbuf *names, struct vlanset *vlans)
{
    *vlans = vlanset_empty;
    for (size_t i = 0; i < entry->n_ports; i++) {
        names_add(names, entry->ports[i].name);
        *vlans = vlanset_union(vlans, &entry->ports[i].vlans);
    }
}

/* Writes down the ports and VLANs, if they differ from what is there. */
static void show_ports(struct entry *entry)
{
    struct migration row = *entry->row, *copy;
    struct strbuf names;

    strbuf_init(&names, 8 * MIGRATION_TEXT_MAX);
    name_ports(entry, &names, &row.vlans);
    row.ports = strbuf_text(&names);
    if (strcmp(row.ports, entry->row->ports) != 0 ||
        !vlanset_equal(&row.vlans, &entry->row->vlans)) {
        copy = row_copy(TABLE_MIGRATION, &row);
        if (copy) {
            free(entry->row);
            entry->row = copy;
        }
        entry->is_changed = true;
    }
    strbuf_done(&names);
}

static void keep_written(const struct entry *entry, struct survey *survey)
{
    for (size_t i = 0; i < survey->n_ports; i++)
        for (size_t j = 0; j < entry->n_ports; j++)
            if (strcmp(survey->ports[i].name, entry->ports[j].name) == 0 &&
                vlanset_equal(&survey->ports[i].vlans, &entry->ports[j].vlans))
                survey->ports[i].written = entry->ports[j].written;
}

/* Finds out behind which ports the destination is, and what the machine needs there. False: it
 * cannot be said; 'ret_problem' says why. */
static bool look_around(struct entry *entry, const struct migration_facts *facts,
                        const struct contact *contact, char ret_problem[MIGRATION_TEXT_MAX])
{
    struct survey survey = { .is_known = true };

    survey.ports = calloc(count_wires(entry, facts->wires) + 1, sizeof(*survey.ports));
    if (!survey.ports) {
        text_copy(ret_problem, MIGRATION_TEXT_MAX, "out of memory");
        return false;
    }
    survey_wires(&survey, entry, facts, contact);
    keep_written(entry, &survey);
    free(entry->ports);
    entry->ports = survey.ports;
    entry->n_ports = survey.n_ports;
    entry->is_elsewhere =
        !survey.is_there || (survey.is_known && !survey.n_ports && needs_others(entry, contact));
    show_ports(entry);
    text_copy(ret_problem, MIGRATION_TEXT_MAX, survey.problem);
    return survey.is_known;
}

/* ---- How far it is --------------------------------------------------------------------------- */

/* Writes down what was not there before. */
static void note_additions(struct entry *entry, const struct inventory *module)
{
    struct vlanset added = entry->row->added;

    for (size_t i = 0; i < entry->n_ports; i++) {
        struct vlanset missing = missing_on(module, &entry->ports[i]);

        added = vlanset_union(&added, &missing);
    }
    if (vlanset_equal(&added, &entry->row->added))
        return;
    entry->row->added = added;
    entry->is_changed = true;
}

static bool is_planned(const struct entry *entry, const struct migration_facts *facts)
{
    for (size_t i = 0; i < entry->n_ports; i++) {
        const struct plan_port *plan = plan_find(facts->plan, entry->ports[i].name);
        struct vlanset missing = missing_on(facts->module, &entry->ports[i]);

        if (plan) {
            missing = vlanset_minus(&missing, &plan->write);
            missing = vlanset_minus(&missing, &plan->ready);
        }
        if (!vlanset_is_empty(&missing))
            return false;
    }
    return true;
}

/* Why a port does not carry what is needed there; "" when nothing is known to be in the way. */
static void explain_port(const struct migration_port *port, const struct migration_facts *facts,
                         char text[MIGRATION_TEXT_MAX])
{
    const struct plan_port *plan = plan_find(facts->plan, port->name);
    struct vlanset missing = missing_on(facts->module, port), refused = vlanset_empty;
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

/* What stands in the way just now. */
static void explain(const struct entry *entry, const struct migration_facts *facts,
                    char text[MIGRATION_TEXT_MAX])
{
    *text = '\0';
    for (size_t i = 0; i < entry->n_ports && !*text; i++)
        explain_port(&entry->ports[i], facts, text);
}

/* Follows plan and switch. What is there when it is looked at first was there when the destination
 * was known: nothing has been done for it yet. */
static void follow_switch(struct entry *entry, const struct migration_facts *facts)
{
    if (entry->row->verified_ms)
        return;
    if (is_carried(entry, facts->module)) {
        verify(entry, entry->was_looked_at ? facts->moment.now_ms : entry->to_ms);
        return;
    }
    note_additions(entry, facts->module);
    if (is_planned(entry, facts))
        set_time(entry, &entry->row->planned_ms, facts->moment.now_ms);
}

/* ---- How it ended ---------------------------------------------------------------------------- */

/* What was late, in numbers. */
static void count_delay(const struct entry *entry, char text[MIGRATION_TEXT_MAX])
{
    const struct migration *row = entry->row;

    snprintf(text, MIGRATION_TEXT_MAX,
             "it was announced %lld ms before it was there; its VLANs were there %lld ms after "
             "that word",
             (long long)(row->switched_over_ms - row->seen_ms),
             (long long)(row->verified_ms - row->seen_ms));
}

/* What was found first is the cause. */
static void miss(struct entry *entry, const struct migration_facts *facts, const char *problem)
{
    char text[MIGRATION_TEXT_MAX];

    text_copy(text, sizeof(text), *entry->row->reason ? entry->row->reason : problem);
    if (!*text && entry->row->verified_ms)
        count_delay(entry, text);
    else if (!*text)
        explain(entry, facts, text);
    entry_end(entry, MIGRATION_MISSED, text);
}

/* Its end was told, but not where it went: the machine's row will, as long as the move is told. */
static bool is_awaited(const struct entry *entry, const struct contact *contact)
{
    const struct migration *row = entry->row;

    return !entry->to_id &&
           inventory_find(contact->inventory, TABLE_MOVE, row->machine_id, row->move);
}

/* It is there: says whether its VLANs were there first. */
static void judge(struct entry *entry, const struct migration_facts *facts,
                  const struct contact *contact, const char *problem)
{
    const struct migration *row = entry->row;

    if (row->kind == MOVE_STORAGE) {
        entry->row->switched_over_ms = 0;
        entry_end(entry, MIGRATION_IN_TIME, "it stays on its host, only its storage moves");
    } else if (is_awaited(entry, contact)) {
        return;
    } else if (!entry->to_id) {
        entry_end(entry, MIGRATION_UNKNOWN, "its destination was never told");
    } else if (entry->is_elsewhere) {
        entry_end(entry, MIGRATION_ELSEWHERE, entry->was_late ? row->reason : "");
    } else if (row->verified_ms && row->verified_ms <= row->switched_over_ms) {
        entry_end(entry, MIGRATION_IN_TIME, entry->was_late ? row->reason : "");
    } else {
        miss(entry, facts, problem);
    }
}

/* The hypervisor says no more of a move that it had not called ended. */
static void end_without_word(struct entry *entry, const struct contact *contact,
                             struct moment moment)
{
    const struct machine *machine = entry_machine(entry, contact);
    const struct host *host =
        machine ? inventory_find(contact->inventory, TABLE_HOST, "", machine->host) : NULL;
    char text[MIGRATION_TEXT_MAX];

    if (machine && entry_has_arrived(entry, machine)) {
        entry_arrive(entry, machine->host, host ? host->name : machine->host, moment);
        return;
    }
    if (!machine)
        snprintf(text, sizeof(text), "%s says no more of it, nor of the machine", contact->name);
    else
        snprintf(text, sizeof(text), "%s says no more of it; the machine is on %.100s",
                 contact->name,
                 host             ? host->name
                 : *machine->host ? machine->host
                                  : "no host");
    entry_end(entry, MIGRATION_UNKNOWN, text);
}

/* vsnd was not there when it ended. */
static void end_unseen(struct entry *entry, const struct contact *contact)
{
    static const char reason[] = "vsnd was not running when it ended";
    const struct machine *machine = entry_machine(entry, contact);
    const struct host *host =
        machine ? inventory_find(contact->inventory, TABLE_HOST, "", machine->host) : NULL;
    char text[MIGRATION_TEXT_MAX];

    if (host && strcmp(host->name, entry->row->to) == 0 && entry->row->verified_ms) {
        entry_end(entry, MIGRATION_IN_TIME, reason);
        return;
    }
    snprintf(text, sizeof(text), "%s; the machine is on %.100s", reason,
             host ? host->name : "no known host");
    entry_end(entry, MIGRATION_UNKNOWN, text);
}

/* True when its hypervisor was read in full, and had time to tell of moves. */
static bool can_be_missed(const struct contact *contact, const struct migration_facts *facts)
{
    int64_t due_ms = contact->connected_ms + MIGRATION_GRACE_MS;

    if (!contact->connected_ms || !inventory_is_complete(contact->inventory))
        return false;
    if (facts->moment.now_ms >= due_ms)
        return true;
    if (due_ms < *facts->wake_ms)
        *facts->wake_ms = due_ms;
    return false;
}

/* Looks whether the hypervisor still tells of the move. */
static void follow_move(struct entry *entry, const struct contact *contact,
                        const struct migration_facts *facts)
{
    const struct migration *row = entry->row;

    if (row->outcome != MIGRATION_RUNNING || row->switched_over_ms || !row->move[0] ||
        inventory_find(contact->inventory, TABLE_MOVE, row->machine_id, row->move))
        return;
    if (!can_be_missed(contact, facts))
        return;
    if (entry->is_old)
        end_unseen(entry, contact);
    else
        end_without_word(entry, contact, facts->moment);
}

/* Whether there is something left to see. */
static bool is_over(const struct entry *entry, const struct contact *contact, struct moment moment)
{
    const struct migration *row = entry->row;
    const struct machine *machine = entry_machine(entry, contact);

    if (row->outcome == MIGRATION_RUNNING)
        return false;
    if (row->outcome != MIGRATION_MISSED || row->verified_ms)
        return true;
    return !machine || !entry->to_id || strcmp(machine->host, entry->to_id) != 0 ||
           moment.now_ms - entry->seen_ms >
               MIGRATION_LATE_MS + (int64_t)(row->switched_over_ms - row->seen_ms);
}

void entry_settle(struct entry *entry, const struct migration_facts *facts)
{
    const struct contact *contact = contacts_find(facts->contacts, entry->row->hypervisor);
    char problem[MIGRATION_TEXT_MAX] = "", text[MIGRATION_TEXT_MAX];

    if (!contact) {
        snprintf(text, sizeof(text), "hypervisor %s is followed no more", entry->row->hypervisor);
        if (entry->row->outcome == MIGRATION_RUNNING)
            entry_end(entry, MIGRATION_UNKNOWN, text);
        entry->is_followed = false;
        return;
    }
    follow_move(entry, contact, facts);
    if (entry->to_id && !entry->is_old && !entry->row->verified_ms) {
        if (look_around(entry, facts, contact, problem) && !entry->is_elsewhere)
            follow_switch(entry, facts);
        entry->was_looked_at = true;
    }
    if (entry->row->switched_over_ms &&
        (entry->row->outcome == MIGRATION_RUNNING || entry->row->outcome == MIGRATION_MISSED))
        judge(entry, facts, contact, problem);
    if (is_over(entry, contact, facts->moment)) {
        entry->is_followed = false;
        free(entry->ports);
        entry->ports = NULL;
        entry->n_ports = 0;
    }
}

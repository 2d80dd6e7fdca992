#include "present/reasons.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "model/names.h"

#define SENTENCES_CAP (16u << 20)

enum view_status reasons_init(struct reasons *reasons, const struct view *view)
{
    const char *name = view->argv[0];
    uint64_t vlan = 0;

    if (text_number(view->argv[1], VLAN_MIN, VLAN_MAX, &vlan) < 0) {
        strbuf_addf(view->problem, "'%s' is no VLAN: expected a number from %d to %d",
                    view->argv[1], VLAN_MIN, VLAN_MAX);
        return VIEW_USAGE;
    }
    *reasons = (struct reasons){
        .view = view,
        .config = core_config(view->core),
        .name = name,
        .vlan = (uint32_t)vlan,
        .port_config = config_port(core_config(view->core), name),
        .port = inventory_find(core_module(view->core), TABLE_PORT, "", name),
        .intent = intent_find(core_intent(view->core), name),
        .plan = plan_find(core_plan(view->core), name),
    };
    if (!reasons->port && !reasons->port_config) {
        strbuf_addf(view->problem, "the switch has no port %s, and none is configured", name);
        return VIEW_NOT_FOUND;
    }
    strbuf_init(&reasons->sentences, SENTENCES_CAP);
    return VIEW_DONE;
}

void reasons_say(struct reasons *reasons, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    int size;

    va_start(args, format);
    size = vasprintf(&text, format, args);
    va_end(args);
    if (size < 0) {
        writer_fail(reasons->view->writer);
        return;
    }
    if (strbuf_add(&reasons->sentences, text, (size_t)size + 1) == 0)
        reasons->n_sentences++;
    free(text);
}

void reasons_write(struct reasons *reasons, const char *name)
{
    struct view_names names = { 0 };
    const char *sentence = strbuf_text(&reasons->sentences);

    for (size_t i = 0; i < reasons->n_sentences; i++) {
        view_names_add(&names, sentence + strspn(sentence, " "));
        sentence += strlen(sentence) + 1;
    }
    view_names_write(&names, reasons->view->writer, name);
}

void reasons_end(struct reasons *reasons)
{
    const char *sentence = strbuf_text(&reasons->sentences);

    writer_notes_only(reasons->view->writer);
    writer_end(reasons->view->writer);
    for (size_t i = 0; i < reasons->n_sentences; i++) {
        writer_note(reasons->view->writer, "%s", sentence);
        sentence += strlen(sentence) + 1;
    }
    if (reasons->sentences.overflow)
        writer_fail(reasons->view->writer);
    strbuf_done(&reasons->sentences);
}

const char *reasons_by(const struct reasons *reasons)
{
    const struct port *port = reasons->port;

    if (!port)
        return "nobody";
    if (port->native == reasons->vlan)
        return "native";
    if (vlanset_has(&port->tagged, reasons->vlan))
        return vlanset_has(&port->owned, reasons->vlan) ? "vsn" : "hand";
    return port->open ? "open" : "nobody";
}

/* ---- The chain --------------------------------------------------------------------------------
 */

struct chain {
    struct reasons *reasons;
    const struct inventory *inventory;
    const struct wire *wire;
    const char *intro;
    size_t count;
};

static void write_need(const struct chain *chain, const struct need *need)
{
    const struct view *view = chain->reasons->view;
    struct writer *writer = view->writer;
    const struct wire *wire = chain->wire;
    char evidence[64];

    writer_object(writer, NULL);
    writer_text(writer, "hypervisor", wire->hypervisor);
    writer_text(writer, "vswitch", view_name(need->vswitch->name, need->vswitch->id));
    writer_text(writer, "network", view_name(need->network->name, need->network->id));
    writer_vlans(writer, "network_vlans", &need->vlans);
    writer_text(writer, "machine",
                need->machine ? view_name(need->machine->name, need->machine->id) : "");
    view_write_move(view, "move", chain->inventory, need->move);
    writer_text(writer, "interface", need->vmknic ? need->vmknic->id : "");
    writer_text(writer, "host", view_name(wire->host_name, wire->host));
    writer_text(writer, "nic", wire->nic);
    writer_text(writer, "wire", wire_state_word(wire->state));
    writer_text(writer, "evidence", wire_evidence_text(wire, evidence, sizeof(evidence)));
    writer_age(writer, "age_s", view_age(view, wire->since_ms));
    writer_age(writer, "seen_s", view_age(view, wire->seen_ms));
    writer_text(writer, "detail", wire->detail);
    writer_end(writer);
}

char *reasons_machine_text(const struct machine *machine, const struct move *move, char *text,
                           size_t size)
{
    const char *name = view_name(machine->name, machine->id);
    bool is_copied = move && (move->kind == MOVE_CLONE || move->kind == MOVE_DEPLOY);

    if (is_copied && move->name[0])
        snprintf(text, size, "machine \"%.300s\", a copy of \"%.300s\", on its way", move->name,
                 name);
    else if (is_copied)
        snprintf(text, size, "a copy of machine \"%.300s\", on its way", name);
    else
        snprintf(text, size, "machine \"%.300s\"%s", name, move ? ", on its way" : "");
    return text;
}

static void say_need(const struct chain *chain, const struct need *need)
{
    const struct wire *wire = chain->wire;
    char user[700] = "", machine[660], vlans[128];

    if (need->machine)
        snprintf(user, sizeof(user), " -> %s",
                 reasons_machine_text(need->machine, need->move, machine, sizeof(machine)));
    if (need->vmknic)
        snprintf(user, sizeof(user), " -> the host's own interface %.300s", need->vmknic->id);
    reasons_say(chain->reasons,
                "  hypervisor %s -> virtual switch \"%s\" -> network \"%s\" (VLAN %s)%s -> host %s "
                "-> NIC %s -> port %s",
                wire->hypervisor, view_name(need->vswitch->name, need->vswitch->id),
                view_name(need->network->name, need->network->id),
                vlanset_text(&need->vlans, vlans, sizeof(vlans)), user,
                view_name(wire->host_name, wire->host), wire->nic, wire->port);
}

char *reasons_move_text(const struct reasons *reasons, const struct inventory *inventory,
                        const struct move *move, char *text, size_t size)
{
    int64_t age = (reasons->view->wall_ms - (int64_t)move->since_ms) / 1000;
    char span[32];
    struct strbuf to;

    strbuf_init(&to, size);
    strbuf_adds(&to, record_word(TABLE_MOVE, "kind", move));
    if (move->from[0])
        strbuf_addf(&to, " from %s", view_host_name(inventory, move->from));
    if (move->to[0])
        strbuf_addf(&to, " to %s", view_host_name(inventory, move->to));
    if (move->since_ms > 0)
        strbuf_addf(&to, ", announced %s ago",
                    writer_age_text(age > 0 ? age : 0, span, sizeof(span)));
    if (move->by[0])
        strbuf_addf(&to, " by %s", move->by);
    if (move->user[0])
        strbuf_addf(&to, " of %s", move->user);
    text_copy(text, size, strbuf_text(&to));
    strbuf_done(&to);
    return text;
}

static void say_move(const struct chain *chain, const struct move *move)
{
    const char *stage = "";
    char text[1024];

    switch (move->outcome) {
    case MOVE_RUNNING:
        stage = move->to[0] ? "it is on its way"
                            : "where to is not known yet, and this host is one that it may go to";
        break;
    case MOVE_DONE:
        stage = "it is done, and its hypervisor is yet to show the machine there";
        break;
    case MOVE_FAILED:
        stage = "it failed";
        break;
    case MOVE_CANCELLED:
        stage = "it was cancelled";
        break;
    }
    reasons_say(chain->reasons, "    %s: %s",
                reasons_move_text(chain->reasons, chain->inventory, move, text, sizeof(text)),
                stage);
}

static void take_need(const struct need *need, void *data)
{
    struct chain *chain = data;

    if (!vlanset_has(&need->vlans, chain->reasons->vlan))
        return;
    if (chain->count++ == 0 && chain->intro)
        reasons_say(chain->reasons, "%s", chain->intro);
    chain->reasons->n_moves += need->move != NULL;
    write_need(chain, need);
    say_need(chain, need);
    if (need->move)
        say_move(chain, need->move);
}

static void say_wire(struct reasons *reasons, const struct wire *wire)
{
    char evidence[64], age[32];

    wire_evidence_text(wire, evidence, sizeof(evidence));
    reasons_say(reasons, "    wire %s (%s) for %s: %s", wire_state_word(wire->state), evidence,
                writer_age_text(view_age(reasons->view, wire->since_ms), age, sizeof(age)),
                wire->detail);
}

size_t reasons_needs(struct reasons *reasons, const struct wire *wire, const char *intro,
                     struct error *reterr)
{
    struct chain chain = { .reasons = reasons, .wire = wire, .intro = intro };
    struct core_hypervisor hypervisor;

    if (!view_hypervisor(reasons->view, wire->hypervisor, &hypervisor) || !hypervisor.inventory)
        return 0;
    chain.inventory = hypervisor.inventory;
    demand_of_nic(hypervisor.inventory, hypervisor.config->provision, wire->host, wire->nic,
                  take_need, &chain, reterr);
    if (chain.count > 0)
        say_wire(reasons, wire);
    return chain.count;
}

/* ---- Uplinks ----------------------------------------------------------------------------------
 */

static bool needs_uplink(const struct reasons *reasons, const char *port)
{
    const struct config_port *config = config_port(reasons->config, port);
    const struct port_intent *intent = intent_find(core_intent(reasons->view->core), port);
    const struct port *row = inventory_find(core_module(reasons->view->core), TABLE_PORT, "", port);

    if (config && config->uplink)
        return false;
    return (intent && vlanset_has(&intent->wanted, reasons->vlan)) ||
           (row && (vlanset_has(&row->tagged, reasons->vlan) || row->native == reasons->vlan));
}

size_t reasons_for_ports(struct reasons *reasons, const char *intro)
{
    struct view_names names = { 0 };
    struct strbuf text;
    size_t count;

    strbuf_init(&text, SENTENCES_CAP);
    if (reasons->port_config && reasons->port_config->uplink) {
        const struct intent *intent = core_intent(reasons->view->core);

        for (size_t i = 0; i < intent->count; i++)
            if (needs_uplink(reasons, intent->ports[i].port->name))
                view_names_add(&names, intent->ports[i].port->name);
        INVENTORY_EACH(core_module(reasons->view->core), port, TABLE_PORT, NULL)
        {
            if (!intent_find(intent, port->id) && needs_uplink(reasons, port->id))
                view_names_add(&names, port->id);
        }
    }
    for (size_t i = 0; i < names.count; i++)
        strbuf_addf(&text, "%s%s", i > 0 ? ", " : "", names.items[i]);
    count = names.count;
    view_names_write(&names, reasons->view->writer, "for_ports");
    if (count > 0 && intro)
        reasons_say(reasons, "%s %s.", intro, strbuf_text(&text));
    strbuf_done(&text);
    return count;
}

/* ---- The port ---------------------------------------------------------------------------------
 */

void reasons_down(struct reasons *reasons)
{
    const struct port *port = reasons->port;
    const char *what = view_down(reasons->plan);

    if (port && !port->enabled && port->link != LINK_UP)
        reasons_say(reasons, "Nothing passes through %s now: %s.", reasons->name,
                    what ? what : "it is down");
}

/* ---- The ledger of moves ----------------------------------------------------------------------
 */

bool reasons_last_move(struct reasons *reasons)
{
    const struct migrations *migrations = core_migrations(reasons->view->core);
    const struct migration *move;

    for (size_t i = 0; (move = migrations_find(migrations, i)); i++) {
        int64_t age = (reasons->view->wall_ms - (int64_t)move->seen_ms) / 1000;
        char span[32];

        if (!names_has(move->ports, reasons->name) || !vlanset_has(&move->vlans, reasons->vlan))
            continue;
        if (move->outcome != MIGRATION_FAILED && move->outcome != MIGRATION_CANCELLED)
            return false;
        reasons_say(
            reasons,
            "The last to ask for it was machine \"%s\": its move (%s%s%s to %s), announced %s "
            "ago%s%s, %s%s%s.",
            move->machine, record_word(TABLE_MIGRATION, "kind", move),
            move->from[0] ? " from " : "", move->from, move->to,
            writer_age_text(age > 0 ? age : 0, span, sizeof(span)), move->by[0] ? " by " : "",
            move->by, move->outcome == MIGRATION_FAILED ? "failed" : "was cancelled",
            move->reason[0] ? ": " : "", move->reason);
        return true;
    }
    return false;
}

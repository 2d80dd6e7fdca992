#include "present/reasons.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

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
    const struct wire *wire;
    const char *intro;
    size_t count;
};

static void write_need(const struct chain *chain, const struct need *need)
{
    struct writer *writer = chain->reasons->view->writer;
    const struct wire *wire = chain->wire;
    char evidence[64];

    writer_object(writer, NULL);
    writer_text(writer, "hypervisor", wire->hypervisor);
    writer_text(writer, "vswitch", view_name(need->vswitch->name, need->vswitch->id));
    writer_text(writer, "network", view_name(need->network->name, need->network->id));
    writer_vlans(writer, "network_vlans", &need->vlans);
    writer_text(writer, "machine",
                need->machine ? view_name(need->machine->name, need->machine->id) : "");
    writer_text(writer, "interface", need->vmknic ? need->vmknic->id : "");
    writer_text(writer, "host", view_name(wire->host_name, wire->host));
    writer_text(writer, "nic", wire->nic);
    writer_text(writer, "wire", wire_state_word(wire->state));
    writer_text(writer, "evidence", wire_evidence_text(wire, evidence, sizeof(evidence)));
    writer_text(writer, "detail", wire->detail);
    writer_end(writer);
}

static void say_need(const struct chain *chain, const struct need *need)
{
    const struct wire *wire = chain->wire;
    char user[400] = "", vlans[128];

    if (need->machine)
        snprintf(user, sizeof(user), " -> machine \"%.300s\"",
                 view_name(need->machine->name, need->machine->id));
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

static void take_need(const struct need *need, void *data)
{
    struct chain *chain = data;

    if (!vlanset_has(&need->vlans, chain->reasons->vlan))
        return;
    if (chain->count++ == 0 && chain->intro)
        reasons_say(chain->reasons, "%s", chain->intro);
    write_need(chain, need);
    say_need(chain, need);
}

size_t reasons_needs(struct reasons *reasons, const struct wire *wire, const char *intro,
                     struct error *reterr)
{
    struct chain chain = { .reasons = reasons, .wire = wire, .intro = intro };
    struct core_hypervisor hypervisor;
    char evidence[64];

    if (!view_hypervisor(reasons->view, wire->hypervisor, &hypervisor) || !hypervisor.inventory)
        return 0;
    demand_of_nic(hypervisor.inventory, hypervisor.config->provision, wire->host, wire->nic,
                  take_need, &chain, reterr);
    if (chain.count > 0)
        reasons_say(reasons, "    wire %s (%s): %s", wire_state_word(wire->state),
                    wire_evidence_text(wire, evidence, sizeof(evidence)), wire->detail);
    return chain.count;
}

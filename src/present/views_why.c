/* why PORT VLAN: the chain of reasons for a VLAN that is there. */
#include <stdio.h>
#include <string.h>

#include "present/reasons.h"

/* When vsn last added it there, milliseconds since the epoch; 0: the audit does not have it. */
static int64_t added_ms(const struct reasons *reasons)
{
    const struct audit *entry;

    for (size_t i = 0; (entry = core_audit(reasons->view->core, i)); i++)
        if (strcmp(entry->port, reasons->name) == 0 && vlanset_has(&entry->added, reasons->vlan))
            return (int64_t)entry->at_ms;
    return 0;
}

static void say_ours(struct reasons *reasons)
{
    int64_t added = added_ms(reasons), age = (reasons->view->wall_ms - added) / 1000;
    char span[32];

    if (added > 0)
        reasons_say(reasons, "VLAN %u is tagged on %s, and vsn added it %s ago.", reasons->vlan,
                    reasons->name, writer_age_text(age > 0 ? age : 0, span, sizeof(span)));
    else
        reasons_say(reasons, "VLAN %u is tagged on %s, and vsn added it.", reasons->vlan,
                    reasons->name);
}

static void say_who(struct reasons *reasons, const char *by)
{
    uint32_t vlan = reasons->vlan;

    if (strcmp(by, "vsn") == 0)
        say_ours(reasons);
    else if (strcmp(by, "hand") == 0)
        reasons_say(
            reasons,
            "VLAN %u is tagged on %s by somebody else's hand: vsn did not add it, and never "
            "takes it away.",
            vlan, reasons->name);
    else if (strcmp(by, "native") == 0)
        reasons_say(reasons,
                    "VLAN %u is the native (untagged) VLAN of %s, which vsn never changes.", vlan,
                    reasons->name);
    else if (strcmp(by, "open") == 0)
        reasons_say(reasons,
                    "%s carries every VLAN, %u among them: it has no list of VLANs, and vsn leaves "
                    "it alone.",
                    reasons->name, vlan);
    else
        reasons_say(reasons,
                    "VLAN %u is not carried on %s. 'vsn why-not %s %u' says what is missing.", vlan,
                    reasons->name, reasons->name, vlan);
}

/* Every need of every wire of the port that VLANs are taken from. */
static size_t say_needs(struct reasons *reasons, const char *intro)
{
    const struct wires *wires = core_wires(reasons->view->core);
    size_t total = 0;

    writer_array(reasons->view->writer, "needs");
    for (size_t i = 0; i < wires->count; i++) {
        const struct wire *wire = &wires->wires[i];
        struct error error = { "" };
        size_t count;

        if (strcmp(wire->port, reasons->name) != 0 ||
            !wire_is_trusted(wire, reasons->config->evidence))
            continue;
        count = reasons_needs(reasons, wire, total == 0 ? intro : NULL, &error);
        if (error.text[0])
            reasons_say(reasons, "  not all of it is known: hypervisor %s: %s", wire->hypervisor,
                        error.text);
        total += count;
    }
    writer_end(reasons->view->writer);
    return total;
}

/* What would have to happen for vsn to take it away. */
static void say_removal(struct reasons *reasons)
{
    const struct config *config = reasons->config;

    if (vlanset_has(&config->protected_vlans, reasons->vlan))
        reasons_say(reasons, "It is never taken away, as 'vlan protect' names it.");
    else if (reasons->plan && vlanset_has(&reasons->plan->surplus, reasons->vlan))
        reasons_say(reasons,
                    "There is not room for all that is needed, and this is for %s only: it gives "
                    "way to what is more important, as cautiously as if nobody needed it.",
                    rank_words(rank_of(reasons->intent->ranks, reasons->vlan)));
    else if (config->prune == PRUNE_NEVER)
        reasons_say(reasons, "It is never taken away, as 'prune never' is configured.");
    else if (config->prune == PRUNE_IMMEDIATE)
        reasons_say(reasons, "It goes as soon as the last of these needs is provably gone and no "
                             "station's MAC address is left in it on the port.");
    else
        reasons_say(reasons,
                    "It goes when the last of these needs has provably been gone for %u s, no "
                    "station's MAC address is left in it on the port, and the budget of %u "
                    "removals a minute allows it.",
                    config->hold_down_s, config->budget_per_minute);
}

/* What becomes of it with a machine that is on its way. */
static void say_moves(struct reasons *reasons)
{
    const struct config *config = reasons->config;

    if (reasons->n_moves == 0)
        return;
    if (config->prune == PRUNE_GUARDED)
        reasons_say(reasons,
                    "A machine on its way needs it until it has arrived, and then because it is "
                    "there; when its move fails, those %u s begin.",
                    config->hold_down_s);
    else
        reasons_say(reasons, "A machine on its way needs it until it has arrived, and then because "
                             "it is there; when its move fails, that need is gone.");
}

/* vsn added it, and no need is known. */
static void say_waiting(struct reasons *reasons)
{
    char reason[512] = "";

    if (!reasons->plan) {
        reasons_say(reasons, "The port is no longer enabled for vsn: what vsn added there is left "
                             "as it is.");
        return;
    }
    if (vlanset_has(&reasons->plan->remove, reasons->vlan)) {
        reasons_say(reasons, "Nobody needs it any more: it is being taken away now.");
        return;
    }
    reasons_last_move(reasons);
    guard_reason(core_guard(reasons->view->core), reasons->name, reasons->vlan, reason,
                 sizeof(reason));
    if (!reason[0] && reasons->intent->reason[0])
        reasons_say(reasons, "No need for it is known now. It stays: %s.", reasons->intent->reason);
    else if (reason[0])
        reasons_say(reasons, "No need for it is known now. It stays: %s.", reason);
    else
        reasons_say(reasons, "No need for it is known now.");
}

/* A port to another switch carries what the other ports need. */
static void say_uplink(struct reasons *reasons, const char *by)
{
    char intro[160];
    size_t ports;

    writer_array(reasons->view->writer, "needs");
    writer_end(reasons->view->writer);
    snprintf(intro, sizeof(intro), "It is an uplink, and carries VLAN %u for", reasons->vlan);
    ports = reasons_for_ports(reasons, intro);
    if (ports > 0)
        reasons_say(reasons, "'vsn why PORT %u' says who needs it there.", reasons->vlan);
    if (strcmp(by, "vsn") != 0)
        return;
    if (ports == 0)
        say_waiting(reasons);
    else if (reasons->config->prune == PRUNE_NEVER)
        reasons_say(reasons, "It is never taken away, as 'prune never' is configured.");
    else
        reasons_say(
            reasons,
            "An uplink gives it back last: when no port of this switch carries it any more, "
            "and every hypervisor has provably not wanted it%s.",
            reasons->config->prune == PRUNE_IMMEDIATE ? "" : " for the hold-down");
}

static void say_why(struct reasons *reasons, const char *by)
{
    bool wanted = reasons->intent && vlanset_has(&reasons->intent->needed, reasons->vlan);
    bool ours = strcmp(by, "vsn") == 0;
    size_t needs;

    needs = say_needs(reasons, ours ? "It is needed:" : "It is needed there, too:");
    if (ours && (needs > 0 || wanted)) {
        say_removal(reasons);
        say_moves(reasons);
    } else if (ours) {
        say_waiting(reasons);
    }
}

enum view_status view_why(const struct view *view)
{
    struct reasons reasons;
    enum view_status status = reasons_init(&reasons, view);
    const char *by;
    bool carried;

    if (status != VIEW_DONE)
        return status;
    by = reasons_by(&reasons);
    carried = strcmp(by, "nobody") != 0;
    writer_object(view->writer, NULL);
    writer_text(view->writer, "port", reasons.name);
    writer_number(view->writer, "vlan", reasons.vlan);
    writer_flag(view->writer, "carried", carried);
    writer_text(view->writer, "by", by);
    writer_time(view->writer, "added_ms", strcmp(by, "vsn") == 0 ? added_ms(&reasons) : 0);
    say_who(&reasons, by);
    if (carried && reasons.port_config && reasons.port_config->uplink) {
        say_uplink(&reasons, by);
    } else {
        if (carried)
            say_why(&reasons, by);
        reasons_for_ports(&reasons, NULL);
    }
    if (carried)
        reasons_down(&reasons);
    reasons_write(&reasons, "sentences");
    reasons_end(&reasons);
    return carried ? VIEW_DONE : VIEW_NOT_FOUND;
}

#include "present/views.h"

#include <stdlib.h>
#include <string.h>

bool view_hypervisor(const struct view *view, const char *name, struct core_hypervisor *ret)
{
    for (size_t i = 0; i < core_hypervisors(view->core); i++) {
        struct core_hypervisor hypervisor = core_hypervisor(view->core, i);

        if (strcmp(hypervisor.config->name, name) == 0) {
            *ret = hypervisor;
            return true;
        }
    }
    return false;
}

const struct switch_status *view_switch_status(const struct view *view)
{
    return inventory_next(core_module(view->core), TABLE_SWITCH, NULL, NULL);
}

void view_note_switch(const struct view *view)
{
    const struct switch_status *status = view_switch_status(view);

    if (!status)
        writer_note(view->writer, "The switch has not been read yet: nothing is written.");
    else if (status->state != SWITCH_READY)
        writer_note(view->writer, "The switch is not reachable, nothing is written: %s",
                    status->reason[0] ? status->reason : "no reason was given");
    else if (status->frozen)
        writer_note(view->writer, "Frozen by the operator: nothing is written until 'vsn thaw'.");
}

struct vlanset view_hand_made(const struct port *port)
{
    return vlanset_minus(&port->tagged, &port->owned);
}

struct vlanset view_applied(const struct port *port)
{
    return vlanset_both(&port->tagged, &port->owned);
}

const char *view_mode(const struct view *view, const struct plan_port *plan)
{
    const struct port_intent *intent =
        plan ? intent_find(core_intent(view->core), plan->port->name) : NULL;

    if (plan && plan->mode == MODE_CONFIG)
        return "config";
    return intent && intent->may_add ? "check" : "";
}

const char *view_down(const struct plan_port *plan)
{
    if (plan && plan->is_shut)
        return "it is down: vsn brought it up once, and somebody shut it again";
    if (plan && plan->bring_up)
        return "it is down, and will be brought up";
    if (plan && plan->is_down)
        return "it is down, and needed: 'port auto-enable' would bring it up";
    return NULL;
}

int64_t view_age(const struct view *view, int64_t then_ms)
{
    return then_ms == 0 ? -1 : (view->now_ms - then_ms) / 1000;
}

const char *view_name(const char *name, const char *id)
{
    return name[0] ? name : id;
}

const char *view_host_name(const struct inventory *inventory, const char *id)
{
    const struct host *host = inventory_find(inventory, TABLE_HOST, "", id);

    return host ? view_name(host->name, host->id) : id;
}

void view_write_move(const struct view *view, const char *name, const struct inventory *inventory,
                     const struct move *move)
{
    struct writer *writer = view->writer;

    if (!move) {
        writer_nothing(writer, name);
        return;
    }
    writer_object(writer, name);
    writer_text(writer, "kind", record_word(TABLE_MOVE, "kind", move));
    writer_text(writer, "outcome", record_word(TABLE_MOVE, "outcome", move));
    writer_text(writer, "from", view_host_name(inventory, move->from));
    writer_text(writer, "to", view_host_name(inventory, move->to));
    writer_text(writer, "name", move->name);
    writer_text(writer, "by", move->by);
    writer_text(writer, "user", move->user);
    writer_time(writer, "since_ms", (int64_t)move->since_ms);
    writer_end(writer);
}

void view_names_add(struct view_names *names, const char *name)
{
    if (names->count == names->space) {
        size_t space = names->space ? 2 * names->space : 16;
        const char **items = realloc(names->items, space * sizeof(*items));

        if (!items) {
            names->failed = true;
            return;
        }
        names->items = items;
        names->space = space;
    }
    names->items[names->count++] = name;
}

void view_names_write(struct view_names *names, struct writer *writer, const char *name)
{
    if (names->failed)
        writer_fail(writer);
    writer_list(writer, name, names->items, names->count);
    free(names->items);
    *names = (struct view_names){ 0 };
}

#include "switch/validate.h"

#include <stdarg.h>
#include <stdio.h>

void problem_add(struct strbuf *problem, const char *format, ...)
{
    char text[ERROR_SIZE + 64];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (problem->size)
        strbuf_adds(problem, "; ");
    strbuf_adds(problem, text);
}

static void refuse(struct strbuf *problem, const struct vlanset *vlans, const char *why)
{
    char text[128];

    if (!vlanset_is_empty(vlans))
        problem_add(problem, "VLAN %s %s", vlanset_text(vlans, text, sizeof(text)), why);
}

/* Why nothing at all may be written to the port; NULL when something may. */
static bool port_is_barred(const struct change *change, const struct validate_view *view,
                           struct strbuf *problem)
{
    const struct port *port = view->port;

    if (view->frozen)
        problem_add(problem, "frozen: nothing is written while %s exists", view->frozen);
    else if (!port)
        problem_add(problem, "the switch has no port %s", change->port);
    else if (!view->policy)
        problem_add(problem, "port %s is not enabled for vsn", change->port);
    else if (port->refusal && *port->refusal)
        problem_add(problem, "%s", port->refusal);
    else if (port->open)
        problem_add(problem, "port %s carries every VLAN and is left alone", change->port);
    else
        return false;
    return true;
}

bool verdict_is_empty(const struct verdict *verdict)
{
    return vlanset_is_empty(&verdict->add) && vlanset_is_empty(&verdict->remove);
}

/* Whether the port is to be brought up. What is up needs nothing. */
static bool may_enable(const struct change *change, const struct validate_view *view,
                       struct strbuf *problem)
{
    if (!change->enable || view->port->enabled)
        return false;
    if (!view->policy->may_enable)
        problem_add(problem, "port %s may not be brought up: it has no 'port auto-enable'",
                    change->port);
    else if (view->port->brought_up)
        problem_add(problem, "port %s was brought up by vsn before and shut again: it stays down",
                    change->port);
    else if (!view->can_enable)
        problem_add(problem, "port %s is down, and vsn cannot bring ports of this switch up",
                    change->port);
    else
        return true;
    return false;
}

struct verdict validate_change(const struct change *change, const struct validate_view *view,
                               struct strbuf *problem)
{
    struct vlanset add = change->add, remove, native = vlanset_empty, refused;

    if (port_is_barred(change, view, problem))
        return (struct verdict){ .add = vlanset_empty };

    add = vlanset_minus(&add, &view->port->tagged);
    vlanset_add(&native, (uint32_t)view->port->native);
    refused = vlanset_both(&add, &native);
    refuse(problem, &refused, "is the native VLAN there");
    add = vlanset_minus(&add, &native);
    refused = vlanset_minus(&add, &view->policy->allowed);
    refuse(problem, &refused, "is not allowed there");
    add = vlanset_minus(&add, &refused);

    refused = vlanset_both(&change->remove, &native);
    refuse(problem, &refused, "is the native VLAN there and stays");
    remove = vlanset_both(&change->remove, &view->port->tagged);
    remove = vlanset_minus(&remove, &native);
    refused = vlanset_both(&remove, &change->add);
    refuse(problem, &refused, "is named for addition and for removal: kept");
    remove = vlanset_minus(&remove, &change->add);
    refused = vlanset_minus(&remove, &view->owned);
    refuse(problem, &refused, "was not added by vsn and stays");
    remove = vlanset_both(&remove, &view->owned);
    return (struct verdict){ .add = add,
                             .remove = remove,
                             .enable = may_enable(change, view, problem) };
}

#include "switch/sonic_judge.h"

#include <stdio.h>

#include "switch/validate.h"

const char *sonic_judge_port(const struct sonic_port *port, char text[SONIC_REFUSAL_MAX])
{
    const char *name = port->name;

    text[0] = '\0';
    if (*port->channel)
        snprintf(text, SONIC_REFUSAL_MAX, "%s is part of %s, and VLANs belong there", name,
                 port->channel);
    else if (port->is_routed)
        snprintf(text, SONIC_REFUSAL_MAX,
                 "%s is a router interface; take its addresses away (show ip interfaces, config "
                 "interface ip remove %s ADDRESS)",
                 name, name);
    else if (port->mode == SONIC_MODE_ROUTED || port->mode == SONIC_MODE_ACCESS)
        snprintf(
            text, SONIC_REFUSAL_MAX,
            "%s is in mode %s, which takes no tagged VLAN and is not changed; make it a trunk: "
            "config switchport mode trunk %s",
            name, port->mode == SONIC_MODE_ROUTED ? "routed" : "access", name);
    else if (*port->mirror)
        snprintf(text, SONIC_REFUSAL_MAX, "%s is the destination of mirror session %s", name,
                 port->mirror);
    return text;
}

/* Says that 'vlans', if any, cannot be written. '%s' in the format is the list of them. */
static void refuse(struct vlanset *add, const struct vlanset *vlans, struct strbuf *problem,
                   const char *before, const char *after)
{
    struct vlanset refused = vlanset_both(add, vlans);
    char text[128];

    if (vlanset_is_empty(&refused))
        return;
    problem_add(problem, "%sVLAN %s %s", before, vlanset_text(&refused, text, sizeof(text)), after);
    *add = vlanset_minus(add, &refused);
}

struct vlanset sonic_judge_vlans(const struct sonic_view *view, const struct sonic_port *port,
                                 const struct vlanset *add, struct strbuf *problem)
{
    struct vlanset first = vlanset_empty, absent = vlanset_all(), good = *add;
    char before[SONIC_NAME_MAX + 8];

    snprintf(before, sizeof(before), "%s: ", port->name);
    vlanset_add(&first, 1);
    refuse(&good, &first, problem, before, "is SONiC's default VLAN, which has no members");
    absent = vlanset_minus(&absent, &view->vlans);
    refuse(&good, &absent, problem, "",
           "does not exist on this switch; create it there: config vlan add");
    refuse(&good, &port->untagged, problem, before, "is untagged there, which is not changed");
    refuse(&good, &port->odd, problem, before, "has a tagging_mode that SONiC does not know");
    return good;
}

#include "programs/sim/invariants.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void invariants_init(struct invariants *invariants, const struct world *world)
{
    memset(invariants, 0, sizeof(*invariants));
    invariants->grace_ms = (int64_t)world->hold_down_s * 700 + 120000;
    invariants->looked_at = UINT64_MAX;
}

void invariants_restart(struct invariants *invariants)
{
    memset(invariants->seen, 0, sizeof(invariants->seen));
    invariants->n_removals = 0;
}

static bool broken(struct invariants *invariants, const char *format, ...) PRINTF_LIKE(2, 3);

static bool broken(struct invariants *invariants, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(invariants->broken, sizeof(invariants->broken), format, args);
    va_end(args);
    return false;
}

static const char *port_name(unsigned port, char text[16])
{
    snprintf(text, 16, "swp%u", port);
    return text;
}

/* ---- Looking --------------------------------------------------------------------------------- */

/* What hypervisor 'h' needs on 'port', if a NIC of its is there. */
static struct vlanset needs_of(const struct world *world, unsigned h, unsigned port)
{
    struct vlanset needs = vlanset_empty;

    for (unsigned host = 0; host < SIM_HOSTS; host++)
        for (unsigned nic = 0; nic < SIM_NICS; nic++)
            if (world->hypervisors[h].hosts[host].exists &&
                world_port_of(world, h, host, nic) == (int)port)
                needs = world_demand(world, h, host, nic, port);
    return needs;
}

static void look_at_needs(struct invariants *invariants, const struct world *world, int64_t now_ms)
{
    for (unsigned port = 0; port < SIM_PORTS; port++)
        for (unsigned h = 0; h < world->n_hypervisors; h++) {
            struct vlanset needs = needs_of(world, h, port);

            for (uint32_t i = 0; i < SIM_VLANS; i++) {
                int64_t *since = &invariants->needed_ms[port][h][i];

                if (!vlanset_has(&needs, SIM_VLAN_FIRST + i))
                    *since = 0;
                else if (*since == 0)
                    *since = now_ms;
            }
        }
}

static bool is_trusted_wire(const struct core *core, const char *port, const char *hypervisor,
                            const char *host, const char *nic)
{
    const struct wires *wires = core_wires(core);

    for (size_t i = 0; i < wires->count; i++) {
        const struct wire *wire = &wires->wires[i];

        if (wire_is_trusted(wire, EVIDENCE_NORMAL) && strcmp(wire->port, port) == 0 &&
            strcmp(wire->hypervisor, hypervisor) == 0 &&
            (!host || (strcmp(wire->host, host) == 0 && strcmp(wire->nic, nic) == 0)))
            return true;
    }
    return false;
}

static void look_at_wires(struct invariants *invariants, const struct world *world,
                          const struct core *core, unsigned port)
{
    unsigned owner, index, nic;
    char name[16], host[16], device[16];
    bool is_there = world_behind(world, port, &owner, &index, &nic);

    for (unsigned h = 0; h < world->n_hypervisors; h++) {
        bool is_here = is_there && (h == owner || (world->hypervisors[h].twin && owner == 0 &&
                                                   world->hypervisors[h].hosts[index].exists));

        if (!is_here) {
            invariants->seen[port][h] = false;
            continue;
        }
        snprintf(host, sizeof(host), "host-%u", index);
        snprintf(device, sizeof(device), "vmnic%u", nic);
        invariants->seen[port][h] |=
            is_trusted_wire(core, port_name(port, name), world->hypervisors[h].name, host, device);
    }
}

void invariants_look(struct invariants *invariants, const struct world *world,
                     const struct core *core, int64_t now_ms)
{
    if (invariants->looked_at != world->changes) {
        /* Whoever was seen behind a port may have been replaced by another since. */
        for (unsigned port = 0; port < SIM_PORTS; port++) {
            unsigned h, host, nic;

            if (world_behind(world, port, &h, &host, &nic) &&
                world_nic(world, h, host, nic)->moved_ms == now_ms)
                memset(invariants->seen[port], 0, sizeof(invariants->seen[port]));
        }
        look_at_needs(invariants, world, now_ms);
        invariants->looked_at = world->changes;
    }
    for (unsigned port = 0; port < SIM_PORTS; port++)
        look_at_wires(invariants, world, core, port);
}

/* ---- Judging --------------------------------------------------------------------------------- */

/* A port to another switch has no wire: it may carry what the fences allow, once anybody is in
 * 'mode config'. */
static struct vlanset fence_of_uplink(const struct world *world)
{
    for (unsigned h = 0; h < world->n_hypervisors; h++)
        if (world->hypervisors[h].mode == MODE_CONFIG)
            return vlanset_all();
    return vlanset_empty;
}

static bool judge_addition(struct invariants *invariants, const struct world *world,
                           const struct core *core, const struct switch_change *change)
{
    struct vlanset fence = vlanset_empty, beyond;
    char name[16], text[128];
    bool in_config = false;

    port_name(change->port, name);
    for (size_t i = 0; i < core_wires(core)->count; i++)
        if (strcmp(core_wires(core)->wires[i].port, name) == 0 &&
            core_wires(core)->wires[i].state == WIRE_CONFLICT && !vlanset_is_empty(&change->add))
            return broken(invariants, "I1: %s is in conflict, and VLANs are added", name);
    for (unsigned h = 0; h < world->n_hypervisors; h++)
        if (is_trusted_wire(core, name, world->hypervisors[h].name, NULL, NULL) &&
            world->hypervisors[h].mode == MODE_CONFIG) {
            fence = vlanset_union(&fence, &world->hypervisors[h].allowed);
            in_config = true;
        }
    if ((int)change->port == world->uplink)
        fence = fence_of_uplink(world);
    fence = vlanset_both(&fence, &world->ports[change->port].allowed);
    fence = vlanset_minus(&fence, &world->protected_vlans);
    vlanset_remove(&fence, world->ports[change->port].native);
    beyond = vlanset_minus(&change->add, &fence);
    if (!vlanset_is_empty(&beyond))
        return broken(invariants, "%s: VLAN %s is added on %s", in_config ? "I1" : "I1 or I7",
                      vlanset_text(&beyond, text, sizeof(text)), name);
    return true;
}

static bool judge_owner(struct invariants *invariants, const struct world *world, unsigned port,
                        uint32_t vlan, int64_t now_ms)
{
    for (unsigned h = 0; h < world->n_hypervisors; h++) {
        int64_t since = vlan - SIM_VLAN_FIRST < SIM_VLANS
                            ? invariants->needed_ms[port][h][vlan - SIM_VLAN_FIRST]
                            : 0;

        if (since == 0)
            continue;
        if (invariants->seen[port][h] && now_ms - since > invariants->grace_ms)
            return broken(invariants,
                          "I3: VLAN %u is removed from swp%u, and %s has needed it for "
                          "%lld s",
                          vlan, port, world->hypervisors[h].name,
                          (long long)(now_ms - since) / 1000);
        invariants->raced++;
    }
    return true;
}

static size_t owned_pairs(const struct core *core)
{
    size_t pairs = 0;

    INVENTORY_EACH(core_module(core), port, TABLE_PORT, NULL)
    pairs += vlanset_count(&port->owned);
    return pairs;
}

static bool judge_budget(struct invariants *invariants, const struct world *world,
                         const struct core *core, int64_t now_ms)
{
    const size_t kept = ARRAY_SIZE(invariants->removals);
    size_t share = owned_pairs(core) * 30 / 100, minute = 0, hour = 0;

    invariants->removals[invariants->n_removals++ % kept] = now_ms;
    for (uint64_t i = invariants->n_removals > kept ? invariants->n_removals - kept : 0;
         i < invariants->n_removals; i++) {
        minute += invariants->removals[i % kept] > now_ms - 60000;
        hour += invariants->removals[i % kept] > now_ms - 3600000;
    }
    if (share < world->budget)
        share = world->budget;
    if (minute > world->budget || hour > share)
        return broken(invariants, "I4: %zu removals within a minute, %zu within an hour", minute,
                      hour);
    return true;
}

static bool judge_removal(struct invariants *invariants, const struct world *world,
                          const struct core *core, const struct switch_change *change,
                          uint32_t vlan, int64_t now_ms)
{
    char name[16];
    const struct port *told =
        inventory_find(core_module(core), TABLE_PORT, "", port_name(change->port, name));

    if (vlanset_has(&world->protected_vlans, vlan))
        return broken(invariants, "I2: VLAN %u is protected, and removed from %s", vlan, name);
    if (vlan == world->ports[change->port].native)
        return broken(invariants, "I2: VLAN %u is native on %s, and removed", vlan, name);
    if (!told || !vlanset_has(&told->owned, vlan))
        return broken(invariants, "I2: VLAN %u on %s is not ours, and removed", vlan, name);
    return judge_owner(invariants, world, change->port, vlan, now_ms) &&
           judge_budget(invariants, world, core, now_ms);
}

bool invariants_judge(struct invariants *invariants, const struct world *world,
                      const struct faults *faults, const struct core *core,
                      const struct switch_change *change, int64_t now_ms)
{
    if (!judge_addition(invariants, world, core, change))
        return false;
    for (uint32_t vlan = vlanset_next(&change->remove, VLAN_MIN); vlan;
         vlan = vlanset_next(&change->remove, vlan + 1)) {
        for (unsigned h = 0; h < world->n_hypervisors; h++)
            if (!faults->sessions[h].synced)
                return broken(invariants, "I5: VLAN %u is removed from swp%u, and %s was not read",
                              vlan, change->port, world->hypervisors[h].name);
        if (!judge_removal(invariants, world, core, change, vlan, now_ms))
            return false;
    }
    return true;
}

/* ---- The end --------------------------------------------------------------------------------- */

/* A wire of which only a memory is left keeps its port as it is. */
static bool is_held(const struct core *core, const char *port)
{
    const struct wires *wires = core_wires(core);

    for (size_t i = 0; i < wires->count; i++)
        if (strcmp(wires->wires[i].port, port) == 0 &&
            (wires->wires[i].state == WIRE_LOST || wires->wires[i].state == WIRE_CONFLICT))
            return true;
    return false;
}

static bool converged_port(struct invariants *invariants, const struct world *world,
                           const struct core *core, const struct switch_model *model, unsigned port)
{
    const struct switch_port *at = &model->ports[port];
    struct vlanset in_config, needs = world_needs(world, port, &in_config), missing, idle;
    unsigned owner, host, nic;
    char name[16], text[128], why[256];

    port_name(port, name);
    /* A NIC that neither speaks nor listens may show in the MAC table, or be known to nobody. */
    if (world_behind(world, port, &owner, &host, &nic) &&
        !world_nic(world, owner, host, nic)->speaks && !world_nic(world, owner, host, nic)->listens)
        return true;
    missing = vlanset_minus(&in_config, &at->tagged);
    vlanset_remove(&missing, world->ports[port].native);
    if (!vlanset_is_empty(&missing))
        return broken(invariants, "I6: at the end %s needs VLAN %s and does not carry it", name,
                      vlanset_text(&missing, text, sizeof(text)));
    idle = vlanset_both(&at->owned, &at->tagged);
    idle = vlanset_minus(&idle, &needs);
    idle = vlanset_minus(&idle, &at->learnt);
    /* Where nobody is behind a port, or nobody who needs anything, or only those who may not be
     * written for, it stays. */
    if (vlanset_is_empty(&idle) || vlanset_is_empty(&needs) ||
        !world_behind(world, port, &owner, &host, &nic) || is_held(core, name) ||
        (vlanset_is_empty(&in_config) && owner > 0 && world->hypervisors[owner].mode == MODE_CHECK))
        return true;
    if (world->hypervisors[owner].hosts[host].connection != CONNECTION_CONNECTED)
        return true;
    return broken(
        invariants, "I6: at the end %s still carries VLAN %s, which nobody needs (%s)", name,
        vlanset_text(&idle, text, sizeof(text)),
        guard_reason(core_guard(core), name, vlanset_next(&idle, VLAN_MIN), why, sizeof(why)));
}

bool invariants_converged(struct invariants *invariants, const struct world *world,
                          const struct core *core, const struct switch_model *model)
{
    for (unsigned port = 0; port < SIM_PORTS; port++)
        if (!converged_port(invariants, world, core, model, port))
            return false;
    return true;
}

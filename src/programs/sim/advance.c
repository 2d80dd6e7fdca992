#include "programs/sim/advance.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "reconcile/contact.h"

void advance_init(struct advance *advance)
{
    memset(advance, 0, sizeof(*advance));
}

void advance_restart(struct advance *advance)
{
    memset(advance->watches, 0, sizeof(advance->watches));
    memset(advance->asked_ms, 0, sizeof(advance->asked_ms));
    advance->n_ended = 0;
}

static bool broken(struct advance *advance, const char *format, ...) PRINTF_LIKE(2, 3);

static bool broken(struct advance *advance, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(advance->broken, sizeof(advance->broken), format, args);
    va_end(args);
    return false;
}

/* ---- What a move needs ------------------------------------------------------------------------
 */

static bool knows_wire(const struct core *core, const struct sim_hypervisor *hypervisor,
                       unsigned host, unsigned nic, int port)
{
    const struct wires *wires = core_wires(core);
    char names[3][16];

    snprintf(names[0], sizeof(names[0]), "swp%d", port);
    snprintf(names[1], sizeof(names[1]), "host-%u", host);
    snprintf(names[2], sizeof(names[2]), "vmnic%u", nic);
    for (size_t i = 0; i < wires->count; i++) {
        const struct wire *wire = &wires->wires[i];

        if (wire_is_trusted(wire, EVIDENCE_NORMAL) && strcmp(wire->port, names[0]) == 0 &&
            strcmp(wire->hypervisor, hypervisor->name) == 0 && strcmp(wire->host, names[1]) == 0 &&
            strcmp(wire->nic, names[2]) == 0)
            return true;
    }
    return false;
}

/* Whether there is a wire to the host that is lost, contradicted or only claimed. */
static bool has_doubtful_wire(const struct core *core, const struct sim_hypervisor *hypervisor,
                              unsigned host)
{
    const struct wires *wires = core_wires(core);
    char name[16];

    snprintf(name, sizeof(name), "host-%u", host);
    for (size_t i = 0; i < wires->count; i++)
        if (strcmp(wires->wires[i].hypervisor, hypervisor->name) == 0 &&
            strcmp(wires->wires[i].host, name) == 0 &&
            !wire_is_trusted(&wires->wires[i], EVIDENCE_NORMAL))
            return true;
    return false;
}

/* Needs of the truth, where the core knows the wire. */
static struct sim_need need_of(const struct world *world, const struct core *core,
                               const struct sim_move *move, unsigned host)
{
    const struct sim_hypervisor *hypervisor = &world->hypervisors[move->hypervisor];
    struct sim_need need = { .ports = { -1, -1 } };

    for (unsigned nic = 0; nic < SIM_NICS; nic++) {
        int port = world_port_of(world, move->hypervisor, host, nic);

        if (port < 0 || hypervisor->hosts[host].connection != CONNECTION_CONNECTED ||
            !knows_wire(core, hypervisor, host, nic, port))
            continue;
        need.ports[nic] = port;
        need.vlans[nic] =
            world_shared_needs(world, move->hypervisor, move->machine, host, nic, (unsigned)port);
    }
    return need;
}

/* Drops what is not so any more; false when anything has changed. */
static bool narrow(struct sim_need *need, const struct sim_need *now)
{
    bool is_same = true;

    for (unsigned nic = 0; nic < SIM_NICS; nic++) {
        is_same &= need->ports[nic] == now->ports[nic] &&
                   vlanset_equal(&need->vlans[nic], &now->vlans[nic]);
        if (need->ports[nic] != now->ports[nic])
            need->ports[nic] = -1;
        need->vlans[nic] = vlanset_both(&need->vlans[nic], &now->vlans[nic]);
    }
    return is_same;
}

/* The session has told all there is to know about the machine and both hosts, truly. */
static bool is_told_in_full(const struct faults *faults, const struct sim_move *move)
{
    const struct sim_session *session = &faults->sessions[move->hypervisor];

    return session->phase == PHASE_UP && session->lie == LIE_NONE && !session->lied &&
           !session->shared_dirty && !session->host_dirty[move->to] &&
           !session->host_dirty[move->from] && !session->machine_dirty[move->machine] &&
           session->machine_told[move->machine] != 0;
}

static bool is_within_fences(const struct world *world, const struct sim_move *move,
                             const struct vlanset *vlans)
{
    for (unsigned nic = 0; nic < SIM_NICS; nic++) {
        int port = world_port_of(world, move->hypervisor, move->to, nic);
        struct vlanset fence = world->hypervisors[move->hypervisor].allowed;

        if (port < 0)
            continue;
        fence = vlanset_both(&fence, &world->ports[port].allowed);
        fence = vlanset_minus(&fence, &world->protected_vlans);
        vlanset_remove(&fence, world->ports[port].native);
        fence = vlanset_minus(vlans, &fence);
        if (!vlanset_is_empty(&fence))
            return false;
    }
    return true;
}

/* Whether all that the machine needs on its destination is known before, and may be added. */
static bool is_plain(const struct world *world, const struct sim_move *move)
{
    const struct sim_hypervisor *hypervisor = &world->hypervisors[move->hypervisor];

    for (unsigned i = 0; i < SIM_VIFS; i++) {
        const struct sim_vif *vif = &hypervisor->machines[move->machine].vifs[i];
        struct vlanset vlans = world_network_vlans(&hypervisor->shared[vif->network]);

        if (vif->exists && (!vif->shared || !is_within_fences(world, move, &vlans)))
            return false;
    }
    return true;
}

/* ---- Looking ----------------------------------------------------------------------------------
 */

static void begin_watch(struct watch *watch, unsigned slot, const struct world *world,
                        const struct faults *faults, const struct core *core)
{
    const struct sim_move *move = &world->moves[slot];

    *watch = (struct watch){
        .move = move->number,
        .slot = slot,
        .told_ms = move->told_ms,
        .due_ms = move->told_ms + CONTACT_WIDEN_MS + SIM_ADVANCE_MS,
        .readings = faults->sessions[move->hypervisor].readings,
        .there = { .ports = { -1, -1 } },
        .here = { .ports = { -1, -1 } },
    };
    watch->is_clear = is_told_in_full(faults, move) && !move->has_ended;
    if (!watch->is_clear || move->kind == MOVE_STORAGE ||
        world->hypervisors[move->hypervisor].mode != MODE_CONFIG)
        return;
    watch->is_plain = is_plain(world, move);
    watch->there = need_of(world, core, move, move->to);
    watch->here = need_of(world, core, move, move->from);
}

/* Whether a fault or another hand may have kept vsn from it, since 'since_ms'. */
static bool is_upset(const struct switch_model *model, unsigned port, uint32_t vlan,
                     int64_t since_ms)
{
    uint32_t index = vlan - SIM_VLAN_FIRST;

    return !model->runs || !model->reachable || model->frozen ||
           model->ports[port].upset_ms >= since_ms ||
           (index < SWITCH_VLANS && model->ports[port].upset_vlan_ms[index] >= since_ms);
}

/* Whether that may be so of anything that a move asked for. */
static bool was_upset(const struct switch_model *model, const struct watch *watch)
{
    for (unsigned nic = 0; nic < SIM_NICS; nic++) {
        const struct vlanset *vlans = &watch->there.vlans[nic];

        for (uint32_t vlan = vlanset_next(vlans, VLAN_MIN); vlan && watch->there.ports[nic] >= 0;
             vlan = vlanset_next(vlans, vlan + 1))
            if (is_upset(model, (unsigned)watch->there.ports[nic], vlan, watch->told_ms))
                return true;
    }
    return false;
}

static void remember(struct advance *advance, const struct watch *watch,
                     const struct sim_move *move, const struct switch_model *model)
{
    advance->ended[advance->n_ended++ % SIM_ENDED] = (struct ended){
        .move = watch->move,
        .hypervisor = move->hypervisor,
        .end = move->end,
        .is_expected_in_time = watch->is_plain && watch->was_there && !was_upset(model, watch),
    };
}

static void note_asked(struct advance *advance, const struct sim_need *need, int64_t now_ms)
{
    for (unsigned nic = 0; nic < SIM_NICS; nic++)
        for (uint32_t i = 0; need->ports[nic] >= 0 && i < SWITCH_VLANS; i++)
            if (vlanset_has(&need->vlans[nic], SIM_VLAN_FIRST + i))
                advance->asked_ms[need->ports[nic]][i] = now_ms;
}

static void look_at(struct advance *advance, struct watch *watch, const struct world *world,
                    const struct faults *faults, const struct core *core, int64_t now_ms)
{
    const struct sim_move *move = &world->moves[watch->slot];
    const struct sim_session *session = &faults->sessions[move->hypervisor];
    struct sim_need there = need_of(world, core, move, move->to);
    struct sim_need here = need_of(world, core, move, move->from);

    watch->is_plain &= narrow(&watch->there, &there);
    watch->is_plain &= !has_doubtful_wire(core, &world->hypervisors[move->hypervisor], move->to);
    narrow(&watch->here, &here);
    if (move->is_to_told && !watch->is_to_told && now_ms + SIM_ADVANCE_MS < watch->due_ms)
        watch->due_ms = now_ms + SIM_ADVANCE_MS;
    watch->is_to_told = move->is_to_told;
    if (session->phase != PHASE_UP || session->lie != LIE_NONE)
        return;
    if (!move->is_end_told && (move->is_to_told || now_ms > watch->told_ms + CONTACT_WIDEN_MS))
        note_asked(advance, &watch->there, now_ms);
    if (!move->has_ended)
        note_asked(advance, &watch->here, now_ms);
}

void advance_look(struct advance *advance, const struct world *world, const struct faults *faults,
                  const struct core *core, const struct switch_model *model, int64_t now_ms)
{
    for (unsigned i = 0; i < SIM_MOVES; i++) {
        const struct sim_move *move = &world->moves[i];
        struct watch *watch = &advance->watches[i];
        bool goes_on = move->exists && move->is_told && move->told_ms > 0;

        if (watch->is_clear && watch->move == move->number && watch->told_ms == move->told_ms &&
            move->is_end_told && !move->exists &&
            watch->readings == faults->sessions[move->hypervisor].readings)
            remember(advance, watch, move, model);
        if (!goes_on)
            *watch = (struct watch){ 0 };
        else if (watch->move != move->number || watch->told_ms != move->told_ms)
            begin_watch(watch, i, world, faults, core);
        if (goes_on)
            look_at(advance, watch, world, faults, core, now_ms);
    }
}

/* ---- I8 ---------------------------------------------------------------------------------------
 */

/* The first VLAN that is needed, and is not there though nothing excuses it; 0: none. */
static uint32_t find_missing(const struct switch_model *model, const struct watch *watch,
                             unsigned *ret_port)
{
    for (unsigned nic = 0; nic < SIM_NICS; nic++) {
        const struct vlanset *vlans = &watch->there.vlans[nic];

        if (watch->there.ports[nic] < 0)
            continue;
        *ret_port = (unsigned)watch->there.ports[nic];
        for (uint32_t vlan = vlanset_next(vlans, VLAN_MIN); vlan;
             vlan = vlanset_next(vlans, vlan + 1))
            if (!vlanset_has(&model->ports[*ret_port].tagged, vlan) &&
                !is_upset(model, *ret_port, vlan, watch->told_ms))
                return vlan;
    }
    return 0;
}

/* Whether all of it is there, and there is something. */
static bool is_all_there(const struct switch_model *model, const struct watch *watch)
{
    bool found = false;

    for (unsigned nic = 0; nic < SIM_NICS; nic++) {
        struct vlanset missing;

        if (watch->there.ports[nic] < 0)
            continue;
        missing =
            vlanset_minus(&watch->there.vlans[nic], &model->ports[watch->there.ports[nic]].tagged);
        if (!vlanset_is_empty(&missing))
            return false;
        found |= !vlanset_is_empty(&watch->there.vlans[nic]);
    }
    return found;
}

static bool check(struct advance *advance, struct watch *watch, const struct world *world,
                  const struct switch_model *model, int64_t now_ms)
{
    const struct sim_move *move = &world->moves[watch->slot];
    unsigned port = 0;
    uint32_t missing = find_missing(model, watch, &port);

    if (missing)
        return broken(advance,
                      "I8: machine %u of %s is on its way to host-%u since %lld ms, and swp%u "
                      "lacks its VLAN %u (move-%u)",
                      move->machine, world->hypervisors[move->hypervisor].name, move->to,
                      (long long)(now_ms - watch->told_ms), port, missing, move->number);
    if (!watch->was_checked && is_all_there(model, watch)) {
        advance->judged++;
        watch->was_there = !move->has_ended;
    }
    watch->was_checked = true;
    return true;
}

bool advance_check(struct advance *advance, const struct world *world,
                   const struct switch_model *model, int64_t now_ms)
{
    for (unsigned i = 0; i < SIM_MOVES; i++)
        if (advance->watches[i].move && now_ms >= advance->watches[i].due_ms &&
            !check(advance, &advance->watches[i], world, model, now_ms))
            return false;
    return true;
}

int64_t advance_next_ms(const struct advance *advance, int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;

    for (unsigned i = 0; i < SIM_MOVES; i++) {
        int64_t at_ms = advance->watches[i].due_ms;

        if (advance->watches[i].move && at_ms > now_ms && at_ms < next_ms)
            next_ms = at_ms;
    }
    return next_ms;
}

/* ---- I9, I11 ----------------------------------------------------------------------------------
 */

static bool judge_asked(struct advance *advance, const struct world *world, unsigned port,
                        uint32_t vlan, int64_t now_ms)
{
    uint32_t index = vlan - SIM_VLAN_FIRST;
    int64_t asked_ms = index < SWITCH_VLANS ? advance->asked_ms[port][index] : 0;

    if (asked_ms > 0 && now_ms - asked_ms < (int64_t)world->hold_down_s * 1000)
        return broken(advance,
                      "I9: VLAN %u is removed from swp%u, and a move asked for it %lld ms ago",
                      vlan, port, (long long)(now_ms - asked_ms));
    return true;
}

/* True when the uplink carries it, or was told to before. */
static bool is_on_uplink(const struct switch_model *model, unsigned uplink, uint32_t vlan)
{
    if (vlanset_has(&model->ports[uplink].tagged, vlan))
        return true;
    for (unsigned i = 0; i < model->n_pending; i++)
        if (model->pending[i].port == uplink && vlanset_has(&model->pending[i].add, vlan))
            return true;
    return false;
}

static bool judge_addition(struct advance *advance, const struct world *world,
                           const struct switch_model *model, const struct switch_change *change,
                           int64_t now_ms)
{
    unsigned uplink = (unsigned)world->uplink;
    struct vlanset wanted = vlanset_both(&change->add, &model->ports[uplink].policy);

    vlanset_remove(&wanted, world->ports[uplink].native);
    for (uint32_t vlan = vlanset_next(&wanted, VLAN_MIN); vlan;
         vlan = vlanset_next(&wanted, vlan + 1))
        if (!is_on_uplink(model, uplink, vlan) && !is_upset(model, uplink, vlan, now_ms))
            return broken(advance, "I11: VLAN %u is added on swp%u, and not before on the uplink",
                          vlan, change->port);
    return true;
}

static bool judge_uplink(struct advance *advance, const struct world *world,
                         const struct switch_model *model, uint32_t vlan)
{
    for (unsigned port = 0; port < SIM_PORTS; port++)
        if ((int)port != world->uplink && vlanset_has(&model->ports[port].tagged, vlan))
            return broken(advance,
                          "I11: VLAN %u is removed from the uplink, and swp%u still carries it",
                          vlan, port);
    return true;
}

bool advance_judge(struct advance *advance, const struct world *world,
                   const struct switch_model *model, const struct switch_change *change,
                   int64_t now_ms)
{
    bool is_uplink = (int)change->port == world->uplink;

    if (world->uplink >= 0 && !is_uplink && !judge_addition(advance, world, model, change, now_ms))
        return false;
    for (uint32_t vlan = vlanset_next(&change->remove, VLAN_MIN); vlan;
         vlan = vlanset_next(&change->remove, vlan + 1)) {
        if (!judge_asked(advance, world, change->port, vlan, now_ms))
            return false;
        if (is_uplink && !judge_uplink(advance, world, model, vlan))
            return false;
    }
    return true;
}

/* ---- I10 --------------------------------------------------------------------------------------
 */

static const struct migration *find_entry(const struct world *world, const struct core *core,
                                          const struct ended *ended)
{
    const char *hypervisor = world->hypervisors[ended->hypervisor].name;
    const struct migration *entry;
    char id[24];

    snprintf(id, sizeof(id), "move-%u", ended->move);
    for (size_t i = 0; (entry = migrations_find(core_migrations(core), i)); i++)
        if (strcmp(entry->move, id) == 0 && strcmp(entry->hypervisor, hypervisor) == 0)
            return entry;
    return NULL;
}

/* What the ledger must say; NULL: it does. */
static const char *wrong_entry(const struct ended *ended, const struct migration *entry)
{
    bool has_failed = entry->outcome == MIGRATION_FAILED;
    bool was_cancelled = entry->outcome == MIGRATION_CANCELLED;

    if (has_failed != (ended->end == MOVE_FAILED))
        return "whether it failed";
    if (was_cancelled != (ended->end == MOVE_CANCELLED))
        return "whether it was cancelled";
    if (entry->kind == MOVE_STORAGE)
        return NULL;
    if (entry->outcome == MIGRATION_IN_TIME &&
        (!entry->verified_ms || entry->verified_ms > entry->switched_over_ms))
        return "that it was in time, and not when";
    if (ended->end == MOVE_DONE && ended->is_expected_in_time &&
        entry->outcome != MIGRATION_IN_TIME)
        return "that it was not in time";
    return NULL;
}

bool advance_ledger(struct advance *advance, const struct world *world, const struct core *core)
{
    uint64_t first = advance->n_ended > SIM_ENDED ? advance->n_ended - SIM_ENDED : 0;

    for (uint64_t i = first; i < advance->n_ended; i++) {
        const struct ended *ended = &advance->ended[i % SIM_ENDED];
        const struct migration *entry = find_entry(world, core, ended);
        const char *wrong;

        if (!entry)
            return broken(advance, "I10: the ledger does not have move-%u of %s", ended->move,
                          world->hypervisors[ended->hypervisor].name);
        wrong = wrong_entry(ended, entry);
        if (wrong)
            return broken(advance, "I10: the ledger says of move-%u of %s %s: %s (%s)", ended->move,
                          world->hypervisors[ended->hypervisor].name, wrong,
                          record_word(TABLE_MIGRATION, "outcome", entry), entry->reason);
    }
    return true;
}

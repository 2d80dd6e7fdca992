#include "programs/sim/switch_model.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static bool tell(struct feed *feed, enum record_op op, enum table table, const void *row)
{
    struct strbuf line;
    bool taken;

    strbuf_init(&line, RECORD_LINE_MAX);
    record_write(&line, op, table, row, 0);
    line.data[line.size - 1] = '\0';
    taken = feed_line(feed, "switch", line.data);
    strbuf_done(&line);
    return taken;
}

static bool tell_status(const struct switch_model *model, struct feed *feed)
{
    struct switch_status status = {
        .driver = "dummy",
        .state = model->reachable ? SWITCH_READY : SWITCH_UNREACHABLE,
        .reason = model->reachable ? "" : "the switch does not answer",
        .frozen = model->frozen,
    };

    return tell(feed, RECORD_NEW, TABLE_SWITCH, &status);
}

static bool tell_port(const struct switch_model *model, const struct world *world, unsigned index,
                      struct feed *feed)
{
    const struct switch_port *at = &model->ports[index];
    char name[16];
    struct port port = {
        .id = name,
        .enabled = true,
        .link = LINK_UP,
        .native = world->ports[index].native,
        .tagged = at->tagged,
        .owned = vlanset_both(&at->owned, &at->tagged),
        .learnt = at->learnt,
        .learnt_known = at->learnt_known,
    };

    snprintf(name, sizeof(name), "swp%u", index);
    return tell(feed, RECORD_NEW, TABLE_PORT, &port);
}

/* What is ours and was taken away stays ours until another hand brings it back. */
static void claim(struct switch_port *port)
{
    struct vlanset back = vlanset_both(&port->absent, &port->tagged);

    port->owned = vlanset_minus(&port->owned, &back);
    port->absent = vlanset_minus(&port->owned, &port->tagged);
}

void switch_init(struct switch_model *model, struct world *world)
{
    *model = (struct switch_model){ .trouble = 10 };
    for (unsigned i = 0; i < SIM_PORTS; i++) {
        model->ports[i].learnt_known = true;
        for (uint32_t n = 0; n < ARRAY_SIZE(world->ports[i].by_hand); n++)
            if (world->ports[i].by_hand[n])
                vlanset_add(&model->ports[i].tagged, SIM_VLAN_FIRST + n);
    }
}

bool switch_start(struct switch_model *model, struct world *world, struct feed *feed)
{
    bool taken = tell(feed, RECORD_BEGIN, TABLE_STATION, NULL);

    taken &= tell(feed, RECORD_END, TABLE_STATION, NULL);
    taken &= tell(feed, RECORD_BEGIN, TABLE_PORT, NULL);
    model->runs = model->reachable = true;
    for (unsigned i = 0; i < SIM_PORTS; i++) {
        taken &= tell_port(model, world, i, feed);
        model->ports[i].station[0] = '\0';
    }
    taken &= tell(feed, RECORD_END, TABLE_PORT, NULL);
    return taken & tell_status(model, feed);
}

/* ---- What the core wants --------------------------------------------------------------------- */

/* How long a failure may keep the core from trying again (reconcile/flight.h). */
#define FAILURE_MS 65000
#define FIGHT_MS 365000 /* the same for a second writer */

static void upset(struct switch_port *port, const struct vlanset *vlans, int64_t until_ms)
{
    for (uint32_t i = 0; i < SWITCH_VLANS; i++)
        if (vlanset_has(vlans, SIM_VLAN_FIRST + i) && port->upset_vlan_ms[i] < until_ms)
            port->upset_vlan_ms[i] = until_ms;
}

static void upset_all(struct switch_model *model, int64_t until_ms)
{
    for (unsigned i = 0; i < SIM_PORTS; i++)
        if (model->ports[i].upset_ms < until_ms)
            model->ports[i].upset_ms = until_ms;
}

/* A change waits for those before it; one that a fault strikes, for itself alone. */
static void queue(struct switch_model *model, struct switch_change *change, struct dice *dice,
                  int64_t now_ms)
{
    struct switch_port *port = &model->ports[change->port];

    change->due_ms = now_ms + dice_range(dice, 1, 200);
    if (dice_percent(dice, model->trouble)) {
        change->due_ms += dice_range(dice, 0, 45000);
        change->fails = dice_percent(dice, 40);
        change->silent = dice_percent(dice, 30);
        upset(port, &change->add, change->due_ms + FAILURE_MS);
        /* What a slow removal takes is put back when it has. */
        upset(port, &change->remove, change->due_ms + FAILURE_MS);
    } else if (change->due_ms < model->last_due_ms) {
        change->due_ms = model->last_due_ms;
    } else {
        model->last_due_ms = change->due_ms;
    }
    if (model->runs && model->n_pending < SWITCH_PENDING)
        model->pending[model->n_pending++] = *change;
    else
        upset(port, &change->add, now_ms + FAILURE_MS);
}

static unsigned port_index(const char *name)
{
    uint64_t index = 0;

    text_number(strncmp(name, "swp", 3) == 0 ? name + 3 : "0", 0, SIM_PORTS - 1, &index);
    return (unsigned)index;
}

static void take_policy(struct switch_model *model, const struct record *record)
{
    struct switch_port *port;

    if (record->op == RECORD_BEGIN) {
        for (unsigned i = 0; i < SIM_PORTS; i++)
            model->ports[i].has_policy = false;
        return;
    }
    if (record->op != RECORD_NEW)
        return;
    port = &model->ports[port_index(record->row.policy.id)];
    port->has_policy = true;
    port->policy = record->row.policy.allowed;
}

bool switch_take(struct switch_model *model, struct world *world, char *line, int64_t now_ms,
                 struct switch_change *ret_change)
{
    struct switch_change change;
    struct record record;

    if (record_read(line, &record, NULL) < 0)
        return false;
    if (record.table == TABLE_POLICY)
        take_policy(model, &record);
    if (record.table != TABLE_CHANGE)
        return false;
    change = (struct switch_change){
        .port = port_index(record.row.change.port),
        .add = record.row.change.add,
        .remove = record.row.change.remove,
    };
    text_copy(change.id, sizeof(change.id), record.row.change.id);
    queue(model, &change, &world->dice, now_ms);
    *ret_change = change;
    return true;
}

/* ---- What becomes of it ---------------------------------------------------------------------- */

static const char *write_change(struct switch_model *model, const struct world *world,
                                const struct switch_change *change)
{
    struct switch_port *port = &model->ports[change->port];
    struct vlanset add = vlanset_both(&change->add, &port->policy);
    struct vlanset remove = vlanset_both(&change->remove, &port->owned);

    if (!model->reachable)
        return "the switch is not reachable";
    if (model->frozen)
        return "frozen";
    if (change->fails)
        return "the switch refused it";
    if (!port->has_policy)
        return "no policy for that port";
    add = vlanset_minus(&add, &port->tagged);
    remove = vlanset_both(&remove, &port->tagged);
    vlanset_remove(&add, world->ports[change->port].native);
    vlanset_remove(&remove, world->ports[change->port].native);
    model->added += vlanset_count(&add);
    model->removed += vlanset_count(&remove);
    port->tagged = vlanset_union(&port->tagged, &add);
    port->owned = vlanset_union(&port->owned, &add);
    port->absent = vlanset_minus(&port->absent, &add);
    port->tagged = vlanset_minus(&port->tagged, &remove);
    port->owned = vlanset_minus(&port->owned, &remove);
    claim(port);
    return "";
}

static bool land(struct switch_model *model, const struct world *world,
                 const struct switch_change *change, struct feed *feed)
{
    struct switch_port *port = &model->ports[change->port];
    const char *problem = write_change(model, world, change);
    char name[16];
    struct outcome outcome = {
        .id = change->id,
        .port = name,
        .added = vlanset_both(&change->add, &port->tagged),
        .removed = vlanset_minus(&change->remove, &port->tagged),
        .problem = problem,
    };

    snprintf(name, sizeof(name), "swp%u", change->port);
    if (problem[0])
        upset(port, &change->add, feed->now_ms + FAILURE_MS);
    if (!tell_port(model, world, change->port, feed))
        return false;
    return change->silent || tell(feed, RECORD_NEW, TABLE_OUTCOME, &outcome);
}

static bool carry_out(struct switch_model *model, const struct world *world, struct feed *feed)
{
    unsigned kept = 0, count = model->n_pending;

    for (unsigned i = 0; i < count; i++) {
        struct switch_change change = model->pending[i];

        if (change.due_ms > feed->now_ms)
            model->pending[kept++] = change;
        else if (model->runs && !land(model, world, &change, feed))
            return false;
    }
    model->n_pending = kept;
    return true;
}

int64_t switch_next_ms(const struct switch_model *model, int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;

    for (unsigned i = 0; i < model->n_pending; i++)
        if (model->pending[i].due_ms > now_ms && model->pending[i].due_ms < next_ms)
            next_ms = model->pending[i].due_ms;
    return next_ms;
}

static bool learn(struct switch_model *model, const struct world *world, struct feed *feed)
{
    for (unsigned i = 0; model->runs && model->reachable && i < SIM_PORTS; i++) {
        struct switch_port *port = &model->ports[i];
        struct vlanset learnt = world_talk(world, i);

        learnt = vlanset_both(&learnt, &port->tagged);
        if (!port->learnt_known)
            learnt = vlanset_empty;
        if (vlanset_equal(&learnt, &port->learnt))
            continue;
        port->learnt = learnt;
        if (!tell_port(model, world, i, feed))
            return false;
    }
    return true;
}

static bool tell_station(struct feed *feed, enum record_op op, const char *port, const char *id)
{
    struct station station = { .owner = port, .id = id };
    char mac[32];
    uint64_t vlan = 0;

    snprintf(mac, sizeof(mac), "%.17s", id);
    mac_parse(mac, &station.mac);
    text_number(id + 18, 0, VLAN_MAX, &vlan);
    station.vlan = vlan;
    return tell(feed, op, TABLE_STATION, &station);
}

/* The addresses of the hosts' own interfaces, where the switch hears them. */
static bool show(struct switch_model *model, const struct world *world, struct feed *feed)
{
    for (unsigned i = 0; model->runs && model->reachable && i < SIM_PORTS; i++) {
        char *told = model->ports[i].station, now[48] = "", port[16];
        unsigned h, host;
        uint32_t vlan;

        if (model->ports[i].learnt_known && world_shows(world, i, &h, &host, &vlan) &&
            (vlan == 0 || vlanset_has(&model->ports[i].tagged, vlan)))
            snprintf(now, sizeof(now), "02:50:56:%02x:%02x:00/%u", h, host, vlan);
        if (strcmp(now, told) == 0)
            continue;
        snprintf(port, sizeof(port), "swp%u", i);
        if ((told[0] && !tell_station(feed, RECORD_GONE, port, told)) ||
            (now[0] && !tell_station(feed, RECORD_NEW, port, now)))
            return false;
        text_copy(told, sizeof(model->ports[i].station), now);
    }
    return true;
}

bool switch_run(struct switch_model *model, struct world *world, struct feed *feed)
{
    if (model->back_ms && feed->now_ms >= model->back_ms && !switch_heal(model, world, feed))
        return false;
    return carry_out(model, world, feed) && learn(model, world, feed) && show(model, world, feed);
}

/* ---- Other hands, and faults ----------------------------------------------------------------- */

bool switch_by_hand(struct switch_model *model, struct world *world, struct feed *feed)
{
    unsigned index = (unsigned)dice_range(&world->dice, 0, SIM_PORTS - 1);
    uint32_t vlan = (uint32_t)dice_range(&world->dice, SIM_VLAN_FIRST, SIM_VLAN_LAST);
    struct switch_port *port = &model->ports[index];

    if (!model->runs || !model->reachable || vlan == world->ports[index].native)
        return true;
    port->upset_ms = feed->now_ms + FIGHT_MS;
    if (dice_percent(&world->dice, 50))
        vlanset_add(&port->tagged, vlan);
    else
        vlanset_remove(&port->tagged, vlan);
    claim(port);
    return tell_port(model, world, index, feed);
}

bool switch_fault(struct switch_model *model, struct world *world, struct feed *feed)
{
    struct dice *dice = &world->dice;

    if (model->back_ms || !model->runs)
        return true;
    model->back_ms = feed->now_ms + dice_range(dice, 1000, 200000);
    upset_all(model, model->back_ms + FAILURE_MS);
    if (dice_percent(dice, 30)) {
        model->runs = false;
        model->n_pending = 0;
        return feed_line(feed, "switch", "! was killed by signal 9");
    }
    if (dice_percent(dice, 40)) {
        model->frozen = true;
        return tell_status(model, feed);
    }
    if (dice_percent(dice, 50)) {
        unsigned index = (unsigned)dice_range(dice, 0, SIM_PORTS - 1);

        model->ports[index].learnt_known = false;
        return tell_port(model, world, index, feed);
    }
    model->reachable = false;
    return tell_status(model, feed);
}

bool switch_heal(struct switch_model *model, struct world *world, struct feed *feed)
{
    bool tells_all = !model->runs || !model->reachable;

    model->back_ms = 0;
    model->frozen = false;
    for (unsigned i = 0; i < SIM_PORTS; i++) {
        if (model->ports[i].learnt_known)
            continue;
        model->ports[i].learnt_known = true;
        if (!tells_all && !tell_port(model, world, i, feed))
            return false;
    }
    if (!tells_all)
        return tell_status(model, feed);
    for (unsigned i = 0; i < SIM_PORTS && !model->runs; i++)
        model->ports[i].has_policy = false;
    return switch_start(model, world, feed);
}

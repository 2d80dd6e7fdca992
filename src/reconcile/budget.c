#include "reconcile/budget.h"

#include <errno.h>
#include <stdlib.h>

/* What is taken up so far. */
struct room {
    const struct config *config;
    struct vlanset vlans;
    unsigned n_vlans, memberships;
};

static void take(struct room *room, const struct vlanset *vlans)
{
    room->vlans = vlanset_union(&room->vlans, vlans);
    room->n_vlans = vlanset_count(&room->vlans);
    room->memberships += vlanset_count(vlans);
}

/* Which limit stands against one more VLAN on a port that has 'on_port'; NULL: none. */
static const char *limit_against(const struct room *room, unsigned on_port, uint32_t vlan)
{
    const struct config *config = room->config;

    if (config->limit_vlans && !vlanset_has(&room->vlans, vlan) &&
        room->n_vlans >= config->limit_vlans)
        return "'limit vlans': the switch has room for no more VLANs";
    if (config->limit_port_vlans && on_port >= config->limit_port_vlans)
        return "'limit port-vlans': the port has room for no more VLANs";
    if (config->limit_memberships && room->memberships >= config->limit_memberships)
        return "'limit memberships': the switch has room for no more VLANs on ports";
    return NULL;
}

static void admit(struct room *room, uint32_t vlan)
{
    if (!vlanset_has(&room->vlans, vlan))
        room->n_vlans++;
    vlanset_add(&room->vlans, vlan);
    room->memberships++;
}

/* Gives room to what is asked for, by rank. 'asked' and 'has' are sets per port; what is admitted
 * goes over to 'has', what is not to 'beyond'. */
static void fill(struct room *room, struct budget_port *ports, size_t count,
                 const struct vlanset *asked, struct vlanset *has, struct vlanset *beyond)
{
    for (enum need_rank rank = 0; rank < N_RANKS; rank++)
        for (size_t i = 0; i < count; i++)
            for (uint32_t vlan = vlanset_next(&asked[i], VLAN_MIN); vlan;
                 vlan = vlanset_next(&asked[i], vlan + 1)) {
                const char *reason;

                if (rank_of(ports[i].ranks, vlan) != rank)
                    continue;
                reason = limit_against(room, vlanset_count(&has[i]), vlan);
                if (reason) {
                    vlanset_add(&beyond[i], vlan);
                    ports[i].reason = reason;
                    continue;
                }
                vlanset_add(&has[i], vlan);
                admit(room, vlan);
            }
}

/* What vsn added on the port for nobody who runs. */
static struct vlanset yielding(const struct budget_port *port)
{
    struct vlanset owned = vlanset_both(&port->owned, &port->carried), kept = vlanset_empty;

    for (enum need_rank rank = 0; rank < RANK_STOPPED; rank++)
        kept = vlanset_union(&kept, &port->ranks[rank]);
    return vlanset_minus(&owned, &kept);
}

/* Three sets per port. */
struct work {
    struct vlanset *asked, *has, *beyond;
};

static void begin(struct room *room, const struct budget_others *others)
{
    room->vlans = others->carried;
    room->n_vlans = vlanset_count(&others->carried);
    room->memberships = others->memberships;
}

/* What would have room if everything of a low rank gave way: finds the surplus. */
static void plan_ideal(struct room *room, const struct budget_others *others,
                       struct budget_port *ports, size_t count, const struct work *work)
{
    begin(room, others);
    for (size_t i = 0; i < count; i++) {
        struct vlanset yields = yielding(&ports[i]);

        work->has[i] = vlanset_minus(&ports[i].carried, &yields);
        work->asked[i] = vlanset_union(&yields, &ports[i].wanted);
        work->beyond[i] = vlanset_empty;
        take(room, &work->has[i]);
    }
    fill(room, ports, count, work->asked, work->has, work->beyond);
    for (size_t i = 0; i < count; i++)
        ports[i].surplus = vlanset_both(&work->beyond[i], &ports[i].carried);
}

/* What has room beside all that is there now. */
static void plan_now(struct room *room, const struct budget_others *others,
                     struct budget_port *ports, size_t count, const struct work *work)
{
    begin(room, others);
    for (size_t i = 0; i < count; i++) {
        work->has[i] = ports[i].carried;
        work->asked[i] = ports[i].wanted;
        work->beyond[i] = vlanset_empty;
        ports[i].reason = NULL;
        take(room, &ports[i].carried);
    }
    fill(room, ports, count, work->asked, work->has, work->beyond);
    for (size_t i = 0; i < count; i++)
        ports[i].left_out = work->beyond[i];
}

int budget_compute(const struct config *config, const struct budget_others *others,
                   struct budget_port *ports, size_t count)
{
    struct room room = { .config = config };
    struct vlanset *sets = calloc(3 * count + 1, sizeof(*sets));
    const struct work work = { sets, sets + count, sets + 2 * count };

    if (!sets)
        return -ENOMEM;
    plan_ideal(&room, others, ports, count, &work);
    plan_now(&room, others, ports, count, &work);
    free(sets);
    return 0;
}

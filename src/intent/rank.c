#include "intent/rank.h"

#include "intent/demand.h"

static const char *const words[N_RANKS] = {
    [RANK_OWN] = "the hypervisor's own interfaces",
    [RANK_MOVE] = "machines on their way",
    [RANK_RUNNING] = "running machines",
    [RANK_STOPPED] = "stopped machines",
    [RANK_EMPTY] = "networks without machines",
};

const char *rank_words(enum need_rank rank)
{
    return words[rank];
}

static enum need_rank rank_of_need(const struct need *need)
{
    if (need->vmknic)
        return RANK_OWN;
    if (need->move)
        return RANK_MOVE;
    if (need->machine)
        return need->machine->power == POWER_ON || need->machine->power == POWER_UNKNOWN
                   ? RANK_RUNNING
                   : RANK_STOPPED;
    return RANK_EMPTY;
}

static void add_need(const struct need *need, void *data)
{
    struct vlanset *set = (struct vlanset *)data + rank_of_need(need);

    *set = vlanset_union(set, &need->vlans);
}

void rank_nic(const struct inventory *inventory, enum config_provision provision, const char *host,
              const char *nic, struct vlanset ranks[N_RANKS])
{
    demand_of_nic(inventory, PROVISION_MACHINES, host, nic, add_need, ranks, NULL);
    if (provision == PROVISION_NETWORKS)
        demand_of_nic(inventory, PROVISION_NETWORKS, host, nic, add_need, ranks, NULL);
}

enum need_rank rank_of(const struct vlanset ranks[N_RANKS], uint32_t vlan)
{
    enum need_rank rank = 0;

    while (rank < RANK_EMPTY && !vlanset_has(&ranks[rank], vlan))
        rank++;
    return rank;
}

struct vlanset rank_best(const struct vlanset ranks[N_RANKS], const struct vlanset *vlans,
                         unsigned most)
{
    struct vlanset best = vlanset_empty, left = *vlans;

    for (enum need_rank rank = 0; rank <= N_RANKS && most > 0; rank++) {
        struct vlanset of_rank = rank < N_RANKS ? vlanset_both(&left, &ranks[rank]) : left;

        for (uint32_t vlan = vlanset_next(&of_rank, VLAN_MIN); vlan && most > 0;
             vlan = vlanset_next(&of_rank, vlan + 1), most--)
            vlanset_add(&best, vlan);
        left = vlanset_minus(&left, &of_rank);
    }
    return best;
}

/* rank.h: who needs a VLAN behind a port, where there is not room for all.
 *
 * Pure. Better ranks come first. */
#ifndef VSN_INTENT_RANK_H
#define VSN_INTENT_RANK_H

#include "model/config.h"
#include "model/inventory.h"

enum need_rank {
    RANK_OWN,     /* the hypervisor's own interfaces: management, storage, migration */
    RANK_MOVE,    /* a machine on its way there */
    RANK_RUNNING, /* a machine that runs there */
    RANK_STOPPED, /* a machine that is there and does not run */
    RANK_EMPTY,   /* a network that nobody is plugged into */
    N_RANKS
};

/* "the hypervisor's own interfaces" */
const char *rank_words(enum need_rank rank);

/* Adds what a NIC needs to the set of the best rank that asks for it. A VLAN may be in several sets
 * when several NICs are added; rank_of() goes by the best. */
void rank_nic(const struct inventory *inventory, enum config_provision provision, const char *host,
              const char *nic, struct vlanset ranks[N_RANKS]);

/* The best rank that has the VLAN; RANK_EMPTY when none has. */
enum need_rank rank_of(const struct vlanset ranks[N_RANKS], uint32_t vlan);

/* Of 'vlans', the 'most' best; within a rank those with the lowest ids. */
struct vlanset rank_best(const struct vlanset ranks[N_RANKS], const struct vlanset *vlans,
                         unsigned most);

#endif

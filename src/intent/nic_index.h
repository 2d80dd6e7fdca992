/* nic_index.h: the NICs of a hypervisor by their burnt-in address.
 *
 * Pure. Borrows from the inventory that it was made of. */
#ifndef VSN_INTENT_NIC_INDEX_H
#define VSN_INTENT_NIC_INDEX_H

#include "model/inventory.h"

struct nic_entry {
    struct mac mac;
    const struct nic *nic;
};

struct nic_index {
    struct nic_entry *entries; /* by address */
    size_t count;
};

/* Returns 0 or -ENOMEM. */
int nic_index_init(struct nic_index *index, const struct inventory *inventory);
void nic_index_done(struct nic_index *index);

/* The only NIC with that address; NULL when there is none, or '*ret_several'. */
const struct nic *nic_index_find(const struct nic_index *index, struct mac mac, bool *ret_several);

#endif

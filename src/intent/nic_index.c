#include "intent/nic_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *left, const void *right)
{
    const struct nic_entry *a = left, *b = right;

    return memcmp(&a->mac, &b->mac, sizeof(a->mac));
}

int nic_index_init(struct nic_index *index, const struct inventory *inventory)
{
    size_t most = inventory_count(inventory, TABLE_NIC) + 1;

    *index = (struct nic_index){ .entries = calloc(most, sizeof(*index->entries)) };
    if (!index->entries)
        return -ENOMEM;
    INVENTORY_EACH(inventory, nic, TABLE_NIC, NULL)
    index->entries[index->count++] = (struct nic_entry){ nic->mac, nic };
    qsort(index->entries, index->count, sizeof(*index->entries), compare);
    return 0;
}

void nic_index_done(struct nic_index *index)
{
    free(index->entries);
    *index = (struct nic_index){ 0 };
}

const struct nic *nic_index_find(const struct nic_index *index, struct mac mac, bool *ret_several)
{
    const struct nic_entry wanted = { .mac = mac }, *last = index->entries + index->count;
    const struct nic_entry *found =
        index->count ? bsearch(&wanted, index->entries, index->count, sizeof(wanted), compare)
                     : NULL;

    *ret_several = found && ((found > index->entries && mac_equal(found[-1].mac, mac)) ||
                             (found + 1 < last && mac_equal(found[1].mac, mac)));
    return found && !*ret_several ? found->nic : NULL;
}

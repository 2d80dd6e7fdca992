/* sightings.h: which hosts the switch's MAC table shows behind which ports.
 *
 * Pure. A host shows itself by the address of one of its own interfaces (its management address,
 * above all) or of one of its NICs. Behind a virtual switch with one uplink that means that NIC;
 * behind one with several (a bond, a team) it means one of them: any of them may send with that
 * address, even with one that is burnt into another NIC. The interface's network says which ones
 * (teaming order).
 *
 * What says nothing: addresses that several hosts, or a machine, have as well; and those that are
 * nobody's (heard_stations.h). */
#ifndef VSN_INTENT_SIGHTINGS_H
#define VSN_INTENT_SIGHTINGS_H

#include "intent/wires.h"

#define SIGHTING_NICS_MAX 32 /* a virtual switch with more uplinks says nothing */

struct nic_set {
    const struct nic *nics[SIGHTING_NICS_MAX];
    size_t count;
};

struct sighting {     /* texts and rows are borrowed from the configuration and the inventories */
    const char *port; /* enabled for vsn */
    const struct hypervisor_view *view;
    const char *host;
    struct nic_set nics; /* what is behind the port is one of these */
    char detail[128];
    /* Filled in by mac_table.h: */
    bool is_recalled;  /* not in the MAC table now, but it was, and the link was up ever since */
    bool is_elsewhere; /* all of its NICs are known to be behind other ports */
    bool is_crowded;   /* seen behind more ports than there are NICs to be seen through */
    int64_t seen_ms;   /* recalled: when it was last there */
};

struct sightings {
    struct sighting *list;
    size_t count, space;
};

/* Finds the hosts' addresses among the stations that 'module' holds. One port and host has several
 * sightings when its addresses mean NICs that have nothing to do with each other. Returns 0 or
 * -ENOMEM. */
int sightings_collect(const struct config *config, const struct hypervisor_view *hypervisors,
                      size_t n_hypervisors, const struct inventory *module,
                      struct sightings *ret_sightings);

/* A copy at the end of the list. Returns 0 or -ENOMEM. */
int sightings_add(struct sightings *sightings, const struct sighting *sighting);
void sightings_done(struct sightings *sightings);

bool nic_set_has(const struct nic_set *set, const char *nic);
void nic_set_add(struct nic_set *set, const struct nic *nic);

/* The NICs of a host's virtual switch; 'network' (may be NULL) leaves out those that it does not
 * use. Empty when one of them is not known, or they are too many. */
struct nic_set nic_set_of(const struct inventory *inventory, const char *host, const char *vswitch,
                          const struct network *network);

/* True when 'a' holds no NIC that is not in 'b', too. */
bool nic_set_is_within(const struct nic_set *a, const struct nic_set *b);

#endif

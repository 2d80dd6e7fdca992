/* teller.h: the rows in which a session tells of one host, the distributed switch or a machine,
 * with the lie that is in force. Appends lines (record.h) to 'to'. */
#ifndef VSN_SIM_TELLER_H
#define VSN_SIM_TELLER_H

#include "programs/sim/faults.h"

struct teller {
    const struct world *world;
    const struct sim_hypervisor *hypervisor;
    unsigned index; /* of the hypervisor */
    struct sim_session *session;
    struct strbuf *to;
    bool blind; /* the host at hand is not connected: what is told of it is old, with holes */
};

void tell_host(struct teller *teller, unsigned host);
void tell_shared(struct teller *teller);
void tell_machine(struct teller *teller, unsigned machine);

/* A move as it stands: announced, done or failed. */
void tell_move(struct teller *teller, const struct sim_move *move, enum move_outcome outcome);
void tell_move_gone(struct teller *teller, const struct sim_move *move);
void tell_everything(struct teller *teller);
void tell_hints(struct teller *teller, unsigned host, bool heard);

/* The MAC address of a NIC, as text. Returns 'text'. */
const char *sim_mac(const struct world *world, unsigned hypervisor, unsigned host, unsigned nic,
                    char text[32]);

#endif

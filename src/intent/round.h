/* round.h: one round of collecting evidence for wires, from everything that is known now.
 *
 * Pure; inside of wires.c. What is collected is not judged here: one wire for each port and NIC
 * that anything speaks for, with the kinds of its evidence. */
#ifndef VSN_INTENT_ROUND_H
#define VSN_INTENT_ROUND_H

#include "intent/wires.h"

#define EVIDENCE_BIT(kind) (1u << (kind))

struct nic_index;

/* What one round of evidence is collected from, and into. */
struct round {
    const struct config *config;
    const struct hypervisor_view *hypervisors;
    size_t n_hypervisors;
    const struct inventory *neighbors;
    const struct inventory *module;
    int64_t now_ms;
    struct wires found;
    size_t space;
    bool failed;            /* out of memory */
    struct nic_index *nics; /* one per hypervisor */
    struct ear *ears;       /* ports where LLDP is spoken; inside of round.c */
    size_t n_ears;
};

/* Collects all evidence into 'found', which is empty before; 'before' are the wires of the last
 * round (may be NULL). Sets 'failed' when out of memory. */
void round_collect(struct round *round, const struct wires *before);

/* A new wire at the end of 'found', its texts copied; NULL (and 'failed') when out of memory. */
struct wire *round_add_wire(struct round *round, const char *port, const char *hypervisor,
                            const char *host, const char *host_name, const char *nic);

/* Notes one piece of evidence that NIC 'nic' of 'host' is behind 'port'. Returns the wire; NULL
 * when out of memory ('failed'). */
struct wire *round_note(struct round *round, const char *port, const struct hypervisor_view *view,
                        const char *host, const char *nic, enum evidence_kind kind,
                        const char *detail);

/* The burnt-in address of a wire's NIC; zero when it is not known. */
struct mac round_mac_of(const struct round *round, const struct wire *wire);

/* Two hypervisors may follow one host (a vCenter, and its ESXi directly): true when the NIC is the
 * same. */
bool round_may_share_port(const struct round *round, const struct wire *a, const struct wire *b);

/* True when the port is known to be a LAG. */
bool round_is_lag(const struct round *round, const char *port);

/* Only ports that the configuration enables for vsn, and that no other switch is behind. */
bool round_may_have_wires(const struct config_port *port);

#endif

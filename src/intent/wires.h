/* wires.h: which host NIC is behind which switch port, and how we know.
 *
 * Pure: facts in, wires out. Evidence, best first (docs/architecture.md, "Virtual wires"):
 *  - pin: the operator says so: proved.
 *  - echo: the hypervisor says that this NIC hears the nonce that was sent on this port only
 * (nonce.h): proved, and only the operator's word stands above it.
 *  - hint: the hypervisor says that this NIC hears this very port: confirmed.
 *  - heard: LLDP or CDP heard on the port carries, as its port or chassis id, the MAC address that
 * the hypervisor reports for exactly one NIC: confirmed.
 *  - lacp: the port is a LAG whose partner by LACP is exactly one host: confirmed, for each NIC of
 * that host's LAG.
 *  - mac-table: an address of exactly one host's interface or NIC is, or was while the link stayed
 * up, in the MAC table of the port (sightings.h, mac_table.h): confirmed, but it yields to the
 * evidence above. Where a virtual switch has several uplinks it means one of them: the port has a
 * wire to each, and so carries what any of them needs.
 *  - machine: addresses of machines of exactly one host are in the MAC table of the port: claimed,
 * and acted upon under 'evidence ftos' only, since machines' owners choose their addresses.
 *  - named: a station heard on the port only claims a host's name: claimed, never acted upon.
 * Evidence that names two NICs for a port, or two ports for a NIC, is a conflict: the port is
 * frozen. A wire whose evidence is gone is remembered as 'lost', and nothing is removed from its
 * port, even when another NIC is seen there now: until its NIC is trusted to be behind another port
 * ('moved', for as long as that is so), is proved to be there no more, or the operator pins the
 * port. */
#ifndef VSN_INTENT_WIRES_H
#define VSN_INTENT_WIRES_H

#include "model/config.h"
#include "model/inventory.h"

enum wire_state {
    WIRE_CLAIMED,   /* somebody says so; never acted upon */
    WIRE_LOST,      /* was trusted, its evidence is gone: left as it is */
    WIRE_MOVED,     /* was trusted, and the NIC is now behind another port */
    WIRE_CONFLICT,  /* evidence contradicts: frozen */
    WIRE_CONFIRMED, /* by evidence that nothing contradicts */
    WIRE_PROVED,
    N_WIRE_STATES,
};

enum evidence_kind {
    EVIDENCE_PIN,
    EVIDENCE_ECHO,
    EVIDENCE_HINT,
    EVIDENCE_HEARD,
    EVIDENCE_LACP,
    EVIDENCE_FDB,
    EVIDENCE_MACHINE,
    EVIDENCE_NAMED,
    N_EVIDENCE_KINDS
};

struct wire { /* texts are owned by the wire list */
    char *port;
    char *hypervisor; /* the configured name */
    char *host;       /* id of its host row */
    char *host_name;
    char *nic; /* the device */
    enum wire_state state;
    unsigned evidence; /* bit per evidence_kind */
    int64_t since_ms;  /* monotonic: when this NIC was first seen on this port */
    int64_t seen_ms;   /* monotonic: when evidence was last there */
    bool was_trusted;  /* it was confirmed or proved at some time */
    bool demanded;     /* something was needed behind the port since this wire was first seen: an
                        * empty demand is believed only then (wires_note_demand()) */
    unsigned
        n_candidates; /* NICs that the MAC table may mean, this one included; 0: it is silent */
    unsigned n_machine_nics; /* the same for addresses of machines */
    unsigned sighting;       /* number of the sighting in this round, to tell one from another */
    int64_t table_ms;        /* monotonic: when it was last in the MAC table */
    bool is_doubtful;        /* what the MAC table says must not be relied upon */
    bool is_rumour; /* nor what machines' addresses say: something else speaks of the port, too */
    int64_t kind_since_ms[N_EVIDENCE_KINDS]; /* monotonic: since when each kind has been there, */
    int64_t kind_seen_ms[N_EVIDENCE_KINDS];  /* and when it last was; 0: never */
    char detail[256];                        /* what the evidence says, or what contradicts */
};

struct wires {
    struct wire *wires; /* sorted by port, then hypervisor, host, nic */
    size_t count;
};

/* One hypervisor as the pure code sees it. */
struct hypervisor_view {
    const struct config_hypervisor *config;
    const struct inventory *inventory;
};

/* Recomputes the wires. 'before' are the wires of the last call (may be NULL) and give age and
 * memory; 'neighbors' is the neighbour process's inventory, 'module' the Config
 * Module's. Only ports that the configuration
 * enables for vsn have wires. Returns 0 or -ENOMEM, then '*ret_wires' is untouched. */
int wires_compute(const struct config *config, const struct hypervisor_view *hypervisors,
                  size_t n_hypervisors, const struct inventory *neighbors,
                  const struct inventory *module, const struct wires *before, int64_t now_ms,
                  struct wires *ret_wires);

void wire_done(struct wire *wire);
void wires_done(struct wires *wires);

/* Notes that something is needed behind 'port'. */
void wires_note_demand(struct wires *wires, const char *port);

/* True when VLANs may be added by this wire: 'evidence normal' takes confirmed and proved ones,
 * 'strict' proved ones only, 'ftos' those by machines' addresses, too. */
bool wire_is_trusted(const struct wire *wire, enum config_evidence evidence);

/* True when evidence better than the MAC table's names exactly this NIC. */
bool wire_names_nic(const struct wire *wire);

const char *wire_state_word(enum wire_state state);

const char *wire_kind_word(enum evidence_kind kind);

/* True when evidence of that kind is there now. */
bool wire_has(const struct wire *wire, enum evidence_kind kind);

/* "pin", "hint+heard": the kinds of a wire's evidence. Returns 'text'. */
char *wire_evidence_text(const struct wire *wire, char *text, size_t size);

#endif

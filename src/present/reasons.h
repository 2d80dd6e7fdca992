/* reasons.h: one VLAN on one port, and the chain of reasons for it: hypervisor, virtual switch,
 * network, machine (there, or on its way) or interface, host, NIC, evidence, port. Only
 * views_why*.c includes this. */
#ifndef VSN_PRESENT_REASONS_H
#define VSN_PRESENT_REASONS_H

#include "present/views.h"

struct reasons {
    const struct view *view;
    const struct config *config;
    const char *name; /* of the port */
    uint32_t vlan;
    const struct config_port *port_config; /* NULL: the configuration does not name it */
    const struct port *port;               /* NULL: the switch does not have it */
    const struct port_intent *intent;      /* NULL: not enabled for vsn */
    const struct plan_port *plan;          /* as 'intent' */
    struct strbuf sentences;               /* each ended by a NUL */
    size_t n_sentences;
    size_t n_moves; /* needs so far that a machine on its way brings */
};

/* Reads the arguments PORT and VLAN. On failure the problem is said, and nothing has to be freed.
 */
enum view_status reasons_init(struct reasons *reasons, const struct view *view);

/* Adds a sentence. */
void reasons_say(struct reasons *reasons, const char *format, ...) PRINTF_LIKE(2, 3);

/* Writes the sentences as array 'name' of the object at hand. */
void reasons_write(struct reasons *reasons, const char *name);

/* Ends the object, shows the sentences to people, and frees. */
void reasons_end(struct reasons *reasons);

/* Says what demand there is for the VLAN behind a wire: one sentence (a chain) and one object
 * per need, after 'intro' if there is any (NULL: none), and the evidence for the wire behind them.
 * Returns how many there are; '*reterr' says what could not be read, if anything. */
size_t reasons_needs(struct reasons *reasons, const struct wire *wire, const char *intro,
                     struct error *reterr);

/* "migrate from a to b, announced 3 s ago by VmBeingHotMigratedEvent of CORP\alice". Returns
 * 'text'. */
char *reasons_move_text(const struct reasons *reasons, const struct inventory *inventory,
                        const struct move *move, char *text, size_t size);

/* The machine of a need, or of a move ('move' may be NULL): "machine "web"", "machine "web", on its
 * way", "machine "web7", a copy of "golden", on its way". Returns 'text'. */
char *reasons_machine_text(const struct machine *machine, const struct move *move, char *text,
                           size_t size);

/* Writes list 'for_ports', the ports of this switch that need the VLAN or carry it: those that an
 * uplink carries it for; none when the port is no uplink. Says 'intro' and their names, if there
 * are any. Returns how many there are. */
size_t reasons_for_ports(struct reasons *reasons, const char *intro);

/* Says that nothing passes, when the port is down. */
void reasons_down(struct reasons *reasons);

/* Says what became of the last machine whose move asked for the VLAN there, if that came to
 * nothing; false when there is none in the ledger of moves. */
bool reasons_last_move(struct reasons *reasons);

/* Whose hand put the VLAN on the port: "vsn", "hand", "native", "open" (the port carries every
 * VLAN), or "nobody": it is not carried. */
const char *reasons_by(const struct reasons *reasons);

#endif

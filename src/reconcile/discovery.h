/* discovery.h: whether somebody is looked for behind a port.
 *
 * Pure. A port with 'vsn enable' whose link is up, and behind which no host NIC is known for
 * 'discovery timeout' while a hypervisor is connected, is said to be suspended: once in the log,
 * and in 'show port'. FTOS stopped looking then; here evidence counts whenever it comes, and the
 * word only keeps the log calm and tells an engineer that something is wrong there. It is looked
 * for again, and said so, after what may have helped: the link came up, a hypervisor connected, a
 * host or a NIC of one is new, the configuration was read. */
#ifndef VSN_RECONCILE_DISCOVERY_H
#define VSN_RECONCILE_DISCOVERY_H

#include "intent/wires.h"
#include "reconcile/actions.h"
#include "reconcile/contact.h"

enum discovery_state { DISCOVERY_NONE, DISCOVERY_BOUND, DISCOVERY_SEARCHING, DISCOVERY_SUSPENDED };

struct discoveries;

struct discoveries *discoveries_new(void);
struct discoveries *discoveries_free(struct discoveries *discoveries);

/* Something happened after which it is worth while to look again on all ports: 'format' says what,
 * for the log. Counts from the next settling on; of several causes the first is told. */
void discoveries_resume(struct discoveries *discoveries, const char *format, ...) PRINTF_LIKE(2, 3);

/* The same for one port, whose row is told. */
void discoveries_follow_port(struct discoveries *discoveries, const struct port *before,
                             const struct port *now);

struct discovery_facts {
    const struct config *config;
    const struct contacts *contacts;
    const struct wires *wires;
    const struct inventory *module;
    int64_t now_ms;
};

/* Draws conclusions for every port. Returns 0 or -ENOMEM: then what is missing is done later. */
int discoveries_settle(struct discoveries *discoveries, const struct discovery_facts *facts,
                       struct actions *actions);

/* DISCOVERY_NONE for a port behind which no host is looked for. */
enum discovery_state discoveries_of(const struct discoveries *discoveries, const char *port);

/* "bound", "searching", "suspended"; "" for none. */
const char *discovery_word(enum discovery_state state);

#endif

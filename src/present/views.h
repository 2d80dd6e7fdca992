/* views.h: what there is to show, each as one walk over the core into a writer.
 *
 * Pure: a view reads the core and is handed the time. Views of lists write an array of objects, in
 * JSON whatever the number; their members are documented in vsn(1). */
#ifndef VSN_PRESENT_VIEWS_H
#define VSN_PRESENT_VIEWS_H

#include "present/writer.h"
#include "reconcile/core.h"

enum view_status {
    VIEW_DONE = 0,
    VIEW_NOT_FOUND = 1, /* nothing of that name, or the answer is no */
    VIEW_USAGE = 2      /* an argument has no such form */
};

struct view {
    const struct core *core;
    struct writer *writer;
    int argc;
    char *const *argv; /* the arguments behind the command's own words */
    int64_t now_ms;    /* monotonic */
    int64_t wall_ms;
    struct strbuf *problem; /* with a status other than VIEW_DONE: a sentence, or nothing when the
                             * answer says it */
};

typedef enum view_status view_fn(const struct view *view);

/* show hypervisor [NAME], host, machine, network (views_hypervisor.c) */
view_fn view_hypervisors, view_hosts, view_machines, view_networks;

/* show switch, port [PORT], vlan, virtualwire, plan, audit (views_switch.c) */
view_fn view_switch, view_ports, view_vlans, view_wires, view_plan, view_audit;

/* show migration [MACHINE], show migration-summary (views_migration.c) */
view_fn view_migrations, view_migration_summary;

/* show running-config (views_rest.c) */
view_fn view_running_config;

/* why PORT VLAN, why-not PORT VLAN (views_why.c) */
view_fn view_why, view_why_not;

/* can-move MACHINE HOST (views_can_move.c) */
view_fn view_can_move;

/* ---- For the views themselves ---------------------------------------------------------------- */

/* The hypervisor of that name; false when none is configured. */
bool view_hypervisor(const struct view *view, const char *name, struct core_hypervisor *ret);

/* The switch's status row, or NULL when it was not read yet. */
const struct switch_status *view_switch_status(const struct view *view);

/* Ends a text with a sentence when the switch cannot be written to just now. */
void view_note_switch(const struct view *view);

/* VLANs that a port carries by somebody else's hand. */
struct vlanset view_hand_made(const struct port *port);

/* VLANs that it carries because vsn added them. */
struct vlanset view_applied(const struct port *port);

/* "config" or "check", as the hypervisors behind a port have it; "" while none is known to be. */
const char *view_mode(const struct view *view, const struct plan_port *plan);

/* "it is down, and will be brought up": what becomes of a port that is down and needed; NULL: it is
 * not. */
const char *view_down(const struct plan_port *plan);

/* Seconds since a monotonic time, -1 for 0. */
int64_t view_age(const struct view *view, int64_t then_ms);

/* Writes a move as an object 'name': kind, outcome, from, to, name, by, user, since_ms; null for
 * NULL. */
void view_write_move(const struct view *view, const char *name, const struct inventory *inventory,
                     const struct move *move);

/* The name of a host, or its id when it is not known. */
const char *view_host_name(const struct inventory *inventory, const char *id);

/* The name of a row, or its id when it has none. */
const char *view_name(const char *name, const char *id);

/* An array of names under construction; the names are borrowed. */
struct view_names {
    const char **items;
    size_t count, space;
    bool failed; /* out of memory */
};

void view_names_add(struct view_names *names, const char *name);
/* Writes the array as a list and frees it. */
void view_names_write(struct view_names *names, struct writer *writer, const char *name);

#endif

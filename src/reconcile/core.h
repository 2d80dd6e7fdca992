/* core.h: the decision core: step(state, event, now) -> actions.
 *
 * Pure: no input or output, no clock, no log. The same object runs in vsnd, in unit tests and in
 * replay (vsn-sim). Facts arrive as records from sources; conclusions are drawn at EVENT_SETTLE,
 * which the caller sends when it has handed in everything that had arrived. */
#ifndef VSN_RECONCILE_CORE_H
#define VSN_RECONCILE_CORE_H

#include "intent/intent.h"
#include "reconcile/actions.h"
#include "reconcile/discovery.h"
#include "reconcile/flight.h"
#include "reconcile/migrations.h"
#include "reconcile/plan.h"

struct core;

enum event_kind {
    EVENT_CONFIG, /* 'config' takes the old one's place; the core owns it from then on */
    EVENT_RECORD, /* 'record' came from 'source' */
    EVENT_LOST,   /* the process behind 'source' ended; 'reason' says how */
    EVENT_SETTLE, /* time to draw conclusions */
    EVENT_ACCEPT, /* an operator accepts the smaller answer of hypervisor 'source' */
};

/* Sources are written "switch", "neighbor", "history" and "hypervisor/NAME". */
struct event {
    enum event_kind kind;
    const char *source;
    const struct record *record;
    const char *reason;
    struct config *config;
};

struct core *core_new(void);
struct core *core_free(struct core *core);

/* Takes in one event and appends what follows from it to 'actions'. Returns 0, or a negative errno
 * with the sentence when the event could not be taken in; the state is then as before, or, for a
 * record, marked as not complete: nothing will be removed for what is missing. 'wall_ms' is only
 * remembered for output. */
int core_step(struct core *core, const struct event *event, int64_t now_ms, int64_t wall_ms,
              struct actions *actions, struct error *reterr);

/* ---- What there is to see (borrowed until the next step) ---------------------------------- */

struct core_hypervisor {
    const struct config_hypervisor *config;
    const struct inventory *inventory; /* NULL when it is disabled */
    const struct session *session;     /* as last told; never NULL */
    enum session_state state; /* 'session->state', or disabled, or stale when its process is gone */
    int64_t heard_ms;         /* monotonic: last record; 0: never */
    int64_t connected_ms;     /* monotonic: since when connected; 0: it is not */
};

const struct config *core_config(const struct core *core);
size_t core_hypervisors(const struct core *core);
struct core_hypervisor core_hypervisor(const struct core *core, size_t index);
const struct inventory *core_neighbors(const struct core *core);
const struct inventory *core_module(const struct core *core); /* tables switch and port */
const struct wires *core_wires(const struct core *core);
const struct intent *core_intent(const struct core *core);
const struct plan *core_plan(const struct core *core);
const struct guard *core_guard(const struct core *core);
const struct flights *core_flights(const struct core *core);
const struct discoveries *core_discoveries(const struct core *core);

/* The changes that were made, newest first: index 0 is the last one. NULL behind the end. */
const struct audit *core_audit(const struct core *core, size_t index);

/* The ledger of moves. */
const struct migrations *core_migrations(const struct core *core);

#endif

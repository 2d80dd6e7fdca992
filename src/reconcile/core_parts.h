/* core_parts.h: the core's state, for its own files: core.c (the step), core_module.c (what the
 * Config Module tells and is told), core_settle.c (drawing conclusions). */
#ifndef VSN_RECONCILE_CORE_PARTS_H
#define VSN_RECONCILE_CORE_PARTS_H

#include "reconcile/audit.h"
#include "reconcile/contact.h"
#include "reconcile/core.h"
#include "reconcile/discovery.h"
#include "reconcile/flight.h"
#include "reconcile/lag_watch.h"

struct core {
    struct config *config;
    struct contacts contacts;
    struct inventory *neighbors;
    struct inventory *module;
    struct wires wires;
    struct intent intent;
    struct plan plan;
    struct guard *guard;
    struct flights *flights;
    struct lag_watch *lag_watch;
    struct discoveries *discoveries;
    struct audit_log *audit;
    struct migrations *migrations;
    bool policy_sent;
};

/* ---- core_module.c --------------------------------------------------------------------------- */

/* Sends the Config Module's own fences, in full. */
void core_send_policy(struct core *core, struct actions *actions);

/* A record came from the Config Module. Returns 0 or a negative errno with the sentence. */
int core_take_module_record(struct core *core, const struct record *record, int64_t now_ms,
                            int64_t wall_ms, struct actions *actions, struct error *reterr);

/* Its process ended. */
void core_lose_module(struct core *core, const char *reason, struct actions *actions);

/* ---- core_settle.c --------------------------------------------------------------------------- */

/* Wires, intent and plan anew, from everything that is known; what is to be written is sent.
 * Returns 0 or -ENOMEM: then nothing is sent, and it is tried again. */
int core_settle(struct core *core, int64_t now_ms, int64_t wall_ms, struct actions *actions);

#endif

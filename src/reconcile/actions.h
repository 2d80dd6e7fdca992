/* actions.h: what follows from an event: lines for other processes, and when to come again. */
#ifndef VSN_RECONCILE_ACTIONS_H
#define VSN_RECONCILE_ACTIONS_H

#include <stdint.h>

#include "base/log.h"
#include "base/strbuf.h"

struct actions {
    struct strbuf to_module;  /* record lines for the Config Module */
    struct strbuf to_history; /* record lines for the process that keeps the history */
    struct strbuf log;        /* lines "LEVEL text", LEVEL being a digit of enum log_level */
    int64_t wake_ms; /* monotonic: send EVENT_SETTLE no later than this; INT64_MAX: not needed */
    bool settle;     /* something changed: send EVENT_SETTLE once what has arrived is handed in */
    bool settle_now; /* the same, and a machine is on its way: without the pause that is else kept
                      * between two settlings */
};

void actions_init(struct actions *actions);
void actions_done(struct actions *actions);

/* One line for the log. Line breaks in it become blanks: names in it come from outside. */
void actions_say(struct actions *actions, enum log_level level, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Lowers 'wake_ms' to that time. */
void actions_wake(struct actions *actions, int64_t at_ms);

#endif

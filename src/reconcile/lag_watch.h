/* lag_watch.h: LAGs that went down right after vsn changed them.
 *
 * Pure. That should never happen; where it does, on some platform, more of the same must not
 * follow. From then on no LAG is changed and nothing is removed from any port, until that LAG is up
 * again or the operator has the configuration read again. Additions to other ports go on: machines
 * that move there need them. */
#ifndef VSN_RECONCILE_LAG_WATCH_H
#define VSN_RECONCILE_LAG_WATCH_H

#include "model/record.h"

#define LAG_WATCH_MS 10000 /* what goes down that soon after a change went down because of it */

struct lag_watch;

struct lag_watch *lag_watch_new(void);
struct lag_watch *lag_watch_free(struct lag_watch *watch);

/* A change was sent to 'port', whatever kind of port it is. Returns 0 or -ENOMEM. */
int lag_watch_change(struct lag_watch *watch, const char *port, int64_t now_ms);

/* A port was read again. True when the alarm was raised by it. */
bool lag_watch_port(struct lag_watch *watch, const struct port *before, const struct port *now,
                    int64_t now_ms);

/* What stands against changing LAGs and against removals, or NULL. */
const char *lag_watch_alarm(const struct lag_watch *watch);

/* The operator has seen to it. */
void lag_watch_clear(struct lag_watch *watch);

#endif

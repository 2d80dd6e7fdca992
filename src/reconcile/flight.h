/* flight.h: changes that were sent to the Config Module, and ports that need a rest.
 *
 * Pure. While a change of a port is under way, nothing is sent after it but additions of other
 * VLANs: a machine that moves does not wait for a slow answer. After a failure the port waits 1 s,
 * 2 s, 4 s ... 60 s before it is tried again, but for additions that did not fail: one VLAN that
 * the switch refuses does not keep another from a machine that moves. A port on which another hand
 * takes away the same VLANs again and again is left alone for a while, so that two writers do not
 * fight. */
#ifndef VSN_RECONCILE_FLIGHT_H
#define VSN_RECONCILE_FLIGHT_H

#include "model/record.h"

#define FLIGHT_LOST_MS 30000 /* a change without an outcome is forgotten after that */
#define FLIGHT_RETRY_MAX_MS 60000
#define FLIGHT_MOST 8  /* changes of one port that may be under way */
#define FLIGHT_FLIPS 3 /* repairs within FLIGHT_FLIP_MS before the port is left alone */
#define FLIGHT_FLIP_MS 60000
#define FLIGHT_YIELD_MS 300000

struct flights;

struct flights *flights_new(void);
struct flights *flights_free(struct flights *flights);

/* What stands against writing to a port. */
struct flight_obstacle {
    const char *reason; /* NULL: nothing */
    bool may_add;       /* additions may be sent all the same, but for those that are 'held' */
    struct vlanset held;
};

/* '*wake_ms' is lowered to when that may have changed. */
struct flight_obstacle flights_obstacle(struct flights *flights, const char *port, int64_t now_ms,
                                        int64_t *wake_ms);

/* Notes that a change was sent; fills in its number ('change->id', borrowed until the next call).
 * 'repairs': VLANs of it that vsn owned already, which somebody else took away. Returns 0 or
 * -ENOMEM;
 * '*ret_yields' becomes true when this was one repair too many: the port then rests after this one.
 */
int flights_start(struct flights *flights, struct change *change, bool repairs, int64_t now_ms,
                  bool *ret_yields);

/* Why additions to 'port' rest just now though nothing else stands against them: '*ret_which' are
 * those that would not be written even if a machine needed them. NULL: none. */
const char *flights_rest(const struct flights *flights, const char *port, int64_t now_ms,
                         struct vlanset *ret_which);

/* A port was read again: what vsn owned and is gone now, without a removal of ours, was taken away
 * by somebody else. -ENOMEM: it is not noted. */
int flights_note_port(struct flights *flights, const struct port *before, const struct port *now);

/* What somebody else took away on 'port' and was not put back yet. */
struct vlanset flights_taken(const struct flights *flights, const char *port);

/* Takes in an outcome. True when it belongs to a change under way on its port. */
bool flights_land(struct flights *flights, const struct outcome *outcome, int64_t now_ms);

/* The Config Module is gone: nothing is under way any more. */
void flights_forget(struct flights *flights);

#endif

/* session.h: a session with a XenServer or XCP-ng pool, 5.6 to today: finds the pool's master by
 * any of its members, reads all that decides which VLANs are needed where, and follows the changes,
 * for as long as it is told to.
 *
 * What a release lacks is found out by asking. Contact that is lost is sought again with growing
 * delays, at the master first and then at the members that are known; a refused password or
 * certificate is not tried again before a quarter of an hour has passed. */
#ifndef VSN_SOURCE_XENAPI_SESSION_H
#define VSN_SOURCE_XENAPI_SESSION_H

#include "source/life.h"

struct xenapi_session;

/* NULL when out of memory. */
struct xenapi_session *xenapi_session_new(struct loop *loop, const struct life_callbacks *callbacks,
                                          void *data);
struct xenapi_session *xenapi_session_free(struct xenapi_session *session);

/* As life_target() and life_stop(). The target's URL is https://ADDRESS[:PORT] of any member. */
void xenapi_session_target(struct xenapi_session *session, const struct target *target);
void xenapi_session_stop(struct xenapi_session *session);

#endif

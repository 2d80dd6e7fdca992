/* session.h: a session with one ESX(i) host or vCenter: logs in, reads all that decides which VLANs
 * are needed where, and follows the changes, for as long as it is told to.
 *
 * Works with API 2.5 (ESX 3.5) to 8: what a server lacks is found out by asking. Contact that is
 * lost is sought again with growing delays; a refused password or certificate is not tried again
 * before a quarter of an hour has passed, because accounts get locked. */
#ifndef VSN_SOURCE_VSPHERE_SESSION_H
#define VSN_SOURCE_VSPHERE_SESSION_H

#include "source/life.h"

struct vsphere_session;

/* NULL when out of memory. */
struct vsphere_session *vsphere_session_new(struct loop *loop,
                                            const struct life_callbacks *callbacks, void *data);
struct vsphere_session *vsphere_session_free(struct vsphere_session *session);

/* As life_target() and life_stop(). */
void vsphere_session_target(struct vsphere_session *session, const struct target *target);
void vsphere_session_stop(struct vsphere_session *session);

#endif

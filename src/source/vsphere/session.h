/* session.h: a session with one ESX(i) host or vCenter: logs in, reads all that decides which VLANs
 * are needed where, and follows the changes, for as long as it is told to.
 *
 * Works with API 2.5 (ESX 3.5) to 8: what a server lacks is found out by asking. Contact that is
 * lost is sought again with growing delays; a refused password or certificate is not tried again
 * before a quarter of an hour has passed, because accounts get locked. */
#ifndef VSN_SOURCE_VSPHERE_SESSION_H
#define VSN_SOURCE_VSPHERE_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/loop.h"
#include "model/record.h"

struct vsphere_session;

struct vsphere_callbacks {
    /* Whole lines of record.h, in order. */
    void (*emit)(const char *lines, size_t size, void *data);
    /* True while no more should be emitted; asked before each piece of a reply. */
    bool (*congested)(void *data);
    /* The session that vsphere_session_stop() was called for is logged out, or could not be. */
    void (*stopped)(void *data);
};

/* NULL when out of memory. */
struct vsphere_session *vsphere_session_new(struct loop *loop,
                                            const struct vsphere_callbacks *callbacks, void *data);
struct vsphere_session *vsphere_session_free(struct vsphere_session *session);

/* Whom to follow from now on; the texts are copied. A session with someone else ends first. */
void vsphere_session_target(struct vsphere_session *session, const struct target *target);

/* Logs out, within a few seconds, and calls 'stopped'. */
void vsphere_session_stop(struct vsphere_session *session);

#endif

/* state.h: what the files of a session share: its state, and the steps it takes. Private to
 * session.c, steps.c and side.c. */
#ifndef VSN_SOURCE_XENAPI_STATE_H
#define VSN_SOURCE_XENAPI_STATE_H

#include "source/exchange.h"
#include "source/life.h"
#include "source/xenapi/moves.h"
#include "source/xenapi/roles.h"
#include "source/xenapi/session.h"
#include "source/xenapi/take.h"

/* What the main exchange is about. */
enum step {
    STEP_NONE,
    STEP_LOGIN,
    STEP_TIDY,       /* ends a session that was left behind when contact was lost */
    STEP_POOL,       /* the pool's own record */
    STEP_INJECT,     /* a token from before the full read: by event.inject (6.1 on) */
    STEP_FIRST,      /* or by event.from (6.0) */
    STEP_UNREGISTER, /* without tokens (5.6): before the full read, all events are asked for */
    STEP_REGISTER,
    STEP_READ,   /* all records, class by class */
    STEP_FOLLOW, /* event.from or event.next */
    STEP_LOGOUT,
    N_STEPS
};

struct xenapi_session {
    struct life life;
    struct xen_roles roles;
    struct http *http;
    char url[ADDRESS_SIZE + 32];

    struct exchange main, side;
    struct xen_take main_take, side_take;
    struct xen_pool pool;
    struct xen_moves moves;
    enum step step;

    struct loop_watch *resume_timer; /* a reply waits for room */
    struct loop_watch *reply_timer;  /* the bound of a reply that has begun */
    struct loop_watch *moves_timer;  /* a move's outcome is due */
    struct loop_watch *pace_timer;   /* the next step may be taken */
    struct loop_watch *resync_timer; /* events were lost, and nothing was heard since */
    enum step paced;

    /* Of the connection. */
    char ref[XEN_REF_SIZE]; /* of the session; "": not logged in */
    bool lost;              /* the server has ended the session */
    bool no_inject, no_from;
    bool registered;
    bool syncing;
    bool doubted; /* what is known may be wrong until everything was read again */
    enum xen_class reading;
    char token[XEN_TOKEN_SIZE];
    int64_t asked_ms;  /* when the last event.from or event.next began */
    bool awaiting;     /* nothing of its answer has come */
    int64_t synced_ms; /* when the last full read ended; 0: there was none */
    bool miscounted;   /* the last full read was because of a count */
    int64_t surplus[N_XEN_CLASSES];
    char left[XEN_REF_SIZE], left_at[ADDRESS_SIZE]; /* a session that was not logged out */

    struct error untrusted; /* a member of this round that did not prove who it is */

    /* side.c */
    struct loop_watch *side_timer;
    enum side_step { SIDE_NONE, SIDE_HOSTS, SIDE_NICS, SIDE_PROBE } side_step;
    int64_t probed_ms; /* when an event was injected that is not seen yet; 0: none */
};

/* ---- session.c ---- */

/* Takes a step: builds its call and starts it. */
void xen_session_step(struct xenapi_session *session, enum step step);
/* The same after a delay. */
void xen_session_step_later(struct xenapi_session *session, enum step step, int64_t delay_ms);
/* Ends what is under way; the reason is set. */
void xen_session_close(struct xenapi_session *session, enum life_after after);
/* The member that was asked is of no use now: asks the next one, or ends the round. */
void xen_session_next_member(struct xenapi_session *session, bool is_dead);
/* Tells vsnd what changed, or everything while syncing. False when that is too much: the session
 * was closed. */
bool xen_session_flush(struct xenapi_session *session);

/* ---- steps.c ---- */

/* Builds the body of a step's call and says what decodes its value; NULL with the sentence when it
 * cannot be built. */
const struct rpc_rule *xen_step_build(struct xenapi_session *session, struct error *reterr);
/* Draws the conclusions from a step's reply. */
void xen_step_answered(struct xenapi_session *session);
struct exchange_manner xen_step_manner(const struct xenapi_session *session);
/* What a step is about, for a sentence. */
const char *xen_step_name(enum step step);
/* Everything is to be read again; 'why' is the reason. */
void xen_step_resync(struct xenapi_session *session, const char *why);

/* ---- side.c ---- */

/* Begins the rounds; ends them. */
void xen_side_start(struct xenapi_session *session);
void xen_side_stop(struct xenapi_session *session);
void xen_side_due(void *session);
void xen_side_done(enum exchange_outcome outcome, void *session);

#endif

/* state.h: what the files of a session share: its state, and the steps it takes. Private to
 * session.c, steps.c, side.c, watch.c and questions.c. */
#ifndef VSN_SOURCE_VSPHERE_STATE_H
#define VSN_SOURCE_VSPHERE_STATE_H

#include "base/log.h"
#include "source/life.h"
#include "source/vsphere/call.h"
#include "source/vsphere/pending.h"
#include "source/vsphere/session.h"
#include "source/vsphere/teller.h"

/* What the main call is about. */
enum step {
    STEP_NONE,
    STEP_VERSIONS, /* which versions of the API are there? */
    STEP_CONTENT,  /* where is everything? */
    STEP_LOGIN,
    STEP_COLLECTOR, /* a property collector of our own */
    STEP_VIEW,      /* a view of all objects of interest */
    STEP_SWITCHES,  /* distributed switches in full, before the port groups that depend on them */
    STEP_FILTER,    /* what to tell us of */
    STEP_WAIT,      /* what is there, then what changes */
    STEP_REREAD,    /* objects whose change said too little */
    STEP_LOGOUT,
    N_STEPS
};

/* What the call of the watch for moves is about. */
enum watch_step {
    WATCH_NONE,
    WATCH_CLOCK,        /* what time is it there? Older events are of no interest */
    WATCH_EVENTS,       /* a collector of events about moves */
    WATCH_PAGE,         /* how many of them it holds */
    WATCH_COLLECTOR,    /* a property collector of the watch's own */
    WATCH_EVENT_FILTER, /* to tell of the events */
    WATCH_TASK_FILTER,  /* and of tasks */
    WATCH_WAIT,         /* what is there, then what changes */
    WATCH_POLL,         /* the same, now and then, where there is no waiting beside the inventory */
    WATCH_CHAIN,        /* the events of a move that began before we came */
    WATCH_RESET,        /* back to the page, to read from there */
    WATCH_OLDER,        /* events that it could not hold */
    N_WATCH_STEPS
};

/* The fast loop, beside that of the inventory: events and tasks, and the moves that follow. */
struct watch {
    struct call call;
    enum watch_step step;
    struct pending *pending;
    struct loop_watch *timer, *look_timer;
    struct moref events, collector;
    char begin[64], version[ID_SIZE];
    uint64_t chain;             /* being asked about */
    uint64_t last_key;          /* of the newest event taken; 0: none */
    uint64_t gap_low, gap_high; /* events between these may be missing; 0, 0: none */
    unsigned gap_reads;
    struct task *late; /* they wait for these events */
    size_t n_late;
    int64_t asked_ms;
    bool can_query, can_read, sees_tasks;
    bool ready;        /* what is under way is known, or cannot be */
    bool held;         /* the end of the full read waits for that */
    bool complete;     /* the inventory of this target was read in full */
    unsigned failures; /* of waits, one after the other */
    char remark[ERROR_SIZE / 2];
};

/* Calls that this server turned out to lack. */
struct lacks {
    bool collectors, retrieve_ex, wait_ex, check, wait;
};

struct vsphere_session {
    struct life life;
    char versions_url[1100];
    struct http *http;
    struct teller *teller;

    char protocol[64];       /* a remark on old TLS; "" */
    char oddity[ERROR_SIZE]; /* the last strange thing that was told; "" */
    struct log_limit oddities;

    struct call main, side;
    struct watch watch;
    enum step step;
    struct loop_watch *poll_timer;   /* of a server that cannot be waited for */
    struct loop_watch *resume_timer; /* a reply waits for room */

    /* Of the connection. */
    struct version_list versions;
    struct content content;
    struct moref collector, view;
    bool logged_in, lost;
    struct lacks lacks;
    char version[ID_SIZE]; /* of the last update; "" before the first full read */
    char token[ID_SIZE];   /* of the next page */
    bool syncing;          /* between teller_begin() and teller_complete() */
    unsigned reread_most;  /* objects per call */
    int64_t asked_ms;      /* when the wait under way began */

    /* Of the target. */
    property_set refused;

    /* The side call: hints, and cancelling a wait. */
    struct loop_watch *hint_timer, *wait_timer;
    unsigned hint_round;
    char hint_host[ID_SIZE];
    bool want_cancel, cancelling; /* to be asked for; being asked for */
    bool cancelled;               /* the wait under way was told to end */
};

/* ---- session.c ---- */

/* Ends what is under way and tries again later, or (LIFE_HOLD) much later. The reason is set. */
void session_close(struct vsphere_session *session, enum life_after after);
/* The session is logged out. */
void session_closed(struct vsphere_session *session);
/* Takes a step: builds its call and starts it. */
void session_step(struct vsphere_session *session, enum step step);

/* Puts together the lasting remarks and tells them. */
void session_notice(struct vsphere_session *session);

/* ---- steps.c ---- */

/* Builds the body of a step's call and names the decoder of what it returns. */
const struct xml_rule *step_build(struct vsphere_session *session, struct error *reterr);
/* Draws the conclusions from a step's reply. */
void step_answered(struct vsphere_session *session);
/* How its call is made. */
struct exchange_manner step_manner(enum step step);
/* The full read goes on: what it waited for is there. */
void step_released(struct vsphere_session *session);
/* What a step is about, for a sentence. */
const char *step_name(enum step step);

/* ---- side.c ---- */

/* Asks the next host for its hints, if one is due and nobody else is being asked. */
void side_kick(struct vsphere_session *session);
/* Begins the rounds; ends them. */
void side_start(struct vsphere_session *session);
void side_stop(struct vsphere_session *session);
/* Asks the server to end the wait that the main call is in (API before 4.1). */
void side_cancel_wait(struct vsphere_session *session);
void side_answered(enum exchange_outcome outcome, void *data);
void side_hint_due(void *data);
void side_wait_due(void *data);

/* ---- watch.c ---- */

/* Returns 0 or -ENOMEM; watch_done() is safe after either. */
int watch_init(struct vsphere_session *session, struct loop *loop);
void watch_done(struct vsphere_session *session);
/* Another target: forgets all moves. Returns 0 or -ENOMEM. */
int watch_open(struct vsphere_session *session);
/* Begins to watch: the session is logged in, and the full read has not begun. Ends it. */
void watch_start(struct vsphere_session *session);
void watch_stop(struct vsphere_session *session);
/* True when the moves that are under way are known, so that a full read may end; otherwise
 * step_released() is called when they are. */
bool watch_is_ready(struct vsphere_session *session);
/* States the moves under way, right before the end of a full read. */
void watch_restate(struct vsphere_session *session);
/* The inventory has changed. */
void watch_look(struct vsphere_session *session);

/* ---- questions.c ---- */

#define WATCH_WAIT_S 60       /* how long the server may hold a wait without news */
#define WATCH_PAGE_EVENTS 100 /* the whole page comes with every event */

/* Builds the body of the watch's step and names the decoder of what it returns. */
const struct xml_rule *watch_question(struct vsphere_session *session, struct strbuf *to);

#endif

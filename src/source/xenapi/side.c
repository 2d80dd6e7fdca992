/* The second call of a session, beside the one that waits for events: metrics, which are read at a
 * pace of their own, and a probe that shows whether events still come. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "source/xenapi/state.h"

#define ROUND_S 60      /* when the target does not say */
#define SIDE_S 60       /* for one call */
#define SILENT_MS 25000 /* an injected event must have been seen by then */

static void start_call(struct xenapi_session *session, const struct rpc_rule *rule,
                       enum xen_class class)
{
    const struct exchange_request request = {
        .url = session->url,
        .manner = { .silence_s = SIDE_S, .total_s = SIDE_S },
        .rules = rpc_rules,
        .into = &session->side_take.rpc,
        .caps = { .bytes = 64u << 20, .opened = 5000000 },
    };

    rpc_finish(&session->side.body);
    xen_take_begin(&session->side_take, rule);
    session->side_take.class = class;
    if (exchange_start(&session->side, session->http, &request) < 0)
        session->side_step = SIDE_NONE; /* the next round tries again */
}

static void read_class(struct xenapi_session *session, enum xen_class class)
{
    char method[64];

    snprintf(method, sizeof(method), "%s.get_all_records", xen_class_name(class));
    rpc_begin(&session->side.body, method);
    rpc_text(&session->side.body, session->ref);
    start_call(session, &xen_list_rule, class);
}

static void probe(struct xenapi_session *session)
{
    const struct xen_object *pool = session->pool.first[XEN_POOL];

    rpc_begin(&session->side.body, "event.inject");
    rpc_text(&session->side.body, session->ref);
    rpc_text(&session->side.body, "pool");
    rpc_text(&session->side.body, pool ? xen_ref(pool) : "");
    session->probed_ms = clock_now_ms();
    start_call(session, &xen_nothing_rule, XEN_POOL);
}

static int64_t round_ms(const struct xenapi_session *session)
{
    uint64_t interval_s = session->life.target->hint_interval_s;

    return (int64_t)(interval_s ? interval_s : ROUND_S) * 1000;
}

void xen_side_start(struct xenapi_session *session)
{
    session->side_step = SIDE_NONE;
    loop_timer_start(session->side_timer, round_ms(session));
}

void xen_side_stop(struct xenapi_session *session)
{
    exchange_cancel(&session->side);
    loop_timer_stop(session->side_timer);
    session->side_step = SIDE_NONE;
}

static void went_silent(struct xenapi_session *session)
{
    error_set(&session->life.reason, 0, "%s sends no events any more", session->roles.asked);
    xen_session_close(session, LIFE_RETRY);
}

static void take_step(struct xenapi_session *session)
{
    switch (session->side_step) {
    case SIDE_NONE:
        session->side_step = SIDE_HOSTS;
        read_class(session, XEN_HOST_METRICS);
        break;
    case SIDE_HOSTS:
        session->side_step = SIDE_NICS;
        read_class(session, XEN_PIF_METRICS);
        break;
    case SIDE_NICS:
        session->side_step = SIDE_PROBE;
        if (!session->no_inject && !session->probed_ms)
            probe(session);
        else
            xen_side_start(session);
        break;
    case SIDE_PROBE:
        xen_side_start(session);
        break;
    }
}

/* A round's time has come. */
void xen_side_due(void *data)
{
    struct xenapi_session *session = data;

    if (session->step != STEP_FOLLOW || session->life.closing)
        return;
    if (session->probed_ms && clock_now_ms() - session->probed_ms > SILENT_MS) {
        went_silent(session);
    } else if (!exchange_is_busy(&session->side)) {
        session->side_step = SIDE_NONE;
        take_step(session);
    }
}

static bool is_fatal(const char *code)
{
    return strcmp(code, "SESSION_INVALID") == 0 || strcmp(code, "HOST_IS_SLAVE") == 0;
}

void xen_side_done(enum exchange_outcome outcome, void *data)
{
    struct xenapi_session *session = data;
    const char *code = session->side_take.rpc.failure.code;

    if (outcome == EXCHANGE_ANSWERED && !is_fatal(code)) {
        /* Events that are being read are told in one. */
        if (session->awaiting && !xen_session_flush(session))
            return;
        life_tell(&session->life, SESSION_CONNECTED); /* a sign of life */
        take_step(session);
        return;
    }
    session->lost = outcome == EXCHANGE_ANSWERED;
    error_set(&session->life.reason, 0, "%s: %s", session->roles.asked,
              session->lost ? "it has ended the session" : session->side.error.text);
    xen_session_close(session, LIFE_RETRY);
}

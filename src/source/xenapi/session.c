#include "source/xenapi/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "source/xenapi/rows.h"
#include "source/xenapi/state.h"

#define RESUME_MS 5
#define REPLY_MS 120000 /* from its first byte to its last */
#define OUT_CAP (64u << 20)

static const struct xml_caps caps = { .bytes = UINT64_C(256) << 20,
                                      .opened = UINT64_C(20) * 1000 * 1000 };

/* ---- Telling --------------------------------------------------------------------------------- */

static int64_t write_moves(struct xenapi_session *session, bool all, struct strbuf *to)
{
    const struct xen_moment moment = {
        .now_ms = clock_now_ms(),
        .wall_ms = clock_wall_ms(),
        .all = all,
    };

    return xen_moves_write(&session->moves, &session->pool, &moment, to);
}

static void write_everything(struct xenapi_session *session, struct strbuf *to)
{
    record_write(to, RECORD_BEGIN, TABLE_ALL, NULL, 0);
    xen_rows_all(&session->pool, to);
    write_moves(session, /* all = */ true, to);
    record_write(to, RECORD_END, TABLE_ALL, NULL, 0);
}

bool xen_session_flush(struct xenapi_session *session)
{
    struct strbuf out;
    int64_t again_ms;
    bool is_whole;

    strbuf_init(&out, OUT_CAP);
    if (session->syncing) {
        write_everything(session, &out);
    } else {
        xen_rows_changed(&session->pool, &out);
        again_ms = session->pool.changes.moves ? write_moves(session, /* all = */ false, &out) : 0;
        if (again_ms)
            loop_timer_start(session->moves_timer, again_ms);
    }
    is_whole = !out.overflow;
    if (out.size && is_whole)
        session->life.callbacks.emit(out.data, out.size, session->life.data);
    strbuf_done(&out);
    if (!is_whole) {
        error_set(&session->life.reason, 0, "the pool is larger than can be told");
        xen_session_close(session, LIFE_RETRY);
    }
    return is_whole;
}

static void on_moves_due(void *data)
{
    struct xenapi_session *session = data;

    if (session->step != STEP_FOLLOW)
        return;
    session->pool.changes.moves = true;
    xen_session_flush(session);
}

static void note_protocol(struct xenapi_session *session)
{
    const char *protocol = http_protocol(session->http);

    if (session->life.target->tls_legacy && *protocol)
        snprintf(session->life.notice, sizeof(session->life.notice),
                 "old TLS is allowed; the server speaks %s", protocol);
}

/* ---- Closing --------------------------------------------------------------------------------- */

static void stop_timers(struct xenapi_session *session)
{
    loop_timer_stop(session->resume_timer);
    loop_timer_stop(session->reply_timer);
    loop_timer_stop(session->moves_timer);
    loop_timer_stop(session->pace_timer);
    loop_timer_stop(session->resync_timer);
}

void xen_session_close(struct xenapi_session *session, enum life_after after)
{
    if (!session->life.closing)
        life_close(&session->life, after);
}

static void closed(struct xenapi_session *session)
{
    session->step = STEP_NONE;
    session->ref[0] = '\0';
    life_closed(&session->life);
}

/* A session that cannot be logged out now is ended when the same member answers again. */
static void leave_behind(struct xenapi_session *session)
{
    text_copy(session->left, sizeof(session->left), session->ref);
    text_copy(session->left_at, sizeof(session->left_at), session->roles.asked);
    session->ref[0] = '\0';
}

static bool disconnect(void *data)
{
    struct xenapi_session *session = data;

    xen_side_stop(session);
    stop_timers(session);
    if (session->step == STEP_LOGIN && exchange_is_busy(&session->main))
        return true; /* its outcome decides whether there is a session to end */
    exchange_cancel(&session->main);
    if (!session->ref[0] || session->lost) {
        session->step = STEP_NONE;
        session->ref[0] = '\0';
        return false;
    }
    xen_session_step(session, STEP_LOGOUT);
    return exchange_is_busy(&session->main);
}

static void abandon(void *data)
{
    struct xenapi_session *session = data;

    exchange_cancel(&session->main);
    session->step = STEP_NONE;
    if (session->ref[0])
        leave_behind(session);
}

/* ---- Steps ----------------------------------------------------------------------------------- */

static void failed(struct xenapi_session *session, enum exchange_outcome outcome);

void xen_session_step(struct xenapi_session *session, enum step step)
{
    struct exchange_request request = {
        .url = session->url,
        .rules = rpc_rules,
        .into = &session->main_take.rpc,
        .caps = caps,
    };
    const struct rpc_rule *rule;

    session->step = step;
    request.manner = xen_step_manner(session);
    xen_roles_url(&session->roles, session->url, sizeof(session->url));
    rule = xen_step_build(session, &session->life.reason);
    if (!rule) { /* no password: a person has to see to it */
        xen_session_close(session, LIFE_HOLD);
        return;
    }
    xen_take_begin(&session->main_take, rule);
    session->main_take.class = session->reading;
    if (exchange_start(&session->main, session->http, &request) == 0)
        return;
    if (step == STEP_LOGOUT) /* the bound of the close ends it */
        session->step = STEP_NONE;
    else
        failed(session, EXCHANGE_FAILED);
}

void xen_session_step_later(struct xenapi_session *session, enum step step, int64_t delay_ms)
{
    session->paced = step;
    loop_timer_start(session->pace_timer, delay_ms > 0 ? delay_ms : 0);
}

static void on_pace(void *data)
{
    struct xenapi_session *session = data;

    xen_session_step(session, session->paced);
}

/* A wait that is given up lives on at the server, and would swallow the next event of its session:
 * everything is read, and followed, in another one. */
static void on_resync_due(void *data)
{
    struct xenapi_session *session = data;

    exchange_cancel(&session->main);
    loop_timer_stop(session->pace_timer);
    loop_timer_stop(session->reply_timer);
    leave_behind(session);
    session->registered = false;
    session->syncing = true;
    xen_session_step(session, STEP_LOGIN);
}

void xen_session_next_member(struct xenapi_session *session, bool is_dead)
{
    if (xen_roles_next(&session->roles, is_dead)) {
        xen_session_step(session, STEP_LOGIN);
        return;
    }
    if (*session->untrusted.text)
        session->life.reason = session->untrusted;
    xen_session_close(session, *session->untrusted.text ? LIFE_HOLD : LIFE_RETRY);
}

/* Nothing came of a login. The first reason of a round is kept: it is the master's. */
static void login_failed(struct xenapi_session *session, enum exchange_outcome outcome)
{
    const char *why = session->main.error.text;
    bool is_first = !session->roles.dead.size;

    if (outcome == EXCHANGE_UNTRUSTED)
        error_set(&session->untrusted, 0, "%s: %s", session->roles.asked, why);
    else if (is_first && outcome == EXCHANGE_GARBAGE)
        error_set(&session->life.reason, 0, "%s does not answer as XenAPI: %s",
                  session->roles.asked, why);
    else if (is_first)
        error_set(&session->life.reason, 0, "%s: %s", session->roles.asked, why);
    xen_session_next_member(session, /* is_dead = */ true);
}

static void failed(struct xenapi_session *session, enum exchange_outcome outcome)
{
    if (session->life.closing) {
        if (session->step == STEP_LOGOUT && outcome == EXCHANGE_FAILED)
            leave_behind(session);
        closed(session);
    } else if (session->step == STEP_LOGIN) {
        login_failed(session, outcome);
    } else if (session->step == STEP_TIDY) {
        xen_session_step(session, STEP_POOL);
    } else {
        error_set(&session->life.reason, 0, "%s: %s failed: %s", session->roles.asked,
                  xen_step_name(session->step), session->main.error.text);
        leave_behind(session);
        xen_session_close(session, outcome == EXCHANGE_UNTRUSTED ? LIFE_HOLD : LIFE_RETRY);
    }
}

/* Closing was asked for while the login was under way, or is done. */
static void answered_while_closing(struct xenapi_session *session)
{
    if (session->step == STEP_LOGIN && session->main_take.rpc.succeeded) {
        text_copy(session->ref, sizeof(session->ref), session->main_take.scalar);
        xen_session_step(session, STEP_LOGOUT);
        return;
    }
    closed(session);
}

static void on_main_done(enum exchange_outcome outcome, void *data)
{
    struct xenapi_session *session = data;

    loop_timer_stop(session->reply_timer);
    note_protocol(session);
    if (outcome != EXCHANGE_ANSWERED)
        failed(session, outcome);
    else if (session->life.closing)
        answered_while_closing(session);
    else
        xen_step_answered(session);
}

static bool on_congested(void *data)
{
    struct xenapi_session *session = data;

    if (!session->life.callbacks.congested(session->life.data))
        return false;
    loop_timer_start(session->resume_timer, RESUME_MS);
    return true;
}

static void on_resume(void *data)
{
    struct xenapi_session *session = data;

    exchange_resume(&session->main);
    exchange_resume(&session->side);
}

/* event.next may be silent for ever; but what has begun must end. */
static void on_main_taken(void *data)
{
    struct xenapi_session *session = data;

    if (session->step == STEP_FOLLOW && session->awaiting) {
        session->awaiting = false;
        loop_timer_start(session->reply_timer, REPLY_MS);
    }
}

static void on_reply_due(void *data)
{
    struct xenapi_session *session = data;

    error_set(&session->life.reason, 0, "%s: an answer does not end", session->roles.asked);
    leave_behind(session);
    xen_session_close(session, LIFE_RETRY);
}

static int check_main(struct error *reterr, void *data)
{
    struct xenapi_session *session = data;

    return rpc_check(&session->main_take.rpc, reterr);
}

static int check_side(struct error *reterr, void *data)
{
    struct xenapi_session *session = data;

    return rpc_check(&session->side_take.rpc, reterr);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static int open_target(struct error *reterr, void *data)
{
    struct xenapi_session *session = data;
    const struct target *target = session->life.target;
    const struct http_config config = {
        .ca_file = target->ca_file,
        .fingerprint = target->fingerprint,
        .tls_legacy = target->tls_legacy,
        .listed_is_enough = true,
        .cookie = "",
    };

    session->http = http_free(session->http);
    xen_moves_done(&session->moves);
    xen_pool_done(&session->pool);
    xen_pool_init(&session->pool);
    session->left[0] = '\0';
    if (xen_roles_open(&session->roles, target->url, reterr) < 0)
        return -EINVAL;
    session->http = http_new(session->life.loop, &config, reterr);
    return session->http ? 0 : -EINVAL;
}

static void connect_now(void *data)
{
    struct xenapi_session *session = data;

    session->ref[0] = session->token[0] = '\0';
    session->lost = session->no_inject = session->no_from = session->registered = false;
    session->syncing = session->doubted = session->miscounted = false;
    session->probed_ms = session->synced_ms = 0;
    memset(session->surplus, 0, sizeof(session->surplus));
    *session->untrusted.text = '\0';
    if (!session->http) { /* the target itself is wrong */
        xen_session_close(session, LIFE_HOLD);
        return;
    }
    xen_roles_begin(&session->roles);
    xen_session_step(session, STEP_LOGIN);
}

static const struct life_ops life_ops = {
    .open = open_target,
    .connect = connect_now,
    .disconnect = disconnect,
    .abandon = abandon,
};

static const struct exchange_hooks main_hooks = {
    .congested = on_congested,
    .taken = on_main_taken,
    .check = check_main,
    .done = on_main_done,
};
static const struct exchange_hooks side_hooks = {
    .congested = on_congested,
    .check = check_side,
    .done = xen_side_done,
};

struct xenapi_session *xenapi_session_new(struct loop *loop, const struct life_callbacks *callbacks,
                                          void *data)
{
    struct xenapi_session *session = calloc(1, sizeof(*session));

    if (!session)
        return NULL;
    xen_pool_init(&session->pool);
    xen_take_init(&session->main_take, &session->pool);
    xen_take_init(&session->side_take, &session->pool);
    xen_roles_init(&session->roles);
    exchange_init(&session->main, &main_hooks, session);
    exchange_init(&session->side, &side_hooks, session);
    session->resume_timer = loop_timer_new(loop, on_resume, session);
    session->reply_timer = loop_timer_new(loop, on_reply_due, session);
    session->moves_timer = loop_timer_new(loop, on_moves_due, session);
    session->pace_timer = loop_timer_new(loop, on_pace, session);
    session->resync_timer = loop_timer_new(loop, on_resync_due, session);
    session->side_timer = loop_timer_new(loop, xen_side_due, session);
    if (life_init(&session->life, loop, callbacks, data, &life_ops, session) < 0 ||
        !session->resume_timer || !session->reply_timer || !session->moves_timer ||
        !session->pace_timer || !session->resync_timer || !session->side_timer)
        return xenapi_session_free(session);
    return session;
}

struct xenapi_session *xenapi_session_free(struct xenapi_session *session)
{
    if (!session)
        return NULL;
    exchange_done(&session->main);
    exchange_done(&session->side);
    http_free(session->http);
    loop_watch_free(session->resume_timer);
    loop_watch_free(session->reply_timer);
    loop_watch_free(session->moves_timer);
    loop_watch_free(session->pace_timer);
    loop_watch_free(session->resync_timer);
    loop_watch_free(session->side_timer);
    life_done(&session->life);
    xen_take_done(&session->main_take);
    xen_take_done(&session->side_take);
    xen_moves_done(&session->moves);
    xen_pool_done(&session->pool);
    xen_roles_done(&session->roles);
    explicit_bzero(session->ref, sizeof(session->ref));
    free(session);
    return NULL;
}

void xenapi_session_target(struct xenapi_session *session, const struct target *target)
{
    life_target(&session->life, target);
}

void xenapi_session_stop(struct xenapi_session *session)
{
    life_stop(&session->life);
}

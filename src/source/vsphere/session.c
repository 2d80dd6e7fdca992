#include "source/vsphere/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "source/vsphere/state.h"

#define RESUME_MS 20
#define ODDITIES 5 /* told in one */
#define ODDITIES_MS 60000
#define REREAD_MOST 100

/* ---- What vsnd hears
 * ----------------------------------------------------------------------------- */

static void on_emit(const char *lines, size_t size, void *data)
{
    struct vsphere_session *session = data;

    session->life.callbacks.emit(lines, size, session->life.data);
}

/* The lasting remarks: on old TLS, on moves, and on the inventory. */
static void compose_notice(struct vsphere_session *session)
{
    const char *const remarks[] = { session->protocol, session->watch.remark, session->oddity };
    char *notice = session->life.notice;
    size_t size = sizeof(session->life.notice), used = 0;

    *notice = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(remarks) && used < size - 1; i++)
        if (*remarks[i]) {
            text_copy(notice + used, size - used, used ? "; " : "");
            used = strlen(notice);
            text_copy(notice + used, size - used, remarks[i]);
            used = strlen(notice);
        }
}

void session_notice(struct vsphere_session *session)
{
    compose_notice(session);
    life_tell(&session->life, session->life.state);
}

/* Something strange in what was told: kept as the notice, where an operator looks. Tenants choose
 * names and settings, so it must not become a flood. */
static void on_oddity(const char *what, void *data)
{
    struct vsphere_session *session = data;
    unsigned held = 0;

    if (strcmp(what, session->oddity) == 0 ||
        !log_allowed(&session->oddities, clock_now_ms(), ODDITIES, ODDITIES_MS, &held))
        return;
    text_copy(session->oddity, sizeof(session->oddity), what);
    session_notice(session);
}

static void note_protocol(struct vsphere_session *session)
{
    const char *protocol = http_protocol(session->http);

    if (session->life.target->tls_legacy && *protocol)
        snprintf(session->protocol, sizeof(session->protocol),
                 "old TLS is allowed; the server speaks %s", protocol);
    compose_notice(session);
}

/* ---- Opening and closing
 * ------------------------------------------------------------------------- */

static void forget_connection(struct vsphere_session *session)
{
    session->step = STEP_NONE;
    session->logged_in = session->lost = false;
    if (session->http)
        http_forget(session->http);
}

void session_closed(struct vsphere_session *session)
{
    forget_connection(session);
    life_closed(&session->life);
}

void session_close(struct vsphere_session *session, enum life_after after)
{
    if (!session->life.closing)
        life_close(&session->life, after);
}

static bool disconnect(void *data)
{
    struct vsphere_session *session = data;

    side_stop(session);
    watch_stop(session);
    loop_timer_stop(session->poll_timer);
    loop_timer_stop(session->resume_timer);
    if (session->step == STEP_LOGIN && exchange_is_busy(&session->main.exchange))
        return true; /* its outcome decides whether there is a session to end */
    exchange_cancel(&session->main.exchange);
    if (session->logged_in && !session->lost) {
        session_step(session, STEP_LOGOUT);
        return true;
    }
    forget_connection(session);
    return false;
}

static void abandon(void *data)
{
    struct vsphere_session *session = data;

    watch_stop(session);
    exchange_cancel(&session->main.exchange);
    forget_connection(session);
}

static void on_main_done(enum exchange_outcome outcome, void *data);

static void start_versions(struct vsphere_session *session)
{
    session->versions = (struct version_list){ .best = version_least() };
    if (call_versions(&session->main, session->http, session->versions_url, &session->versions) < 0)
        on_main_done(EXCHANGE_FAILED, session);
}

void session_step(struct vsphere_session *session, enum step step)
{
    const struct xml_rule *response;
    struct exchange_manner manner = step_manner(step);

    session->step = step;
    if (step == STEP_VERSIONS) {
        start_versions(session);
        return;
    }
    response = step_build(session, &session->life.reason);
    if (!response) { /* no password: a person has to see to it */
        session_close(session, LIFE_HOLD);
        return;
    }
    if (call_start(&session->main, session->http, session->life.target->url,
                   &session->versions.best, response, session->teller, &manner) < 0 &&
        step != STEP_LOGOUT) /* the bound of the close ends that one */
        on_main_done(EXCHANGE_FAILED, session);
}

static void connect_now(void *data)
{
    struct vsphere_session *session = data;

    session->lost = session->logged_in = session->syncing = false;
    session->lacks = (struct lacks){ 0 };
    session->reread_most = REREAD_MOST;
    *session->token = '\0';
    if (session->http)
        session_step(session, STEP_VERSIONS);
    else /* the target makes no sense, and time does not change that */
        session_close(session, LIFE_HOLD);
}

/* ---- The main call
 * ------------------------------------------------------------------------------- */

/* The list of versions is welcome but not needed. */
static bool is_forgivable(const struct vsphere_session *session, enum exchange_outcome outcome)
{
    return session->step == STEP_VERSIONS && outcome == EXCHANGE_GARBAGE;
}

static void on_failed(struct vsphere_session *session, enum exchange_outcome outcome)
{
    if (session->step == STEP_LOGOUT) {
        session_closed(session);
        return;
    }
    if (session->main.reply && session->main.reply->lost)
        session->lost = true;
    if (session->step == STEP_CONTENT && outcome == EXCHANGE_GARBAGE)
        error_set(&session->life.reason, 0, "%s does not answer as a vSphere API: %s",
                  session->life.target->url, session->main.exchange.error.text);
    else if (outcome == EXCHANGE_UNTRUSTED || session->lost || session->step == STEP_VERSIONS)
        error_set(&session->life.reason, 0, "%s", session->main.exchange.error.text);
    else
        error_set(&session->life.reason, 0, "%s failed: %s", step_name(session->step),
                  session->main.exchange.error.text);
    session_close(session, outcome == EXCHANGE_UNTRUSTED ? LIFE_HOLD : LIFE_RETRY);
}

static void on_main_done(enum exchange_outcome outcome, void *data)
{
    struct vsphere_session *session = data;

    loop_timer_stop(session->wait_timer);
    note_protocol(session);
    if (session->life.closing && session->step == STEP_LOGIN) {
        if (outcome == EXCHANGE_ANSWERED && !*session->main.reply->fault.type)
            session_step(session, STEP_LOGOUT);
        else
            session_closed(session);
        return;
    }
    if (is_forgivable(session, outcome) ||
        (outcome == EXCHANGE_ANSWERED && session->step == STEP_VERSIONS))
        session_step(session, STEP_CONTENT);
    else if (outcome == EXCHANGE_ANSWERED)
        step_answered(session);
    else
        on_failed(session, outcome);
}

static bool on_congested(void *data)
{
    struct vsphere_session *session = data;

    if (!session->life.callbacks.congested(session->life.data))
        return false;
    loop_timer_start(session->resume_timer, RESUME_MS);
    return true;
}

static void on_resume(void *data)
{
    struct vsphere_session *session = data;

    exchange_resume(&session->main.exchange);
    exchange_resume(&session->side.exchange);
}

static void on_poll(void *data)
{
    session_step(data, STEP_WAIT);
}

/* ---- Life
 * ---------------------------------------------------------------------------------------- */

static void set_versions_url(struct vsphere_session *session)
{
    const char *url = session->life.target->url;
    size_t length = strlen(url);

    while (length && url[length - 1] == '/')
        length--;
    snprintf(session->versions_url, sizeof(session->versions_url), "%.*s/vimServiceVersions.xml",
             (int)(length < 1000 ? length : 1000), url);
}

static int open_target(struct error *reterr, void *data)
{
    struct vsphere_session *session = data;
    const struct target *target = session->life.target;
    const struct http_config config = {
        .ca_file = target->ca_file,
        .fingerprint = target->fingerprint,
        .tls_legacy = target->tls_legacy,
        .cookie = "vmware_soap_session",
    };

    session->http = http_free(session->http);
    session->teller = teller_free(session->teller);
    session->teller = teller_new(on_emit, on_oddity, session);
    session->content = (struct content){ 0 };
    session->refused = 0;
    session->hint_round = 0;
    *session->protocol = *session->oddity = '\0';
    set_versions_url(session);
    if (strncmp(target->url, "https://", 8) != 0)
        return error_set(reterr, -EINVAL, "%s does not begin with https://", target->url);
    if (!session->teller || watch_open(session) < 0)
        return error_set(reterr, -ENOMEM, "out of memory");
    session->http = http_new(session->life.loop, &config, reterr);
    return session->http ? 0 : -EINVAL;
}

static const struct life_ops life_ops = {
    .open = open_target,
    .connect = connect_now,
    .disconnect = disconnect,
    .abandon = abandon,
};

void vsphere_session_target(struct vsphere_session *session, const struct target *target)
{
    life_target(&session->life, target);
}

void vsphere_session_stop(struct vsphere_session *session)
{
    life_stop(&session->life);
}

struct vsphere_session *vsphere_session_new(struct loop *loop,
                                            const struct life_callbacks *callbacks, void *data)
{
    struct vsphere_session *session = calloc(1, sizeof(*session));

    if (!session)
        return NULL;
    call_init(&session->main, on_congested, on_main_done, session);
    call_init(&session->side, on_congested, side_answered, session);
    session->poll_timer = loop_timer_new(loop, on_poll, session);
    session->resume_timer = loop_timer_new(loop, on_resume, session);
    session->hint_timer = loop_timer_new(loop, side_hint_due, session);
    session->wait_timer = loop_timer_new(loop, side_wait_due, session);
    if (life_init(&session->life, loop, callbacks, data, &life_ops, session) < 0 ||
        watch_init(session, loop) < 0 || !session->poll_timer || !session->resume_timer ||
        !session->hint_timer || !session->wait_timer)
        return vsphere_session_free(session);
    return session;
}

struct vsphere_session *vsphere_session_free(struct vsphere_session *session)
{
    if (!session)
        return NULL;
    call_done(&session->main);
    call_done(&session->side);
    watch_done(session);
    http_free(session->http);
    teller_free(session->teller);
    loop_watch_free(session->poll_timer);
    loop_watch_free(session->resume_timer);
    loop_watch_free(session->hint_timer);
    loop_watch_free(session->wait_timer);
    life_done(&session->life);
    free(session);
    return NULL;
}

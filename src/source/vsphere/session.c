#include "source/vsphere/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "source/vsphere/state.h"

#define RETRY_FIRST_MS 1000
#define RETRY_MOST_MS 60000
#define HOLD_MS (15 * 60 * 1000)
#define HOLD_JITTER_MS (5 * 60 * 1000)
#define STEADY_MS 60000 /* a connection that lasted as long starts the backoff anew */
#define CLOSE_MS 4000
#define RESUME_MS 20
#define ODDITIES 5 /* told in one */
#define ODDITIES_MS 60000
#define REREAD_MOST 100

uint64_t session_random(void)
{
    uint64_t random = 0;

    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        random = (uint64_t)clock_wall_ms();
    return random;
}

/* ---- What vsnd hears
 * ----------------------------------------------------------------------------- */

static void on_emit(const char *lines, size_t size, void *data)
{
    struct vsphere_session *session = data;

    session->callbacks.emit(lines, size, session->data);
}

void session_tell(struct vsphere_session *session, enum session_state state)
{
    char notice[ERROR_SIZE + 80];
    struct session row = {
        .state = state,
        .reason = session->reason.text,
        .product = session->content.product,
        .version = session->content.version,
        .api = session->api,
        .notice = notice,
    };
    struct strbuf line;

    snprintf(notice, sizeof(notice), "%s%s%s", session->protocol,
             *session->protocol && *session->oddity ? "; " : "", session->oddity);
    /* vsnd logs what it hears, with the hypervisor's name. */
    if (state != session->state || *session->reason.text)
        log_debug("%s%s%s", record_word(TABLE_SESSION, "state", &row),
                  *session->reason.text ? ": " : "", session->reason.text);
    session->state = state;
    strbuf_init(&line, RECORD_LINE_MAX);
    if (record_write(&line, RECORD_NEW, TABLE_SESSION, &row, 0) == 0)
        session->callbacks.emit(line.data, line.size, session->data);
    strbuf_done(&line);
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
    session_tell(session, session->state);
}

static void note_protocol(struct vsphere_session *session)
{
    const char *protocol = http_protocol(session->http);

    if (session->target->tls_legacy && *protocol)
        snprintf(session->protocol, sizeof(session->protocol),
                 "old TLS is allowed; the server speaks %s", protocol);
}

/* ---- Opening and closing
 * ------------------------------------------------------------------------- */

static bool is_held(const struct vsphere_session *session)
{
    return session->after == AFTER_HOLD;
}

static void plan_retry(struct vsphere_session *session)
{
    int64_t delay = is_held(session) ? HOLD_MS + (int64_t)(session_random() % HOLD_JITTER_MS)
                                     : backoff_next(&session->backoff, session_random());

    session->state = is_held(session)     ? SESSION_HELD
                     : session->ever_read ? SESSION_STALE
                                          : SESSION_CONNECTING;
    loop_timer_start(session->timer, delay);
}

static void closed(struct vsphere_session *session)
{
    session->step = STEP_NONE;
    session->closing = session->logged_in = session->lost = false;
    loop_timer_stop(session->timer);
    if (session->http)
        http_forget(session->http);
    switch (session->after) {
    case AFTER_RETRY:
    case AFTER_HOLD:
        plan_retry(session);
        break;
    case AFTER_TARGET:
        loop_timer_start(session->target_timer, 0);
        break;
    case AFTER_STOP:
        session->callbacks.stopped(session->data);
        break;
    }
}

/* What the state is called from the moment of a failure on. */
static void tell_trouble(struct vsphere_session *session)
{
    if (session->after == AFTER_RETRY || session->after == AFTER_HOLD)
        session_tell(session, is_held(session)     ? SESSION_HELD
                              : session->ever_read ? SESSION_STALE
                                                   : SESSION_CONNECTING);
}

void session_close(struct vsphere_session *session, enum after after)
{
    bool was_closing = session->closing;

    session->after = after;
    session->closing = true;
    if (session->connected_ms && clock_now_ms() - session->connected_ms > STEADY_MS)
        backoff_reset(&session->backoff);
    session->connected_ms = 0;
    side_stop(session);
    loop_timer_stop(session->timer);
    loop_timer_stop(session->resume_timer);
    if (!was_closing)
        tell_trouble(session);
    if (session->step == STEP_LOGIN && call_is_busy(&session->main)) {
        /* Its outcome decides whether there is a session to end. */
        loop_timer_start(session->timer, CLOSE_MS);
        return;
    }
    if (session->step == STEP_LOGOUT && call_is_busy(&session->main))
        return;
    call_cancel(&session->main);
    if (session->logged_in && !session->lost)
        session_step(session, STEP_LOGOUT);
    else
        closed(session);
}

static void on_main_done(enum call_outcome outcome, void *data);

static void start_versions(struct vsphere_session *session)
{
    session->versions = (struct version_list){ .best = version_least() };
    if (call_versions(&session->main, session->http, session->versions_url, &session->versions) < 0)
        on_main_done(CALL_FAILED, session);
}

void session_step(struct vsphere_session *session, enum step step)
{
    const struct xml_rule *response;
    struct call_manner manner = step_manner(step);

    session->step = step;
    if (step == STEP_VERSIONS) {
        start_versions(session);
        return;
    }
    response = step_build(session, &session->reason);
    if (!response) { /* no password: a person has to see to it */
        session_close(session, AFTER_HOLD);
        return;
    }
    if (call_start(&session->main, session->http, session->target->url, &session->versions.best,
                   response, session->teller, &manner) < 0)
        on_main_done(CALL_FAILED, session);
}

static void connect_now(struct vsphere_session *session)
{
    session->closing = session->lost = session->logged_in = session->syncing = false;
    session->lacks = (struct lacks){ 0 };
    session->reread_most = REREAD_MOST;
    *session->token = '\0';
    if (session->http)
        session_step(session, STEP_VERSIONS);
    else /* the target makes no sense, and time does not change that */
        session_close(session, AFTER_HOLD);
}

/* ---- The main call
 * ------------------------------------------------------------------------------- */

/* The list of versions is welcome but not needed. */
static bool is_forgivable(const struct vsphere_session *session, enum call_outcome outcome)
{
    return session->step == STEP_VERSIONS && outcome == CALL_GARBAGE;
}

static void on_failed(struct vsphere_session *session, enum call_outcome outcome)
{
    if (session->step == STEP_LOGOUT) {
        closed(session);
        return;
    }
    if (session->main.reply && session->main.reply->lost)
        session->lost = true;
    if (session->step == STEP_CONTENT && outcome == CALL_GARBAGE)
        error_set(&session->reason, 0, "%s does not answer as a vSphere API: %s",
                  session->target->url, session->main.error.text);
    else if (outcome == CALL_UNTRUSTED || session->lost || session->step == STEP_VERSIONS)
        error_set(&session->reason, 0, "%s", session->main.error.text);
    else
        error_set(&session->reason, 0, "%s failed: %s", step_name(session->step),
                  session->main.error.text);
    session_close(session, outcome == CALL_UNTRUSTED ? AFTER_HOLD : AFTER_RETRY);
}

static void on_main_done(enum call_outcome outcome, void *data)
{
    struct vsphere_session *session = data;

    loop_timer_stop(session->wait_timer);
    note_protocol(session);
    if (session->closing && session->step == STEP_LOGIN) {
        session->logged_in = outcome == CALL_ANSWERED && !*session->main.reply->fault.type;
        session_close(session, session->after);
        return;
    }
    if (is_forgivable(session, outcome) ||
        (outcome == CALL_ANSWERED && session->step == STEP_VERSIONS))
        session_step(session, STEP_CONTENT);
    else if (outcome == CALL_ANSWERED)
        step_answered(session);
    else
        on_failed(session, outcome);
}

static bool on_congested(void *data)
{
    struct vsphere_session *session = data;

    if (!session->callbacks.congested(session->data))
        return false;
    loop_timer_start(session->resume_timer, RESUME_MS);
    return true;
}

static void on_resume(void *data)
{
    struct vsphere_session *session = data;

    call_resume(&session->main);
    call_resume(&session->side);
}

/* The retry's time has come, or the poll's, or a close takes too long. */
static void on_timer(void *data)
{
    struct vsphere_session *session = data;

    if (session->closing) {
        call_cancel(&session->main);
        closed(session);
    } else if (session->step == STEP_NONE) {
        connect_now(session);
    } else {
        session_step(session, STEP_WAIT);
    }
}

/* ---- Life
 * ---------------------------------------------------------------------------------------- */

static void set_versions_url(struct vsphere_session *session)
{
    const char *url = session->target->url;
    size_t length = strlen(url);

    while (length && url[length - 1] == '/')
        length--;
    snprintf(session->versions_url, sizeof(session->versions_url), "%.*s/vimServiceVersions.xml",
             (int)(length < 1000 ? length : 1000), url);
}

/* Takes up the next target. Runs from the loop: nothing of the old one is under way. */
static void on_target(void *data)
{
    struct vsphere_session *session = data;
    struct http_config config;

    free(session->target);
    session->target = session->next_target;
    session->next_target = NULL;
    session->http = http_free(session->http);
    session->teller = teller_free(session->teller);
    session->teller = teller_new(on_emit, on_oddity, session);
    session->content = (struct content){ 0 };
    session->refused = 0;
    session->ever_read = session->closing = false;
    session->hint_round = 0;
    *session->api = *session->protocol = *session->oddity = *session->reason.text = '\0';
    backoff_reset(&session->backoff);
    set_versions_url(session);
    config = (struct http_config){
        .ca_file = session->target->ca_file,
        .fingerprint = session->target->fingerprint,
        .tls_legacy = session->target->tls_legacy,
        .cookie = "vmware_soap_session",
    };
    if (strncmp(session->target->url, "https://", 8) != 0)
        error_set(&session->reason, 0, "%s does not begin with https://", session->target->url);
    else if (!session->teller)
        error_set(&session->reason, 0, "out of memory");
    else
        session->http = http_new(session->loop, &config, &session->reason);
    if (!session->http) {
        session_close(session, AFTER_HOLD);
        return;
    }
    session_tell(session, SESSION_CONNECTING);
    connect_now(session);
}

/* vsnd says the same target again whenever its configuration was read. Then what waits is tried at
 * once, as a password or a certificate may be another one now; a session that works goes on. */
static void try_now(struct vsphere_session *session)
{
    if (session->step != STEP_NONE || session->closing)
        return;
    backoff_reset(&session->backoff);
    loop_timer_start(session->timer, 0);
}

void vsphere_session_target(struct vsphere_session *session, const struct target *target)
{
    if (session->closing && session->after == AFTER_STOP)
        return;
    if (session->http && !session->next_target &&
        row_equal(TABLE_TARGET, target, session->target)) {
        try_now(session);
        return;
    }
    free(session->next_target);
    session->next_target = row_copy(TABLE_TARGET, target);
    if (session->next_target)
        session_close(session, AFTER_TARGET);
}

void vsphere_session_stop(struct vsphere_session *session)
{
    session_close(session, AFTER_STOP);
}

struct vsphere_session *vsphere_session_new(struct loop *loop,
                                            const struct vsphere_callbacks *callbacks, void *data)
{
    struct vsphere_session *session = calloc(1, sizeof(*session));

    if (!session)
        return NULL;
    session->loop = loop;
    session->callbacks = *callbacks;
    session->data = data;
    session->backoff = (struct backoff){ .first_ms = RETRY_FIRST_MS, .most_ms = RETRY_MOST_MS };
    call_init(&session->main, on_congested, on_main_done, session);
    call_init(&session->side, on_congested, side_answered, session);
    session->timer = loop_timer_new(loop, on_timer, session);
    session->resume_timer = loop_timer_new(loop, on_resume, session);
    session->target_timer = loop_timer_new(loop, on_target, session);
    session->hint_timer = loop_timer_new(loop, side_hint_due, session);
    session->wait_timer = loop_timer_new(loop, side_wait_due, session);
    if (!session->timer || !session->resume_timer || !session->target_timer ||
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
    http_free(session->http);
    teller_free(session->teller);
    loop_watch_free(session->timer);
    loop_watch_free(session->resume_timer);
    loop_watch_free(session->target_timer);
    loop_watch_free(session->hint_timer);
    loop_watch_free(session->wait_timer);
    free(session->target);
    free(session->next_target);
    free(session);
    return NULL;
}

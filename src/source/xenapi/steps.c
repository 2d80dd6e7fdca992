/* The steps of a session: what each asks, and what follows from the answer. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "model/names.h"
#include "source/secret.h"
#include "source/xenapi/state.h"

#define FOLLOW_S 30     /* how long the server is asked to hold event.from; it may take 10 s more */
#define PACE_MS 20      /* between two event.from that bring something: they coalesce meanwhile */
#define IDLE_MS 1000    /* between two that come back at once and bring nothing */
#define RESYNC_MS 5000  /* between two full reads */
#define SILENCE_MS 1000 /* when a full read is due: until it no longer waits for an event */
#define REREAD_MS                                                                                  \
    (30 * 60 * 1000) /* without event.inject nothing shows that events went silent                 \
                      */

/* What is followed. Metrics are not: they change all the time, and side.c reads them. */
static const enum xen_class followed[] = {
    XEN_POOL, XEN_HOST, XEN_NETWORK, XEN_PIF, XEN_BOND, XEN_VLAN, XEN_VIF, XEN_VM, XEN_TASK,
};

/* What a full read is made of, in this order. */
static const enum xen_class listed[] = {
    XEN_HOST, XEN_HOST_METRICS, XEN_NETWORK, XEN_PIF, XEN_PIF_METRICS,
    XEN_BOND, XEN_VLAN,         XEN_VM,      XEN_VIF,
};

/* ---- Questions ------------------------------------------------------------------------------- */

static struct strbuf *begin_call(struct xenapi_session *session, const char *method)
{
    rpc_begin(&session->main.body, method);
    rpc_text(&session->main.body, session->ref);
    return &session->main.body;
}

/* Exactly three arguments: the fourth came with 6.2, and 5.6 refuses it. */
static const struct rpc_rule *build_login(struct xenapi_session *session, struct error *reterr)
{
    struct strbuf *to = &session->main.body;
    char password[SECRET_SIZE];

    if (secret_read(session->life.target->password_file, password, reterr) < 0)
        return NULL;
    /* Room at once, so that no copy is left behind where a buffer has grown. */
    strbuf_addf(to, "%*s", 8 * SECRET_SIZE, "");
    strbuf_reset(to);
    rpc_begin(to, "session.login_with_password");
    rpc_text(to, session->life.target->username);
    rpc_text(to, password);
    rpc_text(to, "1.0");
    explicit_bzero(password, sizeof(password));
    return &xen_scalar_rule;
}

static const struct rpc_rule *build_tidy(struct xenapi_session *session, struct error *reterr)
{
    (void)reterr;
    rpc_begin(&session->main.body, "session.logout");
    rpc_text(&session->main.body, session->left);
    session->left[0] = '\0';
    return &xen_nothing_rule;
}

static const struct rpc_rule *build_pool(struct xenapi_session *session, struct error *reterr)
{
    (void)reterr;
    begin_call(session, "pool.get_all_records");
    session->reading = XEN_POOL;
    return &xen_list_rule;
}

static const char *pool_ref(const struct xenapi_session *session)
{
    const struct xen_object *pool = session->pool.first[XEN_POOL];

    return pool ? xen_ref(pool) : "";
}

static const struct rpc_rule *build_inject(struct xenapi_session *session, struct error *reterr)
{
    struct strbuf *to = begin_call(session, "event.inject");

    (void)reterr;
    rpc_text(to, "pool");
    rpc_text(to, pool_ref(session));
    return &xen_scalar_rule;
}

static void add_classes(struct strbuf *to)
{
    const char *names[ARRAY_SIZE(followed)];

    for (size_t i = 0; i < ARRAY_SIZE(followed); i++)
        names[i] = xen_class_event(followed[i]);
    rpc_texts(to, names, ARRAY_SIZE(names));
}

static const struct rpc_rule *build_from(struct xenapi_session *session, const char *token,
                                         double seconds)
{
    struct strbuf *to = begin_call(session, "event.from");

    add_classes(to);
    rpc_text(to, token);
    rpc_seconds(to, seconds);
    return &xen_from_rule;
}

static const struct rpc_rule *build_first(struct xenapi_session *session, struct error *reterr)
{
    (void)reterr;
    return build_from(session, "", 0);
}

static const struct rpc_rule *build_unregister(struct xenapi_session *session, struct error *reterr)
{
    (void)reterr;
    add_classes(begin_call(session, "event.unregister"));
    return &xen_nothing_rule;
}

static const struct rpc_rule *build_register(struct xenapi_session *session, struct error *reterr)
{
    (void)reterr;
    add_classes(begin_call(session, "event.register"));
    return &xen_nothing_rule;
}

static const struct rpc_rule *build_read(struct xenapi_session *session, struct error *reterr)
{
    char method[64];

    (void)reterr;
    snprintf(method, sizeof(method), "%s.get_all_records", xen_class_name(session->reading));
    begin_call(session, method);
    return &xen_list_rule;
}

static const struct rpc_rule *build_follow(struct xenapi_session *session, struct error *reterr)
{
    (void)reterr;
    session->asked_ms = clock_now_ms();
    session->awaiting = true;
    if (!session->no_from)
        return build_from(session, session->token, FOLLOW_S);
    begin_call(session, "event.next");
    return &xen_next_rule;
}

static const struct rpc_rule *build_logout(struct xenapi_session *session, struct error *reterr)
{
    (void)reterr;
    begin_call(session, "session.logout");
    return &xen_nothing_rule;
}

/* ---- A full read ----------------------------------------------------------------------------- */

/* All events from now on are kept for us; then everything is read; then they are asked for. */
static void begin_sync(struct xenapi_session *session)
{
    session->syncing = true;
    xen_side_stop(session);
    life_tell(&session->life, SESSION_SYNCING);
    xen_pool_begin(&session->pool);
    xen_session_step(session, !session->no_inject   ? STEP_INJECT
                              : !session->no_from   ? STEP_FIRST
                              : session->registered ? STEP_UNREGISTER
                                                    : STEP_REGISTER);
}

static void start_reading(struct xenapi_session *session)
{
    session->reading = listed[0];
    xen_session_step(session, STEP_READ);
}

static void note_members(struct xenapi_session *session)
{
    strbuf_reset(&session->roles.members);
    XEN_POOL_EACH(&session->pool, host, XEN_HOST)
    names_add(&session->roles.members, xen_text(host, XEN_ADDRESS));
}

static void note_product(struct xenapi_session *session)
{
    const struct xen_object *pool = session->pool.first[XEN_POOL];
    const struct xen_object *master =
        xen_pool_find(&session->pool, XEN_HOST, pool ? xen_text(pool, XEN_MASTER) : "");
    struct life *life = &session->life;

    if (!master)
        return;
    text_copy(life->product, sizeof(life->product),
              *xen_text(master, XEN_PRODUCT) ? xen_text(master, XEN_PRODUCT) : "XenServer");
    text_copy(life->version, sizeof(life->version), xen_text(master, XEN_VERSION));
    snprintf(life->api, sizeof(life->api), "XenAPI %lld.%lld, %s, master %.60s",
             (long long)master->values.number[XEN_API_MAJOR],
             (long long)master->values.number[XEN_API_MINOR],
             session->no_from ? "event.next" : "event.from", session->roles.asked);
}

/* An empty answer is passed on as it is: vsnd has a guard against what cannot be true. */
static void end_sync(struct xenapi_session *session)
{
    for (size_t i = 0; i < ARRAY_SIZE(listed); i++)
        xen_pool_end(&session->pool, listed[i]);
    xen_pool_end(&session->pool, XEN_TASK);
    note_members(session);
    note_product(session);
    if (!xen_session_flush(session))
        return;
    session->syncing = session->doubted = false;
    session->synced_ms = clock_now_ms();
    loop_timer_stop(session->resync_timer);
    session->probed_ms = 0;
    life_connected(&session->life);
    xen_side_start(session);
    xen_session_step(session, STEP_FOLLOW);
}

/* What is known may be wrong from now on; how long until everything may be read again. */
static int64_t doubt(struct xenapi_session *session, const char *why)
{
    error_set(&session->life.reason, 0, "reading everything again: %s", why);
    log_debug("%s", session->life.reason.text);
    xen_side_stop(session);
    life_tell(&session->life, SESSION_SYNCING);
    session->doubted = true;
    return session->synced_ms + RESYNC_MS - clock_now_ms();
}

void xen_step_resync(struct xenapi_session *session, const char *why)
{
    int64_t delay_ms = doubt(session, why);

    loop_timer_stop(session->resync_timer);
    session->syncing = true;
    session->step = STEP_POOL;
    xen_session_step_later(session, STEP_POOL, delay_ms);
}

/* The same after EVENTS_LOST, which is said once: until the time has come, what happens is
 * followed. A machine that moves meanwhile cannot wait for that. */
static void follow_until_resync(struct xenapi_session *session, const char *why)
{
    int64_t delay_ms = doubt(session, why);

    if (delay_ms <= 0) {
        xen_step_resync(session, why);
        return;
    }
    loop_timer_start(session->resync_timer, delay_ms + SILENCE_MS);
    xen_session_step(session, STEP_FOLLOW);
}

/* ---- Answers --------------------------------------------------------------------------------- */

static void logged_in(struct xenapi_session *session)
{
    text_copy(session->ref, sizeof(session->ref), session->main_take.scalar);
    if (!session->ref[0]) {
        error_set(&session->life.reason, 0,
                  "%s does not answer as XenAPI: a login without a session", session->roles.asked);
        xen_session_next_member(session, /* is_dead = */ true);
        return;
    }
    xen_roles_found(&session->roles);
    error_set(&session->life.reason, 0, "reading everything");
    if (session->left[0] && strcmp(session->left_at, session->roles.asked) == 0)
        xen_session_step(session, STEP_TIDY);
    else
        xen_session_step(session, STEP_POOL);
}

static void tidied(struct xenapi_session *session)
{
    xen_session_step(session, STEP_POOL);
}

static void pool_read(struct xenapi_session *session)
{
    if (session->pool.first[XEN_POOL]) {
        begin_sync(session);
        return;
    }
    error_set(&session->life.reason, 0, "%s tells of no pool", session->roles.asked);
    xen_session_close(session, LIFE_RETRY);
}

static void injected(struct xenapi_session *session)
{
    text_copy(session->token, sizeof(session->token), session->main_take.scalar);
    start_reading(session);
}

static void first_read(struct xenapi_session *session)
{
    text_copy(session->token, sizeof(session->token), session->main_take.token);
    start_reading(session);
}

static void unregistered(struct xenapi_session *session)
{
    session->registered = false;
    xen_session_step(session, STEP_REGISTER);
}

static void registered(struct xenapi_session *session)
{
    session->registered = true;
    start_reading(session);
}

static void class_read(struct xenapi_session *session)
{
    for (size_t i = 0; i + 1 < ARRAY_SIZE(listed); i++)
        if (listed[i] == session->reading) {
            session->reading = listed[i + 1];
            xen_session_step(session, STEP_READ);
            return;
        }
    end_sync(session);
}

/* The class of which the server has another number of objects than we have; N_XEN_CLASSES: none. A
 * difference that a full read did not end is the server's own way of counting. */
static enum xen_class miscounted(struct xenapi_session *session)
{
    const struct xen_take *take = &session->main_take;
    enum xen_class wrong = N_XEN_CLASSES;

    for (size_t i = 0; i < ARRAY_SIZE(followed); i++) {
        enum xen_class class = followed[i];
        int64_t surplus = (int64_t)take->counts[class] - (int64_t)session->pool.count[class];

        if (class == XEN_TASK || !(take->counted >> class & 1) ||
            surplus == session->surplus[class])
            continue;
        if (session->miscounted)
            session->surplus[class] = surplus;
        else if (wrong == N_XEN_CLASSES)
            wrong = class;
    }
    session->miscounted = wrong != N_XEN_CLASSES;
    return wrong;
}

static void follow_on(struct xenapi_session *session)
{
    int64_t now_ms = clock_now_ms();
    bool is_empty = session->main_take.events == 0;

    if (session->doubted && now_ms - session->synced_ms >= RESYNC_MS)
        xen_step_resync(session, "EVENTS_LOST");
    else if (session->no_inject && now_ms - session->synced_ms > REREAD_MS)
        xen_step_resync(session, "it is time to");
    else if (is_empty && now_ms - session->asked_ms < IDLE_MS) /* it will not wait */
        xen_session_step_later(session, STEP_FOLLOW, IDLE_MS);
    else if (is_empty || session->no_from)
        xen_session_step(session, STEP_FOLLOW);
    else
        xen_session_step_later(session, STEP_FOLLOW, PACE_MS);
}

static void events_read(struct xenapi_session *session)
{
    const struct xen_take *take = &session->main_take;
    enum xen_class wrong = miscounted(session);
    char why[128];

    if (take->pool_touched)
        session->probed_ms = 0;
    if (!session->no_from && !*take->token) {
        error_set(&session->life.reason, 0, "%s sends events without a token",
                  session->roles.asked);
        xen_session_close(session, LIFE_RETRY);
        return;
    }
    text_copy(session->token, sizeof(session->token), take->token);
    if (take->incomplete) {
        xen_step_resync(session, "an event did not say what is new");
        return;
    }
    if (!xen_session_flush(session))
        return;
    if (wrong != N_XEN_CLASSES) {
        snprintf(why, sizeof(why), "events were missed, the number of objects of class %s is wrong",
                 xen_class_name(wrong));
        xen_step_resync(session, why);
        return;
    }
    if (!session->doubted)
        life_tell(&session->life, SESSION_CONNECTED); /* a sign of life */
    follow_on(session);
}

static void logged_out(struct xenapi_session *session)
{
    (void)session; /* answered while closing */
}

static const struct {
    const char *name; /* for "... failed" */
    int64_t silence_s, total_s;
    const struct rpc_rule *(*build)(struct xenapi_session *session, struct error *reterr);
    void (*answered)(struct xenapi_session *session);
} steps[N_STEPS] = {
    [STEP_LOGIN] = { "logging in", 12, 12, build_login, logged_in },
    [STEP_TIDY] = { "ending the last session", 10, 10, build_tidy, tidied },
    [STEP_POOL] = { "reading the pool", 60, 60, build_pool, pool_read },
    [STEP_INJECT] = { "asking for a token", 60, 60, build_inject, injected },
    [STEP_FIRST] = { "asking for a token", 120, 600, build_first, first_read },
    [STEP_UNREGISTER] = { "ending the last registration", 60, 60, build_unregister, unregistered },
    [STEP_REGISTER] = { "registering for events", 60, 60, build_register, registered },
    [STEP_READ] = { "reading everything", 120, 600, build_read, class_read },
    [STEP_FOLLOW] = { "waiting for events", FOLLOW_S + 30, 600, build_follow, events_read },
    [STEP_LOGOUT] = { "logging out", 3, 3, build_logout, logged_out },
};

const char *xen_step_name(enum step step)
{
    return steps[step].name ? steps[step].name : "starting";
}

/* event.next has no limit of its own: side.c looks whether the server is alive. Members that are
 * only tried have to be quick. */
struct exchange_manner xen_step_manner(const struct xenapi_session *session)
{
    enum step step = session->step;
    struct exchange_manner manner = {
        .silence_s = steps[step].silence_s,
        .total_s = steps[step].total_s,
        .once = step == STEP_LOGIN,
    };

    if (step == STEP_FOLLOW && session->no_from)
        manner.silence_s = manner.total_s = 0;
    if (step == STEP_LOGIN && session->roles.dead.size)
        manner.silence_s = manner.total_s = 8;
    return manner;
}

const struct rpc_rule *xen_step_build(struct xenapi_session *session, struct error *reterr)
{
    const struct rpc_rule *rule = steps[session->step].build(session, reterr);

    rpc_finish(&session->main.body);
    return rule;
}

/* ---- Failures -------------------------------------------------------------------------------- */

/* Wrong password, or a user without rights. */
static bool on_refused(struct xenapi_session *session, const struct rpc_failure *failure)
{
    if (session->step != STEP_LOGIN)
        return false;
    error_set(&session->life.reason, 0,
              "user name or password refused (%s); not tried again for a while", failure->code);
    xen_session_close(session, LIFE_HOLD);
    return true;
}

/* While logging in: a redirect. Later: it was the master, and says who is now. */
static bool on_slave(struct xenapi_session *session, const struct rpc_failure *failure)
{
    bool logging_in = session->step == STEP_LOGIN;
    char was[ADDRESS_SIZE];
    struct error error = { "" };
    int r;

    text_copy(was, sizeof(was), session->roles.asked);
    if (!logging_in)
        xen_roles_begin(&session->roles);
    r = xen_roles_redirect(&session->roles, failure->parameter[0], &error);
    if (logging_in && r == 0) {
        xen_session_step(session, STEP_LOGIN);
        return true;
    }
    if (logging_in) {
        if (!session->roles.dead.size)
            session->life.reason = error;
        xen_session_next_member(session, /* is_dead = */ false);
        return true;
    }
    session->lost = true;
    if (r == 0)
        error_set(&session->life.reason, 0, "%s is no longer the master of the pool, %s is", was,
                  failure->parameter[0]);
    else
        session->life.reason = error;
    backoff_reset(&session->life.backoff);
    xen_session_close(session, LIFE_RETRY);
    return true;
}

/* A member that cannot serve now: it starts, or has lost its master and does not know yet what will
 * become of it. */
static bool on_later(struct xenapi_session *session, const struct rpc_failure *failure)
{
    if (!session->roles.dead.size || session->step != STEP_LOGIN)
        error_set(&session->life.reason, 0, "%s cannot serve now (%s); it is asked again later",
                  session->roles.asked, failure->code);
    if (session->step == STEP_LOGIN) {
        xen_session_next_member(session, /* is_dead = */ false);
        return true;
    }
    session->lost = true;
    xen_session_close(session, LIFE_RETRY);
    return true;
}

static bool on_session_lost(struct xenapi_session *session, const struct rpc_failure *failure)
{
    (void)failure;
    session->lost = true;
    error_set(&session->life.reason, 0, "%s has ended the session", session->roles.asked);
    xen_session_close(session, LIFE_RETRY);
    return true;
}

static bool on_events_lost(struct xenapi_session *session, const struct rpc_failure *failure)
{
    if (session->step != STEP_FOLLOW)
        return false;
    if (strcmp(failure->code, "EVENTS_LOST") == 0) {
        follow_until_resync(session, failure->code);
        return true;
    }
    if (strcmp(failure->code, "SESSION_NOT_REGISTERED") == 0)
        session->registered = false;
    xen_step_resync(session, failure->code);
    return true;
}

/* The release does not have the call, or not for us: there is an older one. */
static bool on_unknown_call(struct xenapi_session *session, const struct rpc_failure *failure)
{
    (void)failure;
    switch (session->step) {
    case STEP_INJECT:
        session->no_inject = true;
        xen_session_step(session, STEP_FIRST);
        return true;
    case STEP_FIRST:
        session->no_from = true;
        xen_session_step(session, STEP_REGISTER);
        return true;
    case STEP_UNREGISTER:
        unregistered(session);
        return true;
    case STEP_READ: /* a class that this release does not have */
        if (session->reading != XEN_HOST_METRICS && session->reading != XEN_PIF_METRICS)
            return false;
        class_read(session);
        return true;
    case STEP_NONE:
    case STEP_LOGIN:
    case STEP_TIDY:
    case STEP_POOL:
    case STEP_REGISTER:
    case STEP_FOLLOW:
    case STEP_LOGOUT:
    case N_STEPS:
        break;
    }
    return false;
}

static const struct {
    const char *code;
    bool (*handle)(struct xenapi_session *session, const struct rpc_failure *failure);
} failures[] = {
    { "SESSION_AUTHENTICATION_FAILED", on_refused },
    { "HOST_IS_SLAVE", on_slave },
    { "HOST_STILL_BOOTING", on_later },
    { "HOST_HAS_NO_MANAGEMENT_IP", on_later },
    { "HOST_ITS_OWN_SLAVE", on_later },
    { "HOST_UNKNOWN_TO_MASTER", on_later },
    { "HOST_BROKEN", on_later },
    { "HOST_MASTER_CANNOT_TALK_BACK", on_later },
    { "SESSION_INVALID", on_session_lost },
    { "EVENTS_LOST", on_events_lost },
    { "SESSION_NOT_REGISTERED", on_events_lost },
    { "EVENT_FROM_TOKEN_PARSE_FAILURE", on_events_lost },
    { "MESSAGE_METHOD_UNKNOWN", on_unknown_call },
    { "MESSAGE_PARAMETER_COUNT_MISMATCH", on_unknown_call },
    { "RBAC_PERMISSION_DENIED", on_unknown_call },
};

static bool is_of_ha(const char *code)
{
    return strncmp(code, "HA_", 3) == 0;
}

static void on_failure(struct xenapi_session *session, const struct rpc_failure *failure)
{
    for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
        if (strcmp(failures[i].code, failure->code) == 0) {
            if (failures[i].handle(session, failure))
                return;
            break;
        }
    if (is_of_ha(failure->code) && on_later(session, failure))
        return;
    error_set(&session->life.reason, 0, "%s answers %s while %s%s%s", session->roles.asked,
              failure->code, xen_step_name(session->step), *failure->parameter[0] ? ": " : "",
              failure->parameter[0]);
    if (session->step == STEP_LOGIN)
        xen_session_next_member(session, /* is_dead = */ false);
    else
        xen_session_close(session, LIFE_RETRY);
}

void xen_step_answered(struct xenapi_session *session)
{
    const struct rpc *rpc = &session->main_take.rpc;

    if (*rpc->failure.code && session->step != STEP_TIDY)
        on_failure(session, &rpc->failure);
    else
        steps[session->step].answered(session);
}

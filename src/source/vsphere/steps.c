/* The steps of a session: what each asks, and what follows from the answer. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "source/secret.h"
#include "source/vsphere/state.h"

#define WAIT_S 60        /* how long the server may hold a wait without news */
#define WAIT_OBJECTS 500 /* objects per page */
#define POLL_MS 5000     /* between two CheckForUpdates where there is no wait */
#define PACE_MS 1000     /* between two waits that bring nothing */

/* ---- Questions
 * ----------------------------------------------------------------------------------- */

/* The password lives in this process only from here to the end of the login call. */
static const struct xml_rule *build_login(struct vsphere_session *session, struct strbuf *to,
                                          struct error *reterr)
{
    char password[SECRET_SIZE];

    if (secret_read(session->life.target->password_file, password, reterr) < 0)
        return NULL;
    /* Room at once, so that no copy is left behind where a buffer has grown. */
    strbuf_addf(to, "%*s", 8 * SECRET_SIZE, "");
    strbuf_reset(to);
    soap_begin(to, "Login", &session->content.sessions);
    soap_text(to, "userName", session->life.target->username);
    soap_text(to, "password", password);
    soap_finish(to, "Login");
    explicit_bzero(password, sizeof(password));
    return login_rules;
}

static const struct xml_rule *build_content(struct vsphere_session *session, struct strbuf *to,
                                            struct error *reterr)
{
    static const struct moref self = { "ServiceInstance", "ServiceInstance" };

    (void)session, (void)reterr;
    soap_begin(to, "RetrieveServiceContent", &self);
    soap_finish(to, "RetrieveServiceContent");
    return content_rules;
}

static const struct xml_rule *build_collector(struct vsphere_session *session, struct strbuf *to,
                                              struct error *reterr)
{
    (void)reterr;
    soap_begin(to, "CreatePropertyCollector", &session->content.collector);
    soap_finish(to, "CreatePropertyCollector");
    return ref_rules;
}

static bool is_wanted(const struct vsphere_session *session, enum object_type type)
{
    return object_type_wanted(type, session->versions.best.level,
                              strcmp(session->content.api_type, "VirtualCenter") == 0);
}

static const struct xml_rule *build_view(struct vsphere_session *session, struct strbuf *to,
                                         struct error *reterr)
{
    (void)reterr;
    soap_begin(to, "CreateContainerView", &session->content.views);
    soap_ref(to, "container", &session->content.root);
    for (enum object_type type = 0; type < N_OBJECT_TYPES; type++)
        if (is_wanted(session, type))
            soap_text(to, "type", object_type_name(type));
    soap_markup(to, "<recursive>true</recursive>");
    soap_finish(to, "CreateContainerView");
    return ref_rules;
}

static void add_types(const struct vsphere_session *session, struct strbuf *to, unsigned types,
                      bool followed_only)
{
    for (enum object_type type = 0; type < N_OBJECT_TYPES; type++)
        if ((types >> type & 1) && is_wanted(session, type))
            property_spec(to, type, session->versions.best.level, session->refused, followed_only);
}

static void add_view(const struct vsphere_session *session, struct strbuf *to)
{
    soap_markup(to, "<objectSet>");
    soap_ref(to, "obj", &session->view);
    soap_markup(to, "<skip>true</skip><selectSet xsi:type=\"TraversalSpec\"><name>v</name>"
                    "<type>ContainerView</type><path>view</path><skip>false</skip></selectSet>"
                    "</objectSet>");
}

/* Ends a RetrieveProperties(Ex) of either kind. */
static const struct xml_rule *finish_retrieve(const struct vsphere_session *session,
                                              struct strbuf *to)
{
    if (session->lacks.retrieve_ex) {
        soap_finish(to, "RetrieveProperties");
        return objects_rules;
    }
    soap_markup(to, "<options><maxObjects>100</maxObjects></options>");
    soap_finish(to, "RetrievePropertiesEx");
    return page_rules;
}

static void begin_retrieve(const struct vsphere_session *session, struct strbuf *to)
{
    soap_begin(to, session->lacks.retrieve_ex ? "RetrieveProperties" : "RetrievePropertiesEx",
               &session->collector);
}

static const struct xml_rule *build_next_page(struct vsphere_session *session, struct strbuf *to)
{
    soap_begin(to, "ContinueRetrievePropertiesEx", &session->collector);
    soap_text(to, "token", session->token);
    soap_finish(to, "ContinueRetrievePropertiesEx");
    return page_rules;
}

static const struct xml_rule *build_switches(struct vsphere_session *session, struct strbuf *to,
                                             struct error *reterr)
{
    (void)reterr;
    if (*session->token)
        return build_next_page(session, to);
    begin_retrieve(session, to);
    soap_markup(to, "<specSet>");
    add_types(session, to, 1u << OBJECT_DVSWITCH, /* followed_only = */ false);
    add_view(session, to);
    soap_markup(to, "</specSet>");
    return finish_retrieve(session, to);
}

static const struct xml_rule *build_filter(struct vsphere_session *session, struct strbuf *to,
                                           struct error *reterr)
{
    (void)reterr;
    soap_begin(to, "CreateFilter", &session->collector);
    soap_markup(to, "<spec>");
    add_types(session, to, (1u << N_OBJECT_TYPES) - 1, /* followed_only = */ true);
    add_view(session, to);
    soap_markup(to, "</spec><partialUpdates>false</partialUpdates>");
    soap_finish(to, "CreateFilter");
    return ref_rules;
}

/* The first answer must come at once, even when there is nothing: then the view is empty. */
static const struct xml_rule *build_wait(struct vsphere_session *session, struct strbuf *to,
                                         struct error *reterr)
{
    const struct lacks *lacks = &session->lacks;
    bool check = session->syncing ? !lacks->check : lacks->wait;
    const char *method = !lacks->wait_ex ? "WaitForUpdatesEx"
                         : check         ? "CheckForUpdates"
                                         : "WaitForUpdates";

    (void)reterr;
    session->asked_ms = clock_now_ms();
    soap_begin(to, method, &session->collector);
    soap_text(to, "version", session->version);
    if (!lacks->wait_ex) {
        soap_markup(to, "<options>");
        soap_number(to, "maxWaitSeconds", session->syncing ? 0 : WAIT_S);
        soap_number(to, "maxObjectUpdates", WAIT_OBJECTS);
        soap_markup(to, "</options>");
    } else if (!check) {
        loop_timer_start(session->wait_timer, WAIT_S * 1000);
    }
    soap_finish(to, method);
    return update_rules;
}

static const struct xml_rule *build_reread(struct vsphere_session *session, struct strbuf *to,
                                           struct error *reterr)
{
    struct strbuf objects;
    unsigned types;

    (void)reterr;
    if (*session->token)
        return build_next_page(session, to);
    strbuf_init(&objects, 1u << 20);
    teller_reread(session->teller, &objects, session->reread_most, &types);
    begin_retrieve(session, to);
    soap_markup(to, "<specSet>");
    add_types(session, to, types, /* followed_only = */ false);
    soap_markup(to, strbuf_text(&objects));
    soap_markup(to, "</specSet>");
    strbuf_done(&objects);
    return finish_retrieve(session, to);
}

static const struct xml_rule *build_logout(struct vsphere_session *session, struct strbuf *to,
                                           struct error *reterr)
{
    (void)reterr;
    soap_begin(to, "Logout", &session->content.sessions);
    soap_finish(to, "Logout");
    return nothing_rules;
}

/* ---- Answers
 * ------------------------------------------------------------------------------------- */

static void content_read(struct vsphere_session *session)
{
    struct content *content = &session->main.reply->content;

    if (!*content->collector.value || !*content->views.value || !*content->sessions.value ||
        !*content->root.value) {
        error_set(&session->life.reason, 0, "%s does not answer as a vSphere API",
                  session->life.target->url);
        session_close(session, LIFE_RETRY);
        return;
    }
    session->content = *content;
    text_copy(session->life.product, sizeof(session->life.product), content->product);
    text_copy(session->life.version, sizeof(session->life.version), content->version);
    session->collector = content->collector;
    version_offer(&session->versions.best, content->api_version);
    snprintf(session->life.api, sizeof(session->life.api), "%s %s", content->api_type,
             session->versions.best.text);
    teller_asked(session->teller, session->versions.best.level, session->refused);
    session_step(session, STEP_LOGIN);
}

static void logged_in(struct vsphere_session *session)
{
    session->logged_in = true;
    error_set(&session->life.reason, 0, "reading everything");
    life_tell(&session->life, SESSION_SYNCING);
    watch_start(session);
    if (!session->life.closing)
        session_step(session, STEP_COLLECTOR);
}

static void collector_made(struct vsphere_session *session)
{
    session->collector = session->main.reply->ref;
    session_step(session, STEP_VIEW);
}

static void begin_sync(struct vsphere_session *session)
{
    session->syncing = true;
    session->version[0] = '\0';
    teller_asked(session->teller, session->versions.best.level, session->refused);
    teller_begin(session->teller);
}

static void view_made(struct vsphere_session *session)
{
    session->view = session->main.reply->ref;
    begin_sync(session);
    session_step(session, is_wanted(session, OBJECT_DVSWITCH) ? STEP_SWITCHES : STEP_FILTER);
}

/* True when there is another page, which is then asked for. */
static bool goes_on(struct vsphere_session *session)
{
    text_copy(session->token, sizeof(session->token), session->main.reply->token);
    if (!*session->token)
        return false;
    session_step(session, session->step);
    return true;
}

static void switches_read(struct vsphere_session *session)
{
    if (!goes_on(session))
        session_step(session, STEP_FILTER);
}

static void filter_made(struct vsphere_session *session)
{
    session_step(session, STEP_WAIT);
}

static void now_connected(struct vsphere_session *session)
{
    session->syncing = false;
    watch_restate(session);
    teller_complete(session->teller);
    life_connected(&session->life);
    side_start(session);
}

/* After each piece of news: more of it, objects to read again, the end of the first read, or the
 * next wait. Objects are read again before the next wait, so that nothing older overtakes it. */
static void go_on(struct vsphere_session *session, bool news)
{
    bool poll = session->lacks.wait_ex && session->lacks.wait;
    int64_t taken_ms = clock_now_ms() - session->asked_ms;

    if (teller_due(session->teller)) {
        session_step(session, STEP_REREAD);
        return;
    }
    if (session->syncing && !watch_is_ready(session))
        return;
    if (session->syncing)
        now_connected(session);
    else
        side_kick(session);
    watch_look(session);
    if (!news) /* a sign of life, for the age that 'show hypervisor' tells */
        life_tell(&session->life, SESSION_CONNECTED);
    if (!news && (poll || taken_ms < PACE_MS)) /* nor be kept busy by a server that will not wait */
        loop_timer_start(session->poll_timer, poll ? POLL_MS : PACE_MS);
    else
        session_step(session, STEP_WAIT);
}

void step_released(struct vsphere_session *session)
{
    go_on(session, true);
}

static void updates_read(struct vsphere_session *session)
{
    const struct reply *reply = session->main.reply;

    session->want_cancel = session->cancelled = false;
    if (reply->has_set && !*reply->version) {
        error_set(&session->life.reason, 0, "the server sends updates without a version");
        session_close(session, LIFE_RETRY);
        return;
    }
    if (reply->has_set)
        text_copy(session->version, sizeof(session->version), reply->version);
    if (reply->truncated)
        session_step(session, STEP_WAIT);
    else
        go_on(session, reply->has_set);
}

static void objects_reread(struct vsphere_session *session)
{
    if (goes_on(session))
        return;
    teller_reread_done(session->teller);
    go_on(session, true);
}

static void logged_out(struct vsphere_session *session)
{
    session_closed(session);
}

static const struct {
    const char *name; /* for "FAULT while NAME" */
    int64_t silence_s, total_s;
    const struct xml_rule *(*build)(struct vsphere_session *session, struct strbuf *to,
                                    struct error *reterr);
    void (*answered)(struct vsphere_session *session);
} steps[N_STEPS] = {
    [STEP_VERSIONS] = { "asking for the API's versions", 30, 30, NULL, NULL },
    [STEP_CONTENT] = { "asking what the server is", 30, 60, build_content, content_read },
    [STEP_LOGIN] = { "logging in", 60, 60, build_login, logged_in },
    [STEP_COLLECTOR] = { "making a property collector", 60, 60, build_collector, collector_made },
    [STEP_VIEW] = { "making a view", 120, 120, build_view, view_made },
    [STEP_SWITCHES] = { "reading the distributed switches", 120, 600, build_switches,
                        switches_read },
    [STEP_FILTER] = { "making a filter", 120, 120, build_filter, filter_made },
    [STEP_WAIT] = { "waiting for updates", WAIT_S + 30, 600, build_wait, updates_read },
    [STEP_REREAD] = { "reading objects again", 120, 600, build_reread, objects_reread },
    [STEP_LOGOUT] = { "logging out", 3, 3, build_logout, logged_out },
};

const char *step_name(enum step step)
{
    return step < N_STEPS && steps[step].name ? steps[step].name : "starting";
}

struct exchange_manner step_manner(enum step step)
{
    return (struct exchange_manner){ .silence_s = steps[step].silence_s,
                                     .total_s = steps[step].total_s,
                                     .once = step == STEP_LOGIN };
}

const struct xml_rule *step_build(struct vsphere_session *session, struct error *reterr)
{
    return steps[session->step].build(session, &session->main.exchange.body, reterr);
}

/* ---- Faults
 * -------------------------------------------------------------------------------------- */

/* The server does not know the call: true when there is another way, which is then taken. */
static bool without_it(struct vsphere_session *session)
{
    struct lacks *lacks = &session->lacks;
    bool *lacking = &lacks->retrieve_ex;
    enum step next = session->step;

    switch (session->step) {
    case STEP_COLLECTOR:
        lacking = &lacks->collectors;
        next = STEP_VIEW;
        break;
    case STEP_SWITCHES:
    case STEP_REREAD:
        break;
    case STEP_WAIT:
        lacking = !lacks->wait_ex                     ? &lacks->wait_ex
                  : session->syncing && !lacks->check ? &lacks->check
                                                      : &lacks->wait;
        if (lacks->check && lacks->wait)
            return false;
        break;
    case STEP_NONE:
    case STEP_VERSIONS:
    case STEP_CONTENT:
    case STEP_LOGIN:
    case STEP_VIEW:
    case STEP_FILTER:
    case STEP_LOGOUT:
    case N_STEPS:
        return false;
    }
    if (*lacking)
        return false;
    *lacking = true;
    *session->token = '\0';
    session_step(session, next);
    return true;
}

static bool on_unknown_call(struct vsphere_session *session, const struct fault *fault)
{
    (void)fault;
    return without_it(session);
}

/* A server refuses a whole call for one property that it does not know. */
static bool on_unknown_property(struct vsphere_session *session, const struct fault *fault)
{
    property_set refused = 0;

    for (enum property_id id = 0; id < N_PROPERTIES; id++)
        if (strcmp(properties[id].path, fault->property) == 0)
            refused |= PROPERTY(id);
    if (!(refused & ~session->refused) ||
        (session->step != STEP_SWITCHES && session->step != STEP_FILTER &&
         session->step != STEP_REREAD))
        return false;
    session->refused |= refused;
    teller_asked(session->teller, session->versions.best.level, session->refused);
    log_info("the server does not know the property %s", fault->property);
    session_step(session, session->step);
    return true;
}

static bool on_refused_login(struct vsphere_session *session, const struct fault *fault)
{
    if (session->step != STEP_LOGIN)
        return false;
    error_set(&session->life.reason, 0,
              "user name or password refused (%s); not tried again for a while", fault->type);
    session_close(session, LIFE_HOLD);
    return true;
}

static bool on_session_lost(struct vsphere_session *session, const struct fault *fault)
{
    (void)fault;
    session->lost = true;
    return false;
}

/* One of the objects asked for does not exist any more: find out which, one by one. */
static bool on_object_gone(struct vsphere_session *session, const struct fault *fault)
{
    (void)fault;
    if (session->step != STEP_REREAD)
        return false;
    if (session->reread_most > 1) {
        session->reread_most = 1;
        *session->token = '\0';
        session_step(session, STEP_REREAD);
        return true;
    }
    objects_reread(session);
    return true;
}

/* We ended the wait ourselves: nothing new. */
static bool on_wait_ended(struct vsphere_session *session, const struct fault *fault)
{
    (void)fault;
    if (session->step != STEP_WAIT || session->syncing || !session->cancelled)
        return false;
    session->cancelled = false;
    go_on(session, false);
    return true;
}

static const struct {
    const char *type;
    bool (*handle)(struct vsphere_session *session, const struct fault *fault);
} faults[] = {
    { "NotAuthenticated", on_session_lost },    { "InvalidLogin", on_refused_login },
    { "PasswordExpired", on_refused_login },    { "NoPermission", on_refused_login },
    { "InvalidProperty", on_unknown_property }, { "ManagedObjectNotFound", on_object_gone },
    { "RequestCanceled", on_wait_ended },       { "InvalidRequest", on_unknown_call },
    { "MethodNotFound", on_unknown_call },      { "NotImplemented", on_unknown_call },
    { "NotSupported", on_unknown_call },        { "unknown", on_unknown_call },
};

static void on_fault(struct vsphere_session *session, const struct fault *fault)
{
    for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
        if (strcmp(faults[i].type, fault->type) == 0) {
            if (faults[i].handle(session, fault))
                return;
            break;
        }
    if (session->lost)
        error_set(&session->life.reason, 0, "the server has ended the session");
    else
        error_set(&session->life.reason, 0, "the server answers %s while %s%s%s", fault->type,
                  step_name(session->step), *fault->text ? ": " : "", fault->text);
    session_close(session, LIFE_RETRY);
}

void step_answered(struct vsphere_session *session)
{
    const struct fault *fault = &session->main.reply->fault;

    if (session->step == STEP_LOGOUT)
        logged_out(session);
    else if (*fault->type)
        on_fault(session, fault);
    else
        steps[session->step].answered(session);
}

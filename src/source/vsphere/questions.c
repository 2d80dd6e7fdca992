/* What the watch for moves asks the server, step by step. */
#include "source/vsphere/state.h"

#define OLDER_EVENTS 500

static const struct xml_rule *build_clock(struct vsphere_session *session, struct strbuf *to)
{
    static const struct moref self = { "ServiceInstance", "ServiceInstance" };

    (void)session;
    soap_begin(to, "CurrentTime", &self);
    soap_finish(to, "CurrentTime");
    return text_rules;
}

/* Events by their types: those of an EventEx can only be named since API 4.0. */
static void add_types(const struct vsphere_session *session, struct strbuf *to)
{
    bool by_id = session->versions.best.level >= API_4_0, extended;
    const char *type;

    if (by_id)
        soap_markup(to, "<disableFullMessage>true</disableFullMessage>");
    for (size_t i = 0; (type = meaning_event_type(i, &extended)); i++)
        if (by_id || !extended)
            soap_text(to, by_id ? "eventTypeId" : "type", type);
}

static void add_begin(struct strbuf *to, const char *begin)
{
    soap_markup(to, "<time>");
    soap_text(to, "beginTime", begin);
    soap_markup(to, "</time>");
}

static const struct xml_rule *build_events(struct vsphere_session *session, struct strbuf *to)
{
    soap_begin(to, "CreateCollectorForEvents", &session->content.events);
    soap_markup(to, "<filter>");
    add_begin(to, session->watch.begin);
    add_types(session, to);
    soap_markup(to, "</filter>");
    soap_finish(to, "CreateCollectorForEvents");
    return ref_rules;
}

static const struct xml_rule *build_page(struct vsphere_session *session, struct strbuf *to)
{
    soap_begin(to, "SetCollectorPageSize", &session->watch.events);
    soap_number(to, "maxCount", WATCH_PAGE_EVENTS);
    soap_finish(to, "SetCollectorPageSize");
    return nothing_rules;
}

static const struct xml_rule *build_collector(struct vsphere_session *session, struct strbuf *to)
{
    soap_begin(to, "CreatePropertyCollector", &session->content.collector);
    soap_finish(to, "CreatePropertyCollector");
    return ref_rules;
}

static void add_event_spec(const struct vsphere_session *session, struct strbuf *to)
{
    soap_markup(to, "<propSet>");
    soap_text(to, "type", session->watch.events.type);
    soap_markup(to, "<pathSet>latestPage</pathSet></propSet><objectSet>");
    soap_ref(to, "obj", &session->watch.events);
    soap_markup(to, "</objectSet>");
}

static void add_task_spec(const struct vsphere_session *session, struct strbuf *to)
{
    soap_markup(to, "<propSet><type>Task</type><pathSet>info</pathSet></propSet><objectSet>");
    soap_ref(to, "obj", &session->content.tasks);
    soap_markup(to, "<skip>true</skip><selectSet xsi:type=\"TraversalSpec\"><name>t</name>"
                    "<type>TaskManager</type><path>recentTask</path><skip>false</skip></selectSet>"
                    "</objectSet>");
}

static const struct xml_rule *build_event_filter(struct vsphere_session *session, struct strbuf *to)
{
    soap_begin(to, "CreateFilter", &session->watch.collector);
    soap_markup(to, "<spec>");
    add_event_spec(session, to);
    soap_markup(to, "</spec><partialUpdates>false</partialUpdates>");
    soap_finish(to, "CreateFilter");
    return ref_rules;
}

static const struct xml_rule *build_task_filter(struct vsphere_session *session, struct strbuf *to)
{
    soap_begin(to, "CreateFilter", &session->watch.collector);
    soap_markup(to, "<spec>");
    add_task_spec(session, to);
    soap_markup(to, "</spec><partialUpdates>false</partialUpdates>");
    soap_finish(to, "CreateFilter");
    return ref_rules;
}

/* What is there comes at once. */
static const struct xml_rule *build_wait(struct vsphere_session *session, struct strbuf *to)
{
    struct watch *watch = &session->watch;

    soap_begin(to, "WaitForUpdatesEx", &watch->collector);
    soap_text(to, "version", watch->version);
    soap_markup(to, "<options>");
    soap_number(to, "maxWaitSeconds", watch->ready ? WATCH_WAIT_S : 0);
    soap_markup(to, "</options>");
    soap_finish(to, "WaitForUpdatesEx");
    return news_update_rules;
}

static const struct xml_rule *build_poll(struct vsphere_session *session, struct strbuf *to)
{
    soap_begin(to, "RetrieveProperties", &session->content.collector);
    soap_markup(to, "<specSet>");
    add_event_spec(session, to);
    soap_markup(to, "</specSet>");
    if (session->watch.sees_tasks) {
        soap_markup(to, "<specSet>");
        add_task_spec(session, to);
        soap_markup(to, "</specSet>");
    }
    soap_finish(to, "RetrieveProperties");
    return news_objects_rules;
}

static const struct xml_rule *build_chain(struct vsphere_session *session, struct strbuf *to)
{
    soap_begin(to, "QueryEvents", &session->content.events);
    soap_markup(to, "<filter>");
    soap_number(to, "eventChainId", session->watch.chain);
    soap_markup(to, "</filter>");
    soap_finish(to, "QueryEvents");
    return events_rules;
}

/* What is older than the page is read backwards from there. */
static const struct xml_rule *build_reset(struct vsphere_session *session, struct strbuf *to)
{
    soap_begin(to, "ResetCollector", &session->watch.events);
    soap_finish(to, "ResetCollector");
    return nothing_rules;
}

static const struct xml_rule *build_older(struct vsphere_session *session, struct strbuf *to)
{
    soap_begin(to, "ReadPreviousEvents", &session->watch.events);
    soap_number(to, "maxCount", OLDER_EVENTS);
    soap_finish(to, "ReadPreviousEvents");
    return events_rules;
}

const struct xml_rule *watch_question(struct vsphere_session *session, struct strbuf *to)
{
    static const struct xml_rule *(*const build[N_WATCH_STEPS])(struct vsphere_session * session,
                                                                struct strbuf * to) = {
        [WATCH_CLOCK] = build_clock,
        [WATCH_EVENTS] = build_events,
        [WATCH_PAGE] = build_page,
        [WATCH_COLLECTOR] = build_collector,
        [WATCH_EVENT_FILTER] = build_event_filter,
        [WATCH_TASK_FILTER] = build_task_filter,
        [WATCH_WAIT] = build_wait,
        [WATCH_POLL] = build_poll,
        [WATCH_CHAIN] = build_chain,
        [WATCH_RESET] = build_reset,
        [WATCH_OLDER] = build_older,
    };

    return build[session->watch.step](session, to);
}

/* The second call of a session, beside the one that waits for updates. */
#include <string.h>

#include "source/vsphere/state.h"

#define HINT_S 60
#define WAIT_S 60

static void start_call(struct vsphere_session *session, const struct xml_rule *response)
{
    struct exchange_manner manner = { .silence_s = HINT_S, .total_s = HINT_S };

    if (call_start(&session->side, session->http, session->life.target->url,
                   &session->versions.best, response, NULL, &manner) < 0)
        session->cancelling = false;
    else if (session->side.reply)
        session->side.reply->hint_host = session->hint_host;
}

static bool try_cancel(struct vsphere_session *session)
{
    if (!session->want_cancel || session->step != STEP_WAIT)
        return false;
    session->want_cancel = false;
    session->cancelling = session->cancelled = true;
    soap_begin(&session->side.exchange.body, "CancelWaitForUpdates", &session->collector);
    soap_finish(&session->side.exchange.body, "CancelWaitForUpdates");
    start_call(session, nothing_rules);
    return true;
}

void side_kick(struct vsphere_session *session)
{
    struct moref network_system = { .type = "HostNetworkSystem" };

    if (exchange_is_busy(&session->side.exchange) || session->life.state != SESSION_CONNECTED ||
        session->life.closing)
        return;
    if (try_cancel(session) || session->life.target->hint_interval_s == 0)
        return;
    if (!teller_next_hint(session->teller, session->hint_round, session->hint_host,
                          network_system.value))
        return;
    soap_begin(&session->side.exchange.body, "QueryNetworkHint", &network_system);
    soap_finish(&session->side.exchange.body, "QueryNetworkHint");
    start_call(session, hint_rules);
}

void side_start(struct vsphere_session *session)
{
    session->hint_round++;
    if (session->life.target->hint_interval_s)
        loop_timer_start(session->hint_timer,
                         (int64_t)session->life.target->hint_interval_s * 1000);
    side_kick(session);
}

void side_stop(struct vsphere_session *session)
{
    exchange_cancel(&session->side.exchange);
    loop_timer_stop(session->hint_timer);
    loop_timer_stop(session->wait_timer);
    session->want_cancel = session->cancelling = session->cancelled = false;
}

void side_hint_due(void *data)
{
    side_start(data);
}

void side_wait_due(void *data)
{
    side_cancel_wait(data);
}

void side_cancel_wait(struct vsphere_session *session)
{
    session->want_cancel = true;
    if (!exchange_is_busy(&session->side.exchange))
        try_cancel(session);
}

static void tell_hints(struct vsphere_session *session, bool known)
{
    struct strbuf lines;
    const struct strbuf *rows = &session->side.reply->rows;
    union row key = { .key = { .owner = session->hint_host } };

    strbuf_init(&lines, rows->size + 4096);
    if (known) {
        record_write(&lines, RECORD_BEGIN, TABLE_HINT, &key, 0);
        strbuf_add(&lines, strbuf_text(rows), rows->size);
    }
    record_write(&lines, known ? RECORD_END : RECORD_UNKNOWN, TABLE_HINT, &key, 0);
    if (!lines.overflow)
        session->life.callbacks.emit(lines.data, lines.size, session->life.data);
    strbuf_done(&lines);
}

void side_answered(enum exchange_outcome outcome, void *data)
{
    struct vsphere_session *session = data;
    const struct reply *reply = session->side.reply;

    if (session->cancelling) {
        session->cancelling = false; /* its effect shows in the wait */
    } else if (reply->lost) {
        session->lost = true;
        error_set(&session->life.reason, 0, "the server has ended the session");
        session_close(session, LIFE_RETRY);
        return;
    } else {
        tell_hints(session, outcome == EXCHANGE_ANSWERED && !*reply->fault.type);
    }
    side_kick(session);
}

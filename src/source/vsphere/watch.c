/* The fast loop of a session: events and recent tasks, by a property collector of its own, beside
 * the loop that follows the inventory. What it hears goes to pending.h, and the rows of moves that
 * come of it leave at once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "source/vsphere/state.h"

#define OUT_CAP (64u << 20)
#define REPLY_CAP (32u << 20) /* bytes: a page of 1,000 events has less than half a megabyte */
#define ELEMENTS_CAP 1000000
#define PACE_MS 1000    /* between two waits that bring nothing, and between two polls */
#define OLDER_READS 100 /* of a gap: what is beyond is of the past */
#define FAILURES 3      /* waits that fail from the start, until it is given up */

/* ---- Rows ------------------------------------------------------------------------------------ */

static struct moment moment_of(struct vsphere_session *session, struct strbuf *to)
{
    strbuf_init(to, OUT_CAP);
    return (struct moment){ .now_ms = clock_now_ms(),
                            .wall_ms = clock_wall_ms(),
                            .complete = session->watch.complete,
                            .hosts = teller_known(session->teller, OBJECT_HOST),
                            .machines = teller_known(session->teller, OBJECT_MACHINE),
                            .to = to };
}

static void emit(struct vsphere_session *session, struct strbuf *rows)
{
    if (rows->size && !rows->overflow)
        session->life.callbacks.emit(rows->data, rows->size, session->life.data);
    strbuf_done(rows);
}

static void set_remark(struct vsphere_session *session, const char *remark)
{
    struct watch *watch = &session->watch;

    if (strcmp(remark, watch->remark) == 0)
        return;
    text_copy(watch->remark, sizeof(watch->remark), remark);
    session_notice(session);
}

void watch_look(struct vsphere_session *session)
{
    struct watch *watch = &session->watch;
    struct strbuf rows;
    const struct moment moment = moment_of(session, &rows);
    int64_t again_ms = pending_look(watch->pending, &moment);

    emit(session, &rows);
    if (again_ms)
        loop_timer_start(watch->look_timer, again_ms);
    else
        loop_timer_stop(watch->look_timer);
    if (pending_overflowed(watch->pending))
        set_remark(session, "more moves at a time than can be held");
}

void watch_restate(struct vsphere_session *session)
{
    struct strbuf rows;
    struct moment moment;

    teller_flush(session->teller); /* 'begin all' comes first */
    session->watch.complete = true;
    watch_look(session);
    moment = moment_of(session, &rows);
    pending_restate(session->watch.pending, &moment);
    emit(session, &rows);
}

/* ---- Being ready ----------------------------------------------------------------------------- */

bool watch_is_ready(struct vsphere_session *session)
{
    session->watch.held = !session->watch.ready;
    return session->watch.ready;
}

static void now_ready(struct vsphere_session *session)
{
    struct watch *watch = &session->watch;
    bool held = watch->held;

    watch->ready = true;
    watch->held = false;
    if (held)
        step_released(session);
}

/* There are no moves to be had from this server, or no more. The inventory goes on. */
static void give_up(struct vsphere_session *session, const char *why)
{
    char remark[sizeof(session->watch.remark)];

    session->watch.step = WATCH_NONE;
    snprintf(remark, sizeof(remark), "moves are seen only when they have happened: %.100s", why);
    set_remark(session, remark);
    now_ready(session);
}

/* ---- Answers --------------------------------------------------------------------------------- */

static void take_step(struct vsphere_session *session, enum watch_step step);

static void clock_read(struct vsphere_session *session)
{
    struct watch *watch = &session->watch;

    text_copy(watch->begin, sizeof(watch->begin), watch->call.reply->text);
    if (*watch->begin)
        take_step(session, WATCH_EVENTS);
    else
        give_up(session, "the server does not tell its time");
}

static void events_made(struct vsphere_session *session)
{
    session->watch.events = session->watch.call.reply->ref;
    take_step(session, WATCH_PAGE);
}

static void page_set(struct vsphere_session *session)
{
    take_step(session, session->lacks.wait_ex ? WATCH_POLL : WATCH_COLLECTOR);
}

static void collector_made(struct vsphere_session *session)
{
    session->watch.collector = session->watch.call.reply->ref;
    take_step(session, WATCH_EVENT_FILTER);
}

static void events_filtered(struct vsphere_session *session)
{
    take_step(session, session->watch.sees_tasks ? WATCH_TASK_FILTER : WATCH_WAIT);
}

static void tasks_filtered(struct vsphere_session *session)
{
    take_step(session, WATCH_WAIT);
}

static int by_key(const void *a, const void *b)
{
    uint64_t left = ((const struct event *)a)->key, right = ((const struct event *)b)->key;

    return (left > right) - (left < right);
}

/* Pages are in no order. */
static void sort_events(struct news *news)
{
    if (news->n_events)
        qsort(news->events, news->n_events, sizeof(*news->events), by_key);
}

/* Takes the events between two keys, the oldest first. Where older ones are still to be read, that
 * a machine leaves its host says too little: where to will be said. */
static void take_events(struct vsphere_session *session, const struct news *news, uint64_t above,
                        uint64_t below, const struct moment *moment)
{
    struct watch *watch = &session->watch;

    for (size_t i = 0; i < news->n_events; i++) {
        const struct event *event = &news->events[i];

        if (event->key > above && event->key < below &&
            !(watch->gap_high && meaning_is_vague(event)))
            pending_event(watch->pending, event, moment);
    }
}

/* A full page that does not reach down to what was seen last may hide events. */
static void note_gap(struct watch *watch, const struct news *news)
{
    if (!watch->can_read || news->n_events < WATCH_PAGE_EVENTS ||
        news->events[0].key <= watch->last_key)
        return;
    watch->gap_low = watch->last_key;
    watch->gap_high = news->events[0].key;
    watch->gap_reads = 0;
}

/* Tasks, too, wait for older events. */
static void take_tasks(struct watch *watch, const struct task *tasks, size_t count,
                       const struct moment *moment)
{
    struct task *larger;

    if (!watch->gap_high) {
        for (size_t i = 0; i < count; i++)
            pending_task(watch->pending, &tasks[i], moment);
        return;
    }
    larger = count && watch->n_late + count <= NEWS_MAX
                 ? reallocarray(watch->late, watch->n_late + count, sizeof(*tasks))
                 : NULL;
    if (!larger)
        return; /* each is told again when it changes */
    watch->late = larger;
    memcpy(watch->late + watch->n_late, tasks, count * sizeof(*tasks));
    watch->n_late += count;
}

static void take_news(struct vsphere_session *session)
{
    struct watch *watch = &session->watch;
    struct news *news = &watch->call.reply->news;
    uint64_t before = watch->last_key;
    struct strbuf rows;
    const struct moment moment = moment_of(session, &rows);

    sort_events(news);
    note_gap(watch, news);
    if (news->n_events && news->events[news->n_events - 1].key > before)
        watch->last_key = news->events[news->n_events - 1].key;
    take_events(session, news, before, UINT64_MAX, &moment);
    take_tasks(watch, news->tasks, news->n_tasks, &moment);
    emit(session, &rows);
    watch_look(session);
}

/* Older events were read, or cannot be. */
static void close_gap(struct vsphere_session *session)
{
    struct watch *watch = &session->watch;
    struct strbuf rows;
    const struct moment moment = moment_of(session, &rows);

    watch->gap_low = watch->gap_high = 0;
    take_tasks(watch, watch->late, watch->n_late, &moment);
    free(watch->late);
    watch->late = NULL;
    watch->n_late = 0;
    emit(session, &rows);
}

/* What comes after news was taken. */
static void go_on(struct vsphere_session *session, bool news)
{
    struct watch *watch = &session->watch;
    bool poll = watch->step == WATCH_POLL || (session->lacks.wait_ex || !*watch->collector.value);
    bool at_once = !poll && (news || clock_now_ms() - watch->asked_ms >= PACE_MS);

    if (watch->gap_high) {
        take_step(session, WATCH_RESET);
        return;
    }
    if (!watch->ready && watch->can_query && pending_ask(watch->pending, &watch->chain)) {
        take_step(session, WATCH_CHAIN);
        return;
    }
    watch->step = poll ? WATCH_POLL : WATCH_WAIT;
    if (!watch->ready) {
        now_ready(session);
        at_once = !poll;
    }
    if (session->life.closing)
        return;
    if (at_once)
        take_step(session, watch->step);
    else
        loop_timer_start(watch->timer, PACE_MS);
}

static void wait_answered(struct vsphere_session *session)
{
    struct watch *watch = &session->watch;
    const struct reply *reply = watch->call.reply;

    if (watch->ready)
        watch->failures = 0;
    if (reply->has_set && !*reply->version) {
        give_up(session, "the server sends updates without a version");
        return;
    }
    if (reply->has_set)
        text_copy(watch->version, sizeof(watch->version), reply->version);
    take_news(session);
    if (reply->truncated)
        take_step(session, WATCH_WAIT);
    else
        go_on(session, reply->has_set);
}

static void polled(struct vsphere_session *session)
{
    take_news(session);
    go_on(session, false);
}

static void take_older(struct vsphere_session *session, uint64_t above, uint64_t below)
{
    struct watch *watch = &session->watch;
    struct strbuf rows;
    const struct moment moment = moment_of(session, &rows);

    sort_events(&watch->call.reply->news);
    take_events(session, &watch->call.reply->news, above, below, &moment);
    emit(session, &rows);
    watch_look(session);
}

static void chain_read(struct vsphere_session *session)
{
    take_older(session, 0, UINT64_MAX);
    go_on(session, true);
}

static void collector_reset(struct vsphere_session *session)
{
    take_step(session, WATCH_OLDER);
}

/* Reads on until what was seen before is met again. */
static void older_read(struct vsphere_session *session)
{
    struct watch *watch = &session->watch;
    const struct news *news = &watch->call.reply->news;
    uint64_t least;

    take_older(session, watch->gap_low, watch->gap_high);
    least = news->n_events ? news->events[0].key : 0;
    if (least > watch->gap_low && ++watch->gap_reads < OLDER_READS) {
        watch->gap_high = least < watch->gap_high ? least : watch->gap_high;
        take_step(session, WATCH_OLDER);
        return;
    }
    close_gap(session);
    go_on(session, true);
}

/* ---- Faults ---------------------------------------------------------------------------------- */

static bool is_unknown_call(const struct fault *fault)
{
    static const char *const types[] = { "InvalidRequest", "MethodNotFound", "NotImplemented",
                                         "NotSupported", "unknown" };

    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (strcmp(types[i], fault->type) == 0)
            return true;
    return false;
}

static void poll_instead(struct vsphere_session *session, const struct fault *fault)
{
    if (is_unknown_call(fault))
        take_step(session, WATCH_POLL);
    else
        give_up(session, fault->type);
}

static void without_page(struct vsphere_session *session, const struct fault *fault)
{
    (void)fault;
    page_set(session);
}

static void without_tasks(struct vsphere_session *session, const struct fault *fault)
{
    log_info("the server does not show its tasks (%s): moves are known by their events only",
             fault->type);
    session->watch.sees_tasks = false;
    tasks_filtered(session);
}

static void without_query(struct vsphere_session *session, const struct fault *fault)
{
    (void)fault;
    session->watch.can_query = false;
    go_on(session, true);
}

static void without_older(struct vsphere_session *session, const struct fault *fault)
{
    struct watch *watch = &session->watch;

    (void)fault;
    watch->can_read = false;
    close_gap(session);
    go_on(session, true);
}

static void wait_failed(struct vsphere_session *session, const struct fault *fault)
{
    struct watch *watch = &session->watch;

    if (is_unknown_call(fault) && !*watch->version) {
        *watch->collector.value = '\0';
        take_step(session, WATCH_POLL);
    } else if (++watch->failures >= FAILURES) {
        give_up(session, fault->type);
    } else {
        error_set(&session->life.reason, 0, "the server answers %s while waiting for events%s%s",
                  fault->type, *fault->text ? ": " : "", fault->text);
        session_close(session, LIFE_RETRY);
    }
}

static void refused(struct vsphere_session *session, const struct fault *fault)
{
    give_up(session, fault->type);
}

static const struct {
    const char *name; /* for "NAME failed" */
    void (*answered)(struct vsphere_session *session);
    void (*refused)(struct vsphere_session *session, const struct fault *fault);
} steps[N_WATCH_STEPS] = {
    [WATCH_CLOCK] = { "asking for the server's time", clock_read, refused },
    [WATCH_EVENTS] = { "making an event collector", events_made, refused },
    [WATCH_PAGE] = { "setting the size of a page of events", page_set, without_page },
    [WATCH_COLLECTOR] = { "making a property collector for events", collector_made, poll_instead },
    [WATCH_EVENT_FILTER] = { "making a filter for events", events_filtered, refused },
    [WATCH_TASK_FILTER] = { "making a filter for tasks", tasks_filtered, without_tasks },
    [WATCH_WAIT] = { "waiting for events", wait_answered, wait_failed },
    [WATCH_POLL] = { "asking for events", polled, wait_failed },
    [WATCH_CHAIN] = { "asking for the events of a move", chain_read, without_query },
    [WATCH_RESET] = { "going to older events", collector_reset, without_older },
    [WATCH_OLDER] = { "reading older events", older_read, without_older },
};

static void on_failed(struct vsphere_session *session)
{
    const struct watch *watch = &session->watch;

    if (watch->call.reply && watch->call.reply->lost) {
        session->lost = true;
        error_set(&session->life.reason, 0, "the server has ended the session");
    } else {
        error_set(&session->life.reason, 0, "%s failed: %s", steps[watch->step].name,
                  watch->call.exchange.error.text);
    }
    session_close(session, LIFE_RETRY);
}

static void on_done(enum exchange_outcome outcome, void *data)
{
    struct vsphere_session *session = data;
    struct watch *watch = &session->watch;
    const struct reply *reply = watch->call.reply;

    if (outcome != EXCHANGE_ANSWERED || reply->lost)
        on_failed(session);
    else if (*reply->fault.type)
        steps[watch->step].refused(session, &reply->fault);
    else
        steps[watch->step].answered(session);
}

static void take_step(struct vsphere_session *session, enum watch_step step)
{
    struct watch *watch = &session->watch;
    const struct exchange_manner manner = { .silence_s = WATCH_WAIT_S + 30, .total_s = 600 };
    const struct xml_rule *response;

    watch->step = step;
    watch->asked_ms = clock_now_ms();
    response = watch_question(session, &watch->call.exchange.body);
    if (call_start(&watch->call, session->http, session->life.target->url, &session->versions.best,
                   response, session->teller, &manner) < 0)
        on_failed(session);
}

/* ---- Life ------------------------------------------------------------------------------------ */

/* Moves never wait for room: there are few of them. */
static bool never_congested(void *data)
{
    (void)data;
    return false;
}

static void on_timer(void *data)
{
    struct vsphere_session *session = data;

    take_step(session, session->watch.step);
}

static void on_look(void *data)
{
    watch_look(data);
}

void watch_start(struct vsphere_session *session)
{
    struct watch *watch = &session->watch;

    pending_reconnect(watch->pending);
    watch->ready = watch->held = false;
    watch->last_key = watch->gap_low = watch->gap_high = 0;
    watch->can_query = watch->can_read = true;
    watch->sees_tasks = *session->content.tasks.value;
    watch->collector = (struct moref){ "", "" };
    *watch->version = *watch->remark = '\0';
    if (*session->content.events.value)
        take_step(session, WATCH_CLOCK);
    else
        give_up(session, "the server has no event manager");
}

void watch_stop(struct vsphere_session *session)
{
    struct watch *watch = &session->watch;

    exchange_cancel(&watch->call.exchange);
    free(watch->late);
    watch->late = NULL;
    watch->n_late = 0;
    loop_timer_stop(watch->timer);
    loop_timer_stop(watch->look_timer);
    watch->step = WATCH_NONE;
    watch->held = false;
}

int watch_open(struct vsphere_session *session)
{
    struct watch *watch = &session->watch;

    pending_free(watch->pending);
    watch->pending = pending_new();
    watch->complete = false;
    watch->failures = 0;
    *watch->remark = '\0';
    return watch->pending ? 0 : -ENOMEM;
}

int watch_init(struct vsphere_session *session, struct loop *loop)
{
    struct watch *watch = &session->watch;

    call_init(&watch->call, never_congested, on_done, session);
    watch->call.caps = (struct xml_caps){ .bytes = REPLY_CAP, .opened = ELEMENTS_CAP };
    watch->timer = loop_timer_new(loop, on_timer, session);
    watch->look_timer = loop_timer_new(loop, on_look, session);
    return watch->timer && watch->look_timer ? 0 : -ENOMEM;
}

void watch_done(struct vsphere_session *session)
{
    struct watch *watch = &session->watch;

    call_done(&watch->call);
    free(watch->late);
    loop_watch_free(watch->timer);
    loop_watch_free(watch->look_timer);
    pending_free(watch->pending);
}

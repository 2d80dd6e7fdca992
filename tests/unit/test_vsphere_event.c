#include "cmocka_unit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/vsphere/reply.h"

/* What the vCenter stand-in says of events and tasks, as tests/data/vsphere has it; FILE.expected
 * holds what is made of it. UPDATE=1 writes it. */

static const struct xml_caps caps = { .bytes = 1 << 22, .opened = 1000000 };

static char *read_file(const char *name)
{
    char path[512];
    char *text = calloc(1, 1 << 20);
    FILE *file;

    snprintf(path, sizeof(path), SOURCE_ROOT "/tests/data/vsphere/%s", name);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    return text;
}

static int decode(struct reply *reply, const char *text, size_t piece)
{
    struct xml *xml = xml_new(envelope_rules, reply, &caps);
    size_t size = strlen(text);
    struct error error;
    int r = 0;

    for (size_t at = 0; r == 0 && at < size; at += piece)
        r = xml_push(xml, text + at, size - at < piece ? size - at : piece, &error);
    if (r == 0)
        r = xml_end(xml, &error);
    xml_free(xml);
    return r;
}

static void print_field(struct strbuf *to, const char *name, const char *value)
{
    if (*value)
        strbuf_addf(to, " %s=[%s]", name, value);
}

static void print_event(struct strbuf *to, const struct event *event)
{
    strbuf_addf(to, "event %" PRIu64 " chain %" PRIu64 " %s", event->key, event->chain,
                event->type);
    print_field(to, "user", event->user);
    print_field(to, "vm", event->vm);
    print_field(to, "vm_name", event->vm_name);
    print_field(to, "source_vm", event->source_vm);
    print_field(to, "host", event->host);
    print_field(to, "dest", event->dest);
    print_field(to, "dest_name", event->dest_name);
    print_field(to, "source", event->source);
    print_field(to, "name", event->name);
    print_field(to, "mishap", event->mishap.type);
    print_field(to, "text", event->mishap.text);
    strbuf_adds(to, "\n");
}

static void print_task(struct strbuf *to, const struct task *task)
{
    strbuf_addf(to, "task %s chain %" PRIu64 " state %u%s%s", task->id, task->chain,
                (unsigned)task->state, task->cancelled ? " cancelled" : "",
                task->gone ? " gone" : "");
    print_field(to, "entity", task->entity);
    print_field(to, "type", task->entity_type);
    print_field(to, "about", task->about);
    print_field(to, "user", task->user);
    print_field(to, "mishap", task->mishap.type);
    print_field(to, "text", task->mishap.text);
    strbuf_adds(to, "\n");
}

static void print_news(struct strbuf *to, const struct news *news)
{
    for (size_t i = 0; i < news->n_events; i++)
        print_event(to, &news->events[i]);
    for (size_t i = 0; i < news->n_tasks; i++)
        print_task(to, &news->tasks[i]);
}

static void expect(const char *name, const struct news *news)
{
    struct strbuf text;
    char path[512];
    char *expected;

    strbuf_init(&text, 1 << 20);
    print_news(&text, news);
    if (getenv("UPDATE")) {
        FILE *file;

        snprintf(path, sizeof(path), SOURCE_ROOT "/tests/data/vsphere/%s", name);
        file = fopen(path, "w");
        assert_non_null(file);
        fputs(strbuf_text(&text), file);
        fclose(file);
    }
    expected = read_file(name);
    assert_string_equal(strbuf_text(&text), expected);
    free(expected);
    strbuf_done(&text);
}

static void check_file(const char *name, const struct xml_rule *rules)
{
    static const size_t pieces[] = { 1, 7, 1000, 1 << 20 };
    char file[64];
    char *text;

    snprintf(file, sizeof(file), "%s.xml", name);
    text = read_file(file);
    snprintf(file, sizeof(file), "%s.expected", name);
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        struct reply *reply = reply_new(rules, NULL);

        assert_int_equal(decode(reply, text, pieces[i]), 0);
        expect(file, &reply->news);
        reply_free(reply);
    }
    free(text);
}

static void an_update_has_the_page_and_the_tasks(void **state)
{
    (void)state;
    check_file("events-update", news_update_rules);
}

static void a_query_has_events(void **state)
{
    (void)state;
    check_file("events-query", events_rules);
}

#define ENVELOPE(inside)                                                                           \
    "<Envelope xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><Body><R>" inside           \
    "</R></Body></Envelope>"
#define TASK(kind, changes)                                                                        \
    "<returnval><version>2</version><filterSet><objectSet><kind>" kind                             \
    "</kind><obj type=\"Task\">task-1</obj>" changes "</objectSet></filterSet></returnval>"
#define INFO(inside)                                                                               \
    "<changeSet><name>info</name><op>assign</op><val xsi:type=\"TaskInfo\">" inside                \
    "</val></changeSet>"

static struct reply *take(const char *text, const struct xml_rule *rules, int expected)
{
    struct reply *reply = reply_new(rules, NULL);

    assert_int_equal(decode(reply, text, 1 << 20), expected);
    return reply;
}

static void a_task_that_leaves(void **state)
{
    struct reply *reply = take(ENVELOPE(TASK("leave", "")), news_update_rules, 0);

    (void)state;
    assert_int_equal(reply->news.n_tasks, 1);
    assert_true(reply->news.tasks[0].gone);
    assert_string_equal(reply->news.tasks[0].id, "task-1");
    reply_free(reply);
}

static void a_task_without_a_state_is_none(void **state)
{
    struct reply *reply = take(ENVELOPE(TASK("enter", INFO("<descriptionId>x</descriptionId>"))),
                               news_update_rules, 0);

    (void)state;
    assert_int_equal(reply->news.n_tasks, 0);
    reply_free(reply);
}

static void who_asked_and_why_it_ended(void **state)
{
    struct reply *reply = take(
        ENVELOPE(TASK("modify", INFO("<state>error</state><cancelled>true</cancelled>"
                                     "<error><fault xsi:type=\"RequestCanceled\"/>"
                                     "<localizedMessage>Schluss</localizedMessage></error>"
                                     "<reason xsi:type=\"TaskReasonUser\"><userName>ops</userName>"
                                     "</reason><eventChainId>-1</eventChainId>"))),
        news_update_rules, 0);
    const struct task *task = reply->news.tasks;

    (void)state;
    assert_int_equal(reply->news.n_tasks, 1);
    assert_int_equal(task->state, TASK_ERROR);
    assert_true(task->cancelled);
    assert_string_equal(task->mishap.type, "RequestCanceled");
    assert_string_equal(task->mishap.text, "Schluss");
    assert_string_equal(task->user, "ops");
    assert_int_equal(task->chain, 0); /* no number that we know */
    reply_free(reply);
}

static void a_hollow_answer_counts_for_nothing(void **state)
{
    struct reply *reply =
        take(ENVELOPE(TASK("modify", "<missingSet><path>info</path><fault><fault "
                                     "xsi:type=\"NotAuthenticated\"/></fault></missingSet>")),
             news_update_rules, -ECONNRESET);

    (void)state;
    assert_true(reply->lost);
    assert_int_equal(reply->news.n_tasks, 0);
    reply_free(reply);
}

static void an_event_without_a_key_is_none(void **state)
{
    struct reply *reply = take(ENVELOPE("<returnval xsi:type=\"VmMigratedEvent\"><key>-5</key>"
                                        "</returnval><returnval><chainId>1</chainId></returnval>"),
                               events_rules, 0);

    (void)state;
    assert_int_equal(reply->news.n_events, 0);
    reply_free(reply);
}

static void an_identifier_that_is_too_long_is_not_read(void **state)
{
    struct strbuf text;
    struct reply *reply;

    (void)state;
    strbuf_init(&text, 1 << 20);
    strbuf_adds(&text, "<Envelope><Body><R><returnval><key>5</key><vm><vm>");
    for (int i = 0; i < 300; i++)
        strbuf_addc(&text, 'v');
    strbuf_adds(&text, "</vm></vm></returnval></R></Body></Envelope>");
    reply = take(strbuf_text(&text), events_rules, 0);
    assert_int_equal(reply->news.n_events, 1);
    assert_string_equal(reply->news.events[0].vm, "");
    reply_free(reply);
    strbuf_done(&text);
}

static void more_events_than_can_be_held_are_refused(void **state)
{
    struct strbuf text;

    (void)state;
    strbuf_init(&text, 1 << 20);
    strbuf_adds(&text, "<Envelope><Body><R>");
    for (int i = 0; i <= NEWS_MAX; i++)
        strbuf_addf(&text, "<returnval><key>%d</key></returnval>", i + 1);
    strbuf_adds(&text, "</R></Body></Envelope>");
    reply_free(take(strbuf_text(&text), events_rules, -EMSGSIZE));
    strbuf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_has_the_page_and_the_tasks),
        cmocka_unit_test(a_query_has_events),
        cmocka_unit_test(a_task_that_leaves),
        cmocka_unit_test(a_task_without_a_state_is_none),
        cmocka_unit_test(who_asked_and_why_it_ended),
        cmocka_unit_test(a_hollow_answer_counts_for_nothing),
        cmocka_unit_test(an_event_without_a_key_is_none),
        cmocka_unit_test(an_identifier_that_is_too_long_is_not_read),
        cmocka_unit_test(more_events_than_can_be_held_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

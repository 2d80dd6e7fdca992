#include "source/vsphere/event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/attrs.h"
#include "base/text.h"
#include "source/vsphere/reply.h"

#define NEWS(element, kind, member) XML_MEMBER(element, kind, struct reply, news.member)

static struct news *news_of(void *data)
{
    return &((struct reply *)data)->news;
}

void news_done(struct news *news)
{
    free(news->events);
    free(news->tasks);
    news->events = NULL;
    news->tasks = NULL;
}

/* Appends 'one' to an array that grows by doubling. */
static int append(void **array, size_t *count, size_t size, const void *one, struct error *reterr)
{
    if ((*count & (*count - 1)) == 0) { /* 0 or a power of two: it is full */
        size_t room = *count ? 2 * *count : 1;
        void *larger = room <= NEWS_MAX ? reallocarray(*array, room, size) : NULL;

        if (!larger)
            return error_set(reterr, -EMSGSIZE,
                             "the server tells more events or tasks at once than can be held");
        *array = larger;
    }
    memcpy((char *)*array + *count * size, one, size);
    ++*count;
    return 0;
}

/* ---- LocalizedMethodFault ------------------------------------------------------------------- */

static int on_event_fault(struct xml *xml, void *data, const struct xml_element *element)
{
    struct mishap *mishap = &news_of(data)->event.mishap;

    (void)xml;
    text_copy(mishap->type, sizeof(mishap->type), element->type);
    return 0;
}

static int on_task_fault(struct xml *xml, void *data, const struct xml_element *element)
{
    struct mishap *mishap = &news_of(data)->task.mishap;

    (void)xml;
    text_copy(mishap->type, sizeof(mishap->type), element->type);
    return 0;
}

static const struct xml_rule event_fault_rules[] = {
    { .name = "fault", .open = on_event_fault },
    NEWS("localizedMessage", XML_TEXT, event.mishap.text),
    { 0 },
};
static const struct xml_rule task_fault_rules[] = {
    { .name = "fault", .open = on_task_fault },
    NEWS("localizedMessage", XML_TEXT, task.mishap.text),
    { 0 },
};

/* ---- Events --------------------------------------------------------------------------------- */

static int on_event_open(struct xml *xml, void *data, const struct xml_element *element)
{
    struct event *event = &news_of(data)->event;

    (void)xml;
    memset(event, 0, sizeof(*event));
    text_copy(event->type, sizeof(event->type), *element->type ? element->type : element->name);
    return 0;
}

static int on_event(struct xml *xml, void *data, const char *text)
{
    struct news *news = news_of(data);

    (void)text;
    if (!news->event.key || news->event.key == UINT64_MAX) /* none, or no number */
        return 0;
    if (news->event.chain == UINT64_MAX)
        news->event.chain = 0;
    return append((void **)&news->events, &news->n_events, sizeof(news->event), &news->event,
                  xml_error(xml));
}

static int on_argument_open(struct xml *xml, void *data, const struct xml_element *element)
{
    struct news *news = news_of(data);

    (void)xml, (void)element;
    *news->key = *news->value = '\0';
    return 0;
}

static int on_argument(struct xml *xml, void *data, const char *text)
{
    struct news *news = news_of(data);

    (void)xml, (void)text;
    if (strcmp(news->key, "destHost") == 0)
        text_copy(news->event.dest_name, sizeof(news->event.dest_name), news->value);
    return 0;
}

static int on_event_type(struct xml *xml, void *data, const char *text)
{
    struct event *event = &news_of(data)->event;

    (void)xml;
    text_copy(event->type, sizeof(event->type), text);
    return 0;
}

static const struct xml_rule vm_rules[] = {
    NEWS("name", XML_TEXT, event.vm_name),
    NEWS("vm", XML_ID, event.vm),
    { 0 },
};
static const struct xml_rule source_vm_rules[] = {
    NEWS("vm", XML_ID, event.source_vm),
    { 0 },
};
static const struct xml_rule host_rules[] = {
    NEWS("host", XML_ID, event.host),
    { 0 },
};
static const struct xml_rule dest_rules[] = {
    NEWS("name", XML_TEXT, event.dest_name),
    NEWS("host", XML_ID, event.dest),
    { 0 },
};
static const struct xml_rule source_rules[] = {
    NEWS("host", XML_ID, event.source),
    { 0 },
};
static const struct xml_rule argument_rules[] = {
    NEWS("key", XML_TEXT, key),
    NEWS("value", XML_TEXT, value),
    { 0 },
};

#define COPY(element) XML_INTO(element, source_vm_rules)

static const struct xml_rule event_rules[] = {
    NEWS("key", XML_NUMBER, event.key),
    NEWS("chainId", XML_NUMBER, event.chain),
    NEWS("userName", XML_TEXT, event.user),
    XML_INTO("vm", vm_rules),
    COPY("sourceVm"),
    COPY("srcTemplate"),
    XML_INTO("host", host_rules),
    XML_INTO("destHost", dest_rules),
    XML_INTO("sourceHost", source_rules),
    NEWS("destName", XML_TEXT, event.name),
    XML_INTO("reason", event_fault_rules),
    XML_INTO("fault", event_fault_rules),
    { .name = "eventTypeId", .take = XML_CLOSE, .close = on_event_type },
    { .name = "arguments",
      .rules = argument_rules,
      .open = on_argument_open,
      .close = on_argument },
    { 0 },
};
static const struct xml_rule page_of_events_rules[] = {
    { .name = "*", .rules = event_rules, .open = on_event_open, .close = on_event },
    { 0 },
};
const struct xml_rule events_rules[] = {
    { .name = "returnval", .rules = event_rules, .open = on_event_open, .close = on_event },
    { 0 },
};

/* ---- Tasks ---------------------------------------------------------------------------------- */

static int on_entity(struct xml *xml, void *data, const struct xml_element *element)
{
    struct task *task = &news_of(data)->task;

    (void)xml;
    text_copy(task->entity_type, sizeof(task->entity_type), element->ref);
    return 0;
}

static int on_state(struct xml *xml, void *data, const char *text)
{
    static const struct {
        const char *word;
        enum task_state state;
    } words[] = {
        { "queued", TASK_QUEUED },
        { "running", TASK_RUNNING },
        { "success", TASK_SUCCESS },
        { "error", TASK_ERROR },
    };

    (void)xml;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcmp(words[i].word, text) == 0)
            news_of(data)->task.state = words[i].state;
    return 0;
}

static const struct xml_rule reason_rules[] = {
    NEWS("userName", XML_TEXT, task.user),
    { 0 },
};
static const struct xml_rule task_rules[] = {
    NEWS("descriptionId", XML_TEXT, task.about),
    { .name = "entity",
      .take = XML_ID,
      .offset = offsetof(struct reply, news.task.entity),
      .size = sizeof(((struct reply *)0)->news.task.entity),
      .open = on_entity },
    { .name = "state", .take = XML_CLOSE, .close = on_state },
    NEWS("cancelled", XML_FLAG, task.cancelled),
    XML_INTO("error", task_fault_rules),
    XML_INTO("reason", reason_rules),
    NEWS("eventChainId", XML_NUMBER, task.chain),
    { 0 },
};

/* ---- Objects: a collector's latestPage, a task's info --------------------------------------- */

static int on_object_open(struct xml *xml, void *data, const struct xml_element *element)
{
    struct news *news = news_of(data);

    (void)xml, (void)element;
    memset(&news->task, 0, sizeof(news->task));
    *news->type = '\0';
    return 0;
}

static int on_object_ref(struct xml *xml, void *data, const struct xml_element *element)
{
    struct news *news = news_of(data);

    (void)xml;
    text_copy(news->type, sizeof(news->type), element->ref);
    return 0;
}

static int on_object(struct xml *xml, void *data, const char *text)
{
    struct reply *reply = data;
    struct news *news = &reply->news;

    (void)text;
    if (reply->lost) /* a hollow answer: nothing in it may count */
        return error_set(xml_error(xml), -ECONNRESET, "the session has ended");
    if (strcmp(news->type, "Task") != 0 || !*news->task.id ||
        (!news->task.gone && !news->task.state))
        return 0;
    if (news->task.chain == UINT64_MAX)
        news->task.chain = 0;
    return append((void **)&news->tasks, &news->n_tasks, sizeof(news->task), &news->task,
                  xml_error(xml));
}

static int on_kind(struct xml *xml, void *data, const char *text)
{
    (void)xml;
    news_of(data)->task.gone = strcmp(text, "leave") == 0;
    return 0;
}

static int on_change(struct xml *xml, void *data, const struct xml_element *element)
{
    (void)xml, (void)element;
    *news_of(data)->path = '\0';
    return 0;
}

static int on_value(struct xml *xml, void *data, const struct xml_element *element)
{
    struct news *news = news_of(data);

    (void)element;
    if (strcmp(news->path, "latestPage") == 0)
        xml_descend(xml, page_of_events_rules);
    else if (strcmp(news->path, "info") == 0)
        xml_descend(xml, task_rules);
    return 0;
}

static int on_missing_fault(struct xml *xml, void *data, const struct xml_element *element)
{
    struct reply *reply = data;

    (void)xml;
    reply->lost = reply->lost || strcmp(element->type, "NotAuthenticated") == 0;
    return 0;
}

static int on_set(struct xml *xml, void *data, const struct xml_element *element)
{
    struct reply *reply = data;

    (void)xml, (void)element;
    reply->has_set = true;
    return 0;
}

#define OBJECT_REF                                                                                 \
    {                                                                                              \
        .name = "obj", .take = XML_ID, .offset = offsetof(struct reply, news.task.id),             \
        .size = sizeof(((struct reply *)0)->news.task.id), .open = on_object_ref                   \
    }

static const struct xml_rule missing_fault_rules[] = {
    { .name = "fault", .open = on_missing_fault },
    { 0 },
};
static const struct xml_rule missing_rules[] = {
    { .name = "fault", .rules = missing_fault_rules, .open = on_missing_fault },
    { 0 },
};
static const struct xml_rule change_rules[] = {
    NEWS("name", XML_TEXT, path),
    { .name = "val", .open = on_value },
    { 0 },
};
static const struct xml_rule object_update_rules[] = {
    { .name = "kind", .take = XML_CLOSE, .close = on_kind },
    OBJECT_REF,
    { .name = "changeSet", .rules = change_rules, .open = on_change },
    XML_INTO("missingSet", missing_rules),
    { 0 },
};
static const struct xml_rule filter_update_rules[] = {
    { .name = "objectSet",
      .rules = object_update_rules,
      .open = on_object_open,
      .close = on_object },
    { 0 },
};
static const struct xml_rule update_set_rules[] = {
    XML_MEMBER("version", XML_ID, struct reply, version),
    XML_INTO("filterSet", filter_update_rules),
    XML_MEMBER("truncated", XML_FLAG, struct reply, truncated),
    { 0 },
};
const struct xml_rule news_update_rules[] = {
    { .name = "returnval", .rules = update_set_rules, .open = on_set },
    { 0 },
};

static const struct xml_rule object_content_rules[] = {
    OBJECT_REF,
    { .name = "propSet", .rules = change_rules, .open = on_change },
    XML_INTO("missingSet", missing_rules),
    { 0 },
};
const struct xml_rule news_objects_rules[] = {
    { .name = "returnval",
      .rules = object_content_rules,
      .open = on_object_open,
      .close = on_object },
    { 0 },
};

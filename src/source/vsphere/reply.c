#include "source/vsphere/reply.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "source/vsphere/teller.h"

#define HINT_ROWS_CAP (1u << 20)

#define REPLY(element, kind, member) XML_MEMBER(element, kind, struct reply, member)

/* ---- Envelope and fault ------------------------------------------------------------------------
 */

static int on_detail(struct xml *xml, void *data, const struct xml_element *element)
{
    struct reply *reply = data;
    size_t length = strlen(element->name);

    (void)xml;
    /* <NotAuthenticatedFault xsi:type="NotAuthenticated">: either may be missing its other half. */
    text_copy(reply->fault.type, sizeof(reply->fault.type),
              *element->type ? element->type : element->name);
    if (!*element->type && length > 5 && strcmp(element->name + length - 5, "Fault") == 0 &&
        length - 5 < sizeof(reply->fault.type))
        reply->fault.type[length - 5] = '\0';
    reply->lost = reply->lost || strcmp(reply->fault.type, "NotAuthenticated") == 0;
    return 0;
}

static int on_fault(struct xml *xml, void *data, const struct xml_element *element)
{
    struct reply *reply = data;

    (void)xml, (void)element;
    text_copy(reply->fault.type, sizeof(reply->fault.type), "unknown");
    reply->answered = true;
    return 0;
}

static int on_response(struct xml *xml, void *data, const struct xml_element *element)
{
    struct reply *reply = data;

    (void)element;
    reply->answered = true;
    xml_descend(xml, reply->response);
    return 0;
}

static const struct xml_rule detail_rules[] = {
    REPLY("name", XML_TEXT, fault.property),
    { 0 },
};
static const struct xml_rule details_rules[] = {
    { .name = "*", .rules = detail_rules, .open = on_detail },
    { 0 },
};
static const struct xml_rule fault_rules[] = {
    REPLY("faultstring", XML_TEXT, fault.text),
    XML_INTO("detail", details_rules),
    { 0 },
};
static const struct xml_rule body_rules[] = {
    { .name = "Fault", .rules = fault_rules, .open = on_fault },
    { .name = "*", .open = on_response },
    { 0 },
};
static const struct xml_rule inside_envelope_rules[] = {
    XML_INTO("Body", body_rules),
    { 0 },
};
const struct xml_rule envelope_rules[] = {
    XML_INTO("Envelope", inside_envelope_rules),
    { 0 },
};

/* ---- Small answers ------------------------------------------------------------------------------
 */

const struct xml_rule nothing_rules[] = { { 0 } };

static int on_ref(struct xml *xml, void *data, const struct xml_element *element)
{
    struct reply *reply = data;

    (void)xml;
    text_copy(reply->ref.type, sizeof(reply->ref.type), element->ref);
    return 0;
}

const struct xml_rule ref_rules[] = {
    { .name = "returnval",
      .take = XML_ID,
      .offset = offsetof(struct reply, ref.value),
      .size = sizeof(((struct reply *)0)->ref.value),
      .open = on_ref },
    { 0 },
};

static const struct xml_rule user_session_rules[] = {
    REPLY("key", XML_TEXT, session_key),
    { 0 },
};
const struct xml_rule login_rules[] = {
    XML_INTO("returnval", user_session_rules),
    { 0 },
};

const struct xml_rule text_rules[] = {
    REPLY("returnval", XML_ID, text),
    { 0 },
};

#define MANAGER(element, member)                                                                   \
    {                                                                                              \
        .name = element, .take = XML_ID, .offset = offsetof(struct reply, content.member.value),   \
        .size = sizeof(((struct reply *)0)->content.member.value), .open = on_manager              \
    }

static int on_manager(struct xml *xml, void *data, const struct xml_element *element)
{
    struct content *content = &((struct reply *)data)->content;
    const struct {
        const char *name;
        struct moref *ref;
    } managers[] = {
        { "rootFolder", &content->root },     { "propertyCollector", &content->collector },
        { "viewManager", &content->views },   { "sessionManager", &content->sessions },
        { "eventManager", &content->events }, { "taskManager", &content->tasks },
    };

    (void)xml;
    for (size_t i = 0; i < ARRAY_SIZE(managers); i++)
        if (strcmp(managers[i].name, element->name) == 0)
            text_copy(managers[i].ref->type, sizeof(managers[i].ref->type), element->ref);
    return 0;
}

static const struct xml_rule about_rules[] = {
    REPLY("fullName", XML_TEXT, content.product),
    REPLY("version", XML_TEXT, content.version),
    REPLY("apiType", XML_TEXT, content.api_type),
    REPLY("apiVersion", XML_TEXT, content.api_version),
    { 0 },
};
static const struct xml_rule service_content_rules[] = {
    MANAGER("rootFolder", root),     MANAGER("propertyCollector", collector),
    MANAGER("viewManager", views),   MANAGER("sessionManager", sessions),
    MANAGER("eventManager", events), MANAGER("taskManager", tasks),
    XML_INTO("about", about_rules),  { 0 },
};
const struct xml_rule content_rules[] = {
    XML_INTO("returnval", service_content_rules),
    { 0 },
};

/* ---- Objects ------------------------------------------------------------------------------------
 */

static int on_object_open(struct xml *xml, void *data, const struct xml_element *element)
{
    struct reply *reply = data;

    (void)xml, (void)element;
    object_reset(&reply->object);
    reply->object.is_read = !reply->is_update;
    if (reply->is_update)
        reply->object.kind = KIND_MODIFY;
    return 0;
}

static int on_object_close(struct xml *xml, void *data, const char *text)
{
    struct reply *reply = data;

    (void)text;
    if (reply->lost) /* a hollow answer: nothing in it may count */
        return error_set(xml_error(xml), -ECONNRESET, "the session has ended");
    return teller_take(reply->teller, &reply->object, xml_error(xml));
}

static int on_kind(struct xml *xml, void *data, const char *text)
{
    struct reply *reply = data;

    (void)xml;
    reply->object.kind = strcmp(text, "enter") == 0   ? KIND_ENTER
                         : strcmp(text, "leave") == 0 ? KIND_LEAVE
                                                      : KIND_MODIFY;
    return 0;
}

static int on_object_ref(struct xml *xml, void *data, const struct xml_element *element)
{
    struct reply *reply = data;

    (void)xml;
    reply->object.type = object_type_find(element->ref);
    reply->object.is_subclass = reply->object.type != N_OBJECT_TYPES &&
                                strcmp(element->ref, object_type_name(reply->object.type)) != 0;
    return 0;
}

static int on_change_open(struct xml *xml, void *data, const struct xml_element *element)
{
    struct reply *reply = data;

    (void)xml, (void)element;
    reply->object.property = NULL;
    reply->object.removed = false;
    *reply->object.path = '\0';
    return 0;
}

static int on_path(struct xml *xml, void *data, const char *text)
{
    struct object *object = &((struct reply *)data)->object;

    (void)xml;
    text_copy(object->path, sizeof(object->path), text);
    if (object->type < N_OBJECT_TYPES)
        object->property = property_find(object->type, text);
    return 0;
}

static int on_op(struct xml *xml, void *data, const char *text)
{
    struct reply *reply = data;

    (void)xml;
    reply->object.removed = strcmp(text, "remove") == 0 || strcmp(text, "indirectRemove") == 0;
    return 0;
}

static int on_value_open(struct xml *xml, void *data, const struct xml_element *element)
{
    struct object *object = &((struct reply *)data)->object;
    const struct property *property = object->property;

    (void)element;
    if (!property || object->removed)
        return 0;
    object->valued |= PROPERTY(property - properties);
    if (property->kind == PROPERTY_RULES)
        xml_descend(xml, property->rules);
    return 0;
}

static void take_word(struct object *object, const struct property *property, const char *text)
{
    unsigned value = 0;

    for (const struct property_word *word = property->words; word->word; word++)
        if (strcmp(word->word, text) == 0)
            value = word->value;
    memcpy((char *)object + property->offset, &value, sizeof(value));
}

static void take_value(struct object *object, const struct property *property, const char *text)
{
    char *member = (char *)object + property->offset;

    switch (property->kind) {
    case PROPERTY_TEXT:
        text_copy(member, property->size, text);
        break;
    case PROPERTY_ID:
        if (text_copy(member, property->size, text) < 0)
            object->missing |= PROPERTY(property - properties);
        break;
    case PROPERTY_FLAG:
        *(bool *)(void *)member = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
        break;
    case PROPERTY_WORD:
        take_word(object, property, text);
        break;
    case PROPERTY_RULES:
        break;
    }
}

static int on_value(struct xml *xml, void *data, const char *text)
{
    struct object *object = &((struct reply *)data)->object;

    (void)xml;
    if (object->property && !object->removed)
        take_value(object, object->property, text);
    return 0;
}

static int on_change(struct xml *xml, void *data, const char *text)
{
    struct object *object = &((struct reply *)data)->object;

    (void)xml, (void)text;
    if (object->type >= N_OBJECT_TYPES)
        return 0;
    if (!object->property)
        object->reread = object->reread || property_touches(object->type, object->path);
    else if (!(object->valued & PROPERTY(object->property - properties)))
        object->unset |= PROPERTY(object->property - properties);
    object->property = NULL;
    return 0;
}

static int on_missing_open(struct xml *xml, void *data, const struct xml_element *element)
{
    return on_change_open(xml, data, element);
}

/* MissingProperty.fault is a LocalizedMethodFault, whose 'fault' has the type. */
static int on_missing_fault(struct xml *xml, void *data, const struct xml_element *element)
{
    struct reply *reply = data;

    (void)xml;
    if (strcmp(element->type, "NotAuthenticated") == 0)
        reply->lost = true;
    return 0;
}

static int on_missing(struct xml *xml, void *data, const char *text)
{
    struct object *object = &((struct reply *)data)->object;

    (void)xml, (void)text;
    if (object->property)
        object->missing |= PROPERTY(object->property - properties);
    object->property = NULL;
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
        .name = "obj", .take = XML_ID, .offset = offsetof(struct reply, object.id),                \
        .size = sizeof(((struct reply *)0)->object.id), .open = on_object_ref                      \
    }
#define MISSING_SET                                                                                \
    {                                                                                              \
        .name = "missingSet", .rules = missing_rules, .open = on_missing_open, .close = on_missing \
    }

static const struct xml_rule missing_fault_rules[] = {
    { .name = "fault", .open = on_missing_fault },
    { 0 },
};
static const struct xml_rule missing_rules[] = {
    { .name = "path", .take = XML_CLOSE, .close = on_path },
    { .name = "fault", .rules = missing_fault_rules, .open = on_missing_fault },
    { 0 },
};
static const struct xml_rule change_rules[] = {
    { .name = "name", .take = XML_CLOSE, .close = on_path },
    { .name = "op", .take = XML_CLOSE, .close = on_op },
    { .name = "val", .take = XML_CLOSE, .open = on_value_open, .close = on_value },
    { 0 },
};
static const struct xml_rule object_update_rules[] = {
    { .name = "kind", .take = XML_CLOSE, .close = on_kind },
    OBJECT_REF,
    { .name = "changeSet", .rules = change_rules, .open = on_change_open, .close = on_change },
    MISSING_SET,
    { 0 },
};
static const struct xml_rule filter_update_rules[] = {
    { .name = "objectSet",
      .rules = object_update_rules,
      .open = on_object_open,
      .close = on_object_close },
    { 0 },
};
static const struct xml_rule update_set_rules[] = {
    REPLY("version", XML_ID, version),
    XML_INTO("filterSet", filter_update_rules),
    REPLY("truncated", XML_FLAG, truncated),
    { 0 },
};
const struct xml_rule update_rules[] = {
    { .name = "returnval", .rules = update_set_rules, .open = on_set },
    { 0 },
};

static const struct xml_rule object_content_rules[] = {
    OBJECT_REF,
    { .name = "propSet", .rules = change_rules, .open = on_change_open, .close = on_change },
    MISSING_SET,
    { 0 },
};
const struct xml_rule objects_rules[] = {
    { .name = "returnval",
      .rules = object_content_rules,
      .open = on_object_open,
      .close = on_object_close },
    { 0 },
};
static const struct xml_rule retrieve_result_rules[] = {
    REPLY("token", XML_ID, token),
    { .name = "objects",
      .rules = object_content_rules,
      .open = on_object_open,
      .close = on_object_close },
    { 0 },
};
const struct xml_rule page_rules[] = {
    XML_INTO("returnval", retrieve_result_rules),
    { 0 },
};

/* ---- Hints --------------------------------------------------------------------------------------
 */

static int on_hint_open(struct xml *xml, void *data, const struct xml_element *element)
{
    struct hint_scratch *hint = &((struct reply *)data)->hint;

    (void)xml, (void)element;
    memset(hint, 0, sizeof(*hint));
    return 0;
}

static int on_cdp(struct xml *xml, void *data, const struct xml_element *element)
{
    struct reply *reply = data;

    (void)xml, (void)element;
    reply->hint.has_cdp = true;
    return 0;
}

static int on_lldp(struct xml *xml, void *data, const struct xml_element *element)
{
    struct reply *reply = data;

    (void)xml, (void)element;
    reply->hint.has_lldp = true;
    return 0;
}

static int on_parameter_open(struct xml *xml, void *data, const struct xml_element *element)
{
    struct hint_scratch *hint = &((struct reply *)data)->hint;

    (void)xml, (void)element;
    *hint->key = *hint->value = '\0';
    return 0;
}

/* LinkLayerDiscoveryProtocolInfo.parameter: named values, those of IEEE 802.1AB clause 8. */
static int on_parameter(struct xml *xml, void *data, const char *text)
{
    struct hint_scratch *hint = &((struct reply *)data)->hint;

    (void)xml, (void)text;
    if (strcmp(hint->key, "System Name") == 0)
        text_copy(hint->system, sizeof(hint->system), hint->value);
    else if (strcmp(hint->key, "Port Description") == 0)
        text_copy(hint->description, sizeof(hint->description), hint->value);
    return 0;
}

static int write_hint(struct reply *reply, const struct hint *row)
{
    return record_write(&reply->rows, RECORD_NEW, TABLE_HINT, row, 0);
}

static int on_hint(struct xml *xml, void *data, const char *text)
{
    struct reply *reply = data;
    const struct hint_scratch *hint = &reply->hint;
    char id[ID_SIZE + 8];
    int r = 0;

    (void)xml, (void)text;
    if (hint->has_cdp && *hint->device) {
        snprintf(id, sizeof(id), "%s/cdp", hint->device);
        r = write_hint(reply, &(struct hint){ .owner = reply->hint_host,
                                              .id = id,
                                              .nic = hint->device,
                                              .protocol = DISCOVERY_CDP,
                                              .system = hint->cdp_device,
                                              .port = hint->cdp_port });
    }
    if (r == 0 && hint->has_lldp && *hint->device) {
        snprintf(id, sizeof(id), "%s/lldp", hint->device);
        r = write_hint(reply, &(struct hint){ .owner = reply->hint_host,
                                              .id = id,
                                              .nic = hint->device,
                                              .protocol = DISCOVERY_LLDP,
                                              .system = hint->system,
                                              .chassis = hint->chassis,
                                              .port = hint->port,
                                              .description = hint->description });
    }
    return r < 0 ? error_set(xml_error(xml), r, "the host has more hints than can be held") : 0;
}

static const struct xml_rule cdp_rules[] = {
    REPLY("devId", XML_TEXT, hint.cdp_device),
    REPLY("portId", XML_TEXT, hint.cdp_port),
    { 0 },
};
static const struct xml_rule parameter_rules[] = {
    REPLY("key", XML_TEXT, hint.key),
    REPLY("value", XML_TEXT, hint.value),
    { 0 },
};
static const struct xml_rule lldp_rules[] = {
    REPLY("chassisId", XML_TEXT, hint.chassis),
    REPLY("portId", XML_TEXT, hint.port),
    { .name = "parameter",
      .rules = parameter_rules,
      .open = on_parameter_open,
      .close = on_parameter },
    { 0 },
};
static const struct xml_rule nic_hint_rules[] = {
    REPLY("device", XML_ID, hint.device),
    { .name = "connectedSwitchPort", .rules = cdp_rules, .open = on_cdp },
    { .name = "lldpInfo", .rules = lldp_rules, .open = on_lldp },
    { 0 },
};
const struct xml_rule hint_rules[] = {
    { .name = "returnval", .rules = nic_hint_rules, .open = on_hint_open, .close = on_hint },
    { 0 },
};

/* ---- Life
 * ---------------------------------------------------------------------------------------- */

struct reply *reply_new(const struct xml_rule *response, struct teller *teller)
{
    struct reply *reply = calloc(1, sizeof(*reply));

    if (!reply)
        return NULL;
    reply->response = response;
    reply->teller = teller;
    reply->is_update = response == update_rules;
    object_init(&reply->object);
    strbuf_init(&reply->rows, HINT_ROWS_CAP);
    return reply;
}

struct reply *reply_free(struct reply *reply)
{
    if (!reply)
        return NULL;
    object_done(&reply->object);
    strbuf_done(&reply->rows);
    news_done(&reply->news);
    free(reply);
    return NULL;
}

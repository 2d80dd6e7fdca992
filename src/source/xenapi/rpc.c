#include "source/xenapi/rpc.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "source/escape.h"

/* ---- Requests -------------------------------------------------------------------------------- */

void rpc_begin(struct strbuf *to, const char *method)
{
    strbuf_addf(to, "<?xml version='1.0'?><methodCall><methodName>%s</methodName><params>", method);
}

static void add_text(struct strbuf *to, const char *text)
{
    strbuf_adds(to, "<value><string>");
    escape_xml(to, text);
    strbuf_adds(to, "</string></value>");
}

void rpc_text(struct strbuf *to, const char *text)
{
    strbuf_adds(to, "<param>");
    add_text(to, text);
    strbuf_adds(to, "</param>");
}

void rpc_texts(struct strbuf *to, const char *const *texts, size_t count)
{
    strbuf_adds(to, "<param><value><array><data>");
    for (size_t i = 0; i < count; i++)
        add_text(to, texts[i]);
    strbuf_adds(to, "</data></array></value></param>");
}

void rpc_seconds(struct strbuf *to, double seconds)
{
    strbuf_addf(to, "<param><value><double>%.1f</double></value></param>", seconds);
}

void rpc_finish(struct strbuf *to)
{
    strbuf_adds(to, "</params></methodCall>");
}

/* ---- The envelope ---------------------------------------------------------------------------- */

static int on_status(struct rpc *rpc, const struct rpc_rule *rule, const char *key,
                     const char *text, void *data)
{
    (void)rule, (void)key, (void)data;
    rpc->succeeded = strcmp(text, "Success") == 0;
    if (!rpc->succeeded && !*rpc->failure.code)
        text_copy(rpc->failure.code, sizeof(rpc->failure.code), "a failure without a name");
    return 0;
}

static int on_description(struct rpc *rpc, const struct rpc_rule *rule, const char *key, void *data)
{
    (void)rule, (void)key, (void)data;
    rpc->failure = (struct rpc_failure){ 0 };
    return 0;
}

static int on_described(struct rpc *rpc, const struct rpc_rule *rule, const char *key,
                        const char *text, void *data)
{
    struct rpc_failure *failure = &rpc->failure;

    (void)rule, (void)key, (void)data;
    if (!*failure->code)
        text_copy(failure->code, sizeof(failure->code), *text ? text : "a failure without a name");
    else if (failure->parameters < RPC_FAILURE_PARAMETERS)
        text_copy(failure->parameter[failure->parameters++], sizeof(failure->parameter[0]), text);
    return 0;
}

static const struct rpc_rule description_rules[] = { { .name = "[]", .close = on_described },
                                                     { .name = NULL } };

/* The Value's own rule is put in its place when the value opens. */
static const struct rpc_rule envelope_rules[] = {
    { .name = "Value" },
    { .name = "Status", .close = on_status },
    { .name = "ErrorDescription", .rules = description_rules, .open = on_description },
    { .name = NULL },
};
static const struct rpc_rule envelope = { .name = "", .rules = envelope_rules };

static int on_fault_text(struct rpc *rpc, const struct rpc_rule *rule, const char *key,
                         const char *text, void *data)
{
    (void)rule, (void)key, (void)data;
    text_copy(rpc->failure.parameter[0], sizeof(rpc->failure.parameter[0]), text);
    rpc->failure.parameters = 1;
    return 0;
}

static const struct rpc_rule fault_rules[] = { { .name = "faultString", .close = on_fault_text },
                                               { .name = NULL } };
static const struct rpc_rule fault = { .name = "", .rules = fault_rules };

/* ---- Values ---------------------------------------------------------------------------------- */

static const struct rpc_rule *find_rule(const struct rpc_rule *rules, const char *name)
{
    for (; rules && rules->name; rules++)
        if (strcmp(rules->name, name) == 0 || (rules->name[0] == '*' && !rules->name[1]))
            return rules;
    return NULL;
}

static int push(struct rpc *rpc, struct xml *xml, const struct rpc_rule *rule, const char *key,
                bool item)
{
    if (rpc->depth == RPC_LEVELS)
        return error_set(xml_error(xml), -EMSGSIZE, "the reply is nested too deep");
    rpc->xml = xml;
    rpc->level[rpc->depth].rule = rule;
    rpc->level[rpc->depth].compound = false;
    rpc->level[rpc->depth].item = item;
    strcpy(rpc->level[rpc->depth].key, key);
    rpc->depth++;
    if (!rule)
        xml_descend(xml, NULL);
    return rule && rule->open ? rule->open(rpc, rule, key, rpc->data) : 0;
}

static const struct rpc_rule *rules_here(const struct rpc *rpc)
{
    const struct rpc_rule *rule = rpc->depth ? rpc->level[rpc->depth - 1].rule : NULL;

    return rule ? rule->rules : NULL;
}

static int on_param(struct xml *xml, void *data, const struct xml_element *element)
{
    (void)element;
    return push(data, xml, &envelope, "", false);
}

static int on_fault(struct xml *xml, void *data, const struct xml_element *element)
{
    struct rpc *rpc = data;

    (void)element;
    text_copy(rpc->failure.code, sizeof(rpc->failure.code), "an XML-RPC fault");
    return push(rpc, xml, &fault, "", false);
}

static int on_member(struct xml *xml, void *data, const struct xml_element *element)
{
    struct rpc *rpc = data;

    (void)xml, (void)element;
    rpc->name[0] = '\0';
    rpc->name_cut = false;
    return 0;
}

static int on_name(struct xml *xml, void *data, const char *text)
{
    struct rpc *rpc = data;

    (void)xml;
    rpc->name_cut = text_copy(rpc->name, sizeof(rpc->name), text) < 0;
    return 0;
}

static int on_member_value(struct xml *xml, void *data, const struct xml_element *element)
{
    struct rpc *rpc = data;
    const struct rpc_rule *rule = find_rule(rules_here(rpc), rpc->name);

    (void)element;
    /* A name that is too long is none that a rule names; in a map it cannot be told apart. */
    if (rpc->name_cut && rule)
        return error_set(xml_error(xml), -EMSGSIZE, "the reply has a name that is too long");
    if (rule == &envelope_rules[0])
        rule = rpc->value;
    return push(rpc, xml, rule, rpc->name, false);
}

static int on_item_value(struct xml *xml, void *data, const struct xml_element *element)
{
    (void)element;
    return push(data, xml, find_rule(rules_here(data), "[]"), "", true);
}

static int on_compound(struct xml *xml, void *data, const struct xml_element *element)
{
    struct rpc *rpc = data;

    (void)xml, (void)element;
    rpc->level[rpc->depth - 1].compound = true;
    return 0;
}

/* One call's answer comes without the envelope: a bare array. */
static int on_array(struct xml *xml, void *data, const struct xml_element *element)
{
    struct rpc *rpc = data;

    if (rpc->level[rpc->depth - 1].rule == &envelope) {
        rpc->level[rpc->depth - 1].rule = rpc->value;
        rpc->succeeded = true;
    }
    return on_compound(xml, data, element);
}

static int on_value_end(struct xml *xml, void *data, const char *text)
{
    struct rpc *rpc = data;
    const struct rpc_rule *rule = rpc->level[--rpc->depth].rule;

    (void)xml;
    if (!rule || !rule->close)
        return 0;
    return rule->close(rpc, rule, rpc->level[rpc->depth].key,
                       rpc->level[rpc->depth].compound ? "" : text, rpc->data);
}

/* A typed scalar's text is still at hand when its value closes. */
static const struct xml_rule member_rules[3], data_rules[2]; /* they refer to each other */
static const struct xml_rule struct_rules[] = {
    { .name = "member", .rules = member_rules, .open = on_member },
    { .name = NULL },
};
static const struct xml_rule array_rules[] = {
    { .name = "data", .rules = data_rules },
    { .name = NULL },
};
static const struct xml_rule value_rules[] = {
    { .name = "struct", .rules = struct_rules, .open = on_compound },
    { .name = "array", .rules = array_rules, .open = on_array },
    { .name = "*", .take = XML_CLOSE },
    { .name = NULL },
};
#define VALUE(opened)                                                                              \
    {                                                                                              \
        .name = "value", .take = XML_CLOSE, .rules = value_rules, .open = opened,                  \
        .close = on_value_end                                                                      \
    }
static const struct xml_rule member_rules[3] = {
    { .name = "name", .take = XML_CLOSE, .close = on_name },
    VALUE(on_member_value),
    { .name = NULL },
};
static const struct xml_rule data_rules[2] = { VALUE(on_item_value), { .name = NULL } };
static const struct xml_rule param_rules[] = { VALUE(on_param), { .name = NULL } };
static const struct xml_rule params_rules[] = { XML_INTO("param", param_rules), { .name = NULL } };
static const struct xml_rule faulty_rules[] = { VALUE(on_fault), { .name = NULL } };
static const struct xml_rule response_rules[] = {
    XML_INTO("params", params_rules),
    XML_INTO("fault", faulty_rules),
    { .name = NULL },
};
const struct xml_rule rpc_rules[] = { XML_INTO("methodResponse", response_rules),
                                      { .name = NULL } };

/* ---- A reply --------------------------------------------------------------------------------- */

void rpc_init(struct rpc *rpc, const struct rpc_rule *rule, void *data)
{
    *rpc = (struct rpc){ .value = rule, .data = data };
}

int rpc_check(const struct rpc *rpc, struct error *reterr)
{
    if (rpc->succeeded || *rpc->failure.code)
        return 0;
    return error_set(reterr, -EPROTO, "the reply is not one of XenAPI");
}

struct error *rpc_error(struct rpc *rpc)
{
    return xml_error(rpc->xml);
}

int rpc_decode(struct rpc *rpc, const char *bytes, size_t size, struct error *reterr)
{
    static const struct xml_caps caps = { .bytes = 16u << 20, .opened = 1000000 };
    struct xml *xml = xml_new(rpc_rules, rpc, &caps);
    int r = xml ? xml_push(xml, bytes, size, reterr) : -ENOMEM;

    if (r == 0)
        r = xml_end(xml, reterr);
    xml_free(xml);
    return r < 0 ? r : rpc_check(rpc, reterr);
}

#include "source/xml.h"

#include <errno.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/text.h"
#include "model/names.h"

#define DEPTH_MAX 64
#define TEXT_MAX 65536
#define XSI "http://www.w3.org/2001/XMLSchema-instance"

struct frame {
    const struct xml_rule *rule;
    const struct xml_rule *rules; /* of its children */
};

struct xml {
    xmlParserCtxtPtr parser;
    void *data;
    struct xml_caps caps;
    uint64_t bytes, opened;
    struct frame frame[DEPTH_MAX];
    unsigned depth;   /* frames in use; the root table is frame 0 */
    unsigned skipped; /* elements open inside one that no rule names */
    bool taking;      /* the innermost element's text is wanted */
    struct strbuf text;
    bool spoiled;
    int failed; /* a negative errno */
    struct error error;
};

static void xml_fail(struct xml *xml, int code)
{
    xml->failed = code;
    xmlStopParser(xml->parser);
}

static const struct xml_rule *find_rule(const struct xml_rule *rule, const char *name)
{
    for (; rule && rule->name; rule++)
        if (strcmp(rule->name, name) == 0 || strcmp(rule->name, "*") == 0)
            return rule;
    return NULL;
}

/* Stores an attribute's value, which SAX2 hands over as start and end, without a prefix. */
static void take_value(char *to, size_t size, const xmlChar **attribute)
{
    const char *from = (const char *)attribute[3], *end = (const char *)attribute[4];
    const char *colon = memchr(from, ':', (size_t)(end - from));

    if (colon)
        from = colon + 1;
    if ((size_t)(end - from) >= size)
        from = end; /* no type that we know is as long */
    memcpy(to, from, (size_t)(end - from));
    to[end - from] = '\0';
}

/* The two attributes of interest: a MoRef inside an anyType has both, in either order. */
static void take_attributes(int count, const xmlChar **attributes, char type[64], char ref[64])
{
    type[0] = ref[0] = '\0';
    for (int i = 0; i < count; i++, attributes += 5) {
        if (strcmp((const char *)attributes[0], "type") != 0)
            continue;
        if (!attributes[2])
            take_value(ref, 64, attributes);
        else if (strcmp((const char *)attributes[2], XSI) == 0)
            take_value(type, 64, attributes);
    }
}

static void on_open(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                    int n_namespaces, const xmlChar **namespaces, int n_attributes, int n_defaulted,
                    const xmlChar **attributes)
{
    struct xml *xml = context;
    const struct xml_rule *rule;
    char type[64], ref[64];
    int r;

    (void)prefix, (void)uri, (void)n_namespaces, (void)namespaces, (void)n_defaulted;
    if (xml->failed)
        return;
    if (++xml->opened > xml->caps.opened) {
        xml_fail(xml, error_set(&xml->error, -EMSGSIZE, "the reply has too many elements"));
        return;
    }
    rule = xml->skipped ? NULL : find_rule(xml->frame[xml->depth - 1].rules, (const char *)name);
    if (!rule) {
        xml->skipped++;
        xml->taking = false;
        return;
    }
    if (xml->depth == DEPTH_MAX) {
        xml_fail(xml, error_set(&xml->error, -EMSGSIZE, "the reply is nested too deep"));
        return;
    }
    xml->frame[xml->depth++] = (struct frame){ .rule = rule, .rules = rule->rules };
    xml->taking = rule->take != XML_NOTHING;
    strbuf_reset(&xml->text);
    if (!rule->open)
        return;
    take_attributes(n_attributes, attributes, type, ref);
    r = rule->open(xml, xml->data,
                   &(struct xml_element){ .name = (const char *)name, .type = type, .ref = ref });
    if (r < 0)
        xml_fail(xml, r);
}

static void on_text(void *context, const xmlChar *text, int size)
{
    struct xml *xml = context;

    if (!xml->failed && xml->taking && !xml->skipped)
        strbuf_add(&xml->text, text, (size_t)size);
}

static void add_name(struct xml *xml, char *member, size_t size, const char *name)
{
    size_t used = strlen(member), length = strlen(name);

    if (length == 0)
        return;
    if (used + length + 2 > size || strchr(name, NAMES_SEPARATOR)) {
        xml->spoiled = true;
        return;
    }
    if (used)
        member[used++] = NAMES_SEPARATOR;
    memcpy(member + used, name, length + 1);
}

static void take_number(struct xml *xml, uint64_t *member, const char *text)
{
    if (text_number(text, 0, UINT64_MAX, member) < 0) {
        *member = UINT64_MAX;
        xml->spoiled = true;
    }
}

static void store(struct xml *xml, const struct xml_rule *rule, const char *text)
{
    char *member = (char *)xml->data + rule->offset;

    switch (rule->take) {
    case XML_NOTHING:
    case XML_CLOSE:
        break;
    case XML_TEXT:
        text_copy(member, rule->size, text);
        break;
    case XML_ID:
        if (xml->text.overflow || text_copy(member, rule->size, text) < 0) {
            member[0] = '\0';
            xml->spoiled = true;
        }
        break;
    case XML_FLAG:
        *(bool *)(void *)member = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
        break;
    case XML_NUMBER:
        take_number(xml, (uint64_t *)(void *)member, text);
        break;
    case XML_NAMES:
        add_name(xml, member, rule->size, text);
        break;
    }
}

static void on_close(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    struct xml *xml = context;
    const struct xml_rule *rule;
    int r;

    (void)name, (void)prefix, (void)uri;
    if (xml->failed)
        return;
    if (xml->skipped) {
        xml->skipped--;
        return;
    }
    rule = xml->frame[--xml->depth].rule;
    if (rule->take != XML_NOTHING)
        store(xml, rule, strbuf_text(&xml->text));
    xml->taking = false;
    r = rule->close
            ? rule->close(xml, xml->data, rule->take == XML_NOTHING ? "" : strbuf_text(&xml->text))
            : 0;
    if (r < 0)
        xml_fail(xml, r);
}

static void on_doctype(void *context, const xmlChar *name, const xmlChar *external,
                       const xmlChar *system)
{
    struct xml *xml = context;

    (void)name, (void)external, (void)system;
    if (!xml->failed)
        xml_fail(xml,
                 error_set(&xml->error, -EBADMSG, "the reply has a DOCTYPE, which SOAP forbids"));
}

struct xml *xml_new(const struct xml_rule *rules, void *data, const struct xml_caps *caps)
{
    xmlSAXHandler handler = {
        .initialized = XML_SAX2_MAGIC,
        .startElementNs = on_open,
        .endElementNs = on_close,
        .characters = on_text,
        .cdataBlock = on_text,
        .internalSubset = on_doctype,
    };
    struct xml *xml = calloc(1, sizeof(*xml));

    if (!xml)
        return NULL;
    xml->data = data;
    xml->caps = *caps;
    xml->frame[0].rules = rules;
    xml->depth = 1;
    strbuf_init(&xml->text, TEXT_MAX);
    xml->parser = xmlCreatePushParserCtxt(&handler, xml, NULL, 0, NULL);
    if (!xml->parser)
        return xml_free(xml);
    /* Never XML_PARSE_NOENT, DTDLOAD or HUGE: libxml2's own limits stay in force. */
    xmlCtxtUseOptions(xml->parser, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    return xml;
}

struct xml *xml_free(struct xml *xml)
{
    if (!xml)
        return NULL;
    xmlFreeParserCtxt(xml->parser);
    strbuf_done(&xml->text);
    free(xml);
    return NULL;
}

static int not_well_formed(struct xml *xml)
{
    const xmlError *last = xmlCtxtGetLastError(xml->parser);
    char why[256] = "it ends too early";
    size_t length;

    if (last && last->message)
        text_copy(why, sizeof(why), last->message);
    length = strlen(why);
    if (length && why[length - 1] == '\n')
        why[length - 1] = '\0';
    return error_set(&xml->error, -EBADMSG, "the reply is not well-formed XML: %s", why);
}

static int xml_feed(struct xml *xml, const char *bytes, size_t size, bool last)
{
    if (xml->failed)
        return xml->failed;
    xml->bytes += size;
    if (xml->bytes > xml->caps.bytes)
        return xml->failed =
                   error_set(&xml->error, -EMSGSIZE, "the reply is larger than %llu bytes",
                             (unsigned long long)xml->caps.bytes);
    xmlParseChunk(xml->parser, bytes, (int)size, last);
    if (xml->failed == 0 && !xml->parser->wellFormed)
        xml->failed = not_well_formed(xml);
    return xml->failed;
}

int xml_push(struct xml *xml, const char *bytes, size_t size, struct error *reterr)
{
    int r = 0;

    while (size && r == 0) {
        size_t part = size < 1 << 20 ? size : 1 << 20;

        r = xml_feed(xml, bytes, part, false);
        bytes += part;
        size -= part;
    }
    if (r < 0 && reterr)
        *reterr = xml->error;
    return r;
}

int xml_end(struct xml *xml, struct error *reterr)
{
    int r = xml_feed(xml, NULL, 0, true);

    if (r < 0 && reterr)
        *reterr = xml->error;
    return r;
}

void xml_descend(struct xml *xml, const struct xml_rule *rules)
{
    xml->frame[xml->depth - 1].rules = rules;
}

void xml_spoil(struct xml *xml)
{
    xml->spoiled = true;
}

bool xml_spoiled(struct xml *xml)
{
    bool spoiled = xml->spoiled;

    xml->spoiled = false;
    return spoiled;
}

struct error *xml_error(struct xml *xml)
{
    return &xml->error;
}

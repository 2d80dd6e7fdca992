/* RFC 8259, streamed. Elements of the outermost array stand on a line each, for people and diff. */
#include "present/writer_form.h"

#include <stdlib.h>

#include "base/text.h"

struct writer_json {
    struct writer writer;
    unsigned depth;
    struct {
        bool array;
        bool filled; /* has an element: the next one needs a comma */
    } level[WRITER_DEPTH_MAX];
};

static struct writer_json *json_of(struct writer *writer)
{
    return (struct writer_json *)writer;
}

/* Section 7: quotation mark, backslash and control characters are escaped; so are characters that
 * steer a terminal, as people look at JSON too (all of those are below U+10000). What is not UTF-8
 * becomes the replacement character. */
static void add_string(struct strbuf *to, const char *text)
{
    strbuf_addc(to, '"');
    while (*text) {
        uint32_t code = 0;
        bool steering = false;
        size_t length = text_utf8(text, &code, &steering);

        if (length == 0)
            strbuf_adds(to, "\\ufffd");
        else if (code == '"' || code == '\\')
            strbuf_addf(to, "\\%c", *text);
        else if (steering)
            strbuf_addf(to, "\\u%04x", code);
        else
            strbuf_add(to, text, length);
        text += length ? length : 1;
    }
    strbuf_addc(to, '"');
}

/* What stands before an element: comma, line, name. */
static void json_lead(struct writer_json *json, const char *name)
{
    struct strbuf *to = json->writer.to;

    if (json->depth == 0)
        return;
    if (json->level[json->depth - 1].filled)
        strbuf_addc(to, ',');
    if (json->depth == 1)
        strbuf_adds(to, json->level[0].array ? "\n " : "\n  ");
    else if (json->level[json->depth - 1].filled)
        strbuf_addc(to, ' ');
    json->level[json->depth - 1].filled = true;
    if (name) {
        add_string(to, name);
        strbuf_adds(to, ": ");
    }
}

static void json_begin(struct writer *writer, const char *name, bool array)
{
    struct writer_json *json = json_of(writer);

    json_lead(json, name);
    if (json->depth == WRITER_DEPTH_MAX)
        abort(); /* a view that nests without end is a programming error */
    json->level[json->depth].array = array;
    json->level[json->depth].filled = false;
    json->depth++;
    strbuf_addc(writer->to, array ? '[' : '{');
}

static void json_end(struct writer *writer)
{
    struct writer_json *json = json_of(writer);

    if (json->depth == 0)
        abort(); /* ended more often than begun */
    json->depth--;
    if (json->depth == 0 && json->level[0].filled)
        strbuf_addc(writer->to, '\n');
    strbuf_addc(writer->to, json->level[json->depth].array ? ']' : '}');
    if (json->depth == 0)
        strbuf_addc(writer->to, '\n');
}

static void json_value(struct writer *writer, const char *name, const struct value *value)
{
    json_lead(json_of(writer), name);
    switch (value->kind) {
    case VALUE_TEXT:
        add_string(writer->to, value->text);
        break;
    case VALUE_NUMBER:
        strbuf_addf(writer->to, "%lld", (long long)value->number);
        break;
    case VALUE_FLAG:
        strbuf_adds(writer->to, value->number ? "true" : "false");
        break;
    case VALUE_NOTHING:
        strbuf_adds(writer->to, "null");
        break;
    }
}

static void json_list(struct writer *writer, const char *name, const char *const *items,
                      size_t count)
{
    json_lead(json_of(writer), name);
    strbuf_addc(writer->to, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            strbuf_adds(writer->to, ", ");
        add_string(writer->to, items[i]);
    }
    strbuf_addc(writer->to, ']');
}

static void json_remark(struct writer *writer, const char *name, const char *value)
{
    json_lead(json_of(writer), name);
    add_string(writer->to, value);
}

static void json_verbatim(struct writer *writer, const char *name, const char *text)
{
    writer_object(writer, NULL);
    writer_text(writer, name, text);
    writer_end(writer);
}

static void json_note(struct writer *writer UNUSED, const char *text UNUSED)
{
}

static void json_free(struct writer *writer)
{
    free(json_of(writer));
}

static const struct writer_ops json_ops = {
    .begin = json_begin,
    .end = json_end,
    .value = json_value,
    .list = json_list,
    .remark = json_remark,
    .verbatim = json_verbatim,
    .note = json_note,
    .free = json_free,
};

struct writer *writer_json_new(void)
{
    struct writer_json *json = calloc(1, sizeof(*json));

    if (!json)
        return NULL;
    json->writer.ops = &json_ops;
    return &json->writer;
}

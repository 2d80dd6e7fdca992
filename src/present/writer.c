#include "present/writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "present/writer_form.h"

#define VLANS_TEXT (VLAN_MAX * 5)
#define FORMATTED_MAX 65536

struct writer *writer_new(enum writer_form form, struct strbuf *to)
{
    struct writer *writer = form == WRITER_JSON ? writer_json_new() : writer_text_new();

    if (writer)
        writer->to = to;
    return writer;
}

struct writer *writer_free(struct writer *writer)
{
    if (writer)
        writer->ops->free(writer);
    return NULL;
}

void writer_detailed(struct writer *writer)
{
    writer->detailed = true;
}

void writer_notes_only(struct writer *writer)
{
    writer->notes_only = true;
}

void writer_array(struct writer *writer, const char *name)
{
    writer->ops->begin(writer, name, /* array = */ true);
}

void writer_object(struct writer *writer, const char *name)
{
    writer->ops->begin(writer, name, /* array = */ false);
}

void writer_end(struct writer *writer)
{
    writer->ops->end(writer);
}

void writer_text(struct writer *writer, const char *name, const char *value)
{
    writer->ops->value(writer, name, &(struct value){ VALUE_TEXT, value ? value : "", 0 });
}

void writer_textf(struct writer *writer, const char *name, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    int size;

    va_start(args, format);
    size = vasprintf(&text, format, args);
    va_end(args);
    if (size < 0) {
        writer_fail(writer);
        return;
    }
    writer_text(writer, name, text);
    free(text);
}

void writer_number(struct writer *writer, const char *name, int64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)value);
    writer->ops->value(writer, name, &(struct value){ VALUE_NUMBER, text, value });
}

void writer_flag(struct writer *writer, const char *name, bool value)
{
    writer->ops->value(writer, name, &(struct value){ VALUE_FLAG, value ? "yes" : "no", value });
}

void writer_vlans(struct writer *writer, const char *name, const struct vlanset *vlans)
{
    struct strbuf list;

    strbuf_init(&list, VLANS_TEXT);
    vlanset_format(vlans, &list);
    writer->to->overflow |= list.overflow;
    writer_text(writer, name, strbuf_text(&list));
    strbuf_done(&list);
}

void writer_time(struct writer *writer, const char *name, int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm utc;
    char text[40];

    if (wall_ms <= 0 || !gmtime_r(&seconds, &utc)) {
        writer_nothing(writer, name);
        return;
    }
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
    writer->ops->value(writer, name, &(struct value){ VALUE_NUMBER, text, wall_ms });
}

const char *writer_age_text(int64_t seconds, char *text, size_t size)
{
    static const struct {
        int64_t from, unit;
        const char *word;
    } units[] = { { 2 * 86400, 86400, "d" }, { 2 * 3600, 3600, "h" }, { 120, 60, "min" } };

    snprintf(text, size, "%lld s", (long long)seconds);
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        if (seconds >= units[i].from) {
            snprintf(text, size, "%lld %s", (long long)(seconds / units[i].unit), units[i].word);
            break;
        }
    }
    return text;
}

void writer_age(struct writer *writer, const char *name, int64_t seconds)
{
    char text[32];

    if (seconds < 0)
        writer_nothing(writer, name);
    else
        writer->ops->value(
            writer, name,
            &(struct value){ VALUE_NUMBER, writer_age_text(seconds, text, sizeof(text)), seconds });
}

void writer_number_as(struct writer *writer, const char *name, const int64_t *value,
                      const char *text)
{
    writer->ops->value(
        writer, name,
        &(struct value){ value ? VALUE_NUMBER : VALUE_NOTHING, text, value ? *value : 0 });
}

void writer_aside(struct writer *writer, bool is_aside)
{
    writer->aside = is_aside;
}

void writer_fail(struct writer *writer)
{
    writer->to->overflow = true;
}

void writer_nothing(struct writer *writer, const char *name)
{
    writer->ops->value(writer, name, &(struct value){ VALUE_NOTHING, "", 0 });
}

void writer_list(struct writer *writer, const char *name, const char *const *items, size_t count)
{
    writer->ops->list(writer, name, items, count);
}

void writer_remark(struct writer *writer, const char *name, const char *value)
{
    writer->ops->remark(writer, name, value ? value : "");
}

void writer_verbatim(struct writer *writer, const char *name, const char *text)
{
    writer->ops->verbatim(writer, name, text);
}

void writer_note(struct writer *writer, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    int size;

    va_start(args, format);
    size = vasprintf(&text, format, args);
    va_end(args);
    if (size < 0) {
        writer_fail(writer);
        return;
    }
    writer->ops->note(writer, text);
    free(text);
}

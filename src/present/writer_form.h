/* writer_form.h: what a renderer implements. Only writer*.c includes this. */
#ifndef VSN_PRESENT_WRITER_FORM_H
#define VSN_PRESENT_WRITER_FORM_H

#include "present/writer.h"

enum value_kind {
    VALUE_TEXT,   /* 'text' */
    VALUE_NUMBER, /* 'number' in JSON, 'text' for people */
    VALUE_FLAG,   /* 'number' 0 or 1 in JSON, 'text' for people */
    VALUE_NOTHING /* null; 'text' for people */
};

struct value {
    enum value_kind kind;
    const char *text;
    int64_t number;
};

struct writer_ops {
    void (*begin)(struct writer *writer, const char *name, bool array);
    void (*end)(struct writer *writer);
    void (*value)(struct writer *writer, const char *name, const struct value *value);
    void (*list)(struct writer *writer, const char *name, const char *const *items, size_t count);
    void (*remark)(struct writer *writer, const char *name, const char *value);
    void (*verbatim)(struct writer *writer, const char *name, const char *text);
    void (*note)(struct writer *writer, const char *text);
    void (*free)(struct writer *writer);
};

/* Every renderer embeds this first. */
struct writer {
    const struct writer_ops *ops;
    struct strbuf *to;
    bool detailed;
    bool notes_only;
    bool aside; /* text in a table: leave the fields out */
};

/* NULL when out of memory; 'ops' is set, 'to' is not. */
struct writer *writer_json_new(void);
struct writer *writer_text_new(void);

#endif

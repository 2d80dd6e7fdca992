#include "base/strbuf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define STRBUF_FIRST 256

void strbuf_init(struct strbuf *buf, size_t cap)
{
    *buf = (struct strbuf){ .cap = cap };
}

void strbuf_done(struct strbuf *buf)
{
    free(buf->data);
    strbuf_init(buf, buf->cap);
}

void strbuf_reset(struct strbuf *buf)
{
    buf->size = 0;
    buf->overflow = false;
    if (buf->data)
        buf->data[0] = '\0';
}

/* Makes room for 'more' bytes and the NUL. */
static int strbuf_reserve(struct strbuf *buf, size_t more)
{
    size_t space = buf->space ? buf->space : STRBUF_FIRST;
    char *data;

    if (more > buf->cap || buf->size > buf->cap - more) {
        buf->overflow = true;
        return -EMSGSIZE;
    }
    while (space < buf->size + more + 1)
        space *= 2;
    if (space == buf->space)
        return 0;
    data = realloc(buf->data, space);
    if (!data) {
        buf->overflow = true;
        return -ENOMEM;
    }
    buf->data = data;
    buf->space = space;
    return 0;
}

int strbuf_add(struct strbuf *buf, const void *data, size_t size)
{
    int r = strbuf_reserve(buf, size);

    if (r < 0)
        return r;
    if (size)
        memcpy(buf->data + buf->size, data, size);
    buf->size += size;
    buf->data[buf->size] = '\0';
    return 0;
}

int strbuf_adds(struct strbuf *buf, const char *text)
{
    return strbuf_add(buf, text, strlen(text));
}

int strbuf_addc(struct strbuf *buf, char byte)
{
    return strbuf_add(buf, &byte, 1);
}

int strbuf_addf(struct strbuf *buf, const char *format, ...)
{
    va_list args, again;
    int size, r;

    va_start(args, format);
    va_copy(again, args);
    size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    r = size < 0 ? -EINVAL : strbuf_reserve(buf, (size_t)size);
    if (r == 0) {
        vsnprintf(buf->data + buf->size, (size_t)size + 1, format, again);
        buf->size += (size_t)size;
    }
    va_end(again);
    return r;
}

void strbuf_consume(struct strbuf *buf, size_t size)
{
    if (size >= buf->size) {
        buf->size = 0;
    } else {
        memmove(buf->data, buf->data + size, buf->size - size);
        buf->size -= size;
    }
    if (buf->data)
        buf->data[buf->size] = '\0';
}

const char *strbuf_text(const struct strbuf *buf)
{
    return buf->data ? buf->data : "";
}

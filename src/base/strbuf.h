/* strbuf.h: a growing byte buffer with a declared cap; every buffer that takes bytes from outside
 * is one of these. */
#ifndef VSN_BASE_STRBUF_H
#define VSN_BASE_STRBUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attrs.h"

struct strbuf {
    char *data;    /* always NUL-terminated once something was added; NULL before */
    size_t size;   /* bytes in use, without the NUL */
    size_t space;  /* bytes allocated */
    size_t cap;    /* most bytes ever held, without the NUL */
    bool overflow; /* an addition was refused (cap or memory); sticky until reset */
};

/* Prepares an empty buffer that will never hold more than 'cap' bytes. Allocates nothing yet. */
void strbuf_init(struct strbuf *buf, size_t cap);

/* Frees the bytes; the buffer may be used again. Accepts a zeroed buffer. */
void strbuf_done(struct strbuf *buf);

/* Forgets the content and the overflow mark, keeps the memory. */
void strbuf_reset(struct strbuf *buf);

/* Each addition returns 0, -EMSGSIZE when it would pass the cap, or -ENOMEM; a refused addition
 * leaves the content as it was and sets 'overflow', so that a run of additions can be checked
 * once at its end. */
int strbuf_add(struct strbuf *buf, const void *data, size_t size);
int strbuf_adds(struct strbuf *buf, const char *text);
int strbuf_addc(struct strbuf *buf, char byte);
int strbuf_addf(struct strbuf *buf, const char *format, ...) PRINTF_LIKE(2, 3);

/* Removes the first 'size' bytes. */
void strbuf_consume(struct strbuf *buf, size_t size);

/* The content as a C string; "" when empty. */
const char *strbuf_text(const struct strbuf *buf);

#endif

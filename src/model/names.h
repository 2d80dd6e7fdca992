/* names.h: a short list of names inside one text, as a teaming order: names are separated by a unit
 * separator (0x1f), which no name may contain. "" is the empty list. */
#ifndef VSN_MODEL_NAMES_H
#define VSN_MODEL_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

#define NAMES_SEPARATOR '\x1f'

/* Appends a name. Returns 0, -EINVAL when the name is empty or holds a separator, or the buffer's
 * error. */
int names_add(struct strbuf *names, const char *name);

bool names_has(const char *names, const char *name);

/* Walks a list: stores start and length of the name at '*at' and moves '*at' on. Begin with '*at'
 * at the list itself. False at the end. */
bool names_next(const char **at, const char **ret_name, size_t *ret_length);

#endif

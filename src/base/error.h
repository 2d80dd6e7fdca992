/* error.h: the sentence for a human that goes with a negative errno.
 *
 * Functions return 0 or a negative errno; the code decides, the sentence explains. A sentence says
 * what happened and to what, and where it helps, what the reader can do. */
#ifndef VSN_BASE_ERROR_H
#define VSN_BASE_ERROR_H

#include "base/attrs.h"

#define ERROR_SIZE 512

struct error {
    char text[ERROR_SIZE]; /* empty when there was no error */
};

/* Stores the sentence in 'reterr' (may be NULL) and returns 'code', a negative errno, so that a
 * failure is one line: 'return error_set(reterr, -EINVAL, "port %s: no such port", name);'. */
int error_set(struct error *reterr, int code, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts "prefix: " in front of the sentence that is there. Returns 'code'. */
int error_prefix(struct error *reterr, int code, const char *format, ...) PRINTF_LIKE(3, 4);

#endif

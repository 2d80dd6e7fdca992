/* sonic_line.h: the words behind 'switch sonic', which the driver and the neighbour process read.
 *
 *     redis unix:PATH [naming default|alias] */
#ifndef VSN_MODEL_SONIC_LINE_H
#define VSN_MODEL_SONIC_LINE_H

#include <stdbool.h>

#include "base/error.h"

#define SONIC_SOCKET_MAX 108 /* bytes with the NUL: sun_path of unix(7) */

struct sonic_line {
    char socket[SONIC_SOCKET_MAX]; /* of Redis */
    bool by_alias;                 /* ports are called by their aliases */
};

/* Returns 0 or -EINVAL. */
int sonic_line_read(const char *text, struct sonic_line *ret_line, struct error *reterr);

#endif

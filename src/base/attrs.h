/* attrs.h: the compiler extensions and small macros that the tree allows itself. */
#ifndef VSN_BASE_ATTRS_H
#define VSN_BASE_ATTRS_H

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#define UNUSED __attribute__((unused))
#define MUST_CHECK __attribute__((warn_unused_result))

/* Frees a local when it goes out of scope: 'CLEANUP(free_text) char *name = NULL;'. */
#define CLEANUP(function) __attribute__((cleanup(function)))

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static inline void free_text(char **text)
{
    free(*text);
}

static inline void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* Hands a file descriptor on: returns '*fd' and leaves -1, so that CLEANUP(close_fd) lets go. */
static inline int take_fd(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

#endif

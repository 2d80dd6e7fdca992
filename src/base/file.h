/* file.h: small files that are read whole, and written so that a crash leaves the old content or
 * the new one. */
#ifndef VSN_BASE_FILE_H
#define VSN_BASE_FILE_H

#include "base/strbuf.h"

/* Appends what the file holds. Returns 0 or a negative errno, -EMSGSIZE when it is more than the
 * buffer may hold. */
int file_read(const char *path, struct strbuf *to);

/* Writes all of it, however many calls that takes. Returns 0 or a negative errno. */
int file_write(int fd, const void *data, size_t size);

/* Puts the content in the file's place: it is written to 'path'.new (mode 0600) and to the disk,
 * renamed, and the directory is on the disk as well when this returns 0. After a negative errno the
 * old file is there, or the new one. */
int file_replace(const char *path, const struct strbuf *content);

#endif

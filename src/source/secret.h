/* secret.h: a password from its file, for the moment that needs it. */
#ifndef VSN_SOURCE_SECRET_H
#define VSN_SOURCE_SECRET_H

#include "base/error.h"

#define SECRET_SIZE 4096

/* Reads the first line of the file. The caller erases it (explicit_bzero()) as soon as it is sent.
 * Returns 0, or a negative errno with the sentence. */
int secret_read(const char *path, char secret[SECRET_SIZE], struct error *reterr);

#endif

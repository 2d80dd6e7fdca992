#include "source/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

int secret_read(const char *path, char secret[SECRET_SIZE], struct error *reterr)
{
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    ssize_t size = fd < 0 ? -1 : read(fd, secret, SECRET_SIZE - 1);

    if (size < 0)
        return error_set(reterr, -errno, "password file %s: %s", path, strerror(errno));
    secret[size] = '\0';
    secret[strcspn(secret, "\r\n")] = '\0';
    if (!*secret)
        return error_set(reterr, -EINVAL, "password file %s is empty", path);
    return 0;
}

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int file_read(const char *path, struct strbuf *to)
{
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    char chunk[16384];
    ssize_t got;

    if (fd < 0)
        return -errno;
    while ((got = read(fd, chunk, sizeof(chunk))) > 0)
        if (strbuf_add(to, chunk, (size_t)got) < 0)
            return -EMSGSIZE;
    return got < 0 ? -errno : 0;
}

int file_write(int fd, const void *data, size_t size)
{
    for (const char *at = data; size;) {
        ssize_t put = write(fd, at, size);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? -errno : -EIO;
        at += put;
        size -= (size_t)put;
    }
    return 0;
}

static int sync_directory_of(const char *path)
{
    CLEANUP(free_text) char *copy = strdup(path);
    CLEANUP(close_fd) int fd = -1;

    if (!copy)
        return -ENOMEM;
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int write_beside(const char *path, const struct strbuf *content)
{
    CLEANUP(close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int r;

    if (fd < 0)
        return -errno;
    r = file_write(fd, content->data, content->size);
    if (r == 0 && fsync(fd) < 0)
        r = -errno;
    return r;
}

int file_replace(const char *path, const struct strbuf *content)
{
    char beside[PATH_MAX];
    int r;

    if (content->overflow)
        return -EMSGSIZE;
    if ((size_t)snprintf(beside, sizeof(beside), "%s.new", path) >= sizeof(beside))
        return -ENAMETOOLONG;
    r = write_beside(beside, content);
    if (r == 0 && rename(beside, path) < 0)
        r = -errno;
    return r < 0 ? r : sync_directory_of(path);
}

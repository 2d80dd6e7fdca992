#include "present/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "present/control.h"

#define PATIENCE_S 30

static int connect_to(const char *runtime_dir, struct error *reterr)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const struct timeval patience = { .tv_sec = PATIENCE_S };
    CLEANUP(close_fd) int fd = -1;
    int length =
        snprintf(address.sun_path, sizeof(address.sun_path), "%s/" CONTROL_SOCKET, runtime_dir);

    if (length < 0 || (size_t)length >= sizeof(address.sun_path))
        return error_set(reterr, -ENAMETOOLONG, "%s: too long a name for a runtime directory",
                         runtime_dir);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
        return error_set(reterr, -errno, "no socket: %s", strerror(errno));
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return error_set(reterr, -errno, "vsnd cannot be reached at %s: %s%s", address.sun_path,
                         strerror(errno),
                         errno == ENOENT || errno == ECONNREFUSED ? " (is it running?)" : "");
    return take_fd(&fd);
}

static int send_all(int fd, const struct strbuf *request)
{
    size_t sent = 0;

    while (sent < request->size) {
        ssize_t size = send(fd, request->data + sent, request->size - sent, MSG_NOSIGNAL);

        if (size < 0 && errno != EINTR)
            return -errno;
        if (size > 0)
            sent += (size_t)size;
    }
    return 0;
}

static int receive_all(int fd, struct strbuf *answer)
{
    char piece[65536];

    for (;;) {
        ssize_t size = recv(fd, piece, sizeof(piece), 0);
        int r;

        if (size == 0)
            return 0;
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        r = strbuf_add(answer, piece, (size_t)size);
        if (r < 0)
            return r;
    }
}

/* Takes the status line off the answer. */
static int take_status(struct strbuf *answer)
{
    const char *text = strbuf_text(answer);
    int status = text[0] - '0';

    if (status < 0 || status > 2 || text[1] != '\n')
        return -EPROTO;
    strbuf_consume(answer, 2);
    return status;
}

int client_ask(const char *runtime_dir, bool json, int argc, char *const *words,
               struct strbuf *answer, struct error *reterr)
{
    CLEANUP(close_fd) int fd = -1;
    CLEANUP(strbuf_done) struct strbuf request;
    int r;

    strbuf_init(&request, 2 * CONTROL_LINE_MAX);
    r = control_encode(json, argc, words, &request);
    if (r < 0)
        return error_set(reterr, r, "the command is too long");
    fd = connect_to(runtime_dir, reterr);
    if (fd < 0)
        return fd;
    r = send_all(fd, &request);
    if (r == 0)
        r = receive_all(fd, answer);
    if (r == 0)
        r = take_status(answer);
    if (r == -EPROTO)
        return error_set(reterr, r, "vsnd ended the connection without an answer");
    if (r < 0)
        return error_set(reterr, r, "vsnd was asked, but did not answer: %s", strerror(-r));
    return r;
}

#include "switch/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/text.h"
#include "switch/driver.h"

struct stream {
    int fd;
    SSL *tls; /* NULL: a unix socket */
    short wants;
};

union address {
    struct sockaddr any;
    struct sockaddr_un local;
    struct sockaddr_in inet;
    struct sockaddr_in6 inet6;
};

/* ---- Addresses ------------------------------------------------------------------------------- */

static int parse_local(const char *path, union address *ret_address)
{
    if (!*path || strlen(path) >= sizeof(ret_address->local.sun_path))
        return -EINVAL;
    ret_address->local.sun_family = AF_UNIX;
    strcpy(ret_address->local.sun_path, path);
    return 0;
}

/* "192.0.2.1:6640" or "[2001:db8::1]:6640" */
static int parse_remote(const char *text, union address *ret_address)
{
    const char *colon = strrchr(text, ':');
    char host[INET6_ADDRSTRLEN + 2] = "";
    size_t size = colon ? (size_t)(colon - text) : sizeof(host);
    uint64_t port;

    if (size >= sizeof(host) || text_number(colon + 1, 1, 65535, &port) < 0)
        return -EINVAL;
    memcpy(host, text, size);
    if (inet_pton(AF_INET, host, &ret_address->inet.sin_addr) == 1) {
        ret_address->inet.sin_family = AF_INET;
        ret_address->inet.sin_port = htons((uint16_t)port);
        return 0;
    }
    if (size < 3 || host[0] != '[' || host[size - 1] != ']')
        return -EINVAL;
    host[size - 1] = '\0';
    if (inet_pton(AF_INET6, host + 1, &ret_address->inet6.sin6_addr) != 1)
        return -EINVAL;
    ret_address->inet6.sin6_family = AF_INET6;
    ret_address->inet6.sin6_port = htons((uint16_t)port);
    return 0;
}

bool stream_is_remote(const char *where)
{
    return strncmp(where, "ssl:", 4) == 0;
}

static int parse_where(const char *where, union address *ret_address)
{
    memset(ret_address, 0, sizeof(*ret_address));
    if (strncmp(where, "unix:", 5) == 0)
        return parse_local(where + 5, ret_address);
    return stream_is_remote(where) ? parse_remote(where + 4, ret_address) : -EINVAL;
}

bool stream_target_is_good(const struct stream_target *target)
{
    union address address;

    if (!target->where || parse_where(target->where, &address) < 0)
        return false;
    return !stream_is_remote(target->where) ||
           (target->authority && target->certificate && target->key);
}

/* ---- TLS ------------------------------------------------------------------------------------- */

static int tls_failed(struct error *reterr, const char *where, const char *what)
{
    unsigned long code = ERR_get_error();
    char text[200] = "";

    if (code)
        ERR_error_string_n(code, text, sizeof(text));
    ERR_clear_error();
    return error_set(reterr, -ENOTCONN, "%s: %s%s%s", where, what, *text ? ": " : "", text);
}

static SSL_CTX *make_context(const struct stream_target *target, struct error *reterr)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    const char *failed = NULL;

    if (!context || !SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION))
        failed = "TLS cannot be set up";
    else if (!SSL_CTX_load_verify_locations(context, target->authority, NULL))
        failed = target->authority;
    else if (!SSL_CTX_use_certificate_chain_file(context, target->certificate))
        failed = target->certificate;
    else if (!SSL_CTX_use_PrivateKey_file(context, target->key, SSL_FILETYPE_PEM) ||
             !SSL_CTX_check_private_key(context))
        failed = target->key;
    if (!failed) {
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_mode(context,
                         SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        return context;
    }
    tls_failed(reterr, target->where, failed);
    SSL_CTX_free(context);
    return NULL;
}

static int wait_for(int fd, short events, int64_t until_ms)
{
    struct pollfd watched = { .fd = fd, .events = events };
    int64_t left;
    int r;

    do {
        left = until_ms - clock_now_ms();
        r = poll(&watched, 1, left > 0 ? (int)left : 0);
    } while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : r == 0 ? -ETIMEDOUT : 0;
}

/* What OpenSSL's answer means: -EAGAIN with what it waits for, 0 at the end, or -ENOTCONN. */
static int tls_result(struct stream *stream, int answer)
{
    switch (SSL_get_error(stream->tls, answer)) {
    case SSL_ERROR_WANT_READ:
        stream->wants = POLLIN;
        return -EAGAIN;
    case SSL_ERROR_WANT_WRITE:
        stream->wants = POLLOUT;
        return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        return -ENOTCONN;
    }
}

static int shake_hands(struct stream *stream, const struct stream_target *target, int64_t until_ms,
                       struct error *reterr)
{
    int r;

    ERR_clear_error();
    while ((r = SSL_connect(stream->tls)) != 1) {
        long verdict = SSL_get_verify_result(stream->tls);

        r = tls_result(stream, r);
        if (r == -EAGAIN)
            r = wait_for(stream->fd, stream->wants, until_ms);
        if (r == -ETIMEDOUT)
            return error_set(reterr, -ENOTCONN, "%s: no TLS handshake in time", target->where);
        if (r < 0 && verdict != X509_V_OK)
            return tls_failed(reterr, target->where, X509_verify_cert_error_string(verdict));
        if (r < 0)
            return tls_failed(reterr, target->where, "the TLS handshake failed");
    }
    return 0;
}

static int start_tls(struct stream *stream, const struct stream_target *target, int64_t until_ms,
                     struct error *reterr)
{
    SSL_CTX *context = make_context(target, reterr);

    if (!context)
        return -ENOTCONN;
    stream->tls = SSL_new(context); /* holds the context */
    SSL_CTX_free(context);
    if (!stream->tls || !SSL_set_fd(stream->tls, stream->fd))
        return tls_failed(reterr, target->where, "TLS cannot be set up");
    return shake_hands(stream, target, until_ms, reterr);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static socklen_t size_of(const union address *address)
{
    if (address->any.sa_family == AF_UNIX)
        return sizeof(address->local);
    return address->any.sa_family == AF_INET ? sizeof(address->inet) : sizeof(address->inet6);
}

static int connect_to(const union address *address, int *ret_fd, int64_t until_ms)
{
    CLEANUP(close_fd)
    int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof(int);
    int error = 0, yes = 1, r;

    if (fd < 0)
        return -errno;
    if (connect(fd, &address->any, size_of(address)) < 0 && errno != EINPROGRESS)
        return -errno;
    if (address->any.sa_family != AF_UNIX) {
        r = wait_for(fd, POLLOUT, until_ms);
        if (r < 0)
            return r;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error)
            return error ? -error : -errno;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
    }
    *ret_fd = take_fd(&fd);
    return 0;
}

int stream_open(const struct stream_target *target, struct stream **ret_stream,
                struct error *reterr)
{
    int64_t until_ms = clock_now_ms() + DRIVER_WAIT_MS;
    struct stream *stream = calloc(1, sizeof(*stream));
    union address address;
    int r;

    if (!stream)
        return error_set(reterr, -ENOMEM, "out of memory");
    stream->fd = -1;
    r = parse_where(target->where, &address);
    if (r == 0)
        r = connect_to(&address, &stream->fd, until_ms);
    if (r < 0)
        r = error_set(reterr, -ENOTCONN, "%s: %s", target->where, strerror(-r));
    else if (stream_is_remote(target->where))
        r = start_tls(stream, target, until_ms, reterr);
    if (r < 0)
        stream_free(stream);
    else
        *ret_stream = stream;
    return r;
}

struct stream *stream_free(struct stream *stream)
{
    if (!stream)
        return NULL;
    SSL_free(stream->tls);
    close_fd(&stream->fd);
    free(stream);
    return NULL;
}

/* ---- Traffic --------------------------------------------------------------------------------- */

int stream_fd(const struct stream *stream)
{
    return stream->fd;
}

short stream_wants(const struct stream *stream)
{
    return stream->wants;
}

static ssize_t plain_result(struct stream *stream, ssize_t result, short wants)
{
    if (result >= 0)
        return result;
    stream->wants = wants;
    return errno == EINTR || errno == EAGAIN ? -EAGAIN : -errno;
}

ssize_t stream_read(struct stream *stream, void *data, size_t size)
{
    int got;

    if (!stream->tls)
        return plain_result(stream, recv(stream->fd, data, size, 0), POLLIN);
    ERR_clear_error();
    got = SSL_read(stream->tls, data, (int)size);
    return got > 0 ? got : tls_result(stream, got);
}

ssize_t stream_write(struct stream *stream, const void *data, size_t size)
{
    int put;

    if (!stream->tls)
        return plain_result(stream, send(stream->fd, data, size, MSG_NOSIGNAL), POLLOUT);
    ERR_clear_error();
    put = SSL_write(stream->tls, data, size > INT32_MAX ? INT32_MAX : (int)size);
    return put > 0 ? put : tls_result(stream, put);
}

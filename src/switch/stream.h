/* stream.h: a connection to a switch's own daemon: a unix socket, or TLS over TCP. Nothing here
 * waits but stream_open(), and that DRIVER_WAIT_MS at most. */
#ifndef VSN_SWITCH_STREAM_H
#define VSN_SWITCH_STREAM_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/* Where to, as the 'switch' line has it. Texts are borrowed. */
struct stream_target {
    const char *where; /* "unix:PATH", or "ssl:ADDRESS:PORT", an IPv6 address in brackets */
    /* For TLS, names of PEM files. The server's certificate has to be signed by 'authority'; its
     * name is not looked at, as Open vSwitch's own tools do not (ovs-vsctl(8), --ca-cert). */
    const char *authority, *certificate, *key;
};

struct stream;

/* False when 'where' has not one of these forms, or a file that its form needs is not named. */
bool stream_target_is_good(const struct stream_target *target);
bool stream_is_remote(const char *where);

/* Connects, and for TLS shakes hands. -ENOTCONN with the reason. */
int stream_open(const struct stream_target *target, struct stream **ret_stream,
                struct error *reterr);
struct stream *stream_free(struct stream *stream);

int stream_fd(const struct stream *stream);

/* As recv(2) and send(2): bytes, 0 at the end, -EAGAIN when nothing can be done until the
 * descriptor is ready for what stream_wants() says, or another negative errno. */
ssize_t stream_read(struct stream *stream, void *data, size_t size);
ssize_t stream_write(struct stream *stream, const void *data, size_t size);

/* poll(2) events after -EAGAIN: TLS may have to read before it can write. */
short stream_wants(const struct stream *stream);

#endif

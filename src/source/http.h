/* http.h: HTTPS requests to one server, on the loop. Connections are kept and reused, a session
 * cookie is echoed byte for byte, nothing is redirected and no proxy is used.
 *
 * Nothing is sent before the server has proved who it is: by the authorities in a file, by those of
 * the system, or by the SHA-256 fingerprint of its certificate, in which case neither its chain nor
 * its name has to be right. */
#ifndef VSN_SOURCE_HTTP_H
#define VSN_SOURCE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/loop.h"

struct http;
struct http_request;

struct http_config {
    const char *ca_file;     /* PEM; empty: the system's store */
    const char *fingerprint; /* 64 hex digits, or with colons; empty: the chain decides */
    bool tls_legacy;         /* allow TLS 1.0 and 1.1, and the ciphers of that time */
    bool listed_is_enough; /* a certificate that stands in ca_file itself needs no right name: hosts
                              of a pool issue their own, and are found by address */
    const char *cookie;    /* the name of the cookie to echo */
};

enum http_outcome {
    HTTP_ANSWERED,  /* a whole reply came; 'status' says which */
    HTTP_UNTRUSTED, /* the server did not prove who it is; nothing was sent */
    HTTP_FAILED,    /* no whole reply: not reachable, cut, too slow */
    HTTP_STOPPED,   /* the data callback ended it */
};

struct http_result {
    enum http_outcome outcome;
    long status;
    struct error error; /* for every outcome but HTTP_ANSWERED */
};

/* A reply's bytes as they come, only for status 200 and 500 (the two that carry SOAP; SOAP 1.1
 * section 6.2). Returns 0, HTTP_PAUSE to get the same bytes again after http_resume(), or a
 * negative errno to end the request. Must not start or cancel requests. */
typedef int http_data_fn(const char *bytes, size_t size, void *data);
enum { HTTP_PAUSE = 1 };

/* The request is over and freed. May start and cancel others, but not free the http. */
typedef void http_done_fn(const struct http_result *result, void *data);

struct http_call {
    const char *url;  /* https only */
    const char *body; /* POST, borrowed until done; NULL: GET */
    size_t body_size;
    const char *soap_action; /* with its quotes; NULL: none */
    bool once; /* on a connection of its own: on one that is reused and turns out to be closed, the
                  request would be sent again */
    int64_t silence_s; /* longest time without a byte from the server */
    int64_t total_s;   /* longest time for all of it */
    http_data_fn *data;
    http_done_fn *done;
};

/* NULL with the sentence when the fingerprint is no fingerprint, or memory lacks. The texts are
 * copied. */
struct http *http_new(struct loop *loop, const struct http_config *config, struct error *reterr);
/* Cancels what is under way (without calling 'done') and closes the connections. */
struct http *http_free(struct http *http);

/* Starts a request; NULL when that cannot be done (out of memory, a URL that is not https). */
struct http_request *http_start(struct http *http, const struct http_call *call, void *data);
/* Ends a request without calling 'done'. Accepts NULL, returns NULL. */
struct http_request *http_cancel(struct http_request *request);
void http_resume(struct http_request *request);

/* Drops the cookie. */
void http_forget(struct http *http);

/* The protocol of the last connection, as "TLSv1.2"; "" before the first. */
const char *http_protocol(const struct http *http);

#endif

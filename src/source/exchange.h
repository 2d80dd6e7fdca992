/* exchange.h: one call of a hypervisor's API: a request, and its reply decoded while it comes in.
 * The API itself is its caller's: which words are sent, and which tables decode the answer (xml.h).
 */
#ifndef VSN_SOURCE_EXCHANGE_H
#define VSN_SOURCE_EXCHANGE_H

#include "base/strbuf.h"
#include "source/http.h"
#include "source/xml.h"

enum exchange_outcome {
    EXCHANGE_ANSWERED,  /* the reply is whole; it may say no */
    EXCHANGE_UNTRUSTED, /* the server's certificate was refused */
    EXCHANGE_GARBAGE,   /* a reply that cannot be understood: 'error' says why */
    EXCHANGE_FAILED,    /* no reply: 'error' says why */
};

/* What the caller is asked and told, all with its 'data'. */
struct exchange_hooks {
    /* True while no more rows can be taken: the reply waits. */
    bool (*congested)(void *data);
    /* A piece of the reply was decoded; may be NULL. */
    void (*taken)(void *data);
    /* Is a well-formed reply one of this API at all? 0, or a negative errno with the sentence; may
     * be NULL. */
    int (*check)(struct error *reterr, void *data);
    /* The call is over; it may be started again from here. */
    void (*done)(enum exchange_outcome outcome, void *data);
};

struct exchange {
    struct http_request *request; /* NULL: idle */
    struct xml *xml;
    struct strbuf body; /* filled by the caller before exchange_start() */
    struct error error;
    bool paused;
    const struct exchange_hooks *hooks;
    void *data;
};

/* How a call is made. */
struct exchange_manner {
    int64_t silence_s, total_s; /* as in http_call */
    bool once;
};

struct exchange_request {
    const char *url;
    const char *soap_action; /* as in http_call */
    struct exchange_manner manner;
    const struct xml_rule *rules; /* decode the reply into 'into' */
    void *into;
    struct xml_caps caps;
};

/* 'hooks' is borrowed for the life of the call. */
void exchange_init(struct exchange *exchange, const struct exchange_hooks *hooks, void *data);
void exchange_done(struct exchange *exchange);
bool exchange_is_busy(const struct exchange *exchange);

/* Sends the body (or, when it is empty, just asks for the URL). Returns 0 or -ENOMEM. */
int exchange_start(struct exchange *exchange, struct http *http,
                   const struct exchange_request *request);
/* Ends the call without 'done'. */
void exchange_cancel(struct exchange *exchange);
/* Goes on with a reply that waited for room. */
void exchange_resume(struct exchange *exchange);

#endif

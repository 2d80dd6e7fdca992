/* call.h: one call of the vSphere API: a request, and its reply decoded while it comes in. */
#ifndef VSN_SOURCE_VSPHERE_CALL_H
#define VSN_SOURCE_VSPHERE_CALL_H

#include "base/strbuf.h"
#include "source/http.h"
#include "source/vsphere/reply.h"
#include "source/vsphere/version.h"

enum call_outcome {
    CALL_ANSWERED,  /* the reply is whole; it may be a fault */
    CALL_UNTRUSTED, /* the server's certificate was refused */
    CALL_GARBAGE,   /* a reply that cannot be understood: 'error' says why */
    CALL_FAILED,    /* no reply: 'error' says why */
};

struct call;

/* The call is over; 'call' may be started again from here. */
typedef void call_done_fn(enum call_outcome outcome, void *data);
/* True while no more rows can be taken: the reply waits. */
typedef bool call_congested_fn(void *data);

struct call {
    struct http_request *request; /* NULL: idle */
    struct xml *xml;
    struct reply *reply; /* of a SOAP call, valid until the next start */
    struct strbuf body;  /* filled by the caller before call_start() */
    struct error error;
    bool paused;
    call_congested_fn *congested;
    call_done_fn *done;
    void *data;
};

void call_init(struct call *call, call_congested_fn *congested, call_done_fn *done, void *data);
void call_done(struct call *call);
bool call_is_busy(const struct call *call);

/* How a call is made. */
struct call_manner {
    int64_t silence_s, total_s; /* as in http_call */
    bool once;
};

/* Sends 'body' and decodes what the method returns by 'response'. Objects go to 'teller'.
 * Returns 0 or -ENOMEM. */
int call_start(struct call *call, struct http *http, const char *url,
               const struct api_version *version, const struct xml_rule *response,
               struct teller *teller, const struct call_manner *manner);
/* Fetches the list of versions into 'list'. */
int call_versions(struct call *call, struct http *http, const char *url, struct version_list *list);

/* Ends the call without 'done'. */
void call_cancel(struct call *call);
/* Goes on with a reply that waited for room. */
void call_resume(struct call *call);

#endif

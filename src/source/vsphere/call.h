/* call.h: one call of the vSphere API: a request, and its reply decoded while it comes in. */
#ifndef VSN_SOURCE_VSPHERE_CALL_H
#define VSN_SOURCE_VSPHERE_CALL_H

#include "source/exchange.h"
#include "source/vsphere/reply.h"
#include "source/vsphere/version.h"

/* The call is over; it may be started again from here. */
typedef void call_done_fn(enum exchange_outcome outcome, void *data);
/* True while no more rows can be taken: the reply waits. */
typedef bool call_congested_fn(void *data);

struct call {
    struct exchange exchange; /* its body is filled by the caller before call_start() */
    struct reply *reply;      /* of a SOAP call, valid until the next start */
    struct xml_caps caps;     /* of its replies: set by call_init() for an inventory */
    call_congested_fn *congested;
    call_done_fn *done;
    void *data;
};

void call_init(struct call *call, call_congested_fn *congested, call_done_fn *done, void *data);
void call_done(struct call *call);

/* Sends the body and decodes what the method returns by 'response'. Objects go to 'teller'.
 * Returns 0 or -ENOMEM. */
int call_start(struct call *call, struct http *http, const char *url,
               const struct api_version *version, const struct xml_rule *response,
               struct teller *teller, const struct exchange_manner *manner);
/* Fetches the list of versions into 'list'. */
int call_versions(struct call *call, struct http *http, const char *url, struct version_list *list);

#endif

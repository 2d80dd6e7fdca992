#include "source/vsphere/call.h"

#include <errno.h>
#include <stdio.h>

#include "source/vsphere/teller.h"

static const struct xml_caps reply_caps = { .bytes = UINT64_C(1) << 30,
                                            .opened = UINT64_C(100) * 1000 * 1000 };
static const struct xml_caps version_caps = { .bytes = 1u << 20, .opened = 10000 };

static bool on_congested(void *data)
{
    struct call *call = data;

    return call->congested(call->data);
}

static void on_taken(void *data)
{
    struct call *call = data;

    if (call->reply && call->reply->teller)
        teller_flush(call->reply->teller);
}

static int on_check(struct error *reterr, void *data)
{
    struct call *call = data;

    if (call->reply && !call->reply->answered)
        return error_set(reterr, -EPROTO, "the reply is not one of the vSphere API");
    return 0;
}

static void on_done(enum exchange_outcome outcome, void *data)
{
    struct call *call = data;

    call->done(outcome, call->data);
}

static const struct exchange_hooks hooks = {
    .congested = on_congested,
    .taken = on_taken,
    .check = on_check,
    .done = on_done,
};

void call_init(struct call *call, call_congested_fn *congested, call_done_fn *done, void *data)
{
    *call = (struct call){
        .caps = reply_caps,
        .congested = congested,
        .done = done,
        .data = data,
    };
    exchange_init(&call->exchange, &hooks, call);
}

void call_done(struct call *call)
{
    exchange_done(&call->exchange);
    call->reply = reply_free(call->reply);
}

int call_start(struct call *call, struct http *http, const char *url,
               const struct api_version *version, const struct xml_rule *response,
               struct teller *teller, const struct exchange_manner *manner)
{
    char action[VERSION_SIZE + 16];

    reply_free(call->reply);
    call->reply = reply_new(response, teller);
    if (!call->reply) {
        exchange_cancel(&call->exchange); /* the body may hold a password */
        return error_set(&call->exchange.error, -ENOMEM, "the request cannot be made");
    }
    snprintf(action, sizeof(action), "\"urn:vim25/%s\"", version->text);
    return exchange_start(&call->exchange, http,
                          &(struct exchange_request){ .url = url,
                                                      .soap_action = action,
                                                      .manner = *manner,
                                                      .rules = envelope_rules,
                                                      .into = call->reply,
                                                      .caps = call->caps });
}

int call_versions(struct call *call, struct http *http, const char *url, struct version_list *list)
{
    call->reply = reply_free(call->reply);
    return exchange_start(&call->exchange, http,
                          &(struct exchange_request){ .url = url,
                                                      .manner = { .silence_s = 30, .total_s = 30 },
                                                      .rules = version_list_rules,
                                                      .into = list,
                                                      .caps = version_caps });
}

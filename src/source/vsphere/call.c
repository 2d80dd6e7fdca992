#include "source/vsphere/call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "source/vsphere/teller.h"

#define BODY_CAP (4u << 20)

static const struct xml_caps reply_caps = { .bytes = UINT64_C(1) << 30,
                                            .opened = UINT64_C(100) * 1000 * 1000 };
static const struct xml_caps version_caps = { .bytes = 1u << 20, .opened = 10000 };

void call_init(struct call *call, call_congested_fn *congested, call_done_fn *done, void *data)
{
    *call = (struct call){ .congested = congested, .done = done, .data = data };
    strbuf_init(&call->body, BODY_CAP);
}

void call_cancel(struct call *call)
{
    call->request = http_cancel(call->request);
    call->xml = xml_free(call->xml);
    call->paused = false;
    if (call->body.data) /* it may hold a password */
        explicit_bzero(call->body.data, call->body.space);
    strbuf_reset(&call->body);
}

void call_done(struct call *call)
{
    call_cancel(call);
    call->reply = reply_free(call->reply);
    strbuf_done(&call->body);
}

bool call_is_busy(const struct call *call)
{
    return call->request != NULL;
}

static int on_data(const char *bytes, size_t size, void *data)
{
    struct call *call = data;
    int r;

    if (call->congested(call->data)) {
        call->paused = true;
        return HTTP_PAUSE;
    }
    r = xml_push(call->xml, bytes, size, &call->error);
    if (call->reply && call->reply->teller)
        teller_flush(call->reply->teller);
    return r;
}

/* What was wrong with a reply that came whole; 0 when nothing was. */
static int check_reply(struct call *call, long status)
{
    int r;

    if (status != 200 && status != 500)
        return error_set(&call->error, -EPROTO, "it answers with HTTP status %ld", status);
    r = xml_end(call->xml, &call->error);
    if (call->reply && call->reply->teller)
        teller_flush(call->reply->teller);
    if (r == 0 && call->reply && !call->reply->answered)
        return error_set(&call->error, -EPROTO, "the reply is not one of the vSphere API");
    return r;
}

static void on_done(const struct http_result *result, void *data)
{
    struct call *call = data;
    enum call_outcome outcome = CALL_FAILED;

    call->request = NULL;
    switch (result->outcome) {
    case HTTP_ANSWERED:
        outcome = check_reply(call, result->status) == 0 ? CALL_ANSWERED : CALL_GARBAGE;
        break;
    case HTTP_UNTRUSTED:
        outcome = CALL_UNTRUSTED;
        call->error = result->error;
        break;
    case HTTP_FAILED:
        call->error = result->error;
        break;
    case HTTP_STOPPED: /* the parser's sentence stands */
        outcome = CALL_GARBAGE;
        break;
    }
    call_cancel(call);
    call->done(outcome, call->data);
}

static int start(struct call *call, struct http *http, const struct http_call *request)
{
    *call->error.text = '\0';
    call->paused = false;
    if (call->xml && !call->body.overflow)
        call->request = http_start(http, request, call);
    if (call->request)
        return 0;
    call_cancel(call);
    return error_set(&call->error, -ENOMEM, "the request cannot be made");
}

int call_start(struct call *call, struct http *http, const char *url,
               const struct api_version *version, const struct xml_rule *response,
               struct teller *teller, const struct call_manner *manner)
{
    char action[VERSION_SIZE + 16];

    reply_free(call->reply);
    call->reply = reply_new(response, teller);
    if (call->reply)
        call->xml = xml_new(envelope_rules, call->reply, &reply_caps);
    snprintf(action, sizeof(action), "\"urn:vim25/%s\"", version->text);
    return start(call, http,
                 &(struct http_call){ .url = url,
                                      .body = strbuf_text(&call->body),
                                      .body_size = call->body.size,
                                      .soap_action = action,
                                      .once = manner->once,
                                      .silence_s = manner->silence_s,
                                      .total_s = manner->total_s,
                                      .data = on_data,
                                      .done = on_done });
}

int call_versions(struct call *call, struct http *http, const char *url, struct version_list *list)
{
    call->reply = reply_free(call->reply);
    call->xml = xml_new(version_list_rules, list, &version_caps);
    return start(
        call, http,
        &(struct http_call){
            .url = url, .silence_s = 30, .total_s = 30, .data = on_data, .done = on_done });
}

void call_resume(struct call *call)
{
    if (!call->paused || call->congested(call->data))
        return;
    call->paused = false;
    http_resume(call->request);
}

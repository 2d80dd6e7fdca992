#include "source/exchange.h"

#include <errno.h>
#include <string.h>

#define BODY_CAP (4u << 20)

void exchange_init(struct exchange *exchange, const struct exchange_hooks *hooks, void *data)
{
    *exchange = (struct exchange){ .hooks = hooks, .data = data };
    strbuf_init(&exchange->body, BODY_CAP);
}

void exchange_cancel(struct exchange *exchange)
{
    exchange->request = http_cancel(exchange->request);
    exchange->xml = xml_free(exchange->xml);
    exchange->paused = false;
    if (exchange->body.data) /* it may hold a password */
        explicit_bzero(exchange->body.data, exchange->body.space);
    strbuf_reset(&exchange->body);
}

void exchange_done(struct exchange *exchange)
{
    exchange_cancel(exchange);
    strbuf_done(&exchange->body);
}

bool exchange_is_busy(const struct exchange *exchange)
{
    return exchange->request != NULL;
}

static void tell_taken(struct exchange *exchange)
{
    if (exchange->hooks->taken)
        exchange->hooks->taken(exchange->data);
}

static int on_data(const char *bytes, size_t size, void *data)
{
    struct exchange *exchange = data;
    int r;

    if (exchange->hooks->congested(exchange->data)) {
        exchange->paused = true;
        return HTTP_PAUSE;
    }
    r = xml_push(exchange->xml, bytes, size, &exchange->error);
    tell_taken(exchange);
    return r;
}

/* What was wrong with a reply that came whole; 0 when nothing was. */
static int check_reply(struct exchange *exchange, long status)
{
    int r;

    if (status != 200 && status != 500)
        return error_set(&exchange->error, -EPROTO, "it answers with HTTP status %ld", status);
    r = xml_end(exchange->xml, &exchange->error);
    tell_taken(exchange);
    if (r == 0 && exchange->hooks->check)
        r = exchange->hooks->check(&exchange->error, exchange->data);
    return r;
}

static void on_done(const struct http_result *result, void *data)
{
    struct exchange *exchange = data;
    enum exchange_outcome outcome = EXCHANGE_FAILED;

    exchange->request = NULL;
    switch (result->outcome) {
    case HTTP_ANSWERED:
        outcome = check_reply(exchange, result->status) == 0 ? EXCHANGE_ANSWERED : EXCHANGE_GARBAGE;
        break;
    case HTTP_UNTRUSTED:
        outcome = EXCHANGE_UNTRUSTED;
        exchange->error = result->error;
        break;
    case HTTP_FAILED:
        exchange->error = result->error;
        break;
    case HTTP_STOPPED: /* the parser's sentence stands */
        outcome = EXCHANGE_GARBAGE;
        break;
    }
    exchange_cancel(exchange);
    exchange->hooks->done(outcome, exchange->data);
}

int exchange_start(struct exchange *exchange, struct http *http,
                   const struct exchange_request *request)
{
    const struct http_call http_call = {
        .url = request->url,
        .body = exchange->body.size ? strbuf_text(&exchange->body) : NULL,
        .body_size = exchange->body.size,
        .soap_action = request->soap_action,
        .once = request->manner.once,
        .silence_s = request->manner.silence_s,
        .total_s = request->manner.total_s,
        .data = on_data,
        .done = on_done,
    };

    *exchange->error.text = '\0';
    exchange->paused = false;
    exchange->xml = xml_new(request->rules, request->into, &request->caps);
    if (exchange->xml && !exchange->body.overflow)
        exchange->request = http_start(http, &http_call, exchange);
    if (exchange->request)
        return 0;
    exchange_cancel(exchange);
    return error_set(&exchange->error, -ENOMEM, "the request cannot be made");
}

void exchange_resume(struct exchange *exchange)
{
    if (!exchange->paused || exchange->hooks->congested(exchange->data))
        return;
    exchange->paused = false;
    http_resume(exchange->request);
}

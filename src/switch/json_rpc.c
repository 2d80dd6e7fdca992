#include "switch/json_rpc.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "switch/driver.h"

#define READ_CHUNK 65536

struct json_rpc {
    struct stream *stream;
    struct strbuf in;
    struct json_frame frame;
    json_rpc_notice_fn *fn;
    void *data;
    json_int_t last_id;
    int patience_ms;
    json_t *answer; /* to the call that is waited for */
    bool lost;
};

/* ---- Frames ---------------------------------------------------------------------------------- */

static void scan_byte(struct json_frame *frame, char byte)
{
    if (frame->escaped)
        frame->escaped = false;
    else if (frame->in_string && byte == '\\')
        frame->escaped = true;
    else if (byte == '"')
        frame->in_string = !frame->in_string;
    else if (!frame->in_string && (byte == '{' || byte == '['))
        frame->depth++;
    else if (!frame->in_string && (byte == '}' || byte == ']') && frame->depth)
        frame->depth--;
}

ssize_t json_frame_scan(struct json_frame *frame, const char *data, size_t size)
{
    while (frame->scanned < size) {
        char byte = data[frame->scanned++];

        if (frame->depth == 0 && !strchr(" \t\r\n{", byte))
            return -EBADMSG;
        scan_byte(frame, byte);
        if (frame->depth == 0 && byte == '}')
            return (ssize_t)frame->scanned;
    }
    return 0;
}

/* ---- Out ------------------------------------------------------------------------------------- */

static int wait_for(struct json_rpc *rpc, short events, int64_t until_ms)
{
    struct pollfd fd = { .fd = stream_fd(rpc->stream), .events = events };
    int64_t left = until_ms - clock_now_ms();
    int r = poll(&fd, 1, left > 0 ? (int)left : 0);

    if (r < 0 && errno != EINTR)
        return -errno;
    return r == 0 ? -ETIMEDOUT : 0;
}

static int send_text(struct json_rpc *rpc, const char *text, int64_t until_ms)
{
    size_t left = strlen(text);

    while (left) {
        ssize_t put = stream_write(rpc->stream, text, left);
        int r = put == -EAGAIN ? wait_for(rpc, stream_wants(rpc->stream), until_ms) : 0;

        if (put <= 0 && put != -EAGAIN)
            return -ENOTCONN;
        if (r < 0)
            return r;
        if (put > 0) {
            text += put;
            left -= (size_t)put;
        }
    }
    return 0;
}

/* Takes over 'message'. */
static int send_message(struct json_rpc *rpc, json_t *message, int64_t until_ms)
{
    CLEANUP(free_text) char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;

    json_decref(message);
    return text ? send_text(rpc, text, until_ms) : -ENOMEM;
}

/* ---- In -------------------------------------------------------------------------------------- */

static void answer_echo(struct json_rpc *rpc, json_t *id, json_t *params)
{
    json_t *message = json_pack("{s:O, s:O, s:n}", "id", id, "result", params, "error");

    if (send_message(rpc, message, clock_now_ms() + rpc->patience_ms) < 0)
        rpc->lost = true;
}

static void take_message(struct json_rpc *rpc, json_t *message)
{
    const char *method = json_string_value(json_object_get(message, "method"));
    json_t *id = json_object_get(message, "id"), *params = json_object_get(message, "params");

    if (method && params && strcmp(method, "echo") == 0 && id && !json_is_null(id))
        answer_echo(rpc, id, params);
    else if (method && params && rpc->fn)
        rpc->fn(method, params, rpc->data);
    else if (!method && json_integer_value(id) == rpc->last_id && !rpc->answer)
        rpc->answer = json_incref(message);
}

static int take_messages(struct json_rpc *rpc, struct error *reterr)
{
    ssize_t size;

    while ((size = json_frame_scan(&rpc->frame, rpc->in.data, rpc->in.size)) > 0) {
        json_error_t error;
        json_t *message = json_loadb(rpc->in.data, (size_t)size, 0, &error);

        if (!message)
            return error_set(reterr, -EBADMSG, "the database sent bad JSON: %s", error.text);
        strbuf_consume(&rpc->in, (size_t)size);
        rpc->frame = (struct json_frame){ 0 };
        take_message(rpc, message);
        json_decref(message);
    }
    if (size < 0)
        return error_set(reterr, -EBADMSG, "the database sent something that is not JSON");
    return 0;
}

int json_rpc_process(struct json_rpc *rpc, struct error *reterr)
{
    char chunk[READ_CHUNK];
    ssize_t got = -EAGAIN;
    int r = 0;

    while (r == 0 && !rpc->lost && (got = stream_read(rpc->stream, chunk, sizeof(chunk))) > 0) {
        if (strbuf_add(&rpc->in, chunk, (size_t)got) < 0)
            return error_set(reterr, -EBADMSG, "the database sent more than can be held");
        r = take_messages(rpc, reterr);
    }
    if (r < 0)
        return r;
    if (got == 0 || (got < 0 && got != -EAGAIN))
        rpc->lost = true;
    return rpc->lost ? error_set(reterr, -ENOTCONN, "the connection was lost") : 0;
}

int json_rpc_wait(struct json_rpc *rpc, int64_t until_ms, struct error *reterr)
{
    int r = wait_for(rpc, POLLIN, until_ms);

    if (r == -ETIMEDOUT)
        return error_set(reterr, r, "no answer in time");
    return json_rpc_process(rpc, reterr);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

/* Takes the waiting answer apart. */
static int take_answer(struct json_rpc *rpc, json_t **ret_result, struct error *reterr)
{
    json_t *answer = rpc->answer, *error = json_object_get(answer, "error");
    json_t *result = json_object_get(answer, "result");
    int r = 0;

    rpc->answer = NULL;
    if (error && !json_is_null(error)) {
        CLEANUP(free_text) char *text = json_dumps(error, JSON_COMPACT | JSON_ENCODE_ANY);

        r = error_set(reterr, -EREMOTEIO, "%.300s", text ? text : "");
    } else if (!result) {
        r = error_set(reterr, -EBADMSG, "an answer without a result");
    } else {
        *ret_result = json_incref(result);
    }
    json_decref(answer);
    return r;
}

/* Waits for the answer to what 'r' says was sent. */
static int wait_answer(struct json_rpc *rpc, const char *method, int r, int64_t until_ms,
                       json_t **ret_result, struct error *reterr)
{
    if (r == -ENOTCONN)
        return error_set(reterr, r, "the connection was lost");
    if (r < 0)
        return error_set(reterr, r, "%s cannot be sent: %s", method, strerror(-r));
    while (r == 0 && !rpc->answer)
        r = json_rpc_wait(rpc, until_ms, reterr);
    return rpc->answer ? take_answer(rpc, ret_result, reterr) : r;
}

int json_rpc_call(struct json_rpc *rpc, const char *method, json_t *params, json_t **ret_result,
                  struct error *reterr)
{
    int64_t until_ms = clock_now_ms() + rpc->patience_ms;
    json_t *message =
        json_pack("{s:s, s:o, s:I}", "method", method, "params", params, "id", ++rpc->last_id);

    return wait_answer(rpc, method, send_message(rpc, message, until_ms), until_ms, ret_result,
                       reterr);
}

int json_rpc_call_text(struct json_rpc *rpc, const char *method, const char *params,
                       json_t **ret_result, struct error *reterr)
{
    int64_t until_ms = clock_now_ms() + rpc->patience_ms;
    CLEANUP(free_text) char *text = NULL; /* one piece: the server is not woken for a part of it */

    if (asprintf(&text, "{\"method\":\"%s\",\"id\":%lld,\"params\":%s}", method,
                 (long long)++rpc->last_id, params) < 0)
        text = NULL;
    return wait_answer(rpc, method, text ? send_text(rpc, text, until_ms) : -ENOMEM, until_ms,
                       ret_result, reterr);
}

/* ---- Life ------------------------------------------------------------------------------------ */

int json_rpc_open(const struct stream_target *target, json_rpc_notice_fn *fn, void *data,
                  struct json_rpc **ret_rpc, struct error *reterr)
{
    struct json_rpc *rpc = calloc(1, sizeof(*rpc));
    int r;

    if (!rpc)
        return error_set(reterr, -ENOMEM, "out of memory");
    *rpc = (struct json_rpc){ .fn = fn, .data = data, .patience_ms = DRIVER_WAIT_MS };
    strbuf_init(&rpc->in, JSON_RPC_MESSAGE_MAX);
    r = stream_open(target, &rpc->stream, reterr);
    if (r < 0)
        json_rpc_free(rpc);
    else
        *ret_rpc = rpc;
    return r;
}

struct json_rpc *json_rpc_free(struct json_rpc *rpc)
{
    if (!rpc)
        return NULL;
    stream_free(rpc->stream);
    json_decref(rpc->answer);
    strbuf_done(&rpc->in);
    free(rpc);
    return NULL;
}

void json_rpc_set_patience(struct json_rpc *rpc, int wait_ms)
{
    rpc->patience_ms = wait_ms;
}

int json_rpc_fd(const struct json_rpc *rpc)
{
    return stream_fd(rpc->stream);
}

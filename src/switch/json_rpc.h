/* json_rpc.h: a JSON-RPC 1.0 client over a stream, as ovsdb-server (RFC 7047 section 4)
 * and ovs-vswitchd's control socket speak it. Calls wait for their answer, DRIVER_WAIT_MS at most;
 * what the server says unasked meanwhile, or later, goes to a callback. Its echo requests are
 * answered. */
#ifndef VSN_SWITCH_JSON_RPC_H
#define VSN_SWITCH_JSON_RPC_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "switch/stream.h"

#define JSON_RPC_MESSAGE_MAX (64 * 1024 * 1024) /* bytes of one message of the server */

/* Finds where a message ends: JSON-RPC over a stream has no frame but its braces. */
struct json_frame {
    size_t scanned; /* bytes looked at */
    unsigned depth;
    bool in_string, escaped;
};

/* Looks on at 'size' bytes that begin with a message (the ones looked at before included). Returns
 * the size of the message once it is complete, 0 when more is needed, -EBADMSG for what is no
 * object. Zero 'frame' for the next message. */
ssize_t json_frame_scan(struct json_frame *frame, const char *data, size_t size);

struct json_rpc;

/* Something the server said unasked. 'params' is borrowed. Must not call the server. */
typedef void json_rpc_notice_fn(const char *method, json_t *params, void *data);

/* Connects; errors as stream_open(). 'fn' may be NULL. */
int json_rpc_open(const struct stream_target *target, json_rpc_notice_fn *fn, void *data,
                  struct json_rpc **ret_rpc, struct error *reterr);
struct json_rpc *json_rpc_free(struct json_rpc *rpc);

/* To wait for; whenever it is readable, call json_rpc_process(). */
int json_rpc_fd(const struct json_rpc *rpc);

/* How long a call waits at most; DRIVER_WAIT_MS unless this says otherwise. */
void json_rpc_set_patience(struct json_rpc *rpc, int wait_ms);

/* Asks and waits for the answer. Takes over 'params'. '*ret_result' is the caller's to
 * json_decref(). Errors: -ENOTCONN (connection lost), -ETIMEDOUT, -EBADMSG, -EREMOTEIO (an error
 * was the answer). */
int json_rpc_call(struct json_rpc *rpc, const char *method, json_t *params, json_t **ret_result,
                  struct error *reterr);

/* The same with parameters that are JSON text already. */
int json_rpc_call_text(struct json_rpc *rpc, const char *method, const char *params,
                       json_t **ret_result, struct error *reterr);

/* Takes what has arrived, without waiting. 0 or -ENOTCONN, -EBADMSG. */
int json_rpc_process(struct json_rpc *rpc, struct error *reterr);

/* The same, waiting until something arrives or the clock (clock_now_ms) shows 'until_ms':
 * -ETIMEDOUT. */
int json_rpc_wait(struct json_rpc *rpc, int64_t until_ms, struct error *reterr);

#endif

/* control_server.h: the unix socket on which 'vsn' asks. One request line, one reply, then the end.
 */
#ifndef VSN_VSND_CONTROL_SERVER_H
#define VSN_VSND_CONTROL_SERVER_H

#include "base/error.h"
#include "base/loop.h"
#include "base/strbuf.h"

#define CONTROL_CLIENTS_MAX 64
#define CONTROL_REQUEST_MAX 4096
#define CONTROL_REPLY_MAX (256 * 1024 * 1024)

struct control_server;

/* Answers one request. 'may_act' tells whether the peer may change things: root, or the user that
 * vsnd runs as (SO_PEERCRED, unix(7)). */
typedef void control_answer_fn(char *request, bool may_act, struct strbuf *reply, void *data);

/* Listens at 'path', replacing a socket that a killed vsnd left there; mode 0660. */
int control_server_new(struct loop *loop, const char *path, control_answer_fn *answer, void *data,
                       struct control_server **ret_server, struct error *reterr);

/* Closes all and removes the socket. Accepts NULL. */
struct control_server *control_server_free(struct control_server *server);

#endif

#include "programs/vsnd/control_server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <utlist.h>

#define GIVE_UP_MS 30000 /* for a client that neither asks nor takes its answer */

struct client {
    struct control_server *server;
    int fd;
    struct loop_watch *watch, *patience;
    struct strbuf in, out;
    size_t sent; /* bytes of 'out' */
    bool answered;
    struct client *prev, *next;
};

struct control_server {
    struct loop *loop;
    int fd;
    struct loop_watch *watch;
    struct client *clients;
    unsigned n_clients;
    char *path;
    control_answer_fn *answer;
    void *data;
};

static void client_free(struct client *client)
{
    struct control_server *server = client->server;

    DL_DELETE(server->clients, client);
    server->n_clients--;
    loop_watch_free(client->watch);
    loop_watch_free(client->patience);
    close(client->fd);
    strbuf_done(&client->in);
    strbuf_done(&client->out);
    free(client);
}

static void on_impatience(void *data)
{
    client_free(data);
}

static bool may_act(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == 0 || peer.uid == geteuid());
}

/* Takes what there is of the request; answers when it is whole. False when the client is to go. */
static bool client_read(struct client *client)
{
    char chunk[CONTROL_REQUEST_MAX];
    ssize_t got = read(client->fd, chunk, sizeof(chunk));
    char *end;

    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    if (got == 0 || strbuf_add(&client->in, chunk, (size_t)got) < 0)
        return false;
    end = memchr(client->in.data, '\n', client->in.size);
    if (!end)
        return true;
    *end = '\0';
    client->server->answer(client->in.data, may_act(client->fd), &client->out,
                           client->server->data);
    client->answered = true;
    loop_watch_events(client->watch, LOOP_WRITE);
    return true;
}

static bool client_write(struct client *client)
{
    ssize_t put = send(client->fd, client->out.data + client->sent, client->out.size - client->sent,
                       MSG_NOSIGNAL);

    if (put < 0)
        return errno == EAGAIN || errno == EINTR;
    client->sent += (size_t)put;
    loop_timer_start(client->patience, GIVE_UP_MS);
    return client->sent < client->out.size;
}

static void on_client(int fd UNUSED, int ready UNUSED, void *data)
{
    struct client *client = data;

    if (!(client->answered ? client_write(client) : client_read(client)))
        client_free(client);
}

static void on_connect(int fd, int ready UNUSED, void *data)
{
    struct control_server *server = data;
    int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct client *client;

    if (peer < 0)
        return;
    client = server->n_clients < CONTROL_CLIENTS_MAX ? calloc(1, sizeof(*client)) : NULL;
    if (!client) {
        close(peer);
        return;
    }
    *client = (struct client){ .server = server, .fd = peer };
    strbuf_init(&client->in, CONTROL_REQUEST_MAX);
    strbuf_init(&client->out, CONTROL_REPLY_MAX);
    DL_APPEND(server->clients, client);
    server->n_clients++;
    client->watch = loop_watch_fd(server->loop, peer, LOOP_READ, on_client, client);
    client->patience = loop_timer_new(server->loop, on_impatience, client);
    if (!client->watch || !client->patience)
        client_free(client);
    else
        loop_timer_start(client->patience, GIVE_UP_MS);
}

static int listen_at(const char *path, struct error *reterr)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    CLEANUP(close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (strlen(path) >= sizeof(address.sun_path))
        return error_set(reterr, -ENAMETOOLONG, "%s: longer than a socket's path may be", path);
    strcpy(address.sun_path, path);
    unlink(path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        chmod(path, 0660) < 0 || listen(fd, CONTROL_CLIENTS_MAX) < 0)
        return error_set(reterr, -errno, "%s: %s", path, strerror(errno));
    return take_fd(&fd);
}

int control_server_new(struct loop *loop, const char *path, control_answer_fn *answer, void *data,
                       struct control_server **ret_server, struct error *reterr)
{
    struct control_server *server = calloc(1, sizeof(*server));
    int r = -ENOMEM;

    if (!server)
        return error_set(reterr, r, "out of memory");
    *server = (struct control_server){
        .loop = loop,
        .fd = -1,
        .path = strdup(path),
        .answer = answer,
        .data = data,
    };
    if (server->path)
        r = server->fd = listen_at(path, reterr);
    if (r >= 0) {
        server->watch = loop_watch_fd(loop, server->fd, LOOP_READ, on_connect, server);
        r = server->watch ? 0 : error_set(reterr, -ENOMEM, "out of memory");
    }
    if (r < 0) {
        control_server_free(server);
        return r;
    }
    *ret_server = server;
    return 0;
}

struct control_server *control_server_free(struct control_server *server)
{
    if (!server)
        return NULL;
    while (server->clients)
        client_free(server->clients);
    loop_watch_free(server->watch);
    if (server->fd >= 0) {
        close(server->fd);
        unlink(server->path);
    }
    free(server->path);
    free(server);
    return NULL;
}

#include "switch/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "switch/driver.h"

#define LISTEN_BUFFER (1024 * 1024)

struct netlink {
    struct mnl_socket *socket;
    unsigned sequence;
};

struct netlink *netlink_new(void)
{
    static const struct timeval wait = { .tv_sec = DRIVER_WAIT_MS / 1000 };
    struct netlink *netlink = calloc(1, sizeof(*netlink));

    if (!netlink)
        return NULL;
    netlink->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (!netlink->socket || mnl_socket_bind(netlink->socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
        setsockopt(mnl_socket_get_fd(netlink->socket), SOL_SOCKET, SO_RCVTIMEO, &wait,
                   sizeof(wait)) < 0)
        return netlink_free(netlink);
    return netlink;
}

struct netlink *netlink_free(struct netlink *netlink)
{
    if (netlink && netlink->socket)
        mnl_socket_close(netlink->socket);
    free(netlink);
    return NULL;
}

struct reading {
    netlink_message_fn *fn;
    netlink_failed_fn *failed; /* of a burst */
    void *data;
    unsigned first, last; /* numbers of the requests */
    bool done, interrupted;
    int result; /* the first failure */
};

static int error_of(const struct nlmsghdr *message)
{
    const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);

    if (mnl_nlmsg_get_payload_len(message) < sizeof(*error))
        return -EBADMSG;
    return error->error;
}

static void read_message(struct reading *reading, const struct nlmsghdr *message)
{
    unsigned index = message->nlmsg_seq - reading->first;
    bool is_error = message->nlmsg_type == NLMSG_ERROR;
    int r = 0;

    if (index > reading->last - reading->first)
        return; /* a late answer to a request that had timed out */
    reading->interrupted |= (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
    if (is_error)
        r = error_of(message);
    else if (message->nlmsg_type >= NLMSG_MIN_TYPE && reading->fn && reading->result == 0)
        r = reading->fn(message, reading->data);
    if (is_error && r < 0 && reading->failed) {
        reading->failed(index, r, reading->data);
        r = 0;
    }
    reading->done |=
        message->nlmsg_seq == reading->last && (is_error || message->nlmsg_type == NLMSG_DONE);
    if (reading->result == 0)
        reading->result = r;
}

/* Reads until the last request is answered. */
static int read_answers(struct netlink *netlink, struct reading *reading)
{
    char buffer[NETLINK_READ_SIZE] __attribute__((aligned(8)));

    while (!reading->done) {
        const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)buffer;
        ssize_t got = mnl_socket_recvfrom(netlink->socket, buffer, sizeof(buffer));
        int left = (int)got;

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
            read_message(reading, message);
    }
    return reading->result ? reading->result : reading->interrupted ? -EAGAIN : 0;
}

int netlink_talk(struct netlink *netlink, struct nlmsghdr *request, netlink_message_fn *fn,
                 void *data)
{
    struct reading reading = { .fn = fn, .data = data };

    reading.first = reading.last = request->nlmsg_seq = ++netlink->sequence;
    if (mnl_socket_sendto(netlink->socket, request, request->nlmsg_len) < 0)
        return -errno;
    return read_answers(netlink, &reading);
}

void *netlink_burst_room(struct netlink_burst *burst, size_t room)
{
    bool fits = burst->size + room <= sizeof(burst->data) && burst->count < NETLINK_BURST_REQUESTS;

    return fits ? burst->data + burst->size : NULL;
}

void netlink_burst_add(struct netlink_burst *burst, struct nlmsghdr *request)
{
    request->nlmsg_flags = NLM_F_REQUEST;
    burst->last = request;
    burst->size += NLMSG_ALIGN(request->nlmsg_len);
    burst->count++;
}

int netlink_burst_send(struct netlink *netlink, struct netlink_burst *burst, netlink_failed_fn *fn,
                       void *data)
{
    struct reading reading = { .failed = fn, .data = data, .first = netlink->sequence + 1 };
    struct nlmsghdr *request = (struct nlmsghdr *)(void *)burst->data;
    int left = (int)burst->size;
    size_t size = burst->size;

    if (!burst->count)
        return 0;
    for (; mnl_nlmsg_ok(request, left); request = mnl_nlmsg_next(request, &left))
        request->nlmsg_seq = ++netlink->sequence;
    burst->last->nlmsg_flags |= NLM_F_ACK;
    reading.last = netlink->sequence;
    burst->size = burst->count = 0;
    if (mnl_socket_sendto(netlink->socket, burst->data, size) < 0)
        return -errno;
    return read_answers(netlink, &reading);
}

int netlink_listen(const unsigned *groups)
{
    static const int size = LISTEN_BUFFER;
    struct sockaddr_nl address = { .nl_family = AF_NETLINK };
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    int r;

    if (fd < 0)
        return -errno;
    /* Without the capability the default stays: then more notices are lost, which is heard of. */
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    r = bind(fd, (struct sockaddr *)(void *)&address, sizeof(address));
    for (; r == 0 && *groups; groups++)
        r = setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, groups, sizeof(*groups));
    if (r < 0) {
        r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

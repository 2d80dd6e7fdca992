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
    void *data;
    unsigned sequence;
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
    int r = 0;

    if (message->nlmsg_seq != reading->sequence)
        return; /* a late answer to a request that had timed out */
    reading->interrupted |= (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
    if (message->nlmsg_type == NLMSG_ERROR)
        r = error_of(message);
    else if (message->nlmsg_type >= NLMSG_MIN_TYPE && reading->fn && reading->result == 0)
        r = reading->fn(message, reading->data);
    reading->done |= message->nlmsg_type == NLMSG_ERROR || message->nlmsg_type == NLMSG_DONE;
    if (reading->result == 0)
        reading->result = r;
}

int netlink_talk(struct netlink *netlink, struct nlmsghdr *request, netlink_message_fn *fn,
                 void *data)
{
    char buffer[NETLINK_READ_SIZE] __attribute__((aligned(8)));
    struct reading reading = { .fn = fn, .data = data, .sequence = ++netlink->sequence };

    request->nlmsg_seq = reading.sequence;
    if (mnl_socket_sendto(netlink->socket, request, request->nlmsg_len) < 0)
        return -errno;
    while (!reading.done) {
        const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)buffer;
        ssize_t got = mnl_socket_recvfrom(netlink->socket, buffer, sizeof(buffer));
        int left = (int)got;

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left))
            read_message(&reading, message);
    }
    return reading.result ? reading.result : reading.interrupted ? -EAGAIN : 0;
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

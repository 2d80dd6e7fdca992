/* netlink.h: requests to the kernel over rtnetlink with a bounded wait, on libmnl. */
#ifndef VSN_SWITCH_NETLINK_H
#define VSN_SWITCH_NETLINK_H

#include <libmnl/libmnl.h>

#include "base/error.h"

#define NETLINK_READ_SIZE 32768 /* bytes that the kernel may put into one piece of a dump */

struct netlink;

/* Called for each message of an answer. Returns 0, or a negative errno that ends the reading. */
typedef int netlink_message_fn(const struct nlmsghdr *message, void *data);

/* An open rtnetlink socket, or NULL with errno set. */
struct netlink *netlink_new(void);
struct netlink *netlink_free(struct netlink *netlink);

/* Sends 'request' (its number is filled in) and hands each message of the answer to 'fn' (may be
 * NULL) until its acknowledgement or the end of the dump. Returns 0, the kernel's error, -ETIMEDOUT
 * after DRIVER_WAIT_MS of silence, or -EAGAIN for a dump that changed under way (NLM_F_DUMP_INTR)
 * and must be repeated. */
int netlink_talk(struct netlink *netlink, struct nlmsghdr *request, netlink_message_fn *fn,
                 void *data);

#define NETLINK_BURST_SIZE 16384   /* bytes of requests that one burst may hold */
#define NETLINK_BURST_REQUESTS 128 /* even if all fail, the answers fit a socket's usual buffer */

/* Requests that are sent together and answered once: the kernel carries them out in their order,
 * each by itself, and speaks of those that fail and of the last. */
struct netlink_burst {
    char data[NETLINK_BURST_SIZE] __attribute__((aligned(8)));
    size_t size;
    unsigned count;
    struct nlmsghdr *last;
};

/* Where the next request may be built: at least 'room' bytes, or NULL when it does not fit. */
void *netlink_burst_room(struct netlink_burst *burst, size_t room);
/* Takes the request that was built there in. */
void netlink_burst_add(struct netlink_burst *burst, struct nlmsghdr *request);

/* Called for a request of a burst that failed; 'index' counts from 0. */
typedef void netlink_failed_fn(unsigned index, int error, void *data);

/* Sends the burst, waits until all of it was carried out, and empties it. Returns 0, or a negative
 * errno when it is not known what became of it. */
int netlink_burst_send(struct netlink *netlink, struct netlink_burst *burst, netlink_failed_fn *fn,
                       void *data);

/* A bound, non-blocking socket that hears the multicast 'groups' (RTNLGRP_..., 0-terminated);
 * negative errno on failure. */
int netlink_listen(const unsigned *groups);

#endif

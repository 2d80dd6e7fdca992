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

/* A bound, non-blocking socket that hears the multicast 'groups' (RTNLGRP_..., 0-terminated);
 * negative errno on failure. */
int netlink_listen(const unsigned *groups);

#endif

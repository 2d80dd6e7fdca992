#include "switch/link_up.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

static struct nlmsghdr *request_for(void *buffer, uint16_t type, const char *name, unsigned flags)
{
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    struct ifinfomsg *link;

    request->nlmsg_type = type;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    link = mnl_nlmsg_put_extra_header(request, sizeof(*link));
    link->ifi_family = AF_UNSPEC;
    link->ifi_flags = link->ifi_change = flags;
    mnl_attr_put_strz(request, IFLA_IFNAME, name);
    return request;
}

static int on_link(const struct nlmsghdr *message, void *data)
{
    const struct ifinfomsg *link = mnl_nlmsg_get_payload(message);
    bool *is_up = data;

    *is_up = (link->ifi_flags & IFF_UP) != 0;
    return 0;
}

int link_up(struct netlink *netlink, const char *name, struct error *reterr)
{
    char buffer[512] __attribute__((aligned(8)));
    bool is_up = false;
    int r;

    if (strlen(name) >= IFNAMSIZ)
        return error_set(reterr, -ENODEV, "there is no interface %s here", name);
    r = netlink_talk(netlink, request_for(buffer, RTM_NEWLINK, name, IFF_UP), NULL, NULL);
    if (r == 0)
        r = netlink_talk(netlink, request_for(buffer, RTM_GETLINK, name, 0), on_link, &is_up);
    if (r == 0 && !is_up)
        r = -EIO;
    return r < 0 ? error_set(reterr, r, "interface %s cannot be brought up: %s", name, strerror(-r))
                 : 0;
}

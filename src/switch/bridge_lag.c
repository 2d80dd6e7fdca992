#include "switch/bridge_lag.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "model/names.h"

/* ---- What the LAG says of itself ------------------------------------------------------------- */

static void take_ad_info(struct bridge_lag *lag, const struct nlattr *info)
{
    const struct nlattr *attribute;

    mnl_attr_for_each_nested(attribute, info)
    {
        if (mnl_attr_get_type(attribute) == IFLA_BOND_AD_INFO_PARTNER_MAC &&
            mnl_attr_get_payload_len(attribute) == sizeof(lag->partner.byte))
            memcpy(lag->partner.byte, mnl_attr_get_payload(attribute), sizeof(lag->partner.byte));
    }
}

void bridge_lag_take(struct bridge_lag *lag, const struct nlattr *info)
{
    const struct nlattr *attribute, *inner;
    bool is_bond = false;

    /* The kind comes before the data (rtnl_link_info_fill). */
    mnl_attr_for_each_nested(attribute, info)
    {
        if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND) {
            is_bond = strcmp(mnl_attr_get_str(attribute), "bond") == 0;
            lag->is_lag = is_bond || strcmp(mnl_attr_get_str(attribute), "team") == 0;
        }
        if (mnl_attr_get_type(attribute) != IFLA_INFO_DATA || !is_bond)
            continue;
        mnl_attr_for_each_nested(inner, attribute)
        {
            if (mnl_attr_get_type(inner) == IFLA_BOND_AD_INFO)
                take_ad_info(lag, inner);
        }
    }
}

/* ---- Its members ----------------------------------------------------------------------------- */

struct gathering {
    struct bridge_lag *lag;
    int ifindex;
    struct strbuf names;
};

struct nlmsghdr *bridge_lag_request(void *buffer, int master)
{
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    struct ifinfomsg *link;

    request->nlmsg_type = RTM_GETLINK;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    link = mnl_nlmsg_put_extra_header(request, sizeof(*link));
    link->ifi_family = AF_UNSPEC;
    mnl_attr_put_u32(request, IFLA_MASTER, (uint32_t)master);
    mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    return request;
}

int bridge_lag_master_of(const struct nlmsghdr *message)
{
    const struct nlattr *attribute;

    mnl_attr_for_each(attribute, message, sizeof(struct ifinfomsg))
    {
        if (mnl_attr_get_type(attribute) == IFLA_MASTER)
            return (int)mnl_attr_get_u32(attribute);
    }
    return 0;
}

static int add_ifindex(struct bridge_lag *lag, int ifindex)
{
    int *ifindexes;

    if (lag->n_members == BRIDGE_LAG_MEMBERS_MAX)
        return -EMSGSIZE;
    ifindexes = realloc(lag->ifindexes, (lag->n_members + 1) * sizeof(*ifindexes));
    if (!ifindexes)
        return -ENOMEM;
    lag->ifindexes = ifindexes;
    ifindexes[lag->n_members++] = ifindex;
    return 0;
}

static int on_link(const struct nlmsghdr *message, void *data)
{
    const struct ifinfomsg *link = mnl_nlmsg_get_payload(message);
    struct gathering *gathering = data;
    const struct nlattr *attribute;

    if (bridge_lag_master_of(message) != gathering->ifindex)
        return 0;
    mnl_attr_for_each(attribute, message, sizeof(*link))
    {
        if (mnl_attr_get_type(attribute) == IFLA_IFNAME)
            names_add(&gathering->names, mnl_attr_get_str(attribute));
    }
    return add_ifindex(gathering->lag, link->ifi_index);
}

int bridge_lag_read(struct bridge_lag *lag, struct netlink *netlink, int ifindex)
{
    char buffer[512] __attribute__((aligned(8)));
    struct gathering gathering = { .lag = lag, .ifindex = ifindex };
    int r;

    strbuf_init(&gathering.names, BRIDGE_LAG_MEMBERS_MAX * IFNAMSIZ);
    r = netlink_talk(netlink, bridge_lag_request(buffer, ifindex), on_link, &gathering);
    if (r == 0 && gathering.names.overflow)
        r = -ENOMEM;
    lag->members = gathering.names.data;
    return r;
}

bool bridge_lag_has(const struct bridge_lag *lag, int ifindex)
{
    for (size_t i = 0; i < lag->n_members; i++)
        if (lag->ifindexes[i] == ifindex)
            return true;
    return false;
}

void bridge_lag_done(struct bridge_lag *lag)
{
    free(lag->members);
    free(lag->ifindexes);
    *lag = (struct bridge_lag){ 0 };
}

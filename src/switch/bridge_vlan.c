#include "switch/bridge_vlan.h"

#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

/* One range takes two items of 8 bytes each; the headers and some air come on top. */
#define ROOM_FOR_A_RANGE 16
#define ROOM_FOR_HEADERS 128

static void put_item(struct nlmsghdr *message, uint32_t vlan, uint16_t flags)
{
    struct bridge_vlan_info info = { .flags = flags, .vid = (uint16_t)vlan };

    mnl_attr_put(message, IFLA_BRIDGE_VLAN_INFO, sizeof(info), &info);
}

static void put_range(struct nlmsghdr *message, uint32_t first, uint32_t last)
{
    if (first == last) {
        put_item(message, first, 0);
        return;
    }
    put_item(message, first, BRIDGE_VLAN_INFO_RANGE_BEGIN);
    put_item(message, last, BRIDGE_VLAN_INFO_RANGE_END);
}

static bool has_room(const struct nlmsghdr *message)
{
    return message->nlmsg_len + ROOM_FOR_A_RANGE + ROOM_FOR_HEADERS <= BRIDGE_VLAN_MESSAGE_SIZE;
}

struct nlmsghdr *bridge_vlan_build(void *buffer, uint16_t type, int ifindex,
                                   const struct vlanset *vlans, uint32_t from, unsigned max_ids,
                                   uint32_t *ret_next)
{
    struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
    struct ifinfomsg *link;
    struct nlattr *spec;
    uint32_t first, last;

    message->nlmsg_type = type;
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    link = mnl_nlmsg_put_extra_header(message, sizeof(*link));
    link->ifi_family = AF_BRIDGE;
    link->ifi_index = ifindex;
    spec = mnl_attr_nest_start(message, IFLA_AF_SPEC);
    while (max_ids && has_room(message) && (first = vlanset_next_range(vlans, from, &last))) {
        if (last - first >= max_ids)
            last = first + max_ids - 1;
        put_range(message, first, last);
        max_ids -= last - first + 1;
        from = last + 1;
    }
    mnl_attr_nest_end(message, spec);
    *ret_next = vlanset_next(vlans, from);
    return message;
}

int bridge_vlan_ifindex(const struct nlmsghdr *message)
{
    const struct br_vlan_msg *head = mnl_nlmsg_get_payload(message);

    return mnl_nlmsg_get_payload_len(message) < sizeof(*head) ? 0 : (int)head->ifindex;
}

static int parse_entry(const struct nlattr *entry, struct bridge_vlans *vlans)
{
    const struct bridge_vlan_info *info = NULL;
    const struct nlattr *attribute;
    uint32_t last;

    mnl_attr_for_each_nested(attribute, entry)
    {
        if (mnl_attr_get_type(attribute) == BRIDGE_VLANDB_ENTRY_INFO) {
            if (mnl_attr_get_payload_len(attribute) < sizeof(*info))
                return -EBADMSG;
            info = mnl_attr_get_payload(attribute);
            last = info->vid;
        } else if (mnl_attr_get_type(attribute) == BRIDGE_VLANDB_ENTRY_RANGE && info) {
            if (mnl_attr_get_payload_len(attribute) < sizeof(uint16_t))
                return -EBADMSG;
            last = mnl_attr_get_u16(attribute);
        }
    }
    if (!info || !vlan_is_valid(info->vid) || !vlan_is_valid(last) || last < info->vid)
        return -EBADMSG;
    vlanset_add_range(info->flags & BRIDGE_VLAN_INFO_UNTAGGED ? &vlans->untagged : &vlans->tagged,
                      info->vid, last);
    if (info->flags & BRIDGE_VLAN_INFO_PVID)
        vlans->pvid = info->vid;
    return 0;
}

int bridge_vlan_parse(const struct nlmsghdr *message, struct bridge_vlans *vlans)
{
    const struct nlattr *attribute;
    int r = 0;

    if (!bridge_vlan_ifindex(message))
        return -EBADMSG;
    mnl_attr_for_each(attribute, message, sizeof(struct br_vlan_msg))
    {
        if (mnl_attr_get_type(attribute) == BRIDGE_VLANDB_ENTRY)
            r = parse_entry(attribute, vlans);
        if (r < 0)
            return r;
    }
    return 0;
}

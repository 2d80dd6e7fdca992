#include "cmocka_unit.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "switch/bridge_vlan.h"

static struct vlanset set_of(const char *text)
{
    struct vlanset set;

    assert_int_equal(vlanset_parse(text, &set), 0);
    return set;
}

/* Heard on an nlmon interface of Linux 6.1 while iproute2 6.1 did "bridge vlan add dev PORT vid
 * 400-402", PORT being interface 4. */
static const uint8_t of_the_bridge_tool[] = {
    0x34, 0x00, 0x00, 0x00, 0x13, 0x00, 0x05, 0x00, 0x9a, 0x1c, 0x03, 0x6b, 0x00,
    0x00, 0x00, 0x00, 0x07, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x1a, 0x00, 0x08, 0x00, 0x02,
    0x00, 0x08, 0x00, 0x90, 0x01, 0x08, 0x00, 0x02, 0x00, 0x10, 0x00, 0x92, 0x01,
};

static void a_message_has_the_bytes_of_the_bridge_tool(void **state)
{
    char buffer[BRIDGE_VLAN_MESSAGE_SIZE] __attribute__((aligned(8)));
    struct vlanset vlans = set_of("400-402");
    uint32_t next = 9;
    struct nlmsghdr *message = bridge_vlan_build(buffer, RTM_SETLINK, 4, &vlans, 1, 4094, &next);
    uint8_t wanted[sizeof(of_the_bridge_tool)];

    (void)state;
    memcpy(wanted, of_the_bridge_tool, sizeof(wanted));
    memset(wanted + 8, 0, 4); /* its number */
    wanted[35] |= 0x80;       /* NLA_F_NESTED, which the tool leaves out */
    assert_int_equal(next, 0);
    assert_int_equal(message->nlmsg_len, sizeof(wanted));
    assert_memory_equal(message, wanted, sizeof(wanted));
}

/* Walks all messages for a set and gathers what they name. */
static struct vlanset gather(const struct vlanset *vlans, unsigned max_ids, unsigned *ret_messages)
{
    char buffer[BRIDGE_VLAN_MESSAGE_SIZE] __attribute__((aligned(8)));
    struct vlanset seen = vlanset_empty;

    *ret_messages = 0;
    for (uint32_t at = vlanset_next(vlans, 1); at; ++*ret_messages) {
        struct nlmsghdr *message =
            bridge_vlan_build(buffer, RTM_SETLINK, 7, vlans, at, max_ids, &at);
        const struct nlattr *spec, *item;
        unsigned ids = 0, first = 0;

        assert_true(message->nlmsg_len <= BRIDGE_VLAN_MESSAGE_SIZE);
        mnl_attr_for_each(spec, message, sizeof(struct ifinfomsg))
        {
            mnl_attr_for_each_nested(item, spec)
            {
                const uint16_t *info = mnl_attr_get_payload(item);

                if (info[0] == 8) {
                    first = info[1];
                    continue;
                }
                if (info[0] == 0)
                    first = info[1];
                assert_true(first && first <= info[1]);
                vlanset_add_range(&seen, first, info[1]);
                ids += info[1] - first + 1;
                first = 0;
            }
        }
        assert_int_equal(first, 0);
        assert_true(ids && ids <= max_ids);
    }
    return seen;
}

static void every_set_is_named_whole_in_chunks(void **state)
{
    static const char *const sets[] = { "1", "4094", "1-4094", "1-3,5,7-9,4090-4094" };
    static const unsigned chunks[] = { 1, 2, 128, 1024, 4094 };
    struct vlanset odd = vlanset_empty, seen;
    unsigned messages;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
        for (size_t j = 0; j < ARRAY_SIZE(chunks); j++) {
            struct vlanset set = set_of(sets[i]);

            seen = gather(&set, chunks[j], &messages);
            assert_true(vlanset_equal(&seen, &set));
        }
    for (uint32_t vlan = 1; vlan <= VLAN_MAX; vlan += 2)
        vlanset_add(&odd, vlan);
    seen = gather(&odd, 4094, &messages);
    assert_true(vlanset_equal(&seen, &odd));
    assert_true(messages >= 2); /* 2,047 items do not fit one message */
}

/* The answer of Linux 6.1 to RTM_GETVLAN for interface 4: VLAN 1 PVID untagged, 100-102, 300. */
static const uint8_t dump[] __attribute__((aligned(8))) = {
    0x74, 0x00, 0x00, 0x00, 0x70, 0x00, 0x02, 0x00, 0x01, 0x00, 0x00, 0x00, 0xba, 0x02, 0x00,
    0x00, 0x07, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x1c, 0x00, 0x01, 0x80, 0x08, 0x00,
    0x01, 0x00, 0x06, 0x00, 0x01, 0x00, 0x05, 0x00, 0x03, 0x00, 0x03, 0x00, 0x00, 0x00, 0x05,
    0x00, 0x06, 0x00, 0x01, 0x00, 0x00, 0x00, 0x24, 0x00, 0x01, 0x80, 0x08, 0x00, 0x01, 0x00,
    0x00, 0x00, 0x64, 0x00, 0x06, 0x00, 0x02, 0x00, 0x66, 0x00, 0x00, 0x00, 0x05, 0x00, 0x03,
    0x00, 0x03, 0x00, 0x00, 0x00, 0x05, 0x00, 0x06, 0x00, 0x01, 0x00, 0x00, 0x00, 0x1c, 0x00,
    0x01, 0x80, 0x08, 0x00, 0x01, 0x00, 0x00, 0x00, 0x2c, 0x01, 0x05, 0x00, 0x03, 0x00, 0x03,
    0x00, 0x00, 0x00, 0x05, 0x00, 0x06, 0x00, 0x01, 0x00, 0x00, 0x00,
};

static void a_dump_is_read(void **state)
{
    struct bridge_vlans vlans = { .pvid = 0 };
    const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)dump;
    char text[64];

    (void)state;
    assert_int_equal(message->nlmsg_len, sizeof(dump));
    assert_int_equal(bridge_vlan_ifindex(message), 4);
    assert_int_equal(bridge_vlan_parse(message, &vlans), 0);
    assert_int_equal(vlans.pvid, 1);
    assert_string_equal(vlanset_text(&vlans.untagged, text, sizeof(text)), "1");
    assert_string_equal(vlanset_text(&vlans.tagged, text, sizeof(text)), "100-102,300");
}

static void a_damaged_dump_is_refused(void **state)
{
    static const uint8_t backwards[] __attribute__((aligned(8))) = {
        0x2c, 0,    0, 0, RTM_NEWVLAN, 0, 2, 0, 1, 0, 0, 0,   1, 0, 0, 0, 7, 0,  0, 0, 5, 0, 0,
        0,    0x14, 0, 1, 0x80,        8, 0, 1, 0, 0, 0, 100, 0, 6, 0, 2, 0, 99, 0, 0, 0, /* 100 to
                                                                                             99 */
    };
    static const uint8_t cut[] __attribute__((aligned(8))) = {
        0x14, 0, 0, 0, RTM_NEWVLAN, 0, 2, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0,
    };
    struct bridge_vlans vlans = { .pvid = 0 };

    (void)state;
    assert_int_equal(bridge_vlan_parse((const void *)backwards, &vlans), -EBADMSG);
    assert_int_equal(bridge_vlan_parse((const void *)cut, &vlans), -EBADMSG);
    assert_true(vlanset_is_empty(&vlans.tagged));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_has_the_bytes_of_the_bridge_tool),
        cmocka_unit_test(every_set_is_named_whole_in_chunks),
        cmocka_unit_test(a_dump_is_read),
        cmocka_unit_test(a_damaged_dump_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cmocka_unit.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "switch/netlink.h"

#define LOOPBACK 1
#define NOBODY 987654 /* an interface that is not there */

/* Which requests of the last burst failed, and how. */
struct failures {
    unsigned index[NETLINK_BURST_REQUESTS];
    int error[NETLINK_BURST_REQUESTS];
    unsigned count;
};

static void on_failed(unsigned index, int error, void *data)
{
    struct failures *failures = data;

    assert_true(failures->count < NETLINK_BURST_REQUESTS);
    failures->index[failures->count] = index;
    failures->error[failures->count++] = error;
}

/* Asks for an interface. */
static void add_request(struct netlink_burst *burst, int ifindex)
{
    struct nlmsghdr *request = mnl_nlmsg_put_header(netlink_burst_room(burst, 64));
    struct ifinfomsg *link = mnl_nlmsg_put_extra_header(request, sizeof(*link));

    request->nlmsg_type = RTM_GETLINK;
    link->ifi_index = ifindex;
    netlink_burst_add(burst, request);
}

static void send_and_expect(struct netlink *netlink, struct netlink_burst *burst,
                            const unsigned *failing, unsigned count)
{
    struct failures failures = { .count = 0 };

    assert_int_equal(netlink_burst_send(netlink, burst, on_failed, &failures), 0);
    assert_int_equal(failures.count, count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(failures.index[i], failing[i]);
        assert_int_equal(failures.error[i], -ENODEV);
    }
    assert_int_equal(burst->count, 0);
    assert_int_equal(burst->size, 0);
}

static void each_failure_of_a_burst_is_its_requests(void **state)
{
    static const int ask[] = { NOBODY, LOOPBACK, NOBODY, LOOPBACK };
    struct netlink *netlink = netlink_new();
    static struct netlink_burst burst;

    (void)state;
    assert_non_null(netlink);
    for (int i = 0; i < 4; i++)
        add_request(&burst, ask[i]);
    send_and_expect(netlink, &burst, (const unsigned[]){ 0, 2 }, 2);
    for (int i = 0; i < 3; i++) /* the last one is one that fails */
        add_request(&burst, ask[i]);
    send_and_expect(netlink, &burst, (const unsigned[]){ 0, 2 }, 2);
    add_request(&burst, LOOPBACK);
    send_and_expect(netlink, &burst, NULL, 0);
    send_and_expect(netlink, &burst, NULL, 0); /* an empty one */
    netlink_free(netlink);
}

/* More than that, and the kernel would have no room for the answers. */
static void a_burst_takes_so_many_that_all_may_fail(void **state)
{
    static struct netlink_burst burst;
    struct netlink *netlink = netlink_new();
    unsigned all[NETLINK_BURST_REQUESTS], count = 0;

    (void)state;
    assert_null(netlink_burst_room(&burst, NETLINK_BURST_SIZE + 1));
    for (; netlink_burst_room(&burst, 64); count++) {
        add_request(&burst, NOBODY);
        all[count] = count;
    }
    assert_int_equal(count, NETLINK_BURST_REQUESTS);
    send_and_expect(netlink, &burst, all, count);
    assert_non_null(netlink_burst_room(&burst, NETLINK_BURST_SIZE));
    netlink_free(netlink);
}

static int count_message(const struct nlmsghdr *message, void *data)
{
    (void)message;
    ++*(unsigned *)data;
    return 0;
}

static void a_question_is_answered_after_a_burst_as_before(void **state)
{
    char buffer[128] __attribute__((aligned(8)));
    struct netlink *netlink = netlink_new();
    struct nlmsghdr *request;
    struct ifinfomsg *link;
    unsigned count = 0;

    (void)state;
    for (int i = 0; i < 2; i++) {
        request = mnl_nlmsg_put_header(buffer);
        request->nlmsg_type = RTM_GETLINK;
        request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
        link = mnl_nlmsg_put_extra_header(request, sizeof(*link));
        link->ifi_index = i == 0 ? LOOPBACK : NOBODY;
        assert_int_equal(netlink_talk(netlink, request, count_message, &count),
                         i == 0 ? 0 : -ENODEV);
    }
    assert_int_equal(count, 1);
    netlink_free(netlink);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_failure_of_a_burst_is_its_requests),
        cmocka_unit_test(a_burst_takes_so_many_that_all_may_fail),
        cmocka_unit_test(a_question_is_answered_after_a_burst_as_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

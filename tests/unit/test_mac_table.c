#include "cmocka_unit.h"

#include "intent/wires.h"
#include "scene.h"

static struct wires wires; /* of the last round */

static void compute(struct scene *scene, int64_t now_ms)
{
    const struct hypervisor_view views[] = {
        { config_hypervisor(scene->config, "vc1"), scene->vc1 },
        { config_hypervisor(scene->config, "vc2"), scene->vc2 },
    };
    struct wires now;

    assert_int_equal(wires_compute(scene->config, views, 2, scene->neighbors, scene->module, &wires,
                                   now_ms, &now),
                     0);
    wires_done(&wires);
    wires = now;
}

static int tear_down(void **state)
{
    wires_done(&wires);
    return scene_tear_down(state);
}

/* All wires as "swp1 a/eth0 confirmed mac-table", one a line. */
static void assert_wires(const char *wanted)
{
    struct strbuf text;
    char kinds[64];

    strbuf_init(&text, 4096);
    for (size_t i = 0; i < wires.count; i++)
        strbuf_addf(&text, "%s %s/%s %s %s\n", wires.wires[i].port, wires.wires[i].host,
                    wires.wires[i].nic, wire_state_word(wires.wires[i].state),
                    wire_evidence_text(&wires.wires[i], kinds, sizeof(kinds)));
    assert_string_equal(strbuf_text(&text), wanted);
    strbuf_done(&text);
}

#define MAC(number) "00:16:3e:00:00:" number
#define AT(port, number)                                                                           \
    "new station owner=" port " id=" MAC(number) "/1 mac=" MAC(number) " vlan=1\n"
#define NOT_AT(port, number) "gone station owner=" port " id=" MAC(number) "/1\n"
#define UP(port) "new port id=" port " enabled=yes link=up learnt_known=yes\n"
#define DOWN(port) "new port id=" port " enabled=yes link=down learnt_known=yes\n"

/* A host with eth0 and eth1 in a bond, and eth2 alone; its management address is that of eth0. */
#define BONDED(id, eth0, eth1, eth2)                                                               \
    "new host id=" id " name=" id " connection=connected\n"                                        \
    "new nic owner=" id " id=eth0 mac=" MAC(eth0) "\nnew nic owner=" id " id=eth1 mac=" MAC(       \
        eth1) "\nnew nic owner=" id                                                                \
              " id=eth2 mac=" MAC(                                                                 \
                  eth2) "\n"                                                                       \
                        "new vswitch owner=" id " id=bond0 kind=bridge\nnew vswitch owner=" id     \
                        " id=xenbr2 kind=bridge\n"                                                 \
                        "new uplink owner=" id " id=eth0 vswitch=bond0 name=eth0\n"                \
                        "new uplink owner=" id " id=eth1 vswitch=bond0 name=eth1\n"                \
                        "new uplink owner=" id " id=eth2 vswitch=xenbr2 name=eth2\n"               \
                        "new network owner=" id " id=mgmt kind=bridge vswitch=bond0 mode=native\n" \
                        "new network owner=" id                                                    \
                        " id=store kind=bridge vswitch=xenbr2 mode=native\n"                       \
                        "new vmknic owner=" id                                                     \
                        " id=bond0 mac=" MAC(eth0) " network=mgmt\n"                               \
                                                   "new vmknic owner=" id                          \
                                                   " id=eth2 mac=" MAC(eth2) " network=store\n"

/* A host with one NIC. */
#define PLAIN(id, eth0)                                                                            \
    "new host id=" id " name=" id " connection=connected\n"                                        \
    "new nic owner=" id                                                                            \
    " id=eth0 mac=" MAC(eth0) "\n"                                                                 \
                              "new vswitch owner=" id " id=xenbr0 kind=bridge\n"                   \
                              "new uplink owner=" id " id=eth0 vswitch=xenbr0 name=eth0\n"

static int set_up(void **state)
{
    struct scene *scene;

    scene_set_up(state);
    scene = *state;
    tell(scene->vc1,
         "begin all\n" BONDED("a", "a0", "a1", "a2") PLAIN("p", "b0") PLAIN("q", "c0") "end all\n");
    tell(scene->module, UP("swp1") UP("swp2") UP("swp3"));
    return 0;
}

static void each_address_means_what_may_send_with_it(void **state)
{
    static const struct {
        const char *config, *vc1, *module, *wires;
    } rows[] = {
        { "", "", AT("swp1", "b0"), "swp1 p/eth0 confirmed mac-table\n" },
        { "", "", AT("swp1", "a2"), "swp1 a/eth2 confirmed mac-table\n" },
        { "", "", AT("swp1", "a0"),
          "swp1 a/eth0 confirmed mac-table\nswp1 a/eth1 confirmed mac-table\n" },
        { "", "", AT("swp1", "a1"),
          "swp1 a/eth0 confirmed mac-table\nswp1 a/eth1 confirmed mac-table\n" },
        /* An interface of its own address, and one whose network leaves by one uplink only. */
        { "",
          "new vmknic owner=p id=vmk1 mac=" MAC(
              "ff") " network=n\n"
                    "new network owner=p id=n kind=standard vswitch=xenbr0 mode=tagged vlans=7\n",
          AT("swp1", "ff"), "swp1 p/eth0 confirmed mac-table\n" },
        { "",
          "new vmknic owner=a id=vmk1 mac=" MAC(
              "ff") " network=n\n"
                    "new network owner=a id=n kind=standard vswitch=bond0 mode=tagged vlans=7 "
                    "teaming_known=yes active=eth1\n",
          AT("swp1", "ff"), "swp1 a/eth1 confirmed mac-table\n" },
        { "",
          "new vmknic owner=a id=vmk1 mac=" MAC(
              "ff") " network=dv shared=yes\n"
                    "new network id=dv kind=distributed vswitch=dvs-1 mode=tagged vlans=7\n"
                    "new dvswitch id=dvs-1 uuid=xenbr2\n",
          AT("swp1", "ff"), "swp1 a/eth2 confirmed mac-table\n" },
        /* Nothing is known of where that interface leaves the host. */
        { "", "new vmknic owner=a id=vmk1 mac=" MAC("ff") " network=nowhere\n", AT("swp1", "ff"),
          "" },
        /* Addresses that say nothing: a machine's, two hosts', nobody's. */
        { "", "new machine id=m\nnew vif owner=m id=0 mac=" MAC("b0") "\n", AT("swp1", "b0"), "" },
        { "", "new nic owner=q id=eth1 mac=" MAC("b0") "\n", AT("swp1", "b0"), "" },
        { "", "new nic owner=p id=eth7 mac=fe:ff:ff:ff:ff:ff\n",
          "new station owner=swp1 id=x mac=fe:ff:ff:ff:ff:ff vlan=5\n", "" },
        { "", "new nic owner=p id=eth7 mac=00:00:00:00:00:00\n",
          "new station owner=swp1 id=x vlan=5\n", "" },
        /* Ports that vsn may not use. */
        { "", "", AT("swp9", "b0"), "" },
        /* A pin that agrees, and one that does not. */
        { " vsn bind vc1 p eth0\n", "", AT("swp1", "b0"), "swp1 p/eth0 proved pin+mac-table\n" },
        { " vsn bind vc1 a eth1\n", "", AT("swp1", "a0"), "swp1 a/eth1 proved pin+mac-table\n" },
        { " vsn bind vc1 q eth0\n", "", AT("swp1", "b0"),
          "swp1 p/eth0 claimed mac-table\nswp1 q/eth0 proved pin\n" },
        /* What is known to be elsewhere is not here. */
        { " vsn bind vc1 a eth0\n", "", AT("swp2", "a0"),
          "swp1 a/eth0 proved pin\nswp2 a/eth1 confirmed mac-table\n" },
        { " vsn bind vc1 p eth0\n", "", AT("swp2", "b0"),
          "swp1 p/eth0 proved pin\nswp2 p/eth0 claimed mac-table\n" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct scene *scene;

        scene_tear_down(state);
        set_up(state);
        scene = *state;
        configure(scene, rows[i].config, "", "");
        tell(scene->vc1, rows[i].vc1);
        tell(scene->module, rows[i].module);
        compute(scene, 1);
        assert_wires(rows[i].wires);
        wires_done(&wires);
    }
}

static void one_of_several_is_said(void **state)
{
    struct scene *scene = *state;

    tell(scene->module, AT("swp1", "a0"));
    compute(scene, 1);
    assert_string_equal(wires.wires[0].detail,
                        "interface bond0's address " MAC("a0") "; it is one of eth0, eth1");
    assert_string_equal(wires.wires[0].detail, wires.wires[1].detail);
}

static void an_idle_host_is_remembered_while_its_link_is_up(void **state)
{
    struct scene *scene = *state;

    tell(scene->module, AT("swp1", "b0"));
    compute(scene, 1000);
    tell(scene->module, NOT_AT("swp1", "b0"));
    compute(scene, 900000);
    assert_wires("swp1 p/eth0 confirmed mac-table\n");
    assert_int_equal(wires.wires[0].seen_ms, 1000);
    assert_int_equal(wires.wires[0].since_ms, 1000);
    tell(scene->module, DOWN("swp1"));
    compute(scene, 900001);
    assert_wires("swp1 p/eth0 lost \n");
    tell(scene->module, UP("swp1"));
    compute(scene, 900002);
    assert_wires("swp1 p/eth0 lost \n");
    tell(scene->module, AT("swp1", "b0"));
    compute(scene, 900003);
    assert_wires("swp1 p/eth0 confirmed mac-table\n");
}

static void a_cable_that_moves_is_followed(void **state)
{
    struct scene *scene = *state;

    tell(scene->module, AT("swp1", "b0"));
    compute(scene, 1);
    tell(scene->module, DOWN("swp1") NOT_AT("swp1", "b0") AT("swp2", "b0"));
    compute(scene, 2);
    assert_wires("swp1 p/eth0 moved \nswp2 p/eth0 confirmed mac-table\n");
}

/* The address of an idle host, sent by somebody else: nobody is believed, nothing is given up. */
static void a_forged_address_binds_nothing(void **state)
{
    struct scene *scene = *state;

    tell(scene->module, AT("swp1", "b0"));
    compute(scene, 1);
    tell(scene->module, NOT_AT("swp1", "b0") AT("swp2", "b0"));
    for (int64_t now_ms = 2; now_ms < 5; now_ms++) {
        compute(scene, now_ms);
        assert_wires("swp1 p/eth0 lost mac-table\nswp2 p/eth0 claimed mac-table\n");
    }
    tell(scene->module, NOT_AT("swp2", "b0"));
    compute(scene, 5);
    assert_wires("swp1 p/eth0 confirmed mac-table\n");
}

static void an_address_on_two_ports_binds_neither(void **state)
{
    struct scene *scene = *state;

    tell(scene->module,
         AT("swp1", "b0") "new station owner=swp2 id=" MAC("b0") "/7 mac=" MAC("b0") " vlan=7\n");
    compute(scene, 1);
    assert_wires("swp1 p/eth0 claimed mac-table\nswp2 p/eth0 claimed mac-table\n");
}

static void two_hosts_behind_one_port_freeze_it(void **state)
{
    struct scene *scene = *state;

    tell(scene->module, AT("swp1", "b0") AT("swp2", "c0"));
    compute(scene, 1);
    /* Behind q somebody sends with the address of p, which is idle. */
    tell(scene->module, NOT_AT("swp1", "b0") AT("swp2", "b0"));
    compute(scene, 2);
    assert_wires("swp1 p/eth0 confirmed mac-table\nswp2 p/eth0 conflict mac-table\n"
                 "swp2 q/eth0 conflict mac-table\n");
    tell(scene->module, NOT_AT("swp2", "b0"));
    compute(scene, 3);
    assert_wires("swp1 p/eth0 confirmed mac-table\nswp2 q/eth0 confirmed mac-table\n");
}

static void it_yields_to_better_evidence(void **state)
{
    struct scene *scene = *state;

    tell(scene->neighbors, "new neighbor owner=swp1 id=n port_mac=" MAC("c0") "\n");
    tell(scene->module, AT("swp1", "b0"));
    compute(scene, 1);
    assert_wires("swp1 p/eth0 claimed mac-table\nswp1 q/eth0 confirmed heard\n");
}

static void what_was_trusted_is_not_forgotten_for_better_evidence(void **state)
{
    struct scene *scene = *state;

    tell(scene->module, AT("swp1", "b0"));
    compute(scene, 1);
    tell(scene->neighbors, "new neighbor owner=swp1 id=n port_mac=" MAC("c0") "\n");
    compute(scene, 2);
    assert_wires("swp1 p/eth0 lost mac-table\nswp1 q/eth0 confirmed heard\n");
}

static void a_bond_is_bound_wherever_its_address_was(void **state)
{
    struct scene *scene = *state;

    tell(scene->module, AT("swp1", "a0"));
    compute(scene, 1);
    tell(scene->module, NOT_AT("swp1", "a0") AT("swp2", "a0"));
    compute(scene, 2);
    assert_wires("swp1 a/eth0 confirmed mac-table\nswp1 a/eth1 confirmed mac-table\n"
                 "swp2 a/eth0 confirmed mac-table\nswp2 a/eth1 confirmed mac-table\n");
    /* A third port is one too many. */
    tell(scene->module, NOT_AT("swp2", "a0") AT("swp3", "a0"));
    compute(scene, 3);
    assert_wires("swp1 a/eth0 lost mac-table\nswp1 a/eth1 lost mac-table\n"
                 "swp2 a/eth0 lost mac-table\nswp2 a/eth1 lost mac-table\n"
                 "swp3 a/eth0 claimed mac-table\nswp3 a/eth1 claimed mac-table\n");
}

/* A member whose cable is out may come back as the active one: nothing is taken from its port until
 * every member has found another one. */
static void a_member_that_is_down_has_not_moved(void **state)
{
    struct scene *scene = *state;

    tell(scene->module, AT("swp1", "a0"));
    compute(scene, 1);
    tell(scene->module, DOWN("swp1") NOT_AT("swp1", "a0") AT("swp2", "a0"));
    compute(scene, 2);
    assert_wires("swp1 a/eth0 lost \nswp1 a/eth1 lost \n"
                 "swp2 a/eth0 confirmed mac-table\nswp2 a/eth1 confirmed mac-table\n");
    tell(scene->module, AT("swp3", "a1"));
    compute(scene, 3);
    assert_wires("swp1 a/eth0 moved \nswp1 a/eth1 moved \n"
                 "swp2 a/eth0 confirmed mac-table\nswp2 a/eth1 confirmed mac-table\n"
                 "swp3 a/eth0 confirmed mac-table\nswp3 a/eth1 confirmed mac-table\n");
}

static void which_one_it_is_may_be_learnt_later(void **state)
{
    struct scene *scene = *state;

    tell(scene->module, AT("swp1", "a0"));
    compute(scene, 1);
    tell(scene->neighbors, "new neighbor owner=swp1 id=n port_mac=" MAC("a1") "\n");
    compute(scene, 2);
    assert_wires("swp1 a/eth1 confirmed heard+mac-table\n");
    /* And when the word falls silent, it is still known. */
    tell(scene->neighbors, "gone neighbor owner=swp1 id=n\n");
    tell(scene->module, NOT_AT("swp1", "a0"));
    compute(scene, 3);
    assert_wires("swp1 a/eth1 confirmed mac-table\n");
}

static void nics_of_two_bridges_behind_one_port_freeze_it(void **state)
{
    struct scene *scene = *state;

    tell(scene->module, AT("swp1", "a1") AT("swp1", "a2"));
    compute(scene, 1);
    assert_wires("swp1 a/eth0 conflict mac-table\nswp1 a/eth1 conflict mac-table\n"
                 "swp1 a/eth2 conflict mac-table\n");
}

static void two_hypervisors_may_see_one_host(void **state)
{
    struct scene *scene = *state;

    tell(scene->vc2, "begin all\n" BONDED("z", "a0", "a1", "a2") "end all\n");
    tell(scene->module, AT("swp1", "a0"));
    compute(scene, 1);
    assert_wires("swp1 a/eth0 confirmed mac-table\nswp1 a/eth1 confirmed mac-table\n"
                 "swp1 z/eth0 confirmed mac-table\nswp1 z/eth1 confirmed mac-table\n");
}

static void strict_does_not_act_on_it(void **state)
{
    struct scene *scene = *state;

    tell(scene->module, AT("swp1", "b0"));
    compute(scene, 1);
    assert_true(wire_is_trusted(&wires.wires[0], EVIDENCE_NORMAL));
    assert_false(wire_is_trusted(&wires.wires[0], EVIDENCE_STRICT));
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(each_address_means_what_may_send_with_it),
        ROW(one_of_several_is_said),
        ROW(an_idle_host_is_remembered_while_its_link_is_up),
        ROW(a_cable_that_moves_is_followed),
        ROW(a_forged_address_binds_nothing),
        ROW(an_address_on_two_ports_binds_neither),
        ROW(two_hosts_behind_one_port_freeze_it),
        ROW(it_yields_to_better_evidence),
        ROW(what_was_trusted_is_not_forgotten_for_better_evidence),
        ROW(a_bond_is_bound_wherever_its_address_was),
        ROW(a_member_that_is_down_has_not_moved),
        ROW(which_one_it_is_may_be_learnt_later),
        ROW(nics_of_two_bridges_behind_one_port_freeze_it),
        ROW(two_hypervisors_may_see_one_host),
        ROW(strict_does_not_act_on_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

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

/* All wires as "swp1 vc1/a/vmnic0 confirmed heard", one a line. */
static void assert_wires(const char *wanted)
{
    struct strbuf text;
    char kinds[64];

    strbuf_init(&text, 4096);
    for (size_t i = 0; i < wires.count; i++) {
        const struct wire *wire = &wires.wires[i];

        strbuf_addf(&text, "%s %s/%s/%s %s %s\n", wire->port, wire->hypervisor, wire->host,
                    wire->nic, wire_state_word(wire->state),
                    wire_evidence_text(wire, kinds, sizeof(kinds)));
    }
    assert_string_equal(strbuf_text(&text), wanted);
    strbuf_done(&text);
}

#define HINT(host, fields)                                                                         \
    "new hint owner=" host " id=vmnic0/x nic=vmnic0 protocol=lldp " fields "\n"

/* What this switch says on a port: what is sent there now, and what was a moment ago. */
#define ADVERT(port)                                                                               \
    "new advert id=" port " system=tor-1 port=" port                                               \
    " nonce=0123456789abcdef nonce_before=ffff456789abcdef\n"

/* One piece of evidence each: what the scene is told, and what becomes of it. */
static void each_kind_of_evidence(void **state)
{
    static const struct {
        const char *config, *vc1, *neighbors, *wires;
    } rows[] = {
        { "", "", HEARD("swp1", "01"), "swp1 vc1/a/vmnic0 confirmed heard\n" },
        { " vsn bind vc1 a vmnic0\n", "", "", "swp1 vc1/a/vmnic0 proved pin\n" },
        { " vsn bind vc1 A vmnic0\n", "", "", "swp1 vc1/a/vmnic0 proved pin\n" },
        { " vsn bind vc1 a vmnic7\n", "", "", "" },
        { "", HINT("a", "system=tor-1 port=swp1"), "", "swp1 vc1/a/vmnic0 confirmed hint\n" },
        { "", HINT("a", "system=tor-2 port=swp1"), "", "" },
        { "", HINT("a", "system=tor-1 port=swp9"), "", "" },
        { "", HINT("a", "system=tor-1"), "", "" },
        /* What the switch says of itself is what counts, and its description will do as a port. */
        { "", HINT("a", "chassis=52:54:00:00:00:FE port=one"),
          "new advert id=swp1 system=t chassis=52:54:00:00:00:fe port=1 description=one\n",
          "swp1 vc1/a/vmnic0 confirmed hint\n" },
        /* A switch of the same name with another chassis address is another switch. */
        { "", HINT("a", "system=tor-1 chassis=52:54:00:00:00:01 port=swp1"),
          "new advert id=swp1 system=tor-1 chassis=52:54:00:00:00:fe port=swp1\n", "" },
        { "", HINT("a", "system=tor-1 chassis=5254.0000.00fe port=swp1"),
          "new advert id=swp1 system=tor-1 chassis=52:54:00:00:00:fe port=swp1\n",
          "swp1 vc1/a/vmnic0 confirmed hint\n" },
        /* What is sent on that port only proves it, in whichever text it comes back. */
        { "", HINT("a", "system=tor-1 port=swp1%20[vsn%200123456789abcdef]"), ADVERT("swp1"),
          "swp1 vc1/a/vmnic0 proved echo\n" },
        { "", HINT("a", "system=x port=y description=swp1%20[vsn%20ffff456789abcdef]"),
          ADVERT("swp1"), "swp1 vc1/a/vmnic0 proved echo\n" },
        /* A word that is too old proves nothing, but the port is still named. */
        { "", HINT("a", "system=tor-1 port=swp1%20[vsn%201111111111111111]"), ADVERT("swp1"),
          "swp1 vc1/a/vmnic0 confirmed hint\n" },
        { "", HINT("a", "system=tor-1 port=swp7%20[vsn%201111111111111111]"), ADVERT("swp1"), "" },
        /* A name, or the address of the chassis only, is a claim. */
        { "", "", "new neighbor owner=swp1 id=n system=a port=vmnic0\n",
          "swp1 vc1/a/vmnic0 claimed named\n" },
        { "", "", "new neighbor owner=swp1 id=n chassis_mac=00:50:56:00:00:01\n",
          "swp1 vc1/a/vmnic0 claimed named\n" },
        { "", "new nic owner=b id=vmnic3 mac=00:50:56:00:00:01\n", HEARD("swp1", "01"),
          "swp1 vc1/a/vmnic0 claimed named\nswp1 vc1/b/vmnic3 claimed named\n" },
        /* Ports that vsn may not use have no wire. */
        { "", "", HEARD("swp9", "01"), "" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct scene *scene;

        scene_set_up(state);
        scene = *state;
        configure(scene, rows[i].config, "", "");
        tell(scene->vc1, "begin all\n" HOST("a", "01") HOST("b", "02") "end all\n");
        tell(scene->vc1, rows[i].vc1);
        tell(scene->neighbors, rows[i].neighbors);
        compute(scene, 1);
        assert_wires(rows[i].wires);
        wires_done(&wires);
    }
}

static void contradictions_freeze(void **state)
{
    struct scene *scene = *state;

    tell(scene->vc1, "begin all\n" HOST("a", "01") HOST("b", "02") "end all\n");
    tell(scene->neighbors, HEARD("swp1", "01") HEARD("swp1", "02"));
    compute(scene, 1);
    assert_wires("swp1 vc1/a/vmnic0 conflict heard\nswp1 vc1/b/vmnic0 conflict heard\n");
    tell(scene->neighbors, "gone neighbor owner=swp1 id=02\n" HEARD("swp2", "01"));
    compute(scene, 2);
    assert_wires("swp1 vc1/a/vmnic0 conflict heard\n"
                 "swp2 vc1/a/vmnic0 conflict heard\n");
}

static void a_pin_decides(void **state)
{
    struct scene *scene = *state;

    configure(scene, " vsn bind vc1 a vmnic0\n", "", "");
    tell(scene->vc1, "begin all\n" HOST("a", "01") HOST("b", "02") "end all\n");
    tell(scene->neighbors, HEARD("swp2", "01") HEARD("swp1", "02"));
    compute(scene, 1);
    assert_wires("swp1 vc1/a/vmnic0 proved pin\nswp1 vc1/b/vmnic0 claimed heard\n"
                 "swp2 vc1/a/vmnic0 claimed heard\n");
}

static void an_echo_stands_above_what_stations_say(void **state)
{
    struct scene *scene = *state;

    tell(scene->vc1, "begin all\n" HOST("a", "01") HOST("b", "02") "end all\n");
    tell(scene->vc1, HINT("a", "system=tor-1 port=swp1%20[vsn%200123456789abcdef]"));
    tell(scene->neighbors, ADVERT("swp1"));
    /* Somebody on swp2 pretends to be host a, and somebody on swp1 to be host b. */
    tell(scene->neighbors, HEARD("swp2", "01") HEARD("swp1", "02"));
    compute(scene, 1);
    assert_wires("swp1 vc1/a/vmnic0 proved echo\nswp1 vc1/b/vmnic0 claimed heard\n"
                 "swp2 vc1/a/vmnic0 claimed heard\n");
    /* Only the operator's word is above it. */
    configure(scene, " vsn bind vc1 b vmnic0\n", "", "");
    compute(scene, 2);
    assert_wires("swp1 vc1/a/vmnic0 claimed echo\nswp1 vc1/b/vmnic0 proved pin+heard\n"
                 "swp2 vc1/a/vmnic0 claimed heard\n");
}

static void one_echo_on_two_ports_is_a_contradiction(void **state)
{
    struct scene *scene = *state;

    tell(scene->vc1, "begin all\n" HOST("a", "01") "end all\n");
    tell(scene->vc1, HINT("a", "system=tor-1 port=swp1%20[vsn%200123456789abcdef]"));
    tell(scene->neighbors, ADVERT("swp1") ADVERT("swp2"));
    compute(scene, 1);
    assert_wires("swp1 vc1/a/vmnic0 conflict echo\nswp2 vc1/a/vmnic0 conflict echo\n");
}

static void two_hypervisors_may_speak_of_one_nic(void **state)
{
    struct scene *scene = *state;

    tell(scene->vc1, "begin all\n" HOST("a", "01") "end all\n");
    tell(scene->vc2, "begin all\n" HOST("ha-host", "01") "end all\n");
    tell(scene->neighbors, HEARD("swp1", "01"));
    compute(scene, 1);
    assert_wires("swp1 vc1/a/vmnic0 confirmed heard\nswp1 vc2/ha-host/vmnic0 confirmed heard\n");
}

static void a_wire_without_evidence_is_remembered(void **state)
{
    struct scene *scene = *state;

    tell(scene->vc1, "begin all\n" HOST("a", "01") HOST("b", "02") "end all\n");
    tell(scene->neighbors, HEARD("swp1", "01"));
    compute(scene, 1000);
    tell(scene->neighbors, "gone neighbor owner=swp1 id=01\n");
    compute(scene, 2000);
    assert_wires("swp1 vc1/a/vmnic0 lost \n");
    assert_int_equal(wires.wires[0].since_ms, 1000);
    assert_int_equal(wires.wires[0].seen_ms, 1000);

    /* Another NIC there does not end the memory, and neither does a mere claim. */
    tell(scene->neighbors,
         HEARD("swp1", "02") "new neighbor owner=swp1 id=n system=a port=vmnic0\n");
    compute(scene, 3000);
    assert_wires("swp1 vc1/a/vmnic0 lost named\nswp1 vc1/b/vmnic0 confirmed heard\n");
    tell(scene->neighbors, "gone neighbor owner=swp1 id=n\n");

    /* The operator's word does. */
    configure(scene, " vsn bind vc1 b vmnic0\n", "", "");
    compute(scene, 4000);
    assert_wires("swp1 vc1/b/vmnic0 proved pin+heard\n");
}

static void moved_for_as_long_as_it_is_seen_elsewhere(void **state)
{
    struct scene *scene = *state;

    tell(scene->vc1, "begin all\n" HOST("a", "01") "end all\n");
    tell(scene->neighbors, HEARD("swp1", "01"));
    compute(scene, 1);
    tell(scene->neighbors, "gone neighbor owner=swp1 id=01\n" HEARD("swp2", "01"));
    compute(scene, 2);
    assert_wires("swp1 vc1/a/vmnic0 moved \nswp2 vc1/a/vmnic0 confirmed heard\n");
    tell(scene->neighbors, "gone neighbor owner=swp2 id=01\n");
    compute(scene, 3);
    assert_wires("swp1 vc1/a/vmnic0 lost \nswp2 vc1/a/vmnic0 lost \n");

    /* 'evidence strict' does not trust what was heard. */
    configure(scene, "", "", "vsn\n evidence strict\n!\n");
    tell(scene->neighbors, HEARD("swp2", "01"));
    compute(scene, 4);
    assert_wires("swp1 vc1/a/vmnic0 lost \nswp2 vc1/a/vmnic0 confirmed heard\n");
}

static void what_is_proved_gone_is_forgotten_for_another(void **state)
{
    struct scene *scene = *state;

    tell(scene->vc1, "begin all\n" HOST("a", "01") HOST("b", "02") "end all\n");
    tell(scene->neighbors, HEARD("swp1", "01"));
    compute(scene, 1);
    tell(scene->vc1, "gone host id=a\n");
    compute(scene, 2);
    assert_wires("swp1 vc1/a/vmnic0 lost \n");
    tell(scene->neighbors, HEARD("swp1", "02"));
    compute(scene, 3);
    assert_wires("swp1 vc1/b/vmnic0 confirmed heard\n");
}

static void a_pretender_leaves_no_memory(void **state)
{
    struct scene *scene = *state;

    tell(scene->vc1, "begin all\n" HOST("a", "01") HOST("b", "02") "end all\n");
    tell(scene->neighbors, HEARD("swp1", "01"));
    compute(scene, 1);
    tell(scene->neighbors, HEARD("swp1", "02"));
    compute(scene, 2);
    tell(scene->neighbors, "gone neighbor owner=swp1 id=02\n");
    compute(scene, 3);
    assert_wires("swp1 vc1/a/vmnic0 confirmed heard\n");
}

/* A host with both its NICs in one LAG, behind a port that is one. */
#define TEAMED(id, one, two)                                                                       \
    "new host id=" id " name=" id " connection=connected\n"                                        \
    "new nic owner=" id " id=vmnic0 mac=00:50:56:00:00:" one "\nnew nic owner=" id                 \
    " id=vmnic1 mac=00:50:56:00:00:" two "\nnew vswitch owner=" id " id=v kind=distributed\n"      \
    "new uplink owner=" id " id=vmnic0 vswitch=v name=l-0 lag=l\nnew uplink owner=" id             \
    " id=vmnic1 vswitch=v name=l-1 lag=l\n"

static void all_nics_of_a_lag_are_behind_its_port(void **state)
{
    struct scene *scene = *state;

    tell(scene->vc1, "begin all\n" TEAMED("a", "01", "02") "end all\n");
    tell(scene->module, "new port id=swp1 link=up members=eth1,eth2\n");
    tell(scene->neighbors, HEARD("eth1", "01") HEARD("eth2", "02"));
    compute(scene, 1);
    assert_wires("swp1 vc1/a/vmnic0 confirmed heard\nswp1 vc1/a/vmnic1 confirmed heard\n");

    /* A member of the LAG that is cabled to another host. */
    tell(scene->vc1, HOST("b", "03"));
    tell(scene->neighbors, "gone neighbor owner=eth2 id=02\n" HEARD("eth2", "03"));
    compute(scene, 2);
    assert_wires("swp1 vc1/a/vmnic0 conflict heard\nswp1 vc1/a/vmnic1 lost \n"
                 "swp1 vc1/b/vmnic0 conflict heard\n");
}

static void a_lag_knows_its_partner(void **state)
{
    struct scene *scene = *state;

    tell(scene->vc1, "begin all\n" TEAMED("a", "01", "02") HOST("b", "03") "end all\n");
    tell(scene->module, "new port id=swp1 link=up members=eth1,eth2 partner=00:50:56:00:00:02\n");
    compute(scene, 1);
    assert_wires("swp1 vc1/a/vmnic0 confirmed lacp\nswp1 vc1/a/vmnic1 confirmed lacp\n");
    tell(scene->module, "put port id=swp1 partner=00:50:56:00:00:77\n");
    compute(scene, 2);
    assert_wires("swp1 vc1/a/vmnic0 lost \nswp1 vc1/a/vmnic1 lost \n");
}

static void each_kind_of_evidence_has_its_age(void **state)
{
    struct scene *scene = *state;
    const struct wire *wire;

    tell(scene->vc1, "begin all\n" HOST("a", "01") "end all\n");
    tell(scene->neighbors, HEARD("swp1", "01"));
    compute(scene, 1000);
    tell(scene->vc1, HINT("a", "system=tor-1 port=swp1"));
    compute(scene, 2000);
    tell(scene->neighbors, "gone neighbor owner=swp1 id=01\n");
    compute(scene, 3000);
    wire = &wires.wires[0];
    assert_wires("swp1 vc1/a/vmnic0 confirmed hint\n");
    assert_int_equal(wire->kind_since_ms[EVIDENCE_HINT], 2000);
    assert_int_equal(wire->kind_seen_ms[EVIDENCE_HINT], 3000);
    assert_int_equal(wire->kind_since_ms[EVIDENCE_HEARD], 1000);
    assert_int_equal(wire->kind_seen_ms[EVIDENCE_HEARD], 2000);
    assert_int_equal(wire->kind_seen_ms[EVIDENCE_PIN], 0);
}

static void strict_trusts_pins_only(void **state)
{
    static const struct {
        enum wire_state state;
        enum config_evidence evidence;
        bool trusted;
    } rows[] = {
        { WIRE_PROVED, EVIDENCE_STRICT, true },     { WIRE_PROVED, EVIDENCE_NORMAL, true },
        { WIRE_CONFIRMED, EVIDENCE_STRICT, false }, { WIRE_CONFIRMED, EVIDENCE_NORMAL, true },
        { WIRE_CONFLICT, EVIDENCE_NORMAL, false },  { WIRE_LOST, EVIDENCE_NORMAL, false },
        { WIRE_MOVED, EVIDENCE_NORMAL, false },     { WIRE_CLAIMED, EVIDENCE_NORMAL, false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_int_equal(
            wire_is_trusted(&(struct wire){ .state = rows[i].state }, rows[i].evidence),
            rows[i].trusted);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, scene_set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(each_kind_of_evidence),
        ROW(contradictions_freeze),
        ROW(a_pin_decides),
        ROW(an_echo_stands_above_what_stations_say),
        ROW(one_echo_on_two_ports_is_a_contradiction),
        ROW(two_hypervisors_may_speak_of_one_nic),
        ROW(a_wire_without_evidence_is_remembered),
        ROW(moved_for_as_long_as_it_is_seen_elsewhere),
        ROW(what_is_proved_gone_is_forgotten_for_another),
        ROW(a_pretender_leaves_no_memory),
        ROW(all_nics_of_a_lag_are_behind_its_port),
        ROW(a_lag_knows_its_partner),
        ROW(each_kind_of_evidence_has_its_age),
        ROW(strict_trusts_pins_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cmocka_unit.h"

#include <stdio.h>

#include "intent/wires.h"
#include "scene.h"

/* Two hosts, each with machines on network "blue" behind vmnic0; host b's virtual switch has
 * vmnic1, too. Machine N of host a has the address aa:...:N, that of host b bb:...:N. */
#define SERVER(id, last, more)                                                                     \
    "new host id=" id " name=" id " connection=connected\n"                                        \
    "new nic owner=" id " id=vmnic0 mac=00:50:56:00:00:" last "\n"                                 \
    "new vswitch owner=" id " id=v0 kind=standard\n"                                               \
    "new uplink owner=" id " id=vmnic0 vswitch=v0 name=vmnic0\n" more "new network owner=" id      \
    " id=blue name=blue kind=standard vswitch=v0 mode=tagged vlans=100\n"
#define MACHINE(id, host, mac)                                                                     \
    "new machine id=" id " name=" id " host=" host " power=on\n"                                   \
    "new vif owner=" id " id=4000 mac=" mac " network=blue\n"
#define WORLD                                                                                      \
    "begin all\n" SERVER("a", "01", "")                                                            \
        SERVER("b", "02",                                                                          \
               "new nic owner=b id=vmnic1 mac=00:50:56:00:00:03\n"                                 \
               "new uplink owner=b id=vmnic1 vswitch=v0 name=vmnic1\n")                            \
            MACHINE("m1", "a", "aa:00:00:00:00:01") MACHINE("m2", "a", "aa:00:00:00:00:02")        \
                MACHINE("m3", "b", "ba:00:00:00:00:03") "end all\n"
#define AT(port, mac) "new station owner=" port " id=" mac "/100 mac=" mac " vlan=100\n"
#define HEARD_LLDP(port, last) "new neighbor owner=" port " id=n port_mac=00:50:56:00:00:" last "\n"

/* The wires, and whether 'evidence ftos' acts on them. */
static void assert_wires(struct scene *scene, const char *wanted)
{
    const struct hypervisor_view views[] = {
        { config_hypervisor(scene->config, "vc1"), scene->vc1 },
        { config_hypervisor(scene->config, "vc2"), scene->vc2 },
    };
    struct wires wires;
    struct strbuf text;
    char kinds[64];

    assert_int_equal(
        wires_compute(scene->config, views, 2, scene->neighbors, scene->module, NULL, 1, &wires),
        0);
    strbuf_init(&text, 4096);
    for (size_t i = 0; i < wires.count; i++) {
        const struct wire *wire = &wires.wires[i];

        assert_false(wire->state == WIRE_CLAIMED && wire_is_trusted(wire, EVIDENCE_NORMAL));
        strbuf_addf(&text, "%s %s/%s %s%s\n", wire->port, wire->host, wire->nic,
                    wire_evidence_text(wire, kinds, sizeof(kinds)),
                    wire_is_trusted(wire, EVIDENCE_FTOS) ? " trusted" : "");
    }
    assert_string_equal(strbuf_text(&text), wanted);
    strbuf_done(&text);
    wires_done(&wires);
}

static void tell_world(struct scene *scene, const char *evidence, const char *stations)
{
    char more[64];

    snprintf(more, sizeof(more), "vsn\n evidence %s\n!\n", evidence);
    configure(scene, "", "", more);
    tell(scene->vc1, WORLD);
    tell(scene->module, stations);
}

static void machines_show_their_host(void **state)
{
    struct scene *scene = *state;

    tell_world(scene, "ftos",
               AT("swp1", "aa:00:00:00:00:01") AT("swp1", "aa:00:00:00:00:02")
                   AT("swp2", "ba:00:00:00:00:03"));
    assert_wires(scene, "swp1 a/vmnic0 machine trusted\n"
                        "swp2 b/vmnic0 machine trusted\nswp2 b/vmnic1 machine trusted\n");
}

static void only_where_the_operator_wants_that(void **state)
{
    struct scene *scene = *state;

    tell_world(scene, "normal", AT("swp1", "aa:00:00:00:00:01"));
    assert_wires(scene, "");
}

static void two_hosts_on_one_port_are_a_rumour(void **state)
{
    struct scene *scene = *state;

    tell_world(scene, "ftos", AT("swp1", "aa:00:00:00:00:01") AT("swp1", "ba:00:00:00:00:03"));
    assert_wires(scene, "swp1 a/vmnic0 machine\nswp1 b/vmnic0 machine\nswp1 b/vmnic1 machine\n");
}

/* Somebody takes the address of a machine of host a, to get its VLANs. */
static void one_host_on_more_ports_than_nics_is_a_rumour(void **state)
{
    struct scene *scene = *state;

    tell_world(scene, "ftos", AT("swp1", "aa:00:00:00:00:01") AT("swp2", "aa:00:00:00:00:02"));
    assert_wires(scene, "swp1 a/vmnic0 machine\nswp2 a/vmnic0 machine\n");
}

static void better_evidence_is_not_outvoted(void **state)
{
    struct scene *scene = *state;

    tell_world(scene, "ftos", AT("swp2", "aa:00:00:00:00:01"));
    tell(scene->neighbors, HEARD_LLDP("swp1", "01"));
    assert_wires(scene, "swp1 a/vmnic0 heard trusted\nswp2 a/vmnic0 machine\n");
}

static void an_address_twice_says_nothing(void **state)
{
    struct scene *scene = *state;

    tell_world(scene, "ftos", AT("swp1", "aa:00:00:00:00:01"));
    tell(scene->vc1, MACHINE("copy", "b", "aa:00:00:00:00:01"));
    assert_wires(scene, "");
}

/* Somebody with a machine on another hypervisor gives it the address of one of host a's. */
static void an_address_on_two_hypervisors_says_nothing(void **state)
{
    struct scene *scene = *state;

    tell_world(scene, "ftos", AT("swp1", "aa:00:00:00:00:01"));
    tell(scene->vc2,
         "begin all\n" SERVER("z", "09", "") MACHINE("copy", "z", "aa:00:00:00:00:01") "end all\n");
    assert_wires(scene, "");
}

static void a_machine_that_is_off_does_not_speak(void **state)
{
    struct scene *scene = *state;

    tell_world(scene, "ftos", AT("swp1", "aa:00:00:00:00:01"));
    tell(scene->vc1, "put machine id=m1 power=off\n");
    assert_wires(scene, "");
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, scene_set_up, scene_tear_down)
    const struct CMUnitTest tests[] = {
        ROW(machines_show_their_host),
        ROW(only_where_the_operator_wants_that),
        ROW(two_hosts_on_one_port_are_a_rumour),
        ROW(one_host_on_more_ports_than_nics_is_a_rumour),
        ROW(better_evidence_is_not_outvoted),
        ROW(an_address_twice_says_nothing),
        ROW(an_address_on_two_hypervisors_says_nothing),
        ROW(a_machine_that_is_off_does_not_speak),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cmocka_unit.h"

#include <stdio.h>

#include "intent/intent.h"
#include "scene.h"

static struct wires wires;
static struct intent intent;

static int tear_down(void **state)
{
    wires_done(&wires);
    intent_done(&intent);
    return scene_tear_down(state);
}

/* The intent of an uplink when vc1 is in that state. */
static const struct port_intent *compute(struct scene *scene, const char *port,
                                         enum session_state state)
{
    struct hypervisor_view views[] = {
        { config_hypervisor(scene->config, "vc1"), scene->vc1 },
        { config_hypervisor(scene->config, "vc2"), scene->vc2 },
    };
    struct hypervisor_trust trust[] = {
        { views[0], state, false },
        { views[1], SESSION_CONNECTED, false },
    };
    const struct port_intent *found;
    struct wires now;

    intent_done(&intent);
    assert_int_equal(
        wires_compute(scene->config, views, 2, scene->neighbors, scene->module, &wires, 1, &now),
        0);
    wires_done(&wires);
    wires = now;
    wires_note_demand(&wires, "swp1");
    wires_note_demand(&wires, "swp2");
    assert_int_equal(intent_compute(scene->config, trust, 2, &wires, scene->module, &intent), 0);
    found = intent_find(&intent, port);
    assert_non_null(found);
    assert_true(found->port->uplink);
    return found;
}

#define READ(rows) "begin all\n" rows "end all\n"
#define UPLINK(words) "interface up1\n vsn uplink\n" words "!\n"
#define PORTS                                                                                      \
    "new port id=swp1 native=1\nnew port id=swp2 native=1\nnew port id=swp3 native=1\n"            \
    "new port id=up1 native=1\n"

/* vc1's host behind swp1 needs 100 and 200, that of vc2 behind swp2 needs 200 and 300. */
static struct scene *usual(void **state, const char *more)
{
    struct scene *scene = *state;

    configure(scene, "", "", more);
    tell(scene->vc1, READ(HOST("a", "01") NETWORK("a", "100") NETWORK("a", "200")));
    tell(scene->vc2, READ(HOST("b", "02") NETWORK("b", "200") NETWORK("b", "300")));
    tell(scene->neighbors, HEARD("swp1", "01") HEARD("swp2", "02"));
    tell(scene->module, PORTS);
    return scene;
}

static void it_carries_what_the_other_ports_need(void **state)
{
    static const struct {
        const char *more, *told, *needed, *wanted, *apply, *refused;
        enum config_mode vc2;
    } rows[] = {
        { UPLINK(""), "", "100,200,300", "100,200,300", "100,200,300", "", MODE_CONFIG },
        { UPLINK(" vlan allowed 1-250\n"), "", "100,200", "100,200", "100,200", "300",
          MODE_CONFIG },
        { UPLINK(" vlan maximum 2\n"), "", "100,200,300", "100,200", "100,200", "300",
          MODE_CONFIG },
        { UPLINK("") "vsn\n vlan protect 300\n!\n", "", "100,200", "100,200", "100,200", "",
          MODE_CONFIG },
        { UPLINK(""), "", "100,200,300", "100,200,300", "100,200", "", MODE_CHECK },
        /* Untagged is how the other switch has it. */
        { UPLINK(""), "put port id=up1 native=200\n", "100,300", "100,300", "100,300", "",
          MODE_CONFIG },
        /* It may be missing on the switch: then it is known what it lacks. */
        { UPLINK(""), "gone port id=up1\n", "100,200,300", "100,200,300", "100,200,300", "",
          MODE_CONFIG },
        /* What vsn put on a port, whatever is known of it now. */
        { UPLINK(""), "put port id=swp3 tagged=400,500 owned=400\n", "100,200,300", "100,200,300",
          "100,200,300", "", MODE_CONFIG },
        { UPLINK(""), "put port id=swp1 tagged=400,500 owned=400,600\n", "100,200,300,400",
          "100,200,300,400", "100,200,300,400", "", MODE_CONFIG },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct port_intent *uplink;
        struct scene *scene;

        wires_done(&wires);
        scene_set_up(state);
        scene = usual(state, rows[i].more);
        tell(scene->module, rows[i].told);
        scene->config->hypervisors[1].mode = rows[i].vc2;
        uplink = compute(scene, "up1", SESSION_CONNECTED);
        assert_vlans(&uplink->needed, rows[i].needed);
        assert_vlans(&uplink->wanted, rows[i].wanted);
        assert_vlans(&uplink->apply, rows[i].apply);
        assert_vlans(&uplink->refused, rows[i].refused);
        assert_int_equal(uplink->refusal[0] != '\0', rows[i].refused[0] != '\0');
        assert_true(uplink->may_add);
        assert_int_equal(uplink->mode, MODE_CONFIG);
    }
}

static void it_carries_what_a_move_needs(void **state)
{
    struct scene *scene = *state;

    configure(scene, "", "", UPLINK(""));
    scene->config->hypervisors[0].provision = PROVISION_MACHINES;
    tell(scene->vc1, READ(HOST("a", "01") HOST("far", "09") NETWORK("a", "100")
                              NETWORK("far", "100") "new machine id=m host=far\n"
                                                    "new vif owner=m id=1 network=net-100\n"));
    tell(scene->neighbors, HEARD("swp1", "01"));
    tell(scene->module, PORTS);
    assert_vlans(&compute(scene, "up1", SESSION_CONNECTED)->apply, "");
    tell(scene->vc1, "new move owner=m id=7 to=a\n");
    assert_vlans(&compute(scene, "up1", SESSION_CONNECTED)->apply, "100");
    tell(scene->vc1, "gone move owner=m id=7\n");
    assert_vlans(&compute(scene, "up1", SESSION_CONNECTED)->apply, "");
}

static void several_uplinks_carry_the_same(void **state)
{
    struct scene *scene = usual(state, UPLINK("") "interface bond0\n vsn uplink\n!\n");

    assert_vlans(&compute(scene, "up1", SESSION_CONNECTED)->wanted, "100,200,300");
    assert_vlans(&compute(scene, "bond0", SESSION_CONNECTED)->wanted, "100,200,300");
    /* What one carries is no reason for the other. */
    tell(scene->module, "put port id=up1 tagged=700\n");
    assert_vlans(&compute(scene, "bond0", SESSION_CONNECTED)->kept, "1");
}

static void what_any_port_carries_is_kept(void **state)
{
    struct scene *scene = usual(state, UPLINK(" vlan allowed 1-499\n"));

    tell(scene->module, "new port id=other native=20 tagged=30,500\n"
                        "put port id=swp3 tagged=400 owned=400\n");
    assert_vlans(&compute(scene, "up1", SESSION_CONNECTED)->kept, "1,20,30,400");
}

/* What stands against taking anything from the uplink. */
static void absence_must_be_proved_everywhere(void **state)
{
    static const struct {
        const char *vc1, *module, *neighbors;
        enum session_state state;
        const char *reason;
    } rows[] = {
        { "", "", "", SESSION_CONNECTED, "" },
        { "", "", "", SESSION_STALE,
          "no contact with hypervisor vc1: what was learnt from it is kept" },
        { "begin all\n", "", "", SESSION_CONNECTED, "" },
        { "unknown network owner=a\n", "", "", SESSION_CONNECTED,
          "port swp1: hypervisor vc1: the networks of a could not be read" },
        { "put host id=a connection=disconnected\n", "", "", SESSION_CONNECTED,
          "port swp1: host a is not connected to hypervisor vc1" },
        { "", "new port id=other open=yes\n", "", SESSION_CONNECTED,
          "port other carries every VLAN" },
        { "", "put port id=up1 open=yes\n", "", SESSION_CONNECTED, "" },
        { "", "", "gone neighbor owner=swp2 id=02\n", SESSION_CONNECTED,
          "port swp2: the wire to b vmnic0 lost its evidence" },
        { "", "", HEARD("swp2", "01"), SESSION_CONNECTED,
          "port swp1: frozen, evidence contradicts: a vmnic0 is also seen behind port swp2" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct port_intent *uplink;
        struct scene *scene;

        wires_done(&wires);
        scene_set_up(state);
        scene = usual(state, UPLINK(""));
        compute(scene, "up1", SESSION_CONNECTED);
        tell(scene->vc1, rows[i].vc1);
        tell(scene->module, rows[i].module);
        tell(scene->neighbors, rows[i].neighbors);
        uplink = compute(scene, "up1", rows[i].state);
        assert_string_equal(uplink->reason, rows[i].reason);
        assert_int_equal(uplink->may_remove, rows[i].reason[0] == '\0');
        assert_true(uplink->may_add);
    }
}

static void nothing_is_concluded_from_nothing(void **state)
{
    struct scene *scene = *state;

    configure(scene, "", "", UPLINK(""));
    tell(scene->module, PORTS);
    assert_string_equal(compute(scene, "up1", SESSION_CONNECTED)->reason,
                        "hypervisor vc1 has not been read yet: it may want VLANs here");
    tell(scene->vc1, READ(HOST("a", "01") NETWORK("a", "100")));
    tell(scene->vc2, READ(HOST("b", "02") NETWORK("b", "200")));
    assert_string_equal(compute(scene, "up1", SESSION_CONNECTED)->reason,
                        "no host NIC is known behind any port");
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, scene_set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(it_carries_what_the_other_ports_need), ROW(it_carries_what_a_move_needs),
        ROW(several_uplinks_carry_the_same),       ROW(what_any_port_carries_is_kept),
        ROW(absence_must_be_proved_everywhere),    ROW(nothing_is_concluded_from_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

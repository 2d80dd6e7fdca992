#include "cmocka_unit.h"

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

/* As the core does it: both hypervisors in contact, unless 'trust' says otherwise. */
static void compute(struct scene *scene, const struct hypervisor_trust *more)
{
    struct hypervisor_view views[] = {
        { config_hypervisor(scene->config, "vc1"), scene->vc1 },
        { config_hypervisor(scene->config, "vc2"), scene->vc2 },
    };
    struct hypervisor_trust trust[] = {
        { views[0], more ? more->state : SESSION_CONNECTED, more && more->released },
        { views[1], SESSION_CONNECTED, false },
    };
    struct wires now;

    intent_done(&intent);
    assert_int_equal(
        wires_compute(scene->config, views, 2, scene->neighbors, scene->module, &wires, 1, &now),
        0);
    wires_done(&wires);
    wires = now;
    assert_int_equal(intent_compute(scene->config, trust, 2, &wires, scene->module, &intent), 0);
    for (size_t i = 0; i < intent.count; i++)
        if (!vlanset_is_empty(&intent.ports[i].needed))
            wires_note_demand(&wires, intent.ports[i].port->name);
}

static const struct port_intent *swp(const char *port)
{
    const struct port_intent *found = intent_find(&intent, port);

    assert_non_null(found);
    return found;
}

static void assert_may(const char *port, bool may_add, bool may_remove, const char *reason)
{
    assert_string_equal(swp(port)->reason, reason);
    assert_int_equal(swp(port)->may_add, may_add);
    assert_int_equal(swp(port)->may_remove, may_remove);
}

#define READ(rows) "begin all\n" rows "end all\n"
#define OTHER READ(HOST("z", "99") NETWORK("z", "999"))

/* A host behind swp1 that needs 100 and 200, and vc2 with another one elsewhere. */
static struct scene *usual(void **state)
{
    struct scene *scene = *state;

    tell(scene->vc1, READ(HOST("a", "01") NETWORK("a", "100") NETWORK("a", "200")));
    tell(scene->vc2, OTHER);
    tell(scene->neighbors, HEARD("swp1", "01"));
    return scene;
}

static void a_bound_port_wants_what_its_host_needs(void **state)
{
    compute(usual(state), NULL);
    assert_vlans(&swp("swp1")->needed, "100,200");
    assert_vlans(&swp("swp1")->wanted, "100,200");
    assert_vlans(&swp("swp1")->apply, "100,200");
    assert_may("swp1", true, true, "");
    assert_may("swp2", false, false, "no host NIC is known behind this port");
}

static void fences(void **state)
{
    static const struct {
        const char *port, *vsn, *needed, *wanted, *refused;
    } rows[] = {
        { "", "", "100,200", "100,200", "" },
        { " vlan allowed 1-199\n", "", "100", "100", "200" },
        { "", "vsn\n vlan protect 100\n!\n", "200", "200", "100" },
        { " vlan maximum 1\n", "", "100,200", "100", "200" },
        { " vlan allowed none\n", "", "", "", "100,200" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct scene *scene;

        wires_done(&wires);
        scene_set_up(state);
        scene = usual(state);
        configure(scene, rows[i].port, "", rows[i].vsn);
        compute(scene, NULL);
        assert_vlans(&swp("swp1")->needed, rows[i].needed);
        assert_vlans(&swp("swp1")->wanted, rows[i].wanted);
        assert_vlans(&swp("swp1")->refused, rows[i].refused);
        assert_int_equal(swp("swp1")->refusal[0] != '\0', rows[i].refused[0] != '\0');
    }
}

/* What each of these says stands against removing; nothing of it stands against adding. */
static void absence_must_be_proved(void **state)
{
    static const struct {
        const char *vc1, *vc2;
        enum session_state state;
        const char *reason;
    } rows[] = {
        { "", OTHER, SESSION_CONNECTED, "" },
        { "", OTHER, SESSION_STALE,
          "no contact with hypervisor vc1: what was learnt from it is kept" },
        { "", OTHER, SESSION_SYNCING,
          "no contact with hypervisor vc1: what was learnt from it is kept" },
        { "", "", SESSION_CONNECTED,
          "hypervisor vc2 has not been read yet: it may want VLANs here" },
        { "", "begin all\n" HOST("z", "99") NETWORK("z", "999"), SESSION_CONNECTED,
          "hypervisor vc2 has not been read yet: it may want VLANs here" },
        { "", READ(""), SESSION_CONNECTED,
          "hypervisor vc2 has not been read yet: it may want VLANs here" },
        { "put host id=a connection=not-responding\n", OTHER, SESSION_CONNECTED,
          "host a is not connected to hypervisor vc1" },
        { "put host id=a connection=unknown\n", OTHER, SESSION_CONNECTED,
          "host a is not connected to hypervisor vc1" },
        { "unknown network owner=a\n", OTHER, SESSION_CONNECTED,
          "hypervisor vc1: the networks of a could not be read" },
        { "begin uplink owner=a\nend uplink owner=a\n", OTHER, SESSION_CONNECTED,
          "hypervisor vc1: the last answer held no uplink of host a, where there were some; it is "
          "kept until you accept it" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct hypervisor_trust trust = { .state = rows[i].state };
        struct scene *scene;

        wires_done(&wires);
        scene_set_up(state);
        scene = *state;
        tell(scene->vc1, READ(HOST("a", "01") NETWORK("a", "100")));
        tell(scene->vc1, rows[i].vc1);
        tell(scene->vc2, rows[i].vc2);
        tell(scene->neighbors, HEARD("swp1", "01"));
        compute(scene, &trust);
        assert_may("swp1", true, rows[i].reason[0] == '\0', rows[i].reason);
        assert_vlans(&swp("swp1")->needed, "100");
    }
}

static void an_incomplete_read_proves_nothing(void **state)
{
    struct scene *scene = usual(state);

    inventory_distrust(scene->vc1);
    compute(scene, NULL);
    assert_may("swp1", true, false, "hypervisor vc1 has not been read in full");
}

static void a_conflict_freezes(void **state)
{
    struct scene *scene = usual(state);

    tell(scene->neighbors, HEARD("swp1", "99"));
    compute(scene, NULL);
    assert_may("swp1", false, false,
               "frozen, evidence contradicts: z vmnic0 is seen behind the same port");
}

static void a_lost_wire_adds_and_removes_nothing(void **state)
{
    struct scene *scene = usual(state);

    compute(scene, NULL);
    tell(scene->neighbors, "gone neighbor owner=swp1 id=01\n");
    compute(scene, NULL);
    assert_may("swp1", false, false, "the wire to a vmnic0 lost its evidence");
}

static void a_moved_wire_gives_back(void **state)
{
    const struct hypervisor_trust stale = { .state = SESSION_STALE };
    struct scene *scene = usual(state);

    compute(scene, NULL);
    tell(scene->neighbors, "gone neighbor owner=swp1 id=01\n" HEARD("swp2", "01"));
    compute(scene, NULL);
    assert_may("swp1", false, true, "");
    assert_vlans(&swp("swp1")->needed, "");
    assert_int_equal(swp("swp1")->mode, MODE_CONFIG);
    /* But not while its hypervisor is out of sight. */
    compute(scene, &stale);
    assert_may("swp1", false, false,
               "no contact with hypervisor vc1: what was learnt from it is kept");
}

static void an_empty_demand_is_believed_after_another_only(void **state)
{
    struct scene *scene = *state;

    tell(scene->vc1, READ(HOST("a", "01") "new network owner=a id=n vswitch=v mode=native\n"));
    tell(scene->vc2, OTHER);
    tell(scene->neighbors, HEARD("swp1", "01"));
    compute(scene, NULL);
    assert_may("swp1", true, false,
               "nothing was ever asked for behind this port since vsn started");
    tell(scene->vc1, NETWORK("a", "100"));
    compute(scene, NULL);
    tell(scene->vc1, "gone network owner=a id=net-100\n");
    compute(scene, NULL);
    assert_may("swp1", true, true, "");
}

static void released_counts_no_more(void **state)
{
    const struct hypervisor_trust released = { .state = SESSION_STALE, .released = true };
    struct scene *scene = usual(state);

    compute(scene, NULL);
    compute(scene, &released);
    assert_vlans(&swp("swp1")->needed, "");
    assert_may("swp1", false, true, "");
    /* A mere claim binds nothing, and so releases nothing. */
    tell(scene->neighbors, "new neighbor owner=swp2 id=n system=a port=vmnic0\n");
    compute(scene, &released);
    assert_may("swp2", false, false, "no host NIC is known behind this port");
}

static void mode_check_wants_and_does_not_apply(void **state)
{
    struct scene *scene = *state;

    scene->config->hypervisors[0].mode = MODE_CHECK;
    compute(usual(state), NULL);
    assert_vlans(&swp("swp1")->wanted, "100,200");
    assert_vlans(&swp("swp1")->apply, "");
    assert_int_equal(swp("swp1")->mode, MODE_CHECK);
}

static void two_owners_are_added_up(void **state)
{
    struct scene *scene = *state;

    scene->config->hypervisors[0].mode = MODE_CHECK;
    tell(scene->vc1, READ(HOST("a", "01") NETWORK("a", "100") NETWORK("a", "200")));
    tell(scene->vc2, READ(HOST("ha", "01") NETWORK("ha", "200") NETWORK("ha", "300")));
    tell(scene->neighbors, HEARD("swp1", "01"));
    compute(scene, NULL);
    assert_vlans(&swp("swp1")->needed, "100,200,300");
    assert_vlans(&swp("swp1")->apply, "200,300");
    assert_int_equal(swp("swp1")->mode, MODE_CONFIG);
}

/* What a move would bring, before there is one: what the intent then makes of it. */
static void asking_for_more_meets_the_same_fences(void **state)
{
    static const struct {
        const char *asked, *apply, *refused;
    } rows[] = {
        { "", "100,200", "" },
        { "150", "100,150,200", "" },
        { "150,999", "100,150,200", "999" },
        /* 'vlan maximum 3': machines on their way come before networks without any. */
        { "50,300", "50,100,300", "200" },
    };
    struct scene *scene = *state;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct vlanset asked = vlanset_empty;
        struct port_intent port;

        scene_set_up(state);
        configure(scene, " vlan maximum 3\n", "", "vsn\n vlan protect 999\n!\n");
        compute(usual(state), NULL);
        port = *swp("swp1");
        if (rows[i].asked[0])
            assert_int_equal(vlanset_parse(rows[i].asked, &asked), 0);
        intent_ask(scene->config, &scene->config->hypervisors[0], &asked, &port);
        assert_vlans(&port.apply, rows[i].apply);
        assert_vlans(&port.refused, rows[i].refused);
    }
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, scene_set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(a_bound_port_wants_what_its_host_needs),
        ROW(fences),
        ROW(absence_must_be_proved),
        ROW(an_incomplete_read_proves_nothing),
        ROW(a_conflict_freezes),
        ROW(a_lost_wire_adds_and_removes_nothing),
        ROW(a_moved_wire_gives_back),
        ROW(an_empty_demand_is_believed_after_another_only),
        ROW(released_counts_no_more),
        ROW(mode_check_wants_and_does_not_apply),
        ROW(two_owners_are_added_up),
        ROW(asking_for_more_meets_the_same_fences),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

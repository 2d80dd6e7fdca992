#include "cmocka_unit.h"

#include "reconcile/plan.h"
#include "scene.h"

static struct guard *guard;
static struct plan plan;

static int set_up(void **state)
{
    plan_done(&plan);
    guard_free(guard);
    guard = guard_new();
    return guard ? scene_set_up(state) : -1;
}

static int tear_down(void **state)
{
    plan_done(&plan);
    guard = guard_free(guard);
    return scene_tear_down(state);
}

static struct flight_obstacle on_port(const char *port, void *data)
{
    (void)port;
    return *(const struct flight_obstacle *)data;
}

/* The plan of swp1 for an intent, with 'prune immediate'; 'obstacle' NULL: none, else of
 * everything.
 */
static const struct plan_port *compute(struct scene *scene, const char *needed, bool may_add,
                                       bool may_remove, const char *obstacle)
{
    struct port_intent port = {
        .port = config_port(scene->config, "swp1"),
        .may_add = may_add,
        .may_remove = may_remove,
        .reason = "because",
        .mode = MODE_CONFIG,
    };
    const struct intent intent = { .ports = &port, .count = 1 };
    struct flight_obstacle all = { .reason = obstacle };

    vlanset_parse(needed, &port.needed);
    port.wanted = port.apply = port.needed;
    scene->config->prune = PRUNE_IMMEDIATE;
    plan_done(&plan);
    assert_int_equal(
        plan_compute(scene->config, &intent, scene->module, guard, on_port, &all, 1000, &plan), 0);
    return plan_find(&plan, "swp1");
}

#define READY "new switch state=ready\n"
#define PORT(fields) "new port id=swp1 native=1 learnt_known=yes " fields "\n"

/* What the switch carries, and what is done when 100 and 200 are needed, all of it proved. */
static void the_difference(void **state)
{
    static const struct {
        const char *module, *write, *remove, *held, *refused, *problem;
    } rows[] = {
        { READY PORT(""), "100,200", "", "", "", "" },
        { READY PORT("tagged=100,200 owned=100"), "", "", "", "", "" },
        /* Additions go first, and alone. */
        { READY PORT("tagged=100,300 owned=100,300"), "200", "", "300", "", "" },
        { READY PORT("tagged=100,200,300 owned=100,300"), "", "300", "", "", "" },
        /* What others put there is theirs. */
        { READY PORT("tagged=300"), "100,200", "", "", "", "" },
        { READY PORT("tagged=100,200,300,400 owned=300"), "", "300", "", "", "" },
        /* What the ledger holds and the port does not carry cannot be removed. */
        { READY PORT("tagged=100,200 owned=300"), "", "", "", "", "" },
        { READY "new port id=swp1 native=100 learnt_known=yes\n", "200", "", "", "100", "" },
        { READY "new port id=swp1 native=300 tagged=100,200,300 owned=300 learnt_known=yes\n", "",
          "", "", "", "" },
        { READY PORT("open=yes"), "", "", "", "100,200", "" },
        { READY PORT("refusal=an%20access%20port"), "", "", "", "100,200", "" },
        { READY PORT("tagged=300 owned=300 learnt=300"), "100,200", "", "300", "", "" },
        { READY "new port id=swp1 native=1 tagged=300 owned=300\n", "100,200", "", "300", "", "" },
        { READY, "", "", "", "", "the switch has no port swp1" },
        { PORT("tagged=300 owned=300"), "", "", "300", "", "the switch has not been read yet" },
        { "new switch state=unreachable reason=gone\n" PORT("tagged=300 owned=300"), "", "", "300",
          "", "gone" },
        { "new switch state=ready frozen=yes\n" PORT("tagged=300 owned=300"), "", "", "300", "",
          "frozen by the operator ('vsn thaw' goes on)" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct plan_port *port;
        struct scene *scene;

        set_up(state);
        scene = *state;
        tell(scene->module, rows[i].module);
        port = compute(scene, "100,200", true, true, NULL);
        assert_vlans(&port->write, rows[i].write);
        assert_vlans(&port->remove, rows[i].remove);
        assert_vlans(&port->held, rows[i].held);
        assert_vlans(&port->refused, rows[i].refused);
        assert_string_equal(port->problem, rows[i].problem);
    }
}

static void protected_is_never_removed(void **state)
{
    struct scene *scene = *state;

    configure(scene, "", "", "vsn\n vlan protect 300\n!\n");
    tell(scene->module, READY PORT("tagged=300 owned=300"));
    assert_vlans(&compute(scene, "", true, true, NULL)->remove, "");
}

static void without_permission_it_is_shown_only(void **state)
{
    struct scene *scene = *state;
    const struct plan_port *port;
    char reason[300];

    tell(scene->module, READY PORT("tagged=300 owned=300"));
    port = compute(scene, "100", false, false, NULL);
    assert_vlans(&port->add, "100");
    assert_vlans(&port->write, "");
    assert_vlans(&port->remove, "");
    assert_vlans(&port->held, "300");
    assert_string_equal(guard_reason(guard, "swp1", 300, reason, sizeof(reason)), "because");
}

static void an_obstacle_of_one_port_leaves_it_ready(void **state)
{
    struct scene *scene = *state;
    const struct plan_port *port;

    tell(scene->module, READY PORT("tagged=300 owned=300"));
    port = compute(scene, "100", true, true, "a change is being written");
    assert_vlans(&port->write, "");
    assert_vlans(&port->ready, "100");
    assert_vlans(&port->held, "300");
    assert_string_equal(port->problem, "a change is being written");
    /* What concerns the whole switch does not. */
    tell(scene->module, "put switch frozen=yes\n");
    assert_vlans(&compute(scene, "100", true, true, NULL)->ready, "");
}

/* Another change is under way, or some VLANs failed: the others need not wait for that. */
static void an_obstacle_may_hold_only_some(void **state)
{
    struct scene *scene = *state;
    const struct plan_port *port;
    struct port_intent intent = {
        .port = config_port(scene->config, "swp1"),
        .may_add = true,
        .may_remove = true,
        .mode = MODE_CONFIG,
    };
    struct flight_obstacle some = { .reason = "a change is being written", .may_add = true };

    tell(scene->module, READY PORT("tagged=300 owned=300"));
    vlanset_parse("100-102", &intent.needed);
    intent.wanted = intent.apply = intent.needed;
    vlanset_parse("101", &some.held);
    assert_int_equal(plan_compute(scene->config, &(struct intent){ &intent, 1 }, scene->module,
                                  guard, on_port, &some, 1000, &plan),
                     0);
    port = plan_find(&plan, "swp1");
    assert_vlans(&port->write, "100,102");
    assert_vlans(&port->ready, "100-102");
    assert_vlans(&port->remove, "");
    assert_string_equal(port->problem, "a change is being written");
}

/* Also when it is another port that adds. */
static void removals_wait_for_additions_anywhere(void **state)
{
    struct scene *scene = *state;
    struct port_intent ports[] = {
        { .port = config_port(scene->config, "swp1"), .may_remove = true, .mode = MODE_CONFIG },
        { .port = config_port(scene->config, "swp2"), .may_add = true, .mode = MODE_CONFIG },
    };
    struct flight_obstacle none = { .may_add = true };
    char reason[300];

    scene->config->prune = PRUNE_IMMEDIATE;
    tell(scene->module, READY PORT("tagged=300 owned=300") "new port id=swp2 native=1\n");
    vlanset_parse("100", &ports[1].needed);
    ports[1].wanted = ports[1].apply = ports[1].needed;
    assert_int_equal(plan_compute(scene->config, &(struct intent){ ports, 2 }, scene->module, guard,
                                  on_port, &none, 1000, &plan),
                     0);
    assert_vlans(&plan.ports[0].held, "300");
    assert_vlans(&plan.ports[0].remove, "");
    assert_string_equal(guard_reason(guard, "swp1", 300, reason, sizeof(reason)),
                        "nobody needs it; additions go first");
    assert_true(plan.wake_ms <= 2000);
}

/* What 'more' and the MAC tables of the uplinks up1 and up2 make of 300, which nobody here needs.
 */
static void stations_behind_uplinks(void **state)
{
    static const struct {
        const char *told, *kept, *remove;
        size_t uplinks;
    } rows[] = {
        { "put port id=up1 learnt=300\n", "", "300", 1 },
        { "put port id=up1 learnt_known=no\n", "", "300", 1 },
        { "", "300", "", 1 },
        { "", "", "300", 2 },
        { "put port id=up1 learnt=300\n", "", "", 2 },
        /* The other may carry for it. */
        { "put port id=up2 learnt=300\n", "", "", 2 },
        { "put port id=up2 learnt_known=no\n", "", "", 2 },
        { "gone port id=up2\n", "", "", 2 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct port_intent ports[2] = {
            { .may_add = true, .may_remove = true, .mode = MODE_CONFIG },
            { .may_add = true, .may_remove = true, .mode = MODE_CONFIG },
        };
        struct flight_obstacle none = { .may_add = true };
        struct scene *scene;

        set_up(state);
        scene = *state;
        configure(scene, "", "", "interface up1\n vsn uplink\n!\ninterface up2\n vsn uplink\n!\n");
        scene->config->prune = PRUNE_IMMEDIATE;
        ports[0].port = config_port(scene->config, "up1");
        ports[1].port = config_port(scene->config, "up2");
        vlanset_parse(rows[i].kept[0] ? rows[i].kept : "none", &ports[0].kept);
        tell(scene->module, READY "new port id=up1 native=1 learnt_known=yes tagged=300 owned=300\n"
                                  "new port id=up2 native=1 learnt_known=yes\n");
        tell(scene->module, rows[i].told);
        assert_int_equal(plan_compute(scene->config, &(struct intent){ ports, rows[i].uplinks },
                                      scene->module, guard, on_port, &none, 1000, &plan),
                         0);
        assert_vlans(&plan.ports[0].remove, rows[i].remove);
    }
}

static void a_port_is_brought_up_when_it_is_needed(void **state)
{
    static const struct {
        const char *port, *needed, *obstacle;
        bool allowed, bring_up, enable, is_shut, is_down;
    } rows[] = {
        { PORT("link=down"), "100", NULL, true, true, true, false, false },
        { PORT("link=down"), "100", NULL, false, false, false, false, true },
        { PORT("link=down enabled=yes"), "100", NULL, true, false, false, false, false },
        { PORT("link=down enabled=yes"), "100", NULL, false, false, false, false, false },
        { PORT("link=down tagged=100 owned=100"), "100", NULL, true, true, true, false, false },
        { PORT("link=down"), "", NULL, true, false, false, false, false },
        { PORT("link=down brought_up=yes"), "100", NULL, true, false, false, true, false },
        { PORT("link=down brought_up=yes enabled=yes"), "100", NULL, true, false, false, false,
          false },
        { PORT("link=down"), "100", "something", true, true, false, false, false },
        { PORT("link=down refusal=routed"), "100", NULL, true, false, false, false, false },
        { PORT("link=down open=yes"), "100", NULL, true, false, false, false, false },
    };
    struct scene *scene;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct plan_port *port;

        set_up(state);
        scene = *state;
        configure(scene, rows[i].allowed ? " port auto-enable\n" : "", "", "");
        tell(scene->module, READY);
        tell(scene->module, rows[i].port);
        port = compute(scene, rows[i].needed, true, true, rows[i].obstacle);
        assert_int_equal(port->bring_up, rows[i].bring_up);
        assert_int_equal(port->enable, rows[i].enable);
        assert_int_equal(port->is_shut, rows[i].is_shut);
        assert_int_equal(port->is_down, rows[i].is_down);
    }
    configure(scene, " port auto-enable\n", "", "");
    tell(scene->module, PORT("link=down"));
    assert_true(compute(scene, "100", true, true, NULL)->enable);
    assert_false(compute(scene, "100", false, true, NULL)->bring_up); /* nobody is known there */
    tell(scene->module, "new switch state=ready frozen=yes\n");
    assert_false(compute(scene, "100", true, true, NULL)->enable);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(the_difference),
        ROW(protected_is_never_removed),
        ROW(without_permission_it_is_shown_only),
        ROW(an_obstacle_of_one_port_leaves_it_ready),
        ROW(an_obstacle_may_hold_only_some),
        ROW(removals_wait_for_additions_anywhere),
        ROW(stations_behind_uplinks),
        ROW(a_port_is_brought_up_when_it_is_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

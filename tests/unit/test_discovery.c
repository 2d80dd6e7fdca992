#include "cmocka_unit.h"

#include <stdio.h>

#include "reconcile/discovery.h"
#include "scene.h"

#define TIMEOUT_MS 60000
#define START_MS 1000

static struct discoveries *discoveries;
static struct actions actions;
static struct contact contact;
static struct wires wires;

static int set_up(void **state)
{
    discoveries_free(discoveries);
    discoveries = discoveries_new();
    actions_done(&actions);
    actions_init(&actions);
    wires = (struct wires){ 0 };
    return discoveries ? scene_set_up(state) : -1;
}

static int tear_down(void **state)
{
    discoveries = discoveries_free(discoveries);
    actions_done(&actions);
    return scene_tear_down(state);
}

/* A hypervisor that is connected, or was, and swp1 with that link. */
static void begin(struct scene *scene, const char *session, const char *link)
{
    char line[128];

    configure(scene, "", "", "interface swp8\n vsn uplink\n!\nvsn\n discovery timeout 60\n!\n");
    snprintf(line, sizeof(line), "new session state=%s\n", session);
    tell(scene->vc1, line);
    snprintf(line, sizeof(line), "new port id=swp1 enabled=yes link=%s\n", link);
    tell(scene->module, line);
    contact = (struct contact){ .name = "vc1", .inventory = scene->vc1 };
    if (strcmp(session, "connected") == 0)
        contact.connected_ms = START_MS;
}

/* Settles at START_MS + 'at_ms' and expects exactly that in the log ("": nothing). */
static enum discovery_state settle(struct scene *scene, int64_t at_ms, const char *log)
{
    const struct contacts contacts = { &contact, 1 };
    const struct discovery_facts facts = {
        .config = scene->config,
        .contacts = &contacts,
        .wires = &wires,
        .module = scene->module,
        .now_ms = START_MS + at_ms,
    };

    strbuf_reset(&actions.log);
    actions.wake_ms = INT64_MAX;
    assert_int_equal(discoveries_settle(discoveries, &facts, &actions), 0);
    assert_string_equal(strbuf_text(&actions.log), log);
    return discoveries_of(discoveries, "swp1");
}

#define SUSPENDED "2 port swp1: no hypervisor's NIC is seen; discovery suspended\n"

static void suspend(struct scene *scene)
{
    begin(scene, "connected", "up");
    assert_int_equal(settle(scene, 0, ""), DISCOVERY_SEARCHING);
    assert_int_equal(settle(scene, TIMEOUT_MS, SUSPENDED), DISCOVERY_SUSPENDED);
}

static void after_its_time_it_is_suspended_once(void **state)
{
    struct scene *scene = *state;

    begin(scene, "connected", "up");
    assert_int_equal(settle(scene, 0, ""), DISCOVERY_SEARCHING);
    assert_int_equal(actions.wake_ms, START_MS + TIMEOUT_MS);
    assert_int_equal(settle(scene, TIMEOUT_MS - 1, ""), DISCOVERY_SEARCHING);
    assert_int_equal(settle(scene, TIMEOUT_MS, SUSPENDED), DISCOVERY_SUSPENDED);
    assert_int_equal(actions.wake_ms, INT64_MAX);
    assert_int_equal(settle(scene, 10 * TIMEOUT_MS, ""), DISCOVERY_SUSPENDED);
    assert_int_equal(discoveries_of(discoveries, "swp8"), DISCOVERY_NONE); /* an uplink */
    assert_int_equal(discoveries_of(discoveries, "swp9"), DISCOVERY_NONE);
}

/* The time does not run where nobody could be found. */
static void without_link_or_hypervisor_it_is_not(void **state)
{
    static const char *const rows[][2] = { { "connected", "down" },
                                           { "connected", "unknown" },
                                           { "stale", "up" },
                                           { "connecting", "up" } };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct scene *scene;

        set_up(state);
        scene = *state;
        begin(scene, rows[i][0], rows[i][1]);
        assert_int_equal(settle(scene, 0, ""), DISCOVERY_SEARCHING);
        assert_int_equal(settle(scene, 9 * TIMEOUT_MS, ""), DISCOVERY_SEARCHING);
        begin(scene, "connected", "up");
        assert_int_equal(settle(scene, 9 * TIMEOUT_MS, ""), DISCOVERY_SEARCHING);
        assert_int_equal(settle(scene, 10 * TIMEOUT_MS - 1, ""), DISCOVERY_SEARCHING);
        assert_int_equal(settle(scene, 10 * TIMEOUT_MS, SUSPENDED), DISCOVERY_SUSPENDED);
    }
}

static void a_wire_is_what_was_looked_for(void **state)
{
    struct scene *scene = *state;
    char port[] = "swp1";
    struct wire wire = { .port = port, .state = WIRE_CONFIRMED };

    begin(scene, "connected", "up");
    wires = (struct wires){ .wires = &wire, .count = 1 };
    assert_int_equal(settle(scene, 0, ""), DISCOVERY_BOUND);
    wire.state = WIRE_LOST; /* it is known who was there */
    assert_int_equal(settle(scene, 9 * TIMEOUT_MS, ""), DISCOVERY_BOUND);
    wire.state = WIRE_MOVED; /* the time runs from here */
    assert_int_equal(settle(scene, 10 * TIMEOUT_MS, ""), DISCOVERY_SEARCHING);
    assert_int_equal(settle(scene, 11 * TIMEOUT_MS, SUSPENDED), DISCOVERY_SUSPENDED);
    wire.state = WIRE_CLAIMED;
    assert_int_equal(settle(scene, 12 * TIMEOUT_MS, ""), DISCOVERY_SUSPENDED);
    wire.state = WIRE_PROVED;
    assert_int_equal(settle(scene, 13 * TIMEOUT_MS, "2 port swp1: a hypervisor's NIC is seen\n"),
                     DISCOVERY_BOUND);
}

static void what_may_have_helped_resumes_it(void **state)
{
    struct scene *scene = *state;
    const struct port down = { .id = "swp1", .link = LINK_DOWN },
                      up = { .id = "swp1", .link = LINK_UP };

    suspend(scene);
    discoveries_follow_port(discoveries, &up, &up);
    discoveries_follow_port(discoveries, &up, &down);
    assert_int_equal(settle(scene, 2 * TIMEOUT_MS, ""), DISCOVERY_SUSPENDED);
    discoveries_follow_port(discoveries, &down, &up);
    assert_int_equal(
        settle(scene, 2 * TIMEOUT_MS, "2 port swp1: discovery resumed: its link came up\n"),
        DISCOVERY_SEARCHING);
    assert_int_equal(settle(scene, 3 * TIMEOUT_MS, SUSPENDED), DISCOVERY_SUSPENDED);

    contact.connected_ms = START_MS + 4 * TIMEOUT_MS;
    assert_int_equal(settle(scene, 4 * TIMEOUT_MS,
                            "2 port swp1: discovery resumed: hypervisor vc1 is connected\n"),
                     DISCOVERY_SEARCHING);
    assert_int_equal(settle(scene, 5 * TIMEOUT_MS, SUSPENDED), DISCOVERY_SUSPENDED);

    discoveries_resume(discoveries, "the configuration was %s", "read");
    discoveries_resume(discoveries, "something else");
    assert_int_equal(settle(scene, 6 * TIMEOUT_MS,
                            "2 port swp1: discovery resumed: the configuration was read\n"),
                     DISCOVERY_SEARCHING);
    /* While it is looked for, the time begins anew, and nothing is said. */
    discoveries_resume(discoveries, "something else");
    assert_int_equal(settle(scene, 6 * TIMEOUT_MS + 1000, ""), DISCOVERY_SEARCHING);
    assert_int_equal(settle(scene, 7 * TIMEOUT_MS, ""), DISCOVERY_SEARCHING);
    assert_int_equal(settle(scene, 7 * TIMEOUT_MS + 1000, SUSPENDED), DISCOVERY_SUSPENDED);
}

static void a_port_that_is_not_ours_any_more_is_forgotten(void **state)
{
    struct scene *scene = *state;

    suspend(scene);
    configure(scene, " no vsn enable\n", "", "");
    assert_int_equal(settle(scene, 2 * TIMEOUT_MS, ""), DISCOVERY_NONE);
    configure(scene, "", "", "");
    assert_int_equal(settle(scene, 3 * TIMEOUT_MS, ""), DISCOVERY_SEARCHING);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(after_its_time_it_is_suspended_once),
        ROW(without_link_or_hypervisor_it_is_not),
        ROW(a_wire_is_what_was_looked_for),
        ROW(what_may_have_helped_resumes_it),
        ROW(a_port_that_is_not_ours_any_more_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

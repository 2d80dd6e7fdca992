#include "cmocka_unit.h"

#include <stdio.h>
#include <string.h>

#include "reconcile/flight.h"
#include "scene.h"

static struct flights *flights;

static int set_up(void **state)
{
    (void)state;
    flights = flights_new();
    return flights ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    flights = flights_free(flights);
    return 0;
}

static struct vlanset vlans(const char *text)
{
    struct vlanset set = vlanset_empty;

    assert_int_equal(vlanset_parse(text, &set), 0);
    return set;
}

/* Sends a change of swp1; returns its number. */
static const char *start(const char *add, const char *remove, int64_t now_ms, bool repairs,
                         bool *ret_yields)
{
    static char id[24];
    struct change change = { .port = "swp1", .add = vlans(add), .remove = vlans(remove) };

    assert_int_equal(flights_start(flights, &change, repairs, now_ms, ret_yields), 0);
    snprintf(id, sizeof(id), "%s", change.id);
    return id;
}

static bool land(const char *id, const char *added, const char *problem, int64_t now_ms)
{
    const struct outcome outcome = {
        .id = id, .port = "swp1", .added = vlans(added), .problem = problem
    };

    return flights_land(flights, &outcome, now_ms);
}

/* Asserts whether the port may be written, and when to ask again otherwise. */
static void assert_free_at(int64_t now_ms, int64_t wake_ms)
{
    int64_t wake = INT64_MAX;

    assert_int_equal(flights_obstacle(flights, "swp1", now_ms, &wake).reason == NULL, wake_ms == 0);
    assert_int_equal(wake, wake_ms ? wake_ms : INT64_MAX);
}

/* Asserts which additions have to wait; "all" for every one. */
static void assert_held(int64_t now_ms, const char *wanted)
{
    int64_t wake = INT64_MAX;
    const struct flight_obstacle obstacle = flights_obstacle(flights, "swp1", now_ms, &wake);

    if (strcmp(wanted, "all") == 0)
        assert_false(obstacle.may_add);
    else
        assert_vlans(&obstacle.held, wanted);
    assert_int_equal(obstacle.may_add, strcmp(wanted, "all") != 0);
}

static void one_change_at_a_time(void **state)
{
    bool yields;
    const char *id;

    (void)state;
    assert_free_at(1000, 0);
    id = start("100", "", 1000, false, &yields);
    assert_free_at(1001, 1000 + FLIGHT_LOST_MS);
    assert_false(land("999", "100", "", 1002));
    assert_free_at(1003, 1000 + FLIGHT_LOST_MS);
    assert_true(land(id, "100", "", 1004));
    assert_free_at(1005, 0);
    assert_false(land(id, "100", "", 1006));
}

static void a_change_without_an_outcome_is_forgotten(void **state)
{
    bool yields;

    (void)state;
    start("100", "", 1000, false, &yields);
    assert_free_at(1000 + FLIGHT_LOST_MS - 1, 1000 + FLIGHT_LOST_MS);
    assert_free_at(1000 + FLIGHT_LOST_MS, 0);
    start("100", "", 50000, false, &yields);
    flights_forget(flights);
    assert_free_at(50001, 0);
}

static void failures_rest_longer_and_longer(void **state)
{
    static const int64_t rests[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };
    int64_t now_ms = 100000;
    bool yields;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rests); i++) {
        land(start("100", "", now_ms, false, &yields), "", "table full", now_ms);
        assert_free_at(now_ms + 1, now_ms + rests[i]);
        now_ms += rests[i];
        assert_free_at(now_ms, 0);
    }
    land(start("100", "", now_ms, false, &yields), "100", "", now_ms);
    land(start("101", "", now_ms, false, &yields), "", "table full", now_ms);
    assert_free_at(now_ms, now_ms + 1000);
}

static void what_did_not_fail_need_not_rest(void **state)
{
    bool yields;

    (void)state;
    assert_held(1000, "");
    land(start("100-101", "", 1000, false, &yields), "100", "no room for 101", 1010);
    assert_held(1011, "101");
    /* Something else goes on its way, and what failed rests on. */
    land(start("102", "", 1100, false, &yields), "102", "", 1110);
    assert_free_at(1111, 2010);
    assert_held(1111, "101");
    land(start("103", "", 1200, false, &yields), "", "no room for 103", 1210);
    assert_held(1211, "101,103");
    /* Tried again when the rest is over. */
    assert_held(3210, "");
    land(start("101,103", "", 3210, false, &yields), "101,103", "", 3220);
    assert_free_at(3221, 0);
}

/* A machine that moves does not wait for the answer to what was sent for another. */
static void other_additions_go_beside_a_change_under_way(void **state)
{
    bool yields;
    char first[24], second[24];

    (void)state;
    snprintf(first, sizeof(first), "%s", start("100", "", 1000, false, &yields));
    assert_held(1001, "100");
    snprintf(second, sizeof(second), "%s", start("200", "", 1002, false, &yields));
    assert_held(1003, "100,200");
    assert_true(land(second, "200", "", 1004));
    assert_held(1005, "100");
    assert_true(land(first, "", "no", 1006));
    assert_free_at(1007, 2006);
    assert_held(1007, "100");
}

static void no_more_than_so_many_are_under_way(void **state)
{
    bool yields;

    (void)state;
    for (unsigned i = 0; i < FLIGHT_MOST; i++) {
        char vlan[8];

        snprintf(vlan, sizeof(vlan), "%u", 100 + i);
        start(vlan, "", 1000, false, &yields);
    }
    assert_held(1001, "all");
    assert_held(1000 + FLIGHT_LOST_MS, "");
}

static void what_others_take_away_is_told_from_what_we_remove(void **state)
{
    struct port before = { .id = "swp1", .tagged = vlans("100-103"), .owned = vlans("100-102") };
    struct port now = { .id = "swp1", .tagged = vlans("101"), .owned = vlans("101") };
    struct vlanset taken;
    bool yields;

    (void)state;
    start("", "102", 1000, false, &yields);
    assert_int_equal(flights_note_port(flights, &before, &now), 0);
    taken = flights_taken(flights, "swp1");
    assert_vlans(&taken, "100");
    taken = flights_taken(flights, "swp2");
    assert_vlans(&taken, "");
    start("100", "", 2000, true, &yields);
    taken = flights_taken(flights, "swp1");
    assert_vlans(&taken, "");
}

static void two_writers_do_not_fight(void **state)
{
    bool yields = false;
    int64_t now_ms = 100000;

    (void)state;
    for (int i = 0; i < FLIGHT_FLIPS; i++, now_ms += 1000) {
        land(start("100", "", now_ms, true, &yields), "100", "", now_ms);
        assert_false(yields);
        assert_free_at(now_ms, 0);
    }
    land(start("100", "", now_ms, true, &yields), "100", "", now_ms);
    assert_true(yields);
    assert_free_at(now_ms + 1, now_ms + FLIGHT_YIELD_MS);
    assert_held(now_ms + 1, "all");
    assert_free_at(now_ms + FLIGHT_YIELD_MS, 0);
}

/* As when another program sets a port anew, VLAN by VLAN. */
static void many_vlans_that_go_one_after_the_other_are_no_fight(void **state)
{
    bool yields = false;
    char vlan[8];

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        snprintf(vlan, sizeof(vlan), "%u", 100 + i);
        land(start(vlan, "", 1000 + i, true, &yields), vlan, "", 1000 + i);
        assert_false(yields);
    }
}

static void repairs_now_and_then_are_no_fight(void **state)
{
    bool yields = false;

    (void)state;
    for (int64_t i = 1; i < 20; i++) {
        int64_t now_ms = i * (FLIGHT_FLIP_MS + 1);

        land(start("100", "", now_ms, true, &yields), "100", "", now_ms);
        assert_false(yields);
    }
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(one_change_at_a_time),
        ROW(a_change_without_an_outcome_is_forgotten),
        ROW(failures_rest_longer_and_longer),
        ROW(what_did_not_fail_need_not_rest),
        ROW(other_additions_go_beside_a_change_under_way),
        ROW(no_more_than_so_many_are_under_way),
        ROW(what_others_take_away_is_told_from_what_we_remove),
        ROW(two_writers_do_not_fight),
        ROW(many_vlans_that_go_one_after_the_other_are_no_fight),
        ROW(repairs_now_and_then_are_no_fight),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

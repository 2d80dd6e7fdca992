#include "cmocka_unit.h"

#include <stdio.h>

#include "reconcile/guard.h"

/* A removal that nothing speaks against, to be varied. */
static const struct guard_case plain = {
    .port = "swp1",
    .vlan = 100,
    .proved = true,
    .unproved = NULL,
    .learnt_known = true,
    .learnt = false,
    .owned_pairs = 10,
};

struct world {
    struct guard *guard;
    struct config *config;
    int64_t wake_ms;
};

static int set_up(void **state)
{
    static struct world world;

    world = (struct world){ guard_new(), config_new(), INT64_MAX };
    *state = &world;
    return world.guard && world.config ? 0 : -1;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    guard_free(world->guard);
    config_free(world->config);
    return 0;
}

static bool asks(struct world *world, struct guard_case removal, int64_t at_s)
{
    bool passed;

    world->wake_ms = INT64_MAX;
    guard_begin(world->guard);
    passed = guard_asks(world->guard, world->config, &removal, at_s * 1000, &world->wake_ms);
    guard_end(world->guard);
    return passed;
}

static void absence_must_last_the_hold_down(void **state)
{
    struct world *world = *state;

    assert_false(asks(world, plain, 1000));
    assert_int_equal(world->wake_ms, 1300000);
    assert_false(asks(world, plain, 1299));
    assert_true(asks(world, plain, 1300));
}

static void only_proved_absence_counts(void **state)
{
    struct guard_case blind = plain;

    blind.proved = false;
    blind.unproved = "no contact";
    assert_false(asks(*state, plain, 1000)); /* the clock starts */
    assert_false(asks(*state, blind, 1200)); /* 200 s are counted, and it stands still */
    assert_false(asks(*state, blind, 9000));
    assert_false(asks(*state, plain, 9001)); /* it goes on */
    assert_false(asks(*state, plain, 9100));
    assert_true(asks(*state, plain, 9101));
}

static void a_vlan_that_is_wanted_again_starts_over(void **state)
{
    struct world *world = *state;

    assert_false(asks(world, plain, 1000));
    guard_begin(world->guard); /* a round in which nobody asks for its removal */
    guard_end(world->guard);
    assert_false(asks(world, plain, 1300));
    assert_true(asks(world, plain, 1600));
}

static void a_speaking_station_stands_against_it(void **state)
{
    struct world *world = *state;
    struct guard_case spoken = plain, unread = plain;

    spoken.learnt = true;
    unread.learnt_known = false;
    world->config->prune = PRUNE_IMMEDIATE;
    assert_false(asks(world, spoken, 1000));
    assert_true(world->wake_ms < INT64_MAX);
    assert_false(asks(world, unread, 1001));
    assert_true(asks(world, plain, 1002));
}

static void prune_never_lets_nothing_pass(void **state)
{
    struct world *world = *state;

    world->config->prune = PRUNE_NEVER;
    assert_false(asks(world, plain, 1000));
    assert_false(asks(world, plain, 1000000));
}

static void the_budget_spreads_removals(void **state)
{
    struct world *world = *state;
    struct guard_case removal = plain;

    world->config->prune = PRUNE_IMMEDIATE;
    world->config->budget_per_minute = 2;
    removal.owned_pairs = 1000;
    assert_true(asks(world, removal, 1000));
    removal.vlan = 101;
    assert_true(asks(world, removal, 1010));
    removal.vlan = 102;
    assert_false(asks(world, removal, 1020));
    assert_int_equal(world->wake_ms, 1060000);
    assert_true(asks(world, removal, 1060));
}

static void an_hour_takes_at_most_its_share(void **state)
{
    struct world *world = *state;
    struct guard_case removal = plain;
    unsigned passed = 0;

    world->config->prune = PRUNE_IMMEDIATE;
    world->config->budget_per_minute = 5;
    removal.owned_pairs = 40; /* 30 % of it: 12 */
    for (unsigned minute = 0; minute < 59; minute++)
        for (removal.vlan = 1; removal.vlan < 10; removal.vlan++)
            passed += asks(world, removal, 10000 + 60 * minute);
    assert_int_equal(passed, 12);
}

static void the_reason_is_told(void **state)
{
    struct world *world = *state;
    char text[300];

    asks(world, plain, 1000);
    asks(world, plain, 1012);
    assert_string_equal(guard_reason(world->guard, "swp1", 100, text, sizeof(text)),
                        "nobody needs it for 12 s now; it goes after 300 s");
    assert_string_equal(guard_reason(world->guard, "swp1", 101, text, sizeof(text)), "");
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(absence_must_last_the_hold_down),         ROW(only_proved_absence_counts),
        ROW(a_vlan_that_is_wanted_again_starts_over), ROW(a_speaking_station_stands_against_it),
        ROW(prune_never_lets_nothing_pass),           ROW(the_budget_spreads_removals),
        ROW(an_hour_takes_at_most_its_share),         ROW(the_reason_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

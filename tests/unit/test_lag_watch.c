#include "cmocka_unit.h"

#include "reconcile/lag_watch.h"

static const struct port up = { .id = "bond0", .enabled = true, .link = LINK_UP, .members = "a" };
static const struct port down = {
    .id = "bond0", .enabled = true, .link = LINK_DOWN, .members = "a"
};
static const struct port shut = { .id = "bond0", .link = LINK_DOWN, .members = "a" };
static const struct port plain_up = {
    .id = "swp1", .enabled = true, .link = LINK_UP, .members = ""
};
static const struct port plain_down = {
    .id = "swp1", .enabled = true, .link = LINK_DOWN, .members = ""
};

static int set_up(void **state)
{
    *state = lag_watch_new();
    return lag_watch_change(*state, "bond0", 1000) | lag_watch_change(*state, "swp1", 1000);
}

static int tear_down(void **state)
{
    *state = lag_watch_free(*state);
    return 0;
}

static void a_lag_that_falls_after_a_change_raises_the_alarm(void **state)
{
    assert_null(lag_watch_alarm(*state));
    assert_true(lag_watch_port(*state, &up, &down, 1500));
    assert_non_null(lag_watch_alarm(*state));
    assert_false(lag_watch_port(*state, &down, &down, 1600)); /* once */
}

static void it_ends_when_the_lag_is_up_or_the_operator_says_so(void **state)
{
    lag_watch_port(*state, &up, &down, 1500);
    lag_watch_port(*state, &plain_down, &plain_up, 1600);
    assert_non_null(lag_watch_alarm(*state));
    lag_watch_port(*state, &down, &up, 2000);
    assert_null(lag_watch_alarm(*state));

    lag_watch_port(*state, &up, &down, 2500);
    lag_watch_clear(*state);
    assert_null(lag_watch_alarm(*state));
}

static void what_is_not_our_doing_raises_none(void **state)
{
    assert_false(lag_watch_port(*state, &up, &down, 1000 + LAG_WATCH_MS + 1)); /* much later */
    assert_false(lag_watch_port(*state, &up, &shut, 1500));                    /* by an operator */
    assert_false(lag_watch_port(*state, &plain_up, &plain_down, 1500));        /* no LAG */
    assert_null(lag_watch_alarm(*state));
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(a_lag_that_falls_after_a_change_raises_the_alarm),
        ROW(it_ends_when_the_lag_is_up_or_the_operator_says_so),
        ROW(what_is_not_our_doing_raises_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cmocka_unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "reconcile/replay.h"

static struct replay *replay;
static struct actions actions;

static int set_up(void **state)
{
    (void)state;
    replay = replay_new();
    actions_init(&actions);
    return replay ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    replay = replay_free(replay);
    actions_done(&actions);
    return 0;
}

static int feed(const char *text, struct error *reterr)
{
    char line[512];

    snprintf(line, sizeof(line), "%s", text);
    return replay_line(replay, line, &actions, reterr);
}

static void lines_that_are_none_are_refused_with_a_reason(void **state)
{
    static const struct {
        const char *line, *reason;
    } rows[] = {
        { "x 1 settle", "'x' is no time in milliseconds" },
        { "1 -1 settle", "'-1' is no time in milliseconds" },
        { "1", "'' is no time in milliseconds" },
        { "1 1", "a line ends behind its times" },
        { "1 1 switch", "'switch' is followed by nothing" },
        { "1 1 switch nonsense port", "'nonsense' is no operation" },
        { "1 1 hypervisor/vc new host id=a", "no hypervisor 'vc' is configured and enabled" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct error error = { "" };

        assert_true(feed(rows[i].line, &error) < 0);
        assert_string_equal(error.text, rows[i].reason);
    }
}

static void empty_lines_and_remarks_are_passed_over(void **state)
{
    (void)state;
    assert_int_equal(feed("", NULL), 0);
    assert_int_equal(feed("# 1 1 nonsense", NULL), 0);
}

static void the_time_is_that_of_the_last_line(void **state)
{
    (void)state;
    assert_int_equal(feed("1000 1700000000000 settle", NULL), 0);
    assert_int_equal(replay_now_ms(replay), 1000);
    assert_int_equal(replay_wall_ms(replay), INT64_C(1700000000000));
}

static void a_configuration_is_taken_in_when_it_ends(void **state)
{
    (void)state;
    assert_int_equal(feed("1 1 config", NULL), 0);
    assert_int_equal(feed("| hostname tor-9", NULL), 0);
    assert_int_equal(feed("| switch dummy x", NULL), 0);
    assert_string_equal(core_config(replay_core(replay))->hostname, "");
    assert_int_equal(feed("2 2 settle", NULL), 0);
    assert_string_equal(core_config(replay_core(replay))->hostname, "tor-9");
}

static void a_bad_configuration_names_its_line_and_changes_nothing(void **state)
{
    struct error error = { "" };

    (void)state;
    feed("1 1 config", NULL);
    feed("| hostname tor-9", NULL);
    feed("| nonsense", NULL);
    assert_true(replay_end(replay, &actions, &error) < 0);
    assert_non_null(strstr(error.text, "config:2:"));
    assert_string_equal(core_config(replay_core(replay))->hostname, "");
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(lines_that_are_none_are_refused_with_a_reason),
        ROW(empty_lines_and_remarks_are_passed_over),
        ROW(the_time_is_that_of_the_last_line),
        ROW(a_configuration_is_taken_in_when_it_ends),
        ROW(a_bad_configuration_names_its_line_and_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

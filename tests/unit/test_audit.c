#include "cmocka_unit.h"

#include <string.h>

#include "reconcile/audit.h"
#include "scene.h"

struct bench {
    struct audit_log *audit;
    struct strbuf written;
};

static int set_up(void **state)
{
    static struct bench bench;

    bench.audit = audit_new();
    strbuf_init(&bench.written, 1048576);
    *state = &bench;
    return bench.audit ? 0 : -1;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    audit_free(bench->audit);
    strbuf_done(&bench->written);
    return 0;
}

static void add(struct bench *bench, const char *port)
{
    const struct audit entry = { .port = port, .at_ms = 5 };

    assert_int_equal(audit_add(bench->audit, &entry, &bench->written), 0);
}

/* What the history tells, in the written form. */
static void hear(struct bench *bench, const char *lines)
{
    char *copy = strdup(lines), *at = copy, *line;

    while (at && *at && (line = strsep(&at, "\n"))) {
        struct record record;
        struct error error = { "" };

        if (record_read(line, &record, &error) < 0)
            fail_msg("%s", error.text);
        assert_int_equal(audit_take(bench->audit, &record, &bench->written), 0);
    }
    free(copy);
}

static void assert_written(struct bench *bench, const char *wanted)
{
    assert_string_equal(strbuf_text(&bench->written), wanted);
    strbuf_reset(&bench->written);
}

static void assert_entry(const struct bench *bench, size_t index, const char *id, const char *port)
{
    const struct audit *entry = audit_find(bench->audit, index);

    assert_non_null(entry);
    assert_string_equal(entry->id, id);
    assert_string_equal(entry->port, port);
}

static void what_comes_before_the_history_is_numbered_when_it_is_there(void **state)
{
    struct bench *bench = *state;

    add(bench, "new1");
    add(bench, "new2");
    assert_written(bench, "");
    hear(bench, "begin audit\nnew audit id=6 port=old1\nnew audit id=7 port=old2\nend audit\n");
    assert_written(bench, "new audit id=8 port=new1 at_ms=5\nnew audit id=9 port=new2 at_ms=5\n");
    assert_entry(bench, 0, "9", "new2");
    assert_entry(bench, 2, "7", "old2");
    assert_entry(bench, 3, "6", "old1");
    assert_null(audit_find(bench->audit, 4));
    add(bench, "new3");
    assert_written(bench, "new audit id=10 port=new3 at_ms=5\n");
}

static void a_history_that_starts_anew_is_told_what_it_missed(void **state)
{
    struct bench *bench = *state;

    hear(bench, "begin audit\nend audit\n");
    add(bench, "a");
    assert_written(bench, "new audit id=1 port=a at_ms=5\n");
    audit_pause(bench->audit);
    add(bench, "b");
    assert_written(bench, "");
    hear(bench, "begin audit\nnew audit id=1 port=a\nend audit\n");
    assert_written(bench, "new audit id=2 port=b at_ms=5\n");
    assert_entry(bench, 0, "2", "b");
    assert_entry(bench, 1, "1", "a");
    assert_null(audit_find(bench->audit, 2));
}

static void a_history_that_lost_everything_gets_all_of_it_again(void **state)
{
    struct bench *bench = *state;

    hear(bench, "begin audit\nnew audit id=4 port=a\nend audit\n");
    audit_pause(bench->audit);
    hear(bench, "begin audit\nend audit\n");
    assert_written(bench, "new audit id=4 port=a\n");
    add(bench, "b");
    assert_written(bench, "new audit id=5 port=b at_ms=5\n");
}

static void a_list_without_its_end_says_nothing(void **state)
{
    struct bench *bench = *state;

    hear(bench, "begin audit\nnew audit id=4 port=a\n");
    audit_pause(bench->audit);
    hear(bench, "new audit id=5 port=stray\nend audit\n");
    assert_null(audit_find(bench->audit, 0));
    hear(bench, "begin audit\nnew audit id=4 port=a\nend audit\n");
    assert_entry(bench, 0, "4", "a");
}

static void no_more_than_so_many_are_kept(void **state)
{
    struct bench *bench = *state;

    for (unsigned i = 0; i < AUDIT_MAX + 1; i++)
        add(bench, i == 0 ? "first" : i == 1 ? "second" : "later");
    assert_string_equal(audit_find(bench->audit, AUDIT_MAX - 1)->port, "second");
    assert_null(audit_find(bench->audit, AUDIT_MAX));
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(what_comes_before_the_history_is_numbered_when_it_is_there),
        ROW(a_history_that_starts_anew_is_told_what_it_missed),
        ROW(a_history_that_lost_everything_gets_all_of_it_again),
        ROW(a_list_without_its_end_says_nothing),
        ROW(no_more_than_so_many_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

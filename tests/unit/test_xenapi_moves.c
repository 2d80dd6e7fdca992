#include "cmocka_unit.h"

#include <stdio.h>
#include <string.h>

#include "model/names.h"
#include "source/xenapi/moves.h"
#include "source/xenapi/rows.h"

/* A pool of three hosts on which one machine is about to move. */
struct world {
    struct xen_pool pool;
    struct xen_moves moves;
    struct xen_record record;
    struct strbuf out;
    int64_t now_ms;
};

static void set(struct world *world, enum xen_text text, const char *value)
{
    struct xen_record *record = &world->record;

    record->values.has |= xen_has_text(text);
    record->at[text] = record->block.size;
    for (; *value; value++)
        strbuf_addc(&record->block, *value == ' ' ? NAMES_SEPARATOR : *value);
    strbuf_addc(&record->block, '\0');
}

static void store(struct world *world, enum xen_class class, const char *ref)
{
    assert_int_equal(xen_pool_store(&world->pool, class, ref, &world->record), 0);
    xen_record_reset(&world->record);
}

static void host(struct world *world, const char *ref, const char *operations)
{
    world->record.values.has |= xen_has_flag(XEN_ENABLED);
    world->record.values.flags |= 1u << XEN_ENABLED;
    set(world, XEN_NAME, ref);
    set(world, XEN_OPERATIONS, operations);
    store(world, XEN_HOST, ref);
}

/* 'scheduled' NULL: a release that does not have the field. */
static void machine(struct world *world, const char *operations, const char *resident,
                    const char *scheduled)
{
    set(world, XEN_NAME, "m");
    set(world, XEN_POWER, *resident ? "Running" : "Halted");
    set(world, XEN_OPERATIONS, operations);
    set(world, XEN_RESIDENT, resident);
    if (scheduled)
        set(world, XEN_SCHEDULED, scheduled);
    store(world, XEN_VM, "vm");
}

static void task(struct world *world, const char *status)
{
    set(world, XEN_STATUS, status);
    store(world, XEN_TASK, "T");
}

static const char *tell(struct world *world, bool all)
{
    const struct xen_moment moment = { .now_ms = world->now_ms, .wall_ms = 1000, .all = all };

    strbuf_reset(&world->out);
    xen_moves_write(&world->moves, &world->pool, &moment, &world->out);
    return strbuf_text(&world->out);
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    xen_pool_init(&world->pool);
    xen_record_init(&world->record);
    strbuf_init(&world->out, 1 << 20);
    world->now_ms = 100000;
    host(world, "h1", "");
    host(world, "h2", "");
    host(world, "h3", "");
    machine(world, "", "h1", NULL);
    assert_string_equal(tell(world, true), "");
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    xen_moves_done(&world->moves);
    xen_record_done(&world->record);
    xen_pool_done(&world->pool);
    strbuf_done(&world->out);
    free(world);
    return 0;
}

static void start_over(void **state)
{
    tear_down(state);
    set_up(state);
}

#define KEY "owner=vm id=T"
#define GONE(outcome) "put move " KEY " outcome=" outcome "\ngone move " KEY "\n"

static void the_join(void **state)
{
    machine(*state, "T pool_migrate", "h1", NULL);
    assert_string_equal(tell(*state, false), ""); /* a moment for the host to say so */
    host(*state, "h3", "T vm_migrate");
    assert_string_equal(tell(*state, false),
                        "new move " KEY
                        " kind=migrate from=h1 to=h3 by=pool_migrate since_ms=1000\n");
    assert_string_equal(tell(*state, false), "");
    machine(*state, "T pool_migrate", "h3", NULL);
    assert_string_equal(tell(*state, false), "");
    host(*state, "h3", "");
    assert_string_equal(tell(*state, false), "");
    machine(*state, "", "h3", NULL);
    assert_string_equal(tell(*state, false), GONE("done"));
}

static void each_operation_has_its_counterpart(void **state)
{
    static const struct {
        const char *vm, *host, *kind;
    } rows[] = {
        { "T pool_migrate", "T vm_migrate", "migrate" },
        { "T migrate_send", "T vm_migrate", "migrate" },
        { "T start", "T vm_start", "start" },
        { "T start_on", "T vm_start", "start" },
        { "T resume", "T vm_resume", "resume" },
        { "T resume_on", "T vm_resume", "resume" },
        { "T snapshot", "T vm_migrate", NULL },
        { "T start", "T vm_migrate", NULL },
        { "T pool_migrate", "U vm_migrate", NULL },
        { "T pool_migrate", "T evacuate", NULL },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char expected[256] = "";

        start_over(state);
        machine(*state, rows[i].vm, "h1", NULL);
        host(*state, "h2", rows[i].host);
        if (rows[i].kind)
            snprintf(expected, sizeof(expected),
                     "new move " KEY " kind=%s from=h1 to=h2 by=%s since_ms=1000\n", rows[i].kind,
                     rows[i].vm + 2);
        assert_string_equal(tell(*state, false), expected);
    }
}

static void a_hosts_entry_alone_means_nothing(void **state)
{
    host(*state, "h2", "T vm_migrate");
    assert_string_equal(tell(*state, false), "");
    assert_string_equal(tell(*state, true), "");
}

static void a_destination_that_nobody_tells(void **state)
{
    struct world *world = *state;

    machine(world, "T migrate_send", "h1", NULL);
    assert_string_equal(tell(world, false), "");
    world->now_ms += 150;
    assert_string_equal(tell(world, false),
                        "new move " KEY
                        " kind=migrate from=h1 possible=h2,h3 by=migrate_send since_ms=1000\n");
    machine(world, "", "h2", NULL);
    assert_string_equal(tell(world, false), GONE("done"));
}

static void the_field_where_there_is_one(void **state)
{
    machine(*state, "T migrate_send", "h1", "h2");
    assert_string_equal(tell(*state, false),
                        "new move " KEY
                        " kind=migrate from=h1 to=h2 by=migrate_send since_ms=1000\n");
}

static void the_task_tells_how_it_ended(void **state)
{
    static const struct {
        const char *status, *outcome;
    } rows[] = { { "failure", "failed" }, { "cancelled", "cancelled" } };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char expected[256];

        start_over(state);
        task(*state, "pending");
        machine(*state, "T pool_migrate", "h1", "h2");
        tell(*state, false);
        machine(*state, "", "h1", "");
        assert_string_equal(tell(*state, false), ""); /* the task's end comes last */
        task(*state, rows[i].status);
        snprintf(expected, sizeof(expected), "put move " KEY " outcome=%s\ngone move " KEY "\n",
                 rows[i].outcome);
        assert_string_equal(tell(*state, false), expected);
    }
}

/* The need of the move ends when that of the machine has begun, and not before. */
static void a_success_waits_for_the_machine(void **state)
{
    struct world *world = *state;

    for (int late = 0; late < 2; late++) {
        start_over(state);
        world = *state;
        task(world, "pending");
        machine(world, "T pool_migrate", "h1", "h2");
        tell(world, false);
        task(world, "success");
        machine(world, "", "h1", "");
        assert_string_equal(tell(world, false), "");
        if (late)
            world->now_ms += 5000;
        else
            machine(world, "", "h2", "");
        assert_string_equal(tell(world, false), GONE("done"));
    }
}

static void without_a_task_it_failed(void **state)
{
    machine(*state, "T pool_migrate", "h1", "h2");
    tell(*state, false);
    machine(*state, "", "h1", "");
    assert_string_equal(tell(*state, false), GONE("failed"));
}

static void a_task_that_never_ends_is_not_waited_for(void **state)
{
    struct world *world = *state;

    task(world, "pending");
    machine(world, "T pool_migrate", "h1", "h2");
    tell(world, false);
    machine(world, "", "h1", "");
    assert_string_equal(tell(world, false), "");
    world->now_ms += 10000;
    assert_string_equal(tell(world, false), GONE("failed"));
}

static void a_full_read_states_what_is_under_way(void **state)
{
    machine(*state, "T pool_migrate", "h1", "h2");
    tell(*state, false);
    assert_string_equal(tell(*state, true),
                        "new move " KEY
                        " kind=migrate from=h1 to=h2 by=pool_migrate since_ms=1000\n");
    machine(*state, "", "h1", "");
    assert_string_equal(tell(*state, true), ""); /* its end is the absence of the row */
    assert_string_equal(tell(*state, false), "");
}

/* It ran there before we came, so nobody knows where from. */
static void almost_there(void **state)
{
    machine(*state, "T pool_migrate", "h2", "h2");
    assert_string_equal(tell(*state, false),
                        "new move " KEY " kind=migrate to=h2 by=pool_migrate since_ms=1000\n");
}

/* A migration to the host where it runs takes its disks elsewhere. */
static void from_store_to_store(void **state)
{
    machine(*state, "T migrate_send", "h1", "h1");
    assert_string_equal(tell(*state, false), "new move " KEY " kind=storage from=h1 to=h1 "
                                             "by=migrate_send since_ms=1000\n");
    machine(*state, "", "h1", "");
    assert_string_equal(tell(*state, false), GONE("done"));
}

static void from_another_pool(void **state)
{
    machine(*state, "", "", "h2");
    assert_string_equal(tell(*state, false), "new move owner=vm id=incoming kind=arrive to=h2 "
                                             "by=scheduled_to_be_resident_on since_ms=1000\n");
    machine(*state, "", "h2", "");
    assert_string_equal(tell(*state, false), "put move owner=vm id=incoming outcome=done\n"
                                             "gone move owner=vm id=incoming\n");
}

/* Some releases left the field of halted machines set for good. */
static void an_old_word_is_no_promise(void **state)
{
    machine(*state, "", "", "h2");
    assert_string_equal(tell(*state, true), "");
    host(*state, "h1", "X evacuate");
    assert_string_equal(tell(*state, false), "");
}

static void a_machine_that_vanishes_takes_its_moves_along(void **state)
{
    struct world *world = *state;

    machine(world, "T pool_migrate", "h1", "h2");
    tell(world, false);
    xen_pool_remove(&world->pool, XEN_VM, "vm");
    assert_string_equal(tell(world, false), "");
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(the_join),
        ROW(each_operation_has_its_counterpart),
        ROW(a_hosts_entry_alone_means_nothing),
        ROW(a_destination_that_nobody_tells),
        ROW(the_field_where_there_is_one),
        ROW(the_task_tells_how_it_ended),
        ROW(a_success_waits_for_the_machine),
        ROW(without_a_task_it_failed),
        ROW(a_task_that_never_ends_is_not_waited_for),
        ROW(a_full_read_states_what_is_under_way),
        ROW(almost_there),
        ROW(from_store_to_store),
        ROW(from_another_pool),
        ROW(an_old_word_is_no_promise),
        ROW(a_machine_that_vanishes_takes_its_moves_along),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

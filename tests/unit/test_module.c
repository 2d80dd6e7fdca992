#include "cmocka_unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "scratch.h"
#include "switch/module.h"

#define PATIENCE_MS 5000

/* The Config Module over the dummy driver; what it tells is kept as text. */
struct bench {
    struct loop *loop;
    struct loop_watch *alarm;
    struct module *module;
    char *file, *ledger, *freeze;
    struct strbuf told; /* rows since bench_forget() */
    struct strbuf notices;
    const char *awaited;
};

static void on_row(enum record_op op, enum table table, const void *row, void *data)
{
    struct bench *bench = data;

    assert_int_equal(record_write(&bench->told, op, table, row, 0), 0);
    if (bench->awaited && strstr(bench->told.data, bench->awaited))
        loop_quit(bench->loop, 0);
}

static void on_notice(const char *text, void *data)
{
    struct bench *bench = data;

    strbuf_addf(&bench->notices, "%s\n", text);
}

static void on_alarm(void *data)
{
    struct bench *bench = data;

    loop_quit(bench->loop, 1);
}

/* Runs the loop until a told row holds 'text'. */
static void await(struct bench *bench, const char *text)
{
    bench->awaited = text;
    loop_timer_start(bench->alarm, PATIENCE_MS);
    if (!strstr(strbuf_text(&bench->told), text) && loop_run(bench->loop))
        fail_msg("never told '%s', but:\n%s", text, strbuf_text(&bench->told));
    bench->awaited = NULL;
}

static void forget(struct bench *bench)
{
    strbuf_reset(&bench->told);
}

static void set_file(const struct bench *bench, const char *path, const char *text)
{
    char *beside = NULL;
    FILE *file;

    (void)bench;
    assert_true(asprintf(&beside, "%s.by-hand", path) > 0);
    file = fopen(beside, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(rename(beside, path), 0);
    free(beside);
}

static void assert_file(const struct bench *bench, const char *wanted)
{
    char text[1024] = "";
    FILE *file = fopen(bench->file, "r");

    assert_non_null(file);
    (void)!fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    assert_string_equal(text, wanted);
}

static void start_module(struct bench *bench)
{
    struct module_setup setup = {
        .ops = driver_find("dummy"),
        .arguments = bench->file,
        .ledger = bench->ledger,
        .freeze_file = bench->freeze,
        .emit = on_row,
        .notice = on_notice,
        .data = bench,
    };
    struct error error;

    assert_non_null(setup.ops);
    assert_int_equal(module_new(bench->loop, &setup, &bench->module, &error), 0);
}

static struct bench start(const void *state, const char *file)
{
    struct bench bench = {
        .loop = loop_new(),
        .file = scratch_path(state, "switch"),
        .ledger = scratch_path(state, "ledger"),
        .freeze = scratch_path(state, "freeze"),
    };

    strbuf_init(&bench.told, 1 << 20);
    strbuf_init(&bench.notices, 1 << 20);
    if (file)
        set_file(&bench, bench.file, file);
    return bench;
}

static void ready(struct bench *bench)
{
    bench->alarm = loop_timer_new(bench->loop, on_alarm, bench);
    start_module(bench);
    await(bench, "state=ready");
}

static void stop(struct bench *bench)
{
    module_free(bench->module);
    loop_watch_free(bench->alarm);
    loop_free(bench->loop);
    strbuf_done(&bench->told);
    strbuf_done(&bench->notices);
    free(bench->file);
    free(bench->ledger);
    free(bench->freeze);
}

static void say(struct bench *bench, const char *line)
{
    char *copy = strdup(line);
    struct record record;
    struct error error;

    assert_int_equal(record_read(copy, &record, &error), 0);
    assert_int_equal(module_take(bench->module, &record, &error), 0);
    free(copy);
}

static void allow(struct bench *bench)
{
    say(bench, "begin policy");
    say(bench, "new policy id=swp1 allowed=100-200");
    say(bench, "new policy id=swp2 allowed=100-200");
    say(bench, "end policy");
}

/* Has one change carried out and expects that outcome. */
static void change(struct bench *bench, const char *line, const char *outcome)
{
    forget(bench);
    say(bench, line);
    module_settled(bench->module);
    if (!strstr(strbuf_text(&bench->told), outcome))
        fail_msg("wanted '%s', told:\n%s", outcome, strbuf_text(&bench->told));
}

static void lists_ports_before_it_is_ready(void **state)
{
    struct bench bench = start(*state, "port swp1 tagged=5 native=1\nport swp2 enabled=no\n");

    ready(&bench);
    assert_string_equal(strbuf_text(&bench.told),
                        "begin port\n"
                        "new port id=swp1 enabled=yes link=up native=1 tagged=5 learnt_known=yes\n"
                        "new port id=swp2 link=up learnt_known=yes\n"
                        "end port\n"
                        "new switch driver=dummy state=ready\n");
    stop(&bench);
}

static void writes_what_policy_allows_and_says_what_the_switch_says(void **state)
{
    struct bench bench = start(*state, "port swp1 native=1\nport swp2\n");

    ready(&bench);
    change(&bench, "new change id=1 port=swp1 add=100",
           "new outcome id=1 port=swp1 problem=port%20swp1%20is%20not%20enabled%20for%20vsn\n");
    allow(&bench);
    change(&bench, "new change id=2 port=swp1 add=100-102,300",
           "new port id=swp1 enabled=yes link=up native=1 tagged=100-102 owned=100-102 "
           "learnt_known=yes\nnew outcome id=2 port=swp1 added=100-102 "
           "problem=VLAN%20300%20is%20not%20allowed%20there\n");
    assert_file(&bench, "port swp1 native=1 tagged=100-102\nport swp2\n");
    change(&bench, "new change id=3 port=swp1 add=100-102", "id=3 port=swp1 added=100-102\n");
    change(&bench, "new change id=4 port=swp1 add=150 remove=100-101",
           "id=4 port=swp1 added=150 removed=100-101\n");
    assert_file(&bench, "port swp1 native=1 tagged=102,150\nport swp2\n");
    change(&bench, "new change id=5 port=swp9 add=150", "the%20switch%20has%20no%20port%20swp9");
    stop(&bench);
}

static void a_policy_that_is_replaced_counts_from_its_end(void **state)
{
    struct bench bench = start(*state, "port swp1\n");

    ready(&bench);
    allow(&bench);
    say(&bench, "begin policy");
    change(&bench, "new change id=1 port=swp1 add=100", "id=1 port=swp1 added=100\n");
    say(&bench, "end policy");
    change(&bench, "new change id=2 port=swp1 add=101", "not%20enabled");
    stop(&bench);
}

static void hand_made_vlans_stay(void **state)
{
    struct bench bench = start(*state, "port swp1 tagged=120\n");

    ready(&bench);
    allow(&bench);
    /* Wanted, and there by hand: it is present, and not ours. */
    change(&bench, "new change id=1 port=swp1 add=120", "id=1 port=swp1 added=120\n");
    change(&bench, "new change id=2 port=swp1 remove=120",
           "id=2 port=swp1 problem=VLAN%20120%20was%20not%20added%20by%20vsn%20and%20stays\n");
    assert_file(&bench, "port swp1 tagged=120\n");
    stop(&bench);
}

static void a_vlan_that_another_hand_took_away_is_ours_again_when_put_back(void **state)
{
    struct bench bench = start(*state, "port swp1\n");

    ready(&bench);
    allow(&bench);
    change(&bench, "new change id=1 port=swp1 add=100-101", "tagged=100-101 owned=100-101");
    forget(&bench);
    set_file(&bench, bench.file, "port swp1 tagged=101\n");
    await(&bench, "tagged=101 owned=100-101");
    change(&bench, "new change id=2 port=swp1 add=100", "tagged=100-101 owned=100-101");
    change(&bench, "new change id=3 port=swp1 remove=100", "removed=100\n");
    stop(&bench);
}

static void a_vlan_that_another_hand_brings_back_is_that_hands(void **state)
{
    struct bench bench = start(*state, "port swp1\n");

    ready(&bench);
    allow(&bench);
    change(&bench, "new change id=1 port=swp1 add=100", "owned=100");
    set_file(&bench, bench.file, "port swp1\n");
    await(&bench, "new port id=swp1 enabled=yes link=up owned=100 learnt_known=yes\n");
    forget(&bench);
    set_file(&bench, bench.file, "port swp1 tagged=100\n");
    await(&bench, "new port id=swp1 enabled=yes link=up tagged=100 learnt_known=yes\n");
    change(&bench, "new change id=2 port=swp1 remove=100", "was%20not%20added%20by%20vsn");
    stop(&bench);
}

static void a_vlan_that_another_hand_took_away_need_not_be_removed(void **state)
{
    struct bench bench = start(*state, "port swp1\n");

    ready(&bench);
    allow(&bench);
    change(&bench, "new change id=1 port=swp1 add=100-101", "owned=100-101");
    set_file(&bench, bench.file, "port swp1 tagged=101\n");
    await(&bench, "tagged=101 owned=100-101");
    change(&bench, "new change id=2 port=swp1 remove=100",
           "tagged=101 owned=101 learnt_known=yes\nnew outcome id=2 port=swp1 removed=100\n");
    stop(&bench);
}

static void ownership_outlives_the_process(void **state)
{
    struct bench bench = start(*state, "port swp1 tagged=150\n");

    ready(&bench);
    allow(&bench);
    change(&bench, "new change id=1 port=swp1 add=100", "owned=100");
    bench.module = module_free(bench.module);
    assert_file(&bench, "port swp1 tagged=100,150\n");
    forget(&bench);
    start_module(&bench);
    await(&bench, "state=ready");
    assert_non_null(strstr(strbuf_text(&bench.told), "tagged=100,150 owned=100 "));
    allow(&bench);
    change(&bench, "new change id=2 port=swp1 remove=100,150", "removed=100 problem=VLAN%20150");
    stop(&bench);
}

static void nothing_is_written_while_frozen(void **state)
{
    struct bench bench = start(*state, "port swp1\n");

    ready(&bench);
    allow(&bench);
    forget(&bench);
    set_file(&bench, bench.freeze, "");
    await(&bench, "new switch driver=dummy state=ready frozen=yes");
    change(&bench, "new change id=1 port=swp1 add=100", "id=1 port=swp1 problem=frozen");
    assert_file(&bench, "port swp1\n");
    assert_int_equal(remove(bench.freeze), 0);
    change(&bench, "new change id=2 port=swp1 add=100", "id=2 port=swp1 added=100\n");
    stop(&bench);
}

static void may_enable(struct bench *bench)
{
    say(bench, "begin policy");
    say(bench, "new policy id=swp1 allowed=100-200 may_enable=yes");
    say(bench, "new policy id=swp2 allowed=100-200");
    say(bench, "end policy");
}

static void a_port_comes_up_after_its_vlans_are_there(void **state)
{
    struct bench bench = start(*state, "port swp1 enabled=no\nport swp2 enabled=no\n");

    ready(&bench);
    may_enable(&bench);
    change(&bench, "new change id=1 port=swp1 add=100 enable=yes",
           "new port id=swp1 enabled=yes link=up tagged=100 owned=100 learnt_known=yes "
           "brought_up=yes\nnew outcome id=1 port=swp1 added=100 enabled=yes\n");
    assert_file(&bench, "port swp1 tagged=100 enabled=yes\nport swp2 enabled=no\n");
    change(&bench, "new change id=2 port=swp1 add=100 enable=yes", "id=2 port=swp1 added=100\n");
    change(&bench, "new change id=3 port=swp2 add=100 enable=yes",
           "problem=port%20swp2%20may%20not%20be%20brought%20up");
    assert_file(&bench, "port swp1 tagged=100 enabled=yes\nport swp2 enabled=no tagged=100\n");
    stop(&bench);
}

static void a_port_that_needs_no_vlan_comes_up_alone(void **state)
{
    struct bench bench = start(*state, "port swp1 enabled=no tagged=100\n");

    ready(&bench);
    may_enable(&bench);
    change(&bench, "new change id=1 port=swp1 enable=yes",
           "brought_up=yes\nnew outcome id=1 port=swp1 enabled=yes\n");
    assert_file(&bench, "port swp1 tagged=100 enabled=yes\n");
    stop(&bench);
}

static void a_port_without_its_vlans_stays_down(void **state)
{
    struct bench bench = start(*state, "port swp1 enabled=no fail=add:100\n");

    ready(&bench);
    may_enable(&bench);
    change(&bench, "new change id=1 port=swp1 add=100 enable=yes", "it%20stays%20down");
    assert_null(strstr(strbuf_text(&bench.told), "enabled=yes"));
    assert_null(strstr(strbuf_text(&bench.told), "brought_up=yes"));
    assert_file(&bench, "port swp1 enabled=no fail=add:100\n");
    stop(&bench);
}

/* Also after a restart; and until it is not wanted any more. */
static void a_port_that_somebody_shut_again_stays_down(void **state)
{
    struct bench bench = start(*state, "port swp1 enabled=no\n");

    ready(&bench);
    may_enable(&bench);
    change(&bench, "new change id=1 port=swp1 enable=yes", "id=1 port=swp1 enabled=yes\n");
    forget(&bench);
    set_file(&bench, bench.file, "port swp1 enabled=no\n");
    await(&bench, "new port id=swp1 link=up learnt_known=yes brought_up=yes\n");
    change(&bench, "new change id=2 port=swp1 enable=yes", "shut%20again:%20it%20stays%20down");
    bench.module = module_free(bench.module);
    forget(&bench);
    start_module(&bench);
    await(&bench, "state=ready");
    assert_non_null(strstr(strbuf_text(&bench.told), "brought_up=yes"));
    may_enable(&bench);
    change(&bench, "new change id=3 port=swp1 enable=yes", "shut%20again:%20it%20stays%20down");
    assert_file(&bench, "port swp1 enabled=no\n");

    forget(&bench);
    allow(&bench); /* 'no port auto-enable' */
    assert_non_null(
        strstr(strbuf_text(&bench.told), "new port id=swp1 link=up learnt_known=yes\n"));
    may_enable(&bench);
    change(&bench, "new change id=4 port=swp1 enable=yes", "id=4 port=swp1 enabled=yes\n");
    stop(&bench);
}

static void nothing_comes_up_while_frozen_or_when_it_cannot_be_noted(void **state)
{
    struct bench bench = start(*state, "port swp1 enabled=no\n");
    char *note = scratch_path(*state, "ledger.brought-up.new");

    ready(&bench);
    may_enable(&bench);
    set_file(&bench, bench.freeze, "");
    change(&bench, "new change id=1 port=swp1 enable=yes", "id=1 port=swp1 problem=frozen");
    assert_int_equal(remove(bench.freeze), 0);
    assert_int_equal(mkdir(note, 0700), 0); /* the file cannot be written */
    change(&bench, "new change id=2 port=swp1 add=100 enable=yes",
           "id=2 port=swp1 added=100 problem=it%20stays%20down");
    assert_file(&bench, "port swp1 enabled=no tagged=100\n");
    assert_int_equal(rmdir(note), 0);
    change(&bench, "new change id=3 port=swp1 enable=yes", "id=3 port=swp1 enabled=yes\n");
    free(note);
    stop(&bench);
}

/* There may be thousands of them. */
static void stations_behind_uplinks_are_not_told(void **state)
{
    struct bench bench = start(*state, "port swp1 stations=52:54:00:00:00:01/100\n"
                                       "port swp2 stations=52:54:00:00:00:03/100\n");

    ready(&bench);
    forget(&bench);
    say(&bench, "begin policy");
    say(&bench, "new policy id=swp1 allowed=100 uplink=yes");
    say(&bench, "new policy id=swp2 allowed=100");
    say(&bench, "end policy");
    assert_null(strstr(strbuf_text(&bench.told), "owner=swp1"));
    assert_non_null(strstr(strbuf_text(&bench.told), "new station owner=swp2"));
    stop(&bench);
}

static void stations_are_told_of_ports_with_a_policy(void **state)
{
    struct bench bench = start(*state, "port swp1 stations=52:54:00:00:00:01/100\n"
                                       "port swp3 stations=52:54:00:00:00:03/0\n");

    ready(&bench);
    assert_null(strstr(strbuf_text(&bench.told), "station"));
    forget(&bench);
    allow(&bench);
    assert_string_equal(strbuf_text(&bench.told),
                        "begin station owner=swp1\nnew station owner=swp1 "
                        "id=52:54:00:00:00:01/100 mac=52:54:00:00:00:01 vlan=100\n"
                        "end station owner=swp1\n");
    forget(&bench);
    set_file(&bench, bench.file, "port swp1 stations=52:54:00:00:00:01/100,52:54:00:00:00:02/0\n");
    await(&bench, "new station owner=swp1 id=52:54:00:00:00:02/0 mac=52:54:00:00:00:02\n");
    assert_null(strstr(strbuf_text(&bench.told), "52:54:00:00:00:01"));
    set_file(&bench, bench.file, "port swp1 learnt_known=no\n");
    await(&bench, "unknown station owner=swp1\n");
    forget(&bench);
    set_file(&bench, bench.file, "");
    await(&bench, "gone port id=swp1\n");
    assert_string_equal(strbuf_text(&bench.told), "begin station owner=swp1\n"
                                                  "end station owner=swp1\ngone port id=swp1\n");
    stop(&bench);
}

static void a_failure_half_way_keeps_what_was_there_and_claims_only_what_is(void **state)
{
    struct bench bench = start(*state, "port swp1 tagged=120 fail=add:105,remove:103,lose:110\n");

    ready(&bench);
    allow(&bench);
    change(&bench, "new change id=1 port=swp1 add=103-107",
           "tagged=103-104,120 owned=103-104 learnt_known=yes\n"
           "new outcome id=1 port=swp1 added=103-104 "
           "problem=port%20swp1:%20VLAN%20105%20cannot%20be%20added\n");
    change(&bench, "new change id=2 port=swp1 remove=103-104",
           "id=2 port=swp1 problem=port%20swp1:%20VLAN%20103%20cannot%20be%20removed\n");
    change(&bench, "new change id=3 port=swp1 add=110",
           "problem=the%20switch%20took%20VLAN%20110%20but%20does%20not%20carry%20it\n");
    /* What could not be added is not ours when somebody else adds it. */
    forget(&bench);
    set_file(&bench, bench.file, "port swp1 tagged=103-107,110,120\n");
    await(&bench, "tagged=103-107,110,120 owned=103-104 ");
    stop(&bench);
}

static void changes_that_arrive_together_are_carried_out_together(void **state)
{
    struct bench bench = start(*state, "port swp1 fail=add:105\nport swp2\nport swp3\n");

    ready(&bench);
    allow(&bench);
    say(&bench, "new change id=1 port=swp1 add=105");
    say(&bench, "new change id=2 port=swp2 add=100-101");
    change(&bench, "new change id=3 port=swp3 add=100",
           "new outcome id=1 port=swp1 problem=port%20swp1:%20VLAN%20105%20cannot%20be%20added\n"
           "new port id=swp2 enabled=yes link=up tagged=100-101 owned=100-101 learnt_known=yes\n"
           "new outcome id=2 port=swp2 added=100-101\n"
           "new outcome id=3 port=swp3 problem=port%20swp3%20is%20not%20enabled%20for%20vsn\n");
    stop(&bench);
}

/* The second goes by what the first has made of the port. */
static void changes_of_one_port_are_carried_out_one_after_the_other(void **state)
{
    struct bench bench = start(*state, "port swp1\nport swp2\n");

    ready(&bench);
    allow(&bench);
    say(&bench, "new change id=1 port=swp1 add=100-101");
    say(&bench, "new change id=2 port=swp2 add=100");
    say(&bench, "new change id=3 port=swp1 add=102 remove=100");
    change(&bench, "new change id=4 port=swp1 remove=101-102",
           "new outcome id=4 port=swp1 removed=101-102\n");
    assert_non_null(
        strstr(strbuf_text(&bench.told), "new outcome id=3 port=swp1 added=102 removed=100\n"));
    assert_file(&bench, "port swp1\nport swp2 tagged=100\n");
    stop(&bench);
}

static void an_unreachable_switch_is_tried_again_and_nothing_is_forgotten(void **state)
{
    struct bench bench = start(*state, "unreachable the cable is out\n");

    bench.alarm = loop_timer_new(bench.loop, on_alarm, &bench);
    start_module(&bench);
    await(&bench, "state=unreachable");
    assert_non_null(strstr(strbuf_text(&bench.told), "the%20cable%20is%20out"));
    allow(&bench);
    change(&bench, "new change id=1 port=swp1 add=100",
           "id=1 port=swp1 problem=the%20switch%20is%20not%20reachable");
    set_file(&bench, bench.file, "port swp1\n");
    await(&bench, "state=ready");
    change(&bench, "new change id=2 port=swp1 add=100", "owned=100");

    set_file(&bench, bench.file, "port swp1 tagged=100\nunreachable again\n");
    await(&bench, "state=unreachable");
    assert_null(strstr(strbuf_text(&bench.told), "gone"));
    forget(&bench);
    set_file(&bench, bench.file, "port swp1 tagged=100\nport swp2\n");
    await(&bench, "state=ready");
    assert_non_null(strstr(strbuf_text(&bench.told), "begin port\n"));
    assert_non_null(strstr(strbuf_text(&bench.told), "tagged=100 owned=100 "));
    stop(&bench);
}

static void ports_come_and_go(void **state)
{
    struct bench bench = start(*state, "port swp1\nport swp2\n");

    ready(&bench);
    forget(&bench);
    set_file(&bench, bench.file, "port swp2 link=down\nport swp3\n");
    await(&bench, "gone port id=swp1\n");
    assert_string_equal(strbuf_text(&bench.told),
                        "new port id=swp2 enabled=yes link=down learnt_known=yes\n"
                        "new port id=swp3 enabled=yes link=up learnt_known=yes\n"
                        "gone port id=swp1\n");
    stop(&bench);
}

/* A storm of changes is read at a bounded pace, and its end is seen. */
static void a_storm_is_coalesced(void **state)
{
    struct bench bench = start(*state, "port swp1\n");
    int64_t since_ms;
    unsigned rows = 0;

    ready(&bench);
    forget(&bench);
    since_ms = clock_now_ms();
    for (unsigned vlan = 2; vlan < 500; vlan++) {
        char text[64];

        snprintf(text, sizeof(text), "port swp1 tagged=%u\n", vlan);
        set_file(&bench, bench.file, text);
        loop_timer_start(bench.alarm, 0); /* lets the loop see what has happened */
        loop_run(bench.loop);
    }
    await(&bench, "tagged=499 ");
    for (const char *at = bench.told.data; (at = strstr(at, "new port")); at++)
        rows++;
    assert_true(rows <= (clock_now_ms() - since_ms) / 50 + 2);
    stop(&bench);
}

static void rows_that_are_not_for_it_are_refused(void **state)
{
    struct bench bench = start(*state, "port swp1\n");
    char line[] = "new host id=h1";
    struct record record;
    struct error error;

    ready(&bench);
    assert_int_equal(record_read(line, &record, &error), 0);
    assert_int_equal(module_take(bench.module, &record, &error), -EINVAL);
    stop(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(lists_ports_before_it_is_ready),
        SCRATCH_TEST(writes_what_policy_allows_and_says_what_the_switch_says),
        SCRATCH_TEST(a_policy_that_is_replaced_counts_from_its_end),
        SCRATCH_TEST(hand_made_vlans_stay),
        SCRATCH_TEST(a_vlan_that_another_hand_took_away_is_ours_again_when_put_back),
        SCRATCH_TEST(a_vlan_that_another_hand_brings_back_is_that_hands),
        SCRATCH_TEST(a_vlan_that_another_hand_took_away_need_not_be_removed),
        SCRATCH_TEST(ownership_outlives_the_process),
        SCRATCH_TEST(nothing_is_written_while_frozen),
        SCRATCH_TEST(a_port_comes_up_after_its_vlans_are_there),
        SCRATCH_TEST(a_port_that_needs_no_vlan_comes_up_alone),
        SCRATCH_TEST(a_port_without_its_vlans_stays_down),
        SCRATCH_TEST(a_port_that_somebody_shut_again_stays_down),
        SCRATCH_TEST(nothing_comes_up_while_frozen_or_when_it_cannot_be_noted),
        SCRATCH_TEST(stations_are_told_of_ports_with_a_policy),
        SCRATCH_TEST(stations_behind_uplinks_are_not_told),
        SCRATCH_TEST(a_failure_half_way_keeps_what_was_there_and_claims_only_what_is),
        SCRATCH_TEST(changes_that_arrive_together_are_carried_out_together),
        SCRATCH_TEST(changes_of_one_port_are_carried_out_one_after_the_other),
        SCRATCH_TEST(an_unreachable_switch_is_tried_again_and_nothing_is_forgotten),
        SCRATCH_TEST(ports_come_and_go),
        SCRATCH_TEST(a_storm_is_coalesced),
        SCRATCH_TEST(rows_that_are_not_for_it_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

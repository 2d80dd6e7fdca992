/* The ledger of moves, fed through the core by lines as in a recording. */
#include "cmocka_unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reconcile/replay.h"

struct bench {
    struct replay *replay;
    struct actions actions;
};

static int set_up(void **state)
{
    static struct bench bench;

    bench.replay = replay_new();
    actions_init(&bench.actions);
    *state = &bench;
    return bench.replay ? 0 : -1;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    replay_free(bench->replay);
    actions_done(&bench->actions);
    return 0;
}

/* Wall time is 1,000,000,000,000 ms ahead of the monotonic clock. */
#define WALL INT64_C(1000000000000)

/* Feeds lines without their times, all at 'at_ms'. */
static void feed(struct bench *bench, int64_t at_ms, const char *lines)
{
    char *copy = strdup(lines), *at = copy, *each;

    bench->actions.wake_ms = INT64_MAX;
    while (at && *at && (each = strsep(&at, "\n"))) {
        struct error error = { "" };
        char line[2048];

        snprintf(line, sizeof(line), "%" PRId64 " %" PRId64 " %s", at_ms, WALL + at_ms, each);
        if (replay_line(bench->replay, each[0] == '|' ? each : line, &bench->actions, &error) < 0)
            fail_msg("refused: %s (%s)", each, error.text);
    }
    free(copy);
}

#define VC "hypervisor/vc1 "
#define CONFIG_WITH(swp2)                                                                          \
    "config\n| hostname tor-1\n| switch dummy ports\n| hypervisor vc1\n|  type vmware\n"           \
    "|  access https://127.0.0.1/sdk username u password-file /p\n|  mode config\n"                \
    "|  provision machines\n|  no disable\n| !\n| interface swp1\n|  vsn enable\n| !\n"            \
    "| interface swp2\n|  vsn enable\n" swp2 "| !\n| end\n"
#define CONFIG CONFIG_WITH("")
#define PORT(name, tagged)                                                                         \
    "switch new port id=" name " native=1 tagged=" tagged " owned=" tagged " learnt_known=yes\n"
#define SWITCH                                                                                     \
    "switch new switch driver=dummy state=ready\nswitch begin port\n" PORT("swp1", "100")          \
        PORT("swp2", "") "switch end port\n"
#define HOST(id, name, mac)                                                                        \
    VC "new host id=" id " name=" name " connection=connected\n" VC "new nic owner=" id            \
       " id=vmnic0 mac=00:50:56:00:00:" mac "\n" VC "new vswitch owner=" id                        \
       " id=v kind=standard\n" VC "new uplink owner=" id " id=vmnic0 vswitch=v name=vmnic0\n" VC   \
       "new network owner=" id " id=blue name=blue vswitch=v mode=tagged vlans=100\n"
#define MACHINE(id, host, power)                                                                   \
    VC "new machine id=" id " name=web-" id " host=" host " power=" power                          \
       " connection=connected\n" VC "new vif owner=" id                                            \
       " id=4000 mac=00:50:56:01:00:01 network=blue\n"
#define HOSTS HOST("a", "esx1", "01") HOST("b", "esx2", "02") HOST("c", "esx3", "03")
#define READ(machines)                                                                             \
    VC "put session state=syncing reason=\n" VC "begin all\n" HOSTS machines VC "end all\n" VC     \
       "put session state=connected\n"
#define NEIGHBORS                                                                                  \
    "neighbor new neighbor owner=swp1 id=1 port_mac=00:50:56:00:00:01\n"                           \
    "neighbor new neighbor owner=swp2 id=1 port_mac=00:50:56:00:00:02\n"
#define MOVE(op, id, more) VC op " move owner=m1 id=" id " kind=migrate from=a to=b " more "\n"
#define SETTLE "settle\n"
#define IS_THERE                                                                                   \
    VC "put machine id=m1 host=b\n" VC "put move owner=m1 id=t1 outcome=done\n" VC                 \
       "gone move owner=m1 id=t1\n"

/* Everything in place: m1 runs on esx1 (swp1, which has its VLAN 100); esx2 is behind swp2, esx3
 * behind another switch. */
static struct bench *started_with(void **state, const char *config)
{
    struct bench *bench = *state;

    feed(bench, 1000, config);
    feed(bench, 1000, SWITCH READ(MACHINE("m1", "a", "on")) NEIGHBORS SETTLE);
    assert_null(migrations_find(core_migrations(replay_core(bench->replay)), 0));
    strbuf_reset(&bench->actions.to_module);
    return bench;
}

static struct bench *started(void **state)
{
    return started_with(state, CONFIG);
}

static const struct migration *entry(struct bench *bench, size_t index)
{
    const struct migration *row =
        migrations_find(core_migrations(replay_core(bench->replay)), index);

    if (!row)
        fail_msg("there is no entry %zu", index);
    return row;
}

static size_t count(struct bench *bench)
{
    return migrations_totals(core_migrations(replay_core(bench->replay))).moves;
}

/* 'time' as milliseconds of the monotonic clock; -1: it did not come to that. */
static int64_t clock_of(uint64_t time)
{
    return time ? (int64_t)time - WALL : -1;
}

static void assert_times(const struct migration *row, int64_t seen, int64_t planned,
                         int64_t applied, int64_t verified, int64_t switched)
{
    assert_int_equal(clock_of(row->seen_ms), seen);
    assert_int_equal(clock_of(row->planned_ms), planned);
    assert_int_equal(clock_of(row->applied_ms), applied);
    assert_int_equal(clock_of(row->verified_ms), verified);
    assert_int_equal(clock_of(row->switched_over_ms), switched);
}

static void assert_outcome(const struct migration *row, const char *outcome, const char *reason)
{
    assert_string_equal(record_word(TABLE_MIGRATION, "outcome", row), outcome);
    if (reason && !strstr(row->reason, reason))
        fail_msg("the reason is '%s', not '%s'", row->reason, reason);
    if (reason && !*reason)
        assert_string_equal(row->reason, "");
}

static void assert_vlans(const struct vlanset *vlans, const char *wanted)
{
    char text[256];

    assert_string_equal(vlanset_text(vlans, text, sizeof(text)), wanted);
}

/* ---- Told in time ---------------------------------------------------------------------------- */

static void each_stage_has_its_time(void **state)
{
    struct bench *bench = started(state);
    const struct migration *row;

    feed(bench, 2000, MOVE("new", "t1", "by=VmBeingHotMigratedEvent user=CORP\\alice") SETTLE);
    row = entry(bench, 0);
    assert_outcome(row, "running", "");
    assert_times(row, 2000, 2000, -1, -1, -1);
    assert_string_equal(row->hypervisor, "vc1");
    assert_string_equal(row->machine, "web-m1");
    assert_string_equal(row->machine_id, "m1");
    assert_string_equal(row->from, "esx1");
    assert_string_equal(row->to, "esx2");
    assert_string_equal(row->by, "VmBeingHotMigratedEvent");
    assert_string_equal(row->user, "CORP\\alice");
    assert_string_equal(row->ports, "swp2");
    assert_vlans(&row->vlans, "100");
    assert_vlans(&row->added, "100");
    feed(bench, 2005, PORT("swp2", "100"));
    assert_int_equal(clock_of(entry(bench, 0)->verified_ms), 2005);
    feed(bench, 2006, "switch new outcome id=1 port=swp2 added=100\n" SETTLE);
    assert_outcome(entry(bench, 0), "running", "");
    feed(bench, 2300, IS_THERE SETTLE);
    row = entry(bench, 0);
    assert_times(row, 2000, 2000, 2005, 2005, 2300);
    assert_outcome(row, "in-time", "");
    assert_int_equal(count(bench), 1);
}

static void written_is_not_verified(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 2000, MOVE("new", "t1", "") SETTLE);
    feed(bench, 2007, "switch new outcome id=1 port=swp2 added=100\n" SETTLE);
    assert_times(entry(bench, 0), 2000, 2000, 2007, -1, -1);
    feed(bench, 2300, IS_THERE SETTLE);
    assert_outcome(entry(bench, 0), "missed", "");
    feed(bench, 2310, PORT("swp2", "100") SETTLE);
    assert_times(entry(bench, 0), 2000, 2000, 2007, 2310, 2300);
    assert_outcome(
        entry(bench, 0), "missed",
        "announced 300 ms before it was there; its VLANs were there 310 ms after that word");
}

static void what_was_there_already_is_verified_at_once(void **state)
{
    struct bench *bench = started(state);
    const struct migration *row;

    feed(bench, 1500, PORT("swp2", "100") SETTLE);
    feed(bench, 2000, MOVE("new", "t1", ""));
    feed(bench, 2004, SETTLE);
    row = entry(bench, 0);
    assert_times(row, 2000, 2000, 2000, 2000, -1);
    assert_vlans(&row->added, "");
    feed(bench, 2300, IS_THERE SETTLE);
    assert_outcome(entry(bench, 0), "in-time", "");
}

static void what_is_taken_away_before_the_machine_is_there_counts_not(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 2000, MOVE("new", "t1", "") SETTLE);
    feed(bench, 2005, PORT("swp2", "100") SETTLE);
    feed(bench, 2100, PORT("swp2", "") SETTLE);
    assert_int_equal(clock_of(entry(bench, 0)->verified_ms), -1);
    feed(bench, 2120, PORT("swp2", "100") SETTLE);
    feed(bench, 2300, IS_THERE SETTLE);
    assert_times(entry(bench, 0), 2000, 2000, 2005, 2120, 2300);
    feed(bench, 2400, PORT("swp2", "") SETTLE);
    assert_outcome(entry(bench, 0), "in-time", "");
}

static void it_may_begin_and_end_between_two_settlings(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 2000, MOVE("new", "t1", ""));
    feed(bench, 2010, IS_THERE);
    feed(bench, 2020, SETTLE);
    assert_times(entry(bench, 0), 2000, 2020, -1, -1, 2010);
    assert_outcome(entry(bench, 0), "missed", "");
    assert_int_equal(count(bench), 1);
}

static void done_and_the_machine_in_any_order_are_one_entry(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 2000, MOVE("new", "t1", "") SETTLE PORT("swp2", "100") SETTLE);
    feed(bench, 2300, VC "put move owner=m1 id=t1 outcome=done\n" SETTLE);
    assert_outcome(entry(bench, 0), "in-time", "");
    feed(bench, 2400, VC "put machine id=m1 host=b\n" VC "gone move owner=m1 id=t1\n" SETTLE);
    assert_int_equal(count(bench), 1);
    assert_int_equal(clock_of(entry(bench, 0)->switched_over_ms), 2300);
    /* And back, which nobody told. */
    feed(bench, 3000, VC "put machine id=m1 host=a\n" SETTLE);
    assert_int_equal(count(bench), 2);
    assert_string_equal(entry(bench, 0)->to, "esx1");
    assert_outcome(entry(bench, 0), "in-time", "its move was not announced");
    feed(bench, 3100, VC "put machine id=m1 host=b\n" SETTLE);
    assert_int_equal(count(bench), 3);
}

static void an_unknown_destination_becomes_known(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 2000, VC "new move owner=m1 id=t1 kind=migrate from=a possible=c\n" SETTLE);
    assert_string_equal(entry(bench, 0)->ports, "");
    assert_outcome(entry(bench, 0), "running", "");
    feed(bench, 2100, VC "put move owner=m1 id=t1 to=b\n" SETTLE);
    assert_string_equal(entry(bench, 0)->ports, "swp2");
    feed(bench, 2110, PORT("swp2", "100") SETTLE);
    feed(bench, 2300, IS_THERE SETTLE);
    assert_times(entry(bench, 0), 2000, 2100, 2110, 2110, 2300);
    assert_outcome(entry(bench, 0), "in-time", "");
}

/* What was done on every port behind which it might be counts when the port is known. */
static void what_was_done_before_the_destination_was_known(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 2000, VC "new move owner=m1 id=t1 kind=migrate from=a possible=b,c\n" SETTLE);
    assert_string_equal(entry(bench, 0)->ports, "");
    feed(bench, 2020, "switch new outcome id=1 port=swp2 added=100\n" PORT("swp2", "100") SETTLE);
    assert_int_equal(clock_of(entry(bench, 0)->verified_ms), -1);
    feed(bench, 2100, VC "put move owner=m1 id=t1 to=b\n" SETTLE);
    assert_vlans(&entry(bench, 0)->added, "100");
    feed(bench, 2300, IS_THERE SETTLE);
    assert_times(entry(bench, 0), 2000, 2020, 2020, 2020, 2300);
    assert_outcome(entry(bench, 0), "in-time", "");
}

static void a_destination_that_only_the_arrival_tells(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 2000, VC "new move owner=m1 id=t1 kind=migrate from=a\n" SETTLE);
    feed(bench, 2100, PORT("swp2", "100") SETTLE);
    feed(bench, 2300, VC "put move owner=m1 id=t1 outcome=done\n" SETTLE);
    assert_outcome(entry(bench, 0), "running", "");
    feed(bench, 2310, VC "put machine id=m1 host=b\n" VC "gone move owner=m1 id=t1\n" SETTLE);
    assert_string_equal(entry(bench, 0)->to, "esx2");
    assert_times(entry(bench, 0), 2000, 2100, 2100, 2100, 2300);
    assert_outcome(entry(bench, 0), "in-time", "");
    assert_int_equal(count(bench), 1);
}

static void what_was_there_while_the_destination_was_not_known(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 1500, PORT("swp2", "100") SETTLE);
    feed(bench, 2000, VC "new move owner=m1 id=t1 kind=migrate from=a\n" SETTLE);
    feed(bench, 2300, IS_THERE SETTLE);
    assert_times(entry(bench, 0), 2000, 2000, 2000, 2000, 2300);
    assert_vlans(&entry(bench, 0)->added, "");
    /* Taken away meanwhile. */
    feed(bench, 3000, VC "put machine id=m1 host=a\n" SETTLE);
    feed(bench, 4000, VC "new move owner=m1 id=t2 kind=migrate from=a\n" SETTLE);
    feed(bench, 4100, PORT("swp2", "") SETTLE);
    feed(bench, 4300, VC "put machine id=m1 host=b\n" VC "gone move owner=m1 id=t2\n" SETTLE);
    assert_outcome(entry(bench, 0), "missed", "");
}

static void a_machine_that_goes_elsewhere_than_announced(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 2000,
         VC "new move owner=m1 id=t1 kind=migrate from=a to=c\n" SETTLE PORT("swp2", "") SETTLE);
    feed(bench, 2300, VC "put machine id=m1 host=b\n" VC "gone move owner=m1 id=t1\n" SETTLE);
    assert_string_equal(entry(bench, 0)->to, "esx2");
    assert_outcome(entry(bench, 0), "missed", "it was announced for esx3");
    assert_int_equal(count(bench), 1);
}

/* ---- Not told in time ------------------------------------------------------------------------ */

static void a_machine_that_nobody_announced(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 2000, VC "put machine id=m1 host=b\n" SETTLE);
    assert_outcome(entry(bench, 0), "missed", "its move was not announced: vc1 told only");
    assert_string_equal(entry(bench, 0)->move, "");
    assert_string_equal(entry(bench, 0)->from, "esx1");
    assert_string_equal(record_word(TABLE_MIGRATION, "kind", entry(bench, 0)), "migrate");
    feed(bench, 2040, PORT("swp2", "100") SETTLE);
    assert_times(entry(bench, 0), 2000, 2000, 2040, 2040, 2000);
    assert_outcome(entry(bench, 0), "missed", "its move was not announced: vc1 told only");
}

static void contact_that_was_lost_during_a_move(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 2000, VC "put session state=connecting reason=gone\n" SETTLE);
    feed(bench, 7000, READ(MACHINE("m1", "b", "on")) SETTLE);
    assert_outcome(entry(bench, 0), "missed",
                   "contact with vc1 was lost from 01:46:42 to 01:46:47 UTC");
    assert_int_equal(count(bench), 1);
}

static void contact_that_was_lost_when_it_arrived(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 2000, MOVE("new", "t1", "") SETTLE PORT("swp2", "100") SETTLE);
    feed(bench, 2100, VC "put session state=connecting reason=gone\n" SETTLE);
    feed(bench, 7000, READ(MACHINE("m1", "b", "on")) SETTLE);
    assert_outcome(entry(bench, 0), "in-time",
                   "contact with vc1 was lost from 01:46:42 to 01:46:47 UTC: it was there earlier");
    assert_int_equal(count(bench), 1);
}

static void the_word_of_it_may_come_after_the_machine(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 2000, VC "put machine id=m1 host=b\n" SETTLE);
    feed(bench, 2100, MOVE("new", "t1", "by=VmBeingHotMigratedEvent") SETTLE);
    feed(bench, 2110, VC "put move owner=m1 id=t1 outcome=done\n" SETTLE);
    assert_int_equal(count(bench), 1);
    assert_string_equal(entry(bench, 0)->move, "t1");
    assert_string_equal(entry(bench, 0)->by, "VmBeingHotMigratedEvent");
    assert_outcome(entry(bench, 0), "missed", "its move was not announced");
    assert_int_equal(clock_of(entry(bench, 0)->switched_over_ms), 2000);
}

/* It came without a word, and goes on to another host at once. */
static void the_next_move_is_another_one(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 2000, VC "put machine id=m1 host=b\n" SETTLE);
    feed(bench, 3000, VC "new move owner=m1 id=t1 kind=migrate from=b possible=a,c\n" SETTLE);
    assert_int_equal(count(bench), 2);
    assert_string_equal(entry(bench, 0)->move, "t1");
    assert_outcome(entry(bench, 0), "running", "");
    assert_string_equal(entry(bench, 1)->move, "");
}

/* Where it sets out from is told after its move. */
static void where_it_sets_out_from_is_no_arrival(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 2000, VC "new move owner=m1 id=t1 kind=migrate from=b to=c\n" SETTLE);
    feed(bench, 2100, VC "put machine id=m1 host=b\n" SETTLE);
    assert_int_equal(count(bench), 2);
    assert_string_equal(entry(bench, 1)->move, "t1");
    assert_outcome(entry(bench, 1), "running", "");
    assert_outcome(entry(bench, 0), "missed", "its move was not announced");
    feed(bench, 2200,
         VC "put move owner=m1 id=t1 outcome=failed\n" VC "gone move owner=m1 id=t1\n" SETTLE);
    assert_outcome(entry(bench, 1), "failed", "");
}

static void what_was_there_is_in_time_even_unannounced(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 1500, PORT("swp2", "100") SETTLE);
    feed(bench, 2000, VC "put machine id=m1 host=b\n");
    feed(bench, 2010, SETTLE);
    assert_times(entry(bench, 0), 2000, 2000, 2000, 2000, 2000);
    assert_outcome(entry(bench, 0), "in-time", "its move was not announced");
}

static void new_machines_and_those_without_host_are_no_moves(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 2000, MACHINE("m2", "b", "on") SETTLE);
    feed(bench, 2100, VC "put machine id=m1 host=\n" SETTLE);
    feed(bench, 2200, VC "put machine id=m1 host=a\n" SETTLE);
    feed(bench, 2300, READ(MACHINE("m1", "a", "on") MACHINE("m2", "b", "on")) SETTLE);
    assert_int_equal(count(bench), 0);
}

static void what_must_have_happened(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 2000,
         MACHINE("m2", "a", "off") MACHINE("m3", "a", "off") MACHINE("m4", "a", "suspended") VC
         "new machine id=m5 power=off\n" SETTLE);
    feed(bench, 2100,
         VC "put machine id=m2 host=b\n" VC "put machine id=m3 host=b power=on\n" VC
            "put machine id=m4 host=b power=on\n" VC "put machine id=m5 host=b power=on\n" SETTLE);
    assert_string_equal(record_word(TABLE_MIGRATION, "kind", entry(bench, 3)), "cold");
    assert_string_equal(record_word(TABLE_MIGRATION, "kind", entry(bench, 2)), "start");
    assert_string_equal(record_word(TABLE_MIGRATION, "kind", entry(bench, 1)), "resume");
    assert_string_equal(record_word(TABLE_MIGRATION, "kind", entry(bench, 0)), "start");
}

/* ---- Why it was missed ----------------------------------------------------------------------- */

static void a_fence_that_refuses_is_named(void **state)
{
    struct bench *bench = started_with(state, CONFIG_WITH("|  vlan allowed 200-299\n"));

    feed(bench, 2000, MOVE("new", "t1", "") SETTLE);
    assert_int_equal(clock_of(entry(bench, 0)->planned_ms), -1);
    feed(bench, 2300, IS_THERE SETTLE);
    assert_outcome(entry(bench, 0), "missed",
                   "port swp2: VLAN 100 is refused, beyond 'vlan allowed'");
}

static void a_wire_that_is_not_trusted_is_named(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 1500, "neighbor new neighbor owner=swp2 id=2 port_mac=00:50:56:00:00:03\n" SETTLE);
    feed(bench, 2000, MOVE("new", "t1", "") SETTLE);
    feed(bench, 2300, IS_THERE SETTLE);
    assert_outcome(entry(bench, 0), "missed", "port swp2: the wire to esx2 vmnic0 is conflict");
}

static void a_switch_that_cannot_be_written_is_named(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 1500, "switch put switch frozen=yes\n" SETTLE);
    feed(bench, 2000, MOVE("new", "t1", "") SETTLE);
    feed(bench, 2300, IS_THERE SETTLE);
    assert_outcome(entry(bench, 0), "missed", "port swp2: ");
    assert_int_equal(clock_of(entry(bench, 0)->planned_ms), -1);
}

/* ---- Other ends ------------------------------------------------------------------------------ */

static void failed_and_cancelled(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 2000, MOVE("new", "t1", "") SETTLE PORT("swp2", "100") SETTLE);
    feed(bench, 2300,
         VC "put move owner=m1 id=t1 outcome=failed problem=no%20memory\n" VC
            "gone move owner=m1 id=t1\n" SETTLE);
    assert_outcome(entry(bench, 0), "failed", "no memory");
    assert_int_equal(clock_of(entry(bench, 0)->switched_over_ms), -1);
    feed(bench, 3000, MOVE("new", "t2", "") SETTLE);
    feed(bench, 3300,
         VC "put move owner=m1 id=t2 outcome=cancelled\n" VC "gone move owner=m1 id=t2\n" SETTLE);
    assert_outcome(entry(bench, 0), "cancelled", "");
    feed(bench, 4000, MOVE("new", "t3", "") SETTLE);
    feed(bench, 9000, VC "gone move owner=m1 id=t3\n" SETTLE);
    assert_outcome(entry(bench, 0), "unknown", "vc1 says no more of it; the machine is on esx1");
    assert_int_equal(count(bench), 3);
}

/* The machine's row is late: it still says where the machine was before it came to host a. */
static void an_arrival_that_was_only_presumed(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 1000, VC "put machine id=m1 host=b\n" SETTLE PORT("swp2", "100") SETTLE);
    feed(bench, 62000, PORT("swp2", "") SETTLE MOVE("new", "t1", "") SETTLE);
    assert_outcome(entry(bench, 0), "missed", "it was announced when it was there already");
    feed(bench, 70000, VC "put machine id=m1 host=a\n" SETTLE);
    feed(bench, 130000,
         VC "put move owner=m1 id=t1 outcome=cancelled\n" VC "gone move owner=m1 id=t1\n" SETTLE);
    for (size_t i = 0; i < count(bench); i++)
        if (strcmp(entry(bench, i)->move, "t1") == 0) {
            assert_outcome(entry(bench, i), "cancelled", "");
            assert_int_equal(clock_of(entry(bench, i)->switched_over_ms), -1);
        }
}

static void a_host_behind_another_switch(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 2000, VC "new move owner=m1 id=t1 kind=migrate from=a to=c\n" SETTLE);
    assert_outcome(entry(bench, 0), "running", "");
    feed(bench, 2300, VC "put machine id=m1 host=c\n" SETTLE);
    assert_outcome(entry(bench, 0), "elsewhere", "");
    assert_times(entry(bench, 0), 2000, -1, -1, -1, 2300);
    feed(bench, 2400, VC "put machine id=m1 host=a\n" SETTLE);
    feed(bench, 2500, VC "put machine id=m1 host=c\n" SETTLE);
    assert_outcome(entry(bench, 0), "elsewhere", "its move was not announced");
}

static void storage_that_moves_leaves_the_machine(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 2000, VC "new move owner=m1 id=t1 kind=storage from=a to=a\n" SETTLE);
    assert_outcome(entry(bench, 0), "running", "");
    feed(bench, 2300, VC "put move owner=m1 id=t1 outcome=done\n" SETTLE);
    assert_outcome(entry(bench, 0), "in-time", "only its storage moves");
    assert_int_equal(clock_of(entry(bench, 0)->switched_over_ms), -1);
}

static void a_machine_that_starts_where_it_lies(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 1500, MACHINE("m2", "b", "off") PORT("swp2", "") SETTLE);
    feed(bench, 2000, VC "new move owner=m2 id=t1 kind=start to=b\n" SETTLE);
    assert_outcome(entry(bench, 0), "running", "");
    feed(bench, 2010, PORT("swp2", "100") SETTLE);
    feed(bench, 2300, VC "put machine id=m2 power=on\n" SETTLE);
    assert_int_equal(clock_of(entry(bench, 0)->switched_over_ms), 2300);
    assert_outcome(entry(bench, 0), "in-time", "");
}

/* The machine's row says that it runs, before the word of its start, which names no host. */
static void a_start_that_is_told_when_it_is_over(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 2000, VC "new move owner=m1 id=t1 kind=start\n" SETTLE);
    assert_string_equal(entry(bench, 0)->to, "esx1");
    assert_int_equal(clock_of(entry(bench, 0)->switched_over_ms), 2000);
}

static void a_clone_is_another_machine(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 2000, VC "new move owner=m1 id=t1 kind=clone from=a to=b name=web-m9\n" SETTLE);
    assert_string_equal(entry(bench, 0)->machine, "web-m9");
    assert_vlans(&entry(bench, 0)->vlans, "100");
    feed(bench, 2010, PORT("swp2", "100") SETTLE);
    feed(bench, 2200, VC "put machine id=m1 host=c\n" SETTLE);
    assert_int_equal(count(bench), 2);
    feed(bench, 2300, MACHINE("m9", "b", "on") SETTLE);
    assert_outcome(entry(bench, 1), "in-time", "");
    assert_int_equal(clock_of(entry(bench, 1)->switched_over_ms), 2300);
}

/* ---- The history ----------------------------------------------------------------------------- */

#define HISTORY "history begin migration\nhistory end migration\n"

static const char *written(struct bench *bench)
{
    static char text[65536];

    snprintf(text, sizeof(text), "%s", strbuf_text(&bench->actions.to_history));
    strbuf_reset(&bench->actions.to_history);
    return text;
}

static void entries_are_numbered_and_written_once_the_history_has_told(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 2000, MOVE("new", "t1", "") SETTLE);
    assert_string_equal(written(bench), "");
    assert_string_equal(entry(bench, 0)->id, "");
    feed(bench, 2100,
         "history begin migration\nhistory new migration id=7 hypervisor=vc1 machine=old "
         "outcome=in-time seen_ms=5\nhistory end migration\n");
    assert_non_null(strstr(written(bench), "new migration id=8 hypervisor=vc1"));
    assert_string_equal(entry(bench, 1)->machine, "old");
    feed(bench, 2200, SETTLE);
    assert_string_equal(written(bench), "");
    feed(bench, 2210, PORT("swp2", "100") SETTLE);
    assert_non_null(strstr(written(bench), "new migration id=8 hypervisor=vc1"));
    assert_int_equal(count(bench), 2);
}

static void a_new_history_process_is_told_what_it_missed(void **state)
{
    struct bench *bench = started(state);
    struct strbuf first;

    feed(bench, 1500, HISTORY MOVE("new", "t1", "") SETTLE);
    strbuf_init(&first, 65536);
    strbuf_addf(&first, "history begin migration\nhistory %shistory end migration\n",
                written(bench));
    feed(bench, 2000, "history ! was killed by signal 9\n" MOVE("new", "t2", "") SETTLE);
    assert_string_equal(written(bench), "");
    feed(bench, 3000, first.data);
    assert_memory_equal(written(bench), "new migration id=2 ", 19);
    feed(bench, 3100, "history ! was killed by signal 9\n");
    feed(bench, 3200, VC "put move owner=m1 id=t1 outcome=cancelled\n" SETTLE);
    feed(bench, 4000, first.data);
    assert_memory_equal(written(bench), "new migration id=1 ", 19);
    feed(bench, 5000, HISTORY);
    assert_memory_equal(written(bench), "new migration id=1 ", 19);
    strbuf_done(&first);
}

#define TOLD(more)                                                                                 \
    "history begin migration\nhistory new migration id=3 hypervisor=vc1 machine_id=m1 "            \
    "machine=web-m1 move=t1 from=esx1 to=esx2 kind=migrate ports=swp2 vlans=100 added=100 "        \
    "seen_ms=999999999500 planned_ms=999999999501" more "\nhistory end migration\n"

static void a_move_that_was_under_way_when_vsnd_started(void **state)
{
    struct bench *bench = *state;

    feed(bench, 1000, CONFIG TOLD("") SWITCH);
    feed(bench, 1000,
         VC "begin all\n" HOSTS MACHINE("m1", "a", "on") MOVE("new", "t1", "") VC
         "end all\n" VC "put session state=connected\n" NEIGHBORS SETTLE);
    assert_outcome(entry(bench, 0), "running", "");
    feed(bench, 1020, PORT("swp2", "100") SETTLE);
    feed(bench, 1300, IS_THERE SETTLE);
    assert_outcome(entry(bench, 0), "in-time", "");
    assert_int_equal(clock_of(entry(bench, 0)->verified_ms), 1020);
    assert_int_equal(clock_of(entry(bench, 0)->switched_over_ms), 1300);
    assert_int_equal(count(bench), 1);
}

static void a_move_that_ended_while_vsnd_did_not_run(void **state)
{
    struct bench *bench = *state;

    feed(bench, 1000, CONFIG TOLD(""));
    feed(bench, 1000, SWITCH READ(MACHINE("m1", "b", "on")) NEIGHBORS SETTLE);
    assert_outcome(entry(bench, 0), "running", "");
    assert_true(bench->actions.wake_ms <= 1000 + MIGRATION_GRACE_MS);
    feed(bench, 1000 + MIGRATION_GRACE_MS, SETTLE);
    assert_outcome(entry(bench, 0), "unknown",
                   "vsnd was not running when it ended; the machine is on esx2");
    assert_non_null(strstr(written(bench), "outcome=unknown"));
}

/* When it ended is not known, though it is where it was to be. */
static void a_start_that_ended_while_vsnd_did_not_run(void **state)
{
    struct bench *bench = *state;

    feed(bench, 1000,
         CONFIG "history begin migration\nhistory new migration id=3 hypervisor=vc1 machine_id=m1 "
                "machine=web-m1 move=t1 to=esx2 kind=start seen_ms=999999999500\n"
                "history end migration\n");
    feed(bench, 1000, SWITCH READ(MACHINE("m1", "b", "on")) NEIGHBORS SETTLE);
    feed(bench, 1000 + MIGRATION_GRACE_MS, SETTLE);
    assert_outcome(entry(bench, 0), "unknown", "vsnd was not running when it ended");
    assert_int_equal(clock_of(entry(bench, 0)->switched_over_ms), -1);
}

/* The clock counts from the start of the switch, and the history is older. */
static void entries_of_old_are_no_answer_to_what_happens_now(void **state)
{
    struct bench *bench = *state;

    feed(bench, 1000,
         CONFIG "history begin migration\nhistory new migration id=3 hypervisor=vc1 machine_id=m1 "
                "machine=web-m1 move=t1 from=esx3 to=esx2 kind=migrate outcome=in-time "
                "seen_ms=999999999500\nhistory end migration\n");
    feed(bench, 1000, SWITCH READ(MACHINE("m1", "a", "on")) NEIGHBORS SETTLE);
    feed(bench, 2000, VC "put machine id=m1 host=b\n" SETTLE);
    assert_int_equal(count(bench), 2);
    assert_outcome(entry(bench, 0), "missed", "its move was not announced");
    assert_outcome(entry(bench, 1), "in-time", "");
    assert_int_equal(clock_of(entry(bench, 1)->switched_over_ms), -1);
}

static void a_move_whose_vlans_were_there_before_vsnd_stopped(void **state)
{
    struct bench *bench = *state;

    feed(bench, 1000, CONFIG TOLD(" verified_ms=999999999600"));
    feed(bench, 1000, SWITCH READ(MACHINE("m1", "b", "on")) NEIGHBORS SETTLE);
    feed(bench, 1000 + MIGRATION_GRACE_MS, SETTLE);
    assert_outcome(entry(bench, 0), "in-time", "vsnd was not running when it ended");
    assert_int_equal(clock_of(entry(bench, 0)->switched_over_ms), -1);
}

static void a_hypervisor_that_is_configured_no_more(void **state)
{
    struct bench *bench = started(state);

    feed(bench, 2000, MOVE("new", "t1", "") SETTLE);
    feed(bench, 2100, "config\n| hostname tor-1\n| switch dummy ports\n| end\n" SETTLE);
    assert_outcome(entry(bench, 0), "unknown", "hypervisor vc1 is followed no more");
}

/* ---- Bounds and totals ----------------------------------------------------------------------- */

static void the_oldest_that_are_over_go(void **state)
{
    struct bench *bench = started(state);
    struct strbuf lines;

    strbuf_init(&lines, 16 * 1024 * 1024);
    strbuf_adds(&lines, "history begin migration\n");
    for (int i = 1; i <= MIGRATIONS_MAX + 5; i++)
        strbuf_addf(&lines, "history new migration id=%d hypervisor=vc1 outcome=in-time\n", i);
    strbuf_adds(&lines, "history end migration\n");
    feed(bench, 2000, lines.data);
    strbuf_done(&lines);
    assert_int_equal(count(bench), MIGRATIONS_MAX);
    feed(bench, 2100, MOVE("new", "t1", "") SETTLE);
    feed(bench, 2200, VC "put machine id=m1 host=c\n" SETTLE);
    assert_int_equal(count(bench), MIGRATIONS_MAX);
    assert_string_equal(entry(bench, 0)->id, "10006");
    assert_string_equal(entry(bench, MIGRATIONS_MAX - 1)->id, "7");
}

static void more_moves_than_can_be_followed(void **state)
{
    struct bench *bench = started(state);
    struct migration_totals totals;

    for (int i = 0; i < MIGRATIONS_FOLLOWED_MAX + 10; i++) {
        char line[256];

        snprintf(line, sizeof(line), VC "new move owner=m%d id=t kind=migrate from=a to=c\n", i);
        feed(bench, 2000, line);
    }
    feed(bench, 2001, SETTLE);
    totals = migrations_totals(core_migrations(replay_core(bench->replay)));
    assert_int_equal(totals.running, MIGRATIONS_FOLLOWED_MAX);
    assert_int_equal(totals.unknown, 10);
}

static void texts_are_cut(void **state)
{
    struct bench *bench = started(state);
    char line[2048], user[1024];

    memset(user, 'x', sizeof(user) - 1);
    user[sizeof(user) - 1] = '\0';
    snprintf(line, sizeof(line), VC "new move owner=m1 id=t1 kind=migrate to=b user=%s\n", user);
    feed(bench, 2000, line);
    assert_int_equal(strlen(entry(bench, 0)->user), MIGRATION_TEXT_MAX - 1);
}

static void totals_count_and_rank(void **state)
{
    struct bench *bench = *state;
    struct migration_totals totals;
    char line[256];

    feed(bench, 1000, CONFIG "history begin migration\n");
    for (int i = 1; i <= 200; i++) {
        snprintf(line, sizeof(line),
                 "history new migration id=%d hypervisor=vc1 outcome=%s vlans=7 verified_ms=5000 "
                 "switched_over_ms=%d\n",
                 i, i == 1 ? "missed" : "in-time", 5000 + (i - 2) * 10);
        feed(bench, 1000, line);
    }
    feed(bench, 1000,
         "history new migration id=201 hypervisor=vc1 outcome=failed verified_ms=5000\n"
         "history new migration id=202 hypervisor=vc1 outcome=elsewhere\n"
         "history new migration id=204 hypervisor=vc1 outcome=in-time verified_ms=5 "
         "switched_over_ms=9\n"
         "history new migration id=203 hypervisor=vc1 outcome=cancelled\nhistory end migration\n");
    totals = migrations_totals(core_migrations(replay_core(bench->replay)));
    assert_int_equal(totals.moves, 204);
    assert_int_equal(totals.in_time, 200);
    assert_int_equal(totals.missed, 1);
    assert_int_equal(totals.failed, 1);
    assert_int_equal(totals.elsewhere, 1);
    assert_int_equal(totals.cancelled, 1);
    assert_int_equal(totals.leads, 200);
    assert_int_equal(totals.lead_p50_ms, 990);
    assert_int_equal(totals.lead_p99_ms, 10);
    assert_int_equal(totals.lead_worst_ms, -10);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(each_stage_has_its_time),
        ROW(written_is_not_verified),
        ROW(what_was_there_already_is_verified_at_once),
        ROW(what_is_taken_away_before_the_machine_is_there_counts_not),
        ROW(it_may_begin_and_end_between_two_settlings),
        ROW(done_and_the_machine_in_any_order_are_one_entry),
        ROW(an_unknown_destination_becomes_known),
        ROW(what_was_done_before_the_destination_was_known),
        ROW(a_destination_that_only_the_arrival_tells),
        ROW(what_was_there_while_the_destination_was_not_known),
        ROW(a_machine_that_goes_elsewhere_than_announced),
        ROW(a_machine_that_nobody_announced),
        ROW(contact_that_was_lost_during_a_move),
        ROW(contact_that_was_lost_when_it_arrived),
        ROW(the_word_of_it_may_come_after_the_machine),
        ROW(the_next_move_is_another_one),
        ROW(where_it_sets_out_from_is_no_arrival),
        ROW(what_was_there_is_in_time_even_unannounced),
        ROW(new_machines_and_those_without_host_are_no_moves),
        ROW(what_must_have_happened),
        ROW(a_fence_that_refuses_is_named),
        ROW(a_wire_that_is_not_trusted_is_named),
        ROW(a_switch_that_cannot_be_written_is_named),
        ROW(failed_and_cancelled),
        ROW(an_arrival_that_was_only_presumed),
        ROW(a_host_behind_another_switch),
        ROW(storage_that_moves_leaves_the_machine),
        ROW(a_machine_that_starts_where_it_lies),
        ROW(a_start_that_is_told_when_it_is_over),
        ROW(a_clone_is_another_machine),
        ROW(entries_are_numbered_and_written_once_the_history_has_told),
        ROW(a_new_history_process_is_told_what_it_missed),
        ROW(a_move_that_was_under_way_when_vsnd_started),
        ROW(a_move_that_ended_while_vsnd_did_not_run),
        ROW(a_start_that_ended_while_vsnd_did_not_run),
        ROW(entries_of_old_are_no_answer_to_what_happens_now),
        ROW(a_move_whose_vlans_were_there_before_vsnd_stopped),
        ROW(a_hypervisor_that_is_configured_no_more),
        ROW(the_oldest_that_are_over_go),
        ROW(more_moves_than_can_be_followed),
        ROW(texts_are_cut),
        ROW(totals_count_and_rank),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

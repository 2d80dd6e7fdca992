#include "cmocka_unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "reconcile/replay.h"
#include "scene.h"

/* The core, fed by lines as in a recording; what it sends and says since the last question. */
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

static int feed_line(struct bench *bench, int64_t at_ms, const char *text)
{
    struct error error = { "" };
    char line[1024];

    snprintf(line, sizeof(line), "%s", text);
    if (text[0] != '|')
        snprintf(line, sizeof(line), "%lld %lld %s", (long long)at_ms, (long long)at_ms, text);
    return replay_line(bench->replay, line, &bench->actions, &error);
}

/* Feeds lines without their times, all at 'at_ms'; when to wake is asked for anew. */
static void feed(struct bench *bench, int64_t at_ms, const char *lines)
{
    char *copy = strdup(lines), *at = copy, *line;

    bench->actions.wake_ms = INT64_MAX;
    while (at && *at && (line = strsep(&at, "\n")))
        if (feed_line(bench, at_ms, line) < 0)
            fail_msg("refused: %s", line);
    free(copy);
}

/* What was sent to the Config Module since the last time, policies aside. */
static void assert_sent(struct bench *bench, const char *wanted)
{
    char *at = bench->actions.to_module.data, *line;
    struct strbuf sent;

    strbuf_init(&sent, 65536);
    while (at && *at && (line = strsep(&at, "\n")))
        if (!strstr(line, " policy"))
            strbuf_addf(&sent, "%s\n", line);
    assert_string_equal(strbuf_text(&sent), wanted);
    strbuf_done(&sent);
    strbuf_reset(&bench->actions.to_module);
}

static bool said(struct bench *bench, const char *text)
{
    bool found = strstr(strbuf_text(&bench->actions.log), text) != NULL;

    strbuf_reset(&bench->actions.log);
    return found;
}

#define CONFIG(vsn)                                                                                \
    "config\n| hostname tor-1\n| switch dummy ports\n| hypervisor vc1\n|  type vmware\n"           \
    "|  access https://127.0.0.1/sdk username u password-file /p\n|  mode config\n"                \
    "|  no disable\n| !\n| interface swp1\n|  vsn enable\n| !\n| vsn\n" vsn "| !\n| end\n"
#define SWITCH                                                                                     \
    "switch new switch driver=dummy state=ready\nswitch begin port\n"                              \
    "switch new port id=swp1 native=1 learnt_known=yes\nswitch end port\n"
#define VC "hypervisor/vc1 "
#define READING                                                                                    \
    VC "put session state=syncing reason=\n" VC "begin all\n" VC                                   \
       "new host id=a name=a connection=connected\n" VC                                            \
       "new nic owner=a id=vmnic0 mac=00:50:56:00:00:01\n" VC                                      \
       "new vswitch owner=a id=v kind=standard\n" VC                                               \
       "new uplink owner=a id=vmnic0 vswitch=v name=vmnic0\n" VC                                   \
       "new network owner=a id=blue vswitch=v mode=tagged vlans=100\n"
#define READ READING VC "end all\n" VC "put session state=connected\n"
#define NEIGHBOR "neighbor new neighbor owner=swp1 id=1 port_mac=00:50:56:00:00:01\n"
#define RED VC "new network owner=a id=red vswitch=v mode=tagged vlans=200\n"

/* Everything in place; VLAN 100 was added. */
static struct bench *started(void **state, const char *config)
{
    struct bench *bench = *state;

    feed(bench, 1000, config);
    feed(bench, 1000, SWITCH READ NEIGHBOR "settle\n");
    assert_sent(bench, "new change id=1 port=swp1 add=100\n");
    feed(bench, 1010,
         "switch new port id=swp1 native=1 tagged=100 owned=100 learnt_known=yes\n"
         "switch new outcome id=1 port=swp1 added=100\nsettle\n");
    assert_sent(bench, "");
    strbuf_reset(&bench->actions.log);
    return bench;
}

static void what_it_asks_for(void **state)
{
    struct bench *bench = started(state, CONFIG(""));

    assert_true(bench->actions.settle);
    feed(bench, 2000, VC "gone network owner=a id=blue\n" RED "settle\n");
    assert_int_equal(bench->actions.wake_ms, 2000 + 30000); /* the change just sent */
    assert_sent(bench, "new change id=2 port=swp1 add=200\n");
    feed(bench, 2010,
         "switch new port id=swp1 native=1 tagged=100,200 owned=100,200 learnt_known=yes\n"
         "switch new outcome id=2 port=swp1 added=200\n");
    feed(bench, 2011, "settle\n");
    assert_int_equal(bench->actions.wake_ms, 2011 + 299989); /* the hold-down, begun at 2000 */
    feed(bench, 302010, "settle\n");
    assert_sent(bench, "new change id=3 port=swp1 remove=100\n");
}

static void the_policy_is_sent_to_each_module_anew(void **state)
{
    struct bench *bench = *state;

    feed(bench, 1000, CONFIG("|  vlan protect 5-9\n"));
    assert_string_equal(strbuf_text(&bench->actions.to_module), "");
    feed(bench, 1000, SWITCH);
    assert_string_equal(strbuf_text(&bench->actions.to_module),
                        "begin policy\nnew policy id=swp1 allowed=1-4,10-4094\nend policy\n");
    strbuf_reset(&bench->actions.to_module);
    feed(bench, 1001, "switch ! was killed by signal 9\n" SWITCH);
    assert_string_equal(strbuf_text(&bench->actions.to_module),
                        "begin policy\nnew policy id=swp1 allowed=1-4,10-4094\nend policy\n");
}

static void a_lost_module_holds_everything(void **state)
{
    struct bench *bench = started(state, CONFIG(""));

    feed(bench, 2000, "switch ! was killed by signal 9\n" RED "settle\n");
    assert_sent(bench, "");
    feed(bench, 3000,
         "switch begin port\n"
         "switch new port id=swp1 native=1 tagged=100 owned=100 learnt_known=yes\n"
         "switch end port\nswitch put switch state=ready reason=\nsettle\n");
    assert_sent(bench, "new change id=2 port=swp1 add=200\n");
}

static void what_somebody_takes_away_is_put_back_a_few_times(void **state)
{
    struct bench *bench = started(state, CONFIG(""));
    char line[128], sent[128];

    for (int i = 0; i < 4; i++) {
        int64_t now_ms = 100000 + 1000 * i;

        feed(bench, now_ms, "switch new port id=swp1 native=1 learnt_known=yes\nsettle\n");
        snprintf(sent, sizeof(sent), "new change id=%d port=swp1 add=100\n", i + 2);
        assert_sent(bench, sent);
        assert_true(said(bench, i < 3 ? "putting it back\n" : "for the last time for now"));
        feed(bench, now_ms + 1,
             "switch new port id=swp1 native=1 tagged=100 owned=100 learnt_known=yes\n");
        snprintf(line, sizeof(line), "switch new outcome id=%d port=swp1 added=100\n", i + 2);
        feed(bench, now_ms + 1, line);
    }
    feed(bench, 105000, "switch new port id=swp1 native=1 learnt_known=yes\nsettle\n");
    assert_sent(bench, "");
    feed(bench, 403001, "settle\n");
    assert_sent(bench, "new change id=6 port=swp1 add=100\n");
}

/* One VLAN that the switch refuses does not keep the others waiting. */
static void a_refused_vlan_does_not_hold_up_another(void **state)
{
    struct bench *bench = started(state, CONFIG(""));

    feed(bench, 2000, RED "settle\n");
    assert_sent(bench, "new change id=2 port=swp1 add=200\n");
    feed(bench, 2010, "switch new outcome id=2 port=swp1 problem=full\nsettle\n");
    assert_sent(bench, "");
    feed(bench, 2020, VC "new network owner=a id=green vswitch=v mode=tagged vlans=300\nsettle\n");
    assert_sent(bench, "new change id=3 port=swp1 add=300\n");
    feed(bench, 2030,
         "switch new port id=swp1 native=1 tagged=100,300 owned=100,300 learnt_known=yes\n"
         "switch new outcome id=3 port=swp1 added=300\nsettle\n");
    assert_sent(bench, "");
    feed(bench, 3010, "settle\n");
    assert_sent(bench, "new change id=4 port=swp1 add=200\n");
}

/* A session process that dies and one that comes back connected, without a read in between. */
static void a_new_session_process_starts_from_nothing(void **state)
{
    struct bench *bench = started(state, CONFIG("|  prune immediate\n|  hold 30\n"));

    feed(bench, 2000, VC "! was killed by signal 11\nsettle\n");
    assert_int_equal(core_hypervisor(replay_core(bench->replay), 0).state, SESSION_STALE);
    feed(bench, 2001, VC "put session state=connecting\n");
    assert_int_equal(core_hypervisor(replay_core(bench->replay), 0).state, SESSION_STALE);
    feed(bench, 2002,
         VC "put session state=connected\n" VC "gone network owner=a id=blue\nsettle\n");
    assert_int_equal(core_hypervisor(replay_core(bench->replay), 0).state, SESSION_CONNECTED);
    assert_sent(bench, "");
    /* 'hold' counts from the loss, and ended with the contact. */
    feed(bench, 40000, "settle\n");
    assert_sent(bench, "");
    feed(bench, 40001,
         VC "put session state=syncing\n" READ VC "put session state=connected\nsettle\n");
    assert_sent(bench, "");
}

static void hold_counts_from_the_loss_of_contact(void **state)
{
    struct bench *bench = started(state, CONFIG("|  prune immediate\n|  hold 30\n"));

    feed(bench, 10000, VC "put session state=stale reason=reset\nsettle\n");
    assert_int_equal(bench->actions.wake_ms, 40000);
    feed(bench, 20000, VC "put session state=connecting\n");
    feed(bench, 39999, "settle\n");
    assert_sent(bench, "");
    feed(bench, 40000, "settle\n");
    assert_sent(bench, "new change id=2 port=swp1 remove=100\n");
}

/* A read that breaks off: what it told is added, what it did not tell is not missed. */
static void half_a_read_adds_and_removes_nothing(void **state)
{
    struct bench *bench = started(state, CONFIG("|  prune immediate\n"));

    feed(bench, 2000,
         VC "put session state=stale\n" VC "put session state=syncing\n" VC "begin all\n" VC
            "new host id=a name=a connection=connected\n" RED "settle\n");
    assert_sent(bench, "new change id=2 port=swp1 add=200\n");
    feed(bench, 2010,
         "switch new port id=swp1 native=1 tagged=100,200 owned=100,200 learnt_known=yes\n"
         "switch new outcome id=2 port=swp1 added=200\n" VC
         "put session state=connected\nsettle\n");
    assert_sent(bench, "");
}

static void a_reload_keeps_what_is_known(void **state)
{
    struct bench *bench = started(state, CONFIG("|  prune immediate\n"));

    feed(bench, 2000, CONFIG("|  prune immediate\n|  vlan protect 7\n") "settle\n");
    assert_sent(bench, "");
    assert_int_equal(core_hypervisor(replay_core(bench->replay), 0).state, SESSION_CONNECTED);
    assert_int_equal(core_intent(replay_core(bench->replay))->ports[0].may_remove, true);
}

static void the_audit_names_whom_it_was_for(void **state)
{
    const struct core *core = replay_core(started(state, CONFIG(""))->replay);
    const struct audit *entry = core_audit(core, 0);

    assert_non_null(entry);
    assert_string_equal(entry->port, "swp1");
    assert_string_equal(entry->whom, "vc1/a/vmnic0");
    assert_vlans(&entry->added, "100");
    assert_null(core_audit(core, 1));
}

static void records_of_strangers_are_refused(void **state)
{
    struct bench *bench = started(state, CONFIG(""));

    assert_int_equal(feed_line(bench, 2000, "hypervisor/vc9 new host id=a"), -ENOENT);
    assert_int_equal(feed_line(bench, 2000, "accept vc1"), -EALREADY);
    assert_int_equal(feed_line(bench, 2000, "accept vc9"), -ENOENT);
}

/* What a move brings with it does not wait for the pause between two settlings. */
static void moves_are_settled_at_once(void **state)
{
    static const struct {
        const char *told;
        bool now;
    } rows[] = {
        { VC "new machine id=m host=a\n" VC "new vif owner=m id=1 network=blue\n", false },
        { RED, false },
        { VC "put machine id=m host=b\n", true },
        { VC "put machine id=m host=b\n", false },
        { VC "put machine id=m name=n\n", false },
        { VC "new move owner=m id=7 to=a\n", true },
        { VC "new move owner=m id=7 to=a\n", false },
        { "switch new outcome id=9 port=swp1\n", true },
        { VC "put vif owner=m id=1 network=red\n", true },
        { VC "put move owner=m id=7 outcome=done\n", true },
        { VC "gone move owner=m id=7\n", true },
        { "settle\nswitch new outcome id=9 port=swp1\n", false },
    };
    struct bench *bench = started(state, CONFIG(""));

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        bench->actions.settle_now = false;
        feed(bench, 2000, rows[i].told);
        if (bench->actions.settle_now != rows[i].now)
            fail_msg("%s", rows[i].told);
    }
}

/* The answer to one change is on its way: another machine's VLAN goes without waiting for it. */
static void a_move_does_not_wait_for_an_answer(void **state)
{
    struct bench *bench = started(state, CONFIG(""));

    feed(bench, 2000, RED "settle\n");
    assert_sent(bench, "new change id=2 port=swp1 add=200\n");
    feed(bench, 2001,
         VC "new network owner=a id=green vswitch=v mode=tagged vlans=300\n"
            "settle\n");
    assert_sent(bench, "new change id=3 port=swp1 add=300\n");
    feed(bench, 2002,
         "switch new port id=swp1 native=1 tagged=100,200,300 owned=100,200,300 learnt_known=yes\n"
         "switch new outcome id=2 port=swp1 added=200\n"
         "switch new outcome id=3 port=swp1 added=300\nsettle\n");
    assert_sent(bench, "");
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(what_it_asks_for),
        ROW(the_policy_is_sent_to_each_module_anew),
        ROW(a_lost_module_holds_everything),
        ROW(what_somebody_takes_away_is_put_back_a_few_times),
        ROW(a_refused_vlan_does_not_hold_up_another),
        ROW(a_new_session_process_starts_from_nothing),
        ROW(hold_counts_from_the_loss_of_contact),
        ROW(half_a_read_adds_and_removes_nothing),
        ROW(a_reload_keeps_what_is_known),
        ROW(the_audit_names_whom_it_was_for),
        ROW(records_of_strangers_are_refused),
        ROW(moves_are_settled_at_once),
        ROW(a_move_does_not_wait_for_an_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

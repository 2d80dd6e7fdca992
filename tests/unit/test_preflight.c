#include "cmocka_unit.h"

#include <stdio.h>
#include <string.h>

#include "reconcile/preflight.h"
#include "reconcile/replay.h"
#include "scene.h"

/* The core, fed by lines as in a recording. */
struct bench {
    struct replay *replay;
    struct actions actions;
    int64_t now_ms;
};

static int tear_down(void **state)
{
    struct bench *bench = *state;

    replay_free(bench->replay);
    actions_done(&bench->actions);
    *bench = (struct bench){ 0 };
    return 0;
}

static int set_up(void **state)
{
    static struct bench bench;

    *state = &bench;
    tear_down(state);
    bench.replay = replay_new();
    bench.now_ms = 1000;
    actions_init(&bench.actions);
    return bench.replay ? 0 : -1;
}

/* Feeds lines without their times; '@' stands for the source of hypervisor vc1. */
static void feed(struct bench *bench, const char *lines)
{
    char *copy = strdup(lines), *at = copy, *line;

    while (at && *at && (line = strsep(&at, "\n"))) {
        struct error error = { "" };
        char text[1024];

        snprintf(text, sizeof(text), "%lld %lld %s%s", (long long)bench->now_ms,
                 (long long)bench->now_ms, line[0] == '@' ? "hypervisor/vc1" : "",
                 line + (line[0] == '@'));
        if (line[0] == '|')
            snprintf(text, sizeof(text), "%s", line);
        if (replay_line(bench->replay, text, &bench->actions, &error) < 0)
            fail_msg("%s: %s", line, error.text);
    }
    free(copy);
}

/* Machine m is on host a, which is behind swp1, and may go to b behind swp2 (vmnic0; vmnic1 is
 * elsewhere). Both are on one distributed switch; c is another switch's. */
#define CONFIG(vc1, swp2, vsn)                                                                     \
    "config\n| hostname tor-1\n| switch dummy ports\n| hypervisor vc1\n|  type vmware\n"           \
    "|  access https://127.0.0.1/sdk username u password-file /p\n|  mode config\n"                \
    "|  provision machines\n|  no disable\n" vc1 "| !\n| interface swp1\n|  vsn enable\n"          \
    "|  vsn bind vc1 a vmnic0\n| !\n| interface swp2\n|  vsn enable\n"                             \
    "|  vsn bind vc1 b vmnic0\n" swp2 "| !\n| vsn\n" vsn "| !\n| end\n"
#define SWITCH                                                                                     \
    "switch new switch driver=dummy state=ready\nswitch begin port\n"                              \
    "switch new port id=swp1 enabled=yes native=1 learnt_known=yes\n"                              \
    "switch new port id=swp2 enabled=yes native=1 learnt_known=yes\nswitch end port\n"
#define ESX(id, nic)                                                                               \
    "@ new host id=" id " name=" id " connection=connected\n@ new nic owner=" id                   \
    " id=vmnic0\n@ new vswitch owner=" id                                                          \
    " id=u1 name=dvs kind=distributed\n@ new uplink owner=" id                                     \
    " id=vmnic0 vswitch=u1 name=up0\n" nic
#define VDS(id, fields)                                                                            \
    "@ new network id=" id " name=" id " kind=distributed vswitch=dvs-1 active=up0 "               \
    "teaming_known=yes " fields "\n"
#define READ(more)                                                                                 \
    "@ put session state=syncing reason=\n@ begin all\n" ESX("a", "") ESX("b", "") ESX(            \
        "c", "") "@ new dvswitch id=dvs-1 name=dvs uuid=u1\n" VDS("blue", "mode=tagged vlans=100") \
        VDS("red", "mode=tagged vlans=200")                                                        \
            VDS("plain", "mode=native") "@ new machine id=m name=m host=a power=on\n@ new vif "    \
                                        "owner=m id=1 network=blue "                               \
                                        "shared=yes\n" more                                        \
                                        "@ end all\n@ put session state=connected\nsettle\n"
#define USUAL CONFIG("", "", ""), SWITCH READ("")

struct summary {
    char text[2048]; /* "port VLANS state; ..." */
    struct vlanset will_be;
};

static void summarize(const struct preflight_line *line, void *data)
{
    struct summary *summary = data;
    size_t at = strlen(summary->text);
    char vlans[64];

    snprintf(summary->text + at, sizeof(summary->text) - at, "%s%s%s%s %s%s%s%s",
             at > 0 ? "; " : "", line->port, line->port[0] ? " " : "",
             vlanset_text(&line->vlans, vlans, sizeof(vlans)), preflight_word(line->state),
             line->reason[0] ? " (" : "", line->reason, line->reason[0] ? ")" : "");
    if (line->state == PREFLIGHT_WILL_BE)
        summary->will_be = vlanset_union(&summary->will_be, &line->vlans);
}

static enum preflight_state ask(struct bench *bench, const char *host, struct summary *summary)
{
    const struct core *core = replay_core(bench->replay);
    struct core_hypervisor vc1 = core_hypervisor(core, 0);

    *summary = (struct summary){ .text = "" };
    return preflight_move(core, &vc1, inventory_find(vc1.inventory, TABLE_MACHINE, "", "m"),
                          inventory_find(vc1.inventory, TABLE_HOST, "", host), bench->now_ms,
                          summarize, summary);
}

/* What is sent for swp2 once a move of m to b is announced. */
static struct vlanset announce(struct bench *bench)
{
    struct vlanset added = vlanset_empty;
    char *at, *line;

    strbuf_reset(&bench->actions.to_module);
    bench->now_ms++;
    feed(bench, "@ new move owner=m id=1 kind=migrate from=a to=b\nsettle\n");
    at = bench->actions.to_module.data;
    while (at && *at && (line = strsep(&at, "\n"))) {
        struct record record;
        struct error error;

        if (!strncmp(line, "new change ", 11) && record_read(line, &record, &error) == 0 &&
            strcmp(record.row.change.port, "swp2") == 0)
            added = vlanset_union(&added, &record.row.change.add);
    }
    return added;
}

/* Each row: what is different, and what is said; the move that is then announced gets exactly what
 * was promised. */
static void what_is_said_is_what_happens(void **state)
{
    static const struct {
        const char *config, *told, *then, *said;
        enum preflight_state worst;
    } rows[] = {
        { USUAL, "", "swp2 100 will be made ready", PREFLIGHT_WILL_BE },
        { USUAL,
          "switch new port id=swp2 enabled=yes native=1 tagged=100 learnt_known=yes\nsettle\n",
          "swp2 100 ready", PREFLIGHT_READY },
        { USUAL, "switch new port id=swp2 enabled=yes open=yes learnt_known=yes\nsettle\n",
          "swp2 100 ready", PREFLIGHT_READY },
        { USUAL, "switch new port id=swp2 enabled=yes native=100 learnt_known=yes\nsettle\n",
          "swp2 100 refused (the native VLAN of the port, which stays untagged)",
          PREFLIGHT_REFUSED },
        { USUAL,
          "switch new port id=swp2 enabled=yes native=1 refusal=an%20access%20port\nsettle\n",
          "swp2 100 refused (an access port)", PREFLIGHT_REFUSED },
        { USUAL, "switch gone port id=swp2\nsettle\n",
          "swp2 100 unknown (the switch has no such port)", PREFLIGHT_UNKNOWN },
        { USUAL, "switch put switch frozen=yes\nsettle\n",
          "swp2 100 refused (frozen by the operator: nothing is written until 'vsn thaw')",
          PREFLIGHT_REFUSED },
        { USUAL, "switch put switch state=unreachable reason=gone\nsettle\n",
          "swp2 100 unknown (gone)", PREFLIGHT_UNKNOWN },
        /* Fences. */
        { CONFIG("", "", "|  vlan protect 100\n"), SWITCH READ(""), "",
          "swp2 100 refused ('vlan protect')", PREFLIGHT_REFUSED },
        { CONFIG("|  vlan allowed 1-99\n", "", ""), SWITCH READ(""), "",
          "swp2 100 refused (beyond 'vlan allowed' of hypervisor vc1)", PREFLIGHT_REFUSED },
        { CONFIG("", "|  vlan allowed 1-99\n", ""), SWITCH READ(""), "",
          "swp2 100 refused (beyond 'vlan allowed' of interface swp2)", PREFLIGHT_REFUSED },
        { CONFIG("|  mode check\n", "", ""), SWITCH READ(""), "",
          "swp2 100 refused (hypervisor vc1 is in 'mode check': nothing is written)",
          PREFLIGHT_REFUSED },
        { CONFIG("", "", "|  evidence strict\n"), SWITCH READ(""), "",
          "swp2 100 will be made ready", PREFLIGHT_WILL_BE },
        /* Two interfaces share the port's cap. */
        { CONFIG("", "|  vlan maximum 1\n", ""),
          SWITCH READ("@ new vif owner=m id=2 network=red shared=yes\n"), "",
          "swp2 100 will be made ready; swp2 200 refused (beyond 'vlan maximum 1' of interface "
          "swp2)",
          PREFLIGHT_REFUSED },
        /* Platforms have limits. */
        { CONFIG("", "", "|  limit port-vlans 1\n"),
          SWITCH READ("@ new vif owner=m id=2 network=red shared=yes\n"), "",
          "swp2 100 will be made ready; swp2 200 refused ('limit port-vlans': the port has "
          "room for no more VLANs)",
          PREFLIGHT_REFUSED },
        /* What the machine is plugged into. */
        { USUAL, "@ new vif owner=m id=1 network=plain shared=yes\nsettle\n",
          " ready (untagged: the native VLAN is left alone)", PREFLIGHT_READY },
        { USUAL, "@ new vif owner=m id=1\nsettle\n", " ready (it is plugged into no network)",
          PREFLIGHT_READY },
        { USUAL, "@ gone vif owner=m id=1\nsettle\n", "", PREFLIGHT_READY },
        { USUAL, "@ unknown vif owner=m\n@ gone vif owner=m id=1\nsettle\n",
          " unknown (the machine's interfaces could not be read)", PREFLIGHT_UNKNOWN },
        { USUAL, "@ new vif owner=m id=1 network=local\nsettle\n",
          " unknown (b has no such network)", PREFLIGHT_UNKNOWN },
        { USUAL, "@ unknown network owner=b\n@ new vif owner=m id=1 network=local\nsettle\n",
          " unknown (the networks of b could not be read)", PREFLIGHT_UNKNOWN },
        { USUAL, "@ put network id=blue mode=unknown vlans=\nsettle\n",
          " unknown (the VLAN of this network could not be read)", PREFLIGHT_UNKNOWN },
        { USUAL, "@ put network id=blue active=up9\nsettle\n",
          " unknown (its teaming order names no NIC of b)", PREFLIGHT_UNKNOWN },
        /* Both NICs of a team have to be seen to. */
        { USUAL,
          "@ new uplink owner=b id=vmnic1 vswitch=u1 name=up0\n@ new nic owner=b id=vmnic1\n"
          "settle\n",
          "swp2 100 will be made ready; 100 unknown (no wire is known for NIC vmnic1 of b: it may "
          "be behind another switch)",
          PREFLIGHT_UNKNOWN },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct summary summary;
        struct vlanset added;
        struct bench *bench;
        enum preflight_state worst;

        set_up(state);
        bench = *state;
        feed(bench, rows[i].config);
        feed(bench, rows[i].told);
        feed(bench, rows[i].then);
        worst = ask(bench, "b", &summary);
        assert_string_equal(summary.text, rows[i].said);
        assert_string_equal(preflight_word(worst), preflight_word(rows[i].worst));
        added = announce(bench);
        if (!vlanset_equal(&added, &summary.will_be))
            fail_msg("row %zu: %s, and the move is served otherwise", i, rows[i].said);
    }
}

/* VLANs are put on it all the same, but nothing would pass. */
static void a_port_that_is_down(void **state)
{
#define AUTO CONFIG("", "|  port auto-enable\n", "")
#define DOWN(fields) "switch new port id=swp2 native=1 learnt_known=yes " fields "\nsettle\n"
    static const struct {
        const char *config, *then, *said;
        enum preflight_state worst;
    } rows[] = {
        { CONFIG("", "", ""), DOWN("tagged=100"),
          "swp2 100 refused (the port is down, and has no 'port auto-enable')", PREFLIGHT_REFUSED },
        { AUTO, DOWN(""), "swp2 100 will be made ready (the port is down, and will be brought up)",
          PREFLIGHT_WILL_BE },
        { AUTO, DOWN("tagged=100"),
          "swp2 100 will be made ready (the port is down, and will be brought up)",
          PREFLIGHT_WILL_BE },
        { AUTO, DOWN("brought_up=yes"),
          "swp2 100 refused (the port is down: vsn brought it up once, and somebody shut it again)",
          PREFLIGHT_REFUSED },
        { AUTO, DOWN("") "switch put switch frozen=yes\nsettle\n",
          "swp2 100 refused (the port is down, and frozen by the operator: it stays so until 'vsn "
          "thaw')",
          PREFLIGHT_REFUSED },
        { CONFIG("|  mode check\n", "|  port auto-enable\n", ""), DOWN(""),
          "swp2 100 refused (the port is down, and in 'mode check' it is not brought up)",
          PREFLIGHT_REFUSED },
        { CONFIG("|  vlan allowed 1-99\n", "|  port auto-enable\n", ""), DOWN(""),
          "swp2 100 refused (beyond 'vlan allowed' of hypervisor vc1)", PREFLIGHT_REFUSED },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct summary summary;
        struct bench *bench;
        enum preflight_state worst;

        set_up(state);
        bench = *state;
        feed(bench, rows[i].config);
        feed(bench, SWITCH READ(""));
        feed(bench, rows[i].then);
        worst = ask(bench, "b", &summary);
        assert_string_equal(summary.text, rows[i].said);
        assert_int_equal(worst, rows[i].worst);
    }
}

static void without_contact_nothing_is_promised(void **state)
{
    struct bench *bench = *state;
    struct summary summary;

    feed(bench, CONFIG("", "|  vlan allowed 1-150\n", ""));
    feed(bench, SWITCH READ("@ new vif owner=m id=2 network=red shared=yes\n"));
    feed(bench, "@ put session state=stale reason=no%20route\nsettle\n");
    assert_int_equal(ask(bench, "b", &summary), PREFLIGHT_REFUSED);
    assert_string_equal(summary.text,
                        "swp2 100 unknown (hypervisor vc1 is stale, no route: what is known of it "
                        "may be out of date); swp2 200 refused (beyond 'vlan allowed' of interface "
                        "swp2)");
    feed(bench, "@ put session state=connected reason=\n"
                "@ put host id=b connection=not-responding\nsettle\n");
    ask(bench, "b", &summary);
    assert_non_null(strstr(summary.text, "swp2 100 unknown (host b is not connected"));
}

static void a_host_elsewhere_and_a_wire_that_is_not_certain(void **state)
{
    struct bench *bench = *state;
    struct summary summary;

    feed(bench, CONFIG("", "", "| !\n| interface swp3\n|  vsn enable\n"));
    feed(bench, SWITCH READ(""));
    assert_int_equal(ask(bench, "c", &summary), PREFLIGHT_UNKNOWN);
    assert_string_equal(summary.text, "100 unknown (no wire is known for NIC vmnic0 of c: it may "
                                      "be behind another switch)");
    feed(bench, "neighbor new neighbor owner=swp3 id=1 protocol=lldp system=c port=vmnic0\n"
                "settle\n");
    assert_int_equal(ask(bench, "c", &summary), PREFLIGHT_UNKNOWN);
    assert_non_null(strstr(summary.text, "swp3 100 unknown (the evidence that it is behind this "
                                         "port is too weak to act upon"));
}

/* It has to get here: from a host behind another switch, by way of the uplink. */
#define UPLINK(words) CONFIG("", "", "| !\n| interface up\n|  vsn uplink\n" words)

static void what_comes_from_elsewhere_needs_the_uplink(void **state)
{
    static const struct {
        const char *config, *from, *said;
    } rows[] = {
        { UPLINK(""), "a", "swp2 100 will be made ready" },
        { UPLINK(""), "c", "swp2 100 will be made ready; up 100 will be made ready" },
        { UPLINK("|  vlan allowed 1-99\n"), "c",
          "swp2 100 will be made ready; up 100 refused (beyond 'vlan allowed' of interface up)" },
        { UPLINK("|  vlan allowed 1-99\n"), "a", "swp2 100 will be made ready" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct summary summary;
        struct bench *bench;
        char text[128];

        set_up(state);
        bench = *state;
        feed(bench, rows[i].config);
        feed(bench,
             SWITCH "switch new port id=up enabled=yes native=1 learnt_known=yes\n" READ(""));
        snprintf(text, sizeof(text), "@ put machine id=m host=%s\nsettle\n", rows[i].from);
        feed(bench, text);
        ask(bench, "b", &summary);
        assert_string_equal(summary.text, rows[i].said);
    }
}

/* What failed a moment ago may fail again. */
static void a_vlan_that_the_switch_just_refused_is_not_promised(void **state)
{
    struct bench *bench = *state;
    struct summary summary;

    feed(bench, CONFIG("", "", ""));
    feed(bench, SWITCH READ(""));
    announce(bench);
    feed(bench, "switch new outcome id=2 port=swp2 problem=no\n"
                "@ put move owner=m id=1 outcome=failed\n@ gone move owner=m id=1\nsettle\n");
    assert_int_equal(ask(bench, "b", &summary), PREFLIGHT_UNKNOWN);
    assert_string_equal(summary.text,
                        "swp2 100 unknown (the last change failed; it is tried again soon)");
    bench->now_ms += 60000;
    assert_int_equal(ask(bench, "b", &summary), PREFLIGHT_WILL_BE);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(what_is_said_is_what_happens),
        ROW(a_port_that_is_down),
        ROW(without_contact_nothing_is_promised),
        ROW(a_host_elsewhere_and_a_wire_that_is_not_certain),
        ROW(what_comes_from_elsewhere_needs_the_uplink),
        ROW(a_vlan_that_the_switch_just_refused_is_not_promised),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cmocka_unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "switch/ovs_replica.h"

#define BR "00000000-0000-0000-0000-0000000000b0"
#define P1 "00000000-0000-0000-0000-0000000000a1"
#define P2 "00000000-0000-0000-0000-0000000000a2"
#define I1 "00000000-0000-0000-0000-0000000000e1"
#define I2 "00000000-0000-0000-0000-0000000000e2"
#define ROOT "00000000-0000-0000-0000-0000000000ff"

/* As ovsdb-server 3.1 answers monitor_cond: columns at their default are left out. */
static const char world[] =
    "{'Open_vSwitch':{'" ROOT "':{'initial':{'cur_cfg':7}}},"
    "'Bridge':{'" BR "':{'initial':{'name':'br0','ports':['set',[['uuid','" P1 "'],"
    "['uuid','" P2 "']]]}}},"
    "'Port':{'" P1 "':{'initial':{'name':'p1','vlan_mode':'native-untagged','tag':1,"
    "'trunks':['set',[100,4095]],'interfaces':['uuid','" I1 "']}},"
    "'" P2 "':{'initial':{'name':'p2','interfaces':['uuid','" I2 "']}}},"
    "'Interface':{'" I1
    "':{'initial':{'name':'eth1','admin_state':'up','link_state':'up','ofport':3}},"
    "'" I2 "':{'initial':{'ofport':['set',[]]}}}}";

/* JSON with ' for ". */
static json_t *parse(const char *text)
{
    char *copy = strdup(text);
    json_t *value;

    for (char *at = copy; (at = strchr(at, '\''));)
        *at = '"';
    value = json_loads(copy, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    free(copy);
    return value;
}

static int load(struct ovs_replica *replica, const char *text, bool is_difference)
{
    json_t *updates = parse(text);
    int r = ovs_replica_load(replica, updates, is_difference);

    json_decref(updates);
    return r;
}

static struct ovs_replica *loaded(void)
{
    struct ovs_replica *replica = ovs_replica_new();

    assert_non_null(replica);
    assert_int_equal(load(replica, world, true), 0);
    return replica;
}

/* Takes an update2, with 'tables' in place. */
static int update(struct ovs_replica *replica, const char *tables, bool *ret_others)
{
    json_t *params = json_pack("[s, o]", "vsn", parse(tables));
    int r;

    *ret_others = false;
    r = ovs_replica_take(replica, "update2", params, ret_others);
    json_decref(params);
    return r;
}

static void modify(struct ovs_replica *replica, const char *tables)
{
    bool others;

    assert_int_equal(update(replica, tables, &others), 0);
}

static struct ovs_row *port_at(const struct ovs_replica *replica, size_t index)
{
    struct ovs_row *bridge = ovs_replica_bridge(replica, "br0");

    assert_non_null(bridge);
    return ovs_replica_member(replica, bridge, index);
}

static void assert_trunks(const struct ovs_replica *replica, size_t index, const char *vlans,
                          bool closed)
{
    const struct ovs_row *row = port_at(replica, index);
    char text[128];

    assert_string_equal(vlanset_text(&row->port.trunks.vlans, text, sizeof(text)), vlans);
    assert_int_equal(row->port.trunks.closed, closed);
}

static void what_is_left_out_is_at_its_default(void **state)
{
    struct ovs_replica *replica = loaded();
    const struct ovs_row *one = port_at(replica, 0), *two = port_at(replica, 1);

    (void)state;
    assert_string_equal(one->port.name, "p1");
    assert_string_equal(one->port.mode, "native-untagged");
    assert_int_equal(one->port.tag, 1);
    assert_trunks(replica, 0, "100", true);
    assert_int_equal(ovs_replica_member(replica, one, 0)->link, LINK_UP);
    assert_string_equal(ovs_replica_member(replica, one, 0)->name, "eth1");
    assert_false(ovs_replica_member(replica, one, 0)->is_lacp_current);
    assert_int_equal(ovs_replica_member(replica, one, 0)->number, 3);
    assert_string_equal(two->port.mode, "");
    assert_int_equal(two->port.tag, -1);
    assert_true(ovsdb_trunks_are_empty(&two->port.trunks));
    assert_int_equal(ovs_replica_member(replica, two, 0)->link, LINK_UNKNOWN);
    assert_null(ovs_replica_member(replica, two, 1));
    assert_null(ovs_replica_bridge(replica, "br1"));
    assert_int_equal(ovs_replica_applied(replica), 7);
    ovs_replica_free(replica);
}

/* ovsdb-server(7) 4.1.14: {"trunks":555} both when 555 is put in and when it is taken out. */
static void a_difference_of_a_set_goes_both_ways(void **state)
{
    struct ovs_replica *replica = loaded();

    (void)state;
    modify(replica, "{'Port':{'" P1 "':{'modify':{'trunks':555}}}}");
    assert_trunks(replica, 0, "100,555", true);
    modify(replica, "{'Port':{'" P1 "':{'modify':{'trunks':['set',[100,200,4095]]}}}}");
    assert_trunks(replica, 0, "200,555", false);
    modify(replica, "{'Port':{'" P1 "':{'modify':{'trunks':['set',[200,555]]}}}}");
    assert_true(ovsdb_trunks_are_empty(&port_at(replica, 0)->port.trunks));
    modify(replica, "{'Bridge':{'" BR "':{'modify':{'ports':['uuid','" P1 "']}}}}");
    assert_string_equal(port_at(replica, 0)->port.name, "p2");
    assert_null(port_at(replica, 1));
    ovs_replica_free(replica);
}

/* Columns of one value come as the new value, an empty set when they are unset. */
static void a_difference_of_a_value_is_the_new_value(void **state)
{
    struct ovs_replica *replica = loaded();

    (void)state;
    modify(replica, "{'Port':{'" P1 "':{'modify':{'tag':5,'vlan_mode':'access'}}},"
                    "'Open_vSwitch':{'" ROOT "':{'modify':{'cur_cfg':8}}}}");
    assert_int_equal(port_at(replica, 0)->port.tag, 5);
    assert_string_equal(port_at(replica, 0)->port.mode, "access");
    assert_int_equal(ovs_replica_applied(replica), 8);
    modify(replica, "{'Port':{'" P1 "':{'modify':{'tag':['set',[]],'vlan_mode':['set',[]]}}},"
                    "'Interface':{'" I1 "':{'modify':{'link_state':'down'}}}}");
    assert_int_equal(port_at(replica, 0)->port.tag, -1);
    assert_string_equal(port_at(replica, 0)->port.mode, "");
    assert_int_equal(ovs_replica_member(replica, port_at(replica, 0), 0)->link, LINK_DOWN);
    ovs_replica_free(replica);
}

static void rows_come_and_go(void **state)
{
    struct ovs_replica *replica = loaded();

    (void)state;
    modify(replica, "{'Port':{'" P2 "':{'delete':null}}}");
    assert_null(port_at(replica, 1));
    modify(replica, "{'Port':{'" P2 "':{'insert':{'name':'p3','trunks':['set',[]]}}}}");
    assert_string_equal(port_at(replica, 1)->port.name, "p3");
    ovs_replica_free(replica);
}

/* RFC 7047 4.1.6, of a server that knows nothing newer: "new" is the whole row. */
static void whole_rows_are_understood(void **state)
{
    struct ovs_replica *replica = ovs_replica_new();
    json_t *params = json_pack(
        "[s, o]", "vsn",
        parse("{'Port':{'" P1 "':{'new':{'name':'p1','trunks':['set',[300,4095]],'tag':1,"
              "'vlan_mode':'trunk','interfaces':['set',[]]},'old':{'trunks':['set',[200]]}}}}"));
    bool others = false;

    (void)state;
    assert_int_equal(load(replica,
                          "{'Bridge':{'" BR "':{'new':{'name':'br0','ports':['uuid','" P1 "']}}},"
                          "'Port':{'" P1 "':{'new':{'name':'p1','trunks':200}}}}",
                          false),
                     0);
    assert_trunks(replica, 0, "200", false);
    assert_int_equal(ovs_replica_take(replica, "update", params, &others), 0);
    assert_true(others);
    assert_trunks(replica, 0, "300", true);
    json_decref(params);
    params = json_pack("[s, o]", "vsn", parse("{'Port':{'" P1 "':{'old':{'name':'p1'}}}}"));
    assert_int_equal(ovs_replica_take(replica, "update", params, &others), 0);
    assert_null(port_at(replica, 0));
    json_decref(params);
    ovs_replica_free(replica);
}

/* An update may be read together with the answer, before whoever asked has seen that one. */
static void updates_before_the_answer_wait_for_it(void **state)
{
    struct ovs_replica *replica = ovs_replica_new();
    json_t *params = json_pack("[s, s, o]", "vsn", "0",
                               parse("{'Port':{'" P1 "':{'modify':{'trunks':['set',[101]]}}}}"));
    bool others = false;

    (void)state;
    assert_int_equal(ovs_replica_take(replica, "update3", params, &others), 0);
    assert_false(others);
    assert_int_equal(load(replica, world, true), 0);
    assert_trunks(replica, 0, "100-101", true);
    assert_int_equal(ovs_replica_take(replica, "update3", params, &others), 0);
    assert_true(others);
    assert_trunks(replica, 0, "100", true);
    json_decref(params);
    ovs_replica_free(replica);
}

static void what_is_written_is_not_told_as_news(void **state)
{
    struct ovs_replica *replica = loaded();
    bool others;

    (void)state;
    port_at(replica, 0)->is_written = true;
    assert_int_equal(update(replica, "{'Port':{'" P1 "':{'modify':{'trunks':5}}}}", &others), 0);
    assert_false(others);
    assert_int_equal(
        update(replica, "{'Open_vSwitch':{'" ROOT "':{'modify':{'cur_cfg':9}}}}", &others), 0);
    assert_false(others);
    assert_int_equal(update(replica, "{'Port':{'" P2 "':{'modify':{'trunks':5}}}}", &others), 0);
    assert_true(others);
    assert_int_equal(
        update(replica, "{'Interface':{'" I1 "':{'modify':{'link_state':'down'}}}}", &others), 0);
    assert_true(others);
    ovs_replica_free(replica);
}

static void nonsense_is_refused(void **state)
{
    static const char *const updates[] = {
        "5",
        "{'Port':{'short':{'insert':{'name':'p9'}}}}",
        "{'Port':{'" P1 "':{'modify':{'trunks':['set',[9999]]}}}}",
        "{'Port':{'" P1 "':{'modify':{'name':['set',[]]}}}}",
        "{'Port':{'" I1 "x':{'modify':{}}}}",
        "{'Port':{'00000000-0000-0000-0000-00000000abcd':{'modify':{'trunks':5}}}}",
        "{'Port':{'" P1 "':{'modify':7}}}",
        "{'Bridge':{'" BR "':{'modify':{'ports':['uuid','x']}}}}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(updates); i++) {
        struct ovs_replica *replica = loaded();
        bool others;

        assert_int_equal(update(replica, updates[i], &others), -EBADMSG);
        ovs_replica_free(replica);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_out_is_at_its_default),
        cmocka_unit_test(a_difference_of_a_set_goes_both_ways),
        cmocka_unit_test(a_difference_of_a_value_is_the_new_value),
        cmocka_unit_test(rows_come_and_go),
        cmocka_unit_test(whole_rows_are_understood),
        cmocka_unit_test(updates_before_the_answer_wait_for_it),
        cmocka_unit_test(what_is_written_is_not_told_as_news),
        cmocka_unit_test(nonsense_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

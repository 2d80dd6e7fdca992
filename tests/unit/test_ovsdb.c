#include "cmocka_unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "switch/ovs_fdb.h"
#include "switch/ovsdb.h"

static json_t *parse(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

    assert_non_null(value);
    return value;
}

/* RFC 7047 section 5.1: a set of one is written as its value. */
static void trunks_are_read_in_every_form(void **state)
{
    static const struct {
        const char *value, *vlans;
        bool zero, closed, empty;
    } rows[] = {
        { "555", "555", false, false, false },
        { "[\"set\",[]]", "", false, false, true },
        { "[\"set\",[0,100,101,4095]]", "100-101", true, true, false },
        { "4095", "", false, true, false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        json_t *value = parse(rows[i].value);
        struct ovsdb_trunks trunks;
        char text[64];

        assert_int_equal(ovsdb_trunks_read(value, &trunks), 0);
        assert_string_equal(vlanset_text(&trunks.vlans, text, sizeof(text)), rows[i].vlans);
        assert_int_equal(trunks.zero, rows[i].zero);
        assert_int_equal(trunks.closed, rows[i].closed);
        assert_int_equal(ovsdb_trunks_are_empty(&trunks), rows[i].empty);
        json_decref(value);
    }
}

static void bad_trunks_are_refused(void **state)
{
    static const char *const values[] = {
        "\"100\"", "[\"set\",[1,4096]]", "[\"set\",[-1]]", "[\"map\",[]]", "true", "5.5",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        json_t *value = parse(values[i]);
        struct ovsdb_trunks trunks;

        assert_int_equal(ovsdb_trunks_read(value, &trunks), -EBADMSG);
        json_decref(value);
    }
}

#define PORT_UUID "12345678-1234-1234-1234-123456789abc"

static void assert_operation(struct strbuf *text, const char *wanted)
{
    json_t *value;

    assert_string_equal(strbuf_text(text), wanted);
    value = json_loads(text->data + 1, 0, NULL); /* what follows the comma is JSON */
    assert_non_null(value);
    json_decref(value);
    strbuf_done(text);
}

/* As it was read, in the 'where' of the mutation itself: where it does not hold nothing is done. */
static void a_write_holds_only_on_the_port_that_was_read(void **state)
{
    struct ovsdb_port port = { .name = "p1",
                               .mode = "native-untagged",
                               .tag = 1,
                               .trunks = { .zero = true, .closed = true } };
    struct ovsdb_port unset = { .name = "p1", .mode = "", .tag = -1 };
    struct vlanset vlans = vlanset_empty;
    struct strbuf text;

    (void)state;
    vlanset_add_range(&vlans, 100, 101);
    vlanset_add_range(&port.trunks.vlans, 5, 6);
    strbuf_init(&text, 4096);
    ovsdb_insert_trunks(&text, PORT_UUID, &port, &vlans);
    assert_operation(
        &text,
        ",{\"op\":\"mutate\",\"table\":\"Port\",\"where\":[[\"_uuid\",\"==\",[\"uuid\",\"" PORT_UUID
        "\"]],[\"vlan_mode\",\"==\",\"native-untagged\"],[\"tag\",\"==\",1],"
        "[\"trunks\",\"!=\",[\"set\",[]]],[\"trunks\",\"excludes\",[\"set\",[100,101]]]],"
        "\"mutations\":[[\"trunks\",\"insert\",[\"set\",[100,101]]]]}");
    strbuf_init(&text, 4096);
    vlanset_remove(&port.trunks.vlans, 5); /* now it is shorter to name what is there */
    ovsdb_insert_trunks(&text, PORT_UUID, &port, &vlans);
    assert_non_null(
        strstr(text.data, "1],[\"trunks\",\"==\",[\"set\",[6,0,4095]]]],\"mutations\""));
    strbuf_reset(&text);
    ovsdb_insert_trunks(&text, PORT_UUID, &unset, &vlans);
    assert_non_null(
        strstr(text.data, "[\"vlan_mode\",\"==\",[\"set\",[]]],[\"tag\",\"==\",[\"set\",[]]],"));
    strbuf_done(&text);
}

static void a_removal_never_empties_the_set(void **state)
{
    struct ovsdb_port port = { .name = "p1", .mode = "trunk", .tag = -1 };
    struct vlanset vlans = vlanset_empty;
    struct strbuf text;

    (void)state;
    vlanset_add(&vlans, 100);
    strbuf_init(&text, 4096);
    ovsdb_delete_trunks(&text, PORT_UUID, &port, &vlans);
    assert_operation(
        &text,
        ",{\"op\":\"mutate\",\"table\":\"Port\",\"where\":[[\"_uuid\",\"==\",[\"uuid\",\"" PORT_UUID
        "\"]],[\"vlan_mode\",\"==\",\"trunk\"],[\"tag\",\"==\",[\"set\",[]]],"
        "[\"trunks\",\"!=\",[\"set\",[]]]],\"mutations\":[[\"trunks\",\"insert\",4095],"
        "[\"trunks\",\"delete\",[\"set\",[100]]]]}");
}

static void a_failed_operation_is_found(void **state)
{
    json_t *result = parse("[{},{\"error\":\"timed out\",\"details\":\"wait\"},null]");
    struct error error;
    size_t at = 9;

    (void)state;
    assert_int_equal(ovsdb_check(result, &at, &error), -EREMOTEIO);
    assert_int_equal(at, 1);
    assert_string_equal(error.text, "timed out: wait");
    json_decref(result);
    result = parse("[{},{\"count\":1}]");
    assert_int_equal(ovsdb_check(result, &at, &error), 0);
    json_decref(result);
}

/* As ovs-appctl fdb/show of Open vSwitch 3.1 prints it. */
static void the_mac_table_is_read(void **state)
{
    struct ovs_fdb *fdb = ovs_fdb_new("br0", "/nowhere/db.sock", NULL);
    struct vlanset vlans = vlanset_empty;
    struct stations stations = { 0 };
    char text[64];

    (void)state;
    assert_non_null(fdb);
    assert_true(ovs_fdb_parse(fdb, " port  VLAN  MAC                Age\n"
                                   "LOCAL     0  7e:ff:ff:00:00:01    1\n"
                                   "    3     0  52:54:00:00:00:01    1\n"
                                   "    3   100  52:54:00:00:00:01    2\n"
                                   "    3   100  52:54:00:00:00:02    9\n"
                                   "    3   300  52:54:00:00:00:03  static\n"
                                   "    4   200  52:54:00:00:00:04    0\n"));
    assert_true(ovs_fdb_known(fdb));
    ovs_fdb_learnt(fdb, 3, &vlans);
    assert_string_equal(vlanset_text(&vlans, text, sizeof(text)), "100");
    ovs_fdb_heard(fdb, 3, &stations);
    assert_int_equal(stations.count, 3);
    assert_string_equal(mac_format(stations.heard[2].mac, text), "52:54:00:00:00:02");
    assert_int_equal(stations.heard[2].vlan, 100);
    stations_done(&stations);
    ovs_fdb_heard(fdb, 5, &stations);
    assert_int_equal(stations.count, 0);
    assert_false(ovs_fdb_parse(fdb, "no such bridge"));
    assert_false(ovs_fdb_known(fdb));
    ovs_fdb_free(fdb);
}

static void assert_partner(const char *text, const char *bond, const char *partner)
{
    char mac[MAC_TEXT];

    assert_string_equal(mac_format(ovs_fdb_parse_partner(text, bond), mac), partner);
}

#define NOBODY "00:00:00:00:00:00"

/* As ovs-appctl lacp/show of Open vSwitch 3.1 prints it, but for the lines that are not read. */
static void the_partner_of_a_bond_is_read(void **state)
{
    static const char text[] = "---- lag1 ----\n"
                               "  status: active negotiated\n"
                               "  sys_id: f6:b2:78:80:b8:48\n"
                               "\n"
                               "member: swp3: current attached\n"
                               "  actor sys_id: f6:b2:78:80:b8:48\n"
                               "\n"
                               "  partner sys_id: 86:0d:2a:aa:8a:4f\n"
                               "\n"
                               "member: swp4: expired attached\n"
                               "  partner sys_id: 86:0d:2a:aa:8a:50\n"
                               "\n"
                               "---- lag2 ----\n"
                               "member: swp5: current attached\n"
                               "  partner sys_id: 86:0d:2a:aa:8a:51\n"
                               "member: swp6: current attached\n"
                               "  partner sys_id: 86:0d:2a:aa:8a:52\n"
                               "---- lag3 ----\n"
                               "slave: swp7: current attached\n"
                               "  partner sys_id: 86:0d:2a:aa:8a:53";

    (void)state;
    assert_partner(text, "lag1", "86:0d:2a:aa:8a:4f");
    assert_partner(text, "lag2", NOBODY); /* cabled to two: they do not agree */
    assert_partner(text, "lag3", "86:0d:2a:aa:8a:53");
    assert_partner(text, "lag", NOBODY);
    assert_partner(text, "lag4", NOBODY);
    assert_partner("", "lag1", NOBODY);
    assert_partner(
        "---- lag1 ----\nmember: a: defaulted detached\n partner sys_id: 86:0d:2a:aa:8a:4f", "lag1",
        NOBODY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trunks_are_read_in_every_form),
        cmocka_unit_test(bad_trunks_are_refused),
        cmocka_unit_test(a_write_holds_only_on_the_port_that_was_read),
        cmocka_unit_test(a_removal_never_empties_the_set),
        cmocka_unit_test(a_failed_operation_is_found),
        cmocka_unit_test(the_mac_table_is_read),
        cmocka_unit_test(the_partner_of_a_bond_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

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
static void ports_are_read_in_every_form(void **state)
{
    static const struct {
        const char *row, *mode, *trunks;
        int tag;
        unsigned count;
    } rows[] = {
        { "{\"name\":\"a\",\"vlan_mode\":\"trunk\",\"tag\":[\"set\",[]],\"trunks\":555}", "trunk",
          "555", -1, 1 },
        { "{\"name\":\"a\",\"vlan_mode\":[\"set\",[]],\"tag\":5,\"trunks\":[\"set\",[]]}", "", "",
          5, 0 },
        { "{\"name\":\"a\",\"vlan_mode\":\"native-untagged\",\"tag\":1,"
          "\"trunks\":[\"set\",[0,100,101,4095]]}",
          "native-untagged", "100-101", 1, 4 },
        { "{\"name\":\"a\"}", "", "", -1, 0 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        json_t *row = parse(rows[i].row);
        struct ovsdb_port port;
        char text[64];

        assert_int_equal(ovsdb_port_read(row, &port), 0);
        assert_string_equal(port.mode, rows[i].mode);
        assert_int_equal(port.tag, rows[i].tag);
        assert_int_equal(port.n_trunks, rows[i].count);
        assert_string_equal(vlanset_text(&port.trunks, text, sizeof(text)), rows[i].trunks);
        json_decref(row);
    }
}

static void bad_ports_are_refused(void **state)
{
    static const char *const rows[] = {
        "{}",
        "{\"name\":5}",
        "{\"name\":\"a\",\"trunks\":\"100\"}",
        "{\"name\":\"a\",\"trunks\":[\"set\",[1,4096]]}",
        "{\"name\":\"a\",\"trunks\":[\"set\",[-1]]}",
        "{\"name\":\"a\",\"trunks\":[\"map\",[]]}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        json_t *row = parse(rows[i]);
        struct ovsdb_port port;

        assert_int_equal(ovsdb_port_read(row, &port), -EBADMSG);
        json_decref(row);
    }
}

static void assert_operations(json_t *operations, const char *wanted)
{
    char *text = json_dumps(operations, JSON_COMPACT);

    assert_string_equal(text, wanted);
    free(text);
    json_decref(operations);
}

static void a_removal_never_empties_the_set(void **state)
{
    json_t *operations = json_array();
    struct vlanset vlans = vlanset_empty;

    (void)state;
    vlanset_add_range(&vlans, 100, 101);
    ovsdb_delete_trunks(operations, "p\"1", &vlans);
    assert_operations(
        operations,
        "[{\"op\":\"mutate\",\"table\":\"Port\",\"where\":[[\"name\",\"==\",\"p\\\"1\"]],"
        "\"mutations\":[[\"trunks\",\"insert\",[\"set\",[4095]]]]},"
        "{\"op\":\"mutate\",\"table\":\"Port\",\"where\":[[\"name\",\"==\",\"p\\\"1\"]],"
        "\"mutations\":[[\"trunks\",\"delete\",[\"set\",[100,101]]]]}]");
}

static void a_write_holds_only_on_the_port_that_was_read(void **state)
{
    struct ovsdb_port port = { .name = "p1", .mode = "native-untagged", .tag = 1 };
    struct ovsdb_port unset = { .name = "p1", .mode = "", .tag = -1 };
    json_t *operations = json_array();

    (void)state;
    ovsdb_expect_port(operations, &port);
    assert_operations(operations,
                      "[{\"op\":\"wait\",\"timeout\":0,\"table\":\"Port\","
                      "\"where\":[[\"name\",\"==\",\"p1\"]],\"columns\":[\"vlan_mode\",\"tag\"],"
                      "\"until\":\"==\",\"rows\":[{\"vlan_mode\":\"native-untagged\",\"tag\":1}]},"
                      "{\"op\":\"wait\",\"timeout\":0,\"table\":\"Port\","
                      "\"where\":[[\"name\",\"==\",\"p1\"]],\"columns\":[\"trunks\"],"
                      "\"until\":\"!=\",\"rows\":[{\"trunks\":[\"set\",[]]}]}]");
    operations = json_array();
    ovsdb_expect_port(operations, &unset);
    assert_string_equal(
        json_string_value(json_array_get(
            json_object_get(
                json_array_get(json_object_get(json_array_get(operations, 0), "rows"), 0), "tag"),
            0)),
        "set");
    json_decref(operations);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ports_are_read_in_every_form),
        cmocka_unit_test(bad_ports_are_refused),
        cmocka_unit_test(a_removal_never_empties_the_set),
        cmocka_unit_test(a_write_holds_only_on_the_port_that_was_read),
        cmocka_unit_test(a_failed_operation_is_found),
        cmocka_unit_test(the_mac_table_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

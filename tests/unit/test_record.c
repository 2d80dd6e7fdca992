#include "cmocka_unit.h"

#include <errno.h>
#include <string.h>

#include "model/names.h"
#include "model/record.h"

static void assert_rewrites(const char *line, const char *expected)
{
    char copy[1024];
    struct record record;
    struct strbuf out;
    struct error error = { "" };

    strcpy(copy, line);
    if (record_read(copy, &record, &error) < 0)
        fail_msg("%s: %s", line, error.text);
    strbuf_init(&out, RECORD_LINE_MAX);
    assert_int_equal(record_write(&out, record.op, record.table, &record.row, record.stated), 0);
    out.data[out.size - 1] = '\0';
    assert_string_equal(out.data, expected);
    strbuf_done(&out);
}

static void lines_round_trip(void **state)
{
    static const char *const lines[] = {
        "new host id=host-27 name=esx%2001 connection=connected maintenance=yes",
        "put machine id=vm-1 host=host-27",
        "put machine id=vm-1 host=",
        "gone vif owner=vm-1 id=4000",
        "begin all",
        "end nic owner=host-27",
        "unknown network owner=host-27",
        "new nic owner=host-27 id=vmnic0 mac=00:50:56:00:00:01 link=up",
        "new network owner=host-27 id=VM%20Network mode=trunk vlans=10-20,30 "
        "active=Uplink%201,b%2Cc teaming_known=yes",
        "new change id=7 port=swp1 add=100 remove=200-210",
        "new pvlan owner=dvs-1 id=1/2 primary=1 secondary=2",
        "new move owner=vm-1 id=task-7 kind=migrate from=host-1 possible=host-2,host-3 since_ms=5",
        "put move owner=vm-1 id=task-7 outcome=failed",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        assert_rewrites(lines[i], lines[i]);
}

static void a_name_of_any_bytes_survives(void **state)
{
    struct host host = { .id = "h", .name = "a b\n\x01%41=\xff\x7f," };
    struct record record;
    struct strbuf out;

    (void)state;
    strbuf_init(&out, RECORD_LINE_MAX);
    assert_int_equal(record_write(&out, RECORD_NEW, TABLE_HOST, &host, 0), 0);
    assert_ptr_equal(memchr(out.data, '\n', out.size), out.data + out.size - 1);
    out.data[out.size - 1] = '\0';
    assert_int_equal(record_read(out.data, &record, NULL), 0);
    assert_string_equal(record.row.host.name, host.name);
    strbuf_done(&out);
}

static void bad_lines_are_refused_with_a_reason(void **state)
{
    static const char *const lines[] = {
        "",
        "put",
        "do host id=1",
        "put hosts id=1",
        "put host id",
        "put host colour=red",
        "put host connection=maybe",
        "put host maintenance=perhaps",
        "put nic mac=12",
        "put network vlans=4095",
        "put pvlan primary=-1",
        "put host name=%zz",
        "put host name=%00",
        "put host name=%4",
        "put all",
        "begin all id=1",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        char copy[128];
        struct record record;
        struct error error = { "" };

        strcpy(copy, lines[i]);
        assert_int_equal(record_read(copy, &record, &error), -EINVAL);
        assert_string_not_equal(error.text, "");
    }
}

static void put_merges_and_new_replaces(void **state)
{
    char put[] = "put machine id=vm-1 power=on", whole[] = "new machine id=vm-1 name=web";
    struct record record;
    union row row = { .machine = { .id = "vm-1", .name = "db", .host = "host-1" } };

    (void)state;
    row_complete(TABLE_MACHINE, &row);
    assert_int_equal(record_read(put, &record, NULL), 0);
    record_merge(&record, &row);
    assert_string_equal(row.machine.name, "db");
    assert_int_equal(row.machine.power, POWER_ON);
    assert_int_equal(record_read(whole, &record, NULL), 0);
    record_merge(&record, &row);
    assert_string_equal(row.machine.name, "web");
    assert_string_equal(row.machine.host, "");
    assert_int_equal(row.machine.power, POWER_UNKNOWN);
}

static void a_copied_row_stands_on_its_own(void **state)
{
    char name[] = "esx01";
    struct host host = { .id = "host-1", .name = name, .connection = CONNECTION_CONNECTED };
    struct host *copy = row_copy(TABLE_HOST, &host);

    (void)state;
    name[0] = '?';
    assert_string_equal(copy->name, "esx01");
    assert_string_equal(copy->owner, "");
    assert_false(row_equal(TABLE_HOST, &host, copy));
    name[0] = 'e';
    assert_true(row_equal(TABLE_HOST, &host, copy));
    assert_string_equal(record_word(TABLE_HOST, "connection", copy), "connected");
    free(copy);
}

static void every_field_can_be_named(void **state)
{
    (void)state;
    for (enum table table = 0; table < N_TABLES; table++) {
        size_t count = 0;
        const struct field *fields = table_fields(table, &count);
        enum table found = N_TABLES;

        assert_true(count >= 2 && count < 32);
        assert_string_equal(fields[0].name, "owner");
        assert_string_equal(fields[1].name, "id");
        assert_int_equal(table_find(table_name(table), &found), 0);
        assert_int_equal(found, table);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(record_field(table, fields[i].name), UINT32_C(1) << i);
    }
}

static void names_are_a_list(void **state)
{
    struct strbuf names;

    (void)state;
    strbuf_init(&names, 64);
    assert_int_equal(names_add(&names, "Uplink 1"), 0);
    assert_int_equal(names_add(&names, "b,c"), 0);
    assert_int_equal(names_add(&names, ""), -EINVAL);
    assert_true(names_has(names.data, "b,c"));
    assert_true(names_has(names.data, "Uplink 1"));
    assert_false(names_has(names.data, "Uplink"));
    assert_false(names_has("", ""));
    strbuf_done(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_round_trip),
        cmocka_unit_test(a_name_of_any_bytes_survives),
        cmocka_unit_test(bad_lines_are_refused_with_a_reason),
        cmocka_unit_test(put_merges_and_new_replaces),
        cmocka_unit_test(a_copied_row_stands_on_its_own),
        cmocka_unit_test(every_field_can_be_named),
        cmocka_unit_test(names_are_a_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cmocka_unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "switch/hearing.h"

static struct mac address(unsigned number)
{
    return (struct mac){ { 0x52, 0x54, 0, 0, (uint8_t)(number >> 8), (uint8_t)number } };
}

static void on_row(enum record_op op, const struct station *station, void *data)
{
    assert_int_equal(record_write(data, op, TABLE_STATION, station, 0), 0);
}

/* Adds "1/100,2/100": the last byte of an address, and the VLAN. */
static struct stations list_of(const char *text)
{
    struct stations stations = { 0 };
    unsigned number, vlan;
    int length;

    while (sscanf(text, "%u/%u%n", &number, &vlan, &length) == 2) {
        stations_add(&stations, address(number), vlan);
        text += length;
        text += *text == ',';
    }
    stations_sort(&stations);
    return stations;
}

static void only_differences_are_told(void **state)
{
    static const struct {
        const char *before, *now, *told;
    } rows[] = {
        { "", "", "" },
        { "", "2/100,1/0",
          "new station owner=p id=52:54:00:00:00:01/0 mac=52:54:00:00:00:01\n"
          "new station owner=p id=52:54:00:00:00:02/100 mac=52:54:00:00:00:02 vlan=100\n" },
        { "1/100,2/100", "2/100,1/100,2/100", "" },
        { "1/100,2/100,3/100", "2/100",
          "gone station owner=p id=52:54:00:00:00:01/100\n"
          "gone station owner=p id=52:54:00:00:00:03/100\n" },
        { "1/100", "1/200",
          "gone station owner=p id=52:54:00:00:00:01/100\n"
          "new station owner=p id=52:54:00:00:00:01/200 mac=52:54:00:00:00:01 "
          "vlan=200\n" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct stations before = list_of(rows[i].before), now = list_of(rows[i].now);
        struct strbuf told;

        strbuf_init(&told, 4096);
        stations_differ("p", &before, &now, on_row, &told);
        assert_string_equal(strbuf_text(&told), rows[i].told);
        stations_done(&before);
        stations_done(&now);
        strbuf_done(&told);
    }
}

static void what_is_no_station_is_left_out(void **state)
{
    struct stations stations = { 0 };

    (void)state;
    stations_add(&stations, (struct mac){ { 0 } }, 100);
    stations_add(&stations, (struct mac){ { 0x01, 0x80, 0xc2, 0, 0, 0x0e } }, 100);
    stations_add(&stations, address(1), 5000);
    assert_int_equal(stations.count, 0);
    assert_false(stations.is_partial);
}

static void a_list_has_an_end(void **state)
{
    struct stations stations = { 0 }, copy = { 0 };

    (void)state;
    for (unsigned i = 0; i < STATIONS_MAX; i++)
        stations_add(&stations, address(i), 100);
    assert_int_equal(stations.count, STATIONS_MAX);
    assert_false(stations.is_partial);
    stations_add(&stations, address(STATIONS_MAX), 100);
    assert_int_equal(stations.count, STATIONS_MAX);
    assert_true(stations.is_partial);
    stations_copy(&copy, &stations);
    assert_true(copy.is_partial);
    stations_done(&stations);
    stations_done(&copy);
}

static void assert_told(struct strbuf *told, const char *wanted)
{
    assert_string_equal(strbuf_text(told), wanted);
    strbuf_reset(told);
}

static void take(struct hearing *hearing, const char *text)
{
    struct stations now = list_of(text);

    hearing_take(hearing, "p", &now);
    assert_null(now.heard);
}

static void a_list_is_told_whole_when_it_was_not_known(void **state)
{
    struct strbuf told;
    struct hearing *hearing = hearing_new(on_row, &told);
    struct stations partial = { .is_partial = true };

    (void)state;
    strbuf_init(&told, 4096);
    take(hearing, "");
    assert_told(&told, "begin station owner=p\nend station owner=p\n");
    take(hearing, "1/0");
    assert_told(&told, "new station owner=p id=52:54:00:00:00:01/0 mac=52:54:00:00:00:01\n");
    hearing_take(hearing, "p", &partial);
    assert_told(&told, "unknown station owner=p\n");
    partial.is_partial = true;
    hearing_take(hearing, "p", &partial);
    assert_told(&told, "");
    take(hearing, "1/0");
    assert_told(&told, "begin station owner=p\n"
                       "new station owner=p id=52:54:00:00:00:01/0 mac=52:54:00:00:00:01\n"
                       "end station owner=p\n");
    hearing_drop(hearing, "p");
    assert_told(&told, "begin station owner=p\nend station owner=p\n");
    hearing_drop(hearing, "p");
    assert_told(&told, "");
    hearing_free(hearing);
    strbuf_done(&told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_differences_are_told),
        cmocka_unit_test(what_is_no_station_is_left_out),
        cmocka_unit_test(a_list_has_an_end),
        cmocka_unit_test(a_list_is_told_whole_when_it_was_not_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

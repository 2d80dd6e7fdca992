#include "cmocka_unit.h"

#include <string.h>

#include "present/writer.h"

typedef void walk_fn(struct writer *writer);

static void expect(enum writer_form form, bool detailed, walk_fn *walk, const char *expected)
{
    struct strbuf to;
    struct writer *writer;

    strbuf_init(&to, 65536);
    writer = writer_new(form, &to);
    assert_non_null(writer);
    if (detailed)
        writer_detailed(writer);
    walk(writer);
    writer_free(writer);
    assert_false(to.overflow);
    if (strcmp(strbuf_text(&to), expected) != 0)
        fail_msg("got:\n%s\nexpected:\n%s", strbuf_text(&to), expected);
    strbuf_done(&to);
}

static void ports(struct writer *writer)
{
    struct vlanset vlans = vlanset_empty;

    vlanset_add_range(&vlans, 100, 102);
    writer_array(writer, NULL);
    for (int i = 1; i <= 2; i++) {
        writer_object(writer, NULL);
        writer_textf(writer, "port", "Ethernet%d", i);
        writer_flag(writer, "enabled", i == 1);
        writer_vlans(writer, "hand_made", i == 1 ? &vlans : &vlanset_empty);
        writer_number(writer, "count", i * 1000);
        writer_age(writer, "age_s", i == 1 ? 59 : -1);
        writer_array(writer, "wires");
        for (int j = 0; j < i; j++) {
            writer_object(writer, NULL);
            writer_text(writer, "host_name", "esx01");
            writer_number(writer, "nic", j);
            writer_text(writer, "detail", "");
            writer_array(writer, "marks");
            writer_text(writer, NULL, "a");
            writer_text(writer, NULL, "b");
            writer_end(writer);
            writer_end(writer);
        }
        writer_end(writer);
        writer_end(writer);
    }
    writer_end(writer);
    writer_note(writer, "%d ports.", 2);
}

static void json_takes_it_as_it_comes(void **state)
{
    (void)state;
    expect(WRITER_JSON, false, ports,
           "[\n"
           " {\"port\": \"Ethernet1\", \"enabled\": true, \"hand_made\": \"100-102\", "
           "\"count\": 1000, \"age_s\": 59, \"wires\": [{\"host_name\": \"esx01\", \"nic\": 0, "
           "\"detail\": \"\", \"marks\": [\"a\", \"b\"]}]},\n"
           " {\"port\": \"Ethernet2\", \"enabled\": false, \"hand_made\": \"\", \"count\": 2000, "
           "\"age_s\": null, \"wires\": [{\"host_name\": \"esx01\", \"nic\": 0, \"detail\": \"\", "
           "\"marks\": [\"a\", \"b\"]}, {\"host_name\": \"esx01\", \"nic\": 1, \"detail\": \"\", "
           "\"marks\": [\"a\", \"b\"]}]}\n"
           "]\n");
}

static void text_makes_a_table(void **state)
{
    (void)state;
    expect(WRITER_TEXT, false, ports,
           "PORT       ENABLED  HAND-MADE  COUNT  AGE\n"
           "Ethernet1  yes      100-102    1000   59 s\n"
           "  wire: host-name esx01, nic 0\n"
           "  mark: a b\n"
           "Ethernet2  no       -          2000   -\n"
           "  wire: host-name esx01, nic 0\n"
           "  mark: a b\n"
           "  wire: host-name esx01, nic 1\n"
           "  mark: a b\n"
           "2 ports.\n");
}

static void detail_has_a_line_per_field(void **state)
{
    (void)state;
    expect(WRITER_TEXT, true, ports,
           "PORT       Ethernet1\n"
           "ENABLED    yes\n"
           "HAND-MADE  100-102\n"
           "COUNT      1000\n"
           "AGE        59 s\n"
           "  wire: host-name esx01, nic 0\n"
           "  mark: a b\n"
           "\n"
           "PORT       Ethernet2\n"
           "ENABLED    no\n"
           "HAND-MADE  -\n"
           "COUNT      2000\n"
           "AGE        -\n"
           "  wire: host-name esx01, nic 0\n"
           "  mark: a b\n"
           "  wire: host-name esx01, nic 1\n"
           "  mark: a b\n"
           "2 ports.\n");
}

static void nothing(struct writer *writer)
{
    writer_array(writer, NULL);
    writer_end(writer);
}

static void an_empty_array_is_empty(void **state)
{
    (void)state;
    expect(WRITER_JSON, false, nothing, "[]\n");
    expect(WRITER_TEXT, false, nothing, "");
}

static void lone(struct writer *writer)
{
    writer_object(writer, NULL);
    writer_time(writer, "seen_ms", 1700000000123);
    writer_time(writer, "done_ms", 0);
    writer_age(writer, "up_s", 7200);
    writer_end(writer);
}

static void a_lone_object_is_in_detail(void **state)
{
    (void)state;
    expect(WRITER_JSON, false, lone,
           "{\n  \"seen_ms\": 1700000000123,\n  \"done_ms\": null,\n  \"up_s\": 7200\n}\n");
    expect(WRITER_TEXT, false, lone, "SEEN  2023-11-14T22:13:20Z\nDONE  -\nUP    2 h\n");
}

static void hostile(struct writer *writer)
{
    writer_array(writer, NULL);
    writer_object(writer, NULL);
    writer_text(writer, "name", "a\"b\\c\n\x1b[2J\x7f\xff\xc3\xa9\xe2\x80\xae");
    writer_end(writer);
    writer_end(writer);
}

static void any_bytes_do_no_harm(void **state)
{
    (void)state;
    expect(WRITER_JSON, false, hostile,
           "[\n {\"name\": "
           "\"a\\\"b\\\\c\\u000a\\u001b[2J\\u007f\\ufffd\xc3\xa9\\u202e\"}\n]\n");
    expect(WRITER_TEXT, false, hostile,
           "NAME\na\"b\\\\c\\x0a\\x1b[2J\\x7f\\xff\xc3\xa9\\xe2\\x80\\xae\n");
}

static void columns_count_characters(struct writer *writer)
{
    writer_array(writer, NULL);
    for (int i = 0; i < 2; i++) {
        writer_object(writer, NULL);
        writer_text(writer, "name", i ? "\xc3\xa9t\xc3\xa9" : "ete");
        writer_text(writer, "x", "|");
        writer_end(writer);
    }
    writer_end(writer);
}

static void characters_are_aligned_not_bytes(void **state)
{
    (void)state;
    expect(WRITER_TEXT, false, columns_count_characters,
           "NAME  X\nete   |\n\xc3\xa9t\xc3\xa9   |\n");
}

static void sentences(struct writer *writer)
{
    static const char *const many[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i\n" };

    writer_array(writer, NULL);
    writer_object(writer, NULL);
    writer_list(writer, "none", NULL, 0);
    writer_list(writer, "two", many, 2);
    writer_list(writer, "many", many, 9);
    writer_remark(writer, "why_not", "it is so.");
    writer_remark(writer, "reason", "");
    writer_nothing(writer, "pending");
    writer_end(writer);
    writer_end(writer);
    writer_note(writer, "This is all.");
}

static void lists_and_sentences_have_their_place(void **state)
{
    (void)state;
    expect(WRITER_JSON, false, sentences,
           "[\n {\"none\": [], \"two\": [\"a\", \"b\"], \"many\": [\"a\", \"b\", \"c\", \"d\", "
           "\"e\", \"f\", \"g\", \"h\", \"i\\u000a\"], \"why_not\": \"it is so.\", \"reason\": "
           "\"\", \"pending\": null}\n]\n");
    expect(WRITER_TEXT, false, sentences,
           "NONE  TWO   MANY                               PENDING\n"
           "-     a, b  a, b, c, d, e, f, g, h and 1 more  -\n"
           "  why-not: it is so.\n"
           "This is all.\n");
}

static void only_notes(struct writer *writer)
{
    writer_notes_only(writer);
    sentences(writer);
}

static void notes_can_stand_alone(void **state)
{
    (void)state;
    expect(WRITER_TEXT, false, only_notes, "This is all.\n");
}

static void a_full_buffer_is_noticed(void **state)
{
    (void)state;
    for (enum writer_form form = WRITER_TEXT; form <= WRITER_JSON; form++) {
        struct strbuf to;
        struct writer *writer;

        strbuf_init(&to, 50);
        writer = writer_new(form, &to);
        ports(writer);
        writer_free(writer);
        assert_true(to.overflow);
        strbuf_done(&to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_takes_it_as_it_comes),
        cmocka_unit_test(text_makes_a_table),
        cmocka_unit_test(detail_has_a_line_per_field),
        cmocka_unit_test(an_empty_array_is_empty),
        cmocka_unit_test(a_lone_object_is_in_detail),
        cmocka_unit_test(any_bytes_do_no_harm),
        cmocka_unit_test(characters_are_aligned_not_bytes),
        cmocka_unit_test(lists_and_sentences_have_their_place),
        cmocka_unit_test(notes_can_stand_alone),
        cmocka_unit_test(a_full_buffer_is_noticed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

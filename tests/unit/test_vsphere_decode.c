#include "cmocka_unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/vsphere/reply.h"
#include "source/vsphere/teller.h"

/* Replies in tests/data/vsphere, decoded to rows; FILE.expected holds the rows. UPDATE=1 writes it.
 */

static const struct xml_caps caps = { .bytes = 1 << 20, .opened = 100000 };

struct decoded {
    struct teller *teller;
    struct reply *reply;
    struct strbuf rows;
    unsigned oddities;
    struct error error;
};

static void on_emit(const char *lines, size_t size, void *data)
{
    strbuf_add(&((struct decoded *)data)->rows, lines, size);
}

static void on_oddity(const char *what, void *data)
{
    (void)what;
    ((struct decoded *)data)->oddities++;
}

static char *read_file(const char *name, size_t *ret_size)
{
    char path[512];
    char *text = malloc(1 << 20);
    FILE *file;

    snprintf(path, sizeof(path), SOURCE_ROOT "/tests/data/vsphere/%s", name);
    file = fopen(path, "r");
    if (!file)
        print_error("%s is missing\n", path);
    assert_non_null(file);
    *ret_size = fread(text, 1, (1 << 20) - 1, file);
    text[*ret_size] = '\0';
    fclose(file);
    return text;
}

static void decoded_init(struct decoded *decoded)
{
    *decoded = (struct decoded){ 0 };
    strbuf_init(&decoded->rows, 1 << 20);
    decoded->teller = teller_new(on_emit, on_oddity, decoded);
    teller_asked(decoded->teller, API_6_5, 0);
}

static void decoded_done(struct decoded *decoded)
{
    reply_free(decoded->reply);
    teller_free(decoded->teller);
    strbuf_done(&decoded->rows);
}

/* Decodes 'size' bytes in pieces of 'piece'; 'is_whole' says that nothing follows. */
static int decode_bytes(struct decoded *decoded, const struct xml_rule *response, const char *text,
                        size_t size, size_t piece, bool is_whole)
{
    struct xml *xml;
    int r = 0;

    reply_free(decoded->reply);
    decoded->reply = reply_new(response, decoded->teller);
    decoded->reply->hint_host = "host-27";
    xml = xml_new(envelope_rules, decoded->reply, &caps);
    for (size_t at = 0; r == 0 && at < size; at += piece)
        r = xml_push(xml, text + at, size - at < piece ? size - at : piece, &decoded->error);
    if (r == 0 && is_whole)
        r = xml_end(xml, &decoded->error);
    teller_flush(decoded->teller);
    xml_free(xml);
    return r;
}

static int decode(struct decoded *decoded, const char *name, const struct xml_rule *response,
                  size_t piece)
{
    size_t size;
    char *text = read_file(name, &size);
    int r = decode_bytes(decoded, response, text, size, piece ? piece : size, true);

    free(text);
    return r;
}

static void expect(const char *name, const char *rows)
{
    char path[512];
    char *expected;
    size_t size;

    if (getenv("UPDATE")) {
        FILE *file;

        snprintf(path, sizeof(path), SOURCE_ROOT "/tests/data/vsphere/%s", name);
        file = fopen(path, "w");
        assert_non_null(file);
        fputs(rows, file);
        fclose(file);
    }
    expected = read_file(name, &size);
    assert_string_equal(rows, expected);
    free(expected);
}

/* ---- Rows
 * ---------------------------------------------------------------------------------------- */

static void a_full_read_becomes_rows_in_pieces_of_any_size(void **state)
{
    static const size_t pieces[] = { 0, 1, 7, 1000 };
    struct decoded decoded;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        decoded_init(&decoded);
        assert_int_equal(decode(&decoded, "update-first.xml", update_rules, pieces[i]), 0);
        expect("update-first.expected", strbuf_text(&decoded.rows));
        assert_true(decoded.reply->truncated);
        assert_string_equal(decoded.reply->version, "0_1");
        assert_int_equal(decoded.oddities, 1); /* the last port group that has no valid VLAN id */
        assert_int_equal(teller_due(decoded.teller), 0);
        decoded_done(&decoded);
    }
}

static void a_change_says_only_what_changed(void **state)
{
    struct decoded decoded;
    struct strbuf objects;
    unsigned types;

    (void)state;
    decoded_init(&decoded);
    assert_int_equal(decode(&decoded, "update-change.xml", update_rules, 0), 0);
    expect("update-change.expected", strbuf_text(&decoded.rows));
    assert_false(decoded.reply->truncated);
    strbuf_init(&objects, 10000);
    /* Partial, joined and lost values make us read the object again. */
    assert_int_equal(teller_reread(decoded.teller, &objects, 100, &types), 4);
    assert_non_null(strstr(strbuf_text(&objects), "<obj type=\"VirtualMachine\">vm-10</obj>"));
    assert_non_null(strstr(strbuf_text(&objects), "<obj type=\"VirtualMachine\">vm-11</obj>"));
    assert_non_null(strstr(strbuf_text(&objects), "<obj type=\"HostSystem\">host-27</obj>"));
    assert_non_null(strstr(strbuf_text(&objects), "<obj type=\"HostSystem\">host-28</obj>"));
    assert_int_equal(types, 1u << OBJECT_HOST | 1u << OBJECT_MACHINE);
    teller_reread_done(decoded.teller);
    assert_int_equal(teller_due(decoded.teller), 0);
    strbuf_done(&objects);
    decoded_done(&decoded);
}

static void distributed_switches_and_every_kind_of_vlan(void **state)
{
    struct decoded decoded;

    (void)state;
    decoded_init(&decoded);
    assert_int_equal(decode(&decoded, "groups.xml", objects_rules, 0), 0);
    expect("groups.expected", strbuf_text(&decoded.rows));
    assert_int_equal(decoded.oddities, 3);
    decoded_done(&decoded);
}

static void other_prefixes_mean_the_same(void **state)
{
    struct decoded decoded;

    (void)state;
    decoded_init(&decoded);
    assert_int_equal(decode(&decoded, "update-go.xml", update_rules, 0), 0);
    assert_string_equal(strbuf_text(&decoded.rows), "put machine id=vm-9 host=host-30\n");
    decoded_done(&decoded);
}

static void hints_of_both_protocols(void **state)
{
    struct decoded decoded;

    (void)state;
    decoded_init(&decoded);
    assert_int_equal(decode(&decoded, "hints.xml", hint_rules, 0), 0);
    expect("hints.expected", strbuf_text(&decoded.reply->rows));
    decoded_done(&decoded);
}

/* ---- What must not be taken for knowledge
 * -------------------------------------------------------- */

static void a_hollow_answer_ends_the_session_and_says_nothing(void **state)
{
    struct decoded decoded;

    (void)state;
    decoded_init(&decoded);
    assert_true(decode(&decoded, "hollow.xml", objects_rules, 0) < 0);
    assert_true(decoded.reply->lost);
    assert_string_equal(strbuf_text(&decoded.rows), "");
    decoded_done(&decoded);
}

/* Cut anywhere, a reply yields the rows of whole objects and no others. */
static void a_cut_reply_yields_whole_objects_only(void **state)
{
    struct decoded whole, cut;
    size_t size;
    char *text = read_file("update-first.xml", &size);

    (void)state;
    decoded_init(&whole);
    assert_int_equal(decode_bytes(&whole, update_rules, text, size, size, true), 0);
    for (size_t at = 0; at < size - 1; at += 1 + at / 200) {
        const char *rows;

        decoded_init(&cut);
        decode_bytes(&cut, update_rules, text, at, at ? at : 1, false);
        rows = strbuf_text(&cut.rows);
        assert_memory_equal(rows, strbuf_text(&whole.rows), cut.rows.size);
        if (cut.rows.size) { /* the next row is the first of an object */
            const char *next = strbuf_text(&whole.rows) + cut.rows.size;

            assert_true(!*next || strncmp(next, "new host", 8) == 0 ||
                        strncmp(next, "put host", 8) == 0 || strncmp(next, "new machine", 11) == 0);
        }
        decoded_done(&cut);
    }
    decoded_done(&whole);
    free(text);
}

static void a_property_that_the_server_lacks(void **state)
{
    struct decoded decoded;

    (void)state;
    decoded_init(&decoded);
    teller_asked(decoded.teller, API_4_0, PROPERTY(HOST_CONSOLE) | PROPERTY(HOST_PNIC));
    assert_int_equal(decode(&decoded, "update-first.xml", update_rules, 0), 0);
    /* Without optional ones a list is complete; without others it is not. */
    assert_non_null(strstr(strbuf_text(&decoded.rows), "end vmknic owner=host-27\n"));
    assert_non_null(strstr(strbuf_text(&decoded.rows), "unknown nic owner=host-27\n"));
    decoded_done(&decoded);
}

/* ---- Other answers
 * ------------------------------------------------------------------------------- */

static void content_fault_reference_and_pages(void **state)
{
    struct decoded decoded;
    struct reply *reply;

    (void)state;
    decoded_init(&decoded);
    assert_int_equal(decode(&decoded, "content-go.xml", content_rules, 0), 0);
    reply = decoded.reply;
    assert_string_equal(reply->content.root.value, "group-d1");
    assert_string_equal(reply->content.root.type, "Folder");
    assert_string_equal(reply->content.sessions.value, "SessionManager");
    assert_string_equal(reply->content.api_type, "VirtualCenter");
    assert_string_equal(reply->content.api_version, "4.1");

    assert_int_equal(decode(&decoded, "fault.xml", update_rules, 0), 0);
    assert_string_equal(decoded.reply->fault.type, "InvalidProperty");
    assert_string_equal(decoded.reply->fault.property, "config.network.opaqueSwitch");
    assert_false(decoded.reply->lost);

    assert_int_equal(decode(&decoded, "page.xml", page_rules, 0), 0);
    assert_string_equal(decoded.reply->token, "0");
    assert_int_equal(decode(&decoded, "login.xml", login_rules, 0), 0);
    assert_true(decoded.reply->answered);
    decoded_done(&decoded);
}

static void the_highest_version_that_both_know(void **state)
{
    struct version_list list = { .best = version_least() };
    struct api_version version = version_least();
    struct xml *xml = xml_new(version_list_rules, &list, &caps);
    size_t size;
    char *text = read_file("versions.xml", &size);

    (void)state;
    assert_int_equal(xml_push(xml, text, size, NULL), 0);
    assert_int_equal(xml_end(xml, NULL), 0);
    assert_string_equal(list.best.text, "8.0.2.0");
    assert_int_equal(list.best.level, API_6_5);
    xml_free(xml);
    free(text);

    version_offer(&version, "5.0");
    version_offer(&version, "4.1");
    version_offer(&version, "10.0");
    assert_string_equal(version.text, "5.0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_read_becomes_rows_in_pieces_of_any_size),
        cmocka_unit_test(a_change_says_only_what_changed),
        cmocka_unit_test(distributed_switches_and_every_kind_of_vlan),
        cmocka_unit_test(other_prefixes_mean_the_same),
        cmocka_unit_test(hints_of_both_protocols),
        cmocka_unit_test(a_hollow_answer_ends_the_session_and_says_nothing),
        cmocka_unit_test(a_cut_reply_yields_whole_objects_only),
        cmocka_unit_test(a_property_that_the_server_lacks),
        cmocka_unit_test(content_fault_reference_and_pages),
        cmocka_unit_test(the_highest_version_that_both_know),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

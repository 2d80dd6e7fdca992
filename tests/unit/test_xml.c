#include "cmocka_unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "source/xml.h"

struct thing {
    char text[8], id[8], names[16], type[32], ref[32];
    bool flag;
    uint64_t number;
    unsigned opened, closed, spoiled;
};

static const struct xml_caps caps = { .bytes = 100000, .opened = 1000 };

static int on_open(struct xml *xml, void *data, const struct xml_element *element)
{
    struct thing *thing = data;

    (void)xml;
    thing->opened++;
    snprintf(thing->type, sizeof(thing->type), "%s", element->type);
    snprintf(thing->ref, sizeof(thing->ref), "%s", element->ref);
    return 0;
}

static int on_close(struct xml *xml, void *data, const char *text)
{
    struct thing *thing = data;

    (void)text;
    thing->closed++;
    thing->spoiled += xml_spoiled(xml);
    return 0;
}

static int on_refuse(struct xml *xml, void *data, const char *text)
{
    (void)data, (void)text;
    return error_set(xml_error(xml), -ERANGE, "refused");
}

static const struct xml_rule item_rules[] = {
    XML_MEMBER("text", XML_TEXT, struct thing, text),
    XML_MEMBER("id", XML_ID, struct thing, id),
    XML_MEMBER("name", XML_NAMES, struct thing, names),
    XML_MEMBER("flag", XML_FLAG, struct thing, flag),
    XML_MEMBER("number", XML_NUMBER, struct thing, number),
    { .name = "refuse", .take = XML_CLOSE, .close = on_refuse },
    { 0 },
};
static const struct xml_rule root_rules[] = {
    { .name = "item", .rules = item_rules, .open = on_open, .close = on_close },
    { 0 },
};
static const struct xml_rule rules[] = { XML_INTO("root", root_rules), { 0 } };

static int parse(const char *text, struct thing *thing, struct error *error)
{
    struct xml *xml = xml_new(rules, thing, &caps);
    int r = xml_push(xml, text, strlen(text), error);

    if (r == 0)
        r = xml_end(xml, error);
    xml_free(xml);
    return r;
}

static void members_are_taken_by_kind(void **state)
{
    struct thing thing = { 0 };

    (void)state;
    assert_int_equal(parse("<root><item><text>a &amp; <![CDATA[<b>]]></text><id>x1</id>"
                           "<name>n1</name><name/><name>n2</name><flag>true</flag>"
                           "<number>42</number></item></root>",
                           &thing, NULL),
                     0);
    assert_string_equal(thing.text, "a & <b>");
    assert_string_equal(thing.id, "x1");
    assert_string_equal(thing.names, "n1\x1fn2");
    assert_true(thing.flag);
    assert_int_equal(thing.number, 42);
    assert_int_equal(thing.spoiled, 0);
}

static void what_does_not_fit_is_cut_or_spoils(void **state)
{
    struct thing thing = { 0 };

    (void)state;
    assert_int_equal(parse("<root><item><text>much too long</text></item>"
                           "<item><id>much too long</id></item><item><number>-1</number></item>"
                           "<item><name>0123456789</name><name>0123456789</name></item></root>",
                           &thing, NULL),
                     0);
    assert_string_equal(thing.text, "much to");
    assert_string_equal(thing.id, "");
    assert_string_equal(thing.names, "0123456789");
    assert_int_equal(thing.spoiled, 3);
    assert_int_equal(thing.closed, 4);
}

static void unknown_elements_are_skipped_whole(void **state)
{
    struct thing thing = { 0 };

    (void)state;
    assert_int_equal(parse("<root><newer><item><id>no</id></item></newer><item><newer><id>no</id>"
                           "</newer><id>yes</id></item></root>",
                           &thing, NULL),
                     0);
    assert_string_equal(thing.id, "yes");
    assert_int_equal(thing.opened, 1);
}

/* By namespace URI, in either order, with any prefix; a MoRef has both. */
static void the_two_attributes_called_type(void **state)
{
    static const char *const texts[] = {
        "<root xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>"
        "<item type='HostSystem' xsi:type='ManagedObjectReference'/></root>",
        "<root><item xmlns:_x='http://www.w3.org/2001/XMLSchema-instance'"
        " _x:type='vim25:ManagedObjectReference' type='HostSystem'/></root>",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct thing thing = { 0 };

        assert_int_equal(parse(texts[i], &thing, NULL), 0);
        assert_string_equal(thing.type, "ManagedObjectReference");
        assert_string_equal(thing.ref, "HostSystem");
    }
}

static void what_is_refused(void **state)
{
    static const struct {
        const char *text;
        int code;
        const char *word;
    } rows[] = {
        { "<!DOCTYPE root [<!ENTITY a 'b'>]><root>&a;</root>", -EBADMSG, "DOCTYPE" },
        { "<!DOCTYPE root SYSTEM 'file:///etc/passwd'><root/>", -EBADMSG, "DOCTYPE" },
        { "<root>&unknown;</root>", -EBADMSG, "well-formed" },
        { "<root><item></root>", -EBADMSG, "well-formed" },
        { "<root><item>", -EBADMSG, "well-formed" },
        { "", -EBADMSG, "well-formed" },
        { "not XML at all", -EBADMSG, "well-formed" },
        { "<root><item><id>\x01</id></item></root>", -EBADMSG, "well-formed" },
        { "<root><item><refuse/></item></root>", -ERANGE, "refused" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct thing thing = { 0 };
        struct error error = { "" };

        assert_int_equal(parse(rows[i].text, &thing, &error), rows[i].code);
        assert_non_null(strstr(error.text, rows[i].word));
    }
}

static const struct xml_rule deep_rules[] = {
    { .name = "root", .rules = deep_rules },
    { 0 },
};

static void caps_are_kept(void **state)
{
    struct thing thing = { 0 };
    struct error error = { "" };
    struct xml *xml = xml_new(deep_rules, &thing, &caps);
    int r = 0;

    (void)state;
    for (unsigned i = 0; r == 0 && i < 1000; i++)
        r = xml_push(xml, "<root>", 6, &error);
    assert_int_equal(r, -EMSGSIZE);
    assert_int_equal(xml_push(xml, "<root>", 6, NULL), -EMSGSIZE); /* for good */
    xml_free(xml);

    xml = xml_new(rules, &thing, &caps);
    r = xml_push(xml, "<root>", 6, &error);
    for (unsigned i = 0; r == 0 && i < 2000; i++)
        r = xml_push(xml, "<x/>", 4, &error);
    assert_int_equal(r, -EMSGSIZE);
    assert_non_null(strstr(error.text, "elements"));
    xml_free(xml);

    xml = xml_new(rules, &thing, &caps);
    r = xml_push(xml, "<root>", 6, &error);
    for (unsigned i = 0; r == 0 && i < 200000; i++)
        r = xml_push(xml, " ", 1, &error);
    assert_int_equal(r, -EMSGSIZE);
    assert_non_null(strstr(error.text, "larger than"));
    xml_free(xml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_taken_by_kind),
        cmocka_unit_test(what_does_not_fit_is_cut_or_spoils),
        cmocka_unit_test(unknown_elements_are_skipped_whole),
        cmocka_unit_test(the_two_attributes_called_type),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(caps_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

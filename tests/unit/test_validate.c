#include "cmocka_unit.h"

#include <string.h>

#include "switch/validate.h"

static struct vlanset set_of(const char *text)
{
    struct vlanset set;

    assert_int_equal(vlanset_parse(text, &set), 0);
    return set;
}

/* What a change comes to on a port that carries 300-310 by hand, 100-110 of ours, native VLAN 1,
 * and may be given 100-200. */
struct expectation {
    const char *add, *remove;         /* asked for */
    const char *may_add, *may_remove; /* let through */
    const char *problem;              /* a part of the sentence; NULL: none at all */
};

static void check(const struct expectation *wanted, struct validate_view *view)
{
    struct change change = {
        .id = "1",
        .port = "swp1",
        .add = set_of(wanted->add),
        .remove = set_of(wanted->remove),
    };
    struct verdict verdict;
    struct strbuf problem;
    char text[128];

    strbuf_init(&problem, 4096);
    verdict = validate_change(&change, view, &problem);
    assert_string_equal(vlanset_text(&verdict.add, text, sizeof(text)), wanted->may_add);
    assert_string_equal(vlanset_text(&verdict.remove, text, sizeof(text)), wanted->may_remove);
    if (wanted->problem)
        assert_non_null(strstr(strbuf_text(&problem), wanted->problem));
    else
        assert_string_equal(strbuf_text(&problem), "");
    strbuf_done(&problem);
}

static struct port a_port(void)
{
    return (struct port){
        .id = "swp1",
        .enabled = true,
        .refusal = "",
        .native = 1,
        .tagged = set_of("100-110,300-310"),
    };
}

static struct policy a_policy(void)
{
    return (struct policy){ .id = "swp1", .allowed = set_of("100-200") };
}

static void parts_are_let_through_or_refused(void **state)
{
    static const struct expectation rows[] = {
        { "120", "", "120", "", NULL },
        { "100-120", "", "111-120", "", NULL }, /* what is carried needs no writing */
        { "199-202", "", "199-200", "", "VLAN 201-202 is not allowed there" },
        { "305", "", "", "", NULL }, /* carried by hand: nothing to do, nothing to refuse */
        { "1,150", "", "150", "", "VLAN 1 is the native VLAN there" },
        { "", "100-103", "", "100-103", NULL },
        { "", "109-112", "", "109-110", NULL }, /* absent already */
        { "", "110,300", "", "110", "VLAN 300 was not added by vsn and stays" },
        { "", "1", "", "", "VLAN 1 is the native VLAN there and stays" },
        { "120", "100", "120", "100", NULL },
        { "105", "105-106", "", "106", "VLAN 105 is named for addition and for removal" },
        { "", "", "", "", NULL },
        { "1-4094", "2-4094", "111-200", "", "not allowed" },
    };
    struct policy policy = a_policy();
    struct port port = a_port();
    struct validate_view view = { &port, &policy, set_of("100-110"), NULL, true };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        check(&rows[i], &view);
}

static void a_barred_port_is_not_written(void **state)
{
    struct policy policy = a_policy();
    struct port port = a_port(), refused = a_port(), open = a_port();
    const struct {
        struct validate_view view;
        const char *problem;
    } rows[] = {
        { { &port, &policy, set_of("100-110"), "/run/vsn/freeze", true }, "frozen" },
        { { NULL, &policy, set_of("100-110"), NULL, true }, "no port swp1" },
        { { &port, NULL, set_of("100-110"), NULL, true }, "not enabled for vsn" },
        { { &refused, &policy, set_of("100-110"), NULL, true }, "it is an access port" },
        { { &open, &policy, set_of("100-110"), NULL, true }, "carries every VLAN" },
    };

    (void)state;
    refused.refusal = "it is an access port";
    open.open = true;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct expectation nothing = { "120", "100", "", "", rows[i].problem };
        struct validate_view view = rows[i].view;

        check(&nothing, &view);
    }
}

/* A removal of what is ours is let through even where policy shrank. */
static void a_narrower_policy_does_not_keep_what_is_ours(void **state)
{
    struct policy policy = { .id = "swp1", .allowed = set_of("") };
    struct port port = a_port();
    struct validate_view view = { &port, &policy, set_of("100-110"), NULL, true };
    struct expectation wanted = { "", "100-104", "", "100-104", NULL };

    (void)state;
    check(&wanted, &view);
}

/* Only a port that is down, may be brought up, and was not brought up before. */
static void a_port_is_brought_up_where_it_may_be(void **state)
{
    const struct {
        bool asked, enabled, may_enable, brought_up, can_enable, refused;
        const char *problem; /* NULL: none */
        bool enable;
    } rows[] = {
        { true, false, true, false, true, false, NULL, true },
        { false, false, true, false, true, false, NULL, false },
        { true, true, true, false, true, false, NULL, false },
        { true, false, false, false, true, false, "no 'port auto-enable'", false },
        { true, false, true, true, true, false, "shut again: it stays down", false },
        { true, false, true, false, false, false, "cannot bring ports of this switch up", false },
        { true, false, true, false, true, true, "barred", false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct policy policy = a_policy();
        struct port port = a_port();
        const struct validate_view view = { &port, &policy, set_of(""), NULL, rows[i].can_enable };
        const struct change change = { .id = "1", .port = "swp1", .enable = rows[i].asked };
        struct strbuf problem;

        policy.may_enable = rows[i].may_enable;
        port.enabled = rows[i].enabled;
        port.brought_up = rows[i].brought_up;
        port.refusal = rows[i].refused ? "barred" : "";
        strbuf_init(&problem, 1000);
        assert_int_equal(validate_change(&change, &view, &problem).enable, rows[i].enable);
        if (rows[i].problem)
            assert_non_null(strstr(strbuf_text(&problem), rows[i].problem));
        else
            assert_string_equal(strbuf_text(&problem), "");
        strbuf_done(&problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_let_through_or_refused),
        cmocka_unit_test(a_barred_port_is_not_written),
        cmocka_unit_test(a_port_is_brought_up_where_it_may_be),
        cmocka_unit_test(a_narrower_policy_does_not_keep_what_is_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cmocka_unit.h"

#include <errno.h>

#include "model/vlanset.h"

static struct vlanset set_of(const char *text)
{
    struct vlanset set;

    assert_int_equal(vlanset_parse(text, &set), 0);
    return set;
}

static void assert_set(struct vlanset set, const char *text)
{
    char form[256];

    assert_string_equal(vlanset_text(&set, form, sizeof(form)), text);
}

static void text_form_round_trips(void **state)
{
    static const char *const forms[] = {
        "", "1", "4094", "100,200-210", "1-4094", "63-64,127-129", "1,3,5"
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
        assert_set(set_of(forms[i]), forms[i]);
    assert_set(set_of("none"), "");
    assert_set(set_of("5,3,4"), "3-5");
}

static void bad_forms_are_refused_and_leave_the_set_alone(void **state)
{
    static const struct {
        const char *text;
        int code;
    } rows[] = {
        { "0", -ERANGE },    { "4095", -ERANGE },
        { "10-5", -ERANGE }, { "a", -EINVAL },
        { "1,", -EINVAL },   { ",1", -EINVAL },
        { "1-", -EINVAL },   { "1 2", -EINVAL },
        { "-1", -EINVAL },   { "99999999999999999999", -ERANGE },
        { "1--2", -EINVAL },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct vlanset set = set_of("7");

        assert_int_equal(vlanset_parse(rows[i].text, &set), rows[i].code);
        assert_set(set, "7");
    }
}

static void ids_that_are_no_vlan_are_never_members(void **state)
{
    struct vlanset set = vlanset_empty;

    (void)state;
    vlanset_add(&set, 0);
    vlanset_add(&set, 4095);
    vlanset_add(&set, 70000);
    assert_true(vlanset_is_empty(&set));
    vlanset_add_range(&set, 0, 4095);
    assert_set(set, "1-4094");
    assert_int_equal(vlanset_count(&set), 4094);
}

static void set_algebra(void **state)
{
    struct vlanset a = set_of("1-10"), b = set_of("8-12");

    (void)state;
    assert_set(vlanset_union(&a, &b), "1-12");
    assert_set(vlanset_both(&a, &b), "8-10");
    assert_set(vlanset_minus(&a, &b), "1-7");
    vlanset_remove(&a, 5);
    assert_set(a, "1-4,6-10");
    assert_false(vlanset_has(&a, 5));
    assert_true(vlanset_has(&a, 6));
}

static void walking(void **state)
{
    struct vlanset set = set_of("63,64,4094");
    uint32_t last = 0;

    (void)state;
    assert_int_equal(vlanset_next(&set, 1), 63);
    assert_int_equal(vlanset_next(&set, 64), 64);
    assert_int_equal(vlanset_next(&set, 65), 4094);
    assert_int_equal(vlanset_next(&set, 4095), 0);
    assert_int_equal(vlanset_next_range(&set, 1, &last), 63);
    assert_int_equal(last, 64);
}

static void a_short_buffer_says_that_it_is_cut(void **state)
{
    struct vlanset set = set_of("100,200,300,400");
    char form[12];

    (void)state;
    assert_string_equal(vlanset_text(&set, form, sizeof(form)), "100,200,...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_form_round_trips),
        cmocka_unit_test(bad_forms_are_refused_and_leave_the_set_alone),
        cmocka_unit_test(ids_that_are_no_vlan_are_never_members),
        cmocka_unit_test(set_algebra),
        cmocka_unit_test(walking),
        cmocka_unit_test(a_short_buffer_says_that_it_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

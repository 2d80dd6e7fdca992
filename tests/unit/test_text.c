#include "cmocka_unit.h"

#include <errno.h>

#include "base/text.h"

static void a_name_cannot_steer_a_terminal(void **state)
{
    static const struct {
        const char *text, *safe;
    } rows[] = {
        { "web 01", "web 01" },
        { "B\xc3\xbcro", "B\xc3\xbcro" },
        { "a\nb", "a\\x0ab" },
        { "\x1b[31mred", "\\x1b[31mred" },
        { "back\\slash", "back\\\\slash" },
        { "bidi\xe2\x80\xae!", "bidi\\xe2\\x80\\xae!" },
        { "c1\xc2\x9b", "c1\\xc2\\x9b" },
        { "not utf8 \xff", "not utf8 \\xff" },
        { "overlong \xc0\x80", "overlong \\xc0\\x80" },
        { "cut \xe2\x82", "cut \\xe2\\x82" },
    };
    char safe[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_string_equal(text_safe(safe, sizeof(safe), rows[i].text), rows[i].safe);
}

static void a_copy_is_cut_between_characters(void **state)
{
    char to[4];

    (void)state;
    assert_int_equal(text_copy(to, sizeof(to), "abc"), 0);
    assert_string_equal(to, "abc");
    assert_int_equal(text_copy(to, sizeof(to), "ab\xc3\xbc"), -EMSGSIZE);
    assert_string_equal(to, "ab");
}

static void numbers_keep_their_range(void **state)
{
    uint64_t value = 7;

    (void)state;
    assert_int_equal(text_number("300", 1, 600, &value), 0);
    assert_int_equal(value, 300);
    assert_int_equal(text_number("0", 1, 600, &value), -ERANGE);
    assert_int_equal(text_number("18446744073709551616", 0, UINT64_MAX, &value), -ERANGE);
    assert_int_equal(text_number("", 0, 9, &value), -EINVAL);
    assert_int_equal(text_number("-1", 0, 9, &value), -EINVAL);
    assert_int_equal(text_number("3x", 0, 9, &value), -EINVAL);
    assert_int_equal(value, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_cannot_steer_a_terminal),
        cmocka_unit_test(a_copy_is_cut_between_characters),
        cmocka_unit_test(numbers_keep_their_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cmocka_unit.h"

#include <string.h>

#include "base/attrs.h"
#include "model/nonce.h"

static void the_mark_comes_behind_the_description(void **state)
{
    char nonce[NONCE_TEXT], text[256];

    (void)state;
    assert_string_equal(nonce_format(0x2a, nonce), "000000000000002a");
    assert_string_equal(nonce_mark("swp1", nonce, text, sizeof(text)),
                        "swp1 [vsn 000000000000002a]");
    assert_int_equal(nonce_split(text, nonce), strlen("swp1"));
    assert_string_equal(nonce, "000000000000002a");
}

static void a_former_mark_is_replaced(void **state)
{
    char text[256];

    (void)state;
    nonce_mark("rack 4 [vsn 1111111111111111]", "2222222222222222", text, sizeof(text));
    assert_string_equal(text, "rack 4 [vsn 2222222222222222]");
}

static void a_long_description_is_cut_for_it(void **state)
{
    char text[64], nonce[NONCE_TEXT];

    (void)state;
    nonce_mark("a description that is longer than there is room for, by a good deal of text",
               "0123456789abcdef", text, sizeof(text));
    assert_int_equal(strlen(text), sizeof(text) - 1);
    nonce_split(text, nonce);
    assert_string_equal(nonce, "0123456789abcdef");
}

static void what_only_looks_like_one_is_none(void **state)
{
    static const char *const texts[] = {
        "",
        "swp1",
        "swp1 [vsn 123]",
        "swp1 [vsn 0123456789abcdeg]",
        "swp1[vsn 0123456789abcdef]",
        "swp1 [vsn 0123456789abcdef] ",
        "[vsn 0123456789abcdef]",
        "swp1 [vsn 0123456789ABCDEF]",
    };
    char nonce[NONCE_TEXT];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        assert_int_equal(nonce_split(texts[i], nonce), strlen(texts[i]));
        assert_string_equal(nonce, "");
    }
}

static void descriptions_are_compared_without_it(void **state)
{
    (void)state;
    assert_true(nonce_same_but_mark("swp1 [vsn 0123456789abcdef]", "swp1"));
    assert_true(nonce_same_but_mark("swp1 [vsn 0123456789abcdef]", "swp1 [vsn fedcba9876543210]"));
    assert_false(nonce_same_but_mark("swp1 [vsn 0123456789abcdef]", "swp2 [vsn 0123456789abcdef]"));
    assert_false(nonce_same_but_mark("swp1", "swp10"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mark_comes_behind_the_description),
        cmocka_unit_test(a_former_mark_is_replaced),
        cmocka_unit_test(a_long_description_is_cut_for_it),
        cmocka_unit_test(what_only_looks_like_one_is_none),
        cmocka_unit_test(descriptions_are_compared_without_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

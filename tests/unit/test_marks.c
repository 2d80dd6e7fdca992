#include "cmocka_unit.h"

#include <string.h>

#include "source/marks.h"

static int set_up(void **state)
{
    *state = marks_new();
    marks_begin(*state);
    marks_add(*state, "swp1");
    marks_add(*state, "swp2");
    marks_end(*state);
    return 0;
}

static int tear_down(void **state)
{
    marks_free(*state);
    return 0;
}

static void each_port_has_its_own_word(void **state)
{
    char one[256], two[256];

    assert_true(marks_wanted(*state, "swp1", "swp1", 0, one, sizeof(one)));
    assert_true(marks_wanted(*state, "swp2", "swp1", 0, two, sizeof(two)));
    assert_true(nonce_same_but_mark(one, two));
    assert_string_not_equal(one, two);
    assert_false(marks_wanted(*state, "swp1", one, 0, one, sizeof(one)));
}

/* What was asked for is not what is sent: only a description that has the word was sent. */
static void it_is_told_once_it_is_sent(void **state)
{
    char text[256], wanted[NONCE_TEXT], nonce[NONCE_TEXT], before[NONCE_TEXT];

    marks_wanted(*state, "swp1", "swp1", 0, text, sizeof(text));
    marks_told(*state, "swp1", "swp1", 0, nonce, before);
    assert_string_equal(nonce, "");
    marks_told(*state, "swp1", text, 0, nonce, before);
    nonce_split(text, wanted);
    assert_string_equal(nonce, wanted);
    assert_string_equal(before, "");
}

static void the_former_word_counts_for_a_while(void **state)
{
    char text[256], nonce[NONCE_TEXT], before[NONCE_TEXT];

    marks_wanted(*state, "swp1", "swp1 [vsn 0123456789abcdef]", 1000, text, sizeof(text));
    marks_told(*state, "swp1", text, 1000, nonce, before);
    assert_string_equal(before, "0123456789abcdef");
    marks_told(*state, "swp1", text, 1000 + MARK_GRACE_MS, nonce, before);
    assert_string_equal(before, "");
}

static void words_are_made_anew(void **state)
{
    char first[256], second[256], nonce[NONCE_TEXT], before[NONCE_TEXT], wanted[NONCE_TEXT];

    marks_wanted(*state, "swp1", "swp1", 0, first, sizeof(first));
    assert_false(marks_wanted(*state, "swp1", first, MARK_LIFE_MS - 1, second, sizeof(second)));
    assert_true(marks_wanted(*state, "swp1", first, MARK_LIFE_MS, second, sizeof(second)));
    assert_string_not_equal(first, second);
    marks_told(*state, "swp1", second, MARK_LIFE_MS, nonce, before);
    nonce_split(first, wanted);
    assert_string_equal(before, wanted);
}

static void a_port_that_is_none_of_ours_loses_its_word(void **state)
{
    char text[256], nonce[NONCE_TEXT], before[NONCE_TEXT];

    assert_false(marks_wanted(*state, "swp9", "rack 4", 0, text, sizeof(text)));
    assert_true(
        marks_wanted(*state, "swp9", "rack 4 [vsn 0123456789abcdef]", 0, text, sizeof(text)));
    assert_string_equal(text, "rack 4");
    marks_told(*state, "swp9", "rack 4 [vsn 0123456789abcdef]", 0, nonce, before);
    assert_string_equal(nonce, "");

    marks_begin(*state);
    marks_add(*state, "swp1");
    marks_end(*state);
    assert_false(marks_wanted(*state, "swp2", "swp2", 0, text, sizeof(text)));
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(each_port_has_its_own_word),
        ROW(it_is_told_once_it_is_sent),
        ROW(the_former_word_counts_for_a_while),
        ROW(words_are_made_anew),
        ROW(a_port_that_is_none_of_ours_loses_its_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

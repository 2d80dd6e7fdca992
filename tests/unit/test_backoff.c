#include "cmocka_unit.h"

#include "base/attrs.h"
#include "base/backoff.h"

static void bounds_double_up_to_the_most(void **state)
{
    static const int64_t bounds[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000 };
    struct backoff low = { .first_ms = 1000, .most_ms = 60000 };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bounds); i++) {
        struct backoff high = low;

        assert_int_equal(backoff_next(&high, (uint64_t)bounds[i]), bounds[i]);
        assert_int_equal(backoff_next(&low, (uint64_t)bounds[i] + 1), 0); /* full jitter */
    }
    backoff_reset(&low);
    assert_int_equal(backoff_next(&low, 1000), 1000);
}

static void it_never_leaves_its_range(void **state)
{
    struct backoff backoff = { .first_ms = 1, .most_ms = INT64_MAX / 2 };

    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        int64_t delay = backoff_next(&backoff, UINT64_MAX - i);

        assert_true(delay >= 0 && delay <= backoff.most_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_double_up_to_the_most),
        cmocka_unit_test(it_never_leaves_its_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

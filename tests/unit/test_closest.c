#include "cmocka_unit.h"

#include <limits.h>

#include "base/closest.h"

static void distances_are_known(void **state)
{
    (void)state;
    assert_int_equal(closest_distance("", ""), 0);
    assert_int_equal(closest_distance("vlan", "vlan"), 0);
    assert_int_equal(closest_distance("", "vlan"), 4);
    assert_int_equal(closest_distance("vlna", "vlan"), 1);
    assert_int_equal(closest_distance("kitten", "sitting"), 3);
    assert_int_equal(closest_distance("ca", "abc"), 3);
    assert_true(closest_distance("a word that is far too long to be one of ours", "a") > 100);
}

static void only_the_nearest_is_suggested(void **state)
{
    unsigned best = UINT_MAX;

    (void)state;
    assert_false(closest_improves("prot", "hypervisor", &best));
    assert_true(closest_improves("prot", "port", &best));
    assert_int_equal(best, 1);
    assert_false(closest_improves("prot", "prob", &best));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_are_known),
        cmocka_unit_test(only_the_nearest_is_suggested),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

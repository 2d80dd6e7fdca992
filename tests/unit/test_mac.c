#include "cmocka_unit.h"

#include <errno.h>

#include "base/attrs.h"
#include "model/mac.h"

static void the_usual_forms_are_read(void **state)
{
    static const char *const forms[] = { "52:54:00:aa:bb:cc", "52-54-00-AA-BB-CC",
                                         "5254.00aa.bbcc" };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        struct mac mac;
        char text[MAC_TEXT];

        assert_int_equal(mac_parse(forms[i], &mac), 0);
        assert_string_equal(mac_format(mac, text), "52:54:00:aa:bb:cc");
    }
}

static void anything_else_is_refused(void **state)
{
    static const char *const forms[] = { "",
                                         "52:54:00:aa:bb",
                                         "52:54:00:aa:bb:cc:dd",
                                         "52:54:00:aa:bb:cg",
                                         "52:54-00:aa:bb:cc",
                                         "5254:00aa:bbcc",
                                         "vmnic0" };
    struct mac mac;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
        assert_int_equal(mac_parse(forms[i], &mac), -EINVAL);
}

static void only_one_interface_has_a_unicast_address(void **state)
{
    (void)state;
    assert_true(mac_is_unicast((struct mac){ { 0x52, 0x54, 0, 0, 0, 1 } }));
    assert_false(mac_is_unicast((struct mac){ { 0 } }));
    assert_false(mac_is_unicast((struct mac){ { 1, 0x80, 0xc2, 0, 0, 0x0e } }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_usual_forms_are_read),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(only_one_interface_has_a_unicast_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cmocka_unit.h"

#include <string.h>

#include "source/vsphere/soap.h"

static void values_are_escaped(void **state)
{
    struct moref self = { "Session\"Manager", "a<b" };
    struct strbuf to;

    (void)state;
    strbuf_init(&to, 10000);
    soap_begin(&to, "Login", &self);
    soap_text(&to, "userName", "DOMAIN\\o'neil & <sons>\n\x01");
    soap_number(&to, "count", UINT64_MAX);
    soap_finish(&to, "Login");
    assert_non_null(strstr(strbuf_text(&to),
                           "<soapenv:Body><Login xmlns=\"urn:vim25\">"
                           "<_this type=\"Session&quot;Manager\">a&lt;b</_this>"
                           "<userName>DOMAIN\\o'neil &amp; &lt;sons&gt;&#10;</userName>"
                           "<count>18446744073709551615</count></Login></soapenv:Body>"
                           "</soapenv:Envelope>"));
    assert_false(to.overflow);
    strbuf_done(&to);
}

static void a_request_that_does_not_fit_says_so(void **state)
{
    struct moref self = { "T", "v" };
    struct strbuf to;

    (void)state;
    strbuf_init(&to, 100);
    soap_begin(&to, "Login", &self);
    soap_finish(&to, "Login");
    assert_true(to.overflow);
    strbuf_done(&to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_escaped),
        cmocka_unit_test(a_request_that_does_not_fit_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cmocka_unit.h"

#include <errno.h>
#include <string.h>

#include "model/names.h"
#include "source/xenapi/roles.h"

static struct xen_roles roles;

static int set_up(void **state)
{
    (void)state;
    xen_roles_init(&roles);
    return xen_roles_open(&roles, "https://10.0.0.1", NULL);
}

static int tear_down(void **state)
{
    (void)state;
    xen_roles_done(&roles);
    return 0;
}

static void members(const char *first, const char *second, const char *third)
{
    names_add(&roles.members, first);
    names_add(&roles.members, second);
    names_add(&roles.members, third);
}

static void assert_asked(const char *address)
{
    assert_string_equal(roles.asked, address);
}

static void urls(void **state)
{
    static const struct {
        const char *url, *asked;
    } rows[] = {
        { "https://xen1.example.net", "https://xen1.example.net/" },
        { "https://10.0.0.1/", "https://10.0.0.1/" },
        { "https://10.0.0.1:8443/some/path", "https://10.0.0.1:8443/" },
        { "https://[2001:db8::1]", "https://[2001:db8::1]/" },
        { "https://[2001:db8::1]:8443/", "https://[2001:db8::1]:8443/" },
    };
    static const char *const bad[] = {
        "http://10.0.0.1",        "https://",          "https://:443",     "https://a b",
        "https://user@10.0.0.1",  "https://10.0.0.1:", "https://h:99999/", "https://[::1",
        "https://[nonsense]:443", "10.0.0.1",
    };
    struct error error;
    char url[512];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(xen_roles_open(&roles, rows[i].url, &error), 0);
        xen_roles_begin(&roles);
        xen_roles_url(&roles, url, sizeof(url));
        assert_string_equal(url, rows[i].asked);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_true(xen_roles_open(&roles, bad[i], &error) < 0);
}

static void a_redirect_keeps_the_port(void **state)
{
    char url[512];

    (void)state;
    xen_roles_open(&roles, "https://10.0.0.1:8443/", NULL);
    xen_roles_begin(&roles);
    assert_int_equal(xen_roles_redirect(&roles, "2001:db8::2", NULL), 0);
    xen_roles_url(&roles, url, sizeof(url));
    assert_string_equal(url, "https://[2001:db8::2]:8443/");
}

static void only_addresses_are_followed(void **state)
{
    static const char *const bad[] = { "", "a/b", "u@h", "h:1", "h h", "h?x", "h#x", "[::1]" };

    (void)state;
    xen_roles_begin(&roles);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(xen_roles_redirect(&roles, bad[i], NULL), -EINVAL);
    assert_asked("10.0.0.1");
}

/* Before the pool was read, its member's word counts; then the pool's own list does. */
static void a_stranger_is_not_followed(void **state)
{
    (void)state;
    xen_roles_begin(&roles);
    assert_int_equal(xen_roles_redirect(&roles, "10.0.0.9", NULL), 0);
    members("10.0.0.2", "10.0.0.3", "10.0.0.4");
    xen_roles_begin(&roles);
    assert_int_equal(xen_roles_redirect(&roles, "10.0.0.9", NULL), -EPERM);
    assert_int_equal(xen_roles_redirect(&roles, "10.0.0.3", NULL), 0);
    assert_int_equal(xen_roles_redirect(&roles, "10.0.0.1", NULL), 0); /* as configured */
}

static void redirects_are_bounded(void **state)
{
    (void)state;
    xen_roles_begin(&roles);
    for (unsigned i = 0; i < REDIRECTS_MAX; i++)
        assert_int_equal(xen_roles_redirect(&roles, i % 2 ? "10.0.0.1" : "10.0.0.2", NULL), 0);
    assert_int_equal(xen_roles_redirect(&roles, "10.0.0.2", NULL), -ELOOP);
    xen_roles_begin(&roles);
    assert_int_equal(xen_roles_redirect(&roles, "10.0.0.2", NULL), 0);
}

/* At first only the master is asked again; then everybody, once per round. */
static void a_dead_master(void **state)
{
    (void)state;
    members("10.0.0.1", "10.0.0.2", "10.0.0.3");
    xen_roles_begin(&roles);
    xen_roles_found(&roles);
    xen_roles_begin(&roles);
    assert_false(xen_roles_next(&roles, true));
    xen_roles_begin(&roles);
    assert_asked("10.0.0.1");
    assert_true(xen_roles_next(&roles, true));
    assert_asked("10.0.0.2");
    assert_int_equal(xen_roles_redirect(&roles, "10.0.0.1", NULL), -EHOSTDOWN);
    assert_true(xen_roles_next(&roles, false));
    assert_asked("10.0.0.3");
    assert_false(xen_roles_next(&roles, false));
    /* The next round: one of them knows the new master. */
    xen_roles_begin(&roles);
    assert_true(xen_roles_next(&roles, true));
    assert_int_equal(xen_roles_redirect(&roles, "10.0.0.3", NULL), 0);
    assert_asked("10.0.0.3");
    xen_roles_found(&roles);
    assert_string_equal(roles.master, "10.0.0.3");
    assert_int_equal(roles.rounds, 0);
}

/* A name in the configuration is one more way in when no member is known by its address. */
static void the_configured_member_is_always_asked(void **state)
{
    (void)state;
    xen_roles_open(&roles, "https://xen.example.net", NULL);
    xen_roles_begin(&roles);
    assert_int_equal(xen_roles_redirect(&roles, "10.0.0.2", NULL), 0);
    xen_roles_found(&roles);
    members("10.0.0.2", "10.0.0.3", "10.0.0.2");
    roles.rounds = 1;
    xen_roles_begin(&roles);
    assert_asked("10.0.0.2");
    assert_true(xen_roles_next(&roles, true));
    assert_asked("10.0.0.3");
    assert_true(xen_roles_next(&roles, true));
    assert_asked("xen.example.net");
    assert_false(xen_roles_next(&roles, true));
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(urls),
        ROW(a_redirect_keeps_the_port),
        ROW(only_addresses_are_followed),
        ROW(a_stranger_is_not_followed),
        ROW(redirects_are_bounded),
        ROW(a_dead_master),
        ROW(the_configured_member_is_always_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

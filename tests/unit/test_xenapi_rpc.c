#include "cmocka_unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model/names.h"
#include "source/xenapi/take.h"

#define ENVELOPE(value)                                                                            \
    "<?xml version=\"1.0\"?><methodResponse><params><param><value><struct>"                        \
    "<member><name>Status</name><value>Success</value></member>"                                   \
    "<member><name>Value</name><value>" value "</value></member>"                                  \
    "</struct></value></param></params></methodResponse>"
#define MEMBER(name, value) "<member><name>" name "</name><value>" value "</value></member>"
#define RECORD(fields) "<struct>" MEMBER("OpaqueRef:1", "<struct>" fields "</struct>") "</struct>"

struct world {
    struct xen_pool pool;
    struct xen_take take;
    struct error error;
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    xen_pool_init(&world->pool);
    xen_take_init(&world->take, &world->pool);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    xen_take_done(&world->take);
    xen_pool_done(&world->pool);
    free(world);
    return 0;
}

static int decode(struct world *world, const struct rpc_rule *rule, enum xen_class class,
                  const char *reply)
{
    *world->error.text = '\0';
    xen_take_begin(&world->take, rule);
    world->take.class = class;
    return rpc_decode(&world->take.rpc, reply, strlen(reply), &world->error);
}

static const struct xen_object *one(struct world *world, enum xen_class class, const char *reply)
{
    if (decode(world, &xen_list_rule, class, reply) < 0)
        fail_msg("%s", world->error.text);
    return xen_pool_find(&world->pool, class, "OpaqueRef:1");
}

static void requests_are_escaped(void **state)
{
    static const char *const classes[] = { "vm", "host" };
    struct strbuf to;

    (void)state;
    strbuf_init(&to, 4096);
    rpc_begin(&to, "event.from");
    rpc_text(&to, "a<&>\"\x01z");
    rpc_texts(&to, classes, 2);
    rpc_seconds(&to, 30);
    rpc_finish(&to);
    assert_string_equal(
        to.data, "<?xml version='1.0'?><methodCall><methodName>event.from</methodName><params>"
                 "<param><value><string>a&lt;&amp;&gt;&quot;z</string></value></param>"
                 "<param><value><array><data><value><string>vm</string></value>"
                 "<value><string>host</string></value></data></array></value></param>"
                 "<param><value><double>30.0</double></value></param></params></methodCall>");
    strbuf_done(&to);
}

static void scalars_in_every_spelling(void **state)
{
    static const struct {
        const char *value, *text;
    } rows[] = {
        { "OpaqueRef:8", "OpaqueRef:8" },
        { "<string>OpaqueRef:8</string>", "OpaqueRef:8" },
        { " \n<string>x</string>\n ", "x" },
        { "<i4>-1</i4>", "-1" },
        { "a&lt;b&amp;c", "a<b&c" },
        { "<![CDATA[<x>]]>", "<x>" },
        { "", "" },
        { "<string/>", "" },
        { "<struct></struct>", "" },
        { "<array><data></data></array>", "" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char reply[1024];

        snprintf(reply, sizeof(reply), ENVELOPE("%s"), rows[i].value);
        assert_int_equal(decode(*state, &xen_scalar_rule, N_XEN_CLASSES, reply), 0);
        assert_string_equal(((struct world *)*state)->take.scalar, rows[i].text);
        assert_true(((struct world *)*state)->take.rpc.succeeded);
    }
}

static void failures_and_their_parameters(void **state)
{
    struct world *world = *state;
    const struct rpc_failure *failure = &world->take.rpc.failure;

    assert_int_equal(
        decode(world, &xen_scalar_rule, N_XEN_CLASSES,
               "<methodResponse><params><param><value><struct>" MEMBER("Status", "Failure")
                   MEMBER("ErrorDescription",
                          "<array><data><value>HOST_IS_SLAVE</value>"
                          "<value>127.0.0.2</value></data></array>") "</struct></value></param></"
                                                                     "params></methodResponse>"),
        0);
    assert_false(world->take.rpc.succeeded);
    assert_string_equal(failure->code, "HOST_IS_SLAVE");
    assert_int_equal(failure->parameters, 1);
    assert_string_equal(failure->parameter[0], "127.0.0.2");

    /* The other order of members. */
    assert_int_equal(
        decode(
            world, &xen_scalar_rule, N_XEN_CLASSES,
            "<methodResponse><params><param><value><struct>" MEMBER(
                "ErrorDescription", "<array><data><value>EVENTS_LOST</value></data></array>")
                MEMBER("Status", "Failure") "</struct></value></param></params></methodResponse>"),
        0);
    assert_string_equal(failure->code, "EVENTS_LOST");

    assert_int_equal(
        decode(world, &xen_scalar_rule, N_XEN_CLASSES,
               "<methodResponse><fault><value><struct>" MEMBER("faultCode", "<int>0</int>")
                   MEMBER("faultString", "no such") "</struct></value></fault></methodResponse>"),
        0);
    assert_string_equal(failure->parameter[0], "no such");
    assert_true(*failure->code);
}

static void what_is_no_reply(void **state)
{
    static const char *const replies[] = {
        "",
        "<html><body>x</body></html>",
        "<methodResponse></methodResponse>",
        "<methodResponse><params><param><value>x</value></param></params></methodResponse>",
        "<methodResponse><params><param><value><struct></struct></value></param></params>"
        "</methodResponse>",
        "<!DOCTYPE x><methodResponse/>",
        "<methodResponse><params>",
        "\xff\xfe",
    };

    for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
        assert_true(decode(*state, &xen_scalar_rule, N_XEN_CLASSES, replies[i]) < 0);
        assert_true(*((struct world *)*state)->error.text);
    }
}

static void a_record_of_any_order(void **state)
{
    const struct xen_object *pif = one(
        *state, XEN_PIF,
        ENVELOPE(
            RECORD(MEMBER("unheard_of", "<struct>" MEMBER("device", "wrong") "</struct>") MEMBER(
                "VLAN", "-1") MEMBER("physical", "<boolean>1</boolean>") MEMBER("device", "eth0")
                       MEMBER("management", "<boolean>0"
                                            "</boolean>") MEMBER("bond_slave_of", "OpaqueRef:NULL")
                           MEMBER("bond_master_of", "<array><data><value>OpaqueRef:a</value><value>"
                                                    "OpaqueRef:b</value></data></array>"))));

    assert_non_null(pif);
    assert_string_equal(xen_text(pif, XEN_DEVICE), "eth0");
    assert_int_equal(pif->values.number[XEN_VLAN_ID], -1);
    assert_true(xen_flag(pif, XEN_PHYSICAL));
    assert_false(xen_flag(pif, XEN_MANAGEMENT));
    assert_true(xen_has(pif, xen_has_flag(XEN_MANAGEMENT) | xen_has_text(XEN_SLAVE_OF)));
    assert_string_equal(xen_text(pif, XEN_SLAVE_OF), "");
    assert_true(names_has(xen_text(pif, XEN_MASTER_OF), "OpaqueRef:b"));
    /* A field that did not come is missing, not empty. */
    assert_false(xen_has(pif, xen_has_text(XEN_MAC)));
    assert_string_equal(xen_text(pif, XEN_MAC), "");
}

static void every_null_is_null(void **state)
{
    static const char *const nulls[] = { "OpaqueRef:NULL", "", "Ref:*" };

    for (size_t i = 0; i < ARRAY_SIZE(nulls); i++) {
        char reply[1024];
        const struct xen_object *vm;

        snprintf(reply, sizeof(reply), ENVELOPE(RECORD(MEMBER("resident_on", "%s"))), nulls[i]);
        vm = one(*state, XEN_VM, reply);
        assert_true(xen_has(vm, xen_has_text(XEN_RESIDENT)));
        assert_string_equal(xen_text(vm, XEN_RESIDENT), "");
    }
}

static void maps(void **state)
{
    const struct xen_object *vm = one(
        *state, XEN_VM,
        ENVELOPE(RECORD(MEMBER("current_operations",
                               "<struct>" MEMBER("OpaqueRef:t1", "pool_migrate")
                                   MEMBER("DummyRef:t2", "start") MEMBER("t3", "") "</struct>"))));
    char value[RPC_KEY_SIZE];

    assert_true(xen_map_find(xen_text(vm, XEN_OPERATIONS), "OpaqueRef:t1", value));
    assert_string_equal(value, "pool_migrate");
    assert_true(xen_map_find(xen_text(vm, XEN_OPERATIONS), "DummyRef:t2", value));
    assert_false(xen_map_find(xen_text(vm, XEN_OPERATIONS), "pool_migrate", value));
    vm = one(*state, XEN_VM, ENVELOPE(RECORD(MEMBER("current_operations", "<struct/>"))));
    assert_string_equal(xen_text(vm, XEN_OPERATIONS), "");
}

#define EVENT(class, operation, ref, more)                                                         \
    "<value><struct>" MEMBER("id", "59") MEMBER("timestamp", "1795355862.")                        \
        more MEMBER("class", class) MEMBER("operation", operation)                                 \
            MEMBER("ref", ref) "</struct></value>"
#define SNAPSHOT(fields) MEMBER("snapshot", "<struct>" fields "</struct>")
#define EVENTS(events) "<array><data>" events "</data></array>"

/* The snapshot may come before the class that says what it is of. */
static void events_of_both_generations(void **state)
{
    static const char events[] = EVENTS(
        EVENT("vm", "mod", "OpaqueRef:1", SNAPSHOT(MEMBER("name_label", "one")))
            EVENT("VM", "add", "OpaqueRef:2", SNAPSHOT(MEMBER("name_label", "two")))
                EVENT("message", "add", "OpaqueRef:3", SNAPSHOT(MEMBER("name_label", "three")))
                    EVENT("vm", "del", "OpaqueRef:2", SNAPSHOT(MEMBER("name_label", "two"))));
    struct world *world = *state;
    char reply[8192];

    snprintf(reply, sizeof(reply), ENVELOPE("%s"), events);
    assert_int_equal(decode(world, &xen_next_rule, N_XEN_CLASSES, reply), 0);
    assert_int_equal(world->take.events, 4);
    assert_int_equal(world->pool.count[XEN_VM], 1);
    assert_string_equal(xen_text(xen_pool_find(&world->pool, XEN_VM, "OpaqueRef:1"), XEN_NAME),
                        "one");

    snprintf(reply, sizeof(reply),
             ENVELOPE("<struct>" MEMBER("events", "%s") MEMBER("token", "000,000") MEMBER(
                 "valid_ref_counts", "<struct>" MEMBER("vm", "<i4>1</i4>")
                                         MEMBER("tunnel", "<i4>7</i4>") "</struct>") "</struct>"),
             EVENTS(EVENT("vm", "del", "OpaqueRef:1", "") EVENT("pool", "mod", "OpaqueRef:9", "")));
    assert_int_equal(decode(world, &xen_from_rule, N_XEN_CLASSES, reply), 0);
    assert_int_equal(world->pool.count[XEN_VM], 0);
    assert_string_equal(world->take.token, "000,000");
    assert_int_equal(world->take.counts[XEN_VM], 1);
    assert_int_equal(world->take.counted, 1u << XEN_VM);
    assert_true(world->take.pool_touched);
    assert_true(world->take.incomplete); /* a mod that does not say what is new */
}

static void what_cannot_be_held_ends_the_reply(void **state)
{
    struct world *world = *state;
    char reply[4096], longer[512];

    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    snprintf(reply, sizeof(reply), ENVELOPE(RECORD(MEMBER("resident_on", "%s"))), longer);
    assert_int_equal(decode(world, &xen_list_rule, XEN_VM, reply), -EMSGSIZE);
    assert_non_null(strstr(world->error.text, "class VM"));
    snprintf(reply, sizeof(reply), ENVELOPE("<struct>" MEMBER("%s", "<struct/>") "</struct>"),
             longer);
    assert_int_equal(decode(world, &xen_list_rule, XEN_VM, reply), -EMSGSIZE);
    /* A name of a machine is only cut. */
    snprintf(reply, sizeof(reply), ENVELOPE(RECORD(MEMBER("name_label", "%s"))), longer);
    assert_int_equal(decode(world, &xen_list_rule, XEN_VM, reply), 0);
}

static void a_class_is_swept_by_its_list(void **state)
{
    struct world *world = *state;

    one(world, XEN_VM, ENVELOPE(RECORD(MEMBER("name_label", "one"))));
    xen_pool_begin(&world->pool);
    assert_int_equal(decode(world, &xen_list_rule, XEN_VM, ENVELOPE("<struct></struct>")), 0);
    assert_int_equal(world->pool.count[XEN_VM], 1);
    xen_pool_end(&world->pool, XEN_VM);
    assert_int_equal(world->pool.count[XEN_VM], 0);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(requests_are_escaped),
        ROW(scalars_in_every_spelling),
        ROW(failures_and_their_parameters),
        ROW(what_is_no_reply),
        ROW(a_record_of_any_order),
        ROW(every_null_is_null),
        ROW(maps),
        ROW(events_of_both_generations),
        ROW(what_cannot_be_held_ends_the_reply),
        ROW(a_class_is_swept_by_its_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cmocka_unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model/sonic_line.h"
#include "switch/sonic_judge.h"
#include "switch/sonic_read.h"

/* ---- Keys ------------------------------------------------------------------------------------ */

static void keys_of_members(void **state)
{
    static const struct {
        const char *key;
        uint32_t vlan;
        const char *port;
    } rows[] = {
        { "VLAN_MEMBER|Vlan100|Ethernet0", 100, "Ethernet0" },
        { "VLAN_MEMBER|Vlan4094|PortChannel001", 4094, "PortChannel001" },
        { "VLAN_MEMBER|Vlan1|x", 1, "x" },
        { "VLAN_MEMBER|Vlan4095|x", 0, NULL },
        { "VLAN_MEMBER|Vlan0|x", 0, NULL },
        { "VLAN_MEMBER|Vlan0100|x", 0, NULL },
        { "VLAN_MEMBER|Vlan4294967396|x", 0, NULL }, /* 100 in 32 bits */
        { "VLAN_MEMBER|Vlan|x", 0, NULL },
        { "VLAN_MEMBER|Vlan10x|x", 0, NULL },
        { "VLAN_MEMBER|vlan100|x", 0, NULL },
        { "VLAN_MEMBER|Vlan100", 0, NULL },
        { "VLAN_MEMBER_TABLE|Vlan100|x", 0, NULL },
        { "", 0, NULL },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *port = NULL;
        char key[SONIC_KEY_MAX];

        assert_int_equal(sonic_member_of(rows[i].key, "VLAN_MEMBER|", &port), rows[i].vlan);
        if (!rows[i].vlan)
            continue;
        assert_string_equal(port, rows[i].port);
        assert_string_equal(sonic_member_key(key, "VLAN_MEMBER|", rows[i].vlan, port), rows[i].key);
    }
}

static void channels_of_notifications(void **state)
{
    unsigned database = 99;

    (void)state;
    assert_string_equal(sonic_channel_key("__keyspace@6__:A|b:c", &database), "A|b:c");
    assert_int_equal(database, 6);
    assert_string_equal(sonic_channel_key("__keyspace@4__:", &database), "");
    assert_null(sonic_channel_key("__keyevent@4__:set", &database));
    assert_null(sonic_channel_key("__keyspace@4__", &database));
    assert_null(sonic_channel_key("", &database));
}

static void the_words_of_the_switch_line(void **state)
{
    static const struct {
        const char *text, *socket;
        bool by_alias;
    } rows[] = {
        { "redis unix:/run/redis/redis.sock", "/run/redis/redis.sock", false },
        { "redis unix:/x naming alias", "/x", true },
        { "naming default redis unix:/x", "/x", false },
        { "", NULL, false },
        { "redis", NULL, false },
        { "redis tcp:127.0.0.1:6379", NULL, false },
        { "redis unix:", NULL, false },
        { "redis unix:/x naming", NULL, false },
        { "redis unix:/x naming other", NULL, false },
        { "redis unix:/x more", NULL, false },
    };
    struct sonic_line line;
    struct error error;
    char text[300];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int r = sonic_line_read(rows[i].text, &line, &error);

        assert_int_equal(r, rows[i].socket ? 0 : -EINVAL);
        if (r == 0) {
            assert_string_equal(line.socket, rows[i].socket);
            assert_int_equal(line.by_alias, rows[i].by_alias);
        }
    }
    snprintf(text, sizeof(text), "redis unix:/%0*d", SONIC_SOCKET_MAX, 1);
    assert_int_equal(sonic_line_read(text, &line, &error), -EINVAL);
}

/* ---- Judgement ------------------------------------------------------------------------------- */

static void ports_that_take_no_vlans(void **state)
{
    static const struct {
        struct sonic_port port;
        const char *words; /* in the refusal; NULL: there is none */
    } rows[] = {
        { { .name = "Ethernet0" }, NULL },
        { { .name = "Ethernet0", .mode = SONIC_MODE_TRUNK }, NULL },
        { { .name = "PortChannel001", .is_channel = true }, NULL },
        { { .name = "Ethernet0", .mode = SONIC_MODE_ROUTED }, "mode routed" },
        { { .name = "Ethernet0", .mode = SONIC_MODE_ACCESS }, "mode access" },
        { { .name = "Ethernet0", .is_routed = true }, "router interface" },
        { { .name = "Ethernet0", .channel = "PortChannel001" }, "part of PortChannel001" },
        { { .name = "Ethernet0", .mirror = "spy" }, "mirror session spy" },
    };
    char text[SONIC_REFUSAL_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        sonic_judge_port(&rows[i].port, text);
        if (rows[i].words)
            assert_non_null(strstr(text, rows[i].words));
        else
            assert_string_equal(text, "");
    }
}

static void vlans_that_cannot_be_there(void **state)
{
    struct sonic_view view = { 0 };
    struct sonic_port port = { .name = "Ethernet0" };
    struct vlanset add, good;
    struct strbuf problem;
    char text[64];

    (void)state;
    strbuf_init(&problem, 1000);
    vlanset_parse("1-50", &view.vlans);
    vlanset_parse("20", &port.untagged);
    vlanset_parse("30", &port.odd);
    vlanset_parse("1-10,20-31,60", &add);
    good = sonic_judge_vlans(&view, &port, &add, &problem);
    assert_string_equal(vlanset_text(&good, text, sizeof(text)), "2-10,21-29,31");
    assert_string_equal(
        strbuf_text(&problem),
        "Ethernet0: VLAN 1 is SONiC's default VLAN, which has no members; VLAN 60 does not exist "
        "on "
        "this switch; create it there: config vlan add; Ethernet0: VLAN 20 is untagged there, "
        "which "
        "is not changed; Ethernet0: VLAN 30 has a tagging_mode that SONiC does not know");
    strbuf_reset(&problem);
    good = sonic_judge_vlans(&view, &port, &good, &problem);
    assert_int_equal(vlanset_count(&good), 19);
    assert_string_equal(strbuf_text(&problem), "");
    strbuf_done(&problem);
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* vlanmgrd takes a row without tagging_mode as untagged. */
static void a_row_is_tagged_untagged_or_neither(void **state)
{
    static const struct {
        const char *mode;
        const char *tagged, *untagged, *odd;
    } rows[] = {
        { "tagged", "100", "", "" },          { "untagged", "", "100", "" },
        { "priority_tagged", "", "100", "" }, { NULL, "", "100", "" },
        { "Tagged", "", "", "100" },          { "", "", "", "100" },
    };
    struct sonic_port port = { .name = "Ethernet0" };
    redisReply none = { .type = REDIS_REPLY_ARRAY };
    char text[16];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char mode[32], name[32];
        redisReply field = { .type = REDIS_REPLY_STRING, .str = name };
        redisReply value = { .type = REDIS_REPLY_STRING, .str = mode };
        redisReply *elements[] = { &field, &value };
        redisReply row = { .type = REDIS_REPLY_ARRAY, .elements = 2, .element = elements };

        snprintf(name, sizeof(name), "%s", rows[i].mode ? "tagging_mode" : "NULL");
        snprintf(mode, sizeof(mode), "%s", rows[i].mode ? rows[i].mode : "NULL");
        sonic_take_member(&port, 100, &row);
        assert_string_equal(vlanset_text(&port.tagged, text, sizeof(text)), rows[i].tagged);
        assert_string_equal(vlanset_text(&port.untagged, text, sizeof(text)), rows[i].untagged);
        assert_string_equal(vlanset_text(&port.odd, text, sizeof(text)), rows[i].odd);
    }
    sonic_take_member(&port, 100, &none);
    assert_true(vlanset_is_empty(&port.tagged) && vlanset_is_empty(&port.untagged) &&
                vlanset_is_empty(&port.odd));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_members),
        cmocka_unit_test(channels_of_notifications),
        cmocka_unit_test(the_words_of_the_switch_line),
        cmocka_unit_test(ports_that_take_no_vlans),
        cmocka_unit_test(vlans_that_cannot_be_there),
        cmocka_unit_test(a_row_is_tagged_untagged_or_neither),
    };

    return cmocka_run_group_tests_name("sonic", tests, NULL, NULL);
}

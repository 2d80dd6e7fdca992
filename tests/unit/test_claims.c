#include "cmocka_unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"
#include "switch/claims.h"

static struct vlanset set_of(const char *text)
{
    struct vlanset set;

    assert_int_equal(vlanset_parse(text, &set), 0);
    return set;
}

static void assert_vlans(struct vlanset set, const char *wanted)
{
    char text[64];

    assert_string_equal(vlanset_text(&set, text, sizeof(text)), wanted);
}

static void on_notice(const char *text, void *data)
{
    (void)data;
    fail_msg("%s", text);
}

static struct claims *open_claims(void **state)
{
    char *path = scratch_path(*state, "ledger");
    struct claims *claims = NULL;
    struct error error;

    assert_int_equal(claims_open(path, on_notice, NULL, &claims, &error), 0);
    free(path);
    return claims;
}

/* Reads a port that carries 'tagged'; what of it is ours. */
static struct vlanset read_port(struct claims *claims, const char *tagged)
{
    struct port port = { .id = "swp1", .tagged = set_of(tagged) };

    claims_take(claims, &port);
    return port.owned;
}

/* Has a change of a port that carried 'before' written, after which it carries 'after'. */
static void write_change(struct claims *claims, const char *before, const char *add,
                         const char *remove, const char *after, const char *found)
{
    struct change change = {
        .id = "1", .port = "swp1", .add = set_of(add), .remove = set_of(remove)
    };
    struct policy policy = { .id = "swp1", .allowed = vlanset_all() };
    struct port port = { .id = "swp1", .refusal = "", .tagged = set_of(before) };
    struct port now = { .id = "swp1", .refusal = "", .tagged = set_of(after) };
    struct batch *batch = batch_new(1);

    batch_add(batch, &change,
              &(struct validate_view){
                  .port = &port, .policy = &policy, .owned = claims_owned(claims, "swp1") });
    claims_intend(claims, batch);
    batch_part(batch);
    assert_int_equal(batch->n_parts, 1);
    batch->parts[0].found = set_of(found);
    batch->parts[0].now = row_copy(TABLE_PORT, &now);
    claims_conclude(claims, &batch->parts[0]);
    batch_free(batch);
}

static void what_we_added_is_ours(void **state)
{
    struct claims *claims = open_claims(state);

    assert_vlans(read_port(claims, "150"), "");
    write_change(claims, "150", "100-101", "", "100-101,150", "");
    assert_vlans(claims_owned(claims, "swp1"), "100-101");
    write_change(claims, "100-101,150", "102", "100", "101-102,150", "");
    assert_vlans(claims_owned(claims, "swp1"), "101-102");
    claims = claims_free(claims);
    claims = open_claims(state); /* another process */
    assert_vlans(read_port(claims, "101-102,150"), "101-102");
    claims_free(claims);
}

/* Between the reading and the writing another hand has put 101 there. */
static void what_another_hand_put_there_first_is_not_ours(void **state)
{
    struct claims *claims = open_claims(state);

    assert_vlans(read_port(claims, ""), "");
    write_change(claims, "", "100-101", "", "100-101", "101");
    assert_vlans(claims_owned(claims, "swp1"), "100");
    claims_free(claims);
}

static void what_did_not_get_there_is_not_ours(void **state)
{
    struct claims *claims = open_claims(state);

    write_change(claims, "", "100-101", "", "100", "");
    assert_vlans(claims_owned(claims, "swp1"), "100");
    assert_vlans(read_port(claims, "100-101"), "100"); /* somebody else's, then */
    claims_free(claims);
}

static void what_goes_without_us_stays_ours_until_another_hand_brings_it_back(void **state)
{
    struct claims *claims = open_claims(state);

    write_change(claims, "", "100-101", "", "100-101", "");
    assert_vlans(read_port(claims, "101"), "100-101");
    write_change(claims, "101", "100", "", "100-101", "");
    assert_vlans(claims_owned(claims, "swp1"), "100-101");
    assert_vlans(read_port(claims, "101"), "100-101");
    assert_vlans(read_port(claims, "100-101"), "101");
    claims_free(claims);
}

static void what_is_gone_already_is_let_go(void **state)
{
    struct claims *claims = open_claims(state);
    struct change change = { .port = "swp1", .remove = set_of("100-101") };

    write_change(claims, "", "100-101", "", "100-101", "");
    read_port(claims, "101");
    assert_vlans(claims_let_go(claims, &change), "100");
    assert_vlans(claims_owned(claims, "swp1"), "101");
    claims_free(claims);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(what_we_added_is_ours),
        SCRATCH_TEST(what_another_hand_put_there_first_is_not_ours),
        SCRATCH_TEST(what_did_not_get_there_is_not_ours),
        SCRATCH_TEST(what_goes_without_us_stays_ours_until_another_hand_brings_it_back),
        SCRATCH_TEST(what_is_gone_already_is_let_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

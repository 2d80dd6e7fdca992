#include "cmocka_unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "switch/batch.h"

static struct vlanset set_of(const char *text)
{
    struct vlanset set;

    assert_int_equal(vlanset_parse(text, &set), 0);
    return set;
}

static struct change change_of(const char *port, const char *add, const char *remove)
{
    return (struct change){ .id = "1", .port = port, .add = set_of(add), .remove = set_of(remove) };
}

/* Holds a change against a port that carries 100-101, of which 100 is ours. */
static void add(struct batch *batch, const struct change *change)
{
    static const struct policy policy_of_all = { .id = "swp1" };
    struct policy policy = policy_of_all;
    struct port port = { .id = change->port, .refusal = "", .tagged = set_of("100-101") };

    policy.allowed = vlanset_all();
    batch_add(batch, change,
              &(struct validate_view){ .port = &port, .policy = &policy, .owned = set_of("100") });
}

static void a_batch_ends_before_a_port_is_named_again(void **state)
{
    struct change changes[] = { change_of("a", "2", ""), change_of("b", "2", ""),
                                change_of("a", "3", ""), change_of("a", "4", "") };
    struct change *list[] = { &changes[0], &changes[1], &changes[2], &changes[3] };

    (void)state;
    assert_int_equal(batch_size(list, 4), 2);
    assert_int_equal(batch_size(list + 2, 2), 1);
    assert_int_equal(batch_size(list + 1, 2), 2);
    assert_int_equal(batch_size(list, 0), 0);
}

static void a_batch_has_a_largest_size(void **state)
{
    static struct change changes[BATCH_MAX + 5];
    static struct change *list[BATCH_MAX + 5];
    static char names[BATCH_MAX + 5][8];

    (void)state;
    for (size_t i = 0; i < BATCH_MAX + 5; i++) {
        snprintf(names[i], sizeof(names[i]), "p%zu", i);
        changes[i].port = names[i];
        list[i] = &changes[i];
    }
    assert_int_equal(batch_size(list, BATCH_MAX + 5), BATCH_MAX);
}

static void only_what_is_to_be_written_becomes_a_part(void **state)
{
    struct batch *batch = batch_new(3);
    struct change nothing = change_of("swp1", "101", ""), some = change_of("swp2", "101,200", ""),
                  gone = change_of("swp3", "", "100-101");
    char text[64];

    (void)state;
    assert_non_null(batch);
    add(batch, &nothing);
    add(batch, &some);
    add(batch, &gone);
    batch_part(batch);
    assert_int_equal(batch->n_parts, 2);
    assert_null(batch->entries[0].part);
    assert_string_equal(batch->parts[0].port, "swp2");
    assert_string_equal(vlanset_text(&batch->parts[0].add, text, sizeof(text)), "200");
    assert_string_equal(batch->parts[1].port, "swp3");
    assert_string_equal(vlanset_text(&batch->parts[1].remove, text, sizeof(text)), "100");
    assert_non_null(strstr(strbuf_text(&batch->entries[2].problem), "was not added by vsn"));
    batch_free(batch);
}

static void removals_that_may_not_be_made_leave_the_additions(void **state)
{
    struct batch *batch = batch_new(2);
    struct change both = change_of("swp1", "200", "100"), gone = change_of("swp2", "", "100");

    (void)state;
    add(batch, &both);
    add(batch, &gone);
    batch_drop_removals(batch, "the disk is full");
    batch_part(batch);
    assert_int_equal(batch->n_parts, 1);
    assert_true(vlanset_is_empty(&batch->parts[0].remove));
    assert_string_equal(strbuf_text(&batch->entries[1].problem),
                        "nothing is removed: the disk is full");
    batch_free(batch);
}

static void the_outcome_is_what_the_switch_says(void **state)
{
    struct batch *batch = batch_new(2);
    struct change one = change_of("swp1", "200-201", "100"), two = change_of("swp2", "200", "");
    struct port now = { .id = "swp1", .refusal = "", .tagged = set_of("100-101,200") };
    struct outcome outcome;
    char text[64];

    (void)state;
    add(batch, &one);
    add(batch, &two);
    batch_part(batch);
    batch->parts[0].now = row_copy(TABLE_PORT, &now);
    batch->parts[1].result = error_set(&batch->parts[1].error, -EIO, "port swp2: it broke");
    batch_judge(&batch->entries[0]);
    batch_judge(&batch->entries[1]);
    outcome = batch_outcome(&batch->entries[0], &now);
    assert_string_equal(vlanset_text(&outcome.added, text, sizeof(text)), "200");
    assert_true(vlanset_is_empty(&outcome.removed));
    assert_string_equal(outcome.problem, "the switch took VLAN 201 but does not carry it; the "
                                         "switch still carries VLAN 100");
    outcome = batch_outcome(&batch->entries[1], NULL);
    assert_true(vlanset_is_empty(&outcome.added));
    assert_string_equal(outcome.problem, "port swp2: it broke");
    batch_free(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_ends_before_a_port_is_named_again),
        cmocka_unit_test(a_batch_has_a_largest_size),
        cmocka_unit_test(only_what_is_to_be_written_becomes_a_part),
        cmocka_unit_test(removals_that_may_not_be_made_leave_the_additions),
        cmocka_unit_test(the_outcome_is_what_the_switch_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

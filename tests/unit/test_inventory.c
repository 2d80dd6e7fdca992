#include "cmocka_unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model/inventory.h"

static int tell(struct inventory *inventory, const char *text)
{
    char line[256];
    struct record record;
    struct error error = { "" };

    strcpy(line, text);
    if (record_read(line, &record, &error) < 0)
        fail_msg("%s: %s", text, error.text);
    return inventory_apply(inventory, &record, &error);
}

static void tell_all(struct inventory *inventory, const char *const *lines)
{
    for (; *lines; lines++)
        tell(inventory, *lines);
    inventory_settle(inventory, 0);
}

static int set_up(void **state)
{
    *state = inventory_new();
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    inventory_free(*state);
    return 0;
}

static void a_change_is_told_from_a_repetition(void **state)
{
    assert_int_equal(tell(*state, "new host id=h name=a"), 1);
    assert_int_equal(tell(*state, "new host id=h name=a"), 0);
    assert_int_equal(tell(*state, "put host id=h connection=connected"), 1);
    assert_string_equal(((const struct host *)inventory_find(*state, TABLE_HOST, "", "h"))->name,
                        "a");
}

static void the_end_of_a_list_proves_absence(void **state)
{
    static const char *const lines[] = { "new nic owner=h1 id=a",
                                         "new nic owner=h1 id=b",
                                         "new nic owner=h2 id=a",
                                         "begin nic owner=h1",
                                         "new nic owner=h1 id=b",
                                         "end nic owner=h1",
                                         NULL };

    tell_all(*state, lines);
    assert_null(inventory_find(*state, TABLE_NIC, "h1", "a"));
    assert_non_null(inventory_find(*state, TABLE_NIC, "h1", "b"));
    assert_non_null(inventory_find(*state, TABLE_NIC, "h2", "a"));
}

static void a_list_that_does_not_end_proves_nothing(void **state)
{
    static const char *const lines[] = { "new nic owner=h1 id=a", "begin nic owner=h1",
                                         "new nic owner=h1 id=b", NULL };

    tell_all(*state, lines);
    assert_non_null(inventory_find(*state, TABLE_NIC, "h1", "a"));
    /* Contact is lost, and the end of another reading must not complete this one. */
    inventory_distrust(*state);
    tell(*state, "end nic owner=h1");
    inventory_settle(*state, 0);
    assert_non_null(inventory_find(*state, TABLE_NIC, "h1", "a"));
}

static void an_unreadable_list_keeps_what_was_known(void **state)
{
    static const char *const lines[] = { "new host id=h",
                                         "new network owner=h id=blue",
                                         "begin all",
                                         "new host id=h",
                                         "unknown network owner=h",
                                         "end all",
                                         NULL };

    tell_all(*state, lines);
    assert_non_null(inventory_find(*state, TABLE_NETWORK, "h", "blue"));
    assert_true(inventory_is_unknown(*state, TABLE_NETWORK, "h"));
    tell(*state, "begin network owner=h");
    tell(*state, "new network owner=h id=blue");
    tell(*state, "end network owner=h");
    assert_false(inventory_is_unknown(*state, TABLE_NETWORK, "h"));
}

static void what_a_host_owned_goes_with_it(void **state)
{
    static const char *const lines[] = {
        "new host id=h1",
        "new host id=h2",
        "new nic owner=h1 id=a",
        "new network owner=h1 id=x",
        "new vif owner=vm id=1",
        "gone host id=h1",
        NULL,
    };

    tell_all(*state, lines);
    assert_null(inventory_find(*state, TABLE_NIC, "h1", "a"));
    assert_null(inventory_find(*state, TABLE_NETWORK, "h1", "x"));
    assert_non_null(inventory_find(*state, TABLE_VIF, "vm", "1"));
}

static void what_a_machine_was_about_to_do_goes_with_it(void **state)
{
    static const char *const lines[] = {
        "new machine id=vm-1",
        "new machine id=vm-2",
        "new machine id=vm-3",
        "new move owner=vm-1 id=t1 kind=migrate to=h2",
        "new move owner=vm-2 id=t2 kind=start to=h2",
        "gone machine id=vm-1",
        "gone move owner=vm-2 id=t2",
        NULL,
    };

    tell_all(*state, lines);
    assert_int_equal(inventory_count(*state, TABLE_MACHINE), 2);
    assert_int_equal(inventory_count(*state, TABLE_MOVE), 0);
}

static void gone_and_told_again_is_there(void **state)
{
    static const char *const lines[] = { "new host id=h", "gone host id=h", "new host id=h", NULL };

    tell_all(*state, lines);
    assert_non_null(inventory_find(*state, TABLE_HOST, "", "h"));
}

static void an_empty_answer_is_doubted_until_it_is_accepted(void **state)
{
    static const char *const lines[] = { "new host id=h", "new network id=n", "begin all",
                                         "end all", NULL };

    tell_all(*state, lines);
    assert_non_null(inventory_doubt(*state));
    assert_int_equal(inventory_count(*state, TABLE_HOST), 1);
    assert_int_equal(inventory_accept(*state), 2);
    assert_null(inventory_doubt(*state));
    assert_int_equal(inventory_count(*state, TABLE_HOST), 0);
}

static void what_all_came_back_is_no_longer_doubted(void **state)
{
    static const char *const lines[] = { "new host id=h", "new network id=n", "begin all",
                                         "end all", NULL };

    tell_all(*state, lines);
    tell(*state, "new host id=h");
    inventory_settle(*state, 0);
    assert_non_null(inventory_doubt(*state));
    tell(*state, "new network id=n");
    inventory_settle(*state, 0);
    assert_null(inventory_doubt(*state));
}

static void a_whole_answer_ends_the_doubt(void **state)
{
    static const char *const empty[] = { "new host id=h", "begin all", "end all", NULL };
    static const char *const whole[] = { "begin all", "new host id=h", "end all", NULL };

    tell_all(*state, empty);
    assert_non_null(inventory_doubt(*state));
    tell_all(*state, whole);
    assert_null(inventory_doubt(*state));
    assert_int_equal(inventory_accept(*state), 0);
}

static void fill(struct inventory *inventory, unsigned count)
{
    char line[64];

    for (unsigned i = 0; i < count; i++) {
        snprintf(line, sizeof(line), "new machine id=vm-%u", i);
        tell(inventory, line);
    }
}

static void vanish(struct inventory *inventory, unsigned count)
{
    char line[64];

    for (unsigned i = 0; i < count; i++) {
        snprintf(line, sizeof(line), "gone machine id=vm-%u", i);
        tell(inventory, line);
    }
    inventory_settle(inventory, 0);
}

static void too_many_at_once_are_doubted(void **state)
{
    fill(*state, 100);
    vanish(*state, 31);
    assert_non_null(inventory_doubt(*state));
    assert_int_equal(inventory_count(*state, TABLE_MACHINE), 100);
}

static void a_few_at_once_are_believed(void **state)
{
    fill(*state, 100);
    vanish(*state, 30);
    assert_null(inventory_doubt(*state));
    assert_int_equal(inventory_count(*state, TABLE_MACHINE), 70);
}

static void the_last_of_a_kind_may_go_one_by_one(void **state)
{
    static const char *const lines[] = { "new network owner=h id=only", "begin network owner=h",
                                         "end network owner=h", NULL };

    tell_all(*state, lines);
    assert_null(inventory_doubt(*state));
    assert_int_equal(inventory_count(*state, TABLE_NETWORK), 0);
}

/* Three hosts that leave by events, in two parts at these times: are the last two believed? */
static void hosts_that_leave_in_parts_are_counted_together(void **state)
{
    static const struct {
        int64_t first_ms, second_ms;
        const char *left;
        bool doubted;
    } rows[] = {
        { 1000, 1000, "gone host id=c", true },
        { 1000, 1000 + INVENTORY_VANISH_MS - 1, "gone host id=c", true },
        { 1000, 1000 + INVENTORY_VANISH_MS, "gone host id=c", true }, /* two at once are enough */
        { 1000, 1000, "put host id=c name=c", false },                /* one is left */
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct inventory *inventory = inventory_new();

        tell(inventory, "new host id=a");
        tell(inventory, "new host id=b");
        tell(inventory, "new host id=c");
        inventory_settle(inventory, 0);
        tell(inventory, "gone host id=a");
        inventory_settle(inventory, rows[i].first_ms);
        tell(inventory, "gone host id=b");
        tell(inventory, rows[i].left);
        inventory_settle(inventory, rows[i].second_ms);
        assert_int_equal(inventory_doubt(inventory) != NULL, rows[i].doubted);
        inventory_free(inventory);
    }
    (void)state;
}

static void the_only_host_may_go_and_so_may_one_after_the_other(void **state)
{
    tell(*state, "new host id=a");
    tell(*state, "new host id=b");
    inventory_settle(*state, 0);
    tell(*state, "gone host id=a");
    inventory_settle(*state, 1000);
    tell(*state, "gone host id=b");
    inventory_settle(*state, 1000 + INVENTORY_VANISH_MS);
    assert_null(inventory_doubt(*state));
    assert_int_equal(inventory_count(*state, TABLE_HOST), 0);
}

static void complete_only_after_a_complete_read(void **state)
{
    assert_false(inventory_is_complete(*state));
    tell(*state, "begin all");
    assert_false(inventory_is_complete(*state));
    tell(*state, "end all");
    assert_true(inventory_is_complete(*state));
    inventory_distrust(*state);
    assert_false(inventory_is_complete(*state));
    tell(*state, "end all"); /* of a reading that was lost */
    assert_false(inventory_is_complete(*state));
}

static void hints_are_read_at_their_own_pace(void **state)
{
    static const char *const lines[] = { "new host id=h", "new hint owner=h id=vmnic0/cdp",
                                         "begin all",     "new host id=h",
                                         "end all",       NULL };

    tell_all(*state, lines);
    assert_non_null(inventory_find(*state, TABLE_HINT, "h", "vmnic0/cdp"));
}

/* One list of a host that comes empty, while the host stays. */
static void a_hollow_list_is_doubted(void **state)
{
    static const char *const host[] = { "begin all",
                                        "new host id=h",
                                        "new host id=g",
                                        "new nic owner=h id=vmnic0",
                                        "new vswitch owner=h id=v",
                                        "new uplink owner=h id=vmnic0 vswitch=v",
                                        "new network owner=h id=a vswitch=v",
                                        "new network owner=h id=b vswitch=v",
                                        "end all",
                                        NULL };
    static const char *const empty[][3] = { { "begin nic owner=h", "end nic owner=h" },
                                            { "begin vswitch owner=h", "end vswitch owner=h" },
                                            { "begin uplink owner=h", "end uplink owner=h" },
                                            { "begin network owner=h", "end network owner=h" } };

    for (size_t i = 0; i < 4; i++) {
        tell_all(*state, host);
        assert_null(inventory_doubt(*state));
        tell_all(*state, empty[i]);
        assert_non_null(inventory_doubt(*state));
        assert_non_null(inventory_find(*state, TABLE_NIC, "h", "vmnic0"));
    }
    assert_int_equal(inventory_accept(*state), 2);
    assert_null(inventory_find(*state, TABLE_NETWORK, "h", "a"));
}

static void what_goes_with_its_owner_is_believed(void **state)
{
    static const char *const lines[] = { "begin all",
                                         "new host id=h",
                                         "new host id=g",
                                         "new vswitch owner=h id=v",
                                         "new vswitch owner=h id=w",
                                         "new vswitch owner=g id=v",
                                         "new network owner=h id=a vswitch=v",
                                         "new network owner=h id=b vswitch=v",
                                         "new network owner=g id=a vswitch=v",
                                         "end all",
                                         NULL };
    static const char *const vswitch[] = { "begin vswitch owner=h", "new vswitch owner=h id=w",
                                           "end vswitch owner=h",   "begin network owner=h",
                                           "end network owner=h",   NULL };
    static const char *const whole_host[] = { "gone host id=h", NULL };

    tell_all(*state, lines);
    tell_all(*state, vswitch);
    assert_null(inventory_doubt(*state));
    assert_null(inventory_find(*state, TABLE_NETWORK, "h", "a"));
    tell_all(*state, whole_host);
    assert_null(inventory_doubt(*state));
    assert_null(inventory_find(*state, TABLE_VSWITCH, "h", "w"));
}

/* Nothing is known better yet, but what follows bit by bit is not all there is. */
static void a_first_answer_without_a_host_is_doubted(void **state)
{
    static const char *const nothing[] = { "begin all", "end all", NULL };
    static const char *const host[] = { "new host id=h", NULL };
    static const char *const whole[] = { "begin all", "new host id=h", "end all", NULL };

    tell_all(*state, nothing);
    assert_non_null(inventory_doubt(*state));
    tell_all(*state, host);
    assert_non_null(inventory_doubt(*state));
    tell_all(*state, whole);
    assert_null(inventory_doubt(*state));
}

static void that_there_is_no_host_is_accepted_once(void **state)
{
    static const char *const nothing[] = { "begin all", "end all", NULL };

    tell_all(*state, nothing);
    assert_int_equal(inventory_accept(*state), 0);
    assert_null(inventory_doubt(*state));
    tell_all(*state, nothing);
    assert_null(inventory_doubt(*state));
}

static void that_it_was_read_is_not_forgotten(void **state)
{
    static const char *const begun[] = { "begin all", "new host id=h", NULL };
    static const char *const ended[] = { "begin all", "new host id=h", "end all", NULL };

    tell_all(*state, begun);
    assert_false(inventory_was_read(*state));
    tell_all(*state, ended);
    inventory_distrust(*state);
    assert_false(inventory_is_complete(*state));
    assert_true(inventory_was_read(*state));
}

/* The machines on a host, as "a b "; of the host "" those on none that is known. */
static void assert_on(struct inventory *inventory, const char *host, const char *wanted)
{
    char text[64] = "";

    for (const struct machine *machine = inventory_next_on(inventory, host, NULL); machine;
         machine = inventory_next_on(inventory, host, machine)) {
        strcat(text, machine->id);
        strcat(text, " ");
    }
    assert_string_equal(text, wanted);
}

static void a_note_of_the_reader_is_no_statement(void **state)
{
    struct record note = { .op = RECORD_PUT,
                           .table = TABLE_MOVE,
                           .stated = record_field(TABLE_MOVE, "widened"),
                           .row.move = { .owner = "m", .id = "1", .widened = true } };
    const struct move *move;

    row_complete(TABLE_MOVE, &note.row);
    assert_false(inventory_amend(*state, &note));
    tell(*state, "new move owner=m id=1 to=h");
    tell(*state, "begin move");
    assert_true(inventory_amend(*state, &note));
    move = inventory_find(*state, TABLE_MOVE, "m", "1");
    assert_true(move->widened);
    assert_string_equal(move->to, "h");
    tell(*state, "end move");
    inventory_settle(*state, 0);
    assert_null(inventory_find(*state, TABLE_MOVE, "m", "1"));
}

static void machines_are_found_by_their_host(void **state)
{
    static const char *const lines[] = { "new host id=h",           "new machine id=a host=h",
                                         "new machine id=b host=h", "new machine id=c host=g",
                                         "new machine id=d",        NULL };
    static const char *const moved[] = { "put machine id=a host=g", "put machine id=d host=h",
                                         "gone machine id=b", "put machine id=c power=off", NULL };

    tell_all(*state, lines);
    assert_on(*state, "h", "a b ");
    assert_on(*state, "g", "c ");
    assert_on(*state, "", "d ");
    tell_all(*state, moved);
    assert_on(*state, "h", "d ");
    assert_on(*state, "g", "c a ");
    assert_on(*state, "", "");
}

static void walks_follow_the_order_of_appearance(void **state)
{
    char seen[64] = "";

    tell(*state, "new nic owner=h2 id=c");
    tell(*state, "new nic owner=h1 id=a");
    tell(*state, "new nic owner=h2 id=b");
    INVENTORY_EACH((const struct inventory *)*state, nic, TABLE_NIC, NULL)
    strcat(seen, nic->id);
    assert_string_equal(seen, "cba");
    assert_null(inventory_next(*state, TABLE_NIC, "h3", NULL));
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(a_change_is_told_from_a_repetition),
        ROW(the_end_of_a_list_proves_absence),
        ROW(a_list_that_does_not_end_proves_nothing),
        ROW(an_unreadable_list_keeps_what_was_known),
        ROW(what_a_host_owned_goes_with_it),
        ROW(what_a_machine_was_about_to_do_goes_with_it),
        ROW(gone_and_told_again_is_there),
        ROW(an_empty_answer_is_doubted_until_it_is_accepted),
        ROW(what_all_came_back_is_no_longer_doubted),
        ROW(a_whole_answer_ends_the_doubt),
        ROW(too_many_at_once_are_doubted),
        ROW(a_few_at_once_are_believed),
        ROW(the_last_of_a_kind_may_go_one_by_one),
        ROW(hosts_that_leave_in_parts_are_counted_together),
        ROW(the_only_host_may_go_and_so_may_one_after_the_other),
        ROW(complete_only_after_a_complete_read),
        ROW(hints_are_read_at_their_own_pace),
        ROW(a_hollow_list_is_doubted),
        ROW(what_goes_with_its_owner_is_believed),
        ROW(a_first_answer_without_a_host_is_doubted),
        ROW(that_there_is_no_host_is_accepted_once),
        ROW(that_it_was_read_is_not_forgotten),
        ROW(a_note_of_the_reader_is_no_statement),
        ROW(machines_are_found_by_their_host),
        ROW(walks_follow_the_order_of_appearance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

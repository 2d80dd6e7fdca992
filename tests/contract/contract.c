/* contract: what switch/driver.h promises, held against one driver and a real switch.
 *
 *     contract DRIVER ARGUMENTS PORT OTHER-PORT HAND
 *     contract dummy
 *
 * PORT and OTHER-PORT are closed: no tagged VLAN. HAND is the beginning of a command that changes
 * the switch with its own tool: HAND add|remove PORT VLAN, HAND bar|unbar PORT, HAND spoil|unspoil
 * PORT VLAN (see tests/contract/hand). The second form brings its own switch, a file.
 * CONTRACT_VLANS in the environment says how many VLANs come and go at once, 1600 otherwise: a
 * switch that takes its time over each may not be done with so many within DRIVER_WAIT_MS. */
#include "../unit/cmocka_unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "switch/driver.h"

#define PATIENCE_MS 5000
#define SWINGS 40 /* changes back and forth while another process watches */

static struct {
    const struct driver_ops *ops;
    const char *arguments, *port, *other, *hand;
} target;

struct bench {
    struct loop *loop;
    struct loop_watch *alarm;
    struct driver *driver;
    unsigned changes; /* times that the driver said "changed" */
};

/* ---- Helpers --------------------------------------------------------------------------------- */

static struct vlanset set_of(const char *text)
{
    struct vlanset set;

    assert_int_equal(vlanset_parse(text, &set), 0);
    return set;
}

static void on_changed(void *data)
{
    struct bench *bench = data;

    bench->changes++;
    loop_quit(bench->loop, 0);
}

static void on_alarm(void *data)
{
    struct bench *bench = data;

    loop_quit(bench->loop, 1);
}

static void connect_driver(struct bench *bench)
{
    struct error error = { "" };

    if (target.ops->new (bench->loop, target.arguments, &bench->driver, &error) < 0 ||
        target.ops->watch(bench->driver, on_changed, bench, &error) < 0)
        fail_msg("%s", error.text);
}

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));

    bench->loop = loop_new();
    bench->alarm = loop_timer_new(bench->loop, on_alarm, bench);
    connect_driver(bench);
    *state = bench;
    return 0;
}

/* The port's row now; the caller's to free. */
static struct port *read_port(const struct bench *bench, const char *name)
{
    struct port_list ports = { 0 };
    struct error error = { "" };
    struct port *port, *copy;

    if (target.ops->read(bench->driver, &ports, &error) < 0)
        fail_msg("read: %s", error.text);
    port = port_list_find(&ports, name);
    copy = port ? row_copy(TABLE_PORT, port) : NULL;
    port_list_done(&ports);
    assert_non_null(copy);
    return copy;
}

static void assert_tagged(const struct bench *bench, const char *name, const char *wanted)
{
    struct port *port = read_port(bench, name);
    char text[256];

    assert_string_equal(vlanset_text(&port->tagged, text, sizeof(text)), wanted);
    free(port);
}

/* As a batch of one port. */
static int apply_sets(const struct bench *bench, const char *name, const struct vlanset *add,
                      const struct vlanset *remove, struct port **ret_port, struct error *reterr)
{
    struct port_change change = { .port = name, .add = *add, .remove = *remove };

    target.ops->apply(bench->driver, &change, 1);
    *ret_port = change.now;
    *reterr = change.error;
    return change.result;
}

static int apply(const struct bench *bench, const char *name, const char *add, const char *remove,
                 struct port **ret_port, struct error *reterr)
{
    struct vlanset adding = set_of(add), removing = set_of(remove);

    return apply_sets(bench, name, &adding, &removing, ret_port, reterr);
}

/* Applies, and expects the port to be read back with those VLANs, by apply() and by read(). */
static void apply_to(const struct bench *bench, const char *add, const char *remove,
                     const char *wanted)
{
    struct port *port = NULL;
    struct error error;
    char text[256];

    if (apply(bench, target.port, add, remove, &port, &error) < 0)
        fail_msg("apply: %s", error.text);
    assert_non_null(port);
    assert_string_equal(port->id, target.port);
    assert_string_equal(vlanset_text(&port->tagged, text, sizeof(text)), wanted);
    free(port);
    assert_tagged(bench, target.port, wanted);
}

static void by_hand(const char *verb, const char *port, const char *vlan)
{
    char command[1024];

    snprintf(command, sizeof(command), "%s %s %s %s", target.hand, verb, port, vlan);
    if (system(command) != 0)
        fail_msg("%s: failed", command);
}

/* Runs the loop until the driver says "changed" once more. */
static void await_change(struct bench *bench)
{
    unsigned before = bench->changes;

    loop_timer_start(bench->alarm, PATIENCE_MS);
    while (bench->changes == before)
        if (loop_run(bench->loop))
            fail_msg("no change was told within %d ms", PATIENCE_MS);
    loop_timer_stop(bench->alarm);
}

static void clear_port(const struct bench *bench, const char *name)
{
    struct port *port = read_port(bench, name), *after = NULL;
    struct error error;

    if (!vlanset_is_empty(&port->tagged) &&
        apply_sets(bench, name, &vlanset_empty, &port->tagged, &after, &error) < 0)
        fail_msg("%s", error.text);
    free(port);
    free(after);
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    clear_port(bench, target.port);
    clear_port(bench, target.other);
    target.ops->free(bench->driver);
    loop_watch_free(bench->alarm);
    loop_free(bench->loop);
    free(bench);
    return 0;
}

/* ---- The contract ---------------------------------------------------------------------------- */

static void read_tells_every_port(void **state)
{
    struct port *port = read_port(*state, target.port);

    assert_true(port->enabled);
    assert_false(port->open);
    assert_string_equal(port->refusal, "");
    assert_true(vlanset_is_empty(&port->tagged));
    assert_true(vlanset_is_empty(&port->owned));
    assert_true(port->learnt_known);
    free(port);
    free(read_port(*state, target.other));
}

static void apply_then_read_is_what_was_asked_for(void **state)
{
    apply_to(*state, "100-102,200", "", "100-102,200");
    apply_to(*state, "300", "100,200", "101-102,300");
    apply_to(*state, "", "101", "102,300");
    assert_tagged(*state, target.other, "");
}

static void the_same_again_does_nothing(void **state)
{
    apply_to(*state, "100-102", "200", "100-102");
    apply_to(*state, "100-102", "200", "100-102");
    apply_to(*state, "", "", "100-102");
}

static void the_last_vlan_can_go_and_the_port_stays_closed(void **state)
{
    struct port *port;

    apply_to(*state, "100", "", "100");
    apply_to(*state, "", "100", "");
    port = read_port(*state, target.port);
    assert_false(port->open);
    assert_string_equal(port->refusal, "");
    free(port);
}

static void many_vlans_come_and_go(void **state)
{
    struct bench *bench = *state;
    const char *many = getenv("CONTRACT_VLANS");
    unsigned last = many ? (unsigned)atoi(many) : 1600;
    struct vlanset odd = vlanset_empty;
    char all[32], most[32], rest[16];
    struct port *port = NULL;
    struct error error;

    assert_in_range(last, 100, 4000);
    for (uint32_t vlan = 3; vlan < last - 50; vlan += 2)
        vlanset_add(&odd, vlan);
    assert_int_equal(apply_sets(bench, target.port, &odd, &vlanset_empty, &port, &error), 0);
    assert_true(vlanset_equal(&port->tagged, &odd));
    free(port);
    snprintf(all, sizeof(all), "2-%u", last);
    snprintf(most, sizeof(most), "2-%u", last - 1);
    snprintf(rest, sizeof(rest), "%u", last);
    apply_to(bench, all, "", all);
    apply_to(bench, "", most, rest);
}

static void test_changes_nothing(void **state)
{
    struct bench *bench = *state;
    struct vlanset add = set_of("100"), remove = set_of("200");
    struct error error = { "" };

    apply_to(bench, "200", "", "200");
    assert_int_equal(target.ops->test(bench->driver, target.port, &add, &remove, &error), 0);
    assert_tagged(bench, target.port, "200");
    assert_int_equal(target.ops->test(bench->driver, "no-such-port", &add, &remove, &error),
                     -ENODEV);
    assert_string_not_equal(error.text, "");
}

static void a_port_that_is_not_there_is_said(void **state)
{
    struct port *port = NULL;
    struct error error;

    assert_int_equal(apply(*state, "no-such-port", "100", "", &port, &error), -ENODEV);
    assert_null(port);
    assert_non_null(strstr(error.text, "no-such-port"));
}

static void what_another_hand_made_stays(void **state)
{
    by_hand("add", target.port, "500");
    assert_tagged(*state, target.port, "500");
    apply_to(*state, "100,500-501", "", "100,500-501");
    apply_to(*state, "", "100,501", "500");
    by_hand("remove", target.port, "500");
    assert_tagged(*state, target.port, "");
}

static void the_native_vlan_is_never_touched(void **state)
{
    struct bench *bench = *state;
    struct port *before = read_port(bench, target.port), *after = NULL;
    struct error error;
    char native[16];

    if (before->native) {
        int r;

        snprintf(native, sizeof(native), "%u", (unsigned)before->native);
        r = apply(bench, target.port, native, "", &after, &error);
        assert_true(r == 0 || r == -EPERM);
        free(after);
        after = NULL;
        apply(bench, target.port, "", native, &after, &error);
        free(after);
    }
    apply_to(bench, "2-10", "", "2-10");
    apply_to(bench, "", "2-10", "");
    after = read_port(bench, target.port);
    assert_int_equal(after->native, before->native);
    free(before);
    free(after);
}

static void a_port_that_must_not_be_written_is_left_as_it_is(void **state)
{
    struct bench *bench = *state;
    struct vlanset add = set_of("101");
    struct error error = { "" };
    struct port *port = NULL;

    by_hand("bar", target.port, "");
    assert_int_equal(target.ops->test(bench->driver, target.port, &add, &vlanset_empty, &error),
                     -EPERM);
    assert_string_not_equal(error.text, "");
    assert_int_equal(apply(bench, target.port, "101", "", &port, &error), -EPERM);
    assert_string_not_equal(error.text, "");
    assert_false(port && vlanset_has(&port->tagged, 101));
    free(port);
    port = read_port(bench, target.port);
    assert_string_not_equal(port->refusal, "");
    free(port);
    by_hand("unbar", target.port, "");
    apply_to(bench, "101", "", "101");
}

static void what_is_heard_is_known_of_every_port_that_is_there(void **state)
{
    struct bench *bench = *state;
    struct stations stations = { 0 };

    free(read_port(bench, target.port));
    assert_int_equal(target.ops->heard(bench->driver, target.port, &stations), 0);
    assert_false(stations.is_partial);
    for (size_t i = 0; i < stations.count; i++)
        assert_true(mac_is_unicast(stations.heard[i].mac));
    assert_int_equal(target.ops->heard(bench->driver, "no-such-port", &stations), -ENODATA);
    stations_done(&stations);
}

/* ---- Batches --------------------------------------------------------------------------------- */

static struct port_change change_of(const char *port, const char *add, const char *remove)
{
    return (struct port_change){ .port = port, .add = set_of(add), .remove = set_of(remove) };
}

static void assert_now(const struct port_change *change, const char *wanted)
{
    char text[256];

    if (change->result < 0)
        fail_msg("%s: %s", change->port, change->error.text);
    assert_non_null(change->now);
    assert_string_equal(change->now->id, change->port);
    assert_string_equal(vlanset_text(&change->now->tagged, text, sizeof(text)), wanted);
}

static void a_batch_is_several_ports_changes(void **state)
{
    struct bench *bench = *state;
    struct port_change changes[] = { change_of(target.port, "100-101", ""),
                                     change_of(target.other, "101,200", "") };
    struct port_change next[] = { change_of(target.port, "300", "100"),
                                  change_of(target.other, "", "101,200") };

    target.ops->apply(bench->driver, changes, 2);
    assert_now(&changes[0], "100-101");
    assert_now(&changes[1], "101,200");
    target.ops->apply(bench->driver, next, 2);
    assert_now(&next[0], "101,300");
    assert_now(&next[1], "");
    assert_tagged(bench, target.port, "101,300");
    assert_tagged(bench, target.other, "");
    port_changes_done(changes, 2);
    port_changes_done(next, 2);
}

static void a_port_that_is_not_there_fails_alone(void **state)
{
    struct port_change changes[] = { change_of(target.port, "100", ""),
                                     change_of("no-such-port", "100", ""),
                                     change_of(target.other, "100", "") };

    target.ops->apply(((struct bench *)*state)->driver, changes, 3);
    assert_now(&changes[0], "100");
    assert_int_equal(changes[1].result, -ENODEV);
    assert_null(changes[1].now);
    assert_now(&changes[2], "100");
    port_changes_done(changes, 3);
}

/* The port that fails keeps what it has: what was to go once the new VLAN was there, too. */
static void a_failure_half_way_leaves_the_old_vlans(void **state)
{
    struct bench *bench = *state;
    struct port_change changes[] = { change_of(target.port, "800", "100"),
                                     change_of(target.other, "800", "") };

    apply_to(bench, "100,150", "", "100,150");
    by_hand("spoil", target.port, "800");
    target.ops->apply(bench->driver, changes, 2);
    assert_true(changes[0].result < 0);
    assert_non_null(strstr(changes[0].error.text, target.port));
    assert_now(&changes[1], "800");
    port_changes_done(changes, 2);
    by_hand("unspoil", target.port, "800");
    assert_tagged(bench, target.port, "100,150");
}

static void what_another_hand_put_there_first_is_said(void **state)
{
    struct bench *bench = *state;
    struct port_change change = change_of(target.port, "100,500", "");
    char text[64];

    by_hand("add", target.port, "500");
    target.ops->apply(bench->driver, &change, 1);
    assert_now(&change, "100,500");
    assert_string_equal(vlanset_text(&change.found, text, sizeof(text)), "500");
    port_changes_done(&change, 1);
}

static void what_has_been_told_is_looked_at_before_a_change(void **state)
{
    struct bench *bench = *state;
    int64_t until_ms;

    if (!target.ops->catch_up)
        return;
    free(read_port(bench, target.port));
    target.ops->catch_up(bench->driver);
    bench->changes = 0;
    target.ops->catch_up(bench->driver);
    assert_int_equal(bench->changes, 0);
    by_hand("add", target.port, "600");
    until_ms = clock_now_ms() + PATIENCE_MS;
    while (!bench->changes && clock_now_ms() < until_ms)
        target.ops->catch_up(bench->driver);
    assert_true(bench->changes > 0);
    assert_tagged(bench, target.port, "600");
}

static void changes_by_every_hand_are_told(void **state)
{
    struct bench *bench = *state;

    by_hand("add", target.port, "600");
    await_change(bench);
    assert_tagged(bench, target.port, "600");
    by_hand("remove", target.port, "600");
    await_change(bench);
    apply_to(bench, "601", "", "601");
    if (!bench->changes)
        await_change(bench);
}

static void free_is_safe_with_news_on_the_way(void **state)
{
    struct bench *bench = *state;

    apply_to(bench, "100-110", "", "100-110");
    by_hand("add", target.port, "600");
    target.ops->free(bench->driver); /* the loop has not seen any of it */
    bench->driver = NULL;
    loop_timer_start(bench->alarm, 20);
    loop_run(bench->loop);
    target.ops->free(NULL);
    connect_driver(bench);
    assert_tagged(bench, target.port, "100-110,600");
}

/* What is watched: a VLAN's place, which is one of two, at every instant. */
struct place {
    const char *port;
    uint32_t vlan;
};

static bool is_there(const struct port_list *ports, const struct place *place)
{
    const struct port *port = port_list_find(ports, place->port);

    return port && vlanset_has(&port->tagged, place->vlan);
}

/* Reads the ports as often as it can until it is told to stop. At every instant one of the two is
 * there; each was seen alone, else there was nothing to see. */
static void watch_instants(int stop_fd, const struct place *one, const struct place *two)
{
    struct bench bench = { .loop = loop_new() };
    unsigned readings = 0, seen = 0;
    char byte;

    fcntl(stop_fd, F_SETFL, O_NONBLOCK);
    if (target.ops->new (bench.loop, target.arguments, &bench.driver, NULL) < 0)
        _exit(3);
    while (read(stop_fd, &byte, 1) != 1) {
        struct port_list ports = { 0 };
        bool has_one, has_two;

        if (target.ops->read(bench.driver, &ports, NULL) < 0)
            _exit(4);
        has_one = is_there(&ports, one);
        has_two = is_there(&ports, two);
        if (!has_one && !has_two)
            _exit(5);
        seen |= has_one && !has_two ? 1 : has_two && !has_one ? 2 : 0;
        readings++;
        port_list_done(&ports);
    }
    _exit(readings > SWINGS / 2 && seen == 3 ? 0 : 6);
}

/* Has the VLAN swing from one place to the other and back, in one batch each time, while another
 * process watches. */
static void swing(struct bench *bench, const struct place *one, const struct place *two)
{
    int ends[2], status;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0)
        watch_instants(ends[0], one, two);
    for (int i = 0; i < SWINGS; i++) {
        const struct place *from = i % 2 ? two : one, *to = i % 2 ? one : two;
        struct port_change changes[2] = { { .port = from->port }, { .port = to->port } };
        size_t count = from->port == to->port ? 1 : 2;

        vlanset_add(&changes[0].remove, from->vlan);
        vlanset_add(&changes[count - 1].add, to->vlan);
        target.ops->apply(bench->driver, changes, count);
        if (changes[0].result < 0 || changes[count - 1].result < 0)
            fail_msg("apply: %s%s", changes[0].error.text, changes[count - 1].error.text);
        port_changes_done(changes, count);
        usleep(5000); /* lets the other process see this state; it fails if it saw only one */
    }
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(ends[0]);
    close(ends[1]);
}

static void a_vlan_is_added_before_another_goes_at_every_instant(void **state)
{
    apply_to(*state, "700", "", "700");
    swing(*state, &(struct place){ target.port, 700 }, &(struct place){ target.port, 701 });
}

/* The port that loses it is named first, the one that gets it is written first. */
static void a_vlan_is_on_the_new_port_before_it_leaves_the_old_one(void **state)
{
    apply_to(*state, "700", "", "700");
    swing(*state, &(struct place){ target.port, 700 }, &(struct place){ target.other, 700 });
}

#define CONTRACT_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

static int run(void)
{
    const struct CMUnitTest contract[] = {
        CONTRACT_TEST(read_tells_every_port),
        CONTRACT_TEST(apply_then_read_is_what_was_asked_for),
        CONTRACT_TEST(the_same_again_does_nothing),
        CONTRACT_TEST(the_last_vlan_can_go_and_the_port_stays_closed),
        CONTRACT_TEST(many_vlans_come_and_go),
        CONTRACT_TEST(test_changes_nothing),
        CONTRACT_TEST(a_port_that_is_not_there_is_said),
        CONTRACT_TEST(what_another_hand_made_stays),
        CONTRACT_TEST(the_native_vlan_is_never_touched),
        CONTRACT_TEST(a_port_that_must_not_be_written_is_left_as_it_is),
        CONTRACT_TEST(what_is_heard_is_known_of_every_port_that_is_there),
        CONTRACT_TEST(a_batch_is_several_ports_changes),
        CONTRACT_TEST(a_port_that_is_not_there_fails_alone),
        CONTRACT_TEST(a_failure_half_way_leaves_the_old_vlans),
        CONTRACT_TEST(what_another_hand_put_there_first_is_said),
        CONTRACT_TEST(what_has_been_told_is_looked_at_before_a_change),
        CONTRACT_TEST(changes_by_every_hand_are_told),
        CONTRACT_TEST(free_is_safe_with_news_on_the_way),
        CONTRACT_TEST(a_vlan_is_added_before_another_goes_at_every_instant),
        CONTRACT_TEST(a_vlan_is_on_the_new_port_before_it_leaves_the_old_one),
    };

    return cmocka_run_group_tests_name(target.ops->name, contract, NULL, NULL);
}

/* The dummy's own switch, in a folder that goes with it. */
static int run_dummy(void)
{
    char folder[] = "/tmp/vsn-contract-XXXXXX", file[64], hand[1024], command[128];
    FILE *text;
    int failed;

    if (!mkdtemp(folder))
        return 99;
    snprintf(file, sizeof(file), "%s/switch", folder);
    snprintf(hand, sizeof(hand), "%s/tests/contract/hand dummy %s", SOURCE_ROOT, file);
    text = fopen(file, "w");
    fputs("port swp1 native=1\nport swp2\n", text);
    fclose(text);
    target.arguments = file;
    target.port = "swp1";
    target.other = "swp2";
    target.hand = hand;
    failed = run();
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command) == 0 ? failed : 99;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    target.ops = argc > 1 ? driver_find(argv[1]) : NULL;
    if (target.ops && argc == 2 && target.ops == &driver_dummy)
        return run_dummy();
    if (!target.ops || argc != 6) {
        fprintf(stderr, "usage: contract DRIVER ARGUMENTS PORT OTHER-PORT HAND | contract dummy\n");
        return 2;
    }
    target.arguments = argv[2];
    target.port = argv[3];
    target.other = argv[4];
    target.hand = argv[5];
    return run();
}

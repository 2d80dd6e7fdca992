#include "cmocka_unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.h"
#include "switch/ledger.h"

/* ---- Faults: the linker sends the ledger's system calls through here (--wrap) ------------------
 */

enum fault { FAULT_NONE, FAULT_KILL, FAULT_TEAR_AND_KILL, FAULT_ENOSPC };

static struct {
    enum fault fault;
    unsigned calls, at; /* the fault comes at the at-th call */
    bool lasting;       /* and at all after it */
} faults;

ssize_t __real_write(int fd, const void *data, size_t size);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_rename(const char *from, const char *to);
int __real_ftruncate(int fd, off_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_rename(const char *from, const char *to);
int __wrap_ftruncate(int fd, off_t size);

/* True when this call is to fail with ENOSPC. */
static bool strike(void)
{
    if (faults.fault == FAULT_NONE)
        return false;
    faults.calls++;
    if (faults.calls != faults.at && !(faults.lasting && faults.calls > faults.at))
        return false;
    if (faults.fault == FAULT_ENOSPC) {
        errno = ENOSPC;
        return true;
    }
    _exit(9);
}

ssize_t __wrap_write(int fd, const void *data, size_t size)
{
    if (faults.fault == FAULT_TEAR_AND_KILL && faults.calls + 1 == faults.at)
        __real_write(fd, data, size / 2);
    return strike() ? -1 : __real_write(fd, data, size);
}

int __wrap_fsync(int fd)
{
    return strike() ? -1 : __real_fsync(fd);
}

int __wrap_fdatasync(int fd)
{
    return strike() ? -1 : __real_fdatasync(fd);
}

int __wrap_rename(const char *from, const char *to)
{
    return strike() ? -1 : __real_rename(from, to);
}

int __wrap_ftruncate(int fd, off_t size)
{
    return strike() ? -1 : __real_ftruncate(fd, size);
}

/* ---- Helpers --------------------------------------------------------------------------------- */

static int intend_to_own(struct ledger *ledger, const char *port, const struct vlanset *vlans,
                         struct error *error)
{
    return ledger_intend(ledger, &(struct ledger_step){ port, vlans, &vlanset_empty }, 1, error);
}

static int intend_to_remove(struct ledger *ledger, const char *port, const struct vlanset *vlans,
                            struct error *error)
{
    return ledger_intend(ledger, &(struct ledger_step){ port, &vlanset_empty, vlans }, 1, error);
}

static struct vlanset set_of(const char *text)
{
    struct vlanset set;

    assert_int_equal(vlanset_parse(text, &set), 0);
    return set;
}

static void assert_set(struct vlanset set, const char *text)
{
    char form[256];

    assert_string_equal(vlanset_text(&set, form, sizeof(form)), text);
}

static struct ledger *open_sound(const char *path)
{
    struct ledger *ledger = NULL;
    struct error note;

    assert_int_equal(ledger_open(path, &ledger, &note), 0);
    assert_string_equal(note.text, "");
    return ledger;
}

static void own(struct ledger *ledger, const char *port, const char *vlans)
{
    struct vlanset set = set_of(vlans);

    assert_int_equal(intend_to_own(ledger, port, &set, NULL), 0);
}

static void disown(struct ledger *ledger, const char *port, const char *vlans)
{
    struct vlanset set = set_of(vlans);

    assert_int_equal(ledger_disown(ledger, port, &set, NULL), 0);
}

static void append_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "a");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void ownership_survives_a_restart(void **state)
{
    char *path = scratch_path(*state, "ledger");
    struct ledger *ledger = open_sound(path);
    struct vlanset removing = set_of("100");

    own(ledger, "swp1", "100-110,200");
    own(ledger, "swp 2", "7");
    disown(ledger, "swp1", "105");
    assert_int_equal(intend_to_remove(ledger, "swp1", &removing, NULL), 0);
    ledger_free(ledger);

    ledger = open_sound(path);
    assert_set(ledger_owned(ledger, "swp1"), "100-104,106-110,200");
    assert_set(ledger_removing(ledger, "swp1"), "100");
    assert_set(ledger_owned(ledger, "swp 2"), "7");
    assert_set(ledger_owned(ledger, "swp3"), "");
    assert_int_equal(ledger_settle(ledger, "swp1", NULL), 0);
    assert_set(ledger_removing(ledger, "swp1"), "");
    ledger_free(ledger);
    free(path);
}

static void a_torn_last_line_is_ignored(void **state)
{
    char *path = scratch_path(*state, "ledger");
    struct ledger *ledger = open_sound(path);

    own(ledger, "swp1", "100");
    ledger_free(ledger);
    append_text(path, "12345678 100,2");
    ledger = open_sound(path);
    assert_set(ledger_owned(ledger, "swp1"), "100");
    ledger_free(ledger);
    free(path);
}

static void damaged_lines_are_skipped_and_said(void **state)
{
    static const char *const damages[] = {
        "00000000 300 - swp1\n", "\n", "garbage\n", "zzzzzzzz 300 - swp1\n", "\x01\xff\x80\n",
    };
    char *path = scratch_path(*state, "ledger");

    for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
        struct ledger *ledger;
        struct error note;

        unlink(path);
        ledger = open_sound(path);
        own(ledger, "swp1", "100");
        ledger_free(ledger);
        append_text(path, damages[i]);
        ledger = NULL;
        assert_int_equal(ledger_open(path, &ledger, &note), 0);
        assert_non_null(strstr(note.text, "1 damaged line"));
        assert_set(ledger_owned(ledger, "swp1"), "100");
        ledger_free(ledger);
        ledger_free(open_sound(path)); /* it was written anew, without the damage */
    }
    free(path);
}

/* Flips every bit of a file, one at a time: whatever is read was once written. */
static void no_flipped_bit_makes_a_vlan_ours(void **state)
{
    char *path = scratch_path(*state, "ledger"), content[256];
    struct ledger *ledger = open_sound(path);
    ssize_t size;
    int fd;

    own(ledger, "swp1", "100-110");
    own(ledger, "swp1", "200");
    ledger_free(ledger);
    fd = open(path, O_RDONLY);
    size = read(fd, content, sizeof(content));
    close(fd);
    assert_true(size > 20);
    for (ssize_t bit = 0; bit < size * 8; bit++) {
        struct vlanset ours = set_of("100-110,200"), owned;
        struct error note;

        content[bit / 8] ^= (char)(1 << bit % 8);
        fd = open(path, O_WRONLY | O_TRUNC);
        assert_int_equal(write(fd, content, (size_t)size), size);
        close(fd);
        content[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_equal(ledger_open(path, &ledger, &note), 0);
        owned = ledger_owned(ledger, "swp1");
        owned = vlanset_minus(&owned, &ours);
        assert_true(vlanset_is_empty(&owned));
        ledger_free(ledger);
    }
    free(path);
}

static void it_is_written_anew_now_and_then(void **state)
{
    char *path = scratch_path(*state, "ledger");
    struct ledger *ledger = open_sound(path);
    struct stat status;

    for (int i = 0; i < 5000; i++) {
        own(ledger, "swp1", "100-102");
        disown(ledger, "swp1", "101");
    }
    ledger_free(ledger);
    assert_int_equal(stat(path, &status), 0);
    assert_true(status.st_size < 64 * 1024);
    ledger = open_sound(path);
    assert_set(ledger_owned(ledger, "swp1"), "100,102");
    ledger_free(ledger);
    free(path);
}

static void a_second_process_waits_for_the_first(void **state)
{
    char *path = scratch_path(*state, "ledger");
    int ready[2];
    pid_t child;
    char byte;
    int status;

    assert_int_equal(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        struct ledger *first = open_sound(path);

        own(first, "swp1", "100");
        (void)!__real_write(ready[1], "x", 1);
        usleep(100 * 1000); /* holds the lock while the other one tries */
        own(first, "swp1", "101");
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    {
        struct ledger *second = open_sound(path);

        assert_set(ledger_owned(second, "swp1"), "100-101");
        ledger_free(second);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    close(ready[0]);
    close(ready[1]);
    free(path);
}

/* What the Config Module does with its ledger and the switch, the latter a set in shared memory
 * that outlives the process. VLAN 500 was made by hand. */
static void work(const char *path, struct vlanset *on_switch)
{
    struct error note;
    struct ledger *ledger = NULL;

    if (ledger_open(path, &ledger, &note) < 0)
        _exit(1);
    for (uint32_t vlan = 100; vlan < 104; vlan++) {
        struct vlanset one = vlanset_empty;

        vlanset_add(&one, vlan);
        intend_to_own(ledger, "swp1", &one, NULL);
        vlanset_add(on_switch, vlan);
        if (vlan % 2 == 0 || intend_to_remove(ledger, "swp1", &one, NULL) < 0)
            continue;
        vlanset_remove(on_switch, vlan);
        ledger_disown(ledger, "swp1", &one, NULL);
    }
    ledger_free(ledger);
    ledger = NULL;
    if (ledger_open(path, &ledger, &note) < 0) /* writes the file anew */
        _exit(1);
    ledger_free(ledger);
}

static void check_after_death(const char *path, const struct vlanset *on_switch)
{
    struct ledger *ledger = open_sound(path);
    struct vlanset owned = ledger_owned(ledger, "swp1");
    struct vlanset removing = ledger_removing(ledger, "swp1");
    struct vlanset carried = *on_switch, unknown, absent;
    char text[64];

    /* All that we put on the switch is ours, and nothing that was there before. */
    vlanset_remove(&carried, 500);
    unknown = vlanset_minus(&carried, &owned);
    assert_string_equal(vlanset_text(&unknown, text, sizeof(text)), "");
    assert_false(vlanset_has(&owned, 500));
    /* What is ours and not there was about to be added (one) or removed (noted as such). */
    absent = vlanset_minus(&owned, &carried);
    absent = vlanset_minus(&absent, &removing);
    assert_true(vlanset_count(&absent) <= 1);
    ledger_free(ledger);
}

static void sweep(void **state, enum fault fault)
{
    char *path = scratch_path(*state, "ledger");
    struct vlanset *on_switch =
        mmap(NULL, sizeof(*on_switch), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned deaths = 0;
    int status = 9;

    assert_ptr_not_equal(on_switch, MAP_FAILED);
    for (unsigned at = 1; status; at++) {
        pid_t child;

        unlink(path);
        *on_switch = vlanset_empty;
        vlanset_add(on_switch, 500);
        child = fork();
        if (child == 0) {
            faults.fault = fault;
            faults.at = at;
            work(path, on_switch);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 1);
        check_after_death(path, on_switch);
        deaths += status != 0;
    }
    assert_true(deaths > 15);
    assert_int_equal(munmap(on_switch, sizeof(*on_switch)), 0);
    free(path);
}

static void killed_at_every_write(void **state)
{
    sweep(state, FAULT_KILL);
}

static void killed_in_the_middle_of_every_write(void **state)
{
    sweep(state, FAULT_TEAR_AND_KILL);
}

static void a_full_disk_stops_removals_only(void **state)
{
    char *path = scratch_path(*state, "ledger");
    struct ledger *ledger = open_sound(path);
    struct vlanset vlans = set_of("101");
    struct error error;

    own(ledger, "swp1", "100");
    faults.fault = FAULT_ENOSPC;
    faults.calls = 0;
    faults.at = 1;
    faults.lasting = true;
    assert_int_equal(intend_to_own(ledger, "swp1", &vlans, &error), -ENOSPC);
    assert_set(ledger_owned(ledger, "swp1"), "100-101");
    assert_int_equal(intend_to_remove(ledger, "swp1", &vlans, &error), -ENOSPC);
    assert_non_null(strstr(error.text, "No space left"));
    assert_set(ledger_removing(ledger, "swp1"), "");
    faults.fault = FAULT_NONE;
    assert_int_equal(intend_to_remove(ledger, "swp1", &vlans, &error), 0);
    ledger_free(ledger);

    ledger = open_sound(path);
    assert_set(ledger_owned(ledger, "swp1"), "100-101");
    assert_set(ledger_removing(ledger, "swp1"), "101");
    ledger_free(ledger);
    free(path);
}

/* A disk that is full once, at each call in turn: nothing that was owned is forgotten. */
static void a_disk_that_fails_once_forgets_nothing(void **state)
{
    char *path = scratch_path(*state, "ledger");

    for (unsigned at = 1; at < 12; at++) {
        struct vlanset vlans = set_of("101"), removed = set_of("100");
        struct ledger *ledger;

        unlink(path);
        ledger = open_sound(path);
        own(ledger, "swp1", "100");
        faults.fault = FAULT_ENOSPC;
        faults.calls = 0;
        faults.at = at;
        faults.lasting = false;
        intend_to_own(ledger, "swp1", &vlans, NULL);
        intend_to_remove(ledger, "swp1", &removed, NULL);
        faults.fault = FAULT_NONE;
        own(ledger, "swp1", "102");
        ledger_free(ledger);
        ledger = open_sound(path);
        assert_set(ledger_owned(ledger, "swp1"), "100-102");
        ledger_free(ledger);
    }
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(ownership_survives_a_restart),
        SCRATCH_TEST(a_torn_last_line_is_ignored),
        SCRATCH_TEST(damaged_lines_are_skipped_and_said),
        SCRATCH_TEST(no_flipped_bit_makes_a_vlan_ours),
        SCRATCH_TEST(it_is_written_anew_now_and_then),
        SCRATCH_TEST(a_second_process_waits_for_the_first),
        SCRATCH_TEST(killed_at_every_write),
        SCRATCH_TEST(killed_in_the_middle_of_every_write),
        SCRATCH_TEST(a_full_disk_stops_removals_only),
        SCRATCH_TEST(a_disk_that_fails_once_forgets_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

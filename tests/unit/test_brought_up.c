#include "cmocka_unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"
#include "switch/brought_up.h"

static struct brought_up *opened_after(const char *boot, const char *path, bool is_sound)
{
    struct brought_up *set = NULL;
    struct error note;

    assert_int_equal(brought_up_open(path, boot, &set, &note), 0);
    assert_int_equal(note.text[0] == '\0', is_sound);
    return set;
}

static struct brought_up *opened(const char *path, bool is_sound)
{
    return opened_after("a-b", path, is_sound);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void what_is_noted_is_there_after_a_restart(void **state)
{
    char *path = scratch_path(*state, "noted");
    struct brought_up *set = opened(path, true);
    struct error error;

    assert_false(brought_up_has(set, "swp1"));
    assert_int_equal(brought_up_note(set, "swp1", &error), 0);
    assert_int_equal(brought_up_note(set, "swp10", &error), 0);
    assert_int_equal(brought_up_note(set, "swp1", &error), 0);
    brought_up_free(set);
    set = opened(path, true);
    assert_true(brought_up_has(set, "swp1") && brought_up_has(set, "swp10"));
    assert_false(brought_up_has(set, "swp"));
    assert_int_equal(brought_up_forget(set, "swp1", &error), 0);
    assert_int_equal(brought_up_forget(set, "swp3", &error), 0);
    brought_up_free(set);
    set = opened(path, true);
    assert_true(!brought_up_has(set, "swp1") && brought_up_has(set, "swp10"));
    brought_up_free(set);
    free(path);
}

static bool keeps(const char *port, void *data)
{
    return strcmp(port, data) == 0;
}

static void what_counts_no_more_is_forgotten(void **state)
{
    char *path = scratch_path(*state, "noted"), kept[] = "swp2";
    struct brought_up *set = opened(path, true);
    struct error error;

    for (const char *port = "swp1\0swp2\0swp3\0"; *port; port += 5)
        assert_int_equal(brought_up_note(set, port, &error), 0);
    assert_int_equal(brought_up_keep(set, keeps, kept, &error), 0);
    brought_up_free(set);
    set = opened(path, true);
    assert_true(brought_up_has(set, "swp2"));
    assert_false(brought_up_has(set, "swp1") || brought_up_has(set, "swp3"));
    brought_up_free(set);
    free(path);
}

static void what_cannot_be_written_does_not_count(void **state)
{
    char *path = scratch_path(*state, "noted"), *beside = scratch_path(*state, "noted.new");
    struct brought_up *set = opened(path, true);
    struct error error;

    assert_int_equal(mkdir(beside, 0700), 0);
    assert_int_equal(brought_up_note(set, "swp1", &error), -EISDIR);
    assert_false(brought_up_has(set, "swp1"));
    assert_int_equal(rmdir(beside), 0);
    assert_int_equal(brought_up_note(set, "two\nlines", &error), -EINVAL);
    assert_int_equal(brought_up_note(set, "swp1", &error), 0);
    brought_up_free(set);
    free(beside);
    free(path);
}

/* Then nobody knows what vsn brought up, and what somebody shut after that. */
static void a_damaged_file_has_nothing_brought_up(void **state)
{
    static const char *const damaged[] = {
        "up swp1\n",
        "vsn-brought-up 1 a\nup swp1",
        "vsn-brought-up 2 a\n",
        "\n",
        "",
        "vsn-brought-up 1 a\n\n",
        "vsn-brought-up 1 a\nswp1\n",
        "vsn-brought-up 1 a\ndown swp1\n",
        "vsn-brought-up 1 a\nup \n",
    };
    char *path = scratch_path(*state, "noted");
    struct error error;

    for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
        struct brought_up *set;

        write_file(path, damaged[i]);
        set = opened(path, false);
        assert_int_equal(brought_up_note(set, "swp2", &error), -EBADMSG);
        assert_non_null(strstr(error.text, "cannot be read"));
        brought_up_free(set);
    }
    free(path);
}

/* A start brings ports down that nobody shut. */
static void after_a_start_what_was_shut_stays_shut(void **state)
{
    char *path = scratch_path(*state, "noted");
    struct brought_up *set = opened(path, true);
    struct error error;

    for (const char *port = "swp1\0swp2\0swp3\0"; *port; port += 5)
        assert_int_equal(brought_up_note(set, port, &error), 0);
    assert_true(brought_up_see(set, "swp1", true));
    assert_true(brought_up_see(set, "swp2", false));
    assert_true(brought_up_see(set, "swp3", false));
    assert_true(brought_up_see(set, "swp3", true)); /* whoever shut it wants it up again */
    assert_false(brought_up_see(set, "swp4", false));
    brought_up_free(set);

    set = opened_after("", path, true); /* it is not known whether there was one */
    assert_true(brought_up_has(set, "swp1"));
    brought_up_free(set);
    set = opened_after("c-d", path, true);
    assert_false(brought_up_has(set, "swp1") || brought_up_has(set, "swp3"));
    assert_true(brought_up_has(set, "swp2"));
    assert_int_equal(brought_up_note(set, "swp1", &error), 0);
    brought_up_free(set);
    set = opened_after("c-d", path, true);
    assert_true(brought_up_has(set, "swp1") && brought_up_has(set, "swp2"));
    brought_up_free(set);
    free(path);
}

/* That a port is shut gets onto the disk as soon as the disk takes it. */
static void what_could_not_be_written_is_written_later(void **state)
{
    char *path = scratch_path(*state, "noted"), *beside = scratch_path(*state, "noted.new");
    struct brought_up *set = opened(path, true);
    struct error error;

    assert_int_equal(brought_up_note(set, "swp1", &error), 0);
    assert_int_equal(mkdir(beside, 0700), 0);
    assert_true(brought_up_see(set, "swp1", false));
    assert_int_equal(rmdir(beside), 0);
    assert_true(brought_up_see(set, "swp1", false));
    brought_up_free(set);
    set = opened_after("c-d", path, true);
    assert_true(brought_up_has(set, "swp1"));
    brought_up_free(set);
    free(beside);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(what_is_noted_is_there_after_a_restart),
        SCRATCH_TEST(what_counts_no_more_is_forgotten),
        SCRATCH_TEST(what_cannot_be_written_does_not_count),
        SCRATCH_TEST(after_a_start_what_was_shut_stays_shut),
        SCRATCH_TEST(what_could_not_be_written_is_written_later),
        SCRATCH_TEST(a_damaged_file_has_nothing_brought_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* scratch.h: a folder for each test, gone afterwards. Include after cmocka_unit.h. */
#ifndef VSN_TESTS_SCRATCH_H
#define VSN_TESTS_SCRATCH_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attrs.h"

static inline int scratch_setup(void **state)
{
    const char *base = getenv("TMPDIR");
    char *path = NULL;

    if (asprintf(&path, "%s/vsn-test-XXXXXX", base ? base : "/tmp") < 0)
        return -1;
    *state = mkdtemp(path);
    return *state ? 0 : -1;
}

static inline int scratch_remove(const char *path, const struct stat *status UNUSED,
                                 int type UNUSED, struct FTW *at UNUSED)
{
    return remove(path);
}

static inline int scratch_teardown(void **state)
{
    nftw(*state, scratch_remove, 8, FTW_DEPTH | FTW_PHYS);
    free(*state);
    return 0;
}

/* A path in the folder; the caller's to free. */
static inline char *scratch_path(const void *state, const char *name)
{
    char *path = NULL;

    return asprintf(&path, "%s/%s", (const char *)state, name) < 0 ? NULL : path;
}

#define SCRATCH_TEST(function)                                                                     \
    cmocka_unit_test_setup_teardown(function, scratch_setup, scratch_teardown)

#endif

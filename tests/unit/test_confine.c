#include "cmocka_unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/attrs.h"
#include "base/confine.h"

/* Each role in a process of its own; what it may do comes back as its exit status. */
enum { MAY_UNIX = 1, MAY_INET = 2, MAY_NETLINK = 4, MAY_EXEC = 8, MAY_MOUNT = 16 };

static bool may_open(int family)
{
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd >= 0)
        close(fd);
    return fd >= 0 || errno != EPERM;
}

static int what_it_may(enum confine_role role)
{
    struct error error;
    int may = 0;

    if (confine(role, &error) < 0)
        return 255;
    may |= may_open(AF_UNIX) ? MAY_UNIX : 0;
    may |= may_open(AF_INET) ? MAY_INET : 0;
    may |= socket(AF_NETLINK, SOCK_RAW, 0) >= 0 || errno != EPERM ? MAY_NETLINK : 0;
    may |= mount("none", "/nonexistent", "tmpfs", 0, NULL) == 0 || errno != EPERM ? MAY_MOUNT : 0;
    execl("/nonexistent", "nonexistent", (char *)NULL);
    return may | (errno != EPERM ? MAY_EXEC : 0);
}

static int try_role(enum confine_role role)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0)
        _exit(what_it_may(role));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void each_role_keeps_what_it_needs(void **state)
{
    (void)state;
    assert_int_equal(try_role(CONFINE_SESSION), MAY_UNIX | MAY_INET);
    assert_int_equal(try_role(CONFINE_NEIGHBOR), MAY_UNIX);
    assert_int_equal(try_role(CONFINE_HISTORY), 0);
    assert_int_equal(try_role(CONFINE_CONFIG), MAY_UNIX | MAY_NETLINK);
    assert_int_equal(try_role(CONFINE_CONFIG_REMOTE), MAY_UNIX | MAY_INET);
    assert_int_equal(try_role(CONFINE_CORE), MAY_UNIX | MAY_INET | MAY_NETLINK | MAY_EXEC);
}

enum { WROTE_BELOW = 1, WROTE_BESIDE = 2, READ_BESIDE = 4 };

static bool may_write(const char *path)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static int where_it_writes(const char *below, const char *beside)
{
    struct error error;
    int r = confine(CONFINE_HISTORY, &error), wrote = 0;
    char path[256];

    if (r == 0)
        r = confine_writes(below, &error);
    if (r < 0)
        return r == -EOPNOTSUPP ? 254 : 255;
    snprintf(path, sizeof(path), "%s/file", below);
    wrote |= may_write(path) ? WROTE_BELOW : 0;
    wrote |= may_write(beside) ? WROTE_BESIDE : 0;
    return wrote | (access("/etc/passwd", R_OK) == 0 ? READ_BESIDE : 0);
}

static void writes_stay_below_a_directory(void **state)
{
    char below[] = "/tmp/vsn-confine-XXXXXX", beside[64], file[64];
    int status = 0;
    pid_t pid;

    (void)state;
    assert_non_null(mkdtemp(below));
    snprintf(beside, sizeof(beside), "%s-beside", below);
    snprintf(file, sizeof(file), "%s/file", below);
    pid = fork();
    if (pid == 0)
        _exit(where_it_writes(below, beside));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    unlink(file);
    rmdir(below);
    assert_int_equal(unlink(beside), -1);
    if (WEXITSTATUS(status) == 254)
        skip(); /* a kernel before 5.13, or one without Landlock */
    assert_int_equal(WEXITSTATUS(status), WROTE_BELOW | READ_BESIDE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_role_keeps_what_it_needs),
        cmocka_unit_test(writes_stay_below_a_directory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

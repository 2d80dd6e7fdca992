#include "cmocka_unit.h"

#include <errno.h>
#include <stdbool.h>
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
    assert_int_equal(try_role(CONFINE_CORE), MAY_UNIX | MAY_INET | MAY_NETLINK | MAY_EXEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_role_keeps_what_it_needs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

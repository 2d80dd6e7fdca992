#include "base/confine.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/attrs.h"

/* The leak checker of AddressSanitizer looks at its own process with ptrace(2). */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

#define FAMILIES 64 /* more than any kernel knows; those above are refused too */

static const struct {
    int families[4];      /* that sockets may be of; all if the first is 0 */
    bool opens_no_socket; /* of any */
    bool starts_programs;
    bool keeps_net_admin;  /* for itself */
    bool passes_net_admin; /* to the programs it starts */
} roles[] = {
    [CONFINE_SESSION] = { .families = { AF_UNIX, AF_INET, AF_INET6 } },
    [CONFINE_NEIGHBOR] = { .families = { AF_UNIX } },
    [CONFINE_HISTORY] = { .opens_no_socket = true },
    [CONFINE_CONFIG_REMOTE] = { .families = { AF_UNIX, AF_INET, AF_INET6 } },
    [CONFINE_CONFIG] = { .families = { AF_UNIX, AF_NETLINK }, .keeps_net_admin = true },
    [CONFINE_CORE] = { .starts_programs = true, .passes_net_admin = true },
};

static const int program_calls[] = { SCMP_SYS(execve), SCMP_SYS(execveat) };

static const int refused_calls[] = {
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(io_uring_setup),
};

static int refuse(scmp_filter_ctx filter, const int *calls, size_t n_calls)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < n_calls; i++)
        r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 0);
    return r;
}

static bool may_open(enum confine_role role, int family)
{
    for (size_t i = 0; i < ARRAY_SIZE(roles[role].families); i++)
        if (family != 0 && roles[role].families[i] == family)
            return true;
    return false;
}

static int refuse_sockets(scmp_filter_ctx filter, enum confine_role role)
{
    int r = 0;

    if (roles[role].opens_no_socket)
        return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 0);
    if (roles[role].families[0] == 0)
        return 0;
    for (int family = 0; r == 0 && family < FAMILIES; family++)
        if (!may_open(role, family))
            r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
                                 SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family, 0));
    if (r == 0)
        r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
                             SCMP_A0(SCMP_CMP_GE, FAMILIES, 0));
    return r;
}

static int fill_filter(scmp_filter_ctx filter, enum confine_role role)
{
    static const int ptrace_call = SCMP_SYS(ptrace);
    int r = refuse(filter, refused_calls, ARRAY_SIZE(refused_calls));

    if (r == 0 && !SANITIZED)
        r = refuse(filter, &ptrace_call, 1);
    if (r == 0 && !roles[role].starts_programs)
        r = refuse(filter, program_calls, ARRAY_SIZE(program_calls));
    return r == 0 ? refuse_sockets(filter, role) : r;
}

/* 'no_new_privs' is what lets anyone load a filter. It would also keep programs that root starts
 * from having a capability, so the core goes without it as long as it may. */
static int filter_calls(enum confine_role role, bool no_new_privs)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int r;

    if (!filter)
        return -ENOMEM;
    r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, no_new_privs);
    if (r == 0)
        r = fill_filter(filter, role);
    if (r == 0)
        r = seccomp_load(filter);
    seccomp_release(filter);
    return r;
}

static int drop_capabilities(enum confine_role role)
{
    bool bounded = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
    bool net_admin = capng_have_capability(CAPNG_PERMITTED, CAP_NET_ADMIN);

    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    capng_clear(CAPNG_SELECT_BOTH);
    if (roles[role].keeps_net_admin && net_admin)
        capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN);
    if (roles[role].keeps_net_admin || roles[role].passes_net_admin)
        capng_update(CAPNG_ADD, CAPNG_BOUNDING_SET, CAP_NET_ADMIN);
    return capng_apply(bounded ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) == 0 ? 0 : -EPERM;
}

int confine(enum confine_role role, struct error *reterr)
{
    bool privileged, no_new_privs;
    int r;

    if (capng_get_caps_process() != 0)
        return error_set(reterr, -EPERM, "capabilities cannot be read");
    privileged = capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN);
    no_new_privs = !roles[role].passes_net_admin || !privileged;
    if (no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_set(reterr, -errno, "no_new_privs: %s", strerror(errno));
    r = filter_calls(role, no_new_privs);
    if (r < 0)
        return error_set(reterr, r, "system calls cannot be filtered: %s", strerror(-r));
    r = drop_capabilities(role);
    return r < 0 ? error_set(reterr, r, "capabilities cannot be dropped") : 0;
}

/* glibc has no wrappers for these. */
static int new_ruleset(uint64_t writes)
{
    const struct landlock_ruleset_attr attributes = { .handled_access_fs = writes };

    return (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
}

static int allow_below(int ruleset, int directory, uint64_t writes)
{
    const struct landlock_path_beneath_attr beneath = { .allowed_access = writes,
                                                        .parent_fd = directory };

    return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
}

int confine_writes(const char *directory, struct error *reterr)
{
    const uint64_t writes = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                            LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                            LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                            LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                            LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
    CLEANUP(close_fd) int place = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(close_fd) int ruleset = -1;

    if (place < 0)
        return error_set(reterr, -errno, "%s: %s", directory, strerror(errno));
    ruleset = new_ruleset(writes);
    if (ruleset < 0 && (errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM))
        return error_set(reterr, -EOPNOTSUPP, "Landlock cannot be had here");
    if (ruleset < 0 || allow_below(ruleset, place, writes) < 0 ||
        syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        return error_set(reterr, -errno, "writing cannot be confined to %s: %s", directory,
                         strerror(errno));
    return 0;
}

void confine_secrets(void)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    if (!SANITIZED)
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

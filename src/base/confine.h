/* confine.h: what a process gives up for good once it is set up, so that a mistake in it stays its
 * own: capabilities(7), no_new_privs (prctl(2)) and seccomp(2). Works for root and for any user,
 * and in builds with sanitizers. */
#ifndef VSN_BASE_CONFINE_H
#define VSN_BASE_CONFINE_H

#include "base/error.h"

enum confine_role {
    CONFINE_SESSION,       /* no capability; sockets: unix, inet, inet6 */
    CONFINE_NEIGHBOR,      /* no capability; sockets: unix */
    CONFINE_HISTORY,       /* no capability, no sockets */
    CONFINE_CONFIG,        /* keeps CAP_NET_ADMIN if it has it; sockets: unix, netlink */
    CONFINE_CONFIG_REMOTE, /* for a switch that is another machine; sockets: unix, TCP/IP */
    CONFINE_CORE, /* no capability, but programs that it starts may have CAP_NET_ADMIN when the
                     user is root. Its system call filter is theirs as well, so it keeps the
                     right to start programs and leaves the choice of sockets to them. */
};

/* Gives up everything that the role does without. What is refused later fails with EPERM. Call it
 * when descriptors are open and files are read that need more. Returns 0, or a negative errno with
 * the sentence; a process that cannot be confined should not go on. */
int confine(enum confine_role role, struct error *reterr);

/* From here on, files are made, written and removed below 'directory' only: landlock(7). Call it
 * after confine(). Returns 0, -EOPNOTSUPP where the kernel has no Landlock or a container refuses
 * it, or another negative errno with the sentence. */
int confine_writes(const char *directory, struct error *reterr);

/* For a process that will hold a secret: no core file, and no other process of the same user may
 * look into it (PR_SET_DUMPABLE of prctl(2)). */
void confine_secrets(void);

#endif

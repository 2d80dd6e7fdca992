/* moves.h: machines on their way to a host, seen before they arrive.
 *
 * xapi writes one key into two maps at the moment an operation is accepted:
 * VM.current_operations[T] = "pool_migrate" and host.current_operations[T] = "vm_migrate"; the host
 * that holds T is the destination (likewise for start and resume). The VM's entry decides: some
 * releases never remove the host's. VM.scheduled_to_be_resident_on says the same where it can be
 * seen (8.2 on). T is opaque; a task of that name may or may not exist. */
#ifndef VSN_SOURCE_XENAPI_MOVES_H
#define VSN_SOURCE_XENAPI_MOVES_H

#include "source/xenapi/pool.h"

struct xen_move;

struct xen_moves {
    struct xen_move *first;
};

void xen_moves_done(struct xen_moves *moves);

/* What the moment is. */
struct xen_moment {
    int64_t now_ms, wall_ms;
    bool all; /* a full read: every move under way is stated again, others are forgotten */
};

/* Appends the rows of moves that began, changed or ended. Returns in how many milliseconds to call
 * it again: a move waits for its task to say how it ended, or for its destination, which event.next
 * tells a moment later than the move itself. 0: no need. */
int64_t xen_moves_write(struct xen_moves *moves, struct xen_pool *pool,
                        const struct xen_moment *moment, struct strbuf *to);

#endif

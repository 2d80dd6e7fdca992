/* moves.h: machines on their way from host to host: what happens to them in the world, and what
 * their session tells of it, when, and in which order.
 *
 * Some are announced late, some without a destination, some never; some come to nothing. Each step
 * has its own time, to the millisecond. */
#ifndef VSN_SIM_MOVES_H
#define VSN_SIM_MOVES_H

#include "programs/sim/faults.h"

/* Lets some moves begin, now and then several at once. */
void moves_begin(struct world *world, int64_t now_ms);

/* Lets happen, and tells, what is due now. False when the core refused a line. */
bool moves_run(struct world *world, struct faults *faults, struct feed *feed);

/* When the next thing is due; INT64_MAX: nothing is. */
int64_t moves_next_ms(const struct world *world, int64_t now_ms);

/* True when none is on its way, or still to be told of. */
bool moves_are_over(const struct world *world);

#endif

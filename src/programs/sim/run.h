/* run.h: runs the decision core in a world made of a seed, with faults, and holds it to its
 * invariants after every step. The same seed gives the same run, byte for byte. */
#ifndef VSN_SIM_RUN_H
#define VSN_SIM_RUN_H

#include <stdbool.h>
#include <stdint.h>

struct run_options {
    uint64_t first, seeds; /* seeds first .. first + seeds - 1 */
    unsigned steps;        /* of trouble, before everything heals */
    const char
        *recording; /* file for the lines of the last run since the core's last start; NULL */
    bool timed;     /* also say how long it took, which differs from run to run */
};

/* Prints a line about each run that breaks, with the last events, and the totals. Returns 0, or 1
 * at the first invariant that did not hold. */
int run_seeds(const struct run_options *options);

#endif

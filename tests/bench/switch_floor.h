/* switch_floor.h: the least that a switch can be asked for: what a script written for this one
 * purpose would send, with no look at what is there, no fence and no memory. */
#ifndef VSN_BENCH_SWITCH_FLOOR_H
#define VSN_BENCH_SWITCH_FLOOR_H

#include <stdbool.h>

struct floor;

/* 'driver' and 'arguments' as in the 'switch' line. NULL on failure. */
struct floor *floor_new(const char *driver, const char *arguments);
void floor_free(struct floor *floor);

/* Adds "FIRST" or "FIRST-LAST" to (removes it from) swp1 to swp'ports', waits until the switch has
 * done it, and reads all ports. Linux bridge: one rtnetlink request per port, each acknowledged,
 * and a dump. Open vSwitch: one transaction, the wait for cur_cfg, and a select. 0 or -1. */
int floor_write(struct floor *floor, bool adding, unsigned ports, const char *vlans);

#endif

/* switch_floor_sonic.h: the part of switch_floor.h for SONiC. */
#ifndef VSN_BENCH_SWITCH_FLOOR_SONIC_H
#define VSN_BENCH_SWITCH_FLOOR_SONIC_H

#include <stdbool.h>

struct sonic_floor;

/* 'arguments' of the 'switch' line. NULL on failure. */
struct sonic_floor *sonic_floor_new(const char *arguments);
struct sonic_floor *sonic_floor_free(struct sonic_floor *floor);

/* VLANs 'first' to 'last' on (off) ports swp1 to swp'ports'. Nobody else may write meanwhile. */
int sonic_floor_write(struct sonic_floor *floor, bool adding, unsigned ports, unsigned first,
                      unsigned last);

#endif

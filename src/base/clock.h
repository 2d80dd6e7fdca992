/* clock.h: the two clocks. Decisions use the monotonic one; the wall clock only appears in output.
 */
#ifndef VSN_BASE_CLOCK_H
#define VSN_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds of CLOCK_BOOTTIME: never jumps, counts through suspend. */
int64_t clock_now_ms(void);

/* Milliseconds since the epoch (CLOCK_REALTIME). */
int64_t clock_wall_ms(void);

#define CLOCK_BOOT_SIZE 40

/* The name of this run of the kernel, another one after each start (random(4), boot_id); "" when it
 * cannot be read. Returns 'text'. */
const char *clock_boot(char text[CLOCK_BOOT_SIZE]);

#endif

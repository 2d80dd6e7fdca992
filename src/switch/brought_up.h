/* brought_up.h: the ports that vsn brought up, remembered over restarts.
 *
 * Such a port that is down again was shut by somebody, and is never brought up a second time. So a
 * port is in the file, and the file on the disk, before the port is up: what dies between the two
 * leaves a port that is down and stays so, never one that comes up against somebody's will.
 *
 * A machine that is started anew may have its ports down without anybody's doing: what was up when
 * last seen may be brought up again then, what was shut may not. */
#ifndef VSN_SWITCH_BROUGHT_UP_H
#define VSN_SWITCH_BROUGHT_UP_H

#include <stdbool.h>

#include "base/error.h"

#define BROUGHT_UP_MAX 8192 /* ports */

struct brought_up;

/* Reads the file 'path', which need not be there; 'boot' is the name of this run of the kernel
 * (clock.h), "" when it is not known. Returns 0, then 'retnote' is empty or says why
 * the file cannot be read: nothing is brought up then (brought_up_note() fails). Or -ENOMEM. */
int brought_up_open(const char *path, const char *boot, struct brought_up **ret_set,
                    struct error *retnote);
struct brought_up *brought_up_free(struct brought_up *set);

bool brought_up_has(const struct brought_up *set, const char *port);

/* A port was read. Whether it is shut goes to the disk when that is new, now or with a later
 * reading. Returns whether vsn brought it up. */
bool brought_up_see(struct brought_up *set, const char *port, bool is_up);

/* Before 'port' is brought up. A negative errno: it is not on the disk, and the port must stay
 * down. */
int brought_up_note(struct brought_up *set, const char *port, struct error *reterr);

/* It is down as before, after all. */
int brought_up_forget(struct brought_up *set, const char *port, struct error *reterr);

/* Forgets all ports of which 'keep' says no. */
typedef bool brought_up_keep_fn(const char *port, void *data);
int brought_up_keep(struct brought_up *set, brought_up_keep_fn *keep, void *data,
                    struct error *reterr);

#endif

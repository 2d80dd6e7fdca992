/* batch.h: changes on their way to the driver and back: what of each may be written, and what is
 * said of it afterwards. A batch names each port once. Pure. */
#ifndef VSN_SWITCH_BATCH_H
#define VSN_SWITCH_BATCH_H

#include "switch/driver.h"
#include "switch/validate.h"

#define BATCH_MAX 1024 /* changes; more become several batches */

struct batch_entry {
    const struct change *change; /* the caller's */
    struct verdict verdict;
    struct strbuf problem;
    struct port_change *part; /* NULL: no VLAN to write */
    bool enabled;             /* the port was brought up: set by whoever did it */
};

struct batch {
    struct batch_entry *entries; /* in the order of the changes */
    size_t count;
    struct port_change *parts; /* for the driver: made by batch_part() */
    size_t n_parts;
};

/* How many of the 'count' changes make the next batch: up to the first whose port was named before,
 * BATCH_MAX at most. */
size_t batch_size(struct change *const *changes, size_t count);

/* Room for 'size' changes, or NULL. */
struct batch *batch_new(size_t size);
/* Frees what apply() has filled in as well. */
struct batch *batch_free(struct batch *batch);

/* Holds the next change against 'view' (validate.h). */
void batch_add(struct batch *batch, const struct change *change, const struct validate_view *view);

/* Takes the removals out, because of 'why'. */
void batch_drop_removals(struct batch *batch, const char *why);

/* Makes the parts, one for each change that has something to be written. */
void batch_part(struct batch *batch);

/* After the driver: adds to the problem what it said, or where the port is not as written. */
void batch_judge(struct batch_entry *entry);

/* What became of the change, on a port that is now 'port' (NULL: not known). Points into 'entry'.
 */
struct outcome batch_outcome(const struct batch_entry *entry, const struct port *port);

#endif

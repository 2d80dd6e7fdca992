/* replay.h: feeds a recording (vsnd --record FILE), or a scenario written by hand in the same form,
 * to the core, line by line.
 *
 * Pure, like the core. A line is one of
 *
 *     NOW_MS WALL_MS SOURCE RECORD-LINE       a record (record.h) from "switch", "neighbor" or
 *                                             "hypervisor/NAME"
 *     NOW_MS WALL_MS SOURCE ! REASON          the process behind that source ended
 *     NOW_MS WALL_MS settle                   time to draw conclusions
 *     NOW_MS WALL_MS accept NAME              an operator accepts the smaller answer
 *     NOW_MS WALL_MS config                   a configuration follows, each line of it as
 *     | LINE
 *
 * Empty lines and lines that begin with '#' are passed over. */
#ifndef VSN_RECONCILE_REPLAY_H
#define VSN_RECONCILE_REPLAY_H

#include "reconcile/core.h"

struct replay;

/* A fresh core behind a reader. NULL when out of memory. */
struct replay *replay_new(void);
struct replay *replay_free(struct replay *replay);

/* Takes one line without its newline; it is decoded in place. What follows from it is appended to
 * 'actions'. Returns 0, or -EINVAL and whatever core_step() returns, with the sentence. */
int replay_line(struct replay *replay, char *line, struct actions *actions, struct error *reterr);

/* Call at the end of the text: a configuration that was its last part is taken in. */
int replay_end(struct replay *replay, struct actions *actions, struct error *reterr);

/* The core as it stands, and the time of the last line. */
const struct core *replay_core(const struct replay *replay);
int64_t replay_now_ms(const struct replay *replay);
int64_t replay_wall_ms(const struct replay *replay);

#endif

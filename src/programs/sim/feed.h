/* feed.h: the one way into the simulated core: lines in the form of a recording (replay.h), so that
 * whatever was fed can be written down and replayed by 'vsn-sim replay'. */
#ifndef VSN_SIM_FEED_H
#define VSN_SIM_FEED_H

#include <stdio.h>

#include "reconcile/replay.h"

#define FEED_KEPT 50 /* of the last lines, for a report */
#define FEED_LINE 1024

struct feed {
    struct replay *replay;
    int64_t now_ms;
    int64_t wake_ms; /* as the core asked; INT64_MAX: not at all */
    bool settle;     /* the core asked for settling */
    bool settle_now; /* at once */
    struct strbuf to_module;
    FILE *recording; /* NULL: none */
    uint64_t lines, settles;
    char kept[FEED_KEPT][FEED_LINE]; /* a ring */
};

/* A fresh core; 'feed' must be zeroed or done. Its recording, if any, is begun anew with it. */
int feed_start(struct feed *feed, FILE *recording, int64_t now_ms);
void feed_done(struct feed *feed);

/* Hands in 'SOURCE TEXT' at the present time. False when the core refused it, which is reported. */
bool feed_line(struct feed *feed, const char *source, const char *text);

/* A configuration file, and time to draw conclusions. */
bool feed_config(struct feed *feed, const char *text);
bool feed_settle(struct feed *feed);

/* The same when the core asked for it at once. */
bool feed_settle_now(struct feed *feed);

/* Moves the time on; conclusions are drawn on the way whenever the core asked to be woken. */
bool feed_until(struct feed *feed, int64_t now_ms);

/* Prints the last lines that were fed. */
void feed_report(const struct feed *feed, FILE *to);

#endif

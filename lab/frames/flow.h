#ifndef FRAMES_FLOW_H
#define FRAMES_FLOW_H

/*
 * What a listener knows about the frames that arrived: one flow per run, VLAN as sent and VLAN as
 * received. Each flow remembers the numbers it has seen, so that "came twice" and "never came" are
 * counted and not guessed.
 */

#include "wire.h"

#include <stdio.h>

struct flows;

/* Never returns NULL: a test tool that is out of memory ends. */
struct flows *flows_new(void);

/* Accepts NULL; returns NULL. */
struct flows *flows_free(struct flows *flows);

/* Counts 'frame', which arrived with the tag 'vlan' at 'now_ms' (monotonic). */
void flows_add(struct flows *flows, const struct frame *frame, uint16_t vlan, uint64_t now_ms);

/* Prints one JSON object: "flows", a list of run, sent and received VLAN (null when untagged),
 * frames, lost, duplicates, longest_gap_ms; and "uncounted", the frames beyond the tool's limits.
 * 'lost' counts up to the announced total, or up to the highest number seen when it was endless. */
void flows_print(const struct flows *flows, FILE *out);

#endif

#ifndef FRAMES_FLOW_H
#define FRAMES_FLOW_H

/*
 * What a listener knows about the frames that arrived: one flow per run, VLAN as sent and VLAN as
 * received. Each flow remembers the numbers it has seen, so that "came twice" and "never came" are
 * counted and not guessed.
 */

#include "wire.h"

#include <stdbool.h>
#include <stdio.h>

struct flows;

/* Never returns NULL: a test tool that is out of memory ends. */
struct flows *flows_new(void);

/* Accepts NULL; returns NULL. */
struct flows *flows_free(struct flows *flows);

/* Counts 'frame', which arrived with the tag 'vlan' at 'now_ms' (monotonic). True for the first one
 * of a flow. */
bool flows_add(struct flows *flows, const struct frame *frame, uint16_t vlan, uint64_t now_ms);

/* Prints one JSON object: "flows" and "uncounted", the frames beyond the tool's limits. A flow has
 *
 *   run, sent, received    its sender's number, and its VLANs, null when untagged
 *   frames, duplicates     how many came, and how many of these came again
 *   lost                   numbers that never came, up to the announced total, or up to the highest
 *                          one seen when the run was endless
 *   numbers                those that came, as [first, last] pairs
 *   gaps                   where numbers were left out, the first 64 of "n_gaps": first and last of
 *                          them, began_ms when the frame before came, ms until the next one came
 *   longest_gap_ms         between any two frames
 *   first_ms, last_ms      when the first and the last frame came
 *
 * Points in time are milliseconds since the epoch: 'epoch_ms' is what to add to a 'now_ms'. */
void flows_print(const struct flows *flows, uint64_t epoch_ms, FILE *out);

#endif

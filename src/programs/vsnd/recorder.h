/* recorder.h: writes down every event that enters the core, so that it can be replayed (replay.h).
 *
 * A line each: "NOW_MS WALL_MS SOURCE RECORD-LINE", "NOW_MS WALL_MS SOURCE ! REASON" for a lost
 * process, "NOW_MS WALL_MS settle", "NOW_MS WALL_MS accept NAME", and "NOW_MS WALL_MS config"
 * followed by the canonical configuration, each of its lines behind "| ". */
#ifndef VSN_VSND_RECORDER_H
#define VSN_VSND_RECORDER_H

#include <stdint.h>

#include "reconcile/core.h"

struct recorder;

/* Appends to 'path'. NULL with the reason when it cannot be opened. */
struct recorder *recorder_new(const char *path, struct error *reterr);

/* 'line' is the record's written form for EVENT_RECORD, not yet decoded. Accepts a NULL recorder. A
 * disk that is full ends the recording, said once in the log; nothing else is harmed. */
void recorder_note(struct recorder *recorder, const struct event *event, const char *line,
                   int64_t now_ms, int64_t wall_ms);

struct recorder *recorder_free(struct recorder *recorder);

#endif

#include "programs/vsnd/recorder.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

struct recorder {
    FILE *file;
};

struct recorder *recorder_new(const char *path, struct error *reterr)
{
    struct recorder *recorder = calloc(1, sizeof(*recorder));

    if (!recorder)
        return NULL;
    recorder->file = fopen(path, "ae");
    if (recorder->file)
        return recorder;
    error_set(reterr, -errno, "%s: %s", path, strerror(errno));
    return recorder_free(recorder);
}

static void note_config(FILE *file, const struct config *config)
{
    struct strbuf text;
    char *at, *line;

    strbuf_init(&text, CONFIG_FILE_MAX);
    config_write(config, &text);
    fputs("config\n", file);
    at = text.data;
    while (at && *at && (line = strsep(&at, "\n")))
        fprintf(file, "| %s\n", line);
    strbuf_done(&text);
}

static void note_event(FILE *file, const struct event *event, const char *line)
{
    switch (event->kind) {
    case EVENT_CONFIG:
        note_config(file, event->config);
        break;
    case EVENT_RECORD:
        fprintf(file, "%s %s\n", event->source, line);
        break;
    case EVENT_LOST:
        fprintf(file, "%s ! %s\n", event->source, event->reason);
        break;
    case EVENT_SETTLE:
        fputs("settle\n", file);
        break;
    case EVENT_ACCEPT:
        fprintf(file, "accept %s\n", event->source);
        break;
    }
}

void recorder_note(struct recorder *recorder, const struct event *event, const char *line,
                   int64_t now_ms, int64_t wall_ms)
{
    if (!recorder || !recorder->file)
        return;
    fprintf(recorder->file, "%" PRId64 " %" PRId64 " ", now_ms, wall_ms);
    note_event(recorder->file, event, line);
    if (event->kind == EVENT_SETTLE)
        fflush(recorder->file);
    if (!ferror(recorder->file))
        return;
    log_error("recording stops, the file cannot be written: %s", strerror(errno));
    fclose(recorder->file);
    recorder->file = NULL;
}

struct recorder *recorder_free(struct recorder *recorder)
{
    if (recorder && recorder->file)
        fclose(recorder->file);
    free(recorder);
    return NULL;
}

/* Any bytes as a recording: the decision core meets whatever its sources may tell, in any order. */
#include <stdint.h>
#include <string.h>

#include "reconcile/replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct replay *replay = replay_new();
    char *text = strndup((const char *)data, size), *at = text, *line;
    struct actions actions;
    struct error error;

    actions_init(&actions);
    while (replay && (line = strsep(&at, "\n"))) {
        replay_line(replay, line, &actions, &error);
        strbuf_reset(&actions.log);
        strbuf_reset(&actions.to_module);
    }
    if (replay)
        replay_end(replay, &actions, &error);
    actions_done(&actions);
    replay_free(replay);
    free(text);
    return 0;
}

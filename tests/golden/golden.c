/* golden: plays a scenario (reconcile/replay.h) and answers the commands in it as vsnd would.
 *
 *     golden text|json FILE
 *
 * A line "? COMMAND..." in FILE asks at that moment; a word may be percent-encoded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "present/control.h"
#include "reconcile/replay.h"

static void answer(const struct replay *replay, const char *form, const char *command)
{
    struct control_request request;
    struct error error = { "" };
    struct strbuf reply;
    char line[CONTROL_LINE_MAX];

    strbuf_init(&reply, CONTROL_ANSWER_MAX);
    snprintf(line, sizeof(line), "%s %s", form, command);
    if (control_decode(line, &request, &error) < 0)
        control_say(request.json, VIEW_USAGE, error.text, &reply);
    else if (request.action != CONTROL_SHOW)
        control_say(request.json, VIEW_USAGE, "vsnd would do that", &reply);
    else
        control_run(replay_core(replay), &request, replay_now_ms(replay), replay_wall_ms(replay),
                    &reply);
    printf("$ vsn %s%s\n%s", command, request.json ? " --json" : "", strbuf_text(&reply) + 2);
    printf("= %c\n\n", strbuf_text(&reply)[0]);
    strbuf_done(&reply);
}

/* One line of the scenario; NULL: its end. */
static int play(struct replay *replay, char *line, struct error *reterr)
{
    struct actions actions;
    int r;

    actions_init(&actions);
    r = line ? replay_line(replay, line, &actions, reterr) : replay_end(replay, &actions, reterr);
    actions_done(&actions);
    return r;
}

int main(int argc, char **argv)
{
    FILE *file = argc == 3 ? fopen(argv[2], "r") : NULL;
    struct replay *replay = replay_new();
    struct error error = { "" };
    char *line = NULL;
    size_t space = 0;
    unsigned number = 0;
    int r = 0;

    if (!file || !replay) {
        fputs("usage: golden text|json FILE\n", stderr);
        return 2;
    }
    while (r == 0 && getline(&line, &space, file) >= 0) {
        number++;
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "? ", 2) == 0)
            answer(replay, argv[1], line + 2);
        else
            r = play(replay, line, &error);
    }
    if (r == 0)
        r = play(replay, NULL, &error);
    if (r < 0)
        fprintf(stderr, "%s:%u: %s\n", argv[2], number, error.text);
    free(line);
    replay_free(replay);
    fclose(file);
    return r < 0;
}

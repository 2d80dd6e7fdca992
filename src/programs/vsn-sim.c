/* vsn-sim: replays recordings through the same decision core that runs in vsnd, and prints what it
 * decides: each line that would go to the Config Module, and each line that would be logged.
 *
 *     vsn-sim replay FILE
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reconcile/replay.h"

static void print_lines(const struct replay *replay, const char *mark, const struct strbuf *lines)
{
    const char *at = strbuf_text(lines);

    while (*at) {
        size_t length = strcspn(at, "\n");

        printf("%8" PRId64 " %s %.*s\n", replay_now_ms(replay), mark, (int)length, at);
        at += length + (at[length] == '\n');
    }
}

static int replay_one(struct replay *replay, char *line, struct error *reterr)
{
    struct actions actions;
    int r;

    actions_init(&actions);
    r = line ? replay_line(replay, line, &actions, reterr) : replay_end(replay, &actions, reterr);
    print_lines(replay, "log", &actions.log);
    print_lines(replay, "->", &actions.to_module);
    actions_done(&actions);
    return r;
}

static int replay_file(FILE *file, const char *name)
{
    struct replay *replay = replay_new();
    CLEANUP(free_text) char *line = NULL;
    struct error error = { "" };
    unsigned number = 0;
    ssize_t length;
    size_t space = 0;
    int r = replay ? 0 : -ENOMEM;

    while (r == 0 && (length = getline(&line, &space, file)) >= 0) {
        number++;
        if (length > 0 && line[length - 1] == '\n')
            line[length - 1] = '\0';
        r = replay_one(replay, line, &error);
    }
    if (r == 0)
        r = replay_one(replay, NULL, &error);
    if (r < 0)
        fprintf(stderr, "%s:%u: %s\n", name, number, error.text);
    replay_free(replay);
    return r < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    FILE *file;
    int code;

    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("vsn-sim " VSN_VERSION);
        return 0;
    }
    if (argc != 3 || strcmp(argv[1], "replay") != 0) {
        fputs("usage: vsn-sim replay FILE\n", stderr);
        return 2;
    }
    file = fopen(argv[2], "re");
    if (!file) {
        fprintf(stderr, "vsn-sim: %s: %s\n", argv[2], strerror(errno));
        return 1;
    }
    code = replay_file(file, argv[2]);
    fclose(file);
    return code;
}

/* vsn-sim: runs the same decision core that runs in vsnd without a hypervisor or a switch.
 *
 *     vsn-sim replay FILE
 *         replays a recording, and prints what is decided: each line that would go to the Config
 *         Module ("->") or, once it holds what the history told, there ("=>": the ledger of moves
 *         and the audit), and each line that would be logged
 *     vsn-sim run [--seeds N] [--first S] [--steps K] [--record FILE] [--timed]
 *         runs it in N worlds made of the seeds S, S+1, ... with K steps of faults each, and holds
 * it to its invariants (sim/invariants.h); exit 1 at the first that does not hold
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "programs/sim/run.h"
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
    print_lines(replay, "=>", &actions.to_history);
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

static int replay_path(const char *path)
{
    FILE *file = fopen(path, "re");
    int code;

    if (!file) {
        fprintf(stderr, "vsn-sim: %s: %s\n", path, strerror(errno));
        return 1;
    }
    code = replay_file(file, path);
    fclose(file);
    return code;
}

static int usage(void)
{
    fputs("usage: vsn-sim replay FILE\n"
          "       vsn-sim run [--seeds N] [--first S] [--steps K] [--record FILE] [--timed]\n",
          stderr);
    return 2;
}

static int run(int argc, char **argv)
{
    static const struct option words[] = {
        { "seeds", required_argument, NULL, 's' }, { "first", required_argument, NULL, 'f' },
        { "steps", required_argument, NULL, 'k' }, { "record", required_argument, NULL, 'r' },
        { "timed", no_argument, NULL, 't' },       { NULL, 0, NULL, 0 },
    };
    struct run_options options = { .first = 1, .seeds = 10, .steps = 1000 };
    uint64_t number;
    int word;

    while ((word = getopt_long(argc, argv, "", words, NULL)) != -1) {
        if (word == 't')
            options.timed = true;
        else if (word == 'r')
            options.recording = optarg;
        else if (word == '?' || text_number(optarg, 0, INT32_MAX, &number) < 0)
            return usage();
        else if (word == 's')
            options.seeds = number;
        else if (word == 'f')
            options.first = number;
        else
            options.steps = (unsigned)number;
    }
    return optind < argc ? usage() : run_seeds(&options);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("vsn-sim " VSN_VERSION);
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "replay") == 0)
        return replay_path(argv[2]);
    if (argc >= 2 && strcmp(argv[1], "run") == 0)
        return run(argc - 1, argv + 1);
    return usage();
}

/* vsn: asks vsnd, and prints the answer. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "present/client.h"
#include "present/control.h"

#define RUNTIME_DIR "/run/vsn"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3 };

struct options {
    const char *runtime_dir;
    bool json, help, version;
    int argc;
    char *words[CONTROL_WORDS_MAX + 1];
};

static void print_usage(FILE *to)
{
    size_t count;
    const struct control_command *commands = control_commands(&count);

    fputs("usage: vsn [--runtime-dir DIR] COMMAND... [--json]\n\n", to);
    for (size_t i = 0; i < count; i++) {
        char line[64];

        snprintf(line, sizeof(line), "%s %s", commands[i].words, commands[i].form);
        fprintf(to, "  %-24s %s\n", line, commands[i].help);
    }
    fputs("\nWords may be shortened as long as they stay clear: 'vsn sh po Ethernet1'.\n"
          "  --runtime-dir DIR        where vsnd keeps its socket (" RUNTIME_DIR ")\n"
          "  --json                   answer in JSON\n"
          "  --help, --version\n"
          "Exit status: 0 done, 1 refused or not found, 2 usage, 3 vsnd not reachable.\n",
          to);
}

static int usage_error(const char *reason, const char *what)
{
    char safe[256];

    fprintf(stderr, "vsn: %s%s\n", reason, text_safe(safe, sizeof(safe), what));
    return EXIT_USAGE;
}

/* Options may stand anywhere, except behind "--". */
static int parse_options(int argc, char **argv, struct options *options)
{
    bool words_only = false;

    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];

        if (words_only || word[0] != '-' || !word[1]) {
            if (options->argc == CONTROL_WORDS_MAX)
                return usage_error("too many words: ", word);
            options->words[options->argc++] = argv[i];
        } else if (strcmp(word, "--") == 0) {
            words_only = true;
        } else if (strcmp(word, "--json") == 0) {
            options->json = true;
        } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            options->help = true;
        } else if (strcmp(word, "--version") == 0) {
            options->version = true;
        } else if (strncmp(word, "--runtime-dir=", 14) == 0) {
            options->runtime_dir = word + 14;
        } else if (strcmp(word, "--runtime-dir") == 0 && i + 1 < argc) {
            options->runtime_dir = argv[++i];
        } else {
            return usage_error(strcmp(word, "--runtime-dir") == 0 ? "a directory is missing after "
                                                                  : "unknown option ",
                               word);
        }
    }
    return EXIT_DONE;
}

static int ask(const struct options *options)
{
    struct strbuf answer;
    struct error error = { "" };
    int status;
    FILE *to;

    strbuf_init(&answer, 2 * CONTROL_ANSWER_MAX);
    status = client_ask(options->runtime_dir, options->json, options->argc, options->words, &answer,
                        &error);
    if (status < 0) {
        fprintf(stderr, "vsn: %s\n", error.text);
        strbuf_done(&answer);
        return EXIT_UNREACHABLE;
    }
    /* JSON stays where a program looks for it, whatever the status. */
    to = status == EXIT_DONE || options->json ? stdout : stderr;
    if (fwrite(strbuf_text(&answer), 1, answer.size, to) != answer.size || fflush(to) != 0)
        status = EXIT_REFUSED;
    strbuf_done(&answer);
    return status;
}

int main(int argc, char **argv)
{
    struct options options = { .runtime_dir = RUNTIME_DIR };
    struct error error = { "" };
    int used, status = parse_options(argc, argv, &options);

    if (status != EXIT_DONE)
        return status;
    if (options.version) {
        puts("vsn " VSN_VERSION);
        return EXIT_DONE;
    }
    if (options.help || options.argc == 0) {
        print_usage(options.help ? stdout : stderr);
        return options.help ? EXIT_DONE : EXIT_USAGE;
    }
    if (!control_find(options.argc, options.words, &used, &error))
        return usage_error("", error.text);
    return ask(&options);
}

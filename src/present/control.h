/* control.h: the commands, and how they travel between vsn and vsnd.
 *
 * One table says what commands there are: the CLI's help, its abbreviations, the check of vsn(1)
 * and what vsnd does come from it.
 *
 * On the socket RUNTIME_DIR/control.sock a request is one line: "json" or "text", then the
 * command's words, percent-encoded (RFC 3986 section 2.1) where they hold a blank, a control
 * character, DEL or '%', separated by blanks. The reply is the exit status in decimal and a
 * newline, then the answer until the end of the stream. */
#ifndef VSN_PRESENT_CONTROL_H
#define VSN_PRESENT_CONTROL_H

#include "present/views.h"

#define CONTROL_SOCKET "control.sock" /* in the runtime directory */
#define CONTROL_WORDS_MAX 8
#define CONTROL_LINE_MAX 4096 /* bytes of a request with its newline */
#define CONTROL_ANSWER_MAX (128u << 20)

/* What vsnd has to do besides answering. */
enum control_action {
    CONTROL_SHOW, /* nothing: control_run() gives the answer */
    CONTROL_FREEZE,
    CONTROL_THAW,
    CONTROL_RELOAD,
    CONTROL_ACCEPT, /* 'argument' is the hypervisor */
};

struct control_command {
    const char *words; /* "show port" */
    const char *form;  /* "[PORT]"; "" for nothing */
    const char *help;
    int least, most; /* arguments */
    enum control_action action;
    view_fn *view; /* for CONTROL_SHOW */
};

/* All commands, in the order in which help lists them. */
const struct control_command *control_commands(size_t *ret_count);

/* Finds the command that 'words' begin with; each of its words may be shortened as long as it stays
 * the only one that fits. '*ret_used' is how many words it took. NULL, and the reason, when none or
 * more than one fits, or when the number of arguments is not right. */
const struct control_command *control_find(int argc, char *const *words, int *ret_used,
                                           struct error *reterr);

/* A request that was read. */
struct control_request {
    bool json;
    enum control_action action;
    const struct control_command *command;
    int argc; /* the arguments behind the command's words; they point into the line */
    char *argv[CONTROL_WORDS_MAX];
    const char *argument; /* the first of them, or "" */
};

/* Appends the request line. Returns 0, or -E2BIG for too many words or too long a line. */
int control_encode(bool json, int argc, char *const *words, struct strbuf *to);

/* Reads a request line (without its newline), decoding in place. Returns 0, or -EINVAL and the
 * reason; 'ret_request->json' is valid then, too. */
int control_decode(char *line, struct control_request *ret_request, struct error *reterr);

/* Appends the whole reply to a request whose action is CONTROL_SHOW. Returns its exit status. */
int control_run(const struct core *core, const struct control_request *request, int64_t now_ms,
                int64_t wall_ms, struct strbuf *reply);

/* Appends the whole reply that says one sentence: what was done (status 0) or why not. */
void control_say(bool json, int status, const char *sentence, struct strbuf *reply);

#endif

#include "present/control.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/closest.h"

static const struct control_command commands[] = {
    { "show hypervisor", "[NAME]", "sessions: state, product, how much was read", 0, 1,
      CONTROL_SHOW, view_hypervisors },
    { "show host", "", "servers and their network interfaces", 0, 0, CONTROL_SHOW, view_hosts },
    { "show machine", "", "virtual machines and their interfaces", 0, 0, CONTROL_SHOW,
      view_machines },
    { "show virtualmachine", "", "the same as show machine", 0, 0, CONTROL_SHOW, view_machines },
    { "show network", "", "port groups and their VLANs", 0, 0, CONTROL_SHOW, view_networks },
    { "show virtualwire", "", "which host NIC is behind which port, and how we know", 0, 0,
      CONTROL_SHOW, view_wires },
    { "show vlan", "", "VLANs and their ports; H marks what vsn tagged", 0, 0, CONTROL_SHOW,
      view_vlans },
    { "show port", "[PORT]", "ports: wires, VLANs intended, applied, made by hand, refused", 0, 1,
      CONTROL_SHOW, view_ports },
    { "show plan", "", "what is still to be done, and what is held back", 0, 0, CONTROL_SHOW,
      view_plan },
    { "show audit", "", "what was changed on the switch, newest first", 0, 0, CONTROL_SHOW,
      view_audit },
    { "show migration", "[MACHINE]", "moves of machines, and whether their VLANs were there first",
      0, 1, CONTROL_SHOW, view_migrations },
    { "show migration-summary", "", "how many moves, how many in time, and by how much", 0, 0,
      CONTROL_SHOW, view_migration_summary },
    { "show switch", "", "the switch: driver, state, frozen or not", 0, 0, CONTROL_SHOW,
      view_switch },
    { "show running-config", "", "the configuration in force", 0, 0, CONTROL_SHOW,
      view_running_config },
    { "why", "PORT VLAN", "why a VLAN is on a port, and what would remove it", 2, 2, CONTROL_SHOW,
      view_why },
    { "why-not", "PORT VLAN", "what is missing for a VLAN that is not on a port", 2, 2,
      CONTROL_SHOW, view_why_not },
    { "can-move", "MACHINE HOST", "whether a machine would find its VLANs on another host", 2, 2,
      CONTROL_SHOW, view_can_move },
    { "freeze", "", "write nothing to the switch until thaw", 0, 0, CONTROL_FREEZE, NULL },
    { "thaw", "", "end a freeze", 0, 0, CONTROL_THAW, NULL },
    { "reload", "", "read the configuration file again", 0, 0, CONTROL_RELOAD, NULL },
    { "accept", "NAME", "believe a hypervisor's much smaller answer", 1, 1, CONTROL_ACCEPT, NULL },
};

const struct control_command *control_commands(size_t *ret_count)
{
    *ret_count = ARRAY_SIZE(commands);
    return commands;
}

/* ---- Finding a command ------------------------------------------------------------------------
 */

/* How well 'words' begin with the command's words: 0 not at all, 1 shortened, 2 in full.
 * '*ret_used' is how many words the command has. */
static int match(const struct control_command *command, int argc, char *const *words, int *ret_used)
{
    const char *at = command->words;
    int used = 0, quality = 2;

    while (*at) {
        size_t length = strcspn(at, " "), given = used < argc ? strlen(words[used]) : 0;

        if (given == 0 || given > length || strncmp(at, words[used], given) != 0)
            return 0;
        if (given < length)
            quality = 1;
        used++;
        at += length + (at[length] == ' ');
    }
    *ret_used = used;
    return quality;
}

static void list_forms(const struct control_command *command, const char *before, struct strbuf *to)
{
    strbuf_addf(to, "%s'%s%s%s'", before, command->words, *command->form ? " " : "", command->form);
}

/* The command whose words are nearest to what was written, or NULL. */
static const struct control_command *find_nearest(int argc, char *const *words)
{
    const struct control_command *nearest = NULL;
    unsigned best = UINT_MAX;
    char joined[64], one[64];

    snprintf(one, sizeof(one), "%s", words[0]);
    snprintf(joined, sizeof(joined), "%s%s%s", words[0], argc > 1 ? " " : "",
             argc > 1 ? words[1] : "");
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        const char *given = strchr(commands[i].words, ' ') ? joined : one;

        if (closest_improves(given, commands[i].words, &best))
            nearest = &commands[i];
    }
    return nearest;
}

/* Lists the commands whose first word begins with 'word'. False when there are none. */
static bool list_beginning(const char *word, struct strbuf *to)
{
    const char *before = "expected ";

    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (strncmp(commands[i].words, word, strlen(word)) != 0)
            continue;
        list_forms(&commands[i], before, to);
        before = ", ";
    }
    return before[0] == ',';
}

static void explain_unknown(int argc, char *const *words, struct strbuf *to)
{
    const struct control_command *nearest = find_nearest(argc, words);
    size_t start;

    strbuf_addf(to, "unknown command '%s%s%s'; ", words[0], argc > 1 ? " " : "",
                argc > 1 ? words[1] : "");
    start = to->size;
    if (nearest && argc > 1)
        list_forms(nearest, "did you mean ", to);
    else if (!list_beginning(words[0], to) && nearest)
        list_forms(nearest, "did you mean ", to);
    if (to->size == start)
        strbuf_adds(to, "'vsn --help' lists them");
}

static const struct control_command *refuse(struct strbuf *reason, struct error *reterr)
{
    error_set(reterr, -EINVAL, "%s", strbuf_text(reason));
    strbuf_done(reason);
    return NULL;
}

/* True when 'other' has the same words and more: only who writes some of those means it. */
static bool goes_on_from(const struct control_command *other, const struct control_command *command)
{
    return command && strncmp(other->words, command->words, strlen(command->words)) == 0;
}

const struct control_command *control_find(int argc, char *const *words, int *ret_used,
                                           struct error *reterr)
{
    const struct control_command *found = NULL, *other = NULL;
    int quality = 0, used = 0;
    struct strbuf reason;

    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        int candidate_used, candidate = match(&commands[i], argc, words, &candidate_used);

        if (candidate == 0 || candidate < quality)
            continue;
        if (candidate == quality && goes_on_from(&commands[i], found))
            continue;
        other = candidate == quality ? found : NULL;
        found = &commands[i];
        quality = candidate;
        used = candidate_used;
    }
    strbuf_init(&reason, 4096);
    if (!found) {
        explain_unknown(argc, words, &reason);
        return refuse(&reason, reterr);
    }
    if (other) {
        strbuf_adds(&reason, "more than one command fits: ");
        list_forms(other, "", &reason);
        list_forms(found, ", ", &reason);
        return refuse(&reason, reterr);
    }
    if (argc - used < found->least || argc - used > found->most) {
        strbuf_adds(&reason, argc - used < found->least ? "an argument is missing; expected "
                                                        : "too many arguments; expected ");
        list_forms(found, "", &reason);
        return refuse(&reason, reterr);
    }
    *ret_used = used;
    return found;
}

/* ---- The line ---------------------------------------------------------------------------------
 */

static void encode_word(const char *word, struct strbuf *to)
{
    for (; *word; word++) {
        unsigned char byte = (unsigned char)*word;

        if (byte <= ' ' || byte == 0x7f || byte == '%')
            strbuf_addf(to, "%%%02X", byte);
        else
            strbuf_addc(to, *word);
    }
}

int control_encode(bool json, int argc, char *const *words, struct strbuf *to)
{
    size_t start = to->size;

    if (argc > CONTROL_WORDS_MAX)
        return -E2BIG;
    strbuf_adds(to, json ? "json" : "text");
    for (int i = 0; i < argc; i++) {
        strbuf_addc(to, ' ');
        encode_word(words[i], to);
    }
    strbuf_addc(to, '\n');
    return to->overflow || to->size - start > CONTROL_LINE_MAX ? -E2BIG : 0;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* Decodes a word in place; false for a '%' that stands for no byte. */
static bool decode_word(char *word)
{
    char *to = word;

    for (; *word; word++) {
        int high, low;

        if (*word != '%') {
            *to++ = *word;
            continue;
        }
        high = hex_digit(word[1]);
        low = high < 0 ? -1 : hex_digit(word[2]);
        if (low < 0 || high * 16 + low == 0)
            return false;
        *to++ = (char)(high * 16 + low);
        word += 2;
    }
    *to = '\0';
    return true;
}

/* Splits a request into its words. Returns their number or -EINVAL. */
static int split_request(char *line, char *words[CONTROL_WORDS_MAX + 1], struct error *reterr)
{
    int count = 0;

    for (char *word = strtok_r(line, " ", &line); word; word = strtok_r(NULL, " ", &line)) {
        if (count == CONTROL_WORDS_MAX + 1)
            return error_set(reterr, -EINVAL, "more than %d words", CONTROL_WORDS_MAX);
        if (!decode_word(word))
            return error_set(reterr, -EINVAL, "a word is not encoded properly");
        words[count++] = word;
    }
    return count;
}

int control_decode(char *line, struct control_request *ret_request, struct error *reterr)
{
    struct control_request request = { .json = strncmp(line, "json ", 5) == 0, .argument = "" };
    char *words[CONTROL_WORDS_MAX + 1];
    int count, used = 0;

    *ret_request = request;
    count = split_request(line, words, reterr);
    if (count < 0)
        return count;
    if (count < 2 || (strcmp(words[0], "json") != 0 && strcmp(words[0], "text") != 0))
        return error_set(reterr, -EINVAL, "expected 'json' or 'text' and a command");
    request.command = control_find(count - 1, words + 1, &used, reterr);
    if (!request.command)
        return -EINVAL;
    request.action = request.command->action;
    request.argc = count - 1 - used;
    for (int i = 0; i < request.argc; i++)
        request.argv[i] = words[1 + used + i];
    if (request.argc > 0)
        request.argument = request.argv[0];
    *ret_request = request;
    return 0;
}

/* ---- The reply --------------------------------------------------------------------------------
 */

void control_say(bool json, int status, const char *sentence, struct strbuf *reply)
{
    struct writer *writer;

    strbuf_addf(reply, "%d\n", status);
    writer = writer_new(json ? WRITER_JSON : WRITER_TEXT, reply);
    if (!writer) {
        reply->overflow = true;
        return;
    }
    writer_notes_only(writer);
    writer_object(writer, NULL);
    writer_flag(writer, "done", status == 0);
    writer_text(writer, "message", sentence);
    writer_end(writer);
    writer_note(writer, "%s", sentence);
    writer_free(writer);
}

/* Runs the view behind a status line that is filled in afterwards. */
static enum view_status run_view(const struct core *core, const struct control_request *request,
                                 int64_t now_ms, int64_t wall_ms, struct strbuf *problem,
                                 struct strbuf *reply)
{
    struct view view = {
        .core = core,
        .writer = writer_new(request->json ? WRITER_JSON : WRITER_TEXT, reply),
        .argc = request->argc,
        .argv = request->argv,
        .now_ms = now_ms,
        .wall_ms = wall_ms,
        .problem = problem,
    };
    enum view_status status;

    if (!view.writer) {
        reply->overflow = true;
        return VIEW_NOT_FOUND;
    }
    status = request->command->view(&view);
    writer_free(view.writer);
    return status;
}

int control_run(const struct core *core, const struct control_request *request, int64_t now_ms,
                int64_t wall_ms, struct strbuf *reply)
{
    size_t start = reply->size;
    struct strbuf problem, answer;
    int status;

    strbuf_init(&problem, 4096);
    strbuf_init(&answer, CONTROL_ANSWER_MAX);
    strbuf_adds(&answer, "0\n");
    status = run_view(core, request, now_ms, wall_ms, &problem, &answer);
    if (answer.overflow) {
        strbuf_reset(&problem);
        strbuf_adds(&problem, "the answer is too large, or there is too little memory for it");
        status = VIEW_NOT_FOUND;
    }
    if (problem.size > 0) {
        control_say(request->json, status, problem.data, reply);
    } else {
        answer.data[0] = (char)('0' + status);
        strbuf_add(reply, answer.data, answer.size);
    }
    if (reply->overflow && start == 0) {
        strbuf_reset(reply);
        strbuf_adds(reply, "1\nout of memory\n");
        status = VIEW_NOT_FOUND;
    }
    strbuf_done(&problem);
    strbuf_done(&answer);
    return status;
}

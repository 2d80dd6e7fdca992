#include "model/config.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "model/config_words.h"

#define WORDS_MAX 64

/* One configuration being read. */
struct parser {
    struct config *config;
    unsigned line;           /* counted from 1 */
    enum config_block block; /* where the line stands */
    unsigned vsn_line;
    bool ended; /* 'end' was read */
};

/* ---- A line into words ---------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Reads a word in quotes, in place: 'from' stands behind the opening quote. Returns where it ended
 * (behind the closing quote), or NULL. */
static char *read_quoted(char *from)
{
    char *to = from;

    for (; *from && *from != '"'; from++) {
        if (*from == '\\' && (from[1] == '"' || from[1] == '\\'))
            from++;
        *to++ = *from;
    }
    if (*from != '"' || (from[1] && !is_blank(from[1])))
        return NULL;
    *to = '\0';
    return from + 1;
}

/* Splits 'line' in place. Returns the number of words, or a negative errno. */
static int split_words(char *line, char *words[WORDS_MAX], struct error *reterr)
{
    int count = 0;

    for (;;) {
        while (is_blank(*line))
            line++;
        if (!*line)
            return count;
        if (count == WORDS_MAX)
            return error_set(reterr, -EINVAL, "more than %d words in one line", WORDS_MAX);
        if (*line == '"') {
            words[count++] = line + 1;
            line = read_quoted(line + 1);
            if (!line)
                return error_set(reterr, -EINVAL, "a quoted word is not closed properly");
        } else {
            words[count++] = line;
            while (*line && !is_blank(*line))
                line++;
        }
        if (*line)
            *line++ = '\0';
    }
}

/* ---- Blocks --------------------------------------------------------------------------------- */

/* Makes room for one more entry. Returns the entry or NULL. */
static void *grow(void **entries, size_t *count, size_t size)
{
    void *more = realloc(*entries, (*count + 1) * size);

    if (!more)
        return NULL;
    *entries = more;
    return (char *)more + (*count)++ * size;
}

/* Hypervisor names go into file names and log lines. */
static int check_name(const char *name, struct error *reterr)
{
    if (strlen(name) >= CONFIG_NAME_SIZE)
        return error_set(reterr, -EINVAL, "the name is longer than %d bytes", CONFIG_NAME_SIZE - 1);
    if (!*name || *name == '.' || *name == '-' ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
            strlen(name))
        return error_set(reterr, -EINVAL,
                         "'%s' is no name for a hypervisor: letters, digits, '.', '_' and '-' are "
                         "allowed, and neither '.' nor '-' at its start",
                         name);
    return 0;
}

static int open_hypervisor(struct parser *parser, const char *name, struct error *reterr)
{
    struct config *config = parser->config;
    const struct config_hypervisor *before = config_hypervisor(config, name);
    struct config_hypervisor *hypervisor;
    int r = check_name(name, reterr);

    if (r < 0)
        return r;
    if (before)
        return error_set(reterr, -EINVAL, "hypervisor %s was configured before, on line %u", name,
                         before->line);
    if (config->n_hypervisors == CONFIG_HYPERVISORS_MAX)
        return error_set(reterr, -EINVAL, "more than %d hypervisors", CONFIG_HYPERVISORS_MAX);
    hypervisor = grow((void **)&config->hypervisors, &config->n_hypervisors, sizeof(*hypervisor));
    if (!hypervisor)
        return error_set(reterr, -ENOMEM, "out of memory");
    config_block_default(BLOCK_HYPERVISOR, hypervisor);
    memcpy(hypervisor->name, name, strlen(name));
    hypervisor->line = parser->line;
    return 0;
}

static int open_interface(struct parser *parser, const char *name, struct error *reterr)
{
    struct config *config = parser->config;
    const struct config_port *before = config_port(config, name);
    struct config_port *port;

    if (!*name || strlen(name) >= CONFIG_NAME_SIZE)
        return error_set(reterr, -EINVAL, "a port's name has 1 to %d bytes", CONFIG_NAME_SIZE - 1);
    if (before)
        return error_set(reterr, -EINVAL, "interface %s was configured before, on line %u", name,
                         before->line);
    if (config->n_ports == CONFIG_PORTS_MAX)
        return error_set(reterr, -EINVAL, "more than %d interfaces", CONFIG_PORTS_MAX);
    port = grow((void **)&config->ports, &config->n_ports, sizeof(*port));
    if (!port)
        return error_set(reterr, -ENOMEM, "out of memory");
    config_block_default(BLOCK_INTERFACE, port);
    memcpy(port->name, name, strlen(name));
    port->line = parser->line;
    return 0;
}

static int open_block(struct parser *parser, const struct config_word *row, char **argv,
                      struct error *reterr)
{
    int r = 0;

    switch (row->opens) {
    case BLOCK_TOP:
        parser->ended = true;
        break;
    case BLOCK_HYPERVISOR:
        r = open_hypervisor(parser, argv[0], reterr);
        break;
    case BLOCK_INTERFACE:
        r = open_interface(parser, argv[0], reterr);
        break;
    case BLOCK_VSN:
        if (parser->vsn_line)
            r = error_set(reterr, -EINVAL, "a second vsn block; the first began on line %u",
                          parser->vsn_line);
        parser->vsn_line = parser->line;
        break;
    case N_CONFIG_BLOCKS:
        break;
    }
    parser->block = row->opens;
    return r;
}

/* The struct that the block's settings live in. */
static void *block_object(const struct parser *parser, enum config_block block)
{
    switch (block) {
    case BLOCK_HYPERVISOR:
        return &parser->config->hypervisors[parser->config->n_hypervisors - 1];
    case BLOCK_INTERFACE:
        return &parser->config->ports[parser->config->n_ports - 1];
    case BLOCK_TOP:
    case BLOCK_VSN:
    case N_CONFIG_BLOCKS:
        break;
    }
    return parser->config;
}

/* ---- One line ------------------------------------------------------------------------------- */

/* Sets a setting back to its default ('no disable' is the flag's other value). */
static int take_back(const struct config_word *row, enum config_block block, void *object,
                     struct error *reterr)
{
    union config_any fallback;

    if (!row->parse)
        return error_set(reterr, -EINVAL,
                         "'no %s' has no place in a file: leave the block out instead", row->words);
    if (row->inverted) {
        *(bool *)((char *)object + row->offset) = true;
        return 0;
    }
    config_block_default(block, &fallback);
    memcpy((char *)object + row->offset, (char *)&fallback + row->offset, row->size);
    return 0;
}

static int check_arguments(const struct config_word *row, bool no, unsigned argc,
                           struct error *reterr)
{
    const char *problem = no && argc > 0             ? "nothing may follow 'no'"
                          : !no && argc < row->least ? "the line is not complete"
                          : !no && argc > row->most  ? "too many words"
                                                     : NULL;
    char text[256];
    struct strbuf form;

    if (!problem)
        return 0;
    strbuf_init(&form, sizeof(text));
    config_word_text(row, &form);
    text_copy(text, sizeof(text), strbuf_text(&form));
    strbuf_done(&form);
    return error_set(reterr, -EINVAL, "%s; expected %s", problem, text);
}

/* A second 'switch' line is a mistake that would send VLANs to the wrong switch. */
static int check_switch(const struct parser *parser, const struct config_word *row,
                        struct error *reterr)
{
    if (strcmp(row->words, "switch") != 0)
        return 0;
    if (parser->config->switch_line)
        return error_set(reterr, -EINVAL, "a second switch; the first is on line %u",
                         parser->config->switch_line);
    parser->config->switch_line = parser->line;
    return 0;
}

static int parse_words(struct parser *parser, unsigned count, char **words, struct error *reterr)
{
    bool no = count > 1 && strcmp(words[0], "no") == 0;
    enum config_block block = parser->block;
    unsigned fixed;
    const struct config_word *row;
    void *object;
    int r;

    words += no;
    count -= no;
    row = config_word_find(block, count, words, &fixed);
    /* A word of the top level ends the block; "vsn" alone is one even in an interface block. */
    if (!row && block != BLOCK_TOP) {
        block = BLOCK_TOP;
        row = config_word_find(block, count, words, &fixed);
        if (row && row->opens == BLOCK_VSN && count > 1)
            row = NULL;
    }
    if (!row)
        return config_word_unknown(parser->block, count, words, reterr);
    r = check_arguments(row, no, count - fixed, reterr);
    if (r < 0)
        return r;
    parser->block = block;
    object = block_object(parser, block);
    if (no)
        return take_back(row, block, object, reterr);
    if (!row->parse)
        return open_block(parser, row, words + fixed, reterr);
    r = check_switch(parser, row, reterr);
    return r < 0 ? r : row->parse(row, object, count - fixed, words + fixed, reterr);
}

/* Takes one line without its newline; 'line' is changed. */
static int parse_line(struct parser *parser, char *line, struct error *reterr)
{
    char *words[WORDS_MAX];
    int count;

    if (line[strspn(line, " \t")] == '!') {
        if (line[0] == '!')
            parser->block = BLOCK_TOP;
        return 0;
    }
    count = split_words(line, words, reterr);
    if (count <= 0)
        return count;
    if (parser->ended)
        return error_set(reterr, -EINVAL, "'%s' stands behind 'end'", words[0]);
    return parse_words(parser, (unsigned)count, words, reterr);
}

/* Copies a line into 'to' (CONFIG_LINE_MAX bytes and a NUL) when it is one. */
static int take_line(const char *from, size_t size, char *to, struct error *reterr)
{
    if (size > 0 && from[size - 1] == '\r')
        size--;
    if (size > CONFIG_LINE_MAX)
        return error_set(reterr, -EINVAL, "the line is longer than %d bytes", CONFIG_LINE_MAX);
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)from[i];

        if (byte == 0)
            return error_set(reterr, -EINVAL, "the line holds a NUL byte");
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
            return error_set(reterr, -EINVAL, "the line holds a control character (0x%02x)", byte);
    }
    memcpy(to, from, size);
    to[size] = '\0';
    return 0;
}

/* ---- The whole ------------------------------------------------------------------------------ */

/* "https://vc1" means "https://vc1/sdk": there is nothing else to talk to. */
static int complete_url(struct config_hypervisor *hypervisor, struct error *reterr)
{
    char *host = strstr(hypervisor->url, "://") + 3;
    char *path = host + strcspn(host, "/?#");

    if (strcmp(path, "") != 0 && strcmp(path, "/") != 0)
        return 0;
    if ((size_t)(path - hypervisor->url) + sizeof("/sdk") > sizeof(hypervisor->url))
        return error_set(reterr, -EINVAL, "hypervisor %s: the URL is too long", hypervisor->name);
    memcpy(path, "/sdk", sizeof("/sdk"));
    return 0;
}

static int check_hypervisor(struct config_hypervisor *hypervisor, struct error *reterr)
{
    const char *name = hypervisor->name;

    if (!hypervisor->type[0])
        return error_set(reterr, -EINVAL, "hypervisor %s has no 'type'", name);
    if (!hypervisor->url[0])
        return error_set(reterr, -EINVAL, "hypervisor %s has no 'access'", name);
    if (hypervisor->enabled && !hypervisor->username[0])
        return error_set(reterr, -EINVAL,
                         "hypervisor %s is enabled, but its 'access' has no 'username USER'", name);
    if (hypervisor->enabled && !hypervisor->password_file[0])
        return error_set(reterr, -EINVAL,
                         "hypervisor %s is enabled, but its 'access' has no 'password-file FILE'",
                         name);
    return complete_url(hypervisor, reterr);
}

static bool same_pin(const struct config_port *a, const struct config_port *b)
{
    return strcmp(a->pin_hypervisor, b->pin_hypervisor) == 0 &&
           strcmp(a->pin_host, b->pin_host) == 0 && strcmp(a->pin_nic, b->pin_nic) == 0;
}

static int check_port(const struct config *config, const struct config_port *port,
                      struct error *reterr)
{
    if (port->uplink && (port->enabled || port->pin_hypervisor[0]))
        return error_set(reterr, -EINVAL,
                         "interface %s: 'vsn uplink' says that another switch is behind the port, "
                         "'vsn %s' that a host is; keep one of them",
                         port->name, port->enabled ? "enable" : "bind");
    if (!port->pin_hypervisor[0])
        return 0;
    if (!config_hypervisor(config, port->pin_hypervisor))
        return error_set(reterr, -EINVAL,
                         "interface %s is bound to hypervisor %s, which is not configured",
                         port->name, port->pin_hypervisor);
    for (const struct config_port *other = config->ports; other < port; other++) {
        if (same_pin(port, other))
            return error_set(reterr, -EINVAL,
                             "interface %s is bound to the same NIC as interface %s (line %u); a "
                             "NIC has one port",
                             port->name, other->name, other->line);
    }
    return 0;
}

/* What only the whole can tell. 'parser->line' becomes the line to blame. */
static int check_config(struct parser *parser, struct error *reterr)
{
    struct config *config = parser->config;
    int r = 0;

    for (size_t i = 0; r == 0 && i < config->n_hypervisors; i++) {
        parser->line = config->hypervisors[i].line;
        r = check_hypervisor(&config->hypervisors[i], reterr);
    }
    for (size_t i = 0; r == 0 && i < config->n_ports; i++) {
        parser->line = config->ports[i].line;
        r = check_port(config, &config->ports[i], reterr);
    }
    return r;
}

static int parse_lines(struct parser *parser, const char *text, size_t size, struct error *reterr)
{
    char line[CONFIG_LINE_MAX + 1];
    int r = 0;

    while (r == 0 && size > 0) {
        const char *newline = memchr(text, '\n', size);
        size_t length = newline ? (size_t)(newline - text) : size;

        parser->line++;
        r = take_line(text, length, line, reterr);
        if (r == 0)
            r = parse_line(parser, line, reterr);
        length += newline != NULL;
        text += length;
        size -= length;
    }
    return r;
}

int config_parse(const char *text, size_t size, const char *name, struct config **ret_config,
                 struct error *reterr)
{
    static const char mark[] = "\xef\xbb\xbf"; /* some editors put it in front of UTF-8 */
    struct parser parser = { .config = config_new() };
    struct error reason = { "" };
    char safe[ERROR_SIZE];
    int r;

    if (!parser.config)
        return error_set(reterr, -ENOMEM, "%s: out of memory", name);
    if (size >= sizeof(mark) - 1 && memcmp(text, mark, sizeof(mark) - 1) == 0) {
        text += sizeof(mark) - 1;
        size -= sizeof(mark) - 1;
    }
    r = parse_lines(&parser, text, size, &reason);
    if (r == 0)
        r = check_config(&parser, &reason);
    if (r < 0) {
        config_free(parser.config);
        return error_set(reterr, r, "%s:%u: %s", name, parser.line,
                         text_safe(safe, sizeof(safe), reason.text));
    }
    *ret_config = parser.config;
    return 0;
}

#include "model/config_words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const char *const modes[] = { "check", "config", NULL };
static const char *const provisions[] = { "networks", "machines", NULL };
static const char *const prunes[] = { "guarded", "never", "immediate", NULL };
static const char *const evidences[] = { "normal", "strict", "ftos", NULL };

/* ---- Values of one kind --------------------------------------------------------------------- */

static void *value_of(const struct config_word *word, void *block)
{
    return (char *)block + word->offset;
}

static const void *value_in(const struct config_word *word, const void *block)
{
    return (const char *)block + word->offset;
}

/* Copies a text so that everything behind it is zero: two equal texts are then equal bytes. */
static int set_text(char *to, size_t size, const char *text, const char *what, struct error *reterr)
{
    if (!*text)
        return error_set(reterr, -EINVAL, "%s is empty", what);
    if (strlen(text) >= size)
        return error_set(reterr, -EINVAL, "%s is longer than %zu bytes", what, size - 1);
    memset(to, 0, size);
    memcpy(to, text, strlen(text));
    return 0;
}

static int parse_text(const struct config_word *word, void *block, unsigned argc UNUSED,
                      char **argv, struct error *reterr)
{
    return set_text(value_of(word, block), word->size, argv[0], word->form, reterr);
}

static void write_text(const struct config_word *word, const void *block, struct strbuf *to)
{
    strbuf_addc(to, ' ');
    config_quote(value_in(word, block), to);
}

static int parse_flag(const struct config_word *word, void *block, unsigned argc UNUSED,
                      char **argv UNUSED, struct error *reterr UNUSED)
{
    *(bool *)value_of(word, block) = !word->inverted;
    return 0;
}

static int parse_choice(const struct config_word *word, void *block, unsigned argc UNUSED,
                        char **argv, struct error *reterr)
{
    for (unsigned i = 0; word->choices[i]; i++) {
        if (strcmp(word->choices[i], argv[0]) == 0) {
            memcpy(value_of(word, block), &i, sizeof(i));
            return 0;
        }
    }
    return error_set(reterr, -EINVAL, "'%s %s': expected '%s %s'", word->words, argv[0],
                     word->words, word->form);
}

static void write_choice(const struct config_word *word, const void *block, struct strbuf *to)
{
    unsigned value;

    memcpy(&value, value_in(word, block), sizeof(value));
    strbuf_addf(to, " %s", word->choices[value]);
}

static int parse_number(const struct config_word *word, void *block, unsigned argc UNUSED,
                        char **argv, struct error *reterr)
{
    uint64_t value = 0;

    if (text_number(argv[0], word->low, word->high, &value) < 0)
        return error_set(reterr, -EINVAL, "'%s %s': expected a number from %u to %u", word->words,
                         argv[0], word->low, word->high);
    *(uint32_t *)value_of(word, block) = (uint32_t)value;
    return 0;
}

static void write_number(const struct config_word *word, const void *block, struct strbuf *to)
{
    strbuf_addf(to, " %u", *(const uint32_t *)value_in(word, block));
}

static int parse_vlans(const struct config_word *word, void *block, unsigned argc UNUSED,
                       char **argv, struct error *reterr)
{
    switch (vlanset_parse(argv[0], value_of(word, block))) {
    case 0:
        return 0;
    case -ERANGE:
        return error_set(reterr, -EINVAL, "'%s %s': VLAN ids run from %d to %d, and ranges upwards",
                         word->words, argv[0], VLAN_MIN, VLAN_MAX);
    default:
        return error_set(reterr, -EINVAL,
                         "'%s %s': expected a VLAN list such as 100-199,300 (without blanks), or "
                         "'none'",
                         word->words, argv[0]);
    }
}

static void write_vlans(const struct config_word *word, const void *block, struct strbuf *to)
{
    const struct vlanset *vlans = value_in(word, block);

    strbuf_addc(to, ' ');
    if (vlanset_is_empty(vlans))
        strbuf_adds(to, "none");
    else
        vlanset_format(vlans, to);
}

/* ---- Values with rules of their own --------------------------------------------------------- */

static int check_path(const char *path, const char *what, struct error *reterr)
{
    if (path[0] != '/')
        return error_set(reterr, -EINVAL, "%s '%s': expected an absolute path", what, path);
    return 0;
}

static int parse_path(const struct config_word *word, void *block, unsigned argc, char **argv,
                      struct error *reterr)
{
    int r = check_path(argv[0], word->words, reterr);

    return r < 0 ? r : parse_text(word, block, argc, argv, reterr);
}

static int parse_socket(const struct config_word *word, void *block, unsigned argc, char **argv,
                        struct error *reterr)
{
    if (strcmp(argv[0], "none") == 0)
        return parse_text(word, block, argc, argv, reterr);
    return parse_path(word, block, argc, argv, reterr);
}

static int parse_type(const struct config_word *word, void *block, unsigned argc, char **argv,
                      struct error *reterr)
{
    if (strcmp(argv[0], "vmware") != 0 && strcmp(argv[0], "xen-citrix") != 0)
        return error_set(reterr, -EINVAL, "'type %s': expected 'type vmware' or 'type xen-citrix'",
                         argv[0]);
    return parse_text(word, block, argc, argv, reterr);
}

/* Only https: a password would travel in the clear otherwise. No user in the URL either, as it is
 * logged and shown. */
static int check_url(const char *url, struct error *reterr)
{
    static const char scheme[] = "https://";
    size_t prefix = sizeof(scheme) - 1, host;

    if (strncmp(url, scheme, prefix) != 0)
        return error_set(reterr, -EINVAL, "'access %s': expected a URL that begins with https://",
                         url);
    host = strcspn(url + prefix, "/?#");
    if (memchr(url + prefix, '@', host))
        return error_set(reterr, -EINVAL,
                         "the URL holds a user name or password; write 'access https://HOST/sdk "
                         "username USER password-file FILE'");
    if (host == 0 || url[prefix] == ':')
        return error_set(reterr, -EINVAL, "'access %s': the URL names no host", url);
    return 0;
}

static int parse_access_option(struct config_hypervisor *hypervisor, const char *option,
                               const char *value, struct error *reterr)
{
    if (strcmp(option, "username") == 0)
        return set_text(hypervisor->username, sizeof(hypervisor->username), value, "the user name",
                        reterr);
    if (strcmp(option, "password-file") == 0) {
        int r = check_path(value, option, reterr);

        return r < 0 ? r
                     : set_text(hypervisor->password_file, sizeof(hypervisor->password_file), value,
                                "the path of the password file", reterr);
    }
    if (strcmp(option, "password") == 0)
        return error_set(reterr, -EINVAL,
                         "passwords do not belong into the configuration: put it into a file that "
                         "only vsn can read, and write 'password-file FILE'");
    return error_set(reterr, -EINVAL,
                     "unknown word '%s' after the URL; expected 'username USER' or 'password-file "
                     "FILE'",
                     option);
}

static int parse_access(const struct config_word *word UNUSED, void *block, unsigned argc,
                        char **argv, struct error *reterr)
{
    struct config_hypervisor *hypervisor = block;
    int r = check_url(argv[0], reterr);

    if (r == 0)
        r = set_text(hypervisor->url, sizeof(hypervisor->url), argv[0], "the URL", reterr);
    memset(hypervisor->username, 0, sizeof(hypervisor->username));
    memset(hypervisor->password_file, 0, sizeof(hypervisor->password_file));
    for (unsigned i = 1; r == 0 && i < argc; i += 2) {
        if (i + 1 == argc && strcmp(argv[i], "password") != 0)
            return error_set(reterr, -EINVAL, "nothing follows '%s'", argv[i]);
        r = parse_access_option(hypervisor, argv[i], i + 1 < argc ? argv[i + 1] : "", reterr);
    }
    return r;
}

static void write_access(const struct config_word *word UNUSED, const void *block,
                         struct strbuf *to)
{
    const struct config_hypervisor *hypervisor = block;

    strbuf_addc(to, ' ');
    config_quote(hypervisor->url, to);
    if (hypervisor->username[0]) {
        strbuf_adds(to, " username ");
        config_quote(hypervisor->username, to);
    }
    if (hypervisor->password_file[0]) {
        strbuf_adds(to, " password-file ");
        config_quote(hypervisor->password_file, to);
    }
}

/* 64 hex digits, as openssl prints them with colons or as they are kept here. */
static int parse_fingerprint(const struct config_word *word UNUSED, void *block,
                             unsigned argc UNUSED, char **argv, struct error *reterr)
{
    struct config_hypervisor *hypervisor = block;
    char digits[sizeof(hypervisor->fingerprint)] = "";
    size_t length = 0;

    if (strcmp(argv[0], "sha256") != 0)
        return error_set(reterr, -EINVAL,
                         "'tls fingerprint %s': expected 'tls fingerprint sha256 HEX'", argv[0]);
    for (const char *at = argv[1]; *at; at++) {
        if (*at == ':')
            continue;
        if (!strchr("0123456789abcdefABCDEF", *at) || length == sizeof(digits) - 1) {
            length = 0;
            break;
        }
        digits[length++] = (char)(*at >= 'A' && *at <= 'F' ? *at - 'A' + 'a' : *at);
    }
    if (length != sizeof(digits) - 1)
        return error_set(reterr, -EINVAL,
                         "'%s' is no SHA-256 fingerprint: expected 64 hex digits, colons between "
                         "them allowed",
                         argv[1]);
    memcpy(hypervisor->fingerprint, digits, sizeof(digits));
    return 0;
}

static void write_fingerprint(const struct config_word *word UNUSED, const void *block,
                              struct strbuf *to)
{
    const struct config_hypervisor *hypervisor = block;

    strbuf_addf(to, " sha256 %s", hypervisor->fingerprint);
}

static int parse_bind(const struct config_word *word UNUSED, void *block, unsigned argc UNUSED,
                      char **argv, struct error *reterr)
{
    struct config_port *port = block;
    int r =
        set_text(port->pin_hypervisor, sizeof(port->pin_hypervisor), argv[0], "HYPERVISOR", reterr);

    if (r == 0)
        r = set_text(port->pin_host, sizeof(port->pin_host), argv[1], "HOST", reterr);
    return r < 0 ? r : set_text(port->pin_nic, sizeof(port->pin_nic), argv[2], "NIC", reterr);
}

static void write_bind(const struct config_word *word UNUSED, const void *block, struct strbuf *to)
{
    const struct config_port *port = block;
    const char *const words[] = { port->pin_hypervisor, port->pin_host, port->pin_nic };

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        strbuf_addc(to, ' ');
        config_quote(words[i], to);
    }
}

static int parse_switch(const struct config_word *word UNUSED, void *block, unsigned argc,
                        char **argv, struct error *reterr)
{
    struct config *config = block;
    struct strbuf arguments;
    int r =
        set_text(config->switch_driver, sizeof(config->switch_driver), argv[0], "DRIVER", reterr);

    strbuf_init(&arguments, CONFIG_LINE_MAX * 2);
    for (unsigned i = 1; i < argc; i++) {
        if (i > 1)
            strbuf_addc(&arguments, ' ');
        config_quote(argv[i], &arguments);
    }
    memset(config->switch_arguments, 0, sizeof(config->switch_arguments));
    if (r == 0 && argc > 1)
        r = set_text(config->switch_arguments, sizeof(config->switch_arguments),
                     strbuf_text(&arguments), "what follows the driver", reterr);
    strbuf_done(&arguments);
    return r;
}

static void write_switch(const struct config_word *word UNUSED, const void *block,
                         struct strbuf *to)
{
    const struct config *config = block;

    strbuf_addc(to, ' ');
    config_quote(config->switch_driver, to);
    if (config->switch_arguments[0])
        strbuf_addf(to, " %s", config->switch_arguments);
}

static int parse_hold(const struct config_word *word, void *block, unsigned argc, char **argv,
                      struct error *reterr)
{
    struct config *config = block;

    if (strcmp(argv[0], "keep") == 0) {
        config->hold_s = 0;
        return 0;
    }
    if (parse_number(word, block, argc, argv, NULL) < 0)
        return error_set(reterr, -EINVAL,
                         "'hold %s': expected 'keep' or a number of seconds from %u to %u", argv[0],
                         word->low, word->high);
    return 0;
}

/* ---- The tables ------------------------------------------------------------------------------ */

#define PLACE(row, member)                                                                         \
    .offset = offsetof(struct row, member), .size = sizeof(((struct row *)0)->member)
/* Several members that stand beside each other and belong to one setting. */
#define SPAN(row, first, last)                                                                     \
    .offset = offsetof(struct row, first),                                                         \
    .size =                                                                                        \
        offsetof(struct row, last) + sizeof(((struct row *)0)->last) - offsetof(struct row, first)
#define ONE .least = 1, .most = 1
#define TEXT ONE, .parse = parse_text, .write = write_text
#define PATH ONE, .parse = parse_path, .write = write_text
#define FLAG .parse = parse_flag
#define CHOICE(list) ONE, .parse = parse_choice, .write = write_choice, .choices = list
#define NUMBER(from, to) ONE, .parse = parse_number, .write = write_number, .low = from, .high = to
#define VLANS ONE, .parse = parse_vlans, .write = write_vlans

static const struct config_word top_words[] = {
    { "hostname", "NAME", "this switch's name, for people", TEXT, PLACE(config, hostname) },
    { "switch", "DRIVER [ARGUMENT...]", "the switch to write to, and how to reach it", .least = 1,
      .most = 32, .parse = parse_switch, .write = write_switch,
      SPAN(config, switch_driver, switch_arguments) },
    { "lldpd socket", "PATH|none", "where lldpd listens; none: do not ask it", ONE,
      .parse = parse_socket, .write = write_text, PLACE(config, lldpd_socket) },
    { "lldpd nonce", "", "let lldpd send a random word on each port, which proves wires", FLAG,
      PLACE(config, lldpd_nonce) },
    { "hypervisor", "NAME", "begin the block of a hypervisor or manager", ONE,
      .opens = BLOCK_HYPERVISOR },
    { "interface", "PORT", "begin the block of a port of the switch", ONE,
      .opens = BLOCK_INTERFACE },
    { "vsn", "", "begin the block of settings for all of vsn", .opens = BLOCK_VSN },
    { "end", "", "the end of the configuration", .opens = BLOCK_TOP },
};

static const struct config_word hypervisor_words[] = {
    { "type", "vmware | xen-citrix",
      "what it is: vmware is an ESX(i) host or a vCenter, xen-citrix a XenServer or XCP-ng pool",
      ONE, .parse = parse_type, .write = write_text, PLACE(config_hypervisor, type) },
    { "access", "URL [username USER] [password-file FILE]",
      "where its API is, and who logs in; the file holds the password in its first line",
      .least = 1, .most = 5, .parse = parse_access, .write = write_access,
      SPAN(config_hypervisor, url, password_file) },
    { "tls ca-file", "FILE", "trust certificates issued by these authorities (PEM)", PATH,
      PLACE(config_hypervisor, ca_file) },
    { "tls fingerprint", "sha256 HEX", "trust this very certificate", .least = 2, .most = 2,
      .parse = parse_fingerprint, .write = write_fingerprint,
      PLACE(config_hypervisor, fingerprint) },
    { "tls legacy", "", "allow TLS older than 1.2, for ESX 4", FLAG,
      PLACE(config_hypervisor, tls_legacy) },
    { "mode", "check|config", "check: show the plan and write nothing; config: apply it",
      CHOICE(modes), .always = true, PLACE(config_hypervisor, mode) },
    { "provision", "networks|machines",
      "VLANs of every network behind the NIC, or only those of machines there", CHOICE(provisions),
      .always = true, PLACE(config_hypervisor, provision) },
    { "vlan allowed", "LIST", "never add a VLAN outside this list for this hypervisor", VLANS,
      PLACE(config_hypervisor, allowed) },
    { "hint interval", "SECONDS", "how often its NICs are asked what they hear", NUMBER(5, 86400),
      PLACE(config_hypervisor, hint_interval_s) },
    { "disable", "", "no session; 'no disable' starts one", FLAG, .inverted = true, .always = true,
      PLACE(config_hypervisor, enabled) },
};

static const struct config_word interface_words[] = {
    { "vsn enable", "", "vsn may add VLANs to this port", FLAG, PLACE(config_port, enabled) },
    { "vsn bind", "HYPERVISOR HOST NIC", "an operator's pin: that host's NIC is on this port",
      .least = 3, .most = 3, .parse = parse_bind, .write = write_bind,
      SPAN(config_port, pin_hypervisor, pin_nic) },
    { "vsn uplink", "", "this port leads to another switch: no host is behind it", FLAG,
      PLACE(config_port, uplink) },
    { "vlan allowed", "LIST", "never add a VLAN outside this list to this port", VLANS,
      PLACE(config_port, allowed) },
    { "vlan maximum", "NUMBER", "the most VLANs that vsn may want on this port",
      NUMBER(VLAN_MIN, VLAN_MAX), PLACE(config_port, vlan_max) },
    { "port auto-enable", "", "bring this port up when it is down and a VLAN is needed on it", FLAG,
      PLACE(config_port, auto_enable) },
};

static const struct config_word vsn_words[] = {
    { "prune", "guarded|never|immediate", "when a VLAN that is no longer needed is taken away",
      CHOICE(prunes), .always = true, PLACE(config, prune) },
    { "prune hold-down", "SECONDS", "how long the need must be provably gone first",
      NUMBER(1, 86400), PLACE(config, hold_down_s) },
    { "prune budget", "NUMBER", "the most removals in a minute", NUMBER(1, 4094),
      PLACE(config, budget_per_minute) },
    { "hold", "keep|SECONDS", "what a hypervisor wanted counts on after contact is lost", ONE,
      .parse = parse_hold, .write = write_number, .low = 30, .high = 86400, PLACE(config, hold_s) },
    { "evidence", "normal|strict|ftos", "how sure a virtual wire has to be before it is acted upon",
      CHOICE(evidences), PLACE(config, evidence) },
    { "vlan protect", "LIST", "VLANs that vsn never adds and never removes", VLANS,
      PLACE(config, protected_vlans) },
    { "limit vlans", "NUMBER", "the most VLANs that the switch has room for", NUMBER(1, VLAN_MAX),
      PLACE(config, limit_vlans) },
    { "limit port-vlans", "NUMBER", "the most tagged VLANs that a port of it has room for",
      NUMBER(1, VLAN_MAX), PLACE(config, limit_port_vlans) },
    { "limit memberships", "NUMBER", "the most pairs of VLAN and port that it has room for",
      NUMBER(1, 4194304), PLACE(config, limit_memberships) },
    { "discovery timeout", "SECONDS",
      "how long a host is looked for behind a port before that is suspended", NUMBER(30, 86400),
      PLACE(config, discovery_timeout_s) },
    { "history days", "NUMBER", "how long moves and changes are remembered", NUMBER(1, 3650),
      PLACE(config, history_days) },
    { "history entries", "NUMBER", "how many moves, and how many changes, are remembered at most",
      NUMBER(100, 1000000), PLACE(config, history_entries) },
};

static const struct {
    const char *name;
    const struct config_word *words;
    size_t count, size;
} blocks[N_CONFIG_BLOCKS] = {
    [BLOCK_TOP] = { "the top level", top_words, ARRAY_SIZE(top_words), sizeof(struct config) },
    [BLOCK_HYPERVISOR] = { "a hypervisor block", hypervisor_words, ARRAY_SIZE(hypervisor_words),
                           sizeof(struct config_hypervisor) },
    [BLOCK_INTERFACE] = { "an interface block", interface_words, ARRAY_SIZE(interface_words),
                          sizeof(struct config_port) },
    [BLOCK_VSN] = { "the vsn block", vsn_words, ARRAY_SIZE(vsn_words), sizeof(struct config) },
};

const struct config_word *config_words(enum config_block block, size_t *ret_count)
{
    *ret_count = blocks[block].count;
    return blocks[block].words;
}

const char *config_block_name(enum config_block block)
{
    return blocks[block].name;
}

void config_block_default(enum config_block block, void *ret_block)
{
    memset(ret_block, 0, blocks[block].size);
    switch (block) {
    case BLOCK_TOP:
    case BLOCK_VSN: {
        struct config *config = ret_block;

        config->hold_down_s = 300;
        config->budget_per_minute = 10;
        config->discovery_timeout_s = 600;
        config->history_days = 90;
        config->history_entries = 100000;
        break;
    }
    case BLOCK_HYPERVISOR: {
        struct config_hypervisor *hypervisor = ret_block;

        hypervisor->allowed = vlanset_all();
        hypervisor->hint_interval_s = 60;
        break;
    }
    case BLOCK_INTERFACE: {
        struct config_port *port = ret_block;

        port->allowed = vlanset_all();
        port->vlan_max = VLAN_MAX;
        break;
    }
    case N_CONFIG_BLOCKS:
        break;
    }
}

static void write_setting(const struct config_word *word, const void *object, bool is_default,
                          const char *indent, struct strbuf *to)
{
    strbuf_addf(to, "%s%s%s", indent, word->inverted && !is_default ? "no " : "", word->words);
    if (word->write)
        word->write(word, object, to);
    strbuf_addc(to, '\n');
}

void config_block_write(enum config_block block, const void *object, const char *indent,
                        struct strbuf *to)
{
    union config_any fallback;

    config_block_default(block, &fallback);
    for (size_t i = 0; i < blocks[block].count; i++) {
        const struct config_word *word = &blocks[block].words[i];
        bool is_default =
            memcmp(value_in(word, object), value_in(word, &fallback), word->size) == 0;

        if (word->parse && (!is_default || word->always))
            write_setting(word, object, is_default, indent, to);
    }
}

void config_quote(const char *word, struct strbuf *to)
{
    if (*word && *word != '"' && !strchr(word, ' ') && !strchr(word, '\t')) {
        strbuf_adds(to, word);
        return;
    }
    strbuf_addc(to, '"');
    for (; *word; word++) {
        if (*word == '"' || *word == '\\')
            strbuf_addc(to, '\\');
        strbuf_addc(to, *word);
    }
    strbuf_addc(to, '"');
}

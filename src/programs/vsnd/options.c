#include "programs/vsnd/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "model/sonic_line.h"

static void usage(FILE *to)
{
    fputs("usage: vsnd [--config FILE] [--state-dir DIR] [--runtime-dir DIR] [--foreground]\n"
          "            [--record FILE] [--log-level error|warning|notice|info|debug]\n"
          "       vsnd --check-config FILE\n"
          "       vsnd --help | --version\n",
          to);
}

static int parse_level(const char *word, enum log_level *ret_level)
{
    static const char *const words[] = { "error", "warning", "notice", "info", "debug" };

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcmp(words[i], word) == 0) {
            *ret_level = (enum log_level)i;
            return 0;
        }
    fprintf(stderr, "vsnd: '%s' is no log level\n", word);
    return -EINVAL;
}

enum options_verdict options_parse(int argc, char **argv, struct options *ret_options)
{
    static const struct option words[] = {
        { "config", required_argument, NULL, 'c' },
        { "state-dir", required_argument, NULL, 's' },
        { "runtime-dir", required_argument, NULL, 'r' },
        { "record", required_argument, NULL, 'R' },
        { "check-config", required_argument, NULL, 'C' },
        { "log-level", required_argument, NULL, 'l' },
        { "foreground", no_argument, NULL, 'f' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { 0 },
    };
    struct options options = {
        .config = "/etc/vsn/vsn.conf",
        .state_dir = "/var/lib/vsn",
        .runtime_dir = "/run/vsn",
        .level = LOG_LEVEL_INFO,
    };
    const char **const texts[256] = {
        ['c'] = &options.config, ['s'] = &options.state_dir, ['r'] = &options.runtime_dir,
        ['R'] = &options.record, ['C'] = &options.check,
    };
    int word;

    while ((word = getopt_long(argc, argv, "", words, NULL)) != -1) {
        if (word == 'h') {
            usage(stdout);
            return OPTIONS_DONE;
        } else if (word == 'V') {
            puts("vsnd " VSN_VERSION);
            return OPTIONS_DONE;
        } else if (word == 'f') {
            options.foreground = true;
        } else if (word == 'l') {
            if (parse_level(optarg, &options.level) < 0)
                return OPTIONS_USAGE;
        } else if (texts[word & 0xff]) {
            *texts[word & 0xff] = optarg;
        } else {
            usage(stderr);
            return OPTIONS_USAGE;
        }
    }
    if (optind != argc) {
        usage(stderr);
        return OPTIONS_USAGE;
    }
    *ret_options = options;
    return OPTIONS_RUN;
}

static const char *const drivers[] = { "linux-bridge", "open-vswitch", "sonic", "dummy" };

/* The words behind 'switch sonic' are read here as well, because two processes go by them. */
static int check_switch(const char *path, const struct config *config, struct error *reterr)
{
    const char *driver = config->switch_driver;
    struct sonic_line line;
    bool known = false;

    if (!*driver)
        return error_set(reterr, -EINVAL,
                         "%s:1: a 'switch' line is missing, as in 'switch linux-bridge br0'", path);
    for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
        known |= strcmp(driver, drivers[i]) == 0;
    if (!known)
        return error_set(reterr, -EINVAL,
                         "%s:%u: there is no switch driver '%s' in this build; there are "
                         "linux-bridge, open-vswitch, sonic and dummy",
                         path, config->switch_line, driver);
    if (strcmp(driver, "sonic") == 0 &&
        sonic_line_read(config->switch_arguments, &line, reterr) < 0)
        return error_prefix(reterr, -EINVAL, "%s:%u", path, config->switch_line);
    return 0;
}

int options_read_config(const char *path, struct config **ret_config, struct error *reterr)
{
    struct config *config;
    int r = config_read(path, &config, reterr);

    if (r < 0)
        return r;
    r = check_switch(path, config, reterr);
    if (r < 0)
        config_free(config);
    else
        *ret_config = config;
    return r;
}

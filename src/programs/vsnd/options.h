/* options.h: vsnd's command line. */
#ifndef VSN_VSND_OPTIONS_H
#define VSN_VSND_OPTIONS_H

#include <stdbool.h>

#include "base/log.h"
#include "model/config.h"

struct options {
    const char *config;      /* --config FILE */
    const char *state_dir;   /* --state-dir DIR: ledger */
    const char *runtime_dir; /* --runtime-dir DIR: control socket, freeze file, lock */
    const char *record;      /* --record FILE: every event is appended there; NULL: not */
    const char *check;       /* --check-config FILE; NULL: run */
    bool foreground;
    enum log_level level;
};

/* What main() is to do after the options were read. */
enum options_verdict { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_USAGE };

/* Reads the arguments; --help and --version are answered here (OPTIONS_DONE), mistakes explained
 * (OPTIONS_USAGE). */
enum options_verdict options_parse(int argc, char **argv, struct options *ret_options);

/* Reads a configuration file and checks what only vsnd knows: that the switch driver exists. As
 * config_read(). */
int options_read_config(const char *path, struct config **ret_config, struct error *reterr);

#endif

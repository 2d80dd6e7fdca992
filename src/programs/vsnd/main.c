/* vsnd: the decision core's process. See docs/architecture.md and vsnd(8). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "programs/vsnd/daemon.h"
#include "programs/vsnd/options.h"

static int check_config(const char *path)
{
    struct config *config = NULL;
    struct error error = { "" };
    int r = options_read_config(path, &config, &error);

    if (r < 0)
        fprintf(stderr, "%s\n", error.text);
    config_free(config);
    return r < 0 ? 1 : 0;
}

/* Leaves the terminal; what is logged from then on goes to a file in the state directory. */
static int go_to_background(const struct options *options)
{
    char path[4096];
    int log_fd;

    snprintf(path, sizeof(path), "%s/vsnd.log", options->state_dir);
    log_fd = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0640);
    if (log_fd < 0 || daemon(1, 0) < 0 || dup2(log_fd, STDERR_FILENO) < 0) {
        fprintf(stderr, "vsnd: %s: %s\n", path, strerror(errno));
        return -errno;
    }
    close(log_fd);
    return 0;
}

int main(int argc, char **argv)
{
    struct options options;
    struct daemon *daemon = NULL;
    struct error error = { "" };
    int code;

    switch (options_parse(argc, argv, &options)) {
    case OPTIONS_DONE:
        return 0;
    case OPTIONS_USAGE:
        return 2;
    case OPTIONS_RUN:
        break;
    }
    if (options.check)
        return check_config(options.check);
    log_setup("vsnd", options.level);
    if (check_config(options.config) != 0)
        return 1;
    if (!options.foreground && go_to_background(&options) < 0)
        return 1;
    if (daemon_new(&options, &daemon, &error) < 0) {
        log_error("%s", error.text);
        return 1;
    }
    log_notice("vsn " VSN_VERSION " is ready, control socket in %s", options.runtime_dir);
    code = daemon_run(daemon);
    daemon_free(daemon);
    return code;
}

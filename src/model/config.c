#include "model/config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "model/config_words.h"

struct config *config_new(void)
{
    struct config *config = malloc(sizeof(*config));

    if (config)
        config_block_default(BLOCK_TOP, config);
    return config;
}

struct config *config_free(struct config *config)
{
    if (config) {
        free(config->hypervisors);
        free(config->ports);
        free(config);
    }
    return NULL;
}

const struct config_hypervisor *config_hypervisor(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->n_hypervisors; i++) {
        if (strcmp(config->hypervisors[i].name, name) == 0)
            return &config->hypervisors[i];
    }
    return NULL;
}

const struct config_port *config_port(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->n_ports; i++) {
        if (strcmp(config->ports[i].name, name) == 0)
            return &config->ports[i];
    }
    return NULL;
}

/* Appends the line that begins a named block. */
static void write_head(const char *word, const char *name, struct strbuf *to)
{
    strbuf_addf(to, "%s ", word);
    config_quote(name, to);
    strbuf_addc(to, '\n');
}

void config_write(const struct config *config, struct strbuf *to)
{
    config_block_write(BLOCK_TOP, config, "", to);
    strbuf_adds(to, "!\n");
    for (size_t i = 0; i < config->n_hypervisors; i++) {
        write_head("hypervisor", config->hypervisors[i].name, to);
        config_block_write(BLOCK_HYPERVISOR, &config->hypervisors[i], " ", to);
        strbuf_adds(to, "!\n");
    }
    for (size_t i = 0; i < config->n_ports; i++) {
        write_head("interface", config->ports[i].name, to);
        config_block_write(BLOCK_INTERFACE, &config->ports[i], " ", to);
        strbuf_adds(to, "!\n");
    }
    strbuf_adds(to, "vsn\n");
    config_block_write(BLOCK_VSN, config, " ", to);
    strbuf_adds(to, "!\nend\n");
}

/* Reads all of 'fd', but no more than one byte beyond the cap. */
static int read_all(int fd, struct strbuf *to)
{
    char piece[16384];

    for (;;) {
        ssize_t size = read(fd, piece, sizeof(piece));

        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return -errno;
        if (size == 0)
            return 0;
        if (strbuf_add(to, piece, (size_t)size) < 0)
            return -EFBIG;
    }
}

int config_read(const char *path, struct config **ret_config, struct error *reterr)
{
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    CLEANUP(strbuf_done) struct strbuf text;
    int r;

    strbuf_init(&text, CONFIG_FILE_MAX);
    r = fd < 0 ? -errno : read_all(fd, &text);
    if (r == -EFBIG)
        return error_set(reterr, r, "%s: larger than %d bytes: this is no configuration of vsn",
                         path, CONFIG_FILE_MAX);
    if (r < 0)
        return error_set(reterr, r, "%s: %s", path, strerror(-r));
    return config_parse(strbuf_text(&text), text.size, path, ret_config, reterr);
}

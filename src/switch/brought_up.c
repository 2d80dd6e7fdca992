#include "switch/brought_up.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define HEADER "vsn-brought-up 1\n"
#define SIZE_MAX_BYTES (1024 * 1024)

/* A line for each port, behind the header: the file as it is, or is to be. */
struct brought_up {
    char *path;
    char **ports;
    size_t count;
    bool is_unknown; /* what the file says could not be read */
};

static size_t find(const struct brought_up *set, const char *port)
{
    size_t i = 0;

    while (i < set->count && strcmp(set->ports[i], port) != 0)
        i++;
    return i;
}

bool brought_up_has(const struct brought_up *set, const char *port)
{
    return find(set, port) < set->count;
}

static int add(struct brought_up *set, const char *port)
{
    char **ports;

    if (brought_up_has(set, port))
        return 0;
    if (set->count == BROUGHT_UP_MAX || !*port || strchr(port, '\n'))
        return -EINVAL;
    ports = realloc(set->ports, (set->count + 1) * sizeof(*ports));
    if (!ports)
        return -ENOMEM;
    set->ports = ports;
    ports[set->count] = strdup(port);
    if (!ports[set->count])
        return -ENOMEM;
    set->count++;
    return 0;
}

static void drop(struct brought_up *set, size_t at)
{
    free(set->ports[at]);
    set->ports[at] = set->ports[--set->count];
}

/* ---- The file -------------------------------------------------------------------------------- */

static int write_out(const struct brought_up *set, struct error *reterr)
{
    struct strbuf content;
    int r;

    strbuf_init(&content, SIZE_MAX_BYTES);
    strbuf_adds(&content, HEADER);
    for (size_t i = 0; i < set->count; i++)
        strbuf_addf(&content, "%s\n", set->ports[i]);
    r = file_replace(set->path, &content);
    strbuf_done(&content);
    return r < 0 ? error_set(reterr, r, "%s cannot be written: %s", set->path, strerror(-r)) : 0;
}

/* The file is replaced whole: one that does not end with a line's end is not ours. */
static int take(struct brought_up *set, const struct strbuf *content)
{
    CLEANUP(free_text) char *copy = strdup(strbuf_text(content));
    char *at, *line;
    int r = 0;

    if (!copy)
        return -ENOMEM;
    if (strlen(copy) != content->size || strncmp(copy, HEADER, strlen(HEADER)) != 0 ||
        copy[content->size - 1] != '\n')
        return -EBADMSG;
    copy[content->size - 1] = '\0';
    at = strchr(copy, '\n');
    for (at = at ? at + 1 : NULL; r == 0 && (line = strsep(&at, "\n"));)
        r = add(set, line);
    return r;
}

static int load(struct brought_up *set)
{
    struct strbuf content;
    int r;

    strbuf_init(&content, SIZE_MAX_BYTES);
    r = file_read(set->path, &content);
    if (r == 0)
        r = take(set, &content);
    strbuf_done(&content);
    return r == -ENOENT ? 0 : r;
}

/* ---- Life ------------------------------------------------------------------------------------ */

int brought_up_open(const char *path, struct brought_up **ret_set, struct error *retnote)
{
    struct brought_up *set = calloc(1, sizeof(*set));
    int r;

    retnote->text[0] = '\0';
    if (set)
        set->path = strdup(path);
    if (!set || !set->path) {
        brought_up_free(set);
        return error_set(retnote, -ENOMEM, "out of memory");
    }
    r = load(set);
    if (r == -ENOMEM) {
        brought_up_free(set);
        return error_set(retnote, r, "out of memory");
    }
    set->is_unknown = r < 0;
    if (r < 0)
        error_set(retnote, r, "%s cannot be read (%s): no port is brought up", path, strerror(-r));
    *ret_set = set;
    return 0;
}

struct brought_up *brought_up_free(struct brought_up *set)
{
    if (!set)
        return NULL;
    for (size_t i = 0; i < set->count; i++)
        free(set->ports[i]);
    free(set->ports);
    free(set->path);
    free(set);
    return NULL;
}

/* ---- Changes --------------------------------------------------------------------------------- */

int brought_up_note(struct brought_up *set, const char *port, struct error *reterr)
{
    bool was_there = brought_up_has(set, port);
    int r;

    if (set->is_unknown)
        return error_set(reterr, -EBADMSG, "%s cannot be read", set->path);
    r = add(set, port);
    if (r < 0)
        return error_set(reterr, r, "%s has no room for port %s", set->path, port);
    r = write_out(set, reterr);
    if (r < 0 && !was_there)
        drop(set, find(set, port));
    return r;
}

int brought_up_forget(struct brought_up *set, const char *port, struct error *reterr)
{
    size_t at = find(set, port);

    if (at == set->count)
        return 0;
    drop(set, at);
    return write_out(set, reterr);
}

int brought_up_keep(struct brought_up *set, brought_up_keep_fn *keep, void *data,
                    struct error *reterr)
{
    size_t before = set->count;

    for (size_t i = set->count; i-- > 0;)
        if (!keep(set->ports[i], data))
            drop(set, i);
    return set->count < before ? write_out(set, reterr) : 0;
}

#include "switch/brought_up.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define HEADER "vsn-brought-up 1 "
#define SIZE_MAX_BYTES (1024 * 1024)

struct one {
    char *port;
    bool is_shut; /* it was seen down since */
};

/* The header ends with the name of the run of the kernel, or "-"; a line for each port follows:
 * "up swp1" or "shut swp1". */
struct brought_up {
    char *path, *boot;
    struct one *ports;
    size_t count;
    bool is_unknown; /* what the file says could not be read */
    bool is_behind;  /* the file says less than is known here */
};

static size_t find(const struct brought_up *set, const char *port)
{
    size_t i = 0;

    while (i < set->count && strcmp(set->ports[i].port, port) != 0)
        i++;
    return i;
}

bool brought_up_has(const struct brought_up *set, const char *port)
{
    return find(set, port) < set->count;
}

static int add(struct brought_up *set, const char *port)
{
    struct one *ports;

    if (brought_up_has(set, port))
        return 0;
    if (set->count == BROUGHT_UP_MAX || !*port || strchr(port, '\n'))
        return -EINVAL;
    ports = realloc(set->ports, (set->count + 1) * sizeof(*ports));
    if (!ports)
        return -ENOMEM;
    set->ports = ports;
    ports[set->count] = (struct one){ .port = strdup(port) };
    if (!ports[set->count].port)
        return -ENOMEM;
    set->count++;
    return 0;
}

static void drop(struct brought_up *set, size_t at)
{
    free(set->ports[at].port);
    set->ports[at] = set->ports[--set->count];
}

/* ---- The file -------------------------------------------------------------------------------- */

static int write_out(struct brought_up *set, struct error *reterr)
{
    struct strbuf content;
    int r;

    strbuf_init(&content, SIZE_MAX_BYTES);
    strbuf_addf(&content, HEADER "%s\n", *set->boot ? set->boot : "-");
    for (size_t i = 0; i < set->count; i++)
        strbuf_addf(&content, "%s %s\n", set->ports[i].is_shut ? "shut" : "up", set->ports[i].port);
    r = file_replace(set->path, &content);
    strbuf_done(&content);
    set->is_behind = r < 0;
    return r < 0 ? error_set(reterr, r, "%s cannot be written: %s", set->path, strerror(-r)) : 0;
}

static int take_line(struct brought_up *set, char *line, bool is_same_boot)
{
    char *word = strsep(&line, " ");
    bool is_shut = strcmp(word, "shut") == 0;
    int r;

    if (!line || !*line || (!is_shut && strcmp(word, "up") != 0))
        return -EBADMSG;
    if (!is_shut && !is_same_boot)
        return 0;
    r = add(set, line);
    if (r == 0)
        set->ports[find(set, line)].is_shut = is_shut;
    return r;
}

/* The file is replaced whole: one that does not end with a line's end is not ours. */
static int take(struct brought_up *set, const struct strbuf *content)
{
    CLEANUP(free_text) char *copy = strdup(strbuf_text(content));
    char *at, *line, *boot;
    bool is_same_boot;
    int r = 0;

    if (!copy)
        return -ENOMEM;
    if (strlen(copy) != content->size || strncmp(copy, HEADER, strlen(HEADER)) != 0 ||
        copy[content->size - 1] != '\n')
        return -EBADMSG;
    copy[content->size - 1] = '\0';
    at = copy + strlen(HEADER);
    boot = strsep(&at, "\n");
    is_same_boot = !*set->boot || strcmp(boot, "-") == 0 || strcmp(boot, set->boot) == 0;
    while (r == 0 && (line = strsep(&at, "\n")))
        r = take_line(set, line, is_same_boot);
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

int brought_up_open(const char *path, const char *boot, struct brought_up **ret_set,
                    struct error *retnote)
{
    struct brought_up *set = calloc(1, sizeof(*set));
    int r;

    retnote->text[0] = '\0';
    if (set) {
        set->path = strdup(path);
        set->boot = strdup(boot);
    }
    if (!set || !set->path || !set->boot) {
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
        free(set->ports[i].port);
    free(set->ports);
    free(set->path);
    free(set->boot);
    free(set);
    return NULL;
}

/* ---- Readings -------------------------------------------------------------------------------- */

/* What could not be written is known here all the same, and is written later. */
bool brought_up_see(struct brought_up *set, const char *port, bool is_up)
{
    size_t at = find(set, port);

    if (at == set->count)
        return false;
    set->is_behind |= set->ports[at].is_shut == is_up;
    set->ports[at].is_shut = !is_up;
    if (set->is_behind)
        write_out(set, NULL);
    return true;
}

/* ---- Changes --------------------------------------------------------------------------------- */

int brought_up_note(struct brought_up *set, const char *port, struct error *reterr)
{
    bool was_there = brought_up_has(set, port);
    int r;

    if (set->is_unknown)
        return error_set(reterr, -EBADMSG, "%s cannot be read", set->path);
    r = add(set, port);
    if (r == 0)
        set->ports[find(set, port)].is_shut = false;
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
        if (!keep(set->ports[i].port, data))
            drop(set, i);
    return set->count < before ? write_out(set, reterr) : 0;
}

#include "source/vsphere/known.h"

#include <errno.h>
#include <string.h>

#define KNOWN_MAX 200000

static char nothing[1]; /* never written to */

struct known *known_find(const struct known_set *set, const char *id)
{
    struct known *known;

    HASH_FIND_STR(set->first, id, known);
    return known;
}

struct known *known_need(struct known_set *set, const char *id)
{
    struct known *known = known_find(set, id);
    size_t size = strlen(id) + 1;

    if (known || size > ID_SIZE || HASH_COUNT(set->first) >= KNOWN_MAX)
        return known;
    known = calloc(1, sizeof(*known) + size);
    if (!known)
        return NULL;
    memcpy(known->id, id, size);
    known->text = known->name = known->place = nothing;
    HASH_ADD_STR(set->first, id, known);
    return known;
}

static void drop(char *text)
{
    if (text != nothing)
        free(text);
}

/* Most texts are never set: they share one empty one. */
static int set(char **text, const char *to)
{
    char *copy;

    if (strcmp(*text, to) == 0)
        return 0;
    copy = *to ? strdup(to) : nothing;
    if (!copy)
        return -ENOMEM;
    drop(*text);
    *text = copy;
    return 0;
}

int known_set_text(struct known *known, const char *text)
{
    return set(&known->text, text);
}

int known_set_name(struct known *known, const char *name)
{
    return set(&known->name, name);
}

int known_set_place(struct known *known, const char *place)
{
    return set(&known->place, place);
}

void known_remove(struct known_set *set, struct known *known)
{
    HASH_DEL(set->first, known);
    drop(known->text);
    drop(known->name);
    drop(known->place);
    free(known);
}

void known_clear(struct known_set *set)
{
    struct known *known, *next;

    HASH_ITER (hh, set->first, known, next)
        known_remove(set, known);
}

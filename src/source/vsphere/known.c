#include "source/vsphere/known.h"

#include <errno.h>
#include <string.h>

#define KNOWN_MAX 200000

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
    known->text = strdup("");
    if (known->text)
        HASH_ADD_STR(set->first, id, known);
    else
        free(known);
    return known_find(set, id);
}

int known_set_text(struct known *known, const char *text)
{
    char *copy;

    if (strcmp(known->text, text) == 0)
        return 0;
    copy = strdup(text);
    if (!copy)
        return -ENOMEM;
    free(known->text);
    known->text = copy;
    return 0;
}

void known_remove(struct known_set *set, struct known *known)
{
    HASH_DEL(set->first, known);
    free(known->text);
    free(known);
}

void known_clear(struct known_set *set)
{
    struct known *known, *next;

    HASH_ITER (hh, set->first, known, next)
        known_remove(set, known);
}

#include "source/vsphere/known.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define KNOWN_MAX 200000

/* The hash key is the id with its type in front: MoRefs are unique only within a type. */
static size_t make_key(char *to, size_t size, enum object_type type, const char *id)
{
    int length = snprintf(to, size, "%c%s", 'a' + (int)type, id);

    return length < 0 || (size_t)length >= size ? 0 : (size_t)length;
}

struct known *known_find(const struct known_set *set, enum object_type type, const char *id)
{
    char key[ID_SIZE + 2];
    size_t length = make_key(key, sizeof(key), type, id);
    struct known *known = NULL;

    if (length)
        HASH_FIND(hh, set->first, key, length, known);
    return known;
}

struct known *known_need(struct known_set *set, enum object_type type, const char *id)
{
    struct known *known = known_find(set, type, id);
    size_t length = strlen(id) + 1;

    if (known || length + 1 > ID_SIZE || HASH_COUNT(set->first) >= KNOWN_MAX)
        return known;
    known = calloc(1, sizeof(*known) + length + 1);
    if (!known)
        return NULL;
    known->type = type;
    make_key(known->id, length + 1, type, id);
    known->text = strdup("");
    if (known->text)
        HASH_ADD(hh, set->first, id, length, known);
    else
        free(known);
    return known_find(set, type, id);
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

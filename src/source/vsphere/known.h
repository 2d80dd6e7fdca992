/* known.h: what has to be remembered of objects, by type and MoRef: a capped hash table. */
#ifndef VSN_SOURCE_VSPHERE_KNOWN_H
#define VSN_SOURCE_VSPHERE_KNOWN_H

#include <uthash.h>

#include "source/vsphere/object.h"

struct known {
    UT_hash_handle hh;
    unsigned generation; /* of the full read that met it last */
    bool due;            /* it has to be read again */
    bool handed;         /* and was asked for */
    bool connected;      /* host: hints can be asked for */
    bool uplink_listed;  /* port group: its switch says that it is for uplinks */
    bool uplink_own;     /* port group: it says so itself */
    unsigned hinted;     /* host: the round of hints in which it was asked; 0: due at once */
    char *text;          /* host: its network system; port group, opaque network: its key; switch:
                            configVersion; never NULL */
    enum object_type type;
    char id[]; /* the hash key: one letter for the type, then the MoRef's value */
};

/* The MoRef's value. */
static inline const char *known_id(const struct known *known)
{
    return known->id + 1;
}

struct known_set {
    struct known *first;
};

/* Finds an object; known_need() adds it when it is new. NULL: not there; no room, no memory. */
struct known *known_find(const struct known_set *set, enum object_type type, const char *id);
struct known *known_need(struct known_set *set, enum object_type type, const char *id);

/* Replaces the text. Returns 0 or -ENOMEM. */
int known_set_text(struct known *known, const char *text);

void known_remove(struct known_set *set, struct known *known);
void known_clear(struct known_set *set);

#endif

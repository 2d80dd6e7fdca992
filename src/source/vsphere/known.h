/* known.h: what has to be remembered of the objects of one type, by MoRef: a capped hash table.
 * Later answers need it, and so do moves, which name hosts and machines that were told before. */
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
    bool is_subclass;    /* as in struct object */
    bool running;        /* machine: it is powered on */
    unsigned hinted;     /* host: the round of hints in which it was asked; 0: due at once */
    char *text;          /* host: its network system; port group, opaque network: its key; switch:
                            configVersion; never NULL */
    char *name;          /* host: its name; never NULL */
    char *place;         /* host: its parent, a cluster perhaps; machine: its host; never NULL */
    char id[];           /* the MoRef's value */
};

struct known_set {
    struct known *first;
};

/* Finds an object; known_need() adds it when it is new. NULL: not there; no room, no memory. */
struct known *known_find(const struct known_set *set, const char *id);
struct known *known_need(struct known_set *set, const char *id);

/* Replaces a text. Returns 0 or -ENOMEM. */
int known_set_text(struct known *known, const char *text);
int known_set_name(struct known *known, const char *name);
int known_set_place(struct known *known, const char *place);

void known_remove(struct known_set *set, struct known *known);
void known_clear(struct known_set *set);

#endif

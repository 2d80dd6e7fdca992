/* pool.h: what is known of a pool: the records of its objects, by class and reference, and what has
 * changed since it was told. */
#ifndef VSN_SOURCE_XENAPI_POOL_H
#define VSN_SOURCE_XENAPI_POOL_H

#include <uthash.h>

#include "source/xenapi/object.h"

#define XEN_OBJECTS_MAX 250000

struct xen_family;

struct xen_object {
    UT_hash_handle hh;
    struct xen_object *prev, *next; /* of its class */
    struct xen_family *family;      /* VIF: with those of its VM; PIF: with those of its host */
    struct xen_object *older, *younger;
    unsigned generation; /* of the full read that met it last */
    bool dirty;          /* host, VM: its row has to be told again */
    bool lists_dirty;    /* host, VM: so have the lists of what it owns */
    bool changed;        /* VM: since its moves were told */
    bool came;           /* VM: it is on another host since then */
    bool told;           /* host, VM: vsnd has a row of it */
    struct xen_values values;
    uint32_t at[N_XEN_TEXTS];
    size_t block_size;
    char *block;
    char key[]; /* the class, one character, and the reference */
};

/* What has to be told. */
struct xen_changes {
    bool hosts;                              /* something that any host's rows may hang from */
    bool moves;                              /* operations, or what decides about them */
    struct strbuf gone_hosts, gone_machines; /* names.h lists */
};

struct xen_pool {
    struct xen_object *by_key;
    struct xen_object *first[N_XEN_CLASSES];
    size_t count[N_XEN_CLASSES];
    struct xen_family *families;
    unsigned generation;
    struct xen_changes changes;
};

void xen_pool_init(struct xen_pool *pool);
void xen_pool_done(struct xen_pool *pool);

/* Stores what a record says. Returns 0, or -EMSGSIZE / -ENOMEM when it cannot be held. */
int xen_pool_store(struct xen_pool *pool, enum xen_class class, const char *ref,
                   const struct xen_record *record);
void xen_pool_remove(struct xen_pool *pool, enum xen_class class, const char *ref);

/* A list of all objects of a class begins; at its end those that it did not hold are removed. */
void xen_pool_begin(struct xen_pool *pool);
void xen_pool_end(struct xen_pool *pool, enum xen_class class);

/* An object, or NULL; also for a reference that is "". */
struct xen_object *xen_pool_find(const struct xen_pool *pool, enum xen_class class,
                                 const char *ref);
/* The VIFs of a VM, the PIFs of a host: the first; the next one is its 'younger'. */
struct xen_object *xen_pool_children(const struct xen_pool *pool, enum xen_class class,
                                     const char *parent);

#define XEN_POOL_EACH(pool, object, class)                                                         \
    for (struct xen_object *object = (pool)->first[class]; object; object = object->next)
#define XEN_POOL_CHILDREN(pool, object, class, parent)                                             \
    for (struct xen_object *object = xen_pool_children(pool, class, parent); object;               \
         object = object->younger)

static inline const char *xen_ref(const struct xen_object *object)
{
    return object->key + 1;
}

static inline enum xen_class xen_class_of(const struct xen_object *object)
{
    return (enum xen_class)(object->key[0] - 'a');
}

static inline const char *xen_text(const struct xen_object *object, enum xen_text text)
{
    return object->block + object->at[text];
}

static inline bool xen_has(const struct xen_object *object, uint64_t fields)
{
    return (object->values.has & fields) == fields;
}

static inline bool xen_flag(const struct xen_object *object, enum xen_flag flag)
{
    return object->values.flags >> flag & 1;
}

#endif

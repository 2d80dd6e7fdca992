#include "source/xenapi/pool.h"

#include <errno.h>
#include <string.h>
#include <utlist.h>

#include "model/names.h"

#define GONE_CAP (64u << 20)

struct xen_family {
    UT_hash_handle hh;
    struct xen_object *oldest;
    char key[]; /* the children's class, and the parent's reference */
};

void xen_pool_init(struct xen_pool *pool)
{
    *pool = (struct xen_pool){ 0 };
    strbuf_init(&pool->changes.gone_hosts, GONE_CAP);
    strbuf_init(&pool->changes.gone_machines, GONE_CAP);
}

static size_t make_key(char key[XEN_REF_SIZE + 1], enum xen_class class, const char *ref)
{
    size_t length = strlen(ref);

    if (length == 0 || length >= XEN_REF_SIZE)
        return 0;
    key[0] = (char)('a' + class);
    memcpy(key + 1, ref, length + 1);
    return length + 1;
}

struct xen_object *xen_pool_find(const struct xen_pool *pool, enum xen_class class, const char *ref)
{
    char key[XEN_REF_SIZE + 1];
    size_t length = make_key(key, class, ref);
    struct xen_object *object = NULL;

    if (length)
        HASH_FIND(hh, pool->by_key, key, length, object);
    return object;
}

/* ---- Families -------------------------------------------------------------------------------- */

static struct xen_family *find_family(const struct xen_pool *pool, enum xen_class class,
                                      const char *parent)
{
    char key[XEN_REF_SIZE + 1];
    size_t length = make_key(key, class, parent);
    struct xen_family *family = NULL;

    if (length)
        HASH_FIND(hh, pool->families, key, length, family);
    return family;
}

struct xen_object *xen_pool_children(const struct xen_pool *pool, enum xen_class class,
                                     const char *parent)
{
    struct xen_family *family = find_family(pool, class, parent);

    return family ? family->oldest : NULL;
}

static struct xen_family *need_family(struct xen_pool *pool, enum xen_class class,
                                      const char *parent)
{
    struct xen_family *family = find_family(pool, class, parent);
    char key[XEN_REF_SIZE + 1];
    size_t length = make_key(key, class, parent);

    if (family || !length)
        return family;
    family = calloc(1, sizeof(*family) + length + 1);
    if (!family)
        return NULL;
    memcpy(family->key, key, length + 1);
    HASH_ADD(hh, pool->families, key, length, family);
    return family;
}

static const char *parent_of(const struct xen_object *object)
{
    enum xen_class class = xen_class_of(object);

    return class == XEN_VIF   ? xen_text(object, XEN_ITS_VM)
           : class == XEN_PIF ? xen_text(object, XEN_ITS_HOST)
                              : "";
}

static void leave_family(struct xen_pool *pool, struct xen_object *object)
{
    struct xen_family *family = object->family;

    if (!family)
        return;
    DL_DELETE2(family->oldest, object, older, younger);
    object->family = NULL;
    if (family->oldest)
        return;
    HASH_DEL(pool->families, family);
    free(family);
}

static void join_family(struct xen_pool *pool, struct xen_object *object)
{
    struct xen_family *family = need_family(pool, xen_class_of(object), parent_of(object));

    if (object->family == family)
        return;
    leave_family(pool, object);
    if (family)
        DL_APPEND2(family->oldest, object, older, younger);
    object->family = family;
}

/* ---- Changes --------------------------------------------------------------------------------- */

static void soil(struct xen_pool *pool, enum xen_class class, const char *ref)
{
    struct xen_object *object = xen_pool_find(pool, class, ref);

    if (object)
        object->lists_dirty = true;
}

/* Notes whose rows hang from an object. */
static void note(struct xen_pool *pool, struct xen_object *object)
{
    switch (xen_class_of(object)) {
    case XEN_HOST:
    case XEN_VM:
        object->dirty = object->changed = true;
        pool->changes.moves = true;
        break;
    case XEN_TASK:
        pool->changes.moves = true;
        break;
    case XEN_PIF:
        soil(pool, XEN_HOST, xen_text(object, XEN_ITS_HOST));
        break;
    case XEN_VIF:
        soil(pool, XEN_VM, xen_text(object, XEN_ITS_VM));
        break;
    case XEN_HOST_METRICS:
    case XEN_NETWORK:
    case XEN_PIF_METRICS:
    case XEN_BOND:
    case XEN_VLAN:
        pool->changes.hosts = true;
        break;
    case XEN_POOL:
    case N_XEN_CLASSES:
        break;
    }
}

/* ---- Storing --------------------------------------------------------------------------------- */

static struct xen_object *make_object(struct xen_pool *pool, enum xen_class class, const char *ref)
{
    char key[XEN_REF_SIZE + 1];
    size_t length = make_key(key, class, ref);
    struct xen_object *object;

    if (!length || HASH_COUNT(pool->by_key) >= XEN_OBJECTS_MAX)
        return NULL;
    object = calloc(1, sizeof(*object) + length + 1);
    if (!object)
        return NULL;
    memcpy(object->key, key, length + 1);
    object->lists_dirty = true;
    HASH_ADD(hh, pool->by_key, key, length, object);
    DL_APPEND(pool->first[class], object);
    pool->count[class]++;
    return object;
}

static bool is_same(const struct xen_object *object, const struct xen_record *record)
{
    if (!object->block || object->block_size != record->block.size ||
        memcmp(&object->values, &record->values, sizeof(record->values)) != 0)
        return false;
    for (size_t i = 0; i < N_XEN_TEXTS; i++)
        if (object->at[i] != record->at[i])
            return false;
    return memcmp(object->block, record->block.data, record->block.size) == 0;
}

int xen_pool_store(struct xen_pool *pool, enum xen_class class, const char *ref,
                   const struct xen_record *record)
{
    struct xen_object *object = xen_pool_find(pool, class, ref);
    char *block;

    if (object && is_same(object, record)) {
        object->generation = pool->generation;
        return 0;
    }
    block = malloc(record->block.size);
    if (!block)
        return -ENOMEM;
    memcpy(block, record->block.data, record->block.size);
    if (!object)
        object = make_object(pool, class, ref);
    if (!object) {
        free(block);
        return -EMSGSIZE;
    }
    if (object->block &&
        strcmp(xen_text(object, XEN_RESIDENT), block + record->at[XEN_RESIDENT]) != 0)
        object->came = true;
    free(object->block);
    object->block = block;
    object->block_size = record->block.size;
    object->values = record->values;
    for (size_t i = 0; i < N_XEN_TEXTS; i++)
        object->at[i] = (uint32_t)record->at[i];
    object->generation = pool->generation;
    join_family(pool, object);
    note(pool, object);
    return 0;
}

static void drop(struct xen_pool *pool, struct xen_object *object)
{
    leave_family(pool, object);
    HASH_DEL(pool->by_key, object);
    DL_DELETE(pool->first[xen_class_of(object)], object);
    pool->count[xen_class_of(object)]--;
    free(object->block);
    free(object);
}

static void remove_object(struct xen_pool *pool, struct xen_object *object)
{
    enum xen_class class = xen_class_of(object);

    note(pool, object);
    if (object->told)
        names_add(class == XEN_HOST ? &pool->changes.gone_hosts : &pool->changes.gone_machines,
                  xen_ref(object));
    drop(pool, object);
}

void xen_pool_remove(struct xen_pool *pool, enum xen_class class, const char *ref)
{
    struct xen_object *object = xen_pool_find(pool, class, ref);

    if (object)
        remove_object(pool, object);
}

void xen_pool_begin(struct xen_pool *pool)
{
    pool->generation++;
}

void xen_pool_end(struct xen_pool *pool, enum xen_class class)
{
    struct xen_object *object, *next;

    DL_FOREACH_SAFE(pool->first[class], object, next)
    if (object->generation != pool->generation)
        remove_object(pool, object);
}

void xen_pool_done(struct xen_pool *pool)
{
    for (enum xen_class class = 0; class < N_XEN_CLASSES; class ++)
        while (pool->first[class])
            drop(pool, pool->first[class]);
    strbuf_done(&pool->changes.gone_hosts);
    strbuf_done(&pool->changes.gone_machines);
}

/* take.h: what a reply brings into the pool: lists of records, and events. */
#ifndef VSN_SOURCE_XENAPI_TAKE_H
#define VSN_SOURCE_XENAPI_TAKE_H

#include "source/xenapi/pool.h"

#define XEN_TOKEN_SIZE 256

/* One reply's decoder. Prepared by xen_take_begin(), read when the reply is whole. */
struct xen_take {
    struct xen_record *record; /* first, for the rules of records */
    struct xen_pool *pool;
    struct rpc rpc;
    struct xen_record held;

    enum xen_class class;        /* of the list that is read */
    char scalar[XEN_TOKEN_SIZE]; /* of a call that returns one */
    char token[XEN_TOKEN_SIZE];  /* of event.from */
    uint64_t counts[N_XEN_CLASSES];
    unsigned counted;  /* bit per class that 'counts' holds */
    size_t events;     /* that came */
    bool pool_touched; /* one of them was about the pool object */
    bool incomplete;   /* one did not say enough */

    /* Of the event under way. */
    char event_class[32], operation[8], ref[XEN_REF_SIZE];
    bool has_snapshot;
};

void xen_take_init(struct xen_take *take, struct xen_pool *pool);
void xen_take_done(struct xen_take *take);

/* Prepares for a reply whose Value is decoded by 'rule', one of these. */
void xen_take_begin(struct xen_take *take, const struct rpc_rule *rule);

extern const struct rpc_rule xen_nothing_rule; /* whatever it is */
extern const struct rpc_rule xen_scalar_rule;
extern const struct rpc_rule xen_list_rule; /* CLASS.get_all_records; set 'class' after begin */
extern const struct rpc_rule xen_next_rule; /* event.next */
extern const struct rpc_rule xen_from_rule; /* event.from */

#endif

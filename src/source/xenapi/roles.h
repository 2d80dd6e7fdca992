/* roles.h: which member of a pool to talk to.
 *
 * The session stays with a master, and leaves it only when it says that it is a slave, or is dead.
 * A redirect is followed only to an address that the configuration or the pool itself names: once
 * the pool was read, that is one of its members. Pure: no I/O. */
#ifndef VSN_SOURCE_XENAPI_ROLES_H
#define VSN_SOURCE_XENAPI_ROLES_H

#include <stdbool.h>

#include "base/error.h"
#include "base/strbuf.h"

#define ADDRESS_SIZE 256
#define REDIRECTS_MAX 4

struct xen_roles {
    char configured[ADDRESS_SIZE]; /* of the target's URL */
    char port[8];                  /* ":443", or "" */
    char master[ADDRESS_SIZE];     /* the one to talk to, as far as we know */
    char asked[ADDRESS_SIZE];      /* the one that is being asked */
    /* names.h lists of addresses: */
    struct strbuf members;     /* of all hosts; empty: not read */
    struct strbuf tried, dead; /* in this round: asked; asked in vain */
    unsigned redirects;        /* in this round */
    unsigned rounds;           /* that failed since contact was lost */
};

void xen_roles_init(struct xen_roles *roles);
void xen_roles_done(struct xen_roles *roles);

/* Takes address and port from a URL https://ADDRESS[:PORT][/...], and forgets the pool. Returns 0
 * or -EINVAL with the sentence. */
int xen_roles_open(struct xen_roles *roles, const char *url, struct error *reterr);

/* A round of attempts begins, with the master. */
void xen_roles_begin(struct xen_roles *roles);
/* The one that was asked did not answer, or has no use for us now. True when there is another to
 * ask in this round. In the first round after a loss the master alone is asked. */
bool xen_roles_next(struct xen_roles *roles, bool is_dead);
/* The one that was asked says that 'address' is the master. 0 when that is to be asked next; else a
 * negative errno with the sentence. */
int xen_roles_redirect(struct xen_roles *roles, const char *address, struct error *reterr);
/* The one that was asked is the master. */
void xen_roles_found(struct xen_roles *roles);

/* "https://ADDRESS[:PORT]/" of the one to ask. */
void xen_roles_url(const struct xen_roles *roles, char *url, size_t size);

#endif

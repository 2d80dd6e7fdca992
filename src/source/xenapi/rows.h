/* rows.h: a pool's hosts, networks and machines as rows for vsnd (model/record.h).
 *
 * XenAPI keeps networks pool-wide and connects them to each host by a PIF; a row of ours is one
 * network on one host, on the virtual switch (the bridge) that its frames leave through. What a
 * network's VLAN hangs from, the host's bond or NIC, is found by VLAN.tagged_PIF and
 * Bond.master. */
#ifndef VSN_SOURCE_XENAPI_ROWS_H
#define VSN_SOURCE_XENAPI_ROWS_H

#include "source/xenapi/pool.h"

/* Appends rows of everything. */
void xen_rows_all(struct xen_pool *pool, struct strbuf *to);

/* Appends rows of what changed since the last call of either, and forgets the changes. */
void xen_rows_changed(struct xen_pool *pool, struct strbuf *to);

/* True for a network that no host connects to a wire. */
bool xen_is_internal(const struct xen_object *network);

/* True for a VM that is a machine: no template, snapshot or control domain. */
bool xen_is_machine(const struct xen_object *vm);

#endif

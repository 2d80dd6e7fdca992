/* lldp.h: what a host's NIC hears by LLDP, where XenAPI tells it (PIF_metrics.lldp_neighbor). */
#ifndef VSN_SOURCE_XENAPI_LLDP_H
#define VSN_SOURCE_XENAPI_LLDP_H

#include "base/strbuf.h"

/* Appends the hint row (model/record.h) of one NIC; nothing when it hears nobody. 'map' is as in
 * object.h. The spelling of its keys differs between the design and the code, so case, blanks, '-'
 * and '_' do not matter. */
void xen_lldp_write(const char *host, const char *nic, const char *map, struct strbuf *to);

#endif

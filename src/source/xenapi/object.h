/* object.h: records of XenAPI classes, reduced to the fields that decide about VLANs.
 *
 * Every class is decoded by one table, because an event may bring its record before it says of
 * which class it is; no two classes use one name for different things that we need. A field that a
 * release does not have is missing, which is told from empty. */
#ifndef VSN_SOURCE_XENAPI_OBJECT_H
#define VSN_SOURCE_XENAPI_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "source/xenapi/rpc.h"

#define XEN_REF_SIZE RPC_KEY_SIZE

enum xen_class {
    XEN_POOL,
    XEN_HOST,
    XEN_HOST_METRICS,
    XEN_NETWORK,
    XEN_PIF,
    XEN_PIF_METRICS,
    XEN_BOND,
    XEN_VLAN,
    XEN_VIF,
    XEN_VM,
    XEN_TASK,
    N_XEN_CLASSES
};

/* A class's name as in calls ("VM"), and as in events ("vm"). */
const char *xen_class_name(enum xen_class class);
const char *xen_class_event(enum xen_class class);
/* The other way round, in any case; N_XEN_CLASSES: of no interest. */
enum xen_class xen_class_find(const char *name);

/* Texts of a record. References are "" when null, in whichever spelling. Lists are names.h lists;
 * maps are lists of key and value in turn. */
enum xen_text {
    XEN_NAME,           /* name_label */
    XEN_MASTER,         /* pool: host; Bond: PIF */
    XEN_ADDRESS,        /* host */
    XEN_METRICS,        /* host, PIF */
    XEN_PRODUCT,        /* host: software_version["product_brand"] */
    XEN_VERSION,        /* host: software_version["product_version"] */
    XEN_OPERATIONS,     /* map: current_operations of host and VM */
    XEN_BRIDGE,         /* network */
    XEN_PIFS,           /* network: list */
    XEN_DEVICE,         /* PIF, VIF */
    XEN_ITS_NETWORK,    /* PIF, VIF */
    XEN_ITS_HOST,       /* PIF */
    XEN_MAC,            /* PIF, VIF */
    XEN_SLAVE_OF,       /* PIF: the Bond it is a member of */
    XEN_MASTER_OF,      /* PIF: list of Bonds that it stands for */
    XEN_VLAN_MASTER_OF, /* PIF: the VLAN it stands for */
    XEN_SRIOV,          /* PIF: list; not empty for an SR-IOV logical PIF */
    XEN_TUNNEL,         /* PIF: list; not empty for a tunnel's access PIF */
    XEN_IP,             /* PIF: IPv4 address */
    XEN_IP_MODE,        /* PIF: None, DHCP, Static */
    XEN_SLAVES,         /* Bond: list of PIFs */
    XEN_MODE,           /* Bond: balance-slb, active-backup, lacp; missing before 6.0 */
    XEN_TAGGED,         /* VLAN: the PIF that carries it tagged */
    XEN_UNTAGGED,       /* VLAN: the PIF that stands for it */
    XEN_ITS_VM,         /* VIF */
    XEN_POWER,          /* VM */
    XEN_RESIDENT,       /* VM: host */
    XEN_SCHEDULED,      /* VM: host it is on its way to; missing before 8.2 */
    XEN_STATUS,         /* task */
    XEN_LLDP,           /* PIF_metrics: map of what the NIC hears; missing in most releases */
    N_XEN_TEXTS
};

enum xen_flag {
    XEN_ENABLED,    /* host */
    XEN_LIVE,       /* host_metrics */
    XEN_PHYSICAL,   /* PIF */
    XEN_MANAGEMENT, /* PIF */
    XEN_CARRIER,    /* PIF_metrics */
    XEN_TEMPLATE,   /* VM */
    XEN_SNAPSHOT,   /* VM */
    XEN_CONTROL,    /* VM: dom0 and its like */
    N_XEN_FLAGS
};

enum xen_number {
    XEN_VLAN_ID, /* PIF.VLAN: -1 is untagged */
    XEN_TAG,     /* VLAN.tag */
    XEN_API_MAJOR,
    XEN_API_MINOR, /* host */
    N_XEN_NUMBERS
};

struct xen_values {
    uint64_t has; /* bit per field that came: texts, flags, numbers in this order */
    uint64_t flags;
    int64_t number[N_XEN_NUMBERS];
};

/* A record while it is decoded. */
struct xen_record {
    struct xen_values values;
    size_t at[N_XEN_TEXTS]; /* in 'block' */
    struct strbuf block;
    bool spoiled; /* a reference or list could not be held */
};

void xen_record_init(struct xen_record *record);
void xen_record_done(struct xen_record *record);
void xen_record_reset(struct xen_record *record);

/* A decoder's data must begin with a struct xen_record *; these rules fill it. */
extern const struct rpc_rule xen_record_rules[];

/* Bits of 'has'. */
static inline uint64_t xen_has_text(enum xen_text text)
{
    return UINT64_C(1) << text;
}
static inline uint64_t xen_has_flag(enum xen_flag flag)
{
    return UINT64_C(1) << (N_XEN_TEXTS + flag);
}
static inline uint64_t xen_has_number(enum xen_number number)
{
    return UINT64_C(1) << (N_XEN_TEXTS + N_XEN_FLAGS + number);
}

/* Walks a map: begin with '*at' at the map itself. */
bool xen_map_next(const char **at, char key[RPC_KEY_SIZE], char value[RPC_KEY_SIZE]);
/* The value of a key; false: there is none. */
bool xen_map_find(const char *map, const char *key, char value[RPC_KEY_SIZE]);

#endif

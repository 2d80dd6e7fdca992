#include "source/xenapi/rows.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "model/names.h"
#include "model/record.h"
#include "source/xenapi/lldp.h"

#define UNTAGGED (-1)

/* VLAN PIFs and SR-IOV logical PIFs all carry this one; it is nobody's address. */
static const struct mac placeholder = { { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff } };

/* What is written about one host. */
struct host_rows {
    const struct xen_pool *pool;
    const struct xen_object *host;
    struct strbuf *to;
    bool whole; /* every record that its lists hang from was there */
};

/* ---- PIFs ------------------------------------------------------------------------------------ */

static int64_t vlan_of(const struct xen_object *pif)
{
    return pif->values.number[XEN_VLAN_ID];
}

static bool is_logical(const struct xen_object *pif)
{
    return *xen_text(pif, XEN_SRIOV) || *xen_text(pif, XEN_TUNNEL);
}

static bool is_nic(const struct xen_object *pif)
{
    return xen_flag(pif, XEN_PHYSICAL) && vlan_of(pif) == UNTAGGED && !is_logical(pif);
}

static bool is_member(const struct xen_object *pif)
{
    return *xen_text(pif, XEN_SLAVE_OF);
}

/* Fields that every release has. */
static bool is_whole(const struct xen_object *pif)
{
    return xen_has(pif, xen_has_text(XEN_DEVICE) | xen_has_text(XEN_MAC) |
                            xen_has_text(XEN_ITS_NETWORK) | xen_has_text(XEN_SLAVE_OF) |
                            xen_has_text(XEN_VLAN_MASTER_OF) | xen_has_flag(XEN_PHYSICAL) |
                            xen_has_number(XEN_VLAN_ID)) &&
           *xen_text(pif, XEN_DEVICE);
}

static struct mac mac_of(const struct xen_object *object)
{
    struct mac mac = { 0 };

    if (mac_parse(xen_text(object, XEN_MAC), &mac) < 0 || mac_equal(mac, placeholder))
        return (struct mac){ 0 };
    return mac;
}

/* The NIC that an SR-IOV logical PIF is a part of: they share the device. */
static const struct xen_object *physical_of(const struct host_rows *rows,
                                            const struct xen_object *logical)
{
    XEN_POOL_CHILDREN(rows->pool, pif, XEN_PIF, xen_ref(rows->host))
    if (is_nic(pif) && strcmp(xen_text(pif, XEN_DEVICE), xen_text(logical, XEN_DEVICE)) == 0)
        return pif;
    return NULL;
}

/* The Bond that a NIC is a member of; '*ret_master' is the PIF that stands for it. */
static const struct xen_object *bond_of(const struct host_rows *rows, const struct xen_object *nic,
                                        const struct xen_object **ret_master)
{
    const struct xen_object *bond =
        xen_pool_find(rows->pool, XEN_BOND, xen_text(nic, XEN_SLAVE_OF));

    *ret_master = bond ? xen_pool_find(rows->pool, XEN_PIF, xen_text(bond, XEN_MASTER)) : NULL;
    return bond;
}

/* The untagged PIF, of a NIC or a bond, that a PIF's frames leave through; NULL when that cannot be
 * told. */
static const struct xen_object *trunk_of(const struct host_rows *rows, const struct xen_object *pif)
{
    const struct xen_object *master = NULL;

    if (vlan_of(pif) != UNTAGGED) {
        const struct xen_object *vlan =
            xen_pool_find(rows->pool, XEN_VLAN, xen_text(pif, XEN_VLAN_MASTER_OF));

        pif = vlan ? xen_pool_find(rows->pool, XEN_PIF, xen_text(vlan, XEN_TAGGED)) : NULL;
    }
    if (pif && *xen_text(pif, XEN_SRIOV))
        pif = physical_of(rows, pif);
    if (pif && is_member(pif)) {
        bond_of(rows, pif, &master);
        pif = master;
    }
    return pif;
}

/* A virtual switch goes by the bridge of its untagged network. */
static const char *vswitch_of(const struct host_rows *rows, const struct xen_object *trunk)
{
    const struct xen_object *network =
        trunk ? xen_pool_find(rows->pool, XEN_NETWORK, xen_text(trunk, XEN_ITS_NETWORK)) : NULL;

    if (!network)
        return "";
    return *xen_text(network, XEN_BRIDGE) ? xen_text(network, XEN_BRIDGE) : xen_ref(network);
}

/* ---- Lists of a host ------------------------------------------------------------------------- */

static void write_row(struct host_rows *rows, enum table table, const void *row)
{
    record_write(rows->to, RECORD_NEW, table, row, 0);
}

static enum link link_of(const struct host_rows *rows, const struct xen_object *pif)
{
    const struct xen_object *metrics =
        xen_pool_find(rows->pool, XEN_PIF_METRICS, xen_text(pif, XEN_METRICS));

    if (!metrics || !xen_has(metrics, xen_has_flag(XEN_CARRIER)))
        return LINK_UNKNOWN;
    return xen_flag(metrics, XEN_CARRIER) ? LINK_UP : LINK_DOWN;
}

static void write_nic(struct host_rows *rows, const struct xen_object *pif)
{
    if (is_nic(pif))
        write_row(rows, TABLE_NIC,
                  &(struct nic){ .owner = xen_ref(rows->host),
                                 .id = xen_text(pif, XEN_DEVICE),
                                 .mac = mac_of(pif),
                                 .link = link_of(rows, pif) });
}

static void write_vswitch(struct host_rows *rows, const struct xen_object *pif)
{
    const char *vswitch = vswitch_of(rows, pif);

    if (vlan_of(pif) != UNTAGGED || is_member(pif) || is_logical(pif))
        return;
    if (*vswitch)
        write_row(rows, TABLE_VSWITCH,
                  &(struct vswitch){ .owner = xen_ref(rows->host),
                                     .id = vswitch,
                                     .name = vswitch,
                                     .kind = VSWITCH_BRIDGE });
    else
        rows->whole = false;
}

/* Every member of a bond is an uplink of the bond's switch. 5.6 knows no mode, and no LACP. */
static void write_uplink(struct host_rows *rows, const struct xen_object *pif)
{
    const struct xen_object *master = NULL, *bond = NULL;
    const struct xen_object *trunk = trunk_of(rows, pif);
    const char *vswitch = vswitch_of(rows, trunk);

    if (!is_nic(pif))
        return;
    if (!*vswitch) {
        rows->whole = false;
        return;
    }
    if (is_member(pif))
        bond = bond_of(rows, pif, &master);
    write_row(rows, TABLE_UPLINK,
              &(struct uplink){ .owner = xen_ref(rows->host),
                                .id = xen_text(pif, XEN_DEVICE),
                                .vswitch = vswitch,
                                .name = xen_text(pif, XEN_DEVICE),
                                .lag = bond && strcmp(xen_text(bond, XEN_MODE), "lacp") == 0
                                           ? xen_text(master, XEN_DEVICE)
                                           : "" });
}

static void set_vlan(struct network *network, int64_t vlan)
{
    network->mode = VLAN_NATIVE; /* 0 is priority-tagged, which is no VLAN */
    if (vlan > 0) {
        network->mode = vlan <= VLAN_MAX ? VLAN_TAGGED : VLAN_UNKNOWN;
        vlanset_add(&network->vlans, (uint32_t)(vlan <= VLAN_MAX ? vlan : 0));
    }
}

/* A network that a PIF connects to the host's wires. Where its trunk is not known (yet), neither is
 * the switch that it is on. A tunnel's frames leave inside those of the host's own address. */
static void write_pif_network(struct host_rows *rows, const struct xen_object *pif)
{
    const struct xen_object *network =
        xen_pool_find(rows->pool, XEN_NETWORK, xen_text(pif, XEN_ITS_NETWORK));
    const struct xen_object *trunk = trunk_of(rows, pif);
    struct network row = {
        .owner = xen_ref(rows->host),
        .id = xen_text(pif, XEN_ITS_NETWORK),
        .name = network ? xen_text(network, XEN_NAME) : "",
        .kind = NETWORK_BRIDGE,
        .vswitch = vswitch_of(rows, trunk),
    };

    if (!network || !*row.vswitch)
        rows->whole = false;
    if (!*row.id || !*row.vswitch)
        return;
    set_vlan(&row, vlan_of(pif));
    write_row(rows, TABLE_NETWORK, &row);
}

bool xen_is_internal(const struct xen_object *network)
{
    return xen_has(network, xen_has_text(XEN_PIFS)) && !*xen_text(network, XEN_PIFS);
}

/* Internal networks are on every host: machines may be on them, but nothing is needed outside. A
 * network that only other hosts have a PIF for gets no row here, as no machine can use it here. */
static void write_internal_networks(struct host_rows *rows)
{
    XEN_POOL_EACH(rows->pool, network, XEN_NETWORK)
    {
        const char *bridge = xen_text(network, XEN_BRIDGE);

        if (!xen_is_internal(network))
            continue;
        write_row(rows, TABLE_NETWORK,
                  &(struct network){ .owner = xen_ref(rows->host),
                                     .id = xen_ref(network),
                                     .name = xen_text(network, XEN_NAME),
                                     .kind = NETWORK_BRIDGE,
                                     .vswitch = *bridge ? bridge : xen_ref(network),
                                     .mode = VLAN_NATIVE });
    }
}

static void write_network(struct host_rows *rows, const struct xen_object *pif)
{
    if (!is_member(pif)) /* a member's own network has no wire while the bond has it */
        write_pif_network(rows, pif);
}

static bool has_address(const struct xen_object *pif)
{
    const char *mode = xen_text(pif, XEN_IP_MODE);

    return xen_flag(pif, XEN_MANAGEMENT) || *xen_text(pif, XEN_IP) ||
           (*mode && strcmp(mode, "None") != 0);
}

/* The host's own interfaces: management, storage, migration. */
static void write_vmknic(struct host_rows *rows, const struct xen_object *pif)
{
    char id[XEN_REF_SIZE + 24];

    if (is_member(pif) || !has_address(pif))
        return;
    if (vlan_of(pif) > 0)
        snprintf(id, sizeof(id), "%.120s.%lld", xen_text(pif, XEN_DEVICE), (long long)vlan_of(pif));
    else
        snprintf(id, sizeof(id), "%.120s", xen_text(pif, XEN_DEVICE));
    write_row(rows, TABLE_VMKNIC,
              &(struct vmknic){ .owner = xen_ref(rows->host),
                                .id = id,
                                .mac = mac_of(pif),
                                .network = xen_text(pif, XEN_ITS_NETWORK) });
}

static const struct {
    enum table table;
    void (*write)(struct host_rows *rows, const struct xen_object *pif);
    void (*more)(struct host_rows *rows);
} lists[] = {
    { TABLE_NIC, write_nic, NULL },       { TABLE_VSWITCH, write_vswitch, NULL },
    { TABLE_UPLINK, write_uplink, NULL }, { TABLE_NETWORK, write_network, write_internal_networks },
    { TABLE_VMKNIC, write_vmknic, NULL },
};

static void write_key(struct strbuf *to, enum record_op op, enum table table, const char *owner,
                      const char *id)
{
    record_write(to, op, table, &(union row){ .key = { .owner = owner, .id = id } }, 0);
}

/* A list that could not be read whole proves no absence. */
static void write_lists(struct host_rows *rows)
{
    const char *owner = xen_ref(rows->host);

    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        write_key(rows->to, RECORD_BEGIN, lists[i].table, owner, NULL);
        rows->whole = true;
        XEN_POOL_CHILDREN(rows->pool, pif, XEN_PIF, owner)
        {
            if (is_whole(pif))
                lists[i].write(rows, pif);
            else
                rows->whole = false;
        }
        if (lists[i].more)
            lists[i].more(rows);
        write_key(rows->to, rows->whole ? RECORD_END : RECORD_UNKNOWN, lists[i].table, owner, NULL);
    }
}

/* Newer releases hear LLDP in dom0. */
static void write_hints(struct host_rows *rows)
{
    const char *owner = xen_ref(rows->host);
    bool any = false;

    XEN_POOL_CHILDREN(rows->pool, pif, XEN_PIF, owner)
    {
        const struct xen_object *metrics =
            xen_pool_find(rows->pool, XEN_PIF_METRICS, xen_text(pif, XEN_METRICS));

        if (!is_nic(pif) || !metrics || !xen_has(metrics, xen_has_text(XEN_LLDP)))
            continue;
        if (!any)
            write_key(rows->to, RECORD_BEGIN, TABLE_HINT, owner, NULL);
        any = true;
        xen_lldp_write(owner, xen_text(pif, XEN_DEVICE), xen_text(metrics, XEN_LLDP), rows->to);
    }
    if (any)
        write_key(rows->to, RECORD_END, TABLE_HINT, owner, NULL);
}

/* ---- Hosts ----------------------------------------------------------------------------------- */

static enum connection connection_of(const struct xen_pool *pool, const struct xen_object *host)
{
    const struct xen_object *metrics =
        xen_pool_find(pool, XEN_HOST_METRICS, xen_text(host, XEN_METRICS));

    if (!metrics || !xen_has(metrics, xen_has_flag(XEN_LIVE)))
        return CONNECTION_UNKNOWN;
    return xen_flag(metrics, XEN_LIVE) ? CONNECTION_CONNECTED : CONNECTION_NOT_RESPONDING;
}

static void write_host(const struct xen_pool *pool, struct xen_object *host, struct strbuf *to)
{
    const struct host row = {
        .id = xen_ref(host),
        .name = xen_text(host, XEN_NAME),
        .connection = connection_of(pool, host),
        .maintenance = !xen_flag(host, XEN_ENABLED),
    };
    uint32_t stated = record_field(TABLE_HOST, "connection");

    if (xen_has(host, xen_has_text(XEN_NAME)))
        stated |= record_field(TABLE_HOST, "name");
    if (xen_has(host, xen_has_flag(XEN_ENABLED)))
        stated |= record_field(TABLE_HOST, "maintenance");
    record_write(to, RECORD_PUT, TABLE_HOST, &row, stated);
    host->dirty = false;
    host->told = true;
}

static void write_host_lists(const struct xen_pool *pool, struct xen_object *host,
                             struct strbuf *to)
{
    struct host_rows rows = { .pool = pool, .host = host, .to = to };

    write_lists(&rows);
    write_hints(&rows);
    host->lists_dirty = false;
}

/* ---- Machines -------------------------------------------------------------------------------- */

bool xen_is_machine(const struct xen_object *vm)
{
    return !xen_flag(vm, XEN_TEMPLATE) && !xen_flag(vm, XEN_SNAPSHOT) && !xen_flag(vm, XEN_CONTROL);
}

static enum power power_of(const struct xen_object *vm)
{
    static const struct {
        const char *state;
        enum power power;
    } states[] = {
        { "Halted", POWER_OFF },
        { "Running", POWER_ON },
        { "Paused", POWER_ON },
        { "Suspended", POWER_SUSPENDED },
    };

    for (size_t i = 0; i < ARRAY_SIZE(states); i++)
        if (strcmp(xen_text(vm, XEN_POWER), states[i].state) == 0)
            return states[i].power;
    return POWER_UNKNOWN;
}

static void write_vifs(const struct xen_pool *pool, struct xen_object *vm, struct strbuf *to)
{
    bool whole = true;

    vm->lists_dirty = false;
    write_key(to, RECORD_BEGIN, TABLE_VIF, xen_ref(vm), NULL);
    XEN_POOL_CHILDREN(pool, vif, XEN_VIF, xen_ref(vm))
    {
        whole = whole && xen_has(vif, xen_has_text(XEN_ITS_NETWORK));
        record_write(to, RECORD_NEW, TABLE_VIF,
                     &(struct vif){ .owner = xen_ref(vm),
                                    .id = xen_ref(vif),
                                    .mac = mac_of(vif),
                                    .network = xen_text(vif, XEN_ITS_NETWORK) },
                     0);
    }
    write_key(to, whole ? RECORD_END : RECORD_UNKNOWN, TABLE_VIF, xen_ref(vm), NULL);
}

static void write_machine(struct xen_object *vm, struct strbuf *to)
{
    const struct machine row = {
        .id = xen_ref(vm),
        .name = xen_text(vm, XEN_NAME),
        .host = xen_text(vm, XEN_RESIDENT),
        .power = power_of(vm),
        .connection = CONNECTION_CONNECTED,
    };
    uint32_t stated = record_field(TABLE_MACHINE, "connection");

    vm->dirty = false;
    if (!xen_is_machine(vm)) {
        if (vm->told)
            write_key(to, RECORD_GONE, TABLE_MACHINE, NULL, xen_ref(vm));
        vm->told = false;
        vm->lists_dirty = true;
        return;
    }
    if (xen_has(vm, xen_has_text(XEN_NAME)))
        stated |= record_field(TABLE_MACHINE, "name");
    if (xen_has(vm, xen_has_text(XEN_RESIDENT)))
        stated |= record_field(TABLE_MACHINE, "host");
    if (xen_has(vm, xen_has_text(XEN_POWER)))
        stated |= record_field(TABLE_MACHINE, "power");
    record_write(to, RECORD_PUT, TABLE_MACHINE, &row, stated);
    vm->told = true;
}

/* ---- All of it ------------------------------------------------------------------------------- */

static void write_gone(enum table table, struct strbuf *gone, struct strbuf *to)
{
    const char *at = strbuf_text(gone), *name;
    char ref[XEN_REF_SIZE];
    size_t length;

    while (names_next(&at, &name, &length)) {
        snprintf(ref, sizeof(ref), "%.*s", (int)length, name);
        write_key(to, RECORD_GONE, table, NULL, ref);
    }
    strbuf_reset(gone);
}

static void write_objects(struct xen_pool *pool, struct strbuf *to, bool all)
{
    bool hosts = all || pool->changes.hosts;

    XEN_POOL_EACH(pool, host, XEN_HOST)
    {
        if (hosts || host->dirty)
            write_host(pool, host, to);
        if (hosts || host->lists_dirty)
            write_host_lists(pool, host, to);
    }
    XEN_POOL_EACH(pool, vm, XEN_VM)
    {
        if (all || vm->dirty)
            write_machine(vm, to);
        if (vm->told && (all || vm->lists_dirty))
            write_vifs(pool, vm, to);
    }
    pool->changes.hosts = false;
}

void xen_rows_all(struct xen_pool *pool, struct strbuf *to)
{
    strbuf_reset(&pool->changes.gone_hosts);
    strbuf_reset(&pool->changes.gone_machines);
    write_objects(pool, to, /* all = */ true);
}

void xen_rows_changed(struct xen_pool *pool, struct strbuf *to)
{
    write_gone(TABLE_HOST, &pool->changes.gone_hosts, to);
    write_gone(TABLE_MACHINE, &pool->changes.gone_machines, to);
    write_objects(pool, to, /* all = */ false);
}

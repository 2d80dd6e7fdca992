/* The lists of a HostSystem's config.network: NICs, virtual switches, port groups, own interfaces.
 */
#include <stdio.h>
#include <string.h>

#include "model/names.h"
#include "source/vsphere/item.h"

/* ---- PhysicalNic ------------------------------------------------------------------------------
 */

/* linkSpeed is there only while the link is up (PhysicalNic.linkSpeed). */
static int on_link_speed(struct xml *xml, void *data, const struct xml_element *element)
{
    struct object *object = data;

    (void)xml, (void)element;
    object->item.link = true;
    return 0;
}

static int on_pnic(struct xml *xml, void *data, const char *text)
{
    struct object *object = data;
    const struct item *item = &object->item;
    struct nic nic = { .owner = object->id, .id = item->name };

    (void)text;
    if (!item_good(xml, object) || !*item->name)
        return 0;
    if (mac_parse(item->mac, &nic.mac) < 0)
        nic.mac = (struct mac){ 0 };
    nic.link = item->link ? LINK_UP : LINK_DOWN;
    object_row(object, PART_NIC, TABLE_NIC, &nic);
    return pairs_add(&object->nic_keys, item->key, item->name);
}

static const struct xml_rule pnic_rules[] = {
    ITEM("key", XML_ID, key),
    ITEM("device", XML_ID, name),
    ITEM("mac", XML_TEXT, mac),
    { .name = "linkSpeed", .open = on_link_speed },
    { 0 },
};
const struct xml_rule host_pnic_rules[] = {
    { .name = "*", .rules = pnic_rules, .open = item_open, .close = on_pnic },
    { 0 },
};

/* ---- HostVirtualSwitch ------------------------------------------------------------------------
 */

static void write_uplink(struct object *object, const char *device, const char *vswitch,
                         const char *name, const char *lag)
{
    struct uplink uplink = {
        .owner = object->id, .id = device, .vswitch = vswitch, .name = name, .lag = lag
    };

    if (!*device || pairs_find(&object->linked, device))
        return;
    object_row(object, PART_UPLINK, TABLE_UPLINK, &uplink);
    pairs_add(&object->linked, device, vswitch);
}

static void write_vswitch(struct object *object, const char *id, const char *name,
                          enum vswitch_kind kind)
{
    struct vswitch vswitch = { .owner = object->id, .id = id, .name = name, .kind = kind };

    object_row(object, PART_VSWITCH, TABLE_VSWITCH, &vswitch);
}

/* A NIC named by its key: its device is known when the whole host was read. The switch's id may
 * come later in the item, so keys wait under an empty name until it closes. */
static int on_switch_nic_key(struct xml *xml, void *data, const char *text)
{
    struct object *object = data;

    (void)xml;
    return pairs_add(&object->key_uplinks, "", text);
}

/* Gives the keys that were gathered in this item their switch. Keys of earlier items have theirs.
 */
static int adopt_keys(struct object *object, const char *vswitch)
{
    struct pairs adopted;
    const char *name, *key;
    size_t at = 0;
    int r = 0;

    strbuf_init(&adopted.text, object->key_uplinks.text.cap);
    while (r == 0 && pairs_next(&object->key_uplinks, &at, &name, &key))
        r = pairs_add(&adopted, *name ? name : vswitch, key);
    strbuf_done(&object->key_uplinks.text);
    object->key_uplinks = adopted;
    return r;
}

void host_resolve_uplinks(struct object *object)
{
    const char *vswitch, *key, *device;
    size_t at = 0;

    while (pairs_next(&object->key_uplinks, &at, &vswitch, &key))
        if ((device = pairs_find(&object->nic_keys, key)))
            write_uplink(object, device, vswitch, device, "");
}

static int on_vswitch(struct xml *xml, void *data, const char *text)
{
    struct object *object = data;
    struct item *item = &object->item;
    const char *at = item->names, *name;
    char device[ID_SIZE];
    size_t length;

    (void)text;
    if (!item_good(xml, object) || !*item->name)
        return adopt_keys(object, "?");
    write_vswitch(object, item->name, item->name, VSWITCH_STANDARD);
    while (names_next(&at, &name, &length)) {
        snprintf(device, sizeof(device), "%.*s", (int)length, name);
        write_uplink(object, device, item->name, device, "");
    }
    return adopt_keys(object, item->name);
}

static const struct xml_rule bridge_rules[] = {
    ITEM("nicDevice", XML_NAMES, names),
    { 0 },
};
static const struct xml_rule vswitch_spec_rules[] = {
    XML_INTO("bridge", bridge_rules),
    { 0 },
};
static const struct xml_rule vswitch_rules[] = {
    ITEM("name", XML_ID, name),
    { .name = "pnic", .take = XML_CLOSE, .close = on_switch_nic_key },
    XML_INTO("spec", vswitch_spec_rules),
    { 0 },
};
const struct xml_rule host_vswitch_rules[] = {
    { .name = "*", .rules = vswitch_rules, .open = item_open, .close = on_vswitch },
    { 0 },
};

/* ---- HostPortGroup ----------------------------------------------------------------------------
 */

static int on_portgroup(struct xml *xml, void *data, const char *text)
{
    struct object *object = data;
    struct item *item = &object->item;
    struct port_config *config = &item->config;
    bool vlan_read = !xml_spoiled(xml);

    (void)text;
    if (!*item->name) {
        xml_spoil(xml);
        item_good(xml, object);
        return 0;
    }
    port_config_standard(config, vlan_read ? item->vlan : UINT64_MAX);
    if (config->oddity)
        item_odd(object, config->oddity, item->name);
    object_row(object, PART_NETWORK, TABLE_NETWORK,
               &(struct network){
                   .owner = object->id,
                   .id = item->name,
                   .name = item->name,
                   .kind = NETWORK_STANDARD,
                   .vswitch = item->vswitch,
                   .mode = config->mode,
                   .vlans = config->vlans,
                   .active = vlan_read ? config->active : "",
                   .standby = vlan_read ? config->standby : "",
                   .teaming_known = vlan_read && (*config->active || *config->standby),
               });
    return 0;
}

static const struct xml_rule nic_order_rules[] = {
    ITEM("activeNic", XML_NAMES, config.active),
    ITEM("standbyNic", XML_NAMES, config.standby),
    { 0 },
};
static const struct xml_rule nic_teaming_rules[] = {
    XML_INTO("nicOrder", nic_order_rules),
    { 0 },
};
/* computedPolicy is the effective one; spec.policy may be empty where it is inherited. */
static const struct xml_rule computed_rules[] = {
    XML_INTO("nicTeaming", nic_teaming_rules),
    { 0 },
};
static const struct xml_rule portgroup_spec_rules[] = {
    ITEM("name", XML_ID, name),
    ITEM("vlanId", XML_NUMBER, vlan),
    ITEM("vswitchName", XML_ID, vswitch),
    { 0 },
};
static const struct xml_rule portgroup_rules[] = {
    XML_INTO("spec", portgroup_spec_rules),
    XML_INTO("computedPolicy", computed_rules),
    { 0 },
};
const struct xml_rule host_portgroup_rules[] = {
    { .name = "*", .rules = portgroup_rules, .open = item_open, .close = on_portgroup },
    { 0 },
};

/* ---- HostVirtualNic ---------------------------------------------------------------------------
 */

static int on_vnic(struct xml *xml, void *data, const char *text)
{
    struct object *object = data;
    const struct item *item = &object->item;
    struct vmknic vmknic = { .owner = object->id, .id = item->name };

    (void)text;
    if (!item_good(xml, object) || !*item->name)
        return 0;
    vmknic.shared = *item->shared != '\0';
    vmknic.network = vmknic.shared ? item->shared : item->standard;
    if (mac_parse(item->mac, &vmknic.mac) < 0)
        vmknic.mac = (struct mac){ 0 };
    object_row(object, PART_VMKNIC, TABLE_VMKNIC, &vmknic);
    return 0;
}

static const struct xml_rule vnic_port_rules[] = {
    ITEM("portgroupKey", XML_ID, shared),
    { 0 },
};
static const struct xml_rule vnic_opaque_rules[] = {
    ITEM("id", XML_ID, shared),
    { 0 },
};
static const struct xml_rule vnic_spec_rules[] = {
    ITEM("mac", XML_TEXT, mac),
    XML_INTO("distributedVirtualPort", vnic_port_rules),
    XML_INTO("opaqueNetwork", vnic_opaque_rules),
    { 0 },
};
static const struct xml_rule vnic_rules[] = {
    ITEM("device", XML_ID, name),
    ITEM("portgroup", XML_ID, standard),
    XML_INTO("spec", vnic_spec_rules),
    { 0 },
};
const struct xml_rule host_vnic_rules[] = {
    { .name = "*", .rules = vnic_rules, .open = item_open, .close = on_vnic },
    { 0 },
};

/* ---- HostProxySwitch: this host's part of a distributed switch ----------------------------------
 */

static int on_proxy_open(struct xml *xml, void *data, const struct xml_element *element)
{
    struct object *object = data;

    strbuf_reset(&object->uplink_ports.text);
    strbuf_reset(&object->pnic_ports.text);
    strbuf_reset(&object->lag_ports.text);
    strbuf_reset(&object->lag_uplinks.text);
    return item_open(xml, data, element);
}

/* NIC -> port key -> uplink name; a port that belongs to a LAG is named in hostLag instead. */
static int on_proxy(struct xml *xml, void *data, const char *text)
{
    struct object *object = data;
    struct item *item = &object->item;
    const char *device, *port;
    size_t at = 0;

    (void)text;
    if (!item_good(xml, object) || !*item->key)
        return adopt_keys(object, "?");
    write_vswitch(object, item->key, item->title, VSWITCH_DISTRIBUTED);
    while (pairs_next(&object->pnic_ports, &at, &device, &port)) {
        const char *lag = pairs_find(&object->lag_ports, port);
        const char *name = pairs_find(lag ? &object->lag_uplinks : &object->uplink_ports, port);

        write_uplink(object, device, item->key, name ? name : "", lag ? lag : "");
    }
    return adopt_keys(object, item->key);
}

static int on_pair_open(struct xml *xml, void *data, const struct xml_element *element)
{
    struct object *object = data;

    (void)xml, (void)element;
    *object->item.pair_key = *object->item.pair_value = '\0';
    return 0;
}

static int on_uplink_port(struct xml *xml, void *data, const char *text)
{
    struct object *object = data;

    (void)xml, (void)text;
    return pairs_add(&object->uplink_ports, object->item.pair_key, object->item.pair_value);
}

static int on_pnic_spec(struct xml *xml, void *data, const char *text)
{
    struct object *object = data;

    (void)xml, (void)text;
    return pairs_add(&object->pnic_ports, object->item.pair_key, object->item.pair_value);
}

static int on_lag_port(struct xml *xml, void *data, const char *text)
{
    struct object *object = data;
    struct item *item = &object->item;
    int r;

    (void)xml, (void)text;
    r = pairs_add(&object->lag_ports, item->pair_key, item->lag);
    return r < 0 ? r : pairs_add(&object->lag_uplinks, item->pair_key, item->pair_value);
}

static const struct xml_rule key_value_rules[] = {
    ITEM("key", XML_ID, pair_key),
    ITEM("value", XML_ID, pair_value),
    { 0 },
};
static const struct xml_rule pnic_spec_rules[] = {
    ITEM("pnicDevice", XML_ID, pair_key),
    ITEM("uplinkPortKey", XML_ID, pair_value),
    { 0 },
};
static const struct xml_rule backing_rules[] = {
    { .name = "pnicSpec", .rules = pnic_spec_rules, .open = on_pair_open, .close = on_pnic_spec },
    { 0 },
};
static const struct xml_rule proxy_spec_rules[] = {
    XML_INTO("backing", backing_rules),
    { 0 },
};
static const struct xml_rule host_lag_rules[] = {
    ITEM("lagName", XML_ID, lag),
    { .name = "uplinkPort", .rules = key_value_rules, .open = on_pair_open, .close = on_lag_port },
    { 0 },
};
static const struct xml_rule proxy_rules[] = {
    ITEM("dvsUuid", XML_ID, key),
    ITEM("dvsName", XML_TEXT, title),
    { .name = "uplinkPort",
      .rules = key_value_rules,
      .open = on_pair_open,
      .close = on_uplink_port },
    { .name = "pnic", .take = XML_CLOSE, .close = on_switch_nic_key },
    XML_INTO("spec", proxy_spec_rules),
    XML_INTO("hostLag", host_lag_rules),
    { 0 },
};
const struct xml_rule host_proxy_rules[] = {
    { .name = "*", .rules = proxy_rules, .open = on_proxy_open, .close = on_proxy },
    { 0 },
};

/* ---- HostOpaqueSwitch --------------------------------------------------------------------------
 */

static int on_opaque_switch(struct xml *xml, void *data, const char *text)
{
    struct object *object = data;
    struct item *item = &object->item;

    (void)text;
    if (!item_good(xml, object) || !*item->key)
        return adopt_keys(object, "?");
    write_vswitch(object, item->key, item->title, VSWITCH_OPAQUE);
    return adopt_keys(object, item->key);
}

static const struct xml_rule opaque_rules[] = {
    ITEM("key", XML_ID, key),
    ITEM("name", XML_TEXT, title),
    { .name = "pnic", .take = XML_CLOSE, .close = on_switch_nic_key },
    { 0 },
};
const struct xml_rule host_opaque_rules[] = {
    { .name = "*", .rules = opaque_rules, .open = item_open, .close = on_opaque_switch },
    { 0 },
};

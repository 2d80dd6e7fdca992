/* VLANs and teaming of port groups, and the configuration of a distributed switch. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "source/vsphere/item.h"

static void set_vlan(struct port_config *config, uint64_t vlan)
{
    config->mode = vlan == 0 ? VLAN_NATIVE : VLAN_TAGGED;
    vlanset_add(&config->vlans, (uint32_t)vlan);
}

/* HostPortGroupSpec.vlanId: 0 no tag, 1 to 4094, 4095 the guests tag. */
void port_config_standard(struct port_config *config, uint64_t vlan)
{
    config->seen = true;
    if (vlan <= VLAN_MAX) {
        set_vlan(config, vlan);
    } else if (vlan == 4095) {
        config->mode = VLAN_TRUNK;
        config->vlans = vlanset_all();
    } else {
        config->mode = VLAN_UNKNOWN;
        config->oddity = "no valid VLAN id on port group";
    }
}

/* ---- VMwareDVSPortSetting ----------------------------------------------------------------------
 */

/* Forgets the VLANs, not the teaming: the two come in either order. */
static int on_vlan_open(struct xml *xml, void *data, const struct xml_element *element)
{
    struct object *object = data;
    struct item *item = &object->item;

    xml_spoiled(xml);
    object->config.vlans = vlanset_empty;
    object->config.oddity = NULL;
    item->vlan = item->first = item->last = item->secondary = UINT64_MAX;
    item->inherited = item->any_range = false;
    text_copy(item->vlan_type, sizeof(item->vlan_type), element->type);
    return 0;
}

static int on_vlan_id_open(struct xml *xml, void *data, const struct xml_element *element)
{
    struct object *object = data;

    (void)xml, (void)element;
    object->item.first = object->item.last = UINT64_MAX;
    return 0;
}

static bool is_type(const struct item *item, const char *tail)
{
    size_t length = strlen(item->vlan_type), wanted = strlen(tail);

    return length >= wanted && strcmp(item->vlan_type + length - wanted, tail) == 0;
}

/* One 'vlanId': a number in a VlanIdSpec, a range in a TrunkVlanSpec, where ids are 0 to 4094. */
static int on_vlan_id(struct xml *xml, void *data, const char *text)
{
    struct object *object = data;
    struct item *item = &object->item;
    struct port_config *config = &object->config;

    (void)xml;
    if (item->first == UINT64_MAX && item->last == UINT64_MAX && !is_type(item, "TrunkVlanSpec")) {
        if (text_number(text, 0, VLAN_MAX, &item->vlan) < 0)
            config->oddity = "no valid VLAN id on port group";
        return 0;
    }
    item->any_range = true;
    if (item->first > item->last || item->last > 4095)
        config->oddity = "no valid VLAN range on port group";
    else
        vlanset_add_range(&config->vlans, item->first ? (uint32_t)item->first : 1,
                          item->last > VLAN_MAX ? VLAN_MAX : (uint32_t)item->last);
    return 0;
}

static int on_vlan(struct xml *xml, void *data, const char *text)
{
    struct object *object = data;
    struct item *item = &object->item;
    struct port_config *config = &object->config;

    (void)text;
    if (xml_spoiled(xml))
        config->oddity = "no valid VLAN id on port group";
    config->seen = true;
    if (item->inherited) {
        config->mode = VLAN_INHERITED;
        config->vlans = vlanset_empty;
        config->oddity = NULL;
    } else if (config->oddity) {
        config->mode = VLAN_UNKNOWN;
        config->vlans = vlanset_empty;
    } else if (item->secondary != UINT64_MAX) {
        config->mode = vlan_is_valid((uint32_t)item->secondary) ? VLAN_PRIVATE : VLAN_UNKNOWN;
        vlanset_add(&config->vlans, (uint32_t)item->secondary);
    } else if (item->any_range || is_type(item, "TrunkVlanSpec")) {
        config->mode = VLAN_TRUNK;
    } else if (item->vlan != UINT64_MAX) {
        set_vlan(config, item->vlan);
    } else {
        config->mode = VLAN_UNKNOWN; /* a kind of setting that we do not know */
        config->oddity = "a VLAN setting of an unknown kind on port group";
    }
    return 0;
}

/* An order in which every name is missing says nothing that we should act on. */
static int on_order(struct xml *xml, void *data, const char *text)
{
    struct object *object = data;
    struct port_config *config = &object->config;

    (void)text;
    if (xml_spoiled(xml))
        *config->active = *config->standby = '\0';
    config->teaming_known = *config->active || *config->standby;
    return 0;
}

static int on_order_open(struct xml *xml, void *data, const struct xml_element *element)
{
    struct object *object = data;

    (void)element;
    xml_spoiled(xml);
    *object->config.active = *object->config.standby = '\0';
    return 0;
}

static const struct xml_rule range_rules[] = {
    ITEM("start", XML_NUMBER, first),
    ITEM("end", XML_NUMBER, last),
    { 0 },
};
static const struct xml_rule vlan_rules[] = {
    ITEM("inherited", XML_FLAG, inherited),
    { .name = "vlanId",
      .take = XML_CLOSE,
      .rules = range_rules,
      .open = on_vlan_id_open,
      .close = on_vlan_id },
    ITEM("pvlanId", XML_NUMBER, secondary),
    { 0 },
};
static const struct xml_rule order_rules[] = {
    XML_MEMBER("activeUplinkPort", XML_NAMES, struct object, config.active),
    XML_MEMBER("standbyUplinkPort", XML_NAMES, struct object, config.standby),
    { 0 },
};
static const struct xml_rule teaming_rules[] = {
    { .name = "uplinkPortOrder", .rules = order_rules, .open = on_order_open, .close = on_order },
    { 0 },
};
const struct xml_rule port_config_rules[] = {
    { .name = "vlan", .rules = vlan_rules, .open = on_vlan_open, .close = on_vlan },
    XML_INTO("uplinkTeamingPolicy", teaming_rules),
    { 0 },
};

/* ---- Tag of a port group ------------------------------------------------------------------------
 */

static int on_tag(struct xml *xml, void *data, const char *text)
{
    struct object *object = data;

    (void)xml;
    if (strcmp(text, "SYSTEM/DVS.UPLINKPG") == 0)
        object->is_tagged_uplink = true;
    return 0;
}

static const struct xml_rule tag_rules[] = {
    { .name = "key", .take = XML_CLOSE, .close = on_tag },
    { 0 },
};
const struct xml_rule group_tag_rules[] = {
    XML_INTO("*", tag_rules),
    { 0 },
};

/* ---- VMwareDVSConfigInfo ------------------------------------------------------------------------
 */

static int on_uplink_group(struct xml *xml, void *data, const char *text)
{
    struct object *object = data;

    (void)xml;
    return pairs_add(&object->uplink_groups, text, "");
}

static int on_pvlan(struct xml *xml, void *data, const char *text)
{
    struct object *object = data;
    const struct item *item = &object->item;
    char id[48];

    (void)text;
    if (!item_good(xml, object))
        return 0;
    snprintf(id, sizeof(id), "%" PRIu64 "/%" PRIu64, item->primary, item->secondary);
    object_row(object, PART_PVLAN, TABLE_PVLAN,
               &(struct pvlan){ .owner = object->id,
                                .id = id,
                                .primary = item->primary,
                                .secondary = item->secondary });
    return 0;
}

static const struct xml_rule pvlan_rules[] = {
    ITEM("primaryVlanId", XML_NUMBER, primary),
    ITEM("secondaryVlanId", XML_NUMBER, secondary),
    { 0 },
};
const struct xml_rule dvswitch_config_rules[] = {
    XML_MEMBER("configVersion", XML_TEXT, struct object, version),
    { .name = "uplinkPortgroup", .take = XML_CLOSE, .close = on_uplink_group },
    XML_INTO("defaultPortConfig", port_config_rules),
    { .name = "pvlanConfig", .rules = pvlan_rules, .open = item_open, .close = on_pvlan },
    { 0 },
};

/* ---- OpaqueNetworkSummary: declared as its base class, so taken whole
 * ----------------------------- */

const struct xml_rule opaque_summary_rules[] = {
    XML_MEMBER("opaqueNetworkId", XML_ID, struct object, key),
    { 0 },
};

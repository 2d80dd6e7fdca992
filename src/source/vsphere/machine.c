/* A VirtualMachine's config.hardware.device: whatever has a MAC and a network backing is an
 * interface, whatever its class. */
#include "source/vsphere/item.h"

#include <string.h>

#include "base/text.h"

static int on_mac(struct xml *xml, void *data, const struct xml_element *element)
{
    struct object *object = data;

    (void)xml, (void)element;
    object->item.has_mac = true;
    return 0;
}

static int on_backing(struct xml *xml, void *data, const struct xml_element *element)
{
    struct object *object = data;

    (void)xml;
    text_copy(object->item.backing, sizeof(object->item.backing), element->type);
    return 0;
}

static int on_device(struct xml *xml, void *data, const char *text)
{
    struct object *object = data;
    const struct item *item = &object->item;
    struct vif vif = { .owner = object->id, .id = item->key };

    (void)text;
    /* Other devices may hold what they like: they are no concern of ours. */
    if (!item->has_mac && strncmp(item->backing, "VirtualEthernetCard", 19) != 0)
        return 0;
    if (!item_good(xml, object) || !*item->key)
        return 0;
    vif.shared = *item->shared != '\0';
    vif.network = vif.shared ? item->shared : item->standard;
    if (mac_parse(item->mac, &vif.mac) < 0)
        vif.mac = (struct mac){ 0 };
    object_row(object, PART_VIF, TABLE_VIF, &vif);
    return 0;
}

static const struct xml_rule port_rules[] = {
    ITEM("portgroupKey", XML_ID, shared),
    { 0 },
};
static const struct xml_rule backing_rules[] = {
    ITEM("deviceName", XML_ID, standard),
    ITEM("opaqueNetworkId", XML_ID, shared),
    XML_INTO("port", port_rules),
    { 0 },
};
static const struct xml_rule device_rules[] = {
    ITEM("key", XML_ID, key),
    { .name = "macAddress",
      .take = XML_TEXT,
      .offset = offsetof(struct object, item.mac),
      .size = sizeof(((struct object *)0)->item.mac),
      .open = on_mac },
    { .name = "backing", .rules = backing_rules, .open = on_backing },
    { 0 },
};
const struct xml_rule machine_device_rules[] = {
    { .name = "*", .rules = device_rules, .open = item_open, .close = on_device },
    { 0 },
};

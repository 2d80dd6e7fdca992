#include "source/vsphere/object.h"

#include <stdio.h>
#include <string.h>

#include "source/vsphere/item.h"

#define PART_CAP (8u << 20) /* bytes of one list of one object; thousands of port groups fit */
#define PAIRS_CAP (256u << 10)

static struct pairs *all_pairs(struct object *object, size_t i)
{
    struct pairs *const list[] = {
        &object->nic_keys,     &object->key_uplinks, &object->linked,    &object->uplink_groups,
        &object->uplink_ports, &object->pnic_ports,  &object->lag_ports, &object->lag_uplinks,
    };

    return i < ARRAY_SIZE(list) ? list[i] : NULL;
}

void object_init(struct object *object)
{
    struct pairs *pairs;

    for (enum part part = 0; part < N_PARTS; part++)
        strbuf_init(&object->part[part], PART_CAP);
    for (size_t i = 0; (pairs = all_pairs(object, i)); i++)
        strbuf_init(&pairs->text, PAIRS_CAP);
    object_reset(object);
}

void object_done(struct object *object)
{
    struct pairs *pairs;

    for (enum part part = 0; part < N_PARTS; part++)
        strbuf_done(&object->part[part]);
    for (size_t i = 0; (pairs = all_pairs(object, i)); i++)
        strbuf_done(&pairs->text);
}

void config_reset(struct port_config *config)
{
    *config->active = *config->standby = '\0';
    config->mode = VLAN_UNKNOWN;
    config->vlans = vlanset_empty;
    config->seen = config->teaming_known = false;
    config->oddity = NULL;
}

void object_reset(struct object *object)
{
    struct pairs *pairs;

    object->type = N_OBJECT_TYPES;
    object->kind = KIND_ENTER;
    object->valued = object->unset = object->missing = object->spoiled = 0;
    object->reread = object->removed = false;
    object->property = NULL;
    object->connection = CONNECTION_UNKNOWN;
    object->power = POWER_UNKNOWN;
    object->maintenance = object->is_template = object->is_uplink = false;
    object->is_tagged_uplink = object->has_pvlans = false;
    *object->id = *object->path = *object->name = *object->key = *object->host = '\0';
    *object->parent = '\0';
    *object->network_system = *object->dvswitch = *object->version = *object->oddity = '\0';
    if (object->config.seen || object->config.teaming_known || object->config.oddity)
        config_reset(&object->config);
    for (enum part part = 0; part < N_PARTS; part++)
        strbuf_reset(&object->part[part]);
    for (size_t i = 0; (pairs = all_pairs(object, i)); i++)
        strbuf_reset(&pairs->text);
}

int pairs_add(struct pairs *pairs, const char *key, const char *value)
{
    int r = strbuf_add(&pairs->text, key, strlen(key) + 1);

    return r < 0 ? r : strbuf_add(&pairs->text, value, strlen(value) + 1);
}

bool pairs_next(const struct pairs *pairs, size_t *at, const char **ret_key, const char **ret_value)
{
    const char *text = pairs->text.data;

    if (*at >= pairs->text.size || pairs->text.overflow)
        return false;
    *ret_key = text + *at;
    *at += strlen(*ret_key) + 1;
    *ret_value = text + *at;
    *at += strlen(*ret_value) + 1;
    return true;
}

const char *pairs_find(const struct pairs *pairs, const char *key)
{
    const char *each, *value;
    size_t at = 0;

    while (pairs_next(pairs, &at, &each, &value))
        if (strcmp(each, key) == 0)
            return value;
    return NULL;
}

void object_row(struct object *object, enum part part, enum table table, const void *row)
{
    if (record_write(&object->part[part], RECORD_NEW, table, row, 0) < 0 && object->property)
        object->spoiled |= PROPERTY(object->property - properties);
}

int item_open(struct xml *xml, void *data, const struct xml_element *element)
{
    struct object *object = data;
    struct item *item = &object->item;

    (void)element;
    xml_spoiled(xml);
    *item->key = *item->name = *item->title = *item->vswitch = *item->mac = *item->backing = '\0';
    *item->standard = *item->shared = *item->pair_key = *item->pair_value = *item->lag = '\0';
    *item->names = *item->vlan_type = '\0';
    item->vlan = item->first = item->last = item->primary = item->secondary = UINT64_MAX;
    item->link = item->has_mac = item->inherited = item->any_range = false;
    config_reset(&item->config);
    return 0;
}

bool item_good(struct xml *xml, struct object *object)
{
    if (!xml_spoiled(xml))
        return true;
    object->spoiled |= PROPERTY(object->property - properties);
    item_odd(object, "a list item that cannot be held in", object->property->path);
    return false;
}

void item_odd(struct object *object, const char *what, const char *name)
{
    snprintf(object->oddity, sizeof(object->oddity), "%s: %s \"%s\"",
             *object->name ? object->name : object->id, what, name);
}

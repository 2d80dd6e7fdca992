/* item.h: what the decoders of list items share. */
#ifndef VSN_SOURCE_VSPHERE_ITEM_H
#define VSN_SOURCE_VSPHERE_ITEM_H

#include "source/vsphere/object.h"

#define ITEM(element, kind, member) XML_MEMBER(element, kind, struct object, item.member)

/* 'open' of an item: forgets the last one. */
int item_open(struct xml *xml, void *data, const struct xml_element *element);

/* False when the item that closes could not be held whole; its list is then not complete. */
bool item_good(struct xml *xml, struct object *object);

/* Notes a strange thing about the object being read. */
void item_odd(struct object *object, const char *what, const char *name);

/* Forgets a port group's settings. */
void config_reset(struct port_config *config);

#endif

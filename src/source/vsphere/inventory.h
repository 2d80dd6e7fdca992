/* inventory.h: turns objects as vSphere tells them into rows for vsnd (model/record.h).
 *
 * It remembers no inventory, only the little that later answers need: each host's network system,
 * the key behind each port group's MoRef, the version of each distributed switch. Rows of an object
 * leave together once the object was read whole. */
#ifndef VSN_SOURCE_VSPHERE_INVENTORY_H
#define VSN_SOURCE_VSPHERE_INVENTORY_H

#include "source/vsphere/object.h"
#include "source/vsphere/soap.h"

struct inventory;

/* Whole lines. Called by inventory_flush(), and on the way when much has gathered. */
typedef void inventory_emit_fn(const char *lines, size_t size, void *data);
/* A strange thing was met that a person should know of. */
typedef void inventory_oddity_fn(const char *what, void *data);

struct inventory *inventory_new(inventory_emit_fn *emit, inventory_oddity_fn *oddity, void *data);
struct inventory *inventory_free(struct inventory *inventory);

/* What the server is asked for, which decides what a missing list means. */
void inventory_asked(struct inventory *inventory, enum api_level level, property_set refused);

/* A full read begins: everything that is not met again until inventory_complete() is forgotten
 * then.
 */
void inventory_begin(struct inventory *inventory);
void inventory_complete(struct inventory *inventory);

/* Takes an object that was read. Returns 0, or a negative errno with the sentence when there is
 * more than can be held. */
int inventory_take(struct inventory *inventory, struct object *object, struct error *reterr);

/* Sends what is waiting. */
void inventory_flush(struct inventory *inventory);

/* How many objects have to be read again. */
unsigned inventory_due(const struct inventory *inventory);

/* Objects that have to be read again: appends up to 'most' objectSets and stores in 'types' which
 * types (bit 1 << type) they are of. They stay due until inventory_reread_done(); an object that is
 * read meanwhile, or leaves, is no longer due. Returns how many. */
unsigned inventory_reread(struct inventory *inventory, struct strbuf *objects, unsigned most,
                          unsigned *ret_types);
/* The objects last handed out were read, or do not exist any more. */
void inventory_reread_done(struct inventory *inventory);

/* The next host whose hints are due: hosts that changed first, else in rounds. 'round' counts the
 * rounds. Returns false when every connected host of this round was asked. */
bool inventory_next_hint(struct inventory *inventory, unsigned round, char host[ID_SIZE],
                         char network_system[ID_SIZE]);

#endif

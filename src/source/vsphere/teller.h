/* teller.h: turns objects as vSphere tells them into rows for vsnd (model/record.h).
 *
 * It remembers no inventory, only the little that later answers and moves need: each host's name,
 * cluster and network system, where each machine is, the key behind each port group's MoRef, the
 * version of each distributed switch. Rows of an object
 * leave together once the object was read whole. */
#ifndef VSN_SOURCE_VSPHERE_TELLER_H
#define VSN_SOURCE_VSPHERE_TELLER_H

#include "source/vsphere/object.h"
#include "source/vsphere/soap.h"

struct teller;
struct known_set;

/* Whole lines. Called by teller_flush(), and on the way when much has gathered. */
typedef void teller_emit_fn(const char *lines, size_t size, void *data);
/* A strange thing was met that a person should know of. */
typedef void teller_oddity_fn(const char *what, void *data);

struct teller *teller_new(teller_emit_fn *emit, teller_oddity_fn *oddity, void *data);
struct teller *teller_free(struct teller *teller);

/* What the server is asked for, which decides what a missing list means. */
void teller_asked(struct teller *teller, enum api_level level, property_set refused);

/* A full read begins: everything that is not met again until teller_complete() is forgotten
 * then.
 */
void teller_begin(struct teller *teller);
void teller_complete(struct teller *teller);

/* Takes an object that was read. Returns 0, or a negative errno with the sentence when there is
 * more than can be held. */
int teller_take(struct teller *teller, struct object *object, struct error *reterr);

/* Sends what is waiting. */
void teller_flush(struct teller *teller);

/* What is known of the objects of a type (known.h), as far as they were told. */
const struct known_set *teller_known(const struct teller *teller, enum object_type type);

/* How many objects have to be read again. */
unsigned teller_due(const struct teller *teller);

/* Objects that have to be read again: appends up to 'most' objectSets and stores in 'types' which
 * types (bit 1 << type) they are of. They stay due until teller_reread_done(); an object that is
 * read meanwhile, or leaves, is no longer due. Returns how many. */
unsigned teller_reread(struct teller *teller, struct strbuf *objects, unsigned most,
                       unsigned *ret_types);
/* The objects last handed out were read, or do not exist any more. */
void teller_reread_done(struct teller *teller);

/* The next host whose hints are due: hosts that changed first, else in rounds. 'round' counts the
 * rounds. Returns false when every connected host of this round was asked. */
bool teller_next_hint(struct teller *teller, unsigned round, char host[ID_SIZE],
                      char network_system[ID_SIZE]);

#endif

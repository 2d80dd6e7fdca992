/* property.h: the properties that we follow, and how each is decoded: the one table behind the
 * filter that we ask for and the replies that come. (vSphere Web Services API reference,
 * PropertyCollector and the managed objects named in object_types.) */
#ifndef VSN_SOURCE_VSPHERE_PROPERTY_H
#define VSN_SOURCE_VSPHERE_PROPERTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "source/vsphere/version.h"
#include "source/xml.h"

enum object_type {
    OBJECT_HOST,
    OBJECT_MACHINE,
    OBJECT_GROUP,    /* DistributedVirtualPortgroup */
    OBJECT_DVSWITCH, /* DistributedVirtualSwitch */
    OBJECT_OPAQUE,   /* OpaqueNetwork */
    N_OBJECT_TYPES
};

enum property_id {
    HOST_NAME,
    HOST_CONNECTION,
    HOST_MAINTENANCE,
    HOST_PARENT,
    HOST_NETWORK_SYSTEM,
    HOST_PNIC,
    HOST_VSWITCH,
    HOST_PORTGROUP,
    HOST_VNIC,
    HOST_PROXY,
    HOST_CONSOLE,
    HOST_OPAQUE,
    MACHINE_NAME,
    MACHINE_HOST,
    MACHINE_POWER,
    MACHINE_CONNECTION,
    MACHINE_TEMPLATE,
    MACHINE_DEVICE,
    GROUP_NAME,
    GROUP_KEY,
    GROUP_SWITCH,
    GROUP_PORT_CONFIG,
    GROUP_TAG,
    GROUP_UPLINK,
    DVSWITCH_NAME,
    DVSWITCH_UUID,
    DVSWITCH_VERSION,
    DVSWITCH_UPLINK_GROUPS,
    DVSWITCH_PORT_CONFIG,
    DVSWITCH_CONFIG, /* read once per change, never followed: its list of hosts moves */
    OPAQUE_NAME,
    OPAQUE_ID,
    N_PROPERTIES
};

#define PROPERTY(id) (UINT64_C(1) << (id))
typedef uint64_t property_set; /* bits PROPERTY(id) */

enum property_kind {
    PROPERTY_TEXT, /* cut when too long: only for people to read */
    PROPERTY_ID,   /* not read when too long */
    PROPERTY_FLAG,
    PROPERTY_WORD,  /* an enumeration, by 'words' */
    PROPERTY_RULES, /* decoded by 'rules' */
};

/* Words of an API enumeration and the value that each means for us; NULL ends. Others mean 0. */
struct property_word {
    const char *word;
    unsigned value;
};

struct property {
    enum object_type object;
    const char *path;
    enum api_level since;
    enum property_kind kind;
    size_t offset, size; /* member of struct object */
    const struct property_word *words;
    const struct xml_rule *rules;
    bool followed; /* part of the filter; all properties are part of a read */
    bool joined;   /* means something only together with others of its object: a change of it alone
                      makes us read the object again */
    bool optional; /* a server that does not know it, has none of it */
};

extern const struct property properties[N_PROPERTIES];

/* The API's name of a type; and the other way, N_OBJECT_TYPES for a type we do not follow. A
 * subclass is known by the name of its base: VmwareDistributedVirtualSwitch. */
const char *object_type_name(enum object_type type);

/* The type that a reference to an object bears, which is that of the subclass if it is of one. */
const char *object_ref_type(enum object_type type, bool is_subclass);
enum object_type object_type_find(const char *name);

/* The property named by exactly 'path', NULL if none. */
const struct property *property_find(enum object_type type, const char *path);
/* True when 'path' lies below or above a property that we follow, as a partial update's
 * "config.hardware.device[4000]" does. */
bool property_touches(enum object_type type, const char *path);

/* What to ask a server of this API level for; an ESX(i) host by itself has no distributed objects.
 * 'refused' are properties that the server does not know after all. */
bool object_type_wanted(enum object_type type, enum api_level level, bool is_vcenter);
bool property_wanted(enum property_id id, enum api_level level, property_set refused);

/* Appends the propSet of a type (pathSet: followed ones only, or all that are wanted). */
void property_spec(struct strbuf *to, enum object_type type, enum api_level level,
                   property_set refused, bool followed_only);

#endif

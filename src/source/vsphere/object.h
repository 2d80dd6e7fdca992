/* object.h: one object of the inventory while its properties stream in, and the rules that decode
 * the values of properties. Rows of lists are written as they are read, into the object's own
 * parts; teller.h sends them when the object is complete. */
#ifndef VSN_SOURCE_VSPHERE_OBJECT_H
#define VSN_SOURCE_VSPHERE_OBJECT_H

#include "base/strbuf.h"
#include "model/record.h"
#include "source/vsphere/property.h"
#include "source/xml.h"

#define ID_SIZE 256     /* of identifiers; a longer one is not read */
#define NAME_SIZE 512   /* of names for people; a longer one is cut */
#define NAMES_SIZE 4096 /* of a teaming order */

enum object_kind {
    KIND_ENTER,  /* all that there is of it */
    KIND_MODIFY, /* only what changed */
    KIND_LEAVE,
};

/* Lists that hang from an object. */
enum part {
    PART_NIC,
    PART_VSWITCH,
    PART_UPLINK,
    PART_NETWORK,
    PART_VMKNIC,
    PART_VIF,
    PART_PVLAN,
    N_PARTS
};

/* A small list of name pairs, as they are needed to resolve keys within one object. */
struct pairs {
    struct strbuf text; /* "key\0value\0key\0value\0" */
};

/* VLANs and teaming of a port group, of any kind. */
struct port_config {
    bool seen; /* a VLAN setting was there */
    enum vlan_mode mode;
    struct vlanset vlans;
    char active[NAMES_SIZE], standby[NAMES_SIZE];
    bool teaming_known;
    const char *oddity; /* what is wrong with the VLAN setting; NULL: nothing */
};

/* The list item being read. */
struct item {
    char key[ID_SIZE], name[ID_SIZE], title[NAME_SIZE], vswitch[ID_SIZE], mac[32];
    char backing[64], standard[ID_SIZE], shared[ID_SIZE];
    char pair_key[ID_SIZE], pair_value[ID_SIZE];
    char lag[ID_SIZE];
    char names[NAMES_SIZE];
    bool link, has_mac;
    uint64_t vlan, first, last, primary, secondary;
    char vlan_type[64];
    bool inherited, any_range;
    struct port_config config;
};

struct object {
    enum object_type type;
    bool is_subclass; /* its reference bears the name of a subclass of the type */
    enum object_kind kind;
    char id[ID_SIZE]; /* the MoRef's value; "" when it could not be read */

    /* What came: properties with a value, without one, refused by the server, not to be held. */
    property_set valued, unset, missing, spoiled;
    bool is_read; /* we asked for all of it; otherwise the server tells of its own accord */
    bool reread;  /* the change can only be understood by reading the object again */

    const struct property *property; /* being read; NULL: one that we did not ask for */
    char path[ID_SIZE];
    bool removed; /* op is remove or indirectRemove */

    /* Values, valid where 'valued' says so. */
    char name[NAME_SIZE];
    char key[ID_SIZE];    /* of a port group; uuid of a switch; id of an opaque network */
    char parent[ID_SIZE]; /* of a host: what it is part of, a cluster perhaps */
    char host[ID_SIZE], network_system[ID_SIZE], dvswitch[ID_SIZE], version[ID_SIZE];
    enum connection connection;
    enum power power;
    bool maintenance, is_template, is_uplink, is_tagged_uplink;
    struct port_config config;
    bool has_pvlans;

    struct strbuf part[N_PARTS]; /* written rows */
    struct pairs nic_keys;       /* NIC key -> device */
    struct pairs key_uplinks;    /* virtual switch -> NIC key, to be resolved at the end */
    struct pairs linked;         /* device -> virtual switch: rows already written */
    struct pairs uplink_groups;  /* MoRefs of a switch's uplink groups, values empty */
    struct pairs uplink_ports;   /* of one proxy switch: port key -> uplink name */
    struct pairs pnic_ports;     /* device -> port key */
    struct pairs lag_ports;      /* port key -> LAG name, and */
    struct pairs lag_uplinks;    /* port key -> its name within the LAG */

    struct item item;
    char oddity[2 * NAME_SIZE + ID_SIZE]; /* the last strange thing met, for a notice; "" */
};

void object_init(struct object *object);
void object_done(struct object *object);
/* Forgets everything, ready for the next object. */
void object_reset(struct object *object);

/* False when an addition did not fit (a list beyond any reason). */
int pairs_add(struct pairs *pairs, const char *key, const char *value);
/* The value of a key, NULL when there is none. */
const char *pairs_find(const struct pairs *pairs, const char *key);
/* Walks: begin with '*at' 0; false at the end. */
bool pairs_next(const struct pairs *pairs, size_t *at, const char **ret_key,
                const char **ret_value);

/* Writes a row into a part. A row that is too long spoils the property being read. */
void object_row(struct object *object, enum part part, enum table table, const void *row);

/* For the end of an object: writes the uplink rows that are only known by NIC keys. */
void host_resolve_uplinks(struct object *object);

/* The settings of a standard port group's 'vlanId', and of a distributed one. */
void port_config_standard(struct port_config *config, uint64_t vlan);

/* Values of properties, by the rules that their data is a struct object at offset 0 of. */
extern const struct xml_rule host_pnic_rules[], host_vswitch_rules[], host_portgroup_rules[],
    host_vnic_rules[], host_proxy_rules[], host_opaque_rules[];
extern const struct xml_rule machine_device_rules[];
extern const struct xml_rule port_config_rules[], group_tag_rules[], dvswitch_config_rules[],
    opaque_summary_rules[];

#endif

#include "source/vsphere/property.h"

#include <string.h>

#include "model/record.h"
#include "source/vsphere/object.h"
#include "source/vsphere/soap.h"

static const struct property_word host_connections[] = {
    { "connected", CONNECTION_CONNECTED },
    { "disconnected", CONNECTION_DISCONNECTED },
    { "notResponding", CONNECTION_NOT_RESPONDING },
    { 0 },
};
static const struct property_word machine_connections[] = {
    { "connected", CONNECTION_CONNECTED },     { "disconnected", CONNECTION_DISCONNECTED },
    { "orphaned", CONNECTION_NOT_RESPONDING }, { "inaccessible", CONNECTION_NOT_RESPONDING },
    { "invalid", CONNECTION_NOT_RESPONDING },  { 0 },
};
static const struct property_word powers[] = {
    { "poweredOff", POWER_OFF },
    { "poweredOn", POWER_ON },
    { "suspended", POWER_SUSPENDED },
    { 0 },
};

#define MEMBER(member)                                                                             \
    .offset = offsetof(struct object, member), .size = sizeof(((struct object *)0)->member)
#define TEXT(member) .kind = PROPERTY_TEXT, MEMBER(member)
#define ID(member) .kind = PROPERTY_ID, MEMBER(member)
#define FLAG(member) .kind = PROPERTY_FLAG, MEMBER(member)
#define WORD(member, list) .kind = PROPERTY_WORD, .words = list, MEMBER(member)
#define RULES(table) .kind = PROPERTY_RULES, .rules = table
#define FOLLOWED .followed = true
#define OPTIONAL .optional = true
#define JOINED .joined = true

/* clang-format off */
const struct property properties[N_PROPERTIES] = {
    [HOST_NAME] = { OBJECT_HOST, "name", TEXT(name), FOLLOWED },
    [HOST_CONNECTION] = { OBJECT_HOST, "runtime.connectionState", WORD(connection, host_connections), FOLLOWED },
    [HOST_MAINTENANCE] = { OBJECT_HOST, "runtime.inMaintenanceMode", FLAG(maintenance), FOLLOWED },
    [HOST_PARENT] = { OBJECT_HOST, "parent", ID(parent), FOLLOWED },
    [HOST_NETWORK_SYSTEM] = { OBJECT_HOST, "configManager.networkSystem", ID(network_system), FOLLOWED },
    [HOST_PNIC] = { OBJECT_HOST, "config.network.pnic", RULES(host_pnic_rules), FOLLOWED },
    [HOST_VSWITCH] = { OBJECT_HOST, "config.network.vswitch", RULES(host_vswitch_rules), FOLLOWED, JOINED },
    [HOST_PORTGROUP] = { OBJECT_HOST, "config.network.portgroup", RULES(host_portgroup_rules), FOLLOWED },
    [HOST_VNIC] = { OBJECT_HOST, "config.network.vnic", RULES(host_vnic_rules), FOLLOWED, JOINED },
    [HOST_PROXY] = { OBJECT_HOST, "config.network.proxySwitch", API_4_0, RULES(host_proxy_rules), FOLLOWED, JOINED, OPTIONAL },
    [HOST_CONSOLE] = { OBJECT_HOST, "config.network.consoleVnic", RULES(host_vnic_rules), FOLLOWED, JOINED, OPTIONAL },
    [HOST_OPAQUE] = { OBJECT_HOST, "config.network.opaqueSwitch", API_5_5, RULES(host_opaque_rules), FOLLOWED, JOINED, OPTIONAL },

    [MACHINE_NAME] = { OBJECT_MACHINE, "name", TEXT(name), FOLLOWED },
    [MACHINE_HOST] = { OBJECT_MACHINE, "runtime.host", ID(host), FOLLOWED },
    [MACHINE_POWER] = { OBJECT_MACHINE, "runtime.powerState", WORD(power, powers), FOLLOWED },
    [MACHINE_CONNECTION] = { OBJECT_MACHINE, "runtime.connectionState", WORD(connection, machine_connections), FOLLOWED },
    [MACHINE_TEMPLATE] = { OBJECT_MACHINE, "config.template", FLAG(is_template), FOLLOWED },
    [MACHINE_DEVICE] = { OBJECT_MACHINE, "config.hardware.device", RULES(machine_device_rules), FOLLOWED },

    [GROUP_NAME] = { OBJECT_GROUP, "name", TEXT(name), FOLLOWED },
    [GROUP_KEY] = { OBJECT_GROUP, "key", ID(key), FOLLOWED },
    [GROUP_SWITCH] = { OBJECT_GROUP, "config.distributedVirtualSwitch", ID(dvswitch), FOLLOWED },
    [GROUP_PORT_CONFIG] = { OBJECT_GROUP, "config.defaultPortConfig", RULES(port_config_rules), FOLLOWED },
    [GROUP_TAG] = { OBJECT_GROUP, "tag", RULES(group_tag_rules), FOLLOWED, OPTIONAL },
    [GROUP_UPLINK] = { OBJECT_GROUP, "config.uplink", API_6_5, FLAG(is_uplink), FOLLOWED, OPTIONAL },

    [DVSWITCH_NAME] = { OBJECT_DVSWITCH, "name", TEXT(name), FOLLOWED, JOINED },
    [DVSWITCH_UUID] = { OBJECT_DVSWITCH, "uuid", ID(key), FOLLOWED, JOINED },
    [DVSWITCH_VERSION] = { OBJECT_DVSWITCH, "config.configVersion", ID(version), FOLLOWED, JOINED, OPTIONAL },
    [DVSWITCH_UPLINK_GROUPS] = { OBJECT_DVSWITCH, "config.uplinkPortgroup", RULES(NULL), FOLLOWED, JOINED, OPTIONAL },
    [DVSWITCH_PORT_CONFIG] = { OBJECT_DVSWITCH, "config.defaultPortConfig", RULES(NULL), FOLLOWED, JOINED, OPTIONAL },
    [DVSWITCH_CONFIG] = { OBJECT_DVSWITCH, "config", RULES(dvswitch_config_rules) },

    [OPAQUE_NAME] = { OBJECT_OPAQUE, "name", TEXT(name), FOLLOWED },
    [OPAQUE_ID] = { OBJECT_OPAQUE, "summary", RULES(opaque_summary_rules), FOLLOWED },
};
/* clang-format on */

static const struct {
    const char *name;
    enum api_level since;
    bool vcenter_only;
} types[N_OBJECT_TYPES] = {
    [OBJECT_HOST] = { "HostSystem", API_2_0, false },
    [OBJECT_MACHINE] = { "VirtualMachine", API_2_0, false },
    [OBJECT_GROUP] = { "DistributedVirtualPortgroup", API_4_0, true },
    [OBJECT_DVSWITCH] = { "DistributedVirtualSwitch", API_4_0, true },
    [OBJECT_OPAQUE] = { "OpaqueNetwork", API_5_5, true },
};

/* The only subclass that there is of any of them. */
static const char dvswitch_subclass[] = "VmwareDistributedVirtualSwitch";

const char *object_type_name(enum object_type type)
{
    return types[type].name;
}

const char *object_ref_type(enum object_type type, bool is_subclass)
{
    return type == OBJECT_DVSWITCH && is_subclass ? dvswitch_subclass : types[type].name;
}

enum object_type object_type_find(const char *name)
{
    for (enum object_type type = 0; type < N_OBJECT_TYPES; type++)
        if (strcmp(types[type].name, name) == 0)
            return type;
    return strcmp(name, dvswitch_subclass) == 0 ? OBJECT_DVSWITCH : N_OBJECT_TYPES;
}

const struct property *property_find(enum object_type type, const char *path)
{
    for (size_t i = 0; i < N_PROPERTIES; i++)
        if (properties[i].object == type && strcmp(properties[i].path, path) == 0)
            return &properties[i];
    return NULL;
}

/* True when 'path' is 'above' with something behind it: ".bar" or "[4000]". */
static bool is_below(const char *path, const char *above)
{
    size_t length = strlen(above);

    return strncmp(path, above, length) == 0 && (path[length] == '.' || path[length] == '[');
}

bool property_touches(enum object_type type, const char *path)
{
    for (size_t i = 0; i < N_PROPERTIES; i++)
        if (properties[i].object == type &&
            (is_below(path, properties[i].path) || is_below(properties[i].path, path)))
            return true;
    return false;
}

bool object_type_wanted(enum object_type type, enum api_level level, bool is_vcenter)
{
    return level >= types[type].since && (is_vcenter || !types[type].vcenter_only);
}

bool property_wanted(enum property_id id, enum api_level level, property_set refused)
{
    return level >= properties[id].since && !(refused & PROPERTY(id));
}

void property_spec(struct strbuf *to, enum object_type type, enum api_level level,
                   property_set refused, bool followed_only)
{
    soap_markup(to, "<propSet>");
    soap_text(to, "type", types[type].name);
    soap_markup(to, "<all>false</all>");
    for (enum property_id id = 0; id < N_PROPERTIES; id++)
        if (properties[id].object == type && property_wanted(id, level, refused) &&
            (properties[id].followed || !followed_only))
            soap_text(to, "pathSet", properties[id].path);
    soap_markup(to, "</propSet>");
}

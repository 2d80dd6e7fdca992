#include "source/xenapi/object.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "model/names.h"

#define BLOCK_CAP (256u << 10) /* bytes of one record's texts */
#define TEXT_CAP 255           /* bytes of one text that may be cut */

static const struct {
    const char *name, *event;
} classes[N_XEN_CLASSES] = {
    [XEN_POOL] = { "pool", "pool" },
    [XEN_HOST] = { "host", "host" },
    [XEN_HOST_METRICS] = { "host_metrics", "host_metrics" },
    [XEN_NETWORK] = { "network", "network" },
    [XEN_PIF] = { "PIF", "pif" },
    [XEN_PIF_METRICS] = { "PIF_metrics", "pif_metrics" },
    [XEN_BOND] = { "Bond", "bond" },
    [XEN_VLAN] = { "VLAN", "vlan" },
    [XEN_VIF] = { "VIF", "vif" },
    [XEN_VM] = { "VM", "vm" },
    [XEN_TASK] = { "task", "task" },
};

const char *xen_class_name(enum xen_class class)
{
    return classes[class].name;
}

const char *xen_class_event(enum xen_class class)
{
    return classes[class].event;
}

enum xen_class xen_class_find(const char *name)
{
    enum xen_class class = 0;

    while (class < N_XEN_CLASSES && strcasecmp(classes[class].name, name) != 0)
        class ++;
    return class;
}

/* ---- A record -------------------------------------------------------------------------------- */

void xen_record_init(struct xen_record *record)
{
    *record = (struct xen_record){ 0 };
    strbuf_init(&record->block, BLOCK_CAP);
    xen_record_reset(record);
}

void xen_record_done(struct xen_record *record)
{
    strbuf_done(&record->block);
}

void xen_record_reset(struct xen_record *record)
{
    record->values = (struct xen_values){ 0 };
    memset(record->at, 0, sizeof(record->at));
    record->spoiled = false;
    strbuf_reset(&record->block);
    strbuf_addc(&record->block, '\0'); /* where every text that did not come points */
}

static struct xen_record *record_of(void *data)
{
    return *(struct xen_record **)data;
}

static void begin_text(struct xen_record *record, enum xen_text text)
{
    record->values.has |= xen_has_text(text);
    record->at[text] = record->block.size;
}

static void end_text(struct xen_record *record)
{
    strbuf_addc(&record->block, '\0');
    if (record->block.overflow)
        record->spoiled = true;
}

static int take_text(struct rpc *rpc, const struct rpc_rule *rule, const char *key,
                     const char *text, void *data)
{
    struct xen_record *record = record_of(data);
    char cut[TEXT_CAP + 1];

    (void)rpc, (void)key;
    text_copy(cut, sizeof(cut), text);
    begin_text(record, rule->what);
    strbuf_adds(&record->block, cut);
    end_text(record);
    return 0;
}

/* "OpaqueRef:NULL", "" (7.0) and "Ref:*" have all been seen for null. */
static bool is_null(const char *ref)
{
    return !*ref || strcmp(ref, "OpaqueRef:NULL") == 0 || strncmp(ref, "Ref:", 4) == 0;
}

static int take_ref(struct rpc *rpc, const struct rpc_rule *rule, const char *key, const char *text,
                    void *data)
{
    struct xen_record *record = record_of(data);

    (void)rpc, (void)key;
    if (strlen(text) >= XEN_REF_SIZE) {
        record->spoiled = true;
        return 0;
    }
    begin_text(record, rule->what);
    strbuf_adds(&record->block, is_null(text) ? "" : text);
    end_text(record);
    return 0;
}

static int take_flag(struct rpc *rpc, const struct rpc_rule *rule, const char *key,
                     const char *text, void *data)
{
    struct xen_record *record = record_of(data);

    (void)rpc, (void)key;
    record->values.has |= xen_has_flag(rule->what);
    if (strcmp(text, "1") == 0 || strcmp(text, "true") == 0)
        record->values.flags |= UINT64_C(1) << rule->what;
    return 0;
}

static int take_number(struct rpc *rpc, const struct rpc_rule *rule, const char *key,
                       const char *text, void *data)
{
    struct xen_record *record = record_of(data);
    bool negative = *text == '-';
    uint64_t value;

    (void)rpc, (void)key;
    if (text_number(text + negative, 0, INT64_MAX, &value) < 0)
        return 0; /* not a number: as if it were missing */
    record->values.has |= xen_has_number(rule->what);
    record->values.number[rule->what] = negative ? -(int64_t)value : (int64_t)value;
    return 0;
}

/* ---- Lists and maps ---- */

static int open_list(struct rpc *rpc, const struct rpc_rule *rule, const char *key, void *data)
{
    (void)rpc, (void)key;
    begin_text(record_of(data), rule->what);
    return 0;
}

static int close_list(struct rpc *rpc, const struct rpc_rule *rule, const char *key,
                      const char *text, void *data)
{
    (void)rpc, (void)rule, (void)key, (void)text;
    end_text(record_of(data));
    return 0;
}

static void add_name(struct xen_record *record, const char *name)
{
    char last = record->block.size ? record->block.data[record->block.size - 1] : '\0';

    if (last != '\0')
        strbuf_addc(&record->block, NAMES_SEPARATOR);
    strbuf_adds(&record->block, name);
}

static int take_item(struct rpc *rpc, const struct rpc_rule *rule, const char *key,
                     const char *text, void *data)
{
    struct xen_record *record = record_of(data);

    (void)rpc, (void)rule, (void)key;
    if (strlen(text) >= XEN_REF_SIZE || strchr(text, NAMES_SEPARATOR))
        record->spoiled = true;
    else if (!is_null(text))
        add_name(record, text);
    return 0;
}

/* Pairs that cannot be held are left out; a map is never evidence for absence. */
static int take_pair(struct rpc *rpc, const struct rpc_rule *rule, const char *key,
                     const char *text, void *data)
{
    struct xen_record *record = record_of(data);

    (void)rpc, (void)rule;
    if (!*key || !*text || strlen(text) >= RPC_KEY_SIZE || strchr(key, NAMES_SEPARATOR) ||
        strchr(text, NAMES_SEPARATOR))
        return 0;
    add_name(record, key);
    add_name(record, text);
    return 0;
}

static const struct rpc_rule list_rules[] = { { .name = "[]", .close = take_item },
                                              { .name = NULL } };
static const struct rpc_rule map_rules[] = { { .name = "*", .close = take_pair },
                                             { .name = NULL } };

static const struct rpc_rule software_rules[] = {
    { .name = "product_brand", .what = XEN_PRODUCT, .close = take_text },
    { .name = "product_version", .what = XEN_VERSION, .close = take_text },
    { .name = NULL },
};

#define TEXT(field, text)                                                                          \
    {                                                                                              \
        .name = field, .what = text, .close = take_text                                            \
    }
#define REF(field, text)                                                                           \
    {                                                                                              \
        .name = field, .what = text, .close = take_ref                                             \
    }
#define FLAG(field, flag)                                                                          \
    {                                                                                              \
        .name = field, .what = flag, .close = take_flag                                            \
    }
#define NUMBER(field, number)                                                                      \
    {                                                                                              \
        .name = field, .what = number, .close = take_number                                        \
    }
#define LIST(field, text)                                                                          \
    {                                                                                              \
        .name = field, .what = text, .rules = list_rules, .open = open_list, .close = close_list   \
    }
#define MAP(field, text)                                                                           \
    {                                                                                              \
        .name = field, .what = text, .rules = map_rules, .open = open_list, .close = close_list    \
    }

const struct rpc_rule xen_record_rules[] = {
    TEXT("name_label", XEN_NAME),
    REF("master", XEN_MASTER),
    TEXT("address", XEN_ADDRESS),
    REF("metrics", XEN_METRICS),
    { .name = "software_version", .rules = software_rules },
    MAP("current_operations", XEN_OPERATIONS),
    TEXT("bridge", XEN_BRIDGE),
    LIST("PIFs", XEN_PIFS),
    TEXT("device", XEN_DEVICE),
    REF("network", XEN_ITS_NETWORK),
    REF("host", XEN_ITS_HOST),
    TEXT("MAC", XEN_MAC),
    REF("bond_slave_of", XEN_SLAVE_OF),
    LIST("bond_master_of", XEN_MASTER_OF),
    REF("VLAN_master_of", XEN_VLAN_MASTER_OF),
    LIST("sriov_logical_PIF_of", XEN_SRIOV),
    LIST("tunnel_access_PIF_of", XEN_TUNNEL),
    TEXT("IP", XEN_IP),
    TEXT("ip_configuration_mode", XEN_IP_MODE),
    LIST("slaves", XEN_SLAVES),
    TEXT("mode", XEN_MODE),
    REF("tagged_PIF", XEN_TAGGED),
    REF("untagged_PIF", XEN_UNTAGGED),
    REF("VM", XEN_ITS_VM),
    TEXT("power_state", XEN_POWER),
    REF("resident_on", XEN_RESIDENT),
    REF("scheduled_to_be_resident_on", XEN_SCHEDULED),
    TEXT("status", XEN_STATUS),
    MAP("lldp_neighbor", XEN_LLDP),
    FLAG("enabled", XEN_ENABLED),
    FLAG("live", XEN_LIVE),
    FLAG("physical", XEN_PHYSICAL),
    FLAG("management", XEN_MANAGEMENT),
    FLAG("carrier", XEN_CARRIER),
    FLAG("is_a_template", XEN_TEMPLATE),
    FLAG("is_a_snapshot", XEN_SNAPSHOT),
    FLAG("is_control_domain", XEN_CONTROL),
    NUMBER("VLAN", XEN_VLAN_ID),
    NUMBER("tag", XEN_TAG),
    NUMBER("API_version_major", XEN_API_MAJOR),
    NUMBER("API_version_minor", XEN_API_MINOR),
    { .name = NULL },
};

/* ---- Maps ------------------------------------------------------------------------------------ */

static bool next_text(const char **at, char text[RPC_KEY_SIZE])
{
    const char *name;
    size_t length;

    if (!names_next(at, &name, &length) || length >= RPC_KEY_SIZE)
        return false;
    memcpy(text, name, length);
    text[length] = '\0';
    return true;
}

bool xen_map_next(const char **at, char key[RPC_KEY_SIZE], char value[RPC_KEY_SIZE])
{
    return next_text(at, key) && next_text(at, value);
}

bool xen_map_find(const char *map, const char *key, char value[RPC_KEY_SIZE])
{
    char each[RPC_KEY_SIZE];

    while (xen_map_next(&map, each, value))
        if (strcmp(each, key) == 0)
            return true;
    return false;
}

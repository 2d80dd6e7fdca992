#include "model/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "model/names.h"

static const char *const session_states[] = { "disabled", "connecting", "syncing", "connected",
                                              "stale",    "held",       NULL };
static const char *const connections[] = { "unknown", "connected", "disconnected", "not-responding",
                                           NULL };
static const char *const links[] = { "unknown", "down", "up", NULL };
static const char *const vswitch_kinds[] = { "unknown", "standard", "distributed",
                                             "bridge",  "opaque",   NULL };
static const char *const network_kinds[] = { "unknown", "standard", "distributed",
                                             "bridge",  "opaque",   NULL };
static const char *const network_roles[] = { "demand", "uplinks", "defaults", NULL };
static const char *const vlan_modes[] = { "unknown", "native",    "tagged", "trunk",
                                          "private", "inherited", NULL };
static const char *const powers[] = { "unknown", "off", "on", "suspended", NULL };
static const char *const move_kinds[] = { "unknown", "migrate", "cold",    "storage",
                                          "arrive",  "start",   "restart", "resume",
                                          "clone",   "deploy",  "create",  NULL };
static const char *const move_outcomes[] = { "running", "done", "failed", "cancelled", NULL };
static const char *const migration_outcomes[] = { "running",   "in-time",   "missed",  "failed",
                                                  "cancelled", "elsewhere", "unknown", NULL };
static const char *const discoveries[] = { "unknown", "lldp", "cdp", NULL };
static const char *const switch_states[] = { "unknown", "ready", "unreachable", NULL };

#define FIELD(row, member, type, ...)                                                              \
    {                                                                                              \
#member, type, offsetof(struct row, member), sizeof(((struct row *)0)->member),            \
            __VA_ARGS__                                                                            \
    }
#define KEY(row) FIELD(row, owner, FIELD_TEXT, NULL), FIELD(row, id, FIELD_TEXT, NULL)
#define TEXT(row, member) FIELD(row, member, FIELD_TEXT, NULL)
#define NUMBER(row, member) FIELD(row, member, FIELD_NUMBER, NULL)
#define FLAG(row, member) FIELD(row, member, FIELD_FLAG, NULL)
#define WORD(row, member, words) FIELD(row, member, FIELD_ENUM, words)
#define MAC(row, member) FIELD(row, member, FIELD_MAC, NULL)
#define VLANS(row, member) FIELD(row, member, FIELD_VLANS, NULL)
#define NAMES(row, member) FIELD(row, member, FIELD_NAMES, NULL)

static const struct field session_fields[] = {
    KEY(session),           WORD(session, state, session_states),
    TEXT(session, reason),  TEXT(session, product),
    TEXT(session, version), TEXT(session, api),
    TEXT(session, notice),
};
static const struct field host_fields[] = {
    KEY(host),
    TEXT(host, name),
    WORD(host, connection, connections),
    FLAG(host, maintenance),
};
static const struct field nic_fields[] = { KEY(nic), MAC(nic, mac), WORD(nic, link, links) };
static const struct field vswitch_fields[] = {
    KEY(vswitch),
    TEXT(vswitch, name),
    WORD(vswitch, kind, vswitch_kinds),
};
static const struct field uplink_fields[] = {
    KEY(uplink),
    TEXT(uplink, vswitch),
    TEXT(uplink, name),
    TEXT(uplink, lag),
};
static const struct field dvswitch_fields[] = {
    KEY(dvswitch),
    TEXT(dvswitch, name),
    TEXT(dvswitch, uuid),
};
static const struct field pvlan_fields[] = {
    KEY(pvlan),
    NUMBER(pvlan, primary),
    NUMBER(pvlan, secondary),
};
static const struct field network_fields[] = {
    KEY(network),
    TEXT(network, name),
    WORD(network, kind, network_kinds),
    WORD(network, role, network_roles),
    TEXT(network, vswitch),
    WORD(network, mode, vlan_modes),
    VLANS(network, vlans),
    NAMES(network, active),
    NAMES(network, standby),
    FLAG(network, teaming_known),
};
static const struct field vmknic_fields[] = {
    KEY(vmknic),
    MAC(vmknic, mac),
    TEXT(vmknic, network),
    FLAG(vmknic, shared),
};
static const struct field machine_fields[] = {
    KEY(machine),
    TEXT(machine, name),
    TEXT(machine, host),
    WORD(machine, power, powers),
    WORD(machine, connection, connections),
    FLAG(machine, template),
};
static const struct field vif_fields[] = {
    KEY(vif),
    MAC(vif, mac),
    TEXT(vif, network),
    FLAG(vif, shared),
};
static const struct field move_fields[] = {
    KEY(move),
    WORD(move, kind, move_kinds),
    WORD(move, outcome, move_outcomes),
    TEXT(move, from),
    TEXT(move, to),
    NAMES(move, possible),
    TEXT(move, name),
    TEXT(move, by),
    TEXT(move, user),
    TEXT(move, problem),
    NUMBER(move, since_ms),
    FLAG(move, waiting),
    NUMBER(move, widen_ms),
    FLAG(move, widened),
};
static const struct field hint_fields[] = {
    KEY(hint),           TEXT(hint, nic),  WORD(hint, protocol, discoveries), TEXT(hint, system),
    TEXT(hint, chassis), TEXT(hint, port), TEXT(hint, description),
};
static const struct field advert_fields[] = {
    KEY(advert),
    TEXT(advert, system),
    TEXT(advert, chassis),
    TEXT(advert, port),
    TEXT(advert, description),
    TEXT(advert, nonce),
    TEXT(advert, nonce_before),
};
static const struct field neighbor_fields[] = {
    KEY(neighbor),
    WORD(neighbor, protocol, discoveries),
    TEXT(neighbor, system),
    TEXT(neighbor, chassis),
    MAC(neighbor, chassis_mac),
    TEXT(neighbor, port),
    MAC(neighbor, port_mac),
    TEXT(neighbor, description),
};
static const struct field switch_fields[] = {
    KEY(switch_status),
    TEXT(switch_status, driver),
    WORD(switch_status, state, switch_states),
    TEXT(switch_status, reason),
    FLAG(switch_status, frozen),
};
static const struct field port_fields[] = {
    KEY(port),           FLAG(port, enabled),    WORD(port, link, links),  FLAG(port, open),
    TEXT(port, refusal), NUMBER(port, native),   VLANS(port, tagged),      VLANS(port, pending),
    VLANS(port, owned),  VLANS(port, learnt),    FLAG(port, learnt_known), NAMES(port, members),
    MAC(port, partner),  FLAG(port, brought_up),
};
static const struct field station_fields[] = {
    KEY(station),
    MAC(station, mac),
    NUMBER(station, vlan),
};
static const struct field policy_fields[] = { KEY(policy), VLANS(policy, allowed),
                                              FLAG(policy, uplink), FLAG(policy, may_enable) };
static const struct field change_fields[] = {
    KEY(change),           TEXT(change, port),   VLANS(change, add),
    VLANS(change, remove), FLAG(change, enable),
};
static const struct field outcome_fields[] = {
    KEY(outcome),           TEXT(outcome, port),    VLANS(outcome, added), VLANS(outcome, removed),
    TEXT(outcome, problem), FLAG(outcome, enabled),
};
static const struct field target_fields[] = {
    KEY(target),
    TEXT(target, type),
    TEXT(target, url),
    TEXT(target, username),
    TEXT(target, password_file),
    TEXT(target, ca_file),
    TEXT(target, fingerprint),
    FLAG(target, tls_legacy),
    NUMBER(target, hint_interval_s),
};
static const struct field migration_fields[] = {
    KEY(migration),
    TEXT(migration, hypervisor),
    TEXT(migration, machine_id),
    TEXT(migration, machine),
    TEXT(migration, move),
    TEXT(migration, from),
    TEXT(migration, to),
    WORD(migration, kind, move_kinds),
    TEXT(migration, by),
    TEXT(migration, user),
    NAMES(migration, ports),
    VLANS(migration, vlans),
    VLANS(migration, added),
    NUMBER(migration, seen_ms),
    NUMBER(migration, planned_ms),
    NUMBER(migration, applied_ms),
    NUMBER(migration, verified_ms),
    NUMBER(migration, switched_over_ms),
    WORD(migration, outcome, migration_outcomes),
    TEXT(migration, reason),
};
static const struct field audit_fields[] = {
    KEY(audit),        TEXT(audit, port),    VLANS(audit, added),  VLANS(audit, removed),
    TEXT(audit, whom), TEXT(audit, problem), NUMBER(audit, at_ms), FLAG(audit, enabled),
};

#define TABLE(word, row, fields)                                                                   \
    {                                                                                              \
        word, sizeof(struct row), fields, ARRAY_SIZE(fields)                                       \
    }

static const struct {
    const char *name;
    size_t row_size;
    const struct field *fields;
    size_t n_fields;
} tables[N_TABLES] = {
    [TABLE_SESSION] = TABLE("session", session, session_fields),
    [TABLE_HOST] = TABLE("host", host, host_fields),
    [TABLE_NIC] = TABLE("nic", nic, nic_fields),
    [TABLE_VSWITCH] = TABLE("vswitch", vswitch, vswitch_fields),
    [TABLE_UPLINK] = TABLE("uplink", uplink, uplink_fields),
    [TABLE_DVSWITCH] = TABLE("dvswitch", dvswitch, dvswitch_fields),
    [TABLE_PVLAN] = TABLE("pvlan", pvlan, pvlan_fields),
    [TABLE_NETWORK] = TABLE("network", network, network_fields),
    [TABLE_VMKNIC] = TABLE("vmknic", vmknic, vmknic_fields),
    [TABLE_MACHINE] = TABLE("machine", machine, machine_fields),
    [TABLE_VIF] = TABLE("vif", vif, vif_fields),
    [TABLE_MOVE] = TABLE("move", move, move_fields),
    [TABLE_HINT] = TABLE("hint", hint, hint_fields),
    [TABLE_ADVERT] = TABLE("advert", advert, advert_fields),
    [TABLE_NEIGHBOR] = TABLE("neighbor", neighbor, neighbor_fields),
    [TABLE_SWITCH] = TABLE("switch", switch_status, switch_fields),
    [TABLE_PORT] = TABLE("port", port, port_fields),
    [TABLE_STATION] = TABLE("station", station, station_fields),
    [TABLE_POLICY] = TABLE("policy", policy, policy_fields),
    [TABLE_CHANGE] = TABLE("change", change, change_fields),
    [TABLE_OUTCOME] = TABLE("outcome", outcome, outcome_fields),
    [TABLE_TARGET] = TABLE("target", target, target_fields),
    [TABLE_MIGRATION] = TABLE("migration", migration, migration_fields),
    [TABLE_AUDIT] = TABLE("audit", audit, audit_fields),
};

static const char *const ops[N_RECORD_OPS] = {
    [RECORD_PUT] = "put",     [RECORD_NEW] = "new", [RECORD_GONE] = "gone",
    [RECORD_BEGIN] = "begin", [RECORD_END] = "end", [RECORD_UNKNOWN] = "unknown",
};

const char *table_name(enum table table)
{
    return table == TABLE_ALL ? "all" : tables[table].name;
}

int table_find(const char *name, enum table *ret_table)
{
    for (enum table table = 0; table <= TABLE_ALL; table++)
        if (strcmp(table_name(table), name) == 0) {
            *ret_table = table;
            return 0;
        }
    return -ENOENT;
}

size_t table_row_size(enum table table)
{
    return tables[table].row_size;
}

const struct field *table_fields(enum table table, size_t *ret_count)
{
    *ret_count = tables[table].n_fields;
    return tables[table].fields;
}

static const struct field *find_field(enum table table, const char *name, size_t *ret_index)
{
    for (size_t i = 0; i < tables[table].n_fields; i++)
        if (strcmp(tables[table].fields[i].name, name) == 0) {
            *ret_index = i;
            return &tables[table].fields[i];
        }
    return NULL;
}

uint32_t record_field(enum table table, const char *name)
{
    size_t index = 0;

    return find_field(table, name, &index) ? UINT32_C(1) << index : 0;
}

/* ---- Access to one field of a row ---------------------------------------------------------- */

static bool is_text(const struct field *field)
{
    return field->type == FIELD_TEXT || field->type == FIELD_NAMES;
}

static const char *text_of(const struct field *field, const void *row)
{
    const char *text;

    memcpy(&text, (const char *)row + field->offset, sizeof(text));
    return text ? text : "";
}

static void set_text(const struct field *field, void *row, const char *text)
{
    memcpy((char *)row + field->offset, &text, sizeof(text));
}

static unsigned enum_of(const struct field *field, const void *row)
{
    unsigned value;

    memcpy(&value, (const char *)row + field->offset, sizeof(value));
    return value;
}

static bool field_equal(const struct field *field, const void *a, const void *b)
{
    if (is_text(field))
        return strcmp(text_of(field, a), text_of(field, b)) == 0;
    return memcmp((const char *)a + field->offset, (const char *)b + field->offset, field->size) ==
           0;
}

const char *record_word(enum table table, const char *name, const void *row)
{
    size_t index = 0;
    const struct field *field = find_field(table, name, &index);

    return field && field->type == FIELD_ENUM ? field->words[enum_of(field, row)] : "";
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void write_encoded(struct strbuf *to, const char *text, size_t length, const char *more)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];

        if (byte <= ' ' || byte == 0x7f || byte == '%' || strchr(more, byte))
            strbuf_addf(to, "%%%02X", byte);
        else
            strbuf_addc(to, (char)byte);
    }
}

/* Names are separated by commas in the written form, so a comma inside a name is encoded. */
static void write_names(struct strbuf *to, const char *names)
{
    const char *name, *comma = "";
    size_t length;

    while (names_next(&names, &name, &length)) {
        strbuf_adds(to, comma);
        write_encoded(to, name, length, ",");
        comma = ",";
    }
}

static void write_value(struct strbuf *to, const struct field *field, const void *row)
{
    const char *at = (const char *)row + field->offset;
    char mac[MAC_TEXT];

    switch (field->type) {
    case FIELD_TEXT:
        write_encoded(to, text_of(field, row), strlen(text_of(field, row)), "");
        break;
    case FIELD_NAMES:
        write_names(to, text_of(field, row));
        break;
    case FIELD_NUMBER:
        strbuf_addf(to, "%" PRIu64, *(const uint64_t *)(const void *)at);
        break;
    case FIELD_FLAG:
        strbuf_adds(to, *(const bool *)(const void *)at ? "yes" : "no");
        break;
    case FIELD_ENUM:
        strbuf_adds(to, field->words[enum_of(field, row)]);
        break;
    case FIELD_MAC:
        strbuf_adds(to, mac_format(*(const struct mac *)(const void *)at, mac));
        break;
    case FIELD_VLANS:
        vlanset_format((const struct vlanset *)(const void *)at, to);
        break;
    }
}

static void write_field(struct strbuf *to, const struct field *field, const void *row)
{
    strbuf_addc(to, ' ');
    strbuf_adds(to, field->name);
    strbuf_addc(to, '=');
    write_value(to, field, row);
}

int record_write(struct strbuf *to, enum record_op op, enum table table, const void *row,
                 uint32_t stated)
{
    static const union row nothing;
    size_t before = to->size;

    strbuf_adds(to, ops[op]);
    strbuf_addc(to, ' ');
    strbuf_adds(to, table_name(table));
    for (size_t i = 0; row && table != TABLE_ALL && i < tables[table].n_fields; i++) {
        const struct field *field = &tables[table].fields[i];
        bool differs = !field_equal(field, row, &nothing);

        if (i < 2 ? differs : op == RECORD_NEW ? differs : op == RECORD_PUT && (stated >> i & 1))
            write_field(to, field, row);
    }
    strbuf_addc(to, '\n');
    if (!to->overflow && to->size - before > RECORD_LINE_MAX) {
        to->size = before;
        to->data[before] = '\0';
        return -EMSGSIZE;
    }
    return to->overflow ? -EMSGSIZE : 0;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static int hex_digit(char digit)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = digit ? strchr(digits, digit) : NULL;

    return at ? (int)(at - digits) % 16 : -1;
}

/* Decodes %XX in place. A NUL cannot be part of a text, so %00 is refused. */
static int decode(char *text)
{
    char *to = text;

    for (const char *from = text; *from; from++) {
        if (*from == '%') {
            int high = hex_digit(from[1]), low = high < 0 ? -1 : hex_digit(from[2]);

            if (low < 0 || high * 16 + low == 0)
                return -EINVAL;
            *to++ = (char)(high * 16 + low);
            from += 2;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return 0;
}

/* "a,b" becomes a names.h list in place. */
static int decode_names(char *value)
{
    for (char *at = value; *at; at++)
        if (*at == ',')
            *at = NAMES_SEPARATOR;
    return decode(value);
}

static int read_word(const struct field *field, const char *value, void *at)
{
    for (unsigned i = 0; field->words[i]; i++)
        if (strcmp(field->words[i], value) == 0) {
            memcpy(at, &i, sizeof(i));
            return 0;
        }
    return -EINVAL;
}

static int read_flag(const char *value, void *at)
{
    bool flag = strcmp(value, "yes") == 0;

    if (!flag && strcmp(value, "no") != 0)
        return -EINVAL;
    memcpy(at, &flag, sizeof(flag));
    return 0;
}

static int read_value(const struct field *field, char *value, void *row)
{
    char *at = (char *)row + field->offset;
    int r = -EINVAL;

    switch (field->type) {
    case FIELD_TEXT:
        r = decode(value);
        set_text(field, row, value);
        return r;
    case FIELD_NAMES:
        r = decode_names(value);
        set_text(field, row, value);
        return r;
    case FIELD_NUMBER:
        return text_number(value, 0, UINT64_MAX, (uint64_t *)(void *)at);
    case FIELD_FLAG:
        return read_flag(value, at);
    case FIELD_ENUM:
        return read_word(field, value, at);
    case FIELD_MAC:
        return mac_parse(value, (struct mac *)(void *)at);
    case FIELD_VLANS:
        return vlanset_parse(value, (struct vlanset *)(void *)at);
    }
    return r;
}

static int read_field(char *word, struct record *record, struct error *reterr)
{
    char *value = strchr(word, '=');
    const struct field *field;
    size_t index = 0;

    if (!value)
        return error_set(reterr, -EINVAL, "'%s' is not field=value", word);
    *value++ = '\0';
    field = find_field(record->table, word, &index);
    if (!field)
        return error_set(reterr, -EINVAL, "table %s has no field '%s'", table_name(record->table),
                         word);
    if (read_value(field, value, &record->row) < 0)
        return error_set(reterr, -EINVAL, "%s: bad value for '%s'", table_name(record->table),
                         word);
    record->stated |= UINT32_C(1) << index;
    return 0;
}

static int read_head(char **at, struct record *record, struct error *reterr)
{
    const char *op = strsep(at, " "), *table = strsep(at, " ");

    for (record->op = 0; record->op < N_RECORD_OPS; record->op++)
        if (strcmp(op, ops[record->op]) == 0)
            break;
    if (record->op == N_RECORD_OPS)
        return error_set(reterr, -EINVAL, "'%s' is no operation", op);
    if (!table || table_find(table, &record->table) < 0)
        return error_set(reterr, -EINVAL, "'%s' is no table", table ? table : "");
    if (record->table == TABLE_ALL && record->op != RECORD_BEGIN && record->op != RECORD_END)
        return error_set(reterr, -EINVAL, "'%s all' makes no sense", op);
    return 0;
}

int record_read(char *line, struct record *ret_record, struct error *reterr)
{
    struct record record = { 0 };
    char *at = line;
    int r = read_head(&at, &record, reterr);

    if (r < 0)
        return r;
    while (at) {
        char *word = strsep(&at, " ");

        if (!*word)
            continue;
        r = record.table == TABLE_ALL ? error_set(reterr, -EINVAL, "'all' takes no field")
                                      : read_field(word, &record, reterr);
        if (r < 0)
            return r;
    }
    if (record.table != TABLE_ALL)
        row_complete(record.table, &record.row);
    *ret_record = record;
    return 0;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

void row_complete(enum table table, void *row)
{
    for (size_t i = 0; i < tables[table].n_fields; i++)
        if (is_text(&tables[table].fields[i]))
            set_text(&tables[table].fields[i], row, text_of(&tables[table].fields[i], row));
}

void record_merge(const struct record *record, union row *row)
{
    for (size_t i = 0; i < tables[record->table].n_fields; i++) {
        const struct field *field = &tables[record->table].fields[i];

        if (i < 2 || record->op == RECORD_NEW || (record->stated >> i & 1))
            memcpy((char *)row + field->offset, (const char *)&record->row + field->offset,
                   field->size);
    }
}

void *row_copy_behind(enum table table, const void *row, size_t head)
{
    size_t size = tables[table].row_size;
    char *block, *copy, *at;

    for (size_t i = 0; i < tables[table].n_fields; i++)
        if (is_text(&tables[table].fields[i]))
            size += strlen(text_of(&tables[table].fields[i], row)) + 1;
    block = malloc(head + size);
    if (!block)
        return NULL;
    copy = block + head;
    at = copy + tables[table].row_size;
    memcpy(copy, row, tables[table].row_size);
    for (size_t i = 0; i < tables[table].n_fields; i++) {
        if (!is_text(&tables[table].fields[i]))
            continue;
        set_text(&tables[table].fields[i], copy, at);
        at = stpcpy(at, text_of(&tables[table].fields[i], row)) + 1;
    }
    return block;
}

void *row_copy(enum table table, const void *row)
{
    return row_copy_behind(table, row, 0);
}

bool row_equal(enum table table, const void *a, const void *b)
{
    for (size_t i = 0; i < tables[table].n_fields; i++)
        if (!field_equal(&tables[table].fields[i], a, b))
            return false;
    return true;
}

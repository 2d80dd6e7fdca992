#include "source/vsphere/teller.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "source/vsphere/known.h"

#define OUT_CAP (64u << 20)
#define OUT_FLUSH (128u << 10)

struct teller {
    teller_emit_fn *emit;
    teller_oddity_fn *oddity;
    void *data;
    enum api_level level;
    property_set refused;
    unsigned generation;
    unsigned n_due;
    struct known_set known[N_OBJECT_TYPES];
    struct strbuf out;
};

/* Which properties a list is made of. */
static const struct list {
    enum object_type object;
    enum table table;
    enum part part;
    property_set from;
} lists[] = {
    { OBJECT_HOST, TABLE_NIC, PART_NIC, PROPERTY(HOST_PNIC) },
    { OBJECT_HOST, TABLE_VSWITCH, PART_VSWITCH,
      PROPERTY(HOST_VSWITCH) | PROPERTY(HOST_PROXY) | PROPERTY(HOST_OPAQUE) },
    { OBJECT_HOST, TABLE_UPLINK, PART_UPLINK,
      PROPERTY(HOST_PNIC) | PROPERTY(HOST_VSWITCH) | PROPERTY(HOST_PROXY) | PROPERTY(HOST_OPAQUE) },
    { OBJECT_HOST, TABLE_NETWORK, PART_NETWORK, PROPERTY(HOST_PORTGROUP) },
    { OBJECT_HOST, TABLE_VMKNIC, PART_VMKNIC, PROPERTY(HOST_VNIC) | PROPERTY(HOST_CONSOLE) },
    { OBJECT_MACHINE, TABLE_VIF, PART_VIF, PROPERTY(MACHINE_DEVICE) },
    { OBJECT_DVSWITCH, TABLE_PVLAN, PART_PVLAN, PROPERTY(DVSWITCH_CONFIG) },
};

/* All below HostSystem.config.network, which is one data object: while one of them is there, the
 * object is, and a list of it that is unset is empty. Without any, nothing is known. */
#define HOST_NETWORK_LISTS                                                                         \
    (PROPERTY(HOST_PNIC) | PROPERTY(HOST_VSWITCH) | PROPERTY(HOST_PORTGROUP) |                     \
     PROPERTY(HOST_VNIC) | PROPERTY(HOST_PROXY) | PROPERTY(HOST_CONSOLE) | PROPERTY(HOST_OPAQUE))

/* Which field of its row a property states. */
static const struct {
    enum property_id property;
    enum table table;
    const char *field;
} fields[] = {
    { HOST_NAME, TABLE_HOST, "name" },
    { HOST_CONNECTION, TABLE_HOST, "connection" },
    { HOST_MAINTENANCE, TABLE_HOST, "maintenance" },
    { MACHINE_NAME, TABLE_MACHINE, "name" },
    { MACHINE_HOST, TABLE_MACHINE, "host" },
    { MACHINE_POWER, TABLE_MACHINE, "power" },
    { MACHINE_CONNECTION, TABLE_MACHINE, "connection" },
    { MACHINE_TEMPLATE, TABLE_MACHINE, "template" },
    { GROUP_NAME, TABLE_NETWORK, "name" },
    { GROUP_SWITCH, TABLE_NETWORK, "vswitch" },
    { GROUP_PORT_CONFIG, TABLE_NETWORK, "mode" },
    { GROUP_PORT_CONFIG, TABLE_NETWORK, "vlans" },
    { GROUP_PORT_CONFIG, TABLE_NETWORK, "active" },
    { GROUP_PORT_CONFIG, TABLE_NETWORK, "standby" },
    { GROUP_PORT_CONFIG, TABLE_NETWORK, "teaming_known" },
    { DVSWITCH_NAME, TABLE_DVSWITCH, "name" },
    { DVSWITCH_UUID, TABLE_DVSWITCH, "uuid" },
    { OPAQUE_NAME, TABLE_NETWORK, "name" },
};

/* ---- Sending ------------------------------------------------------------------------------------
 */

void teller_flush(struct teller *teller)
{
    if (teller->out.size)
        teller->emit(teller->out.data, teller->out.size, teller->data);
    strbuf_reset(&teller->out);
}

static void send_key(struct teller *teller, enum record_op op, enum table table, const char *owner,
                     const char *id)
{
    record_write(&teller->out, op, table, &(union row){ .key = { .owner = owner, .id = id } }, 0);
}

static void send_list(struct teller *teller, const struct object *object, const struct list *list,
                      bool complete)
{
    const struct strbuf *rows = &object->part[list->part];

    if (complete)
        send_key(teller, RECORD_BEGIN, list->table, object->id, NULL);
    strbuf_add(&teller->out, strbuf_text(rows), rows->size);
    send_key(teller, complete ? RECORD_END : RECORD_UNKNOWN, list->table, object->id, NULL);
}

/* States the row of an object: whole when all of it was read, otherwise what was. */
static void send_row(struct teller *teller, const struct object *object, enum table table,
                     const void *row, uint32_t stated)
{
    property_set lacking = 0;

    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        if (fields[i].table == table && properties[fields[i].property].object == object->type) {
            if (object->valued & ~object->missing & PROPERTY(fields[i].property))
                stated |= record_field(table, fields[i].field);
            lacking |= object->missing & PROPERTY(fields[i].property);
        }
    if (object->kind == KIND_ENTER && !lacking)
        record_write(&teller->out, RECORD_NEW, table, row, 0);
    else if (object->kind == KIND_ENTER || stated)
        record_write(&teller->out, RECORD_PUT, table, row, stated);
}

/* ---- Lists --------------------------------------------------------------------------------------
 */

/* True when a complete read of the object proves what its property 'id' holds. */
static bool is_proved(const struct teller *teller, const struct object *object, enum property_id id)
{
    property_set bit = PROPERTY(id);

    if (!property_wanted(id, teller->level, teller->refused))
        return properties[id].optional;
    if ((object->missing | object->spoiled) & bit)
        return false;
    if (object->valued & bit)
        return true;
    return (HOST_NETWORK_LISTS & bit) && (object->valued & HOST_NETWORK_LISTS);
}

static bool is_complete(const struct teller *teller, const struct object *object, property_set from)
{
    for (enum property_id id = 0; id < N_PROPERTIES; id++)
        if ((from & PROPERTY(id)) && !is_proved(teller, object, id))
            return false;
    return true;
}

static void send_all_lists(struct teller *teller, const struct object *object)
{
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        if (lists[i].object == object->type)
            send_list(teller, object, &lists[i], is_complete(teller, object, lists[i].from));
}

/* After a change: a list that hangs from one property is sent from it. The others, and a list that
 * is no longer there, need the whole object. */
static void send_changed_lists(struct teller *teller, struct object *object)
{
    property_set touched = object->valued | object->unset | object->missing | object->spoiled;

    for (enum property_id id = 0; id < N_PROPERTIES; id++)
        if ((touched & PROPERTY(id)) && (properties[id].joined || (object->unset & PROPERTY(id))) &&
            properties[id].kind == PROPERTY_RULES)
            object->reread = true;
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        property_set bad = object->missing | object->spoiled | object->unset;

        if (lists[i].object != object->type || (lists[i].from & (lists[i].from - 1)))
            continue;
        if (touched & lists[i].from)
            send_list(teller, object, &lists[i], !(bad & lists[i].from));
    }
}

static void send_lists(struct teller *teller, struct object *object)
{
    if (object->kind == KIND_ENTER)
        send_all_lists(teller, object);
    else
        send_changed_lists(teller, object);
}

/* ---- Objects ------------------------------------------------------------------------------------
 */

static void take_host(struct teller *teller, struct object *object, struct known *known)
{
    send_row(teller, object, TABLE_HOST,
             &(struct host){ .id = object->id,
                             .name = object->name,
                             .connection = object->connection,
                             .maintenance = object->maintenance },
             0);
    if (object->kind == KIND_ENTER)
        host_resolve_uplinks(object);
    send_lists(teller, object);
    if (object->valued & PROPERTY(HOST_NETWORK_SYSTEM))
        known_set_text(known, object->network_system);
    if (object->valued & PROPERTY(HOST_NAME))
        known_set_name(known, object->name);
    if ((object->valued | object->unset) & PROPERTY(HOST_PARENT))
        known_set_place(known, object->parent);
    if (object->valued & PROPERTY(HOST_CONNECTION)) {
        if (!known->connected && object->connection == CONNECTION_CONNECTED)
            known->hinted = 0;
        known->connected = object->connection == CONNECTION_CONNECTED;
    }
    if (object->kind == KIND_MODIFY && (object->valued & PROPERTY(HOST_PNIC)))
        known->hinted = 0; /* a NIC came, went, or has another link: it may hear something else */
}

static void take_machine(struct teller *teller, struct object *object, struct known *known)
{
    if ((object->valued | object->unset) & PROPERTY(MACHINE_HOST))
        known_set_place(known, object->host);
    if (object->valued & PROPERTY(MACHINE_POWER))
        known->running = object->power == POWER_ON;
    send_row(teller, object, TABLE_MACHINE,
             &(struct machine){ .id = object->id,
                                .name = object->name,
                                .host = object->host,
                                .power = object->power,
                                .connection = object->connection,
                                .template = object->is_template },
             0);
    send_lists(teller, object);
}

static enum network_role group_role(const struct known *known)
{
    return known->uplink_listed || known->uplink_own ? NETWORK_UPLINKS : NETWORK_DEMAND;
}

static void take_group(struct teller *teller, struct object *object, struct known *known)
{
    const struct port_config *config = &object->config;
    uint32_t stated = record_field(TABLE_NETWORK, "kind") | record_field(TABLE_NETWORK, "role");
    property_set changed = object->valued | object->unset;

    if (object->valued & PROPERTY(GROUP_KEY))
        known_set_text(known, object->key);
    if (object->valued & (PROPERTY(GROUP_TAG) | PROPERTY(GROUP_UPLINK)))
        known->uplink_own = known->uplink_own || object->is_tagged_uplink || object->is_uplink;
    if (config->oddity)
        snprintf(object->oddity, sizeof(object->oddity), "%s \"%s\"", config->oddity,
                 *object->name ? object->name : object->id);
    if (!*known->text || (object->kind == KIND_MODIFY && !changed))
        return;
    send_row(teller, object, TABLE_NETWORK,
             &(struct network){ .id = known->text,
                                .name = object->name,
                                .kind = NETWORK_DISTRIBUTED,
                                .role = group_role(known),
                                .vswitch = object->dvswitch,
                                .mode = config->mode,
                                .vlans = config->vlans,
                                .active = config->active,
                                .standby = config->standby,
                                .teaming_known = config->teaming_known },
             stated);
}

static void send_defaults(struct teller *teller, const struct object *object)
{
    const struct port_config *config = &object->config;
    char id[ID_SIZE + 16];

    snprintf(id, sizeof(id), "defaults/%s", object->id);
    record_write(&teller->out, RECORD_NEW, TABLE_NETWORK,
                 &(struct network){ .id = id,
                                    .name = object->name,
                                    .kind = NETWORK_DISTRIBUTED,
                                    .role = NETWORK_DEFAULTS,
                                    .vswitch = object->id,
                                    .mode = config->mode,
                                    .vlans = config->vlans,
                                    .active = config->active,
                                    .standby = config->standby,
                                    .teaming_known = config->teaming_known },
                 0);
}

/* The switch knows its uplink groups even where these do not say so themselves. */
static int list_uplink_groups(struct teller *teller, const struct object *object)
{
    const char *id, *nothing;
    size_t at = 0;

    while (pairs_next(&object->uplink_groups, &at, &id, &nothing)) {
        struct known *group = known_need(&teller->known[OBJECT_GROUP], id);
        enum network_role before;

        if (!group)
            return -ENOMEM;
        before = group_role(group);
        group->generation = teller->generation;
        group->uplink_listed = true;
        if (*group->text && before != NETWORK_UPLINKS)
            record_write(&teller->out, RECORD_PUT, TABLE_NETWORK,
                         &(struct network){ .id = group->text, .role = NETWORK_UPLINKS },
                         record_field(TABLE_NETWORK, "role"));
    }
    return 0;
}

/* A switch comes in two forms: as followed, without its configuration, which only says that it may
 * have changed; and as read. */
static int take_dvswitch(struct teller *teller, struct object *object, struct known *known)
{
    property_set config = PROPERTY(DVSWITCH_CONFIG);

    if (!object->is_read &&
        (object->kind == KIND_MODIFY || !((object->valued | object->missing) & config))) {
        object->reread = object->kind == KIND_MODIFY || !*known->text ||
                         strcmp(known->text, object->version) != 0;
        return 0;
    }
    known_set_text(known, object->valued & config ? object->version : "");
    send_row(teller, object, TABLE_DVSWITCH,
             &(struct dvswitch){ .id = object->id, .name = object->name, .uuid = object->key }, 0);
    if (object->valued & config)
        send_defaults(teller, object);
    send_lists(teller, object);
    return list_uplink_groups(teller, object);
}

/* NSX: mostly an overlay; a VLAN, if there is one, is not in this API. */
static void take_opaque(struct teller *teller, struct object *object, struct known *known)
{
    if (*object->key)
        known_set_text(known, object->key);
    if (*known->text)
        send_row(
            teller, object, TABLE_NETWORK,
            &(struct network){ .id = known->text, .name = object->name, .kind = NETWORK_OPAQUE },
            record_field(TABLE_NETWORK, "kind"));
}

static void drop(struct teller *teller, const struct object *object, struct known *known)
{
    char id[ID_SIZE + 16];

    switch (object->type) {
    case OBJECT_HOST:
        send_key(teller, RECORD_GONE, TABLE_HOST, NULL, object->id);
        break;
    case OBJECT_MACHINE:
        send_key(teller, RECORD_GONE, TABLE_MACHINE, NULL, object->id);
        break;
    case OBJECT_GROUP:
    case OBJECT_OPAQUE:
        if (known && *known->text)
            send_key(teller, RECORD_GONE, TABLE_NETWORK, NULL, known->text);
        break;
    case OBJECT_DVSWITCH:
        snprintf(id, sizeof(id), "defaults/%s", object->id);
        send_key(teller, RECORD_GONE, TABLE_NETWORK, NULL, id);
        send_key(teller, RECORD_GONE, TABLE_DVSWITCH, NULL, object->id);
        break;
    case N_OBJECT_TYPES:
        break;
    }
}

static void set_due(struct teller *teller, struct known *known, bool due)
{
    if (due != known->due)
        teller->n_due += due ? 1 : -1u;
    known->due = due;
    known->handed = false;
}

static void forget(struct teller *teller, enum object_type type, struct known *known)
{
    set_due(teller, known, false);
    known_remove(&teller->known[type], known);
}

static int dispatch(struct teller *teller, struct object *object, struct known *known)
{
    switch (object->type) {
    case OBJECT_HOST:
        take_host(teller, object, known);
        break;
    case OBJECT_MACHINE:
        take_machine(teller, object, known);
        break;
    case OBJECT_GROUP:
        take_group(teller, object, known);
        break;
    case OBJECT_DVSWITCH:
        return take_dvswitch(teller, object, known);
    case OBJECT_OPAQUE:
        take_opaque(teller, object, known);
        break;
    case N_OBJECT_TYPES:
        break;
    }
    return 0;
}

/* Forgets what this full read has not met. */
static void sweep(struct teller *teller)
{
    struct known *known, *next;

    for (enum object_type type = 0; type < N_OBJECT_TYPES; type++)
        HASH_ITER (hh, teller->known[type].first, known, next)
            if (known->generation != teller->generation)
                forget(teller, type, known);
}

/* Where there is no room, what an earlier read has left makes it. */
static struct known *need(struct teller *teller, enum object_type type, const char *id)
{
    struct known *known = known_need(&teller->known[type], id);

    if (known)
        return known;
    sweep(teller);
    return known_need(&teller->known[type], id);
}

int teller_take(struct teller *teller, struct object *object, struct error *reterr)
{
    struct known *known;
    int r;

    if (object->type == N_OBJECT_TYPES || !*object->id)
        return 0;
    known = known_find(&teller->known[object->type], object->id);
    if (object->kind == KIND_LEAVE) {
        drop(teller, object, known);
        if (known)
            forget(teller, object->type, known);
        return 0;
    }
    if (!known)
        known = need(teller, object->type, object->id);
    if (!known)
        return error_set(reterr, -EMSGSIZE, "the server has more objects than can be held");
    known->generation = teller->generation;
    known->is_subclass = object->is_subclass;
    if (object->kind == KIND_ENTER)
        set_due(teller, known, false);
    r = dispatch(teller, object, known);
    if (object->reread && !object->is_read) /* what was asked for once is not asked for again */
        set_due(teller, known, true);
    if (*object->oddity)
        teller->oddity(object->oddity, teller->data);
    if (r < 0 || teller->out.overflow)
        return error_set(reterr, -EMSGSIZE, "the server tells more than can be held");
    if (teller->out.size > OUT_FLUSH)
        teller_flush(teller);
    return 0;
}

/* ---- Rounds -------------------------------------------------------------------------------------
 */

void teller_asked(struct teller *teller, enum api_level level, property_set refused)
{
    teller->level = level;
    teller->refused = refused;
}

void teller_begin(struct teller *teller)
{
    struct known *known, *next;

    teller->generation++;
    for (enum object_type type = 0; type < N_OBJECT_TYPES; type++)
        HASH_ITER (hh, teller->known[type].first, known, next) {
            set_due(teller, known, false);
            if (type == OBJECT_DVSWITCH)
                known_set_text(known, ""); /* to be read in full again */
        }
    record_write(&teller->out, RECORD_BEGIN, TABLE_ALL, NULL, 0);
}

void teller_complete(struct teller *teller)
{
    sweep(teller);
    record_write(&teller->out, RECORD_END, TABLE_ALL, NULL, 0);
    teller_flush(teller);
}

const struct known_set *teller_known(const struct teller *teller, enum object_type type)
{
    return &teller->known[type];
}

unsigned teller_due(const struct teller *teller)
{
    return teller->n_due;
}

static void add_object(struct strbuf *objects, enum object_type type, const struct known *known)
{
    struct moref ref;

    snprintf(ref.type, sizeof(ref.type), "%s", object_ref_type(type, known->is_subclass));
    snprintf(ref.value, sizeof(ref.value), "%s", known->id);
    soap_markup(objects, "<objectSet>");
    soap_ref(objects, "obj", &ref);
    soap_markup(objects, "</objectSet>");
}

unsigned teller_reread(struct teller *teller, struct strbuf *objects, unsigned most,
                       unsigned *ret_types)
{
    struct known *known, *next;
    unsigned count = 0;

    *ret_types = 0;
    for (enum object_type type = 0; teller->n_due && type < N_OBJECT_TYPES; type++)
        HASH_ITER (hh, teller->known[type].first, known, next) {
            if (!known->due || count == most)
                continue;
            add_object(objects, type, known);
            known->handed = true;
            *ret_types |= 1u << type;
            count++;
        }
    return count;
}

void teller_reread_done(struct teller *teller)
{
    struct known *known, *next;

    for (enum object_type type = 0; teller->n_due && type < N_OBJECT_TYPES; type++)
        HASH_ITER (hh, teller->known[type].first, known, next)
            if (known->handed)
                set_due(teller, known, false);
}

bool teller_next_hint(struct teller *teller, unsigned round, char host[ID_SIZE],
                      char network_system[ID_SIZE])
{
    struct known *known, *next, *best = NULL;

    HASH_ITER (hh, teller->known[OBJECT_HOST].first, known, next)
        if (known->connected && *known->text && known->hinted < round &&
            (!best || known->hinted < best->hinted))
            best = known;
    if (!best)
        return false;
    best->hinted = round;
    snprintf(host, ID_SIZE, "%s", best->id);
    snprintf(network_system, ID_SIZE, "%s", best->text);
    return true;
}

struct teller *teller_new(teller_emit_fn *emit, teller_oddity_fn *oddity, void *data)
{
    struct teller *teller = calloc(1, sizeof(*teller));

    if (!teller)
        return NULL;
    *teller = (struct teller){ .emit = emit, .oddity = oddity, .data = data };
    strbuf_init(&teller->out, OUT_CAP);
    return teller;
}

struct teller *teller_free(struct teller *teller)
{
    if (!teller)
        return NULL;
    for (enum object_type type = 0; type < N_OBJECT_TYPES; type++)
        known_clear(&teller->known[type]);
    strbuf_done(&teller->out);
    free(teller);
    return NULL;
}

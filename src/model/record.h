/* record.h: every record that crosses a process border, defined once.
 *
 * A record says something about one row of one table: 'put' states fields of a row (fields left out
 * keep their value), 'new' states the whole row (fields left out fall back to their default, which
 * always means "not known" or "none"), 'gone' proves a row absent. 'begin' and 'end' bracket a
 * complete list: rows of that table and owner that were not stated in between are proved absent
 * when 'end' arrives, and nothing is concluded when it does not; without an owner the bracket holds
 * the whole table. 'begin all'/'end all' bracket a complete read of everything that a source knows,
 * but for its session row and its hints, which are read at a pace of their own. 'unknown' says that
 * a list could not be read: what was known of it stays, and is no longer trusted.
 *
 * The written form is one line of text, the same on a socket and in a recording:
 *
 *     put host id=host-27 name=esx01 connection=connected
 *     begin nic owner=host-27
 *     new nic owner=host-27 id=vmnic0 mac=00:50:56:00:00:01 link=up
 *     end nic owner=host-27
 *
 * A value is percent-encoded (RFC 3986 section 2.1) where it holds a blank, a control character,
 * DEL or '%'. A row is identified by its table, its owner and its id.
 *
 * Texts in a row are borrowed: those of a record that was read point into the line it was read
 * from, those of a stored row live in the block that row_copy() made. A writer may leave a text
 * NULL; a reader never sees NULL, only "". */
#ifndef VSN_MODEL_RECORD_H
#define VSN_MODEL_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "model/mac.h"
#include "model/names.h"
#include "model/vlanset.h"

#define RECORD_LINE_MAX 65536 /* bytes of one written record, the newline included */

/* ---- What a hypervisor's session tells ---------------------------------------------------- */

enum session_state {
    SESSION_DISABLED,
    SESSION_CONNECTING, /* trying, nothing read yet since the session's start */
    SESSION_SYNCING,    /* logged in, the first or a repeated full read is under way */
    SESSION_CONNECTED,  /* read in full and followed */
    SESSION_STALE,      /* contact lost after something was read: everything is kept */
    SESSION_HELD,       /* stopped on purpose (wrong password, wrong certificate): needs a person */
};

struct session { /* table "session": one row, no id */
    const char *owner, *id;
    enum session_state state;
    const char *reason;  /* why it is not connected; empty when it is */
    const char *product; /* vSphere AboutInfo.fullName */
    const char *version; /* vSphere AboutInfo.version */
    const char *api;     /* AboutInfo.apiType and the negotiated API version */
    const char *notice; /* a lasting remark that is no failure, as "speaks old TLS"; may be empty */
};

enum connection {
    CONNECTION_UNKNOWN,
    CONNECTION_CONNECTED,
    CONNECTION_DISCONNECTED,
    CONNECTION_NOT_RESPONDING
};

struct host { /* HostSystem; XenAPI host */
    const char *owner, *id;
    const char *name;
    enum connection connection; /* runtime.connectionState */
    bool maintenance;
};

enum link { LINK_UNKNOWN, LINK_DOWN, LINK_UP };

struct nic { /* PhysicalNic; XenAPI physical PIF. owner: host, id: device (vmnic0, eth0) */
    const char *owner, *id;
    struct mac mac; /* burnt-in */
    enum link link;
};

enum vswitch_kind {
    VSWITCH_UNKNOWN,
    VSWITCH_STANDARD,
    VSWITCH_DISTRIBUTED,
    VSWITCH_BRIDGE,
    VSWITCH_OPAQUE
};

struct vswitch { /* a host's virtual switch. owner: host, id: its name, or a distributed switch's
                    uuid */
    const char *owner, *id;
    const char *name;
    enum vswitch_kind kind;
};

struct uplink { /* a NIC that a virtual switch uses. owner: host, id: the NIC's device */
    const char *owner, *id;
    const char *vswitch; /* id of the vswitch row of that host */
    const char *name; /* its name in teaming orders: the device, or a distributed uplink's name */
    const char *lag;  /* the LAG it is a member of; empty: none */
};

struct dvswitch { /* DistributedVirtualSwitch. id: MoRef */
    const char *owner, *id;
    const char *name;
    const char *uuid; /* joins it with the vswitch rows of its member hosts */
};

struct pvlan { /* VMwareDVSPvlanMapEntry. owner: dvswitch, id: "primary/secondary" */
    const char *owner, *id;
    uint64_t primary, secondary;
};

enum network_kind {
    NETWORK_UNKNOWN,
    NETWORK_STANDARD,
    NETWORK_DISTRIBUTED,
    NETWORK_BRIDGE,
    NETWORK_OPAQUE
};

enum vlan_mode {
    VLAN_UNKNOWN,   /* could not be read */
    VLAN_NATIVE,    /* untagged: nothing to provision */
    VLAN_TAGGED,    /* the one id in 'vlans' */
    VLAN_TRUNK,     /* the guests tag: every id in 'vlans' */
    VLAN_PRIVATE,   /* 'vlans' holds the secondary id; its primary comes from the pvlan table */
    VLAN_INHERITED, /* as the distributed switch's default, which the 'defaults' network row holds
                     */
};

enum network_role { NETWORK_DEMAND, NETWORK_UPLINKS, NETWORK_DEFAULTS };

struct network { /* a port group. owner: host for a standard one (id: its name), empty for a
                  * distributed one (id: its key, DistributedVirtualPortgroup.key) */
    const char *owner, *id;
    const char *name;
    enum network_kind kind;
    enum network_role role; /* uplink groups and a switch's defaults are no demand of their own */
    const char *vswitch;    /* the host's vswitch id, or the dvswitch id */
    enum vlan_mode mode;
    struct vlanset vlans;
    const char *active;  /* teaming order: names as in uplink.name or uplink.lag */
    const char *standby; /* names.h lists */
    bool teaming_known;  /* false: take every uplink of the virtual switch */
};

struct vmknic { /* the hypervisor's own interface (HostVirtualNic; XenAPI PIF with an address).
                 * owner: host, id: vmk0 */
    const char *owner, *id;
    struct mac mac;
    const char *network; /* id of its network */
    bool shared;         /* that network's row has no owner (distributed) */
};

enum power { POWER_UNKNOWN, POWER_OFF, POWER_ON, POWER_SUSPENDED };

struct machine { /* VirtualMachine; XenAPI VM */
    const char *owner, *id;
    const char *name;
    const char *host; /* runtime.host; empty: not known */
    enum power power;
    enum connection connection; /* orphaned, inaccessible and invalid are NOT_RESPONDING */
    bool template;
};

struct vif { /* a machine's interface. owner: machine, id: device key */
    const char *owner, *id;
    struct mac mac;
    const char *network;
    bool shared; /* as vmknic.shared */
};

enum move_kind {
    MOVE_UNKNOWN,
    MOVE_MIGRATE, /* running, from host to host (and perhaps from store to store) */
    MOVE_COLD,    /* not running, from host to host */
    MOVE_STORAGE, /* from store to store: the host stays */
    MOVE_ARRIVE,  /* from another vCenter or pool */
    MOVE_START,   /* by an administrator, or placed by DRS or xapi */
    MOVE_RESTART, /* by HA, after its host failed */
    MOVE_RESUME,
    MOVE_CLONE,  /* a copy of the machine 'owner' comes to be */
    MOVE_DEPLOY, /* the same from a template */
    MOVE_CREATE,
};

/* How it ended. The row stays until the machine was seen on its new host, and is gone right after
 * the outcome when it failed or was cancelled. */
enum move_outcome { MOVE_RUNNING, MOVE_DONE, MOVE_FAILED, MOVE_CANCELLED };

struct move { /* a machine on its way to a host, told before it arrives (XenAPI operation in
               * progress; vSphere event and task). owner: the machine whose networks are needed,
               * id: the operation's key, event chain or task */
    const char *owner, *id;
    enum move_kind kind;
    enum move_outcome outcome;
    const char *from;     /* host; empty: it was on none */
    const char *to;       /* host; empty: not known (yet) */
    const char *possible; /* names.h list of hosts, while 'to' is not known; empty: every one */
    const char *name;     /* of the machine that comes to be (clone, deploy); empty: the owner's */
    const char *by;       /* what told of it: "VmBeingHotMigratedEvent", "pool_migrate" */
    const char *user;     /* who asked for it, as the hypervisor says; may be empty */
    const char *problem;  /* why it failed; may be empty */
    uint64_t since_ms;    /* when it was first seen, milliseconds since the epoch */
    bool waiting; /* it has not begun: queued, or its host is to be emptied. Its destination will be
                   * named when it begins, and is not guessed before */
    /* The core's own, while 'to' is not known (contact.h): on its monotonic clock, when every
     * possible host is to count; and that they do. */
    uint64_t widen_ms;
    bool widened;
};

enum discovery { DISCOVERY_UNKNOWN, DISCOVERY_LLDP, DISCOVERY_CDP };

struct hint { /* what a host's NIC hears (PhysicalNicHintInfo). owner: host, id: "vmnic0/cdp" */
    const char *owner, *id;
    const char *nic;
    enum discovery protocol;
    const char *system;  /* CDP devId; LLDP "System Name" */
    const char *chassis; /* LLDP chassisId */
    const char *port;    /* portId */
    const char *description;
};

/* ---- What the neighbour process tells ----------------------------------------------------- */

struct advert { /* what this switch says of itself on a port. id: the port */
    const char *owner, *id;
    const char *system;
    const char *chassis;
    const char *port;         /* LLDP port id, CDP port id */
    const char *description;  /* as sent, with the mark of nonce.h if there is one */
    const char *nonce;        /* what is sent on this port only; empty: nothing */
    const char *nonce_before; /* what was, as long as a station may still know that one */
};

struct neighbor { /* a station heard. owner: port, id: protocol/chassis/port id */
    const char *owner, *id;
    enum discovery protocol;
    const char *system;
    const char *chassis;
    struct mac chassis_mac; /* zero unless the chassis id is a MAC address (IEEE 802.1AB 8.5.2.2) */
    const char *port;
    struct mac port_mac; /* zero unless the port id is a MAC address (IEEE 802.1AB 8.5.3.2) */
    const char *description;
};

/* ---- What the Config Module tells, and is told ---------------------------------------------- */

enum switch_state { SWITCH_UNKNOWN, SWITCH_READY, SWITCH_UNREACHABLE };

struct switch_status { /* table "switch": one row, no id */
    const char *owner, *id;
    const char *driver;
    enum switch_state state;
    const char *reason;
    bool frozen; /* the freeze file is there: nothing is written */
};

struct port { /* a port of the switch as read back. id: its name */
    const char *owner, *id;
    bool enabled; /* administratively up */
    enum link link;
    bool open;              /* carries every VLAN (an OVS port without trunks): left alone */
    const char *refusal;    /* why VLANs cannot be written there; empty: they can */
    uint64_t native;        /* the untagged VLAN, 0: none */
    struct vlanset tagged;  /* VLANs carried tagged */
    struct vlanset pending; /* of them, those that are configured, and that the switch has not
                               confirmed yet: SONiC's daemons take their time */
    struct vlanset owned;   /* VLANs that vsn added, also while another hand took them away */
    struct vlanset learnt;  /* VLANs in which a station's MAC is learnt there now */
    bool learnt_known;      /* false: the MAC table could not be read */
    const char
        *members;    /* names.h list: a LAG's member ports, whatever their state; empty: no LAG */
    bool brought_up; /* vsn brought it up once ('port auto-enable'): down again, somebody shut it */
    struct mac
        partner; /* a LAG's partner system by LACP (IEEE 802.1AX 6.4.6); zero: none, not known
                  */
};

/* A MAC address learnt on a port with a policy. Not told of a port that holds more than
 * STATIONS_MAX (switch/stations.h): its list is then told as unknown. owner: port, id: "MAC/VLAN".
 */
struct station {
    const char *owner, *id;
    struct mac mac;
    uint64_t vlan; /* 0: untagged, on a switch that has no VLAN for that */
};

struct policy { /* the fences that the Config Module enforces by itself. id: a port */
    const char *owner, *id;
    struct vlanset allowed; /* VLANs that may ever be added there; protected ones are not in it */
    bool uplink;            /* another switch is behind it: its stations are not told */
    bool may_enable;        /* it may be brought up, once */
};

struct change { /* one port's part of a plan. id: its number */
    const char *owner, *id;
    const char *port;
    struct vlanset add;    /* written first */
    struct vlanset remove; /* only what the ledger owns is ever removed */
    bool enable;           /* then the port is brought up */
};

struct outcome { /* what became of a change. id: as in the change */
    const char *owner, *id;
    const char *port;
    struct vlanset added;   /* read back as present */
    struct vlanset removed; /* read back as absent */
    bool enabled;           /* the port was down, and vsn brought it up */
    const char *problem;    /* empty: all of it was done */
};

/* ---- What vsnd keeps in the history -------------------------------------------------------- */

enum migration_outcome {
    MIGRATION_RUNNING,
    MIGRATION_IN_TIME,   /* every VLAN was verified on the switch before the machine was there */
    MIGRATION_MISSED,    /* it was there first */
    MIGRATION_FAILED,    /* the hypervisor gave it up */
    MIGRATION_CANCELLED, /* an administrator did */
    MIGRATION_ELSEWHERE, /* its destination is not behind this switch */
    MIGRATION_UNKNOWN,   /* nobody saw how it ended */
};

/* What became of a move: one entry of the ledger of moves. All times are differences on one
 * monotonic clock, laid on the wall clock at the moment the move was seen; 0: it did not come to
 * that. id: a number that rises from 1 */
struct migration {
    const char *owner, *id;
    const char *hypervisor, *machine_id, *machine; /* 'machine' is its name */
    const char *move;                              /* id of the move row; empty: none was told */
    const char *from, *to;                         /* names of hosts */
    enum move_kind kind;
    const char *by, *user;     /* as in the move */
    const char *ports;         /* names.h list of the ports behind which 'to' is */
    struct vlanset vlans;      /* what it needs there */
    struct vlanset added;      /* the part of it that was not there before */
    uint64_t seen_ms;          /* the core heard of it */
    uint64_t planned_ms;       /* every VLAN it needs is in the plan, or there */
    uint64_t applied_ms;       /* the Config Module said that it was written */
    uint64_t verified_ms;      /* every port it needs was read back with every VLAN it needs */
    uint64_t switched_over_ms; /* the hypervisor said that the machine is on the new host */
    enum migration_outcome outcome;
    const char *reason; /* why it was missed, failed or is not known; may be empty */
};

/* A change that was made on the switch, or refused by it. id: a number that rises from 1 */
struct audit {
    const char *owner, *id;
    const char *port;
    struct vlanset added, removed;
    bool enabled;        /* and the port was brought up */
    const char *whom;    /* "vc1/esx01/vmnic0" */
    const char *problem; /* empty: done as planned */
    uint64_t at_ms;      /* milliseconds since the epoch */
};

/* ---- What vsnd tells a session ------------------------------------------------------------- */

struct target { /* whom to follow. One row, no id */
    const char *owner, *id;
    const char *type; /* "vmware", "xen-citrix" */
    const char *url;  /* https://host/sdk; https://host for XenAPI */
    const char *username;
    const char *password_file;
    const char *ca_file;     /* empty: the system's store */
    const char *fingerprint; /* SHA-256 of the leaf certificate, 64 hex digits; empty: none */
    bool tls_legacy;
    uint64_t hint_interval_s; /* seconds between two rounds of QueryNetworkHint */
};

/* ---- Tables, fields and the written form ----------------------------------------------------- */

enum table {
    TABLE_SESSION,
    TABLE_HOST,
    TABLE_NIC,
    TABLE_VSWITCH,
    TABLE_UPLINK,
    TABLE_DVSWITCH,
    TABLE_PVLAN,
    TABLE_NETWORK,
    TABLE_VMKNIC,
    TABLE_MACHINE,
    TABLE_VIF,
    TABLE_MOVE,
    TABLE_HINT,
    TABLE_ADVERT,
    TABLE_NEIGHBOR,
    TABLE_SWITCH,
    TABLE_PORT,
    TABLE_STATION,
    TABLE_POLICY,
    TABLE_CHANGE,
    TABLE_OUTCOME,
    TABLE_TARGET,
    TABLE_MIGRATION,
    TABLE_AUDIT,
    N_TABLES,
    TABLE_ALL = N_TABLES, /* only with begin and end */
};

enum record_op {
    RECORD_PUT,
    RECORD_NEW,
    RECORD_GONE,
    RECORD_BEGIN,
    RECORD_END,
    RECORD_UNKNOWN,
    N_RECORD_OPS
};

/* Any row; every row begins with its owner and its id. */
union row {
    struct {
        const char *owner, *id;
    } key;
    struct session session;
    struct host host;
    struct nic nic;
    struct vswitch vswitch;
    struct uplink uplink;
    struct dvswitch dvswitch;
    struct pvlan pvlan;
    struct network network;
    struct vmknic vmknic;
    struct machine machine;
    struct vif vif;
    struct move move;
    struct hint hint;
    struct advert advert;
    struct neighbor neighbor;
    struct switch_status switch_status;
    struct port port;
    struct station station;
    struct policy policy;
    struct change change;
    struct outcome outcome;
    struct target target;
    struct migration migration;
    struct audit audit;
};

enum field_type {
    FIELD_TEXT,
    FIELD_NUMBER,
    FIELD_FLAG,
    FIELD_ENUM,
    FIELD_MAC,
    FIELD_VLANS,
    FIELD_NAMES
};

struct field {
    const char *name;
    enum field_type type;
    size_t offset, size;
    const char *const *words; /* FIELD_ENUM: the word of each value, NULL-terminated */
};

struct record {
    enum record_op op;
    enum table table;
    uint32_t stated; /* put: bit i is set when field i of the table was stated */
    union row row;
};

/* The word of a table, and the other way round (-ENOENT). */
const char *table_name(enum table table);
int table_find(const char *name, enum table *ret_table);

/* Bytes of a table's row, and its fields ('*ret_count' of them; owner and id are 0 and 1). */
size_t table_row_size(enum table table);
const struct field *table_fields(enum table table, size_t *ret_count);

/* The word of an enumeration value of a field, for output; "" when the table has no such field. */
const char *record_word(enum table table, const char *field, const void *row);

/* Appends the written form with its newline. 'row' is the table's own row struct (its owner and id
 * suffice for gone, begin, end, unknown; NULL stands for an empty key). For RECORD_PUT, 'stated'
 * selects the fields to write besides owner and id; for RECORD_NEW every field that differs from
 * its default is written and 'stated' is ignored. Returns 0 or the buffer's error. */
int record_write(struct strbuf *to, enum record_op op, enum table table, const void *row,
                 uint32_t stated);

/* Bit of a field for 'stated', by its name; 0 when the table has none such (a programming error
 * that the unit tests catch). */
uint32_t record_field(enum table table, const char *name);

/* Reads one line (without its newline), decoding in place: 'line' is changed, and the record's
 * texts point into it. Returns 0, or -EINVAL with the reason; unknown tables, fields and words are
 * refused, as both ends are of one build. */
int record_read(char *line, struct record *ret_record, struct error *reterr);

/* Overwrites in 'row' the fields that 'record' states (all of them for RECORD_NEW). Texts are still
 * borrowed from the record. */
void record_merge(const struct record *record, union row *row);

/* A copy of a table's row in one block, its texts behind it; free() releases it. NULL when out of
 * memory. A NULL text becomes "". */
void *row_copy(enum table table, const void *row);

/* The same with 'head' bytes of the caller's in front, which must keep the row aligned: the row is
 * at the returned block + 'head'. */
void *row_copy_behind(enum table table, const void *row, size_t head);

/* Sets every NULL text of a row to "". */
void row_complete(enum table table, void *row);

/* True when two rows of a table say the same. */
bool row_equal(enum table table, const void *a, const void *b);

#endif

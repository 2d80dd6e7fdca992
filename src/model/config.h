/* config.h: the configuration as values, and its text form.
 *
 * One parser serves the file and the shell. A configuration is never changed in place: a new one is
 * parsed whole and takes the old one's place, or it is refused with FILE:LINE and the old one
 * stays. */
#ifndef VSN_MODEL_CONFIG_H
#define VSN_MODEL_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "model/vlanset.h"

#define CONFIG_NAME_SIZE 64     /* hypervisor, port and switch names, with their NUL */
#define CONFIG_VALUE_SIZE 256   /* URLs, paths, host names, with their NUL */
#define CONFIG_LINE_MAX 2048    /* bytes */
#define CONFIG_FILE_MAX 1048576 /* bytes */
#define CONFIG_HYPERVISORS_MAX 64
#define CONFIG_PORTS_MAX 1024

enum config_mode { MODE_CHECK, MODE_CONFIG };
enum config_provision { PROVISION_NETWORKS, PROVISION_MACHINES };
enum config_prune { PRUNE_GUARDED, PRUNE_NEVER, PRUNE_IMMEDIATE };
enum config_evidence { EVIDENCE_NORMAL, EVIDENCE_STRICT, EVIDENCE_FTOS };

struct config_hypervisor { /* hypervisor NAME */
    char name[CONFIG_NAME_SIZE];
    char type[CONFIG_NAME_SIZE]; /* type vmware | xen-citrix */
    char url[CONFIG_VALUE_SIZE]; /* access URL username USER password-file FILE */
    char username[CONFIG_VALUE_SIZE];
    char password_file[CONFIG_VALUE_SIZE];
    char ca_file[CONFIG_VALUE_SIZE]; /* tls ca-file FILE; empty: the system's store */
    char fingerprint[65];            /* tls fingerprint sha256 HEX, lower case, without colons */
    bool tls_legacy;                 /* tls legacy */
    enum config_mode mode;           /* mode check (default) | config */
    enum config_provision provision; /* provision networks (default) | machines */
    struct vlanset allowed;          /* vlan allowed LIST; default: all */
    uint32_t hint_interval_s;        /* hint interval SECONDS, 5-86400, default 60 */
    bool enabled;                    /* no disable; a session starts disabled, as on FTOS */
    unsigned line;                   /* where its block began, for messages */
};

struct config_port { /* interface NAME */
    char name[CONFIG_NAME_SIZE];
    bool enabled;                          /* vsn enable */
    bool uplink;                           /* vsn uplink: never written as a host's port */
    char pin_hypervisor[CONFIG_NAME_SIZE]; /* vsn bind HYPERVISOR HOST NIC; empty: no pin */
    char pin_host[CONFIG_VALUE_SIZE];
    char pin_nic[CONFIG_NAME_SIZE];
    struct vlanset allowed; /* vlan allowed LIST; default: all */
    uint32_t vlan_max;      /* vlan maximum N, 1-4094; default 4094 */
    bool auto_enable;       /* port auto-enable: bring it up when it is needed */
    unsigned line;
};

struct config {
    char hostname[CONFIG_VALUE_SIZE];     /* hostname NAME */
    char switch_driver[CONFIG_NAME_SIZE]; /* switch DRIVER ARGUMENTS... */
    char switch_arguments[CONFIG_VALUE_SIZE * 2];
    unsigned switch_line;
    char lldpd_socket[CONFIG_VALUE_SIZE]; /* lldpd socket PATH; empty: lldpd's own default; "none":
                                             no lldpd */
    bool
        lldpd_nonce; /* lldpd nonce: mark what is sent on ports with 'vsn enable' (model/nonce.h) */
    struct config_hypervisor *hypervisors; /* in the order of the file */
    size_t n_hypervisors;
    struct config_port *ports;
    size_t n_ports;
    /* The 'vsn' block: */
    enum config_prune prune;        /* prune guarded (default) | never | immediate */
    uint32_t hold_down_s;           /* prune hold-down SECONDS, 1-86400, default 300 */
    uint32_t budget_per_minute;     /* prune budget N, 1-4094, default 10 removals a minute */
    uint32_t hold_s;                /* hold keep (default, 0) | hold SECONDS, 30-86400 */
    enum config_evidence evidence;  /* evidence normal (default) | strict | ftos */
    struct vlanset protected_vlans; /* vlan protect LIST; default none */
    uint32_t limit_vlans;           /* limit vlans N: VLANs on the switch; 0 (default): no limit */
    uint32_t limit_port_vlans;      /* limit port-vlans N: tagged VLANs on a port; 0: no limit */
    uint32_t limit_memberships;     /* limit memberships N: pairs of VLAN and port; 0: no limit */
    uint32_t discovery_timeout_s;   /* discovery timeout SECONDS, 30-86400, default 600 */
    uint32_t history_days;          /* history days NUMBER, 1-3650, default 90 */
    uint32_t history_entries;       /* history entries NUMBER, 100-1000000, default 100000 */
};

/* An empty configuration with every default; NULL when out of memory. */
struct config *config_new(void);
struct config *config_free(struct config *config);

/* Reads a whole text ('size' bytes; may hold anything). '*ret_config' is a new configuration on
 * success. On failure a negative errno and a sentence "NAME:LINE: reason", 'name' being the file's.
 */
int config_parse(const char *text, size_t size, const char *name, struct config **ret_config,
                 struct error *reterr);

/* Reads a file by path. As config_parse(), and -ENOENT, -EACCES, -EFBIG... with the path. */
int config_read(const char *path, struct config **ret_config, struct error *reterr);

/* Appends the canonical form: what was given and differs from the default, in the order of the
 * design; parsing it again gives an equal configuration. Secrets are never part of a configuration.
 */
void config_write(const struct config *config, struct strbuf *to);

/* True when the switch is said to have room for so much only. */
bool config_has_limits(const struct config *config);

/* Entries by name, or NULL. */
const struct config_hypervisor *config_hypervisor(const struct config *config, const char *name);
const struct config_port *config_port(const struct config *config, const char *name);

#endif

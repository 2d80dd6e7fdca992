#include "switch/ovs_fdb.h"

#include <errno.h>
#include <glob.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "switch/json_rpc.h"

#define REFRESH_MS 1000
#define SILENT_MS 30000 /* after an ovs-vswitchd that did not answer: asking costs PATIENCE_MS */
#define PATIENCE_MS 1000
#define INTERFACES_MAX 4096

/* What is learnt on one interface. */
struct seen {
    int64_t ofport;
    struct vlanset vlans;
    struct stations stations;
};

struct ovs_fdb {
    char *bridge, *pattern;
    struct json_rpc *control;
    struct seen *seen;
    size_t n_seen, space;
    bool known;
    int64_t read_at_ms;
    char *lacp; /* the text of lacp/show since the last refresh; NULL: not asked */
};

/* ovs-vswitchd puts its control socket beside the database's. */
static char *pattern_beside(const char *database)
{
    CLEANUP(free_text) char *copy = strdup(database);
    char *pattern = NULL;

    return copy && asprintf(&pattern, "%s/ovs-vswitchd*.ctl", dirname(copy)) >= 0 ? pattern : NULL;
}

struct ovs_fdb *ovs_fdb_new(const char *bridge, const char *database, const char *control)
{
    struct ovs_fdb *fdb = calloc(1, sizeof(*fdb));

    if (!fdb)
        return NULL;
    fdb->bridge = strdup(bridge);
    fdb->pattern = control    ? strdup(control)
                   : database ? pattern_beside(database)
                              : strdup(""); /* of another machine: nothing is found */
    fdb->read_at_ms = INT64_MIN / 2;
    return fdb->bridge && fdb->pattern ? fdb : ovs_fdb_free(fdb);
}

static void forget(struct ovs_fdb *fdb)
{
    for (size_t i = 0; i < fdb->n_seen; i++)
        stations_done(&fdb->seen[i].stations);
    fdb->n_seen = 0;
    fdb->known = false;
}

struct ovs_fdb *ovs_fdb_free(struct ovs_fdb *fdb)
{
    if (!fdb)
        return NULL;
    json_rpc_free(fdb->control);
    forget(fdb);
    free(fdb->seen);
    free(fdb->bridge);
    free(fdb->pattern);
    free(fdb->lacp);
    free(fdb);
    return NULL;
}

/* An ovs-vswitchd that died leaves its socket: the first one that answers counts. */
static void connect_control(struct ovs_fdb *fdb)
{
    glob_t found;

    if (glob(fdb->pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc && !fdb->control; i++) {
            char where[PATH_MAX];

            snprintf(where, sizeof(where), "unix:%s", found.gl_pathv[i]);
            json_rpc_open(&(struct stream_target){ .where = where }, NULL, NULL, &fdb->control,
                          NULL);
        }
        globfree(&found);
    }
}

static struct seen *seen_find(const struct ovs_fdb *fdb, int64_t ofport)
{
    for (size_t i = 0; i < fdb->n_seen; i++)
        if (fdb->seen[i].ofport == ofport)
            return &fdb->seen[i];
    return NULL;
}

static struct seen *seen_make(struct ovs_fdb *fdb, int64_t ofport)
{
    struct seen *seen = seen_find(fdb, ofport);

    if (seen)
        return seen;
    if (fdb->n_seen == fdb->space) {
        size_t space = fdb->space ? fdb->space * 2 : 16;

        seen = space > INTERFACES_MAX ? NULL : realloc(fdb->seen, space * sizeof(*seen));
        if (!seen)
            return NULL;
        fdb->seen = seen;
        fdb->space = space;
    }
    fdb->seen[fdb->n_seen] = (struct seen){ .ofport = ofport };
    return &fdb->seen[fdb->n_seen++];
}

/* Takes one row: "    3   100  52:54:00:00:00:01    2", the port by its OpenFlow number. Rows of
 * the bridge's own port (LOCAL) and those set by hand (age "static") are not heard on a port. False
 * when it does not fit any more. */
static bool take_row(struct ovs_fdb *fdb, const char *row)
{
    struct seen *seen;
    struct mac address;
    long long ofport;
    unsigned vlan;
    char mac[MAC_TEXT], age[16];

    if (sscanf(row, "%lld %u %17s %15s", &ofport, &vlan, mac, age) != 4 ||
        strcmp(age, "static") == 0)
        return true;
    seen = seen_make(fdb, ofport);
    if (!seen)
        return false;
    vlanset_add(&seen->vlans, vlan);
    if (mac_parse(mac, &address) == 0)
        stations_add(&seen->stations, address, vlan);
    return true;
}

bool ovs_fdb_parse(struct ovs_fdb *fdb, const char *text)
{
    forget(fdb);
    if (!strstr(text, "VLAN"))
        return false;
    while ((text = strchr(text, '\n')))
        if (!take_row(fdb, ++text))
            return false;
    fdb->known = true;
    return true;
}

/* Takes over 'params'. */
static int ask(struct ovs_fdb *fdb, const char *command, json_t *params, json_t **ret_result)
{
    int r;

    if (!fdb->control)
        connect_control(fdb);
    if (!fdb->control) {
        json_decref(params);
        return -ENOTCONN;
    }
    json_rpc_set_patience(fdb->control, PATIENCE_MS);
    r = json_rpc_call(fdb->control, command, params, ret_result, NULL);
    if (r < 0)
        fdb->control = json_rpc_free(fdb->control);
    return r;
}

static int ask_table(struct ovs_fdb *fdb, json_t **ret_result)
{
    return ask(fdb, "fdb/show", json_pack("[s]", fdb->bridge), ret_result);
}

void ovs_fdb_refresh(struct ovs_fdb *fdb, int64_t now_ms)
{
    bool was_connected = fdb->control != NULL;
    json_t *result = NULL;
    const char *text;
    int r;

    if (now_ms - fdb->read_at_ms < REFRESH_MS)
        return;
    fdb->read_at_ms = now_ms;
    fdb->known = false;
    free(fdb->lacp);
    fdb->lacp = NULL;
    r = ask_table(fdb, &result);
    if (r == -ENOTCONN && was_connected) /* it may have been started anew since the last time */
        r = ask_table(fdb, &result);
    if (r == -ETIMEDOUT)
        fdb->read_at_ms = now_ms + SILENT_MS - REFRESH_MS;
    text = r == 0 ? json_string_value(result) : NULL;
    if (text)
        ovs_fdb_parse(fdb, text);
    json_decref(result);
}

bool ovs_fdb_known(const struct ovs_fdb *fdb)
{
    return fdb->known;
}

void ovs_fdb_learnt(const struct ovs_fdb *fdb, int64_t ofport, struct vlanset *vlans)
{
    const struct seen *seen = fdb->known ? seen_find(fdb, ofport) : NULL;

    if (seen)
        *vlans = vlanset_union(vlans, &seen->vlans);
}

void ovs_fdb_heard(const struct ovs_fdb *fdb, int64_t ofport, struct stations *stations)
{
    const struct seen *seen = fdb->known ? seen_find(fdb, ofport) : NULL;

    if (seen)
        stations_copy(stations, &seen->stations);
}

/* ---- Partners by LACP ------------------------------------------------------------------------ */

/* Where the part of 'bond' begins: behind "---- BOND ----". NULL: there is none. */
static const char *find_bond(const char *text, const char *bond)
{
    char head[128];
    const char *at;

    if ((size_t)snprintf(head, sizeof(head), "---- %s ----\n", bond) >= sizeof(head))
        return NULL;
    for (at = strstr(text, head); at; at = strstr(at + 1, head))
        if (at == text || at[-1] == '\n')
            return at + strlen(head);
    return NULL;
}

/* Each member has "member: NAME: current attached" and later "partner sys_id: ADDRESS" (lib/lacp.c,
 * lacp_print_details; "slave:" before 2.15). One that is expired or defaulted only remembers its
 * partner, or assumes one. */
struct mac ovs_fdb_parse_partner(const char *text, const char *bond)
{
    struct mac partner = { { 0 } }, heard;
    bool is_current = false;
    char address[MAC_TEXT], state[16];

    for (text = find_bond(text, bond); text && strncmp(text, "---- ", 5) != 0;) {
        const char *line = text, *end = strchr(text, '\n');

        text = end ? end + 1 : NULL;
        if (sscanf(line, "member: %*[^:\n]: %15s", state) == 1 ||
            sscanf(line, "slave: %*[^:\n]: %15s", state) == 1)
            is_current = strcmp(state, "current") == 0;
        if (!is_current || sscanf(line, " partner sys_id: %17s", address) != 1 ||
            mac_parse(address, &heard) < 0 || !mac_is_unicast(heard))
            continue;
        if (mac_is_unicast(partner) && !mac_equal(partner, heard))
            return (struct mac){ { 0 } };
        partner = heard;
    }
    return partner;
}

struct mac ovs_fdb_partner(struct ovs_fdb *fdb, const char *bond)
{
    json_t *result = NULL;

    if (!fdb->lacp && fdb->control && ask(fdb, "lacp/show", json_array(), &result) == 0) {
        const char *text = json_string_value(result);

        fdb->lacp = strdup(text ? text : "");
    }
    json_decref(result);
    return ovs_fdb_parse_partner(fdb->lacp ? fdb->lacp : "", bond);
}

#include "intent/round.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "intent/mac_table.h"
#include "intent/machine_macs.h"
#include "intent/nic_index.h"
#include "model/names.h"
#include "model/nonce.h"

bool round_may_have_wires(const struct config_port *port)
{
    return port->enabled && !port->uplink;
}

struct mac round_mac_of(const struct round *round, const struct wire *wire)
{
    for (size_t i = 0; i < round->n_hypervisors; i++) {
        const struct nic *nic;

        if (strcmp(round->hypervisors[i].config->name, wire->hypervisor) != 0)
            continue;
        nic = inventory_find(round->hypervisors[i].inventory, TABLE_NIC, wire->host, wire->nic);
        return nic ? nic->mac : (struct mac){ 0 };
    }
    return (struct mac){ 0 };
}

bool round_may_share_port(const struct round *round, const struct wire *a, const struct wire *b)
{
    return strcmp(a->hypervisor, b->hypervisor) != 0 &&
           mac_equal(round_mac_of(round, a), round_mac_of(round, b));
}

bool round_is_lag(const struct round *round, const char *port)
{
    const struct port *row = inventory_find(round->module, TABLE_PORT, "", port);

    return row && (row->members[0] || mac_is_unicast(row->partner));
}

struct wire *round_add_wire(struct round *round, const char *port, const char *hypervisor,
                            const char *host, const char *host_name, const char *nic)
{
    struct wire wire = {
        .port = strdup(port),
        .hypervisor = strdup(hypervisor),
        .host = strdup(host),
        .host_name = strdup(host_name),
        .nic = strdup(nic),
        .since_ms = round->now_ms,
        .seen_ms = round->now_ms,
    };

    if (round->found.count == round->space) {
        size_t space = round->space ? 2 * round->space : 16;
        struct wire *wires = realloc(round->found.wires, space * sizeof(*wires));

        if (wires) {
            round->found.wires = wires;
            round->space = space;
        }
    }
    if (!wire.port || !wire.hypervisor || !wire.host || !wire.host_name || !wire.nic ||
        round->found.count == round->space) {
        wire_done(&wire);
        round->failed = true;
        return NULL;
    }
    round->found.wires[round->found.count] = wire;
    return &round->found.wires[round->found.count++];
}

struct wire *round_note(struct round *round, const char *port, const struct hypervisor_view *view,
                        const char *host, const char *nic, enum evidence_kind kind,
                        const char *detail)
{
    const struct host *row = inventory_find(view->inventory, TABLE_HOST, "", host);
    struct wire *wire = NULL;

    for (size_t i = 0; i < round->found.count && !wire; i++) {
        struct wire *each = &round->found.wires[i];

        if (strcmp(each->port, port) == 0 && strcmp(each->hypervisor, view->config->name) == 0 &&
            strcmp(each->host, host) == 0 && strcmp(each->nic, nic) == 0)
            wire = each;
    }
    if (!wire)
        wire = round_add_wire(round, port, view->config->name, host, row ? row->name : "", nic);
    if (!wire)
        return NULL;
    if (!wire->detail[0])
        text_copy(wire->detail, sizeof(wire->detail), detail);
    wire->evidence |= EVIDENCE_BIT(kind);
    return wire;
}

static const struct host *host_called(const struct inventory *inventory, const char *name)
{
    INVENTORY_EACH(inventory, host, TABLE_HOST, NULL)
    if (strcasecmp(host->name, name) == 0 || strcmp(host->id, name) == 0)
        return host;
    return NULL;
}

static void collect_pin(struct round *round, const struct config_port *port)
{
    for (size_t i = 0; i < round->n_hypervisors; i++) {
        const struct hypervisor_view *view = &round->hypervisors[i];
        const struct host *host;

        if (strcmp(view->config->name, port->pin_hypervisor) != 0)
            continue;
        host = host_called(view->inventory, port->pin_host);
        if (host && inventory_find(view->inventory, TABLE_NIC, host->id, port->pin_nic))
            round_note(round, port->name, view, host->id, port->pin_nic, EVIDENCE_PIN,
                       "bound by the operator");
    }
}

static void collect_pins(struct round *round)
{
    for (size_t i = 0; i < round->config->n_ports; i++)
        if (round_may_have_wires(&round->config->ports[i]) &&
            round->config->ports[i].pin_hypervisor[0])
            collect_pin(round, &round->config->ports[i]);
}

/* Two switches often share a name ("sonic"), never a chassis address: where both are told, they
 * decide. */
static bool is_other_chassis(const struct hint *hint, const struct advert *advert)
{
    struct mac heard, own;

    return mac_parse(hint->chassis, &heard) == 0 && mac_parse(advert->chassis, &own) == 0 &&
           !mac_equal(heard, own);
}

static bool switch_fits(const struct hint *hint, const struct advert *advert)
{
    return (advert->system[0] && strcmp(hint->system, advert->system) == 0) ||
           (advert->chassis[0] && strcasecmp(hint->chassis, advert->chassis) == 0);
}

/* True when what the NIC heard is what this switch says of itself on that port. */
static bool hint_is_of(const struct hint *hint, const struct advert *advert)
{
    return switch_fits(hint, advert) && hint->port[0] &&
           (nonce_same_but_mark(hint->port, advert->port) ||
            nonce_same_but_mark(hint->port, advert->description)) &&
           !is_other_chassis(hint, advert);
}

/* What this switch says of itself on a port; by its configuration as long as nobody told. */
static struct advert own_advert(const struct round *round, const char *port)
{
    const struct advert *told = inventory_find(round->neighbors, TABLE_ADVERT, "", port);

    if (told)
        return *told;
    return (struct advert){
        .id = port,
        .system = round->config->hostname,
        .chassis = "",
        .port = port,
        .description = "",
        .nonce = "",
        .nonce_before = "",
    };
}

/* ---- Where LLDP is spoken -------------------------------------------------------------------- */

/* A port where frames are sent and heard, and the one that carries VLANs: itself, or the LAG that
 * it is a member of. */
struct ear {
    char name[CONFIG_NAME_SIZE];
    const char *port;
};

static void add_ear(struct round *round, const char *name, size_t length, const char *port)
{
    struct ear *ears = realloc(round->ears, (round->n_ears + 1) * sizeof(*ears));

    round->failed |= !ears;
    if (!ears)
        return;
    round->ears = ears;
    ears[round->n_ears] = (struct ear){ .port = port };
    snprintf(ears[round->n_ears++].name, sizeof(ears->name), "%.*s", (int)length, name);
}

static void find_ears(struct round *round)
{
    for (size_t i = 0; i < round->config->n_ports; i++) {
        const struct config_port *port = &round->config->ports[i];
        const struct port *row = inventory_find(round->module, TABLE_PORT, "", port->name);
        const char *members = row ? row->members : "", *name;
        size_t length;

        if (!round_may_have_wires(port))
            continue;
        add_ear(round, port->name, strlen(port->name), port->name);
        while (names_next(&members, &name, &length))
            add_ear(round, name, length, port->name);
    }
}

/* ---- Hints ----------------------------------------------------------------------------------- */

/* The hint may be of what the switch says, or of what the configuration calls it. */
static bool hint_fits(const struct round *round, const struct hint *hint,
                      const struct advert *advert)
{
    struct advert configured = *advert;

    configured.system = round->config->hostname;
    configured.port = configured.description = advert->id;
    return hint_is_of(hint, advert) || hint_is_of(hint, &configured);
}

static bool is_nonce_of(const char *nonce, const struct advert *advert)
{
    return nonce[0] &&
           (strcmp(nonce, advert->nonce) == 0 || strcmp(nonce, advert->nonce_before) == 0);
}

/* What a NIC heard that is sent on one port only. By CDP the description is the port id (lldpd 1.0,
 * cdp.c); by LLDP it is a TLV of its own (IEEE 802.1AB 8.5.5). */
struct echo {
    char in_port[NONCE_TEXT], in_description[NONCE_TEXT];
};

static struct echo echo_in(const struct hint *hint)
{
    struct echo echo;

    nonce_split(hint->port, echo.in_port);
    nonce_split(hint->description, echo.in_description);
    return echo;
}

static void collect_hint(struct round *round, const struct hypervisor_view *view,
                         const struct hint *hint, const struct echo *echo, const char *port,
                         const struct advert *advert)
{
    bool echoes = is_nonce_of(echo->in_port, advert) || is_nonce_of(echo->in_description, advert);
    char detail[256];

    if ((!echoes && !hint_fits(round, hint, advert)) ||
        !inventory_find(view->inventory, TABLE_NIC, hint->owner, hint->nic))
        return;
    snprintf(detail, sizeof(detail), "%s hears %s port %s by %s%s", hint->nic,
             hint->system[0] ? hint->system : hint->chassis, hint->port,
             hint->protocol == DISCOVERY_CDP ? "CDP" : "LLDP",
             echoes ? ", and what is sent there only" : "");
    round_note(round, port, view, hint->owner, hint->nic, echoes ? EVIDENCE_ECHO : EVIDENCE_HINT,
               detail);
}

/* A switch says the same of itself on nearly every port. True when it does so on all of them. */
static bool is_one_switch(const struct advert *adverts, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (strcmp(adverts[i].system, adverts[0].system) != 0 ||
            strcmp(adverts[i].chassis, adverts[0].chassis) != 0)
            return false;
    return count > 0;
}

/* True when the hint is of another switch, whatever the port. */
static bool is_strange(const struct round *round, const struct hint *hint, const struct echo *echo,
                       const struct advert *own)
{
    return !echo->in_port[0] && !echo->in_description[0] && !switch_fits(hint, own) &&
           strcmp(hint->system, round->config->hostname) != 0;
}

/* There may be thousands of hints, nearly all of other switches: each is looked at once. */
static void collect_hints(struct round *round)
{
    struct advert *adverts = calloc(round->n_ears + 1, sizeof(*adverts));
    bool is_one;

    if (!adverts) {
        round->failed = true;
        return;
    }
    for (size_t i = 0; i < round->n_ears; i++)
        adverts[i] = own_advert(round, round->ears[i].name);
    is_one = is_one_switch(adverts, round->n_ears);
    for (size_t h = 0; h < round->n_hypervisors; h++)
        INVENTORY_EACH(round->hypervisors[h].inventory, hint, TABLE_HINT, NULL)
        {
            const struct echo echo = echo_in(hint);

            if (is_one && is_strange(round, hint, &echo, &adverts[0]))
                continue;
            for (size_t i = 0; i < round->n_ears; i++)
                collect_hint(round, &round->hypervisors[h], hint, &echo, round->ears[i].port,
                             &adverts[i]);
        }
    free(adverts);
}

/* ---- NICs by their address ------------------------------------------------------------------- */

static void index_nics(struct round *round)
{
    round->nics = calloc(round->n_hypervisors + 1, sizeof(*round->nics));
    round->failed |= !round->nics;
    for (size_t i = 0; round->nics && i < round->n_hypervisors; i++)
        round->failed |= nic_index_init(&round->nics[i], round->hypervisors[i].inventory) < 0;
}

static void index_done(struct round *round)
{
    for (size_t i = 0; round->nics && i < round->n_hypervisors; i++)
        nic_index_done(&round->nics[i]);
    free(round->nics);
    round->nics = NULL;
}

static void collect_heard_mac(struct round *round, const char *port,
                              const struct neighbor *neighbor, size_t h)
{
    const struct hypervisor_view *view = &round->hypervisors[h];
    const char *protocol = neighbor->protocol == DISCOVERY_CDP ? "CDP" : "LLDP";
    char detail[256], mac[MAC_TEXT];
    const struct nic *nic;
    bool several;

    if (mac_is_unicast(neighbor->port_mac)) {
        nic = nic_index_find(&round->nics[h], neighbor->port_mac, &several);
        snprintf(detail, sizeof(detail), "%s heard from %s", protocol,
                 mac_format(neighbor->port_mac, mac));
        if (nic)
            round_note(round, port, view, nic->owner, nic->id, EVIDENCE_HEARD, detail);
        if (several)
            INVENTORY_EACH_AS(view->inventory, nic, each, TABLE_NIC, NULL)
        if (mac_equal(each->mac, neighbor->port_mac))
            round_note(round, port, view, each->owner, each->id, EVIDENCE_NAMED,
                       "several NICs have the MAC address that was heard");
        if (nic || several)
            return;
    }
    /* A chassis id names the host, not the NIC, even where it is one NIC's address. */
    nic = mac_is_unicast(neighbor->chassis_mac)
              ? nic_index_find(&round->nics[h], neighbor->chassis_mac, &several)
              : NULL;
    if (nic)
        round_note(round, port, view, nic->owner, nic->id, EVIDENCE_NAMED,
                   "only the chassis id is that NIC's address");
}

static void collect_heard_name(struct round *round, const char *port,
                               const struct neighbor *neighbor, const struct hypervisor_view *view)
{
    const struct host *host =
        neighbor->system[0] ? host_called(view->inventory, neighbor->system) : NULL;

    if (host && inventory_find(view->inventory, TABLE_NIC, host->id, neighbor->port))
        round_note(round, port, view, host->id, neighbor->port, EVIDENCE_NAMED,
                   "a station only claims that name");
}

static void collect_heard(struct round *round, const struct ear *ear)
{
    INVENTORY_EACH(round->neighbors, neighbor, TABLE_NEIGHBOR, ear->name)
    {
        for (size_t i = 0; i < round->n_hypervisors; i++) {
            collect_heard_mac(round, ear->port, neighbor, i);
            collect_heard_name(round, ear->port, neighbor, &round->hypervisors[i]);
        }
    }
}

/* The partner of a LAG is known by its system id, which is the address of one of its NICs: all NICs
 * of that virtual switch's LAG are behind the port. */
static void collect_lacp(struct round *round, const struct port *port, size_t h)
{
    const struct hypervisor_view *view = &round->hypervisors[h];
    char detail[64], text[MAC_TEXT];
    bool several;
    const struct nic *nic = nic_index_find(&round->nics[h], port->partner, &several);
    const struct uplink *uplink =
        nic ? inventory_find(view->inventory, TABLE_UPLINK, nic->owner, nic->id) : NULL;

    if (!uplink)
        return;
    snprintf(detail, sizeof(detail), "LACP partner %s", mac_format(port->partner, text));
    INVENTORY_EACH_AS(view->inventory, uplink, each, TABLE_UPLINK, nic->owner)
    if (strcmp(each->vswitch, uplink->vswitch) == 0 && strcmp(each->lag, uplink->lag) == 0)
        round_note(round, port->id, view, nic->owner, each->id, EVIDENCE_LACP, detail);
}

static void collect_partners(struct round *round)
{
    for (size_t i = 0; i < round->config->n_ports; i++) {
        const struct config_port *config = &round->config->ports[i];
        const struct port *port = inventory_find(round->module, TABLE_PORT, "", config->name);

        if (!port || !round_may_have_wires(config) || !mac_is_unicast(port->partner))
            continue;
        for (size_t h = 0; h < round->n_hypervisors; h++)
            collect_lacp(round, port, h);
    }
}

/* What names NICs by their addresses. */
static void collect_addresses(struct round *round)
{
    index_nics(round);
    for (size_t i = 0; i < round->n_ears && !round->failed; i++)
        collect_heard(round, &round->ears[i]);
    if (!round->failed)
        collect_partners(round);
    index_done(round);
}

/* ---- The MAC table --------------------------------------------------------------------------- */

static void describe(const struct sighting *sighting, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "%s", sighting->detail);

    for (size_t i = 0; sighting->nics.count > 1 && i < sighting->nics.count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%.40s",
                                 i == 0 ? "; it is one of " : ", ", sighting->nics.nics[i]->id);
    if (used < size && sighting->is_elsewhere)
        snprintf(text, size, "%s, but what it may be is known to be behind other ports",
                 sighting->detail);
    else if (used < size && sighting->is_crowded)
        snprintf(text, size, "%s, but the host is seen behind more ports than it can be",
                 sighting->detail);
}

static void note_sighting(struct round *round, const struct sighting *sighting, unsigned number)
{
    char detail[256];

    describe(sighting, detail, sizeof(detail));
    for (size_t i = 0; i < sighting->nics.count; i++) {
        struct wire *wire = round_note(round, sighting->port, sighting->view, sighting->host,
                                       sighting->nics.nics[i]->id, EVIDENCE_FDB, detail);

        if (!wire)
            return;
        wire->n_candidates = (unsigned)sighting->nics.count;
        wire->sighting = number;
        wire->is_doubtful = sighting->is_elsewhere || sighting->is_crowded;
        wire->table_ms = sighting->is_recalled ? sighting->seen_ms : round->now_ms;
        if (!(wire->evidence & ~EVIDENCE_BIT(EVIDENCE_FDB)))
            wire->seen_ms = wire->table_ms;
    }
}

static void collect_sightings(struct round *round, const struct wires *before)
{
    struct sightings sightings;

    if (mac_table_read(round->config, round->hypervisors, round->n_hypervisors, round->module,
                       &round->found, before, &sightings) < 0) {
        round->failed = true;
        return;
    }
    for (size_t i = 0; i < sightings.count; i++)
        note_sighting(round, &sightings.list[i], (unsigned)i + 1);
    sightings_done(&sightings);
}

void round_collect(struct round *round, const struct wires *before)
{
    find_ears(round);
    collect_pins(round);
    collect_hints(round);
    collect_addresses(round);
    if (!round->failed)
        collect_sightings(round, before);
    if (!round->failed && round->config->evidence == EVIDENCE_FTOS)
        round->failed = machine_macs_collect(round) < 0;
    free(round->ears);
    round->ears = NULL;
}

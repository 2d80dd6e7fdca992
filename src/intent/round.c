#include "intent/round.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "intent/mac_table.h"
#include "model/nonce.h"

bool round_may_have_wires(const struct config_port *port)
{
    return port->enabled && !port->uplink;
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

/* Notes one piece of evidence that 'nic' of 'host' is behind 'port'. Returns the wire, or NULL. */
static struct wire *note(struct round *round, const char *port, const struct hypervisor_view *view,
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
            note(round, port->name, view, host->id, port->pin_nic, EVIDENCE_PIN,
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

/* True when what the NIC heard is what this switch says of itself on that port. */
static bool hint_is_of(const struct hint *hint, const struct advert *advert)
{
    bool switch_fits = (advert->system[0] && strcmp(hint->system, advert->system) == 0) ||
                       (advert->chassis[0] && strcasecmp(hint->chassis, advert->chassis) == 0);
    bool port_fits = hint->port[0] && (nonce_same_but_mark(hint->port, advert->port) ||
                                       nonce_same_but_mark(hint->port, advert->description));

    return switch_fits && port_fits && !is_other_chassis(hint, advert);
}

/* What this switch says of itself on 'port'; by its configuration as long as nobody told. */
static struct advert own_advert(const struct round *round, const struct config_port *port)
{
    const struct advert *told = inventory_find(round->neighbors, TABLE_ADVERT, "", port->name);

    if (told)
        return *told;
    return (struct advert){
        .id = port->name,
        .system = round->config->hostname,
        .chassis = "",
        .port = port->name,
        .description = "",
        .nonce = "",
        .nonce_before = "",
    };
}

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

/* True when the NIC heard what is sent on that port only. By CDP the description is the port id
 * (lldpd 1.0, cdp.c); by LLDP it is a TLV of its own (IEEE 802.1AB 8.5.5). */
static bool hint_echoes(const struct hint *hint, const struct advert *advert)
{
    char in_port[NONCE_TEXT], in_description[NONCE_TEXT];

    nonce_split(hint->port, in_port);
    nonce_split(hint->description, in_description);
    return is_nonce_of(in_port, advert) || is_nonce_of(in_description, advert);
}

static void collect_hint(struct round *round, const struct hypervisor_view *view,
                         const struct hint *hint, const struct advert *advert)
{
    char detail[256];

    bool echoes = hint_echoes(hint, advert);

    if ((!echoes && !hint_fits(round, hint, advert)) ||
        !inventory_find(view->inventory, TABLE_NIC, hint->owner, hint->nic))
        return;
    snprintf(detail, sizeof(detail), "%s hears %s port %s by %s%s", hint->nic,
             hint->system[0] ? hint->system : hint->chassis, hint->port,
             hint->protocol == DISCOVERY_CDP ? "CDP" : "LLDP",
             echoes ? ", and what is sent there only" : "");
    note(round, advert->id, view, hint->owner, hint->nic, echoes ? EVIDENCE_ECHO : EVIDENCE_HINT,
         detail);
}

/* There may be thousands of hints, nearly all of other switches: each is looked at once. */
static void collect_hints(struct round *round)
{
    struct advert *adverts = calloc(round->config->n_ports + 1, sizeof(*adverts));
    size_t count = 0;

    if (!adverts) {
        round->failed = true;
        return;
    }
    for (size_t i = 0; i < round->config->n_ports; i++)
        if (round_may_have_wires(&round->config->ports[i]))
            adverts[count++] = own_advert(round, &round->config->ports[i]);
    for (size_t h = 0; h < round->n_hypervisors; h++)
        INVENTORY_EACH(round->hypervisors[h].inventory, hint, TABLE_HINT, NULL)
    for (size_t i = 0; i < count; i++)
        collect_hint(round, &round->hypervisors[h], hint, &adverts[i]);
    free(adverts);
}

/* ---- NICs by their address ------------------------------------------------------------------- */

struct nic_entry {
    struct mac mac;
    const struct nic *nic;
};

struct nic_index { /* of one hypervisor, sorted */
    struct nic_entry *entries;
    size_t count;
};

static int compare_nics(const void *left, const void *right)
{
    const struct nic_entry *a = left, *b = right;

    return memcmp(&a->mac, &b->mac, sizeof(a->mac));
}

static void index_nics(struct round *round)
{
    round->nics = calloc(round->n_hypervisors + 1, sizeof(*round->nics));
    for (size_t i = 0; round->nics && i < round->n_hypervisors; i++) {
        const struct inventory *inventory = round->hypervisors[i].inventory;
        struct nic_index *index = &round->nics[i];

        index->entries = calloc(inventory_count(inventory, TABLE_NIC) + 1, sizeof(*index->entries));
        round->failed |= !index->entries;
        if (!index->entries)
            continue;
        INVENTORY_EACH(inventory, nic, TABLE_NIC, NULL)
        index->entries[index->count++] = (struct nic_entry){ nic->mac, nic };
        qsort(index->entries, index->count, sizeof(*index->entries), compare_nics);
    }
    round->failed |= !round->nics;
}

static void index_done(struct round *round)
{
    for (size_t i = 0; round->nics && i < round->n_hypervisors; i++)
        free(round->nics[i].entries);
    free(round->nics);
    round->nics = NULL;
}

/* The hypervisor's only NIC with that MAC address; NULL when there is none, or '*ret_several'. */
static const struct nic *nic_with_mac(const struct nic_index *index, struct mac mac,
                                      bool *ret_several)
{
    const struct nic_entry wanted = { .mac = mac }, *last = index->entries + index->count;
    const struct nic_entry *found =
        index->count ? bsearch(&wanted, index->entries, index->count, sizeof(wanted), compare_nics)
                     : NULL;

    *ret_several = found && ((found > index->entries && mac_equal(found[-1].mac, mac)) ||
                             (found + 1 < last && mac_equal(found[1].mac, mac)));
    return found && !*ret_several ? found->nic : NULL;
}

static void collect_heard_mac(struct round *round, const struct neighbor *neighbor, size_t h)
{
    const struct hypervisor_view *view = &round->hypervisors[h];
    const char *protocol = neighbor->protocol == DISCOVERY_CDP ? "CDP" : "LLDP";
    char detail[256], mac[MAC_TEXT];
    const struct nic *nic;
    bool several;

    if (mac_is_unicast(neighbor->port_mac)) {
        nic = nic_with_mac(&round->nics[h], neighbor->port_mac, &several);
        snprintf(detail, sizeof(detail), "%s heard from %s", protocol,
                 mac_format(neighbor->port_mac, mac));
        if (nic)
            note(round, neighbor->owner, view, nic->owner, nic->id, EVIDENCE_HEARD, detail);
        if (several)
            INVENTORY_EACH_AS(view->inventory, nic, each, TABLE_NIC, NULL)
        if (mac_equal(each->mac, neighbor->port_mac))
            note(round, neighbor->owner, view, each->owner, each->id, EVIDENCE_NAMED,
                 "several NICs have the MAC address that was heard");
        if (nic || several)
            return;
    }
    /* A chassis id names the host, not the NIC, even where it is one NIC's address. */
    nic = mac_is_unicast(neighbor->chassis_mac)
              ? nic_with_mac(&round->nics[h], neighbor->chassis_mac, &several)
              : NULL;
    if (nic)
        note(round, neighbor->owner, view, nic->owner, nic->id, EVIDENCE_NAMED,
             "only the chassis id is that NIC's address");
}

static void collect_heard_name(struct round *round, const struct neighbor *neighbor,
                               const struct hypervisor_view *view)
{
    const struct host *host =
        neighbor->system[0] ? host_called(view->inventory, neighbor->system) : NULL;

    if (host && inventory_find(view->inventory, TABLE_NIC, host->id, neighbor->port))
        note(round, neighbor->owner, view, host->id, neighbor->port, EVIDENCE_NAMED,
             "a station only claims that name");
}

static void collect_heard(struct round *round, const struct config_port *port)
{
    INVENTORY_EACH(round->neighbors, neighbor, TABLE_NEIGHBOR, port->name)
    {
        for (size_t i = 0; i < round->n_hypervisors; i++) {
            collect_heard_mac(round, neighbor, i);
            collect_heard_name(round, neighbor, &round->hypervisors[i]);
        }
    }
}

static void collect_all_heard(struct round *round)
{
    index_nics(round);
    for (size_t i = 0; i < round->config->n_ports && !round->failed; i++)
        if (round_may_have_wires(&round->config->ports[i]))
            collect_heard(round, &round->config->ports[i]);
    index_done(round);
}

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
        struct wire *wire = note(round, sighting->port, sighting->view, sighting->host,
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
    collect_pins(round);
    collect_hints(round);
    collect_all_heard(round);
    if (!round->failed)
        collect_sightings(round, before);
}

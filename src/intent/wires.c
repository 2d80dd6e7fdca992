#include "intent/wires.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "intent/mac_table.h"

static const char *const state_words[N_WIRE_STATES] = {
    [WIRE_CLAIMED] = "claimed",   [WIRE_LOST] = "lost",           [WIRE_MOVED] = "moved",
    [WIRE_CONFLICT] = "conflict", [WIRE_CONFIRMED] = "confirmed", [WIRE_PROVED] = "proved",
};

static const char *const kind_words[N_EVIDENCE_KINDS] = {
    [EVIDENCE_PIN] = "pin",       [EVIDENCE_HINT] = "hint",   [EVIDENCE_HEARD] = "heard",
    [EVIDENCE_FDB] = "mac-table", [EVIDENCE_NAMED] = "named",
};

#define BIT(kind) (1u << (kind))
#define NAMING_EVIDENCE (BIT(EVIDENCE_PIN) | BIT(EVIDENCE_HINT) | BIT(EVIDENCE_HEARD))

const char *wire_state_word(enum wire_state state)
{
    return state_words[state];
}

const char *evidence_word(enum evidence_kind kind)
{
    return kind_words[kind];
}

char *wire_evidence_text(const struct wire *wire, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (enum evidence_kind kind = 0; kind < N_EVIDENCE_KINDS; kind++)
        if (wire->evidence & BIT(kind) && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? "+" : "",
                                     kind_words[kind]);
    return text;
}

bool wire_names_nic(const struct wire *wire)
{
    return wire->evidence & NAMING_EVIDENCE;
}

bool wire_is_trusted(const struct wire *wire, enum config_evidence evidence)
{
    return wire->state == WIRE_PROVED ||
           (wire->state == WIRE_CONFIRMED && evidence == EVIDENCE_NORMAL);
}

/* ---- Collecting evidence --------------------------------------------------------------------- */

/* What one round of evidence is collected from, and into. */
struct round {
    const struct config *config;
    const struct hypervisor_view *hypervisors;
    size_t n_hypervisors;
    const struct inventory *neighbors;
    const struct inventory *module;
    int64_t now_ms;
    struct wires found;
    size_t space;
    bool failed;            /* out of memory */
    struct nic_index *nics; /* one per hypervisor */
};

/* Only ports that the configuration enables for vsn, and that no other switch is behind. */
static bool may_have_wires(const struct config_port *port)
{
    return port->enabled && !port->uplink;
}

static void wire_done(struct wire *wire)
{
    free(wire->port);
    free(wire->hypervisor);
    free(wire->host);
    free(wire->host_name);
    free(wire->nic);
}

void wires_done(struct wires *wires)
{
    for (size_t i = 0; i < wires->count; i++)
        wire_done(&wires->wires[i]);
    free(wires->wires);
    *wires = (struct wires){ 0 };
}

static bool same_nic(const struct wire *a, const struct wire *b)
{
    return strcmp(a->hypervisor, b->hypervisor) == 0 && strcmp(a->host, b->host) == 0 &&
           strcmp(a->nic, b->nic) == 0;
}

static bool same_wire(const struct wire *a, const struct wire *b)
{
    return strcmp(a->port, b->port) == 0 && same_nic(a, b);
}

/* A new wire at the end of the list, its texts copied; NULL (and 'failed') when out of memory. */
static struct wire *add_wire(struct round *round, const char *port, const char *hypervisor,
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
        wire = add_wire(round, port, view->config->name, host, row ? row->name : "", nic);
    if (!wire)
        return NULL;
    if (!wire->detail[0])
        text_copy(wire->detail, sizeof(wire->detail), detail);
    wire->evidence |= BIT(kind);
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
        if (may_have_wires(&round->config->ports[i]) && round->config->ports[i].pin_hypervisor[0])
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
    bool port_fits = hint->port[0] && (strcmp(hint->port, advert->port) == 0 ||
                                       strcmp(hint->port, advert->description) == 0);

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

static void collect_hint(struct round *round, const struct hypervisor_view *view,
                         const struct hint *hint, const struct advert *advert)
{
    char detail[256];

    if (!hint_fits(round, hint, advert) ||
        !inventory_find(view->inventory, TABLE_NIC, hint->owner, hint->nic))
        return;
    snprintf(detail, sizeof(detail), "%s hears %s port %s by %s", hint->nic,
             hint->system[0] ? hint->system : hint->chassis, hint->port,
             hint->protocol == DISCOVERY_CDP ? "CDP" : "LLDP");
    note(round, advert->id, view, hint->owner, hint->nic, EVIDENCE_HINT, detail);
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
        if (may_have_wires(&round->config->ports[i]))
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
        if (may_have_wires(&round->config->ports[i]))
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
        if (!(wire->evidence & ~BIT(EVIDENCE_FDB)))
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

/* ---- Judging ------------------------------------------------------------------------------- */

static bool has_trusted_evidence(const struct wire *wire)
{
    return wire_names_nic(wire) || (wire->evidence & BIT(EVIDENCE_FDB) && !wire->is_doubtful);
}

static struct mac mac_of(const struct round *round, const struct wire *wire)
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

/* Two hypervisors may follow one host (a vCenter, and its ESXi directly): then the NIC is the same.
 */
static bool may_share_port(const struct round *round, const struct wire *a, const struct wire *b)
{
    return strcmp(a->hypervisor, b->hypervisor) != 0 &&
           mac_equal(mac_of(round, a), mac_of(round, b));
}

/* The same by the MAC table, which may mean another NIC of the same machine. */
static bool may_be_one_machine(const struct round *round, const struct wire *a,
                               const struct wire *b)
{
    struct mac mac = mac_of(round, a);

    for (size_t i = 0; i < round->n_hypervisors; i++) {
        const struct hypervisor_view *view = &round->hypervisors[i];

        if (strcmp(view->config->name, b->hypervisor) != 0 ||
            strcmp(view->config->name, a->hypervisor) == 0)
            continue;
        INVENTORY_EACH(view->inventory, nic, TABLE_NIC, b->host)
        if (mac_equal(nic->mac, mac))
            return true;
    }
    return false;
}

/* What the MAC table says stands only against what it says itself of another host behind the same
 * port: where one host is seen behind several ports, sightings are doubted already. */
static bool contradicts_sighting(const struct round *round, const struct wire *a,
                                 const struct wire *b)
{
    bool by_table = !wire_names_nic(b);

    if (by_table && (wire_names_nic(a) || strcmp(a->port, b->port) != 0))
        return false;
    if (strcmp(a->port, b->port) != 0)
        return same_nic(a, b);
    return !(by_table && a->sighting == b->sighting) && !may_be_one_machine(round, a, b);
}

/* True when the evidence of 'b' stands against 'a'. An operator's pin is not contradicted by what a
 * machine says; two pins are. */
static bool contradicts(const struct round *round, const struct wire *a, const struct wire *b)
{
    bool same_port = strcmp(a->port, b->port) == 0;

    if (a == b || !has_trusted_evidence(b))
        return false;
    if (a->evidence & BIT(EVIDENCE_PIN) && !(b->evidence & BIT(EVIDENCE_PIN)))
        return false;
    if (!wire_names_nic(a) || !wire_names_nic(b))
        return contradicts_sighting(round, a, b);
    if (same_port)
        return !may_share_port(round, a, b);
    return same_nic(a, b);
}

static void judge(struct round *round, struct wire *wire)
{
    wire->state = !has_trusted_evidence(wire)          ? WIRE_CLAIMED
                  : wire->evidence & BIT(EVIDENCE_PIN) ? WIRE_PROVED
                                                       : WIRE_CONFIRMED;
    if (wire->state == WIRE_CLAIMED)
        return;
    for (size_t i = 0; i < round->found.count; i++) {
        const struct wire *other = &round->found.wires[i];

        if (!contradicts(round, wire, other))
            continue;
        if (other->evidence & BIT(EVIDENCE_PIN) && !(wire->evidence & BIT(EVIDENCE_PIN))) {
            wire->state = WIRE_CLAIMED;
            snprintf(wire->detail, sizeof(wire->detail),
                     "the operator bound %s to %s %s, so this evidence is not acted upon",
                     other->port, other->host_name, other->nic);
            return;
        }
        if (wire_names_nic(other) && !wire_names_nic(wire)) {
            wire->state = WIRE_CLAIMED;
            snprintf(wire->detail, sizeof(wire->detail),
                     "better evidence says that %.80s %.40s is behind port %.60s", other->host_name,
                     other->nic, other->port);
            return;
        }
        wire->state = WIRE_CONFLICT;
        snprintf(wire->detail, sizeof(wire->detail), "%.80s %.40s is also seen behind port %.60s",
                 wire->host_name, wire->nic, other->port);
        if (strcmp(wire->port, other->port) == 0)
            snprintf(wire->detail, sizeof(wire->detail), "%.80s %.40s is seen behind the same port",
                     other->host_name, other->nic);
    }
}

/* ---- Memory -------------------------------------------------------------------------------- */

static const struct wire *find_wire(const struct wires *wires, const struct wire *wanted)
{
    for (size_t i = 0; wires && i < wires->count; i++)
        if (same_wire(&wires->wires[i], wanted))
            return &wires->wires[i];
    return NULL;
}

/* The operator's pin ends the memory of whatever else was behind the port. */
static bool port_is_pinned(const struct wires *wires, const char *port)
{
    for (size_t i = 0; i < wires->count; i++)
        if (strcmp(wires->wires[i].port, port) == 0 && wires->wires[i].evidence & BIT(EVIDENCE_PIN))
            return true;
    return false;
}

/* A port where the wire's NIC is trusted to be now. One that the MAC table only counts among
 * several NICs is so when each of them has found its port. */
static const struct wire *trusted_elsewhere(const struct round *round, const struct wire *wire)
{
    unsigned found = 0;

    for (size_t i = 0; i < round->found.count; i++) {
        const struct wire *each = &round->found.wires[i];

        if (!same_nic(each, wire) || strcmp(each->port, wire->port) == 0 ||
            !wire_is_trusted(each, round->config->evidence))
            continue;
        if (wire_names_nic(each) || ++found >= each->n_candidates)
            return each;
    }
    return NULL;
}

/* True when its hypervisor is followed and read, and has no such NIC (any more). */
static bool is_gone(const struct round *round, const struct wire *wire)
{
    for (size_t i = 0; i < round->n_hypervisors; i++)
        if (strcmp(round->hypervisors[i].config->name, wire->hypervisor) == 0)
            return inventory_is_complete(round->hypervisors[i].inventory) &&
                   !inventory_find(round->hypervisors[i].inventory, TABLE_NIC, wire->host,
                                   wire->nic);
    return true; /* the operator took the hypervisor away */
}

static bool port_is_settled(const struct wires *wires, const char *port)
{
    for (size_t i = 0; i < wires->count; i++)
        if (strcmp(wires->wires[i].port, port) == 0 && wires->wires[i].state >= WIRE_CONFLICT)
            return true;
    return false;
}

static bool port_is_trusted(const struct round *round, const char *port)
{
    for (size_t i = 0; i < round->found.count; i++)
        if (strcmp(round->found.wires[i].port, port) == 0 &&
            wire_is_trusted(&round->found.wires[i], round->config->evidence))
            return true;
    return false;
}

/* True when 'old' was one of several NICs that the MAC table could mean, and another one of them is
 * trusted to be behind the port. */
static bool is_sharpened(const struct round *round, const struct wires *before,
                         const struct wire *old)
{
    for (size_t i = 0; old->n_candidates > 1 && i < before->count; i++) {
        const struct wire *other = &before->wires[i], *now;

        if (same_wire(other, old) || strcmp(other->port, old->port) != 0 ||
            other->n_candidates < 2 || strcmp(other->host, old->host) != 0 ||
            strcmp(other->hypervisor, old->hypervisor) != 0)
            continue;
        now = find_wire(&round->found, other);
        if (now && wire_is_trusted(now, round->config->evidence))
            return true;
    }
    return false;
}

/* What the wire of the last round is now that nothing speaks for it any more. */
static void judge_memory(const struct round *round, const struct wire *old, struct wire *wire)
{
    const struct wire *now_at = trusted_elsewhere(round, wire);

    wire->state = now_at ? WIRE_MOVED : WIRE_LOST;
    wire->since_ms = old->since_ms;
    wire->seen_ms = old->seen_ms;
    wire->was_trusted = old->was_trusted;
    wire->demanded = old->demanded;
    if (now_at)
        snprintf(wire->detail, sizeof(wire->detail), "now behind port %.100s", now_at->port);
    else if (!wire->evidence)
        snprintf(wire->detail, sizeof(wire->detail),
                 "no evidence any more; the port is left as it is");
}

/* Carries over a wire of the last round for which nothing speaks any more. */
static void remember(struct round *round, const struct wires *before, const struct wire *old)
{
    const struct config_port *port = config_port(round->config, old->port);
    struct wire *wire;

    if (!port || !may_have_wires(port) || old->state < WIRE_LOST ||
        port_is_pinned(&round->found, old->port) || is_sharpened(round, before, old) ||
        (!old->was_trusted && port_is_settled(&round->found, old->port)) ||
        (is_gone(round, old) && port_is_trusted(round, old->port)))
        return;
    wire = add_wire(round, old->port, old->hypervisor, old->host, old->host_name, old->nic);
    if (wire)
        judge_memory(round, old, wire);
}

/* A claim that is left of trusted evidence does not replace the memory of it, unless the operator's
 * pin speaks against it. */
static void carry_over(const struct round *round, const struct wire *old, struct wire *now)
{
    now->since_ms = old->since_ms;
    now->was_trusted = old->was_trusted || now->state >= WIRE_CONFIRMED;
    now->demanded = old->demanded;
    if (now->state == WIRE_CLAIMED && old->state >= WIRE_LOST && !wire_names_nic(now) &&
        !port_is_pinned(&round->found, now->port))
        judge_memory(round, old, now);
}

static int compare(const void *left, const void *right)
{
    const struct wire *a = left, *b = right;
    int r = strcmp(a->port, b->port);

    r = r ? r : strcmp(a->hypervisor, b->hypervisor);
    r = r ? r : strcmp(a->host, b->host);
    return r ? r : strcmp(a->nic, b->nic);
}

static void remember_all(struct round *round, const struct wires *before)
{
    size_t found = round->found.count;

    for (size_t i = 0; i < found; i++) {
        const struct wire *old = find_wire(before, &round->found.wires[i]);

        round->found.wires[i].was_trusted = round->found.wires[i].state >= WIRE_CONFIRMED;
        if (old)
            carry_over(round, old, &round->found.wires[i]);
    }
    for (size_t i = 0; before && i < before->count; i++)
        if (!find_wire(&round->found, &before->wires[i]))
            remember(round, before, &before->wires[i]);
}

void wires_note_demand(struct wires *wires, const char *port)
{
    for (size_t i = 0; i < wires->count; i++)
        if (strcmp(wires->wires[i].port, port) == 0)
            wires->wires[i].demanded = true;
}

int wires_compute(const struct config *config, const struct hypervisor_view *hypervisors,
                  size_t n_hypervisors, const struct inventory *neighbors,
                  const struct inventory *module, const struct wires *before, int64_t now_ms,
                  struct wires *ret_wires)
{
    struct round round = {
        .config = config,
        .hypervisors = hypervisors,
        .n_hypervisors = n_hypervisors,
        .neighbors = neighbors,
        .module = module,
        .now_ms = now_ms,
    };

    collect_pins(&round);
    collect_hints(&round);
    collect_all_heard(&round);
    if (!round.failed)
        collect_sightings(&round, before);
    for (size_t i = 0; i < round.found.count; i++)
        judge(&round, &round.found.wires[i]);
    remember_all(&round, before);
    if (round.failed) {
        wires_done(&round.found);
        return -ENOMEM;
    }
    if (round.found.count)
        qsort(round.found.wires, round.found.count, sizeof(*round.found.wires), compare);
    *ret_wires = round.found;
    return 0;
}

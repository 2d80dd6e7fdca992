#include "intent/wires.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "intent/round.h"

static const char *const state_words[N_WIRE_STATES] = {
    [WIRE_CLAIMED] = "claimed",   [WIRE_LOST] = "lost",           [WIRE_MOVED] = "moved",
    [WIRE_CONFLICT] = "conflict", [WIRE_CONFIRMED] = "confirmed", [WIRE_PROVED] = "proved",
};

static const char *const kind_words[N_EVIDENCE_KINDS] = {
    [EVIDENCE_PIN] = "pin",         [EVIDENCE_ECHO] = "echo",   [EVIDENCE_HINT] = "hint",
    [EVIDENCE_HEARD] = "heard",     [EVIDENCE_LACP] = "lacp",   [EVIDENCE_FDB] = "mac-table",
    [EVIDENCE_MACHINE] = "machine", [EVIDENCE_NAMED] = "named",
};

#define PROVING_EVIDENCE (EVIDENCE_BIT(EVIDENCE_PIN) | EVIDENCE_BIT(EVIDENCE_ECHO))
#define NAMING_EVIDENCE                                                                            \
    (PROVING_EVIDENCE | EVIDENCE_BIT(EVIDENCE_HINT) | EVIDENCE_BIT(EVIDENCE_HEARD) |               \
     EVIDENCE_BIT(EVIDENCE_LACP))

const char *wire_state_word(enum wire_state state)
{
    return state_words[state];
}

const char *wire_kind_word(enum evidence_kind kind)
{
    return kind_words[kind];
}

bool wire_has(const struct wire *wire, enum evidence_kind kind)
{
    return wire->evidence & EVIDENCE_BIT(kind);
}

char *wire_evidence_text(const struct wire *wire, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (enum evidence_kind kind = 0; kind < N_EVIDENCE_KINDS; kind++)
        if (wire->evidence & EVIDENCE_BIT(kind) && used < size)
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
    if (evidence == EVIDENCE_FTOS && wire->evidence & EVIDENCE_BIT(EVIDENCE_MACHINE) &&
        !wire->is_rumour && (wire->state == WIRE_CLAIMED || wire->state == WIRE_LOST))
        return true;
    return wire->state == WIRE_PROVED ||
           (wire->state == WIRE_CONFIRMED && evidence != EVIDENCE_STRICT);
}

void wire_done(struct wire *wire)
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

/* ---- Judging ------------------------------------------------------------------------------- */

/* What nothing that a station says can stand against: the operator's pin, and below it what only
 * this port was sent. */
static int proof_of(const struct wire *wire)
{
    return wire->evidence & EVIDENCE_BIT(EVIDENCE_PIN)    ? 2
           : wire->evidence & EVIDENCE_BIT(EVIDENCE_ECHO) ? 1
                                                          : 0;
}

static bool has_trusted_evidence(const struct wire *wire)
{
    return wire_names_nic(wire) ||
           (wire->evidence & EVIDENCE_BIT(EVIDENCE_FDB) && !wire->is_doubtful);
}

/* The same by the MAC table, which may mean another NIC of the same machine. */
static bool may_be_one_machine(const struct round *round, const struct wire *a,
                               const struct wire *b)
{
    struct mac mac = round_mac_of(round, a);

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

/* All NICs of a host's LAG are behind one port of ours that is a LAG. */
static bool is_of_one_lag(const struct round *round, const struct wire *a, const struct wire *b)
{
    return strcmp(a->hypervisor, b->hypervisor) == 0 && strcmp(a->host, b->host) == 0 &&
           round_is_lag(round, a->port);
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
    return !(by_table && a->sighting == b->sighting) && !is_of_one_lag(round, a, b) &&
           !may_be_one_machine(round, a, b);
}

/* True when the evidence of 'b' stands against 'a'. A proof is not contradicted by less than
 * itself: a pin only by a pin, an echo by an echo or a pin. */
static bool contradicts(const struct round *round, const struct wire *a, const struct wire *b)
{
    bool same_port = strcmp(a->port, b->port) == 0;

    if (a == b || !has_trusted_evidence(b))
        return false;
    if (proof_of(a) > proof_of(b))
        return false;
    if (!wire_names_nic(a) || !wire_names_nic(b))
        return contradicts_sighting(round, a, b);
    if (same_port)
        return !round_may_share_port(round, a, b) && !is_of_one_lag(round, a, b);
    return same_nic(a, b);
}

static void judge(struct round *round, struct wire *wire)
{
    wire->state = !has_trusted_evidence(wire) ? WIRE_CLAIMED
                  : proof_of(wire)            ? WIRE_PROVED
                                              : WIRE_CONFIRMED;
    if (wire->state == WIRE_CLAIMED)
        return;
    for (size_t i = 0; i < round->found.count; i++) {
        const struct wire *other = &round->found.wires[i];

        if (!contradicts(round, wire, other))
            continue;
        if (proof_of(other) > proof_of(wire)) {
            wire->state = WIRE_CLAIMED;
            snprintf(wire->detail, sizeof(wire->detail),
                     "%s %.60s %s %.80s %.40s, so this evidence is not acted upon",
                     proof_of(other) == 2 ? "the operator bound" : "what is sent on", other->port,
                     proof_of(other) == 2 ? "to" : "only is heard by", other->host_name,
                     other->nic);
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
        if (strcmp(wires->wires[i].port, port) == 0 &&
            wires->wires[i].evidence & EVIDENCE_BIT(EVIDENCE_PIN))
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

/* Since when each kind of evidence has been there, and when it last was. */
static void age(const struct round *round, const struct wire *old, struct wire *wire)
{
    for (enum evidence_kind kind = 0; kind < N_EVIDENCE_KINDS; kind++) {
        bool is_there = wire->evidence & EVIDENCE_BIT(kind);
        bool was_there = old && old->evidence & EVIDENCE_BIT(kind);

        wire->kind_since_ms[kind] = old && (was_there || !is_there) ? old->kind_since_ms[kind]
                                    : is_there                      ? round->now_ms
                                                                    : 0;
        wire->kind_seen_ms[kind] = is_there ? round->now_ms : old ? old->kind_seen_ms[kind] : 0;
    }
    if (wire->evidence & EVIDENCE_BIT(EVIDENCE_FDB))
        wire->kind_seen_ms[EVIDENCE_FDB] = wire->table_ms;
}

/* Carries over a wire of the last round for which nothing speaks any more. */
static void remember(struct round *round, const struct wires *before, const struct wire *old)
{
    const struct config_port *port = config_port(round->config, old->port);
    struct wire *wire;

    if (!port || !round_may_have_wires(port) || old->state < WIRE_LOST ||
        port_is_pinned(&round->found, old->port) || is_sharpened(round, before, old) ||
        (!old->was_trusted && port_is_settled(&round->found, old->port)) ||
        (is_gone(round, old) && port_is_trusted(round, old->port)))
        return;
    wire = round_add_wire(round, old->port, old->hypervisor, old->host, old->host_name, old->nic);
    if (wire) {
        judge_memory(round, old, wire);
        age(round, old, wire);
    }
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
        age(round, old, &round->found.wires[i]);
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

    round_collect(&round, before);
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

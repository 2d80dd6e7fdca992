/* What the hypervisors told: sessions, hosts, machines, networks. */
#include "present/views.h"

#include <stdio.h>
#include <string.h>

/* ---- show hypervisor --------------------------------------------------------------------------
 */

static size_t count_networks(const struct inventory *inventory)
{
    size_t count = 0;

    INVENTORY_EACH(inventory, network, TABLE_NETWORK, NULL)
    count += network->role == NETWORK_DEMAND;
    return count;
}

static const char *reason_of(const struct core_hypervisor *hypervisor)
{
    if (hypervisor->state == SESSION_DISABLED)
        return "it is configured with 'disable'";
    if (hypervisor->session->reason[0] || hypervisor->state == SESSION_CONNECTED)
        return hypervisor->session->reason;
    return hypervisor->state == SESSION_STALE ? "contact is lost; everything learnt is kept" : "";
}

/* What the shrink guard does not believe, and the way out. */
static void write_doubt(struct writer *writer, const struct core_hypervisor *hypervisor)
{
    const char *doubt = hypervisor->inventory ? inventory_doubt(hypervisor->inventory) : NULL;
    char sentence[512] = "";

    if (doubt)
        snprintf(sentence, sizeof(sentence),
                 "%.300s; it is not believed and everything is kept, unless 'vsn accept %s' says "
                 "that it is right",
                 doubt, hypervisor->config->name);
    writer_remark(writer, "doubt", sentence);
}

static void write_hypervisor(const struct view *view, const struct core_hypervisor *hypervisor)
{
    struct writer *writer = view->writer;
    const struct inventory *inventory = hypervisor->inventory;
    const struct session state = { .state = hypervisor->state };

    writer_object(writer, NULL);
    writer_text(writer, "name", hypervisor->config->name);
    writer_text(writer, "type", hypervisor->config->type);
    writer_text(writer, "state", record_word(TABLE_SESSION, "state", &state));
    writer_text(writer, "mode", hypervisor->config->mode == MODE_CONFIG ? "config" : "check");
    writer_text(writer, "version", hypervisor->session->version);
    writer_number(writer, "hosts", inventory ? (int64_t)inventory_count(inventory, TABLE_HOST) : 0);
    writer_number(writer, "machines",
                  inventory ? (int64_t)inventory_count(inventory, TABLE_MACHINE) : 0);
    writer_number(writer, "networks", inventory ? (int64_t)count_networks(inventory) : 0);
    writer_age(writer, "age_s", view_age(view, hypervisor->heard_ms));
    writer_age(writer, "connected_s", view_age(view, hypervisor->connected_ms));
    writer_flag(writer, "complete", inventory && inventory_is_complete(inventory));
    writer_remark(writer, "product", hypervisor->session->product);
    writer_remark(writer, "api", hypervisor->session->api);
    writer_remark(writer, "reason", reason_of(hypervisor));
    writer_remark(writer, "notice", hypervisor->session->notice);
    write_doubt(writer, hypervisor);
    writer_end(writer);
}

enum view_status view_hypervisors(const struct view *view)
{
    const char *wanted = view->argc > 0 ? view->argv[0] : NULL;
    struct core_hypervisor hypervisor;

    if (wanted && !view_hypervisor(view, wanted, &hypervisor)) {
        strbuf_addf(view->problem, "no hypervisor %s is configured", wanted);
        return VIEW_NOT_FOUND;
    }
    if (wanted)
        writer_detailed(view->writer);
    writer_array(view->writer, NULL);
    for (size_t i = 0; i < core_hypervisors(view->core); i++) {
        hypervisor = core_hypervisor(view->core, i);
        if (!wanted || strcmp(hypervisor.config->name, wanted) == 0)
            write_hypervisor(view, &hypervisor);
    }
    writer_end(view->writer);
    if (core_hypervisors(view->core) == 0)
        writer_note(view->writer, "No hypervisor is configured: see vsn.conf(5).");
    return VIEW_DONE;
}

/* ---- show host --------------------------------------------------------------------------------
 */

/* The wire that a NIC has, the strongest first; NULL when there is none. */
static const struct wire *wire_of_nic(const struct view *view, const char *hypervisor,
                                      const struct nic *nic)
{
    const struct wires *wires = core_wires(view->core);
    const struct wire *best = NULL;

    for (size_t i = 0; i < wires->count; i++) {
        const struct wire *wire = &wires->wires[i];

        if (strcmp(wire->hypervisor, hypervisor) == 0 && strcmp(wire->host, nic->owner) == 0 &&
            strcmp(wire->nic, nic->id) == 0 && (!best || wire->state > best->state))
            best = wire;
    }
    return best;
}

static void write_nic(const struct view *view, const struct core_hypervisor *hypervisor,
                      const struct nic *nic)
{
    struct writer *writer = view->writer;
    const struct wire *wire = wire_of_nic(view, hypervisor->config->name, nic);
    const struct uplink *uplink =
        inventory_find(hypervisor->inventory, TABLE_UPLINK, nic->owner, nic->id);
    const struct vswitch *vswitch =
        uplink ? inventory_find(hypervisor->inventory, TABLE_VSWITCH, nic->owner, uplink->vswitch)
               : NULL;
    char mac[MAC_TEXT];

    writer_object(writer, NULL);
    writer_text(writer, "nic", nic->id);
    writer_text(writer, "mac", mac_format(nic->mac, mac));
    writer_text(writer, "link", record_word(TABLE_NIC, "link", nic));
    writer_text(writer, "vswitch", vswitch ? view_name(vswitch->name, vswitch->id) : "");
    writer_text(writer, "port", wire ? wire->port : "");
    writer_text(writer, "wire", wire ? wire_state_word(wire->state) : "");
    writer_end(writer);
}

static void write_host(const struct view *view, const struct core_hypervisor *hypervisor,
                       const struct host *host)
{
    struct writer *writer = view->writer;

    writer_object(writer, NULL);
    writer_text(writer, "hypervisor", hypervisor->config->name);
    writer_text(writer, "id", host->id);
    writer_text(writer, "name", host->name);
    writer_text(writer, "connection", record_word(TABLE_HOST, "connection", host));
    writer_flag(writer, "maintenance", host->maintenance);
    writer_array(writer, "nics");
    INVENTORY_EACH(hypervisor->inventory, nic, TABLE_NIC, host->id)
    write_nic(view, hypervisor, nic);
    writer_end(writer);
    writer_end(writer);
}

/* Calls 'each' for every hypervisor that has an inventory, within an array; "why it is empty" when
 * nothing was written. */
static enum view_status walk_inventories(const struct view *view, enum table table,
                                         void (*each)(const struct view *,
                                                      const struct core_hypervisor *))
{
    size_t rows = 0;

    writer_array(view->writer, NULL);
    for (size_t i = 0; i < core_hypervisors(view->core); i++) {
        struct core_hypervisor hypervisor = core_hypervisor(view->core, i);

        if (!hypervisor.inventory)
            continue;
        rows += inventory_count(hypervisor.inventory, table);
        each(view, &hypervisor);
    }
    writer_end(view->writer);
    if (rows == 0)
        writer_note(view->writer,
                    "No hypervisor has told of any yet: 'vsn show hypervisor' says how far they "
                    "are.");
    return VIEW_DONE;
}

static void write_hosts(const struct view *view, const struct core_hypervisor *hypervisor)
{
    INVENTORY_EACH(hypervisor->inventory, host, TABLE_HOST, NULL)
    write_host(view, hypervisor, host);
}

enum view_status view_hosts(const struct view *view)
{
    return walk_inventories(view, TABLE_HOST, write_hosts);
}

/* ---- show machine -----------------------------------------------------------------------------
 */

/* What is known of a network's VLANs, in a word: the list, or why there is none. */
static void write_vlans(struct writer *writer, const struct inventory *inventory,
                        const struct network *network)
{
    bool known = false;
    struct vlanset vlans = network ? network_vlans(inventory, network, &known) : vlanset_empty;

    writer_vlans(writer, "vlans", &vlans);
    writer_text(writer, "vlan_mode",
                known ? record_word(TABLE_NETWORK, "mode", network) : "unknown");
}

/* The network behind a machine's interface. A machine on no host has those of any host: a pool's
 * networks have one id on all of them. */
static const struct network *network_behind(const struct inventory *inventory,
                                            const struct machine *machine, const struct vif *vif)
{
    const struct network *found =
        network_of_interface(inventory, machine->host, vif->network, vif->shared);

    if (found || machine->host[0])
        return found;
    INVENTORY_EACH(inventory, host, TABLE_HOST, NULL)
    {
        const struct network *network =
            inventory_find(inventory, TABLE_NETWORK, host->id, vif->network);

        /* A host that lacks it has it as an internal one. */
        if (network && (!found || found->mode == VLAN_NATIVE))
            found = network;
    }
    return found;
}

static void write_interface(struct writer *writer, const struct inventory *inventory,
                            const struct machine *machine, const struct vif *vif)
{
    const struct network *network = network_behind(inventory, machine, vif);
    char mac[MAC_TEXT];

    writer_object(writer, NULL);
    writer_text(writer, "mac", mac_format(vif->mac, mac));
    writer_text(writer, "network", network ? view_name(network->name, network->id) : vif->network);
    write_vlans(writer, inventory, network);
    writer_end(writer);
}

/* Where the machine is going; several operations at once are as good as one. */
static void write_pending(const struct view *view, const struct inventory *inventory,
                          const struct machine *machine)
{
    const struct move *move = inventory_next(inventory, TABLE_MOVE, machine->id, NULL);

    while (move && move->outcome != MOVE_RUNNING)
        move = inventory_next(inventory, TABLE_MOVE, machine->id, move);
    view_write_move(view, "pending", inventory, move);
}

static void write_machine(const struct view *view, const struct core_hypervisor *hypervisor,
                          const struct machine *machine)
{
    const struct inventory *inventory = hypervisor->inventory;
    struct writer *writer = view->writer;

    writer_object(writer, NULL);
    writer_text(writer, "hypervisor", hypervisor->config->name);
    writer_text(writer, "id", machine->id);
    writer_text(writer, "name", machine->name);
    writer_text(writer, "host", view_host_name(inventory, machine->host));
    writer_text(writer, "power", record_word(TABLE_MACHINE, "power", machine));
    writer_flag(writer, "template", machine->template);
    write_pending(view, inventory, machine);
    writer_array(writer, "interfaces");
    INVENTORY_EACH(inventory, vif, TABLE_VIF, machine->id)
    write_interface(writer, inventory, machine, vif);
    writer_end(writer);
    writer_end(writer);
}

static void write_machines(const struct view *view, const struct core_hypervisor *hypervisor)
{
    INVENTORY_EACH(hypervisor->inventory, machine, TABLE_MACHINE, NULL)
    write_machine(view, hypervisor, machine);
}

enum view_status view_machines(const struct view *view)
{
    return walk_inventories(view, TABLE_MACHINE, write_machines);
}

/* ---- show network -----------------------------------------------------------------------------
 */

/* A pool has its networks on every host, as a row each. Those of one id that are the same in all
 * that is shown are told as one. */
static bool is_same_network(const struct network *a, const struct network *b)
{
    return a->kind == NETWORK_BRIDGE && b->kind == NETWORK_BRIDGE && a->mode == b->mode &&
           a->role == b->role && strcmp(a->name, b->name) == 0 &&
           strcmp(a->vswitch, b->vswitch) == 0 && vlanset_equal(&a->vlans, &b->vlans);
}

/* The next host after 'host' (NULL: the first one) that has the network, too. */
static const struct host *next_with_network(const struct inventory *inventory,
                                            const struct network *network, const struct host *host)
{
    const struct network *other;

    while ((host = inventory_next(inventory, TABLE_HOST, NULL, host))) {
        other = inventory_find(inventory, TABLE_NETWORK, host->id, network->id);
        if (other && is_same_network(network, other))
            return host;
    }
    return NULL;
}

/* The row that a network of a pool is told with: of the first host that has it. */
static bool is_told(const struct inventory *inventory, const struct network *network)
{
    const struct host *first =
        network->kind == NETWORK_BRIDGE ? next_with_network(inventory, network, NULL) : NULL;

    return network->role == NETWORK_DEMAND && (!first || strcmp(first->id, network->owner) == 0);
}

/* The hosts that a network is there on: its own, those of the pool that have the same, or those
 * that take part in its distributed switch. */
static void write_network_hosts(const struct view *view, const struct inventory *inventory,
                                const struct network *network, const struct dvswitch *dvswitch)
{
    const struct host *host = inventory_find(inventory, TABLE_HOST, "", network->owner);
    struct view_names names = { 0 };

    if (host && network->kind != NETWORK_BRIDGE)
        view_names_add(&names, view_name(host->name, host->id));
    if (host && network->kind == NETWORK_BRIDGE) {
        for (host = next_with_network(inventory, network, NULL); host;
             host = next_with_network(inventory, network, host))
            view_names_add(&names, view_name(host->name, host->id));
    }
    if (!network->owner[0] && dvswitch) {
        INVENTORY_EACH_AS(inventory, host, member, TABLE_HOST, NULL)
        {
            if (inventory_find(inventory, TABLE_VSWITCH, member->id, dvswitch->uuid))
                view_names_add(&names, view_name(member->name, member->id));
        }
    }
    view_names_write(&names, view->writer, "hosts");
}

/* One id in all of vsn's answers. A pool's network has one already; where it differs from host to
 * host, only the first kind of it goes by that. */
static void write_network_id(struct writer *writer, const struct inventory *inventory,
                             const struct network *network)
{
    bool is_first = false;

    if (network->kind == NETWORK_BRIDGE) {
        INVENTORY_EACH(inventory, host, TABLE_HOST, NULL)
        {
            if (inventory_find(inventory, TABLE_NETWORK, host->id, network->id)) {
                is_first = strcmp(host->id, network->owner) == 0;
                break;
            }
        }
    }
    if (is_first || !network->owner[0])
        writer_text(writer, "id", network->id);
    else
        writer_textf(writer, "id", "%s/%s", network->owner, network->id);
}

static void write_network(const struct view *view, const struct core_hypervisor *hypervisor,
                          const struct network *network)
{
    struct writer *writer = view->writer;
    const struct inventory *inventory = hypervisor->inventory;
    const struct dvswitch *dvswitch =
        inventory_find(inventory, TABLE_DVSWITCH, "", network->vswitch);
    const struct vswitch *vswitch =
        inventory_find(inventory, TABLE_VSWITCH, network->owner, network->vswitch);

    writer_object(writer, NULL);
    writer_text(writer, "hypervisor", hypervisor->config->name);
    write_network_id(writer, inventory, network);
    writer_text(writer, "name", network->name);
    writer_text(writer, "kind", record_word(TABLE_NETWORK, "kind", network));
    writer_text(writer, "vswitch",
                dvswitch  ? view_name(dvswitch->name, dvswitch->id)
                : vswitch ? view_name(vswitch->name, vswitch->id)
                          : network->vswitch);
    write_vlans(writer, inventory, network);
    write_network_hosts(view, inventory, network, dvswitch);
    writer_end(writer);
}

static void write_networks(const struct view *view, const struct core_hypervisor *hypervisor)
{
    INVENTORY_EACH(hypervisor->inventory, network, TABLE_NETWORK, NULL)
    {
        if (is_told(hypervisor->inventory, network))
            write_network(view, hypervisor, network);
    }
}

enum view_status view_networks(const struct view *view)
{
    return walk_inventories(view, TABLE_NETWORK, write_networks);
}

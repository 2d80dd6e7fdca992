/* can-move MACHINE HOST: what the machine would find there, before it moves. */
#include <stdio.h>
#include <string.h>

#include "present/views.h"
#include "reconcile/preflight.h"

#define CHOICES_SHOWN 8

/* ---- Which machine, which host ----------------------------------------------------------------
 */

/* What an argument may be; an id stands before a name, which tenants choose. */
enum by { BY_ID, BY_NAME };

/* A machine and a host of one hypervisor; how many such pairs the arguments fit. */
struct choice {
    const struct view *view;
    const char *words[2]; /* as given: of the machine, of the host */
    enum by by[2];
    size_t rows[2]; /* that fit, in all hypervisors */
    size_t pairs;
    struct core_hypervisor hypervisor;
    const struct machine *machine;
    const struct host *host;
};

static const enum table tables[2] = { TABLE_MACHINE, TABLE_HOST };

static const char *name_of_row(enum table table, const void *row)
{
    return table == TABLE_MACHINE ? ((const struct machine *)row)->name
                                  : ((const struct host *)row)->name;
}

/* "web", or "vc1/web" where several hypervisors have one. */
static bool fits(const char *word, const char *hypervisor, const char *name)
{
    size_t length = strlen(hypervisor);

    if (!name[0])
        return false;
    return strcmp(word, name) == 0 || (strncmp(word, hypervisor, length) == 0 &&
                                       word[length] == '/' && strcmp(word + length + 1, name) == 0);
}

/* The next row of a hypervisor that an argument fits. */
static const void *next_fit(const struct choice *choice, const struct core_hypervisor *hypervisor,
                            int which, const void *row)
{
    while ((row = inventory_next(hypervisor->inventory, tables[which], NULL, row))) {
        const char *name = choice->by[which] == BY_ID ? ((const union row *)row)->key.id
                                                      : name_of_row(tables[which], row);

        if (fits(choice->words[which], hypervisor->config->name, name))
            return row;
    }
    return NULL;
}

/* How many rows of a hypervisor an argument fits, and the first of them. */
static size_t count_fits(const struct choice *choice, const struct core_hypervisor *hypervisor,
                         int which, const void **ret_first)
{
    const void *row = NULL;
    size_t count = 0;

    while ((row = next_fit(choice, hypervisor, which, row)))
        if (count++ == 0)
            *ret_first = row;
    return count;
}

static void count_choices(struct choice *choice)
{
    choice->rows[0] = choice->rows[1] = choice->pairs = 0;
    for (size_t i = 0; i < core_hypervisors(choice->view->core); i++) {
        struct core_hypervisor hypervisor = core_hypervisor(choice->view->core, i);
        const void *first[2];
        size_t counts[2];

        if (!hypervisor.inventory)
            continue;
        for (int which = 0; which < 2; which++) {
            counts[which] = count_fits(choice, &hypervisor, which, &first[which]);
            choice->rows[which] += counts[which];
        }
        if (counts[0] == 0 || counts[1] == 0)
            continue;
        if (choice->pairs == 0) {
            choice->hypervisor = hypervisor;
            choice->machine = first[0];
            choice->host = first[1];
        }
        choice->pairs += counts[0] * counts[1];
    }
}

/* ---- When it is not clear which ---------------------------------------------------------------
 */

/* "machine vc1/vm-1 ("web"), machine esx9/1 ("web")" */
static void list_fits(const struct choice *choice, int which, struct strbuf *to)
{
    size_t listed = 0;

    for (size_t i = 0; i < core_hypervisors(choice->view->core); i++) {
        struct core_hypervisor hypervisor = core_hypervisor(choice->view->core, i);
        const void *row = NULL;

        while (hypervisor.inventory && (row = next_fit(choice, &hypervisor, which, row)))
            if (listed++ < CHOICES_SHOWN)
                strbuf_addf(to, "%s%s/%s (\"%s\")", listed > 1 ? ", " : "", hypervisor.config->name,
                            ((const union row *)row)->key.id, name_of_row(tables[which], row));
    }
    if (listed > CHOICES_SHOWN)
        strbuf_addf(to, " and %zu more", listed - CHOICES_SHOWN);
}

static enum view_status say_not_chosen(const struct choice *choice)
{
    struct strbuf *to = choice->view->problem;

    for (int which = 0; which < 2; which++) {
        if (choice->rows[which] > 0)
            continue;
        strbuf_addf(to, "no %s %s is known: 'vsn show %s' lists them", table_name(tables[which]),
                    choice->words[which], table_name(tables[which]));
        return VIEW_NOT_FOUND;
    }
    strbuf_adds(to, choice->pairs == 0 ? "the machine and the host are of different hypervisors, "
                                         "and how the machine will be plugged in is not known "
                                         "before it arrives: "
                                       : "more than one fits: ");
    for (int which = 0; which < 2; which++) {
        if (choice->pairs > 0 && choice->rows[which] == 1)
            continue;
        strbuf_addf(to, "%s%s ",
                    which == 1 && (choice->pairs == 0 || choice->rows[0] > 1) ? "; " : "",
                    table_name(tables[which]));
        list_fits(choice, which, to);
    }
    if (choice->pairs > 0)
        strbuf_adds(to, "; say which one as HYPERVISOR/ID");
    return VIEW_NOT_FOUND;
}

static enum view_status choose(struct choice *choice)
{
    count_choices(choice);
    for (int which = 0; which < 2; which++)
        if (choice->rows[which] == 0)
            choice->by[which] = BY_NAME;
    count_choices(choice);
    return choice->pairs == 1 ? VIEW_DONE : say_not_chosen(choice);
}

/* ---- The answer -------------------------------------------------------------------------------
 */

/* What is told of twice: as objects, and then in sentences. */
struct telling {
    const struct view *view;
    const char *host;
    size_t lines;
};

static void write_line(const struct preflight_line *line, void *data)
{
    struct telling *telling = data;
    struct writer *writer = telling->view->writer;
    char mac[MAC_TEXT];

    telling->lines++;
    writer_object(writer, NULL);
    writer_text(writer, "mac", line->vif ? mac_format(line->vif->mac, mac) : "");
    writer_text(writer, "network",
                line->network ? view_name(line->network->name, line->network->id)
                : line->vif   ? line->vif->network
                              : "");
    writer_vlans(writer, "vlans", &line->vlans);
    writer_text(writer, "nic", line->nic);
    writer_text(writer, "port", line->port);
    writer_text(writer, "state", preflight_word(line->state));
    writer_text(writer, "reason", line->reason);
    writer_end(writer);
}

static void say_line(const struct preflight_line *line, void *data)
{
    const struct telling *telling = data;
    const char *network = line->network ? view_name(line->network->name, line->network->id)
                          : line->vif   ? line->vif->network
                                        : "";
    struct strbuf text;
    char mac[MAC_TEXT], vlans[128];

    strbuf_init(&text, 8192);
    if (line->vif)
        strbuf_addf(&text, "%s", mac_format(line->vif->mac, mac));
    else if (line->port[0])
        strbuf_adds(&text, "from behind another switch");
    if (network[0])
        strbuf_addf(&text, " -> network \"%s\"", network);
    if (!vlanset_is_empty(&line->vlans))
        strbuf_addf(&text, " (VLAN %s)", vlanset_text(&line->vlans, vlans, sizeof(vlans)));
    if (line->nic[0])
        strbuf_addf(&text, " -> host %s -> NIC %s", telling->host, line->nic);
    if (line->port[0])
        strbuf_addf(&text, " -> port %s", line->port);
    writer_note(telling->view->writer, "  %s%s%s%s%s", strbuf_text(&text), text.size ? ": " : "",
                preflight_word(line->state), line->reason[0] ? ": " : "", line->reason);
    if (text.overflow)
        writer_fail(telling->view->writer);
    strbuf_done(&text);
}

static void say_all(const struct choice *choice, const struct telling *telling,
                    enum preflight_state state)
{
    struct writer *writer = choice->view->writer;
    const char *machine = view_name(choice->machine->name, choice->machine->id);
    bool is_there = strcmp(choice->machine->host, choice->host->id) == 0;

    if (is_there)
        writer_note(writer, "Machine \"%s\" is on host %s already.", machine, telling->host);
    switch (state) {
    case PREFLIGHT_READY:
        writer_note(writer, "Ready: machine \"%s\" %s on host %s.", machine,
                    telling->lines > 0 ? "finds all that it needs" : "has no interfaces to serve",
                    telling->host);
        break;
    case PREFLIGHT_WILL_BE:
        writer_note(writer,
                    "Will be made ready: what machine \"%s\" needs on host %s and is not carried "
                    "yet is added %s.",
                    machine, telling->host, is_there ? "soon" : "when the move is announced");
        break;
    case PREFLIGHT_UNKNOWN:
        writer_note(writer,
                    "Unknown: it cannot be said whether machine \"%s\" finds all that it needs on "
                    "host %s.",
                    machine, telling->host);
        break;
    case PREFLIGHT_REFUSED:
        writer_note(
            writer,
            "Refused: machine \"%s\" would lack a VLAN on host %s, for a reason that vsn may not "
            "pass over.",
            machine, telling->host);
        break;
    }
}

enum view_status view_can_move(const struct view *view)
{
    struct choice choice = { .view = view, .words = { view->argv[0], view->argv[1] } };
    struct writer *writer = view->writer;
    struct telling telling = { .view = view };
    enum preflight_state state;
    enum view_status status = choose(&choice);

    if (status != VIEW_DONE)
        return status;
    telling.host = view_name(choice.host->name, choice.host->id);
    writer_notes_only(writer);
    writer_object(writer, NULL);
    writer_text(writer, "hypervisor", choice.hypervisor.config->name);
    writer_text(writer, "machine", choice.machine->name);
    writer_text(writer, "id", choice.machine->id);
    writer_text(writer, "from", view_host_name(choice.hypervisor.inventory, choice.machine->host));
    writer_text(writer, "to", telling.host);
    writer_array(writer, "paths");
    state = preflight_move(view->core, &choice.hypervisor, choice.machine, choice.host,
                           view->now_ms, write_line, &telling);
    writer_end(writer);
    writer_text(writer, "state", preflight_word(state));
    writer_end(writer);
    say_all(&choice, &telling, state);
    preflight_move(view->core, &choice.hypervisor, choice.machine, choice.host, view->now_ms,
                   say_line, &telling);
    return state <= PREFLIGHT_WILL_BE ? VIEW_DONE : VIEW_NOT_FOUND;
}

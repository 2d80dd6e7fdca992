/* The ledger of moves: how far ahead of the machine its VLANs were. */
#include "present/views.h"

#include <stdio.h>
#include <string.h>

#include "model/names.h"

#define TEXT_SIZE 48

/* "1,240 ms". Returns 'text'. */
static const char *milliseconds(int64_t ms, char text[TEXT_SIZE])
{
    char digits[24];
    size_t length, at = 0;

    snprintf(digits, sizeof(digits), "%lld", (long long)(ms < 0 ? -ms : ms));
    length = strlen(digits);
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = digits[i];
    }
    strcpy(text + at, " ms");
    return text;
}

/* "1,240 ms", or "312 ms late". */
static const char *lead_words(int64_t lead_ms, char text[TEXT_SIZE])
{
    milliseconds(lead_ms, text);
    if (lead_ms < 0)
        strcat(text, " late");
    return text;
}

/* ---- show migration -------------------------------------------------------------------------- */

/* What the lead says to people; in words where there is none. */
static const char *lead_text(const struct migration *row, char text[TEXT_SIZE])
{
    int64_t lead_ms;

    if (migration_lead(row, &lead_ms)) {
        lead_words(lead_ms, text);
        if (lead_ms >= 0 && vlanset_is_empty(&row->added))
            strcat(text, vlanset_is_empty(&row->vlans) ? ", none needed" : ", there before");
        return text;
    }
    strcpy(text, row->outcome == MIGRATION_MISSED ? "not there" : "");
    return text;
}

static void write_lead(struct writer *writer, const struct migration *row)
{
    char text[TEXT_SIZE];
    int64_t lead_ms = 0;
    bool has_lead = migration_lead(row, &lead_ms);

    writer_number_as(writer, "lead_ms", has_lead ? &lead_ms : NULL, lead_text(row, text));
}

/* A time: since the epoch for programs, since the move was seen for people. */
static void write_stage(struct writer *writer, const char *name, const struct migration *row,
                        uint64_t time)
{
    int64_t wall_ms = (int64_t)time;
    char text[TEXT_SIZE + 1] = "+";

    if (time)
        milliseconds(wall_ms - (int64_t)row->seen_ms, text + 1);
    writer_number_as(writer, name, time ? &wall_ms : NULL, time ? text : "");
}

static void write_ports(struct writer *writer, const char *ports)
{
    struct view_names list = { 0 };
    char *copy = strdup(ports), *at = copy, *name;
    static const char separator[] = { NAMES_SEPARATOR, '\0' };

    if (!copy)
        writer_fail(writer);
    while (at && *at && (name = strsep(&at, separator)))
        view_names_add(&list, name);
    view_names_write(&list, writer, "ports");
    free(copy);
}

static void write_migration(struct writer *writer, const struct migration *row)
{
    writer_object(writer, NULL);
    writer_aside(writer, true);
    writer_text(writer, "id", row->id);
    writer_text(writer, "hypervisor", row->hypervisor);
    writer_aside(writer, false);
    writer_time(writer, "seen", (int64_t)row->seen_ms);
    writer_text(writer, "machine", row->machine);
    writer_text(writer, "kind", record_word(TABLE_MIGRATION, "kind", row));
    writer_text(writer, "from", row->from);
    writer_text(writer, "to", row->to);
    write_ports(writer, row->ports);
    writer_vlans(writer, "vlans", &row->vlans);
    writer_text(writer, "outcome", record_word(TABLE_MIGRATION, "outcome", row));
    write_lead(writer, row);
    writer_aside(writer, true);
    writer_vlans(writer, "added", &row->added);
    write_stage(writer, "planned", row, row->planned_ms);
    write_stage(writer, "applied", row, row->applied_ms);
    write_stage(writer, "verified", row, row->verified_ms);
    write_stage(writer, "switched_over", row, row->switched_over_ms);
    writer_text(writer, "by", row->by);
    writer_text(writer, "user", row->user);
    writer_aside(writer, false);
    writer_remark(writer, "reason", row->reason);
    writer_end(writer);
}

static bool is_wanted(const struct migration *row, const char *machine)
{
    return !machine || strcmp(row->machine, machine) == 0 || strcmp(row->machine_id, machine) == 0;
}

static bool is_any_machine(const struct view *view, const char *wanted)
{
    for (size_t i = 0; i < core_hypervisors(view->core); i++) {
        struct core_hypervisor hypervisor = core_hypervisor(view->core, i);

        if (!hypervisor.inventory)
            continue;
        INVENTORY_EACH(hypervisor.inventory, machine, TABLE_MACHINE, NULL)
        {
            if (strcmp(machine->name, wanted) == 0 || strcmp(machine->id, wanted) == 0)
                return true;
        }
    }
    return false;
}

/* The totals as one sentence; only what happened is named. */
static void note_totals(const struct view *view)
{
    struct migration_totals totals = migrations_totals(core_migrations(view->core));
    const struct {
        const char *word;
        size_t count;
    } outcomes[] = {
        { "running", totals.running },     { "in time", totals.in_time },
        { "missed", totals.missed },       { "failed", totals.failed },
        { "cancelled", totals.cancelled }, { "elsewhere", totals.elsewhere },
        { "unknown", totals.unknown },
    };
    char p50[TEXT_SIZE], p99[TEXT_SIZE], worst[TEXT_SIZE];
    struct strbuf line;

    strbuf_init(&line, 1024);
    strbuf_addf(&line, "%zu %s", totals.moves, totals.moves == 1 ? "move" : "moves");
    for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++)
        if (outcomes[i].count)
            strbuf_addf(&line, ", %zu %s", outcomes[i].count, outcomes[i].word);
    if (totals.leads)
        strbuf_addf(&line, "; lead p50 %s, p99 %s, worst %s", lead_words(totals.lead_p50_ms, p50),
                    lead_words(totals.lead_p99_ms, p99), lead_words(totals.lead_worst_ms, worst));
    writer_note(view->writer, "%s", strbuf_text(&line));
    strbuf_done(&line);
}

static size_t write_migrations(const struct view *view, const char *wanted)
{
    const struct migration *row;
    size_t shown = 0;

    writer_array(view->writer, NULL);
    for (size_t i = 0; (row = migrations_find(core_migrations(view->core), i)); i++) {
        if (!is_wanted(row, wanted))
            continue;
        write_migration(view->writer, row);
        shown++;
    }
    writer_end(view->writer);
    return shown;
}

enum view_status view_migrations(const struct view *view)
{
    const char *wanted = view->argc > 0 ? view->argv[0] : NULL;
    size_t shown;

    if (wanted)
        writer_detailed(view->writer);
    shown = write_migrations(view, wanted);
    if (shown == 0 && wanted && !is_any_machine(view, wanted)) {
        strbuf_addf(view->problem, "no machine %s is known, and no move of one is recorded",
                    wanted);
        return VIEW_NOT_FOUND;
    }
    if (shown == 0)
        writer_note(view->writer, "No move of %s is recorded.", wanted ? wanted : "a machine");
    else if (!wanted)
        note_totals(view);
    return VIEW_DONE;
}

/* ---- show migration-summary ------------------------------------------------------------------ */

static void write_rank(struct writer *writer, const char *name, const int64_t *lead_ms)
{
    char text[TEXT_SIZE];

    writer_number_as(writer, name, lead_ms, lead_ms ? lead_words(*lead_ms, text) : "");
}

enum view_status view_migration_summary(const struct view *view)
{
    struct migration_totals totals = migrations_totals(core_migrations(view->core));
    struct writer *writer = view->writer;

    writer_detailed(writer);
    writer_array(writer, NULL);
    writer_object(writer, NULL);
    writer_number(writer, "moves", (int64_t)totals.moves);
    writer_number(writer, "in_time", (int64_t)totals.in_time);
    writer_number(writer, "missed", (int64_t)totals.missed);
    writer_number(writer, "failed", (int64_t)totals.failed);
    writer_number(writer, "cancelled", (int64_t)totals.cancelled);
    writer_number(writer, "elsewhere", (int64_t)totals.elsewhere);
    writer_number(writer, "unknown", (int64_t)totals.unknown);
    writer_number(writer, "running", (int64_t)totals.running);
    write_rank(writer, "lead_p50_ms", totals.leads ? &totals.lead_p50_ms : NULL);
    write_rank(writer, "lead_p99_ms", totals.leads ? &totals.lead_p99_ms : NULL);
    write_rank(writer, "lead_worst_ms", totals.leads ? &totals.lead_worst_ms : NULL);
    writer_end(writer);
    writer_end(writer);
    return VIEW_DONE;
}

#include "switch/batch.h"

#include <string.h>

#define PROBLEM_MAX 4000

static bool names(struct change *const *changes, size_t count, const char *port)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(changes[i]->port, port) == 0)
            return true;
    return false;
}

size_t batch_size(struct change *const *changes, size_t count)
{
    size_t size = 0;

    while (size < count && size < BATCH_MAX && !names(changes, size, changes[size]->port))
        size++;
    return size;
}

struct batch *batch_new(size_t size)
{
    struct batch *batch = calloc(1, sizeof(*batch));

    if (!batch)
        return NULL;
    batch->entries = calloc(size, sizeof(*batch->entries));
    batch->parts = calloc(size, sizeof(*batch->parts));
    return batch->entries && batch->parts ? batch : batch_free(batch);
}

struct batch *batch_free(struct batch *batch)
{
    if (!batch)
        return NULL;
    for (size_t i = 0; i < batch->count; i++)
        strbuf_done(&batch->entries[i].problem);
    port_changes_done(batch->parts, batch->n_parts);
    free(batch->entries);
    free(batch->parts);
    free(batch);
    return NULL;
}

void batch_add(struct batch *batch, const struct change *change, const struct validate_view *view)
{
    struct batch_entry *entry = &batch->entries[batch->count++];

    entry->change = change;
    strbuf_init(&entry->problem, PROBLEM_MAX);
    entry->verdict = validate_change(change, view, &entry->problem);
}

void batch_drop_removals(struct batch *batch, const char *why)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct batch_entry *entry = &batch->entries[i];

        if (vlanset_is_empty(&entry->verdict.remove))
            continue;
        entry->verdict.remove = vlanset_empty;
        problem_add(&entry->problem, "nothing is removed: %s", why);
    }
}

void batch_part(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct batch_entry *entry = &batch->entries[i];

        if (verdict_is_empty(&entry->verdict))
            continue;
        entry->part = &batch->parts[batch->n_parts++];
        *entry->part = (struct port_change){ .port = entry->change->port,
                                             .add = entry->verdict.add,
                                             .remove = entry->verdict.remove };
    }
}

/* What was written and is not as written, where the driver saw no failure. */
static void compare(struct batch_entry *entry)
{
    const struct port *port = entry->part->now;
    struct vlanset absent = vlanset_minus(&entry->verdict.add, &port->tagged);
    struct vlanset present = vlanset_both(&entry->verdict.remove, &port->tagged);
    char text[128];

    if (!vlanset_is_empty(&absent))
        problem_add(&entry->problem, "the switch took VLAN %s but does not carry it",
                    vlanset_text(&absent, text, sizeof(text)));
    if (!vlanset_is_empty(&present))
        problem_add(&entry->problem, "the switch still carries VLAN %s",
                    vlanset_text(&present, text, sizeof(text)));
}

void batch_judge(struct batch_entry *entry)
{
    if (entry->part->result < 0)
        problem_add(&entry->problem, "%s", entry->part->error.text);
    else if (entry->part->now)
        compare(entry);
}

struct outcome batch_outcome(const struct batch_entry *entry, const struct port *port)
{
    struct outcome outcome = {
        .id = entry->change->id,
        .port = entry->change->port,
        .enabled = entry->enabled,
        .problem = strbuf_text(&entry->problem),
    };

    if (port) {
        outcome.added = vlanset_both(&entry->change->add, &port->tagged);
        outcome.added = vlanset_minus(&outcome.added, &port->pending);
        outcome.removed = vlanset_minus(&entry->change->remove, &port->tagged);
        vlanset_remove(&outcome.removed, (uint32_t)port->native);
    }
    return outcome;
}

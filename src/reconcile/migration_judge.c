/* How a move ended. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "reconcile/migration.h"

/* What was late, in numbers. */
static void count_delay(const struct entry *entry, char text[MIGRATION_TEXT_MAX])
{
    const struct migration *row = entry->row;

    snprintf(text, MIGRATION_TEXT_MAX,
             "it was announced %lld ms before it was there; its VLANs were there %lld ms after "
             "that word",
             (long long)(row->switched_over_ms - row->seen_ms),
             (long long)(row->verified_ms - row->seen_ms));
}

/* What was found first is the cause. */
static void miss(struct entry *entry, const struct migration_facts *facts, const char *problem)
{
    char text[MIGRATION_TEXT_MAX];

    text_copy(text, sizeof(text), *entry->row->reason ? entry->row->reason : problem);
    if (!*text && entry->row->verified_ms)
        count_delay(entry, text);
    else if (!*text)
        entry_explain(entry, facts, text);
    entry_end(entry, MIGRATION_MISSED, text);
}

/* Its end was told, but not where it went: the machine's row will, as long as the move is told. */
static bool is_awaited(const struct entry *entry, const struct contact *contact)
{
    const struct migration *row = entry->row;

    return !entry->to_id &&
           inventory_find(contact->inventory, TABLE_MOVE, row->machine_id, row->move);
}

/* It is there: says whether its VLANs were there first. */
static void judge(struct entry *entry, const struct migration_facts *facts,
                  const struct contact *contact, const char *problem)
{
    const struct migration *row = entry->row;

    if (row->kind == MOVE_STORAGE) {
        entry->row->switched_over_ms = 0;
        entry_end(entry, MIGRATION_IN_TIME, "it stays on its host, only its storage moves");
    } else if (is_awaited(entry, contact)) {
        return;
    } else if (!entry->to_id) {
        entry_end(entry, MIGRATION_UNKNOWN, "its destination was never told");
    } else if (entry->is_elsewhere) {
        entry_end(entry, MIGRATION_ELSEWHERE, entry->keeps_reason ? row->reason : "");
    } else if (row->verified_ms && row->verified_ms <= row->switched_over_ms) {
        entry_end(entry, MIGRATION_IN_TIME, entry->keeps_reason ? row->reason : "");
    } else {
        miss(entry, facts, problem);
    }
}

/* The hypervisor says no more of a move that it had not called ended. */
static void end_without_word(struct entry *entry, const struct contact *contact,
                             struct moment moment)
{
    const struct machine *machine = entry_machine(entry, contact);
    const struct host *host =
        machine ? inventory_find(contact->inventory, TABLE_HOST, "", machine->host) : NULL;
    char text[MIGRATION_TEXT_MAX];

    if (machine && entry_has_arrived(entry, machine)) {
        entry_arrive(entry, machine->host, host ? host->name : machine->host, moment);
        return;
    }
    if (!machine)
        snprintf(text, sizeof(text), "%s says no more of it, nor of the machine", contact->name);
    else
        snprintf(text, sizeof(text), "%s says no more of it; the machine is on %.100s",
                 contact->name,
                 host             ? host->name
                 : *machine->host ? machine->host
                                  : "no host");
    entry_end(entry, MIGRATION_UNKNOWN, text);
}

/* vsnd was not there when it ended. */
static void end_unseen(struct entry *entry, const struct contact *contact)
{
    static const char reason[] = "vsnd was not running when it ended";
    const struct machine *machine = entry_machine(entry, contact);
    const struct host *host =
        machine ? inventory_find(contact->inventory, TABLE_HOST, "", machine->host) : NULL;
    char text[MIGRATION_TEXT_MAX];

    if (host && strcmp(host->name, entry->row->to) == 0 && entry->row->verified_ms) {
        entry_end(entry, MIGRATION_IN_TIME, reason);
        return;
    }
    snprintf(text, sizeof(text), "%s; the machine is on %.100s", reason,
             host ? host->name : "no known host");
    entry_end(entry, MIGRATION_UNKNOWN, text);
}

/* True when its hypervisor was read in full, and had time to tell of moves. */
static bool can_be_missed(const struct contact *contact, const struct migration_facts *facts)
{
    int64_t due_ms = contact->connected_ms + MIGRATION_GRACE_MS;

    if (!contact->connected_ms || !inventory_is_complete(contact->inventory))
        return false;
    if (facts->moment.now_ms >= due_ms)
        return true;
    if (due_ms < *facts->wake_ms)
        *facts->wake_ms = due_ms;
    return false;
}

/* Looks whether the hypervisor still tells of the move. */
static void follow_move(struct entry *entry, const struct contact *contact,
                        const struct migration_facts *facts)
{
    const struct migration *row = entry->row;

    if (row->outcome != MIGRATION_RUNNING || row->switched_over_ms || !row->move[0] ||
        inventory_find(contact->inventory, TABLE_MOVE, row->machine_id, row->move))
        return;
    if (!can_be_missed(contact, facts))
        return;
    if (entry->is_old)
        end_unseen(entry, contact);
    else
        end_without_word(entry, contact, facts->moment);
}

/* Whether there is something left to see. */
static bool is_over(const struct entry *entry, const struct contact *contact, struct moment moment)
{
    const struct migration *row = entry->row;
    const struct machine *machine = entry_machine(entry, contact);

    if (row->outcome == MIGRATION_RUNNING)
        return false;
    if (row->outcome != MIGRATION_MISSED || row->verified_ms)
        return true;
    return !machine || !entry->to_id || strcmp(machine->host, entry->to_id) != 0 ||
           moment.now_ms - entry->seen_ms >
               MIGRATION_LATE_MS + (int64_t)(row->switched_over_ms - row->seen_ms);
}

void entry_settle(struct entry *entry, const struct migration_facts *facts)
{
    const struct contact *contact = contacts_find(facts->contacts, entry->row->hypervisor);
    char problem[MIGRATION_TEXT_MAX] = "", text[MIGRATION_TEXT_MAX];

    if (!contact) {
        snprintf(text, sizeof(text), "hypervisor %s is followed no more", entry->row->hypervisor);
        if (entry->row->outcome == MIGRATION_RUNNING)
            entry_end(entry, MIGRATION_UNKNOWN, text);
        entry->is_followed = false;
        return;
    }
    follow_move(entry, contact, facts);
    if (!entry->is_old && !entry->row->verified_ms)
        entry_look_around(entry, facts, contact, problem);
    if (entry->row->switched_over_ms &&
        (entry->row->outcome == MIGRATION_RUNNING || entry->row->outcome == MIGRATION_MISSED))
        judge(entry, facts, contact, problem);
    if (is_over(entry, contact, facts->moment)) {
        entry->is_followed = false;
        entry_forget_ports(entry);
    }
}

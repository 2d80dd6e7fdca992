/* migration.h: one move of a machine, from the moment it is heard of until it is judged.
 *
 * Pure. An entry of the ledger of moves (migrations.h) and what is known about it while it is
 * followed. Its times are taken on the monotonic clock; the row has them laid on the wall clock at
 * the moment the move was seen. */
#ifndef VSN_RECONCILE_MIGRATION_H
#define VSN_RECONCILE_MIGRATION_H

#include "intent/wires.h"
#include "reconcile/contact.h"
#include "reconcile/plan.h"

#define MIGRATION_TEXT_MAX 256 /* bytes of each text of a row, with its NUL */
#define MIGRATION_LATE_MS                                                                          \
    600000 /* what is not there by then after the machine is watched no more */
#define MIGRATION_GRACE_MS                                                                         \
    5000 /* after contact, for a session to tell of moves under way again                          \
          */

#define MIGRATION_CANDIDATES_MAX 64

struct moment {
    int64_t now_ms;  /* monotonic */
    int64_t wall_ms; /* milliseconds since the epoch */
};

/* A port behind which the destination is, and what is needed there. */
struct migration_port {
    char name[CONFIG_NAME_SIZE];
    struct vlanset vlans;
    struct vlanset added; /* the part of it that was not there at first */
    int64_t written_ms;   /* monotonic: the Config Module said so; 0: not yet */
    int64_t carried_ms;   /* monotonic: it was read back with all of it; 0: not yet */
};

/* Ports behind which it may be, while the destination is not known: what is done on them ahead of
 * that counts when it is. Only ports that need the same, and carried either all of it at first or
 * nothing. */
struct migration_candidates {
    struct vlanset vlans;
    size_t count;
    struct {
        char name[CONFIG_NAME_SIZE];
        bool was_missing;
        int64_t written_ms, carried_ms;
    } list[MIGRATION_CANDIDATES_MAX];
};

struct entry {
    struct migration *row; /* one block */
    uint64_t number;       /* its id; 0: the history has not told yet where to go on */
    char *to_id;           /* id of the host; NULL while it is not known */
    char *arrived_id;      /* the machine that came to be by it (clone, deploy); NULL: none yet */
    int64_t seen_ms;       /* monotonic */
    int64_t to_ms;         /* monotonic: when the destination was known */
    struct migration_port *ports;
    size_t n_ports;
    struct migration_candidates *candidates; /* NULL: none */
    bool is_followed;                        /* it can still change */
    bool is_changed;                         /* since it was written to the history */
    bool is_old; /* told by the history, and not by its hypervisor since vsnd started */
    bool is_elsewhere;
    bool is_understood; /* all that it needs is known, and is behind this switch */
    bool was_looked_at; /* its ports were asked for since the destination was known */
    bool keeps_reason;  /* something unusual is to be said of it, however it ends */
    bool has_landed;    /* the machine's own row said that it is there */
    bool is_presumed;   /* it did so before the move was announced: the row may have been late */
};

/* What the ledger is handed at a settling. */
struct migration_facts {
    const struct config *config;
    const struct contacts *contacts;
    const struct wires *wires;
    const struct plan *plan;
    const struct inventory *module;
    struct moment moment;
    int64_t *wake_ms; /* lowered to when it is worth asking again */
};

/* A new entry about 'machine' (an id) of 'contact', followed from now on. NULL: out of memory. */
struct entry *entry_new(const struct contact *contact, const char *machine, struct moment moment);
/* One that the history told. */
struct entry *entry_restore(const struct migration *row, uint64_t number);
/* Accepts NULL, returns NULL. */
struct entry *entry_free(struct entry *entry);

/* A monotonic time as the row has it. */
uint64_t entry_time(const struct entry *entry, int64_t now_ms);

/* Takes over what a move row says now. */
void entry_take_move(struct entry *entry, const struct contact *contact, const struct move *move,
                     struct moment moment);

/* The machine that moves, or the one that came to be by it. NULL: not known. */
const struct machine *entry_machine(const struct entry *entry, const struct contact *contact);

/* False when it leaves the machine whose networks are needed where it is: another one comes to be,
 * or its storage moves. */
bool entry_is_of_itself(const struct entry *entry);

/* True when a machine's row says that the move has brought it where it goes. */
bool entry_has_arrived(const struct entry *entry, const struct machine *machine);

/* It is there: the first word of that counts. */
void entry_arrive(struct entry *entry, const char *host, const char *host_name,
                  struct moment moment);

/* Sets the reason, to be kept however it ends: a whole sentence. */
void entry_remark(struct entry *entry, const char *reason);

/* Nobody had said that it would come. 'why' is the reason. */
void entry_surprise(struct entry *entry, enum move_kind kind, const char *from_name,
                    const char *why);

/* A port was read again, or changed: 'module' has it already. */
void entry_look_at_port(struct entry *entry, const struct inventory *module, const char *port,
                        struct moment moment);
void entry_take_outcome(struct entry *entry, const struct inventory *module,
                        const struct outcome *outcome, struct moment moment);

/* Finds out what it needs where, and how far that is. What stands in the way of knowing it goes to
 * 'ret_problem'. */
void entry_look_around(struct entry *entry, const struct migration_facts *facts,
                       const struct contact *contact, char ret_problem[MIGRATION_TEXT_MAX]);

/* Says what stands in the way on its ports just now; "" when nothing is known to. */
void entry_explain(const struct entry *entry, const struct migration_facts *facts,
                   char text[MIGRATION_TEXT_MAX]);

void entry_forget_ports(struct entry *entry);

/* Draws conclusions: what it needs where, how far that is, and how it ended. */
void entry_settle(struct entry *entry, const struct migration_facts *facts);

/* Sets the row's reason, and its outcome. */
void entry_end(struct entry *entry, enum migration_outcome outcome, const char *reason);

/* Milliseconds from verified to switched over, negative when it was missed; false when one of them
 * did not come to be. */
bool migration_lead(const struct migration *row, int64_t *ret_lead_ms);

#endif

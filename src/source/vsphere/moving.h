/* moving.h: one machine on its way to a host: what is known of it, and its row. Pure. */
#ifndef VSN_SOURCE_VSPHERE_MOVING_H
#define VSN_SOURCE_VSPHERE_MOVING_H

#include "base/strbuf.h"
#include "source/vsphere/known.h"
#include "source/vsphere/meaning.h"

/* What the moment is, and where the rows go. */
struct moment {
    int64_t now_ms, wall_ms;
    bool complete; /* the inventory was read in full: a host that is not known is none */
    const struct known_set *hosts, *machines;
    struct strbuf *to;
};

struct moving {
    struct moving *prev, *next;
    char id[ID_SIZE]; /* of its row */
    char vm[ID_SIZE], task[ID_SIZE];
    uint64_t chain; /* 0: not known */
    enum move_kind kind;
    enum move_outcome outcome;
    char from[ID_SIZE], to[ID_SIZE];
    char to_name[NAME_SIZE]; /* where 'to' is only known by name */
    char copy[ID_SIZE];      /* the machine that comes to be */
    char name[NAME_SIZE], by[128], user[256], problem[256];
    uint64_t since_ms;
    int64_t heard_ms, ended_ms; /* ended_ms 0: under way */
    bool armed;                 /* stated even while its destination is not known */
    bool evacuation;            /* its host is to be emptied; it has no operation of its own yet */
    bool running;               /* its task is known to be queued or running */
    bool queued;                /* it is known to be queued only */
    bool confirmed;             /* spoken of since contact was found */
    bool asked, met;            /* pending_ask(); its machine was in the inventory */
    bool told, gone;            /* its row was stated; was stated to be gone */
    char *line;                 /* the row as it was last stated */
};

/* A move of machine 'vm'. Its row is named after the chain, or the task where that is 0. NULL when
 * out of memory. */
struct moving *moving_new(const char *vm, uint64_t chain, const char *task,
                          const struct moment *moment);
struct moving *moving_free(struct moving *move);

bool moving_is_over(const struct moving *move);

/* The machine whose networks are needed: of a copy, what it is a copy of. */
const char *event_owner(const struct event *event);
bool move_makes_machine(enum move_kind kind);

/* States the row if there is something in it that was not said, or that it is gone. */
void moving_tell(struct moving *move, const struct moment *moment);
void moving_gone(struct moving *move, const struct moment *moment);

/* Sets its kind: a machine that is not running moves cold. */
void moving_set_kind(struct moving *move, enum move_kind kind, const struct moment *moment);

/* An event names the destination; says that it leaves; that it is there; that it stays. */
void moving_begin(struct moving *move, const struct event *event,
                  const struct event_meaning *meaning, const struct moment *moment);
void moving_leave(struct moving *move, const struct event *event);
void moving_arrive(struct moving *move, const struct event *event,
                   const struct event_meaning *meaning, const struct moment *moment);
/* The same, after its task said so. */
void moving_late(struct moving *move, const struct event *event);
void moving_fail(struct moving *move, const struct mishap *mishap, bool cancelled,
                 const struct moment *moment);

/* It comes to nothing; with a mishap, or ('mishap' NULL) without a word. */
void moving_drop(struct moving *move, const struct mishap *mishap, bool cancelled,
                 const struct moment *moment);

/* What its task says; true when 'task' is its task. */
void moving_task(struct moving *move, const struct task *task, const struct moment *moment);
bool moving_has_task(const struct moving *move, const struct task *task);

/* What the inventory and the time say of it. Returns in how many milliseconds to look again; 0: it
 * can be forgotten. */
int64_t moving_look(struct moving *move, const struct moment *moment);

#endif

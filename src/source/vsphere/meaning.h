/* meaning.h: what the events and tasks of vSphere mean for machines on the move: two tables.
 * (vSphere Web Services API reference, the subclasses of VmEvent and HostEvent; the ids of an
 * EventEx and of a task's descriptionId are the server's own, and are not in the reference.) */
#ifndef VSN_SOURCE_VSPHERE_MEANING_H
#define VSN_SOURCE_VSPHERE_MEANING_H

#include "model/record.h"
#include "source/vsphere/event.h"

enum role {
    ROLE_BEGIN,   /* names the destination */
    ROLE_LEAVE,   /* a machine is about to leave its host */
    ROLE_END,     /* it is there: 'host' is where */
    ROLE_FAIL,    /* it stays */
    ROLE_ERROR,   /* something failed; its task says whether that was the end */
    ROLE_EMPTY,   /* a host is to be emptied */
    ROLE_EMPTIED, /* or no longer */
};

/* Where an event has the destination: nowhere, in destHost, in host. */
enum where { AT_NONE, AT_DEST, AT_HOST };

struct event_meaning {
    const char *type;
    enum role role;
    enum move_kind kind;
    enum where where;
    bool extended; /* the id of an EventEx */
};

struct task_meaning {
    const char *about; /* descriptionId, in any case of letters */
    enum move_kind kind;
    bool arms; /* a row is stated before the destination is known */
};

/* NULL: nothing. */
const struct event_meaning *meaning_of_event(const struct event *event);
const struct task_meaning *meaning_of_task(const struct task *task);

/* True for an event that does not say where to, as others of the same move do. */
bool meaning_is_vague(const struct event *event);

/* True for the task that empties a host for maintenance. */
bool meaning_is_evacuation(const struct task *task);

/* The event types that have a meaning, one by one; NULL at the end. '*ret_extended': the id of an
 * EventEx, which are there since API 4.0. */
const char *meaning_event_type(size_t i, bool *ret_extended);

#endif

/* event.h: events and tasks of vSphere, as far as they tell of machines on the move: decoded from
 * what a collector's page, a task's info and QueryEvents hold. (vSphere Web Services API reference:
 * Event and its subclasses, EventEx, TaskInfo.)
 *
 * Everything in them is text from outside, cut to these sizes; an identifier that does not fit is
 * not read at all. */
#ifndef VSN_SOURCE_VSPHERE_EVENT_H
#define VSN_SOURCE_VSPHERE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "source/vsphere/object.h"

#define NEWS_MAX 4096 /* events, and tasks, of one reply */

/* LocalizedMethodFault */
struct mishap {
    char type[64];  /* as "RequestCanceled"; "" when there is none */
    char text[256]; /* in the server's language: for people only */
};

struct event {
    uint64_t key;     /* rises with each event of a server */
    uint64_t chain;   /* the same for all events of one operation; 0: not known */
    char type[128];   /* its class; of an EventEx its eventTypeId */
    char user[256];   /* who asked for it */
    char vm[ID_SIZE]; /* the machine it is about */
    char vm_name[NAME_SIZE];
    char source_vm[ID_SIZE];   /* what it is a copy of (sourceVm, srcTemplate) */
    char host[ID_SIZE];        /* where that machine is */
    char dest[ID_SIZE];        /* destHost, by reference */
    char dest_name[NAME_SIZE]; /* and by name, which is all that an EventEx has */
    char source[ID_SIZE];      /* sourceHost */
    char name[NAME_SIZE];      /* destName: of the machine that comes to be */
    struct mishap mishap;      /* reason, fault */
};

enum task_state { TASK_UNKNOWN, TASK_QUEUED, TASK_RUNNING, TASK_SUCCESS, TASK_ERROR };

struct task {
    char id[ID_SIZE]; /* its reference */
    uint64_t chain;   /* as in the events; 0: not known */
    enum task_state state;
    bool cancelled;
    bool gone; /* it is no longer among the recent ones */
    char entity[ID_SIZE], entity_type[64];
    char about[128]; /* descriptionId, as "VirtualMachine.migrate" */
    char user[256];
    struct mishap mishap;
};

/* What one reply holds. */
struct news {
    struct event *events;
    struct task *tasks;
    size_t n_events, n_tasks;

    struct event event; /* being read */
    struct task task;
    char type[64]; /* of the object being read */
    char path[64];
    char key[64], value[NAME_SIZE];
};

void news_done(struct news *news);

/* What methods return; the data of these tables is a struct reply. */
extern const struct xml_rule news_update_rules[];  /* WaitForUpdatesEx */
extern const struct xml_rule news_objects_rules[]; /* RetrieveProperties */
extern const struct xml_rule events_rules[];       /* QueryEvents */

#endif

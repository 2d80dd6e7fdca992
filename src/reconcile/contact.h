/* contact.h: the hypervisors as the core follows them: what each told, and whether it still does.
 *
 * Pure. A contact is lost when its session says so or its process ends; everything learnt from it
 * is kept. */
#ifndef VSN_RECONCILE_CONTACT_H
#define VSN_RECONCILE_CONTACT_H

#include "model/config.h"
#include "model/inventory.h"
#include "reconcile/actions.h"

struct contact {
    char name[CONFIG_NAME_SIZE]; /* of the hypervisor in the configuration */
    struct inventory *inventory;
    int64_t heard_ms;     /* monotonic: last record; 0: never */
    int64_t connected_ms; /* monotonic: since when connected; 0: it is not */
    int64_t lost_ms;      /* monotonic: when contact was lost; 0: it is there, or never was */
    bool process_lost;    /* its process ended, and no record came since */
    bool doubt_logged;
    bool to_announce; /* connected, and not yet said: what it holds is known when it has settled */
};

struct contacts { /* one per enabled hypervisor of the configuration, in its order */
    struct contact *list;
    size_t count;
};

void contacts_done(struct contacts *contacts);

/* Takes over the hypervisors of a new configuration; those whose address and type stay keep what
 * they know. 'before' is the configuration that the contacts are of. Returns 0 or -ENOMEM, then
 * nothing has changed. */
int contacts_take_over(struct contacts *contacts, const struct config *before,
                       const struct config *config, struct error *reterr);

/* By the configured name; NULL: not configured, or disabled. */
struct contact *contacts_find(const struct contacts *contacts, const char *name);

/* Its session row as last told, or a default: never NULL. 'contact' may be NULL. */
const struct session *contact_session(const struct contact *contact);

/* The session's state; stale when its process is gone. */
enum session_state contact_state(const struct contact *contact);

/* Takes one record from its session. Returns as inventory_apply() does. */
int contact_take(struct contact *contact, const struct record *record, int64_t now_ms,
                 struct actions *actions, struct error *reterr);

/* The process behind it ended. */
void contact_lose(struct contact *contact, const char *reason, int64_t now_ms,
                  struct actions *actions);

/* Carries out or doubts what was told to be gone; says what is new. A move that has begun and whose
 * destination is not named within CONTACT_WIDEN_MS counts on every host that it may go to from then
 * on: a hypervisor names it a moment after the move is first seen, and until then every host would
 * get the VLANs of every move. */
#define CONTACT_WIDEN_MS 1000
void contact_settle(struct contact *contact, int64_t now_ms, struct actions *actions);

/* True when contact is lost for longer than 'hold SECONDS' ('hold_s', 0: never): what it wanted
 * counts no more. */
bool contact_is_released(const struct contact *contact, uint32_t hold_s, int64_t now_ms,
                         struct actions *actions);

/* An operator accepts its smaller answer. Returns 0, or -EALREADY when there is none. */
int contact_accept(struct contact *contact, struct actions *actions, struct error *reterr);

#endif

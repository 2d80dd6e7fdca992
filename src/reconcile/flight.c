#include "reconcile/flight.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((element)->lost = true)
#include <uthash.h>
#include <utlist.h>

/* A change that was sent. */
struct sent {
    uint64_t number;
    int64_t at_ms;
    struct vlanset add;
    struct sent *next;
};

struct flight {
    char *port;
    struct sent *under_way;  /* in the order of sending */
    struct vlanset remove;   /* of what is under way, or was last */
    unsigned failures;       /* in a row */
    int64_t retry_ms;        /* not before that */
    struct vlanset failed;   /* additions that rest until then */
    struct vlanset taken;    /* ours, taken away by somebody else */
    struct vlanset repaired; /* since flip_ms */
    unsigned flips;          /* how often one of them was repaired, at most */
    int64_t flip_ms;
    int64_t yield_ms; /* left alone until then */
    bool lost;
    UT_hash_handle hh;
};

struct flights {
    struct flight *by_port;
    uint64_t last; /* number given out last */
    char id[24];
};

struct flights *flights_new(void)
{
    return calloc(1, sizeof(struct flights));
}

static void sent_free(struct flight *flight, struct sent *sent)
{
    LL_DELETE(flight->under_way, sent);
    free(sent);
}

static void flight_free(struct flights *flights, struct flight *flight)
{
    while (flight->under_way)
        sent_free(flight, flight->under_way);
    HASH_DEL(flights->by_port, flight);
    free(flight->port);
    free(flight);
}

struct flights *flights_free(struct flights *flights)
{
    while (flights && flights->by_port)
        flight_free(flights, flights->by_port);
    free(flights);
    return NULL;
}

static struct flight *flight_find(const struct flights *flights, const char *port)
{
    struct flight *flight = NULL;

    HASH_FIND_STR(flights->by_port, port, flight);
    return flight;
}

static struct flight *flight_make(struct flights *flights, const char *port)
{
    struct flight *flight = flight_find(flights, port);

    if (flight)
        return flight;
    flight = calloc(1, sizeof(*flight));
    if (!flight)
        return NULL;
    flight->port = strdup(port);
    if (flight->port)
        HASH_ADD_KEYPTR(hh, flights->by_port, flight->port, strlen(flight->port), flight);
    if (!flight->port || flight->lost) {
        free(flight->port);
        free(flight);
        return NULL;
    }
    return flight;
}

static const char failing[] = "the last change failed; it is tried again soon";
static const char yielding[] =
    "somebody else keeps taking the same VLANs away: left alone for a while";

static void until(struct flight_obstacle *obstacle, const char *reason, int64_t at_ms,
                  int64_t *wake_ms)
{
    obstacle->reason = reason;
    if (at_ms < *wake_ms)
        *wake_ms = at_ms;
}

/* Forgets changes without an outcome. Returns how many are under way. */
static size_t count_under_way(struct flight *flight, int64_t now_ms)
{
    struct sent *sent;
    size_t count;

    while (flight->under_way && now_ms - flight->under_way->at_ms >= FLIGHT_LOST_MS)
        sent_free(flight, flight->under_way);
    LL_COUNT(flight->under_way, sent, count);
    return count;
}

struct flight_obstacle flights_obstacle(struct flights *flights, const char *port, int64_t now_ms,
                                        int64_t *wake_ms)
{
    struct flight *flight = flight_find(flights, port);
    struct flight_obstacle obstacle = { NULL, true, vlanset_empty };
    size_t count = flight ? count_under_way(flight, now_ms) : 0;
    struct sent *sent;

    if (!flight)
        return obstacle;
    obstacle.may_add = count < FLIGHT_MOST && now_ms >= flight->yield_ms;
    if (now_ms < flight->retry_ms) {
        until(&obstacle, failing, flight->retry_ms, wake_ms);
        obstacle.held = flight->failed;
    }
    if (now_ms < flight->yield_ms)
        until(&obstacle, yielding, flight->yield_ms, wake_ms);
    if (count > 0)
        until(&obstacle, "a change is being written", flight->under_way->at_ms + FLIGHT_LOST_MS,
              wake_ms);
    LL_FOREACH(flight->under_way, sent)
    obstacle.held = vlanset_union(&obstacle.held, &sent->add);
    return obstacle;
}

/* A program that sets a port anew takes several VLANs away one after the other: that is no fight,
 * which is about the same VLANs. */
static bool count_flip(struct flight *flight, const struct vlanset *vlans, int64_t now_ms)
{
    struct vlanset again;

    if (now_ms - flight->flip_ms > FLIGHT_FLIP_MS) {
        flight->flip_ms = now_ms;
        flight->flips = 0;
        flight->repaired = vlanset_empty;
    }
    again = vlanset_both(&flight->repaired, vlans);
    flight->repaired = vlanset_union(&flight->repaired, vlans);
    if (flight->flips == 0 || !vlanset_is_empty(&again))
        flight->flips++;
    if (flight->flips <= FLIGHT_FLIPS)
        return false;
    flight->yield_ms = now_ms + FLIGHT_YIELD_MS;
    flight->flips = 0;
    return true;
}

int flights_start(struct flights *flights, struct change *change, bool repairs, int64_t now_ms,
                  bool *ret_yields)
{
    struct flight *flight = flight_make(flights, change->port);
    struct sent *sent = flight ? calloc(1, sizeof(*sent)) : NULL;

    if (!sent)
        return -ENOMEM;
    sent->number = ++flights->last;
    sent->at_ms = now_ms;
    sent->add = change->add;
    if (!flight->under_way)
        flight->remove = vlanset_empty;
    LL_APPEND(flight->under_way, sent);
    flight->remove = vlanset_union(&flight->remove, &change->remove);
    flight->taken = vlanset_minus(&flight->taken, &change->add);
    *ret_yields = repairs && count_flip(flight, &change->add, now_ms);
    snprintf(flights->id, sizeof(flights->id), "%" PRIu64, sent->number);
    change->id = flights->id;
    return 0;
}

const char *flights_rest(const struct flights *flights, const char *port, int64_t now_ms,
                         struct vlanset *ret_which)
{
    const struct flight *flight = flight_find(flights, port);

    if (flight && now_ms < flight->yield_ms) {
        *ret_which = vlanset_all();
        return yielding;
    }
    if (flight && now_ms < flight->retry_ms && !vlanset_is_empty(&flight->failed)) {
        *ret_which = flight->failed;
        return failing;
    }
    return NULL;
}

int flights_note_port(struct flights *flights, const struct port *before, const struct port *now)
{
    struct vlanset gone = vlanset_minus(&before->owned, &now->tagged);
    struct flight *flight = flight_find(flights, before->id);

    if (flight)
        gone = vlanset_minus(&gone, &flight->remove);
    if (vlanset_is_empty(&gone))
        return 0;
    flight = flight_make(flights, before->id);
    if (!flight)
        return -ENOMEM;
    flight->taken = vlanset_union(&flight->taken, &gone);
    return 0;
}

struct vlanset flights_taken(const struct flights *flights, const char *port)
{
    const struct flight *flight = flight_find(flights, port);

    return flight ? flight->taken : vlanset_empty;
}

/* All of it was done. When it was sent beside what rests after a failure, that goes on resting. */
static void succeed(struct flight *flight, const struct sent *sent)
{
    if (sent->at_ms < flight->retry_ms)
        return;
    flight->failed = vlanset_empty;
    flight->failures = 0;
    flight->retry_ms = 0;
}

static void fail(struct flight *flight, const struct sent *sent, const struct outcome *outcome,
                 int64_t now_ms)
{
    struct vlanset undone = vlanset_minus(&sent->add, &outcome->added);
    int64_t rest = INT64_C(1000) << (flight->failures < 6 ? flight->failures : 6);

    flight->failed = vlanset_union(&flight->failed, &undone);
    flight->failures++;
    flight->retry_ms = now_ms + (rest < FLIGHT_RETRY_MAX_MS ? rest : FLIGHT_RETRY_MAX_MS);
}

static struct sent *sent_find(const struct flight *flight, const char *id)
{
    struct sent *sent;
    char number[24];

    LL_FOREACH(flight->under_way, sent)
    {
        snprintf(number, sizeof(number), "%" PRIu64, sent->number);
        if (strcmp(number, id) == 0)
            return sent;
    }
    return NULL;
}

bool flights_land(struct flights *flights, const struct outcome *outcome, int64_t now_ms)
{
    struct flight *flight = flight_find(flights, outcome->port);
    struct sent *sent = flight ? sent_find(flight, outcome->id) : NULL;

    if (!sent)
        return false;
    if (outcome->problem[0])
        fail(flight, sent, outcome, now_ms);
    else
        succeed(flight, sent);
    sent_free(flight, sent);
    return true;
}

void flights_forget(struct flights *flights)
{
    for (struct flight *flight = flights->by_port; flight; flight = flight->hh.next)
        while (flight->under_way)
            sent_free(flight, flight->under_way);
}

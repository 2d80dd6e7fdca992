#include "reconcile/flight.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((element)->lost = true)
#include <uthash.h>

struct flight {
    char *port;
    uint64_t number; /* of the change under way, 0: none */
    int64_t sent_ms;
    struct vlanset add, remove; /* of the last change sent */
    unsigned failures;          /* in a row */
    int64_t retry_ms;           /* not before that */
    struct vlanset failed;      /* additions that rest until then */
    struct vlanset taken;       /* ours, taken away by somebody else */
    unsigned flips;             /* repairs since flip_ms */
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

static void flight_free(struct flights *flights, struct flight *flight)
{
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

static const char *until(int64_t at_ms, int64_t *wake_ms, const char *why)
{
    if (at_ms < *wake_ms)
        *wake_ms = at_ms;
    return why;
}

static const char yielding[] =
    "somebody else keeps taking the same VLANs away: left alone for a while";
static const char failing[] = "the last change failed; it is tried again soon";

const char *flights_obstacle(struct flights *flights, const char *port, int64_t now_ms,
                             int64_t *wake_ms)
{
    struct flight *flight = flight_find(flights, port);

    if (!flight)
        return NULL;
    if (flight->number && now_ms - flight->sent_ms < FLIGHT_LOST_MS)
        return until(flight->sent_ms + FLIGHT_LOST_MS, wake_ms, "a change is being written");
    if (now_ms < flight->yield_ms)
        return until(flight->yield_ms, wake_ms, yielding);
    if (now_ms < flight->retry_ms)
        return until(flight->retry_ms, wake_ms, failing);
    return NULL;
}

static bool count_flip(struct flight *flight, int64_t now_ms)
{
    if (now_ms - flight->flip_ms > FLIGHT_FLIP_MS) {
        flight->flip_ms = now_ms;
        flight->flips = 0;
    }
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

    if (!flight)
        return -ENOMEM;
    flight->number = ++flights->last;
    flight->sent_ms = now_ms;
    flight->add = change->add;
    flight->remove = change->remove;
    flight->taken = vlanset_minus(&flight->taken, &change->add);
    *ret_yields = repairs && count_flip(flight, now_ms);
    snprintf(flights->id, sizeof(flights->id), "%" PRIu64, flight->number);
    change->id = flights->id;
    return 0;
}

bool flights_rests(const struct flights *flights, const char *port, int64_t now_ms,
                   struct vlanset *ret_failed)
{
    const struct flight *flight = flight_find(flights, port);

    if (!flight || (flight->number && now_ms - flight->sent_ms < FLIGHT_LOST_MS) ||
        now_ms < flight->yield_ms || now_ms >= flight->retry_ms)
        return false;
    *ret_failed = flight->failed;
    return true;
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
static void succeed(struct flight *flight)
{
    if (flight->sent_ms < flight->retry_ms)
        return;
    flight->failed = vlanset_empty;
    flight->failures = 0;
    flight->retry_ms = 0;
}

static void fail(struct flight *flight, const struct outcome *outcome, int64_t now_ms)
{
    struct vlanset undone = vlanset_minus(&flight->add, &outcome->added);
    int64_t rest = INT64_C(1000) << (flight->failures < 6 ? flight->failures : 6);

    flight->failed = vlanset_union(&flight->failed, &undone);
    flight->failures++;
    flight->retry_ms = now_ms + (rest < FLIGHT_RETRY_MAX_MS ? rest : FLIGHT_RETRY_MAX_MS);
}

bool flights_land(struct flights *flights, const struct outcome *outcome, int64_t now_ms)
{
    struct flight *flight = flight_find(flights, outcome->port);
    char number[24];

    if (!flight || !flight->number)
        return false;
    snprintf(number, sizeof(number), "%" PRIu64, flight->number);
    if (strcmp(number, outcome->id) != 0)
        return false;
    flight->number = 0;
    if (outcome->problem[0])
        fail(flight, outcome, now_ms);
    else
        succeed(flight);
    return true;
}

void flights_forget(struct flights *flights)
{
    for (struct flight *flight = flights->by_port; flight; flight = flight->hh.next)
        flight->number = 0;
}

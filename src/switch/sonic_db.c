#include "switch/sonic_db.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "switch/driver.h"
#include "switch/sonic_read.h"

#define REREAD_MS 30000 /* everything, while notifications tell what changes */
#define ROUNDS 5        /* readings in a row, while others are writing */
#define FDB_MS 1000     /* least time between two readings of the MAC table */

/* What is listened to. */
static const char *const patterns[] = {
    "__keyspace@4__:PORT|*",
    "__keyspace@4__:PORTCHANNEL|*",
    "__keyspace@4__:PORTCHANNEL_MEMBER|*",
    "__keyspace@4__:PORTCHANNEL_INTERFACE|*",
    "__keyspace@4__:INTERFACE|*",
    "__keyspace@4__:MIRROR_SESSION|*",
    "__keyspace@4__:VLAN|*",
    "__keyspace@4__:VLAN_MEMBER|*",
    "__keyspace@4__:CONFIG_DB_INITIALIZED",
    "__keyspace@6__:VLAN_MEMBER_TABLE|*",
    "__keyspace@0__:PORT_TABLE:*",
    "__keyspace@0__:LAG_TABLE:*",
};

int sonic_db_lose(struct sonic_db *db, int r, const struct error *error)
{
    if (!db->is_lost && error)
        db->why = *error;
    db->is_lost = true;
    return r == -ENOMEM ? r : -ENOTCONN;
}

/* Says again why the connections were given up. */
static int say_lost(const struct sonic_db *db, struct error *reterr)
{
    return error_set(reterr, -ENOTCONN, "%s",
                     *db->why.text ? db->why.text : "the connection to Redis was given up");
}

/* ---- News ------------------------------------------------------------------------------------ */

/* A row of CONFIG_DB. One of VLAN_MEMBER or VLAN is read again by itself; anything else, rarely.
 * True when that is news, as below. */
static bool note_config(struct sonic_db *db, const char *key)
{
    const char *name, *rest = sonic_key_rest(key, "VLAN|");
    uint32_t vlan = sonic_member_of(key, "VLAN_MEMBER|", &name);
    struct sonic_port *port = vlan ? sonic_view_port(&db->view, name) : NULL;

    if (port)
        vlanset_add(&port->stale, vlan);
    else if (rest)
        vlanset_add(&db->view.stale, sonic_vlan_of(rest, NULL));
    else if (!sonic_key_rest(key, "VLAN_MEMBER|"))
        db->is_stale = true;
    db->is_behind = true;
    return !port || !port->is_written;
}

/* A confirmation has no content: it is there or not, and the notification says which. */
static bool note_state(struct sonic_db *db, const char *key, const char *event)
{
    const char *name;
    uint32_t vlan = sonic_member_of(key, "VLAN_MEMBER_TABLE|", &name);
    struct sonic_port *port = vlan ? sonic_view_port(&db->view, name) : NULL;

    if (!port)
        return false;
    if (strcmp(event, "del") == 0 || strcmp(event, "expired") == 0 || strcmp(event, "evicted") == 0)
        vlanset_remove(&port->ready, vlan);
    else
        vlanset_add(&port->ready, vlan);
    return !port->is_written;
}

static bool note_link(struct sonic_db *db, const char *key)
{
    const char *rest = sonic_key_rest(key, "PORT_TABLE:");
    struct sonic_port *port;

    if (!rest)
        rest = sonic_key_rest(key, "LAG_TABLE:");
    port = rest ? sonic_view_port(&db->view, rest) : NULL;
    if (!port)
        return false;
    db->is_behind = port->is_link_stale = true;
    return true;
}

/* ["pmessage", pattern, channel, event]; anything else is the answer to a PING. */
static void note(struct sonic_db *db, const redisReply *message)
{
    const char *event = redis_text(redis_at(message, 3));
    unsigned database;
    const char *key = sonic_channel_key(redis_text(redis_at(message, 2)), &database);
    bool is_news;

    if (!key || strcmp(redis_text(redis_at(message, 0)), "pmessage") != 0)
        return;
    if (database == SONIC_CONFIG)
        is_news = note_config(db, key);
    else if (database == SONIC_STATE)
        is_news = note_state(db, key, event);
    else
        is_news = note_link(db, key);
    db->has_news |= is_news;
}

static bool is_pong(const redisReply *message)
{
    return strcmp(redis_text(redis_at(message, 0)), "pong") == 0;
}

int sonic_db_take_news(struct sonic_db *db, struct error *reterr)
{
    redisReply *message = NULL;
    int r = 0, taken = 0;

    while (!db->is_lost && (r = redis_take(db->news, &message, reterr)) == 1) {
        note(db, message);
        freeReplyObject(message);
        taken = 1;
    }
    if (db->is_lost)
        return say_lost(db, reterr);
    return r < 0 ? sonic_db_lose(db, r, reterr) : taken;
}

int sonic_db_await_news(struct sonic_db *db, int64_t until_ms, struct error *reterr)
{
    int r = sonic_db_take_news(db, reterr);

    while (r == 0) {
        struct pollfd fd = { .fd = redis_fd(db->news), .events = POLLIN };
        int64_t left = until_ms - clock_now_ms();

        if (left <= 0 || poll(&fd, 1, (int)left) == 0)
            return 0;
        r = sonic_db_take_news(db, reterr);
    }
    return r;
}

/* Redis says what it has to say in order: what was written before the PING is told before the PONG.
 */
static int hear_all(struct sonic_db *db, int64_t until_ms, struct error *reterr)
{
    redisReply *message = NULL;
    bool done = false;
    int r = 0;

    REDIS_ADD(db->news, "PING");
    while (r == 0 && !done) {
        r = redis_hear(db->news, until_ms, &message, reterr);
        if (r < 0)
            return r;
        note(db, message);
        done = is_pong(message);
        freeReplyObject(message);
    }
    return r;
}

int sonic_db_hear_news(struct sonic_db *db, struct error *reterr)
{
    int r =
        db->is_lost ? say_lost(db, reterr) : hear_all(db, clock_now_ms() + DRIVER_WAIT_MS, reterr);

    return r < 0 ? sonic_db_lose(db, r, reterr) : 0;
}

/* ---- What has changed ------------------------------------------------------------------------ */

/* Asks for every row that has changed, or takes the answers, in the same order. */
static int walk_stale_members(struct sonic_db *db, struct sonic_port *port, int64_t until_ms,
                              bool taking, struct error *reterr)
{
    char key[SONIC_KEY_MAX];
    int r = 0;

    for (uint32_t vlan = vlanset_next(&port->stale, 1); r == 0 && vlan;
         vlan = vlanset_next(&port->stale, vlan + 1)) {
        redisReply *row = NULL;

        if (!taking) {
            REDIS_ADD(db->config, "HGETALL",
                      sonic_member_key(key, "VLAN_MEMBER|", vlan, port->name));
            continue;
        }
        r = redis_hear(db->config, until_ms, &row, reterr);
        if (r == 0)
            sonic_take_member(port, vlan, row);
        freeReplyObject(row);
    }
    if (r == 0 && taking)
        port->stale = vlanset_empty;
    return r;
}

static int walk_stale_vlans(struct sonic_db *db, int64_t until_ms, bool taking,
                            struct error *reterr)
{
    struct sonic_view *view = &db->view;
    int r = 0;

    for (uint32_t vlan = vlanset_next(&view->stale, 1); r == 0 && vlan;
         vlan = vlanset_next(&view->stale, vlan + 1)) {
        redisReply *reply = NULL;
        char key[32];

        snprintf(key, sizeof(key), "VLAN|Vlan%u", vlan);
        if (!taking) {
            REDIS_ADD(db->config, "EXISTS", key);
            continue;
        }
        r = redis_hear(db->config, until_ms, &reply, reterr);
        if (r == 0 && reply->integer)
            vlanset_add(&view->vlans, vlan);
        else
            vlanset_remove(&view->vlans, vlan);
        freeReplyObject(reply);
    }
    if (r == 0 && taking)
        view->stale = vlanset_empty;
    return r;
}

static int walk_stale_links(struct sonic_db *db, int64_t until_ms, bool taking,
                            struct error *reterr)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < db->view.n_ports; i++) {
        struct sonic_port *port = &db->view.ports[i];
        redisReply *reply = NULL;

        if (!port->is_link_stale)
            continue;
        if (!taking) {
            sonic_ask_link(db, port);
            continue;
        }
        r = redis_hear(db->appl, until_ms, &reply, reterr);
        if (r == 0)
            sonic_take_link(port, redis_text(reply));
        freeReplyObject(reply);
    }
    return r;
}

static int read_stale(struct sonic_db *db, int64_t until_ms, struct error *reterr)
{
    int r = 0;

    for (int taking = 0; r == 0 && taking < 2; taking++) {
        for (size_t i = 0; r == 0 && i < db->view.n_ports; i++)
            r = walk_stale_members(db, &db->view.ports[i], until_ms, taking, reterr);
        if (r == 0)
            r = walk_stale_vlans(db, until_ms, taking, reterr);
        if (r == 0)
            r = walk_stale_links(db, until_ms, taking, reterr);
    }
    return r;
}

/* ---- Refreshing ------------------------------------------------------------------------------ */

/* While "config reload" or the boot fills CONFIG_DB, half of it says nothing. */
static int check_loaded(struct sonic_db *db, int64_t until_ms, struct error *reterr)
{
    redisReply *reply = NULL;
    int r = REDIS_ASK(db->config, until_ms, &reply, reterr, "GET", "CONFIG_DB_INITIALIZED");
    const char *text = redis_text(reply);

    if (r == 0 && (!*text || strcmp(text, "0") == 0))
        r = error_set(
            reterr, -ENOTCONN,
            "the switch's configuration is not loaded (CONFIG_DB_INITIALIZED is not set)");
    freeReplyObject(reply);
    return r;
}

/* What is learnt is read by itself, and goes from one view to the next; so does the partner of a
 * part that is still one of the same port-channel. */
static void keep_learnt(struct sonic_view *from, const struct sonic_view *to)
{
    for (size_t i = 0; i < to->n_ports; i++) {
        struct sonic_port *port = sonic_view_port(from, to->ports[i].name);

        if (!port)
            continue;
        to->ports[i].learnt = port->learnt;
        if (strcmp(to->ports[i].channel, port->channel) == 0)
            to->ports[i].partner = port->partner;
        to->ports[i].stations = port->stations;
        port->stations = (struct stations){ 0 };
    }
}

/* The WATCH of the caller, if it has one, must stay: so this uses none. A configuration that is
 * thrown away and loaded again meanwhile shows in the key's having been written, which the
 * notifications say; where there are none, in the key's absence before or after. */
static int read_all(struct sonic_db *db, int64_t until_ms, struct error *reterr)
{
    struct sonic_view view;
    int r;

    db->is_stale = false;
    r = sonic_read_all(db, until_ms, &view, reterr);
    if (r == 0)
        r = check_loaded(db, until_ms, reterr);
    if (r < 0)
        return r;
    keep_learnt(&db->view, &view);
    sonic_view_done(&db->view);
    db->view = view;
    db->read_at_ms = clock_now_ms();
    return 0;
}

/* Rows are read one after another, while others are being written: what was read is how things were
 * at one moment only if nothing was told meanwhile. Somebody who never stops writing is not waited
 * for. */
static int bring_up_to_date(struct sonic_db *db, int64_t until_ms, struct error *reterr)
{
    int r = hear_all(db, until_ms, reterr);

    if (r == 0)
        r = check_loaded(db, until_ms, reterr);
    db->is_stale |= !db->is_told || clock_now_ms() - db->read_at_ms >= REREAD_MS;
    for (int round = 0; r == 0 && round < ROUNDS && (db->is_stale || db->is_behind); round++) {
        db->is_behind = false;
        r = db->is_stale ? read_all(db, until_ms, reterr) : read_stale(db, until_ms, reterr);
        if (r == 0)
            r = hear_all(db, until_ms, reterr);
    }
    return r;
}

int sonic_db_refresh(struct sonic_db *db, struct error *reterr)
{
    int r;

    if (db->is_lost)
        return say_lost(db, reterr);
    r = bring_up_to_date(db, clock_now_ms() + DRIVER_WAIT_MS, reterr);
    /* Half-read replies are on the way: the connections are of no use any more. */
    return r < 0 ? sonic_db_lose(db, r, reterr) : 0;
}

int sonic_db_refresh_learnt(struct sonic_db *db, struct error *reterr)
{
    int64_t now_ms = clock_now_ms();
    int r;

    if (now_ms - db->fdb_at_ms < FDB_MS)
        return 0;
    r = sonic_read_fdb(db, now_ms + DRIVER_WAIT_MS, reterr);
    db->fdb_known = r == 0;
    if (r == 0)
        r = sonic_read_partners(db, now_ms + DRIVER_WAIT_MS, reterr);
    db->fdb_at_ms = now_ms;
    return r < 0 ? sonic_db_lose(db, r, reterr) : 0;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static int open_database(const char *path, enum sonic_database database, int64_t until_ms,
                         struct redis **ret_redis, struct error *reterr)
{
    redisReply *reply = NULL;
    char number[8];
    int r = redis_open(path, ret_redis, reterr);

    if (r < 0)
        return r;
    snprintf(number, sizeof(number), "%d", (int)database);
    r = REDIS_ASK(*ret_redis, until_ms, &reply, reterr, "SELECT", number);
    freeReplyObject(reply);
    return r;
}

/* Redis tells of keys only when it is configured to (K, and A or at least g, $ and h); SONiC's is.
 * Where it does not say, it is taken not to. */
static int ask_whether_told(struct sonic_db *db, int64_t until_ms, struct error *reterr)
{
    redisReply *reply = NULL;
    int r =
        REDIS_ASK(db->config, until_ms, &reply, reterr, "CONFIG", "GET", "notify-keyspace-events");
    const char *flags = redis_text(redis_at(reply, 1));

    db->is_told =
        strchr(flags, 'K') &&
        (strchr(flags, 'A') || (strchr(flags, 'g') && strchr(flags, '$') && strchr(flags, 'h')));
    freeReplyObject(reply);
    return r == -EREMOTEIO ? 0 : r;
}

static int subscribe(struct sonic_db *db, int64_t until_ms, struct error *reterr)
{
    int r = 0;

    for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
        REDIS_ADD(db->news, "PSUBSCRIBE", patterns[i]);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(patterns); i++) {
        redisReply *reply = NULL;

        r = redis_hear(db->news, until_ms, &reply, reterr);
        if (r == 0)
            note(db, reply); /* a message may be among them, and then one answer is still to come */
        freeReplyObject(reply);
    }
    return r;
}

static int open_all(struct sonic_db *db, const char *path, struct error *reterr)
{
    int64_t until_ms = clock_now_ms() + DRIVER_WAIT_MS;
    int r = open_database(path, SONIC_CONFIG, until_ms, &db->config, reterr);

    if (r == 0)
        r = open_database(path, SONIC_STATE, until_ms, &db->state, reterr);
    if (r == 0)
        r = open_database(path, SONIC_APPL, until_ms, &db->appl, reterr);
    if (r == 0)
        r = open_database(path, SONIC_CONFIG, until_ms, &db->news, reterr);
    if (r == 0)
        r = ask_whether_told(db, until_ms, reterr);
    return r == 0 ? subscribe(db, until_ms, reterr) : r;
}

int sonic_db_open(const char *path, struct sonic_db **ret_db, struct error *reterr)
{
    struct sonic_db *db = calloc(1, sizeof(*db));
    int r;

    if (!db)
        return error_set(reterr, -ENOMEM, "out of memory");
    db->is_stale = true;
    db->fdb_at_ms = INT64_MIN / 2;
    r = open_all(db, path, reterr);
    if (r < 0) {
        sonic_db_free(db);
        return r == -ENAMETOOLONG ? r : -ENOTCONN;
    }
    *ret_db = db;
    return 0;
}

struct sonic_db *sonic_db_free(struct sonic_db *db)
{
    if (!db)
        return NULL;
    redis_free(db->config);
    redis_free(db->state);
    redis_free(db->appl);
    redis_free(db->news);
    sonic_view_done(&db->view);
    free(db);
    return NULL;
}

#include "source/appl_db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/redis_scan.h"
#include "base/text.h"

#define SETTLE_MS 300       /* from the last change to reading: a row is written field by field */
#define SETTLE_MOST_MS 3000 /* for rows that do not come to rest */
#define REVIEW_MS 10000     /* between readings that nobody asked for */
#define RETRY_FIRST_MS 1000
#define RETRY_MOST_MS 30000
#define ENTRY "LLDP_ENTRY_TABLE:"
#define PORT "PORT|"

/* IEEE 802.1AB-2016 8.5.2.2 and 8.5.3.2: what an id is. */
#define CHASSIS_IS_MAC "4"
#define PORT_IS_MAC "3"

/* A port by its two names. */
struct known_port {
    char *name, *alias;
};

struct appl_db {
    struct loop *loop;
    struct sonic_line line;
    told_emit_fn *emit;
    appl_db_contact_fn *contact;
    void *data;
    struct redis *appl, *config, *news;
    struct loop_watch *watch, *retry, *reread;
    struct backoff backoff;
    struct told_rows adverts, neighbors;         /* as told */
    struct told_rows new_adverts, new_neighbors; /* being read */
    struct known_port *ports;                    /* as of the last reading; for naming alias */
    size_t n_ports;
    char system[APPL_TEXT_MAX], chassis[APPL_TEXT_MAX]; /* what the switch calls itself */
    int64_t settling_ms; /* the first change since the last reading; 0: none */
    bool told, lost;
};

/* ---- Rows ------------------------------------------------------------------------------------ */

static const char *field(const redisReply *row, const char *name, char text[APPL_TEXT_MAX])
{
    const char *value = redis_field(row, name);

    text_copy(text, APPL_TEXT_MAX, value ? value : "");
    return text;
}

static struct mac mac_if(const redisReply *row, const char *subtype, const char *wanted,
                         const char *text)
{
    const char *value = redis_field(row, subtype);
    struct mac mac = { { 0 } };

    if (value && strcmp(value, wanted) == 0 && mac_parse(text, &mac) < 0)
        mac = (struct mac){ { 0 } };
    return mac;
}

static void forget_ports(struct appl_db *db)
{
    for (size_t i = 0; i < db->n_ports; i++) {
        free(db->ports[i].name);
        free(db->ports[i].alias);
    }
    free(db->ports);
    db->ports = NULL;
    db->n_ports = 0;
}

/* Without memory the port keeps its name. */
static void know_port(struct appl_db *db, const char *name, const char *alias)
{
    struct known_port *ports =
        db->n_ports < TOLD_ROWS_MAX ? realloc(db->ports, (db->n_ports + 1) * sizeof(*ports)) : NULL;
    struct known_port port = { strdup(name), strdup(alias) };

    if (ports)
        db->ports = ports;
    if (ports && port.name && port.alias) {
        ports[db->n_ports++] = port;
        return;
    }
    free(port.name);
    free(port.alias);
}

/* What vsn calls the port. */
static const char *id_of(const struct appl_db *db, const char *name)
{
    for (size_t i = 0; db->line.by_alias && i < db->n_ports; i++)
        if (strcmp(db->ports[i].name, name) == 0 && *db->ports[i].alias)
            return db->ports[i].alias;
    return name;
}

/* lldpmgrd gives a port its alias as id, and the description of its row. */
static int take_port(void *data, const char *key, const redisReply *row,
                     struct error *reterr UNUSED)
{
    struct appl_db *db = data;
    char alias[APPL_TEXT_MAX], description[APPL_TEXT_MAX];
    const char *name = key + strlen(PORT);

    if (!redis_at(row, 0))
        return 0;
    field(row, "alias", alias);
    field(row, "description", description);
    know_port(db, name, alias);
    told_add(&db->new_adverts, TABLE_ADVERT,
             &(struct advert){
                 .id = id_of(db, name),
                 .system = db->system,
                 .chassis = db->chassis,
                 .port = *alias ? alias : name,
                 .description = *description ? description : name,
             });
    return 0;
}

static int take_entry(void *data, const char *key, const redisReply *row,
                      struct error *reterr UNUSED)
{
    struct appl_db *db = data;
    char system[APPL_TEXT_MAX], chassis[APPL_TEXT_MAX], port[APPL_TEXT_MAX];
    char description[APPL_TEXT_MAX], id[2 * APPL_TEXT_MAX + 16];
    struct neighbor neighbor = {
        .owner = id_of(db, key + strlen(ENTRY)),
        .id = id,
        .protocol = DISCOVERY_LLDP,
        .system = field(row, "lldp_rem_sys_name", system),
        .chassis = field(row, "lldp_rem_chassis_id", chassis),
        .port = field(row, "lldp_rem_port_id", port),
        .description = field(row, "lldp_rem_port_desc", description),
        .chassis_mac = mac_if(row, "lldp_rem_chassis_id_subtype", CHASSIS_IS_MAC, chassis),
        .port_mac = mac_if(row, "lldp_rem_port_id_subtype", PORT_IS_MAC, port),
    };

    if (!*chassis || !*port) /* gone, or half written */
        return 0;
    snprintf(id, sizeof(id), "lldp/%s/%s", chassis, port);
    told_add(&db->new_neighbors, TABLE_NEIGHBOR, &neighbor);
    return 0;
}

/* ---- A reading ------------------------------------------------------------------------------- */

static int read_chassis(struct appl_db *db, int64_t until_ms, struct error *reterr)
{
    redisReply *row = NULL;
    int r = REDIS_ASK(db->appl, until_ms, &row, reterr, "HGETALL", "LLDP_LOC_CHASSIS");

    field(row, "lldp_loc_sys_name", db->system);
    field(row, "lldp_loc_chassis_id", db->chassis);
    freeReplyObject(row);
    return r;
}

/* SCAN has no order, and the lists are compared row by row. */
static int compare_neighbors(const void *left, const void *right)
{
    const struct neighbor *const *a = left, *const *b = right;

    return strverscmp((*a)->owner, (*b)->owner);
}

static int compare_adverts(const void *left, const void *right)
{
    const struct advert *const *a = left, *const *b = right;

    return strverscmp((*a)->id, (*b)->id);
}

static void sort(struct told_rows *rows, int (*compare)(const void *, const void *))
{
    if (rows->count)
        qsort(rows->row, rows->count, sizeof(*rows->row), compare);
}

static int read_all(struct appl_db *db, struct error *reterr)
{
    int64_t until_ms = clock_now_ms() + APPL_WAIT_MS;
    const struct redis_walk ports = {
        db->config, PORT "*", until_ms, redis_ask_hash, take_port, db
    };
    const struct redis_walk entries = {
        db->appl, ENTRY "*", until_ms, redis_ask_hash, take_entry, db,
    };
    int r = read_chassis(db, until_ms, reterr);

    forget_ports(db);
    if (r == 0)
        r = redis_walk(&ports, reterr);
    if (r == 0)
        r = redis_walk(&entries, reterr);
    sort(&db->new_adverts, compare_adverts);
    sort(&db->new_neighbors, compare_neighbors);
    return r;
}

/* ---- Contact --------------------------------------------------------------------------------- */

static void disconnect(struct appl_db *db, const char *reason)
{
    uint64_t random = 0;

    db->watch = loop_watch_free(db->watch);
    db->appl = redis_free(db->appl);
    db->config = redis_free(db->config);
    db->news = redis_free(db->news);
    told_done(&db->new_adverts);
    told_done(&db->new_neighbors);
    loop_timer_stop(db->reread);
    db->told = false;
    if (!db->lost) {
        db->emit(RECORD_UNKNOWN, TABLE_NEIGHBOR, NULL, db->data);
        db->emit(RECORD_UNKNOWN, TABLE_ADVERT, NULL, db->data);
        db->contact(reason, db->data);
    }
    db->lost = true;
    (void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
    loop_timer_start(db->retry, backoff_next(&db->backoff, random));
}

static void on_reread(void *data)
{
    struct appl_db *db = data;
    struct error error = { "" };

    db->settling_ms = 0;
    if (read_all(db, &error) < 0) {
        disconnect(db, error.text);
        return;
    }
    told_tell(TABLE_ADVERT, &db->new_adverts, &db->adverts, db->told, db->emit, db->data);
    told_tell(TABLE_NEIGHBOR, &db->new_neighbors, &db->neighbors, db->told, db->emit, db->data);
    if (!db->told)
        db->contact(NULL, db->data);
    db->told = true;
    db->lost = false;
    backoff_reset(&db->backoff);
    loop_timer_start(db->reread, REVIEW_MS);
}

/* What changed does not matter: the rows are few. */
static void on_news(int fd UNUSED, int ready UNUSED, void *data)
{
    struct appl_db *db = data;
    struct error error = { "" };
    redisReply *message = NULL;
    int r;

    while ((r = redis_take(db->news, &message, &error)) == 1)
        freeReplyObject(message);
    if (r < 0) {
        disconnect(db, error.text);
        return;
    }
    if (!db->settling_ms)
        db->settling_ms = clock_now_ms();
    if (clock_now_ms() - db->settling_ms < SETTLE_MOST_MS)
        loop_timer_start(db->reread, SETTLE_MS);
}

static int open_database(struct appl_db *db, const char *number, struct redis **ret_redis,
                         struct error *reterr)
{
    redisReply *reply = NULL;
    int r = redis_open(db->line.socket, ret_redis, reterr);

    if (r == 0)
        r = REDIS_ASK(*ret_redis, clock_now_ms() + APPL_WAIT_MS, &reply, reterr, "SELECT", number);
    freeReplyObject(reply);
    return r;
}

/* Listens from before the first reading on; the answers to PSUBSCRIBE come as news. */
static int open_all(struct appl_db *db, struct error *reterr)
{
    int r = open_database(db, "0", &db->appl, reterr);
    redisReply *reply = NULL;

    if (r == 0)
        r = open_database(db, "4", &db->config, reterr);
    if (r == 0)
        r = redis_open(db->line.socket, &db->news, reterr);
    if (r == 0)
        r = REDIS_ASK(db->news, clock_now_ms() + APPL_WAIT_MS, &reply, reterr, "PSUBSCRIBE",
                      "__keyspace@0__:LLDP_*", "__keyspace@4__:PORT|*");
    freeReplyObject(reply);
    if (r < 0)
        return r;
    db->watch = loop_watch_fd(db->loop, redis_fd(db->news), LOOP_READ, on_news, db);
    return db->watch ? 0 : error_set(reterr, -ENOMEM, "out of memory");
}

static void on_retry(void *data)
{
    struct appl_db *db = data;
    struct error error = { "" };

    if (open_all(db, &error) < 0)
        disconnect(db, error.text);
    else
        loop_timer_start(db->reread, 0);
}

/* ---- Life ------------------------------------------------------------------------------------ */

struct appl_db *appl_db_new(struct loop *loop, const struct sonic_line *line, told_emit_fn *emit,
                            appl_db_contact_fn *contact, void *data)
{
    struct appl_db *db = calloc(1, sizeof(*db));

    if (!db)
        return NULL;
    *db = (struct appl_db){
        .loop = loop,
        .line = *line,
        .emit = emit,
        .contact = contact,
        .data = data,
        .backoff = { .first_ms = RETRY_FIRST_MS, .most_ms = RETRY_MOST_MS },
    };
    db->retry = loop_timer_new(loop, on_retry, db);
    db->reread = loop_timer_new(loop, on_reread, db);
    if (!db->retry || !db->reread)
        return appl_db_free(db);
    loop_timer_start(db->retry, 0);
    return db;
}

struct appl_db *appl_db_free(struct appl_db *db)
{
    if (!db)
        return NULL;
    loop_watch_free(db->watch);
    loop_watch_free(db->retry);
    loop_watch_free(db->reread);
    redis_free(db->appl);
    redis_free(db->config);
    redis_free(db->news);
    told_done(&db->adverts);
    told_done(&db->neighbors);
    told_done(&db->new_adverts);
    told_done(&db->new_neighbors);
    forget_ports(db);
    free(db);
    return NULL;
}

#include "source/lldp.h"

#include <errno.h>
#include <lldp-const.h>
#include <lldpctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/text.h"
#include "source/told.h"

#define SETTLE_MS 50     /* from a change to reading: several come together */
#define REVIEW_MS 10000  /* between readings that nobody asked for */
#define PATIENCE_MS 5000 /* for one whole reading */
#define RETRY_FIRST_MS 1000
#define RETRY_MOST_MS 30000
#define READ_CHUNK 65536

/* A connection: the library builds and reads messages, we carry the bytes. */
struct line {
    int fd;
    lldpctl_conn_t *connection;
    struct loop_watch *watch;
};

enum stage { STAGE_IDLE, STAGE_CHASSIS, STAGE_INTERFACES, STAGE_PORTS, STAGE_MARK };

/* A reading in progress. The library's calls answer "would block" until their bytes are here, and
 * are then called again: so this is a place to come back to. */
struct query {
    enum stage stage;
    bool again; /* something changed meanwhile */
    lldpctl_atom_t *chassis, *interfaces, *interface;
    lldpctl_atom_t *port; /* STAGE_MARK: the one whose description is being set */
    char description[LLDP_TEXT_MAX];
    lldpctl_atom_iter_t *iterator;
    struct told_rows adverts, neighbors;
};

struct lldp {
    struct loop *loop;
    const char *path;
    lldp_emit_fn *emit;
    lldp_contact_fn *contact;
    void *data;
    struct line watcher, reader;
    bool watching; /* the watcher's request was taken */
    struct query query;
    struct told_rows adverts, neighbors; /* as told */
    bool told, lost;
    struct marks *marks;
    struct backoff backoff;
    struct loop_watch *retry, *reread, *patience;
};

/* ---- What the atoms say ---------------------------------------------------------------------- */

static const char *text_of(lldpctl_atom_t *atom, lldpctl_key_t key, char text[LLDP_TEXT_MAX])
{
    const char *value = atom ? lldpctl_atom_get_str(atom, key) : NULL;

    text_copy(text, LLDP_TEXT_MAX, value ? value : "");
    return text;
}

static struct mac mac_of(lldpctl_atom_t *atom, lldpctl_key_t subtype, int wanted, const char *text)
{
    struct mac mac = { { 0 } };

    if (atom && lldpctl_atom_get_int(atom, subtype) == wanted && mac_parse(text, &mac) < 0)
        mac = (struct mac){ { 0 } };
    return mac;
}

static enum discovery protocol_of(lldpctl_atom_t *neighbor)
{
    long protocol = lldpctl_atom_get_int(neighbor, lldpctl_k_port_protocol);

    if (protocol == LLDPD_MODE_LLDP)
        return DISCOVERY_LLDP;
    if (protocol == LLDPD_MODE_CDPV1 || protocol == LLDPD_MODE_CDPV2)
        return DISCOVERY_CDP;
    return DISCOVERY_UNKNOWN;
}

static void add_neighbor(struct lldp *lldp, const char *port_name, lldpctl_atom_t *neighbor)
{
    static const char *const words[] = { "other", "lldp", "cdp" };
    char system[LLDP_TEXT_MAX], chassis_id[LLDP_TEXT_MAX], port_id[LLDP_TEXT_MAX];
    char description[LLDP_TEXT_MAX], id[2 * LLDP_TEXT_MAX + 16];
    lldpctl_atom_t *chassis = lldpctl_atom_get(neighbor, lldpctl_k_port_chassis);
    struct neighbor row = {
        .owner = port_name,
        .id = id,
        .protocol = protocol_of(neighbor),
        .system = text_of(chassis, lldpctl_k_chassis_name, system),
        .chassis = text_of(chassis, lldpctl_k_chassis_id, chassis_id),
        .port = text_of(neighbor, lldpctl_k_port_id, port_id),
        .description = text_of(neighbor, lldpctl_k_port_descr, description),
    };

    row.chassis_mac =
        mac_of(chassis, lldpctl_k_chassis_id_subtype, LLDP_CHASSISID_SUBTYPE_LLADDR, chassis_id);
    row.port_mac = mac_of(neighbor, lldpctl_k_port_id_subtype, LLDP_PORTID_SUBTYPE_LLADDR, port_id);
    snprintf(id, sizeof(id), "%s/%s/%s", words[row.protocol], chassis_id, port_id);
    told_add(&lldp->query.neighbors, TABLE_NEIGHBOR, &row);
    if (chassis)
        lldpctl_atom_dec_ref(chassis);
}

static void add_advert(struct lldp *lldp, const char *port_name, lldpctl_atom_t *port)
{
    char system[LLDP_TEXT_MAX], chassis[LLDP_TEXT_MAX], port_id[LLDP_TEXT_MAX];
    char description[LLDP_TEXT_MAX], nonce[NONCE_TEXT], nonce_before[NONCE_TEXT];
    struct advert row = {
        .id = port_name,
        .system = text_of(lldp->query.chassis, lldpctl_k_chassis_name, system),
        .chassis = text_of(lldp->query.chassis, lldpctl_k_chassis_id, chassis),
        .port = text_of(port, lldpctl_k_port_id, port_id),
        .description = text_of(port, lldpctl_k_port_descr, description),
        .nonce = nonce,
        .nonce_before = nonce_before,
    };

    marks_told(lldp->marks, port_name, description, clock_now_ms(), nonce, nonce_before);
    told_add(&lldp->query.adverts, TABLE_ADVERT, &row);
}

static void add_port(struct lldp *lldp, lldpctl_atom_t *port)
{
    char name[LLDP_TEXT_MAX];
    lldpctl_atom_t *neighbors = lldpctl_atom_get(port, lldpctl_k_port_neighbors), *neighbor;

    text_of(port, lldpctl_k_port_name, name);
    add_advert(lldp, name, port);
    if (!neighbors)
        return;
    lldpctl_atom_foreach(neighbors, neighbor) add_neighbor(lldp, name, neighbor);
    lldpctl_atom_dec_ref(neighbors);
}

/* ---- A reading ------------------------------------------------------------------------------- */

static void query_reset(struct query *query)
{
    if (query->port)
        lldpctl_atom_dec_ref(query->port);
    if (query->interface)
        lldpctl_atom_dec_ref(query->interface);
    if (query->interfaces)
        lldpctl_atom_dec_ref(query->interfaces);
    if (query->chassis)
        lldpctl_atom_dec_ref(query->chassis);
    told_done(&query->adverts);
    told_done(&query->neighbors);
    *query = (struct query){ .stage = STAGE_IDLE };
}

static void query_finish(struct lldp *lldp)
{
    struct query *query = &lldp->query;
    bool again = query->again;

    told_tell(TABLE_ADVERT, &query->adverts, &lldp->adverts, lldp->told, lldp->emit, lldp->data);
    told_tell(TABLE_NEIGHBOR, &query->neighbors, &lldp->neighbors, lldp->told, lldp->emit,
              lldp->data);
    if (!lldp->told)
        lldp->contact(NULL, lldp->data);
    lldp->told = true;
    lldp->lost = false;
    backoff_reset(&lldp->backoff);
    query_reset(query);
    loop_timer_stop(lldp->patience);
    loop_timer_start(lldp->reread, again ? SETTLE_MS : REVIEW_MS);
}

static void next_interface(struct query *query)
{
    if (query->interface)
        lldpctl_atom_dec_ref(query->interface);
    query->interface = NULL;
    query->iterator = query->iterator ? lldpctl_atom_iter_next(query->interfaces, query->iterator)
                                      : lldpctl_atom_iter(query->interfaces);
    if (query->iterator)
        query->interface = lldpctl_atom_iter_value(query->interfaces, query->iterator);
}

/* ---- Marking --------------------------------------------------------------------------------- */

/* True when the description of 'port' has to be set first; the reading then goes on in
 * STAGE_MARK. */
static bool needs_mark(struct lldp *lldp, lldpctl_atom_t *port)
{
    char name[LLDP_TEXT_MAX], description[LLDP_TEXT_MAX];

    text_of(port, lldpctl_k_port_name, name);
    text_of(port, lldpctl_k_port_descr, description);
    return marks_wanted(lldp->marks, name, description, clock_now_ms(), lldp->query.description,
                        sizeof(lldp->query.description));
}

/* Sets the description. True when that is over, well or not: an lldpd that does not take it leaves
 * the port without a nonce, and is asked again at the next reading. */
static bool mark_step(struct lldp *lldp)
{
    struct query *query = &lldp->query;
    bool taken = lldpctl_atom_set_str(query->port, lldpctl_k_port_descr, query->description);

    if (!taken && lldpctl_last_error(lldp->reader.connection) == LLDPCTL_ERR_WOULDBLOCK)
        return false;
    lldpctl_atom_dec_ref(query->port);
    query->port = NULL;
    query->again |= taken; /* what is sent is told once it was read back */
    query->stage = STAGE_PORTS;
    next_interface(query);
    return true;
}

/* Does the next part. True when it got on, false when it waits for bytes or failed. */
static bool query_step(struct lldp *lldp)
{
    struct query *query = &lldp->query;
    lldpctl_atom_t *port;

    switch (query->stage) {
    case STAGE_IDLE:
        return false;
    case STAGE_CHASSIS:
        query->chassis = lldpctl_get_local_chassis(lldp->reader.connection);
        if (query->chassis)
            query->stage = STAGE_INTERFACES;
        return query->chassis != NULL;
    case STAGE_INTERFACES:
        query->interfaces = lldpctl_get_interfaces(lldp->reader.connection);
        if (!query->interfaces)
            return false;
        query->stage = STAGE_PORTS;
        next_interface(query);
        return true;
    case STAGE_PORTS:
        if (!query->interface) {
            query_finish(lldp);
            return false;
        }
        port = lldpctl_get_port(query->interface);
        if (!port)
            return false;
        add_port(lldp, port);
        if (needs_mark(lldp, port)) {
            query->port = port;
            query->stage = STAGE_MARK;
            return true;
        }
        lldpctl_atom_dec_ref(port);
        next_interface(query);
        return true;
    case STAGE_MARK:
        return mark_step(lldp);
    }
    return false;
}

static void disconnect(struct lldp *lldp, const char *reason);

static void query_run(struct lldp *lldp)
{
    lldpctl_error_t error;

    while (query_step(lldp))
        ;
    if (lldp->query.stage == STAGE_IDLE)
        return;
    error = lldpctl_last_error(lldp->reader.connection);
    /* An interface that went away while the list was being read is no reason to give up. */
    if (error == LLDPCTL_ERR_NOT_EXIST && lldp->query.stage == STAGE_PORTS) {
        next_interface(&lldp->query);
        query_run(lldp);
    } else if (error != LLDPCTL_ERR_WOULDBLOCK) {
        disconnect(lldp, lldpctl_strerror(error));
    }
}

static void on_reread(void *data)
{
    struct lldp *lldp = data;

    if (lldp->query.stage != STAGE_IDLE) {
        lldp->query.again = true;
        return;
    }
    lldp->query.stage = STAGE_CHASSIS;
    loop_timer_start(lldp->patience, PATIENCE_MS);
    query_run(lldp);
}

static void on_change(lldpctl_change_t change UNUSED, lldpctl_atom_t *interface UNUSED,
                      lldpctl_atom_t *neighbor UNUSED, void *data)
{
    struct lldp *lldp = data;

    if (lldp->query.stage != STAGE_IDLE)
        lldp->query.again = true;
    else
        loop_timer_start(lldp->reread, SETTLE_MS);
}

/* ---- The connections ------------------------------------------------------------------------- */

/* Requests are a few hundred bytes: a socket that cannot take them at once is broken. */
static ssize_t send_bytes(lldpctl_conn_t *connection UNUSED, const uint8_t *data, size_t size,
                          void *user)
{
    struct line *line = user;
    ssize_t put = send(line->fd, data, size, MSG_NOSIGNAL);

    return put < 0 ? LLDPCTL_ERR_CALLBACK_FAILURE : put;
}

/* What arrives is handed over by lldpctl_recv(). */
static ssize_t receive_bytes(lldpctl_conn_t *connection UNUSED, const uint8_t *data UNUSED,
                             size_t size UNUSED, void *user UNUSED)
{
    return LLDPCTL_ERR_WOULDBLOCK;
}

static void line_close(struct line *line)
{
    if (line->connection)
        lldpctl_release(line->connection);
    loop_watch_free(line->watch);
    close_fd(&line->fd);
    *line = (struct line){ .fd = -1 };
}

static int line_open(struct lldp *lldp, struct line *line, loop_io_fn *fn)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (text_copy(address.sun_path, sizeof(address.sun_path), lldp->path) < 0)
        return -ENAMETOOLONG;
    line->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (line->fd < 0 || connect(line->fd, (struct sockaddr *)(void *)&address, sizeof(address)) < 0)
        return -errno;
    line->connection = lldpctl_new_name(lldp->path, send_bytes, receive_bytes, line);
    line->watch = loop_watch_fd(lldp->loop, line->fd, LOOP_READ, fn, lldp);
    return line->connection && line->watch ? 0 : -ENOMEM;
}

/* Hands what has arrived to the library. False when the connection ended or is out of step. */
static bool line_read(struct line *line)
{
    uint8_t chunk[READ_CHUNK];
    ssize_t got = recv(line->fd, chunk, sizeof(chunk), 0);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    return got > 0 && lldpctl_recv(line->connection, chunk, (size_t)got) >= 0;
}

static void disconnect(struct lldp *lldp, const char *reason)
{
    uint64_t random = 0;

    query_reset(&lldp->query);
    line_close(&lldp->watcher);
    line_close(&lldp->reader);
    lldp->watching = false;
    lldp->told = false;
    loop_timer_stop(lldp->reread);
    loop_timer_stop(lldp->patience);
    if (!lldp->lost) {
        lldp->emit(RECORD_UNKNOWN, TABLE_NEIGHBOR, NULL, lldp->data);
        lldp->emit(RECORD_UNKNOWN, TABLE_ADVERT, NULL, lldp->data);
        lldp->contact(reason, lldp->data);
    }
    lldp->lost = true;
    (void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
    loop_timer_start(lldp->retry, backoff_next(&lldp->backoff, random));
}

/* The request to be told of changes is repeated until the library has lldpd's answer to it; only
 * then is anything read. */
static void watcher_run(struct lldp *lldp)
{
    int r;

    if (lldp->watching)
        return;
    r = lldpctl_watch_callback2(lldp->watcher.connection, on_change, lldp);
    if (r == 0) {
        lldp->watching = true;
        loop_timer_start(lldp->reread, 0);
    } else if (lldpctl_last_error(lldp->watcher.connection) != LLDPCTL_ERR_WOULDBLOCK) {
        disconnect(lldp, lldpctl_last_strerror(lldp->watcher.connection));
    }
}

static void on_watcher(int fd UNUSED, int ready UNUSED, void *data)
{
    struct lldp *lldp = data;

    if (!line_read(&lldp->watcher)) {
        disconnect(lldp, "lldpd closed the connection");
        return;
    }
    while (lldp->watching && lldpctl_process_conn_buffer(lldp->watcher.connection) == 0)
        ;
    watcher_run(lldp);
}

static void on_reader(int fd UNUSED, int ready UNUSED, void *data)
{
    struct lldp *lldp = data;

    if (line_read(&lldp->reader))
        query_run(lldp);
    else
        disconnect(lldp, "lldpd closed the connection");
}

static void on_patience(void *data)
{
    disconnect(data, "lldpd does not answer");
}

static void on_retry(void *data)
{
    struct lldp *lldp = data;
    int r = line_open(lldp, &lldp->watcher, on_watcher);

    if (r == 0)
        r = line_open(lldp, &lldp->reader, on_reader);
    if (r < 0) {
        disconnect(lldp, strerror(-r));
        return;
    }
    loop_timer_start(lldp->patience, PATIENCE_MS);
    watcher_run(lldp);
}

/* ---- Life ------------------------------------------------------------------------------------ */

/* The library writes its complaints to standard error of its own accord; each is a result as well.
 */
static void be_quiet(int severity UNUSED, const char *message UNUSED)
{
}

struct lldp *lldp_new(struct loop *loop, const char *path, lldp_emit_fn *emit,
                      lldp_contact_fn *contact, void *data)
{
    struct lldp *lldp = calloc(1, sizeof(*lldp));

    if (!lldp)
        return NULL;
    *lldp = (struct lldp){
        .loop = loop,
        .path = path,
        .emit = emit,
        .contact = contact,
        .data = data,
        .watcher.fd = -1,
        .reader.fd = -1,
        .backoff = { .first_ms = RETRY_FIRST_MS, .most_ms = RETRY_MOST_MS },
    };
    lldpctl_log_callback(be_quiet);
    lldp->marks = marks_new();
    lldp->retry = loop_timer_new(loop, on_retry, lldp);
    lldp->reread = loop_timer_new(loop, on_reread, lldp);
    lldp->patience = loop_timer_new(loop, on_patience, lldp);
    if (!lldp->marks || !lldp->retry || !lldp->reread || !lldp->patience)
        return lldp_free(lldp);
    loop_timer_start(lldp->retry, 0);
    return lldp;
}

struct lldp *lldp_free(struct lldp *lldp)
{
    if (!lldp)
        return NULL;
    query_reset(&lldp->query);
    line_close(&lldp->watcher);
    line_close(&lldp->reader);
    loop_watch_free(lldp->retry);
    loop_watch_free(lldp->reread);
    loop_watch_free(lldp->patience);
    told_done(&lldp->adverts);
    told_done(&lldp->neighbors);
    marks_free(lldp->marks);
    free(lldp);
    return NULL;
}

struct marks *lldp_marks(struct lldp *lldp)
{
    return lldp->marks;
}

void lldp_marks_changed(struct lldp *lldp)
{
    if (lldp->query.stage != STAGE_IDLE)
        lldp->query.again = true;
    else if (lldp->watching)
        loop_timer_start(lldp->reread, 0);
}

#include "switch/sonic.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "model/names.h"
#include "model/sonic_line.h"
#include "switch/sonic_db.h"
#include "switch/sonic_judge.h"
#include "switch/sonic_read.h"
#include "switch/sonic_write.h"

#define MEMBERS_MAX 4096 /* bytes of the names of a port-channel's members */
#define POLL_MS 2000     /* between two readings, where Redis does not tell of keys */

struct sonic {
    struct driver driver;
    struct loop *loop;
    struct sonic_line line;
    struct sonic_db *db;
    struct loop_watch *watch, *poll;
    driver_changed_fn *changed;
    void *changed_data;
};

static struct sonic *sonic_of(struct driver *driver)
{
    return (struct sonic *)(void *)driver;
}

/* ---- Ports ----------------------------------------------------------------------------------- */

static const char *id_of(const struct sonic *sonic, const struct sonic_port *port)
{
    return sonic->line.by_alias && *port->alias ? port->alias : port->name;
}

static const struct sonic_port *find(const struct sonic *sonic, const char *id)
{
    for (size_t i = 0; i < sonic->db->view.n_ports; i++)
        if (strcmp(id_of(sonic, &sonic->db->view.ports[i]), id) == 0)
            return &sonic->db->view.ports[i];
    return NULL;
}

/* What a port's row borrows. */
struct port_texts {
    char refusal[SONIC_REFUSAL_MAX];
    struct strbuf members;
};

/* The names of a port-channel's members. */
static const char *members_of(const struct sonic *sonic, const struct sonic_port *channel,
                              struct strbuf *names)
{
    strbuf_reset(names);
    for (size_t i = 0; channel->is_channel && i < sonic->db->view.n_ports; i++) {
        const struct sonic_port *port = &sonic->db->view.ports[i];

        if (strcmp(port->channel, channel->name) == 0)
            names_add(names, id_of(sonic, port));
    }
    return strbuf_text(names);
}

static struct port row_of(const struct sonic *sonic, const struct sonic_port *port,
                          struct port_texts *texts)
{
    return (struct port){
        .id = id_of(sonic, port),
        .enabled = port->is_up,
        .link = port->link,
        .refusal = sonic_judge_port(port, texts->refusal),
        .native = vlanset_next(&port->untagged, 1),
        .tagged = port->tagged,
        .pending = vlanset_minus(&port->tagged, &port->ready),
        .learnt = port->learnt,
        .learnt_known = sonic->db->fdb_known,
        .members = members_of(sonic, port, &texts->members),
        .partner = port->is_channel ? sonic_view_partner(&sonic->db->view, port->name)
                                    : (struct mac){ { 0 } },
    };
}

static void tell_news(struct sonic *sonic, int r)
{
    if ((r < 0 || sonic->db->has_news) && sonic->changed)
        sonic->changed(sonic->changed_data);
}

/* What came in beside the answers that were waited for makes the descriptor readable no more. */
static void take_news(struct sonic *sonic)
{
    struct error error = { "" };

    tell_news(sonic, sonic_db_take_news(sonic->db, &error));
}

/* The module is about to go by what was read: so nothing that was written since is missed, at the
 * price of asking Redis. */
static void sonic_catch_up(struct driver *driver)
{
    struct sonic *sonic = sonic_of(driver);
    struct error error = { "" };

    tell_news(sonic, sonic_db_hear_news(sonic->db, &error));
}

static int sonic_read(struct driver *driver, struct port_list *ret_ports, struct error *reterr)
{
    struct sonic *sonic = sonic_of(driver);
    int r = sonic_db_refresh(sonic->db, reterr);
    struct port_texts texts;

    strbuf_init(&texts.members, MEMBERS_MAX);
    if (r == 0)
        r = sonic_db_refresh_learnt(sonic->db, reterr);
    for (size_t i = 0; r == 0 && i < sonic->db->view.n_ports; i++) {
        struct port row = row_of(sonic, &sonic->db->view.ports[i], &texts);

        if (port_list_add(ret_ports, &row) < 0)
            r = error_set(reterr, -ENOMEM, "out of memory");
    }
    strbuf_done(&texts.members);
    sonic->db->has_news = false; /* all of them are in what was read */
    take_news(sonic);
    return r < 0 ? error_prefix(reterr, r, "%s", sonic->line.socket) : 0;
}

static int sonic_heard(struct driver *driver, const char *id, struct stations *stations)
{
    const struct sonic *sonic = sonic_of(driver);
    const struct sonic_port *port = find(sonic, id);

    if (!port || !sonic->db->fdb_known)
        return -ENODATA;
    stations_copy(stations, &port->stations);
    return 0;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* An item for the port called 'id'; one that is not there is passed over, and said here. */
static void prepare_item(const struct sonic *sonic, struct sonic_item *item, const char *id,
                         const struct vlanset *add, const struct vlanset *remove)
{
    const struct sonic_port *port = find(sonic, id);

    sonic_item_init(item, port ? port->name : "", add, remove);
}

/* What became of it. */
static int result_of(const struct sonic_item *item, const char *id, struct error *reterr)
{
    if (!*item->port)
        return error_set(reterr, -ENODEV, "the switch has no port %s", id);
    if (item->result < 0)
        return error_set(reterr, item->result, "%s", strbuf_text(&item->problem));
    return 0;
}

static int sonic_test(struct driver *driver, const char *id, const struct vlanset *add,
                      const struct vlanset *remove, struct error *reterr)
{
    struct sonic *sonic = sonic_of(driver);
    struct sonic_item item;
    int r = sonic_db_refresh(sonic->db, reterr);

    if (r < 0)
        return r;
    prepare_item(sonic, &item, id, add, remove);
    sonic_judge(sonic->db, &item);
    r = result_of(&item, id, reterr);
    sonic_item_done(&item);
    take_news(sonic);
    return r;
}

static struct port *read_back(const struct sonic *sonic, const char *id)
{
    const struct sonic_port *port = sonic->db->is_lost ? NULL : find(sonic, id);
    struct port_texts texts;
    struct port row, *copy;

    if (!port)
        return NULL;
    strbuf_init(&texts.members, MEMBERS_MAX);
    row = row_of(sonic, port, &texts);
    copy = row_copy(TABLE_PORT, &row);
    strbuf_done(&texts.members);
    return copy;
}

/* What was written is news to nobody, as these ports are read back; what came of other ports, or
 * of their rows by other hands, is. */
static void write_items(struct sonic *sonic, struct sonic_item *items, struct port_change *changes,
                        size_t count)
{
    struct error error = { "" };
    int r = sonic_db_refresh(sonic->db, &error);

    for (size_t i = 0; i < count; i++)
        prepare_item(sonic, &items[i], changes[i].port, &changes[i].add, &changes[i].remove);
    if (r == 0)
        r = sonic_write(sonic->db, items, count, &error);
    for (size_t i = 0; i < count; i++) {
        if (r == 0)
            changes[i].result = result_of(&items[i], changes[i].port, &changes[i].error);
        changes[i].found = vlanset_minus(&items[i].goal, &items[i].written);
        sonic_item_done(&items[i]);
    }
    if (r < 0)
        port_changes_fail(changes, count, r, &error);
    for (size_t i = 0; i < count; i++)
        changes[i].now = read_back(sonic, changes[i].port);
}

static void sonic_apply(struct driver *driver, struct port_change *changes, size_t count)
{
    struct sonic *sonic = sonic_of(driver);
    struct sonic_item *items = calloc(count, sizeof(*items));

    if (items)
        write_items(sonic, items, changes, count);
    else
        port_changes_fail(changes, count, -ENOMEM, &(struct error){ "out of memory" });
    free(items);
    take_news(sonic);
}

static int sonic_enable(struct driver *driver, const char *id, struct error *reterr)
{
    struct sonic *sonic = sonic_of(driver);
    const struct sonic_port *port = sonic->db->is_lost ? NULL : find(sonic, id);
    char name[SONIC_NAME_MAX];
    int r;

    if (!port)
        return error_set(reterr, sonic->db->is_lost ? -ENOTCONN : -ENODEV,
                         "the switch has no port %s", id);
    text_copy(name, sizeof(name), port->name);
    r = sonic_bring_up(sonic->db, name, reterr);
    take_news(sonic);
    return r;
}

/* ---- Watching -------------------------------------------------------------------------------- */

/* A lost connection is told as a change: the reading that follows fails. */
static void on_readable(int fd UNUSED, int ready UNUSED, void *data)
{
    struct sonic *sonic = data;

    take_news(sonic);
    if (sonic->db->is_lost)
        loop_watch_events(sonic->watch, 0);
}

static void on_poll(void *data)
{
    struct sonic *sonic = data;

    sonic->changed(sonic->changed_data);
    loop_timer_start(sonic->poll, POLL_MS);
}

static int sonic_watch(struct driver *driver, driver_changed_fn *changed, void *data,
                       struct error *reterr)
{
    struct sonic *sonic = sonic_of(driver);

    sonic->changed = changed;
    sonic->changed_data = data;
    sonic->watch =
        loop_watch_fd(sonic->loop, redis_fd(sonic->db->news), LOOP_READ, on_readable, sonic);
    sonic->poll = loop_timer_new(sonic->loop, on_poll, sonic);
    if (!sonic->watch || !sonic->poll)
        return error_set(reterr, -ENOMEM, "out of memory");
    if (!sonic->db->is_told)
        loop_timer_start(sonic->poll, POLL_MS);
    return 0;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void sonic_free(struct driver *driver)
{
    struct sonic *sonic = sonic_of(driver);

    if (!sonic)
        return;
    loop_watch_free(sonic->watch);
    loop_watch_free(sonic->poll);
    sonic_db_free(sonic->db);
    free(sonic);
}

static int sonic_new(struct loop *loop, const char *arguments, struct driver **ret_driver,
                     struct error *reterr)
{
    struct sonic *sonic = calloc(1, sizeof(*sonic));
    int r;

    if (!sonic)
        return error_set(reterr, -ENOMEM, "out of memory");
    sonic->driver.ops = &driver_sonic;
    sonic->loop = loop;
    r = sonic_line_read(arguments, &sonic->line, reterr);
    if (r == 0)
        r = sonic_db_open(sonic->line.socket, &sonic->db, reterr);
    if (r < 0)
        sonic_free(&sonic->driver);
    else
        *ret_driver = &sonic->driver;
    return r;
}

const struct driver_ops driver_sonic = {
    .name = "sonic",
    .new = sonic_new,
    .free = sonic_free,
    .read = sonic_read,
    .test = sonic_test,
    .apply = sonic_apply,
    .enable = sonic_enable,
    .watch = sonic_watch,
    .catch_up = sonic_catch_up,
    .heard = sonic_heard,
};

#include "switch/sonic_write.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "switch/driver.h"
#include "switch/sonic_judge.h"
#include "switch/sonic_read.h"
#include "switch/validate.h"

#define ROWS_MAX 10000   /* rows of one transaction: Redis serves nobody else meanwhile */
#define REMOVALS_MAX 512 /* the same for removals; WATCH compares each key with those before it */
#define TRIES 5          /* times that a transaction may be dropped */
#define POLL_MS 50       /* between two looks, where Redis does not tell of keys */
#define LET_GO_MS 1000   /* for a row that is on its way out */
#define PROBLEM_MAX 2000 /* bytes of an item's sentences */
#define LOADED "CONFIG_DB_INITIALIZED"

void sonic_item_init(struct sonic_item *item, const char *port, const struct vlanset *add,
                     const struct vlanset *remove)
{
    *item = (struct sonic_item){ .add = *add, .remove = *remove };
    text_copy(item->port, sizeof(item->port), port);
    strbuf_init(&item->problem, PROBLEM_MAX);
}

void sonic_item_done(struct sonic_item *item)
{
    strbuf_done(&item->problem);
}

static struct sonic_port *port_of(const struct sonic_db *db, const struct sonic_item *item)
{
    return sonic_view_port(&db->view, item->port);
}

/* ---- Transactions ---------------------------------------------------------------------------- */

/* Takes the answers to 'count' commands that answer OK or QUEUED. */
static int take_answers(struct sonic_db *db, size_t count, int64_t until_ms, struct error *reterr)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++) {
        redisReply *reply = NULL;

        r = redis_hear(db->config, until_ms, &reply, reterr);
        freeReplyObject(reply);
    }
    return r;
}

/* The result of EXEC: -EAGAIN when something watched was touched. */
static int judge_result(const redisReply *reply, struct error *reterr)
{
    const redisReply *result;

    if (reply->type == REDIS_REPLY_NIL)
        return -EAGAIN;
    for (size_t i = 0; (result = redis_at(reply, i)); i++)
        if (result->type == REDIS_REPLY_ERROR)
            return error_set(reterr, -EREMOTEIO, "Redis: %.200s", result->str);
    return 0;
}

/* Ends the transaction of 'count' commands that were added after MULTI. */
static int commit(struct sonic_db *db, size_t count, struct error *reterr)
{
    int64_t until_ms = clock_now_ms() + DRIVER_WAIT_MS;
    redisReply *reply = NULL;
    int r;

    REDIS_ADD(db->config, "EXEC");
    r = take_answers(db, count + 1, until_ms, reterr);
    if (r == 0)
        r = redis_hear(db->config, until_ms, &reply, reterr);
    if (r == 0)
        r = judge_result(reply, reterr);
    freeReplyObject(reply);
    return r == 0 || r == -EAGAIN ? r : sonic_db_lose(db, r, reterr);
}

static int unwatch(struct sonic_db *db, struct error *reterr)
{
    int r;

    REDIS_ADD(db->config, "UNWATCH");
    r = take_answers(db, 1, clock_now_ms() + DRIVER_WAIT_MS, reterr);
    return r < 0 ? sonic_db_lose(db, r, reterr) : 0;
}

/* ---- Confirmations --------------------------------------------------------------------------- */

/* What of the item is not yet as it should be. */
static struct vlanset late_of(const struct sonic_db *db, const struct sonic_item *item, bool adding)
{
    const struct sonic_port *port = port_of(db, item);

    if (!port)
        return vlanset_empty;
    return adding ? vlanset_minus(&item->goal, &port->ready)
                  : vlanset_both(&item->leaving, &port->ready);
}

static bool all_confirmed(const struct sonic_db *db, const struct sonic_item *items, size_t n_items,
                          bool adding)
{
    for (size_t i = 0; i < n_items; i++) {
        struct vlanset late = late_of(db, &items[i], adding);

        if (!vlanset_is_empty(&late))
            return false;
    }
    return true;
}

/* Looks at each row that is waited for: asks for all of them, or takes the answers. */
static int look(struct sonic_db *db, const struct sonic_item *item, bool adding, bool taking,
                struct error *reterr)
{
    struct vlanset late = late_of(db, item, adding);
    struct sonic_port *port = port_of(db, item);
    int r = 0;

    for (uint32_t vlan = vlanset_next(&late, 1); r == 0 && vlan;
         vlan = vlanset_next(&late, vlan + 1)) {
        redisReply *reply = NULL;
        char key[SONIC_KEY_MAX];

        if (!taking) {
            REDIS_ADD(db->state, "EXISTS",
                      sonic_member_key(key, "VLAN_MEMBER_TABLE|", vlan, item->port));
            continue;
        }
        r = redis_hear(db->state, clock_now_ms() + DRIVER_WAIT_MS, &reply, reterr);
        if (r == 0 && reply->integer)
            vlanset_add(&port->ready, vlan);
        else if (r == 0)
            vlanset_remove(&port->ready, vlan);
        freeReplyObject(reply);
    }
    return r;
}

static int look_at_all(struct sonic_db *db, const struct sonic_item *items, size_t n_items,
                       bool adding, struct error *reterr)
{
    int r = 0;

    for (int taking = 0; taking < 2; taking++)
        for (size_t i = 0; r == 0 && i < n_items; i++)
            r = look(db, &items[i], adding, taking, reterr);
    return r < 0 ? sonic_db_lose(db, r, reterr) : 0;
}

/* Waits until vlanmgrd has carried out what is expected, or time is up; the last look is at the
 * rows themselves. */
static int confirm(struct sonic_db *db, const struct sonic_item *items, size_t n_items, bool adding,
                   struct error *reterr)
{
    int64_t until_ms = clock_now_ms() + DRIVER_WAIT_MS;

    while (!all_confirmed(db, items, n_items, adding)) {
        int64_t now_ms = clock_now_ms();
        int64_t next_ms = db->is_told || until_ms < now_ms + POLL_MS ? until_ms : now_ms + POLL_MS;
        int r = sonic_db_await_news(db, next_ms, reterr);

        if (r == 0)
            r = look_at_all(db, items, n_items, adding, reterr);
        if (r < 0)
            return r;
        if (clock_now_ms() >= until_ms)
            break;
    }
    return 0;
}

static void say_late(const struct sonic_db *db, struct sonic_item *item, bool adding)
{
    struct vlanset late = late_of(db, item, adding);
    char text[128];

    if (vlanset_is_empty(&late))
        return;
    vlanset_text(&late, text, sizeof(text));
    item->result = -ETIMEDOUT;
    if (adding)
        problem_add(&item->problem,
                    "VLAN %s is configured, but vlanmgrd has not confirmed it within %d ms%s", text,
                    DRIVER_WAIT_MS, vlanset_is_empty(&item->remove) ? "" : "; nothing was removed");
    else
        problem_add(&item->problem,
                    "VLAN %s is taken out of the configuration, but vlanmgrd has not taken it from "
                    "the port within %d ms",
                    text, DRIVER_WAIT_MS);
}

/* ---- Additions ------------------------------------------------------------------------------- */

static void watch_port(struct sonic_db *db, const char *port, size_t *count)
{
    static const char *const tables[] = { "PORT", "PORTCHANNEL", "INTERFACE",
                                          "PORTCHANNEL_INTERFACE" };

    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        char key[SONIC_KEY_MAX];

        snprintf(key, sizeof(key), "%s|%s", tables[i], port);
        REDIS_ADD(db->config, "WATCH", key);
        ++*count;
    }
}

/* Has Redis drop the transaction to come when what the additions rest on is touched from now on. */
static int watch_basis(struct sonic_db *db, const struct sonic_item *items, size_t n_items,
                       struct error *reterr)
{
    struct vlanset vlans = vlanset_empty;
    size_t count = 1;
    int r;

    REDIS_ADD(db->config, "WATCH", LOADED);
    for (size_t i = 0; i < n_items; i++) {
        vlans = vlanset_union(&vlans, &items[i].add);
        if (!vlanset_is_empty(&items[i].add))
            watch_port(db, items[i].port, &count);
    }
    for (uint32_t vlan = vlanset_next(&vlans, 1); vlan; vlan = vlanset_next(&vlans, vlan + 1)) {
        char key[32];

        snprintf(key, sizeof(key), "VLAN|Vlan%u", vlan);
        REDIS_ADD(db->config, "WATCH", key);
        count++;
    }
    r = take_answers(db, count, clock_now_ms() + DRIVER_WAIT_MS, reterr);
    return r < 0 ? sonic_db_lose(db, r, reterr) : 0;
}

void sonic_judge(const struct sonic_db *db, struct sonic_item *item)
{
    const struct sonic_port *port = port_of(db, item);
    char refusal[SONIC_REFUSAL_MAX];

    strbuf_reset(&item->problem);
    item->result = 0;
    item->goal = item->queued = vlanset_empty;
    item->is_left = !port || *sonic_judge_port(port, refusal);
    if (!*item->port)
        return;
    if (!port) {
        item->result = -ENODEV;
        problem_add(&item->problem, "the switch has no port %s", item->port);
    } else if (item->is_left) {
        item->result = -EPERM;
        problem_add(&item->problem, "%s", refusal);
    } else {
        item->goal = sonic_judge_vlans(&db->view, port, &item->add, &item->problem);
        if (item->problem.size)
            item->result = -EPERM;
    }
}

/* Adds the commands for what is to be added and is not there, up to 'room' of them. */
static size_t queue_additions(struct sonic_db *db, struct sonic_item *item, size_t room)
{
    const struct sonic_port *port = port_of(db, item);
    struct vlanset absent = port ? vlanset_minus(&item->goal, &port->tagged) : vlanset_empty;
    size_t count = 0;

    for (uint32_t vlan = vlanset_next(&absent, 1); vlan && count < room;
         vlan = vlanset_next(&absent, vlan + 1)) {
        char key[SONIC_KEY_MAX];

        if (count == 0 && room == ROWS_MAX)
            REDIS_ADD(db->config, "MULTI");
        REDIS_ADD(db->config, "HSETNX", sonic_member_key(key, "VLAN_MEMBER|", vlan, item->port),
                  "tagging_mode", "tagged");
        vlanset_add(&item->queued, vlan);
        count++;
    }
    return count;
}

/* One transaction. '*ret_more' when there is something left to add, or it was dropped. */
static int add_some(struct sonic_db *db, struct sonic_item *items, size_t n_items, bool *ret_more,
                    struct error *reterr)
{
    size_t count = 0;
    int r = watch_basis(db, items, n_items, reterr);

    if (r == 0)
        r = sonic_db_refresh(db, reterr);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n_items; i++) {
        sonic_judge(db, &items[i]);
        count += queue_additions(db, &items[i], ROWS_MAX - count);
    }
    *ret_more = count == ROWS_MAX;
    r = count ? commit(db, count, reterr) : unwatch(db, reterr);
    for (size_t i = 0; r == 0 && i < n_items; i++)
        items[i].written = vlanset_union(&items[i].written, &items[i].queued);
    return r;
}

static void fail_items(struct sonic_item *items, size_t n_items, int code, const char *text)
{
    for (size_t i = 0; i < n_items; i++) {
        items[i].result = code;
        items[i].is_left = true;
        items[i].goal = vlanset_empty;
        problem_add(&items[i].problem, "%s", text);
    }
}

/* Whether a row that is to be added was there a moment ago: it has left CONFIG_DB, and vlanmgrd has
 * not come to it yet. */
static bool is_on_its_way_out(const struct sonic_db *db, const struct sonic_item *item)
{
    const struct sonic_port *port = port_of(db, item);
    struct vlanset left;

    if (!port)
        return false;
    left = vlanset_both(&item->add, &port->ready);
    left = vlanset_minus(&left, &port->tagged);
    left = vlanset_minus(&left, &port->untagged);
    return !vlanset_is_empty(&left);
}

/* Gives vlanmgrd a moment to take such rows from the port: until then, what it has confirmed says
 * nothing about those that are written now. When it takes longer, they are written all the same. */
static int let_go(struct sonic_db *db, const struct sonic_item *items, size_t n_items,
                  struct error *reterr)
{
    int64_t until_ms = clock_now_ms() + LET_GO_MS;
    int r = 0;

    for (size_t i = 0; i < n_items && r >= 0; i++)
        while (r >= 0 && clock_now_ms() < until_ms && is_on_its_way_out(db, &items[i])) {
            r = sonic_db_await_news(db, db->is_told ? until_ms : clock_now_ms() + POLL_MS, reterr);
            if (r >= 0 && !db->is_told)
                r = sonic_db_refresh(db, reterr);
        }
    return r < 0 ? r : 0;
}

static int add_all(struct sonic_db *db, struct sonic_item *items, size_t n_items,
                   struct error *reterr)
{
    bool more = true;
    unsigned dropped = 0;
    int left = let_go(db, items, n_items, reterr);

    if (left < 0)
        return left;

    while (more) {
        int r = add_some(db, items, n_items, &more, reterr);

        if (r == -EAGAIN && ++dropped == TRIES) {
            fail_items(items, n_items, -EPERM,
                       "ports or VLANs are being changed by another hand; nothing was written");
            return 0;
        }
        more |= r == -EAGAIN;
        if (r < 0 && r != -EAGAIN)
            return r;
    }
    return confirm(db, items, n_items, /* adding = */ true, reterr);
}

/* ---- Removals -------------------------------------------------------------------------------- */

/* Ports that were found bad are left as they are, and so are those whose additions are not there
 * yet. */
static bool may_remove(const struct sonic_item *item)
{
    return !item->is_left && item->result != -ETIMEDOUT;
}

/* What of the item is still to be removed. */
static struct vlanset removable(const struct sonic_db *db, const struct sonic_item *item)
{
    const struct sonic_port *port = port_of(db, item);

    return port && may_remove(item) ? vlanset_both(&item->remove, &port->tagged) : vlanset_empty;
}

/* Adds 'verb' with each row that is to be removed, up to 'room'. */
static size_t queue_removals(struct sonic_db *db, struct sonic_item *item, const char *verb,
                             size_t room)
{
    struct vlanset present = removable(db, item);
    size_t count = 0;

    for (uint32_t vlan = vlanset_next(&present, 1); vlan && count < room;
         vlan = vlanset_next(&present, vlan + 1)) {
        char key[SONIC_KEY_MAX];

        REDIS_ADD(db->config, verb, sonic_member_key(key, "VLAN_MEMBER|", vlan, item->port));
        count++;
    }
    return count;
}

static size_t queue_all_removals(struct sonic_db *db, struct sonic_item *items, size_t n_items,
                                 const char *verb)
{
    size_t count = 0;

    for (size_t i = 0; i < n_items; i++)
        count += queue_removals(db, &items[i], verb, REMOVALS_MAX - count);
    return count;
}

/* What was to be removed and has no row any more is expected to go. */
static void expect_removals(const struct sonic_db *db, struct sonic_item *items, size_t n_items)
{
    for (size_t i = 0; i < n_items; i++) {
        const struct sonic_port *port = port_of(db, &items[i]);
        struct vlanset rows;

        items[i].leaving = vlanset_empty;
        if (!port || !may_remove(&items[i]))
            continue;
        rows = vlanset_union(&port->tagged, &port->untagged);
        items[i].leaving = vlanset_minus(&items[i].remove, &rows);
    }
}

/* One transaction, of the same rows that are watched: others may have come meanwhile. */
static int remove_some(struct sonic_db *db, struct sonic_item *items, size_t n_items,
                       bool *ret_more, struct error *reterr)
{
    size_t count = queue_all_removals(db, items, n_items, "WATCH");
    int r;

    *ret_more = count > 0;
    if (count == 0)
        return 0;
    REDIS_ADD(db->config, "WATCH", LOADED);
    r = take_answers(db, count + 1, clock_now_ms() + DRIVER_WAIT_MS, reterr);
    if (r < 0)
        return sonic_db_lose(db, r, reterr);
    r = sonic_db_refresh(db, reterr);
    if (r < 0)
        return r;
    REDIS_ADD(db->config, "MULTI");
    return commit(db, queue_all_removals(db, items, n_items, "DEL"), reterr);
}

static int remove_all(struct sonic_db *db, struct sonic_item *items, size_t n_items,
                      struct error *reterr)
{
    unsigned dropped = 0;
    bool more = true, any = false;

    while (more) {
        int r = remove_some(db, items, n_items, &more, reterr);

        if (r == -EAGAIN && ++dropped == TRIES) {
            fail_items(items, n_items, -EPERM,
                       "the rows are being changed by another hand; not all were removed");
            return 0;
        }
        if (r < 0 && r != -EAGAIN)
            return r;
        any |= more;
        if (more && (r = sonic_db_refresh(db, reterr)) < 0)
            return r;
    }
    expect_removals(db, items, n_items);
    return any ? confirm(db, items, n_items, /* adding = */ false, reterr) : 0;
}

/* ---- All of it ------------------------------------------------------------------------------- */

/* What happens to these ports is no news while they are being written: they are read back. */
static void mark(const struct sonic_db *db, const struct sonic_item *items, size_t n_items,
                 bool is_written)
{
    for (size_t i = 0; i < n_items; i++) {
        struct sonic_port *port = port_of(db, &items[i]);

        if (port)
            port->is_written = is_written;
    }
}

static int write_all(struct sonic_db *db, struct sonic_item *items, size_t n_items,
                     struct error *reterr)
{
    int r = add_all(db, items, n_items, reterr);

    if (r < 0)
        return r;
    for (size_t i = 0; i < n_items; i++)
        say_late(db, &items[i], /* adding = */ true);
    r = remove_all(db, items, n_items, reterr);
    if (r == 0)
        r = sonic_db_refresh(db, reterr); /* reads back */
    if (r < 0)
        return r;
    for (size_t i = 0; i < n_items; i++)
        if (items[i].result != -ETIMEDOUT)
            say_late(db, &items[i], /* adding = */ false);
    return 0;
}

int sonic_write(struct sonic_db *db, struct sonic_item *items, size_t n_items, struct error *reterr)
{
    int r;

    mark(db, items, n_items, true);
    r = write_all(db, items, n_items, reterr);
    mark(db, items, n_items, false);
    return r;
}

/* ---- Bringing up ----------------------------------------------------------------------------- */

int sonic_bring_up(struct sonic_db *db, const char *name, struct error *reterr)
{
    const struct sonic_port *port = sonic_view_port(&db->view, name);
    char key[SONIC_KEY_MAX];
    int r;

    if (!port)
        return error_set(reterr, -ENODEV, "the switch has no port %s", name);
    snprintf(key, sizeof(key), "%s|%s", port->is_channel ? "PORTCHANNEL" : "PORT", name);
    REDIS_ADD(db->config, "WATCH", key, LOADED);
    r = take_answers(db, 1, clock_now_ms() + DRIVER_WAIT_MS, reterr);
    if (r < 0)
        return sonic_db_lose(db, r, reterr);
    r = sonic_db_refresh(db, reterr);
    if (r < 0)
        return r;
    if (!sonic_view_port(&db->view, name)) {
        r = unwatch(db, reterr);
        return r < 0 ? r : error_set(reterr, -ENODEV, "the switch has no port %s", name);
    }
    REDIS_ADD(db->config, "MULTI");
    REDIS_ADD(db->config, "HSET", key, "admin_status", "up");
    r = commit(db, 1, reterr);
    if (r == -EAGAIN)
        return error_set(reterr, r, "port %s is being changed by another hand", name);
    return r < 0 ? r : sonic_db_refresh(db, reterr);
}

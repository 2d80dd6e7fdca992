#include "switch/module.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "switch/batch.h"
#include "switch/brought_up.h"
#include "switch/claims.h"
#include "switch/hearing.h"
#include "switch/policy.h"

#define REREAD_MS 50   /* least time between two readings that the switch asked for */
#define REVIEW_MS 5000 /* a reading that nobody asked for: MAC tables, lost notices */
#define POLL_MS 1000   /* the same for a driver that cannot watch */
#define FREEZE_POLL_MS 500
#define RETRY_FIRST_MS 250
#define RETRY_MAX_MS 10000
#define CHANGES_MAX 100000

struct module {
    struct loop *loop;
    struct module_setup setup;
    struct claims *claims;
    struct brought_up *brought_up;
    struct policy_set *policy;
    struct driver *driver;   /* NULL while the switch is not reachable */
    struct port_list ports;  /* as told; 'owned' filled in */
    struct hearing *hearing; /* the stations told */
    struct switch_status status;
    struct error reason;
    bool told; /* the status row was told at least once */
    struct loop_watch *retry, *reread, *review, *freeze;
    int64_t retry_ms, read_at_ms;
    bool reread_due;
    struct change **changes;
    size_t n_changes;
};

/* ---- Telling --------------------------------------------------------------------------------- */

static void tell(struct module *module, enum record_op op, enum table table, const void *row)
{
    module->setup.emit(op, table, row, module->setup.data);
}

static void tell_status(struct module *module, enum switch_state state, const char *reason)
{
    struct error copy;
    struct switch_status status = {
        .driver = module->setup.ops->name,
        .state = state,
        .reason = copy.text,
        .frozen = module->setup.freeze_file && access(module->setup.freeze_file, F_OK) == 0,
    };

    error_set(&copy, 0, "%s", reason);
    if (module->told && row_equal(TABLE_SWITCH, &status, &module->status))
        return;
    module->reason = copy;
    status.reason = module->reason.text;
    module->status = status;
    module->told = true;
    tell(module, RECORD_NEW, TABLE_SWITCH, &status);
}

/* Looks at the freeze file, tells when it came or went. */
static bool is_frozen(struct module *module)
{
    struct error reason = module->reason;

    tell_status(module, module->status.state, reason.text);
    return module->status.frozen;
}

static void on_station(enum record_op op, const struct station *station, void *data)
{
    tell(data, op, TABLE_STATION, station);
}

static void on_claim_notice(const char *text, void *data)
{
    struct module *module = data;

    module->setup.notice(text, module->setup.data);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void on_changed(void *data)
{
    struct module *module = data;
    int64_t since = clock_now_ms() - module->read_at_ms;

    if (module->reread_due)
        return;
    module->reread_due = true;
    loop_timer_start(module->reread, since >= REREAD_MS ? 0 : REREAD_MS - since);
}

static void disconnect(struct module *module, const char *reason)
{
    loop_timer_stop(module->reread);
    loop_timer_stop(module->review);
    module->reread_due = false;
    if (module->driver)
        module->setup.ops->free(module->driver);
    module->driver = NULL;
    tell_status(module, SWITCH_UNREACHABLE, reason);
    loop_timer_start(module->retry, module->retry_ms);
    module->retry_ms = module->retry_ms * 2 < RETRY_MAX_MS ? module->retry_ms * 2 : RETRY_MAX_MS;
}

/* swp2 before swp10, whatever order the switch has them in. */
static int compare_ports(const void *left, const void *right)
{
    const struct port *const *a = left, *const *b = right;

    return strverscmp((*a)->id, (*b)->id);
}

/* Drivers do not know who brought a port up. */
static void see(struct module *module, struct port *port)
{
    port->brought_up = brought_up_see(module->brought_up, port->id, port->enabled);
}

static int read_ports(struct module *module, struct port_list *ret_ports)
{
    struct error error = { "" };
    int r;

    loop_timer_stop(module->reread);
    module->reread_due = false; /* what is told from here on may not be in the reading */
    r = module->setup.ops->read(module->driver, ret_ports, &error);
    if (r < 0) {
        port_list_done(ret_ports);
        disconnect(module, error.text);
        return r;
    }
    module->read_at_ms = clock_now_ms();
    if (ret_ports->count)
        qsort(ret_ports->ports, ret_ports->count, sizeof(struct port *), compare_ports);
    for (size_t i = 0; i < ret_ports->count; i++) {
        claims_take(module->claims, ret_ports->ports[i]);
        see(module, ret_ports->ports[i]);
    }
    return 0;
}

/* ---- Ports ----------------------------------------------------------------------------------- */

/* Of ports that are not vsn's nothing is told, nor of uplinks, which may have thousands of
 * stations; and what was told of them is taken back. */
static void tell_stations(struct module *module)
{
    for (size_t i = 0; i < module->ports.count; i++) {
        const char *port = module->ports.ports[i]->id;
        const struct policy *policy = policy_find(module->policy, port);
        struct stations now = { 0 };

        if (!policy || policy->uplink) {
            hearing_drop(module->hearing, port);
            continue;
        }
        now.is_partial = module->setup.ops->heard(module->driver, port, &now) < 0 || now.is_partial;
        hearing_take(module->hearing, port, &now);
    }
}

/* Takes the place of what was told, telling the differences. */
static void take_ports(struct module *module, struct port_list *ports)
{
    for (size_t i = 0; i < ports->count; i++) {
        const struct port *before = port_list_find(&module->ports, ports->ports[i]->id);

        if (!before || !row_equal(TABLE_PORT, before, ports->ports[i]))
            tell(module, RECORD_NEW, TABLE_PORT, ports->ports[i]);
    }
    for (size_t i = 0; i < module->ports.count; i++)
        if (!port_list_find(ports, module->ports.ports[i]->id)) {
            hearing_drop(module->hearing, module->ports.ports[i]->id);
            tell(module, RECORD_GONE, TABLE_PORT, module->ports.ports[i]);
        }
    port_list_done(&module->ports);
    module->ports = *ports;
    tell_stations(module);
}

static void take_all_ports(struct module *module, struct port_list *ports)
{
    tell(module, RECORD_BEGIN, TABLE_PORT, NULL);
    for (size_t i = 0; i < ports->count; i++)
        tell(module, RECORD_NEW, TABLE_PORT, ports->ports[i]);
    tell(module, RECORD_END, TABLE_PORT, NULL);
    port_list_done(&module->ports);
    module->ports = *ports;
    tell_stations(module);
}

static int reread(struct module *module)
{
    struct port_list ports = { 0 };
    int r = read_ports(module, &ports);

    if (r == 0)
        take_ports(module, &ports);
    return r;
}

static void on_reread(void *data)
{
    struct module *module = data;

    module->reread_due = false;
    if (module->driver)
        reread(module);
}

static void on_review(void *data)
{
    struct module *module = data;

    if (module->driver && reread(module) == 0)
        loop_timer_start(module->review, module->setup.ops->watch ? REVIEW_MS : POLL_MS);
}

static void on_freeze_poll(void *data)
{
    struct module *module = data;

    is_frozen(module);
    loop_timer_start(module->freeze, FREEZE_POLL_MS);
}

/* ---- Contact --------------------------------------------------------------------------------- */

/* Watches before it reads, so that nothing falls between. */
static int open_driver(struct module *module, struct error *reterr)
{
    const struct driver_ops *ops = module->setup.ops;
    int r = ops->new (module->loop, module->setup.arguments, &module->driver, reterr);

    if (r < 0)
        module->driver = NULL;
    else if (ops->watch)
        r = ops->watch(module->driver, on_changed, module, reterr);
    return r;
}

static void on_retry(void *data)
{
    struct module *module = data;
    struct port_list ports = { 0 };
    struct error error = { "" };

    if (open_driver(module, &error) < 0) {
        disconnect(module, error.text);
        return;
    }
    if (read_ports(module, &ports) < 0)
        return;
    module->retry_ms = RETRY_FIRST_MS;
    take_all_ports(module, &ports);
    tell_status(module, SWITCH_READY, "");
    loop_timer_start(module->review, module->setup.ops->watch ? REVIEW_MS : POLL_MS);
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* Replaces one port of those told, taking over 'port'. */
static void take_port(struct module *module, struct port *port)
{
    for (size_t i = 0; i < module->ports.count; i++) {
        struct port *before = module->ports.ports[i];

        if (strcmp(before->id, port->id) != 0)
            continue;
        if (!row_equal(TABLE_PORT, before, port))
            tell(module, RECORD_NEW, TABLE_PORT, port);
        module->ports.ports[i] = port;
        free(before);
        return;
    }
    free(port);
}

/* Takes what another hand has removed already out of what is ours, and tells that. */
static void let_go(struct module *module, const struct change *change)
{
    const struct port *port = port_list_find(&module->ports, change->port);
    struct vlanset gone = port ? claims_let_go(module->claims, change) : vlanset_empty;
    struct port *row = vlanset_is_empty(&gone) ? NULL : row_copy(TABLE_PORT, port);

    if (!row)
        return;
    row->owned = vlanset_minus(&row->owned, &gone);
    take_port(module, row);
}

static void add_change(struct module *module, struct batch *batch, const struct change *change,
                       const char *frozen)
{
    let_go(module, change);
    batch_add(batch, change,
              &(struct validate_view){
                  .port = port_list_find(&module->ports, change->port),
                  .policy = policy_find(module->policy, change->port),
                  .owned = claims_owned(module->claims, change->port),
                  .frozen = frozen,
                  .can_enable = module->setup.ops->enable != NULL,
              });
}

/* Tells a port again: whether vsn brought it up has changed, and perhaps whether it is up. */
static void retell(struct module *module, const char *name, bool came_up)
{
    const struct port *port = port_list_find(&module->ports, name);
    struct port *row = port ? row_copy(TABLE_PORT, port) : NULL;

    if (!row)
        return;
    row->enabled |= came_up;
    see(module, row);
    take_port(module, row);
}

/* Brings the port up, once what it is to carry is there. That vsn did it is on the disk before: a
 * port that is down again was then shut by somebody. */
static void enable(struct module *module, struct batch_entry *entry)
{
    const char *port = entry->change->port;
    struct error error;
    int r;

    if (!entry->verdict.enable)
        return;
    if (entry->part && entry->part->result < 0) {
        problem_add(&entry->problem, "it stays down: not all of its VLANs are there");
        return;
    }
    r = brought_up_note(module->brought_up, port, &error);
    if (r < 0) {
        problem_add(&entry->problem, "it stays down: %s", error.text);
        return;
    }
    r = module->setup.ops->enable(module->driver, port, &error);
    entry->enabled = r == 0;
    if (r < 0)
        problem_add(&entry->problem, "%s", error.text);
    if (r < 0 && r != -ETIMEDOUT && r != -ENOTCONN &&
        brought_up_forget(module->brought_up, port, &error) < 0)
        module->setup.notice(error.text, module->setup.data);
}

/* What the driver has read back was read before the port came up. */
static void take_part(struct module *module, struct batch_entry *entry)
{
    struct port *now = entry->part->now;

    batch_judge(entry);
    claims_conclude(module->claims, entry->part);
    entry->part->now = NULL;
    if (!now)
        return;
    now->enabled |= entry->enabled;
    see(module, now);
    take_port(module, now);
}

/* Takes what the driver has read back, and answers. Returns false when only a whole reading can
 * tell how the port is: it is not there any more, or contact was lost. */
static bool conclude(struct module *module, struct batch_entry *entry)
{
    struct port_change *part = entry->part;
    bool was_read = !part || part->now;
    struct outcome outcome;

    if (part)
        take_part(module, entry);
    else if (entry->verdict.enable)
        retell(module, entry->change->port, entry->enabled);
    outcome =
        batch_outcome(entry, was_read ? port_list_find(&module->ports, entry->change->port) : NULL);
    tell(module, RECORD_NEW, TABLE_OUTCOME, &outcome);
    return was_read && !(part && (part->result == -ENOTCONN || part->result == -ETIMEDOUT));
}

/* Returns false when the ports must be read anew. */
static bool carry_out(struct module *module, struct batch *batch)
{
    bool is_known = true;

    claims_intend(module->claims, batch);
    batch_part(batch);
    if (batch->n_parts)
        module->setup.ops->apply(module->driver, batch->parts, batch->n_parts);
    for (size_t i = 0; i < batch->count; i++)
        enable(module, &batch->entries[i]);
    for (size_t i = 0; i < batch->count; i++)
        is_known &= conclude(module, &batch->entries[i]);
    return is_known;
}

static void answer_unreachable(struct module *module, const struct change *change,
                               const char *reason)
{
    struct error problem;
    struct outcome outcome = { .id = change->id, .port = change->port, .problem = problem.text };

    error_set(&problem, 0, "the switch is not reachable: %s", reason);
    tell(module, RECORD_NEW, TABLE_OUTCOME, &outcome);
}

static void carry_out_changes(struct module *module, struct change *const *changes, size_t count)
{
    const char *frozen = is_frozen(module) ? module->setup.freeze_file : NULL;
    struct batch *batch = module->driver ? batch_new(count) : NULL;
    const char *reason = module->driver ? "out of memory" : module->reason.text;

    for (size_t i = 0; i < count; i++) {
        if (batch)
            add_change(module, batch, changes[i], frozen);
        else
            answer_unreachable(module, changes[i], reason);
    }
    if (batch && !carry_out(module, batch))
        reread(module);
    batch_free(batch);
}

/* What is known of the ports is what the switch says now: reads it, unless the driver knows that
 * nothing has happened. */
static void catch_up(struct module *module)
{
    if (module->setup.ops->catch_up)
        module->setup.ops->catch_up(module->driver);
    if (!module->setup.ops->catch_up || module->reread_due)
        reread(module);
}

void module_settled(struct module *module)
{
    size_t done = 0;

    while (done < module->n_changes) {
        size_t size = batch_size(module->changes + done, module->n_changes - done);

        if (module->driver)
            catch_up(module);
        carry_out_changes(module, module->changes + done, size);
        done += size;
    }
    for (size_t i = 0; i < module->n_changes; i++)
        free(module->changes[i]);
    module->n_changes = 0;
}

/* ---- Taking ---------------------------------------------------------------------------------- */

static int take_change(struct module *module, const struct record *record, struct error *reterr)
{
    struct change **changes;

    if (record->op != RECORD_NEW && record->op != RECORD_PUT)
        return 0; /* brackets around changes mean nothing here */
    if (module->n_changes >= CHANGES_MAX)
        return error_set(reterr, -EMSGSIZE, "more than %d changes at once", CHANGES_MAX);
    changes = realloc(module->changes, (module->n_changes + 1) * sizeof(struct change *));
    if (!changes)
        return error_set(reterr, -ENOMEM, "out of memory");
    module->changes = changes;
    changes[module->n_changes] = row_copy(TABLE_CHANGE, &record->row);
    if (!changes[module->n_changes])
        return error_set(reterr, -ENOMEM, "out of memory");
    module->n_changes++;
    return 0;
}

static bool may_stay_noted(const char *port, void *data)
{
    const struct module *module = data;
    const struct policy *policy = policy_find(module->policy, port);

    return policy && policy->may_enable;
}

/* That vsn brought a port up counts as long as it may. */
static void forget_brought_up(struct module *module)
{
    struct error error;

    if (brought_up_keep(module->brought_up, may_stay_noted, module, &error) < 0)
        module->setup.notice(error.text, module->setup.data);
    for (size_t i = 0; i < module->ports.count; i++)
        if (module->ports.ports[i]->brought_up)
            retell(module, module->ports.ports[i]->id, /* came_up = */ false);
}

/* A port that is vsn's from now on has stations to be told. */
static int take_policy(struct module *module, const struct record *record, struct error *reterr)
{
    int r = policy_take(module->policy, record, reterr);

    if (r == 0 && record->op == RECORD_END)
        forget_brought_up(module);
    if (r == 0 && record->op == RECORD_END && module->driver)
        tell_stations(module);
    return r;
}

int module_take(struct module *module, const struct record *record, struct error *reterr)
{
    if (record->table == TABLE_CHANGE)
        return take_change(module, record, reterr);
    if (record->table == TABLE_POLICY)
        return take_policy(module, record, reterr);
    return error_set(reterr, -EINVAL, "a %s row is nothing for the Config Module",
                     table_name(record->table));
}

/* ---- Life ------------------------------------------------------------------------------------ */

static int open_brought_up(struct module *module, struct error *reterr)
{
    CLEANUP(free_text) char *path = NULL;
    char boot[CLOCK_BOOT_SIZE];
    struct error note = { "" };
    int r;

    if (asprintf(&path, "%s.brought-up", module->setup.ledger) < 0)
        return error_set(reterr, -ENOMEM, "out of memory");
    r = brought_up_open(path, clock_boot(boot), &module->brought_up, &note);
    if (r < 0)
        return error_set(reterr, r, "%s", note.text);
    if (*note.text)
        module->setup.notice(note.text, module->setup.data);
    return 0;
}

static int module_prepare(struct module *module, struct error *reterr)
{
    int r = claims_open(module->setup.ledger, on_claim_notice, module, &module->claims, reterr);

    if (r == 0)
        r = open_brought_up(module, reterr);
    if (r < 0)
        return r;
    module->policy = policy_new();
    module->hearing = hearing_new(on_station, module);
    module->retry = loop_timer_new(module->loop, on_retry, module);
    module->reread = loop_timer_new(module->loop, on_reread, module);
    module->review = loop_timer_new(module->loop, on_review, module);
    module->freeze = loop_timer_new(module->loop, on_freeze_poll, module);
    if (!module->policy || !module->hearing || !module->retry || !module->reread ||
        !module->review || !module->freeze)
        return error_set(reterr, -ENOMEM, "out of memory");
    return 0;
}

int module_new(struct loop *loop, const struct module_setup *setup, struct module **ret_module,
               struct error *reterr)
{
    struct module *module = calloc(1, sizeof(*module));
    int r;

    if (!module)
        return error_set(reterr, -ENOMEM, "out of memory");
    module->loop = loop;
    module->setup = *setup;
    module->retry_ms = RETRY_FIRST_MS;
    r = module_prepare(module, reterr);
    if (r < 0) {
        module_free(module);
        return r;
    }
    loop_timer_start(module->retry, 0);
    loop_timer_start(module->freeze, FREEZE_POLL_MS);
    *ret_module = module;
    return 0;
}

struct module *module_free(struct module *module)
{
    if (!module)
        return NULL;
    loop_watch_free(module->retry);
    loop_watch_free(module->reread);
    loop_watch_free(module->review);
    loop_watch_free(module->freeze);
    if (module->driver)
        module->setup.ops->free(module->driver);
    port_list_done(&module->ports);
    hearing_free(module->hearing);
    for (size_t i = 0; i < module->n_changes; i++)
        free(module->changes[i]);
    free(module->changes);
    policy_free(module->policy);
    claims_free(module->claims);
    brought_up_free(module->brought_up);
    free(module);
    return NULL;
}

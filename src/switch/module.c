#include "switch/module.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "switch/hearing.h"
#include "switch/ledger.h"
#include "switch/policy.h"
#include "switch/validate.h"

#define REREAD_MS 50   /* least time between two readings that the switch asked for */
#define REVIEW_MS 5000 /* a reading that nobody asked for: MAC tables, lost notices */
#define POLL_MS 1000   /* the same for a driver that cannot watch */
#define FREEZE_POLL_MS 500
#define RETRY_FIRST_MS 250
#define RETRY_MAX_MS 10000
#define CHANGES_MAX 100000
#define PROBLEM_MAX 4000

struct module {
    struct loop *loop;
    struct module_setup setup;
    struct ledger *ledger;
    struct policy_set *policy;
    struct driver *driver;    /* NULL while the switch is not reachable */
    struct port_list ports;   /* as told; 'owned' filled in */
    struct hearing *hearing;  /* the stations told */
    struct port_list missing; /* per port: 'owned' holds what is ours and was last seen absent */
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

static void notice(struct module *module, const char *text)
{
    module->setup.notice(text, module->setup.data);
}

/* ---- Ownership ------------------------------------------------------------------------------- */

static void ledger_complain(struct module *module, int r, const struct error *error)
{
    if (r < 0)
        notice(module, error->text);
}

/* What of ours was absent at the last reading of the port. */
static struct vlanset *missing_of(struct module *module, const char *port)
{
    struct port *row = port_list_find(&module->missing, port);

    if (!row && port_list_add(&module->missing, &(struct port){ .id = port }) == 0)
        row = port_list_find(&module->missing, port);
    return row ? &row->owned : NULL;
}

/* Compares the ledger with what a reading says, fills in 'owned'.
 *
 * What is ours and absent stays ours (another hand took it away; the plan puts it back), unless we
 * were about to remove it ourselves. But when another hand brings it back, it is that hand's. */
static void claim(struct module *module, struct port *port)
{
    struct vlanset owned = ledger_owned(module->ledger, port->id);
    struct vlanset removing = ledger_removing(module->ledger, port->id);
    struct vlanset gone = vlanset_minus(&removing, &port->tagged);
    struct vlanset *missing = missing_of(module, port->id);
    struct error error;

    if (missing) {
        struct vlanset back = vlanset_both(missing, &port->tagged);

        gone = vlanset_union(&gone, &back);
    }
    gone = vlanset_both(&gone, &owned);
    if (!vlanset_is_empty(&gone))
        ledger_complain(module, ledger_disown(module->ledger, port->id, &gone, &error), &error);
    ledger_complain(module, ledger_settle(module->ledger, port->id, &error), &error);
    port->owned = vlanset_minus(&owned, &gone);
    if (missing)
        *missing = vlanset_minus(&port->owned, &port->tagged);
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

static int read_ports(struct module *module, struct port_list *ret_ports)
{
    struct error error = { "" };
    int r = module->setup.ops->read(module->driver, ret_ports, &error);

    if (r < 0) {
        port_list_done(ret_ports);
        disconnect(module, error.text);
        return r;
    }
    module->read_at_ms = clock_now_ms();
    if (ret_ports->count)
        qsort(ret_ports->ports, ret_ports->count, sizeof(struct port *), compare_ports);
    for (size_t i = 0; i < ret_ports->count; i++)
        claim(module, ret_ports->ports[i]);
    return 0;
}

/* ---- Ports ----------------------------------------------------------------------------------- */

/* Of ports that are not vsn's nothing is told, and what was told of them is taken back. */
static void tell_stations(struct module *module)
{
    for (size_t i = 0; i < module->ports.count; i++) {
        const char *port = module->ports.ports[i]->id;
        struct stations now = { 0 };

        if (!policy_find(module->policy, port)) {
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

static void answer(struct module *module, const struct change *change, const struct port *port,
                   const struct strbuf *problem)
{
    struct outcome outcome = {
        .id = change->id,
        .port = change->port,
        .problem = strbuf_text(problem),
    };

    if (port) {
        outcome.added = vlanset_both(&change->add, &port->tagged);
        outcome.removed = vlanset_minus(&change->remove, &port->tagged);
        vlanset_remove(&outcome.removed, (uint32_t)port->native);
    }
    tell(module, RECORD_NEW, TABLE_OUTCOME, &outcome);
}

/* Says what was written and is not as written, where the driver saw no failure. */
static void compare(const struct verdict *verdict, const struct port *port, struct strbuf *problem)
{
    struct vlanset absent = vlanset_minus(&verdict->add, &port->tagged);
    struct vlanset present = vlanset_both(&verdict->remove, &port->tagged);
    char text[128];

    if (!vlanset_is_empty(&absent))
        problem_add(problem, "the switch took VLAN %s but does not carry it",
                    vlanset_text(&absent, text, sizeof(text)));
    if (!vlanset_is_empty(&present))
        problem_add(problem, "the switch still carries VLAN %s",
                    vlanset_text(&present, text, sizeof(text)));
}

/* Puts the intention into the ledger. A removal that cannot be made durable is taken out. */
static void journal(struct module *module, const char *port, struct verdict *verdict,
                    struct strbuf *problem)
{
    struct vlanset *missing = missing_of(module, port);
    struct error error;

    if (!vlanset_is_empty(&verdict->add))
        ledger_complain(module, ledger_own(module->ledger, port, &verdict->add, &error), &error);
    /* What another hand took away and we put back is ours when it re-appears. */
    if (missing)
        *missing = vlanset_minus(missing, &verdict->add);
    if (!vlanset_is_empty(&verdict->remove) &&
        ledger_remove(module->ledger, port, &verdict->remove, &error) < 0) {
        verdict->remove = vlanset_empty;
        problem_add(problem, "nothing is removed: %s", error.text);
        notice(module, error.text);
    }
}

/* After reading back: what we meant to add and is absent was never ours. */
static void unclaim(struct module *module, const struct port *port, const struct verdict *verdict)
{
    struct vlanset absent = vlanset_minus(&verdict->add, &port->tagged);
    struct error error;

    if (!vlanset_is_empty(&absent))
        ledger_complain(module, ledger_disown(module->ledger, port->id, &absent, &error), &error);
}

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

static void write_change(struct module *module, const struct change *change,
                         struct verdict *verdict, struct strbuf *problem)
{
    struct port *port = NULL;
    struct error error = { "" };
    int r;

    r = module->setup.ops->apply(module->driver, change->port, &verdict->add, &verdict->remove,
                                 &port, &error);
    if (r < 0)
        problem_add(problem, "%s", error.text);
    if (port) {
        if (r == 0)
            compare(verdict, port, problem);
        unclaim(module, port, verdict);
        claim(module, port);
        take_port(module, port);
    }
    answer(module, change, port ? port_list_find(&module->ports, change->port) : NULL, problem);
    /* Lost contact, or a port that is not there any more: only a whole reading tells. */
    if (!port || r == -ENOTCONN || r == -ETIMEDOUT)
        reread(module);
}

/* What is to go, is ours, and was taken away by another hand already: nothing to write, but not
 * ours any more. */
static void let_go(struct module *module, const struct change *change)
{
    const struct port *port = port_list_find(&module->ports, change->port);
    struct vlanset *missing = missing_of(module, change->port), gone;
    struct error error;
    struct port *row;

    if (!port || !missing)
        return;
    gone = vlanset_both(&change->remove, missing);
    gone = vlanset_minus(&gone, &change->add);
    row = vlanset_is_empty(&gone) ? NULL : row_copy(TABLE_PORT, port);
    if (!row)
        return;
    ledger_complain(module, ledger_disown(module->ledger, change->port, &gone, &error), &error);
    *missing = vlanset_minus(missing, &gone);
    row->owned = vlanset_minus(&row->owned, &gone);
    take_port(module, row);
}

static void carry_out(struct module *module, const struct change *change)
{
    const struct port *port = port_list_find(&module->ports, change->port);
    struct validate_view view = {
        .port = port,
        .policy = policy_find(module->policy, change->port),
        .owned = ledger_owned(module->ledger, change->port),
        .frozen = is_frozen(module) ? module->setup.freeze_file : NULL,
    };
    struct verdict verdict;
    struct strbuf problem;

    strbuf_init(&problem, PROBLEM_MAX);
    verdict = validate_change(change, &view, &problem);
    if (!vlanset_is_empty(&verdict.add) || !vlanset_is_empty(&verdict.remove))
        journal(module, change->port, &verdict, &problem);
    if (!vlanset_is_empty(&verdict.add) || !vlanset_is_empty(&verdict.remove))
        write_change(module, change, &verdict, &problem);
    else
        answer(module, change, port, &problem);
    strbuf_done(&problem);
}

static void answer_unreachable(struct module *module, const struct change *change)
{
    struct strbuf problem;

    strbuf_init(&problem, PROBLEM_MAX);
    problem_add(&problem, "the switch is not reachable: %s", module->reason.text);
    answer(module, change, NULL, &problem);
    strbuf_done(&problem);
}

void module_settled(struct module *module)
{
    bool is_fresh = false;

    for (size_t i = 0; i < module->n_changes; i++) {
        struct change *change = module->changes[i];

        if (module->driver && (!is_fresh || clock_now_ms() - module->read_at_ms > REREAD_MS))
            is_fresh = reread(module) == 0;
        if (module->driver) {
            let_go(module, change);
            carry_out(module, change);
        } else {
            answer_unreachable(module, change);
        }
        free(change);
    }
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

/* A port that is vsn's from now on has stations to be told. */
static int take_policy(struct module *module, const struct record *record, struct error *reterr)
{
    int r = policy_take(module->policy, record, reterr);

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

static int module_prepare(struct module *module, struct error *reterr)
{
    struct error note;
    int r = ledger_open(module->setup.ledger, &module->ledger, &note);

    if (r < 0)
        return error_set(reterr, r, "%s", note.text);
    if (*note.text)
        notice(module, note.text);
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
    port_list_done(&module->missing);
    hearing_free(module->hearing);
    for (size_t i = 0; i < module->n_changes; i++)
        free(module->changes[i]);
    free(module->changes);
    policy_free(module->policy);
    ledger_free(module->ledger);
    free(module);
    return NULL;
}

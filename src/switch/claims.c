#include "switch/claims.h"

#include <errno.h>

#include "switch/ledger.h"

struct claims {
    struct ledger *ledger;
    struct port_list missing; /* per port: 'owned' holds what is ours and was last seen absent */
    claims_notice_fn *notice;
    void *data;
};

static void complain(struct claims *claims, int r, const struct error *error)
{
    if (r < 0)
        claims->notice(error->text, claims->data);
}

int claims_open(const char *ledger, claims_notice_fn *notice, void *data,
                struct claims **ret_claims, struct error *reterr)
{
    struct claims *claims = calloc(1, sizeof(*claims));
    struct error note;
    int r;

    if (!claims)
        return error_set(reterr, -ENOMEM, "out of memory");
    *claims = (struct claims){ .notice = notice, .data = data };
    r = ledger_open(ledger, &claims->ledger, &note);
    if (r < 0) {
        claims_free(claims);
        return error_set(reterr, r, "%s", note.text);
    }
    if (*note.text)
        notice(note.text, data);
    *ret_claims = claims;
    return 0;
}

struct claims *claims_free(struct claims *claims)
{
    if (!claims)
        return NULL;
    ledger_free(claims->ledger);
    port_list_done(&claims->missing);
    free(claims);
    return NULL;
}

struct vlanset claims_owned(const struct claims *claims, const char *port)
{
    return ledger_owned(claims->ledger, port);
}

/* What of ours was absent at the last reading of the port. NULL when out of memory. */
static struct vlanset *missing_of(struct claims *claims, const char *port)
{
    struct port *row = port_list_find(&claims->missing, port);

    if (!row && port_list_add(&claims->missing, &(struct port){ .id = port }) == 0)
        row = port_list_find(&claims->missing, port);
    return row ? &row->owned : NULL;
}

static void disown(struct claims *claims, const char *port, const struct vlanset *vlans)
{
    struct error error;

    if (!vlanset_is_empty(vlans))
        complain(claims, ledger_disown(claims->ledger, port, vlans, &error), &error);
}

void claims_take(struct claims *claims, struct port *port)
{
    struct vlanset owned = ledger_owned(claims->ledger, port->id);
    struct vlanset removing = ledger_removing(claims->ledger, port->id);
    struct vlanset gone = vlanset_minus(&removing, &port->tagged);
    struct vlanset *missing = missing_of(claims, port->id);
    struct error error;

    if (missing) {
        struct vlanset back = vlanset_both(missing, &port->tagged);

        gone = vlanset_union(&gone, &back);
    }
    gone = vlanset_both(&gone, &owned);
    disown(claims, port->id, &gone);
    complain(claims, ledger_settle(claims->ledger, port->id, &error), &error);
    port->owned = vlanset_minus(&owned, &gone);
    if (missing)
        *missing = vlanset_minus(&port->owned, &port->tagged);
}

/* What another hand took away and we put back is ours when it re-appears. */
static void expect(struct claims *claims, const struct verdict *verdict, const char *port)
{
    struct vlanset *missing = missing_of(claims, port);

    if (missing)
        *missing = vlanset_minus(missing, &verdict->add);
}

void claims_intend(struct claims *claims, struct batch *batch)
{
    struct ledger_step *steps = calloc(batch->count, sizeof(*steps));
    size_t n_steps = 0;
    struct error error;
    int r;

    for (size_t i = 0; steps && i < batch->count; i++) {
        const struct batch_entry *entry = &batch->entries[i];

        if (verdict_is_empty(&entry->verdict))
            continue;
        expect(claims, &entry->verdict, entry->change->port);
        steps[n_steps++] = (struct ledger_step){ entry->change->port, &entry->verdict.add,
                                                 &entry->verdict.remove };
    }
    r = steps ? ledger_intend(claims->ledger, steps, n_steps, &error)
              : error_set(&error, -ENOMEM, "out of memory");
    complain(claims, r, &error);
    if (r < 0)
        batch_drop_removals(batch, error.text);
    free(steps);
}

void claims_conclude(struct claims *claims, const struct port_change *change)
{
    struct vlanset absent;

    if (!change->now)
        return;
    absent = vlanset_minus(&change->add, &change->now->tagged);
    absent = vlanset_union(&absent, &change->found);
    disown(claims, change->port, &absent);
    claims_take(claims, change->now);
}

struct vlanset claims_let_go(struct claims *claims, const struct change *change)
{
    struct vlanset *missing = missing_of(claims, change->port), gone;

    if (!missing)
        return vlanset_empty;
    gone = vlanset_both(&change->remove, missing);
    gone = vlanset_minus(&gone, &change->add);
    disown(claims, change->port, &gone);
    *missing = vlanset_minus(missing, &gone);
    return gone;
}

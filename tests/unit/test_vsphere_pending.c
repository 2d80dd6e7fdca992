#include "cmocka_unit.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "source/vsphere/pending.h"

/* Two clusters: h1, h2 and h3 in one, h4 in another; vm runs on h1, off is there and does not. */
struct world {
    struct pending *pending;
    struct known_set hosts, machines;
    struct moment moment;
    struct strbuf out;
    uint64_t key;
    int64_t again_ms;
};

static void host(struct world *world, const char *id, const char *name, const char *cluster)
{
    struct known *known = known_need(&world->hosts, id);

    known_set_name(known, name);
    known_set_place(known, cluster);
}

static void machine(struct world *world, const char *id, const char *on, bool running)
{
    struct known *known = known_need(&world->machines, id);

    known_set_place(known, on);
    known->running = running;
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    world->pending = pending_new();
    strbuf_init(&world->out, 1 << 20);
    world->moment = (struct moment){ .now_ms = 1000000,
                                     .wall_ms = 5000,
                                     .complete = true,
                                     .hosts = &world->hosts,
                                     .machines = &world->machines,
                                     .to = &world->out };
    host(world, "h1", "esx1", "c1");
    host(world, "h2", "esx2", "c1");
    host(world, "h3", "esx3.example.net", "c1");
    host(world, "h4", "esx4", "c2");
    machine(world, "vm", "h1", true);
    machine(world, "off", "h1", false);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    pending_free(world->pending);
    known_clear(&world->hosts);
    known_clear(&world->machines);
    strbuf_done(&world->out);
    free(world);
    return 0;
}

/* What was told since the last call. */
static void expect(struct world *world, const char *rows)
{
    assert_string_equal(strbuf_text(&world->out), rows);
    strbuf_reset(&world->out);
}

/* The start of an event; the caller adds what it has besides. */
static struct event event_of(const char *type, uint64_t chain, const char *vm, const char *on)
{
    struct event event = { .chain = chain };

    text_copy(event.type, sizeof(event.type), type);
    text_copy(event.vm, sizeof(event.vm), vm);
    text_copy(event.host, sizeof(event.host), on);
    return event;
}

static void take(struct world *world, struct event event)
{
    event.key = ++world->key;
    pending_event(world->pending, &event, &world->moment);
}

static void begins(struct world *world, const char *type, uint64_t chain, const char *vm,
                   const char *on, const char *dest)
{
    struct event event = event_of(type, chain, vm, on);

    text_copy(event.dest, sizeof(event.dest), dest);
    take(world, event);
}

static void ends(struct world *world, const char *type, uint64_t chain, const char *vm,
                 const char *on)
{
    take(world, event_of(type, chain, vm, on));
}

static void fails(struct world *world, const char *type, uint64_t chain, const char *vm,
                  const char *why)
{
    struct event event = event_of(type, chain, vm, "h1");

    text_copy(event.mishap.text, sizeof(event.mishap.text), why);
    take(world, event);
}

static struct task task_of(const char *about, uint64_t chain, const char *vm, enum task_state state)
{
    struct task task = { .chain = chain, .state = state, .entity_type = "VirtualMachine" };

    snprintf(task.id, sizeof(task.id), "task-%u%s", (unsigned)chain, vm);
    text_copy(task.about, sizeof(task.about), about);
    text_copy(task.entity, sizeof(task.entity), vm);
    return task;
}

static void task(struct world *world, const char *about, uint64_t chain, const char *vm,
                 enum task_state state)
{
    struct task task = task_of(about, chain, vm, state);

    pending_task(world->pending, &task, &world->moment);
}

static void look(struct world *world)
{
    world->again_ms = pending_look(world->pending, &world->moment);
}

#define MIGRATE "VirtualMachine.migrate"
#define HOT "VmBeingHotMigratedEvent"
#define ARMED                                                                                      \
    "new move owner=vm id=7 kind=migrate from=h1 possible=h2,h3 by=VirtualMachine.migrate "        \
    "since_ms=5000\n"
/* It has not begun: where to will be said when it does. */
#define QUEUED                                                                                     \
    "new move owner=vm id=7 kind=migrate from=h1 possible=h2,h3 by=VirtualMachine.migrate "        \
    "since_ms=5000 waiting=yes\n"
#define DESTINED                                                                                   \
    "new move owner=vm id=7 kind=migrate from=h1 to=h2 by=VmBeingHotMigratedEvent since_ms=5000\n"
#define DONE "put move owner=vm id=7 outcome=done\n"
#define GONE "gone move owner=vm id=7\n"

/* ---- The life of a move ---------------------------------------------------------------------- */

static void a_task_arms_and_an_event_says_where_to(void **state)
{
    struct world *world = *state;

    task(world, MIGRATE, 7, "vm", TASK_QUEUED);
    expect(world, QUEUED);
    task(world, MIGRATE, 7, "vm", TASK_RUNNING);
    expect(world, ARMED);
    begins(world, HOT, 7, "vm", "h1", "h2");
    expect(world, DESTINED);
    ends(world, "VmEmigratingEvent", 7, "vm", "h1");
    expect(world, "");
    ends(world, "VmMigratedEvent", 7, "vm", "h2");
    expect(world, DONE);
    task(world, MIGRATE, 7, "vm", TASK_SUCCESS);
    expect(world, "");
}

static void the_event_may_come_before_the_task(void **state)
{
    struct world *world = *state;

    begins(world, HOT, 7, "vm", "h1", "h2");
    expect(world, DESTINED);
    task(world, MIGRATE, 7, "vm", TASK_RUNNING);
    expect(world, "");
    task(world, MIGRATE, 7, "vm", TASK_SUCCESS);
    expect(world, DONE);
    ends(world, "VmMigratedEvent", 7, "vm", "h2");
    expect(world, "");
}

static void what_is_done_stays_until_the_machine_is_there(void **state)
{
    struct world *world = *state;

    begins(world, HOT, 7, "vm", "h1", "h2");
    ends(world, "VmMigratedEvent", 7, "vm", "h2");
    expect(world, DESTINED DONE);
    look(world);
    expect(world, "");
    machine(world, "vm", "h2", true);
    look(world);
    expect(world, GONE);
    look(world);
    expect(world, "");
}

static void or_for_a_minute(void **state)
{
    struct world *world = *state;

    begins(world, HOT, 7, "vm", "h1", "h2");
    ends(world, "VmMigratedEvent", 7, "vm", "h2");
    expect(world, DESTINED DONE);
    world->moment.now_ms += 59999;
    look(world);
    expect(world, "");
    assert_int_equal(world->again_ms, 1);
    world->moment.now_ms += 1;
    look(world);
    expect(world, GONE);
}

static void the_same_told_twice_changes_nothing(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < 2; i++)
        begins(world, HOT, 7, "vm", "h1", "h2");
    expect(world, DESTINED);
    for (int i = 0; i < 2; i++)
        ends(world, "VmMigratedEvent", 7, "vm", "h2");
    expect(world, DONE);
    machine(world, "vm", "h2", true);
    look(world);
    expect(world, GONE);
    begins(world, HOT, 7, "vm", "h1", "h2");
    ends(world, "VmMigratedEvent", 7, "vm", "h2");
    task(world, MIGRATE, 7, "vm", TASK_RUNNING);
    task(world, MIGRATE, 7, "vm", TASK_SUCCESS);
    look(world);
    expect(world, "");
}

static void an_end_without_a_beginning_is_told(void **state)
{
    struct world *world = *state;
    struct event event = event_of("DrsVmMigratedEvent", 7, "vm", "h2");

    text_copy(event.source, sizeof(event.source), "h1");
    take(world, event);
    expect(world, "new move owner=vm id=7 kind=migrate from=h1 to=h2 by=DrsVmMigratedEvent "
                  "since_ms=5000\n" DONE);
    begins(world, HOT, 7, "vm", "h1", "h2"); /* late */
    expect(world, "");
}

static void an_end_that_was_missed_shows_in_the_inventory(void **state)
{
    struct world *world = *state;

    begins(world, HOT, 7, "vm", "h1", "h2");
    machine(world, "vm", "h2", true);
    look(world);
    expect(world, DESTINED DONE GONE);
}

static void while_its_task_runs_a_move_is_not_over(void **state)
{
    struct world *world = *state;

    task(world, MIGRATE, 7, "vm", TASK_RUNNING);
    begins(world, HOT, 7, "vm", "h1", "h2");
    expect(world, ARMED DESTINED);
    world->moment.now_ms += 30 * 3600 * 1000LL;
    machine(world, "vm", "h2", true);
    look(world);
    expect(world, "");
    task(world, MIGRATE, 7, "vm", TASK_SUCCESS);
    look(world);
    expect(world, DONE GONE);
}

static void silence_for_an_hour_ends_a_move_without_a_task(void **state)
{
    struct world *world = *state;

    begins(world, HOT, 7, "vm", "h1", "h2");
    expect(world, DESTINED);
    world->moment.now_ms += 3600 * 1000LL - 1;
    look(world);
    expect(world, "");
    world->moment.now_ms += 1;
    look(world);
    expect(world, GONE);
}

static void a_machine_that_is_no_more(void **state)
{
    struct world *world = *state;

    begins(world, HOT, 7, "vm", "h1", "h2");
    look(world);
    expect(world, DESTINED);
    known_remove(&world->machines, known_find(&world->machines, "vm"));
    look(world); /* its row went with the machine's */
    ends(world, "VmMigratedEvent", 7, "vm", "h2");
    expect(world, "");
}

/* ---- Failure --------------------------------------------------------------------------------- */

static void a_move_that_fails_is_gone_at_once(void **state)
{
    struct world *world = *state;

    begins(world, HOT, 7, "vm", "h1", "h2");
    fails(world, "VmFailedMigrateEvent", 7, "vm", "no room");
    expect(world, DESTINED "put move owner=vm id=7 outcome=failed problem=no%20room\n" GONE);
    task(world, MIGRATE, 7, "vm", TASK_ERROR);
    expect(world, "");
}

static void or_when_its_task_says_so(void **state)
{
    struct world *world = *state;
    struct task end = task_of(MIGRATE, 7, "vm", TASK_ERROR);

    task(world, MIGRATE, 7, "vm", TASK_RUNNING);
    begins(world, HOT, 7, "vm", "h1", "h2");
    strcpy(end.mishap.type, "MigrationFault");
    pending_task(world->pending, &end, &world->moment);
    expect(world,
           ARMED DESTINED "put move owner=vm id=7 outcome=failed problem=MigrationFault\n" GONE);
}

static void cancelled_is_not_failed(void **state)
{
    struct world *world = *state;
    struct task end = task_of(MIGRATE, 7, "vm", TASK_ERROR);

    task(world, MIGRATE, 7, "vm", TASK_RUNNING);
    strcpy(end.mishap.type, "RequestCanceled");
    strcpy(end.mishap.text, "Abgebrochen.");
    pending_task(world->pending, &end, &world->moment);
    expect(world, ARMED "put move owner=vm id=7 outcome=cancelled problem=Abgebrochen.\n" GONE);
}

static void a_failure_that_came_before_the_beginning(void **state)
{
    struct world *world = *state;

    fails(world, "VmFailedMigrateEvent", 7, "vm", "no room");
    begins(world, HOT, 7, "vm", "h1", "h2");
    task(world, MIGRATE, 8, "vm", TASK_ERROR);
    begins(world, HOT, 8, "vm", "h1", "h2");
    expect(world, "new move owner=vm id=8 kind=migrate from=h1 to=h2 by=VmBeingHotMigratedEvent "
                  "since_ms=5000\nput move owner=vm id=8 outcome=failed\n"
                  "gone move owner=vm id=8\n");
}

static void an_error_ends_a_move_only_without_its_task(void **state)
{
    struct world *world = *state;

    task(world, MIGRATE, 7, "vm", TASK_RUNNING);
    begins(world, HOT, 7, "vm", "h1", "h2");
    fails(world, "MigrationHostErrorEvent", 7, "vm", "hm");
    expect(world, ARMED DESTINED);
    begins(world, HOT, 8, "off", "h1", "h2");
    strbuf_reset(&world->out);
    fails(world, "MigrationHostErrorEvent", 8, "off", "hm");
    expect(world, "put move owner=off id=8 outcome=failed problem=hm\ngone move owner=off id=8\n");
    fails(world, "MigrationErrorEvent", 9, "vm", "of nothing");
    expect(world, "");
}

/* ---- Kinds ----------------------------------------------------------------------------------- */

static void kinds_of_moves(void **state)
{
    static const struct {
        const char *type, *vm, *dest, *kind;
    } cases[] = {
        { HOT, "vm", "h2", "migrate" },
        { "VmBeingMigratedEvent", "off", "h2", "cold" },
        { "VmBeingRelocatedEvent", "vm", "h2", "migrate" },
        { "VmBeingRelocatedEvent", "off", "h2", "cold" },
        { "VmBeingRelocatedEvent", "vm", "h1", "storage" },
        { "VmBeingRelocatedEvent", "off", "h1", "storage" },
    };
    struct world *world = *state;
    char rows[512];

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        begins(world, cases[i].type, 10 + i, cases[i].vm, "h1", cases[i].dest);
        snprintf(rows, sizeof(rows),
                 "new move owner=%s id=%u kind=%s from=h1 to=%s by=%s since_ms=5000\n", cases[i].vm,
                 10 + i, cases[i].kind, cases[i].dest, cases[i].type);
        expect(world, rows);
        ends(world, "VmRelocatedEvent", 10 + i, cases[i].vm, cases[i].dest);
        strbuf_reset(&world->out);
    }
    look(world); /* to another store only: it is there already */
    expect(world, "gone move owner=vm id=14\ngone move owner=off id=15\n");
}

static void encrypted_ones_name_their_host(void **state)
{
    struct world *world = *state;
    struct event event =
        event_of("com.vmware.vc.vm.VmHotMigratingWithEncryptionEvent", 7, "vm", "h1");

    text_copy(event.dest_name, sizeof(event.dest_name), "ESX3.example.net");
    take(world, event);
    expect(world, "new move owner=vm id=7 kind=migrate from=h1 to=h3 "
                  "by=com.vmware.vc.vm.VmHotMigratingWithEncryptionEvent since_ms=5000\n");
}

static void a_name_that_is_not_known_yet(void **state)
{
    struct world *world = *state;
    struct event event =
        event_of("com.vmware.vc.vm.VmHotMigratingWithEncryptionEvent", 7, "vm", "h1");

    text_copy(event.dest_name, sizeof(event.dest_name), "esx9");
    world->moment.complete = false; /* so any host may be it */
    take(world, event);
    expect(world, "new move owner=vm id=7 kind=migrate from=h1 "
                  "by=com.vmware.vc.vm.VmHotMigratingWithEncryptionEvent since_ms=5000\n");
    host(world, "h9", "esx9", "c2");
    look(world);
    expect(world, "new move owner=vm id=7 kind=migrate from=h1 to=h9 "
                  "by=com.vmware.vc.vm.VmHotMigratingWithEncryptionEvent since_ms=5000\n");
}

static void a_name_that_two_hosts_have(void **state)
{
    struct world *world = *state;
    struct event event =
        event_of("com.vmware.vc.vm.VmHotMigratingWithEncryptionEvent", 7, "vm", "h1");

    host(world, "h9", "esx2", "c2");
    text_copy(event.dest_name, sizeof(event.dest_name), "esx2");
    take(world, event);
    expect(world, "new move owner=vm id=7 kind=migrate from=h1 possible=h2,h3 "
                  "by=com.vmware.vc.vm.VmHotMigratingWithEncryptionEvent since_ms=5000\n");
}

static void an_esxi_says_only_that_it_leaves(void **state)
{
    struct world *world = *state;

    ends(world, "VmEmigratingEvent", 7, "vm", "h1");
    expect(world, "new move owner=vm id=7 kind=migrate from=h1 possible=h2,h3 "
                  "by=VmEmigratingEvent since_ms=5000\n");
}

static void drs_and_the_user_who_asked(void **state)
{
    struct world *world = *state;
    struct task arming = task_of("drm.executeVMotionLRO", 7, "vm", TASK_QUEUED);

    text_copy(arming.user, sizeof(arming.user), "EXAMPLE\\ops");
    pending_task(world->pending, &arming, &world->moment);
    expect(world, "new move owner=vm id=7 kind=migrate from=h1 possible=h2,h3 "
                  "by=drm.executeVMotionLRO user=EXAMPLE\\ops since_ms=5000 waiting=yes\n");
}

static void a_start_is_told_when_its_host_is_known(void **state)
{
    struct world *world = *state;

    task(world, "VirtualMachine.powerOn", 7, "off", TASK_QUEUED);
    expect(world, "");
    ends(world, "VmStartingEvent", 7, "off", "h3");
    expect(world, "new move owner=off id=7 kind=start to=h3 by=VmStartingEvent since_ms=5000\n");
    ends(world, "DrsVmPoweredOnEvent", 7, "off", "h3");
    expect(world, "put move owner=off id=7 outcome=done\n");
    machine(world, "off", "h3", false); /* placed, but not running yet as far as was told */
    look(world);
    expect(world, "");
    machine(world, "off", "h3", true);
    look(world);
    expect(world, "gone move owner=off id=7\n");
}

static void a_start_that_fails(void **state)
{
    struct world *world = *state;

    ends(world, "VmStartingEvent", 7, "off", "h3");
    strbuf_reset(&world->out);
    fails(world, "VmFailedToPowerOnEvent", 7, "off", "no memory");
    expect(world, "put move owner=off id=7 outcome=failed problem=no%20memory\n"
                  "gone move owner=off id=7\n");
}

static void a_machine_resumes(void **state)
{
    struct world *world = *state;

    ends(world, "VmResumingEvent", 7, "off", "h2");
    expect(world, "new move owner=off id=7 kind=resume to=h2 by=VmResumingEvent since_ms=5000\n");
    ends(world, "VmPoweredOnEvent", 7, "off", "h2");
    expect(world, "put move owner=off id=7 outcome=done\n");
}

static void ha_restarts_are_one_though_told_twice(void **state)
{
    struct world *world = *state;

    ends(world, "VmRestartedOnAlternateHostEvent", 7, "vm", "h2");
    expect(world, "new move owner=vm id=7 kind=restart to=h2 by=VmRestartedOnAlternateHostEvent "
                  "since_ms=5000\n" DONE);
    ends(world, "com.vmware.vc.ha.VmRestartedByHAEvent", 9, "vm", "h2");
    expect(world, "");
}

static void a_copy_needs_what_its_source_needs(void **state)
{
    struct world *world = *state;
    struct event begin = event_of("VmBeingClonedEvent", 7, "vm", "h1");
    struct event end = event_of("VmClonedEvent", 7, "copy", "h4");

    task(world, "VirtualMachine.clone", 7, "vm", TASK_QUEUED);
    expect(world, "");
    text_copy(begin.dest, sizeof(begin.dest), "h4");
    text_copy(begin.name, sizeof(begin.name), "web 2");
    take(world, begin);
    expect(world, "new move owner=vm id=7 kind=clone to=h4 name=web%202 by=VmBeingClonedEvent "
                  "since_ms=5000\n");
    text_copy(end.source_vm, sizeof(end.source_vm), "vm");
    take(world, end);
    expect(world, DONE);
    look(world); /* its source was always there */
    expect(world, "");
    machine(world, "copy", "h4", false);
    look(world);
    expect(world, GONE);
    ends(world, "VmStartingEvent", 7, "copy", "h4"); /* of the same chain, and another machine */
    expect(world, "new move owner=copy id=7 kind=start to=h4 by=VmStartingEvent since_ms=5000\n");
}

static void a_copy_whose_task_ends_first(void **state)
{
    struct world *world = *state;
    struct event end = event_of("VmClonedEvent", 7, "copy", "h2");

    begins(world, "VmBeingClonedEvent", 7, "vm", "h1", "h2");
    strbuf_reset(&world->out);
    task(world, "VirtualMachine.clone", 7, "vm", TASK_SUCCESS);
    expect(world, DONE);
    look(world);
    expect(world, ""); /* which machine is the copy? */
    text_copy(end.source_vm, sizeof(end.source_vm), "vm");
    take(world, end);
    look(world);
    expect(world, "");
    machine(world, "copy", "h2", true);
    look(world);
    expect(world, GONE);
}

static void copies_of_one_source_are_told_apart(void **state)
{
    struct world *world = *state;

    for (uint64_t chain = 7; chain < 9; chain++) {
        task(world, "VirtualMachine.clone", chain, "vm", TASK_RUNNING);
        begins(world, "VmBeingClonedEvent", chain, "vm", "h1", chain == 7 ? "h2" : "h3");
    }
    expect(world, "new move owner=vm id=7 kind=clone to=h2 by=VmBeingClonedEvent since_ms=5000\n"
                  "new move owner=vm id=8 kind=clone to=h3 by=VmBeingClonedEvent since_ms=5000\n");
    fails(world, "VmCloneFailedEvent", 8, "vm", "full");
    expect(world, "put move owner=vm id=8 outcome=failed problem=full\ngone move owner=vm id=8\n");
    begins(world, HOT, 9, "vm", "h1", "h2"); /* and from the machine's own way */
    expect(world, "new move owner=vm id=9 kind=migrate from=h1 to=h2 by=VmBeingHotMigratedEvent "
                  "since_ms=5000\n");
}

static void a_template_is_deployed(void **state)
{
    struct world *world = *state;
    struct event begin = event_of("VmBeingDeployedEvent", 7, "new", "h2");
    struct event end = event_of("VmDeployedEvent", 7, "new", "h2");

    text_copy(begin.source_vm, sizeof(begin.source_vm), "off");
    text_copy(begin.vm_name, sizeof(begin.vm_name), "fresh");
    take(world, begin);
    expect(world, "new move owner=off id=7 kind=deploy to=h2 name=fresh by=VmBeingDeployedEvent "
                  "since_ms=5000\n");
    text_copy(end.source_vm, sizeof(end.source_vm), "off");
    take(world, end);
    expect(world, "put move owner=off id=7 outcome=done\n");
}

static void a_machine_is_created(void **state)
{
    struct world *world = *state;
    struct task failure = task_of("Folder.createVm", 8, "group-v3", TASK_ERROR);

    strcpy(failure.entity_type, "Folder");
    ends(world, "VmBeingCreatedEvent", 7, "", "h2"); /* it has no reference yet: no row */
    expect(world, "");
    ends(world, "VmCreatedEvent", 7, "new", "h2");
    expect(world, ""); /* the inventory tells of it now */
    ends(world, "VmBeingCreatedEvent", 8, "other", "h2");
    expect(world,
           "new move owner=other id=8 kind=create to=h2 by=VmBeingCreatedEvent since_ms=5000\n");
    pending_task(world->pending, &failure, &world->moment);
    expect(world, "put move owner=other id=8 outcome=failed\ngone move owner=other id=8\n");
}

static void a_machine_arrives_from_another_vcenter(void **state)
{
    struct world *world = *state;

    ends(world, "com.vmware.vc.vm.DstVmMigratedEvent", 7, "guest", "h2");
    expect(world, "new move owner=guest id=7 kind=arrive to=h2 "
                  "by=com.vmware.vc.vm.DstVmMigratedEvent since_ms=5000\n"
                  "put move owner=guest id=7 outcome=done\n");
    machine(world, "guest", "h2", true);
    look(world);
    expect(world, "gone move owner=guest id=7\n");
}

/* ---- Maintenance ----------------------------------------------------------------------------- */

#define EMPTY "EnteringMaintenanceModeEvent"
#define EVACUATED                                                                                  \
    "new move owner=vm id=7 kind=migrate from=h1 possible=h2,h3 by=" EMPTY                         \
    " since_ms=5000 waiting=yes\n"

static void a_host_to_be_emptied_arms_its_machines(void **state)
{
    struct world *world = *state;

    ends(world, EMPTY, 7, "", "h1");
    expect(world, EVACUATED);                /* the one that is off stays */
    begins(world, HOT, 8, "vm", "h1", "h2"); /* its own operation: the row stays the same */
    expect(world, DESTINED);
    ends(world, "VmMigratedEvent", 8, "vm", "h2");
    expect(world, DONE);
    ends(world, "EnteredMaintenanceModeEvent", 7, "", "h1");
    expect(world, "");
}

static void or_its_task_does(void **state)
{
    struct world *world = *state;
    struct task empty = task_of("HostSystem.enterMaintenanceMode", 7, "h1", TASK_RUNNING);

    strcpy(empty.entity_type, "HostSystem");
    pending_task(world->pending, &empty, &world->moment);
    expect(world, "new move owner=vm id=7 kind=migrate from=h1 possible=h2,h3 "
                  "by=HostSystem.enterMaintenanceMode since_ms=5000 waiting=yes\n");
    ends(world, EMPTY, 7, "", "h1");
    expect(world, "");
    task(world, "Drm.ExecuteVMotionLRO", 8, "vm", TASK_QUEUED);
    expect(world, "new move owner=vm id=7 kind=migrate from=h1 possible=h2,h3 "
                  "by=Drm.ExecuteVMotionLRO since_ms=5000 waiting=yes\n");
    empty.state = TASK_ERROR;
    strcpy(empty.mishap.type, "RequestCanceled");
    pending_task(world->pending, &empty, &world->moment);
    expect(world, ""); /* that move goes on */
    task(world, "Drm.ExecuteVMotionLRO", 8, "vm", TASK_SUCCESS);
    expect(world, DONE);
}

static void maintenance_that_is_cancelled(void **state)
{
    struct world *world = *state;
    struct task empty = task_of("HostSystem.enterMaintenanceMode", 7, "h1", TASK_ERROR);

    strcpy(empty.entity_type, "HostSystem");
    ends(world, EMPTY, 7, "", "h1");
    expect(world, EVACUATED);
    strcpy(empty.mishap.type, "RequestCanceled");
    pending_task(world->pending, &empty, &world->moment);
    expect(world, "put move owner=vm id=7 outcome=cancelled problem=RequestCanceled\n" GONE);
}

static void what_was_switched_off_meanwhile_ends_without_a_word(void **state)
{
    struct world *world = *state;

    ends(world, EMPTY, 7, "", "h1");
    expect(world, EVACUATED);
    ends(world, "EnteredMaintenanceModeEvent", 7, "", "h1");
    expect(world, GONE);
}

/* ---- Contact --------------------------------------------------------------------------------- */

static void a_move_that_goes_on_is_stated_again(void **state)
{
    struct world *world = *state;

    task(world, MIGRATE, 7, "vm", TASK_RUNNING);
    begins(world, HOT, 7, "vm", "h1", "h2");
    begins(world, HOT, 8, "off", "h1", "h2"); /* of which nothing will be heard */
    strbuf_reset(&world->out);
    pending_reconnect(world->pending);
    task(world, MIGRATE, 7, "vm", TASK_RUNNING);
    pending_restate(world->pending, &world->moment);
    expect(world, DESTINED);
    look(world);
    expect(world, "");
    ends(world, "VmMigratedEvent", 7, "vm", "h2");
    expect(world, DONE);
}

static void what_ended_meanwhile_is_found_by_its_task(void **state)
{
    struct world *world = *state;

    task(world, MIGRATE, 7, "vm", TASK_RUNNING);
    begins(world, HOT, 7, "vm", "h1", "h2");
    strbuf_reset(&world->out);
    pending_reconnect(world->pending);
    task(world, MIGRATE, 7, "vm", TASK_SUCCESS);
    expect(world, DONE);
    pending_restate(world->pending, &world->moment);
    expect(world, "new move owner=vm id=7 kind=migrate outcome=done from=h1 to=h2 "
                  "by=VmBeingHotMigratedEvent since_ms=5000\n");
    machine(world, "vm", "h2", true);
    look(world);
    expect(world, GONE);
}

static void the_destination_of_a_move_that_began_before_we_came(void **state)
{
    struct world *world = *state;
    uint64_t chain = 0;

    task(world, MIGRATE, 7, "vm", TASK_RUNNING);
    task(world, MIGRATE, 8, "off", TASK_QUEUED);
    task(world, "VirtualMachine.reconfigure", 9, "vm", TASK_RUNNING);
    begins(world, "VmBeingMigratedEvent", 8, "off", "h1", "h2");
    assert_true(pending_ask(world->pending, &chain));
    assert_int_equal(chain, 7);
    assert_false(pending_ask(world->pending, &chain)); /* once is enough */
}

static void old_tasks_are_no_moves(void **state)
{
    struct world *world = *state;

    task(world, MIGRATE, 7, "vm", TASK_SUCCESS);
    task(world, MIGRATE, 8, "off", TASK_ERROR);
    look(world);
    pending_restate(world->pending, &world->moment);
    expect(world, "");
}

static void machines_may_be_read_after_the_tasks(void **state)
{
    struct world *world = *state;
    struct task empty = task_of("HostSystem.enterMaintenanceMode", 9, "h1", TASK_RUNNING);

    strcpy(empty.entity_type, "HostSystem");
    known_clear(&world->machines);
    known_clear(&world->hosts);
    world->moment.complete = false;
    task(world, MIGRATE, 7, "vm", TASK_RUNNING);
    expect(world, "new move owner=vm id=7 kind=migrate by=VirtualMachine.migrate since_ms=5000\n");
    pending_task(world->pending, &empty, &world->moment);
    expect(world, "");
    host(world, "h1", "esx1", "c1");
    host(world, "h2", "esx2", "c1");
    machine(world, "vm", "h1", true);
    machine(world, "other", "h1", true);
    world->moment.complete = true;
    look(world);
    strbuf_reset(&world->out);
    pending_restate(world->pending, &world->moment);
    expect(world, "new move owner=other id=9 kind=migrate from=h1 possible=h2 "
                  "by=HostSystem.enterMaintenanceMode since_ms=5000 waiting=yes\n"
                  "new move owner=vm id=7 kind=migrate from=h1 possible=h2 "
                  "by=VirtualMachine.migrate since_ms=5000\n"
                  "new move owner=other id=9 kind=migrate from=h1 possible=h2 "
                  "by=HostSystem.enterMaintenanceMode since_ms=5000 waiting=yes\n");
}

/* ---- Odd words ------------------------------------------------------------------------------- */

static void a_chain_that_is_told_later(void **state)
{
    struct world *world = *state;
    struct task armed = task_of(MIGRATE, 0, "vm", TASK_QUEUED);

    pending_task(world->pending, &armed, &world->moment);
    expect(world, "new move owner=vm id=task-0vm kind=migrate from=h1 possible=h2,h3 "
                  "by=VirtualMachine.migrate since_ms=5000 waiting=yes\n");
    begins(world, HOT, 7, "vm", "h1", "h2");
    expect(world, "new move owner=vm id=task-0vm kind=migrate from=h1 to=h2 "
                  "by=VmBeingHotMigratedEvent since_ms=5000\n");
    armed.chain = 7;
    armed.state = TASK_SUCCESS;
    pending_task(world->pending, &armed, &world->moment);
    expect(world, "put move owner=vm id=task-0vm outcome=done\n");
}

static void an_old_task_without_a_chain(void **state)
{
    struct world *world = *state;

    begins(world, HOT, 7, "vm", "h1", "h2");
    task(world, MIGRATE, 0, "vm", TASK_SUCCESS); /* of an earlier move */
    expect(world, DESTINED);
}

static void an_event_without_a_chain(void **state)
{
    struct world *world = *state;

    world->key = 41;
    begins(world, HOT, 0, "vm", "h1", "h2");
    expect(world, "new move owner=vm id=42 kind=migrate from=h1 to=h2 by=VmBeingHotMigratedEvent "
                  "since_ms=5000\n");
    ends(world, "VmMigratedEvent", 0, "vm", "h2");
    expect(world, "put move owner=vm id=42 outcome=done\n");
}

static void other_tasks_and_events_mean_nothing(void **state)
{
    struct world *world = *state;

    task(world, "VirtualMachine.createSnapshot", 7, "vm", TASK_RUNNING);
    ends(world, "VmReconfiguredEvent", 8, "vm", "h1");
    begins(world, HOT, 9, "vm", "h1", "h2");
    strbuf_reset(&world->out);
    task(world, "VirtualMachine.createSnapshot", 7, "vm", TASK_ERROR);
    task(world, "VirtualMachine.powerOn", 10, "vm", TASK_ERROR);
    expect(world, "");
}

static void a_task_that_is_no_longer_shown(void **state)
{
    struct world *world = *state;
    struct task left = task_of(MIGRATE, 7, "vm", TASK_UNKNOWN);

    task(world, MIGRATE, 7, "vm", TASK_RUNNING);
    expect(world, ARMED);
    left.gone = true;
    pending_task(world->pending, &left, &world->moment);
    look(world);
    expect(world, "");
    pending_reconnect(world->pending);
    pending_restate(world->pending, &world->moment); /* nothing speaks of it: forgotten */
    expect(world, "");
    assert_int_equal(pending_look(world->pending, &world->moment), 0);
}

static void more_moves_than_can_be_held(void **state)
{
    struct world *world = *state;
    char vm[32];

    for (unsigned i = 0; i < PENDING_MAX; i++) {
        snprintf(vm, sizeof(vm), "vm-%u", i);
        begins(world, HOT, 100 + i, vm, "h1", "h2");
        strbuf_reset(&world->out);
    }
    assert_false(pending_overflowed(world->pending));
    begins(world, HOT, 7, "vm", "h1", "h2");
    expect(world, "");
    assert_true(pending_overflowed(world->pending));
    assert_false(pending_overflowed(world->pending));
    fails(world, "VmFailedMigrateEvent", 100, "vm-0", ""); /* makes room */
    strbuf_reset(&world->out);
    begins(world, HOT, 7, "vm", "h1", "h2");
    expect(world, DESTINED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_task_arms_and_an_event_says_where_to),
        TEST(the_event_may_come_before_the_task),
        TEST(what_is_done_stays_until_the_machine_is_there),
        TEST(or_for_a_minute),
        TEST(the_same_told_twice_changes_nothing),
        TEST(an_end_without_a_beginning_is_told),
        TEST(an_end_that_was_missed_shows_in_the_inventory),
        TEST(while_its_task_runs_a_move_is_not_over),
        TEST(silence_for_an_hour_ends_a_move_without_a_task),
        TEST(a_machine_that_is_no_more),
        TEST(a_move_that_fails_is_gone_at_once),
        TEST(or_when_its_task_says_so),
        TEST(cancelled_is_not_failed),
        TEST(a_failure_that_came_before_the_beginning),
        TEST(an_error_ends_a_move_only_without_its_task),
        TEST(kinds_of_moves),
        TEST(encrypted_ones_name_their_host),
        TEST(a_name_that_is_not_known_yet),
        TEST(a_name_that_two_hosts_have),
        TEST(an_esxi_says_only_that_it_leaves),
        TEST(drs_and_the_user_who_asked),
        TEST(a_start_is_told_when_its_host_is_known),
        TEST(a_start_that_fails),
        TEST(a_machine_resumes),
        TEST(ha_restarts_are_one_though_told_twice),
        TEST(a_copy_needs_what_its_source_needs),
        TEST(a_copy_whose_task_ends_first),
        TEST(copies_of_one_source_are_told_apart),
        TEST(a_template_is_deployed),
        TEST(a_machine_is_created),
        TEST(a_machine_arrives_from_another_vcenter),
        TEST(a_host_to_be_emptied_arms_its_machines),
        TEST(or_its_task_does),
        TEST(maintenance_that_is_cancelled),
        TEST(what_was_switched_off_meanwhile_ends_without_a_word),
        TEST(a_move_that_goes_on_is_stated_again),
        TEST(what_ended_meanwhile_is_found_by_its_task),
        TEST(the_destination_of_a_move_that_began_before_we_came),
        TEST(old_tasks_are_no_moves),
        TEST(machines_may_be_read_after_the_tasks),
        TEST(a_chain_that_is_told_later),
        TEST(an_old_task_without_a_chain),
        TEST(an_event_without_a_chain),
        TEST(other_tasks_and_events_mean_nothing),
        TEST(a_task_that_is_no_longer_shown),
        TEST(more_moves_than_can_be_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

"""What happens to machines: start, stop, move, evacuate. Every write in the order that xapi's clients see."""
import threading

from .calls import call
from .networks import attach_networks
from .schema import NULL
from .values import Failure

RUNNING_ALLOWED = ["changing_dynamic_range", "migrate_send", "pool_migrate", "suspend", "hard_reboot", "hard_shutdown",
                   "clean_reboot", "clean_shutdown", "pause", "checkpoint", "snapshot"]
HALTED_ALLOWED = ["changing_dynamic_range", "start", "start_on", "destroy", "export", "copy", "clone", "snapshot"]
SUSPENDED_ALLOWED = ["resume", "resume_on", "hard_shutdown", "export"]
BUSY_ALLOWED = ["hard_reboot", "hard_shutdown"]
HOST_ALLOWED = ["vm_migrate", "provision", "vm_resume", "enable", "evacuate", "vm_start"]


def allowed(pool, state):
    """What a machine in that power state can be asked for, in the words of the release."""
    words = {"Running": RUNNING_ALLOWED, "Suspended": SUSPENDED_ALLOWED, "Paused": BUSY_ALLOWED}.get(state, HALTED_ALLOWED)
    return [word for word in words if word != "migrate_send" or pool.release.migrate_send]


class Operation:
    """
    The same key in the machine's and the destination's current_operations, from the first moment to the last but one:

        with Operation(job, machine, "pool_migrate", destination, "vm_migrate"): ...

    key     the task; or one that names no task, as internal calls have it
    """

    def __init__(self, job, machine, word, host=NULL, host_word=None, forgets=False):
        self._pool, self._job, self._machine, self._word = job.pool, job, machine, word
        self._host, self._host_word, self._forgets = host, host_word, forgets
        self._key = job.pool.operation_key(job)

    def __enter__(self):
        database, release = self._pool.database, self._pool.release
        with database.lock:
            self._require_idle()
            database.change_map("VM", self._machine, "current_operations", self._key, self._word)
            database.write("VM", self._machine, allowed_operations=BUSY_ALLOWED)
        if self._host != NULL:
            self._job.wait(self._pool.times.step)
            if self._host_word:
                database.change_map("host", self._host, "current_operations", self._key, self._host_word)
                database.write("host", self._host, allowed_operations=[w for w in HOST_ALLOWED if w != "evacuate"])
            # Older releases have the field, too, for themselves: the write is an event all the same.
            database.write("VM", self._machine, scheduled_to_be_resident_on=self._host)
        return self

    def _require_idle(self):
        busy = self._pool.database.get("VM", self._machine, "current_operations")
        if busy:
            raise Failure("OTHER_OPERATION_IN_PROGRESS", "VM", self._machine, next(iter(busy.values())))

    def __exit__(self, kind, error, _):
        """The host lets go first, then the machine."""
        if self._job.gone:
            return
        database, machine = self._pool.database, self._machine
        if kind is not None and self._host != NULL:
            database.write("VM", machine, scheduled_to_be_resident_on=NULL)
        if self._host_word and not self._forgets:
            database.change_map("host", self._host, "current_operations", self._key)
            database.write("host", self._host, allowed_operations=HOST_ALLOWED)
        database.change_map("VM", machine, "current_operations", self._key)
        database.write("VM", machine, allowed_operations=allowed(self._pool, database.get("VM", machine, "power_state")))


def plug(pool, machine, plugged):
    for vif in pool.database.get("VM", machine, "VIFs"):
        pool.database.write("VIF", vif, currently_attached=plugged)


def settle(pool, machine, host, entry, last=NULL):
    """The machine is on 'host' from now on: an internal call of its own."""
    def work(job):
        with pool.database.lock:
            entry.switching()
            pool.database.write("VM", machine, resident_on=host)
            pool.database.write("VM", machine, scheduled_to_be_resident_on=last)
    pool.jobs.run("VM.atomic_set_resident_on", work, internal=True)
    entry.switched()


def journal(pool, machine, host, kind):
    """The lab's own note of it."""
    record = pool.database.row("VM", machine).record
    source = pool.member_of(record["resident_on"])
    return pool.journal.enter(machine=record["name_label"], ref=machine, kind=kind, to=pool.member_of(host).name,
                              **{"from": source.name if source else ""})


def require(pool, machine, *states):
    record = pool.database.row("VM", machine).record
    if record["is_a_template"]:
        raise Failure("VM_IS_TEMPLATE", machine)
    if record["power_state"] not in states:
        raise Failure("VM_BAD_POWER_STATE", machine, states[0].lower(), record["power_state"].lower())
    return record


def require_host(pool, host):
    record = pool.database.row("host", host).record
    if not record["enabled"]:
        raise Failure("HOST_DISABLED", host)
    member = pool.member_of(host)
    if member and member.role in ("dead", "booting"):
        raise Failure("HOST_OFFLINE", host)


def possible_hosts(pool, machine):
    """Enabled hosts that are there and have every network of the machine."""
    database = pool.database
    networks = {database.get("VIF", vif, "network") for vif in database.get("VM", machine, "VIFs")}
    found = []
    for host, record in database.all("host"):
        have = {database.get("PIF", pif, "network") for pif in record["PIFs"]}
        outside = {network for network in networks if database.get("network", network, "PIFs")}
        member = pool.member_of(host)
        if record["enabled"] and outside <= have and not (member and member.role in ("dead", "booting")):
            found.append(host)
    return found


def choose_host(pool, machine, but=NULL):
    """The possible host with the fewest machines."""
    hosts = [host for host in possible_hosts(pool, machine) if host != but]
    if not hosts:
        raise Failure("NO_HOSTS_AVAILABLE")
    return min(hosts, key=lambda host: len(pool.database.get("host", host, "resident_VMs")))


# Moves

def move(job, machine, host, word="pool_migrate", host_word="vm_migrate", forgets=False, named=True):
    """A live migration, write by write. 'named' is False when nobody is told the destination."""
    pool, database = job.pool, job.pool.database
    target = host if named else NULL
    with journal(pool, machine, host, word) as entry, \
            Operation(job, machine, word, target, host_word if named else None, forgets):
        attach_networks(pool, machine, host)
        for part in (0.25, 0.5, 0.75):
            job.wait(pool.times.copy / 4)
            job.progress(part)
        job.wait(pool.times.copy / 4)
        pool.maybe_fail("VM_MIGRATE_FAILED", machine, database.get("VM", machine, "resident_on"), host, "made to fail")
        settle(pool, machine, host, entry)
        job.wait(pool.times.step)


@call("VM.pool_migrate", 3, job=True)
def pool_migrate(context, machine, host, _options):
    pool = context.pool
    record = require(pool, machine, "Running")
    require_host(pool, host)
    if record["is_control_domain"]:
        raise Failure("OPERATION_NOT_ALLOWED", "a control domain stays where it is")
    move(context.job, machine, host)


@call("VM.migrate_send", 6, 7, since="tampa", job=True)
def migrate_send(context, machine, destination, _live, _vdis, _vifs, _options, _vgpus=None):
    """To a host of this pool: 'destination' as host.migrate_receive answers it."""
    pool = context.pool
    require(pool, machine, "Running")
    host = destination.get("host") if isinstance(destination, dict) else None
    if host is None:
        raise Failure("VALUE_NOT_SUPPORTED", "dest", "host")
    if not pool.database.has("host", host):
        move_away(context.job, machine)
        return
    require_host(pool, host)
    move(context.job, machine, host, "migrate_send", named=pool.release.migrate_send_names_host,
         forgets=pool.release.migrate_send_forgets_host)


@call("host.migrate_receive", 3, since="tampa")
def migrate_receive(context, host, network, _options):
    member = context.pool.member_of(host)
    context.database.row("network", network)
    address = f"http://{member.address}"
    return {"host": host, "SM": f"{address}/services/SM", "xenops": f"{address}/services/xenops",
            "session_id": context.session.ref, "master": f"{address}/"}


def move_away(job, machine):
    """To another pool: here it is only seen to go."""
    pool = job.pool
    with Operation(job, machine, "migrate_send"):
        job.wait(pool.times.copy)
        pool.maybe_fail("VM_MIGRATE_FAILED", machine, "", "", "made to fail")
    forget_machine(pool, machine)


def receive(pool, name, networks, host, macs=()):
    """From another pool: the record comes, then the destination, then its VLANs, then the machine."""
    def work(job):
        machine = pool.inventory.add_machine({"name": name, "networks": networks, "macs": list(macs), "power": "off"})
        with journal(pool, machine, host, "receive") as entry:
            pool.database.write("VM", machine, scheduled_to_be_resident_on=host)
            attach_networks(pool, machine, host)
            job.wait(pool.times.copy)
            pool.database.write("VM", machine, power_state="Running")
            plug(pool, machine, True)
            settle(pool, machine, host, entry)
    return pool.jobs.start("Async.VM.migrate_receive", work)


# Start and stop

def _begin(context, machine, host, word, state, paused=False):
    pool, job = context.pool, context.job
    require(pool, machine, state)
    host = host or choose_host(pool, machine)
    require_host(pool, host)
    with journal(pool, machine, host, word) as entry, \
            Operation(job, machine, word, host, "vm_resume" if word.startswith("resume") else "vm_start"):
        attach_networks(pool, machine, host)
        job.wait(pool.times.start)
        pool.maybe_fail("BOOTLOADER_FAILED", machine, "made to fail")
        entry.switching()
        pool.database.write("VM", machine, resident_on=host)
        entry.switched()
        plug(pool, machine, True)
        pool.database.write("VM", machine, domid=pool.next_domain(), power_state="Paused" if paused else "Running",
                            scheduled_to_be_resident_on=NULL)


@call("VM.start", 3, job=True)
def start(context, machine, paused, _force):
    _begin(context, machine, None, "start", "Halted", paused)


@call("VM.start_on", 4, job=True)
def start_on(context, machine, host, paused, _force):
    _begin(context, machine, host, "start_on", "Halted", paused)


@call("VM.resume", 3, job=True)
def resume(context, machine, paused, _force):
    _begin(context, machine, None, "resume", "Suspended", paused)


@call("VM.resume_on", 4, job=True)
def resume_on(context, machine, host, paused, _force):
    _begin(context, machine, host, "resume_on", "Suspended", paused)


def _end(context, machine, word, state, seconds, states=("Running",)):
    pool, job = context.pool, context.job
    require(pool, machine, *states)
    with Operation(job, machine, word):
        job.wait(seconds)
        plug(pool, machine, False)
        pool.database.write("VM", machine, domid=-1, power_state=state, resident_on=NULL)


@call("VM.clean_shutdown", 1, job=True)
def clean_shutdown(context, machine):
    _end(context, machine, "clean_shutdown", "Halted", context.pool.times.start)


@call("VM.hard_shutdown", 1, job=True)
def hard_shutdown(context, machine):
    _end(context, machine, "hard_shutdown", "Halted", context.pool.times.step, ("Running", "Paused", "Suspended"))


@call("VM.suspend", 1, job=True)
def suspend(context, machine):
    _end(context, machine, "suspend", "Suspended", context.pool.times.start)


@call("VM.pause", 1, job=True)
def pause(context, machine):
    require(context.pool, machine, "Running")
    with Operation(context.job, machine, "pause"):
        context.database.write("VM", machine, power_state="Paused")


@call("VM.unpause", 1, job=True)
def unpause(context, machine):
    require(context.pool, machine, "Paused")
    with Operation(context.job, machine, "unpause"):
        context.database.write("VM", machine, power_state="Running")


@call("VM.get_possible_hosts", 1)
def get_possible_hosts(context, machine):
    context.database.row("VM", machine)
    return possible_hosts(context.pool, machine)


def forget_machine(pool, machine):
    database = pool.database
    with database.lock:
        for vif in database.get("VM", machine, "VIFs"):
            database.destroy("VIF", vif)
        for field, kind in (("metrics", "VM_metrics"), ("guest_metrics", "VM_guest_metrics")):
            if database.has(kind, database.get("VM", machine, field)):
                database.destroy(kind, database.get("VM", machine, field))
        database.destroy("VM", machine)


@call("VM.destroy", 1, job=True)
def destroy(context, machine):
    require(context.pool, machine, "Halted")
    forget_machine(context.pool, machine)


# Hosts

@call("host.disable", 1, job=True)
def disable(context, host):
    context.database.write("host", host, enabled=False)


@call("host.enable", 1, job=True)
def enable(context, host):
    context.database.write("host", host, enabled=True)


@call("host.evacuate", 1, 3, job=True)
def evacuate(context, host, *_):
    """Every machine its own subtask with its own key."""
    pool, job, database = context.pool, context.job, context.database
    machines = [ref for ref in database.get("host", host, "resident_VMs")
                if not database.get("VM", ref, "is_control_domain")]
    key = pool.operation_key(job)
    database.change_map("host", host, "current_operations", key, "evacuate")
    try:
        for group in [machines] if pool.release.evacuates_at_once else [[each] for each in machines]:
            _move_away_all(job, host, group)
            job.wait(0)
    finally:
        if not job.gone:
            database.change_map("host", host, "current_operations", key)


def _move_away_all(job, host, machines):
    """The first failure is that of them all."""
    pool, ended, failures = job.pool, threading.Semaphore(0), []
    def note(failure):
        failures.append(failure)
        ended.release()
    for machine in machines:
        def work(sub, machine=machine, target=choose_host(pool, machine, but=host)):
            move(sub, machine, target)
        pool.jobs.start("Async.VM.pool_migrate", work, parent=job.task, after=note)
    for count in range(1, len(machines) + 1):
        ended.acquire()
        job.progress(count / len(machines))
    for failure in failures:
        if failure:
            raise failure


@call("task.cancel", 1)
def cancel(context, task):
    context.database.row("task", task)
    job = context.pool.jobs.find(task)
    if job is None:
        raise Failure("OPERATION_NOT_ALLOWED", "the task is not running")
    job.cancel()
    return ""


@call("task.destroy", 1)
def destroy_task(context, task):
    context.database.destroy("task", task)
    return ""


@call("task.create", 2)
def create_task(context, label, description):
    return context.database.create("task", name_label=label, name_description=description, created=context.pool.now(),
                                   status="pending", type="<none/>", backtrace="()", resident_on=context.member.ref)

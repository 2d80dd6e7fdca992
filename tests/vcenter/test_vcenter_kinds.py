"""The ways other than migrations in which a machine comes to a host, told and seen as by a real vCenter."""

import pytest
from pyVmomi import vim, vmodl

from vcenter_client import events_in_order, find, finish

MACHINE = "DC0_C0_RP0_VM0"


class Place:
    """A machine, the host that it is on, and another one."""

    def __init__(self, server, *flags):
        self.server = server("-t-start", "300ms", *flags)
        self.session = self.server.connect()
        self.vm = find(self.session, vim.VirtualMachine, MACHINE)
        self.source = self.vm.runtime.host
        self.target = next(h for h in self.source.parent.host if h._moId != self.source._moId)
        self.network = self.vm.network[0].name

    def last_move(self):
        return self.server.control("/ctl/moves")[-1]

    def announced(self, task):
        """(class, event): the first one that is told of a task."""
        self.server.until(lambda: self.chain(task))
        return self.chain(task)[0]

    def in_advance(self):
        """True when the last move was announced as long before its end as it was to be."""
        move = self.last_move()
        return move["switched"] - move["started"] >= 299

    def chain(self, task):
        """The events of a task, oldest first, without that of the task itself."""
        return [e for e in events_in_order(self.session, task.info.eventChainId) if e[0] != "TaskEvent"]


@pytest.fixture
def place(server):
    return lambda *flags: Place(server, *flags)


def names(events):
    return [name for name, _ in events]


@pytest.mark.parametrize("was, announcement", [("off", "VmStartingEvent"), ("suspended", "VmResumingEvent")])
def test_started_on_another_host(place, was, announcement):
    p = place("-t-start", "2s")
    finish(p.vm.PowerOffVM_Task() if was == "off" else p.vm.SuspendVM_Task())
    task = p.vm.PowerOnVM_Task(host=p.target)
    with pytest.raises(vim.fault.TaskInProgress):
        p.vm.MigrateVM_Task(host=p.target, priority="defaultPriority")
    with pytest.raises(vim.fault.TaskInProgress):
        p.vm.PowerOnVM_Task()
    assert task.info.descriptionId == "VirtualMachine.powerOn" and task.info.eventChainId > 0
    name, event = p.announced(task)
    assert name == announcement and event.host.host._moId == p.target._moId and event.vm.vm._moId == p.vm._moId
    finish(task)
    assert p.in_advance()
    assert p.vm.runtime.host._moId == p.target._moId and p.vm.runtime.powerState == "poweredOn"
    assert names(p.chain(task)) == [announcement, "VmPoweredOnEvent"]
    with pytest.raises(vim.fault.InvalidPowerState):
        p.vm.PowerOnVM_Task(host=p.target)


def test_started_by_drs(place):
    p = place()
    finish(p.vm.PowerOffVM_Task())
    datacenter = find(p.session, vim.Datacenter, "DC0")
    result = finish(datacenter.PowerOnMultiVM_Task([p.vm]))
    task = result.attempted[0].task
    assert task.info.descriptionId == "Drm.ExecuteVmPowerOnLRO" and isinstance(task.info.reason, vim.TaskReasonSystem)
    finish(task)
    (first, starting), (last, on) = p.chain(task)
    assert (first, last) == ("VmStartingEvent", "DrsVmPoweredOnEvent")
    assert starting.host.host._moId == on.host.host._moId == p.vm.runtime.host._moId


@pytest.mark.parametrize("template", [False, True])
def test_copied_to_another_host(place, template):
    p = place()
    source = p.vm
    if template:
        finish(source.PowerOffVM_Task())
        source.MarkAsTemplate()
        assert source.config.template
    location = vim.vm.RelocateSpec(host=p.target, pool=p.source.parent.resourcePool)
    task = source.CloneVM_Task(source.parent, "copy", vim.vm.CloneSpec(location=location, template=False, powerOn=True))
    name, first = p.announced(task)
    if template:
        assert name == "VmBeingDeployedEvent" and first.srcTemplate.vm._moId == source._moId
        assert first.vm.name == "copy" and first.host.host._moId == p.target._moId
    else:
        assert name == "VmBeingClonedEvent" and first.vm.vm._moId == source._moId
        assert first.destName == "copy" and first.destHost.host._moId == p.target._moId
    copy = finish(task)
    assert p.in_advance()
    assert copy.name == "copy" and copy.runtime.host._moId == p.target._moId
    assert copy.runtime.powerState == "poweredOn" and [n._moId for n in copy.network] == [n._moId for n in source.network]
    if template:
        assert first.vm.vm._moId == copy._moId, "the reference was announced"
    last = [e for e in p.chain(task) if e[0] in ("VmClonedEvent", "VmDeployedEvent")]
    assert names(last) == ["VmDeployedEvent" if template else "VmClonedEvent"] and last[0][1].vm.vm._moId == copy._moId
    recent = [t.info.descriptionId for t in p.session.content.taskManager.recentTask]
    assert recent.count("VirtualMachine.clone") == 1 and recent[-1] == "VirtualMachine.clone", "no task of the simulator"


def test_created(place):
    p = place()
    config = vim.vm.ConfigSpec(name="fresh", guestId="otherGuest", files=vim.vm.FileInfo(vmPathName="[LocalDS_0]"))
    task = p.vm.parent.CreateVM_Task(config, p.vm.resourcePool, p.target)
    name, first = p.announced(task)
    assert name == "VmBeingCreatedEvent" and first.host.host._moId == p.target._moId and first.vm.name == "fresh"
    fresh = finish(task)
    assert p.in_advance()
    assert first.vm.vm._moId == fresh._moId and fresh.runtime.host._moId == p.target._moId
    assert names(p.chain(task))[-1] == "VmCreatedEvent"


def test_arrival_from_another_vcenter(place):
    p = place()
    p.server.control("/ctl/migrate?vm=alien&host=%s&kind=arrival&network=%s" % (p.target.name, p.network))
    p.server.until(lambda: p.last_move()["outcome"] == "success")
    vm = find(p.session, vim.VirtualMachine, "alien")
    assert vm.runtime.host._moId == p.target._moId and [n.name for n in vm.network] == [p.network]
    (name, event), = events_in_order(p.session, p.last_move()["chain"])
    assert name == "com.vmware.vc.vm.DstVmMigratedEvent" and event.vm.vm._moId == vm._moId
    assert event.host.host._moId == p.target._moId and "task" not in p.last_move()


def test_storage_only(place):
    p = place()
    p.server.control("/ctl/migrate?vm=%s&kind=storage" % MACHINE)
    p.server.until(lambda: p.last_move()["outcome"] == "success")
    move = p.last_move()
    (_, first), *_, (last, _) = [e for e in events_in_order(p.session, move["chain"]) if e[0] != "TaskEvent"]
    assert first.destHost.host._moId == p.source._moId and last == "VmRelocatedEvent"
    assert move["kind"] == "storage" and move["switched"] == 0, "nothing switches over"


@pytest.mark.parametrize("kind, event", [("power-on", "VmFailedToPowerOnEvent"), ("clone", "VmCloneFailedEvent"),
                                         ("relocate", "VmRelocateFailedEvent")])
def test_failure(place, kind, event):
    p = place()
    if kind == "power-on":
        finish(p.vm.PowerOffVM_Task())
    p.server.control("/ctl/migrate?vm=%s&host=%s&kind=%s&name=copy&fail=1" % (MACHINE, p.target.name, kind))
    task = vim.Task(p.last_move()["task"], p.session._stub)
    with pytest.raises(vim.fault.MigrationFault):
        finish(task)
    assert names(p.chain(task))[-1] == event and p.last_move()["outcome"] == "error"
    assert p.vm.runtime.host._moId == p.source._moId
    with pytest.raises(StopIteration):
        find(p.session, vim.VirtualMachine, "copy")


def test_cancel(place):
    p = place("-t-run", "60s")
    task = p.vm.MigrateVM_Task(host=p.target, priority="defaultPriority")
    p.server.until(lambda: "VmEmigratingEvent" in names(p.chain(task)))
    task.CancelTask()
    with pytest.raises(vmodl.fault.RequestCanceled):
        finish(task)
    assert task.info.cancelled and names(p.chain(task)) == ["VmBeingHotMigratedEvent", "VmEmigratingEvent"]
    assert p.vm.runtime.host._moId == p.source._moId and p.last_move()["outcome"] == "cancelled"
    with pytest.raises(vim.fault.InvalidState):
        task.CancelTask()
    again = p.vm.MigrateVM_Task(host=p.target, priority="defaultPriority")
    p.server.control("/ctl/cancel?vm=" + MACHINE)
    with pytest.raises(vmodl.fault.RequestCanceled):
        finish(again)


@pytest.mark.parametrize("most", [1, 3])
def test_maintenance_mode_empties_a_host(place, most):
    p = place("-vm", "9", "-evacuate", str(most))
    host = p.source
    moving = {vm._moId for vm in host.vm}
    task = host.EnterMaintenanceMode_Task(timeout=0)
    with pytest.raises(vim.fault.InvalidState):
        host.EnterMaintenanceMode_Task(timeout=0)
    assert not host.runtime.inMaintenanceMode
    finish(task)
    assert host.runtime.inMaintenanceMode and host.vm == []
    assert names(p.chain(task)) == ["EnteringMaintenanceModeEvent", "EnteredMaintenanceModeEvent"]
    moves = p.server.control("/ctl/moves")
    assert {m["ref"] for m in moves} == moving and {m["kind"] for m in moves} == {"drs"}
    at_once = max(sum(n["queued"] <= m["queued"] < n["ended"] for n in moves) for m in moves)
    assert at_once == min(most, len(moving))
    parent = vim.Task(moves[0]["task"], p.session._stub).info.parentTaskKey
    assert parent == task.info.key
    with pytest.raises(vim.fault.InvalidState):
        p.vm.MigrateVM_Task(host=host, priority="defaultPriority")
    finish(host.ExitMaintenanceMode_Task(timeout=0))
    finish(p.vm.MigrateVM_Task(host=host, priority="defaultPriority"))


def test_maintenance_mode_that_comes_to_nothing(place):
    p = place("-host", "2")
    p.server.control("/ctl/host?host=%s&state=disconnected" % p.target.name)
    with pytest.raises(vim.fault.Timedout):
        finish(p.source.EnterMaintenanceMode_Task(timeout=1))
    task = p.source.EnterMaintenanceMode_Task(timeout=0)
    task.CancelTask()
    with pytest.raises(vmodl.fault.RequestCanceled):
        finish(task)
    assert not p.source.runtime.inMaintenanceMode and p.vm.runtime.host._moId == p.source._moId


def test_host_failure(place):
    p = place("-vm", "9")
    machines = {vm._moId for vm in p.source.vm}
    off = p.vm
    finish(off.PowerOffVM_Task())
    started = p.server.control("/ctl/fail?host=%s&queue=50&pre=50&run=50" % p.source.name)
    assert p.source.runtime.connectionState == "notResponding"
    p.server.until(lambda: all(m["outcome"] == "success" for m in p.server.control("/ctl/moves")))
    moves = p.server.control("/ctl/moves")
    assert len(started) == len(moves) and {m["ref"] for m in moves} == machines - {off._moId}
    for move in moves:
        vm = vim.VirtualMachine(move["ref"], p.session._stub)
        assert vm.runtime.host.name == move["to"] != p.source.name and vm.runtime.connectionState == "connected"
        told = events_in_order(p.session, move["chain"])
        assert names(told) == ["VmRestartedOnAlternateHostEvent", "com.vmware.vc.ha.VmRestartedByHAEvent"]
        assert told[0][1].sourceHost.host._moId == p.source._moId and told[1][1].host.host._moId == vm.runtime.host._moId

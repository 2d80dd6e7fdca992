"""Machines that move, and the events of it."""

import time

import pytest
from pyVmomi import vim, vmodl

from vcenter_client import Watch, events_of, find, finish

KINDS = {
    "manual": ("VmBeingHotMigratedEvent", "VmMigratedEvent"),
    "drs": ("VmBeingHotMigratedEvent", "DrsVmMigratedEvent"),
    "cold": ("VmBeingMigratedEvent", "VmMigratedEvent"),
    "relocate": ("VmBeingRelocatedEvent", "VmRelocatedEvent"),
    "encrypted": ("com.vmware.vc.vm.VmHotMigratingWithEncryptionEvent", "VmMigratedEvent"),
    "fail": ("VmBeingHotMigratedEvent", "VmFailedMigrateEvent"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_migration_in_time(server, kind):
    s = server()
    session = s.connect()
    vm = find(session, vim.VirtualMachine, "DC0_C0_RP0_VM0")
    source = vm.runtime.host
    target = next(h for h in vm.runtime.host.parent.host if h._moId != source._moId)
    collector = events_of(session, *KINDS[kind])
    watch = Watch(s.connect(), VirtualMachine=["runtime.host"], HostSystem=["vm"])

    s.control("/ctl/migrate?vm=%s&host=%s&kind=%s" % (vm.name, target.name, kind))
    with pytest.raises(vim.fault.TaskInProgress):  # one move at a time
        vm.MigrateVM_Task(host=target, priority="defaultPriority")
    with pytest.raises(vim.fault.TaskInProgress):
        vm.PowerOffVM_Task()
    task = vm.recentTask[-1]
    chain = task.info.eventChainId
    assert chain > 0, "from the start"
    while not collector.latestPage:
        time.sleep(0.02)
    first = collector.latestPage[0]
    assert task.info.state == "running" and vm.runtime.host._moId == source._moId
    if kind == "encrypted":
        assert {a.key: a.value for a in first.arguments}["destHost"] == target.name
    else:
        assert first.destHost.host._moId == target._moId
    assert first.chainId == chain

    if kind == "fail":
        with pytest.raises(vim.fault.MigrationFault):
            finish(task)
        assert vm.runtime.host._moId == source._moId
    else:
        finish(task)
        watch.until(lambda o: o[vm._moId]["runtime.host"]._moId == target._moId)
        watch.until(lambda o: vm._moId in [m._moId for m in o[target._moId]["vm"]]
                    and vm._moId not in [m._moId for m in o[source._moId]["vm"]])
    last = max(collector.latestPage, key=lambda e: e.key)
    assert KINDS[kind][1] == type(last).__name__.split(".")[-1] and last.chainId == chain
    assert task.info.eventChainId == chain


def test_migration_by_call(server):
    s = server()
    session = s.connect()
    vm = find(session, vim.VirtualMachine, "DC0_C0_RP0_VM0")
    target = next(h for h in vm.runtime.host.parent.host if h._moId != vm.runtime.host._moId)
    with pytest.raises(vmodl.fault.InvalidArgument):
        vm.MigrateVM_Task(priority="defaultPriority")
    finish(vm.MigrateVM_Task(host=target, priority="defaultPriority"))
    assert vm.runtime.host._moId == target._moId
    finish(vm.RelocateVM_Task(vim.vm.RelocateSpec()))
    assert vm.runtime.host._moId == target._moId
    finish(vm.PowerOffVM_Task())
    collector = events_of(session, "VmBeingMigratedEvent")
    back = next(h for h in target.parent.host if h._moId != target._moId)
    finish(vm.MigrateVM_Task(host=back, priority="defaultPriority"))
    assert len(collector.latestPage) == 1, "a machine that is off moves cold"


def test_event_collectors(server):
    s = server()
    session = s.connect()
    Event = vim.event
    everything = events_of(session)
    logins = events_of(session, "UserLoginSessionEvent")
    for i in range(15):
        s.connect()
    page = logins.latestPage
    keys = [e.key for e in page]
    assert len(page) == 10 and keys == sorted(keys, reverse=True), "the newest ones"
    late = events_of(session, "UserLoginSessionEvent")
    assert [e.key for e in late.latestPage] == keys, "a new collector's first page too"
    chain = session.content.eventManager.QueryEvents(Event.EventFilterSpec(eventChainId=page[0].chainId))
    assert [e.key for e in chain] == [page[0].key]
    assert len(everything.latestPage) == 10

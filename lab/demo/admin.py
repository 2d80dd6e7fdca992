#!/usr/bin/python3
"""An administrator at the vCenter: changes it through python3-pyvmomi, which knows nothing of vsn.

    lab/demo/admin.py ADDRESS:PORT list                       port groups with their VLANs, machines with their hosts
    lab/demo/admin.py ADDRESS:PORT vlan PORTGROUP VLAN        give a port group another VLAN
    lab/demo/admin.py ADDRESS:PORT add PORTGROUP VLAN         new port group on the distributed switch
    lab/demo/admin.py ADDRESS:PORT remove PORTGROUP
    lab/demo/admin.py ADDRESS:PORT move MACHINE HOST          migrate a running machine

The account is the one of the lab's vCenter (lab/vcenter), whose certificate is not checked here.
"""
import ssl
import sys
import threading

from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim, vmodl

USER, PASSWORD = "vsn", "secret"
TASK_SECONDS = 60


class Refused(Exception):
    """What the vCenter, or this program in its place, will not do: a sentence."""


def _vlan_spec(vlan):
    return vim.dvs.VmwareDistributedVirtualSwitch.VmwarePortConfigPolicy(
        vlan=vim.dvs.VmwareDistributedVirtualSwitch.VlanIdSpec(inherited=False, vlanId=vlan))


def _refusal(fault):
    """A fault of the vCenter: its name says most, a text is often not there."""
    return Refused(f"the vCenter refused: {type(fault).__name__.rpartition('.')[2]}")


def _done(task):
    pause = threading.Event()
    for _ in range(TASK_SECONDS * 20):
        if task.info.state == "success":
            return task.info.result
        if task.info.state == "error":
            raise _refusal(task.info.error)
        pause.wait(0.05)
    raise Refused(f"the task did not end in {TASK_SECONDS} s")


class Administrator:
    """Logs in; use as a context manager."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._client = SmartConnect(host=host, port=int(port), user=USER, pwd=PASSWORD, sslContext=context)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            Disconnect(self._client)
        except OSError:     # the vCenter may have gone meanwhile
            pass

    def _all(self, kind):
        content = self._client.content
        view = content.viewManager.CreateContainerView(content.rootFolder, [kind], True)
        try:
            return list(view.view)
        finally:
            view.Destroy()

    def _named(self, kind, what, name):
        for item in self._all(kind):
            if item.name == name:
                return item
        raise Refused(f"there is no {what} '{name}'")

    def _portgroup(self, name):
        return self._named(vim.dvs.DistributedVirtualPortgroup, "distributed port group", name)

    def list(self):
        for group in self._all(vim.dvs.DistributedVirtualPortgroup):
            vlan = group.config.defaultPortConfig.vlan
            if isinstance(vlan, vim.dvs.VmwareDistributedVirtualSwitch.VlanIdSpec):
                yield f"port group {group.name}: VLAN {vlan.vlanId}"
        for host in self._all(vim.HostSystem):
            for group in host.config.network.portgroup:
                yield f"port group {group.spec.name} of {host.name}: VLAN {group.spec.vlanId}"
        for machine in self._all(vim.VirtualMachine):
            yield f"machine {machine.name}: on {machine.runtime.host.name}"

    def vlan(self, name, vlan):
        group = self._portgroup(name)
        spec = vim.dvs.DistributedVirtualPortgroup.ConfigSpec(
            configVersion=group.config.configVersion, defaultPortConfig=_vlan_spec(int(vlan)))
        _done(group.ReconfigureDVPortgroup_Task(spec))
        yield f"port group {name}: VLAN {vlan}"

    def add(self, name, vlan):
        switch = self._all(vim.dvs.VmwareDistributedVirtualSwitch)[0]
        spec = vim.dvs.DistributedVirtualPortgroup.ConfigSpec(
            name=name, numPorts=8, type="earlyBinding", defaultPortConfig=_vlan_spec(int(vlan)))
        _done(switch.AddDVPortgroup_Task([spec]))
        yield f"port group {name}: VLAN {vlan}"

    def remove(self, name):
        _done(self._portgroup(name).Destroy_Task())
        yield f"port group {name}: removed"

    def move(self, name, host):
        machine = self._named(vim.VirtualMachine, "machine", name)
        target = self._named(vim.HostSystem, "host", host)
        _done(machine.MigrateVM_Task(host=target, priority=vim.VirtualMachine.MovePriority.defaultPriority))
        yield f"machine {name}: on {machine.runtime.host.name}"


# Command: how many arguments it takes.
COMMANDS = {"list": 0, "vlan": 2, "add": 2, "remove": 1, "move": 2}


def run(address, words):
    """One command; what there is to say about it, as text. Raises Refused."""
    if not words or COMMANDS.get(words[0]) != len(words) - 1:
        raise Refused("expected: list | vlan PORTGROUP VLAN | add PORTGROUP VLAN | remove PORTGROUP | "
                      "move MACHINE HOST")
    if words[0] in ("vlan", "add") and not (words[2].isdecimal() and int(words[2]) < 4095):
        raise Refused(f"'{words[2]}' is no VLAN id from 0 to 4094")
    try:
        with Administrator(address) as administrator:
            return "\n".join(getattr(administrator, words[0])(*words[1:]))
    except vmodl.MethodFault as fault:
        raise _refusal(fault) from fault
    except OSError as error:
        raise Refused(f"{address}: {error}") from error


def main():
    if len(sys.argv) < 3:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        print(run(sys.argv[1], sys.argv[2:]))
    except Refused as refused:
        print(f"admin.py: {refused}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

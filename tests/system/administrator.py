"""The administrator of a vCenter: every change is made with pyvmomi, a client that is not ours."""
import ssl

from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim

from vsnlab import until

Policy = vim.dvs.VmwareDistributedVirtualSwitch


class Admin:
    """with Admin(vcenter) as admin: ...   (a session of its own)"""

    def __init__(self, vcenter):
        self._vcenter = vcenter

    def __enter__(self):
        context = ssl.create_default_context(cafile=self._vcenter.certificate)
        self._session = SmartConnect(host="127.0.0.1", port=self._vcenter.port, user="vsn", pwd="secret",
                                     sslContext=context)
        return self

    def __exit__(self, *_):
        Disconnect(self._session)

    def find(self, kind, name):
        content = self._session.content
        view = content.viewManager.CreateContainerView(content.rootFolder, [kind], True)
        try:
            return next(entity for entity in view.view if entity.name == name)
        finally:
            view.Destroy()

    @staticmethod
    def finish(task):
        until("the task ends", lambda: task.info.state not in ("queued", "running"), every=0.02)
        if task.info.state == "error":
            raise task.info.error
        return task.info.result

    # Standard switches

    def _network(self, host):
        return self.find(vim.HostSystem, host).configManager.networkSystem

    @staticmethod
    def _group(name, vlan, vswitch):
        return vim.host.PortGroup.Specification(name=name, vlanId=vlan, vswitchName=vswitch,
                                                policy=vim.host.NetworkPolicy())

    def add_group(self, host, name, vlan, vswitch="vSwitch0"):
        self._network(host).AddPortGroup(self._group(name, vlan, vswitch))

    def change_group(self, host, name, vlan, vswitch="vSwitch0"):
        self._network(host).UpdatePortGroup(name, self._group(name, vlan, vswitch))

    def remove_group(self, host, name):
        self._network(host).RemovePortGroup(name)

    # Distributed switches: 'vlan' is an id, a list of (first, last) for a trunk, or pvlan=secondary id

    @staticmethod
    def _setting(vlan, pvlan):
        if pvlan is not None:
            spec = Policy.PvlanSpec(inherited=False, pvlanId=pvlan)
        elif isinstance(vlan, list):
            spec = Policy.TrunkVlanSpec(inherited=False,
                                        vlanId=[vim.NumericRange(start=a, end=b) for a, b in vlan])
        else:
            spec = Policy.VlanIdSpec(inherited=False, vlanId=vlan)
        return Policy.VmwarePortConfigPolicy(vlan=spec)

    def add_distributed(self, switch, name, vlan=None, pvlan=None):
        spec = vim.dvs.DistributedVirtualPortgroup.ConfigSpec(
            name=name, numPorts=8, type="earlyBinding", defaultPortConfig=self._setting(vlan, pvlan))
        self.finish(self.find(vim.DistributedVirtualSwitch, switch).AddDVPortgroup_Task([spec]))

    def change_distributed(self, name, vlan=None, pvlan=None):
        group = self.find(vim.dvs.DistributedVirtualPortgroup, name)
        spec = vim.dvs.DistributedVirtualPortgroup.ConfigSpec(
            configVersion=group.config.configVersion, defaultPortConfig=self._setting(vlan, pvlan))
        self.finish(group.ReconfigureDVPortgroup_Task(spec))

    def remove_distributed(self, name):
        self.finish(self.find(vim.dvs.DistributedVirtualPortgroup, name).Destroy_Task())

    # Hosts and machines

    def disconnect(self, host):
        self.finish(self.find(vim.HostSystem, host).DisconnectHost_Task())

    def reconnect(self, host):
        self.finish(self.find(vim.HostSystem, host).ReconnectHost_Task())

    def add_host(self, name):
        """A host outside clusters."""
        folder = self._session.content.rootFolder.childEntity[0].hostFolder
        self.finish(folder.AddStandaloneHost_Task(vim.host.ConnectSpec(hostName=name, force=True), None, True))

    def remove_host(self, name):
        self.finish(self.find(vim.HostSystem, name).parent.Destroy_Task())

    def begin_move(self, machine, host):
        """Begins a live migration: its task."""
        return self.find(vim.VirtualMachine, machine).MigrateVM_Task(
            host=self.find(vim.HostSystem, host), priority="defaultPriority")

    def move(self, machine, host):
        """A live migration, to its end."""
        self.finish(self.begin_move(machine, host))

    def cancel_moves(self, machine):
        for task in self.find(vim.VirtualMachine, machine).recentTask:
            if task.info.state in ("queued", "running"):
                task.CancelTask()

    def enter_maintenance(self, host):
        """Begins to empty a host: the task."""
        return self.find(vim.HostSystem, host).EnterMaintenanceMode_Task(timeout=0, evacuatePoweredOffVms=True)

    def switch_off(self, machine):
        self.finish(self.find(vim.VirtualMachine, machine).PowerOffVM_Task())

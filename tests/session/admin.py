"""An administrator at work: python3-pyvmomi, an independent client, changes the stand-in's world."""
import ssl

from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim


class Admin:
    def __init__(self, vcenter):
        context = ssl.create_default_context(cafile=vcenter.certificate)
        self._connection = SmartConnect(host="localhost", port=vcenter.port, user="vsn", pwd="secret",
                                        sslContext=context)
        self.content = self._connection.content

    def __enter__(self):
        return self

    def __exit__(self, *_):
        Disconnect(self._connection)

    def find(self, kind, name):
        view = self.content.viewManager.CreateContainerView(self.content.rootFolder, [kind], True)
        try:
            return next(each for each in view.view if each.name == name)
        finally:
            view.Destroy()

    def host(self, name):
        return self.find(vim.HostSystem, name)

    def machine(self, name):
        return self.find(vim.VirtualMachine, name)

    def switch(self, name):
        return self.find(vim.DistributedVirtualSwitch, name)

    def networking(self, host):
        return self.host(host).configManager.networkSystem

    def group_spec(self, name, vlan, vswitch="vSwitch0"):
        return vim.host.PortGroup.Specification(name=name, vlanId=vlan, vswitchName=vswitch,
                                                policy=vim.host.NetworkPolicy())

    def add_group(self, host, name, vlan, vswitch="vSwitch0"):
        self.networking(host).AddPortGroup(self.group_spec(name, vlan, vswitch))

    def change_group(self, host, name, vlan, vswitch="vSwitch0"):
        self.networking(host).UpdatePortGroup(name, self.group_spec(name, vlan, vswitch))

    def remove_group(self, host, name):
        self.networking(host).RemovePortGroup(name)

    def add_switch(self, host, name, nic):
        bridge = vim.host.VirtualSwitch.BondBridge(nicDevice=[nic])
        self.networking(host).AddVirtualSwitch(name, vim.host.VirtualSwitch.Specification(numPorts=128, bridge=bridge))

    def set_distributed_vlan(self, name, vlan):
        group = self.find(vim.dvs.DistributedVirtualPortgroup, name)
        dvs = vim.dvs.VmwareDistributedVirtualSwitch
        setting = dvs.VmwarePortConfigPolicy(vlan=dvs.VlanIdSpec(inherited=False, vlanId=vlan))
        group.ReconfigureDVPortgroup_Task(vim.dvs.DistributedVirtualPortgroup.ConfigSpec(
            configVersion=group.config.configVersion, defaultPortConfig=setting))

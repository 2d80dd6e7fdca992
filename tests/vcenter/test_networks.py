"""Standard and distributed switches, machines on them, hosts and what they hear."""

import pytest
from pyVmomi import vim, vmodl

from vcenter_client import Watch, find, finish, portgroups, spec_of


def test_standard_port_group_comes_changes_and_goes(server):
    s = server()
    admin, watcher = s.connect(), s.connect()
    watch = Watch(watcher, HostSystem=["name", "config.network.portgroup", "network"], Network=["name"])
    hosts = [find(admin, vim.HostSystem, n) for n in ("DC0_C0_H0", "DC0_C0_H1")]
    systems = [h.configManager.networkSystem for h in hosts]

    for n in systems:  # the same name on two hosts, each with a VLAN of its own
        n.AddPortGroup(spec_of("blue", 100 + systems.index(n)))
    ids = [h._moId for h in hosts]
    watch.until(lambda o: portgroups(o[ids[0]]).get("blue") == 100 and portgroups(o[ids[1]]).get("blue") == 101)
    blue = [k for k, v in watch.objects.items() if v.get("name") == "blue"]
    assert len(blue) == 1, "one Network object stands for both"
    assert blue[0] in [n._moId for n in hosts[0].network]

    group = next(p for p in hosts[0].config.network.portgroup if p.spec.name == "blue")
    assert group.computedPolicy.nicTeaming.nicOrder.activeNic == ["vmnic0"]
    assert group.key in hosts[0].config.network.vswitch[0].portgroup

    systems[0].UpdatePortGroup("blue", spec_of("blue", 200))
    watch.until(lambda o: portgroups(o[ids[0]]).get("blue") == 200)
    assert portgroups(watch.objects[ids[1]])["blue"] == 101

    with pytest.raises(vim.fault.AlreadyExists):
        systems[0].AddPortGroup(spec_of("blue", 1))
    with pytest.raises(vim.fault.NotFound):
        systems[0].RemovePortGroup("green")
    with pytest.raises(vmodl.fault.InvalidArgument):
        systems[0].AddPortGroup(spec_of("far", 4096))

    systems[0].RemovePortGroup("blue")
    watch.until(lambda o: "blue" not in portgroups(o[ids[0]]))
    assert blue[0] in watch.objects, "the other host still has it"
    systems[1].RemovePortGroup("blue")
    watch.until(lambda o: blue[0] not in o)


def test_machine_is_plugged_into_a_standard_port_group(server):
    s = server()
    admin, watcher = s.connect(), s.connect()
    host = find(admin, vim.HostSystem, "DC0_C0_H0")
    for h in ("DC0_C0_H0", "DC0_C0_H1", "DC0_C0_H2"):
        find(admin, vim.HostSystem, h).configManager.networkSystem.AddPortGroup(spec_of("blue", 100))
    watch = Watch(watcher, VirtualMachine=["name", "network", "config.hardware.device", "runtime.host"])
    vm = find(admin, vim.VirtualMachine, "DC0_C0_RP0_VM0")
    blue = find(admin, vim.Network, "blue")

    nic = next(d for d in vm.config.hardware.device if isinstance(d, vim.vm.device.VirtualEthernetCard))
    mac = nic.macAddress
    nic.deviceInfo = None  # makes the plain simulator panic
    nic.backing = vim.vm.device.VirtualEthernetCard.NetworkBackingInfo(deviceName="blue")
    change = vim.vm.device.VirtualDeviceSpec(operation="edit", device=nic)
    finish(vm.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[change])))
    watch.until(lambda o: [n._moId for n in o[vm._moId]["network"]] == [blue._moId])
    cards = [d for d in watch.objects[vm._moId]["config.hardware.device"]
             if isinstance(d, vim.vm.device.VirtualEthernetCard)]
    assert [(c.macAddress, c.backing.deviceName, c.backing.network._moId) for c in cards] == [(mac, "blue", blue._moId)]
    assert [m._moId for m in blue.vm] == [vm._moId]
    home = vm.runtime.host.configManager.networkSystem
    with pytest.raises(vim.fault.ResourceInUse):
        home.RemovePortGroup("blue")

    nic.backing.deviceName = "nowhere"
    with pytest.raises(vim.fault.InvalidDeviceBacking):
        finish(vm.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[change])))

    # made, cloned, switched off, destroyed: each is told
    card = vim.vm.device.VirtualVmxnet3(key=-1, addressType="generated",
                                        backing=vim.vm.device.VirtualEthernetCard.NetworkBackingInfo(deviceName="blue"))
    config = vim.vm.ConfigSpec(name="new", guestId="otherGuest", files=vim.vm.FileInfo(vmPathName="[LocalDS_0]"),
                               deviceChange=[vim.vm.device.VirtualDeviceSpec(operation="add", device=card)])
    folder = admin.content.rootFolder.childEntity[0].vmFolder
    new = finish(folder.CreateVM_Task(config, vm.resourcePool, host))
    watch.until(lambda o: o.get(new._moId, {}).get("name") == "new"
                and [n._moId for n in o[new._moId]["network"]] == [blue._moId])
    assert watch.objects[new._moId]["runtime.host"]._moId == host._moId

    other = find(admin, vim.HostSystem, "DC0_C0_H1")
    clone = finish(new.CloneVM_Task(folder, "twin", vim.vm.CloneSpec(
        location=vim.vm.RelocateSpec(host=other), template=False, powerOn=True)))
    watch.until(lambda o: o.get(clone._moId, {}).get("name") == "twin" and o[clone._moId].get("network"))
    assert clone.runtime.host._moId == other._moId and clone.runtime.powerState == "poweredOn"
    macs = {d.macAddress for m in (new, clone) for d in m.config.hardware.device
            if isinstance(d, vim.vm.device.VirtualEthernetCard)}
    assert len(macs) == 2

    finish(clone.PowerOffVM_Task())
    finish(clone.Destroy_Task())
    watch.until(lambda o: clone._moId not in o)
    assert clone._moId not in [m._moId for m in blue.vm]


def test_virtual_switch(server):
    s = server("-pg", "0")
    host = find(s.connect(), vim.HostSystem, "DC0_C0_H0")
    network = host.configManager.networkSystem
    bridge = vim.host.VirtualSwitch.BondBridge(nicDevice=["vmnic1"])
    network.AddVirtualSwitch("vSwitch1", vim.host.VirtualSwitch.Specification(numPorts=128, bridge=bridge))
    made = next(v for v in host.config.network.vswitch if v.name == "vSwitch1")
    assert made.pnic == ["key-vim.host.PhysicalNic-vmnic1"]
    assert (made.spec.bridge.linkDiscoveryProtocolConfig.protocol,
            made.spec.bridge.linkDiscoveryProtocolConfig.operation) == ("cdp", "listen")
    with pytest.raises(vim.fault.ResourceInUse):
        network.AddVirtualSwitch("vSwitch2", vim.host.VirtualSwitch.Specification(numPorts=128, bridge=bridge))

    network.UpdateVirtualSwitch("vSwitch1", vim.host.VirtualSwitch.Specification(numPorts=128))
    assert not next(v for v in host.config.network.vswitch if v.name == "vSwitch1").pnic
    network.RemoveVirtualSwitch("vSwitch1")
    assert [v.name for v in host.config.network.vswitch] == ["vSwitch0"]
    assert [v.name for v in network.networkInfo.vswitch] == ["vSwitch0"]


def test_distributed_switch(server):
    s = server()
    admin, watcher = s.connect(), s.connect()
    dvs = find(admin, vim.DistributedVirtualSwitch, "DVS0")
    assert isinstance(dvs, vim.dvs.VmwareDistributedVirtualSwitch)
    uplinks = list(dvs.config.uplinkPortPolicy.uplinkPortName)
    assert uplinks == ["Uplink 1", "Uplink 2", "Uplink 3", "Uplink 4"]
    (uplink_group,) = dvs.config.uplinkPortgroup
    assert [t.key for t in uplink_group.tag] == ["SYSTEM/DVS.UPLINKPG"]

    host = find(admin, vim.HostSystem, "DC0_C0_H0")
    (proxy,) = host.config.network.proxySwitch
    names = {p.key: p.value for p in proxy.uplinkPort}
    assert proxy.dvsUuid == dvs.uuid and sorted(names.values()) == uplinks
    (nic,) = proxy.spec.backing.pnicSpec
    assert (nic.pnicDevice, names[nic.uplinkPortKey]) == ("vmnic1", "Uplink 1")

    watch = Watch(watcher, DistributedVirtualPortgroup=["name", "config.defaultPortConfig", "host", "tag"],
                  HostSystem=["network", "config.network.proxySwitch"])
    vlan = vim.dvs.VmwareDistributedVirtualSwitch.VlanIdSpec(inherited=False, vlanId=123)
    setting = vim.dvs.VmwareDistributedVirtualSwitch.VmwarePortConfigPolicy(vlan=vlan)
    spec = vim.dvs.DistributedVirtualPortgroup.ConfigSpec(name="red", numPorts=8, type="earlyBinding",
                                                          defaultPortConfig=setting)
    finish(dvs.AddDVPortgroup_Task([spec]))
    watch.until(lambda o: any(v.get("name") == "red" for v in o.values()))
    red = find(admin, vim.dvs.DistributedVirtualPortgroup, "red")
    assert watch.objects[red._moId]["config.defaultPortConfig"].vlan.vlanId == 123
    assert len(watch.objects[red._moId]["host"]) == 3
    order = watch.objects[red._moId]["config.defaultPortConfig"].uplinkTeamingPolicy.uplinkPortOrder
    assert list(order.activeUplinkPort) == uplinks
    watch.until(lambda o: red._moId in [n._moId for n in o[host._moId]["network"]])

    trunk = [vim.NumericRange(start=10, end=20), vim.NumericRange(start=30, end=30)]
    setting.vlan = vim.dvs.VmwareDistributedVirtualSwitch.TrunkVlanSpec(inherited=False, vlanId=trunk)
    change = vim.dvs.DistributedVirtualPortgroup.ConfigSpec(configVersion=red.config.configVersion,
                                                            defaultPortConfig=setting)
    finish(red.ReconfigureDVPortgroup_Task(change))
    TrunkSpec = vim.dvs.VmwareDistributedVirtualSwitch.TrunkVlanSpec
    watch.until(lambda o: isinstance(o[red._moId]["config.defaultPortConfig"].vlan, TrunkSpec))
    ranges = watch.objects[red._moId]["config.defaultPortConfig"].vlan.vlanId
    assert [(r.start, r.end) for r in ranges] == [(10, 20), (30, 30)]
    assert red.config.name == "red", "what the call left out stays"
    with pytest.raises(vim.fault.ConcurrentAccess):
        finish(red.ReconfigureDVPortgroup_Task(change))

    Member = vim.dvs.HostMember
    backing = Member.PnicBacking(pnicSpec=[Member.PnicSpec(pnicDevice="vmnic1", uplinkPortKey="Uplink 3")])
    edit = Member.ConfigSpec(operation="edit", host=host, backing=backing)
    finish(dvs.ReconfigureDvs_Task(vim.DistributedVirtualSwitch.ConfigSpec(host=[edit])))
    watch.until(lambda o: o[host._moId]["config.network.proxySwitch"][0].spec.backing.pnicSpec[0].uplinkPortKey
                == next(k for k, n in names.items() if n == "Uplink 3"))

    finish(red.Destroy_Task())
    watch.until(lambda o: red._moId not in o and red._moId not in [n._moId for n in o[host._moId]["network"]])

    full, empty = [find(admin, vim.HostSystem, n) for n in ("DC0_C0_H0", "DC0_C0_H1")]
    assert full.vm and not empty.vm
    out = Member.ConfigSpec(operation="remove", host=full)
    with pytest.raises(vim.fault.ResourceInUse):
        finish(dvs.ReconfigureDvs_Task(vim.DistributedVirtualSwitch.ConfigSpec(host=[out])))
    out.host = empty
    finish(dvs.ReconfigureDvs_Task(vim.DistributedVirtualSwitch.ConfigSpec(host=[out])))
    watch.until(lambda o: not o[empty._moId]["config.network.proxySwitch"])


def test_distributed_switch_made_by_call(server):
    s = server("-pg", "0")
    admin = s.connect()
    host = find(admin, vim.HostSystem, "DC0_C0_H0")
    Vmware, Member = vim.dvs.VmwareDistributedVirtualSwitch, vim.dvs.HostMember
    member = Member.ConfigSpec(operation="add", host=host, backing=Member.PnicBacking(
        pnicSpec=[Member.PnicSpec(pnicDevice="vmnic1")]))
    pvlan = Vmware.PvlanConfigSpec(operation="add", pvlanEntry=Vmware.PvlanMapEntry(
        primaryVlanId=200, secondaryVlanId=201, pvlanType="community"))
    config = Vmware.ConfigSpec(name="dvs1", host=[member], pvlanConfigSpec=[pvlan], uplinkPortPolicy=(
        vim.DistributedVirtualSwitch.NameArrayUplinkPortPolicy(uplinkPortName=["left", "right"])))
    folder = admin.content.rootFolder.childEntity[0].networkFolder
    dvs = finish(folder.CreateDVS_Task(vim.DistributedVirtualSwitch.CreateSpec(configSpec=config)))
    assert dvs.config.pvlanConfig[0].secondaryVlanId == 201
    (proxy,) = host.config.network.proxySwitch
    assert [p.value for p in proxy.uplinkPort] == ["left", "right"]

    lag = Vmware.LacpGroupConfig(name="lag1", uplinkNum=2, mode="active")
    finish(dvs.UpdateDVSLacpGroupConfig_Task([Vmware.LacpGroupSpec(operation="add", lacpGroupConfig=lag)]))
    (made,) = dvs.config.lacpGroupConfig
    (shown,) = host.config.network.proxySwitch[0].hostLag
    assert (shown.lagKey, [p.value for p in shown.uplinkPort]) == (made.key, ["lag1-0", "lag1-1"])

    setting = Vmware.VmwarePortConfigPolicy(vlan=Vmware.PvlanSpec(inherited=False, pvlanId=201))
    spec = vim.dvs.DistributedVirtualPortgroup.ConfigSpec(name="red", type="earlyBinding", defaultPortConfig=setting)
    red = finish(dvs.CreateDVPortgroup_Task(spec))
    assert red.config.defaultPortConfig.vlan.pvlanId == 201
    with pytest.raises(vim.fault.ResourceInUse):
        finish(dvs.Destroy_Task())
    out = Member.ConfigSpec(operation="remove", host=host)
    finish(dvs.ReconfigureDvs_Task(vim.DistributedVirtualSwitch.ConfigSpec(host=[out])))
    finish(dvs.Destroy_Task())
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        red.name


def test_hosts_come_disconnect_and_go(server):
    s = server()
    admin = s.connect()
    watch = Watch(s.connect(), HostSystem=["name", "runtime.connectionState", "config.network.pnic"],
                  VirtualMachine=["runtime.connectionState"])
    host = find(admin, vim.HostSystem, "DC0_C0_H0")
    finish(host.DisconnectHost_Task())
    watch.until(lambda o: o[host._moId]["runtime.connectionState"] == "disconnected")
    for vm in host.vm:
        watch.until(lambda o: o[vm._moId]["runtime.connectionState"] == "disconnected")
    with pytest.raises(vmodl.fault.HostNotConnected):
        host.configManager.networkSystem.QueryNetworkHint()
    finish(host.ReconnectHost_Task())
    watch.until(lambda o: o[host._moId]["runtime.connectionState"] == "connected")
    s.control("/ctl/host?host=DC0_C0_H0&state=notResponding")
    watch.until(lambda o: o[host._moId]["runtime.connectionState"] == "notResponding")

    cluster = host.parent
    new = finish(cluster.AddHost_Task(vim.host.ConnectSpec(hostName="esx9", force=True), True))
    folder = admin.content.rootFolder.childEntity[0].hostFolder
    finish(folder.AddStandaloneHost_Task(vim.host.ConnectSpec(hostName="esx10", force=True), None, True))
    watch.until(lambda o: {"esx9", "esx10"} <= {v.get("name") for v in o.values()})
    macs = [p.mac for v in watch.objects.values() for p in v.get("config.network.pnic") or []]
    assert len(macs) == len(set(macs)) == 10
    assert watch.objects[new._moId]["runtime.connectionState"] == "connected"
    finish(new.Destroy_Task())
    watch.until(lambda o: new._moId not in o)
    finish(find(admin, vim.HostSystem, "esx10").parent.Destroy_Task())
    watch.until(lambda o: "esx10" not in {v.get("name") for v in o.values()})


def test_hints(server):
    s = server()
    session = s.connect()
    network = find(session, vim.HostSystem, "DC0_C0_H0").configManager.networkSystem
    assert [(h.device, h.connectedSwitchPort, h.lldpInfo) for h in network.QueryNetworkHint()] == [
        ("vmnic0", None, None), ("vmnic1", None, None)]
    heard = {"cdp": {"devId": "tor1", "portId": "swp1", "address": "192.0.2.1"},
             "lldp": {"chassisId": "02:00:00:00:00:01", "portId": "swp1", "systemName": "tor1"}}
    s.control("/ctl/hint", dict(host="DC0_C0_H0", device="vmnic0", **heard))
    (hint,) = network.QueryNetworkHint("vmnic0")
    assert (hint.connectedSwitchPort.devId, hint.connectedSwitchPort.portId) == ("tor1", "swp1")
    assert hint.lldpInfo is None, "a standard switch listens to CDP only"

    s.control("/ctl/pnic", {"host": "DC0_C0_H0", "device": "vmnic0", "mac": "02:11:22:33:44:55"})
    host = find(session, vim.HostSystem, "DC0_C0_H0")
    assert host.config.network.pnic[0].mac == "02:11:22:33:44:55"

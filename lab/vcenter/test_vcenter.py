"""An independent client against the vCenter stand-in: Debian's python3-pyvmomi changes the world in one session and
watches it in another. Run with: /usr/bin/python3 -m pytest lab/vcenter"""

import contextlib
import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import time
import urllib.request

import pytest
from pyVim.connect import SmartConnect, Disconnect
from pyVmomi import vim, vmodl

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.join(os.environ.get("VSN_BUILD_DIR", os.path.join(HERE, "../../build")), "lab/vcenter")
QUICK = ["-t-queue", "100ms", "-t-pre", "200ms", "-t-run", "200ms", "-tick", "20ms"]
ENVELOPE = ('<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
            'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>%s</soapenv:Body></soapenv:Envelope>')
CONTENT = ('<RetrieveServiceContent xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this>'
           '</RetrieveServiceContent>')
HOST_READ = ('<RetrieveProperties xmlns="urn:vim25"><_this type="PropertyCollector">propertyCollector</_this><specSet>'
             '<propSet><type>HostSystem</type><all>false</all>%s</propSet><objectSet><obj type="HostSystem">%s</obj>'
             '</objectSet></specSet></RetrieveProperties>')


class Server:
    """One stand-in, its control address and its sessions."""

    def __init__(self, *flags):
        subprocess.run([os.path.join(HERE, "build")], check=True)
        env = dict(os.environ, TMPDIR="/dev/shm") if os.path.isdir("/dev/shm") else None
        self.process = subprocess.Popen([TOOL, *QUICK, *flags], stdout=subprocess.PIPE, text=True, env=env)
        line = self.process.stdout.readline()
        self.port, self.ctl = re.search(r"READY https://127\.0\.0\.1:(\d+)/sdk .*ctl=(\S+)", line).groups()
        self.sessions = []

    def control(self, path, body=None, method=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.ctl + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=20) as reply:
            return json.load(reply)

    def connect(self):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        session = SmartConnect(host="127.0.0.1", port=int(self.port), user="vsn", pwd="secret", sslContext=context)
        self.sessions.append(session)
        return session

    def post(self, body, cookie=None, action='"urn:vim25"', timeout=20):
        """One SOAP call by hand: status, cookie and body."""
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", int(self.port), context=context, timeout=timeout)
        head = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": action}
        if cookie:
            head["Cookie"] = cookie
        with contextlib.closing(connection):
            connection.request("POST", "/sdk", ENVELOPE % body, head)
            reply = connection.getresponse()
            return reply.status, (reply.getheader("Set-Cookie") or "").split(";")[0], reply.read().decode()

    def login(self, password="secret"):
        return self.post('<Login xmlns="urn:vim25"><_this type="SessionManager">%s</_this><userName>vsn</userName>'
                         '<password>%s</password></Login>' % (self.session_manager(), password))

    def session_manager(self):
        return re.search(r'<sessionManager type="SessionManager">([^<]*)<', self.post(CONTENT)[2]).group(1)

    def close(self):
        for session in self.sessions:
            with contextlib.suppress(Exception):
                Disconnect(session)
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0


@pytest.fixture
def server():
    servers = []

    def start(*flags):
        servers.append(Server(*flags))
        return servers[-1]

    yield start
    for s in servers:
        s.close()


class Watch:
    """Follows properties by WaitForUpdatesEx on a collector of its own, and keeps what it was told."""

    def __init__(self, session, **paths):
        content = session.content
        kinds = [getattr(vim, k, None) or getattr(vim.dvs, k) for k in paths]
        view = content.viewManager.CreateContainerView(content.rootFolder, kinds, True)
        Spec = vmodl.query.PropertyCollector
        self.collector = content.propertyCollector.CreatePropertyCollector()
        traversal = Spec.TraversalSpec(name="v", path="view", skip=False, type=vim.view.ContainerView)
        self.collector.CreateFilter(Spec.FilterSpec(
            objectSet=[Spec.ObjectSpec(obj=view, skip=True, selectSet=[traversal])],
            propSet=[Spec.PropertySpec(type=k, pathSet=paths[n]) for n, k in zip(paths, kinds)]), False)
        self.version, self.objects = "", {}
        self.turn(0)

    def turn(self, seconds):
        options = vmodl.query.PropertyCollector.WaitOptions(maxWaitSeconds=seconds)
        updates = self.collector.WaitForUpdatesEx(self.version, options)
        if not updates:
            return
        self.version = updates.version
        for f in updates.filterSet:
            for o in f.objectSet:
                if o.kind == "leave":
                    self.objects.pop(o.obj._moId, None)
                    continue
                if o.kind == "enter":
                    self.objects[o.obj._moId] = {}
                for c in o.changeSet:
                    self.objects[o.obj._moId][c.name] = c.val

    def until(self, true, seconds=10):
        end = time.monotonic() + seconds
        while not true(self.objects):
            left = end - time.monotonic()
            assert left > 0, "never came true: %r" % self.objects
            self.turn(max(1, int(left)))


def find(session, kind, name):
    content = session.content
    view = content.viewManager.CreateContainerView(content.rootFolder, [kind], True)
    try:
        return next(o for o in view.view if o.name == name)
    finally:
        view.Destroy()


def finish(task):
    while task.info.state in ("queued", "running"):
        time.sleep(0.02)
    if task.info.state == "error":
        raise task.info.error
    return task.info.result


def portgroups(properties):
    return {p.spec.name: p.spec.vlanId for p in properties.get("config.network.portgroup") or []}


def spec_of(name, vlan):
    return vim.host.PortGroup.Specification(name=name, vlanId=vlan, vswitchName="vSwitch0",
                                            policy=vim.host.NetworkPolicy())


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
    watch.until(lambda o: [(r.start, r.end) for r in
                           getattr(o[red._moId]["config.defaultPortConfig"].vlan, "vlanId", 0) or []] == [(10, 20), (30, 30)]
                if isinstance(o[red._moId]["config.defaultPortConfig"].vlan.vlanId, list) else False)
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

    empty = find(admin, vim.HostSystem, "DC0_C0_H1")
    if not empty.vm:
        out = Member.ConfigSpec(operation="remove", host=empty)
        finish(dvs.ReconfigureDvs_Task(vim.DistributedVirtualSwitch.ConfigSpec(host=[out])))
        watch.until(lambda o: not o[empty._moId]["config.network.proxySwitch"])


def events_of(session, *ids):
    content = session.content
    spec = vim.event.EventFilterSpec(eventTypeId=list(ids))
    return content.eventManager.CreateCollectorForEvents(spec)


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


def test_dropped_session(server):
    s = server()
    session = s.connect()
    watch = Watch(session, HostSystem=["name"])
    assert s.control("/ctl/state?brief=1")["sessions"] == 1
    s.control("/ctl/drop", method="POST")
    with pytest.raises(vim.fault.NotAuthenticated):
        watch.turn(5)
    state = s.control("/ctl/state?brief=1")
    assert state["sessions"] == 0 and state["logins"] == 1
    again = s.connect()
    assert find(again, vim.HostSystem, "DC0_C0_H0")


def test_pages(server):
    s = server("-host", "12", "-vm", "0", "-pg", "0")
    session = s.connect()
    content = session.content
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.HostSystem], True)
    Spec = vmodl.query.PropertyCollector
    spec = Spec.FilterSpec(
        objectSet=[Spec.ObjectSpec(obj=view, skip=True, selectSet=[
            Spec.TraversalSpec(name="v", path="view", skip=False, type=vim.view.ContainerView)])],
        propSet=[Spec.PropertySpec(type=vim.HostSystem, pathSet=["name"])])
    pc = content.propertyCollector
    sizes, page = [], pc.RetrievePropertiesEx([spec], Spec.RetrieveOptions(maxObjects=5))
    while page:
        sizes.append(len(page.objects))
        page = pc.ContinueRetrievePropertiesEx(page.token) if page.token else None
    assert sizes == [5, 5, 2]
    with pytest.raises(vmodl.fault.InvalidArgument):
        pc.ContinueRetrievePropertiesEx("77")

    pc = pc.CreatePropertyCollector()
    pc.CreateFilter(spec, False)
    wait = Spec.WaitOptions(maxWaitSeconds=0, maxObjectUpdates=5)
    seen, version = [], ""
    while True:
        updates = pc.WaitForUpdatesEx(version, wait)
        seen.append((updates.version, bool(updates.truncated), sum(len(f.objectSet) for f in updates.filterSet)))
        version = updates.version
        if not updates.truncated:
            break
    assert seen == [("0_1", True, 5), ("0_2", True, 5), ("1", False, 2)]
    assert pc.WaitForUpdatesEx(version, wait) is None
    with pytest.raises(vmodl.query.InvalidCollectorVersion):
        pc.WaitForUpdatesEx("33", wait)
    with pytest.raises(vmodl.query.InvalidProperty):
        spec.propSet[0].pathSet = ["name", "config.network.nonsense"]
        pc.CreateFilter(spec, False)


def test_repeated_version_repeats_the_answer(server):
    s = server()
    admin, watcher = s.connect(), s.connect()
    watch = Watch(watcher, HostSystem=["config.network.portgroup"])
    host = find(admin, vim.HostSystem, "DC0_C0_H0")
    host.configManager.networkSystem.AddPortGroup(spec_of("blue", 100))
    before = watch.version
    watch.until(lambda o: "blue" in portgroups(o[host._moId]))
    watch.objects[host._moId] = {}
    watch.version = before
    watch.turn(5)
    assert "blue" in portgroups(watch.objects[host._moId])


def first_host(server):
    return server.control("/ctl/state")["hosts"][0]["ref"]


def test_wrong_password_and_quoted_cookie(server):
    s = server()
    status, _, body = s.login("wrong")
    assert status == 500 and 'xsi:type="InvalidLogin"' in body
    status, cookie, _ = s.login()
    assert status == 200 and re.fullmatch(r'vmware_soap_session="[^"]+"', cookie)
    status, _, body = s.post(HOST_READ % ("<pathSet>name</pathSet>", first_host(s)), cookie)
    assert status == 200 and "DC0_C0_H0" in body and 'xsi:type="xsd:string"' in body
    assert "XMLSchema-instance:" not in body
    assert s.control("/ctl/state?brief=1")["logins"] == 1


def test_old_release_refuses_what_it_does_not_know(server):
    s = server("-api", "4.0")
    assert "<apiVersion>4.0</apiVersion>" in s.post(CONTENT)[2]
    cookie, host = s.login()[1], first_host(s)
    old = '"urn:vim25/4.0"'
    status, _, body = s.post(CONTENT, None, '"urn:vim25/4.1"')
    assert status == 500 and "Unsupported version URI" in body
    for call in ("CreatePropertyCollector", "RetrievePropertiesEx", "WaitForUpdatesEx"):
        extra = "<version></version>" if call == "WaitForUpdatesEx" else "<options/>" if call[0] == "R" else ""
        status, _, body = s.post('<%s xmlns="urn:vim25"><_this type="PropertyCollector">propertyCollector</_this>%s</%s>'
                                 % (call, extra, call), cookie, old)
        assert status == 500 and 'xsi:type="InvalidRequest"' in body, call
    status, _, body = s.post(HOST_READ % ("<pathSet>name</pathSet><pathSet>config.network.opaqueSwitch</pathSet>", host),
                             cookie, old)
    assert status == 500 and 'xsi:type="InvalidProperty"' in body and "<name>config.network.opaqueSwitch</name>" in body
    status, _, body = s.post(HOST_READ % ("<pathSet>config.network.proxySwitch</pathSet>", host), cookie, old)
    assert status == 200 and "<uplinkPort>" in body

    check = ('<CheckForUpdates xmlns="urn:vim25"><_this type="PropertyCollector">propertyCollector</_this>'
             '<version>%s</version></CheckForUpdates>')
    made = s.post('<CreateFilter xmlns="urn:vim25"><_this type="PropertyCollector">propertyCollector</_this><spec><propSet>'
                  '<type>HostSystem</type><pathSet>config.network.pnic</pathSet></propSet><objectSet>'
                  '<obj type="HostSystem">%s</obj></objectSet></spec><partialUpdates>false</partialUpdates></CreateFilter>'
                  % host, cookie, old)
    assert made[0] == 200
    first = s.post(check % "", cookie, old)[2]
    assert "<kind>enter</kind>" in first and "<version>1</version>" in first
    assert "<returnval>" not in s.post(check % "1", cookie, old)[2]
    s.control("/ctl/pnic", {"host": host, "device": "vmnic0", "mac": "02:11:22:33:44:55"})
    assert "02:11:22:33:44:55" in s.post(check % "1", cookie, old)[2]


def test_version_lists(server):
    for api, expect in (("4.1", ["4.1", "4.0", "2.5u2", "2.5"]), ("8.0", ["8.0.3.0", "8.0.2.0", "8.0.0.0", "7.0.0.0"])):
        s = server("-api", api)
        context = ssl._create_unverified_context()
        page = urllib.request.urlopen("https://127.0.0.1:%s/sdk/vimServiceVersions.xml" % s.port, context=context).read()
        vim25 = page.decode().split("<name>urn:vim25</name>")[1].split("</namespace>")[0]
        assert re.findall(r"<version>([^<]*)<", vim25)[:4] == expect


def test_one_host(server):
    s = server("-model", "esx")
    session = s.connect()
    assert session.content.about.apiType == "HostAgent"
    watch = Watch(session, HostSystem=["name", "config.network.portgroup"], VirtualMachine=["name", "network"])
    (host,) = [k for k, v in watch.objects.items() if "config.network.portgroup" in v]
    network = find(session, vim.HostSystem, watch.objects[host]["name"]).configManager.networkSystem
    network.AddPortGroup(spec_of("blue", 100))
    watch.until(lambda o: portgroups(o[host]).get("blue") == 100)
    assert len([v for v in watch.objects.values() if "network" in v]) == 2


WORLD = {
    "cluster": "rack1",
    "hosts": [
        {"name": "esx1", "pnics": [{"device": "vmnic0", "mac": "02:00:00:00:01:00"}, {"device": "vmnic1"},
                                   {"device": "vmnic2", "down": True}],
         "vswitches": [{"name": "vSwitch0", "uplinks": ["vmnic0", "vmnic2"], "portgroups": [
             {"name": "Management Network"}, {"name": "blue <&\u00e9>", "vlan": 100,
                                              "teaming": {"active": ["vmnic0"], "standby": ["vmnic2"]}}]}],
         "vmknics": [{"device": "vmk0", "portgroup": "Management Network", "role": "management"},
                     {"device": "vmk1", "portgroup": "motion", "role": "vmotion", "mac": "00:50:56:60:00:01"}]},
        {"name": "alone", "cluster": "", "pnics": [{"device": "vmnic0"}], "state": "disconnected"}],
    "dvs": [{"name": "dvs1", "uplinks": ["up1", "up2"], "discovery": "lldp/both",
             "pvlan": [{"primary": 200, "secondary": 201, "type": "isolated"}],
             "lags": [{"name": "lag1", "ports": 2, "vlans": [100, 199]}],
             "hosts": [{"host": "esx1", "pnics": [{"device": "vmnic1", "uplink": "lag1"}]}],
             "portgroups": [{"name": "motion", "vlan": 300}, {"name": "trunk", "trunk": [10, 20, 30, 30]},
                            {"name": "private", "pvlan": 201, "teaming": {"active": ["lag1"], "standby": ["up2"]}}]}],
    "machines": [{"name": "web1", "host": "esx1", "networks": ["blue <&\u00e9>", "trunk"], "macs": ["02:00:00:00:10:01"]},
                 {"name": "web2", "host": "esx1", "networks": [], "power": "off"}],
}


def test_exactly_the_world_of_the_file(server, tmp_path):
    file = tmp_path / "world.json"
    file.write_text(json.dumps(WORLD))
    s = server("-inventory", str(file))
    session = s.connect()
    state = s.control("/ctl/state")
    assert [(h["name"], h["state"]) for h in state["hosts"]] == [("esx1", "connected"), ("alone", "disconnected")]
    assert [(m["name"], m["power"]) for m in state["machines"]] == [("web1", "poweredOn"), ("web2", "poweredOff")]

    host = find(session, vim.HostSystem, "esx1")
    assert host.parent.name == "rack1"
    assert [(p.device, p.linkSpeed is None) for p in host.config.network.pnic] == [
        ("vmnic0", False), ("vmnic1", False), ("vmnic2", True)]
    assert host.config.network.pnic[0].mac == "02:00:00:00:01:00"
    blue = next(p for p in host.config.network.portgroup if p.spec.name == "blue <&\u00e9>")
    order = blue.computedPolicy.nicTeaming.nicOrder
    assert (list(order.activeNic), list(order.standbyNic)) == (["vmnic0"], ["vmnic2"])
    (proxy,) = host.config.network.proxySwitch
    assert [p.value for p in proxy.uplinkPort] == ["up1", "up2"]
    (lag,) = proxy.hostLag
    assert {p.key: p.value for p in lag.uplinkPort}[proxy.spec.backing.pnicSpec[0].uplinkPortKey] == "lag1-0"
    assert host.config.network.vnic[1].spec.distributedVirtualPort.switchUuid == proxy.dvsUuid
    roles = {c.nicType: list(c.selectedVnic) for c in host.config.virtualNicManagerInfo.netConfig}
    assert roles["vmotion"] == ["key-vim.host.VirtualNic-vmk1"]

    dvs = find(session, vim.DistributedVirtualSwitch, "dvs1")
    assert [(p.primaryVlanId, p.secondaryVlanId, p.pvlanType) for p in dvs.config.pvlanConfig] == [(200, 201, "isolated")]
    assert [(g.name, g.vlan.vlanId[0].end) for g in dvs.config.lacpGroupConfig] == [("lag1", 199)]
    names = {n.name for n in session.content.rootFolder.childEntity[0].network if not isinstance(n, vim.dvs.DistributedVirtualPortgroup)
             and isinstance(n, vim.Network)}
    assert names == {"blue <&\u00e9>"}, "a port group for the host itself is no network for machines"
    private = find(session, vim.dvs.DistributedVirtualPortgroup, "private").config.defaultPortConfig
    assert private.vlan.pvlanId == 201
    assert list(private.uplinkTeamingPolicy.uplinkPortOrder.standbyUplinkPort) == ["up2"]
    vm = find(session, vim.VirtualMachine, "web1")
    assert [n.name for n in vm.network] == ["blue <&\u00e9>", "trunk"]
    s.control("/ctl/hint", {"host": "esx1", "device": "vmnic1", "lldp": {"chassisId": "c", "portId": "swp2", "systemName": "tor1"}})
    hints = {h.device: h for h in host.configManager.networkSystem.QueryNetworkHint()}
    assert hints["vmnic1"].lldpInfo.portId == "swp2"
    assert {p.key: p.value for p in hints["vmnic1"].lldpInfo.parameter}["System Name"] == "tor1"

    spec = vim.host.VirtualSwitch.Specification(numPorts=8, bridge=vim.host.VirtualSwitch.BondBridge(nicDevice=["vmnic1"]))
    with pytest.raises(vim.fault.ResourceInUse):
        host.configManager.networkSystem.AddVirtualSwitch("vSwitch1", spec)


def test_bad_file_is_refused_with_a_reason(tmp_path):
    file = tmp_path / "world.json"
    file.write_text(json.dumps({"machines": [{"name": "m", "host": "nowhere"}]}))
    subprocess.run([os.path.join(HERE, "build")], check=True)
    run = subprocess.run([TOOL, "-inventory", str(file)], capture_output=True, text=True, timeout=20)
    assert run.returncode == 1 and 'machine "m": no HostSystem "nowhere"' in run.stderr


def test_empty_inventory(server):
    s = server()
    watch = Watch(s.connect(), HostSystem=["name"], VirtualMachine=["name"])
    assert len(watch.objects) == 5
    s.control("/ctl/fault", {"kind": "empty-inventory"})
    watch.until(lambda o: not o)
    fresh = Watch(s.connect(), HostSystem=["name"])
    assert not fresh.objects
    s.control("/ctl/fault", method="DELETE")
    watch.until(lambda o: len(o) == 5)


def test_hollow_session(server):
    s = server()
    cookie, host = s.login()[1], first_host(s)
    s.control("/ctl/fault", {"kind": "hollow-session", "count": 1})
    read = HOST_READ % ("<pathSet>name</pathSet>", host)
    status, _, body = s.post(read, cookie)
    assert status == 200 and "<missingSet><path>name</path>" in body and 'xsi:type="NotAuthenticated"' in body
    assert "<propSet>" not in body
    assert "<propSet>" in s.post(read, cookie)[2]


def test_faults_replace_and_bend_replies(server):
    s = server()
    cookie, host = s.login()[1], first_host(s)
    read = HOST_READ % ("<pathSet>name</pathSet><pathSet>config.network</pathSet>", host)

    def fault(**rule):
        s.control("/ctl/fault", dict({"call": "RetrieveProperties", "count": 1}, **rule))

    fault(kind="status")
    assert s.post(read, cookie)[0] == 503
    fault(kind="not-authenticated")
    status, _, body = s.post(read, cookie)
    assert status == 500 and 'xsi:type="NotAuthenticated"' in body
    fault(kind="truncate", bytes=1000)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        s.post(read, cookie)
    fault(kind="truncate", bytes=1000, form="clean")
    status, _, body = s.post(read, cookie)
    assert status == 200 and len(body) == 1000
    fault(kind="close")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        s.post(read, cookie)
    fault(kind="huge", mb=3)
    assert len(s.post(read, cookie)[2]) > 3 << 20
    fault(kind="huge", mb=1, form="objects")
    assert s.post(read, cookie)[2].endswith("</soapenv:Envelope>")
    fault(kind="stall", seconds=0.5)
    before = time.monotonic()
    assert s.post(read, cookie)[0] == 200 and time.monotonic() - before >= 0.5
    fault(kind="stall", seconds=30)
    with pytest.raises(TimeoutError):
        s.post(read, cookie, timeout=0.3)
    fault(kind="garbage", form="html")
    assert "It works!" in s.post(read, cookie)[2]
    fault(kind="refuse-login")
    assert 'xsi:type="InvalidLogin"' in s.login()[2]
    assert s.login()[0] == 200
    assert s.post(read, cookie)[0] == 200 and s.control("/ctl/fault") == []


def test_endless_reply_ends_with_the_client(server):
    s = server()
    cookie = s.login()[1]
    s.control("/ctl/fault", {"kind": "endless", "call": "CurrentTime", "count": 1})
    body = '<CurrentTime xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this></CurrentTime>'
    context = ssl._create_unverified_context()
    connection = http.client.HTTPSConnection("127.0.0.1", int(s.port), context=context, timeout=20)
    connection.request("POST", "/sdk", ENVELOPE % body, {"Cookie": cookie})
    assert len(connection.getresponse().read(5 << 20)) == 5 << 20
    connection.close()
    assert s.post(body, cookie)[0] == 200


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

"""The world from a file, and the one of a single host."""

import json
import subprocess

import pytest
from pyVmomi import vim

from vcenter_client import BUILD, TOOL, Watch, find, portgroups, spec_of

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
    "dvs": [{"name": "dvs1", "uplinks": ["up1", "up2"], "discovery": "lldp/both", "vlan": 77,
             "pvlan": [{"primary": 200, "secondary": 201, "type": "isolated"}],
             "lags": [{"name": "lag1", "ports": 2, "vlans": [100, 199]}],
             "hosts": [{"host": "esx1", "pnics": [{"device": "vmnic1", "uplink": "lag1"}]}],
             "portgroups": [{"name": "motion", "vlan": 300}, {"name": "trunk", "trunk": [10, 20, 30, 30]},
                            {"name": "inherits", "inherit": True},
                            {"name": "private", "pvlan": 201, "teaming": {"active": ["lag1"], "standby": ["up2"]}}]}],
    "machines": [{"name": "web1", "host": "esx1", "networks": ["blue <&\u00e9>", "trunk"],
                  "macs": ["02:00:00:00:10:01"]},
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
    (private,) = dvs.config.pvlanConfig
    assert (private.primaryVlanId, private.secondaryVlanId, private.pvlanType) == (200, 201, "isolated")
    assert [(g.name, g.vlan.vlanId[0].end) for g in dvs.config.lacpGroupConfig] == [("lag1", 199)]
    networks = session.content.rootFolder.childEntity[0].network
    names = {n.name for n in networks if type(n) is vim.Network}
    assert names == {"blue <&\u00e9>"}, "a port group for the host itself is no network for machines"
    inherits = find(session, vim.dvs.DistributedVirtualPortgroup, "inherits").config.defaultPortConfig
    assert inherits.vlan.inherited and dvs.config.defaultPortConfig.vlan.vlanId == 77
    private = find(session, vim.dvs.DistributedVirtualPortgroup, "private").config.defaultPortConfig
    assert private.vlan.pvlanId == 201
    assert list(private.uplinkTeamingPolicy.uplinkPortOrder.standbyUplinkPort) == ["up2"]
    vm = find(session, vim.VirtualMachine, "web1")
    assert [n.name for n in vm.network] == ["blue <&\u00e9>", "trunk"]
    s.control("/ctl/hint", {"host": "esx1", "device": "vmnic1",
                            "lldp": {"chassisId": "c", "portId": "swp2", "systemName": "tor1"}})
    hints = {h.device: h for h in host.configManager.networkSystem.QueryNetworkHint()}
    assert hints["vmnic1"].lldpInfo.portId == "swp2"
    assert {p.key: p.value for p in hints["vmnic1"].lldpInfo.parameter}["System Name"] == "tor1"

    bridge = vim.host.VirtualSwitch.BondBridge(nicDevice=["vmnic1"])
    spec = vim.host.VirtualSwitch.Specification(numPorts=8, bridge=bridge)
    with pytest.raises(vim.fault.ResourceInUse):
        host.configManager.networkSystem.AddVirtualSwitch("vSwitch1", spec)


def test_bad_file_is_refused_with_a_reason(tmp_path):
    file = tmp_path / "world.json"
    file.write_text(json.dumps({"machines": [{"name": "m", "host": "nowhere"}]}))
    subprocess.run([BUILD], check=True)
    run = subprocess.run([TOOL, "-inventory", str(file)], capture_output=True, text=True, timeout=20)
    assert run.returncode == 1 and 'machine "m": no HostSystem "nowhere"' in run.stderr


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

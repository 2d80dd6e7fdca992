"""The vCenter stand-in beside a world: it says what the hosts hear, and the machines go where it says."""
import ssl

import pytest
from pyVim.connect import Disconnect, SmartConnect

from vsnlab import OvsPlane, VCenter, host_of, until


@pytest.fixture(scope="module")
def world():
    with OvsPlane() as plane:
        plane.create_switch(3)
        first = plane.create_host("esx1", {"vmnic0": "swp1", "vmnic1": "swp3"},
                                  {"vSwitch0": ["vmnic0"], "dvs1": ["vmnic1"]},
                                  discovery={"vmnic0": "cdp-listen", "vmnic1": "lldp"})
        second = plane.create_host("esx2", {"vmnic0": "swp2"}, {"dvs1": ["vmnic0"]}, discovery="lldp")
        plane.create_machine("web-1", first, 100, "dvs1")
        inventory = {
            "hosts": [host_of(first, vswitches=[{"name": "vSwitch0", "uplinks": ["vmnic0"],
                                                 "portgroups": [{"name": "blue", "vlan": 100}]}]),
                      host_of(second)],
            "dvs": [{"name": "dvs1", "uplinks": ["Uplink 1"], "discovery": "lldp/both",
                     "hosts": [{"host": "esx1", "pnics": [{"device": "vmnic1", "uplink": "Uplink 1"}]},
                               {"host": "esx2", "pnics": [{"device": "vmnic0", "uplink": "Uplink 1"}]}],
                     "portgroups": [{"name": "green", "vlan": 100}]}],
            "machines": [{"name": "web-1", "host": "esx1", "networks": ["green"], "power": "on"}]}
        flags = ["-t-queue", "10ms", "-t-pre", "50ms", "-t-run", "50ms"]
        with VCenter(plane.host_dir, inventory, flags) as vcenter:
            yield plane, vcenter


def test_an_independent_client_reads_what_the_hosts_hear(world):
    plane, vcenter = world
    vcenter.hint_heard(plane)
    context = ssl.create_default_context(cafile=vcenter.certificate)
    client = SmartConnect(host="127.0.0.1", port=vcenter.port, user="vsn", pwd="secret", sslContext=context)
    try:
        hosts = {host.name: host for cluster in client.content.rootFolder.childEntity[0].hostFolder.childEntity
                 for host in cluster.host}
        hints = {(name, hint.device): hint for name, host in hosts.items()
                 for hint in host.configManager.networkSystem.QueryNetworkHint()}
        cdp = hints["esx1", "vmnic0"].connectedSwitchPort
        assert (cdp.devId, cdp.portId, cdp.address) == ("tor-1", "swp1", "192.0.2.10")
        assert hints["esx1", "vmnic1"].lldpInfo.portId == "swp3"
        assert hints["esx2", "vmnic0"].lldpInfo.portId == "swp2"
        assert hosts["esx1"].config.network.pnic[0].mac == plane.hosts["esx1"].nics["vmnic0"].mac
    finally:
        Disconnect(client)


def test_machines_follow_and_a_crash_ends_nothing_else(world):
    plane, vcenter = world
    machine = plane.machines["web-1"]
    stop = vcenter.follow(plane)
    vcenter.migrate("web-1", "esx2")
    until("the machine is on the other host", lambda: machine.host.name == "esx2")
    stop()
    assert machine.switch == "dvs1"
    port = vcenter.port
    vcenter.kill()
    vcenter.start(port)
    assert vcenter.port == port and {row["name"] for row in vcenter.state()["machines"]} == {"web-1"}

"""XenServer hosts, which speak no LLDP, are found by what the switch learns; an ESXi host beside them. The tests of this
file tell one story: each goes on where the one before it ended."""
import os

import pytest

from agent import Agent
from vsnlab import OvsPlane, UmlPlane, VCenter, XenPool, host_of, xen_host_of
from vsnlab.vcenter import hint_of

HOLD_DOWN = 1
PORTS = ["swp1", "swp2", "swp3", "swp4", "swp5", "swp6"]
BOND = {"bonds": [{"device": "bond0", "members": ["eth0", "eth1"], "mode": "active-backup"}], "management": "bond0"}


class Rack:
    """
    xs1    swp1 (eth0) and swp2 (eth1): a bond, with the management on it
    xs2    swp3: one card
    esx1   swp4: listens to CDP, followed through a vCenter
    swp5   enabled, nobody there at first
    swp6   not enabled
    """

    def __init__(self, plane):
        self.plane = plane
        plane.create_switch(PORTS)
        self.xs1 = plane.create_host("xs1", {"eth0": "swp1", "eth1": "swp2"}, {"bond0": ["eth0", "eth1"]}, discovery="dom0")
        self.xs2 = plane.create_host("xs2", {"eth0": "swp3"}, {"xenbr0": ["eth0"]}, discovery="dom0")
        self.esx1 = plane.create_host("esx1", {"vmnic0": "swp4"})
        plane.write(f"{plane.dir}/password", "secret\n", 0o600)
        self.pool = XenPool(self._folder("pool"), {
            "hosts": [xen_host_of(self.xs1, **BOND), xen_host_of(self.xs2)],
            "networks": [{"name": "blue", "vlan": 100, "device": "bond0", "hosts": ["xs1"]},
                         {"name": "red", "vlan": 200, "device": "eth0", "hosts": ["xs2"]}]}, plane=plane)
        self.vcenter = VCenter(self._folder("vc"), {"hosts": [host_of(self.esx1, vswitches=[{
            "name": "vSwitch0", "uplinks": ["vmnic0"], "portgroups": [{"name": "green", "vlan": 300}]}])]})
        self.agent = Agent(plane)

    def _folder(self, name):
        path = os.path.join(self.plane.host_dir, name)
        os.mkdir(path, 0o755)
        return path

    def __enter__(self):
        self.pool.start()
        self.vcenter.start()
        (heard,) = self.esx1.wait_heard().values()
        self.vcenter.control("hint", [{"host": "esx1", "device": "vmnic0", **hint_of(heard)}])
        self.agent.configure(self.config())
        self.agent.start()
        return self

    def __exit__(self, *_):
        self.agent.leave()
        self.vcenter.stop()
        self.pool.stop()

    def config(self, evidence="normal", **ports):
        def hypervisor(name, kind, url, user, certificate):
            return (f"hypervisor {name}\n type {kind}\n"
                    f" access {url} username {user} password-file {self.plane.dir}/password\n tls ca-file {certificate}\n"
                    " mode config\n hint interval 5\n no disable\n!\n")
        sdk = f"https://{self.plane.vcenter_address(self.vcenter.port)}/sdk"
        interfaces = "".join("\n ".join([f"interface {port}", "vsn enable", *ports.get(port, [])]) + "\n!\n"
                             for port in PORTS[:5])
        return (f"hostname tor-1\n{self.plane.switch_config}\nlldpd socket {self.plane.lldpd.socket}\n" +
                hypervisor("pool1", "xen-citrix", self.pool.url.rstrip("/"), "root", self.pool.certificate) +
                hypervisor("vc1", "vmware", sdk, "vsn", self.vcenter.certificate) + interfaces +
                f"vsn\n prune hold-down {HOLD_DOWN}\n prune budget 1000\n evidence {evidence}\n!\nend\n")

    def reconfigure(self, **more):
        self.agent.configure(self.config(**more))
        status, said = self.agent.reload()
        assert status == 0, said

    def wires(self):
        """{port: {(host, nic, state, evidence), ...}}"""
        found = {}
        for row in self.agent.show("virtualwire"):
            found.setdefault(row["port"], set()).add((row["host"], row["nic"], row["state"], row["evidence"]))
        return found

    def wait_wires(self, port, *wanted):
        self.agent.wait(f"{port} has the wires {wanted}, not {self.wires().get(port)}",
                        lambda: self.wires().get(port) == set(wanted))

    def forget_stations(self):
        if self.plane.kind == "ovs":
            self.plane.appctl("fdb/flush", self.plane.bridge)
        else:
            self.plane.sh("".join(f"bridge fdb flush dev {port} dynamic master\n" for port in self.plane.ports))


ONE_OF = [("xs1", nic, "confirmed", "mac-table") for nic in ("eth0", "eth1")]


@pytest.fixture(scope="module", params=[OvsPlane, UmlPlane], ids=["ovs", "uml"])
def rack(request):
    with request.param() as plane, Rack(plane) as rack:
        yield rack


def test_idle_hosts_of_both_vendors_get_their_vlans(rack):
    rack.agent.wait_ports({"swp1": "100", "swp2": "", "swp3": "200", "swp4": "300", "swp5": "", "swp6": ""}, 30)
    rack.wait_wires("swp1", *ONE_OF)
    rack.wait_wires("swp3", ("xs2", "eth0", "confirmed", "mac-table"))
    (esx,) = rack.wires()["swp4"]
    assert esx[:3] == ("esx1", "vmnic0", "confirmed") and "hint" in esx[3]
    details = {row["detail"] for row in rack.agent.show("virtualwire") if row["port"] == "swp1"}
    assert details == {f"interface bond0's address {rack.xs1.nics['eth0'].mac}; it is one of eth0, eth1"}


def test_the_other_member_of_the_bond_is_found_when_it_takes_over(rack):
    rack.xs1.use_uplink("bond0", "eth1")
    rack.agent.wait_ports({"swp1": "100", "swp2": "100", "swp5": ""})
    rack.wait_wires("swp1", *ONE_OF)
    rack.wait_wires("swp2", *ONE_OF)
    rack.pool.control("network", {"name": "late", "vlan": 101, "device": "bond0", "hosts": ["xs1"]})
    rack.agent.wait_ports({"swp1": "100-101", "swp2": "100-101", "swp3": "200"})
    rack.xs1.use_uplink("bond0", "eth0")


def test_a_silent_host_is_still_there(rack):
    """Its address ages out of the switch's table; what its pool gets new still comes to its port."""
    rack.forget_stations()
    mac = rack.xs2.nics["eth0"].mac
    assert not any(row[2] == mac for row in rack.plane.fdb())
    rack.pool.control("network", {"name": "more", "vlan": 201, "device": "eth0", "hosts": ["xs2"]})
    rack.agent.wait_ports({"swp3": "200-201"})
    rack.agent.wait("show virtualwire says that it was seen before",
                    lambda: any(row["port"] == "swp3" and "was in the MAC table" in row["detail"]
                                for row in rack.agent.show("virtualwire")))


def test_a_forged_address_gets_nothing_and_takes_nothing(rack):
    """Somebody behind swp5 sends with the address of the silent xs2."""
    station = rack.plane.create_station("swp5", vlans="")
    rack.plane.sh(f"ip -n {station.netns} link set {station.nic} address {rack.xs2.nics['eth0'].mac}\n")
    station.mac = rack.xs2.nics["eth0"].mac
    station.send(None, 3)
    rack.wait_wires("swp5", ("xs2", "eth0", "claimed", "mac-table"))
    rack.wait_wires("swp3", ("xs2", "eth0", "lost", "mac-table"))
    ports = {row["port"]: row["applied"] for row in rack.agent.show("port")}
    assert ports["swp5"] == "" and ports["swp3"] == "200-201"
    rack.xs2.announce()
    rack.wait_wires("swp3", ("xs2", "eth0", "confirmed", "mac-table"))
    rack.agent.wait_ports({"swp3": "200-201", "swp5": ""})


def test_strict_acts_on_pins_only(rack):
    rack.reconfigure(evidence="strict", swp2=["vsn bind pool1 xs1 eth1"])
    rack.wait_wires("swp2", ("xs1", "eth1", "proved", "pin+mac-table"))
    rack.pool.control("network", {"name": "pinned", "vlan": 102, "device": "bond0", "hosts": ["xs1"]})
    rack.agent.wait_ports({"swp2": "100-102", "swp1": "100-101"})
    rack.reconfigure()
    rack.agent.wait_ports({"swp2": "100-102", "swp1": "100-102"})

"""A place: a switch with its hosts on one data plane, made once for all tests there. A scene is what happens at it: a
vCenter, an agent, and the switch empty again afterwards."""
import contextlib
import os

import pytest

from agent import Agent
from vsnlab import OvsPlane, Probe, UmlPlane, VCenter, host_of
from vsnlab import vlans as vlan_lists
from vsnlab.vcenter import hint_of

KINDS = {"ovs": OvsPlane, "uml": UmlPlane}
PORTS = [f"swp{i}" for i in range(1, 9)]
STATION = "swp9"
QUICK = ["-t-queue", "10ms", "-t-pre", "300ms", "-t-run", "300ms", "-tick", "20ms"]
EVERY_VLAN = "none,1-4094"
# The VLANs that the tests are about and their neighbours: a flood of these takes milliseconds.
SOME_VLANS = "none,2,99-105,149-151,199-202,399-416,499-502,699-712,998-1022,4094"


class Place:
    """
    esx1    swp1 (vmnic0) and swp2 (vmnic1): a standard switch, so it only listens, and only to CDP
    esx2    swp3: a distributed switch that speaks LLDP
    esx3    swp4 and swp5: distributed switches that say nothing; an operator pinned them
    esx4    swp6: only listens; the vCenter does not know it at first
    swp7    enabled for vsn, nobody behind it
    swp8    not enabled
    swp9    the station: a trunk where frames are sent and counted
    """
    ports, station_port, native = PORTS, STATION, 1

    def __init__(self, kind):
        self.plane, self.kind = KINDS[kind](), kind

    def __enter__(self):
        plane = self.plane.__enter__()
        plane.create_switch([*self.ports, self.station_port])
        self.station = plane.create_station(self.station_port)
        self._populate(plane)
        self.hosts = plane.hosts
        plane.write(f"{plane.dir}/password", "secret\n", 0o600)
        return self

    def _populate(self, plane):
        """The hosts, and the machines that frames are sent from."""
        plane.create_host("esx1", {"vmnic0": "swp1", "vmnic1": "swp2"})
        plane.create_host("esx2", {"vmnic0": "swp3"}, {"dvs1": ["vmnic0"]}, discovery="lldp")
        plane.create_host("esx3", {"vmnic0": "swp4", "vmnic1": "swp5"}, {"dvs2": ["vmnic0"], "dvs1": ["vmnic1"]},
                          discovery=None)
        plane.create_host("esx4", {"vmnic0": "swp6"})
        plane.create_machine("db-1", plane.hosts["esx2"], 400, "dvs1")

    def __exit__(self, *_):
        self.plane.__exit__()

    def nic(self, port):
        return next((nic for host in self.hosts.values() for nic in host.nics.values() if nic.port == port), None)

    def passed(self, ports, vlans=EVERY_VLAN):
        """{port: the VLANs that really get through from the station to the host behind it}, None for untagged. Every
        VLAN is tried, in one flood that all hosts listen to."""
        self.station.settle()
        listeners = {port: self.nic(port).listen() for port in ports}
        sent = self.station.send(vlans, 2)
        probes = {port: Probe(sent["run"], 2, listener.stop()) for port, listener in listeners.items()}
        for port, seen in probes.items():
            odd = [flow for flow in seen.flows if flow["duplicates"] or
                   flow["sent"] in seen.passed and flow["received"] != flow["sent"]]
            assert not odd, f"{port}: frames were bent or doubled: {odd}"
        return {port: seen.passed for port, seen in probes.items()}

    def carries(self, expected, vlans=EVERY_VLAN):
        """True when each port passes exactly these VLANs of those tried, and untagged frames, and the switch's own tool
        says the same: {port: "100,200-210"}. What is to be stopped is stopped in every flood; of what is to pass, a busy
        machine may lose a flood, but not three."""
        wanted = {port: vlan_lists.parse(text) for port, text in expected.items()}
        found = self.vlans(wanted)
        assert found == wanted, f"the switch says {found}"
        assert {self.plane.native(port) for port in wanted} == {self.native}
        missing = {port: {None} | wanted[port] for port in wanted if self.nic(port)}
        for _ in range(3):
            for port, seen in self.passed(list(missing), vlans).items():
                beyond = seen - wanted[port] - {None}
                assert not beyond, f"{port}: VLANs {beyond} pass, and must not"
                missing[port] -= seen
            if not any(missing.values()):
                return True
        raise AssertionError(f"VLANs that do not pass: {missing}")

    def vlans(self, ports=None):
        """What the switch has on its ports, read with its own tool."""
        return {port: self.plane.vlans(port) for port in ports or self.ports}

    def forget_stations(self):
        """Empties the switch's MAC table, which otherwise ages by minutes."""
        if self.kind == "ovs":
            self.plane.appctl("fdb/flush", self.plane.bridge)
        else:
            self.plane.sh("".join(f"bridge fdb flush dev {port} dynamic master\n" for port in self.plane.ports))

    def close_ports(self):
        for port, vlans in self.vlans().items():
            if vlans:
                self.plane.remove_vlans(port, vlans)
        self.forget_stations()


def inventory(place, **more):
    """The vCenter's world. Machines' networks are on both hosts of dvs1."""
    hosts = place.hosts
    return {
        "cluster": "rack1",
        "hosts": [
            host_of(hosts["esx1"], vswitches=[{
                "name": "vSwitch0", "uplinks": ["vmnic0", "vmnic1"], "portgroups": [
                    {"name": "Management Network"}, {"name": "blue", "vlan": 100},
                    {"name": "left", "vlan": 101, "teaming": {"active": ["vmnic0"], "standby": []}}]}],
                vmknics=[{"device": "vmk0", "portgroup": "Management Network", "role": "management"}]),
            host_of(hosts["esx2"]), host_of(hosts["esx3"])],
        "dvs": [
            {"name": "dvs1", "uplinks": ["Uplink 1"], "discovery": "lldp/both",
             "hosts": [{"host": "esx2", "pnics": [{"device": "vmnic0"}]},
                       {"host": "esx3", "pnics": [{"device": "vmnic1"}]}],
             "portgroups": [{"name": "red", "vlan": 400}, {"name": "plain", "vlan": 0}]},
            {"name": "dvs2", "uplinks": ["Uplink 1"], "discovery": "lldp/none",
             "pvlan": [{"primary": 200, "secondary": 200, "type": "promiscuous"},
                       {"primary": 200, "secondary": 201, "type": "isolated"}],
             "hosts": [{"host": "esx3", "pnics": [{"device": "vmnic0"}]}],
             "portgroups": [{"name": "trunk", "trunk": [1000, 1010, 1020, 1020]}, {"name": "private", "pvlan": 201}]}],
        "machines": [{"name": "web-1", "host": "esx1", "networks": ["blue"], "power": "on"},
                     {"name": "db-1", "host": "esx2", "networks": ["red"], "power": "on"}],
        **more}


# What that inventory wants by 'provision networks'.
WANTED = {"swp1": "100-101", "swp2": "100", "swp3": "400", "swp4": "200-201,1000-1010,1020", "swp5": "400",
          "swp6": "", "swp7": ""}


# For tests that the data plane plays no part in.
OVS_ONLY = pytest.mark.parametrize("place", ["ovs"], indirect=True)


class Scene:
    """A vCenter with that inventory and an agent that follows it; with Scene(place) as scene: ...

    settings    lines of the vsn block
    options     words of the hypervisor block that stand in for the usual ones: {"mode": "check"}
    """

    wanted = WANTED

    def __init__(self, place, settings=("prune hold-down 1", "prune budget 1000"), world=None, flags=(), **options):
        self.place, self.plane, self.settings, self.options = place, place.plane, settings, options
        self._world = self._inventory() if world is None else world
        self._flags, self._stack = [*QUICK, *flags], contextlib.ExitStack()
        self.vcenters, self.blocks = {}, {}

    def _inventory(self):
        return inventory(self.place)

    def _start_hypervisors(self):
        self.vcenter = self.add_vcenter("vc1", self._world, self._flags, **self.options)
        self.hint_heard()

    def __enter__(self):
        try:
            self._stack.callback(self.place.close_ports)
            self._start_hypervisors()
            self.agent = self._stack.enter_context(Agent(self.plane))
            self.agent.configure(self.config())
            self.agent.start()
            return self
        except BaseException:
            self._stack.close()
            raise

    def __exit__(self, *_):
        self._stack.close()

    def hint_heard(self, vcenter=None):
        """The vCenter says what the hosts' own lldpd heard; of the hosts that it knows."""
        vcenter = vcenter or self.vcenter
        known = {host["name"] for host in vcenter.state()["hosts"]}
        hints = [{"host": host.name, "device": nic, **hint_of(heard)}
                 for host in self.place.hosts.values() if host.name in known
                 for nic, heard in host.wait_heard().items()]
        vcenter.control("hint", hints)

    def add_vcenter(self, name, world, flags=QUICK, **options):
        """One more vCenter, and a block for it in config()."""
        folder = os.path.join(self.plane.host_dir, f"{name}-{self.plane.next_number()}")
        os.mkdir(folder, 0o755)
        vcenter = self._stack.enter_context(VCenter(folder, world, flags))
        self.vcenters[name] = vcenter
        self.add_block(name, f"https://{self.plane.vcenter_address(vcenter.port)}/sdk", vcenter.certificate, **options)
        return vcenter

    def add_block(self, name, url, ca_file=None, password=None, username="vsn", **options):
        """A hypervisor block; options with '_' for blanks: mode="check", vlan_allowed="100-199", disable=None (the
        word alone). None as value leaves only the word, False leaves it out."""
        words = {"type": "vmware",
                 "access": f"{url} username {username} password-file {password or self.plane.dir + '/password'}",
                 "tls ca-file": ca_file or False, "mode": "config", "hint interval": 5, "no disable": None,
                 **{key.replace("_", " "): value for key, value in options.items()}}
        lines = [f" {key}" if value is None else f" {key} {value}" for key, value in words.items() if value is not False]
        self.blocks[name] = "\n".join([f"hypervisor {name}", *lines, "!"])

    def _port_words(self):
        words = {port: ["vsn enable"] for port in PORTS[:7]}
        words["swp4"] = ["vsn enable", "vsn bind vc1 esx3 vmnic0"]
        words["swp5"] = ["vsn enable", "vsn bind vc1 esx3 vmnic1"]
        return words

    def config(self, ports=None, top="", settings=None):
        """The configuration file. 'ports' stands in for the words of ports: {"swp1": ["vsn enable"]}"""
        words = {**self._port_words(), **(ports or {})}
        interfaces = "\n".join("\n ".join([f"interface {port}", *lines]) + "\n!" for port, lines in words.items())
        settings = "\n ".join(["vsn", *(self.settings if settings is None else settings)])
        return "\n".join(["hostname tor-1", self.plane.switch_config, f"lldpd socket {self.plane.lldpd.socket}", top,
                          *self.blocks.values(), interfaces, settings, "!", "end", ""])

    def reconfigure(self, **more):
        """Writes config() and reloads it."""
        self.agent.configure(self.config(**more))
        status, said = self.agent.reload()
        assert status == 0, said

    def kept(self, **changes):
        """True when the switch, by its own tool, has at this moment what the inventory wants."""
        return self.place.vlans(WANTED) == {port: vlan_lists.parse(vlans) for port, vlans in {**WANTED, **changes}.items()}

    def wait_carried(self, timeout=30, **changes):
        """Waits until the ports carry what the inventory wants, with these changes: wait_carried(swp1="100-102")"""
        expected = {**self.wanted, **changes}
        self.agent.wait_ports(expected, timeout)
        return expected

    def proves(self, **changes):
        """The same, and then shows it with frames."""
        return self.place.carries(self.wait_carried(**changes), SOME_VLANS)

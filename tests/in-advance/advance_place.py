"""A place with three hosts on two switches, machines that move between them, and scenes on the first switch."""
import pytest

from place import Place, Scene
from vsnlab import host_of

# Real ones take seconds, too. How short a move may be is measured in tests/bench, on a computer with nothing else to do.
MOVE = ["-t-queue", "50ms", "-t-pre", "500ms", "-t-run", "1s", "-tick", "20ms"]
HOLD_DOWN_S = 1
PRUNE = (f"prune hold-down {HOLD_DOWN_S}", "prune budget 1000")
# While frames are counted: on a busy computer, a machine's wire may be where it was for longer than so short a hold-down.
KEEP = ("prune never",)
# For tests that the data plane plays no part in.
OVS_ONLY = pytest.mark.parametrize("advance_place", ["ovs"], indirect=True)


class AdvancePlace(Place):
    """
    tor-1    swp1: esx1 with web-1 (VLAN 100)     swp2: esx2 with far-1 (VLANs 100 and 200)
             swp3: a cable to tor-2               swp4: the station, a trunk where frames are counted
    tor-2    swp11: esx3 with app-1 (VLAN 200)    swp19: the cable to tor-1

    Each host has a distributed switch that speaks LLDP.
    """
    ports, station_port = ["swp1", "swp2", "swp3"], "swp4"
    homes = {"web-1": "esx1", "far-1": "esx2", "app-1": "esx3"}

    def _populate(self, plane):
        self.tor1, self.tor2 = plane.switches[0], plane.create_second_switch(["swp11"], ("swp19", "swp3"))
        self.ports = [*self.ports, *self.tor2.ports]
        for host, port in (("esx1", "swp1"), ("esx2", "swp2"), ("esx3", "swp11")):
            plane.create_host(host, {"vmnic0": port}, {"dvs1": ["vmnic0"]}, discovery="lldp")
        self.web, self.far, self.app = (
            plane.create_machine(name, plane.hosts[self.homes[name]], vlan, "dvs1")
            for name, vlan in (("web-1", 100), ("far-1", "100,200"), ("app-1", 200)))

    def home(self):
        """The machines' wires are where the inventories begin."""
        for name, host in self.homes.items():
            machine = self.plane.machines[name]
            if machine.host.name != host:
                machine.move(self.hosts[host], announce=False)
        self.forget_stations()

    def forget_stations(self):
        super().forget_stations()
        if self.kind == "ovs":
            self.plane.appctl("fdb/flush", self.tor2.bridge, folder=self.tor2.dir)


def inventory(place, hosts, machines):
    """A vCenter with these hosts on one distributed switch: {machine: its networks}"""
    local = {"name": "vSwitch0", "uplinks": [], "portgroups": [{"name": "Management Network"}]}
    return {
        "cluster": "rack1", "hosts": [host_of(place.hosts[name], vswitches=[local]) for name in hosts],
        "dvs": [{"name": "dvs1", "uplinks": ["Uplink 1"], "discovery": "lldp/both",
                 "hosts": [{"host": name, "pnics": [{"device": "vmnic0"}]} for name in hosts],
                 "portgroups": [{"name": "red", "vlan": 100}, {"name": "green", "vlan": 200}]}],
        "machines": [{"name": name, "host": place.homes[name], "networks": networks, "power": "on"}
                     for name, networks in machines.items()]}


class AdvanceScene(Scene):
    """For tor-1: web-1 with VLAN 100 on esx1, nobody on esx2; networks 100 and 200 are on both."""
    wanted = {"swp1": "100", "swp2": ""}
    ports = ["swp1", "swp2"]

    def __init__(self, place, provision="machines", flags=MOVE, settings=PRUNE, **more):
        super().__init__(place, settings=settings, flags=flags, provision=provision, **more)
        if provision == "networks":
            self.wanted = {"swp1": "100,200", "swp2": "100,200"}

    def __enter__(self):
        self.place.home()
        return super().__enter__()

    def _inventory(self):
        return inventory(self.place, ["esx1", "esx2"], {"web-1": ["red"]})

    def _port_words(self):
        return {port: ["vsn enable"] for port in self.ports}

    def prune(self):
        """From now on."""
        self.reconfigure(settings=PRUNE)

    def ledger(self, machine="web-1"):
        """The newest entry of a machine."""
        rows = self.agent.show("migration", machine)
        return max(rows, key=lambda row: int(row["id"])) if rows else None

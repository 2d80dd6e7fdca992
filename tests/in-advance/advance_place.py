"""A place with two hosts on one distributed switch and a machine that moves between them, and scenes there."""
from place import Place, Scene
from vsnlab import host_of
from vsnlab import vlans as vlan_lists

# A migration as short as the issue of moves ahead names it, but for the queue: real ones take seconds.
MOVE = ["-t-queue", "50ms", "-t-pre", "300ms", "-t-run", "300ms", "-tick", "20ms"]
HOLD_DOWN_S = 1


class AdvancePlace(Place):
    """
    esx1    swp1: a distributed switch that speaks LLDP
    esx2    swp2: the same
    swp3    the station: a trunk where frames are counted
    """
    ports, station_port = ["swp1", "swp2"], "swp3"

    def _populate(self, plane):
        for host, port in (("esx1", "swp1"), ("esx2", "swp2")):
            plane.create_host(host, {"vmnic0": port}, {"dvs1": ["vmnic0"]}, discovery="lldp")
        self.web = plane.create_machine("web-1", plane.hosts["esx1"], 100, "dvs1")

    def home(self):
        """The machine's wire is where the inventory begins."""
        if self.web.host.name != "esx1":
            self.web.move(self.hosts["esx1"], announce=False)
        self.forget_stations()


class AdvanceScene(Scene):
    """web-1 with VLAN 100 on esx1, nobody on esx2; networks 100 and 200 are on both."""
    wanted = {"swp1": "100", "swp2": ""}

    def __init__(self, place, provision="machines", flags=MOVE, **more):
        super().__init__(place, settings=(f"prune hold-down {HOLD_DOWN_S}", "prune budget 1000"), flags=flags,
                         provision=provision, **more)
        if provision == "networks":
            self.wanted = {"swp1": "100,200", "swp2": "100,200"}

    def __enter__(self):
        self.place.home()
        return super().__enter__()

    def _inventory(self):
        local = {"name": "vSwitch0", "uplinks": [], "portgroups": [{"name": "Management Network"}]}
        return {
            "cluster": "rack1",
            "hosts": [host_of(self.place.hosts[name], vswitches=[local]) for name in ("esx1", "esx2")],
            "dvs": [{"name": "dvs1", "uplinks": ["Uplink 1"], "discovery": "lldp/both",
                     "hosts": [{"host": name, "pnics": [{"device": "vmnic0"}]} for name in ("esx1", "esx2")],
                     "portgroups": [{"name": "red", "vlan": 100}, {"name": "green", "vlan": 200}]}],
            "machines": [{"name": "web-1", "host": "esx1", "networks": ["red"], "macs": [self.place.web.mac],
                          "power": "on"}]}

    def _port_words(self):
        return {port: ["vsn enable"] for port in self.place.ports}

    def carried(self):
        """{port: VLANs} by the switch's own tool."""
        return {port: vlan_lists.text(vlans) for port, vlans in self.place.vlans().items()}

    def ledger(self, machine="web-1"):
        """The newest entry of a machine."""
        rows = self.agent.show("migration", machine)
        return max(rows, key=lambda row: int(row["id"])) if rows else None

"""A SONiC switch with its hosts, in user-mode Linux, and a vCenter with an agent that follows it."""
from place import Place, Scene
from vsnlab import SonicPlane, host_of
from vsnlab.sonic import NATIVE

ETHERNET = SonicPlane.port_names(6)
PORTS, STATION = ETHERNET[:5], ETHERNET[5]
# The VLANs that the tests are about and their neighbours.
SOME_VLANS = "none,2,99-105,199-202,399-402,699-702,1100,3999,4094"


class SonicPlace(Place):
    """
    esx1    Ethernet0 (vmnic0) and Ethernet4 (vmnic1): a standard switch, so it only listens, and only to CDP, which
            SONiC does not speak: an operator pinned it
    esx2    Ethernet8: a distributed switch that speaks LLDP
    Ethernet12  enabled for vsn, nobody behind it
    Ethernet16  not enabled
    Ethernet20  the station: a trunk where frames are sent and counted
    """
    ports, station_port, native = PORTS, STATION, NATIVE

    def __init__(self):
        self.plane, self.kind = SonicPlane(vlans="2-1600"), "sonic"

    def _populate(self, plane):
        plane.create_host("esx1", {"vmnic0": PORTS[0], "vmnic1": PORTS[1]}, discovery=None)
        plane.create_host("esx2", {"vmnic0": PORTS[2]}, {"dvs1": ["vmnic0"]}, discovery="lldp")
        plane.start_syncd()


def inventory(place):
    hosts = place.hosts
    return {
        "cluster": "rack1",
        "hosts": [
            host_of(hosts["esx1"], vswitches=[{
                "name": "vSwitch0", "uplinks": ["vmnic0", "vmnic1"], "portgroups": [
                    {"name": "Management Network"}, {"name": "blue", "vlan": 100},
                    {"name": "left", "vlan": 101, "teaming": {"active": ["vmnic0"], "standby": []}}]}],
                vmknics=[{"device": "vmk0", "portgroup": "Management Network", "role": "management"}]),
            host_of(hosts["esx2"])],
        "dvs": [{"name": "dvs1", "uplinks": ["Uplink 1"], "discovery": "lldp/both",
                 "hosts": [{"host": "esx2", "pnics": [{"device": "vmnic0"}]}],
                 "portgroups": [{"name": "red", "vlan": 400}]}],
        "machines": [{"name": "web-1", "host": "esx1", "networks": ["blue"], "power": "on"},
                     {"name": "db-1", "host": "esx2", "networks": ["red"], "power": "on"}]}


# What that inventory wants by 'provision networks'.
WANTED = {PORTS[0]: "100-101", PORTS[1]: "100", PORTS[2]: "400", PORTS[3]: "", PORTS[4]: ""}


class SonicScene(Scene):
    """An agent whose neighbours come from APPL_DB."""
    wanted = WANTED

    def _inventory(self):
        return inventory(self.place)

    def hint_heard(self, vcenter=None):
        """No host says what it hears: the wires are an operator's and what the switch hears."""

    def _port_words(self):
        words = {port: ["vsn enable"] for port in PORTS[:4]}
        words[PORTS[0]].append("vsn bind vc1 esx1 vmnic0")
        words[PORTS[1]].append("vsn bind vc1 esx1 vmnic1")
        return words

    def config(self, **more):
        text = super().config(**more)
        return "\n".join(line for line in text.splitlines() if not line.startswith("lldpd socket")) + "\n"

    def proves(self, **changes):
        return self.place.carries(self.wait_carried(**changes), SOME_VLANS)

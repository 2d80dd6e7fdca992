"""A host whose two NICs are one LAG of the switch, with LACP: VLANs come to the LAG and pass on it, whichever member is up."""
import pytest

from place import KINDS, QUICK, Place, Scene
from vsnlab import Probe, host_of

LAG = "lag1"


class LagPlace(Place):
    """esx1: lag1 of swp1 (vmnic0) and swp2 (vmnic1). swp3: nobody. swp9: the station."""
    ports = ["swp1", "swp2", "swp3"]

    def _populate(self, plane):
        host = plane.create_host("esx1", {"vmnic0": "swp1", "vmnic1": "swp2"}, {"dvs1": ["vmnic0", "vmnic1"]},
                                 discovery="lldp")
        plane.create_lag(LAG, host, "dvs1")
        self.ports = [LAG, "swp3"]

    def lag_passes(self, vlans):
        """The VLANs that get through from the station to one of the two NICs: a frame takes one of them."""
        self.station.settle()
        listeners = [nic.listen() for nic in self.hosts["esx1"].nics.values()]
        sent = self.station.send(vlans, 2)
        return set.union(*(Probe(sent["run"], 2, listener.stop()).passed for listener in listeners))

    def lag_carries(self, wanted, vlans):
        """True when these VLANs pass and untagged frames, and none other of those tried. A busy machine may lose a flood."""
        seen = self.lag_passes(vlans)
        assert not seen - wanted - {None}, "VLANs that must not pass"
        return seen == wanted | {None}


class LagScene(Scene):
    wanted = {LAG: "400-401", "swp3": ""}

    def _inventory(self):
        return {"cluster": "rack1", "hosts": [host_of(self.place.hosts["esx1"])],
                "dvs": [{"name": "dvs1", "uplinks": ["Uplink 1", "Uplink 2"], "discovery": "lldp/both",
                         "hosts": [{"host": "esx1", "pnics": [{"device": "vmnic0"}, {"device": "vmnic1"}]}],
                         "portgroups": [{"name": "red", "vlan": 400}, {"name": "blue", "vlan": 401}]}],
                "machines": []}

    def _start_hypervisors(self):
        self.vcenter = self.add_vcenter("vc1", self._world, QUICK, **self.options)

    def _port_words(self):
        return {LAG: ["vsn enable"], "swp3": ["vsn enable"]}


@pytest.fixture(scope="module", params=KINDS)
def scene(request):
    with LagPlace(request.param) as place, LagScene(place) as scene:
        yield scene


def wires(scene):
    return {(wire["port"], wire["nic"]): (wire["state"], set(wire["evidence"].split("+"))) for wire in
            scene.agent.show("virtualwire")}


def test_what_the_members_hear_counts_for_the_lag(scene):
    scene.wait_carried()
    both = {(LAG, "vmnic0"), (LAG, "vmnic1")}
    found = scene.agent.wait("both NICs are known by LLDP and LACP", lambda: (
        (found := wires(scene)).keys() == both and all({"heard", "lacp"} <= kinds for _, kinds in found.values())) and found)
    assert {state for state, _ in found.values()} == {"confirmed"}


def test_exactly_the_intended_vlans_pass_on_the_lag(scene):
    scene.wait_carried()
    assert scene.plane.vlans(LAG) == {400, 401} and scene.plane.native(LAG) == 1
    scene.agent.wait("they pass", lambda: scene.place.lag_carries({400, 401}, "none,399-402,4094"))


def test_a_member_that_is_down_takes_nothing_away(scene):
    scene.wait_carried()
    for port in ("swp1", "swp2"):
        scene.plane.set_port(port, False)
        scene.agent.wait("the other member carries", lambda: scene.place.lag_carries({400, 401}, "none,399-402"))
        assert scene.plane.vlans(LAG) == {400, 401}
        assert scene.agent.port(LAG)["link"] == "up"
        scene.plane.set_port(port, True)
        scene.agent.wait("both are up", lambda: scene.place.lag_carries({400}, "none,400"))
    assert {state for state, _ in wires(scene).values()} == {"confirmed"}

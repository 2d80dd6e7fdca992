"""A machine sends a numbered frame every millisecond while it moves, and its wire is moved the moment the vCenter switches
it over. With vsn, the switch drops none for want of a VLAN; without, it drops all until somebody adds it by hand."""
import pytest

from administrator import Admin
from advance_place import KEEP, OVS_ONLY, AdvanceScene
from vsnlab import Passage, watch

FRAMES = 200        # that are counted before and after
LATE = 500          # that a switch without an agent has lost when somebody notices


class Journey:
    """A move of web-1 from esx1 to esx2, by an administrator, while its frames are counted."""

    def __init__(self, scene):
        self.scene, self.place = scene, scene.place

    def __enter__(self):
        self._end = self.scene.vcenter.follow(self.scene.plane)
        self._passage = Passage(self.place.web, self.place.station, self.scene.ports)
        self._passage.wait_arrived(FRAMES)
        return self

    def __exit__(self, *_):
        self._end()

    def move(self):
        with Admin(self.scene.vcenter) as admin:
            admin.move("web-1", "esx2")
        self._passage.wait_at("swp2", FRAMES)

    def wait_lost(self, frames):
        """Until that many have reached swp2 in vain."""
        self._passage.wait_at("swp2", frames)

    def end(self):
        self._passage.wait_arrived(FRAMES)
        return self._passage.stop()


@pytest.fixture
def scene(advance_place, request):
    with AdvanceScene(advance_place, settings=KEEP, **request.param) as scene:
        scene.wait_carried()
        scene.agent.wait_state("connected")
        yield scene


def with_scene(**words):
    return pytest.mark.parametrize("scene", [words], indirect=True, ids=[words.get("provision", "machines")])


def lost_to_the_switch(account):
    """What overruns of Open vSwitch's sockets do not explain."""
    return max(0, len(account.dropped) - account.overruns)


@with_scene(provision="machines")
def test_in_advance_with_vsn(scene, tell):
    """The VLAN is there before the machine is: by the word of an independent watcher, of the ledger and of the frames."""
    before = scene.agent.cli("can-move", "web-1", "esx2")
    assert before.returncode == 0 and "will be made ready" in before.stdout, before.stdout
    with watch(scene.plane) as watcher, Journey(scene) as journey:
        journey.move()
        account = journey.end()
    tell(f"{scene.plane.kind}, with vsn, provision machines: {account}")
    assert not account.for_want("swp2") and lost_to_the_switch(account) == 0, account
    assert account.at["swp1"] and account.at["swp2"]
    moved = scene.vcenter.control("moves")[-1]
    assert watcher.added("swp2", 100).at * 1000 < moved["switched"]
    entry = scene.ledger()
    assert (entry["from"], entry["to"], entry["outcome"]) == ("esx1", "esx2", "in-time")
    assert entry["seen"] <= entry["planned"] <= entry["applied"] <= entry["verified"] <= entry["switched_over"]
    assert entry["lead_ms"] == entry["switched_over"] - entry["verified"]
    watcher_lead = moved["switched"] - watcher.added("swp2", 100).at * 1000
    tell(f"{scene.plane.kind}: ledger's lead {entry['lead_ms']} ms, watcher's {watcher_lead:.0f} ms")
    scene.prune()
    scene.wait_carried(swp1="", swp2="100")


@OVS_ONLY
@with_scene(provision="networks")
def test_in_advance_with_networks(scene, tell):
    """The VLAN is everywhere already; the ledger says so, and that it was verified."""
    with watch(scene.plane) as watcher, Journey(scene) as journey:
        journey.move()
        account = journey.end()
    tell(f"{scene.plane.kind}, with vsn, provision networks: {account}")
    assert not account.for_want("swp2") and lost_to_the_switch(account) == 0, account
    assert not watcher.so_far()
    entry = scene.ledger()
    assert (entry["outcome"], entry["added"]) == ("in-time", "") and entry["verified"] <= entry["switched_over"]


@with_scene(provision="machines")
def test_in_advance_floor_and_control(scene, tell):
    """Without an agent. First with the VLAN on both ports by hand, which is the floor: what the moving wire costs. Then
    without: every frame is lost, until somebody adds it."""
    scene.agent.stop()
    scene.plane.add_vlans("swp2", "100")
    with Journey(scene) as journey:
        journey.move()
        floor = journey.end()
    tell(f"{scene.plane.kind}, the VLAN there by hand: {floor}")
    assert not floor.for_want("swp2") and lost_to_the_switch(floor) == 0, floor
    scene.plane.remove_vlans("swp2", "100")
    with Admin(scene.vcenter) as admin:
        admin.move("web-1", "esx1")
    scene.place.home()
    with Journey(scene) as journey:
        journey.move()
        journey.wait_lost(LATE)
        scene.plane.add_vlans("swp2", "100")
        control = journey.end()
    tell(f"{scene.plane.kind}, without vsn: {control}")
    assert len(control.for_want("swp2")) >= LATE
    assert control.arrived & control.at["swp2"], "they pass when it is there"
    scene.agent.start()

"""What is said before a move is what the move then finds."""
import json

import pytest

from advance_place import OVS_ONLY, AdvanceScene
from vsnlab import until, watch


pytestmark = OVS_ONLY


@pytest.fixture
def scene(advance_place):
    with AdvanceScene(advance_place) as scene:
        scene.wait_carried()
        yield scene


def test_in_advance_can_move_tells_what_happens(scene):
    """A script asks before it starts the move; the status is its answer."""
    def ask(*words):
        said = scene.agent.cli("can-move", *words)
        answer = scene.agent.cli("can-move", *words, "--json")
        assert answer.returncode == said.returncode, answer.stdout
        return said.returncode, json.loads(answer.stdout)

    scene.agent.cli("freeze")
    scene.agent.wait("it is frozen", lambda: ask("web-1", "esx2")[1]["state"] == "refused")
    assert ask("web-1", "esx2")[0] == 1
    scene.agent.cli("thaw")
    scene.agent.wait("it goes on", lambda: ask("web-1", "esx2")[1]["state"] == "will be made ready")
    status, answer = ask("web-1", "esx2")
    assert status == 0 and [(path["vlans"], path["nic"], path["port"]) for path in answer["paths"]] == [
        ("100", "vmnic0", "swp2")]
    with watch(scene.plane) as watcher:
        scene.vcenter.migrate("web-1", "esx2")
        watcher.wait_added("swp2", 100)
        until("the machine has moved", lambda: scene.vcenter.moves()[-1]["switched"], 30)
        assert {(port, vlan) for change in watcher.so_far() for port, vlans in change.added.items() for vlan in vlans} == {
            ("swp2", 100)}
    status, answer = ask("web-1", "esx2")
    assert (status, answer["state"]) == (0, "ready")
    assert ask("web-1", "esx9")[0] == 1

"""Moves that come to nothing, and moves that nobody told of."""
import pytest

from administrator import Admin
from advance_place import HOLD_DOWN_S, MOVE, OVS_ONLY, AdvanceScene
from vsnlab import until, watch

# Long enough to look at a move while it is on its way.
SLOW = ["-t-queue", "10ms", "-t-pre", "1500ms", "-t-run", "1500ms", "-tick", "20ms"]


pytestmark = OVS_ONLY


@pytest.fixture
def scene(advance_place, request):
    with AdvanceScene(advance_place, flags=getattr(request, "param", SLOW)) as scene:
        scene.wait_carried()
        yield scene


def why(scene, word="why"):
    return scene.agent.cli(word, "swp2", "100")


def cancel(scene):
    """The administrator thinks better of it."""
    with Admin(scene.vcenter) as admin:
        task = admin.begin_move("web-1", "esx2")
        yield
        task.CancelTask()
    yield


def fail(scene):
    scene.vcenter.migrate("web-1", "esx2", "fail")
    yield
    yield


@pytest.mark.parametrize("begin, outcome", [(fail, "failed"), (cancel, "cancelled")], ids=["fails", "is cancelled"])
def test_in_advance_but_the_move(scene, begin, outcome):
    """The VLAN stays for the hold-down, then it goes; 'why' tells the truth at each stage."""
    with watch(scene.plane) as watcher:
        moving = begin(scene)
        next(moving)
        watcher.wait_added("swp2", 100)
        pending = why(scene)
        assert pending.returncode == 0 and "web-1" in pending.stdout and "on its way" in pending.stdout, pending.stdout
        assert scene.ledger()["outcome"] == "running"
        next(moving)
        ended = until("the move is over", lambda: scene.vcenter.moves()[-1]["ended"], 30)
        scene.agent.wait("the ledger knows", lambda: scene.ledger()["outcome"] == outcome)
        waiting = why(scene)
        assert waiting.returncode == 0 and "on its way" not in waiting.stdout and outcome in waiting.stdout, waiting.stdout
        gone = watcher.wait_removed("swp2", 100)
        assert gone.at - ended / 1000 >= HOLD_DOWN_S
        scene.wait_carried()
        why_not = why(scene, "why-not")
        assert why_not.returncode == 0 and "esx2" in why_not.stdout, why_not.stdout
        assert why(scene).returncode == 1
        assert watcher.removals() == {("swp2", 100)} and scene.ledger()["outcome"] == outcome


def test_in_advance_is_missed_when_the_connection_is_cut(scene):
    """The move begins and ends while there is no contact: it is found by the full read, and the ledger says so."""
    with watch(scene.plane) as watcher:
        cut = scene.vcenter.fault("cut")
        scene.agent.wait("contact is lost", lambda: scene.agent.state() != "connected")
        scene.vcenter.migrate("web-1", "esx2", pre=100, run=100)
        until("the machine has moved", lambda: scene.vcenter.moves()[-1]["switched"], 30)
        assert not watcher.so_far()
        scene.vcenter.clear_faults()
        added = watcher.wait_added("swp2", 100, 90)
        entry = scene.agent.wait("the ledger knows", lambda: (row := scene.ledger()) and row["verified"] and row)
        assert (entry["from"], entry["to"], entry["outcome"]) == ("esx1", "esx2", "missed")
        assert entry["lead_ms"] is None or entry["lead_ms"] < 0
        assert "contact" in entry["reason"] and added.at * 1000 > scene.vcenter.moves()[-1]["switched"], cut


@pytest.mark.parametrize("scene", [MOVE], indirect=True, ids=["cut"])
def test_in_advance_again_after_a_cut(scene):
    """The connection is cut while a move is on its way that goes on after contact is back: it is served."""
    with watch(scene.plane) as watcher:
        scene.vcenter.migrate("web-1", "esx2", queue=10, pre=500, run=60000)
        watcher.wait_added("swp2", 100)
        scene.vcenter.fault("cut")
        scene.agent.wait("contact is lost", lambda: scene.agent.state() != "connected")
        scene.vcenter.clear_faults()
        scene.agent.wait_state("connected", timeout=90)
        assert scene.ledger()["outcome"] == "running"
        with Admin(scene.vcenter) as admin:
            admin.cancel_moves("web-1")
        scene.agent.wait("the ledger knows", lambda: scene.ledger()["outcome"] == "cancelled")
        watcher.wait_removed("swp2", 100)

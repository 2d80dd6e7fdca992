"""Two machines change places between hosts on two switches, and keep talking to a third one. Each switch has an agent of its
own, and neither knows of the other: both act from what the vCenter tells."""
import pytest

from administrator import Admin
from two_switches import TwoAgents
from vsnlab import Passage, watch

FRAMES = 200


@pytest.fixture(scope="module")
def scene(advance_place):
    with TwoAgents(advance_place) as scene:
        scene.wait_both()
        yield scene


@pytest.fixture
def watchers(scene):
    with watch(scene.plane, scene.place.tor1) as first, watch(scene.plane, scene.place.tor2) as second:
        yield first, second


def position(watcher, port, vlan, kind="added"):
    """Where in the order of all changes the VLAN came to the port, or went from it."""
    return watcher.so_far().index(getattr(watcher, kind)(port, vlan))


def swap(scene, moves):
    """Both at once: {machine: host}"""
    with Admin(scene.vcenter) as admin:
        tasks = [admin.begin_move(machine, host) for machine, host in moves.items()]
        for task in tasks:
            admin.finish(task)


def test_in_advance_across_an_uplink(scene, watchers, tell):
    place = scene.place
    tor1, tor2 = watchers
    end = scene.vcenter.follow(scene.plane)
    passages = {"web-1": Passage(place.web, place.far, ["swp1", "swp11"]),
                "app-1": Passage(place.app, place.far, ["swp1", "swp11"])}
    for passage in passages.values():
        passage.wait_arrived(FRAMES)
    swap(scene, {"web-1": "esx3", "app-1": "esx1"})
    passages["web-1"].wait_at("swp11", FRAMES)
    passages["app-1"].wait_at("swp1", FRAMES)
    scene.prune()
    tor1.wait_removed("swp1", 100)
    tor2.wait_removed("swp11", 200)
    tor2.wait_removed("swp19", 200)
    for passage in passages.values():
        passage.wait_arrived(FRAMES)        # also when the VLANs of before are gone
    accounts = {machine: passage.stop() for machine, passage in passages.items()}
    end()
    for machine, account in accounts.items():
        tell(f"{scene.plane.kind}, two switches, {machine}: {account}")
        assert not account.for_want("swp1") and not account.for_want("swp11"), account
        assert len(account.dropped) <= account.overruns, account

    switched = {row["machine"]: row["switched"] for row in scene.vcenter.control("moves")}
    assert tor2.added("swp11", 100).at * 1000 < switched["web-1"]
    assert tor1.added("swp1", 200).at * 1000 < switched["app-1"]
    assert position(tor2, "swp19", 100) <= position(tor2, "swp11", 100), "the uplink comes first"
    assert position(tor2, "swp11", 200, "removed") <= position(tor2, "swp19", 200, "removed"), "and goes last"
    assert not tor1.added("swp3", 200) and not tor1.removed("swp3", 100), "far-1 is still behind tor-1"
    assert (scene.ledger("tor-2", "web-1")["outcome"], scene.ledger("tor-1", "web-1")["outcome"]) == ("in-time", "elsewhere")
    assert (scene.ledger("tor-1", "app-1")["outcome"], scene.ledger("tor-2", "app-1")["outcome"]) == ("in-time", "elsewhere")


def test_in_advance_with_the_other_agent_gone(scene, watchers):
    """tor-1 has no agent any more: tor-2 serves the machine that comes back to it as if nothing were amiss."""
    _, tor2 = watchers
    scene.agents["tor-1"].stop()
    with Admin(scene.vcenter) as admin:
        admin.move("app-1", "esx3")
    switched = scene.vcenter.control("moves")[-1]["switched"]
    assert position(tor2, "swp19", 200) <= position(tor2, "swp11", 200)
    assert tor2.added("swp11", 200).at * 1000 < switched
    scene.agents["tor-1"].start()

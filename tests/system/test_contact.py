"""A vCenter that is away, forgets its sessions or has lost its inventory: everything stays as it is, for as long as it
takes, and goes on afterwards."""
import contextlib

import pytest

from administrator import Admin
from place import OVS_ONLY, SOME_VLANS, Scene, WANTED
from vsnlab import Traffic


@pytest.fixture(scope="module")
def scene(place):
    with Scene(place) as scene:
        scene.wait_carried()
        yield scene


@pytest.fixture(autouse=True)
def nothing_is_removed(scene):
    """During each test: frames pass all the time and no VLAN is taken away from any port."""
    before = [row for row in scene.agent.show("audit") if row["removed"]]
    flow = Traffic(scene.place.station, scene.place.nic("swp1"), WANTED["swp1"], interval_ms=20)
    flow.wait_frame()
    yield
    scene.vcenter.clear_faults()
    assert flow.stop()["lost"] == 0
    assert [row for row in scene.agent.show("audit") if row["removed"]] == before
    assert scene.proves()


@contextlib.contextmanager
def away(vcenter):
    """The vCenter is killed, and comes back in the end."""
    vcenter.kill()
    try:
        yield
    finally:
        vcenter.start(vcenter.port)


def long_after(scene, seconds=3):
    """Waits until nothing was heard of the vCenter for several times the hold-down, which is 1 s here."""
    scene.agent.wait(f"{seconds} s without a word", lambda: scene.agent.hypervisor()["age_s"] >= seconds)


def works_again(scene, name):
    """A change on the vCenter reaches the switch. What it adds is left to the next start of the stand-in."""
    with Admin(scene.vcenter) as admin:
        admin.add_distributed("dvs2", name, 1010)
        networks = lambda: {network["name"] for network in scene.agent.show("network")}
        scene.agent.wait(f"{name} is seen", lambda: name in networks(), timeout=40)


@OVS_ONLY
@pytest.mark.parametrize("how", ["drop", "not-authenticated", "hollow-session"])
def test_session_is_lost(scene, how):
    logins = scene.vcenter.state()["logins"]
    if how == "drop":
        scene.vcenter.control("drop", method="POST")
    else:
        scene.vcenter.fault(how, call="WaitForUpdatesEx", count=1)
        scene.vcenter.control("host", method="POST", host="esx3", state="notResponding")    # ends the wait
        scene.vcenter.control("host", method="POST", host="esx3", state="connected")
    scene.agent.wait("another login", lambda: scene.vcenter.state()["logins"] == logins + 1)
    scene.agent.wait_state("connected")
    works_again(scene, f"after-{how}")


def test_inventory_is_empty(scene):
    """First while it is watched, then for a new session: it is not believed, and says so."""
    scene.vcenter.fault("empty-inventory")
    scene.agent.wait("it is doubted", lambda: scene.agent.hypervisor()["doubt"])
    long_after_doubt(scene)
    logins = scene.vcenter.state()["logins"]
    scene.vcenter.control("drop", method="POST")
    scene.agent.wait("another login", lambda: scene.vcenter.state()["logins"] > logins)
    scene.agent.wait_state("connected")
    assert scene.agent.hypervisor()["doubt"]
    long_after_doubt(scene)
    assert "it is not believed and everything is kept" in scene.agent.log()
    scene.vcenter.clear_faults()
    scene.agent.wait("no more doubt", lambda: not scene.agent.hypervisor()["doubt"], timeout=30)
    works_again(scene, "after-empty")


def long_after_doubt(scene):
    """The connection's own age tells how long the doubt has lasted at least."""
    since = scene.agent.hypervisor()["connected_s"]
    scene.agent.wait("3 s pass", lambda: scene.agent.hypervisor()["connected_s"] >= since + 3)


def test_vcenter_is_gone(scene):
    scene.agent.restart()
    scene.agent.wait_state("connected")
    with away(scene.vcenter):
        row = scene.agent.wait_state("stale")
        assert row["reason"] and row["hosts"] == 3, row
        long_after(scene)
    scene.hint_heard()
    scene.agent.wait_state("connected", timeout=40)
    works_again(scene, "after-gone")


def test_vsnd_starts_while_the_vcenter_is_gone(scene):
    """It knows nothing of what is wanted, but of what it added: that stays."""
    tried = scene.agent.log().count("warning: hypervisor vc1: connecting")
    with away(scene.vcenter):
        scene.agent.kill("vsnd")
        scene.agent.start()
        scene.agent.wait("it was tried", lambda: scene.agent.log().count("warning: hypervisor vc1: connecting") > tried)
        row = scene.agent.port("swp4")
        assert (row["applied"], row["intended"]) == (WANTED["swp4"], "")
        assert scene.agent.state() == "connecting"
        assert scene.place.carries(WANTED, SOME_VLANS)
    scene.hint_heard()
    scene.agent.wait_state("connected", timeout=40)

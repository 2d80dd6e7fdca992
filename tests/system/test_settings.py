"""Configuration and commands of a vsnd that runs."""
import os

import pytest

from administrator import Admin
from place import OVS_ONLY, SOME_VLANS, Scene, WANTED
from vsnlab import BUILD

pytestmark = OVS_ONLY


@pytest.fixture(scope="module")
def scene(place):
    with Scene(place) as scene:
        scene.wait_carried()
        yield scene


def line_of(text, words):
    return next(number for number, line in enumerate(text.splitlines(), 1) if words in line)


@pytest.mark.parametrize("good,bad,reason", [
    ("prune hold-down 1", "prune hold-down soon", "expected a number"),
    ("vsn bind vc1 esx3 vmnic0", "vsn bind vc1 esx3", "vsn bind"),
    ("mode config", "mode confg", "expected 'mode check|config'"),
    ("hostname tor-1", "hostnaem tor-1", "hostname"),
    ("switch open-vswitch", "switch open-vswich", "no switch driver")])
def test_a_bad_file_changes_nothing_and_names_its_line(scene, good, bad, reason):
    running = scene.agent.cli("show", "running-config").stdout
    text = scene.config().replace(good, bad, 1)
    scene.agent.configure(text)
    place = f"{scene.agent.config_path}:{line_of(text, bad)}: "
    status, said = scene.agent.reload()
    assert status == 1 and place in said and reason in said
    assert place in scene.agent.log()
    checked = scene.plane.run([os.path.join(BUILD, "vsnd"), "--check-config", scene.agent.config_path])
    assert checked.returncode == 1 and checked.stderr.startswith(place)
    assert scene.agent.cli("show", "running-config").stdout == running
    assert scene.agent.state() == "connected"
    scene.agent.configure(scene.config())
    checked = scene.plane.run([os.path.join(BUILD, "vsnd"), "--check-config", scene.agent.config_path])
    assert (checked.returncode, checked.stderr) == (0, "")
    assert scene.kept()


def test_a_good_file_is_taken_over(scene):
    """The session goes on; what changes is what the file changes."""
    logins = scene.vcenter.state()["logins"]
    scene.reconfigure(ports={"swp1": ["vsn enable", "vlan allowed 101"]})
    scene.agent.wait_ports({"swp1": "101"})
    assert scene.agent.port("swp1")["refused"] == "100"
    scene.reconfigure()
    assert scene.proves()
    assert scene.vcenter.state()["logins"] == logins


def test_freeze_and_thaw(scene):
    with Admin(scene.vcenter) as admin:
        assert scene.agent.cli("freeze").returncode == 0
        scene.agent.wait("the switch is frozen", lambda: scene.agent.show("switch")["frozen"])
        before = scene.place.vlans()
        admin.add_group("esx1", "cold", 105)
        planned = lambda: next(row for row in scene.agent.show("plan") if row["port"] == "swp1")
        scene.agent.wait("105 is planned", lambda: planned()["add"] == "105")
        assert "frozen" in planned()["problem"] and scene.place.vlans() == before
        assert scene.agent.cli("thaw").returncode == 0
        assert scene.proves(swp1="100-101,105", swp2="100,105")
        admin.remove_group("esx1", "cold")
        assert scene.proves()


def test_a_disabled_hypervisor_keeps_its_vlans(scene):
    blocks = dict(scene.blocks)
    scene.blocks["vc1"] = blocks["vc1"].replace(" no disable", " disable")
    scene.reconfigure()
    scene.agent.wait_state("disabled")
    until_logged_out = lambda: scene.vcenter.state()["sessions"] == 0
    scene.agent.wait("it logged out", until_logged_out)
    assert scene.place.carries(WANTED, SOME_VLANS)
    scene.blocks.update(blocks)
    scene.reconfigure()
    scene.agent.wait_state("connected")
    assert scene.proves()


def test_one_vsnd_at_a_time(scene):
    second = scene.plane.run([os.path.join(BUILD, "vsnd"), "--foreground", "--config", scene.agent.config_path,
                              "--state-dir", scene.agent.state_dir, "--runtime-dir", scene.agent.runtime_dir])
    assert second.returncode == 1 and "another vsnd runs" in second.stderr
    assert scene.agent.state() == "connected"


def test_the_end_of_vsnd_is_not_the_end_of_its_vlans(scene):
    scene.agent.stop()
    assert scene.vcenter.state()["sessions"] == 0, "it logged out"
    assert scene.place.carries(WANTED, SOME_VLANS)
    done = scene.agent.cli("show", "port")
    assert done.returncode == 3 and "cannot be reached" in done.stderr
    scene.agent.start()
    scene.wait_carried()

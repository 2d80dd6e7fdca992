"""Any process may be killed at any moment: no VLAN is lost, not for a frame, and everything comes right again."""
import random

import pytest

from administrator import Admin
from agent import PROGRAMS
from place import OVS_ONLY, Scene, WANTED
from vsnlab import Traffic, until

ROUNDS = 12


@pytest.fixture(scope="module")
def scene(place):
    with Scene(place) as scene:
        scene.wait_carried()
        yield scene


@pytest.fixture
def frames(scene):
    """Frames in every VLAN of three ports, from the station to the cards: that leaves nothing in the switch's MAC table
    that would hold a removal up. What was lost is told at the end of each test, and is nothing."""
    flows = [Traffic(scene.place.station, scene.place.nic(port), WANTED[port], interval_ms=20)
             for port in ("swp1", "swp3", "swp4")]
    for flow in flows:
        flow.wait_frame()
    yield flows
    for flow, seen in [(flow, flow.stop()) for flow in flows]:
        assert seen["frames"] > 0 and seen["lost"] == 0, seen


def test_nothing_is_lost_when_processes_are_killed_in_any_order(scene, frames):
    order = random.Random(2)
    agent, admin_vlan = scene.agent, 105
    with Admin(scene.vcenter) as admin:
        for _ in range(ROUNDS):
            program = order.choice(PROGRAMS)
            pids = agent.kill(program)
            assert pids, f"{program} was not running"
            if program == "vsnd":
                agent.start()
            else:
                agent.wait(f"another {program} runs", lambda: set(agent.pids(program)) - set(pids))
        agent.wait_running()
        admin.add_group("esx1", "after", admin_vlan)
        scene.wait_carried(swp1="100-101,105", swp2="100,105", timeout=40)
        admin.remove_group("esx1", "after")
        scene.wait_carried(timeout=40)


def test_all_at_once(scene, frames):
    agent = scene.agent
    for program in ("vsn-config", "vsn-session", "vsn-neighbor", "vsn-history", "vsnd"):
        agent.kill(program)
    agent.start()
    agent.wait_running()
    agent.wait_state("connected")
    scene.wait_carried()


def test_killed_in_the_middle_of_a_change(scene, frames):
    """The Config Module dies while it is asked to write: what it had begun is finished by the next one."""
    agent = scene.agent
    with Admin(scene.vcenter) as admin:
        for vlan in range(410, 416):
            admin.add_distributed("dvs1", f"step-{vlan}", vlan)
            agent.kill("vsn-config")
        scene.wait_carried(swp3="400,410-415", swp5="400,410-415", timeout=40)
        for vlan in range(410, 416):
            admin.remove_distributed(f"step-{vlan}")
            agent.kill("vsn-config")
        scene.wait_carried(timeout=40)


def test_what_was_added_is_still_owned_after_a_restart(scene):
    """The ledger outlives vsnd: VLANs of a port group that went while nobody looked are taken away."""
    agent = scene.agent
    with Admin(scene.vcenter) as admin:
        admin.add_group("esx1", "short", 105)
        scene.plane.add_vlans("swp1", "701")
        scene.wait_carried(swp1="100-101,105,701", swp2="100,105")
        agent.stop()
        admin.remove_group("esx1", "short")
    agent.start()
    agent.wait_state("connected")
    row = agent.port("swp1")
    assert row["hand_made"] == "701"
    assert scene.proves(swp1="100-101,701")
    scene.plane.remove_vlans("swp1", "701")
    assert scene.proves()


@OVS_ONLY
def test_lldpd_comes_back(scene):
    """The switch's lldpd dies and is started again: the wires stay, and vsn-neighbor finds the new one."""
    agent, lldpd = scene.agent, scene.plane.lldpd
    told = agent.log().count("following lldpd")
    lldpd.stop()
    agent.wait_log("lldpd closed the connection")
    lldpd.start()
    lldpd.wait_heard(["swp3"], timeout=20)
    agent.wait("vsn-neighbor follows it", lambda: agent.log().count("following lldpd") > told)
    assert scene.proves()
    wire = next(wire for wire in agent.show("virtualwire") if wire["port"] == "swp3")
    assert wire["state"] == "confirmed"


@OVS_ONLY   # a kernel's bridge has no daemon
def test_open_vswitch_comes_back(scene):
    """Its database dies and comes back as it was; what was missed meanwhile is made up for."""
    agent = scene.agent
    for daemon in ("ovsdb-server", "ovs-vswitchd"):
        scene.plane.stop_switch(daemon)
        if daemon == "ovsdb-server":
            agent.wait("the switch is not reachable", lambda: agent.show("switch")["state"] == "unreachable")
            with Admin(scene.vcenter) as admin:
                admin.add_group("esx1", "meanwhile", 105)
        scene.plane.start_switch(daemon)
    scene.wait_carried(swp1="100-101,105", swp2="100,105", timeout=40)
    # After its database came back, Open vSwitch 3.1 forwards nothing for about a second.
    until("frames pass again", lambda: scene.place.passed(["swp1"], "100-105") == {"swp1": {100, 101, 105}}, 60)

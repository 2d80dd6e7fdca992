"""Wires that are proved by what only one port was sent: 'lldpd nonce'."""
import pytest

from place import OVS_ONLY, Scene, WANTED

pytestmark = OVS_ONLY
MARK = " [vsn "


@pytest.fixture(scope="module")
def scene(place):
    with Scene(place) as scene:
        scene.wait_carried()
        yield scene


def heard(scene, port):
    """What the NIC behind the port hears as its description (LLDP) or its port (CDP)."""
    nic = scene.place.nic(port)
    host = next(host for host in scene.place.hosts.values() if nic in host.nics.values())
    return [neighbour["port_description"] or neighbour["port_id"] for neighbour in host.heard()[nic.nic]]


def wires(scene):
    return {wire["port"]: (wire["state"], wire["evidence"]) for wire in scene.agent.show("virtualwire")}


def learn(scene, marked):
    """The hosts hear what the switch sends now, and the vCenter is told."""
    scene.agent.wait("the hosts hear it", lambda: all(
        (MARK in text) == marked for port in ("swp1", "swp2", "swp3") for text in heard(scene, port)))
    scene.hint_heard()


def test_nothing_is_marked_without_consent(scene):
    assert not any(MARK in text for port in ("swp1", "swp3") for text in heard(scene, port))
    assert wires(scene)["swp1"] == ("confirmed", "hint")


def test_an_echo_proves_a_wire_by_cdp_and_by_lldp(scene):
    scene.reconfigure(top="lldpd nonce")
    learn(scene, marked=True)
    scene.agent.wait("wires are proved", lambda: (wires(scene)["swp1"], wires(scene)["swp3"]) ==
                     (("proved", "echo"), ("proved", "echo+heard")))
    assert heard(scene, "swp1") != heard(scene, "swp2")
    assert scene.kept()


def test_strict_acts_on_what_is_proved(scene):
    scene.reconfigure(top="lldpd nonce", settings=["evidence strict", "prune hold-down 1", "prune budget 1000"])
    scene.plane.remove_vlans("swp1", [100])
    assert scene.proves()


def test_a_vsnd_that_comes_back_trusts_what_the_hosts_still_know(scene):
    scene.agent.stop()
    scene.agent.start()
    scene.agent.wait_state("connected")
    scene.plane.remove_vlans("swp1", [100])
    assert scene.proves()
    assert wires(scene)["swp1"] == ("proved", "echo")


def test_the_mark_goes_with_the_word(scene):
    scene.reconfigure()
    learn(scene, marked=False)
    scene.agent.wait("the wire is confirmed", lambda: wires(scene)["swp1"] == ("confirmed", "hint"))
    assert scene.kept()

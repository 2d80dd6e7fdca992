"""Wires that are proved by what only one port was sent: 'lldpd nonce'."""
import pytest

from administrator import Admin
from place import OVS_ONLY, SOME_VLANS, Scene, WANTED

pytestmark = OVS_ONLY
MARK = " [vsn "


@pytest.fixture(scope="module")
def scene(place):
    with Scene(place) as scene:
        scene.wait_carried()
        yield scene


@pytest.fixture
def admin(scene):
    with Admin(scene.vcenter) as admin:
        yield admin


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


# An LLDP frame as an ESXi host sends it (IEEE 802.1AB 8.5): chassis id and port id are MAC addresses; sent twice.
# With a time to live of 0 it takes back what was said before.
SPOOF = """
import socket, sys
nic, mac = sys.argv[1], bytes.fromhex(sys.argv[2].replace(":", ""))
tlv = lambda kind, value: (kind << 9 | len(value)).to_bytes(2, "big") + value
frame = (bytes.fromhex("0180c200000e") + mac + bytes.fromhex("88cc") + tlv(1, b"\\x04" + mac) + tlv(2, b"\\x03" + mac)
         + tlv(3, int(sys.argv[3]).to_bytes(2, "big")) + tlv(5, b"esx1") + tlv(0, b""))
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sender.bind((nic, 0))
for _ in range(2):
    sender.send(frame)
"""


def send_spoof(scene, ttl):
    """Behind swp6, whose host the vCenter does not know, somebody says by LLDP to be esx1's vmnic0."""
    intruder, victim = scene.place.nic("swp6"), scene.place.nic("swp1")
    scene.plane.run(["ip", "netns", "exec", intruder.netns, "/usr/bin/python3", "-c", SPOOF, intruder.nic, victim.mac,
                     str(ttl)], check=True)


def is_heard(scene):
    return any(wire["port"] == "swp6" and "heard" in wire["evidence"] for wire in scene.agent.show("virtualwire"))


@pytest.fixture
def pretender(scene):
    """Believed while the test runs; or until it is called."""
    def end():
        send_spoof(scene, 0)
        scene.agent.wait("the switch has forgotten it", lambda: not is_heard(scene))
    send_spoof(scene, 120)
    scene.agent.wait("the switch hears it", lambda: is_heard(scene))
    yield end
    end()


def test_a_pretender_gains_nothing_and_takes_nothing_from_a_proved_wire(scene, admin, pretender):
    assert wires(scene)["swp6"] == ("claimed", "heard") and wires(scene)["swp1"] == ("proved", "echo")
    admin.add_group("esx1", "late", 105)
    assert scene.proves(swp1="100-101,105", swp2="100,105", swp6="")
    admin.remove_group("esx1", "late")
    assert scene.proves(swp6="")


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


def test_without_proof_a_pretender_freezes_both_ports_and_gains_nothing(scene, admin, pretender):
    assert {wires(scene)[port][0] for port in ("swp1", "swp6")} == {"conflict"}
    admin.add_group("esx1", "late", 105)
    assert scene.proves(swp2="100,105", swp6="")     # swp1 is left as it is
    assert "conflict (esx1 vmnic0 is also seen behind port swp6)" in scene.agent.log()
    pretender()
    assert scene.proves(swp1="100-101,105", swp2="100,105")
    admin.remove_group("esx1", "late")
    assert scene.proves()

"""A VLAN follows a port group from a vCenter to the ports of a SONiC switch. The tests of this file tell one story: each
leaves what it found."""
import os

import pytest

from administrator import Admin
from sonic_place import PORTS, SonicScene
from vsnlab import BUILD, until

HAND = os.path.join(os.path.dirname(__file__), "../contract/hand")


@pytest.fixture(scope="module")
def scene(sonic_place):
    with SonicScene(sonic_place) as scene:
        scene.wait_carried()
        yield scene


@pytest.fixture
def admin(scene):
    with Admin(scene.vcenter) as admin:
        yield admin


def test_exactly_the_intended_vlans_pass(scene):
    assert scene.proves()


def test_the_wires_are_known_from_appl_db(scene):
    def wires():
        return {wire["port"]: (wire["host"], wire["nic"], wire["state"]) for wire in scene.agent.show("virtualwire")}
    expected = {PORTS[0]: ("esx1", "vmnic0", "proved"), PORTS[1]: ("esx1", "vmnic1", "proved"),
                PORTS[2]: ("esx2", "vmnic0", "confirmed")}
    scene.agent.wait(f"the wires are {expected}", lambda: wires() == expected)
    wire = next(wire for wire in scene.agent.show("virtualwire") if wire["port"] == PORTS[2])
    assert "heard" in wire["evidence"]


def test_a_port_group_comes_changes_and_goes(scene, admin):
    admin.add_group("esx1", "green", 102)
    assert scene.proves(Ethernet0="100-102", Ethernet4="100,102")
    admin.change_group("esx1", "green", 103)
    assert scene.proves(Ethernet0="100-101,103", Ethernet4="100,103")
    admin.remove_group("esx1", "green")
    assert scene.proves()


def test_what_is_configured_is_confirmed_and_nothing_else_is_touched(scene):
    plane = scene.plane
    assert plane.members("VLAN_MEMBER", PORTS[0]) == {100, 101, 4000} == plane.members("VLAN_MEMBER_TABLE", PORTS[0])
    assert plane.cli(4, "HGETALL", f"VLAN_MEMBER|Vlan100|{PORTS[0]}").split() == ["tagging_mode", "tagged"]
    assert plane.cli(4, "HGETALL", f"VLAN_MEMBER|Vlan4000|{PORTS[0]}").split() == ["tagging_mode", "untagged"]
    assert plane.members("VLAN_MEMBER", PORTS[4]) == {4000}


def test_what_others_made_is_left_alone(scene, admin):
    """A VLAN that was there by hand stays, whoever wants it later and no more."""
    scene.plane.add_vlans(PORTS[0], "700-701")
    scene.plane.add_vlans(PORTS[4], "702")
    admin.add_group("esx1", "theirs", 700)
    admin.add_group("esx1", "ours", 105)
    scene.wait_carried(Ethernet0="100-101,105,700-701", Ethernet4="100,105,700", Ethernet16="702")
    assert scene.agent.port(PORTS[0])["hand_made"] == "700-701"
    admin.remove_group("esx1", "theirs")
    admin.remove_group("esx1", "ours")
    assert scene.proves(Ethernet0="100-101,700-701", Ethernet16="702")
    scene.plane.remove_vlans(PORTS[0], "700-701")
    scene.plane.remove_vlans(PORTS[4], "702")
    assert scene.proves()


def test_drift_is_repaired(scene):
    """Somebody takes away what vsn added: it comes back, and the log says so."""
    scene.plane.cli(4, "DEL", f"VLAN_MEMBER|Vlan101|{PORTS[0]}")
    scene.agent.wait_log(f"port {PORTS[0]}: somebody else took VLAN 101 away")
    assert scene.proves()


def test_a_vlan_that_is_not_there_is_refused_with_words(scene, admin):
    """Nor is anything else held up by it; once it is there it is used."""
    admin.add_group("esx1", "new", 1700)
    admin.add_group("esx1", "green", 102)
    scene.wait_carried(Ethernet0="100-102", Ethernet4="100,102")
    scene.agent.wait_log("VLAN 1700 does not exist on this switch; create it there: config vlan add")
    scene.plane.cli(4, "HSET", "VLAN|Vlan1700", "vlanid", "1700")
    scene.wait_carried(timeout=90, Ethernet0="100-102,1700", Ethernet4="100,102,1700")
    admin.remove_group("esx1", "new")
    admin.remove_group("esx1", "green")
    assert scene.proves()


def fill_again(plane):
    """The databases as saved: without what vsn added, which nobody saved, and with what swss knows anew. The bridge is
    made anew by swss as well."""
    plane.daemons["vlanmgrd"].kill()
    plane.daemons["syncd"].kill()
    plane.sh("".join(f"ip link set {port} nomaster\n" for port in PORTS))
    plane.fill(",".join(f"{port}={alias}" for port, alias in plane.aliases().items() if port in PORTS))
    plane.start_vlanmgrd()
    plane.start_syncd()


def test_the_configuration_is_loaded_again(scene):
    """As "config reload" does it: all rows go, without a notification, and what was saved comes back. Nothing is believed
    while it is not complete."""
    assert scene.plane.members("VLAN_MEMBER", PORTS[0]) == {100, 101, 4000}
    scene.plane.cli(4, "FLUSHDB")
    scene.agent.wait_log("CONFIG_DB_INITIALIZED is not set")
    assert [row["port"] for row in scene.agent.show("port") if row["port"] in PORTS] == PORTS
    fill_again(scene.plane)
    assert scene.proves()
    assert not scene.agent.port(PORTS[0])["hand_made"]


def test_redis_goes_and_comes_back(scene):
    """Redis holds CONFIG_DB in memory: what comes back is what was saved, and vsn adds its own again."""
    plane = scene.plane
    plane.sh(f"kill -9 $(cat {plane.switches[0].dir}/redis.pid)\n")
    scene.agent.wait_log("Redis closed the connection")
    plane.start_redis()
    fill_again(plane)
    assert scene.proves()
    assert not scene.agent.port(PORTS[0])["hand_made"]


def test_the_driver_keeps_its_contract(scene):
    """On ports that the agent does not write. User-mode Linux takes its time over each VLAN; test_sonic_databases.py has
    the many."""
    scene.agent.stop()
    plane = scene.plane
    plane.settle()
    done = plane.run([f"{BUILD}/tests/contract/contract", "sonic", f"redis unix:{plane.redis}", PORTS[4], PORTS[3],
                      f"{HAND} sonic {plane.redis}"], env={"CONTRACT_VLANS": "200"}, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    plane.settle()
    assert plane.vlans(PORTS[4]) == plane.vlans(PORTS[3]) == set()
    assert plane.native(PORTS[4]) == 4000
    scene.agent.start()
    until("the agent sees its ports", lambda: scene.agent.show("port"))

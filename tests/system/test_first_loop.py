"""A VLAN follows a port group from a vCenter to the ports of a real switch. The tests of this file tell one story: each
leaves what it found."""
import pytest

from administrator import Admin
from place import OVS_ONLY, QUICK, Scene, WANTED
from vsnlab import Traffic, host_of, probe


@pytest.fixture(scope="module")
def scene(place):
    with Scene(place) as scene:
        scene.wait_carried()
        yield scene


@pytest.fixture
def admin(scene):
    with Admin(scene.vcenter) as admin:
        yield admin


def test_exactly_the_intended_vlans_pass(scene):
    assert scene.place.carries(WANTED)


def test_wires_say_how_they_are_known(scene):
    # A Linux bridge learns the address of a card from its LLDP frames, Open vSwitch does not.
    wires = {wire["port"]: (wire["host"], wire["nic"], wire["state"], wire["evidence"].replace("+mac-table", ""))
             for wire in scene.agent.show("virtualwire")}
    assert wires == {"swp1": ("esx1", "vmnic0", "confirmed", "hint"), "swp2": ("esx1", "vmnic1", "confirmed", "hint"),
                     "swp3": ("esx2", "vmnic0", "confirmed", "hint+heard"),
                     "swp4": ("esx3", "vmnic0", "proved", "pin"), "swp5": ("esx3", "vmnic1", "proved", "pin")}


@OVS_ONLY
def test_what_is_shown_of_the_vcenter(scene):
    row = scene.agent.hypervisor()
    assert (row["state"], row["hosts"], row["machines"], row["reason"]) == ("connected", 3, 2, "")
    assert "vCenter" in row["product"] and row["version"]
    machine = next(machine for machine in scene.agent.show("machine") if machine["name"] == "db-1")
    assert (machine["host"], machine["power"]) == ("esx2", "on")
    assert [(vif["network"], vif["vlans"]) for vif in machine["interfaces"]] == [("red", "400")]
    networks = {network["name"]: network["vlans"] for network in scene.agent.show("network")}
    assert (networks["blue"], networks["trunk"], networks["private"], networks["plain"]) == (
        "100", "1000-1010,1020", "200-201", "")


def test_standard_port_group_comes_changes_and_goes(scene, admin):
    admin.add_group("esx1", "green", 102)
    assert scene.proves(swp1="100-102", swp2="100,102")
    admin.change_group("esx1", "green", 103)
    assert scene.proves(swp1="100-101,103", swp2="100,103")
    admin.remove_group("esx1", "green")
    assert scene.proves()


@OVS_ONLY
def test_distributed_port_groups(scene, admin):
    admin.add_distributed("dvs1", "wide", [(410, 412), (415, 415)])
    assert scene.proves(swp3="400,410-412,415", swp5="400,410-412,415")
    admin.change_distributed("wide", [(411, 413)])
    assert scene.proves(swp3="400,411-413", swp5="400,411-413")
    admin.change_distributed("wide", 414)
    assert scene.proves(swp3="400,414", swp5="400,414")
    admin.change_distributed("private", pvlan=200)
    admin.remove_distributed("wide")
    assert scene.proves(swp4="200,1000-1010,1020")
    admin.change_distributed("private", pvlan=201)
    assert scene.proves()


def test_what_others_made_is_left_alone(scene, admin):
    """A VLAN that was there by hand stays, whoever wants it later and no more."""
    hand = {"swp1": "700-701", "swp7": "702", "swp8": "703"}
    for port, vlans in hand.items():
        scene.plane.add_vlans(port, vlans)
    admin.add_group("esx1", "theirs", 700)
    admin.add_group("esx1", "ours", 705)
    scene.wait_carried(swp1="100-101,700-701,705", swp2="100,700,705", swp7="702", swp8="703")
    row = scene.agent.port("swp1")
    assert (row["hand_made"], row["intended"]) == ("700-701", "100-101,700,705")
    admin.remove_group("esx1", "theirs")
    admin.remove_group("esx1", "ours")
    assert scene.proves(swp1="100-101,700-701", swp7="702", swp8="703")
    for port, vlans in hand.items():
        scene.plane.remove_vlans(port, vlans)
    assert scene.proves(swp8="")


def test_drift_is_repaired(scene):
    """Somebody takes away what vsn added: it comes back, and the log says so."""
    scene.plane.remove_vlans("swp4", "1005")
    scene.agent.wait_log("port swp4: somebody else took VLAN 1005 away")
    assert scene.proves()


@OVS_ONLY
def test_mode_check_writes_nothing(scene, admin):
    scene.add_block("vc1", url(scene), scene.vcenter.certificate, mode="check")
    scene.reconfigure()
    before = scene.place.vlans()
    admin.add_group("esx1", "later", 150)
    def planned():
        return next(row for row in scene.agent.show("plan") if row["port"] == "swp1")["add"] == "150"
    scene.agent.wait("the plan wants 150 on swp1", planned)
    row = next(row for row in scene.agent.show("plan") if row["port"] == "swp1")
    assert (row["mode"], row["add"], row["remove"]) == ("check", "150", "")
    assert scene.place.vlans() == before
    scene.add_block("vc1", url(scene), scene.vcenter.certificate)
    scene.reconfigure()
    assert scene.proves(swp1="100-101,150", swp2="100,150")
    admin.remove_group("esx1", "later")
    scene.wait_carried()


def url(scene, name="vc1"):
    return f"https://{scene.plane.vcenter_address(scene.vcenters[name].port)}/sdk"


@OVS_ONLY
def test_fences(scene, admin):
    """What is beyond them is refused and shown, and what is protected stays as it is."""
    scene.reconfigure(ports={"swp1": ["vsn enable", "vlan allowed 1-499"]}, settings=[*scene.settings, "vlan protect 104"])
    for name, vlan in (("high", 500), ("holy", 104), ("good", 105)):
        admin.add_group("esx1", name, vlan)
    assert scene.proves(swp1="100-101,105", swp2="100,105,500")
    row = scene.agent.port("swp1")
    assert row["refused"] == "104,500" and row["refusal"]
    assert scene.agent.port("swp2")["refused"] == "104"
    for name in ("high", "holy", "good"):
        admin.remove_group("esx1", name)
    scene.wait_carried()
    few = ["vsn enable", "vlan allowed 99-105"]
    scene.reconfigure(ports={"swp1": few, "swp2": few}, settings=[*scene.settings, "vlan protect 104"])
    admin.add_group("esx1", "every one", 4095)
    assert scene.proves(swp1="99-103,105", swp2="99-103,105")
    admin.remove_group("esx1", "every one")
    scene.wait_carried()
    scene.reconfigure()
    scene.wait_carried()


def test_machine_moves_and_takes_its_vlan_along(scene, admin):
    """With 'provision machines' a port has the VLANs of the machines there, and no others."""
    scene.add_block("vc1", url(scene), scene.vcenter.certificate, provision="machines")
    scene.reconfigure()
    at_home = {"swp1": "100", "swp2": "100", "swp3": "400", "swp4": "", "swp5": ""}
    assert scene.proves(**at_home)
    machine, station = scene.plane.machines["db-1"], scene.place.station
    end = scene.vcenter.follow(scene.plane)
    try:
        traffic = Traffic(machine, station)
        assert traffic.wait_frame()[1] == 400
        admin.move("db-1", "esx3")
        away = {**at_home, "swp3": "", "swp5": "400"}
        assert scene.proves(**away)
        seen = traffic.stop()
        assert seen["frames"] > 0 and seen["duplicates"] == 0
        assert machine.host.name == "esx3"
        scene.agent.wait("its frames pass where it is now", lambda: probe(machine, station, None).frames)
        admin.move("db-1", "esx2")
        scene.agent.wait_ports({"swp3": "400"})
    finally:
        end()
    scene.add_block("vc1", url(scene), scene.vcenter.certificate)
    scene.reconfigure()
    scene.place.forget_stations()
    assert scene.proves()


@OVS_ONLY
def test_disconnected_host_keeps_its_vlans(scene, admin):
    """What vCenter says of a host that it cannot reach is no proof: its port waits, the others go on."""
    admin.add_distributed("dvs1", "brief", 405)
    scene.wait_carried(swp3="400,405", swp5="400,405")
    admin.disconnect("esx2")
    shown = lambda: {host["name"]: host["connection"] for host in scene.agent.show("host")}["esx2"]
    scene.agent.wait("esx2 is shown as disconnected", lambda: shown() == "disconnected")
    admin.remove_distributed("brief")
    assert scene.proves(swp3="400,405")
    (held,) = scene.agent.port("swp3")["held"]
    assert held["vlan"] == 405 and "esx2 is not connected" in held["reason"]
    admin.reconnect("esx2")
    assert scene.proves()


@OVS_ONLY
def test_two_hypervisors_at_once(scene):
    """A second vCenter knows the same host: the port has what either wants, and each takes away only its own."""
    esx2 = scene.place.hosts["esx2"]
    groups = [{"name": "shared", "vlan": 400}, {"name": "own", "vlan": 401}, {"name": "plain"}]
    world = {"hosts": [host_of(esx2, vswitches=[{"name": "vSwitch0", "uplinks": ["vmnic0"], "portgroups": groups}])]}
    second = scene.add_vcenter("vc2", world, QUICK)
    scene.reconfigure()
    assert scene.proves(swp3="400-401")
    with Admin(second) as admin:
        admin.remove_group("esx2", "shared")
        admin.remove_group("esx2", "own")
    assert scene.proves()
    reasons = scene.agent.cli("why", "swp3", "400")
    assert reasons.returncode == 0 and "vc1" in reasons.stdout
    del scene.blocks["vc2"]
    scene.reconfigure()
    assert scene.proves()


@OVS_ONLY
def test_host_is_added(scene, admin):
    """A host that the vCenter did not know: its wire is found and its VLANs come; when it leaves, its port waits."""
    nic = scene.place.hosts["esx4"].nics["vmnic0"]
    admin.add_host("esx4")
    scene.vcenter.control("pnic", {"host": "esx4", "device": "vmnic0", "mac": nic.mac})
    admin.add_group("esx4", "new", 500)
    scene.hint_heard()
    assert scene.proves(swp6="500")
    admin.add_group("esx1", "brief", 105)
    scene.wait_carried(swp1="100-101,105", swp2="100,105", swp6="500")
    admin.remove_host("esx4")
    admin.remove_group("esx1", "brief")
    assert scene.proves(swp6="500"), "no one says any more what is behind swp6"

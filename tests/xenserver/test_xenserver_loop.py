"""A VLAN follows a network from a XenServer pool to the ports of a real switch, for the oldest and a recent release. The
hosts speak no LLDP: the switch's MAC table says where they are. The tests of a scene tell one story."""
import pytest

from vsnlab import Traffic, probe
from xen_place import XenScene

# Release: the host that the configuration names, a slave in one of them. The wires' tests have the other data plane.
SCENES = {"5.6": "xs2", "8.2": "xs1"}


@pytest.fixture(scope="module", params=SCENES)
def scene(request, xen_place):
    with XenScene(xen_place, request.param, SCENES[request.param]) as scene:
        scene.wait_carried()
        yield scene


def test_exactly_the_vlans_of_the_pool_pass(scene):
    """Both members of a bond carry the same, whichever one is active."""
    assert scene.place.carries(scene.wanted)


def test_wires_are_known_by_the_mac_table(scene):
    wires = scene.wires()
    assert wires["swp3"] == [("xs1", "eth2", "confirmed", "mac-table")]
    assert wires["swp6"] == [("xs2", "eth2", "confirmed", "mac-table")]
    for host, ports in {"xs1": ("swp1", "swp2"), "xs2": ("swp4", "swp5")}.items():
        for port in ports:
            assert {(wire[0], wire[1]) for wire in wires[port]} <= {(host, "eth0"), (host, "eth1")}
            assert {wire[2:] for wire in wires[port]} == {("confirmed", "mac-table")}
    text = scene.agent.cli("show", "virtualwire").stdout
    assert f"bond0's address {scene.place.hosts['xs1'].nics['eth0'].mac}; it is one of eth0, eth1" in text
    assert not any(port in wires for port in ("swp7", "swp8"))


def test_what_is_shown_of_the_pool(scene):
    row = scene.hypervisor()
    assert (row["type"], row["state"], row["hosts"], row["machines"], row["reason"]) == ("xen-citrix", "connected", 2, 3, "")
    assert row["product"] == "XenServer" and row["version"].startswith(scene.release)
    assert ("event.next" if scene.release == "5.6" else "event.from") in row["api"]
    hosts = {host["name"]: host for host in scene.agent.show("host")}
    assert {name: host["connection"] for name, host in hosts.items()} == {"xs1": "connected", "xs2": "connected"}
    assert {nic["nic"]: nic["mac"] for nic in hosts["xs1"]["nics"]} == {
        name: nic.mac for name, nic in scene.place.hosts["xs1"].nics.items()}
    networks = {row["name"]: row for row in scene.agent.show("network")}
    assert {name: networks[name]["vlans"] for name in ("blue", "green", "storage", "backup", "inside")} == {
        "blue": "100", "green": "101", "storage": "", "backup": "200", "inside": ""}
    assert sorted(networks["blue"]["hosts"]) == ["xs1", "xs2"]
    machines = {row["name"]: row for row in scene.agent.show("machine")}
    assert set(machines) == {"web-1", "db-1", "off-1"}, "no templates, snapshots or control domains"
    assert (machines["db-1"]["host"], machines["db-1"]["power"], machines["db-1"]["pending"]) == ("xs2", "on", None)
    assert {(vif["network"], vif["vlans"]) for vif in machines["db-1"]["interfaces"]} == {("green", "101"), ("backup", "200")}
    assert (machines["off-1"]["host"], machines["off-1"]["power"]) == ("", "off")
    assert [(vif["network"], vif["vlans"]) for vif in machines["off-1"]["interfaces"]] == [("green", "101")]


def test_vlan_comes_changes_and_goes(scene):
    pool = scene.pool
    pool.control("network", {"name": "new", "vlan": 102, "device": "bond0"})
    wider = dict.fromkeys(("swp1", "swp2", "swp4", "swp5"), "100-102")
    assert scene.proves(**wider)
    reasons = scene.agent.cli("why", "swp2", "102")
    assert reasons.returncode == 0 and "pool1" in reasons.stdout and "new" in reasons.stdout
    pool.control("vlan", network="new", tag=103)
    assert scene.proves(**dict.fromkeys(wider, "100-101,103"))
    pool.control("vlan", network="new", host="xs2")
    assert scene.proves(swp1="100-101,103", swp2="100-101,103")
    pool.control("vlan", network="new", host="xs1")
    assert scene.proves()


MANY = 50       # frames: a busy machine may lose some


def test_bond_that_fails_over_loses_nothing(scene):
    """The other member carries the same VLANs already: a machine's frames go on as soon as the bond does."""
    host, machine = scene.place.hosts["xs1"], scene.plane.machines["web-1"]
    added = len(scene.agent.show("audit"))
    assert probe(machine, scene.place.station, None, MANY).frames, "through eth0"
    host.use_uplink("bond0", "eth1")
    try:
        assert probe(machine, scene.place.station, None, MANY).frames, "through eth1, at once"
        assert scene.proves()
    finally:
        host.use_uplink("bond0", "eth0")
    assert len(scene.agent.show("audit")) == added, "nothing had to be changed"


def test_machine_on_its_way_is_seen_before_it_arrives(scene):
    """A pending move, with its destination, while the machine still runs where it was; its frames pass before and after."""
    machine, station = scene.plane.machines["web-1"], scene.place.station
    end = scene.pool.follow(scene.plane)
    try:
        for destination, source in (("xs2", "xs1"), ("xs1", "xs2")):
            scene.pool.migrate("web-1", destination)
            row = scene.agent.wait("it is pending", lambda: pending(scene, "web-1"), every=0.02)
            assert row["host"] == source
            assert (row["pending"]["kind"], row["pending"]["from"], row["pending"]["to"]) == ("migrate", source, destination)
            scene.agent.wait("it is there", lambda: scene.machine("web-1")["host"] == destination)
            scene.agent.wait("it is pending no more", lambda: scene.machine("web-1")["pending"] is None)
            scene.agent.wait("its frames pass", lambda: machine.host.name == destination and
                             probe(machine, station, None).frames)
    finally:
        end()


def pending(scene, name):
    row = scene.machine(name)
    return row if row["pending"] else None


@pytest.fixture
def steady(scene):
    """During the test frames pass all the time, and no VLAN is taken away from any port or added to one."""
    before = scene.agent.show("audit")
    flows = [Traffic(scene.place.station, scene.place.nic(port), vlans, interval_ms=20)
             for port, vlans in (("swp1", "100-101"), ("swp4", "100-101"), ("swp6", "200"))]
    for flow in flows:
        flow.wait_frame()
    yield
    lost = [flow.stop()["lost"] for flow in flows]
    assert lost == [0, 0, 0]
    assert scene.agent.show("audit") == before
    assert scene.proves()


def follows(scene, name):
    """A change in the pool, by whoever is its master, still arrives at the switch; a network that no port needs."""
    scene.pool.control("network", {"name": name})
    scene.agent.wait(f"{name} is seen", lambda: name in {row["name"] for row in scene.agent.show("network")}, timeout=40)


def wait_master(scene, name):
    """Waits until vsn follows that host, by the pool's own count of sessions."""
    def there():
        members = {each["name"]: each for each in scene.pool.state(brief=True)["members"]}
        return members[name]["role"] == "master" and members[name]["sessions"] == 1 and \
            scene.hypervisor()["state"] == "connected"
    scene.agent.wait(f"{name} is followed", there, timeout=40)


def test_master_changes_in_order(scene, steady):
    logins = scene.pool.state(brief=True)["logins"]
    scene.pool.control("designate", host="xs2")
    scene.agent.wait("another login", lambda: scene.pool.state(brief=True)["logins"] > logins, timeout=40)
    wait_master(scene, "xs2")
    follows(scene, "after-hand-over")


def test_master_crashes(scene, steady):
    """The slave names the dead one for a while, then it is nobody's, then it is promoted."""
    master = scene.pool.state(brief=True)["master"]
    other = {"xs1": "xs2", "xs2": "xs1"}[master]
    scene.pool.control("crash", host=master, how={"5.6": "reset", "8.2": "refuse"}[scene.release], notice=0.5)
    scene.agent.wait_state("stale", "pool1")
    scene.pool.control("promote", host=other)
    wait_master(scene, other)
    follows(scene, "after-crash")

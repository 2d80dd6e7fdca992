"""What the driver of the Linux bridge must bear: notices that are lost, and LAGs."""
import urllib.parse

import pytest

from config_module import Config
from vsnlab import BridgePlane

NOISE = 1500    # VLANs put on swp3 and taken off again, one message each: more notices than a listener has room for


@pytest.fixture(scope="module")
def plane():
    with BridgePlane() as world:
        world.create_switch(4, lldp=None)
        yield world


@pytest.fixture
def folder(plane):
    path = f"{plane.dir}/{plane.next_number()}"
    plane.run(["mkdir", "-p", path], check=True)
    return path


def drops_of(plane, pid):
    """What the netlink sockets of a process have lost."""
    inodes = plane.run(["sh", "-c", f"ls -l /proc/{pid}/fd"]).stdout
    rows = [line.split() for line in plane.read("/proc/net/netlink").decode().splitlines()[1:]]
    return sum(int(row[8]) for row in rows if f"[{row[9]}]" in inodes)


def make_noise(plane, folder):
    lines = [f"vlan {verb} dev swp3 vid {vlan}\n" for vlan in range(1000, 1000 + NOISE) for verb in ("add", "del")]
    plane.write(f"{folder}/noise", "".join(lines).encode())
    plane.run(["bridge", "-batch", f"{folder}/noise"], check=True, timeout=60)


def test_notices_that_were_lost_are_made_up_for(plane, folder):
    config = Config(plane, folder)
    config.change("swp1", add="100-101")
    config.signal("STOP")
    make_noise(plane, folder)
    plane.remove_vlans("swp1", "100")
    plane.add_vlans("swp2", "160")
    lost = drops_of(plane, config.pid)
    config.signal("CONT")
    assert lost > 0
    assert " tagged=101 owned=100-101 " in config.wait("new port id=swp1")
    assert " tagged=160 " in config.wait("new port id=swp2")
    assert "added=100" in config.change("swp1", add="100")
    plane.remove_vlans("swp2", "160")
    config.change("swp1", remove="100-101")
    assert config.close() == 0


def test_a_change_after_lost_notices_is_made_on_what_is_there(plane, folder):
    """The change is waiting together with the overrun: the ports are read before it is carried out."""
    config = Config(plane, folder)
    config.change("swp1", add="100")
    config.signal("STOP")
    make_noise(plane, folder)
    plane.add_vlans("swp1", "150")
    config.order(("swp1", "150-151", "100"))
    assert drops_of(plane, config.pid) > 0
    config.signal("CONT")
    assert "added=150-151 removed=100" in config.wait("new outcome id=2")
    assert "VLAN 150 was not added by vsn" in config.change("swp1", remove="150-151")
    assert plane.vlans("swp1") == {150}
    plane.remove_vlans("swp1", "150")
    assert config.close() == 0


def members_of(line):
    """The members that a port's row tells; their order is the kernel's."""
    words = dict(word.split("=", 1) for word in urllib.parse.unquote(line).split(" ")[2:] if "=" in word)
    return set(filter(None, words.get("members", "").split(",")))


@pytest.mark.parametrize("kind", ["bond", "team"])
def test_a_lag_is_one_port(plane, folder, kind):
    make = "type bond mode 802.3ad miimon 100" if kind == "bond" else "type team"
    plane.sh(f"modprobe -d /run/modules {'bonding' if kind == 'bond' else 'team'}\nip link add lag1 {make}\n"
             f"for i in 1 2; do ip link add {kind}$i type veth peer name {kind}$i.out; ip link set {kind}$i.out up\n"
             f"ip link set {kind}$i down; ip link set {kind}$i master lag1; done\n"
             f"ip link set lag1 up; ip link set lag1 master {plane.bridge}\n")
    config = Config(plane, folder, more=["lag1"])
    assert "lag1" in config.ports and f"{kind}1" not in config.ports
    assert members_of(config.ports["lag1"]) == {f"{kind}1", f"{kind}2"}
    assert members_of(config.ports["swp1"]) == set()
    assert "added=100-101" in config.change("lag1", add="100-101")
    assert plane.vlans("lag1") == {100, 101} and plane.native("lag1") == 1
    plane.sh(f"ip link set {kind}1 nomaster\n")    # a LAG that loses a member keeps its VLANs
    while members_of(line := config.wait("new port id=lag1")) != {f"{kind}2"}:
        pass
    assert " tagged=100-101 " in line
    assert "removed=100" in config.change("lag1", remove="100")
    assert plane.vlans("lag1") == {101}
    plane.sh("ip link del lag1\nfor i in 1 2; do ip link del " + kind + "$i; done\n")
    config.wait("gone port id=lag1")
    assert config.close() == 0


def test_the_partner_of_a_lag_is_told(plane, folder):
    """Two bonds with LACP between them, one of which is the switch's port; the other stops and comes back as another."""
    plane.sh("modprobe -d /run/modules bonding\n"
             "for lag in lag1 host; do ip link add $lag type bond mode 802.3ad miimon 50 lacp_rate fast; done\n"
             "ip link set host address 02:00:00:00:00:77\n"
             "for i in 1 2; do ip link add near$i type veth peer name far$i\n"
             "ip link set near$i master lag1; ip link set far$i master host; done\n"
             f"ip link set lag1 up; ip link set lag1 master {plane.bridge}\n")
    config = Config(plane, folder, more=["lag1"])
    assert members_of(config.ports["lag1"]) == {"near1", "near2"}
    assert " partner=" not in config.ports["lag1"] or " partner=00:00:00:00:00:00" in config.ports["lag1"]
    plane.sh("ip link set host up\n")
    config.wait("partner=02:00:00:00:00:77")
    plane.sh("ip link set host down; ip link set host type bond ad_actor_system 02:00:00:00:00:78; ip link set host up\n")
    config.wait("partner=02:00:00:00:00:78")
    plane.sh("ip link del lag1; ip link del host; ip link del near1; ip link del near2\n")
    config.wait("gone port id=lag1")
    assert config.close() == 0

"""The drivers on real switches: the contract suite, and the Config Module and the neighbour process around them."""
import time
import urllib.parse

from config_module import HAND, Child, Config, driver_of
from vsnlab import BUILD, until

def test_the_driver_keeps_its_contract(plane):
    driver, arguments, where = driver_of(plane)
    done = plane.run([f"{BUILD}/tests/contract/contract", driver, arguments, "swp1", "swp2",
                      f"{HAND} {driver} {where}"], timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert plane.vlans("swp1") == plane.vlans("swp2") == set()
    assert plane.native("swp1") == 1


def test_what_is_asked_for_is_on_the_switch_and_survives_a_kill(plane, folder):
    config = Config(plane, folder)
    plane.add_vlans("swp1", "150")
    outcome = config.change("swp1", add="100-102,150,300")
    assert "added=100-102,150 " in outcome and "VLAN 300 is not allowed there" in outcome
    assert plane.vlans("swp1") == {100, 101, 102, 150}
    assert "not enabled for vsn" in config.change("swp4", add="100")

    assert config.kill() != 0
    assert plane.vlans("swp1") == {100, 101, 102, 150}
    config = Config(plane, folder)
    assert "owned=100-102 " in config.ports["swp1"]
    outcome = config.change("swp1", remove="100-102,150")
    assert "removed=100-102 " in outcome and "VLAN 150 was not added by vsn" in outcome
    assert plane.vlans("swp1") == {150} and plane.native("swp1") == 1
    plane.remove_vlans("swp1", "150")
    assert config.close() == 0


def test_an_end_leaves_the_vlans(plane, folder):
    config = Config(plane, folder)
    config.change("swp1", add="100")
    assert config.kill("TERM") == 0
    assert plane.vlans("swp1") == {100}
    config = Config(plane, folder)
    assert config.close() == 0
    assert plane.vlans("swp1") == {100}
    config = Config(plane, folder)
    config.change("swp1", remove="100")
    assert config.close() == 0
    assert plane.vlans("swp1") == set()


def test_the_hand_of_another_is_seen_at_once(plane, folder):
    config = Config(plane, folder)
    config.change("swp1", add="100-101")
    plane.remove_vlans("swp1", "100")
    started = time.monotonic()
    assert " tagged=101 owned=100-101 " in config.wait("new port id=swp1")
    assert time.monotonic() - started < 2
    assert "added=100" in config.change("swp1", add="100")
    plane.add_vlans("swp1", "160")
    assert " tagged=100-101,160 owned=100-101 " in config.wait("tagged=100-101,160")
    plane.remove_vlans("swp1", "160")
    config.change("swp1", remove="100-101")
    assert config.close() == 0


def test_a_mac_address_that_the_switch_learns_is_told(plane, folder):
    config = Config(plane, folder)
    plane.add_vlans("swp4", "170")
    plane.host.nics["vmnic0"].send([170], 3)
    learnt = config.wait("learnt=1,170" if plane.kind != "ovs" else "learnt=")
    assert "id=swp4" in learnt and "learnt_known=yes" in learnt and "170" in learnt.split("learnt=")[1]
    mac = plane.host.nics["vmnic0"].mac
    config.say("begin policy", "new policy id=swp4 allowed=100-199", "end policy")
    assert f"owner=swp4 id={mac}/170 mac={mac} vlan=170" in config.wait("/170 mac=")
    plane.remove_vlans("swp4", "170")
    assert config.close() == 0


def test_a_port_that_goes_and_comes_back(plane, folder):
    config = Config(plane, folder)
    config.change("swp2", add="100")
    if plane.kind == "ovs":
        plane.vsctl("del-port", plane.bridge, "swp2")
        assert "id=swp2" in config.wait("gone port")
        plane.vsctl("add-port", plane.bridge, "swp2", "vlan_mode=native-untagged", "tag=1", "trunks=4095")
    else:
        plane.sh("ip link set swp2 nomaster")
        assert "id=swp2" in config.wait("gone port")
        plane.sh(f"ip link set swp2 master {plane.bridge}")
    config.wait("new port id=swp2")
    assert "added=100" in config.change("swp2", add="100")
    assert plane.vlans("swp2") == {100}
    config.change("swp2", remove="100")
    assert config.close() == 0


def test_a_switch_that_goes_away_is_tried_again(plane, folder):
    config = Config(plane, folder)
    config.change("swp1", add="100")
    if plane.kind == "ovs":
        plane.stop_switch("ovsdb-server")
    else:
        plane.sh(f"ip link set {plane.bridge} down\nip link set {plane.bridge} name away up\n")
    assert "reason=" in config.wait("state=unreachable")
    config.say("new change id=77 port=swp1 add=101")
    assert "the switch is not reachable" in config.wait("new outcome id=77")
    if plane.kind == "ovs":
        plane.start_switch("ovsdb-server")
    else:
        plane.sh(f"ip link set away down\nip link set away name {plane.bridge} up\n")
    config.wait("begin port")
    assert " tagged=100 owned=100 " in config.wait("new port id=swp1")
    config.wait("state=ready")
    config.change("swp1", remove="100")
    assert plane.vlans("swp1") == set()
    assert config.close() == 0


def test_ports_that_must_not_be_written_say_what_to_do(plane, folder):
    driver, _, where = driver_of(plane)
    config = Config(plane, folder)
    plane.run([HAND, driver, where, "bar", "swp1"], check=True)
    line = config.wait("new port id=swp1")
    assert ("vlan_mode=native-untagged" if plane.kind == "ovs" else "vlan_filtering 1") in line
    assert "problem=" in config.change("swp1", add="100")
    plane.run([HAND, driver, where, "unbar", "swp1"], check=True)
    until("swp1 can be written again", lambda: "problem" not in config.change("swp1", add="100"))
    config.change("swp1", remove="100")
    if plane.kind == "ovs":
        plane.vsctl("clear", "port", "swp1", "trunks")
        line = config.wait("open=yes")
        assert "trunks=4095" in line and "id=swp1" in line
        assert "problem=" in config.change("swp1", add="100")
        assert "trunks              : []" in plane.vsctl("list", "port", "swp1")
        plane.vsctl("set", "port", "swp1", "trunks=4095")
        until("swp1 is closed", lambda: "added=100" in config.change("swp1", add="100"))
        config.change("swp1", remove="100")
    else:
        plane.sh("bridge vlan add dev swp1 vid 160 untagged\n")
        assert "VLAN 160 is carried untagged there" in config.change("swp1", add="101,160")
        rows = plane.run(["bridge", "vlan", "show", "dev", "swp1"]).stdout
        assert "160 Egress Untagged" in rows and "1 PVID Egress Untagged" in rows
        plane.sh("bridge vlan del dev swp1 vid 160\n")
    assert config.close() == 0


def test_the_last_vlan_goes_and_the_port_does_not_open(plane, folder):
    config = Config(plane, folder)
    if plane.kind == "ovs":
        plane.vsctl("set", "port", "swp1", "trunks=150")    # no id that stands for "none"
    else:
        plane.add_vlans("swp1", "150")
    config.change("swp1", add="101")
    plane.remove_vlans("swp1", "150")
    assert "removed=101" in config.change("swp1", remove="101")
    assert plane.vlans("swp1") == set() and plane.native("swp1") == 1
    if plane.kind == "ovs":
        assert "trunks              : [4095]" in plane.vsctl("list", "port", "swp1")
    assert config.close() == 0


def test_a_freeze_file_stops_every_write(plane, folder):
    config = Config(plane, folder)
    config.change("swp1", add="100")
    plane.write(f"{folder}/freeze", b"")
    assert "frozen" in config.change("swp1", add="101", remove="100")
    assert plane.vlans("swp1") == {100}
    plane.run(["rm", f"{folder}/freeze"], check=True)
    assert "removed=100" in config.change("swp1", remove="100")
    assert config.close() == 0


# What the switch hears and says

def row_of(line):
    return {key: urllib.parse.unquote(value) for key, value in (w.split("=", 1) for w in line.split()[2:])}


def read_list(child, table):
    """The next whole list of a table."""
    child.process.wait_line(f"begin {table}", timeout=15)
    rows = []
    while (line := child.process.read_line(15)) != f"end {table}":
        rows.append(row_of(line))
    return rows


def wait_list(child, table, complete):
    """The first list that 'complete' says yes to."""
    while not complete(rows := read_list(child, table)):
        pass
    return rows


def test_neighbours_are_told_with_their_addresses(plane):
    nics = plane.host.nics
    child = Child(plane, "vsn-neighbor", "--lldpd-socket", plane.lldpd.socket)
    adverts = {row["id"]: row for row in read_list(child, "advert")}
    assert adverts["swp4"]["system"] == "tor-1" and adverts["swp4"]["port"] == "swp4"
    rows = wait_list(child, "neighbor", lambda rows: {"swp3", "swp4"} <= {row["owner"] for row in rows})
    by_lldp = next(row for row in rows if row["owner"] == "swp4" and row["protocol"] == "lldp")
    assert by_lldp["port_mac"] == nics["vmnic0"].mac and by_lldp["system"] == "esx1"
    by_cdp = next(row for row in rows if row["owner"] == "swp3" and row["protocol"] == "cdp")
    assert by_cdp["system"] == "esx1" and "chassis_mac" not in by_cdp
    assert child.close() == 0


def test_a_neighbour_may_call_itself_anything(plane):
    hostile = "x\x1b[31m% id=forged\\n\u202e" + "y" * 300
    lldpd = next(daemon for daemon in plane.host.lldpds if daemon.mode == "lldp")
    child = Child(plane, "vsn-neighbor", "--lldpd-socket", plane.lldpd.socket)
    lldpd.rename(hostile)
    rows = wait_list(child, "neighbor", lambda rows: any("forged" in row.get("system", "") for row in rows))
    row = next(row for row in rows if "forged" in row["system"])
    assert row["system"].startswith("x\x1b[31m% id=forged") and len(row["system"].encode()) <= 255
    assert row["owner"] == "swp4"
    lldpd.rename("esx1")
    assert child.close() == 0


def test_what_lldpd_told_is_kept_while_it_is_away(plane):
    child = Child(plane, "vsn-neighbor", "--lldpd-socket", plane.lldpd.socket)
    wait_list(child, "neighbor", lambda rows: any(row["owner"] == "swp4" for row in rows))
    plane.lldpd.stop()
    assert child.process.wait_line("unknown neighbor", timeout=15)
    plane.lldpd.start()
    assert wait_list(child, "neighbor", lambda rows: any(row["owner"] == "swp4" for row in rows))
    assert child.kill("TERM") == 0

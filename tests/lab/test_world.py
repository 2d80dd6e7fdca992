"""The lab's own promises: what it says passes, is heard or was lost is so on both planes."""
import json
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

from vsnlab import OvsPlane, Traffic, UmlPlane, WorldError, probe, until

PLANES = {"ovs": OvsPlane, "uml": UmlPlane}


@pytest.fixture(scope="module", params=PLANES)
def plane(request):
    with PLANES[request.param]() as plane:
        plane.create_switch(8)
        yield plane


@pytest.fixture(scope="module")
def station(plane):
    return plane.create_station("swp8")


@pytest.fixture(scope="module")
def listener(plane):
    """An ESXi host with two cards on a standard switch: it only listens, and only to CDP."""
    return plane.create_host("esx01.example.net", {"vmnic0": "swp1", "vmnic1": "swp2"}, discovery="cdp-listen")


@pytest.fixture(scope="module")
def speaker(plane):
    """A host whose distributed switch speaks LLDP."""
    return plane.create_host("esx02.example.net", {"vmnic0": "swp3"}, {"dvs1": ["vmnic0"]}, discovery="lldp",
                             macs={"vmnic0": "00:50:56:00:02:01"})


@pytest.fixture
def closed(plane):
    """Takes the VLANs away again that a test gives to a port."""
    ports = []
    def give(port, vlans):
        ports.append(port)
        plane.add_vlans(port, vlans)
    yield give
    for port in ports:
        if left := plane.vlans(port):
            plane.remove_vlans(port, left)


def test_ports_start_closed(plane, station, listener):
    nic = listener.nics["vmnic0"]
    assert plane.vlans("swp1") == set() and plane.native("swp1") == 1
    assert probe(station, nic, "none,1-4094", count=1).passed == {None}
    assert probe(nic, station, "none,1-4094", count=1).passed == {None}


def test_vlan_check(plane, listener, speaker, closed):
    """The check of every data plane: exactly the VLANs that both ports carry pass, and untagged frames."""
    first, second, third = listener.nics["vmnic0"], listener.nics["vmnic1"], speaker.nics["vmnic0"]
    closed("swp1", "100-101")
    closed("swp2", "100")
    closed("swp3", "200")

    def arrivals():
        plane.settle()
        listeners = [second.listen(), third.listen()]
        run = first.send("none,100,101,200", count=5)["run"]
        return [{flow["received"]: flow["frames"] for flow in each.stop() if flow["run"] == run}
                for each in listeners]

    assert arrivals() == [{None: 5, 100: 5}, {None: 5}]
    plane.add_vlans("swp2", "101")
    plane.remove_vlans("swp2", "100")
    assert arrivals() == [{None: 5, 101: 5}, {None: 5}]
    plane.add_vlans("swp1", "200")
    assert arrivals() == [{None: 5, 101: 5}, {None: 5, 200: 5}]


def test_exactly_these_of_all(plane, station, listener, closed):
    closed("swp1", "100,200-210,4094")
    expected = {None, 100, 4094, *range(200, 211)}
    seen = probe(station, listener.nics["vmnic0"], "none,1-4094")
    assert seen.exact == seen.passed == expected
    assert plane.vlans("swp1") == expected - {None} and plane.native("swp1") == 1
    assert probe(station, listener.nics["vmnic0"], "none", count=1).frames == {None: 1}


def test_heard(plane, listener, speaker):
    heard = listener.wait_heard()
    for nic, port in (("vmnic0", "swp1"), ("vmnic1", "swp2")):
        assert [(n["protocol"], n["system"], n["port_id"], n["address"]) for n in heard[nic]] == [
            ("CDP", "tor-1", port, "192.0.2.10")]
    assert [(n["protocol"], n["system"], n["port_id"]) for n in speaker.wait_heard()["vmnic0"]] == [
        ("LLDP", "tor-1", "swp3")]
    # The switch hears the speaker by the address of its card, and of the listener nothing.
    neighbours = {n["nic"]: (n["protocol"], n["system"], n["port_id"]) for n in plane.lldpd.wait_heard(["swp3"])}
    assert neighbours == {"swp3": ("LLDP", "esx02.example.net", "00:50:56:00:02:01")}


def test_machine_moves(plane, station, listener, speaker, closed):
    closed("swp1", "300")
    machine = plane.create_machine("web-1", listener, 300)
    traffic = Traffic(machine, station)
    assert traffic.wait_frame() == (-1, 300, 0)
    assert ("swp1", 300, machine.mac) in plane.fdb()
    machine.move(speaker, "dvs1")
    assert probe(machine, station, None, count=5).frames == {}, "swp3 does not carry 300 yet"
    closed("swp3", "300")
    assert probe(machine, station, None, count=5).flows[0]["received"] == 300
    moved = lambda: ("swp3", 300, machine.mac) in plane.fdb()
    until("the switch learns the machine on swp3", moved)
    seen = traffic.stop()
    assert 0 < seen["lost"] < seen["sent"] and seen["duplicates"] == 0
    # The change of its port group takes it to another VLAN at once.
    closed("swp3", "301")
    machine.set_vlan(301)
    assert {flow["received"] for flow in probe(machine, station, None).flows} == {301}
    machine.set_vlan("302-303")
    closed("swp3", "303")
    assert probe(machine, station, "302-303").exact == {303}


def test_other_uplink_and_other_port(plane, station, listener, closed):
    machine = plane.create_machine("db-1", listener, 310)
    closed("swp2", "310")
    assert not machine.reaches(station), "vmnic0 is the active card and swp1 does not carry 310"
    listener.use_uplink("vSwitch0", "vmnic1")
    assert machine.reaches(station)
    listener.use_uplink("vSwitch0", "vmnic0")
    closed("swp7", "310")
    listener.nics["vmnic0"].move_cable("swp7")
    assert machine.reaches(station)
    until("the host hears the new port",
          lambda: "swp7" in {n["port_id"] for n in listener.heard()["vmnic0"]}, every=0.1)
    listener.nics["vmnic0"].move_cable("swp1")
    assert not machine.reaches(station)


def test_frames_are_counted(plane, station, listener):
    """Numbers 0, 1, 1 and 3 of five: two never came, one came twice."""
    words = "0x76736e31, 7, 4096, number, 5"
    script = ("import socket, struct\ns = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\ns.bind(('vmnic0', 0))\n"
              "for number in (0, 1, 1, 3):\n"
              f"    s.send(bytes([255] * 6 + [2, 0, 0, 0, 0, 9]) + struct.pack('>H5I26x', 0x88b5, {words}))\n")
    ear = station.listen()
    plane.run(["/usr/bin/python3", "-I", "-S", "-c", script], netns=listener.netns, check=True)
    flow = next(flow for flow in ear.stop() if flow["run"] == 7)
    assert (flow["frames"], flow["lost"], flow["duplicates"]) == (4, 2, 1)


def test_the_world_reaches_this_side(plane):
    server = socket.create_server(("127.0.0.1", 0))
    def serve():
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"hello\n" + connection.recv(100))
    threading.Thread(target=serve, daemon=True).start()
    address, port = plane.vcenter_address(server.getsockname()[1]).split(":")
    script = (f"import socket; s = socket.create_connection(('{address}', {port})); s.sendall(b'there'); "
              "print(s.makefile().read())")
    done = plane.run(["/usr/bin/python3", "-I", "-S", "-c", script])
    assert done.stdout == "hello\nthere\n", done.stderr


def test_processes(plane, tmp_path):
    talker = plane.spawn(["sh", "-c", "echo ready; read word; echo got $word; exit 7"])
    talker.wait_line("ready")
    talker.write("this\n")
    assert talker.wait_line("got") == "got this" and talker.wait() == 7
    stuck = plane.spawn(["sh", "-c", "echo on; exec cat"], log=f"{plane.dir}/stuck.log")
    stuck.wait_line("on")
    stuck.kill()
    assert stuck.wait() == -signal.SIGKILL
    with pytest.raises(WorldError):
        plane.spawn(["/nonexistent"])
    plane.write(f"{plane.dir}/made/file", "text")
    plane.fetch(f"{plane.dir}/made", tmp_path)
    assert (tmp_path / "file").read_text() == "text"


def processes_of(folder):
    """The processes whose environment names a world's folder."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as environ:
                if f"WORLD_DIR={folder}\0".encode() in environ.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


@pytest.mark.parametrize("kind", PLANES)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left(kind, number):
    script = ("import sys; from vsnlab import *; plane = {'ovs': OvsPlane, 'uml': UmlPlane}[sys.argv[1]]().start()\n"
              "plane.create_switch(2); plane.create_host('h', {'nic0': 'swp1'})\n"
              "print(plane.host_dir, flush=True); sys.stdin.read()")
    lab = subprocess.Popen([sys.executable, "-c", script, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                           env={**os.environ, "PYTHONPATH": os.path.join(os.path.dirname(__file__), "../../lab")})
    folder = lab.stdout.readline().decode().strip()
    assert len(processes_of(folder)) > 5
    lab.send_signal(number)
    lab.wait()
    until("the world and its folder are gone", lambda: not os.path.exists(folder) and not processes_of(folder))
    names = subprocess.run(["ip", "-j", "netns"], capture_output=True, text=True).stdout
    assert not {"switch", "h"} & {entry["name"] for entry in json.loads(names or "[]")}


def test_open_vswitch_comes_back():
    """A switch whose daemons were killed forwards as before once they are back."""
    with OvsPlane() as plane:
        plane.create_switch(2, lldp=None)
        station = plane.create_station("swp2")
        card = plane.create_host("h", {"nic0": "swp1"}, {}, discovery=None).nics["nic0"]
        plane.add_vlans("swp1", "100")
        for daemon in ("ovs-vswitchd", "ovsdb-server"):
            plane.stop_switch(daemon)
            plane.start_switch(daemon)
            # After its database came back, Open vSwitch 3.1 forwards nothing for about a second.
            until(f"{daemon} is back and frames pass",
                  lambda: probe(station, card, "100-101").exact == {100})

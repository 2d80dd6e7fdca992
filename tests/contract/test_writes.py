"""The Config Module while it writes: in which order, and what is left when it or the switch's own daemon dies in the middle."""
import json
import re

import pytest

from config_module import Config
from vsnlab import OvsPlane, until


# What a watcher sees

class Watcher:
    """Everything that the switch's own monitor says of VLANs on swp1 and swp2, in its order: [(sign, port, VLAN)]."""

    def __init__(self, plane):
        self.plane = plane
        if plane.kind == "ovs":
            self.process = plane.spawn(["ovsdb-client", "--format=json", "monitor", plane.database, "Port",
                                        "name,trunks"])
        else:
            self.process = plane.spawn(["stdbuf", "-oL", "bridge", "monitor", "vlan"])
        until("it listens", self._hears_swp3)

    def _hears_swp3(self):
        self.plane.add_vlans("swp3", "997")
        self.plane.remove_vlans("swp3", "997")
        return any("997" in line for line in self.process.lines)

    def events(self):
        """Those so far: a VLAN that is put on swp3 by hand marks the end."""
        self.plane.add_vlans("swp3", "998")
        events = []
        while (line := self.process.read_line(15)) is not None:
            new = self._ovs(line) if self.plane.kind == "ovs" else self._bridge(line)
            if ("+", "swp3", 998) in new:
                break
            events += [event for event in new if event[1] in ("swp1", "swp2")]
        self.process.kill()
        self.plane.remove_vlans("swp3", "998")
        return events

    def _bridge(self, line):
        """'Deleted swp1  100-102' or 'swp1  100'"""
        words = line.replace("[VLAN]", "").split()
        sign = "-" if words and words[0] == "Deleted" else "+"
        words = words[1:] if sign == "-" else words
        found = re.fullmatch(r"(\d+)(?:-(\d+))?", words[1]) if len(words) > 1 else None
        if not found:
            return []
        return [(sign, words[0], vlan) for vlan in range(int(found[1]), int(found[2] or found[1]) + 1)]

    def _ovs(self, line):
        """{"data": [[uuid, "old", name or "", trunks], ["", "new", ...]], ...}"""
        events, old = [], {}
        for uuid, action, name, trunks in json.loads(line)["data"]:
            vlans = set(trunks[1]) if isinstance(trunks, list) else {trunks}
            if action == "old":
                old = vlans
            elif action == "new":
                events += [("+", name, vlan) for vlan in sorted(vlans - old - {4095})]
                events += [("-", name, vlan) for vlan in sorted(old - vlans - {4095})]
        return events


def test_everything_is_added_before_anything_goes(plane, folder):
    config = Config(plane, folder)
    config.batch(("swp1", "100", ""), ("swp2", "101", ""))
    watcher = Watcher(plane)
    outcomes = config.batch(("swp1", "110-112", "100"), ("swp2", "120", "101"))
    assert all("problem=" not in outcome for outcome in outcomes)
    events = watcher.events()
    assert sorted(events) == sorted([("+", "swp1", vlan) for vlan in (110, 111, 112)] +
                                    [("+", "swp2", 120), ("-", "swp1", 100), ("-", "swp2", 101)])
    signs = [sign for sign, _, _ in events]
    assert signs == sorted(signs, key="+-".index), events
    if plane.kind != "ovs":    # port by port: what comes first is opened first and closed last
        assert [port for sign, port, _ in events if sign == "+"][0] == "swp1"
        assert [port for sign, port, _ in events if sign == "-"] == ["swp2", "swp1"]
    config.batch(("swp1", "", "110-112"), ("swp2", "", "120"))
    assert config.close() == 0


def test_the_same_again_reaches_the_switch_once(plane, folder):
    config = Config(plane, folder)
    plane.add_vlans("swp2", "150")
    watcher = Watcher(plane)
    for _ in range(3):
        outcomes = config.batch(("swp1", "100-101", "130"), ("swp2", "150", "131"))
        assert all("problem=" not in outcome for outcome in outcomes)
    assert watcher.events() == [("+", "swp1", 100), ("+", "swp1", 101)]
    config.change("swp1", remove="100-101")
    plane.remove_vlans("swp2", "150")
    assert config.close() == 0


# Ends

def killed_at(plane, folder, call, when):
    """Has vsn-config killed before the 'when'th system call of that name while it carries out a batch; False when it made
    fewer. Then another one is told the same again: nothing may be lost, opened, or forgotten."""
    plane.run(["mkdir", "-p", folder], check=True)
    config = Config(plane, folder)
    plane.add_vlans("swp1", "150")
    config.batch(("swp1", "100", ""), ("swp2", "101", ""))
    tracer = plane.spawn(["strace", "-p", str(config.pid), "-e", f"trace={call}", "-e",
                          f"inject={call}:signal=KILL:when={when}", "-o", f"{folder}/trace"],
                         log=f"{folder}/attached")
    until("strace is attached", lambda: b"attached" in plane.read(f"{folder}/attached"))
    batch = [("swp1", "102", "100"), ("swp2", "103", "101")]
    config.order(*batch)
    if not (died := strikes(config)):
        config.close()
    tracer.wait()
    assert 150 in plane.vlans("swp1") and plane.vlans("swp1") & {100, 102} and plane.vlans("swp2") & {101, 103}
    assert plane.vlans("swp1") <= {100, 102, 150} and plane.vlans("swp2") <= {101, 103}
    config = Config(plane, folder)
    assert all("problem=" not in outcome for outcome in config.batch(*batch))
    assert plane.vlans("swp1") == {102, 150} and plane.vlans("swp2") == {103}
    assert [plane.native(port) for port in ("swp1", "swp2")] == [1, 1]
    config.batch(("swp1", "", "102,150"), ("swp2", "", "103"))
    assert plane.vlans("swp1") == {150} and plane.vlans("swp2") == set()
    plane.remove_vlans("swp1", "150")
    assert config.close() == 0
    return died


def strikes(config):
    """True when it ends instead of telling both outcomes."""
    told = 0
    while told < 2:
        line = config.process.read_line(15)
        if line is None:
            return True
        told += line.startswith("new outcome")
    return False


@pytest.mark.parametrize("call", ["write", "fdatasync", "sendto"])
def test_a_kill_before_any_write_loses_and_opens_nothing(plane, folder, call):
    when = 1
    while killed_at(plane, f"{folder}/{call}{when}", call, when):
        when += 1
    assert when > (1 if call == "fdatasync" else 2)


def waits_for_an_answer(plane, config):
    """It is in poll(2), or in ppoll(2), as when it has asked the switch; its loop waits with epoll."""
    return plane.read(f"/proc/{config.pid}/syscall").split()[0] in (b"7", b"271")


@pytest.mark.parametrize("plane", [pytest.param(OvsPlane, id="open-vswitch")], indirect=True)
@pytest.mark.parametrize("stopped", ["ovsdb-server", "ovs-vswitchd"])
def test_a_database_that_is_started_again_in_the_middle(plane, folder, stopped):
    """With ovsdb-server stopped the transaction is on its way to it, with ovs-vswitchd it is in the database and not done."""
    config = Config(plane, folder)
    config.batch(("swp1", "100", ""), ("swp2", "101", ""))
    pid = plane.read(f"{plane.switch_dir}/{stopped}.pid").decode().strip()
    plane.run(["kill", "-STOP", pid], check=True)
    batch = [("swp1", "102", "100"), ("swp2", "103", "101")]
    config.order(*batch)
    until("it has asked", lambda: waits_for_an_answer(plane, config))
    plane.stop_switch("ovsdb-server")
    if stopped == "ovs-vswitchd":
        plane.run(["kill", "-CONT", pid], check=True)
    assert "problem=" in config.wait("new outcome id=3 port=swp1")
    assert "problem=" in config.wait("new outcome id=4 port=swp2")
    plane.start_switch("ovsdb-server")
    config.wait("state=ready")
    assert plane.vlans("swp1") >= {100} and plane.vlans("swp2") >= {101}
    assert all("problem=" not in outcome for outcome in config.batch(*batch))
    assert plane.vlans("swp1") == {102} and plane.vlans("swp2") == {103}
    config.batch(("swp1", "", "102"), ("swp2", "", "103"))
    assert plane.vlans("swp1") == plane.vlans("swp2") == set()
    assert config.close() == 0

"""An independent watcher of a switch: which VLAN came to which port and went from it, when, and in which order."""
import datetime
import json
import re
import socket
import threading
import time

from .remote import WorldError
from .until import until

SENTINEL = 4095     # stands for "none" in a list of Open vSwitch, see ovs.py


class Change:
    """What one write did, as far as the switch tells it at once: at (seconds since the epoch), and {port: VLANs}."""

    def __init__(self, at, added, removed):
        self.at, self.added, self.removed = at, added, removed

    def __repr__(self):
        return f"{self.at:.3f} +{self.added} -{self.removed}"


class Watcher:
    """Follows the VLANs of all ports of a switch from now on; use as a context manager.

    'changes' is in the order in which the switch told them. Times are those at which they were heard, which is later than
    the truth: what a watcher has seen was there."""

    def __init__(self, plane, switch=None):
        self.plane, self.switch, self.changes = plane, switch or plane.switches[0], []
        self._lock, self._ended = threading.Lock(), False

    def __enter__(self):
        self._start()
        return self

    def __exit__(self, *_):
        self._ended = True
        self._stop()

    def _told(self, at, added, removed):
        if added or removed:
            with self._lock:
                self.changes.append(Change(at, added, removed))

    def so_far(self):
        with self._lock:
            return list(self.changes)

    def added(self, port, vlan):
        """The first change that added the VLAN to the port, or None."""
        return next((change for change in self.so_far() if vlan in change.added.get(port, ())), None)

    def removed(self, port, vlan):
        """The first change that took it away, or None."""
        return next((change for change in self.so_far() if vlan in change.removed.get(port, ())), None)

    def removals(self):
        """{(port, VLAN)} of all that was taken away."""
        return {(port, vlan) for change in self.so_far() for port, vlans in change.removed.items() for vlan in vlans}

    def wait_added(self, port, vlan, timeout=30):
        return until(f"VLAN {vlan} comes to {port}", lambda: self.added(port, vlan), timeout)

    def wait_removed(self, port, vlan, timeout=30):
        return until(f"VLAN {vlan} goes from {port}", lambda: self.removed(port, vlan), timeout)


class OvsWatcher(Watcher):
    """A client of OVSDB (RFC 7047, 4.1.5): each update is one transaction of the database."""

    def _start(self):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(f"{self.switch.dir}/db.sock")
        self._send({"id": 0, "method": "monitor", "params": [
            "Open_vSwitch", None, {"Port": {"columns": ["name", "trunks"]}}]})
        self._ready = threading.Event()
        threading.Thread(target=self._follow, daemon=True).start()
        if not self._ready.wait(20):
            raise WorldError("the database of the switch does not answer")

    def _send(self, message):
        self._socket.sendall(json.dumps(message).encode())

    def _stop(self):
        self._socket.close()

    def _follow(self):
        decoder, text = json.JSONDecoder(), ""
        try:
            while data := self._socket.recv(1 << 20):
                at, text = time.time(), text + data.decode()
                while text:
                    try:
                        message, end = decoder.raw_decode(text)
                    except ValueError:
                        break       # the rest is on its way
                    text = text[end:]
                    self._message(at, message)
        except OSError:
            pass

    def _message(self, at, message):
        if message.get("method") == "echo":
            self._send({"id": message["id"], "result": message["params"], "error": None})
        elif message.get("method") == "update":
            self._update(at, message["params"][1])
        elif message.get("id") == 0:
            self._ready.set()

    def _update(self, at, tables):
        added, removed = {}, {}
        for row in tables.get("Port", {}).values():
            old, new = row.get("old", {}), row.get("new")
            if new and "trunks" in old:
                before, now = _numbers(old["trunks"]), _numbers(new["trunks"])
                if now - before:
                    added[new["name"]] = now - before
                if before - now:
                    removed[new["name"]] = before - now
        self._told(at, added, removed)


def _numbers(value):
    return (set(value[1]) if isinstance(value, list) else {value}) - {SENTINEL}


class BridgeWatcher(Watcher):
    """'bridge monitor vlan' of iproute2."""
    STAMP = re.compile(r"Timestamp: \w+ (\w+ +\d+ [\d:]+ \d+) (\d+) usec")
    ENTRY = re.compile(r"(Deleted )?(\S+) +(\d+)(?:-(\d+))?")

    def _start(self):
        self._process = self.plane.spawn(["stdbuf", "-oL", "bridge", "-timestamp", "monitor", "vlan"])
        self._at = 0.0
        self._take_up()
        threading.Thread(target=self._follow, daemon=True).start()

    def _take_up(self):
        """Until it listens: a VLAN on the bridge's own interface, which no port has, comes and goes."""
        probe = f"dev {self.switch.bridge} vid {SENTINEL - 1} self"
        def heard():
            self.plane.sh(f"bridge vlan add {probe}\nbridge vlan del {probe}\n")
            return any(self.switch.bridge in line for line in list(self._process.lines))
        until("the monitor of the bridge listens", heard, 20, every=0.1)

    def _stop(self):
        self._process.kill()

    def _follow(self):
        while True:
            try:
                line = self._process.read_line(3600)
            except WorldError:
                continue
            if line is None:
                if not self._ended:
                    self._told(time.time(), {}, {"the monitor ended": {0}})
                return
            self._line(line)

    def _line(self, line):
        if stamp := self.STAMP.match(line):
            when = datetime.datetime.strptime(stamp[1], "%b %d %H:%M:%S %Y")
            self._at = when.replace(tzinfo=datetime.timezone.utc).timestamp() + int(stamp[2]) / 1e6
        elif (entry := self.ENTRY.match(line)) and entry[2] in self.switch.ports:
            vlans = set(range(int(entry[3]), int(entry[4] or entry[3]) + 1))
            self._told(self._at, *(({}, {entry[2]: vlans}) if entry[1] else ({entry[2]: vlans}, {})))


def watch(plane, switch=None):
    """A Watcher for the kind of the plane."""
    return (OvsWatcher if plane.kind == "ovs" else BridgeWatcher)(plane, switch)

"""Runs vsn-session by itself, over a socket on descriptor 3, and mirrors what it tells as vsnd would."""
import collections
import os
import re
import select
import socket
import subprocess
import tempfile
import time
import urllib.parse

from vsnlab.plane import BUILD

PROGRAM = os.path.join(BUILD, "vsn-session")


def encode(text):
    return "".join(chr(b) if 0x20 < b < 0x7F and b != 0x25 else f"%{b:02X}" for b in str(text).encode())


class Mirror:
    """Tables as they follow from records (src/model/record.h): {table: {(owner, id): {field: value}}}."""

    CHILDREN = {"host": ("nic", "vswitch", "uplink", "network", "vmknic", "hint"), "machine": ("vif", "move"),
                "dvswitch": ("pvlan",)}

    def __init__(self):
        self.tables, self.open, self.unknown, self.syncs, self.states = {}, {}, set(), 0, []

    def rows(self, table, owner=None):
        return {key: row for key, row in self.tables.get(table, {}).items() if owner is None or key[0] == owner}

    def named(self, table, name):
        """(id, row) of the one row of that name."""
        found = [(key[1], row) for key, row in self.rows(table).items() if row.get("name") == name]
        assert len(found) == 1, (table, name, found)
        return found[0]

    @property
    def session(self):
        return self.rows("session").get(("", ""), {})

    def take(self, line):
        op, table, *words = line.split(" ")
        fields = {name: urllib.parse.unquote(value, errors="surrogateescape")
                  for name, value in (word.split("=", 1) for word in words)}
        key = fields.pop("owner", ""), fields.pop("id", "")
        getattr(self, "_" + op)(table, key, fields)

    def _state(self, table, key):
        for listed in self.open.values():
            listed.add((table, key))

    def _new(self, table, key, fields):
        self._state(table, key)
        self.tables.setdefault(table, {})[key] = fields
        if table == "session":
            self.states.append(fields["state"])

    def _put(self, table, key, fields):
        self._state(table, key)
        self.tables.setdefault(table, {}).setdefault(key, {}).update(fields)

    def _gone(self, table, key, _):
        self.tables.get(table, {}).pop(key, None)
        for child in self.CHILDREN.get(table, ()):
            self._keep(child, key[1], ())

    def _begin(self, table, key, _):
        self.open[table, key[0]] = set()

    def _end(self, table, key, _):
        listed = self.open.pop((table, key[0]))
        if table == "all":
            for each in self.tables:
                if each != "session" and each != "hint":
                    self.tables[each] = {k: row for k, row in self.tables[each].items() if (each, k) in listed}
            self.syncs += 1
        else:
            self._keep(table, key[0], listed)
            self.unknown.discard((table, key[0]))

    def _keep(self, table, owner, listed):
        rows = self.tables.get(table, {})
        for key in [k for k in rows if k[0] == owner and (table, k) not in listed]:
            del rows[key]

    def _unknown(self, table, key, _):
        self.unknown.add((table, key[0]))


class Session(Mirror):
    """Use as a context manager. 'target' are fields of the target row; the password goes into a file."""

    def __init__(self, url, password="secret", program=PROGRAM, **target):
        super().__init__()
        self.lines, self._rest, self._received = [], b"", collections.deque()
        self._folder = tempfile.TemporaryDirectory(prefix="vsn-session-")
        self.password_file = os.path.join(self._folder.name, "password")
        with open(self.password_file, "w") as file:
            file.write(password + "\n")
        self.target = {"type": "vmware", "url": url, "username": "vsn", "password_file": self.password_file,
                       "hint_interval_s": 0, **target}
        self.program = program

    def __enter__(self):
        ours, theirs = socket.socketpair()
        self._log = open(os.path.join(self._folder.name, "log"), "w+b")
        # The shell moves the socket to descriptor 3, which Python may have taken for something else.
        self.process = subprocess.Popen(["/bin/sh", "-c", f'exec 3<&0 </dev/null; exec "$@"', "sh", self.program, "test"],
                                        stdin=theirs, stderr=self._log)
        theirs.close()
        self._socket = ours
        self.send_target()
        return self

    def send_target(self, **changes):
        self.target.update(changes)
        words = " ".join(f"{name}={encode(value)}" for name, value in self.target.items())
        try:
            self._socket.sendall(f"new target {words}\n".encode())
        except BrokenPipeError:
            raise AssertionError(f"vsn-session ended with status {self.process.wait()}: {self.log}") from None

    def __exit__(self, *_):
        self.close()
        self._log.close()
        self._folder.cleanup()

    def close(self, timeout=10):
        """Closes the channel and waits for the process; returns its exit status."""
        self._socket.close()
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    @property
    def log(self):
        self._log.flush()
        with open(self._log.name, errors="replace") as file:
            return file.read()

    def _receive(self, seconds):
        """Waits for lines, which are then to be taken. False at the end of the stream."""
        if not select.select([self._socket], [], [], seconds)[0]:
            return True
        try:
            data = self._socket.recv(1 << 20)
        except ConnectionResetError:
            data = b""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._received.extend(line.decode("utf-8", "surrogateescape") for line in lines)
        return bool(data)

    def _take_some(self):
        """Takes lines up to the next row of the session: its states come and go, and none is to be missed."""
        while self._received:
            text = self._received.popleft()
            self.lines.append(text)
            self.take(text)
            if text.split(" ", 2)[1] == "session":
                break

    def turn(self, seconds):
        """Takes what has come, or comes within 'seconds'. False at the end of the stream."""
        while self._received:
            self._take_some()
        goes_on = self._receive(seconds)
        while self._received:
            self._take_some()
        return goes_on

    def until(self, what, true, seconds=15):
        """Follows until 'true(self)' is; fails with 'what'."""
        deadline = time.monotonic() + seconds
        while not true(self):
            left = deadline - time.monotonic()
            if self._received:
                self._take_some()
            else:
                assert left > 0 and self._receive(left), (
                    f"not within {seconds} s: {what}; status {self.process.poll()}\nstate {self.session}\n"
                    + "\n".join(self.lines[-30:]) + "\n" + self.log)
        return self

    def until_state(self, *states, seconds=15):
        return self.until(f"state {states}", lambda s: s.session.get("state") in states, seconds)

    def rss_kb(self):
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(re.search(r"VmHWM:\s+(\d+)", file.read()).group(1))

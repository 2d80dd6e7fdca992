"""vsn-history with a test in vsnd's place, at the other end of its descriptor 3."""
import contextlib
import fcntl
import os
import pathlib
import resource
import socket
import sqlite3
import subprocess
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("VSN_BUILD", ROOT / "build"))


def fields(line):
    """What a line says, by field."""
    return {name: urllib.parse.unquote(value) for name, value in (word.split("=", 1) for word in line.split()[2:])}


class History:
    def __init__(self, folder, *arguments, most_bytes=None):
        ours, theirs = socket.socketpair()
        raised = fcntl.fcntl(theirs, fcntl.F_DUPFD_CLOEXEC, 10)

        def enter():
            os.dup2(raised, 3)
            if most_bytes:
                resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))

        self.folder, self.database = folder, folder / "history.sqlite"
        self.log = folder / "log"
        with open(self.log, "ab") as log:
            # Python ignores SIGXFSZ, and so will the program: a file that cannot grow is then an error, as on a full disk.
            self.process = subprocess.Popen([BUILD / "vsn-history", "--state-dir", folder, *map(str, arguments)],
                                            stdin=subprocess.DEVNULL, stderr=log, pass_fds=[3], preexec_fn=enter,
                                            restore_signals=False)
        os.close(raised)
        theirs.close()
        self.socket, self.lines = ours, ours.makefile("r", encoding="utf-8")

    def told(self):
        """The rows of the lists that it begins with, by table."""
        rows = {}
        for table in ("migration", "audit"):
            assert self.lines.readline() == f"begin {table}\n"
            rows[table] = []
            while (line := self.lines.readline()) != f"end {table}\n":
                assert line.startswith(f"new {table} "), line
                rows[table].append(fields(line))
        return rows

    def send(self, *lines):
        self.socket.sendall("".join(line + "\n" for line in lines).encode())

    def read(self, question):
        """What others read in its file."""
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=20)) as database:
            return database.execute(question).fetchall()

    def until(self, holds, seconds=30):
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.02)

    def close(self):
        """Ends it as vsnd does; returns its status."""
        self.lines.close()
        self.socket.close()
        return self.process.wait(30)

    def kill(self):
        self.process.kill()
        self.lines.close()
        self.socket.close()
        self.process.wait(30)

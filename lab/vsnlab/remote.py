"""The outside end of the agent: commands that run inside a world (agent.py says how)."""
import base64
import collections
import json
import signal
import subprocess
import threading


class WorldError(Exception):
    """Something the lab itself could not do; never a verdict on the product."""


class Remote:
    """Runs commands in a world. 'connect' opens a connection to its agent."""

    def __init__(self, connect):
        self._connect = connect

    def _ask(self, request, timeout=None):
        connection = self._connect()
        connection.settimeout(timeout)
        connection.sendall(json.dumps(request).encode() + b"\n")
        return connection

    def _call(self, request, timeout=120):
        with self._ask(request, timeout) as connection, connection.makefile("r") as stream:
            try:
                line = stream.readline()
            except TimeoutError as error:
                raise WorldError(f"no answer in {timeout} s: {request}") from error
        if not line:
            raise WorldError(f"the world ended during {request}")
        answer = json.loads(line)
        if "error" in answer:
            raise WorldError(f"{answer['error']}: {request}")
        return answer

    def run(self, argv, stdin="", env=None, cwd=None, check=False, timeout=120):
        """Runs a command to its end: subprocess.CompletedProcess with text output."""
        answer = self._call({"run": [str(a) for a in argv], "stdin": stdin, "env": env or {}, "cwd": cwd},
                            timeout)
        if check and answer["rc"] != 0:
            raise WorldError(f"{' '.join(map(str, argv))}: exit {answer['rc']}\n{stdin}{answer['err']}")
        return subprocess.CompletedProcess(argv, answer["rc"], answer["out"], answer["err"])

    def spawn(self, argv, env=None, cwd=None, log=None):
        """Starts a command that goes on: a Process."""
        request = {"spawn": [str(a) for a in argv], "env": env or {}, "cwd": cwd, "log": log}
        return Process(argv, self._ask(request))

    def read(self, path):
        return base64.b64decode(self._call({"read": str(path)})["data"])

    def write(self, path, data, mode=0o644):
        if isinstance(data, str):
            data = data.encode()
        self._call({"write": str(path), "data": base64.b64encode(data).decode(), "mode": mode})

    def wait_path(self, path, timeout=10):
        self._call({"await": str(path), "seconds": timeout}, timeout + 20)


class Process:
    """A command running in a world: pid (the world's), its output line by line, signals, the end."""

    def __init__(self, argv, connection):
        self.argv, self.pid, self.returncode = argv, None, None
        self.lines = []
        self._connection = connection
        self._stream = connection.makefile("r")
        self._changed = threading.Condition()
        first = json.loads(self._stream.readline() or '{"error": "the world ended"}')
        if "error" in first:
            connection.close()
            raise WorldError(f"{first['error']}: {argv}")
        self.pid = first["pid"]
        self._unread = collections.deque()
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self):
        rc = -signal.SIGKILL    # the world ended and the command with it
        try:
            for text in self._stream:
                message = json.loads(text)
                if "rc" in message:
                    rc = message["rc"]
                    break
                with self._changed:
                    self.lines.append(message["line"])
                    self._unread.append(message["line"])
                    self._changed.notify_all()
        except (OSError, ValueError):
            pass
        with self._changed:
            self.returncode = rc
            self._changed.notify_all()
        self._stream.close()
        self._connection.close()

    def _order(self, order):
        try:
            self._connection.sendall(json.dumps(order).encode() + b"\n")
        except OSError:
            pass    # it has ended already: wait() tells

    def send_signal(self, number):
        self._order({"signal": int(number)})

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def terminate(self):
        self.send_signal(signal.SIGTERM)

    def write(self, text):
        self._order({"stdin": text})

    def close_stdin(self):
        self._order({"eof": True})

    def poll(self):
        return self.returncode

    def wait(self, timeout=30):
        """The exit status, negative for a signal."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.returncode is not None, timeout):
                raise WorldError(f"still running after {timeout} s: {self.argv}")
        return self.returncode

    def read_line(self, timeout=30):
        """The next line of its output, None at its end."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._unread or self.returncode is not None, timeout):
                raise WorldError(f"no line in {timeout} s from {self.argv}")
            return self._unread.popleft() if self._unread else None

    def skip(self):
        """Leaves out the lines that were there before."""
        with self._changed:
            self._unread.clear()

    def wait_line(self, wanted, timeout=30):
        """Reads on to the first line that contains 'wanted' and returns it."""
        while (line := self.read_line(timeout)) is not None:
            if wanted in line:
                return line
        raise WorldError(f"{self.argv} ended ({self.returncode}) before it said {wanted!r}: {self.lines[-5:]}")

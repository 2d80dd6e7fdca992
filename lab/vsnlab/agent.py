#!/usr/bin/python3
"""The agent: runs commands inside a world for the library outside (remote.py).

    agent.py unix:PATH | tcp:ADDRESS:PORT

One connection is one request, a line of JSON; answers are lines of JSON.

    {"run": ARGV, "stdin": TEXT, "env": {}, "cwd": DIR}        -> {"rc": N, "out": TEXT, "err": TEXT}
    {"spawn": ARGV, "env": {}, "cwd": DIR, "log": PATH}        -> {"pid": N}, {"line": TEXT}..., {"rc": N}
    {"read": PATH}                                             -> {"data": BASE64}
    {"write": PATH, "data": BASE64, "mode": N}                 -> {}
    {"await": PATH, "seconds": N}                              -> {} when it exists

While a spawned command runs, the client may send {"signal": N}, {"stdin": TEXT} and {"eof": true};
when the client goes away, the command's process group is killed. Standard output of a spawned command
is passed on line by line, its standard error goes to "log".
"""
import base64
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time


def environment(request):
    return {**os.environ, **request.get("env", {})}


def run(request):
    done = subprocess.run(request["run"], input=request.get("stdin", "").encode(), capture_output=True,
                          env=environment(request), cwd=request.get("cwd"))
    return {"rc": done.returncode, "out": done.stdout.decode(errors="replace"),
            "err": done.stderr.decode(errors="replace")}


def read(request):
    with open(request["read"], "rb") as file:
        return {"data": base64.b64encode(file.read()).decode()}


def write(request):
    path = request["write"]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".part", "wb") as file:
        file.write(base64.b64decode(request["data"]))
    os.chmod(path + ".part", request.get("mode", 0o644))
    os.rename(path + ".part", path)
    return {}


def await_path(request):
    pause, deadline = threading.Event(), time.monotonic() + request["seconds"]
    while not os.path.exists(request["await"]):
        if time.monotonic() > deadline:
            raise OSError(f"not there after {request['seconds']} s")
        pause.wait(0.01)
    return {}


class Spawned:
    """One running command and the connection that owns it."""

    def __init__(self, request, stream, answer):
        self.stream, self.answer, self.lock = stream, answer, threading.Lock()
        log = request.get("log") or os.devnull
        os.makedirs(os.path.dirname(log), exist_ok=True)
        with open(log, "ab") as error:
            self.process = subprocess.Popen(
                request["spawn"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=error,
                env=environment(request), cwd=request.get("cwd"), start_new_session=True)
        self.say({"pid": self.process.pid})
        threading.Thread(target=self.obey, daemon=True).start()

    def say(self, message):
        with self.lock:
            try:
                self.answer(message)
            except OSError:
                pass

    def serve(self):
        reader = threading.Thread(target=self.pass_on, daemon=True)
        reader.start()
        rc = self.process.wait()
        # A daemon that it left behind may hold the pipe open for ever: what it printed is here soon.
        reader.join(0.5)
        self.say({"rc": rc})

    def pass_on(self):
        for line in self.process.stdout:
            self.say({"line": line.decode(errors="replace").rstrip("\n")})

    def obey(self):
        try:
            for line in self.stream:
                self.command(json.loads(line))
        except (OSError, ValueError):
            pass
        self.kill(signal.SIGKILL)

    def command(self, order):
        if "signal" in order:
            self.kill(order["signal"])
        try:
            if "stdin" in order:
                self.process.stdin.write(order["stdin"].encode())
                self.process.stdin.flush()
            if "eof" in order:
                self.process.stdin.close()
        except (BrokenPipeError, ValueError):
            pass

    def kill(self, number):
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)


def serve(connection):
    with connection, connection.makefile("r") as stream:
        def answer(message):
            connection.sendall(json.dumps(message).encode() + b"\n")
        try:
            request = json.loads(stream.readline())
            if "spawn" in request:
                Spawned(request, stream, answer).serve()
            else:
                table = {"run": run, "read": read, "write": write, "await": await_path}
                answer(next(table[key] for key in table if key in request)(request))
        except (OSError, ValueError, KeyError, StopIteration) as error:
            try:
                answer({"error": f"{type(error).__name__}: {error}"})
            except OSError:
                pass


def listen(where):
    kind, address = where.split(":", 1)
    if kind == "unix":
        server = socket.socket(socket.AF_UNIX)
        server.bind(address)
        server.listen(64)
        return server
    host, port = address.split(":")
    return socket.create_server((host, int(port)), backlog=64)


def end_with_input():
    """The world lives as long as the library holds the other end of standard input."""
    while os.read(0, 4096):
        pass
    os._exit(0)


def main():
    server = listen(sys.argv[1])
    if os.environ.get("WORLD_KIND") not in ("uml", "qemu"):
        threading.Thread(target=end_with_input, daemon=True).start()
    print("WORLD READY", flush=True)
    while True:
        connection, _ = server.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()

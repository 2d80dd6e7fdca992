"""A SONiC without a data plane: Redis with its schema and the stand-in of vlanmgrd, on this machine, as any user."""
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.parse

import redis

PROJECT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
PARTS = os.path.join(PROJECT, "lab/sonic")
BUILD = os.environ.get("VSN_BUILD") or os.path.join(PROJECT, "build")
NATIVE = 4000
PATIENCE = 20


def until(what, predicate, timeout=PATIENCE):
    deadline = time.monotonic() + timeout
    while not (found := predicate()):
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        time.sleep(0.02)
    return found


class Databases:
    """with Databases(folder) as databases: .config, .state, .appl are clients; .start_vlanmgrd(pace=20)"""

    def __init__(self, folder, ports=("Ethernet0", "Ethernet4", "Ethernet8"), vlans="2-600"):
        self.folder, self.socket = folder, f"{folder}/redis.sock"
        self.ports, self.vlans, self.redis, self.vlanmgrd, self.children = list(ports), vlans, None, None, []

    def __enter__(self):
        self.start_redis()
        self.fill()
        return self

    def __exit__(self, *_):
        for child in self.children:
            child.kill()
        self.stop_vlanmgrd()
        self.stop_redis()

    def start_redis(self, events="AKE"):
        self.redis = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket, "--save", "", "--appendonly", "no",
             "--notify-keyspace-events", events, "--dir", self.folder, "--logfile", f"{self.folder}/redis.log"])
        self.appl, self.config, self.state = map(self.client, (0, 4, 6))
        until("Redis answers", self.answers)

    def client(self, number):
        return redis.Redis(unix_socket_path=self.socket, db=number, decode_responses=True)

    def answers(self):
        try:
            return self.config.ping()
        except redis.RedisError:
            return False

    def stop_redis(self):
        self.redis.kill()
        self.redis.wait()

    def fill(self):
        aliases = ",".join(f"{port}=etp{number + 1}" for number, port in enumerate(self.ports))
        subprocess.run([f"{PARTS}/schema.py", self.socket, aliases, self.vlans, str(NATIVE)], check=True)

    def start_vlanmgrd(self, pace=0):
        self.vlanmgrd = subprocess.Popen([sys.executable, f"{PARTS}/vlanmgrd.py", self.socket, "--pace", str(pace)],
                                         stdout=subprocess.PIPE, text=True)
        assert "ready" in self.vlanmgrd.stdout.readline()
        return self

    def vlanmgrd_says(self):
        """Its next line; it is gone when there is none in time."""
        alarm = threading.Timer(PATIENCE, self.vlanmgrd.kill)
        alarm.start()
        try:
            return self.vlanmgrd.stdout.readline().strip()
        finally:
            alarm.cancel()

    def stop_vlanmgrd(self):
        if self.vlanmgrd:
            self.vlanmgrd.kill()
            self.vlanmgrd.wait()
            self.vlanmgrd.stdout.close()
        self.vlanmgrd = None

    def members(self, port="Ethernet0", table="VLAN_MEMBER"):
        database = self.config if table == "VLAN_MEMBER" else self.state
        return {int(key.split("|")[1].removeprefix("Vlan")) for key in database.keys(f"{table}|*|{port}")} - {NATIVE}

    def child(self, *argv):
        child = Child(*argv)
        self.children.append(child)
        return child

    def config_module(self, naming="", ledger="ledger", allowed="2-4094"):
        """vsn-config on these databases, allowed to write the ports."""
        child = self.child("vsn-config", "--driver", "sonic", "--arguments", f"redis unix:{self.socket}{naming}",
                           "--ledger", f"{self.folder}/{ledger}")
        ports = self.ports if not naming else [f"etp{i + 1}" for i in range(len(self.ports))]
        child.say("begin policy", *(f"new policy id={port} allowed={allowed}" for port in ports), "end policy")
        return child


class Child:
    """vsn-config or vsn-neighbor, with this test as its vsnd."""

    def __init__(self, program, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(PROJECT, "tests/contract/on_fd3.py"), os.path.join(BUILD, program), *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid, self.number, self.lines = int(self.process.stdout.readline().split()[1]), 0, []

    def say(self, *lines):
        self.process.stdin.write("".join(f"{line}\n" for line in lines))
        self.process.stdin.flush()

    def wait(self, wanted, timeout=PATIENCE):
        """The next line that holds 'wanted', decoded. Nothing comes after a time-out: the child is gone then."""
        alarm = threading.Timer(timeout, self.process.kill)
        alarm.start()
        try:
            for line in self.process.stdout:
                line = urllib.parse.unquote(line.strip())
                self.lines.append(line)
                if wanted in line:
                    return line
        finally:
            alarm.cancel()
        raise AssertionError(f"not said within {timeout} s: {wanted!r}, but: {self.lines[-10:]}")

    def change(self, port="Ethernet0", add="", remove=""):
        """Asks for a change; wait_outcome() waits for what became of it."""
        self.number += 1
        self.say(f"new change id={self.number} port={port} add={add} remove={remove}")
        return self.number

    def outcome(self, number=None):
        return self.wait(f"new outcome id={number or self.number} ")

    def kill(self):
        """The program, and with it the process that carries its words."""
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()
        self.process.stdout.close()

    def close(self):
        self.process.stdin.close()
        rest = self.process.stdout.read()
        status = self.process.wait()
        return status, rest

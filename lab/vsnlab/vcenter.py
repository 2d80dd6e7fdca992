"""The vCenter stand-in (lab/vcenter) beside a world: started, steered, and told what the world's hosts hear."""
import json
import os
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request

from .plane import BUILD
from .remote import WorldError
from .uml import OUTSIDE

# The stand-in ends with this process, however that ends: its shell watches a pipe.
GUARD = 'exec 3<&0; "$@" </dev/null & pid=$!; exec >/dev/null; cat <&3; kill $pid 2>/dev/null; wait $pid'


def make_certificate(folder, names=("vcenter.example.net",)):
    """A self-signed certificate for every address that a world reaches this side by: (certificate, key) files."""
    certificate, key = os.path.join(folder, "vcenter.pem"), os.path.join(folder, "vcenter.key")
    others = ",".join(["IP:127.0.0.1", f"IP:{OUTSIDE}", "DNS:localhost", *(f"DNS:{name}" for name in names)])
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "30", "-subj", f"/CN={names[0]}", "-addext", f"subjectAltName={others}",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


class VCenter:
    """Use as a context manager or call start() and stop().

    folder      where its inventory, certificate and log go: plane.host_dir, say
    inventory   the world to show (lab/vcenter/README.md), None for the counted one of the flags
    flags       more flags, as ["-t-pre", "500ms"]

    port, url, pid    where it listens on loopback, and its process
    certificate       its certificate, a PEM file
    """

    def __init__(self, folder, inventory=None, flags=(), program=None):
        self._folder, self._inventory, self._flags = str(folder), inventory, list(flags)
        self._program = program or os.path.join(BUILD, "lab/vcenter")
        self._process = self.port = self.url = self.pid = self._control = self.certificate = None

    def start(self, port=0):
        """'port' lets it come back where it was."""
        if not os.path.exists(self._program):
            raise WorldError(f"{self._program} is missing: lab/vcenter/build makes it")
        if self.certificate is None:
            self.certificate, self._key = make_certificate(self._folder)
        words = ["-l", f"127.0.0.1:{port}", "-cert", self.certificate, "-key", self._key, *self._flags]
        if self._inventory is not None:
            path = os.path.join(self._folder, "inventory.json")
            with open(path, "w") as file:
                json.dump(self._inventory, file, indent=1)
            words += ["-inventory", path]
        with open(os.path.join(self._folder, "vcenter.log"), "ab") as log:
            self._process = subprocess.Popen(["/bin/sh", "-c", GUARD, "guard", self._program, *words],
                                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                             env={"TMPDIR": "/dev/shm", **os.environ}, start_new_session=True)
        line = self._process.stdout.readline().decode()
        if not line.startswith("READY "):
            self.stop()
            raise WorldError(f"the vCenter stand-in did not start: see {self._folder}/vcenter.log")
        self.url, *rest = line.split()[1:]
        values = dict(word.split("=", 1) for word in rest)
        self.port, self.pid = urllib.parse.urlsplit(self.url).port, int(values["pid"])
        self._control = values["ctl"]
        return self

    def stop(self):
        if self._process:
            self._process.stdin.close()
            self._process.wait(15)
            self._process.stdout.close()
            self._process = None

    def kill(self):
        """As a crash: no session is closed and no log-out answered. start(port) brings it back."""
        os.kill(self.pid, 9)
        self.stop()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def control(self, path, body=None, method=None, **query):
        """One request to its control address; what it answers."""
        url = f"{self._control}/ctl/{path}" + ("?" + urllib.parse.urlencode(query) if query else "")
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data, method=method), timeout=30) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            raise WorldError(f"{path}: {error.read().decode(errors='replace')}") from error

    def state(self):
        return self.control("state")

    def migrate(self, machine, host, kind="manual", **more):
        """Starts a move of a machine, see lab/vcenter/README.md for the kinds and for more words."""
        return self.control("migrate", method="POST", vm=machine, host=host, kind=kind, **more)

    def migrate_all(self, moves):
        """Starts many moves with one request: a list of {"vm", "host", ...}. Raises if one of them is refused."""
        answers = self.control("migrate", moves)
        refused = [(move, answer["error"]) for move, answer in zip(moves, answers) if "error" in answer]
        if refused:
            raise WorldError(f"{len(refused)} moves refused, the first: {refused[0]}")
        return answers

    def moves(self, since=0):
        """All moves with a number above 'since', with the instants of their steps."""
        return self.control("moves", since=since)

    def switchovers(self, after=0, wait=25):
        """The switch-overs after the first 'after', as soon as there is one; an empty list after 'wait' seconds."""
        return self.control("switchovers", after=after, wait=wait)

    def fault(self, kind, call="", count=0, **more):
        """Sets a fault, in force until it was used 'count' times or clear_faults()."""
        return self.control("fault", {"kind": kind, "call": call, "count": count, **more})

    def clear_faults(self):
        return self.control("fault", method="DELETE")

    def hint_heard(self, plane, timeout=10):
        """Lets every host of the world tell in QueryNetworkHint what its own lldpd has heard."""
        hints = []
        for host in plane.hosts.values():
            for nic, neighbours in host.wait_heard(timeout).items():
                hints.append({"host": host.name, "device": nic, **hint_of(neighbours)})
        self.control("hint", hints)

    def follow(self, plane):
        """From now on a machine of the world moves at the moment when the stand-in switches it over to another host.
        Returns a function that ends this; it raises what went wrong meanwhile."""
        return Switchovers(self, plane).stop


def hint_of(neighbours):
    """What lldpd heard (lldp.parse) in the words of the stand-in's hint."""
    hint = {}
    for heard in neighbours:
        if heard["protocol"] == "CDP":
            hint["cdp"] = {"devId": heard["chassis_id"], "portId": heard["port_id"], "address": heard["address"],
                           "hardwarePlatform": heard["platform"], "softwareVersion": heard["description"],
                           "systemName": heard["system"], "mgmtAddr": heard["address"]}
        else:
            hint["lldp"] = {"chassisId": heard["chassis_id"], "portId": heard["port_id"],
                            "systemName": heard["system"], "portDescription": heard["port_description"]}
    return hint


def host_of(host, **more):
    """A host of the world as the inventory wants it: name and cards with their addresses."""
    return {"name": host.name, "pnics": [{"device": nic.nic, "mac": nic.mac} for nic in host.nics.values()], **more}


class Switchovers:
    """Lets the machines of a world be on the hosts that a stand-in says: each one's wire is moved, in a thread of its own, at
    the moment when the machine is switched over."""
    WAIT = 0.5

    def __init__(self, standin, plane):
        self._standin, self._plane, self._seen = standin, plane, len(standin.switchovers(wait=0))
        self._end, self._error = threading.Event(), None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            for row in self._standin.state()["machines"]:
                self._place(row["name"], row["host"])
            while not self._end.is_set():
                self._follow()
        except Exception as error:      # told to whoever ends the following
            self._error = error

    def _follow(self):
        rows = self._standin.switchovers(self._seen, self.WAIT)
        self._seen += len(rows)
        threads = [threading.Thread(target=self._place_one, args=(row["machine"], row["to"])) for row in rows]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _place_one(self, machine, host):
        try:
            self._place(machine, host)
        except Exception as error:
            self._error = error

    def _place(self, machine, host):
        machine, host = self._plane.machines.get(machine), self._plane.hosts.get(host)
        if machine and host and machine.host is not host:
            machine.move(host, machine.switch if machine.switch in host.switches else next(iter(host.switches)))

    def stop(self):
        self._end.set()
        self._thread.join()
        if self._error:
            raise self._error

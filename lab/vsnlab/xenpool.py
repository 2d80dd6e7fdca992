"""The pool stand-in (lab/xenpool) beside a world: started, steered, and reached from inside under addresses of its own."""
import json
import os
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

from .plane import PROJECT
from .remote import WorldError
from .vcenter import GUARD, Switchovers

PROGRAM = os.path.join(PROJECT, "lab/xenpool/__main__.py")


def make_pool_certificate(folder, addresses):
    """A self-signed certificate for all hosts of a pool: (certificate, key) files."""
    lab = os.path.join(PROJECT, "lab")
    if lab not in sys.path:
        sys.path.insert(0, lab)
    from xenpool import certificate
    return certificate.make(folder, addresses)


def xen_host_of(host, **more):
    """A host of the world as the pool's inventory wants it: name and cards with their addresses."""
    return {"name": host.name, "pifs": [{"device": nic.nic, "mac": nic.mac} for nic in host.nics.values()], **more}


class XenPool:
    """Use as a context manager or call start() and stop().

    folder      where its inventory, certificate and log go
    inventory   the pool to show (lab/xenpool/README.md)
    flags       more flags, as ["-t-copy", "500ms"]
    release     "5.6", "8.2" or another one that it plays
    plane       the world whose processes shall reach it; None for this side's loopback

    port, pid         the port of all its hosts, and its process
    url               of the first host, as the world sees it; url_of(name) of another
    certificate       of all of them, a PEM file
    """

    def __init__(self, folder, inventory=None, flags=(), release="8.2", plane=None):
        self._folder, self._flags, self._plane = str(folder), ["-release", release, *flags], plane
        self._inventory = json.loads(json.dumps(inventory)) if inventory else None
        self._process = self.port = self.pid = self._control = self.certificate = None
        if self._inventory:
            self._place_hosts()

    def _place_hosts(self):
        hosts = self._inventory["hosts"]
        pairs = self._plane.pool_addresses(len(hosts)) if self._plane else \
            [(f"127.0.0.{i + 1}",) * 2 for i in range(len(hosts))]
        for host, (address, listen) in zip(hosts, pairs):
            host.setdefault("address", address)
            host.setdefault("listen", listen)

    def start(self, port=0):
        """'port' lets it come back where it was."""
        words = ["-l", f"127.0.0.1:{port}", *self._flags]
        if self._inventory:
            if self.certificate is None:
                addresses = [host[key] for host in self._inventory["hosts"] for key in ("address", "listen")]
                self.certificate, self._key = make_pool_certificate(self._folder, addresses)
            path = os.path.join(self._folder, "pool.json")
            with open(path, "w") as file:
                json.dump(self._inventory, file, indent=1)
            words += ["-inventory", path, "-cert", self.certificate, "-key", self._key]
        with open(os.path.join(self._folder, "xenpool.log"), "ab") as log:
            self._process = subprocess.Popen(["/bin/sh", "-c", GUARD, "guard", "/usr/bin/python3", PROGRAM, *words],
                                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True)
        line = self._process.stdout.readline().decode()
        if not line.startswith("READY "):
            self.stop()
            raise WorldError(f"the pool stand-in did not start: see {self._folder}/xenpool.log")
        values = dict(word.split("=", 1) for word in line.split()[2:])
        self.port, self.pid = urllib.parse.urlsplit(line.split()[1]).port, int(values["pid"])
        self._control, self.certificate = values["ctl"], self.certificate or values["cert"]
        self._relay()
        return self

    def _relay(self):
        if self._plane:
            for member in self.state()["members"]:
                self._plane.reach(member["address"], member["listen"], self.port)

    def stop(self):
        if self._process:
            self._process.stdin.close()
            self._process.wait(15)
            self._process.stdout.close()
            self._process = None

    def kill(self):
        """As a power cut of the whole pool. start(port) brings it back as its inventory has it, with the same references."""
        os.kill(self.pid, 9)
        self.stop()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    @property
    def url(self):
        return self.url_of(self.state()["members"][0]["name"])

    def url_of(self, name):
        """Of one of its hosts, by name."""
        member = next(each for each in self.state()["members"] if each["name"] == name)
        return f"https://{member['address']}:{self.port}/"

    def control(self, path, body=None, method=None, **query):
        """One request to its control address; what it answers."""
        url = f"{self._control}/ctl/{path}" + ("?" + urllib.parse.urlencode(query) if query else "")
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data, method=method), timeout=60) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            raise WorldError(f"{path}: {error.read().decode(errors='replace')}") from error

    def state(self, brief=False):
        return self.control("state", **({"brief": 1} if brief else {}))

    def migrate(self, machine, host, kind="pool_migrate", **more):
        """Starts a move of a machine: its task."""
        return self.control("migrate", vm=machine, host=host, kind=kind, **more)["task"]

    def moves(self, since=0):
        """All moves and starts with a number above 'since', with the instants of their steps."""
        return self.control("moves", since=since)

    def switchovers(self, after=0, wait=25):
        """What switched over after the first 'after', as soon as there is something; an empty list after 'wait' seconds."""
        return self.control("switchovers", after=after, wait=wait)

    def start_machine(self, machine, host=None):
        return self.control("power", vm=machine, do="start", **({"host": host} if host else {}))["task"]

    def evacuate(self, host, disable=True):
        return self.control("evacuate", {"host": host, "disable": disable})["task"]

    def task(self, task):
        """Its record: status, progress, error_info, ..."""
        return self.control("task", task=task)

    def fault(self, kind, call="", count=0, **more):
        """Sets a fault, in force until it was used 'count' times or clear_faults()."""
        return self.control("fault", {"kind": kind, "call": call, "count": count, **more})

    def clear_faults(self):
        return self.control("fault", method="DELETE")

    def follow(self, plane):
        """From now on a machine of the world moves at the moment when the pool switches it over to another host. Returns a
        function that ends this; it raises what went wrong meanwhile."""
        return Switchovers(self, plane).stop

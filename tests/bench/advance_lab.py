"""The lab of the leads: one Open vSwitch with a port for every host, a stand-in whose machines move, somebody who keeps the
ports right meanwhile, and a watcher who writes down when each VLAN came.

Every move needs a VLAN that its destination's port lacks: each is of another machine, which has a VLAN of its own, and nothing
is pruned. While a destination is not known, vsn may prepare all hosts that the machine can go to: those of its cluster, or
those that have its network. These are few, so that a port is not asked for more than a switch has.
"""
import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import threading
import time

from vsnlab import OvsPlane, VCenter, XenPool
from vsnlab.until import until

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(os.path.dirname(HERE), "system"))

from advance_watch import numbers  # noqa: E402  (the path comes first)
from agent import Agent  # noqa: E402

FIRST_VLAN = 1000
FAR_GROUP, FAR_NETWORKS, FAR_VLAN = 36, 20, 100
CLOSED = ["vlan_mode=native-untagged", "tag=1", "trunks=4095"]


@dataclasses.dataclass
class Size:
    """moves in all, 'at_once' of them at a time, each 'ms' from its start event to its switch-over, among 'hosts' in groups:
    clusters of a vCenter, hosts of a pool that have a network. Of a vCenter also 'far_hosts' that are behind other switches,
    with 'far_machines' that stay where they are."""
    moves: int = 1000
    at_once: int = 32
    ms: int = 300
    hosts: int = 64
    group: int = 4
    far_hosts: int = 0
    far_machines: int = 0

    def home(self, number):
        return number % self.hosts

    def away(self, number):
        """The next host in the group."""
        first = self.home(number) // self.group * self.group
        return first + (self.home(number) + 1) % self.group

    def plan(self):
        """[(machine, host)] in the order of their start."""
        return [(f"machine-{n}", self.away(n)) for n in range(self.moves)]

    def group_of(self, number):
        first = self.home(number) // self.group * self.group
        return range(first, first + self.group)

    def at_home(self):
        """{(port, VLAN)} before the machines move."""
        return {(port_of(self.home(n)), FIRST_VLAN + n) for n in range(self.moves)}

    def abroad(self):
        """{(port, VLAN)} that their moves need."""
        return {(port_of(host), vlan_of(machine)) for machine, host in self.plan()}


def vlan_of(machine):
    return FIRST_VLAN + int(machine.rsplit("-", 1)[1])


def port_of(number):
    return f"swp{number + 1}"


class Lab:
    """The switch and its watcher; with Lab(size) as lab: ... One measurement after the other."""

    def __init__(self, size):
        self.size, self.plane = size, OvsPlane()

    def __enter__(self):
        self.plane.__enter__()
        try:
            self.plane.create_switch(self.size.hosts, lldp=None)
            self.plane.write(f"{self.plane.dir}/password", "secret\n", 0o600)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.plane.__exit__(None, None, None)

    def close_ports(self):
        self.plane.vsctl(*(word for number in range(self.size.hosts)
                           for word in ("--", "set", "port", port_of(number), *CLOSED)))

    @contextlib.contextmanager
    def watched(self):
        """Yields a function that ends the watching: {(port, VLAN): ms}. Whoever works meanwhile must only add."""
        watcher = subprocess.Popen([sys.executable, os.path.join(HERE, "advance_watch.py"), f"{self.plane.switch_dir}/db.sock"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            if watcher.stdout.readline() != b"READY\n":
                raise RuntimeError("the watcher did not start")

            def end():
                seen = json.loads(watcher.communicate(timeout=30)[0])
                if seen["left"]:
                    raise RuntimeError(f"VLANs were taken away: {seen['left'][:5]}")
                return {(port, int(vlan)): ms for port, vlans in seen["came"].items() for vlan, ms in vlans.items()}
            yield end
        finally:
            watcher.kill()
            watcher.wait()

    def folder(self):
        path = os.path.join(self.plane.host_dir, f"server-{self.plane.next_number()}")
        os.mkdir(path, 0o755)
        return path

    def has(self, wanted):
        """True when each of these (port, VLAN) is there, by the switch's own tool."""
        rows = json.loads(self.plane.vsctl("--format=json", "--columns=name,trunks", "list", "port"))["data"]
        there = {(name, vlan) for name, trunks in rows for vlan in numbers(trunks)}
        return wanted <= there


# The two kinds of server. Each starts moves of [(machine, number of a host)], and says what switched over.

class VCenterSide:
    hypervisor, nic = "vmware", "vmnic0"

    def __init__(self, lab):
        self.size, half = lab.size, f"{lab.size.ms / 2000:g}s"
        self.server = VCenter(lab.folder(), self._world(), ["-t-queue", "0s", "-t-pre", half, "-t-run", half, "-tick", "20ms"])

    @staticmethod
    def host(number):
        return f"esx{number + 1}"

    def _world(self):
        size, hosts = self.size, [self.host(number) for number in range(self.size.hosts)]
        groups = [{"name": f"network-{n}", "vlan": FIRST_VLAN + n} for n in range(size.moves)]
        return {"hosts": [self._make_host(name, n // size.group) for n, name in enumerate(hosts)] + self._far_hosts(),
                "dvs": [self._make_switch("dvs1", groups, hosts), *self._far_switch()],
                "machines": machines(size, self.host) + self._far_machines()}

    def _make_host(self, name, cluster):
        return {"name": name, "cluster": f"rack{cluster}", "pnics": [{"device": self.nic}]}

    def _make_switch(self, name, groups, hosts):
        return {"name": name, "uplinks": ["Uplink 1"], "discovery": "lldp/none", "portgroups": groups,
                "hosts": [{"host": host, "pnics": [{"device": self.nic}]} for host in hosts]}

    def _far_hosts(self):
        return [self._make_host(f"far{n + 1}", f"-far{n // FAR_GROUP}") for n in range(self.size.far_hosts)]

    def _far_switch(self):
        groups = [{"name": f"far-{n}", "vlan": FAR_VLAN + n} for n in range(FAR_NETWORKS)]
        hosts = [f"far{n + 1}" for n in range(self.size.far_hosts)]
        return [self._make_switch("dvs2", groups, hosts)] if hosts else []

    def _far_machines(self):
        return [{"name": f"far-machine-{n}", "host": f"far{n % self.size.far_hosts + 1}", "networks": [f"far-{n % FAR_NETWORKS}"],
                 "power": "on"} for n in range(self.size.far_machines)]

    def access(self):
        return f"{self.server.url} username vsn"

    def migrate(self, moves):
        self.server.migrate_all([{"vm": machine, "host": self.host(host)} for machine, host in moves])


class XenSide:
    hypervisor, nic = "xen-citrix", "eth0"

    def __init__(self, lab, release):
        self.size = lab.size
        self.server = XenPool(lab.folder(), self._world(), ["-t-copy", f"{lab.size.ms}ms", "-late", "0s"], release)

    @staticmethod
    def host(number):
        return f"xs{number + 1}"

    def _world(self):
        size = self.size
        return {"pool": "rack1", "hosts": [{"name": self.host(n), "pifs": [{"device": self.nic}]} for n in range(size.hosts)],
                "networks": [{"name": f"network-{n}", "vlan": FIRST_VLAN + n, "device": self.nic,
                              "hosts": [self.host(h) for h in size.group_of(n)]} for n in range(size.moves)],
                "machines": machines(size, self.host)}

    def access(self):
        return f"{self.server.url.rstrip('/')} username root"

    def migrate(self, moves):
        for machine, host in moves:
            self.server.migrate(machine, self.host(host))


def machines(size, host):
    return [{"name": f"machine-{n}", "host": host(size.home(n)), "networks": [f"network-{n}"], "power": "on"}
            for n in range(size.moves)]


def drive(side):
    """Plays the plan: the first ones start evenly over the time of a move, and from then on another one when one has switched
    over. The server's own record of all moves."""
    size, plan, done = side.size, side.size.plan(), 0
    pause, started = threading.Event(), time.monotonic()
    for begun in range(size.at_once):
        pause.wait(max(0, started + begun * size.ms / 1000 / size.at_once - time.monotonic()))
        side.migrate(plan[begun:begun + 1])
    begun = size.at_once
    while done < len(plan):
        switched = len(side.server.switchovers(after=done))
        done += switched
        side.migrate(plan[begun:begun + switched])
        begun += switched
    until("all moves have ended", lambda: all(move["ended"] for move in side.server.moves()))
    return side.server.moves()


# Who keeps the ports right

@contextlib.contextmanager
def vsn(lab, side):
    """vsnd with a pin for every host. Yields it when it has done what the world needs at first."""
    agent = Agent(lab.plane, "bench")
    size, name = lab.size, "server"
    ports = "".join(f"interface {port_of(n)}\n vsn enable\n vsn bind {name} {side.host(n)} {side.nic}\n!\n"
                    for n in range(size.hosts))
    agent.configure(f"hostname tor-1\n{lab.plane.switch_config}\nlldpd socket none\n!\nhypervisor {name}\n"
                    f" type {side.hypervisor}\n access {side.access()} password-file {lab.plane.dir}/password\n"
                    f" tls ca-file {side.server.certificate}\n mode config\n provision machines\n no disable\n!\n"
                    f"{ports}vsn\n prune never\n!\nend\n")
    with agent:
        agent.start()
        agent.wait_state("connected", name, 60)
        agent.wait("nothing is left to do", lambda: lab.has(size.at_home()) and not any(row["add"] for row in agent.show("plan")),
                   60, every=0.3)
        yield agent


@contextlib.contextmanager
def pyvmomi(lab, side, way):
    """pyvmomi_poller.py. Yields the lab."""
    ports = os.path.join(lab.plane.host_dir, "ports.json")
    with open(ports, "w") as file:
        json.dump({side.host(n): port_of(n) for n in range(lab.size.hosts)}, file)
    with open(os.path.join(lab.plane.host_dir, f"pyvmomi-{way}.log"), "ab") as log:
        poller = subprocess.Popen([sys.executable, os.path.join(HERE, "pyvmomi_poller.py"), way, "--server",
                                   str(side.server.port), "--db", lab.plane.database, "--ports", ports],
                                  stdout=subprocess.PIPE, stderr=log)
    try:
        if poller.stdout.readline() != b"READY\n":
            raise RuntimeError("the poller did not start")
        yield lab
    finally:
        poller.kill()
        poller.wait()


def measure(lab, side, keeper, settled=lambda keeper: None):
    """One run: (moves by the server's record, {(port, VLAN): ms}, what settled(keeper) answered after the last move)."""
    lab.close_ports()
    with side.server, keeper(lab, side) as kept, lab.watched() as seen:
        moves = drive(side)
        answer = settled(kept)
        return moves, seen(), answer

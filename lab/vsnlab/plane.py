"""A plane: one switch, hosts around it, machines on the hosts, all of it real and none of it outside.

Everything runs in a world of its own (world.sh): processes, mounts and network names that end with it. The
two kinds are in ovs.py and uml.py; they differ in how the world starts and in the tool that the switch and the
virtual switches are made with.
"""
import atexit
import os
import shutil
import subprocess
import tempfile
import threading
import weakref

from .host import Host, Machine, Station, checked
from .lldp import Lldpd
from .remote import Remote, WorldError

HERE = os.path.dirname(os.path.abspath(__file__))
PROJECT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("VSN_BUILD") or os.path.join(PROJECT, "build")

_running = weakref.WeakSet()


@atexit.register
def stop_all():
    """Ends every world of this process. A killed process ends its worlds as well: they watch a pipe."""
    for plane in list(_running):
        plane.stop()


class Switch:
    """A switch of a plane. The first one's words are also the plane's: plane.bridge, plane.lldpd, ...

    ports            their names; no two switches of a plane have one in common
    members          of its LAGs, which are no ports any more; see create_lag()
    netns            the network namespace of its ports; None when it is the world's own
    bridge, dir      its bridge, and the folder of its daemons
    lldpd            None when it has none
    config           its line in vsn.conf
    """

    def __init__(self, name, ports, bridge, netns, folder, config):
        self.members = []
        self.name, self.ports, self.bridge, self.netns = name, list(ports), bridge, netns
        self.dir, self.config, self.lldpd = folder, config, None


class Plane:
    """Base of OvsPlane and UmlPlane; use as a context manager or call start() and stop().

    'keep' leaves the run's folder behind (also with VSN_LAB_KEEP in the environment).

    host_dir   the run's folder; the world sees it under the same path, user-mode Linux only to read
    dir        where processes of the world write their files
    switches   each a Switch; create_switch() makes the first
    bridge     the first switch's bridge
    """
    kind = None
    bridge = None
    START_TIMEOUT = 30

    def __init__(self, frames=None, keep=None):
        self.frames = frames or os.path.join(BUILD, "lab/frames/frames")
        self.keep = bool(os.environ.get("VSN_LAB_KEEP")) if keep is None else keep
        self.host_dir = self.dir = self.world = self._lifeline = None
        self._said = []
        self.name, self.switches, self.hosts, self.machines = None, [], {}, {}
        self._count, self._lock = 0, threading.Lock()

    # The world

    def start(self):
        if os.geteuid() != 0:
            raise WorldError("a world has network namespaces of its own, and making them needs root")
        for tool in (self.frames, shutil.which("unshare") or "unshare"):
            if not os.path.exists(tool):
                raise WorldError(f"{tool} is missing: build the project, and run lab/install")
        self.host_dir = tempfile.mkdtemp(prefix=f"vsnlab-{self.kind}-")
        os.chmod(self.host_dir, 0o755)      # lldpd, and whatever else drops its rights, reads sockets in here
        argv, env = self._prepare()
        # The world is the shell's child. Its input is the lifeline: whatever happens to this process, its end
        # closes the pipe, the world ends, and the shell takes the folder away.
        self._lifeline = subprocess.Popen(
            ["/bin/sh", "-c", '"$@"; cd /; [ -e "$WORLD_DIR/keep" ] || rm -rf --one-file-system "$WORLD_DIR"',
             "world", *argv],
            env={**os.environ, **env, "WORLD_DIR": self.host_dir}, cwd="/", stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        if self.keep:
            self._mark_kept()
        _running.add(self)
        ready = threading.Event()
        threading.Thread(target=self._log, args=(ready,), daemon=True).start()
        if not ready.wait(self.START_TIMEOUT) or self._lifeline.poll() is not None:
            log = self.world_log()
            self.stop()
            raise WorldError(f"the {self.kind} world did not start:\n{log}")
        self.world = Remote(self._connect)
        self.world.run(["mkdir", "-p", self.dir], check=True)
        return self

    def _log(self, ready):
        """Keeps what the world says; sets 'ready' when its agent listens, or when it ended."""
        with open(os.path.join(self.host_dir, "world.log"), "wb", buffering=0) as log:
            for line in self._lifeline.stdout:
                self._said.append(line.decode(errors="replace"))
                log.write(line)
                if b"WORLD READY" in line:
                    ready.set()
        ready.set()

    def world_log(self):
        """What the world said; there also when it has ended and taken its folder away."""
        return "".join(self._said)

    def _mark_kept(self):
        with open(os.path.join(self.host_dir, "keep"), "w"):
            pass

    def stop(self, keep=None):
        """Ends the world and everything in it; with keep=True the folder and the logs stay."""
        if self._lifeline is None:
            return
        if keep or self.keep:
            self._mark_kept()
            self._bring_out()
        self._lifeline.stdin.close()
        try:
            self._lifeline.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._lifeline.pid, 9)
            self._lifeline.wait()
            if not (keep or self.keep):
                shutil.rmtree(self.host_dir, ignore_errors=True)
        self._lifeline = None
        _running.discard(self)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()

    def run(self, argv, netns=None, **options):
        """Runs a command in the world to its end: subprocess.CompletedProcess (see Remote.run)."""
        return self.world.run(self._inside(argv, netns), **options)

    def spawn(self, argv, env=None, cwd=None, log=None, netns=None):
        """Starts a command in the world: a Process. Standard error goes to the world's file 'log', which by default
        is named after the command."""
        log = log or f"{self.dir}/{os.path.basename(str(argv[0]))}-{self.next_number()}.log"
        return self.world.spawn(self._inside(argv, netns), env=env, cwd=cwd, log=log)

    def sh(self, script, netns=None):
        """A few commands at once: in user-mode Linux starting one costs tens of milliseconds."""
        return self.run(["sh", "-e"], netns=netns, stdin=script, check=True).stdout

    def read(self, path):
        """The bytes of a file of the world."""
        return self.world.read(path)

    def write(self, path, data, mode=0o644):
        """Writes a file in the world; its folder is made."""
        self.world.write(path, data, mode)

    def wait_path(self, path, timeout=10):
        """Waits until a file or a socket exists in the world."""
        self.world.wait_path(path, timeout)

    def fetch(self, path, target):
        """Copies a folder of the world out to the folder 'target'."""
        archive = f"{self.dir}/fetch.tar"
        self.run(["tar", "--exclude=fetch.tar", "--warning=no-file-changed", "--warning=no-file-ignored",
                  "-cf", archive, "-C", path, "."])
        os.makedirs(target, exist_ok=True)
        subprocess.run(["tar", "-xf", "-", "-C", target], input=self.read(archive), check=True)

    def _inside(self, argv, netns):
        return ["nsenter", f"--net=/run/netns/{netns}", *argv] if netns else list(argv)

    # The switch

    def create_switch(self, ports, name="tor-1", lldp="both", address="192.0.2.10"):
        """Makes the switch with the ports of that list (or that many: swp1, swp2, ...), all of them closed: native
        VLAN 1 and no tagged one. Its lldpd speaks and hears LLDP and CDP (see lldp.MODES; None: no lldpd) and
        gives 'address' as the one it is managed under."""
        self.name = name
        ports = [f"swp{i + 1}" for i in range(ports)] if isinstance(ports, int) else list(ports)
        return self._add_switch(name, ports, lldp, address)

    def create_second_switch(self, ports, uplink, name="tor-2", lldp="both", address="192.0.2.11"):
        """One more switch, with ports of other names. 'uplink' is (own port, port of a switch that stands already): the
        cable between them, both ends closed like any port."""
        own, other = uplink
        if set(ports) & set(self.ports):
            raise WorldError(f"another switch has a port of that name: {ports}")
        return self._add_switch(name, [*ports, own], lldp, address, (own, other))

    def _add_switch(self, name, ports, lldp, address, uplink=None):
        switch = self._new_switch(checked(name), [checked(port, 11) for port in ports], len(self.switches) + 1)
        self.switches.append(switch)
        self._start_switch(switch, self._cables([port for port in ports if not uplink or port != uplink[0]]),
                           self._joining_script(switch, *uplink) if uplink else "")
        if lldp:
            switch.lldpd = Lldpd(self, name, switch.netns, switch.ports, lldp, address=address).start()
        return switch

    def _joining_script(self, switch, own, other):
        """The loose end of the other switch's cable becomes a port of this one."""
        target = f" netns {switch.netns}" if switch.netns else ""
        return (f"ip {self._in(self.netns_of(other))} link set {other}.out{target} name {own}\n"
                f"ip {self._in(switch.netns)} link set {own} up\n")

    @property
    def ports(self):
        """Of all switches."""
        return [port for switch in self.switches for port in switch.ports]

    @property
    def lldpd(self):
        return self.switches[0].lldpd if self.switches else None

    def switch_of(self, port):
        return next(switch for switch in self.switches if port in switch.ports + switch.members)

    def netns_of(self, port):
        """The network namespace that a port of a switch is in; None when it is the world's own."""
        return self.switch_of(port).netns

    def create_host(self, name, wires, switches=None, discovery="cdp-listen", macs=None):
        """Makes a host.

        wires       {NIC: port of the switch}, as {"vmnic0": "swp1"}
        switches    its virtual switches and their uplinks; the first NIC is the active one.
                    Default: {"vSwitch0": all NICs}. Names have at most 15 characters.
        discovery   "cdp-listen", "lldp", None, or {NIC: one of them}; "dom0" for a XenServer, which speaks neither and is
                    only seen by the ARP of its own bridges (Host.announce)
        macs        {NIC: MAC address}; the others get one of their own
        """
        host = Host(self, name, wires, switches or {"vSwitch0": list(wires)}, discovery, macs or {})
        self.hosts[name] = host
        return host.start()

    def create_machine(self, name, host, vlan=None, switch=None, mac=None):
        """Makes a machine on a host: 'vlan' is the id of its port group, None for untagged, or a list such as
        "100-199" that the guest tags itself."""
        machine = Machine(self, name, host, vlan, switch, mac or self.new_mac())
        self.machines[name] = machine
        return machine.start()

    def create_lag(self, name, host, switch):
        """Joins the NICs of a host's virtual switch into a bond, and the ports behind which they are into one port of that
        name, closed like any port, with LACP (fast) on both ends. The partner's id is the address of the first NIC."""
        nics = [host.nics[nic] for nic in host.switches[switch]]
        owner = self.switch_of(nics[0].port)
        self.join_links(owner, checked(name, 15), host, switch, nics)
        members = [nic.port for nic in nics]
        owner.ports = [port for port in owner.ports if port not in members] + [name]
        owner.members += members

    def join_links(self, owner, name, host, switch, nics):
        raise NotImplementedError

    def create_station(self, port, vlans="2-4094"):
        """A trunk port of the switch that nobody manages and the place behind it: frames are counted there."""
        station = Station(self, port)
        station.start()
        self._open_port(port, vlans)
        return station

    def vcenter_address(self, port):
        """ADDRESS:PORT under which a process of the world reaches what listens on this side's 127.0.0.1:port."""
        raise NotImplementedError

    def pool_addresses(self, count):
        """[(address that the world connects to, address on this side)] for the hosts of a pool, which all have one port
        on addresses of their own."""
        return [(f"127.0.0.{i + 1}", f"127.0.0.{i + 1}") for i in range(count)]

    def reach(self, address, listen, port):
        """Lets processes of the world reach what listens on 'listen' of this side under one of pool_addresses()."""

    def settle(self, host=None):
        """Waits until the data plane of the switch (or of a host's virtual switches) does what it was told."""

    # For hosts and machines

    @property
    def switch_netns(self):
        """The network namespace that the first switch's ports are in; None when it is the world's own."""
        return self.switches[0].netns

    @property
    def switch_config(self):
        """The first switch's line in vsn.conf."""
        return self.switches[0].config

    def next_number(self):
        with self._lock:
            self._count += 1
            return self._count

    def new_mac(self):
        """A locally administered address, another one each time."""
        number = self.next_number()
        return f"02:76:73:6e:{number >> 8 & 0xff:02x}:{number & 0xff:02x}"

    def netns_script(self, name):
        """Makes a network namespace that says nothing by itself: no IPv6, so that nothing is learnt by accident."""
        quiet = "for f in all default; do echo 1 >/proc/sys/net/ipv6/conf/$f/disable_ipv6; done"
        return (f"ip netns add {name}\nip -n {name} link set lo up\n"
                f"[ ! -e /proc/sys/net/ipv6 ] || nsenter --net=/run/netns/{name} sh -c '{quiet}'\n")

    def cable_script(self, port, netns, nic, mac):
        """Plugs the loose end of a port's cable into a namespace, where it becomes 'nic'."""
        return (f"ip {self._in(self.netns_of(port))} link set {port}.out netns {netns} name {nic}\n"
                f"ip -n {netns} link set {nic} address {mac}\nip -n {netns} link set {nic} up\n")

    def uncable_script(self, port, netns, nic):
        """Pulls it out again."""
        return (f"ip -n {netns} link set {nic} down\n"
                f"ip -n {netns} link set {nic} netns {self.netns_of(port) or 1} name {port}.out\n")

    def set_port(self, port, up):
        """The administrative state of a port: "no shutdown" and "shutdown"."""
        self.sh(f"ip {self._in(self.netns_of(port))} link set {port} {'up' if up else 'down'}\n")

    @staticmethod
    def _in(netns):
        return f"-n {netns}" if netns else ""

    @staticmethod
    def _cables(ports):
        """ip-batch lines: a cable for every port, its far end loose, so that the port has no carrier."""
        return "".join(f"link add {port} type veth peer name {port}.out\nlink set {port} up\n" for port in ports)

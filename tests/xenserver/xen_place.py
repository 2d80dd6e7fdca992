"""A place with two XenServer hosts and an ESX host on one switch, and scenes with a pool on it."""
import os

from place import Place, Scene
from vsnlab import XenPool, host_of, xen_host_of

PORTS = [f"swp{i}" for i in range(1, 9)]
QUICK = ["-t-copy", "400ms", "-t-start", "400ms", "-t-restart", "300ms", "-t-designate", "500ms", "-t-notice", "500ms",
         "-late", "0s"]
# The VLANs that the tests are about and their neighbours.
SOME_VLANS = "none,2,99-105,199-202,299-302,4094"


class XenPlace(Place):
    """
    xs1     swp1 (eth0) and swp2 (eth1): a bond for management and machines; swp3 (eth2): storage
    xs2     swp4 (eth0) and swp5 (eth1), swp6 (eth2): the same
    esx1    swp7: a standard switch
    swp8    enabled for vsn, nobody behind it
    swp9    the station: a trunk where frames are sent and counted
    """
    ports = PORTS

    def _populate(self, plane):
        for name, (first, second, third) in {"xs1": PORTS[0:3], "xs2": PORTS[3:6]}.items():
            plane.create_host(name, {"eth0": first, "eth1": second, "eth2": third},
                              {"bond0": ["eth0", "eth1"], "xenbr2": ["eth2"]}, discovery="dom0")
        plane.create_host("esx1", {"vmnic0": "swp7"})
        self.xen_hosts = [plane.hosts["xs1"], plane.hosts["xs2"]]
        plane.create_machine("web-1", plane.hosts["xs1"], 100, "bond0")

    def announce(self):
        """Every dom0 says by ARP where its interfaces are, as the switch forgot it after the scene before."""
        for host in self.xen_hosts:
            for bridge in host.switches:
                host.announce(bridge)


def pool_inventory(place, mode="active-backup"):
    bond = {"device": "bond0", "members": ["eth0", "eth1"], **({"mode": mode} if mode else {})}
    hosts = [xen_host_of(host, bonds=[bond], management="bond0",
                         interfaces=[{"network": "storage", "ip": f"203.0.113.{number + 1}"}])
             for number, host in enumerate(place.xen_hosts)]
    return {
        "pool": "rack1", "master": "xs1", "hosts": hosts,
        "networks": [{"name": "blue", "vlan": 100, "device": "bond0"}, {"name": "green", "vlan": 101, "device": "bond0"},
                     {"name": "storage", "device": "eth2"}, {"name": "backup", "vlan": 200, "device": "eth2"},
                     {"name": "inside"}],
        "machines": [{"name": "web-1", "host": "xs1", "networks": ["blue"], "power": "on"},
                     {"name": "db-1", "host": "xs2", "networks": ["green", "backup"], "power": "on"},
                     {"name": "off-1", "networks": ["green"]},
                     {"name": "golden", "kind": "template", "networks": ["blue"]},
                     {"name": "yesterday", "kind": "snapshot", "networks": ["blue"]}]}


def esx_inventory(place):
    """The vCenter's world beside it."""
    groups = [{"name": "Management Network"}, {"name": "red", "vlan": 300}]
    esx1 = host_of(place.hosts["esx1"],
                   vswitches=[{"name": "vSwitch0", "uplinks": ["vmnic0"], "portgroups": groups}],
                   vmknics=[{"device": "vmk0", "portgroup": "Management Network", "role": "management"}])
    return {"cluster": "rack1", "hosts": [esx1],
            "machines": [{"name": "shop-1", "host": "esx1", "networks": ["red"], "power": "on"}]}


# What the pool wants on the ports of its hosts; nothing is wanted elsewhere.
WANTED = {"swp1": "100-101", "swp2": "100-101", "swp3": "200", "swp4": "100-101", "swp5": "100-101", "swp6": "200",
          "swp7": "", "swp8": ""}


class XenScene(Scene):
    """A pool and an agent that follows it, with every host's cards known. 'vcenter' adds one beside the pool; 'through'
    is the host that vsn is configured with."""
    wanted = WANTED

    def __init__(self, place, release="8.2", through="xs1", vcenter=False, flags=(), **more):
        self.release, self.through, self._with_vcenter = release, through, vcenter
        super().__init__(place, **more)
        self._flags = [*QUICK, *flags]
        if vcenter:
            self.wanted = {**WANTED, "swp7": "300"}

    def _inventory(self):
        return pool_inventory(self.place, None if self.release == "5.6" else "active-backup")

    def _start_hypervisors(self):
        self.place.announce()
        self.pool = self.add_pool("pool1", self._world, self._flags, **self.options)
        if self._with_vcenter:
            self.vcenter = self.add_vcenter("vc1", esx_inventory(self.place))
            self.hint_heard()

    def add_pool(self, name, world, flags=QUICK, **options):
        """A pool, and a block for it in config()."""
        folder = os.path.join(self.plane.host_dir, f"{name}-{self.plane.next_number()}")
        os.mkdir(folder, 0o755)
        pool = self._stack.enter_context(XenPool(folder, world, flags, self.release, self.plane))
        self.add_pool_block(name, pool.url_of(self.through), pool.certificate, **options)
        return pool

    def add_pool_block(self, name, url, ca_file=None, **options):
        self.add_block(name, url.rstrip("/"), ca_file, username="root", **{"type": "xen-citrix", **options})

    def _port_words(self):
        return {port: ["vsn enable"] for port in PORTS}

    def __enter__(self):
        scene = super().__enter__()
        try:
            scene.be_seen()
        except BaseException:
            self.__exit__()
            raise
        return scene

    def be_seen(self):
        """An idle bond is seen through its active card only. Once each card was the active one, all are known."""
        self.wait_wires("swp1", "swp3", "swp4", "swp6")
        for active in ("eth1", "eth0"):
            for host in self.place.xen_hosts:
                host.use_uplink("bond0", active)
            self.wait_wires("swp2", "swp5")

    def wires(self):
        """{port: [(host, NIC, state, evidence)]}"""
        found = {}
        for wire in self.agent.show("virtualwire"):
            found.setdefault(wire["port"], []).append((wire["host"], wire["nic"], wire["state"], wire["evidence"]))
        return found

    def wait_wires(self, *ports):
        def known():
            wires = self.wires()
            return all(any(wire[2] == "confirmed" for wire in wires.get(port, [])) for port in ports)
        self.agent.wait(f"{ports} have a wire", known)

    def proves(self, **changes):
        return self.place.carries(self.wait_carried(**changes), SOME_VLANS)

    def hypervisor(self):
        return self.agent.hypervisor("pool1")

    def machine(self, name):
        return next(row for row in self.agent.show("machine") if row["name"] == name)

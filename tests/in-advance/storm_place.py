"""64 hosts on one Open vSwitch, with a cable each and nothing behind it, and a vCenter full of machines of which each has a
VLAN of its own."""
from advance_place import HOLD_DOWN_S
from agent import Agent
from vsnlab import OvsPlane, VCenter, WorldError, until
from vsnlab import vlans as vlan_lists

HOSTS = 64
EACH = 8            # machines of a host
CROWD = 40          # machines of the first one
FIRST_VLAN = 1001
# An evacuation moves so many at once, while the others wait for their turn, and a move lasts so long after it was announced.
FLAGS = ["-tick", "20ms", "-evacuate", "14", "-t-queue", "20ms", "-t-pre", "500ms", "-t-run", "700ms"]


class Storm:
    """hosts, machines: names; home: {machine: host} at first; vlan: {machine: VLAN}; port: {host: port}"""

    def __init__(self):
        self.plane = OvsPlane()
        self.hosts = [f"esx{n + 1:02}" for n in range(HOSTS)]
        self.port = {host: f"swp{n + 1}" for n, host in enumerate(self.hosts)}
        self.home = {f"vm-{host}-{n}": host for host in self.hosts
                     for n in range(CROWD if host == self.hosts[0] else EACH)}
        self.machines = list(self.home)
        self.vlan = {machine: FIRST_VLAN + n for n, machine in enumerate(self.machines)}
        self.vcenter = self.agent = None

    def __enter__(self):
        try:
            self.plane.start()
            self.plane.create_switch(HOSTS, lldp=None)
            self.vcenter = VCenter(self.plane.host_dir, self._inventory(), FLAGS).start()
            self.agent = Agent(self.plane)
            self.plane.write(f"{self.plane.dir}/password", "secret\n", 0o600)
            self.agent.configure(self._config())
            self.agent.start()
            self.wait_homes(self.home)
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        if self.agent:
            self.agent.__exit__()
        if self.vcenter:
            self.vcenter.stop()
        self.plane.stop()

    def _inventory(self):
        local = {"name": "vSwitch0", "uplinks": [], "portgroups": [{"name": "Management Network"}]}
        return {
            "cluster": "rack1",
            "hosts": [{"name": host, "pnics": [{"device": "vmnic0"}], "vswitches": [local]} for host in self.hosts],
            "dvs": [{"name": "dvs1", "uplinks": ["Uplink 1"], "discovery": "lldp/none",
                     "hosts": [{"host": host, "pnics": [{"device": "vmnic0"}]} for host in self.hosts],
                     "portgroups": [{"name": f"vlan-{vlan}", "vlan": vlan} for vlan in self.vlan.values()]}],
            "machines": [{"name": machine, "host": host, "networks": [f"vlan-{self.vlan[machine]}"], "power": "on"}
                         for machine, host in self.home.items()]}

    def _config(self):
        block = ["hypervisor vc1", "type vmware",
                 f"access https://{self.plane.vcenter_address(self.vcenter.port)}/sdk username vsn "
                 f"password-file {self.plane.dir}/password",
                 f"tls ca-file {self.vcenter.certificate}", "mode config", "provision machines", "no disable"]
        ports = [line for host, port in self.port.items()
                 for line in (f"interface {port}", " vsn enable", f" vsn bind vc1 {host} vmnic0", "!")]
        return "\n".join(["hostname tor-1", self.plane.switch_config, "lldpd socket none", "\n ".join(block), "!", *ports, "vsn",
                          f" prune hold-down {HOLD_DOWN_S}", " prune budget 4094", "!", "end", ""])

    def carried(self):
        """{port: VLANs} by the switch's own tool, of all ports at once."""
        text = self.plane.vsctl("--format=csv", "--no-headings", "--columns=name,trunks", "list", "port")
        rows = (line.split(",", 1) for line in text.splitlines())
        return {name: vlan_lists.parse(trunks.strip('"[]')) - {4095} for name, trunks in rows if name in self.plane.ports}

    def wanted(self, homes):
        """{port: VLANs} when the machines are there and nowhere else."""
        found = {port: set() for port in self.port.values()}
        for machine, host in homes.items():
            found[self.port[host]].add(self.vlan[machine])
        return found

    def homes(self):
        return {row["name"]: row["host"] for row in self.vcenter.state()["machines"]}

    def wait_homes(self, homes, timeout=60):
        """Waits until the ports carry exactly what the machines there need."""
        wanted = self.wanted(homes)
        def same():
            differing.clear()
            now = self.carried()
            differing.update({port: (vlan_lists.text(wanted[port] - now[port]), vlan_lists.text(now[port] - wanted[port]))
                              for port in wanted if now[port] != wanted[port]})
            return not differing
        differing = {}
        try:
            until("the ports carry what the machines need, and no more", same, timeout, every=0.2)
        except WorldError as error:
            few = dict(list(differing.items())[:5])
            raise WorldError(f"{error}: {len(differing)} ports differ, (missing, too much): {few}") from error

    def absences(self, watcher, carried, homes, rows):
        """The truth of a storm by its watcher: [(machine, port, what was wrong)], empty when each VLAN was on the port of its
        machine at the moment of the switch-over, and stayed as long as the machine. 'carried' and 'homes' are those of the
        beginning, 'rows' the vCenter's moves."""
        there = {(port, vlan) for port, vlans in carried.items() for vlan in vlans}
        events = [(change.at * 1000, "switch", change) for change in watcher.so_far()]
        events += [(row["switched"], "machine", row) for row in rows if row["switched"]]
        homes, wrong = dict(homes), []
        for at, kind, what in sorted(events, key=lambda event: event[0]):
            if kind == "switch":
                there |= {(port, vlan) for port, vlans in what.added.items() for vlan in vlans}
                lost = {(port, vlan) for port, vlans in what.removed.items() for vlan in vlans}
                there -= lost
                wrong += [(machine, self.port[host], f"lost its VLAN at {at:.0f}") for machine, host in homes.items()
                          if (self.port[host], self.vlan[machine]) in lost]
            else:
                homes[what["machine"]] = what["to"]
                place = self.port[what["to"]], self.vlan[what["machine"]]
                if place not in there:
                    wrong.append((what["machine"], place[0], f"was there at {at:.0f}, before its VLAN"))
        return wrong

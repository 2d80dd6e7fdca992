"""The Linux bridge plane: everything runs in one user-mode Linux, whose kernel filters VLANs.

The guest's root is this machine's, read-only; it writes to /run, which is its own. It reaches this side over
a pair of virtual cards in a nameless network namespace: 192.0.2.1 is this side, 192.0.2.2 the guest.
"""
import json
import os
import socket
import subprocess

from . import vlans as vlan_lists
from .netns import NetNs
from .plane import HERE, Plane, Switch
from .relay import Relay
from .remote import WorldError

OUTSIDE, INSIDE = "192.0.2.1", "192.0.2.2"      # RFC 5737: never a real network
POOL = OUTSIDE.rpartition(".")[0]              # the network of 16 addresses from POOL.16 up is a pool's
AGENT_PORT = 7000

# The two cards of the pair are the guest's (out there a raw packet socket) and this side's.
CARDS = """
link add guest type veth peer name outside
link set guest up
"""

# Process 1 of the process namespace, after which the guest's command comes: when the guest or the lifeline ends, both end.
GUARD = """
exec 3<&0
ip -batch - <<LINK || exit
link set lo up
%(cards)s
addr add %(outside)s/30 dev outside
link set outside up
LINK
"$@" </dev/null &
cat <&3 >/dev/null &
wait -n
"""


class UmlPlane(Plane):
    kind = "uml"
    bridge = "br0"
    cards = CARDS

    def __init__(self, memory="384M", **options):
        super().__init__(**options)
        self._memory, self._net, self._relays, self._pool = memory, None, {}, set()

    def _prepare(self):
        self.dir = "/run/world"
        self._net = NetNs()
        if any(c.isspace() for c in HERE + self.host_dir):
            raise WorldError("a kernel's command line has no quoting: the path must not contain blanks")
        words = {"WORLD_KIND": self.kind, "WORLD_PYTHON_DIR": HERE, "WORLD_ADDRESS": INSIDE,
                 "WORLD_LISTEN": f"tcp:{INSIDE}:{AGENT_PORT}"}
        guard = GUARD % {"cards": self.cards, "outside": OUTSIDE}
        return (["nsenter", f"--net={self._net.path}", "unshare", "--pid", "--fork", "--kill-child", "--mount",
                 "--mount-proc", "/bin/bash", "-c", guard, "guard",
                 *self._kernel([f"{key}={value}" for key, value in words.items()])], {})

    def _kernel(self, words):
        """The command that is the guest's kernel, with these words for its init."""
        return ["linux.uml", f"mem={self._memory}", "rootfstype=hostfs", "root=/dev/root", "ro",
                f"init={HERE}/world.sh", "quiet", "con=null", "con0=fd:0,fd:1", f"uml_dir={self.host_dir}/",
                "umid=uml", "vec0:transport=raw,ifname=guest,depth=128,gro=1", *words]

    def _connect(self):
        return self._net.call(lambda: socket.create_connection((INSIDE, AGENT_PORT), timeout=20))

    def _bring_out(self):
        """The guest's files are in its memory: they are copied to the folder 'guest' before it goes."""
        try:
            self.fetch(self.dir, os.path.join(self.host_dir, "guest"))
        except (OSError, WorldError) as error:
            with open(os.path.join(self.host_dir, "guest-not-fetched"), "w") as note:
                note.write(f"{error}\n")

    def stop(self, keep=None):
        super().stop(keep)
        for relay in self._relays.values():
            relay.close()
        self._relays = {}
        if self._net:
            self._net.close()

    def vcenter_address(self, port):
        if port not in self._relays:
            listener = self._net.call(lambda: socket.create_server((OUTSIDE, port), backlog=64))
            self._relays[port] = Relay(listener, ("127.0.0.1", port))
        return f"{OUTSIDE}:{port}"

    def pool_addresses(self, count):
        """Beside 192.0.2.1: 192.0.2.17 and up."""
        pairs = [(f"{POOL}.{17 + i}", f"127.0.0.{i + 1}") for i in range(count)]
        new = [address for address, _ in pairs if address not in self._pool]
        if new and not self._pool:
            self.run(["ip", "route", "replace", f"{POOL}.16/28", "via", OUTSIDE], check=True)
        for address in new:
            subprocess.run(["nsenter", f"--net={self._net.path}", "ip", "addr", "add", f"{address}/32", "dev", "outside"],
                           check=True, capture_output=True)
        self._pool.update(new)
        return pairs

    def reach(self, address, listen, port):
        if (address, port) not in self._relays:
            listener = self._net.call(lambda: socket.create_server((address, port), backlog=64))
            self._relays[address, port] = Relay(listener, (listen, port))

    # The switch

    def _new_switch(self, name, ports, number):
        bridge = f"br{number - 1}"
        return Switch(name, ports, bridge, None, f"{self.dir}/switch{number}", f"switch linux-bridge {bridge}")

    def _start_switch(self, switch, cables, uplink):
        joined = "".join(f"link set {port} master {switch.bridge}\n" for port in switch.ports)
        self.sh(f"ip -batch - <<SWITCH\nlink add {switch.bridge} type bridge vlan_filtering 1\n"
                f"link set {switch.bridge} up\n{cables}SWITCH\n{uplink}ip -batch - <<SWITCH\n{joined}SWITCH\n")

    def _vlan_script(self, verb, device, vlans, netns=None):
        return "".join(f"bridge {self._in(netns)} vlan {verb} dev {device} vid {a}{f'-{b}' if b > a else ''}\n"
                       for a, b in vlan_lists.ranges(vlan_lists.parse(vlans)))

    def _open_port(self, port, vlans):
        self.sh(self._vlan_script("add", port, vlan_lists.parse(vlans) - {1}))

    def _port(self, port):
        """[(first, last, flags)] of a port."""
        rows = json.loads(self.run(["bridge", "-j", "vlan", "show", "dev", port], check=True).stdout)
        return [(entry["vlan"], entry.get("vlanEnd", entry["vlan"]), entry.get("flags", []))
                for row in rows for entry in row["vlans"]]

    def vlans(self, port):
        """The tagged VLANs of a port as the switch has them: a set."""
        return {vlan for first, last, flags in self._port(port) if "Egress Untagged" not in flags
                for vlan in range(first, last + 1)}

    def native(self, port):
        """The VLAN of its untagged frames, or None."""
        return next((first for first, _, flags in self._port(port) if "PVID" in flags), None)

    def add_vlans(self, port, vlans):
        """Adds VLANs by hand, as an administrator does."""
        self.sh(self._vlan_script("add", port, vlans))

    def remove_vlans(self, port, vlans):
        self.sh(self._vlan_script("del", port, vlans))

    def fdb(self):
        """What the switch has learnt: a set of (port, VLAN, MAC address)."""
        rows = json.loads(self.run(["bridge", "-j", "fdb", "show", "br", self.bridge, "dynamic"],
                                   check=True).stdout or "[]")
        return {(row["ifname"], row["vlan"], row["mac"]) for row in rows
                if "vlan" in row and row.get("state") != "permanent"}

    # Virtual switches of the hosts

    def start_vswitches(self, host):
        script = ""
        for switch in host.switches:
            script += (f"ip -n {host.netns} link add {switch} type bridge vlan_filtering 1 vlan_default_pvid 0\n"
                       f"ip -n {host.netns} link set {switch} up\n")
            if switch in host.active:
                script += self._uplink_script(host, switch)
        self.sh(script)

    @staticmethod
    def local_port_script(host, switch):
        """The bridge's own interface takes part in untagged traffic."""
        return f"bridge -n {host.netns} vlan add dev {switch} vid 1 pvid untagged self\n"

    def join_links(self, owner, name, host, switch, nics):
        bond = "type bond mode 802.3ad lacp_rate fast miimon 50 xmit_hash_policy layer2+3"
        uplink = f"{switch}-bond"[-15:]
        script = (f"modprobe -d /run/modules bonding\nip link add {name} {bond}\n"
                  f"ip -n {host.netns} link add {uplink} {bond}\n")
        for nic in nics:
            script += (f"ip link set {nic.port} nomaster down\nip link set {nic.port} master {name}\n"
                       f"ip -n {host.netns} link set {nic.nic} nomaster down\n"
                       f"ip -n {host.netns} link set {nic.nic} master {uplink}\n")
        host.switches[switch], host.active[switch] = [uplink], uplink
        self.sh(script + f"ip link set {name} up\nip link set {name} master {owner.bridge}\n"
                f"ip -n {host.netns} link set {uplink} up\n" + self._uplink_script(host, switch))

    def _uplink_script(self, host, switch):
        """Joins the active uplink, and only that: with two, the bridge would be a loop, which a virtual switch
        never is."""
        tags = {vlan for machine in self.machines.values() if machine.host is host and machine.switch == switch
                for vlan in self._tags(machine)}
        leave = "".join(f"ip -n {host.netns} link set {nic} nomaster\n" for nic in host.switches[switch]
                        if nic != host.active[switch])
        return (leave + f"ip -n {host.netns} link set {host.active[switch]} master {switch}\n"
                f"bridge -n {host.netns} vlan add dev {host.active[switch]} vid 1 pvid untagged\n" +
                self._vlan_script("add", host.active[switch], tags, host.netns))

    def take_up(self, nic):
        switch = nic.host.switch_of(nic.nic)
        if switch:
            self.sh(self._uplink_script(nic.host, switch))

    def use_uplink(self, host, switch, nic):
        self.sh(self._uplink_script(host, switch))

    @staticmethod
    def _tags(machine):
        """The tags that its frames carry on the wire. VLAN 1 is the bridge's word for untagged."""
        return vlan_lists.parse(machine.vlan or set()) - {0, 1}

    def attach_script(self, machine):
        netns, tags = machine.host.netns, self._tags(machine)
        script = f"ip -n {netns} link set {machine.tap} master {machine.switch}\n"
        if isinstance(machine.vlan, str):
            script += self._vlan_script("add", machine.tap, tags, netns)
        else:
            script += f"bridge -n {netns} vlan add dev {machine.tap} vid {machine.vlan or 1} pvid untagged\n"
        return script + self._vlan_script("add", machine.host.active[machine.switch], tags, netns)

    def detach_script(self, machine):
        return f"ip -n {machine.host.netns} link set {machine.tap} nomaster\n"

"""Hosts with network cards and virtual switches, the machines on them, and a station that counts."""
import re

from .frames import Endpoint, probe
from .lldp import Lldpd
from .remote import WorldError
from .until import until

# RFC 5737: never real networks.
DOM0_NETWORKS = ("198.51.100", "203.0.113")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")


def checked(name, longest=200):
    """Names become names of namespaces and interfaces, and words of scripts."""
    if not NAME.match(name) or len(name) > longest:
        raise WorldError(f"not a name that a plane can use: {name!r}")
    return name


class Nic(Endpoint):
    """A network card of a host: an end of a cable. As an endpoint it bypasses the virtual switch."""

    def __init__(self, host, nic, port, mac):
        super().__init__(host.plane, host.netns, checked(nic, 15))
        self.host, self.port, self.mac = host, port, mac

    def plug(self):
        self.plane.sh(self.plane.cable_script(self.port, self.netns, self.nic, self.mac))

    def move_cable(self, port):
        """Pulls the cable out of the switch and plugs it into another, free port."""
        self.plane.sh(self.plane.uncable_script(self.port, self.netns, self.nic))
        self.port = port
        self.plug()
        self.plane.take_up(self)

    def set_link(self, up):
        """Cable in or out, as the switch port sees it."""
        self.plane.sh(f"ip -n {self.netns} link set {self.nic} {'up' if up else 'down'}\n")


class Host:
    """See Plane.create_host. nics: {name: Nic}; switches: {virtual switch: [NIC names], active one first}."""

    def __init__(self, plane, name, wires, switches, discovery, macs):
        self.dom0, discovery = discovery == "dom0", None if discovery == "dom0" else discovery
        self.plane, self.name, self.netns = plane, checked(name), name
        self.nics = {nic: Nic(self, nic, port, macs.get(nic) or plane.new_mac()) for nic, port in wires.items()}
        self.switches = {checked(switch, 15): list(nics) for switch, nics in switches.items()}
        self.active = {switch: nics[0] for switch, nics in self.switches.items() if nics}
        modes = discovery if isinstance(discovery, dict) else dict.fromkeys(wires, discovery)
        self.lldpds = [Lldpd(plane, f"{name}-{mode}", name, [n for n in wires if modes.get(n) == mode], mode,
                             port_id="macaddress")
                       for mode in sorted({m for m in modes.values() if m})]
        for lldpd in self.lldpds:
            lldpd.hostname = name

    def start(self):
        plane = self.plane
        plane.sh(plane.netns_script(self.netns) +
                 "".join(plane.cable_script(nic.port, self.netns, nic.nic, nic.mac) for nic in self.nics.values()))
        plane.start_vswitches(self)
        if self.dom0:
            for switch, network in zip(self.switches, DOM0_NETWORKS):
                plane.sh(plane.local_port_script(self, switch) + self._address_script(switch, network))
        for lldpd in self.lldpds:
            lldpd.start()
        return self

    def _address_script(self, switch, network):
        """The first bridges of dom0, for management and storage, have the MAC address of their first card and an address
        of IPv4; the kernel announces both by ARP whenever the bridge comes up. Further bridges say nothing."""
        mac = self.nics[self.switches[switch][0]].mac
        notify = f"echo 1 >/proc/sys/net/ipv4/conf/{switch}/arp_notify"
        host = len(self.plane.hosts) + 1
        return (f"ip -n {self.netns} link set {switch} address {mac}\n"
                f"nsenter --net=/run/netns/{self.netns} sh -c '{notify}'\n"
                f"ip -n {self.netns} addr add {network}.{host}/24 dev {switch}\n" + self._announce_script(switch))

    def _announce_script(self, switch):
        return f"ip -n {self.netns} link set {switch} down\nip -n {self.netns} link set {switch} up\n"

    def announce(self, switch=None):
        """A dom0 says by ARP, untagged, which MAC address its management has; or that of another bridge of its own."""
        self.plane.sh(self._announce_script(switch or next(iter(self.switches))))

    def heard(self):
        """What this host's own lldpd heard: {NIC: [neighbour, ...]}; see lldp.parse for the members. A card in mode
        cdp-listen hears only CDP."""
        found = {nic: [] for nic in self.nics}
        for lldpd in self.lldpds:
            for neighbour in lldpd.heard():
                found[neighbour["nic"]].append(neighbour)
        return found

    def wait_heard(self, timeout=10):
        """Waits until every card with a daemon has heard somebody; returns heard()."""
        wanted = {nic for lldpd in self.lldpds for nic in lldpd.nics}
        def complete():
            heard = self.heard()
            return heard if all(heard[nic] for nic in wanted) else None
        return until(f"{self.name}: neighbours on {sorted(wanted)}", complete, timeout, every=0.1)

    def switch_of(self, nic):
        return next((switch for switch, nics in self.switches.items() if nic in nics), None)

    def use_uplink(self, switch, nic):
        """Makes another card the active uplink of a virtual switch."""
        self.active[switch] = nic
        self.plane.use_uplink(self, switch, nic)
        if self.dom0:
            self.plane.settle(self)     # else it is announced through the card of before
            self.announce(switch)


class Machine(Endpoint):
    """A machine: an endpoint whose frames are untagged, as a guest's are. See Plane.create_machine."""

    def __init__(self, plane, name, host, vlan, switch, mac):
        super().__init__(plane, f"vm-{checked(name)}", "eth0")
        self.name, self.host, self.vlan, self.mac = name, host, vlan, mac
        self.switch = switch or next(iter(host.switches))
        self.tap = f"tap{plane.next_number()}"

    def start(self):
        self.plane.sh(self.plane.netns_script(self.netns) +
                      f"ip -n {self.host.netns} link add {self.tap} type veth peer name eth0 netns {self.netns}\n"
                      f"ip -n {self.netns} link set eth0 address {self.mac}\n"
                      f"ip -n {self.netns} link set eth0 up\n"
                      f"ip -n {self.host.netns} link set {self.tap} up\n" + self.plane.attach_script(self))
        return self

    def move(self, host, switch=None, announce=True):
        """Switches over to another host. With 'announce' the new host tells the network, as ESXi does."""
        script = (self.plane.detach_script(self) +
                  f"ip -n {self.host.netns} link set {self.tap} netns {host.netns}\n"
                  f"ip -n {host.netns} link set {self.tap} up\n")
        self.host, self.switch = host, switch or self.switch
        self.plane.sh(script + self.plane.attach_script(self))
        if announce:
            self.announce()

    def set_vlan(self, vlan):
        """Its port group's VLAN changes, or it is plugged into another one."""
        script = self.plane.detach_script(self)
        self.vlan = vlan
        self.plane.sh(script + self.plane.attach_script(self))

    def settle(self):
        super().settle()
        self.plane.settle(self.host)

    def announce(self):
        """One frame from its MAC address, so that the switch learns where it is."""
        self.send(None, 1)

    def reaches(self, other):
        """True when a frame of this machine arrives at another endpoint, a machine say."""
        return bool(probe(self, other, None, count=1).frames)


class Station(Endpoint):
    """See Plane.create_station."""

    def __init__(self, plane, port):
        super().__init__(plane, f"station-{port}", "eth0")
        self.port, self.mac = port, plane.new_mac()

    def start(self):
        self.plane.sh(self.plane.netns_script(self.netns) +
                      self.plane.cable_script(self.port, self.netns, self.nic, self.mac))

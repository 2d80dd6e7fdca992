"""The world that the pool shows: from a file, or counted."""
import random

from .machines import HOST_ALLOWED, allowed, attach_networks
from .member import Member
from .networks import NO_MAC, make_bond, make_network, make_pif, make_vif, make_vlan
from .schema import NULL

HOST_KEYS = {"name", "address", "listen", "pifs", "bonds", "management", "interfaces", "certificate", "key"}
NETWORK_KEYS = {"name", "vlan", "device", "hosts", "attached", "tunnel", "other_config"}
MACHINE_KEYS = {"name", "host", "networks", "macs", "power", "kind", "affinity"}
POWER = {"on": "Running", "off": "Halted", "suspended": "Suspended", "paused": "Paused"}
KINDS = ("machine", "template", "snapshot", "control-domain")


class InventoryError(Exception):
    """A file that describes no possible pool."""


def checked(words, known, what):
    unknown = set(words) - known
    if unknown:
        raise InventoryError(f"{what} has no {', '.join(sorted(unknown))}: {', '.join(sorted(known))}")
    return words


def counted(hosts, machines, vlans, nics=2, bond=False):
    """A regular world: every host has 'nics' cards, every VLAN is on all of them, every fourth machine has two interfaces."""
    names = [f"xs{n + 1}" for n in range(hosts)]
    trunk = "bond0" if bond else "eth0"
    return {
        "pool": "counted",
        "hosts": [{"name": name, "management": trunk, "pifs": [{"device": f"eth{n}"} for n in range(nics)],
                   "bonds": [{"device": "bond0", "members": ["eth0", "eth1"]}] if bond else []} for name in names],
        "networks": [{"name": f"vlan {100 + n}", "vlan": 100 + n, "device": trunk} for n in range(vlans)],
        "machines": [{"name": f"vm{n + 1}", "host": names[n % hosts], "power": "on",
                      "networks": [f"vlan {100 + (n + k) % vlans}" for k in range(2 if n % 4 == 0 else 1)] if vlans else []}
                     for n in range(machines)]}


class Inventory:
    """Fills an empty pool. 'first' is the address of the first host, the others follow; a host may name its own."""

    def __init__(self, pool, words, first="127.0.0.1"):
        self.pool, self.database, self._random = pool, pool.database, random.Random("macs")
        checked(words, {"pool", "master", "hosts", "networks", "machines"}, "the inventory")
        self._first, self._networks, self._hosts = first, {}, {}
        pool.inventory = self
        with self.database.lock:
            self._pool_of(words)
            for host in words.get("hosts", []):
                self.add_host(host)
            if not pool.members:
                raise InventoryError("a pool has one host at least")
            for network in words.get("networks", []):
                self.add_network(network)
            for host in words.get("hosts", []):
                self._interfaces(host)
            pool.master = pool.member(words.get("master") or pool.members[0].name)
            self.database.write("pool", self._pool, master=pool.master.ref)
            self.add_machine({"name": "Other install media", "kind": "template"})
            for machine in words.get("machines", []):
                self.add_machine(machine)
            # A host that came with the first start of its database: event.from tells it as modified, not as new.
            self.database.tables["host"].rows[pool.master.ref].created = 0

    def _pool_of(self, words):
        self._pool = self.database.create("pool", name_label=words.get("pool", ""), wlb_verify_cert=False)

    # Hosts

    def _address(self, number):
        parts = self._first.split(".")
        last = int(parts[3]) + number
        if last > 254:
            raise InventoryError("too many hosts for one network")
        return ".".join([*parts[:3], str(last)])

    def add_host(self, words):
        """A host with its cards, its bonds, its control domain and its member."""
        checked(words, HOST_KEYS, "a host")
        pool, database, name = self.pool, self.database, words["name"]
        listen = words.get("listen") or words.get("address") or self._address(len(pool.members))
        certificate = (words["certificate"], words.get("key")) if "certificate" in words else None
        member = Member(pool, name, words.get("address", listen), listen, certificate)
        major, minor = pool.release.api
        metrics = database.create("host_metrics", live=True, memory_total=64 << 30, last_updated=pool.now())
        member.ref = database.create(
            "host", name_label=name, name_description="Default install", hostname=name, address=member.address,
            enabled=True, metrics=metrics, API_version_major=major, API_version_minor=minor, API_version_vendor="XenSource",
            allowed_operations=list(HOST_ALLOWED), software_version=self._version(),
            capabilities=["xen-3.0-x86_64", "hvm-3.0-x86_64"], sched_policy="credit",
            supported_bootloaders=["pygrub", "eliloader"], license_server={"address": "localhost", "port": "27000"},
            virtual_hardware_platform_versions=[0, 1, 2])
        self._hosts[name] = {}
        for number, pif in enumerate(words.get("pifs", [{"device": "eth0"}])):
            self._card(member, number, pif)
        for bond in words.get("bonds", []):
            self._bond(member, bond)
        self._manage(member, words.get("management", next(iter(self._hosts[name]))))
        pool.members.append(member)
        domain = self.add_machine({"name": f"Control domain on host: {name}", "kind": "control-domain", "host": name})
        database.write("host", member.ref, control_domain=domain)
        return member

    def _version(self):
        release = self.pool.release
        version = {"product_version": release.product, "product_brand": "XenServer", "build_number": "0",
                   "hostname": "localhost", "date": "2010-01-01" if not release.has("boston") else "20200101T00:00:00Z",
                   "network_backend": "openvswitch" if release.has("boston") else "bridge"}
        if release.platform:
            version["platform_version"] = release.platform
        return version

    def _trunk_network(self, device):
        """The network of a card or bond, shared by the same device on all hosts."""
        if ("", device) not in self._networks:
            bond = device.startswith("bond")
            number = "".join(c for c in device if c.isdigit()) or "0"
            name = f"Bond network {device}" if bond else f"Pool-wide network associated with {device}"
            self._networks["", device] = make_network(self.pool, name, None if bond else f"xenbr{number}")
        return self._networks["", device]

    def network(self, name):
        for key in ((name, None), ("", name)):
            if key in self._networks:
                return self._networks[key]
        found = self.database.find("network", "name_label", name)
        if not found:
            raise InventoryError(f"no network is called {name!r}")
        return found[0]

    def _card(self, member, number, words):
        checked(words, {"device", "mac", "carrier", "sriov"}, "a card")
        mac = words.get("mac") or "b4:96:91:%02x:%02x:%02x" % (*divmod(len(self._hosts), 256), number)
        device = words["device"]
        ref = make_pif(self.pool, member.ref, device, self._trunk_network(device), mac, physical=True, currently_attached=True,
                       carrier=words.get("carrier", True))
        self._hosts[member.name][device] = ref
        if words.get("sriov") and self.pool.release.has("kolkata"):
            network = make_network(self.pool, f"SR-IOV of {device} on {member.name}")
            logical = make_pif(self.pool, member.ref, device, network, NO_MAC, currently_attached=True)
            self.database.create("network_sriov", physical_PIF=ref, logical_PIF=logical, configuration_mode="sysfs")

    def _bond(self, member, words):
        checked(words, {"device", "members", "mode", "mac"}, "a bond")
        pifs = self._hosts[member.name]
        missing = [name for name in words["members"] if name not in pifs]
        if missing:
            raise InventoryError(f"{member.name} has no card {', '.join(missing)}")
        bond = make_bond(self.pool, member.ref, words["device"], self._trunk_network(words["device"]),
                         [pifs[name] for name in words["members"]], words.get("mode", "balance-slb"), words.get("mac"))
        pifs[words["device"]] = self.database.get("Bond", bond, "master")

    def _manage(self, member, device):
        pif = self._hosts[member.name].get(device)
        if pif is None:
            raise InventoryError(f"{member.name} has no {device} for its management")
        self.database.write("PIF", pif, management=True, ip_configuration_mode="Static", IP=member.address,
                            netmask="255.255.255.0")

    def _interfaces(self, words):
        """Storage and other addresses of a host: on a network that it has."""
        member = self.pool.member(words["name"])
        for each in words.get("interfaces", []):
            checked(each, {"network", "ip", "purpose"}, "an interface")
            network = self.network(each["network"])
            for pif in self.database.get("network", network, "PIFs"):
                if self.database.get("PIF", pif, "host") == member.ref:
                    self.database.write("PIF", pif, ip_configuration_mode="Static", IP=each["ip"], netmask="255.255.255.0",
                                        currently_attached=True, disallow_unplug=True,
                                        other_config={"management_purpose": each.get("purpose", "Storage")})

    # Networks

    def add_network(self, words):
        """With 'vlan' above 'device' of its hosts; with 'device' alone the untagged network of it gets this name; with
        neither it is internal."""
        checked(words, NETWORK_KEYS, "a network")
        name, device = words["name"], words.get("device")
        if device and "vlan" not in words and not words.get("tunnel"):
            network = self._trunk_network(device)
            self.database.write("network", network, name_label=name)
        else:
            network = make_network(self.pool, name, other_config=words.get("other_config", {}))
        self._networks[name, None] = network
        if "vlan" in words or words.get("tunnel"):
            for member in self.pool.members:
                if member.name in words.get("hosts", [member.name]) and device in self._hosts[member.name]:
                    self._above(member, network, words)
        return network

    def _above(self, member, network, words):
        trunk, attached = self._hosts[member.name][words["device"]], words.get("attached", [])
        attached = attached is True or member.name in (attached or [])
        if not words.get("tunnel"):
            make_vlan(self.pool, trunk, network, words["vlan"], attached)
        elif self.pool.release.has("cowley"):
            access = make_pif(self.pool, member.ref, f"tunnel{len(self.database.tables['tunnel'].rows)}", network,
                              self.pool.new_mac(), currently_attached=attached)
            self.database.create("tunnel", access_PIF=access, transport_PIF=trunk, status={"active": "true"})

    # Machines

    def add_machine(self, words):
        checked(words, MACHINE_KEYS, "a machine")
        pool, database, kind = self.pool, self.database, words.get("kind", "machine")
        if kind not in KINDS or words.get("power", "off") not in POWER:
            raise InventoryError(f"machine {words['name']}: kind is one of {KINDS}, power one of {list(POWER)}")
        domain = kind == "control-domain"
        host = pool.member(words["host"]).ref if "host" in words else NULL
        state = "Running" if domain else POWER[words.get("power", "off")]
        there = state in ("Running", "Paused")
        if there and host == NULL:
            raise InventoryError(f"machine {words['name']} runs, so it needs a host")
        machine = database.create(
            "VM", name_label=words["name"], power_state=state, is_a_template=kind == "template",
            is_control_domain=domain, is_a_snapshot=kind == "snapshot", affinity=self._affinity(words),
            resident_on=host if there else NULL, domid=0 if domain else pool.next_domain() if there else -1,
            allowed_operations=allowed(pool, state),
            metrics=database.create("VM_metrics", memory_actual=1 << 30, VCPUs_number=1),
            guest_metrics=NULL if domain or not there else database.create("VM_guest_metrics", live=True),
            memory_static_max=1 << 30, memory_dynamic_max=1 << 30, memory_dynamic_min=1 << 30, VCPUs_max=1, VCPUs_at_startup=1,
            HVM_boot_policy="" if domain else "BIOS order", HVM_shadow_multiplier=1.0, user_version=1)
        macs = words.get("macs", [])
        for number, name in enumerate(words.get("networks", [])):
            make_vif(pool, machine, self.network(name), macs[number] if number < len(macs) else pool.new_mac(), number, there)
        if there:
            attach_networks(pool, machine, host)
        return machine

    def _affinity(self, words):
        return self.pool.member(words["affinity"]).ref if "affinity" in words else NULL

"""The SONiC plane: the Linux bridge plane, whose VLANs are configured through SONiC's databases. See lab/sonic."""
import os

from . import vlans as vlan_lists
from .plane import PROJECT, Switch
from .uml import UmlPlane
from .until import until

PARTS = os.path.join(PROJECT, "lab/sonic")
NATIVE = 4000       # SONiC has no members in VLAN 1


class SonicPlane(UmlPlane):
    """Ports are called Ethernet0, Ethernet4, ...; their aliases are etp1, etp2, ... Every port is an untagged member of
    VLAN 4000; 'vlans' are there beside it. 'pace' is how many ms vlanmgrd takes for a member."""

    def __init__(self, vlans="2-1600", pace=0, every=0.3, **options):
        super().__init__(**options)
        self._vlan_list, self._pace, self._every, self.daemons = vlans, pace, every, {}

    @staticmethod
    def port_names(count):
        return [f"Ethernet{4 * i}" for i in range(count)]

    @property
    def redis(self):
        return f"{self.switches[0].dir}/redis.sock"

    def create_switch(self, ports, **options):
        return super().create_switch(self.port_names(ports) if isinstance(ports, int) else ports, **options)

    def _new_switch(self, name, ports, number):
        folder = f"{self.dir}/switch{number}"
        return Switch(name, ports, "Bridge", None, folder, f"switch sonic redis unix:{folder}/redis.sock")

    def _start_switch(self, switch, cables, uplink):
        self.sh(f"mkdir -p {switch.dir}\nip -batch - <<SWITCH\nlink add Bridge type bridge vlan_filtering 1\n"
                f"link set Bridge up\n{cables}SWITCH\nbridge vlan del vid 1 dev Bridge self\n{uplink}")
        self.start_redis(switch)
        self.fill(",".join(f"{port}=etp{number + 1}" for number, port in enumerate(switch.ports)), switch)
        self.start_vlanmgrd(switch)

    def fill(self, ports, switch=None):
        """The databases as they are after a start: "Ethernet0=etp1,Ethernet4=etp2"."""
        folder = (switch or self.switches[0]).dir
        self.run([f"{PARTS}/schema.py", f"{folder}/redis.sock", ports, self._vlan_list, str(NATIVE)], check=True)

    def start_redis(self, switch=None):
        """A Redis that keeps nothing on a disk, as SONiC's."""
        folder = (switch or self.switches[0]).dir
        self.sh(f"redis-server --port 0 --unixsocket {folder}/redis.sock --save '' --appendonly no --daemonize yes "
                f"--notify-keyspace-events AKE --pidfile {folder}/redis.pid --logfile {folder}/redis.log --dir {folder}\n")
        self.wait_path(f"{folder}/redis.sock")

    def start_vlanmgrd(self, switch=None):
        folder = (switch or self.switches[0]).dir
        self.daemons["vlanmgrd"] = self.spawn([f"{PARTS}/vlanmgrd.py", f"{folder}/redis.sock", "--bridge", "Bridge",
                                               "--pace", str(self._pace)])
        self.daemons["vlanmgrd"].wait_line("ready", timeout=60)

    def start_syncd(self):
        """Links, addresses and neighbours; the switch's lldpd calls ports by their aliases, as lldpmgrd has it."""
        lldpd = self.switches[0].lldpd
        if lldpd:
            self.sh("".join(f"lldpcli -u {lldpd.socket} configure ports {port} lldp portidsubtype local {alias}\n"
                            for port, alias in self.aliases().items()))
        self.daemons["syncd"] = self.spawn([f"{PARTS}/syncd.py", self.redis, "--bridge", "Bridge", "--every",
                                            str(self._every), *(["--lldpd", lldpd.socket] if lldpd else [])])

    def aliases(self):
        return {port: f"etp{number + 1}" for number, port in enumerate(self.switches[0].ports)}

    def cli(self, database, *words):
        """redis-cli on one of the databases: 0 APPL, 4 CONFIG, 6 STATE."""
        return self.run(["redis-cli", "-s", self.redis, "-n", str(database), *map(str, words)], check=True).stdout.strip()

    def members(self, table, port):
        """The VLANs of a port's rows in VLAN_MEMBER (CONFIG_DB) or VLAN_MEMBER_TABLE (STATE_DB)."""
        keys = self.cli(4 if table == "VLAN_MEMBER" else 6, "KEYS", f"{table}|Vlan*|{port}").split()
        return {int(key.split("|")[1].removeprefix("Vlan")) for key in keys}

    def settle(self, host=None):
        """vlanmgrd has done what is configured."""
        if host:
            return
        def done():
            wanted, there = (sorted(self.cli(number, "KEYS", f"{table}|*").replace("_TABLE", "").split())
                             for number, table in ((4, "VLAN_MEMBER"), (6, "VLAN_MEMBER_TABLE")))
            return wanted == there
        until("vlanmgrd has done what is configured", done, 30)

    def _open_port(self, port, vlans):
        """The port is taken from SONiC, and is a plain one of the bridge."""
        self.settle()
        self.cli(4, "DEL", f"VLAN_MEMBER|Vlan{NATIVE}|{port}")
        self.settle()
        self.cli(4, "DEL", f"PORT|{port}")
        self.sh(f"ip link set {port} master Bridge\nbridge vlan del vid 1 dev {port}\n"
                f"bridge vlan add vid {NATIVE} dev {port} pvid untagged\n" +
                self._vlan_script("add", port, vlan_lists.parse(vlans) - {1, NATIVE}))

    def _by_hand(self, command, port, vlans):
        """As "config vlan member" writes it."""
        ids = sorted(vlan_lists.parse(vlans))
        words = " tagging_mode tagged" if command == "HSET" else ""
        script = "".join(f'{command} "VLAN_MEMBER|Vlan{vlan}|{port}"{words}\n' for vlan in ids)
        self.run(["redis-cli", "-s", self.redis, "-n", "4"], stdin=script, check=True)
        self.settle()

    def add_vlans(self, port, vlans):
        self._by_hand("HSET", port, vlans)

    def remove_vlans(self, port, vlans):
        self._by_hand("DEL", port, vlans)

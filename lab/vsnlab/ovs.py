"""The Open vSwitch plane: userspace data path, so that it needs nothing of the kernel but namespaces."""
import json
import os
import socket

from . import vlans as vlan_lists
from .plane import HERE, Plane, Switch

CLOSED = "vlan_mode=native-untagged tag=1 trunks=4095"
# A trunk port without a list carries every VLAN; this id, which no network uses, stands for "none".
SENTINEL = 4095


def daemon_scripts(folder, netns):
    """The commands that start the daemons of one Open vSwitch, with everything of its own in 'folder', on the
    interfaces of a namespace: {daemon: script}."""
    start = f"OVS_RUNDIR={folder} nsenter --net=/run/netns/{netns}"
    def files(daemon):
        return (f"--unixctl={folder}/{daemon}.ctl --pidfile={folder}/{daemon}.pid --log-file={folder}/{daemon}.log "
                "-vconsole:off --detach --no-chdir\n")
    return {
        "ovsdb-server": f"{start} ovsdb-server {folder}/conf.db --remote=punix:{folder}/db.sock "
                        "--remote=db:Open_vSwitch,Open_vSwitch,manager_options "
                        "--private-key=db:Open_vSwitch,SSL,private_key "
                        "--certificate=db:Open_vSwitch,SSL,certificate "
                        f"--ca-cert=db:Open_vSwitch,SSL,ca_cert {files('ovsdb-server')}",
        "ovs-vswitchd": f"{start} ovs-vswitchd unix:{folder}/db.sock --disable-system {files('ovs-vswitchd')}"}


def start_script(folder, netns):
    daemons = daemon_scripts(folder, netns)
    return (f"mkdir -p {folder}\novsdb-tool create {folder}/conf.db /usr/share/openvswitch/vswitch.ovsschema\n"
            f"{daemons['ovsdb-server']}ovs-vsctl --db=unix:{folder}/db.sock --no-wait init\n"
            f"{daemons['ovs-vswitchd']}")


class OvsPlane(Plane):
    kind = "ovs"
    bridge = "tor1"

    def _prepare(self):
        self.dir = self.host_dir
        return (["unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc",
                 os.path.join(HERE, "world.sh")],
                {"WORLD_KIND": "ovs", "WORLD_PYTHON_DIR": HERE, "WORLD_LISTEN": f"unix:{self.host_dir}/agent"})

    def _connect(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(f"{self.host_dir}/agent")
        return connection

    def _bring_out(self):
        """Everything was written outside already."""

    def vcenter_address(self, port):
        return f"127.0.0.1:{port}"

    # The switch

    @property
    def switch_dir(self):
        return f"{self.dir}/switch"

    def _new_switch(self, name, ports, number):
        own = "switch" if number == 1 else f"switch{number}"
        folder, bridge = f"{self.dir}/{own}", f"tor{number}"
        return Switch(name, ports, bridge, own, folder,
                      f"switch open-vswitch bridge {bridge} db unix:{folder}/db.sock")

    @property
    def switch_dir(self):
        """The first switch's folder."""
        return f"{self.dir}/switch"

    @property
    def database(self):
        return f"unix:{self.switch_dir}/db.sock"

    def vsctl(self, *words, folder=None):
        database = f"unix:{folder}/db.sock" if folder else self.database
        return self.run(["ovs-vsctl", f"--db={database}", "--timeout=20", *words], check=True).stdout

    def appctl(self, *words, folder=None):
        target = f"{folder or self.switch_dir}/ovs-vswitchd.ctl"
        return self.run(["ovs-appctl", "-t", target, *words], check=True).stdout

    def settle(self, host=None):
        """A transaction is answered before the flows that are cached in the data path are looked at again, which
        takes some milliseconds: they are thrown away, and the next frame is judged anew."""
        for folder in [f"{self.dir}/host-{host.name}"] if host else [switch.dir for switch in self.switches]:
            self.appctl("revalidator/purge", folder=folder)

    def _start_switch(self, switch, cables, uplink):
        ports = " ".join(f"-- add-port {switch.bridge} {port} {CLOSED}" for port in switch.ports)
        self.sh(self.netns_script(switch.netns) + f"ip -n {switch.netns} -batch - <<CABLES\n{cables}CABLES\n" + uplink +
                start_script(switch.dir, switch.netns) +
                f"ovs-vsctl --db=unix:{switch.dir}/db.sock --timeout=20 add-br {switch.bridge} -- "
                f"set bridge {switch.bridge} datapath_type=netdev {ports}\n")

    def stop_switch(self, daemon="ovs-vswitchd"):
        """Kills a daemon of the switch, ovs-vswitchd or ovsdb-server, and waits until it is gone: while it holds its pid file
        no other one starts."""
        self.sh(f"pid=$(cat {self.switch_dir}/{daemon}.pid)\nkill -9 $pid\n"
                "while kill -0 $pid 2>/dev/null; do sleep 0.01; done\n")

    def start_switch(self, daemon="ovs-vswitchd"):
        """Starts it again, on the same database, and waits until both talk to each other. After ovsdb-server was
        away, Open vSwitch 3.1 still forwards nothing for about a second."""
        self.sh(daemon_scripts(self.switch_dir, self.switch_netns)[daemon])
        self.vsctl("init")

    def _open_port(self, port, vlans):
        """An unmanaged trunk: these VLANs tagged, VLAN 1 native."""
        self.vsctl("set", "port", port, "vlan_mode=native-untagged", "tag=1",
                   f"trunks=[{','.join(map(str, sorted(vlan_lists.parse(vlans))))}]", folder=self.switch_of(port).dir)

    def _port(self, port):
        columns = "--columns=vlan_mode,tag,trunks"
        row = json.loads(self.vsctl("--format=json", columns, "list", "port", port, folder=self.switch_of(port).dir))
        values = dict(zip(row["headings"], row["data"][0]))
        def numbers(value):
            return set(value[1]) if isinstance(value, list) else {value}
        return values["vlan_mode"], numbers(values["tag"]), numbers(values["trunks"])

    def vlans(self, port):
        """The tagged VLANs of a port as the switch has them: a set."""
        mode, tag, trunks = self._port(port)
        if mode == "access" or (isinstance(mode, list) and tag):
            return set()
        return trunks - {SENTINEL} - tag if trunks else set(range(1, SENTINEL)) - tag

    def native(self, port):
        """The VLAN of its untagged frames, or None."""
        return next(iter(self._port(port)[1]), None)

    def add_vlans(self, port, vlans):
        """Adds VLANs by hand, as an administrator does."""
        self.vsctl("add", "port", port, "trunks", *map(str, sorted(vlan_lists.parse(vlans))), folder=self.switch_of(port).dir)

    def remove_vlans(self, port, vlans):
        self.vsctl("remove", "port", port, "trunks", *map(str, sorted(vlan_lists.parse(vlans))),
                   folder=self.switch_of(port).dir)

    def fdb(self):
        """What the first switch has learnt: a set of (port, VLAN, MAC address)."""
        table = json.loads(self.vsctl("--format=json", "--columns=ofport,name", "list", "interface"))
        names = {str(number): name for number, name in table["data"]}
        rows = (line.split() for line in self.appctl("fdb/show", self.bridge).splitlines()[1:])
        return {(names.get(row[0], row[0]), int(row[1]), row[2]) for row in rows}

    # Virtual switches of the hosts

    def start_vswitches(self, host):
        folder = f"{self.dir}/host-{host.name}"
        words = []
        for switch, nics in host.switches.items():
            words += ["--", "add-br", switch, "--", "set", "bridge", switch, "datapath_type=netdev"]
            if len(nics) > 1:
                words += ["--", "add-bond", switch, f"{switch}-uplinks", *nics, "bond_mode=active-backup"]
            elif nics:
                words += ["--", "add-port", switch, nics[0]]
        self.sh(start_script(folder, host.netns) +
                f"{self._host_vsctl(host)} {' '.join(words)}\n")
        for switch, nics in host.switches.items():
            if len(nics) > 1:
                self.use_uplink(host, switch, nics[0])

    def local_port_script(self, host, switch):
        """The bridge's own interface takes part in untagged traffic, with the address of its first card."""
        mac = host.nics[host.switches[switch][0]].mac
        return f'{self._host_vsctl(host)} set bridge {switch} other-config:hwaddr=\\"{mac}\\"\n'

    def take_up(self, nic):
        """Open vSwitch takes up the card by its name; done when it has a number again. Meanwhile its bond had
        gone over to another card."""
        self.vsctl("wait-until", "interface", nic.nic, "ofport>0", folder=f"{self.dir}/host-{nic.host.name}")
        switch = nic.host.switch_of(nic.nic)
        if switch and len(nic.host.switches[switch]) > 1:
            self.use_uplink(nic.host, switch, nic.host.active[switch])

    def join_links(self, owner, name, host, switch, nics):
        lacp = "lacp=active bond_mode=balance-tcp other_config:lacp-time=fast"
        ports = [nic.port for nic in nics]
        leave = " ".join(f"-- del-port {port}" for port in ports)
        self.sh(f"ovs-vsctl --db=unix:{owner.dir}/db.sock --timeout=20 {leave} "
                f"-- add-bond {owner.bridge} {name} {' '.join(ports)} {lacp} {CLOSED}\n"
                f"{self._host_vsctl(host)} set port {switch}-uplinks {lacp} "
                f'other_config:lacp-system-id=\\"{nics[0].mac}\\"\n')

    def use_uplink(self, host, switch, nic):
        self.appctl("bond/set-active-member", f"{switch}-uplinks", nic, folder=f"{self.dir}/host-{host.name}")

    def _host_vsctl(self, host):
        return f"ovs-vsctl --db=unix:{self.dir}/host-{host.name}/db.sock --timeout=20"

    def attach_script(self, machine):
        vlan = machine.vlan
        if isinstance(vlan, str):
            mode = f"vlan_mode=trunk trunks=[{','.join(map(str, sorted(vlan_lists.parse(vlan))))}]"
        else:
            mode = f"vlan_mode=access tag={vlan or 0}"
        return f"{self._host_vsctl(machine.host)} add-port {machine.switch} {machine.tap} {mode}\n"

    def detach_script(self, machine):
        return f"{self._host_vsctl(machine.host)} del-port {machine.tap}\n"

"""The stage: a switch, three hosts, two machines, a station that counts frames, a vCenter, and vsnd."""
import json
import os
import shlex
import subprocess
import time

from vsnlab import BUILD, PROJECT, OvsPlane, Probe, VCenter, WorldError, host_of, until

HOLD_DOWN_S = 3
EVERYTHING = "none,1-4094"
# Short, but long enough to see: queue, preparation, copying of memory.
MOVE_TIMES = ["-t-queue", "100ms", "-t-pre", "800ms", "-t-run", "800ms"]
PORTS = {"swp1": "esx01", "swp2": "esx02", "swp3": "esx03"}


def _short(path):
    """A path as it is typed at the root of the project."""
    return os.path.relpath(path, PROJECT)


# Ends a process of the world by its name, as a crash does.
KILL = 'for p in /proc/[0-9]*; do [ "$(cat $p/comm 2>/dev/null)" != "$1" ] || kill -9 ${p#/proc/}; done'


class Stage:
    """Use as a context manager.

    plane, station, web    the world, where frames are counted, the machine that moves; see lab/README.md
    waiting                told the seconds while something is waited for
    inventory              what the vCenter knows when it starts: the story keeps it up to date
    """

    def __init__(self, waiting):
        self.plane, self.waiting = OvsPlane(), waiting
        self.vcenter = self.station = self.web = self.vsnd = self._end_following = None
        self.vcenter_up = False

    def __enter__(self):
        try:
            self.plane.start()
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._end_following:
            try:
                self._end_following()
            except (WorldError, OSError):
                pass    # the story is over; what it wanted to know it asked before
        if self.vsnd and self.vsnd.poll() is None:
            self.vsnd.terminate()
            try:
                self.vsnd.wait(5)
            except WorldError:
                pass
        if self.vcenter:
            self.vcenter.stop()
        self.plane.stop()

    # What stands there

    def _build(self):
        plane = self.plane
        plane.create_switch(["swp1", "swp2", "swp3", "swp8"])
        self.station = plane.create_station("swp8", "")     # a trunk without a list: it carries everything
        esx01 = plane.create_host("esx01", {"vmnic0": "swp1"}, discovery="cdp-listen")
        esx02 = plane.create_host("esx02", {"vmnic0": "swp2"}, {"dvs1": ["vmnic0"]}, discovery="lldp")
        esx03 = plane.create_host("esx03", {"vmnic0": "swp3"}, {"dvs1": ["vmnic0"]}, discovery=None)
        self.web = plane.create_machine("web-1", esx02, 100)
        backup = plane.create_machine("backup-1", esx01, 110)
        self.inventory = {
            "hosts": [
                host_of(esx01, vswitches=[{"name": "vSwitch0", "uplinks": ["vmnic0"], "discovery": "cdp/listen",
                                           "portgroups": [{"name": "Management Network", "vlan": 10},
                                                          {"name": "backup", "vlan": 110}]}],
                        vmknics=[{"device": "vmk0", "portgroup": "Management Network", "role": "management"}]),
                host_of(esx02), host_of(esx03)],
            "dvs": [{"name": "dvs1", "uplinks": ["Uplink 1"], "discovery": "lldp/both",
                     "hosts": [{"host": name, "pnics": [{"device": "vmnic0", "uplink": "Uplink 1"}]}
                               for name in ("esx02", "esx03")],
                     "portgroups": [{"name": "web", "vlan": 100}, {"name": "db", "vlan": 200}]}],
            "machines": [{"name": "web-1", "host": "esx02", "networks": ["web"], "macs": [self.web.mac], "power": "on"},
                         {"name": "backup-1", "host": "esx01", "networks": ["backup"], "macs": [backup.mac],
                          "power": "on"}]}
        self.vcenter = VCenter(plane.host_dir, self.inventory, MOVE_TIMES)
        self._start_vcenter()

    @property
    def address(self):
        """The vCenter's, for vsnd and the administrator alike."""
        return self.plane.vcenter_address(self.vcenter.port)

    def kill_vcenter(self):
        self.vcenter_up = False
        self._end_following()
        self._end_following = None
        self.vcenter.kill()

    def revive_vcenter(self):
        """At its old address, with what it knew when it went: 'inventory' follows the story."""
        self._start_vcenter(self.vcenter.port)

    def _start_vcenter(self, port=0):
        self.vcenter.start(port)
        self.vcenter.hint_heard(self.plane)
        self._end_following = self.vcenter.follow(self.plane)
        self.vcenter_up = True

    # vsnd and its command line

    @property
    def runtime_dir(self):
        return f"{self.plane.dir}/run-vsn"

    @property
    def config_file(self):
        return f"{self.plane.dir}/vsn.conf"

    @property
    def log_file(self):
        return f"{self.plane.dir}/vsnd.log"

    def write_config(self):
        secret = f"{self.plane.dir}/vc1.password"
        self.plane.write(secret, "secret\n", 0o600)
        ports = "".join(f"interface {port}\n vsn enable\n" for port in PORTS)
        text = (f"hostname tor-1\n{self.plane.switch_config}\nlldpd socket {self.plane.lldpd.socket}\n"
                f"hypervisor vc1\n type vmware\n"
                f" access https://{self.address}/sdk username vsn password-file {secret}\n"
                f" tls ca-file {self.vcenter.certificate}\n mode config\n provision networks\n hint interval 5\n"
                f" no disable\n{ports}vsn\n prune guarded\n prune hold-down {HOLD_DOWN_S}\nend\n")
        self.plane.write(self.config_file, text)
        return text

    def edit_config(self, expression):
        """Edits the configuration with sed; returns the command."""
        subprocess.run(["sed", "-i", expression, self.config_file], check=True)
        return f"sed -i '{expression}' {self.config_file}"

    def start_vsnd(self):
        """Starts it; returns the command as it was given."""
        argv = [os.path.join(BUILD, "vsnd"), "--foreground", "--config", self.config_file,
                "--state-dir", f"{self.plane.dir}/state-vsn", "--runtime-dir", self.runtime_dir]
        self.vsnd = self.plane.spawn(argv, log=self.log_file)
        until("vsnd answers", lambda: self.vsnd.poll() is not None or self.vsn("show switch")[0] == 0)
        if self.vsnd.poll() is not None:
            raise WorldError(f"vsnd ended:\n{self.log()}")
        return shlex.join([_short(argv[0]), *argv[1:]])

    def stop_vsnd(self):
        """As an administrator does."""
        self.vsnd.terminate()
        self.vsnd.wait(10)

    def kill_process(self, name):
        self.plane.run(["sh", "-c", KILL, "sh", name])
        if name == "vsnd":
            self.vsnd.wait(10)

    def log(self, lines=20):
        try:
            with open(self.log_file, errors="replace") as log:
                return "".join(log.readlines()[-lines:])
        except OSError as error:
            return f"{error}\n"

    @property
    def folder(self):
        """Where the commands of the story are typed."""
        return PROJECT

    @property
    def vsn_command(self):
        """What 'vsn' stands for in the story."""
        return shlex.join([_short(os.path.join(BUILD, "vsn")), "--runtime-dir", self.runtime_dir])

    def vsn(self, words):
        """Asks vsnd: (exit status, text)."""
        done = subprocess.run([os.path.join(BUILD, "vsn"), "--runtime-dir", self.runtime_dir, *shlex.split(words)],
                              capture_output=True, text=True, errors="replace", timeout=30)
        return done.returncode, done.stdout + done.stderr

    def show(self, words):
        """The answer to 'show WORDS' as data; [] when there is none."""
        status, text = self.vsn(f"show {words} --json")
        return json.loads(text) if status == 0 else []

    def session(self):
        """The row of the one hypervisor."""
        return next(iter(self.show("hypervisor")), {})

    def wires(self):
        """{port: (host, evidence)} of the wires that VLANs are taken from."""
        return {row["port"]: (wire["host"], wire["evidence"]) for row in self.show("port") for wire in row["wires"]
                if wire["state"] in ("confirmed", "proved")}

    # What is true on the switch and on the cables

    def tagged(self):
        """{port: VLANs} as the switch has them, read with its own tool."""
        return {port: self.plane.vlans(port) for port in PORTS}

    def wait(self, what, predicate, timeout=15):
        """The answer of 'predicate', or its last false one when the time is over: a check tells."""
        last, began = [], time.monotonic()

        def ask():
            self.waiting(time.monotonic() - began)
            last[:] = [predicate()]
            return last[0]
        try:
            return until(what, ask, timeout, every=0.05)
        except WorldError:
            return last[0]

    def wait_tagged(self, wanted, timeout=15):
        """Waits until the ports carry exactly these VLANs; returns what they carry."""
        found = {}

        def same():
            found.update(self.tagged())
            return found == wanted
        self.wait("the VLANs of the ports", same, timeout)
        return found

    def probe(self):
        """One frame without a tag and one in each of the 4,094 VLANs, from the station to every host's card:
        {port: the VLANs of which a frame arrived}, None for untagged."""
        nics = {port: self.plane.hosts[name].nics["vmnic0"] for port, name in PORTS.items()}
        self.station.settle()
        listeners = {port: nic.listen() for port, nic in nics.items()}
        sent = self.station.send(EVERYTHING, 2)
        return {port: Probe(sent["run"], 2, listener.stop()).passed for port, listener in listeners.items()}

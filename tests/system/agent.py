"""vsnd in a world: configured, started, asked by way of its own CLI, killed piece by piece."""
import json
import os
import re
import signal

from vsnlab import BUILD, WorldError, until
from vsnlab import vlans as vlan_lists

PROGRAMS = ("vsnd", "vsn-config", "vsn-session", "vsn-neighbor", "vsn-history")


class Agent:
    """One vsnd with its state and its runtime directory. The world's processes are all its own: at most one vsnd runs
    at a time, others beside it need another directory.

    wait(what, predicate)    asks until the predicate is true; a CLI that does not answer counts as false
    """
    running = []

    def __init__(self, plane, name="vsn"):
        self.plane, self.name, self.process = plane, name, None
        self.dir = f"{plane.dir}/{name}-{plane.next_number()}"
        self.config_path, self.log_path = f"{self.dir}/vsn.conf", f"{self.dir}/log"
        self.runtime_dir, self.state_dir = f"{self.dir}/run", f"{self.dir}/state"

    # Its life

    def configure(self, text):
        """Writes the configuration file; start() or reload() take it up."""
        self.plane.write(self.config_path, text)

    def start(self):
        """The log of several lives is one file."""
        script = f'exec "$@" 2>>{self.log_path}'
        self.process = self.plane.spawn(
            ["/bin/sh", "-c", script, "vsnd", os.path.join(BUILD, "vsnd"), "--foreground", "--config", self.config_path,
             "--state-dir", self.state_dir, "--runtime-dir", self.runtime_dir])
        if self not in Agent.running:
            Agent.running.append(self)
        self.wait("vsnd answers", lambda: self.show("switch"))
        return self

    def stop(self):
        """As an administrator ends it."""
        if self.process:
            self.process.terminate()
            assert self.process.wait(15) == 0, "vsnd ended badly"
            self.process = None

    def restart(self):
        """Also makes it forget how long it waits before it tries a vCenter again: that grows to a minute."""
        self.stop()
        self.start()

    def leave(self):
        self.stop()
        Agent.running.remove(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self in Agent.running:
            self.leave()

    def reload(self):
        """The exit status of 'vsn reload' and what it said."""
        done = self.cli("reload")
        return done.returncode, done.stdout + done.stderr

    # Its processes

    def pids(self, program):
        """The process ids of one of its programs, those of a vsnd that is gone left out."""
        if program == "vsnd":
            return [self.process.pid] if self.process else []
        own = rf"grep -l '^PPid:.{self.process.pid}$' /proc/[0-9]*/status 2>/dev/null || true"
        names = self.plane.sh(f"for f in $({own}); do d=${{f%/status}}; "
                              "read -r comm <$d/comm && echo ${d#/proc/} $comm || true; done 2>/dev/null")
        return [int(pid) for pid, comm in (line.split() for line in names.splitlines()) if comm == program]

    def kill(self, program):
        """kill -9; when it was vsnd itself, somebody (systemd, say) starts it again. Returns the ids."""
        pids = self.pids(program)
        for pid in pids:
            self.plane.run(["kill", "-9", str(pid)])
        if program == "vsnd":
            assert self.process.wait(10) == -signal.SIGKILL
        return pids

    def wait_running(self, timeout=20):
        """Waits until every program runs; sessions by the hypervisors that are not disabled."""
        for program in PROGRAMS:
            until(f"{program} runs", lambda: self.pids(program), timeout, every=0.1)

    def peak_kb(self, program):
        """The most memory that each process of a program ever had."""
        peaks = []
        for pid in self.pids(program):
            found = re.search(r"VmHWM:\s*(\d+) kB", self.plane.run(["cat", f"/proc/{pid}/status"]).stdout)
            peaks += [int(found.group(1))] if found else []
        return peaks

    # What it says

    def cli(self, *words):
        return self.plane.run([os.path.join(BUILD, "vsn"), "--runtime-dir", self.runtime_dir, *words])

    def show(self, *words):
        """The answer of 'vsn show WORDS --json'."""
        done = self.cli("show", *words, "--json")
        if done.returncode != 0:
            raise WorldError(f"vsn show {' '.join(words)}: exit {done.returncode}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def port(self, name):
        return self.show("port", name)[0]

    def hypervisor(self, name="vc1"):
        return self.show("hypervisor", name)[0]

    def state(self, name="vc1"):
        return self.hypervisor(name)["state"]

    def wait(self, what, predicate, timeout=20, every=0.1):
        def holds():
            try:
                return predicate()
            except WorldError:
                return None
        return until(what, holds, timeout, every)

    def wait_state(self, state, name="vc1", timeout=20):
        """Waits until a hypervisor is in that state; its row."""
        def there():
            row = self.hypervisor(name)
            return row if row["state"] == state else None
        return self.wait(f"{name} is {state}", there, timeout)

    def wait_ports(self, expected, timeout=20):
        """Waits until the ports carry, by the agent's own word, exactly these VLANs: {port: "100,200-210"}, those that
        vsn added and those that were there by hand."""
        seen = {}
        def applied():
            seen.update({row["port"]: vlan_lists.text(vlan_lists.parse(row["applied"]) | vlan_lists.parse(row["hand_made"]))
                         for row in self.show("port")})
            return all(seen[port] == vlans for port, vlans in expected.items())
        try:
            return self.wait(f"the ports carry {expected}", applied, timeout)
        except WorldError as error:
            held = {row["port"]: row["held"][:3] for row in self.show("port") if row["held"]}
            raise WorldError(f"{error}; at last they carried {seen}, held: {held}") from error

    def log(self):
        try:
            return self.plane.read(self.log_path).decode(errors="replace")
        except WorldError:
            return ""

    def wait_log(self, text, timeout=20):
        self.wait(f"the log says {text!r}", lambda: text in self.log(), timeout)

    def tail(self, lines=60):
        return "\n".join(self.log().splitlines()[-lines:])

"""vsnd with everything below one folder, a file for a switch, and a hypervisor whose session is a test's own."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

from history_process import BUILD

HERE = pathlib.Path(__file__).resolve().parent
CONFIG = """\
hostname tor-1
switch dummy {folder}/switch
lldpd socket none
hypervisor vc1
 type vmware
 access https://127.0.0.1:1/sdk username u password-file {folder}/password
 mode config
 provision machines
 no disable
!
interface swp1
 vsn enable
 vsn bind vc1 esx1 vmnic0
!
interface swp2
 vsn enable
 vsn bind vc1 esx2 vmnic0
!
end
"""


def host(number):
    return [f"new host id=host-{number} name=esx{number} connection=connected",
            f"new nic owner=host-{number} id=vmnic0 mac=00:50:56:00:00:0{number} link=up",
            f"new vswitch owner=host-{number} id=v kind=standard",
            f"new uplink owner=host-{number} id=vmnic0 vswitch=v name=vmnic0",
            *(f"new network owner=host-{number} id=net-{vlan} name=net-{vlan} vswitch=v mode=tagged vlans={vlan}"
              for vlan in range(100, 110))]


def machine(number, on):
    return [f"new machine id=vm-{number} name=web{number} host=host-{on} power=on connection=connected",
            f"new vif owner=vm-{number} id=4000 mac=00:50:56:01:00:0{number} network=net-{100 + number}"]


class Agent:
    def __init__(self, folder):
        self.folder, self.state, self.run, self.programs = (folder, folder / "state", folder / "run", folder / "programs")
        for each in (self.state, self.run, self.programs):
            each.mkdir()
        (folder / "password").touch(0o600)
        (folder / "switch").write_text("port swp1 native=1\nport swp2 native=1\n")
        (folder / "vsn.conf").write_text(CONFIG.format(folder=folder))
        shutil.copy(BUILD / "vsnd", self.programs)     # vsnd looks for the others beside itself
        for name in ("vsn-config", "vsn-history", "vsn-neighbor"):
            (self.programs / name).symlink_to(BUILD / name)
        (self.programs / "vsn-session").symlink_to(HERE / "scripted_session")
        self.process = self.session = None

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "vsnd", "--config", self.folder / "vsn.conf", "--state-dir", self.state, "--runtime-dir",
                 self.run, "--foreground"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.until(lambda: "ready" in self.vsn("show", "switch"))
        self.until(self.reach_session)

    def reach_session(self):
        self.session = socket.socket(socket.AF_UNIX)
        try:
            self.session.connect(str(self.programs / "session.sock"))
            return True
        except OSError:
            return False

    def tell(self, *lines):
        self.session.sendall("".join(line + "\n" for line in lines).encode())

    def tell_all(self, *rows):
        """A complete read."""
        self.tell("put session state=syncing reason=", "begin all", *host(1), *host(2), *rows, "end all",
                  "put session state=connected")
        self.until(lambda: self.show("hypervisor")[0]["state"] == "connected")

    def vsn(self, *words):
        return subprocess.run([BUILD / "vsn", "--runtime-dir", self.run, *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=30).stdout

    def show(self, *words):
        return json.loads(self.vsn("show", *words, "--json"))

    def carried(self, port):
        return next(row["applied"] for row in self.show("port") if row["port"] == port)

    def child(self, name):
        """The process of that name among vsnd's own; None while there is none."""
        for pid in map(int, pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()):
            try:
                if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == name:
                    return pid
            except OSError:
                pass
        return None

    def until(self, holds, seconds=30):
        end = time.monotonic() + seconds
        while not (result := holds()):
            assert time.monotonic() < end, self.log()
            assert self.process.poll() is None, self.log()
            time.sleep(0.02)
        return result

    def stop(self, how=signal.SIGTERM):
        """Ends vsnd, and waits for what it started: its channels close with it."""
        history = self.child("vsn-history")
        (self.programs / "session.sock").unlink(missing_ok=True)
        self.process.send_signal(how)
        code = self.process.wait(30)
        end = time.monotonic() + 30
        while history and os.path.exists(f"/proc/{history}") and time.monotonic() < end:
            time.sleep(0.02)
        return code

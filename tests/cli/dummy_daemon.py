"""A vsnd that works on a file instead of a switch, and a hypervisor that is not there."""
import os
import pathlib
import subprocess
import time
from types import SimpleNamespace

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("VSN_BUILD", ROOT / "build"))

CONFIG = """\
hostname tor-1
switch dummy {folder}/switch
lldpd socket none
hypervisor vc1
 type vmware
 access https://127.0.0.1:1/sdk username u password-file {folder}/password
 no disable
!
interface swp1
 vsn enable
!
end
"""


class Daemon:
    """vsnd with everything below one folder."""

    def __init__(self, folder):
        self.folder, self.run = folder, folder / "run"
        (folder / "switch").write_text("port swp1 native=1 tagged=300\nport swp2 native=1\n")
        (folder / "password").write_text("x\n")
        (folder / "password").chmod(0o600)
        (folder / "state").mkdir()
        self.run.mkdir()
        self.config = folder / "vsn.conf"
        self.config.write_text(CONFIG.format(folder=folder))
        self.log = open(folder / "log", "wb")
        self.process = subprocess.Popen(
            [BUILD / "vsnd", "--config", self.config, "--state-dir", folder / "state", "--runtime-dir", self.run,
             "--foreground"], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        try:
            self.until(lambda: "ready" in self.vsn("show", "switch").out)
        except BaseException:
            self.stop()
            raise

    def vsn(self, *words):
        return vsn("--runtime-dir", self.run, *words)

    def until(self, holds, seconds=10):
        """Asks until the answer is yes; the vsnd at the other end cannot be waited for otherwise."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, (self.folder / "log").read_text()
            assert self.process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        code = self.process.wait(20)
        self.log.close()
        return code


def vsn(*words):
    done = subprocess.run([BUILD / "vsn", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    return SimpleNamespace(code=done.returncode, out=done.stdout, err=done.stderr)

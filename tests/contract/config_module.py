"""vsn-config and vsn-neighbor with a test as their vsnd."""
import os
import urllib.parse

from vsnlab import BUILD

HERE = os.path.dirname(os.path.abspath(__file__))
HAND = f"{HERE}/hand"


def driver_of(plane):
    """(driver, its arguments, what tests/contract/hand calls WHERE)"""
    _, driver, arguments = plane.switch_config.split(" ", 2)
    return driver, arguments, plane.database if plane.kind == "ovs" else plane.bridge


class Child:
    """vsn-config or vsn-neighbor in the world, with this test as its vsnd."""

    def __init__(self, plane, *argv, netns=None):
        self.plane = plane
        self.process = plane.spawn([f"{HERE}/on_fd3.py", f"{BUILD}/{argv[0]}", *argv[1:]], netns=netns)
        self.pid = int(self.process.wait_line("pid ").split()[1])

    def say(self, *lines):
        self.process.write("".join(f"{line}\n" for line in lines))

    def wait(self, wanted):
        """The next line that holds 'wanted', its words decoded."""
        return urllib.parse.unquote(self.process.wait_line(wanted, timeout=15))

    def signal(self, name):
        self.plane.run(["kill", f"-{name}", str(self.pid)], check=True)

    def kill(self, signal="KILL"):
        self.signal(signal)
        return self.process.wait()

    def close(self):
        self.process.close_stdin()
        return self.process.wait()


class Config(Child):
    """vsn-config on the world's switch, allowed to use VLANs 100-199 on swp1 and swp2 (and 'more').
    'words' are further ones of their policy."""

    def __init__(self, plane, folder, more=(), arguments=None, netns=None, words=""):
        driver, usual, _ = driver_of(plane)
        super().__init__(plane, "vsn-config", "--driver", driver, "--arguments", arguments or usual,
                         "--ledger", f"{folder}/ledger", "--freeze-file", f"{folder}/freeze", netns=netns)
        self.number = 0
        self.ports = {}
        while not (line := self.process.read_line(15)).startswith("new switch"):
            if line.startswith("new port"):
                self.ports[dict(w.split("=", 1) for w in line.split()[2:])["id"]] = line
        assert "state=ready" in line
        self.say("begin policy", *(f"new policy id={port} allowed=100-199{words}" for port in ("swp1", "swp2", *more)),
                 "end policy")

    def order(self, *changes):
        """Gives changes (port, add, remove) that belong together, and does not wait."""
        lines = []
        for port, add, remove in changes:
            self.number += 1
            lines.append(f"new change id={self.number} port={port} add={add} remove={remove}")
        self.say(*lines)

    def change(self, port, add="", remove=""):
        """Has a change carried out; its outcome."""
        return self.batch((port, add, remove))[0]

    def batch(self, *changes):
        """Has changes carried out together; their outcomes."""
        first = self.number + 1
        self.order(*changes)
        return [self.wait(f"new outcome id={first + i} port={port}") for i, (port, _, _) in enumerate(changes)]

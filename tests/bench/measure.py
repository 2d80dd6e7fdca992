"""What the benchmarks share: whole-process figures by the kernel's own accounting, and the lines that are printed."""
import dataclasses
import json
import subprocess
import time


class Report:
    """Prints 'bench NAME VALUE UNIT' and 'ratio NAME R PEER' lines and keeps them for a JSON file."""

    def __init__(self):
        self.rows = []

    def bench(self, name, value, unit, peer=None, peer_value=None):
        print(f"bench {name} {value:.3f} {unit}", flush=True)
        self.rows.append({"name": name, "value": round(value, 4), "unit": unit, "peer": None, "ratio": None})
        if peer is not None and peer_value:
            self.rows.pop()
            self.beside(name, value, unit, peer, peer_value)

    def beside(self, name, value, unit, peer, peer_value):
        """What a peer, or one more peer, came to beside a figure that was printed."""
        print(f"bench {name}.{peer} {peer_value:.3f} {unit}", flush=True)
        print(f"ratio {name} {value / peer_value:.2f} {peer}", flush=True)
        self.rows.append({"name": name, "value": round(value, 4), "unit": unit, "peer": peer,
                          "ratio": round(value / peer_value, 3)})

    def save(self, path):
        with open(path, "w") as file:
            json.dump(self.rows, file, indent=1)


class Timed:
    """A process under time(1), which forks it from a small one: a process that this interpreter forks would be
    charged with the interpreter's own memory. 'started' is when it began; finish() waits and gives the figures:
    wall and CPU seconds, peak memory in MB."""

    def __init__(self, argv, figures, **options):
        self._figures = figures
        self.started = time.monotonic()
        self.process = subprocess.Popen(["/usr/bin/time", "-q", "-f", "%e %U %S %M", "-o", figures, *argv], **options)

    def finish(self):
        self.process.wait()
        with open(self._figures) as file:
            wall, user, system, peak = map(float, file.read().split("\n")[-2].split())
        return Figures(wall, user + system, peak / 1024)


@dataclasses.dataclass
class Figures:
    wall: float
    cpu: float
    peak: float
    bytes: int = 0


def median(values):
    return sorted(values)[len(values) // 2]

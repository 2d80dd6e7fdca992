"""The Config Module on SONiC's databases, 48 ports, beside one pipeline of HSET: from the change to its outcome, both
with the wait until each row is confirmed and with reading it back. The confirmation is by a program that does nothing
else (sonic_confirmer.c): vlanmgrd itself takes 10 ms and more a row."""
import os
import subprocess
import sys

from vsnlab import BUILD, PROJECT

sys.path.append(os.path.join(PROJECT, "tests/sonic"))
from databases import Databases  # noqa: E402  (the path comes first)

PORTS = 48
RUNS = 9
NAMES = {"single": "single", "one_vlan": "one_vlan_48", "vlans500": "vlans500_48"}


def run(report, folder):
    with Databases(folder, ports=[f"swp{i + 1}" for i in range(PORTS)]) as databases:
        for port in databases.ports:
            databases.config.delete(f"VLAN_MEMBER|Vlan4000|{port}")
        confirmer = subprocess.Popen([f"{BUILD}/tests/bench/sonic_confirmer", databases.socket], stdout=subprocess.PIPE,
                                     text=True)
        assert confirmer.stdout.readline() == "ready\n"
        try:
            done = subprocess.run([f"{BUILD}/tests/bench/switch_bench", "sonic", f"redis unix:{databases.socket}",
                                   str(PORTS), str(RUNS), folder], capture_output=True, text=True, timeout=600)
        finally:
            confirmer.kill()
            confirmer.wait()
        if done.returncode:
            raise RuntimeError(f"switch_bench: {done.stderr}")
        for line in done.stdout.splitlines():
            name, ours, floor = line.split()
            report.bench(f"switch.sonic.{NAMES[name]}", float(ours), "ms", "floor", float(floor))

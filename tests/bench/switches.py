"""The Config Module on real switches of 48 ports, beside the least that the same switch can be asked for by hand.

single: one VLAN on one port, which is what a machine that moves waits for; one_vlan_48 and vlans500_48: 1 and 500 VLANs on
48 ports. From the change to its outcome, read back (switch_bench.c); the floor is in switch_floor.c. And what bridge(8) takes
for the same in one batch.
"""
import os
import time

from measure import median
from vsnlab import BUILD, OvsPlane, UmlPlane

PORTS = 48
RUNS = 15
NAMES = {"single": "single", "one_vlan": "one_vlan_48", "vlans500": "vlans500_48"}


def measure(report, plane, prefix):
    _, driver, arguments = plane.switch_config.split(" ", 2)
    folder = f"{plane.dir}/bench"
    plane.run(["mkdir", "-p", folder], check=True)
    done = plane.run([f"{BUILD}/tests/bench/switch_bench", driver, arguments, str(PORTS), str(RUNS), folder], timeout=600)
    if done.returncode:
        raise RuntimeError(f"switch_bench: {done.stderr}")
    for line in done.stdout.splitlines():
        name, ours, floor = line.split()
        report.bench(f"switch.{prefix}.{NAMES[name]}", float(ours), "ms", "floor", float(floor))


def batch(plane, verb, vlans):
    """What 'bridge -batch' and a reading take, in ms."""
    lines = "".join(f"vlan {verb} dev swp{i + 1} vid {vlans}\n" for i in range(PORTS))
    plane.write(f"{plane.dir}/batch", lines.encode())
    started = time.monotonic()
    plane.sh(f"bridge -batch {plane.dir}/batch && bridge -j vlan show >/dev/null\n")
    return (time.monotonic() - started) * 1000


def run(report, _folder):
    with OvsPlane() as plane:
        plane.create_switch(PORTS, lldp=None)
        measure(report, plane, "ovs")
    with UmlPlane() as plane:
        plane.create_switch(PORTS, lldp=None)
        measure(report, plane, "bridge")
        for name, vlans in (("one_vlan_48", "100"), ("vlans500_48", "101-600")):
            times = []
            for _ in range(3):
                times.append(batch(plane, "add", vlans))
                batch(plane, "del", vlans)
            report.bench(f"switch.bridge.batch.{name}", median(times), "ms")

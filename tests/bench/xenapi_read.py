"""Reading a XenServer pool of 64 hosts and 4,000 machines: vsn-session beside npm xen-api, which Xen Orchestra is built on.

In turn each logs in to the same stand-in, reads the classes that vsn looks at, and logs out (tests/xenpool/node/read.mjs). In
the end vsn-session has told all its rows, and xen-api has all objects in memory. What the stand-in takes to answer is part
of both walls, and of nobody's CPU.
"""
import json
import os
import subprocess
import sys
import time

from measure import Timed, median
from vsnlab import XenPool
from vsphere_read import Session

RUNS = 5
RELEASE = "8.2"
SCALE = ["-hosts", "64", "-vms", "4000", "-vlans", "20", "-bond", "-late", "0s"]

# Its clients are those of the tests.
sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "xenpool"))


def run_session(pool, folder):
    session = Session(folder, pool.url.rstrip("/"), pool.certificate, "xen-citrix", "root")
    seconds, rows = session.until_connected()
    usage = session.stop()
    usage.wall = seconds
    return usage, rows


def run_node(pool, folder, node):
    timed = Timed(["node", "read.mjs", pool.url, "root", "secret", "auto"], os.path.join(folder, "node.time"), cwd=node,
                  stdout=subprocess.PIPE, env={**os.environ, "NODE_EXTRA_CA_CERTS": pool.certificate})
    line = timed.process.stdout.readline()
    seconds = time.monotonic() - timed.started
    usage = timed.finish()
    if timed.process.returncode != 0 or not line:
        raise RuntimeError("xen-api ended before it had read everything")
    usage.wall = seconds
    return usage, json.loads(line)["objects"]


def run(report, folder):
    from clients import NODE, install_node
    install_node()
    ours, theirs = [], []
    with XenPool(folder, flags=SCALE, release=RELEASE) as pool:
        for _ in range(RUNS):
            usage, rows = run_session(pool, folder)
            ours.append(usage)
            usage, objects = run_node(pool, folder, NODE)
            theirs.append(usage)
    report.bench("xenapi.read.rows", rows, "rows")
    report.bench("xenapi.read.objects", objects, "objects")
    for figure, unit in (("wall", "s"), ("cpu", "s"), ("peak", "MB")):
        report.bench(f"xenapi.read.{figure}", median([getattr(each, figure) for each in ours]), unit, "xen-api",
                     median([getattr(each, figure) for each in theirs]))

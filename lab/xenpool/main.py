"""Flags, start and end."""
import argparse
import json
import os
import re
import signal
import sys
import tempfile
import threading

from . import certificate
from .control import Control, serve
from .faults import Faults
from .front import Front
from .inventory import Inventory, InventoryError, counted
from .pool import Pool, Times
from .release import RELEASES

TRIES = 20      # ports that another process may hold on one of the addresses


def seconds(text):
    """'300ms', '2s', '2'"""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"not a time: {text}")
    return float(match[1]) * {"ms": 0.001, "s": 1, "m": 60, "": 1}[match[2]]


def span(text):
    """'0s,10s'"""
    first, _, last = text.partition(",")
    return seconds(first), seconds(last or first)


def address(text):
    host, _, port = text.rpartition(":")
    return host, int(port)


def flags(argv):
    parser = argparse.ArgumentParser(prog="lab/xenpool", allow_abbrev=False, description="A XenServer or XCP-ng pool for "
                                     "tests. lab/xenpool/README.md explains it.")
    add = parser.add_argument
    add("-l", type=address, default=("127.0.0.1", 0), metavar="ADDR:PORT", help="the first host's address and the port of all")
    add("-ctl", type=address, default=("127.0.0.1", 0), metavar="ADDR:PORT", help="control address")
    add("-username", default="root")
    add("-password", default="secret")
    add("-cert", metavar="FILE", help="certificate in PEM, with -key; without them one is made")
    add("-key", metavar="FILE")
    add("-tls", choices=certificate.VERSIONS, default="1.3", help="newest TLS version to speak")
    add("-plain", action="store_true", help="speak HTTP without TLS, too, on the same port")
    add("-release", choices=RELEASES, default="8.2")
    add("-inventory", metavar="FILE", help="make the pool of this file")
    add("-hosts", type=int, default=3, help="else a counted one: hosts")
    add("-vms", type=int, default=6, help="machines")
    add("-vlans", type=int, default=4, help="networks with a VLAN")
    add("-bond", action="store_true", help="the first two cards of each host are a bond")
    add("-t-copy", type=seconds, default=2, help="the memory copy of a migration")
    add("-t-start", type=seconds, default=0.5, help="start, stop and resume")
    add("-t-step", type=seconds, default=0.01, help="between the writes of an operation")
    add("-t-restart", type=seconds, default=1, help="restart of a tool stack")
    add("-t-designate", type=seconds, default=1, help="without a master while another one takes over")
    add("-t-notice", type=seconds, default=10, help="until the slaves see that their master is dead")
    add("-late", type=span, default=(0, 10), metavar="FROM,TO", help="how late event.from notices its timeout")
    add("-heartbeat", type=seconds, default=30, help="between events about the pool itself; 0: none")
    add("-order", choices=("arbitrary", "declared"), default="arbitrary", help="members of a record")
    add("-del-snapshot", choices=("yes", "no"), default="yes", help="event.next shows what was deleted")
    return parser.parse_args(argv)


def make_pool(options):
    times = Times(options.t_copy, options.t_start, options.t_step, options.t_restart, options.t_designate, options.t_notice,
                  options.late, options.heartbeat)
    if options.inventory:
        with open(options.inventory, encoding="utf-8") as file:
            words = json.load(file)
    else:
        words = counted(options.hosts, options.vms, options.vlans, bond=options.bond)
    # Another pool has other references; the same pool has the same ones after a restart.
    pool = Pool(RELEASES[options.release], options.username, options.password, times, options.order == "arbitrary",
                options.del_snapshot == "yes", json.dumps(words, sort_keys=True))
    Inventory(pool, words, options.l[0])
    return pool


def bind(pool, wanted):
    """One port for all, free on every address: the clients of a pool keep their port when they are redirected."""
    for attempt in range(TRIES):
        port = wanted
        try:
            for member in pool.members:
                member.front.port = port
                port = member.front.bind()
            return port
        except OSError:
            for member in pool.members:
                member.front.close()
            if wanted or attempt == TRIES - 1:
                raise
    return port


def listen(pool, faults, options, folder):
    if options.cert:
        files = options.cert, options.key or options.cert
    else:
        addresses = [each for member in pool.members for each in (member.address, member.listen)]
        files = certificate.make(folder, [*addresses, "127.0.0.1"], options.tls in ("1.0", "1.1"))
    common = certificate.context(*files, options.tls)
    for member in pool.members:
        own = certificate.context(*member.certificate, options.tls) if member.certificate else common
        member.front = Front(member, options.l[1], own, faults, options.plain)
    port = bind(pool, options.l[1])
    for member in pool.members:
        member.front.serve()
    return port, files[0]


def main(argv=None):
    options = flags(sys.argv[1:] if argv is None else argv)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        pool = make_pool(options)
    except (InventoryError, OSError, ValueError, KeyError) as error:
        print(f"lab/xenpool: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    faults = Faults(pool)
    with tempfile.TemporaryDirectory(prefix="xenpool-") as folder:
        port, used = listen(pool, faults, options, folder)
        pool.start()
        control = serve(Control(pool, faults), options.ctl)
        print(f"READY https://{pool.master.address}:{port}/ pid={os.getpid()} hosts={len(pool.members)} ctl={control} "
              f"cert={used}", flush=True)
        ended.wait()
    return 0

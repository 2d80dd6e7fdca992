"""In advance: how long before a machine's switch-over its VLAN is on the port of its new host.

1,000 moves of 300 ms each (VSN_BENCH_MOVES=100 for fewer) among 64 hosts, on the vCenter stand-in, 32 at a time, and on the
XenServer pool's in two releases, 20 at a time. vsn serves them with 'provision machines', wires by pins, on an Open vSwitch; the vCenter's
are served by pyvmomi_poller.py as well, in its two ways. Whoever serves them, the same independent watcher says when the VLAN
was there, that is in the switch's database (advance_watch.py), and the server itself when the move began (its start event, or
the machine's operation, was posted) and when the machine was switched over.

lead        switch-over minus VLAN there. p99: 99 of 100 moves had at least this much
reaction    VLAN there minus beginning, the median
missed      moves that were switched over before their VLAN was there
recorded    the median lead by vsn's own record ('show migration'). Its word for a switch-over is the hypervisor's, so later
            than the server's clock
verified    moves that vsn had read back from the switch before their switch-over, by the server's clock
disagreed   moves of which vsn's record says something else than the watcher

'advance.full' are 200 moves (VSN_BENCH_MOVES=100 for fewer), 40 at a time, in a vCenter of 1,000 hosts and 10,000 machines,
64 of the hosts behind this switch.

A wait of the vCenter stand-in gathers changes for 20 ms before it answers, and event.from of the pool's has its own delays:
they are part of every reaction. How long real ones take is not known to us.
"""
import contextlib
import dataclasses
import os

from measure import median
from advance_lab import Lab, Size, VCenterSide, XenSide, measure, port_of, pyvmomi, vlan_of, vsn
from vsnlab import WorldError
from vsnlab.until import until

XEN = {"xen56": "5.6", "xen82": "8.2"}
# The queue of 5.6 holds 500 events, and a move makes fifteen. A client that this machine does not let run for half a second
# loses some.
XEN_AT_ONCE = 20
# How far two readings of one clock for one event may be apart, in ms.
SLACK = 5
# How late the word of a switch-over may be.
WORD = 30
POLL_SECONDS = 2
FULL = Size(moves=200, at_once=40, far_hosts=936, far_machines=9800)


class Figures:
    """What one run came to: lists of ms, the smallest first."""

    def __init__(self, side, moves, seen):
        number = {side.host(n): n for n in range(side.size.hosts)}
        self.late = {}      # id of a move: by how many ms, None for never
        self.leads, self.reactions = [], []
        for move in moves:
            if move["outcome"] != "success":
                raise RuntimeError(f"a move failed: {move}")
            came = seen.get((port_of(number[move["to"]]), vlan_of(move["machine"])))
            if came is None:
                self.late[move["id"]] = None
                continue
            if came == 0:
                raise RuntimeError(f"the VLAN was there before the move: {move}")
            self.leads.append(move["switched"] - came)
            self.reactions.append(came - move["started"])
            if came > move["switched"]:
                self.late[move["id"]] = came - move["switched"]
        self.leads.sort()
        self.reactions.sort()

    @property
    def missed(self):
        return len(self.late)

    def lead(self, most):
        """The lead that at least 'most' of the moves had; those that never got their VLAN had none."""
        return self.leads[int((1 - most) * len(self.leads))] if self.leads else 0

    @property
    def reaction(self):
        return self.reactions[len(self.reactions) // 2] if self.reactions else 0


def ledger(agent, count):
    """What vsn wrote down, when it knows the end of every move."""
    def ended():
        rows = agent.show("migration")
        return rows if len(rows) >= count and all(row["outcome"] != "running" for row in rows) else None
    return agent.wait(f"{count} moves are written down", ended, 60, every=0.5)


def compare(moves, figures, rows):
    """(moves that vsn had verified in time, moves of which its record and the watcher's differ). vsn takes the hypervisor's
    word for a switch-over, which is late: what came shortly after may be in time by that."""
    by_way = {(row["machine"], row["to"]): row for row in rows}
    verified, differing = 0, []
    for move in moves:
        row = by_way.get((move["machine"], move["to"]))
        in_time = row is not None and row["outcome"] == "in-time"
        late = figures.late.get(move["id"], 0)
        verified += in_time and row["verified"] <= move["switched"] + SLACK
        if in_time != (late == 0) and not (in_time and late is not None and late < WORD):
            differing.append((move, row))
    return verified, differing


def tell(report, name, figures, suffix=""):
    for what, value in (("lead_p50", figures.lead(0.5)), ("lead_p99", figures.lead(0.99)), ("lead_worst", figures.lead(1))):
        report.bench(f"advance.{name}.{what}{suffix}", value, "ms")
    report.bench(f"advance.{name}.missed{suffix}", figures.missed, "moves")


def by_vsn(lab, side):
    moves, seen, rows = measure(lab, side, vsn, lambda agent: ledger(agent, lab.size.moves))
    figures = Figures(side, moves, seen)
    verified, differing = compare(moves, figures, rows)
    if differing:
        print(f"# {len(differing)} records differ, the first: {differing[0]}", flush=True)
    return figures, median([row["lead_ms"] or 0 for row in rows]), verified, len(differing)


def by_pyvmomi(lab, way):
    side, wanted = VCenterSide(lab), lab.size.abroad()

    def late(_):
        """What comes late still comes; but for what it never saw, since a machine had gone on."""
        with contextlib.suppress(WorldError):
            until("all VLANs are there", lambda: lab.has(wanted), 2 * POLL_SECONDS, every=0.2)
    return Figures(side, *measure(lab, side, lambda lab, side: pyvmomi(lab, side, way), late)[:2])


def tell_vsn(report, name, lab, side):
    figures, recorded, verified, differing = by_vsn(lab, side)
    tell(report, name, figures)
    report.bench(f"advance.{name}.recorded_lead_p50", recorded, "ms")
    report.bench(f"advance.{name}.verified", verified, "moves")
    report.bench(f"advance.{name}.disagreed", differing, "moves")
    return figures


def run(report, _folder, size=None):
    size = size or Size(moves=int(os.environ.get("VSN_BENCH_MOVES", Size.moves)))
    tell_vcenter(report, size)
    tell_full(report, dataclasses.replace(FULL, moves=min(FULL.moves, size.moves)))
    tell_pools(report, dataclasses.replace(size, at_once=XEN_AT_ONCE))


def tell_vcenter(report, size):
    with Lab(size) as lab:
        ours = tell_vsn(report, "vcenter", lab, VCenterSide(lab))
        peers = {way: by_pyvmomi(lab, way) for way in ("events", "poll")}
        for way, figures in peers.items():
            tell(report, "vcenter", figures, f".pyvmomi-{way}")
        report.bench("advance.vcenter.reaction", ours.reaction, "ms")
        for way, figures in peers.items():
            report.beside("advance.vcenter.reaction", ours.reaction, "ms", f"pyvmomi-{way}", figures.reaction)


def tell_full(report, size):
    with Lab(size) as lab:
        report.bench("advance.full.reaction", tell_vsn(report, "full", lab, VCenterSide(lab)).reaction, "ms")


def tell_pools(report, size):
    with Lab(size) as lab:
        for name, release in XEN.items():
            figures = tell_vsn(report, name, lab, XenSide(lab, release))
            report.bench(f"advance.{name}.reaction", figures.reaction, "ms")

"""The benchmark of the leads, small and with long moves: that it measures what it says, and who wins in principle."""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(os.path.dirname(HERE)), "lab")]

from advance import XEN, Figures, by_pyvmomi, by_vsn, compare  # noqa: E402  (the path comes first)
from advance_lab import Lab, Size, VCenterSide, XenSide, port_of  # noqa: E402

SMALL = Size(moves=8, at_once=8, ms=3000, hosts=8, group=4, far_hosts=2, far_machines=4)


@pytest.fixture(scope="module")
def lab():
    with Lab(SMALL) as lab:
        yield lab


@pytest.mark.parametrize("server", ["vcenter", *XEN])
def test_every_vlan_is_there_before_its_machine(lab, server):
    side = VCenterSide(lab) if server == "vcenter" else XenSide(lab, XEN[server])
    figures, recorded, verified, differing = by_vsn(lab, side)
    assert figures.missed == 0 and figures.lead(1) > 0 and verified == SMALL.moves and differing == 0
    assert recorded > 0


@pytest.mark.parametrize("way", ["events", "poll"])
def test_the_peer_does_its_work(lab, way):
    """Sooner or later, it brings every VLAN to where it is needed."""
    figures = by_pyvmomi(lab, way)
    assert len(figures.leads) == SMALL.moves
    if way == "poll":
        assert figures.missed == SMALL.moves, "it asks where machines are: they are there already"


class Side:
    size, host = SMALL, staticmethod(lambda number: f"h{number}")


def a_move(number, **more):
    return {"id": number + 1, "machine": f"machine-{number}", "to": f"h{SMALL.away(number)}", "outcome": "success",
            "started": 1000, "switched": 1300, **more}


def seen(came):
    return {(port_of(SMALL.away(number)), 1000 + number): ms for number, ms in came.items()}


def test_figures():
    figures = Figures(Side, [a_move(n) for n in range(4)], seen({0: 1010, 1: 1290, 2: 1350}))
    assert figures.leads == [-50, 10, 290] and figures.reactions == [10, 290, 350]
    assert figures.late == {3: 50, 4: None} and figures.missed == 2
    assert figures.lead(0.5) == 10 and figures.lead(1) == -50 and figures.reaction == 290


def test_a_vlan_that_was_there_measures_nothing():
    with pytest.raises(RuntimeError):
        Figures(Side, [a_move(0)], seen({0: 0}))


def test_a_failed_move_is_no_measurement():
    with pytest.raises(RuntimeError):
        Figures(Side, [a_move(0, outcome="error")], seen({0: 1010}))


@pytest.mark.parametrize("came, row, verified, differs", [
    (1010, {"outcome": "in-time", "verified": 1020}, 1, False), (1350, {"outcome": "missed", "verified": 1360}, 0, False),
    (1350, {"outcome": "in-time", "verified": 1340}, 0, True), (1010, {"outcome": "missed", "verified": 1400}, 0, True),
    (None, {"outcome": "in-time", "verified": 1020}, 1, True), (1010, None, 0, True)])
def test_records_are_compared(came, row, verified, differs):
    moves = [a_move(0)]
    figures = Figures(Side, moves, seen({0: came}) if came else {})
    rows = [{**row, "machine": "machine-0", "to": moves[0]["to"]}] if row else []
    count, differing = compare(moves, figures, rows)
    assert count == verified and bool(differing) == differs

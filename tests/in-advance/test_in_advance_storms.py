"""Many moves at once on 64 hosts: none is missed, and no machine loses a VLAN."""
import pytest

from administrator import Admin
from storm_place import CROWD, EACH, Storm
from vsnlab import until, watch

# A move lasts so long after it was announced (milliseconds): several seconds, as a real one; this computer shall be allowed to
# be busy.
QUICK = {"queue": 20, "pre": 1500, "run": 1500}
STALL_S = 5
LONG = {"queue": 20, "pre": 1000, "run": 1000 * (STALL_S + 2)}


@pytest.fixture(scope="module")
def storm():
    with Storm() as storm:
        yield storm


class Weather:
    """What happens between two quiet moments, and the verdict."""

    def __init__(self, storm, tell):
        self.storm, self.tell = storm, tell

    def __enter__(self):
        self.before, self.since = self.storm.homes(), len(self.storm.vcenter.moves())
        self.there = self.storm.carried()
        self._watch = watch(self.storm.plane)
        self.watcher = self._watch.__enter__()
        return self

    def __exit__(self, *_):
        self._watch.__exit__()

    def rows(self):
        return self.storm.vcenter.moves(self.since)

    def wait_over(self, count):
        """Until that many moves have ended well: the vCenter's rows of them."""
        def over():
            rows = self.rows()
            return len(rows) >= count and all(row["outcome"] != "running" for row in rows) and rows
        rows = until(f"{count} moves are over", over, 120, every=0.2)
        assert {row["outcome"] for row in rows} == {"success"}
        return rows

    def added(self):
        """{(port, VLAN): when it came, in milliseconds}"""
        return {(port, vlan): change.at * 1000 for change in reversed(self.watcher.so_far())
                for port, vlans in change.added.items() for vlan in vlans}

    def verdict(self, what, rows):
        """None was missed, by the watcher and by the ledger; nothing was taken from a machine; and nothing was opened where
        none goes, though every task was there before its destination was named."""
        storm, added = self.storm, self.added()
        assert not storm.absences(self.watcher, self.there, self.before, rows)
        needs = {(storm.port[row["to"]], storm.vlan[row["machine"]]): row for row in rows}
        assert not added.keys() - needs.keys()
        mine = {(row["machine"], row["to"]) for row in rows}
        def told():
            found = {(row["machine"], row["to"]): row for row in reversed(storm.agent.show("migration"))}
            entries = [found.get(move, {"outcome": "running"}) for move in mine]
            return entries if all(entry["outcome"] != "running" for entry in entries) else None
        entries = storm.agent.wait("the ledger knows how all ended", told)
        assert {entry["outcome"] for entry in entries} == {"in-time"}
        delays = sorted(added[need] - row["started"] for need, row in needs.items() if need in added)
        self.tell(f"{what}: {len(rows)} moves, from announced to VLAN on the port {delays[len(delays) // 2]:.0f} ms (half), "
                  f"{delays[-1]:.0f} ms (all)")


@pytest.fixture
def weather(storm, tell):
    with Weather(storm, tell) as weather:
        yield weather


def test_in_advance_eight_at_once_per_host(storm, weather):
    """Eight machines leave each host at once, and eight come."""
    moves, hosts = [], storm.hosts
    for number, host in enumerate(hosts):
        leaving = [machine for machine, home in storm.home.items() if home == host][:EACH]
        moves += [{"vm": machine, "host": hosts[(number + step + 1) % len(hosts)], **QUICK}
                  for step, machine in enumerate(leaving)]
    storm.vcenter.migrate_all(moves)
    weather.verdict("8 at once per host", weather.wait_over(len(moves)))


def test_in_advance_of_an_evacuation(storm, weather):
    """The administrator empties the host with most machines for maintenance."""
    crowded = storm.hosts[0]
    count = list(weather.before.values()).count(crowded)
    assert count == CROWD
    with Admin(storm.vcenter) as admin:
        task = admin.enter_maintenance(crowded)
        rows = weather.wait_over(count)
        admin.finish(task)
    assert {row["from"] for row in rows} == {crowded}
    weather.verdict("evacuation", rows)


def test_in_advance_when_all_is_told_at_once(storm, weather):
    """The vCenter says nothing for five seconds, and then everything. A move from each host was announced meanwhile."""
    storm.vcenter.fault("hold", seconds=STALL_S)
    hosts = storm.hosts[1:]
    first = {host: machine for machine, host in reversed(weather.before.items())}
    moves = [{"vm": first[host], "host": hosts[(number + 7) % len(hosts)], **LONG} for number, host in enumerate(hosts)]
    storm.vcenter.migrate_all(moves)
    rows = weather.wait_over(len(moves))
    assert min(weather.added().values()) - rows[0]["started"] > 1000 * (STALL_S - 1), "nothing was told for that long"
    weather.verdict(f"burst after {STALL_S} s", rows)

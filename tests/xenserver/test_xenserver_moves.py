"""A machine that is migrated, started, resumed or evacuated is known with its destination before it is there: in every one
of a hundred runs, for both generations of events. 'Before' is judged by the pool itself: when vsn-session has told of the
move, the pool is asked, and still has the machine where it was."""
import pytest

from follow import Session
from vsnlab import XenPool

QUICK = ["-t-copy", "400ms", "-t-start", "400ms", "-late", "0s"]
RUNS = 100


def inventory():
    hosts = [{"name": f"xs{n + 1}", "pifs": [{"device": "eth0"}]} for n in range(3)]
    machines = [{"name": f"moving-{n}", "host": "xs1", "networks": ["blue"], "power": "on"} for n in range(10)]
    idle = [{"name": f"starting-{n}", "networks": ["blue"]} for n in range(10)]
    return {"pool": "rack1", "hosts": hosts, "networks": [{"name": "blue", "vlan": 100, "device": "eth0"}],
            "machines": machines + idle}


@pytest.fixture(params=["5.6", "8.2"])
def pool(request, tmp_path):
    with XenPool(tmp_path, inventory(), QUICK, request.param) as pool:
        yield pool


@pytest.fixture
def session(pool):
    with Session(pool.url, type="xen-citrix", username="root", ca_file=pool.certificate) as session:
        yield session.until_state("connected")


class Watch:
    """What the session tells of moves, and where the pool says that the machine was at that moment."""

    def __init__(self, pool, session):
        self.pool, self.session, self.seen, self._line = pool, session, {}, len(session.lines)

    def _name(self, table, ref):
        return self.session.rows(table).get(("", ref), {}).get("name", "")

    def look(self):
        """Notes the moves that were told since the last look: {machine: (kind, from, to, resident in the pool)}"""
        lines, self._line = self.session.lines[self._line:], len(self.session.lines)
        told = [row for row in self.session.rows("move").items()] if any(" move " in line for line in lines) else []
        new = [(key, row) for key, row in told if key not in self.seen and row.get("to")]
        if new:
            where = {machine["name"]: machine["host"] for machine in self.pool.state()["machines"]}
            for key, row in new:
                name = self._name("machine", key[0])
                self.seen[key] = (name, row["kind"], self._name("host", row.get("from", "")), self._name("host", row["to"]),
                                  where[name] or "")

    def follow(self, count):
        """Until that many moves were told in all, and all have ended."""
        def over(_):
            self.look()
            return len(self.seen) >= count and not self.session.rows("move")
        self.session.until(f"{count} moves were told and have ended", over, 30)


def homes(session):
    """{machine: the name of its host, "" on none}, as the session tells."""
    hosts = session.rows("host")
    return {row["name"]: hosts["", row["host"]]["name"] if row.get("host") else "" for row in session.rows("machine").values()}


def test_a_hundred_of_a_hundred(pool, session):
    watch, expected, homeward = Watch(pool, session), [], "xs1"
    names = [f"moving-{n}" for n in range(10)]
    idle = [f"starting-{n}" for n in range(10)]

    def finish(moves):
        """moves: (machine, kind, from, to)"""
        expected.extend(moves)
        watch.follow(len(expected))
        ends = {machine: to for machine, _, _, to in moves}
        session.until("they are there", lambda s: ends.items() <= homes(s).items())

    for to in ("xs2", "xs3", "xs1", "xs2"):
        for name in names:
            pool.migrate(name, to)
        finish([(name, "migrate", homeward, to) for name in names])
        homeward = to
    for to in ("xs1", "xs3"):
        for name in idle:
            pool.start_machine(name, to)
        finish([(name, "start", "", to) for name in idle])
        switch_off(pool, session, idle)
    for to in ("xs1", "xs3"):
        for name in names:
            pool.control("power", vm=name, do="suspend")
        session.until("asleep", lambda s: not any(homes(s)[name] for name in names))
        for name in names:
            pool.control("power", vm=name, do="resume", host=to)
        finish([(name, "resume", "", to) for name in names])
    pool.evacuate("xs3")
    watch.follow(len(expected) + len(names))
    session.until("nobody is left", lambda s: "xs3" not in homes(s).values())
    now = homes(session)
    expected.extend((name, "migrate", "xs3", now[name]) for name in names)
    pool.control("enable", host="xs3")
    gather(pool, session, watch, expected, names, "xs3")
    seen = [each[:4] for each in watch.seen.values()]
    assert sorted(seen) == sorted(expected)
    early = [each for each in watch.seen.values() if each[4] == each[2]]
    assert len(early) == len(expected) >= RUNS, [each for each in watch.seen.values() if each[4] != each[2]]


def gather(pool, session, watch, expected, names, host):
    """All of them on one host again."""
    before = homes(session)
    for name in names:
        pool.migrate(name, host)
    expected.extend((name, "migrate", before[name], host) for name in names)
    watch.follow(len(expected))
    session.until("gathered", lambda s: all(homes(s)[name] == host for name in names))


def switch_off(pool, session, names):
    for name in names:
        pool.control("power", vm=name, do="shutdown")
    session.until("off", lambda s: not any(homes(s)[name] for name in names))

"""Machines on their way: seen with their destination before they are there, and how it ended."""
import pytest
from rack import host_id, host_of, moves, rack
from vsnlab.until import until

JOINED = ["5.6", "6.0", "8.2"]      # each finds the destination by the join; 8.2 has the field, too


def until_bound(session, machine, to):
    """Waits for a move of 'machine' to the host 'to'; the machine is not there yet. Returns the move."""
    session.until(f"{machine} is seen on its way to {to}",
                  lambda s: any(row["to"] == to for row in moves(s, machine).values()))
    assert host_of(session, machine) != to, "it was there before it was seen to come"
    (task, row), = moves(session, machine).items()
    return {**row, "task": task}


def until_ended(session, machine, outcome, seconds=15):
    """Waits for the end of its moves, which must be 'outcome'."""
    owner = session.named("machine", machine)[0]
    session.until(f"{machine} has ended its move", lambda s: not moves(s, machine), seconds)
    ends = [line for line in session.lines if line.startswith(f"put move owner={owner} ")]
    assert ends and all(line.endswith(f"outcome={outcome}") for line in ends), ends


@pytest.mark.parametrize("release", JOINED)
def test_migration(pool, follow, release):
    server = pool(rack(), release=release)
    session = follow(server).until_state("connected")
    task = server.migrate("web1", "xs3")
    move = until_bound(session, "web1", "xs3")
    assert move["task"] == task and move["kind"] == "migrate" and move["from"] == "xs1" and int(move["since_ms"]) > 1e12
    session.until("there", lambda s: host_of(s, "web1") == "xs3")
    until_ended(session, "web1", "done")
    assert host_of(session, "web1") == "xs3"


@pytest.mark.parametrize("release", ["5.6", "8.2"])
def test_a_migration_is_seen_in_advance_every_time(pool, follow, release):
    server = pool(rack(), "-t-copy", "50ms", release=release)
    session = follow(server).until_state("connected")
    for turn in range(20):
        to = ("xs3", "xs1")[turn % 2]
        server.migrate("web1", to)
        until_bound(session, "web1", to)
        until_ended(session, "web1", "done")


@pytest.mark.parametrize("release", JOINED)
def test_start_and_resume(pool, follow, release):
    server = pool(rack(), release=release)
    session = follow(server).until_state("connected")
    server.control("power", vm="off1", do="start", host="xs2")
    move = until_bound(session, "off1", "xs2")
    assert move["kind"] == "start" and move["from"] == ""
    until_ended(session, "off1", "done")
    assert session.named("machine", "off1")[1]["power"] == "on"
    server.control("power", vm="asleep", do="resume", host="xs3")
    assert until_bound(session, "asleep", "xs3")["kind"] == "resume"
    until_ended(session, "asleep", "done")


@pytest.mark.parametrize("release", ["5.6", "8.2", "24.10"])
def test_evacuation(pool, follow, release):
    inventory = rack()
    inventory["machines"].append({"name": "web2", "host": "xs1", "networks": ["blue & <green>"], "power": "on"})
    server = pool(inventory, release=release)
    session = follow(server).until_state("connected")
    server.evacuate("xs1")
    seen = {}

    def gone(s):
        for name in "web1", "web2":
            for row in moves(s, name).values():
                if row["to"]:
                    seen.setdefault(name, (row["to"], host_of(s, name)))
        return all(host_of(s, name) != "xs1" for name in ("web1", "web2"))
    session.until("both machines are elsewhere", gone, 30)
    assert {name: host for name, (_, host) in seen.items()} == {"web1": "xs1", "web2": "xs1"}, "seen too late"
    assert all(host_of(session, name) == to for name, (to, _) in seen.items())


@pytest.mark.parametrize("how, outcome", [("fail", "failed"), ("cancel", "cancelled")])
@pytest.mark.parametrize("release", ["5.6", "8.2"])
def test_a_migration_that_does_not_succeed(pool, follow, release, how, outcome):
    server = pool(rack(), release=release)
    session = follow(server).until_state("connected")
    task = server.migrate("web1", "xs3", **({"fail": 1} if how == "fail" else {}))
    until_bound(session, "web1", "xs3")
    if how == "cancel":
        server.control("cancel", task=task)
    until_ended(session, "web1", outcome)
    assert host_of(session, "web1") == "xs1"


def test_operations_without_a_task(pool, follow):
    server = pool(rack())
    session = follow(server).until_state("connected")
    server.control("keys", dummy=1)
    server.migrate("web1", "xs3")
    assert until_bound(session, "web1", "xs3")["task"].startswith("DummyRef:")
    until_ended(session, "web1", "done")


@pytest.mark.parametrize("release, known", [("7.2", False), ("7.6", True), ("8.2", True)])
def test_migrate_send(pool, follow, release, known):
    """Before 7.3 nobody says where it goes: then to any host that has its networks."""
    server = pool(rack(), release=release)
    session = follow(server).until_state("connected")
    server.migrate("web1", "xs2", kind="migrate_send")
    session.until("seen", lambda s: moves(s, "web1"))
    if known:
        until_bound(session, "web1", "xs2")
    else:
        row, = moves(session, "web1").values()
        assert row["to"] == "" and set(row["possible"].split(",")) == {host_id(session, each) for each in ("xs2", "xs3")}
    until_ended(session, "web1", "done")
    session.until("there", lambda s: host_of(s, "web1") == "xs2")


def test_a_stale_entry_of_a_host_means_nothing(pool, follow):
    """7.3 to 8.0 leave the host's entry behind for ever (CA-326621)."""
    server = pool(rack(), release="7.6")
    session = follow(server).until_state("connected")
    server.migrate("web1", "xs2", kind="migrate_send")
    session.until("there", lambda s: host_of(s, "web1") == "xs2")
    until_ended(session, "web1", "done")
    session.turn(0.5)
    assert not session.rows("move")
    again = follow(server).until_state("connected")
    assert not again.rows("move"), "the stale entry was taken for a move"


def test_a_machine_from_another_pool(pool, follow):
    server = pool(rack())
    session = follow(server).until_state("connected")
    server.control("receive", {"vm": "guest", "host": "xs2", "networks": ["blue & <green>"]})
    session.until("made", lambda s: any(row.get("name") == "guest" for row in s.rows("machine").values()))
    until_bound(session, "guest", "xs2")
    session.until("there", lambda s: host_of(s, "guest") == "xs2")
    until_ended(session, "guest", "done")


def test_a_move_that_is_under_way_when_we_come(pool, follow):
    server = pool(rack(), "-t-copy", "3s")
    server.migrate("web1", "xs3")
    until("under way", lambda: next(m for m in server.state()["machines"] if m["name"] == "web1")["operations"], 5)
    session = follow(server).until_state("connected")
    until_bound(session, "web1", "xs3")
    until_ended(session, "web1", "done")


def test_a_machine_that_leaves_the_pool(pool, follow):
    server = pool(rack())
    session = follow(server).until_state("connected")
    owner = session.named("machine", "web1")[0]
    server.migrate("web1", "", kind="away")
    session.until("seen", lambda s: s.rows("move", owner))
    session.until("gone", lambda s: ("", owner) not in s.rows("machine"))
    assert not session.rows("move", owner)

"""The ledger of moves and the audit with a whole vsnd: over restarts, crashes, and beside a history that hangs."""
import contextlib
import os
import signal
import sqlite3

import pytest

from agent_with_session import Agent, machine

MEMBERS = set("id hypervisor machine from to kind by user seen planned applied verified switched_over lead_ms outcome ports "
              "vlans added reason".split())
MOVE = "new move owner=vm-{0} id=task-{1} kind=migrate from=host-1 to=host-2 by=VmBeingHotMigratedEvent user=CORP\\alice"
THERE = "put machine id=vm-{0} host=host-2", "put move owner=vm-{0} id=task-{1} outcome=done", "gone move owner=vm-{0} id=task-{1}"


@pytest.fixture
def agent(tmp_path):
    agent = Agent(tmp_path)
    agent.start()
    yield agent
    if agent.process.poll() is None:
        if history := agent.child("vsn-history"):
            os.kill(history, signal.SIGCONT)
        agent.stop()


def announce(agent, number, task):
    agent.tell(MOVE.format(number, task))
    return agent.until(lambda: next((row for row in agent.show("migration", f"web{number}") if row["verified"]), None))


def arrive(agent, number, task):
    agent.tell(*(line.format(number, task) for line in THERE))
    return agent.until(lambda: next((row for row in agent.show("migration", f"web{number}") if row["switched_over"]), None))


def test_a_move_and_its_entry(agent):
    agent.tell_all(*machine(1, on=1))
    announce(agent, 1, 1)
    assert agent.carried("swp2") == "101"
    row = arrive(agent, 1, 1)
    assert row.keys() >= MEMBERS
    assert (row["machine"], row["from"], row["to"], row["kind"]) == ("web1", "esx1", "esx2", "migrate")
    assert (row["by"], row["user"], row["hypervisor"]) == ("VmBeingHotMigratedEvent", "CORP\\alice", "vc1")
    assert (row["ports"], row["vlans"], row["added"], row["outcome"]) == (["swp2"], "101", "101", "in-time")
    times = [row[name] for name in ("seen", "planned", "applied", "verified", "switched_over")]
    assert times == sorted(times) and row["lead_ms"] == times[4] - times[3] >= 0
    summary, = agent.show("migration-summary")
    assert (summary["moves"], summary["in_time"], summary["lead_worst_ms"]) == (1, 1, row["lead_ms"])
    assert "1 move, 1 in time; lead p50 " in agent.vsn("show", "migration")


def test_both_lists_go_on_over_a_restart(agent):
    agent.tell_all(*machine(1, on=1), *machine(2, on=1))
    announce(agent, 1, 1)
    moves, changes = [arrive(agent, 1, 1)], agent.show("audit")
    assert moves[0]["id"] == "1" and any(change["added"] == "101" for change in changes)
    assert agent.stop() == 0
    agent.start()
    agent.until(lambda: agent.show("audit"))
    assert agent.show("migration") == moves and agent.show("audit") == changes
    agent.tell_all(*machine(1, on=2), *machine(2, on=1))
    announce(agent, 2, 2)
    arrive(agent, 2, 2)
    assert [row["id"] for row in agent.show("migration")] == ["2", "1"]
    assert agent.show("migration")[1] == moves[0]


def test_a_move_that_ended_while_vsnd_was_dead(agent):
    agent.tell_all(*machine(1, on=1), *machine(2, on=1))
    announce(agent, 1, 1)
    agent.until(lambda: "outcome" in read_file(agent, 1))
    agent.stop(signal.SIGKILL)
    agent.start()
    assert agent.until(lambda: agent.show("migration"))[0]["outcome"] == "running"
    agent.tell_all(*machine(1, on=1), *machine(2, on=1))
    row = agent.until(lambda: next((row for row in agent.show("migration") if row["outcome"] != "running"), None))
    assert row["outcome"] == "unknown"
    assert row["reason"] == "vsnd was not running when it ended; the machine is on esx1"
    assert row["lead_ms"] is None and row["switched_over"] is None


def test_a_move_that_goes_on_after_vsnd_was_dead(agent):
    agent.tell_all(*machine(1, on=1))
    announce(agent, 1, 1)
    agent.until(lambda: "outcome" in read_file(agent, 1))
    agent.stop(signal.SIGKILL)
    agent.start()
    agent.until(lambda: agent.show("migration"))
    agent.tell_all(*machine(1, on=1), MOVE.format(1, 1))
    row = arrive(agent, 1, 1)
    assert len(agent.show("migration")) == 1 and row["id"] == "1" and row["outcome"] == "in-time"


def read_file(agent, number):
    """The row of that entry, as it is in the file with the entry's last stage; {} while it is not."""
    with contextlib.closing(sqlite3.connect(f"file:{agent.state}/history.sqlite?mode=ro", uri=True, timeout=20)) as database:
        database.row_factory = sqlite3.Row
        row = database.execute("SELECT * FROM migration WHERE id = ? AND verified_ms > 0", (number,)).fetchone()
        return dict(row) if row else {}


def test_a_damaged_file_stops_nothing(agent):
    agent.tell_all(*machine(1, on=1))
    announce(agent, 1, 1)
    agent.stop()
    (agent.state / "history.sqlite").write_bytes(b"\xa5" * 30000)
    agent.start()
    agent.until(lambda: "the history begins anew" in agent.log())
    assert (agent.state / "history.sqlite.bad").read_bytes() == b"\xa5" * 30000
    agent.tell_all(*machine(1, on=1), *machine(2, on=1))
    announce(agent, 2, 2)
    assert agent.until(lambda: read_file(agent, 1))["machine"] == "web2"


def test_a_history_that_hangs_holds_up_nothing(agent):
    agent.tell_all(*machine(1, on=1))
    agent.until(lambda: (agent.state / "history.sqlite").exists())
    history = agent.until(lambda: agent.child("vsn-history"))
    agent.until(lambda: agent.show("audit") and agent.show("audit")[0].get("port"))
    os.kill(history, signal.SIGSTOP)
    announce(agent, 1, 1)
    assert agent.carried("swp2") == "101"
    assert arrive(agent, 1, 1)["outcome"] == "in-time"
    os.kill(history, signal.SIGCONT)
    agent.until(lambda: read_file(agent, 1).get("outcome") == "in-time")


def test_a_history_that_is_killed_is_told_what_it_missed(agent):
    agent.tell_all(*machine(1, on=1), *machine(2, on=1))
    announce(agent, 1, 1)
    first = agent.until(lambda: agent.child("vsn-history"))
    os.kill(first, signal.SIGSTOP)
    arrive(agent, 1, 1)
    announce(agent, 2, 2)
    os.kill(first, signal.SIGKILL)
    assert agent.until(lambda: agent.child("vsn-history") not in (None, first) and agent.child("vsn-history"))
    assert agent.until(lambda: read_file(agent, 1).get("outcome") == "in-time" and read_file(agent, 2))["machine"] == "web2"
    assert "started again, and told what it missed" in agent.log()


def test_bounds_can_be_changed_while_it_runs(agent):
    agent.tell_all(*machine(1, on=1))
    announce(agent, 1, 1)
    first = agent.until(lambda: agent.child("vsn-history"))
    config = (agent.folder / "vsn.conf").read_text()
    (agent.folder / "vsn.conf").write_text(config.replace("end\n", "vsn\n history days 7\n history entries 500\n!\nend\n"))
    agent.vsn("reload")
    second = agent.until(lambda: agent.child("vsn-history") not in (None, first) and agent.child("vsn-history"))
    assert b"--days\0007\0--entries\000500" in open(f"/proc/{second}/cmdline", "rb").read()
    assert agent.until(lambda: read_file(agent, 1))["machine"] == "web1"

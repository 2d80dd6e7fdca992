"""What a client sees while machines start and move, write by write, in each release."""
import time

import pytest

from clients import ask, login
from test_events import events, failure, machine, value
from vsnlab.until import until

NULL = "OpaqueRef:NULL"


class Watcher:
    """event.next for machines, hosts, PIFs and tasks: every write, in order."""

    def __init__(self, pool):
        self.pool, self.session, self.seen = pool, login(pool), []
        value(pool, "event.register", self.session, ["vm", "host", "pif", "task"])

    def until_ended(self, task):
        """Reads to the end of a task; its last status."""
        while True:
            for event in self.seen:
                if event["ref"] == task and event["snapshot"]["status"] in ("success", "failure", "cancelled"):
                    return event["snapshot"]
            self.seen += value(self.pool, "event.next", self.session)

    def writes(self, *fields):
        """[(ref, field, value)] of every change of these fields, from the snapshots."""
        last, found = {}, []
        for event in self.seen:
            for field in fields:
                if field in event["snapshot"]:
                    key, now = (event["ref"], field), event["snapshot"][field]
                    if key in last and last[key] != now or key not in last and now not in ({}, NULL):
                        found.append((*key, now))
                    last[key] = now
        return found


def hosts(pool):
    return {each["name"]: each["ref"] for each in pool.state(brief=True)["members"]}


def row(pool, name):
    return next(each for each in pool.state()["machines"] if each["name"] == name)


def end(pool, task):
    return until("the task ends", lambda: pool.task(task)["status"] != "pending" and pool.task(task))


@pytest.mark.parametrize("release", ["5.6", "7.2", "8.2", "24.10"])
def test_a_migration_write_by_write(start, release):
    pool = start(release)
    at, web1, watcher = hosts(pool), machine(pool), Watcher(pool)
    task = pool.migrate("web1", "xs3")
    assert watcher.until_ended(task)["status"] == "success"
    moved = next(index for index, event in enumerate(watcher.seen)
                 if event["ref"] == web1 and event["snapshot"]["resident_on"] == at["xs3"])
    names = [(event["class"], event["ref"]) for event in watcher.seen]
    assert names[moved - 1] == ("host", at["xs1"]) and names[moved + 1] == ("host", at["xs3"])
    changes = [change for change in watcher.writes("current_operations", "scheduled_to_be_resident_on", "resident_on",
                                                   "currently_attached") if change[0] != task]
    vlan = next(ref for ref, field, now in changes if field == "currently_attached")
    expected = [(web1, "current_operations", {task: "pool_migrate"}),
                (at["xs3"], "current_operations", {task: "vm_migrate"}),
                (web1, "scheduled_to_be_resident_on", at["xs3"]),
                (vlan, "currently_attached", True),
                (web1, "resident_on", at["xs3"]),
                (web1, "scheduled_to_be_resident_on", NULL),
                (at["xs3"], "current_operations", {}),
                (web1, "current_operations", {})]
    if release in ("5.6", "7.2"):
        expected = [change for change in expected if change[1] != "scheduled_to_be_resident_on"]
        assert "scheduled_to_be_resident_on" not in watcher.seen[moved]["snapshot"]
    changes = [change for change in changes if change != (web1, "resident_on", at["xs1"])]
    assert [c for c in changes if c[0] in (web1, vlan, at["xs3"])] == expected
    assert watcher.seen[-1]["ref"] == task, "the task ends last"


def test_with_event_from_it_is_two_states(start):
    """Coalesced: but the destination is there long before the machine."""
    pool = start("8.2", "-t-copy", "500ms")
    session, at, web1 = login(pool), hosts(pool), machine(pool)
    token = events(pool, session, ["vm", "host"], "")["token"]
    task = pool.migrate("web1", "xs2")
    state = {}
    while state.get(at["xs2"]) != {task: "vm_migrate"}:
        answer = events(pool, session, ["vm", "host"], token, 5.0)
        token = answer["token"]
        state.update({event["ref"]: event["snapshot"]["current_operations"] for event in answer["events"]})
    assert state[web1] == {task: "pool_migrate"} and row(pool, "web1")["host"] == "xs1"
    while state[web1] or state[at["xs2"]]:
        answer = events(pool, session, ["vm", "host"], token, 5.0)
        token = answer["token"]
        state.update({event["ref"]: event["snapshot"]["current_operations"] for event in answer["events"]})
    assert row(pool, "web1")["host"] == "xs2"


def test_a_failure_leaves_the_machine_where_it_was(pool):
    watcher, web1 = Watcher(pool), machine(pool)
    task = pool.migrate("web1", "xs2", fail=1)
    record = watcher.until_ended(task)
    assert record["status"] == "failure" and record["error_info"][:2] == ["VM_MIGRATE_FAILED", web1]
    assert row(pool, "web1") == {**row(pool, "web1"), "host": "xs1", "coming": None, "operations": []}
    assert value(pool, "host.get_current_operations", watcher.session, hosts(pool)["xs2"]) == {}
    end(pool, pool.migrate("web1", "xs2"))
    assert row(pool, "web1")["host"] == "xs2", "the next one is not to fail"


def test_it_can_be_cancelled(start):
    pool = start("8.2", "-t-copy", "60s")
    session = login(pool)
    task = pool.migrate("web1", "xs2")
    until("it is under way", lambda: row(pool, "web1")["coming"])
    value(pool, "task.cancel", session, task)
    record = end(pool, task)
    until("nothing is left", lambda: not row(pool, "web1")["operations"])
    assert pool.task(task)["status"] == "cancelled" and pool.task(task)["error_info"] == ["TASK_CANCELLED", task]
    assert record["status"] in ("cancelling", "cancelled") and row(pool, "web1")["host"] == "xs1"


@pytest.mark.parametrize("do, name, words", [("start", "off1", ("start", "vm_start")),
                                             ("resume", "asleep", ("resume", "vm_resume"))])
def test_start_and_resume(start, release, do, name, words):
    from small_pool import world
    inventory = world()
    inventory["machines"].append({"name": "asleep", "networks": ["blue"], "power": "suspended"})
    pool = start(release, inventory=inventory)
    at, ref, watcher = hosts(pool), machine(pool, name), Watcher(pool)
    task = pool.control("power", vm=name, do=do, host="xs2")["task"]
    assert watcher.until_ended(task)["status"] == "success"
    changes = [change for change in watcher.writes("current_operations", "resident_on", "power_state")
               if change[0] in (ref, at["xs2"])]
    state = {"start": "Halted", "resume": "Suspended"}[do]
    assert [change for change in changes if change[2] != state] == [
        (ref, "current_operations", {task: f"{words[0]}_on"}), (at["xs2"], "current_operations", {task: words[1]}),
        (ref, "resident_on", at["xs2"]), (ref, "power_state", "Running"),
        (at["xs2"], "current_operations", {}), (ref, "current_operations", {})]
    plugged = [vif["currently_attached"] for vif in value(pool, "VIF.get_all_records", watcher.session).values()
               if vif["VM"] == ref]
    assert plugged == [True]


def test_start_goes_to_the_emptiest_host_that_can(pool):
    pool.control("enable", host="xs3", on=0)
    task = pool.start_machine("off1")
    end(pool, task)
    assert row(pool, "off1")["host"] == "xs2"


def test_power_states(pool):
    for do, power in (("pause", "Paused"), ("unpause", "Running"), ("suspend", "Suspended"), ("resume", "Running"),
                      ("shutdown", "Halted")):
        assert end(pool, pool.control("power", vm="web1", do=do)["task"])["status"] == "success"
        assert row(pool, "web1")["power"] == power
    assert row(pool, "web1")["host"] is None


@pytest.mark.parametrize("release, at_once", [("5.6", False), ("8.2", False), ("24.10", True)])
def test_a_host_is_evacuated(start, release, at_once):
    pool = start(release)
    at, watcher = hosts(pool), Watcher(pool)
    task = pool.evacuate("xs1")
    assert watcher.until_ended(task)["status"] == "success"
    assert {each["host"] for each in pool.state()["machines"] if each["power"] == "Running"} <= {"xs2", "xs3"}
    subtasks = {event["ref"]: event["snapshot"] for event in watcher.seen if event["snapshot"].get("subtask_of") == task}
    assert len(subtasks) == 2
    assert (at["xs1"], "current_operations", {task: "evacuate"}) in watcher.writes("current_operations")
    keys = [set(now) for ref, _, now in watcher.writes("current_operations")
            if ref in (machine(pool, "web1"), machine(pool, "web2")) and now]
    assert set().union(*keys) == set(subtasks)
    both = any(sum(1 for event in watcher.seen[:index] if event["ref"] in subtasks and event["operation"] == "add") == 2
               and not any(event["snapshot"].get("status") == "success" for event in watcher.seen[:index]
                           if event["ref"] in subtasks) for index in range(len(watcher.seen)))
    assert both == at_once


@pytest.mark.parametrize("release, tells, forgets", [("7.2", False, False), ("7.6", True, True), ("8.2", True, False)])
def test_migrate_send_in_the_pool(start, release, tells, forgets):
    pool = start(release)
    at, web1, watcher = hosts(pool), machine(pool), Watcher(pool)
    task = pool.migrate("web1", "xs2", "migrate_send")
    assert watcher.until_ended(task)["status"] == "success"
    operations = watcher.writes("current_operations")
    assert (web1, "current_operations", {task: "migrate_send"}) in operations
    assert ((at["xs2"], "current_operations", {task: "vm_migrate"}) in operations) == tells
    assert value(pool, "host.get_current_operations", watcher.session, at["xs2"]) == ({task: "vm_migrate"} if forgets else {})
    assert row(pool, "web1") == {**row(pool, "web1"), "host": "xs2", "operations": []}


def test_to_and_from_another_pool(start):
    pool = start("8.2")
    watcher = Watcher(pool)
    task = pool.migrate("web1", "xs2", "away")
    assert watcher.until_ended(task)["status"] == "success"
    assert "web1" not in {each["name"] for each in pool.state()["machines"]}
    task = pool.control("receive", {"vm": "web9", "host": "xs2", "networks": ["blue"]})["task"]
    assert watcher.until_ended(task)["status"] == "success"
    ref = machine(pool, "web9")
    changes = [change[:2] + (change[2] if change[1] != "scheduled_to_be_resident_on" else bool(change[2] != NULL),)
               for change in watcher.writes("scheduled_to_be_resident_on", "resident_on", "current_operations")
               if change[0] == ref]
    assert changes == [(ref, "scheduled_to_be_resident_on", True), (ref, "resident_on", hosts(pool)["xs2"]),
                       (ref, "scheduled_to_be_resident_on", False)]


def test_there_is_no_migrate_send_in_5_6(start):
    pool = start("5.6")
    with pytest.raises(Exception) as refused:
        pool.migrate("web1", "xs2", "migrate_send")
    assert "MESSAGE_METHOD_UNKNOWN" in str(refused.value)


def test_keys_need_not_name_a_task(pool):
    pool.control("keys", dummy=1)
    watcher = Watcher(pool)
    task = pool.migrate("web1", "xs2")
    watcher.until_ended(task)
    keys = {key for _, _, now in watcher.writes("current_operations") for key in now}
    assert keys == {task.replace("OpaqueRef:", "DummyRef:")}


def test_one_operation_at_a_time(start):
    pool = start("8.2", "-t-copy", "60s")
    session, web1 = login(pool), machine(pool)
    pool.migrate("web1", "xs2")
    until("it is under way", lambda: row(pool, "web1")["operations"])
    assert failure(pool, "VM.pool_migrate", session, web1, hosts(pool)["xs3"], {}) == \
        ["OTHER_OPERATION_IN_PROGRESS", "VM", web1, "pool_migrate"]


def test_what_cannot_be_is_refused(pool):
    session, web1 = login(pool), machine(pool)
    off1, xs2 = machine(pool, "off1"), hosts(pool)["xs2"]
    assert failure(pool, "VM.pool_migrate", session, off1, xs2, {}) == ["VM_BAD_POWER_STATE", off1, "running", "halted"]
    pool.control("enable", host="xs2", on=0)
    assert failure(pool, "VM.pool_migrate", session, web1, xs2, {}) == ["HOST_DISABLED", xs2]
    template = next(ref for ref, record in value(pool, "VM.get_all_records", session).items() if record["is_a_template"])
    assert failure(pool, "VM.start", session, template, False, False) == ["VM_IS_TEMPLATE", template]


def test_the_plain_form_answers_at_the_end(pool):
    session, web1, xs2 = login(pool), machine(pool), hosts(pool)["xs2"]
    assert ask(pool, "VM.pool_migrate", session, web1, xs2, {})["Status"] == "Success"
    assert row(pool, "web1")["host"] == "xs2"
    assert value(pool, "task.get_all", session) == [], "its task is gone"


def test_the_lab_is_told_of_moves(start):
    pool = start("8.2")
    before = time.time() * 1000
    end(pool, pool.migrate("web1", "xs3"))
    end(pool, pool.start_machine("off1", "xs2"))
    end(pool, pool.migrate("web2", "xs2", fail=1))
    (move, started, failed), switchovers = pool.moves(), pool.switchovers()
    assert (move["machine"], move["from"], move["to"], move["kind"]) == ("web1", "xs1", "xs3", "pool_migrate")
    assert before <= move["started"] <= move["switched"] - 200 and move["switched"] <= move["ended"] <= time.time() * 1000
    assert (started["machine"], started["from"], started["kind"]) == ("off1", "", "start_on")
    assert [each["outcome"] for each in (move, started, failed)] == ["success", "success", "error"]
    assert failed["switched"] == 0 and [(each["seq"], each["id"]) for each in switchovers] == [(1, 1), (2, 2)]
    assert pool.moves(since=2) == [failed] and pool.switchovers(after=2, wait=0.05) == []
    task = pool.migrate("web2", "xs2")
    (switchover,) = pool.switchovers(after=2)
    assert switchover["id"] == 4 and row(pool, "web2")["host"] == "xs2", "told when it is so"
    end(pool, task)

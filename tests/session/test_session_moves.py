"""Moves as the session of a vCenter tells them: from the first sign on, until the machine is there."""
import re
import urllib.parse

import pytest
from admin import Admin
from scripted import Fault, Scripted, update, updates
from vsnlab.until import until

QUICK = ("-t-queue", "50ms", "-t-pre", "50ms", "-t-run", "100ms")


def world(machines=(), hosts=3):
    """Hosts of one cluster on which one network is everywhere."""
    return {
        "cluster": "rack1",
        "hosts": [{"name": f"esx{i}.example.net", "pnics": [{"device": "vmnic0"}],
                   "vswitches": [{"name": "vSwitch0", "uplinks": ["vmnic0"],
                                  "portgroups": [{"name": "blue", "vlan": 100}]}]} for i in range(1, hosts + 1)],
        "machines": [{"name": name, "host": "esx1.example.net", "networks": ["blue"], "power": power}
                     for name, power in machines or
                     (("web", "on"), ("off", "off"), ("asleep", "suspended"), ("template", "template"))]}


def moves_of(session):
    return {key: row for key, row in session.rows("move").items()}


def told(session, since=0):
    """The lines on moves from there on, as (op, fields)."""
    for line in lines(session, "move", since):
        op, _, *words = line.split(" ")
        yield op, {name: urllib.parse.unquote(value) for name, value in (word.split("=", 1) for word in words)}


def lines(session, table, since=0):
    return [line for line in session.lines[since:] if line.split()[1] == table]


def over(session, since):
    """A move was told from here on, and every one is gone."""
    return lines(session, "move", since) and not session.rows("move")


# ---- Every kind -------------------------------------------------------------------------------------------------


KINDS = [
    # kind of the stand-in, machine, more; kind, by, what it is a move of
    ("manual", "web", {}, "migrate", "VmBeingHotMigratedEvent"),
    ("drs", "web", {}, "migrate", "VmBeingHotMigratedEvent"),
    ("encrypted", "web", {}, "migrate", "com.vmware.vc.vm.VmHotMigratingWithEncryptionEvent"),
    ("cold", "off", {}, "cold", "VmBeingMigratedEvent"),
    ("relocate", "web", {}, "migrate", "VmBeingRelocatedEvent"),
    ("storage", "web", {"host": "esx1.example.net"}, "storage", "VmBeingRelocatedEvent"),
    ("power-on", "off", {}, "start", "VmStartingEvent"),
    ("drs-power-on", "off", {}, "start", "VmStartingEvent"),
    ("resume", "asleep", {}, "resume", "VmResumingEvent"),
    ("clone", "web", {"name": "copy"}, "clone", "VmBeingClonedEvent"),
    ("deploy", "template", {"name": "fresh"}, "deploy", "VmBeingDeployedEvent"),
    ("create", "new", {"network": "blue"}, "create", "VmBeingCreatedEvent"),
    ("arrival", "guest", {"network": "blue"}, "arrive", "com.vmware.vc.vm.DstVmMigratedEvent"),
]


@pytest.mark.parametrize("how, machine, more, kind, by", KINDS, ids=[case[0] for case in KINDS])
def test_kinds(vcenter, follow, how, machine, more, kind, by):
    server = vcenter(world(), *QUICK)
    session = follow(server).until_state("connected")
    since = len(session.lines)
    host = more.get("host", "esx2.example.net")
    target, _ = session.named("host", host)
    source, _ = session.named("host", "esx1.example.net")
    server.control("migrate", method="POST", vm=machine, kind=how, **{"host": host, **more})
    name = more.get("name", machine)
    session.until("it is there and the move is over", lambda s: over(s, since) and any(
        row.get("name") == name and row["host"] == target for row in s.rows("machine").values()))
    row = next(row for op, row in told(session, since) if op == "new" and row["by"] == by)
    assert (row["kind"], row["to"], "possible" in row) == (kind, target, False)
    assert row.get("from", "") == (source if kind in ("migrate", "cold", "storage") else "")
    if kind in ("clone", "deploy"):
        assert row["name"] == more["name"]
    if kind not in ("create", "arrive"):
        assert session.rows("machine")["", row["owner"]]["name"] == machine
    ends = [(op, each.get("outcome")) for op, each in told(session, since) if each["owner"] == row["owner"] and op != "new"]
    assert ends == [("put", "done"), ("gone", None)]


def test_the_row_stays_until_the_machine_is_there(vcenter, follow):
    """In the order of the lines: there is no moment between the move and the machine's own row."""
    server = vcenter(world(), *QUICK)
    session = follow(server).until_state("connected")
    esx2, _ = session.named("host", "esx2.example.net")
    since = len(session.lines)
    with Admin(server) as admin:
        admin.machine("web").MigrateVM_Task(host=admin.host("esx2.example.net"), priority="defaultPriority")
        session.until("it is over", lambda s: over(s, since))
    all_lines = session.lines[since:]
    is_there = next(i for i, line in enumerate(all_lines) if line.startswith("put machine") and f"host={esx2}" in line)
    named = next(i for i, line in enumerate(all_lines) if line.startswith("new move") and f"to={esx2}" in line)
    gone = next(i for i, line in enumerate(all_lines) if line.startswith("gone move"))
    assert named < is_there < gone


def test_a_task_arms_the_cluster(vcenter, follow):
    """Before the destination is known, every other host of the cluster may be it."""
    server = vcenter(world(), "-t-queue", "400ms", "-t-pre", "50ms", "-t-run", "50ms")
    session = follow(server).until_state("connected")
    others = {session.named("host", f"esx{i}.example.net")[0] for i in (2, 3)}
    server.migrate("web", "esx2.example.net")
    session.until("armed", lambda s: moves_of(s))
    (key, row), = moves_of(session).items()
    assert set(row["possible"].split(",")) == others and row["by"] == "VirtualMachine.migrate" and "to" not in row
    session.until("destined", lambda s: moves_of(s)[key].get("to"))       # the same row
    assert "possible" not in moves_of(session)[key]


@pytest.mark.parametrize("how", ["manual", "relocate", "encrypted", "power-on", "clone"])
def test_failure(vcenter, follow, how):
    server = vcenter(world(), *QUICK)
    session = follow(server).until_state("connected")
    since = len(session.lines)
    server.control("migrate", method="POST", vm="off" if how == "power-on" else "web", host="esx2.example.net",
                   kind=how, fail=1, name="copy")
    session.until("it is over", lambda s: over(s, since))
    ends = [line for line in lines(session, "move", since) if "outcome=" in line]
    assert len(ends) == 1 and "outcome=failed problem=" in ends[0]


def test_cancel(vcenter, follow):
    server = vcenter(world(), *QUICK)
    session = follow(server).until_state("connected")
    since = len(session.lines)
    server.migrate("web", "esx2.example.net", run=60000)
    session.until("destined", lambda s: any(row.get("to") for row in moves_of(s).values()))
    server.control("cancel", method="POST", vm="web")
    session.until("it is over", lambda s: over(s, since))
    assert sum("outcome=cancelled" in line for line in session.lines[since:]) == 1


def test_a_host_is_emptied(vcenter, follow):
    server = vcenter(world([(f"m{i}", "on") for i in range(6)] + [("off", "off")]), *QUICK)
    session = follow(server).until_state("connected")
    since = len(session.lines)
    source, _ = session.named("host", "esx1.example.net")
    off, _ = session.named("machine", "off")
    server.control("evacuate", method="POST", host="esx1.example.net", most=2)
    session.until("all moves are told", lambda s: len({line.split()[2] for line in lines(s, "move", since)}) == 6)
    session.until("all are over", lambda s: over(s, since))
    assert f"owner={off}" not in " ".join(lines(session, "move", since))
    assert {row["host"] for key, row in session.rows("machine").items() if key[1] != off} & {source} == set()
    assert sum("outcome=done" in line for line in lines(session, "move", since)) == 6


def test_a_host_dies(vcenter, follow):
    server = vcenter(world([("m1", "on"), ("m2", "on")]), *QUICK)
    session = follow(server).until_state("connected")
    since = len(session.lines)
    server.control("fail", method="POST", host="esx1.example.net")
    session.until("both are restarted", lambda s: over(s, since) and sum(
        "kind=restart" in line for line in lines(s, "move", since)) == 2)


# ---- Many at once -----------------------------------------------------------------------------------------------


def test_a_burst_of_more_than_a_page(vcenter, follow):
    """Events that gathered while the server said nothing come at once, and one page cannot hold them: the older ones
    are fetched before anything is concluded from the rest."""
    names = [f"m{i}" for i in range(120)]
    server = vcenter(world([(name, "on") for name in names]))
    session = follow(server).until_state("connected")
    esx2, _ = session.named("host", "esx2.example.net")
    since = len(session.lines)
    server.fault("hold", seconds=0)
    server.migrate_all([{"vm": name, "host": "esx2.example.net", "kind": "manual", "queue": 0, "pre": 0, "run": 4000}
                        for name in names])
    until("all were announced", lambda: all(move["started"] for move in server.moves()))
    assert not lines(session, "move", since)
    server.clear_faults()
    session.until("all are destined", lambda s: sum(row.get("to") == esx2 for row in moves_of(s).values()) == 120)
    assert all(row["to"] == esx2 for op, row in told(session, since))       # and none was armed for all hosts before
    assert server.control("state", brief=1)["calls"]["ReadPreviousEvents"] >= 1
    session.until("all are over", lambda s: over(s, since), 30)
    assert sum("outcome=done" in line for line in lines(session, "move", since)) == 120


# ---- Contact lost and found -------------------------------------------------------------------------------------


def test_a_move_goes_on_while_contact_is_lost(vcenter, follow):
    server = vcenter(world(), *QUICK)
    session = follow(server).until_state("connected")
    server.migrate("web", "esx2.example.net", run=4000)
    session.until("destined", lambda s: any(row.get("to") for row in moves_of(s).values()))
    before = moves_of(session)
    server.control("drop", method="POST")
    session.until_state("stale")
    assert moves_of(session) == before
    session.until("read again", lambda s: s.syncs == 2)
    assert moves_of(session) == before, "the move was not stated in the full read"
    session.until("it is over", lambda s: not moves_of(s))
    assert any("outcome=done" in line for line in session.lines)


def test_a_move_that_was_under_way_before_we_came(vcenter, follow):
    """Its destination stands in an event of the past, which is asked for by the task's chain."""
    server = vcenter(world(), *QUICK)
    server.migrate("web", "esx2.example.net", run=4000)
    until("it runs", lambda: server.moves()[0]["started"])
    session = follow(server).until_state("connected")
    (owner, _), row = next(iter(moves_of(session).items()))
    assert row["to"] == session.named("host", "esx2.example.net")[0] and row["by"] == "VmBeingHotMigratedEvent"
    assert owner == session.named("machine", "web")[0]
    session.until("it is over", lambda s: not moves_of(s))
    assert session.syncs == 1


def test_a_move_during_the_full_read(vcenter, follow):
    """It is told at once, however long the inventory takes."""
    server = vcenter(world(), *QUICK)
    server.fault("stall", call="RetrievePropertiesEx", count=1, seconds=3)
    session = follow(server).until_state("syncing")
    until("the inventory is asked for", lambda: server.control("state", brief=1)["calls"].get("WaitForUpdatesEx"))
    server.migrate("web", "esx2.example.net", run=8000)
    session.until("destined", lambda s: any(row.get("to") for row in moves_of(s).values()))
    assert session.session["state"] == "syncing" and session.syncs == 0
    session.until_state("connected")
    (owner, _), row = next(iter(moves_of(session).items()))
    assert owner == session.named("machine", "web")[0] and row["to"] == session.named("host", "esx2.example.net")[0]


def test_the_full_read_ends_with_the_moves_that_are_under_way(vcenter, follow):
    """However long these take to be asked for."""
    server = vcenter(world(), *QUICK)
    server.migrate("web", "esx2.example.net", run=8000)
    until("it runs", lambda: server.moves()[0]["started"])
    server.fault("stall", call="QueryEvents", count=1, seconds=2)
    session = follow(server).until("the read ends", lambda s: s.syncs == 1)
    assert [row.get("to") for row in moves_of(session).values()] == [session.named("host", "esx2.example.net")[0]]


def test_what_ended_while_contact_was_lost(vcenter, follow):
    """The full read decides: neither the move nor a need of it is left."""
    server = vcenter(world(), *QUICK)
    session = follow(server).until_state("connected")
    server.migrate("web", "esx2.example.net", run=300)
    session.until("destined", lambda s: any(row.get("to") for row in moves_of(s).values()))
    server.fault("cut", seconds=1)
    session.until("read again", lambda s: s.syncs == 2, 30).until_state("connected")
    session.until("it is over", lambda s: not moves_of(s))
    esx2, _ = session.named("host", "esx2.example.net")
    assert session.named("machine", "web")[1]["host"] == esx2


# ---- Other servers ----------------------------------------------------------------------------------------------


def test_api_4_0_is_polled(vcenter, follow):
    """There is one property collector for each session, and the inventory has it."""
    server = vcenter(world(), "-api", "4.0", "-t-queue", "50ms", "-t-pre", "1500ms", "-t-run", "1500ms")
    session = follow(server).until_state("connected")
    esx2, _ = session.named("host", "esx2.example.net")
    server.migrate("web", "esx2.example.net")
    session.until("destined", lambda s: any(row.get("to") == esx2 for row in moves_of(s).values()))
    assert session.named("machine", "web")[1]["host"] != esx2
    session.until("it is over", lambda s: not moves_of(s), 30)
    assert "CreatePropertyCollector" not in server.control("state", brief=1)["answered"]


def test_an_esxi_host(vcenter, follow):
    session = follow(vcenter(None, "-model", "esx", "-vm", "2")).until_state("connected")
    assert "notice" not in session.session


NOTICE = "moves are seen only when they have happened: "
EVENTS = ('<eventManager type="EventManager">em</eventManager><taskManager type="TaskManager">tm</taskManager>')


@pytest.fixture
def script(tmp_path):
    """A server in a few lines that has events and tasks."""
    with Scripted(tmp_path) as scripted:
        content, first = scripted.answers["RetrieveServiceContent"], scripted.waits.pop(0)
        scripted.news = []

        def wait(body):
            if "<version></version>" in body:
                return first if is_of_inventory(scripted, body) else updates("n1")
            return scripted.next_wait(body) if is_of_inventory(scripted, body) else next_news()

        scripted.answers.update({
            "RetrieveServiceContent": lambda body: content(body).replace("</returnval>", EVENTS + "</returnval>"),
            "CurrentTime": lambda _: "<returnval>2026-11-22T19:00:00Z</returnval>",
            "CreateCollectorForEvents": lambda _: '<returnval type="EventHistoryCollector">ec</returnval>',
            "SetCollectorPageSize": lambda _: "",
            "CreatePropertyCollector": lambda _: f'<returnval type="PropertyCollector">{next(numbers)}</returnval>',
            "WaitForUpdatesEx": wait,
        })
        numbers = iter(f"pc{i}" for i in range(2, 100))

        def next_news():
            if scripted.news:
                answer = scripted.news.pop(0)
                if isinstance(answer, Fault):
                    raise answer
                return answer
            scripted.ended.wait(55)
            return ""

        yield scripted


def is_of_inventory(script, body):
    """True for a wait of the inventory's loop: its collector is the one that the view's filter was made on."""
    collector = re.search(r">(pc\d+)<", body).group(1)
    return any(f">{collector}<" in filter_ and "ContainerView" in filter_ for filter_ in script.bodies["CreateFilter"])


def event(key, type_, inside, chain=5):
    return (f'<Event xsi:type="{type_}"><key>{key}</key><chainId>{chain}</chainId>'
            f"<createdTime>2026-11-22T19:00:01Z</createdTime><userName>u</userName>{inside}</Event>")


def page(*events):
    return (f'<objectSet><kind>modify</kind><obj type="EventHistoryCollector">ec</obj><changeSet><name>latestPage</name>'
            f'<op>assign</op><val xsi:type="ArrayOfEvent">{"".join(events)}</val></changeSet></objectSet>')


START = ('<vm><name>web</name><vm type="VirtualMachine">vm-1</vm></vm><host><name>a</name><host type="HostSystem">'
         'host-1</host></host><destHost><name>b</name><host type="HostSystem">host-2</host></destHost>')

END = ('<vm><name>web</name><vm type="VirtualMachine">vm-1</vm></vm><host><name>b</name><host type="HostSystem">host-2'
       '</host></host><sourceHost><name>a</name><host type="HostSystem">host-1</host></sourceHost>')


def test_a_server_without_events(script, follow):
    content = script.answers["RetrieveServiceContent"]
    script.answers["RetrieveServiceContent"] = lambda body: content(body).replace("eventManager", "another")
    session = follow(script).until_state("connected")
    assert session.session["notice"] == NOTICE + "the server has no event manager"


@pytest.mark.parametrize("call", ["CurrentTime", "CreateCollectorForEvents", "CreateFilter"])
def test_a_server_that_refuses(script, follow, call):
    answer = script.answers[call]

    def refuse(body):
        if call == "CreateFilter" and "latestPage" not in body:
            return answer(body)
        raise Fault("NoPermission")

    script.answers[call] = refuse
    session = follow(script).until_state("connected")
    assert session.session["notice"] == NOTICE + "NoPermission" and session.states.count("connecting") == 1


def test_tasks_that_may_not_be_seen(script, follow):
    answer = script.answers["CreateFilter"]

    def refuse(body):
        if "recentTask" in body:
            raise Fault("NoPermission")
        return answer(body)

    script.answers["CreateFilter"] = refuse
    script.news.append(updates("n2", page(event(9, "VmBeingHotMigratedEvent", START))))
    session = follow(script).until_state("connected").until("the move", moves_of)
    assert moves_of(session)["vm-1", "5"]["to"] == "host-2"


def test_pages_are_in_no_order_and_overlap(script, follow):
    begin, end = event(9, "VmBeingHotMigratedEvent", START), event(11, "VmMigratedEvent", END)
    script.news += [updates("n2", page(end, begin)), updates("n3", page(begin, end)),
                    updates("n4", page(event(12, "VmBeingHotMigratedEvent", START, chain=6)))]
    session = follow(script).until("the second move", lambda s: ("vm-1", "6") in moves_of(s))
    assert [row["to"] for op, row in told(session) if op == "new" and row["id"] == "5"] == ["host-2"]
    assert sum(line == "put move owner=vm-1 id=5 outcome=done" for line in session.lines) == 1


def test_a_wait_for_events_that_fails_again_and_again(script, follow):
    """Then there are no moves from this server, but its inventory."""
    script.news = [Fault("SystemError") for _ in range(9)]
    session = follow(script).until("given up", lambda s: NOTICE in s.session.get("notice", ""), 30)
    session.until_state("connected", seconds=30)
    assert "SystemError" in session.session["notice"]
    script.waits.append(updates("2", update("enter", "HostSystem", "host-7")))


def test_a_wait_for_events_that_fails_leads_to_a_full_read(script, follow):
    script.news.append(Fault("InvalidCollectorVersion"))
    script.waits *= 2
    session = follow(script).until("two reads", lambda s: s.syncs == 2, 30).until_state("connected")
    assert "notice" not in session.session


def test_hostile_events(script, follow):
    """Whatever stands in an event, it stays one value of one row, and what is too long is not taken."""
    name = "x&#10;gone host id=host-1 " + "y" * 3000
    clone = f"<destName>{name}</destName>" + START
    script.news += [updates("n2", page(event(9, "VmBeingClonedEvent", clone))),
                    updates("n3", page(event(10, "VmBeingHotMigratedEvent", START.replace("vm-1", "v" * 400), 6),
                                       event("-4", "VmBeingHotMigratedEvent", START, 7),
                                       event(11, "VmBeingHotMigratedEvent", START, "x")))]
    session = follow(script).until("both", lambda s: len(moves_of(s)) == 2)
    assert moves_of(session)["vm-1", "5"]["name"].startswith("x\ngone host id=host-1 yyy")
    assert ("vm-1", "11") in moves_of(session) and ("", "host-1") in session.rows("host")

"""What the lab is told of moves, many of them at once, and a server that falls silent or whose line is cut meanwhile."""

import concurrent.futures
import json
import time

import pytest
from pyVmomi import vim, vmodl

from vcenter_client import Watch, events_in_order, events_of, find

NETWORK = {"name": "v", "uplinks": ["vmnic0"], "portgroups": [{"name": "p", "vlan": 5}]}


@pytest.fixture
def rack(server, tmp_path):
    """A cluster of 'hosts' with one network, and as many machines as asked for on the first."""
    def make(hosts, machines, *flags):
        world = {"cluster": "rack",
                 "hosts": [{"name": "h%d" % i, "pnics": [{"device": "vmnic0"}], "vswitches": [NETWORK]}
                           for i in range(hosts)],
                 "machines": [{"name": "m%d" % i, "host": "h0", "networks": ["p"]} for i in range(machines)]}
        file = tmp_path / "world.json"
        file.write_text(json.dumps(world))
        return server("-inventory", str(file), *flags)
    return make


def test_instants_of_a_move(rack):
    s = rack(2, 1)
    before = time.time() * 1000
    answer = s.control("/ctl/migrate?vm=m0&host=h1&queue=20&pre=40&run=60")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(s.control, "/ctl/switchovers?after=0")
        (switchover,) = waiting.result(20)
    assert switchover["seq"] == 1 and switchover["id"] == answer["id"]
    assert s.control("/ctl/state")["machines"][0]["host"] == "h1", "told when it is so"
    s.until(lambda: s.control("/ctl/moves")[0]["outcome"] == "success")
    (move,) = s.control("/ctl/moves")
    assert (move["machine"], move["from"], move["to"], move["kind"]) == ("m0", "h0", "h1", "manual")
    assert before <= move["queued"] <= move["started"] - 19 and move["switched"] <= move["ended"]
    assert move["switched"] - move["started"] >= 99
    assert move["ended"] <= time.time() * 1000 and switchover["switched"] == move["switched"]
    assert s.control("/ctl/moves?since=%d" % move["id"]) == []
    assert s.control("/ctl/switchovers?after=1&wait=0.05") == []


def test_many_moves_by_one_request(rack):
    s = rack(4, 30)
    session = s.connect()
    watch = Watch(session, VirtualMachine=["runtime.host"])
    answers = s.control("/ctl/migrate", [{"vm": "m%d" % i, "host": "h%d" % (1 + i % 3), "queue": 0, "pre": 50, "run": 50}
                                         for i in range(30)] + [{"vm": "m0", "host": "h2"}, {"vm": "nobody", "host": "h1"}])
    assert all(a["id"] and a["task"] for a in answers[:30])
    assert "TaskInProgress" in answers[30]["error"] and "nobody" in answers[31]["error"]
    told = []
    while len(told) < 30:
        told += s.control("/ctl/switchovers?after=%d" % len(told))
    assert [t["seq"] for t in told] == list(range(1, 31)) and len({t["machine"] for t in told}) == 30
    watch.until(lambda o: all(p["runtime.host"].name != "h0" for p in o.values()))
    for move in s.control("/ctl/moves"):
        chain = [name for name, _ in events_in_order(session, move["chain"])]
        assert chain == ["TaskEvent", "VmBeingHotMigratedEvent", "VmEmigratingEvent", "VmMigratedEvent"]


@pytest.mark.parametrize("wrong", [{"vm": "m0", "host": "h1", "kind": "sideways"}, {"vm": "m0", "host": "h9"},
                                   {"vm": "m0", "host": "h1", "kind": "deploy", "name": "x"}, {"kind": "arrival"},
                                   {"vm": "m0", "host": "h1", "kind": "power-on"}, {"vm": "m0", "kind": "ha", "host": "h1"}])
def test_refused(rack, wrong):
    s = rack(2, 1)
    (answer,) = s.control("/ctl/migrate", [wrong])
    assert answer["error"] and s.control("/ctl/moves") == []


def test_silence_then_all_at_once(rack):
    s = rack(2, 8)
    session = s.connect()
    collector = events_of(session, "VmBeingHotMigratedEvent", "VmMigratedEvent")
    collector.SetCollectorPageSize(100)
    Spec = vmodl.query.PropertyCollector
    waits = session.content.propertyCollector.CreatePropertyCollector()
    waits.CreateFilter(Spec.FilterSpec(
        objectSet=[Spec.ObjectSpec(obj=collector)],
        propSet=[Spec.PropertySpec(type=vim.event.EventHistoryCollector, pathSet=["latestPage"])]), False)
    version = waits.WaitForUpdatesEx("", Spec.WaitOptions(maxWaitSeconds=0)).version

    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(waits.WaitForUpdatesEx, version, Spec.WaitOptions(maxWaitSeconds=1))
        s.until(lambda: s.control("/ctl/state?brief=1")["calls"].get("WaitForUpdatesEx", 0) >= 2)
        rule = s.control("/ctl/fault", {"kind": "hold", "call": "WaitForUpdatesEx"})["id"]
        s.control("/ctl/migrate", [{"vm": "m%d" % i, "host": "h1", "queue": 0, "pre": 10, "run": 10} for i in range(8)])
        s.until(lambda: all(m["outcome"] == "success" for m in s.control("/ctl/moves")))
        assert s.control("/ctl/state?brief=1")["answered"]["WaitForUpdatesEx"] == 1 and not waiting.done()
        s.control("/ctl/fault?id=%d" % rule, method="DELETE")
        page = waiting.result(20).filterSet[0].objectSet[0].changeSet[0].val
    assert len(page) == 16, "start and end of all eight"


def test_hold_ends_by_itself(rack):
    s = rack(2, 1)
    watch = Watch(s.connect(), VirtualMachine=["runtime.host"])
    start = time.monotonic()
    s.control("/ctl/fault", {"kind": "hold", "seconds": 0.5})
    s.control("/ctl/migrate?vm=m0&host=h1&queue=0&pre=0&run=0")
    watch.until(lambda o: [p["runtime.host"].name for p in o.values()] == ["h1"])
    assert time.monotonic() - start >= 0.49 and s.control("/ctl/fault") == []


def test_cut_line(rack):
    s = rack(2, 1)
    session = s.connect()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(session.content.propertyCollector.WaitForUpdatesEx, "",
                              vmodl.query.PropertyCollector.WaitOptions(maxWaitSeconds=0))
        waiting.result(20)
        version = waiting.result().version
        waiting = pool.submit(session.content.propertyCollector.WaitForUpdatesEx, version,
                              vmodl.query.PropertyCollector.WaitOptions(maxWaitSeconds=60))
        s.until(lambda: s.control("/ctl/state?brief=1")["calls"].get("WaitForUpdatesEx", 0) >= 2)
        rule = s.control("/ctl/fault", {"kind": "cut"})["id"]
        s.control("/ctl/migrate?vm=m0&host=h1&queue=0&pre=0&run=0")
        with pytest.raises(Exception):
            waiting.result(20)
    with pytest.raises(OSError):
        s.login()
    s.until(lambda: s.control("/ctl/moves")[0]["outcome"] == "success")
    s.control("/ctl/fault?id=%d" % rule, method="DELETE")
    assert s.login()[0] == 200
    assert find(session, vim.VirtualMachine, "m0").runtime.host.name == "h1", "sessions outlive the line"


def test_history_is_read_forth_and_back(rack):
    s = rack(2, 20)
    session = s.connect()
    collector = events_of(session, "VmBeingHotMigratedEvent")
    s.control("/ctl/migrate", [{"vm": "m%d" % i, "host": "h1", "queue": 0, "pre": 0, "run": 0} for i in range(20)])
    s.until(lambda: len(s.control("/ctl/switchovers?after=0")) == 20)
    assert len(collector.latestPage) == 10
    forth = [e.key for _ in range(4) for e in collector.ReadNextEvents(6)]
    assert len(forth) == 20 and forth == sorted(forth) and not collector.ReadNextEvents(6)
    back = [e.key for _ in range(4) for e in collector.ReadPreviousEvents(6)]
    assert back == forth[::-1]
    collector.ResetCollector()
    assert [e.key for e in collector.ReadNextEvents(100)] == forth[10:]
    collector.RewindCollector()
    assert [e.key for e in collector.ReadNextEvents(100)] == forth

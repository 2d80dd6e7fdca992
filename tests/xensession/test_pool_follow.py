"""A session with the lab's pool: reads everything, follows every change, in each generation of events."""
import pytest
from rack import everything, host_id, host_of, networks, rack
from vsnlab.until import until

RELEASES = ["5.6", "6.0", "6.2", "7.6", "8.2", "24.10"]
GENERATIONS = ["5.6", "6.0", "8.2"]


@pytest.mark.parametrize("release", RELEASES)
def test_everything_is_read(pool, follow, release):
    server = pool(rack(), release=release)
    session = follow(server, server.url_of("xs2")).until_state("connected")
    assert session.states[:3] == ["connecting", "syncing", "connected"] and session.syncs == 1
    state = session.session
    assert state["product"] == "XenServer" and state["version"].startswith(release) or release == "24.10"
    assert ("event.next" if release == "5.6" else "event.from") in state["api"] and "master 127.0.0.1" in state["api"]

    xs1, row = session.named("host", "xs1")
    assert row == {"name": "xs1", "connection": "connected", "maintenance": "no"}
    assert len(session.rows("host")) == 3
    nics = session.rows("nic", xs1)
    assert nics[xs1, "eth0"] == {"mac": "02:00:00:00:01:00", "link": "up"} and len(nics) == 3
    assert nics[xs1, "eth2"]["link"] == "down"

    uplinks = session.rows("uplink", xs1)
    bond, lone = uplinks[xs1, "eth0"]["vswitch"], uplinks[xs1, "eth2"]["vswitch"]
    assert uplinks == {(xs1, nic): {"vswitch": switch, "name": nic}
                       for nic, switch in (("eth0", bond), ("eth1", bond), ("eth2", lone))}
    assert session.rows("vswitch", xs1) == {(xs1, each): {"name": each, "kind": "bridge"} for each in (bond, lone)}
    seen = networks(session, "xs1")
    assert seen["blue & <green>"] == ("tagged", "100", bond)
    assert seen["storage"] == ("tagged", "200", bond)
    assert seen["plain"] == ("native", "", lone)
    assert seen["internal"][:2] == ("native", "") and seen["internal"][2] not in (bond, lone, "")
    assert "storage" not in networks(session, "xs2"), "there is no PIF for it on that host"

    vmknics = session.rows("vmknic", xs1)
    assert set(vmknics) == {(xs1, "bond0"), (xs1, "bond0.200")}
    assert vmknics[xs1, "bond0"]["mac"] == "02:00:00:00:01:00", "a bond has its first member's address"
    assert "mac" not in vmknics[xs1, "bond0.200"], "the placeholder of VLAN PIFs is nobody's address"

    assert {row["name"] for row in session.rows("machine").values()} == {"web1", "db \u2603 100%", "off1", "asleep"}
    web1, row = session.named("machine", "web1")
    assert row["power"] == "on" and row["host"] == xs1
    vifs = {row["mac"]: row["network"] for row in session.rows("vif", web1).values()}
    assert len(vifs) == 2 and session.rows("network")[xs1, vifs["02:00:00:00:10:01"]]["name"] == "blue & <green>"
    assert session.named("machine", "off1")[1]["power"] == "off" and host_of(session, "off1") == ""
    assert session.named("machine", "asleep")[1]["power"] == "suspended"
    assert not session.rows("move") and not session.unknown


def test_the_port_channel_of_a_bond(pool, follow):
    inventory = rack()
    inventory["hosts"][0]["bonds"][0]["mode"] = "lacp"
    inventory["hosts"][1]["bonds"][0]["mode"] = "active-backup"
    server = pool(inventory)
    session = follow(server).until_state("connected")
    lags = {name: {key[1]: row.get("lag") for key, row in session.rows("uplink", host_id(session, name)).items()}
            for name in ("xs1", "xs2", "xs3")}
    assert lags == {"xs1": {"eth0": "bond0", "eth1": "bond0", "eth2": None},
                    "xs2": {"eth0": None, "eth1": None, "eth2": None}, "xs3": {"eth0": None, "eth1": None, "eth2": None}}
    server.control("bond", {"host": "xs2", "device": "bond0", "mode": "lacp"})
    xs2 = host_id(session, "xs2")
    session.until("lag", lambda s: s.rows("uplink", xs2)[xs2, "eth1"].get("lag") == "bond0")


@pytest.mark.parametrize("release", GENERATIONS)
def test_networks_follow(pool, follow, release):
    server = pool(rack(), release=release)
    session = follow(server).until_state("connected")
    server.control("network", {"name": "new", "vlan": 300, "device": "bond0"})
    session.until("added", lambda s: networks(s, "xs3").get("new", ("",))[:2] == ("tagged", "300"))
    trunk = networks(session, "xs3")["blue & <green>"][2]
    assert networks(session, "xs1")["new"][2] == trunk
    server.control("vlan", {"network": "new", "tag": 301})
    session.until("changed", lambda s: all(networks(s, each)["new"][:2] == ("tagged", "301") for each in ("xs1", "xs2", "xs3")))
    server.control("vlan", {"network": "new", "host": "xs2"})
    session.until("gone from one host", lambda s: "new" not in networks(s, "xs2"))
    assert networks(session, "xs1")["new"][1] == "301"
    assert session.syncs == 1 and not session.unknown


@pytest.mark.parametrize("release", GENERATIONS)
def test_machines_follow(pool, follow, release):
    server = pool(rack(), release=release)
    session = follow(server).until_state("connected")
    server.control("machine", {"name": "new", "host": "xs3", "networks": ["plain"], "power": "on"})
    session.until("made", lambda s: any(row.get("name") == "new" for row in s.rows("machine").values()))
    new = session.named("machine", "new")[0]
    session.until("plugged", lambda s: len(s.rows("vif", new)) == 1)
    assert host_of(session, "new") == "xs3"
    server.control("power", vm="new", do="shutdown")
    session.until("off", lambda s: s.named("machine", "new")[1]["power"] == "off" and host_of(s, "new") == "")
    server.control("machine", drop="new")
    session.until("gone", lambda s: ("", new) not in s.rows("machine") and not s.rows("vif", new))
    assert session.syncs == 1


@pytest.mark.parametrize("release", ["5.6", "8.2"])
def test_hosts_follow(pool, follow, release):
    server = pool(rack(), release=release)
    session = follow(server, hint_interval_s=1).until_state("connected")
    server.control("enable", host="xs2", on=0)
    session.until("maintenance", lambda s: s.named("host", "xs2")[1]["maintenance"] == "yes")
    server.control("pif", {"host": "xs2", "device": "eth2", "mac": "02:00:00:00:02:77"})
    xs2 = host_id(session, "xs2")
    session.until("another card", lambda s: s.rows("nic", xs2)[xs2, "eth2"]["mac"] == "02:00:00:00:02:77")
    server.control("crash", host="xs3")
    session.until("not responding", lambda s: s.named("host", "xs3")[1]["connection"] == "not-responding", 30)
    assert session.session["state"] == "connected"


def test_virtual_functions_and_tunnels(pool, follow):
    inventory = rack(networks=[{"name": "overlay", "tunnel": True, "device": "eth2"}], machines=[])
    for host in inventory["hosts"]:
        host.pop("interfaces", None)
    inventory["hosts"][0]["pifs"][2]["sriov"] = True
    server = pool(inventory)
    session = follow(server).until_state("connected")
    xs1 = host_id(session, "xs1")
    assert set(session.rows("nic", xs1)) == {(xs1, f"eth{i}") for i in range(3)}
    assert "fe:ff:ff:ff:ff:ff" not in "".join(session.lines)
    assert not session.unknown and len(session.rows("vswitch", xs1)) == 2
    assert networks(session, "xs2")["overlay"][0] == "native"


def test_logs_out(pool, follow):
    server = pool(rack())
    session = follow(server).until_state("connected")
    assert session.close() == 0
    state = server.state(brief=True)
    assert state["logins"] == 1 and state["logouts"] == 1, state
    assert not any(member["sessions"] for member in state["members"])


def test_a_flood_of_events(pool, follow):
    """More than the queue of 5.6 holds: EVENTS_LOST, everything is read again, and nothing is removed meanwhile."""
    server = pool(rack(), release="5.6")
    session = follow(server).until_state("connected")
    before = everything(session)
    server.fault("stall", "event.next", 1, seconds=2)
    server.control("churn", {"class": "VM", "count": 1})
    server.control("churn", {"class": "VM", "count": 2000})
    session.until("read again", lambda s: s.syncs == 2 and s.session["state"] == "connected", 30)
    assert any("EVENTS_LOST" in line for line in session.lines) and everything(session) == before
    server.control("machine", {"name": "new", "networks": [], "power": "off"})
    session.until("still followed", lambda s: any(row["name"] == "new" for row in s.rows("machine").values()))
    until("one session is left", lambda: server.state(brief=True)["sessions"] == 1)


def test_objects_that_events_never_tell(pool, follow):
    """valid_ref_counts differ for good: one more full read, then it is taken as the server's way of counting."""
    server = pool(rack())
    session = follow(server).until_state("connected")
    before = everything(session)
    server.control("unstored", {"class": "VIF"})
    server.control("machine", {"name": "new", "networks": [], "power": "off"})
    session.until("followed", lambda s: any(row["name"] == "new" for row in s.rows("machine").values()))
    session.turn(1)
    assert session.session["state"] == "connected"
    assert {key: row for key, row in session.rows("vif").items()} == before["vif"]


def test_metrics_and_the_probe_of_events(pool, follow):
    server = pool(rack())
    session = follow(server, hint_interval_s=1).until_state("connected")
    until("probes", lambda: server.state(brief=True)["calls"].get("event.inject", 0) >= 3, 15)
    assert session.turn(0.5) and session.session["state"] == "connected"


def test_a_move_right_after_a_flood(pool, follow):
    """Two full reads are seconds apart. A machine that moves between the loss of events and the next full read is told before
    it is there."""
    server = pool(rack(), "-t-copy", "60s", release="5.6")
    session = follow(server).until_state("connected")
    server.fault("stall", "event.next", 1, seconds=1)
    server.control("churn", {"class": "VM", "count": 1})
    server.control("churn", {"class": "VM", "count": 2000})
    session.until("the loss is told", lambda s: any("EVENTS_LOST" in line for line in s.lines))
    server.migrate("web1", "xs3")
    session.until("the move is told", lambda s: any(row.get("to") == host_id(s, "xs3") for row in s.rows("move").values()))
    assert session.syncs == 1, "before everything was read again"
    session.until("read again", lambda s: s.syncs == 2 and s.session["state"] == "connected", 30)
    assert any(row.get("to") == host_id(session, "xs3") for row in session.rows("move").values())

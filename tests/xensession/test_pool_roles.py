"""Which member a session talks to, and what it keeps when that changes."""
import pytest
from rack import everything, host_of, rack
from vsnlab.until import until


def master(session):
    return session.session.get("api", "").rpartition(" ")[2]


def until_master(session, address, syncs=2, seconds=40):
    return session.until(f"connected with {address}", lambda s: s.session.get("state") == "connected" and
                         master(s) == address and s.syncs >= syncs, seconds)


def assert_kept(session, before):
    """Nothing was told gone, and all is there again."""
    assert not [line for line in session.lines if line.startswith("gone ") and " move " not in line]
    now = everything(session)
    for table in "nic", "uplink", "network", "machine", "vif":
        assert now[table] == before[table], table


@pytest.mark.parametrize("release", ["5.6", "8.2"])
def test_another_master_in_order(pool, follow, release):
    server = pool(rack(), release=release)
    session = follow(server).until_state("connected")
    before = everything(session)
    server.control("designate", host="xs2")
    session.until_state("stale", "syncing", seconds=20)
    until_master(session, "127.0.0.2")
    assert_kept(session, before)
    server.migrate("web1", "xs3")
    session.until("followed", lambda s: host_of(s, "web1") == "xs3")


@pytest.mark.parametrize("how", ["reset", "refuse"])
def test_the_master_dies(pool, follow, how):
    """Its slaves name it for a while, then know nothing, then one of them is the master."""
    server = pool(rack())
    session = follow(server, server.url_of("xs3")).until_state("connected")
    before = everything(session)
    server.control("crash", how=how, notice=1)
    session.until_state("stale", seconds=20)
    until("the slaves have seen it", lambda: all(member["role"] != "slave" for member in server.state()["members"]), 20)
    session.turn(1.5)
    assert session.session["state"] == "stale" and session.session["reason"]
    server.control("promote", host="xs2")
    until_master(session, "127.0.0.2")
    assert_kept(session, before)


def test_a_master_that_falls_silent(pool, follow):
    server = pool(rack())
    session = follow(server, hint_interval_s=1).until_state("connected")
    before = everything(session)
    server.control("crash", how="silent", notice=0)
    server.control("promote", host="xs2")
    until_master(session, "127.0.0.2", seconds=110)
    assert_kept(session, before)


def test_events_of_a_master_that_was_restored(pool, follow):
    """The new master's database is older than the old one's: a token of before would be silent for ever."""
    server = pool(rack())
    session = follow(server).until_state("connected")
    server.control("churn", {"class": "VM", "count": 200})
    session.turn(0.5)
    server.control("crash", notice=0)
    server.control("promote", host="xs2", rewind=100)
    until_master(session, "127.0.0.2")
    server.migrate("web1", "xs3")
    session.until("followed", lambda s: host_of(s, "web1") == "xs3")


def test_the_tool_stack_restarts(pool, follow):
    """Its sessions are gone; the master is the same, and is not left."""
    server = pool(rack())
    session = follow(server).until_state("connected")
    before = everything(session)
    server.control("restart")
    until_master(session, "127.0.0.1")
    assert_kept(session, before)
    redirected = sum(member.get("redirected", 0) for member in server.state()["members"])
    assert redirected == 0


def test_sessions_are_ended(pool, follow):
    server = pool(rack())
    session = follow(server).until_state("connected")
    server.control("drop")
    until_master(session, "127.0.0.1")
    assert any("ended the session" in line.replace("%20", " ") for line in session.lines)


def test_a_lost_connection_leaves_no_session(pool, follow):
    server = pool(rack())
    session = follow(server).until_state("connected")
    server.fault("truncate", "event.from", 1, bytes=100)
    server.control("churn", {"class": "VM", "count": 1})
    until_master(session, "127.0.0.1", seconds=60)
    until("one session", lambda: server.state()["members"][0]["sessions"] == 1, 5)


def test_a_redirect_to_a_stranger_is_refused(pool, follow):
    server = pool(rack())
    session = follow(server).until_state("connected")
    server.fault("failure", "", 0, host="xs1", code="HOST_IS_SLAVE", parameters=["127.0.0.99"])
    session.until("refused", lambda s: s.session["state"] == "stale" and "no member of the pool" in s.session["reason"], 20)
    server.clear_faults()
    until_master(session, "127.0.0.1", seconds=60)


def test_members_that_name_each_other(pool, follow):
    server = pool(rack())
    server.fault("failure", "session.login_with_password", 0, host="xs1", code="HOST_IS_SLAVE", parameters=["127.0.0.2"])
    session = follow(server)
    session.until("given up for now", lambda s: "name each other" in s.session.get("reason", ""))
    assert server.state()["calls"]["session.login_with_password"] <= 12
    server.clear_faults()
    session.until_state("connected", seconds=30)


@pytest.mark.parametrize("name", ["127.0.0.1/evil", "user@127.0.0.2", "127.0.0.2:1", "", "127.0.0.2 x"])
def test_a_redirect_to_no_address(pool, follow, name):
    server = pool(rack())
    server.fault("failure", "session.login_with_password", 0, code="HOST_IS_SLAVE", parameters=[name])
    session = follow(server)
    session.until("refused", lambda s: "no address" in s.session.get("reason", "") and s.session["state"] == "connecting")


def test_a_master_that_is_starting(pool, follow):
    server = pool(rack())
    server.control("role", host="xs1", role="emergency", code="HOST_STILL_BOOTING")
    session = follow(server)
    session.until("later", lambda s: "HOST_STILL_BOOTING" in s.session.get("reason", ""))
    assert session.session["state"] == "connecting"
    server.control("role", host="xs1", role="master")
    session.until_state("connected", seconds=30)

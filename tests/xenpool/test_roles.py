"""Masters that go, in order and not, and what every host says meanwhile."""
import socket
import ssl

import pytest

from clients import ask, connection, login, logged_in, post, call
from test_events import Waiting, events, machine, value
from vsnlab.until import until


def says(pool, host):
    """What a login at that host brings: an error's words, "in", or how the connection failed."""
    try:
        answer = ask(pool, "session.login_with_password", "root", "secret", host=host)
    except (OSError, ssl.SSLError) as error:
        return type(error).__name__
    return "in" if answer["Status"] == "Success" else answer["ErrorDescription"]


def address(pool, host):
    return next(each["address"] for each in pool.state(brief=True)["members"] if each["name"] == host)


def slave_of(pool, host):
    return ["HOST_IS_SLAVE", address(pool, host)]


def role(pool, host):
    return next(each["role"] for each in pool.state(brief=True)["members"] if each["name"] == host)


def test_another_master_in_order(pool):
    session = login(pool)
    pool.control("designate", host="xs2")
    until("nobody answers as the master", lambda: says(pool, "xs1") == "ConnectionRefusedError")
    until("xs2 is the master", lambda: role(pool, "xs2") == "master")
    assert says(pool, "xs2") == "in"
    assert says(pool, "xs1") == says(pool, "xs3") == slave_of(pool, "xs2")
    for host in ("xs1", "xs2"):
        assert ask(pool, "pool.get_all", session, host=host)["ErrorDescription"] == ["SESSION_INVALID", session]
    new = logged_in(pool, "xs2")
    assert new.xenapi.host.get_name_label(new.xenapi.pool.get_master(new.xenapi.pool.get_all()[0])) == "xs2"


def test_the_call_for_another_master_is_answered(pool):
    session = login(pool)
    xs2 = next(each["ref"] for each in pool.state()["members"] if each["name"] == "xs2")
    assert ask(pool, "pool.designate_new_master", session, xs2)["Status"] == "Success"
    until("xs2 is the master", lambda: role(pool, "xs2") == "master")


def test_waits_end_when_the_master_goes(pool):
    session = login(pool)
    value(pool, "event.register", session, ["vm"])
    link = connection(pool)
    link.request("POST", "/", call("event.next", session))
    until("it waits", lambda: pool.state(brief=True)["calls"].get("event.next"))
    pool.control("crash", how="reset")
    with pytest.raises((ConnectionError, ssl.SSLError, OSError)):
        link.getresponse()


@pytest.mark.parametrize("how, error", [("reset", "ConnectionRefusedError"), ("refuse", "ConnectionRefusedError"),
                                        ("silent", "TimeoutError")])
def test_a_master_dies(start, how, error):
    """Its slaves name it until they notice, then they know none, then there is another."""
    pool = start("8.2", "-t-notice", "60s")
    pool.control("crash", host="xs1", how=how)
    with pytest.raises((OSError, ssl.SSLError)) as failed:
        socket.create_connection((address(pool, "xs1"), pool.port), timeout=0.5).close()
    assert type(failed.value).__name__ == error
    assert says(pool, "xs2") == slave_of(pool, "xs1"), "it has not noticed"
    pool.control("role", host="xs2", role="emergency")
    pool.control("role", host="xs3", role="emergency")
    assert says(pool, "xs2") == says(pool, "xs3") == ["HOST_STILL_BOOTING"]
    pool.control("promote", host="xs3")
    until("xs2 has learnt it", lambda: says(pool, "xs2") == slave_of(pool, "xs3"))
    assert says(pool, "xs3") == "in"
    pool.control("revive", host="xs1")
    assert says(pool, "xs1") == slave_of(pool, "xs3")


def test_slaves_notice_by_themselves(pool):
    pool.control("crash", host="xs1", notice="0.1")
    until("both know no master", lambda: says(pool, "xs2") == says(pool, "xs3") == ["HOST_STILL_BOOTING"])


def test_a_silent_master_keeps_its_connections(pool):
    session, link = login(pool), connection(pool, timeout=0.5)
    assert post(pool, call("pool.get_all", session), over=link).value["Status"] == "Success"
    pool.control("crash", host="xs1", how="silent", notice=60)
    with pytest.raises(TimeoutError):
        post(pool, call("pool.get_all", session), over=link)
    pool.control("revive", host="xs1", role="master")
    assert says(pool, "xs1") == "in"


def test_a_slave_can_be_promoted_that_tells_nobody(pool):
    pool.control("crash", host="xs1", notice=60)
    pool.control("promote", host="xs2", recover=0)
    until("xs2 is the master", lambda: role(pool, "xs2") == "master")
    assert says(pool, "xs3") == slave_of(pool, "xs1")
    assert pool.control("recover")["hosts"] == ["xs3"]
    assert says(pool, "xs3") == slave_of(pool, "xs2")


def test_two_masters(pool):
    """One that comes back does not know that it is none any more."""
    pool.control("crash", host="xs1", notice=60)
    pool.control("promote", host="xs2")
    until("xs2 is the master", lambda: role(pool, "xs2") == "master")
    pool.control("revive", host="xs1", role="master")
    assert says(pool, "xs1") == says(pool, "xs2") == "in"


def test_a_backup_is_older(start):
    """What the dead master wrote last is not in the new one's generations: old tokens are of the future."""
    pool = start("8.2")
    old = events(pool, login(pool), ["vm"], "")["token"]
    pool.control("crash", host="xs1", notice=60)
    pool.control("promote", host="xs2", rewind=100)
    until("xs2 is the master", lambda: role(pool, "xs2") == "master")
    answer = ask(pool, "session.login_with_password", "root", "secret", host="xs2")["Value"]
    told = ask(pool, "event.from", answer, ["vm"], old, 0.0, host="xs2")["Value"]
    assert (told["events"], told["token"]) == ([], old)


def test_a_restart_ends_what_is_under_way(start):
    pool = start("8.2", "-t-copy", "60s")
    session, task = login(pool), pool.migrate("web1", "xs2")
    until("it is under way", lambda: pool.state()["machines"][0]["coming"] == "xs2")
    pool.control("restart", host="xs1")
    until("it is back", lambda: says(pool, "xs1") == "in")
    web1 = next(row for row in pool.state()["machines"] if row["name"] == "web1")
    assert (web1["host"], web1["coming"], web1["operations"]) == ("xs1", None, [])
    assert pool.task(task)["status"] == "pending" and pool.state()["jobs"] == []
    assert ask(pool, "pool.get_all", session)["ErrorDescription"] == ["SESSION_INVALID", session]


def test_a_dead_slave_is_no_destination(pool):
    pool.control("crash", host="xs2")
    session, web1 = login(pool), machine(pool)
    xs2 = next(each["ref"] for each in pool.state()["members"] if each["name"] == "xs2")
    assert ask(pool, "VM.pool_migrate", session, web1, xs2, {})["ErrorDescription"] == ["HOST_OFFLINE", xs2]
    metrics = value(pool, "host.get_metrics", session, xs2)
    assert value(pool, "host_metrics.get_live", session, metrics) is False
    pool.control("revive", host="xs2")
    assert value(pool, "host_metrics.get_live", session, metrics) is True


def test_other_emergencies(pool):
    for code in ("HOST_HAS_NO_MANAGEMENT_IP", "HOST_ITS_OWN_SLAVE", "HOST_UNKNOWN_TO_MASTER", "HOST_BROKEN"):
        pool.control("role", host="xs3", role="emergency", code=code)
        assert says(pool, "xs3") == [code]


def test_a_redirect_to_anywhere(pool):
    pool.control("role", host="xs3", role="slave", names="192.0.2.99")
    assert says(pool, "xs3") == ["HOST_IS_SLAVE", "192.0.2.99"]


def test_a_wait_survives_nothing(start):
    pool = start("8.2", "-late", "20s")
    session = login(pool)
    token = events(pool, session, ["vm"], "")["token"]
    waiting = Waiting(pool, "event.from", session, ["vm"], token, 30.0)
    until("it waits", lambda: pool.state(brief=True)["calls"]["event.from"] == 2)
    pool.control("restart", host="xs1")
    assert isinstance(waiting.answer(), OSError)


def test_the_pool_comes_back_with_the_same_references(pool):
    before, port = pool.state(), pool.port
    pool.kill()
    pool.start(port)
    after = pool.state()
    assert pool.port == port
    assert [each["ref"] for each in after["machines"] + after["members"]] == \
        [each["ref"] for each in before["machines"] + before["members"]]

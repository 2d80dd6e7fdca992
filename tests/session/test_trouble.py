"""A session with a server that is away, ends sessions, lies, or is not who it should be."""
import copy
import hashlib
import ssl

import pytest
from test_follow import WORLD
from vsnlab.until import until


def counts(server):
    return server.control("state", brief=1)


def machines(session):
    return {row["name"] for row in session.rows("machine").values()}


def everything(session):
    return copy.deepcopy({table: session.rows(table) for table in session.tables if table != "session"})


def assert_kept(session, before):
    assert everything(session) == before, "rows were lost"


def test_wrong_password_is_tried_once(vcenter, follow):
    server = vcenter(WORLD)
    session = follow(server, password="wrong").until_state("held")
    assert "password" in session.session["reason"]
    session.turn(2)         # time enough for a second try, which must not come
    state = counts(server)
    assert state["logins"] == 0 and state["calls"]["Login"] == 1, state
    with open(session.password_file, "w") as file:
        file.write("secret")
    session.send_target()
    session.until_state("connected")


def test_no_password_file(vcenter, follow):
    session = follow(vcenter(WORLD), password_file="/nonexistent/password").until_state("held")
    assert "/nonexistent/password" in session.session["reason"]


def test_secret_is_nowhere(vcenter, follow):
    secret = "canary-7f3a-password"
    server = vcenter(WORLD, "-password", secret)
    session = follow(server, password=secret).until_state("connected")
    pid = session.process.pid
    for name in "cmdline", "environ":
        with open(f"/proc/{pid}/{name}", "rb") as file:
            assert secret.encode() not in file.read()
    assert secret not in session.log and not any(secret in line for line in session.lines)


def fingerprint(server):
    with open(server.certificate) as file:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read())).hexdigest()


def test_certificate_of_nobody_we_know(vcenter, follow):
    server = vcenter(WORLD)
    session = follow(server, ca_file="").until_state("held")
    assert "not trusted" in session.session["reason"] and fingerprint(server) in session.session["reason"]
    assert "Login" not in counts(server)["calls"]


def test_certificate_for_another_name(vcenter, follow):
    server = vcenter(WORLD)
    session = follow(server, url=server.url.replace("127.0.0.1", "other.localhost")).until_state("held")
    assert "other.localhost" in session.session["reason"] and "Login" not in counts(server)["calls"]


def test_fingerprint(vcenter, follow):
    server = vcenter(WORLD)
    right = fingerprint(server)
    follow(server, ca_file="", fingerprint=right).until_state("connected")
    wrong = "00" * 32
    session = follow(server, ca_file="", fingerprint=wrong).until_state("held")
    assert right in session.session["reason"] and wrong in session.session["reason"]
    both = follow(server, fingerprint=wrong).until_state("held")
    assert right in both.session["reason"]
    assert counts(server)["logins"] == 1


def test_certificate_that_changes(vcenter, follow):
    server = vcenter(WORLD)
    old = fingerprint(server)
    session = follow(server, ca_file="", fingerprint=old).until_state("connected")
    before, port = everything(session), server.port
    server.stop()
    server.certificate = None       # start() makes another
    server.start(port)
    new = fingerprint(server)
    session.until_state("held", seconds=30)
    assert old in session.session["reason"] and new in session.session["reason"]
    assert_kept(session, before)
    assert counts(server)["logins"] == 0
    session.send_target(fingerprint=":".join(new[i:i + 2].upper() for i in range(0, 64, 2)))
    session.until_state("connected")


def test_nobody_there(vcenter, follow):
    session = follow(vcenter(WORLD), url="https://127.0.0.1:1/sdk").until("a reason", lambda s: s.session.get("reason"))
    assert "connect" in session.session["reason"] and session.session["state"] == "connecting"
    assert session.close() == 0


def test_only_https(vcenter, follow):
    server = vcenter(WORLD)
    session = follow(server, url="http://127.0.0.1:1/sdk").until_state("held")
    assert "https://" in session.session["reason"]


@pytest.mark.parametrize("kind", ["drop", "not-authenticated", "hollow-session"])
def test_session_ends(vcenter, follow, kind):
    server = vcenter(WORLD)
    session = follow(server).until_state("connected")
    before = everything(session)
    if kind == "drop":
        server.control("drop", method="POST")
    else:
        server.fault(kind, call="WaitForUpdatesEx", count=1)
        server.control("host", host="esx2", state="notResponding")      # ends the wait
        server.control("host", host="esx2", state="connected")
    session.until_state("stale")
    assert_kept(session, before)
    session.until("read again", lambda s: s.syncs == 2).until_state("connected")
    assert_kept(session, before)
    assert counts(server)["logins"] == 2


def test_hollow_first_read(vcenter, follow):
    """Every property missing, NotAuthenticated, HTTP 200: nothing of it may be taken for an empty world."""
    server = vcenter(WORLD)
    session = follow(server).until_state("connected")
    before = everything(session)
    server.fault("hollow-session", count=0)
    server.control("drop", method="POST")
    session.until_state("stale")
    session.until("another try", lambda s: s.states.count("syncing") >= 3, 30)
    assert_kept(session, before)
    server.clear_faults()
    session.until("read again", lambda s: s.syncs == 2, 30)
    assert_kept(session, before)


def test_empty_answer_is_told_as_such(vcenter, follow):
    server = vcenter(WORLD)
    server.fault("empty-inventory")
    session = follow(server).until_state("connected")
    assert session.syncs == 1 and not session.rows("host") and not session.rows("machine")
    server.clear_faults()
    session.until("the world", lambda s: len(s.rows("machine")) == 2)


def test_crash_and_return(vcenter, follow):
    server = vcenter(WORLD)
    session = follow(server).until_state("connected")
    before = everything(session)
    port = server.port
    server.kill()
    session.until_state("stale")
    assert_kept(session, before)
    server.start(port)
    session.until("read again", lambda s: s.syncs == 2, 30).until_state("connected")
    assert machines(session) == {"web1", "db \u2603 100%"}


# The wait for the inventory asks for pieces, the wait for events and tasks does not.
INVENTORY = "<maxObjectUpdates>"


@pytest.mark.parametrize("fault", [
    {"kind": "status", "status": 503}, {"kind": "close", "count": 8}, {"kind": "truncate", "bytes": 300},
    {"kind": "truncate", "bytes": 300, "form": "clean"}, {"kind": "garbage", "bytes": 100000},
    {"kind": "garbage", "form": "html"}, {"kind": "huge", "mb": 30}], ids=lambda f: "-".join(map(str, f.values())))
def test_bad_reply_changes_nothing(vcenter, follow, fault):
    server = vcenter(WORLD)
    session = follow(server).until_state("connected")
    before = everything(session)
    server.fault(**{"call": "WaitForUpdatesEx", "count": 1, "asks": INVENTORY, **fault})
    server.control("host", host="esx2", state="disconnected")       # ends the wait that is under way,
    session.until("news", lambda s: everything(s) != before or "stale" in s.states)
    server.control("host", host="esx2", state="connected")          # and this the one with the fault
    session.until("in trouble, and back", lambda s: s.syncs == 2, 30).until_state("connected")
    assert "stale" in session.states
    assert_kept(session, before)
    assert session.rss_kb() < 60000


@pytest.mark.parametrize("call", ["RetrieveServiceContent", "Login", "CreateContainerView", "RetrievePropertiesEx",
                                  "CreateFilter", "WaitForUpdatesEx", "CreatePropertyCollector"])
@pytest.mark.parametrize("kind", ["close", "garbage"])
def test_bad_reply_to_any_call(vcenter, follow, call, kind):
    server = vcenter(WORLD)
    server.fault(kind, call=call, count=1)
    session = follow(server).until_state("connected", seconds=30)
    assert machines(session) == {"web1", "db \u2603 100%"} and session.syncs == 1
    assert session.close() == 0
    state = counts(server)
    assert state["sessions"] <= (1 if call == "Login" else 0), state       # whose cookie never came


@pytest.mark.parametrize("call", ["RetrievePropertiesEx", "WaitForUpdatesEx"])
def test_endless_reply(vcenter, follow, call):
    """Objects without end, once where they are asked for, once where they are no part of the answer."""
    server = vcenter(WORLD)
    server.fault("endless", call=call, count=1)
    session = follow(server).until("it is cut off", lambda s: s.states.count("connecting") == 2, 60)
    reason = session.session["reason"]
    assert "than can be held" in reason or "larger than" in reason or "too many" in reason
    assert session.rss_kb() < 100000 and session.syncs == 0
    session.until_state("connected")
    assert machines(session) == {"web1", "db \u2603 100%"}


def test_ends_while_it_connects(vcenter, follow):
    server = vcenter(WORLD)
    server.fault("stall", call="Login", count=1, seconds=30)
    session = follow(server).until_state("connecting")
    until("it logs in", lambda: counts(server)["calls"].get("Login"))
    assert session.close(timeout=8) == 0


def test_is_confined(vcenter, follow):
    session = follow(vcenter(WORLD)).until_state("connected")
    with open(f"/proc/{session.process.pid}/status") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    with open(f"/proc/{session.process.pid}/limits") as file:
        assert any(line.split()[:5] == ["Max", "core", "file", "size", "0"] for line in file)


def test_owner_that_does_not_read(vcenter, follow):
    """While vsnd takes nothing, replies wait: memory stays small, and the end still comes at once."""
    server = vcenter(WORLD)
    server.fault("endless", call="RetrievePropertiesEx", count=1)
    session = follow(server).until_state("syncing")
    sizes = []
    until("it stands still", lambda: sizes.append(session.rss_kb()) or len(set(sizes[-10:])) == 1 < len(sizes) / 10,
          timeout=30, every=0.1)
    assert sizes[-1] < 40000
    session.until("it goes on", lambda s: len(s.lines) > 20000)
    assert session.close(timeout=8) == 0

"""Both generations of events, and where they lose, merge, repeat or keep silent."""
import threading
import time

import pytest

from clients import ask, connection, login
from vsnlab.until import until


def value(pool, method, *arguments, **where):
    answer = ask(pool, method, *arguments, **where)
    assert answer["Status"] == "Success", answer
    return answer["Value"]


def failure(pool, method, *arguments):
    return ask(pool, method, *arguments)["ErrorDescription"]


def events(pool, session, names, token, timeout=0.0):
    return value(pool, "event.from", session, names, token, timeout)


def machine(pool, name="web1"):
    return next(row["ref"] for row in pool.state()["machines"] if row["name"] == name)


class Waiting:
    """A call that blocks, in a thread of its own."""

    def __init__(self, *words):
        self._answer = None
        self._thread = threading.Thread(target=self._run, args=words, daemon=True)
        self._thread.start()

    def _run(self, *words):
        try:
            self._answer = ask(*words)
        except OSError as error:
            self._answer = error

    def answer(self):
        """Or the error that ended the connection."""
        self._thread.join(10)
        assert self._answer, "still waiting"
        return self._answer

    @property
    def blocked(self):
        return self._thread.is_alive()


def asked(pool, method):
    until(f"{method} is asked", lambda: pool.state(brief=True)["calls"].get(method))


# event.next

def test_next_needs_a_registration(pool):
    session = login(pool)
    code, text = failure(pool, "event.next", session)
    assert code == "SESSION_NOT_REGISTERED" and text.startswith("trackid=")


def test_next_waits_and_tells_each_write(pool):
    session, web1 = login(pool), machine(pool)
    value(pool, "event.register", session, ["VM"])
    waiting = Waiting(pool, "event.next", session)
    asked(pool, "event.next")
    assert waiting.blocked
    for label in ("a", "b"):
        value(pool, "VM.set_name_label", session, web1, label)
    seen = waiting.answer()["Value"]
    while len(seen) < 2:
        seen += value(pool, "event.next", session)
    assert [event["snapshot"]["name_label"] for event in seen] == ["a", "b"]
    assert [int(event["id"]) for event in seen] == [0, 1]
    assert {(event["class"], event["operation"], event["ref"]) for event in seen} == {("vm", "mod", web1)}


def test_only_what_somebody_registered_for_is_kept(pool):
    session, web1 = login(pool), machine(pool)
    value(pool, "event.register", session, [])
    value(pool, "VM.set_name_label", session, web1, "a")
    assert value(pool, "event.get_current_id", session) == "0"
    value(pool, "event.register", session, ["*"])
    value(pool, "VM.set_name_label", session, web1, "b")
    assert value(pool, "event.get_current_id", session) == "1"
    value(pool, "event.unregister", session, ["*"])
    value(pool, "VM.set_name_label", session, web1, "c")
    assert value(pool, "event.get_current_id", session) == "1"


@pytest.mark.parametrize("release, count", [("5.6", 500), ("8.2", 1666)])
def test_who_reads_too_slowly_is_told_once(start, release, count):
    pool = start(release)
    session = login(pool)
    value(pool, "event.register", session, ["vm"])
    pool.control("churn", **{"class": "VM", "count": count})
    assert len(value(pool, "event.next", session)) == count
    pool.control("churn", **{"class": "VM", "count": count + 1})
    assert failure(pool, "event.next", session) == ["EVENTS_LOST"]
    pool.control("churn", **{"class": "VM", "count": 1})
    assert len(value(pool, "event.next", session)) == 1, "it goes on from now"


@pytest.mark.parametrize("shown", ["yes", "no"])
def test_next_tells_what_went(start, shown):
    pool = start("5.6", "-del-snapshot", shown)
    session = login(pool)
    value(pool, "event.register", session, ["network"])
    network = value(pool, "network.create", session, {"name_label": "brief"})
    value(pool, "network.destroy", session, network)
    seen = []
    while not any(event["operation"] == "del" for event in seen):
        seen += value(pool, "event.next", session)
    assert [(event["operation"], event["ref"]) for event in seen] == [("add", network), ("del", network)]
    assert ("snapshot" in seen[-1]) == (shown == "yes")


def test_logout_ends_a_wait(pool):
    session = login(pool)
    value(pool, "event.register", session, ["vm"])
    waiting = Waiting(pool, "event.next", session)
    asked(pool, "event.next")
    value(pool, "session.logout", session)
    assert waiting.answer()["ErrorDescription"] == ["SESSION_INVALID", session]


def test_the_heartbeat_is_an_event_about_the_pool(start):
    pool = start("5.6", "-heartbeat", "100ms")
    session = login(pool)
    value(pool, "event.register", session, ["pool"])
    (first, *_) = value(pool, "event.next", session)
    assert (first["class"], first["operation"]) == ("pool", "mod")


# event.from

@pytest.fixture
def new(start):
    return start("8.2")


def test_from_the_beginning_tells_all_that_is(new):
    session = login(new)
    first = events(new, session, ["*"], "")
    kinds = {}
    for event in first["events"]:
        kinds[event["class"]] = kinds.get(event["class"], 0) + 1
    counts = {kind: int(count) for kind, count in first["valid_ref_counts"].items()}
    assert kinds == {kind: count for kind, count in counts.items() if count and kind != "session"}
    assert counts["session"] == 1 and counts["vbd"] == 0
    host = [event["operation"] for event in first["events"] if event["class"] == "host"]
    assert sorted(host) == ["add", "add", "mod"], "the first host is older than its database's memory"


def test_only_the_last_state_is_told(new):
    session, web1 = login(new), machine(new)
    token = events(new, session, ["vm"], "")["token"]
    for label in ("a", "b", "c"):
        value(new, "VM.set_name_label", session, web1, label)
    gone = value(new, "task.create", session, "brief", "")
    value(new, "task.destroy", session, gone)
    answer = events(new, session, ["vm", "task"], token)
    assert [(event["operation"], event["snapshot"]["name_label"]) for event in answer["events"]] == [("mod", "c")]
    assert answer["events"][0]["id"] == str(int(answer["token"].split(",")[0]) - 2), "the generation of its last write"
    assert events(new, session, ["vm", "task"], answer["token"])["events"] == []


def test_adds_then_mods_then_dels(new):
    session, web1 = login(new), machine(new)
    old = value(new, "task.create", session, "old", "")
    token = events(new, session, ["task", "vm"], "")["token"]
    value(new, "task.destroy", session, old)
    value(new, "VM.set_name_label", session, web1, "a")
    value(new, "task.create", session, "new", "")
    told = events(new, session, ["vm", "task"], token)["events"]
    assert [(event["class"], event["operation"]) for event in told] == [("task", "add"), ("vm", "mod"), ("task", "del")]
    assert "snapshot" not in told[-1]


def test_one_object_can_be_watched(new):
    session, web1, web2 = login(new), machine(new), machine(new, "web2")
    token = events(new, session, [f"VM/{web1}"], "")["token"]
    value(new, "VM.set_name_label", session, web2, "x")
    assert events(new, session, [f"VM/{web1}"], token)["events"] == []
    value(new, "VM.set_name_label", session, web1, "x")
    assert [event["ref"] for event in events(new, session, [f"VM/{web1}"], token)["events"]] == [web1]


def test_deletes_are_forgotten_and_the_counts_tell(new):
    """The last 512 of a class are remembered; nobody is told that some are missing."""
    session, link = login(new), connection(new)
    tasks = [value(new, "task.create", session, "t", "", over=link) for _ in range(515)]
    before = events(new, session, ["task"], "")
    assert before["valid_ref_counts"]["task"] == 515
    for task in tasks:
        value(new, "task.destroy", session, task, over=link)
    after = events(new, session, ["task"], before["token"])
    assert [event["operation"] for event in after["events"]] == ["del"] * 512
    assert after["valid_ref_counts"]["task"] == 0


def test_what_was_never_stored_is_never_told(new):
    session = login(new)
    new.control("unstored", **{"class": "network"})
    first = events(new, session, ["network"], "")
    assert first["events"] == [] and first["valid_ref_counts"]["network"] == 7
    assert len(value(new, "network.get_all_records", session)) == 7


def test_a_token_of_the_future_is_silent(new):
    session, web1 = login(new), machine(new)
    future = "00000000000000999999,00000000000000000000"
    value(new, "VM.set_name_label", session, web1, "x")
    answer = events(new, session, ["vm"], future)
    assert (answer["events"], answer["token"]) == ([], future)


def test_tokens_and_timeouts_that_are_none(new):
    session = login(new)
    assert failure(new, "event.from", session, ["vm"], "garbage", 1.0) == ["EVENT_FROM_TOKEN_PARSE_FAILURE", "garbage"]
    assert failure(new, "event.from", session, ["vm"], "", 1)[0] == "FIELD_TYPE_ERROR", "an int is no double"


def test_the_timeout_is_late(start):
    pool = start("8.2", "-late", "300ms,400ms")
    session = login(pool)
    token = events(pool, session, ["*"], "")["token"]
    begin = time.monotonic()
    assert events(pool, session, ["vm"], token, 0.2)["events"] == []
    assert 0.5 <= time.monotonic() - begin < 1.5


def test_an_event_ends_the_wait(start):
    pool = start("8.2", "-late", "20s")
    session, web1 = login(pool), machine(pool)
    token = events(pool, session, ["vm"], "")["token"]
    waiting = Waiting(pool, "event.from", session, ["vm"], token, 30.0)
    asked(pool, "event.from")
    value(pool, "VM.set_name_label", session, web1, "x")
    assert [event["ref"] for event in waiting.answer()["Value"]["events"]] == [web1]


def test_a_lost_session_ends_the_wait(start):
    pool = start("8.2", "-late", "20s")
    session = login(pool)
    token = events(pool, session, ["vm"], "")["token"]
    waiting = Waiting(pool, "event.from", session, ["vm"], token, 30.0)
    until("it waits", lambda: pool.state(brief=True)["calls"]["event.from"] == 2)
    pool.control("drop")
    assert waiting.answer()["ErrorDescription"] == ["SESSION_INVALID", session]


def test_inject_gives_a_token_before_a_write(new):
    session = login(new)
    ref = value(new, "pool.get_all", session)[0]
    token = value(new, "event.inject", session, "pool", ref)
    told = events(new, session, ["pool"], token)["events"]
    assert [(event["ref"], event["operation"]) for event in told] == [(ref, "mod")]
    assert failure(new, "event.inject", session, "pool", "OpaqueRef:x") == ["HANDLE_INVALID", "pool", "OpaqueRef:x"]


def test_an_older_token_has_another_form(start):
    pool = start("6.0")
    token = events(pool, login(pool), ["vm"], "")["token"]
    number, comma, rest = token.partition(",")
    assert comma and str(int(number)) == number and "." in rest

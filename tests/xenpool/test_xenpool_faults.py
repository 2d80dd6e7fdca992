"""A pool that misbehaves when it is told to, and only then."""
import http.client
import socket
import ssl
import time
import urllib.parse
import xml.parsers.expat

import pytest

from clients import ask, call, connection, login, post
from test_events import failure, value
from vsnlab.remote import WorldError

LOGIN = call("session.login_with_password", "root", "secret")


def test_a_failure_of_any_kind(pool):
    session = login(pool)
    pool.fault("failure", "pool.get_all", 1, code="HOST_STILL_BOOTING")
    pool.fault("failure", "host.get_all", 1, code="HOST_IS_SLAVE", parameters=["192.0.2.99"])
    assert failure(pool, "pool.get_all", session) == ["HOST_STILL_BOOTING"]
    assert failure(pool, "host.get_all", session) == ["HOST_IS_SLAVE", "192.0.2.99"]
    assert len(value(pool, "pool.get_all", session)) == 1, "once was asked for"
    assert pool.state()["faults"] == []


def test_rules_are_for_a_call_and_a_host(pool):
    session = login(pool)
    pool.fault("failure", "pool.get_all", host="xs2", code="X")
    pool.fault("failure", "host.get_all", code="Y")
    assert value(pool, "pool.get_all", session)
    assert [failure(pool, "host.get_all", session) for _ in range(3)] == [["Y"]] * 3
    assert [rule["used"] for rule in pool.control("fault")] == [0, 3]
    pool.clear_faults()
    assert len(value(pool, "host.get_all", session)) == 3
    with pytest.raises(WorldError):
        pool.fault("whatever")


def test_a_fault_of_xml_rpc(pool):
    pool.fault("fault", count=1, number=0, text="<none>")
    with pytest.raises(Exception) as raised:
        post(pool, LOGIN).value
    assert "<none>" in str(raised.value)


def test_an_empty_world(pool):
    session = login(pool)
    pool.fault("empty", "VM.get_all_records", 1)
    assert value(pool, "VM.get_all_records", session) == {}
    assert len(value(pool, "VM.get_all_records", session)) == 7


@pytest.mark.parametrize("kind", ["close", "reset"])
def test_the_connection_ends(pool, kind):
    pool.fault(kind, count=1)
    with pytest.raises((ConnectionError, ssl.SSLError, http.client.HTTPException)):
        post(pool, LOGIN)
    assert login(pool)


def test_it_is_slow(pool):
    pool.fault("stall", count=1, seconds=0.3)
    begin = time.monotonic()
    assert login(pool) and time.monotonic() - begin >= 0.3
    pool.fault("silent", count=1)
    with pytest.raises(TimeoutError):
        post(pool, LOGIN, over=connection(pool, timeout=0.3))


def test_an_http_status(pool):
    pool.fault("status", count=1, status=503)
    assert post(pool, LOGIN).status == 503


@pytest.mark.parametrize("form", ["binary", "html", "xml", "deep", "empty"])
def test_garbage(pool, form):
    pool.fault("garbage", count=1, form=form)
    reply = post(pool, LOGIN)
    assert reply.status == 200
    with pytest.raises(Exception):
        reply.value
    if form == "deep":
        assert reply.body.count(b"<value>") == 100000


def test_truncated(pool):
    pool.fault("truncate", count=1, bytes=100)
    with pytest.raises(http.client.IncompleteRead) as cut:
        post(pool, LOGIN)
    assert len(cut.value.partial) == 100
    pool.fault("truncate", count=1, bytes=100, form="clean")
    reply = post(pool, LOGIN)
    assert len(reply.body) == 100
    with pytest.raises(xml.parsers.expat.ExpatError):
        reply.value


def test_drop_by_drop(pool):
    pool.fault("drip", count=1, bytes=50, seconds=0.01)
    assert post(pool, LOGIN).value["Status"] == "Success"


@pytest.mark.parametrize("words", [{"mb": 3}, {"mb": 3, "form": "records"}, {"mb": 3, "length": False}])
def test_a_huge_answer(pool, words):
    pool.fault("huge", count=1, **words)
    reply = post(pool, LOGIN)
    assert 2 << 20 < len(reply.body) < 5 << 20 and reply.value["Status"] == "Success"


def test_a_gigabyte_is_announced(pool):
    pool.fault("huge", count=1)
    link = connection(pool)
    link.request("POST", "/", LOGIN)
    reply = link.getresponse()
    assert int(reply.getheader("content-length")) > 1 << 30 and len(reply.read(1 << 20)) == 1 << 20
    link.close()


def test_an_event_next_without_end(pool):
    """The fault is there as soon as somebody asks: no event need come first."""
    session = login(pool)
    value(pool, "event.register", session, ["vm"])
    pool.fault("endless", "event.next", 1)
    link = connection(pool)
    link.request("POST", "/", call("event.next", session))
    reply = link.getresponse()
    assert reply.getheader("content-length") is None and len(reply.read(300000)) == 300000
    link.close()


@pytest.mark.parametrize("form", ["close", "plain", "garbage", "silent"])
def test_a_connection_that_is_no_tls(pool, form):
    pool.fault("tls", form=form)
    parts = urllib.parse.urlsplit(pool.url)
    context = ssl.create_default_context(cafile=pool.certificate)
    with pytest.raises((ssl.SSLError, ConnectionError, TimeoutError)) as failed:
        with socket.create_connection((parts.hostname, parts.port), timeout=0.5) as plain:
            context.wrap_socket(plain, server_hostname=parts.hostname)
    assert isinstance(failed.value, TimeoutError) == (form == "silent")
    pool.clear_faults()
    assert login(pool)


def test_a_host_with_another_certificate(start, tmp_path):
    from small_pool import world
    from xenpool import certificate
    (tmp_path / "other").mkdir()
    other = certificate.make(tmp_path / "other", ["127.0.0.2"])
    inventory = world()
    inventory["hosts"][1].update(certificate=str(other[0]), key=str(other[1]))
    pool = start("8.2", inventory=inventory)
    assert login(pool)
    with pytest.raises(ssl.SSLCertVerificationError):
        ask(pool, "session.login_with_password", "root", "secret", host="xs2")

"""A server that misbehaves on demand."""

import http.client
import ssl
import time

import pytest

from vcenter_client import ENVELOPE, HOST_READ, Watch, first_host


def test_empty_inventory(server):
    s = server()
    watch = Watch(s.connect(), HostSystem=["name"], VirtualMachine=["name"])
    assert len(watch.objects) == 5
    s.control("/ctl/fault", {"kind": "empty-inventory"})
    watch.until(lambda o: not o)
    fresh = Watch(s.connect(), HostSystem=["name"])
    assert not fresh.objects
    s.control("/ctl/fault", method="DELETE")
    watch.until(lambda o: len(o) == 5)


def test_hollow_session(server):
    s = server()
    cookie, host = s.login()[1], first_host(s)
    s.control("/ctl/fault", {"kind": "hollow-session", "count": 1})
    read = HOST_READ % ("<pathSet>name</pathSet>", host)
    status, _, body = s.post(read, cookie)
    assert status == 200 and "<missingSet><path>name</path>" in body and 'xsi:type="NotAuthenticated"' in body
    assert "<propSet>" not in body
    assert "<propSet>" in s.post(read, cookie)[2]


def test_faults_replace_and_bend_replies(server):
    s = server()
    cookie, host = s.login()[1], first_host(s)
    read = HOST_READ % ("<pathSet>name</pathSet><pathSet>config.network</pathSet>", host)

    def fault(**rule):
        s.control("/ctl/fault", dict({"call": "RetrieveProperties", "count": 1}, **rule))

    fault(kind="status")
    assert s.post(read, cookie)[0] == 503
    fault(kind="not-authenticated")
    status, _, body = s.post(read, cookie)
    assert status == 500 and 'xsi:type="NotAuthenticated"' in body
    fault(kind="truncate", bytes=1000)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        s.post(read, cookie)
    fault(kind="truncate", bytes=1000, form="clean")
    status, _, body = s.post(read, cookie)
    assert status == 200 and len(body) == 1000
    fault(kind="close")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        s.post(read, cookie)
    fault(kind="huge", mb=3)
    assert len(s.post(read, cookie)[2]) > 3 << 20
    fault(kind="huge", mb=1, form="objects")
    assert s.post(read, cookie)[2].endswith("</soapenv:Envelope>")
    fault(kind="stall", seconds=0.5)
    before = time.monotonic()
    assert s.post(read, cookie)[0] == 200 and time.monotonic() - before >= 0.5
    fault(kind="stall", seconds=30)
    with pytest.raises(TimeoutError):
        s.post(read, cookie, timeout=0.3)
    fault(kind="garbage", form="html")
    assert "It works!" in s.post(read, cookie)[2]
    fault(kind="refuse-login")
    assert 'xsi:type="InvalidLogin"' in s.login()[2]
    assert s.login()[0] == 200
    assert s.post(read, cookie)[0] == 200 and s.control("/ctl/fault") == []


def test_endless_reply_ends_with_the_client(server):
    s = server()
    cookie = s.login()[1]
    s.control("/ctl/fault", {"kind": "endless", "call": "CurrentTime", "count": 1})
    body = '<CurrentTime xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this></CurrentTime>'
    context = ssl._create_unverified_context()
    connection = http.client.HTTPSConnection("127.0.0.1", int(s.port), context=context, timeout=20)
    connection.request("POST", "/sdk", ENVELOPE % body, {"Cookie": cookie})
    assert len(connection.getresponse().read(5 << 20)) == 5 << 20
    connection.close()
    assert s.post(body, cookie)[0] == 200


def test_objects_without_rights(server):
    s = server()
    session = s.connect()
    watch = Watch(session, HostSystem=["name"], VirtualMachine=["name"])
    host = first_host(s)
    rule = s.control("/ctl/fault", {"kind": "hidden", "object": host})["id"]
    watch.until(lambda o: host not in o and len(o) == 4)
    s.control("/ctl/fault?id=%d" % rule, method="DELETE")
    watch.until(lambda o: host in o)

    s.control("/ctl/fault", {"kind": "no-permission", "object": host})
    cookie = s.login()[1]
    status, _, body = s.post(HOST_READ % ("<pathSet>name</pathSet>", host), cookie)
    assert status == 200 and "<missingSet><path>name</path>" in body and 'xsi:type="NoPermission"' in body

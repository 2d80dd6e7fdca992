"""What a pool's hosts say byte by byte, and what HTTP they accept."""
import socket
import ssl
import urllib.parse

import pytest

from clients import ask, call, connection, login, post, trust

HEAD = b'<?xml version="1.0"?><methodResponse><params><param><value><struct><member><name>Status</name><value>'
EMPTY = {"5.6": b"<value/>", "8.2": b"<value></value>"}


def test_a_void_answer(pool, release):
    session = login(pool)
    assert post(pool, call("session.logout", session)).body == (
        HEAD + b"Success</value></member><member><name>Value</name>" + EMPTY[release] +
        b"</member></struct></value></param></params></methodResponse>")


def test_a_failure(pool):
    address = pool.state()["members"][0]["address"].encode()
    reply = post(pool, call("session.login_with_password", "root", "secret"), host="xs2")
    assert reply.status == 200 and reply.body == (
        HEAD + b"Failure</value></member><member><name>ErrorDescription</name><value><array><data><value>HOST_IS_SLAVE</value>"
        b"<value>" + address + b"</value></data></array></value></member></struct></value></param></params></methodResponse>")


def test_values_are_mostly_texts(pool, release):
    session = login(pool)
    body = post(pool, call("VLAN.get_all_records", session)).body
    assert b"<member><name>tag</name><value>100</value></member>" in body
    empty = b"<value><struct/></value>" if release == "5.6" else b"<value><struct></struct></value>"
    assert b"<member><name>other_config</name>" + empty + b"</member>" in body
    pif = post(pool, call("PIF.get_all_records", session)).body
    assert b"<name>VLAN</name><value>-1</value>" in pif and b"<name>physical</name><value><boolean>1</boolean></value>" in pif
    empty = b"<value><array><data/></array></value>" if release == "5.6" else b"<value><array><data></data></array></value>"
    assert b"<name>bond_master_of</name>" + empty in pif
    networks = post(pool, call("network.get_all_records", session)).body
    assert 'red &lt;&quot;&amp;é&gt;'.encode() in networks
    machines = post(pool, call("VM.get_all_records", session)).body
    assert b"<name>HVM_shadow_multiplier</name><value><double>1</double></value>" in machines
    assert b"<dateTime.iso8601>19700101T00:00:00Z</dateTime.iso8601>" in machines


def test_counts_are_the_only_numbers_with_a_type(start):
    pool = start("8.2")
    session = login(pool)
    body = post(pool, call("event.from", session, ["pool"], "", 0.0)).body
    assert b"<name>vlan</name><value><i4>6</i4></value>" in body and body.count(b"<i4>") > 50
    assert b"<i4>" not in body.partition(b"<name>valid_ref_counts</name>")[0]
    assert b"<name>timestamp</name><value>0.0</value>" in body


def test_members_come_in_any_order(start):
    """Another order for each object, unless it is told otherwise."""
    def orders(*flags):
        pool = start("8.2", *flags)
        return {tuple(record) for record in ask(pool, "VLAN.get_all_records", login(pool))["Value"].values()}
    assert len(orders()) > 1
    assert orders("-order", "declared") == {("uuid", "tagged_PIF", "untagged_PIF", "tag", "other_config")}


def test_typed_and_untyped_texts_are_taken(pool):
    body = "<methodCall><methodName>session.login_with_password</methodName><params><param><value>root</value></param>" \
           "<param><value><string>secret</string></value></param></params></methodCall>"
    assert post(pool, body).value["Status"] == "Success"


@pytest.mark.parametrize("path", ["/", "/RPC2", "/xmlrpc"])
def test_every_path_is_that_of_the_calls(pool, path):
    assert post(pool, call("session.login_with_password", "root", "secret"), path=path).value["Status"] == "Success"


def raw(pool, request):
    """Bytes out, all bytes until the end back."""
    parts = urllib.parse.urlsplit(pool.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as plain, \
            trust(pool.certificate).wrap_socket(plain, server_hostname=parts.hostname) as link:
        link.sendall(request)
        found = b""
        while data := link.recv(65536):
            found += data
        return found


def test_the_length_must_be_known(pool):
    chunked = raw(pool, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    assert chunked.startswith(b"HTTP/1.1 500 Internal Error\r\n") and b"We require a content-length: HTTP header" in chunked
    assert b"onnection: close\r\n" in chunked


def test_a_bad_body_ends_the_connection(pool):
    answer = raw(pool, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n<methodCall>")
    assert answer.startswith(b"HTTP/1.1 500 Internal Error\r\n") and b"Xmlm.Error(1:12, &quot;" in answer


def test_http_1_0_is_answered_in_kind(pool):
    body = call("session.login_with_password", "root", "secret").encode()
    answer = raw(pool, b"POST / HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert answer.startswith(b"HTTP/1.0 200 OK\r\n") and b"Success" in answer


def test_a_connection_is_used_again(pool):
    link = connection(pool)
    session = post(pool, call("session.login_with_password", "root", "secret"), over=link).value["Value"]
    for _ in range(3):
        assert post(pool, call("pool.get_all", session), over=link).value["Status"] == "Success"
    assert pool.state(brief=True)["members"][0]["connections"] == 1


def test_headers_of_the_time(pool, release):
    link = connection(pool)
    link.request("POST", "/", call("session.login_with_password", "root", "secret"))
    names = {name for name, _ in link.getresponse().getheaders()}
    assert ("Content-Type" in names) == (release == "5.6") and ("content-type" in names) == (release != "5.6")


def test_plain_http_only_when_told(start):
    def answer(pool):
        parts = urllib.parse.urlsplit(pool.url)
        with socket.create_connection((parts.hostname, parts.port), timeout=10) as link:
            body = call("session.login_with_password", "root", "secret").encode()
            try:
                link.sendall(b"POST / HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                return link.recv(65536)
            except ConnectionError:
                return b""
    assert answer(start("5.6", "-plain")).startswith(b"HTTP/1.0 200 OK")
    assert not answer(start("5.6")).startswith(b"HTTP")


def test_json_by_release(start):
    """None in 5.6, the first version only in 6.2, both in 8.2."""
    body = '{"jsonrpc":"2.0","method":"pool.get_all","params":["x"],"id":7}'
    assert post(start("5.6"), body, path="/jsonrpc").status == 500
    assert post(start("6.2"), body, path="/jsonrpc").body == b'{"result":null,"error":["SESSION_INVALID","x"],"id":7}'
    assert post(start("8.2"), body, path="/jsonrpc").body == \
        b'{"jsonrpc":"2.0","error":{"code":1,"message":"SESSION_INVALID","data":["x"]},"id":7}'


def test_errors_before_the_dispatch_are_json_of_the_first_version(start):
    pool = start("8.2")
    pool.control("role", host="xs2", role="emergency", code="HOST_STILL_BOOTING")
    reply = post(pool, '{"jsonrpc":"2.0","method":"pool.get_all","params":["x"],"id":7}', host="xs2", path="/jsonrpc")
    assert reply.body == b'{"result":null,"error":["HOST_STILL_BOOTING"],"id":0}'


# The order of the checks, and sessions

def failure(pool, method, *arguments, **where):
    answer = ask(pool, method, *arguments, **where)
    assert answer["Status"] == "Failure", answer
    return answer["ErrorDescription"]


def test_the_session_is_looked_at_first(pool):
    assert failure(pool, "VM.frobnicate", "OpaqueRef:x") == ["SESSION_INVALID", "OpaqueRef:x"]
    session = login(pool)
    assert failure(pool, "VM.frobnicate", session) == ["MESSAGE_METHOD_UNKNOWN", "VM.frobnicate"]
    assert failure(pool, "VM.get_record", session) == ["MESSAGE_PARAMETER_COUNT_MISMATCH", "VM.get_record", "1", "0"]
    assert failure(pool, "VM.get_record", session, "OpaqueRef:deadbeef") == ["HANDLE_INVALID", "VM", "OpaqueRef:deadbeef"]


def test_a_wrong_password(pool):
    assert failure(pool, "session.login_with_password", "root", "wrong") == \
        ["SESSION_AUTHENTICATION_FAILED", "root", "Authentication failure"]
    assert pool.state()["refused_logins"] == 1


def test_sessions_are_those_of_one_host(pool):
    session = login(pool)
    assert failure(pool, "pool.get_all", session, host="xs2") == ["SESSION_INVALID", session]
    local = ask(pool, "session.slave_local_login_with_password", "root", "secret", host="xs2")["Value"]
    master = pool.state()["members"][0]["address"]
    assert failure(pool, "pool.get_all", local, host="xs2") == ["HOST_IS_SLAVE", master]
    ask(pool, "session.logout", session)
    assert failure(pool, "pool.get_all", session) == ["SESSION_INVALID", session]
    assert pool.state()["sessions"] == 1


def test_login_takes_an_originator_since_6_2(start):
    for release, most in (("5.6", 3), ("6.0", 3), ("6.2", 4), ("8.2", 4)):
        pool = start(release)
        words = ["root", "secret", "1.0", "vsn"]
        assert ask(pool, "session.login_with_password", *words[:most])["Status"] == "Success"
        if most == 3:
            assert failure(pool, "session.login_with_password", *words)[0] == "MESSAGE_PARAMETER_COUNT_MISMATCH"


def test_old_tls_only_when_told(start):
    """A server of 2010: TLS 1.0, which Debian's OpenSSL does by itself not speak."""
    pool = start("5.6", "-tls", "1.0")
    parts = urllib.parse.urlsplit(pool.url)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(pool, "session.login_with_password", "root", "secret")
    context = trust(pool.certificate)
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.options &= ~ssl.OP_NO_TLSv1
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as plain, \
            context.wrap_socket(plain, server_hostname=parts.hostname) as link:
        assert link.version() == "TLSv1"

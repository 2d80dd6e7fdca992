"""Servers that refuse, lie, do not end, or are not what they should be: one clear reason, and nothing is removed."""
import hashlib
import os
import ssl
import subprocess
import time

import pytest
from rack import everything, host_of, rack
from vsnlab.until import until

RSS_KB = 60_000


def fingerprint(server):
    with open(server.certificate) as file:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(file.read())).hexdigest()


def calls(server, name="session.login_with_password"):
    return server.state(brief=True)["calls"].get(name, 0)


@pytest.mark.parametrize("release", ["5.6", "8.2"])
def test_wrong_password_is_tried_once(pool, follow, release):
    server = pool(rack(), release=release)
    session = follow(server, password="wrong").until_state("held")
    assert "password refused" in session.session["reason"]
    session.turn(2)         # time enough for a second try, which must not come
    assert calls(server) == 1
    with open(session.password_file, "w") as file:
        file.write("secret\n")
    session.send_target()
    session.until_state("connected")


def test_wrong_password_at_a_slave(pool, follow):
    """The slave sends us on before it looks at the password; the master is asked once."""
    server = pool(rack())
    session = follow(server, server.url_of("xs2"), password="wrong").until_state("held")
    session.turn(1)
    assert calls(server) == 2


def test_secret_is_nowhere(pool, follow):
    secret = "canary-7f3a-password"
    server = pool(rack(), "-password", secret)
    session = follow(server, password=secret).until_state("connected")
    for name in "cmdline", "environ":
        with open(f"/proc/{session.process.pid}/{name}", "rb") as file:
            assert secret.encode() not in file.read()
    assert secret not in session.log and not any(secret in line for line in session.lines)


def test_a_password_of_any_characters(pool, follow):
    secret = "<&\"'>\u00e9 ]]>"
    server = pool(rack(), "-password", secret)
    follow(server, password=secret).until_state("connected")


def test_certificate_of_nobody_we_know(pool, follow):
    server = pool(rack())
    session = follow(server, ca_file="").until_state("held")
    assert "not trusted" in session.session["reason"] and fingerprint(server) in session.session["reason"]
    assert calls(server) == 0


def test_fingerprint(pool, follow):
    server = pool(rack())
    right = fingerprint(server)
    follow(server, server.url_of("xs2"), ca_file="", fingerprint=right).until_state("connected")
    session = follow(server, ca_file="", fingerprint="00" * 32).until_state("held")
    assert right in session.session["reason"] and "00" * 32 in session.session["reason"]


def test_a_master_that_is_not_trusted(pool, follow, tmp_path):
    """The slave is; the password is not sent on."""
    from vsnlab.xenpool import make_pool_certificate
    (tmp_path / "other").mkdir()
    certificate, key = make_pool_certificate(str(tmp_path / "other"), ["127.0.0.1"])
    inventory = rack()
    inventory["hosts"][0].update(certificate=certificate, key=key)
    server = pool(inventory)
    session = follow(server, server.url_of("xs2")).until_state("held")
    assert session.session["reason"].startswith("127.0.0.1: ") and calls(server) == 1


def own_certificates(folder, names):
    """One for each host, for its own name: [(certificate, key)], and a file of them all."""
    pairs = []
    for name in names:
        certificate, key = os.path.join(folder, f"{name}.pem"), os.path.join(folder, f"{name}.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                        "-subj", f"/CN={name}.example.net", "-addext", f"subjectAltName=DNS:{name}.example.net",
                        "-keyout", key, "-out", certificate], check=True, capture_output=True)
        pairs.append((certificate, key))
    together = os.path.join(folder, "all.pem")
    with open(together, "w") as file:
        for certificate, _ in pairs:
            with open(certificate) as one:
                file.write(one.read())
    return pairs, together


def test_each_host_has_a_certificate_of_its_own(pool, follow, tmp_path):
    """As XenServer makes them: self-signed, for a name, while members name each other by address."""
    pairs, together = own_certificates(str(tmp_path), ["xs1", "xs2", "xs3"])
    inventory = rack()
    for host, (certificate, key) in zip(inventory["hosts"], pairs):
        host.update(certificate=certificate, key=key)
    server = pool(inventory)
    session = follow(server, server.url_of("xs2"), ca_file=together).until_state("connected")
    server.control("designate", host="xs3")
    session.until("the new master", lambda s: s.session.get("api", "").endswith("127.0.0.3"), 30)
    # One that is not in the file is not trusted, and one of an authority has to be for the right name.
    stranger = follow(server, server.url_of("xs2"), ca_file=pairs[1][0]).until_state("held")
    assert stranger.session["reason"].startswith("127.0.0.3: ")


def test_an_authority_vouches_for_names(pool, follow, tmp_path):
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=tmp_path)
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=authority",
            "-keyout", "ca.key", "-out", "ca.pem")
    for name, san in ("right", "IP:127.0.0.1"), ("wrong", "DNS:elsewhere.example.net"):
        (tmp_path / "ext").write_text(f"subjectAltName={san}\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
                "-extfile", "ext", "-out", f"{name}.pem")
    for name in "right", "wrong":
        inventory = rack()
        inventory["hosts"][0].update(certificate=str(tmp_path / f"{name}.pem"), key=str(tmp_path / f"{name}.key"))
        server = pool(inventory)
        session = follow(server, ca_file=str(tmp_path / "ca.pem"))
        if name == "right":
            session.until_state("connected")
        else:
            session.until_state("held")
            assert "another name than 127.0.0.1" in session.session["reason"] and calls(server) == 0
        session.close()
        server.stop()


@pytest.mark.parametrize("form", ["binary", "html", "xml", "deep", "empty"])
def test_not_a_pool(pool, follow, form):
    server = pool(rack())
    server.fault("garbage", "session.login_with_password", 0, form=form)
    session = follow(server)
    session.until("said so", lambda s: "does not answer as XenAPI" in s.session.get("reason", ""))
    assert session.session["state"] == "connecting" and not session.rows("host")
    server.clear_faults()
    session.until_state("connected", seconds=30)


@pytest.mark.parametrize("kind, more", [("status", {"status": 404}), ("empty", {}), ("fault", {"number": 0, "text": "no"}),
                                        ("close", {}), ("truncate", {"bytes": 60}), ("tls", {"form": "plain"})])
def test_a_login_that_comes_to_nothing(pool, follow, kind, more):
    server = pool(rack())
    server.fault(kind, "" if kind == "tls" else "session.login_with_password", 0, **more)
    session = follow(server)
    session.until("a reason", lambda s: s.session.get("state") == "connecting" and s.session.get("reason"))
    server.clear_faults()
    session.until_state("connected", seconds=30)


READS = ["pool.get_all_records", "PIF.get_all_records", "VIF.get_all_records"]
BAD = [("garbage", {"form": "binary"}), ("garbage", {"form": "deep"}), ("truncate", {"bytes": 700}),
       ("truncate", {"bytes": 700, "form": "clean"}), ("status", {"status": 500}), ("failure", {"code": "INTERNAL_ERROR"})]


@pytest.mark.parametrize("kind, more", BAD)
@pytest.mark.parametrize("call", READS)
def test_a_full_read_that_fails_proves_nothing(pool, follow, call, kind, more):
    server = pool(rack())
    session = follow(server).until_state("connected")
    before = everything(session)
    server.fault(kind, call, 0, **more)
    server.control("drop")
    session.until("a reason", lambda s: s.session["state"] == "stale" and s.syncs == 1 and
                  "session" not in s.session["reason"].split(":")[-1], 20)
    assert everything(session) == before
    server.clear_faults()
    session.until("read again", lambda s: s.session["state"] == "connected" and s.syncs == 2, 30)
    assert everything(session) == before


@pytest.mark.parametrize("release, call", [("5.6", "event.next"), ("8.2", "event.from")])
@pytest.mark.parametrize("kind, more", BAD[:4])
def test_events_that_cannot_be_read(pool, follow, release, call, kind, more):
    server = pool(rack(), release=release)
    session = follow(server).until_state("connected")
    before = everything(session)
    server.fault(kind, call, 1, **more)
    server.control("churn", {"class": "VM", "count": 1})
    session.until("stale", lambda s: "stale" in s.states, 45)
    session.until("read again", lambda s: s.session["state"] == "connected" and s.syncs == 2, 30)
    assert everything(session) == before


@pytest.mark.parametrize("form", ["text", "records"])
@pytest.mark.parametrize("call", ["session.login_with_password", "VM.get_all_records"])
def test_a_gigabyte(pool, follow, call, form):
    server = pool(rack())
    server.fault("huge", call, 1, mb=1024, **({"form": form} if form == "records" else {}))
    session = follow(server)
    session.until("refused", lambda s: s.session.get("state") == "connecting" and s.session.get("reason"), 60)
    assert session.rss_kb() < RSS_KB, session.rss_kb()
    session.until_state("connected", seconds=60)


@pytest.mark.parametrize("release, call", [("5.6", "event.next"), ("8.2", "event.from")])
def test_events_without_end(pool, follow, release, call):
    server = pool(rack(), release=release)
    session = follow(server).until_state("connected")
    before = everything(session)
    server.fault("endless", call, 1, seconds=0)
    server.control("churn", {"class": "VM", "count": 1})
    session.until("given up", lambda s: "stale" in s.states, 90)
    reason = [line for line in session.lines if "state=stale" in line][0]
    assert "larger%20than" in reason or "not%20end" in reason, reason
    assert session.rss_kb() < RSS_KB, session.rss_kb()
    session.until("read again", lambda s: s.session["state"] == "connected", 60)
    assert everything(session) == before


def test_slow_events_are_waited_for(pool, follow):
    server = pool(rack())
    session = follow(server).until_state("connected")
    server.fault("drip", "event.from", 1, bytes=400, seconds=0.02)
    server.migrate("web1", "xs3")
    session.until("there", lambda s: host_of(s, "web1") == "xs3", 30)
    assert session.syncs == 1


@pytest.mark.parametrize("release", ["5.6", "8.2"])
def test_an_idle_pool_is_no_lost_pool(pool, follow, release):
    server = pool(rack(), "-heartbeat", "0s", release=release)
    session = follow(server, hint_interval_s=1).until_state("connected")
    until = time.monotonic() + 5
    while time.monotonic() < until:
        session.turn(0.5)
    assert session.session["state"] == "connected" and session.syncs == 1


def test_old_tls_is_an_option_and_said_aloud(pool, follow):
    server = pool(rack(), "-tls", "1.0", release="5.6")
    refused = follow(server)
    refused.until("refused", lambda s: s.session.get("reason"))
    assert refused.session["state"] in ("connecting", "held") and calls(server) == 0
    session = follow(server, tls_legacy="yes").until_state("connected")
    assert "TLSv1" in session.session["notice"] and "old TLS" in session.session["notice"]


def test_another_target(pool, follow, tmp_path):
    server = pool(rack())
    session = follow(server).until_state("connected")
    session.send_target(url=server.url_of("xs2"))
    session.until("read again", lambda s: s.syncs == 2 and s.session["state"] == "connected")
    until("the first one was logged out", lambda: server.state(brief=True)["logouts"] == 1, 5)


def test_an_old_pool_of_two_kinds_of_events(pool, follow):
    """A user who may not inject events is followed like a release that has no such call."""
    server = pool(rack())
    server.fault("failure", "event.inject", 0, code="RBAC_PERMISSION_DENIED", parameters=["event.inject"])
    session = follow(server).until_state("connected")
    server.migrate("web1", "xs3")
    session.until("there", lambda s: host_of(s, "web1") == "xs3")

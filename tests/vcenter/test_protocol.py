"""Sessions, pages and versions, old releases, certificates."""

import concurrent.futures
import re
import socket
import ssl
import subprocess
import time
import urllib.request

import pytest
from pyVmomi import vim, vmodl

from vcenter_client import CONTENT, HOST_READ, Watch, find, first_host, portgroups, spec_of

COLLECTOR = '<_this type="PropertyCollector">propertyCollector</_this>'

def test_wrong_password_and_quoted_cookie(server):
    s = server()
    status, _, body = s.login("wrong")
    assert status == 500 and 'xsi:type="InvalidLogin"' in body
    status, cookie, _ = s.login()
    assert status == 200 and re.fullmatch(r'vmware_soap_session="[^"]+"', cookie)
    status, _, body = s.post(HOST_READ % ("<pathSet>name</pathSet>", first_host(s)), cookie)
    assert status == 200 and "DC0_C0_H0" in body and 'xsi:type="xsd:string"' in body
    assert "XMLSchema-instance:" not in body
    assert s.control("/ctl/state?brief=1")["logins"] == 1


def test_dropped_session(server):
    s = server()
    session = s.connect()
    watch = Watch(session, HostSystem=["name"])
    assert s.control("/ctl/state?brief=1")["sessions"] == 1
    s.control("/ctl/drop", method="POST")
    with pytest.raises(vim.fault.NotAuthenticated):
        watch.turn(5)
    state = s.control("/ctl/state?brief=1")
    assert state["sessions"] == 0 and state["logins"] == 1
    cookie = s.login()[1]
    s.control("/ctl/drop", method="POST")
    status, _, body = s.post(HOST_READ % ("<pathSet>name</pathSet>", first_host(s)), cookie)
    assert status == 500 and 'xsi:type="NotAuthenticated"' in body
    again = s.connect()
    assert find(again, vim.HostSystem, "DC0_C0_H0")


def test_pages(server):
    s = server("-host", "12", "-vm", "0", "-pg", "0")
    session = s.connect()
    content = session.content
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.HostSystem], True)
    Spec = vmodl.query.PropertyCollector
    spec = Spec.FilterSpec(
        objectSet=[Spec.ObjectSpec(obj=view, skip=True, selectSet=[
            Spec.TraversalSpec(name="v", path="view", skip=False, type=vim.view.ContainerView)])],
        propSet=[Spec.PropertySpec(type=vim.HostSystem, pathSet=["name"])])
    pc = content.propertyCollector
    sizes, page = [], pc.RetrievePropertiesEx([spec], Spec.RetrieveOptions(maxObjects=5))
    while page:
        sizes.append(len(page.objects))
        page = pc.ContinueRetrievePropertiesEx(page.token) if page.token else None
    assert sizes == [5, 5, 2]
    with pytest.raises(vmodl.fault.InvalidArgument):
        pc.ContinueRetrievePropertiesEx("77")

    pc = pc.CreatePropertyCollector()
    pc.CreateFilter(spec, False)
    wait = Spec.WaitOptions(maxWaitSeconds=0, maxObjectUpdates=5)
    seen, version = [], ""
    while True:
        updates = pc.WaitForUpdatesEx(version, wait)
        seen.append((updates.version, bool(updates.truncated), sum(len(f.objectSet) for f in updates.filterSet)))
        version = updates.version
        if not updates.truncated:
            break
    assert seen == [("0_1", True, 5), ("0_2", True, 5), ("1", False, 2)]
    assert pc.WaitForUpdatesEx(version, wait) is None
    with pytest.raises(vmodl.query.InvalidCollectorVersion):
        pc.WaitForUpdatesEx("33", wait)
    with pytest.raises(vmodl.query.InvalidProperty):
        spec.propSet[0].pathSet = ["name", "config.network.nonsense"]
        pc.CreateFilter(spec, False)


def test_repeated_version_repeats_the_answer(server):
    s = server()
    admin, watcher = s.connect(), s.connect()
    watch = Watch(watcher, HostSystem=["config.network.portgroup"])
    host = find(admin, vim.HostSystem, "DC0_C0_H0")
    host.configManager.networkSystem.AddPortGroup(spec_of("blue", 100))
    before = watch.version
    watch.until(lambda o: "blue" in portgroups(o[host._moId]))
    watch.objects[host._moId] = {}
    watch.version = before
    watch.turn(5)
    assert "blue" in portgroups(watch.objects[host._moId])


def test_old_release_refuses_what_it_does_not_know(server):
    s = server("-api", "4.0")
    assert "<apiVersion>4.0</apiVersion>" in s.post(CONTENT)[2]
    cookie, host = s.login()[1], first_host(s)
    old = '"urn:vim25/4.0"'
    status, _, body = s.post(CONTENT, None, '"urn:vim25/4.1"')
    assert status == 500 and "Unsupported version URI" in body
    for call in ("CreatePropertyCollector", "RetrievePropertiesEx", "WaitForUpdatesEx"):
        extra = "<version></version>" if call == "WaitForUpdatesEx" else "<options/>" if call[0] == "R" else ""
        request = '<%s xmlns="urn:vim25">%s%s</%s>' % (call, COLLECTOR, extra, call)
        status, _, body = s.post(request, cookie, old)
        assert status == 500 and 'xsi:type="InvalidRequest"' in body, call
    paths = "<pathSet>name</pathSet><pathSet>config.network.opaqueSwitch</pathSet>"
    status, _, body = s.post(HOST_READ % (paths, host), cookie, old)
    assert status == 500 and 'xsi:type="InvalidProperty"' in body and "<name>config.network.opaqueSwitch</name>" in body
    status, _, body = s.post(HOST_READ % ("<pathSet>config.network.proxySwitch</pathSet>", host), cookie, old)
    assert status == 200 and "<uplinkPort>" in body

    check = '<CheckForUpdates xmlns="urn:vim25">' + COLLECTOR + '<version>%s</version></CheckForUpdates>'
    made = s.post('<CreateFilter xmlns="urn:vim25">%s<spec><propSet><type>HostSystem</type>'
                  '<pathSet>config.network.pnic</pathSet></propSet>'
                  '<objectSet><obj type="HostSystem">%s</obj></objectSet></spec><partialUpdates>false</partialUpdates></CreateFilter>' % (COLLECTOR, host), cookie, old)
    assert made[0] == 200
    first = s.post(check % "", cookie, old)[2]
    assert "<kind>enter</kind>" in first and "<version>1</version>" in first
    assert "<returnval>" not in s.post(check % "1", cookie, old)[2]
    s.control("/ctl/pnic", {"host": host, "device": "vmnic0", "mac": "02:11:22:33:44:55"})
    assert "02:11:22:33:44:55" in s.post(check % "1", cookie, old)[2]


def test_version_lists(server):
    for api, expect in (("4.1", ["4.1", "4.0", "2.5u2", "2.5"]), ("8.0", ["8.0.3.0", "8.0.2.0", "8.0.0.0", "7.0.0.0"])):
        s = server("-api", api)
        context = ssl._create_unverified_context()
        url = "https://127.0.0.1:%s/sdk/vimServiceVersions.xml" % s.port
        page = urllib.request.urlopen(url, context=context).read().decode()
        vim25 = page.split("<name>urn:vim25</name>")[1].split("</namespace>")[0]
        assert re.findall(r"<version>([^<]*)<", vim25)[:4] == expect


def test_own_certificate_and_old_tls(server, tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=vc1",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    s = server("-cert", str(cert), "-key", str(key), "-tls", "1.2")
    context = ssl.create_default_context(cafile=str(cert))
    with socket.create_connection(("127.0.0.1", int(s.port))) as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
            assert secure.version() == "TLSv1.2"
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with socket.create_connection(("127.0.0.1", int(s.port))) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_canceled_wait(server):
    s = server()
    session = s.connect()
    watch = Watch(session, HostSystem=["name"])
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(watch.turn, 30)
        while not waiting.done():
            watch.collector.CancelWaitForUpdates()
            time.sleep(0.02)
        with pytest.raises(vmodl.fault.RequestCanceled):
            waiting.result()


def test_idle_session_expires(server):
    s = server("-idle", "200ms")
    cookie = s.login()[1]
    end = time.monotonic() + 10
    while s.control("/ctl/state?brief=1")["sessions"]:
        assert time.monotonic() < end
        time.sleep(0.02)
    status, _, body = s.post(HOST_READ % ("<pathSet>name</pathSet>", first_host(s)), cookie)
    assert status == 500 and 'xsi:type="NotAuthenticated"' in body


def test_restart_is_the_same_server(server):
    first, second, other = server(), server(), server("-host", "4")
    about = [x.connect().content.about.instanceUuid for x in (first, second, other)]
    assert about[0] == about[1] != about[2]
    assert first.control("/ctl/state")["hosts"] == second.control("/ctl/state")["hosts"]

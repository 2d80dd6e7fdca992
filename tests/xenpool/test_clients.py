"""Clients that the project did not write: what they expect of a pool is what they find."""
import json
import os
import subprocess
import xmlrpc.client

import pytest

from clients import NODE, NodeClient, XenAPI, events_from, install_node, logged_in, session
from vsnlab.until import until

EXPECTED = {"host": 3, "PIF": 18, "network": 7, "VLAN": 6, "Bond": 3, "VIF": 4, "pool": 1}


@pytest.fixture(scope="session")
def node():
    install_node()


@pytest.fixture
def follow(node):
    running = []

    def run(pool, **more):
        running.append(NodeClient(pool, **more))
        # It fetches before it registers, so it is only certain to see what comes once it has asked for events.
        until("it waits for events", lambda: {"event.next", "event.from"} & set(pool.state()["calls"]))
        return running[-1]

    yield run
    for client in running:
        client._process.kill()


def ref_of(pool, name):
    return next(each["ref"] for each in pool.state()["members"] if each["name"] == name)


# npm xen-api

# By itself it tries JSON-RPC first, and only an answer of another type than JSON makes it go on with XML-RPC. A server of 2010
# has nothing but HTTP 500 for a body that is no XML, so there it has to be told.
TRANSPORT = {"5.6": "xml-rpc", "8.2": "auto"}

def test_xen_api_comes_through_a_slave_and_fetches_everything(pool, release, follow):
    client = follow(pool, host="xs3", transport=TRANSPORT[release])
    assert {kind: client.start["fetched"].get(kind) for kind in EXPECTED} == EXPECTED
    assert client.start["fetched"]["VM"] == 7, "three machines, three control domains, a template"
    assert client.start["url"] == pool.state()["members"][0]["address"], "it went to the master"
    state = pool.state()
    assert (state["redirected_logins"], state["logins"]) == (1, 1)
    assert client.complaints == ""
    client.close()
    assert pool.state()["logouts"] == 1


def test_xen_api_takes_the_way_of_the_release(pool, release, follow):
    client = follow(pool, transport=TRANSPORT[release])
    pool.migrate("web1", "xs2")
    client.wait_change("VM", lambda vm: vm["operations"])
    calls = pool.state()["calls"]
    assert calls["event.inject"] >= 1
    if release == "5.6":
        assert calls["event.next"] >= 1 and calls["event.register"] == 1 and "event.from" not in calls
    else:
        assert calls["event.from"] >= 1 and "event.next" not in calls and "event.register" not in calls


@pytest.mark.parametrize("release, transport", [("5.6", "xml-rpc"), ("6.2", "auto"), ("8.2", "xml-rpc"), ("8.2", "auto")])
def test_xen_api_follows_a_migration(start, release, follow, transport):
    pool = start(release)
    client = follow(pool, transport=transport)
    web1 = next(row for row in pool.state()["machines"] if row["name"] == "web1")
    source, target = ref_of(pool, "xs1"), ref_of(pool, "xs2")
    client.call("VM.pool_migrate", web1["ref"], target, {})
    going = client.wait_change("VM", lambda vm: vm["name"] == "web1" and vm["operations"])
    assert list(going["operations"].values()) == ["pool_migrate"] and going["resident_on"] == source
    (key,) = going["operations"]
    done = client.wait_change("VM", lambda vm: vm["name"] == "web1" and vm["resident_on"] == target)
    joined = [line["changed"] for line in client.said if line.get("changed", {}).get("type") == "host"
              and line["changed"]["operations"].get(key) == "vm_migrate"]
    assert {host["ref"] for host in joined} == {target}, "the destination held the same key before the machine came"
    client.wait(lambda line: line.get("done") == "VM.pool_migrate")
    assert done["power_state"] == "Running"


def test_xen_api_sees_a_failure(pool, release, follow):
    client = follow(pool, transport=TRANSPORT[release])
    pool.control("migrate", vm="web1", host="xs2", fail=1)
    client.wait_change("VM", lambda vm: vm["name"] == "web1" and vm["operations"])
    end = client.wait_change("VM", lambda vm: vm["name"] == "web1" and not vm["operations"])
    assert end["resident_on"] == ref_of(pool, "xs1")


def test_xen_api_goes_on_with_another_master(start, follow):
    pool = start("8.2")
    client = follow(pool)
    pool.control("designate", host="xs2")
    until("it has logged in to the new master", lambda: pool.state()["members"][1]["sessions"] == 1)
    pool.migrate("web1", "xs3")
    client.wait_change("VM", lambda vm: vm["name"] == "web1" and vm["resident_on"] == ref_of(pool, "xs3"))


def test_xen_api_reads_for_the_benchmark(pool, release, node):
    done = subprocess.run(["node", "read.mjs", pool.url, "root", "secret", TRANSPORT[release]], cwd=NODE, check=True, text=True,
                          capture_output=True, timeout=60, env={**os.environ, "NODE_EXTRA_CA_CERTS": pool.certificate})
    found = json.loads(done.stdout)
    assert found["objects"] == sum(EXPECTED.values()) + 7 + 18, "and the machines and the cards' metrics"
    assert found["ms"] > 0 and found["peak_kb"] > 1000 and found["cpu_ms"] > 0


# XenAPI.py

def test_xenapi_py_is_told_the_master(pool):
    with pytest.raises(XenAPI.Failure) as refused:
        session(pool, "xs2").login_with_password("root", "secret")
    assert refused.value.details == ["HOST_IS_SLAVE", pool.state()["members"][0]["address"]]


def test_xenapi_py_reads_records(pool, release):
    xen = logged_in(pool)
    networks = {record["name_label"] for record in xen.xenapi.network.get_all_records().values()}
    assert {"blue", "red <\"&é>", "inside", "Bond network bond0"} <= networks
    master = xen.xenapi.pool.get_master(xen.xenapi.pool.get_all()[0])
    assert xen.xenapi.host.get_name_label(master) == "xs1"
    assert xen.API_version == {"5.6": "1.7", "8.2": "2.15"}[release]
    bond = next(iter(xen.xenapi.Bond.get_all_records().values()))
    assert ("mode" in bond) == (release != "5.6")
    vm = next(iter(xen.xenapi.VM.get_all_records().values()))
    assert ("scheduled_to_be_resident_on" in vm) == (release != "5.6")
    xen.xenapi.session.logout()
    assert pool.state()["sessions"] == 0


def test_xenapi_py_registers_and_gets_what_comes(pool):
    xen = logged_in(pool)
    xen.xenapi.event.register(["VM", "host"])
    web1, target = xen.xenapi.VM.get_by_name_label("web1")[0], ref_of(pool, "xs2")
    task = xen.xenapi.Async.VM.pool_migrate(web1, target, {"live": "true"})
    seen = []
    while not any(event["ref"] == web1 and event["snapshot"]["resident_on"] == target for event in seen):
        seen += xen.xenapi.event.next()
    kinds = {event["class"] for event in seen}
    assert kinds == {"vm", "host"} and all(event["timestamp"].endswith(".") for event in seen)
    first = next(event for event in seen if event["ref"] == target and event["snapshot"]["current_operations"])
    assert first["snapshot"]["current_operations"] == {task: "vm_migrate"}
    until("the task succeeds", lambda: xen.xenapi.task.get_status(task) == "success")
    assert not xen.xenapi.VM.get_current_operations(web1)
    xen.xenapi.event.unregister(["VM", "host"])


def test_xenapi_py_asks_for_events_from_a_token(start):
    xen = logged_in(start("8.2"))
    token = xen.xenapi.event.inject("pool", xen.xenapi.pool.get_all()[0])
    web1 = xen.xenapi.VM.get_by_name_label("web1")[0]
    first = events_from(xen, ["pool"], token)
    assert [(event["class"], event["operation"]) for event in first["events"]] == [("pool", "mod")]
    xen.xenapi.VM.set_name_label(web1, "renamed")
    (event,) = events_from(xen, ["vm"], first["token"])["events"]
    assert (event["ref"], event["operation"], event["snapshot"]["name_label"]) == (web1, "mod", "renamed")


def test_xenapi_py_meets_an_old_pool(start):
    """5.6 has none of the later calls, and says so."""
    xen = logged_in(start("5.6"))
    for method, arguments in (("event.from", (["vm"], "", 1.0)), ("event.inject", ("pool", "x"))):
        with pytest.raises(XenAPI.Failure) as refused:
            xen.xenapi_request(method, arguments)
        assert refused.value.details == ["MESSAGE_METHOD_UNKNOWN", method]
    with pytest.raises(XenAPI.Failure) as refused:
        xen.login_with_password("root", "secret", "1.0", "vsn")
    assert refused.value.details == ["MESSAGE_PARAMETER_COUNT_MISMATCH", "session.login_with_password", "2", "4"]


def test_xenapi_py_makes_a_vlan(pool):
    xen = logged_in(pool)
    below = next(ref for ref, pif in xen.xenapi.PIF.get_all_records().items() if pif["device"] == "bond0")
    network = xen.xenapi.network.create({"name_label": "green", "other_config": {}})
    made = xen.xenapi.pool.create_VLAN_from_PIF(below, network, "300")
    records = [xen.xenapi.PIF.get_record(ref) for ref in made]
    assert [(pif["VLAN"], pif["device"], pif["MAC"]) for pif in records] == [("300", "bond0", "fe:ff:ff:ff:ff:ff")] * 3
    assert xen.xenapi.network.get_PIFs(network) == made
    vlan = xen.xenapi.VLAN.get_record(records[0]["VLAN_master_of"])
    assert (vlan["tag"], vlan["untagged_PIF"]) == ("300", made[0])
    xen.xenapi.VLAN.destroy(records[0]["VLAN_master_of"])
    assert len(xen.xenapi.network.get_PIFs(network)) == 2


def test_the_certificate_holds_for_every_host(pool):
    with pytest.raises(Exception) as wrong:
        XenAPI.Session(pool.url.rstrip("/"), transport=xmlrpc.client.SafeTransport()).login_with_password("root", "secret")
    assert "certificate" in str(wrong.value).lower()
    for member in pool.state()["members"]:
        with pytest.raises(XenAPI.Failure):
            session(pool, member["name"]).login_with_password("root", "wrong")

"""A session with the lab's vCenter: reads everything, follows every change."""
import pytest
from admin import Admin

WORLD = {
    "cluster": "rack1",
    "hosts": [
        {"name": "esx1", "pnics": [{"device": "vmnic0", "mac": "02:00:00:00:01:00"}, {"device": "vmnic1"},
                                   {"device": "vmnic2"}, {"device": "vmnic3"}],
         "vswitches": [
             {"name": "vSwitch0", "uplinks": ["vmnic0"],
              "portgroups": [{"name": "Management Network", "vlan": 0},
                             {"name": "blue & <green>", "vlan": 100,
                              "teaming": {"policy": "failover_explicit", "active": ["vmnic0"], "standby": []}},
                             {"name": "guests tag", "vlan": 4095}]}],
         "vmknics": [{"device": "vmk0", "portgroup": "Management Network", "mac": "00:50:56:60:00:01"},
                     {"device": "vmk1", "portgroup": "motion"}]},
        {"name": "esx2", "pnics": [{"device": "vmnic0"}, {"device": "vmnic1"}],
         "vswitches": [{"name": "vSwitch0", "uplinks": ["vmnic0"],
                        "portgroups": [{"name": "blue & <green>", "vlan": 200}]}]},
    ],
    "dvs": [
        {"name": "dvs1", "uplinks": ["Uplink 1", "Uplink 2"], "vlan": 42,
         "pvlan": [{"primary": 200, "secondary": 200, "type": "promiscuous"},
                   {"primary": 200, "secondary": 201, "type": "isolated"}],
         "lags": [{"name": "lag1", "ports": 2, "mode": "active"}],
         "hosts": [{"host": "esx1", "pnics": [{"device": "vmnic1", "uplink": "Uplink 2"},
                                              {"device": "vmnic2", "uplink": "lag1"}]},
                   {"host": "esx2", "pnics": [{"device": "vmnic1", "uplink": "Uplink 1"}]}],
         "portgroups": [{"name": "motion", "vlan": 300},
                        {"name": "trunk", "trunk": [0, 0, 10, 20, 30, 30]},
                        {"name": "private", "pvlan": 201,
                         "teaming": {"active": ["Uplink 1"], "standby": ["lag1"]}},
                        {"name": "default", "inherit": True}]}],
    "machines": [
        {"name": "web1", "host": "esx1", "networks": ["blue & <green>", "trunk"],
         "macs": ["02:00:00:00:10:01", "02:00:00:00:10:02"], "power": "on"},
        {"name": "db \u2603 100%", "host": "esx2", "networks": [], "power": "off"}],
}


def vlans_of(session, name):
    rows = [row for row in session.rows("network").values() if row["name"] == name]
    assert len(rows) == 1, rows
    return rows[0].get("mode"), rows[0].get("vlans", "")


def test_everything_is_read(vcenter, follow):
    session = follow(vcenter(WORLD)).until_state("connected")
    assert session.states == ["connecting", "syncing", "connected"] and session.syncs == 1
    assert session.session["api"].startswith("VirtualCenter ")
    esx1, row = session.named("host", "esx1")
    esx2, _ = session.named("host", "esx2")
    assert row == {"name": "esx1", "connection": "connected"}
    nics = session.rows("nic", esx1)
    assert nics[esx1, "vmnic0"] == {"mac": "02:00:00:00:01:00", "link": "up"} and len(nics) == 4

    dvs, row = session.named("dvswitch", "dvs1")
    assert session.rows("vswitch", esx1) == {
        (esx1, "vSwitch0"): {"name": "vSwitch0", "kind": "standard"},
        (esx1, row["uuid"]): {"name": "dvs1", "kind": "distributed"}}
    assert session.rows("uplink", esx1) == {
        (esx1, "vmnic0"): {"vswitch": "vSwitch0", "name": "vmnic0"},
        (esx1, "vmnic1"): {"vswitch": row["uuid"], "name": "Uplink 2"},
        (esx1, "vmnic2"): {"vswitch": row["uuid"], "name": "lag1-0", "lag": "lag1"}}
    assert session.rows("pvlan", dvs) == {(dvs, "200/200"): {"primary": "200", "secondary": "200"},
                                          (dvs, "200/201"): {"primary": "200", "secondary": "201"}}

    networks = session.rows("network", esx1)
    assert networks[esx1, "blue & <green>"] == {
        "name": "blue & <green>", "kind": "standard", "vswitch": "vSwitch0", "mode": "tagged", "vlans": "100",
        "active": "vmnic0", "teaming_known": "yes"}
    assert networks[esx1, "guests tag"]["mode"] == "trunk" and networks[esx1, "guests tag"]["vlans"] == "1-4094"
    assert networks[esx1, "Management Network"]["mode"] == "native"
    assert session.rows("network", esx2)[esx2, "blue & <green>"]["vlans"] == "200"

    shared = {row["name"]: row for (owner, _), row in session.rows("network").items() if not owner}
    assert shared["motion"]["mode"] == "tagged" and shared["motion"]["vlans"] == "300"
    assert shared["trunk"]["mode"] == "trunk" and shared["trunk"]["vlans"] == "10-20,30"
    assert shared["private"]["mode"] == "private" and shared["private"]["vlans"] == "201"
    assert shared["private"]["active"] == "Uplink 1" and shared["private"]["standby"] == "lag1"
    assert shared["default"]["mode"] == "inherited" and shared["default"].get("vlans", "") == ""
    uplinks = [row for row in shared.values() if row.get("role") == "uplinks"]
    assert len(uplinks) == 1 and uplinks[0]["vswitch"] == dvs
    assert session.rows("network")["", f"defaults/{dvs}"]["role"] == "defaults"

    vmk1 = session.rows("vmknic", esx1)[esx1, "vmk1"]
    assert vmk1["shared"] == "yes" and session.rows("network")["", vmk1["network"]]["name"] == "motion"
    assert session.rows("vmknic", esx1)[esx1, "vmk0"] == {"mac": "00:50:56:60:00:01",
                                                          "network": "Management Network"}
    web1, row = session.named("machine", "web1")
    assert row == {"name": "web1", "host": esx1, "power": "on", "connection": "connected"}
    vifs = {row["mac"]: row for row in session.rows("vif", web1).values()}
    assert vifs["02:00:00:00:10:01"]["network"] == "blue & <green>" and "shared" not in vifs["02:00:00:00:10:01"]
    assert vifs["02:00:00:00:10:02"]["shared"] == "yes"
    assert session.named("machine", "db \u2603 100%")[1]["power"] == "off"
    assert not session.unknown


def test_changes_are_followed(vcenter, follow):
    server = vcenter(WORLD, "-t-queue", "10ms", "-t-pre", "20ms", "-t-run", "20ms")
    session = follow(server).until_state("connected")
    esx1, _ = session.named("host", "esx1")
    esx2, _ = session.named("host", "esx2")
    web1, _ = session.named("machine", "web1")
    with Admin(server) as admin:
        admin.add_group("esx2", "red", 77)
        session.until("red", lambda s: (esx2, "red") in s.rows("network"))
        assert session.rows("network")[esx2, "red"]["vlans"] == "77"
        admin.change_group("esx2", "red", 78)
        session.until("red on 78", lambda s: s.rows("network")[esx2, "red"]["vlans"] == "78")
        admin.remove_group("esx2", "red")
        session.until("no red", lambda s: (esx2, "red") not in s.rows("network"))

        admin.add_switch("esx1", "vSwitch1", "vmnic3")
        session.until("vSwitch1", lambda s: (esx1, "vSwitch1") in s.rows("vswitch"))
        assert len(session.rows("vswitch", esx1)) == 3      # the distributed one is still there

        admin.set_distributed_vlan("motion", 301)
        session.until("motion on 301", lambda s: vlans_of(s, "motion") == ("tagged", "301"))

        admin.machine("web1").PowerOffVM_Task()
        session.until("web1 is off", lambda s: s.named("machine", "web1")[1].get("power") == "off")
        admin.machine("web1").PowerOnVM_Task()
        session.until("web1 is on", lambda s: s.named("machine", "web1")[1].get("power") == "on")
        server.migrate("web1", "esx2")
        session.until("web1 on esx2", lambda s: s.named("machine", "web1")[1]["host"] == esx2)
        admin.machine("web1").PowerOffVM_Task()
        session.until("web1 is off", lambda s: s.named("machine", "web1")[1].get("power") == "off")
        admin.machine("web1").Destroy_Task()
        session.until("web1 is gone", lambda s: ("", web1) not in s.rows("machine"))
        assert not session.rows("vif", web1)

    server.control("host", host="esx2", state="disconnected")
    session.until("esx2 is away", lambda s: s.rows("host")["", esx2]["connection"] == "disconnected")
    assert session.syncs == 1 and not session.unknown


def test_hints_are_asked_for(vcenter, follow):
    server = vcenter(WORLD)
    server.control("hint", [{"host": "esx1", "device": "vmnic0",
                             "cdp": {"devId": "tor-1", "portId": "Ethernet7 nonce=abc", "address": "192.0.2.1"}},
                            {"host": "esx1", "device": "vmnic1",
                             "lldp": {"chassisId": "02:aa:00:00:00:01", "portId": "Ethernet8",
                                      "systemName": "tor-1", "portDescription": "nonce=def"}}])
    session = follow(server, hint_interval_s=1).until_state("connected")
    esx1, _ = session.named("host", "esx1")
    session.until("hints", lambda s: s.rows("hint", esx1))
    assert session.rows("hint")[esx1, "vmnic0/cdp"] == {
        "nic": "vmnic0", "protocol": "cdp", "system": "tor-1", "port": "Ethernet7 nonce=abc"}
    server.control("hint", {"host": "esx1", "device": "vmnic0"})
    session.until("hint gone", lambda s: (esx1, "vmnic0/cdp") not in s.rows("hint"))


@pytest.mark.parametrize("release", ["4.0", "4.1", "5.0", "5.5", "8.0"])
def test_every_release(vcenter, follow, release):
    server = vcenter(WORLD, "-api", release)
    session = follow(server).until_state("connected")
    assert session.session["api"].split()[1].startswith(release)
    assert session.named("machine", "web1")[1]["power"] == "on"
    assert len(session.rows("nic")) == 6 and not session.unknown
    assert vlans_of(session, "trunk") == ("trunk", "10-20,30")
    for state in "disconnected", "connected":
        server.control("host", host="esx2", state=state)
        session.until(f"esx2 {state}", lambda s: s.named("host", "esx2")[1]["connection"] == state)
    assert session.close() == 0
    counts = server.control("state", brief=1)
    assert counts["logins"] == counts["logouts"] == 1, counts


def test_a_single_host(vcenter, follow):
    session = follow(vcenter(None, "-model", "esx", "-vm", "2")).until_state("connected")
    assert session.session["api"].startswith("HostAgent ")
    assert len(session.rows("host")) == 1 and len(session.rows("machine")) == 2
    assert session.rows("nic") and session.rows("network") and not session.unknown


def test_pages(vcenter, follow):
    session = follow(vcenter(None, "-page", "3", "-host", "4", "-vm", "9")).until_state("connected")
    assert session.syncs == 1 and len(session.rows("host")) == 4 and len(session.rows("machine")) == 9


def test_it_logs_out(vcenter, follow):
    server = vcenter(WORLD)
    session = follow(server).until_state("connected")
    assert session.close() == 0
    counts = server.control("state", brief=1)
    assert (counts["logins"], counts["logouts"], counts["sessions"]) == (1, 1, 0), counts


def test_a_new_target_ends_the_old_session(vcenter, follow, tmp_path):
    server = vcenter(WORLD)
    session = follow(server).until_state("connected")
    session.send_target(hint_interval_s=600)
    session.until("read again", lambda s: s.syncs == 2).until_state("connected")
    counts = server.control("state", brief=1)
    assert (counts["logins"], counts["logouts"]) == (2, 1), counts


def test_same_target_again_changes_nothing(vcenter, follow):
    """As vsnd says it after each reading of its configuration."""
    server = vcenter(WORLD)
    session = follow(server).until_state("connected")
    session.send_target()
    server.control("host", host="esx2", state="notResponding")
    session.until("the change", lambda s: any("respond" in row["connection"] for row in s.rows("host").values()))
    assert session.syncs == 1 and server.control("state", brief=1)["logins"] == 1


def test_switch_that_comes_later_is_read(vcenter, follow):
    """A distributed switch is followed by its version and read again by its reference, which bears its subclass."""
    server = vcenter(WORLD)
    server.fault("empty-inventory")
    session = follow(server).until_state("connected")
    server.clear_faults()
    session.until("its private VLANs", lambda s: len(s.rows("pvlan")) == 2)
    assert len(session.rows("dvswitch")) == 1

"""How the objects of the network hang together, and how they change."""
import pytest

from clients import login
from small_pool import world
from test_events import failure, value
from vsnlab.remote import WorldError

NO_MAC = "fe:ff:ff:ff:ff:ff"
NULL = "OpaqueRef:NULL"


class Objects:
    """All records of the network's classes, by class and ref."""

    def __init__(self, pool):
        session = login(pool)
        for kind in ("host", "network", "PIF", "VLAN", "Bond", "VIF", "VM", "PIF_metrics"):
            setattr(self, kind, value(pool, f"{kind}.get_all_records", session))

    def named(self, kind, name):
        return next((ref, record) for ref, record in getattr(self, kind).items() if record["name_label"] == name)

    def pifs(self, host):
        """{(device, VLAN): (ref, record)}"""
        ref, _ = self.named("host", host)
        return {(pif["device"], int(pif["VLAN"])): (pif_ref, pif) for pif_ref, pif in self.PIF.items() if pif["host"] == ref}


def test_a_bond_and_what_is_above_it(pool, release):
    all_ = Objects(pool)
    pifs = all_.pifs("xs1")
    assert set(pifs) == {("eth0", -1), ("eth1", -1), ("eth2", -1), ("bond0", -1), ("bond0", 100), ("eth2", 200)}
    (bond_ref, bond), = [(ref, each) for ref, each in all_.Bond.items() if each["master"] == pifs["bond0", -1][0]]
    for device in ("eth0", "eth1"):
        ref, slave = pifs[device, -1]
        assert (slave["bond_slave_of"], slave["physical"], slave["currently_attached"]) == (bond_ref, True, False)
        assert ref in bond["slaves"] and slave["network"] != pifs["bond0", -1][1]["network"]
    master = pifs["bond0", -1][1]
    assert (master["MAC"], master["physical"], master["management"]) == (pifs["eth0", -1][1]["MAC"], False, True)
    assert master["bond_master_of"] == [bond_ref] and master["IP"] == all_.named("host", "xs1")[1]["address"]
    assert bond.get("mode") == (None if release == "5.6" else "balance-slb")
    ref, vlan = pifs["bond0", 100]
    assert (vlan["MAC"], vlan["physical"], vlan["device"]) == (NO_MAC, False, "bond0")
    link = all_.VLAN[vlan["VLAN_master_of"]]
    assert (link["tagged_PIF"], link["untagged_PIF"], link["tag"]) == (pifs["bond0", -1][0], ref, "100")
    assert master["VLAN_slave_of"] == [vlan["VLAN_master_of"]]
    assert pifs["eth2", -1][1]["VLAN_slave_of"] == [pifs["eth2", 200][1]["VLAN_master_of"]]


def test_every_card_has_an_address_of_its_own(pool):
    macs = [pif["MAC"] for pif in Objects(pool).PIF.values() if pif["physical"]]
    assert len(macs) == 9 == len(set(macs)) and NO_MAC not in macs


def test_networks_come_up_where_a_machine_needs_them(pool):
    all_ = Objects(pool)
    up = {(host, vlan): all_.pifs(host)["bond0" if vlan == 100 else "eth2", vlan][1]["currently_attached"]
          for host in ("xs1", "xs2") for vlan in (100, 200)}
    assert up == {("xs1", 100): True, ("xs1", 200): False, ("xs2", 100): False, ("xs2", 200): False}
    _, inside = all_.named("network", "inside")
    assert inside["PIFs"] == [] and len(inside["VIFs"]) == 1
    ref, web1 = all_.named("VM", "web1")
    assert [all_.VIF[vif]["VM"] for vif in web1["VIFs"]] == [ref]


def test_what_is_no_machine(start):
    inventory = world()
    inventory["machines"] += [{"name": "golden", "kind": "template", "networks": ["blue"]},
                              {"name": "yesterday", "kind": "snapshot", "networks": ["blue"]}]
    pool = start("8.2", inventory=inventory)
    kinds = {vm["name_label"]: (vm["is_a_template"], vm["is_a_snapshot"], vm["is_control_domain"])
             for vm in Objects(pool).VM.values()}
    assert kinds["golden"] == (True, False, False) and kinds["yesterday"] == (False, True, False)
    assert kinds["Control domain on host: xs2"] == (False, False, True)
    assert {row["name"] for row in pool.state()["machines"]} == {"web1", "web2", "off1"}


def test_other_kinds_of_interfaces(start):
    inventory = world()
    inventory["hosts"][0]["pifs"].append({"device": "eth3", "sriov": True, "carrier": False})
    inventory["networks"] += [{"name": "overlay", "tunnel": True, "device": "eth2"}, {"name": "plain", "device": "eth2"},
                              {"name": "storage", "vlan": 0, "device": "eth2", "hosts": ["xs1"]}]
    inventory["hosts"][0]["interfaces"] = [{"network": "storage", "ip": "198.51.100.1"}]
    pool = start("8.2", inventory=inventory)
    all_ = Objects(pool)
    pifs = all_.pifs("xs1")
    tunnel = next(pif for (device, _), (_, pif) in pifs.items() if device.startswith("tunnel"))
    assert (tunnel["VLAN"], tunnel["physical"]) == ("-1", False) and tunnel["MAC"] != NO_MAC
    logical = next(pif for pif in all_.PIF.values() if pif["sriov_logical_PIF_of"])
    assert (logical["MAC"], logical["physical"], logical["device"]) == (NO_MAC, False, "eth3")
    storage = pifs["eth2", 0][1]
    assert (storage["IP"], storage["disallow_unplug"], storage["currently_attached"]) == ("198.51.100.1", True, True)
    assert all_.network[pifs["eth2", -1][1]["network"]]["name_label"] == "plain"
    assert ("eth2", 0) not in all_.pifs("xs2")
    dark = next(pif for pif in all_.PIF.values() if pif["device"] == "eth3" and pif["physical"])
    assert all_.PIF_metrics[dark["metrics"]]["carrier"] is False


def test_a_vlan_comes_and_goes(pool):
    pool.control("network", {"name": "green", "vlan": 300, "device": "bond0"})
    assert Objects(pool).pifs("xs3")["bond0", 300][1]["MAC"] == NO_MAC
    pool.control("vlan", network="green", host="xs3")
    all_ = Objects(pool)
    assert ("bond0", 300) in all_.pifs("xs2") and ("bond0", 300) not in all_.pifs("xs3")
    pool.control("vlan", network="green")
    assert not any(vlan["tag"] == "300" for vlan in Objects(pool).VLAN.values())


def test_a_network_gets_another_vlan(pool):
    pool.control("vlan", network="blue", tag=111)
    all_ = Objects(pool)
    assert sorted(vlan["tag"] for vlan in all_.VLAN.values()) == ["111"] * 3 + ["200"] * 3
    assert all_.pifs("xs1")["bond0", 111][1]["currently_attached"]


def test_a_vlan_in_use_stays(pool):
    session, all_ = login(pool), Objects(pool)
    vlan = all_.pifs("xs1")["bond0", 100][1]["VLAN_master_of"]
    assert failure(pool, "VLAN.destroy", session, vlan)[0] == "NETWORK_CONTAINS_VIF"


@pytest.mark.parametrize("tag, code", [("4095", "VLAN_TAG_INVALID"), ("-1", "VLAN_TAG_INVALID"), ("100", "PIF_VLAN_EXISTS")])
def test_vlans_that_cannot_be(pool, tag, code):
    session, all_ = login(pool), Objects(pool)
    trunk, network = all_.pifs("xs1")["bond0", -1][0], all_.named("network", "inside")[0]
    assert failure(pool, "VLAN.create", session, trunk, tag, network)[0] == code


def test_a_bond_is_made_and_undone(pool):
    session, all_ = login(pool), Objects(pool)
    pifs = all_.pifs("xs2")
    (bond,) = [ref for ref, each in all_.Bond.items() if each["master"] == pifs["bond0", -1][0]]
    assert value(pool, "Bond.destroy", session, bond) == ""
    pifs = Objects(pool).pifs("xs2")
    assert ("eth0", 100) in pifs and ("bond0", -1) not in pifs
    assert pifs["eth0", -1][1]["management"] and pifs["eth0", -1][1]["bond_slave_of"] == NULL
    network = value(pool, "network.create", session, {"name_label": "again"})
    made = value(pool, "Bond.create", session, network, [pifs["eth0", -1][0], pifs["eth1", -1][0]], "")
    pifs = Objects(pool).pifs("xs2")
    assert pifs["bond0", -1][1]["bond_master_of"] == [made] and ("bond0", 100) in pifs
    assert pifs["bond0", -1][1]["management"]


def test_what_cards_hear_where_the_release_tells(start):
    heard = {"system_name": "tor-1", "port_id": "swp1"}
    for release in ("next", "24.10"):
        pool = start(release)
        pool.control("lldp", {"host": "xs1", "device": "eth0", "neighbor": heard})
        all_ = Objects(pool)
        found = all_.PIF_metrics[all_.pifs("xs1")["eth0", -1][1]["metrics"]].get("lldp_neighbor")
        assert found == (heard if release == "next" else None)
        assert all_.PIF_metrics[all_.pifs("xs1")["eth1", -1][1]["metrics"]].get("lldp_neighbor") == ({} if found else None)


def test_a_bond_changes_its_mode(start):
    pool = start("8.2")
    pool.control("bond", {"host": "xs1", "device": "bond0", "mode": "lacp"})
    assert sorted(bond["mode"] for bond in Objects(pool).Bond.values()) == ["balance-slb", "balance-slb", "lacp"]


def test_interfaces_of_machines(pool, release):
    session, all_ = login(pool), Objects(pool)
    web1, red = all_.named("VM", "web1")[0], all_.named("network", "red <\"&é>")[0]
    record = {"VM": web1, "network": red, "device": "1", "MAC": "02:00:00:00:00:01", "MTU": "1500", "other_config": {},
              "qos_algorithm_type": "", "qos_algorithm_params": {}}
    vif = value(pool, "VIF.create", session, record)
    assert not value(pool, "VIF.get_currently_attached", session, vif)
    value(pool, "VIF.plug", session, vif)
    assert Objects(pool).pifs("xs1")["eth2", 200][1]["currently_attached"], "its network came up with it"
    if release == "8.2":
        value(pool, "VIF.move", session, vif, all_.named("network", "blue")[0])
        assert len(Objects(pool).named("network", "blue")[1]["VIFs"]) == 3
    value(pool, "VIF.unplug", session, vif)
    value(pool, "VIF.destroy", session, vif)
    assert vif not in Objects(pool).named("VM", "web1")[1]["VIFs"]


def test_a_world_that_cannot_be(start):
    for wrong in ({"hosts": []}, {"hosts": [{"name": "a", "color": "red"}]},
                  {"hosts": [{"name": "a"}], "machines": [{"name": "m", "power": "on"}]},
                  {"hosts": [{"name": "a", "bonds": [{"device": "bond0", "members": ["eth7"]}]}]}):
        with pytest.raises(WorldError):
            start("8.2", inventory=wrong)

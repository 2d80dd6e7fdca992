"""A vCenter and a XenServer pool at once, their hosts on neighbouring ports of one switch."""
import pytest

from administrator import Admin
from xen_place import XenScene


@pytest.fixture(scope="module")
def scene(xen_places):
    with XenScene(xen_places("ovs"), vcenter=True) as scene:
        scene.wait_carried()
        yield scene


def test_each_port_has_what_its_own_host_needs(scene):
    assert scene.place.carries(scene.wanted)
    rows = {row["name"]: (row["type"], row["state"], row["hosts"]) for row in scene.agent.show("hypervisor")}
    assert rows == {"vc1": ("vmware", "connected", 1), "pool1": ("xen-citrix", "connected", 2)}
    assert scene.wires()["swp7"] == [("esx1", "vmnic0", "confirmed", "hint")]
    machines = {row["name"]: (row["hypervisor"], row["host"]) for row in scene.agent.show("machine")}
    assert (machines["shop-1"], machines["web-1"]) == (("vc1", "esx1"), ("pool1", "xs1"))


def test_a_change_of_one_leaves_the_other_alone(scene):
    bond = ("swp1", "swp2", "swp4", "swp5")
    with Admin(scene.vcenter) as admin:
        scene.pool.control("network", {"name": "both", "vlan": 301, "device": "bond0"})
        admin.add_group("esx1", "both", 301)
        assert scene.proves(**dict.fromkeys(bond, "100-101,301"), swp7="300-301")
        scene.pool.control("vlan", network="both")
        assert scene.proves(swp7="300-301")
        admin.remove_group("esx1", "both")
        assert scene.proves()


def test_one_that_is_away_leaves_the_other_alone(scene):
    """The pool loses power: its ports keep what they have, and the vCenter's go on following."""
    scene.pool.kill()
    try:
        scene.agent.wait_state("stale", "pool1", timeout=40)
        with Admin(scene.vcenter) as admin:
            admin.add_group("esx1", "meanwhile", 302)
            assert scene.proves(swp7="300,302")
            admin.remove_group("esx1", "meanwhile")
            assert scene.proves()
    finally:
        scene.pool.start(scene.pool.port)
    scene.agent.wait_state("connected", "pool1", timeout=60)
    assert scene.proves()

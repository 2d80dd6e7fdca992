"""What the driver of Open vSwitch says of bonds."""
from config_module import Config
from vsnlab import OvsPlane

BOND = ("lacp=active", "bond_mode=balance-tcp", "other_config:lacp-time=fast")


def test_a_bond_has_members_and_a_partner(tmp_path):
    with OvsPlane() as plane:
        plane.create_switch(4)
        plane.create_host("esx1", {"vmnic0": "swp3", "vmnic1": "swp4"}, {"vs0": ["vmnic0", "vmnic1"]})
        host = f"{plane.dir}/host-esx1"
        config = Config(plane, plane.dir, more=["lag1"])
        plane.vsctl("del-port", "swp3", "--", "del-port", "swp4", "--", "add-bond", plane.bridge, "lag1", "swp3", "swp4", *BOND,
                    "vlan_mode=native-untagged", "tag=1", "trunks=4095")
        while "members=swp3,swp4" not in (line := config.wait("new port id=lag1")).replace("swp4,swp3", "swp3,swp4"):
            pass
        assert "partner=" not in line
        assert "added=100-101" in config.change("lag1", add="100-101")
        system = plane.vsctl("get", "interface", "vs0", "mac_in_use", folder=host).strip().strip('"')
        plane.vsctl("set", "port", "vs0-uplinks", *BOND, folder=host)
        config.wait(f"partner={system}")
        plane.vsctl("del-port", "vs0-uplinks", folder=host)    # nobody is heard any more
        while "partner=" in (line := config.wait("new port id=lag1")):
            pass
        assert "tagged=100-101" in line and "members=" in line
        assert "removed=100-101" in config.change("lag1", remove="100-101")
        assert config.close() == 0

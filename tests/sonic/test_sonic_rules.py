"""What is written to CONFIG_DB keeps rules that libyang checks; and what the rules refuse is really refused."""
import pytest

from rules import complaints


def hset(key, **fields):
    return lambda config: config.hset(key, mapping=fields or {"NULL": "NULL"})


MEMBER = "VLAN_MEMBER|Vlan100|Ethernet0"
TAGGED = hset(MEMBER, tagging_mode="tagged")
# Wrong entries, and what is said against them; SONiC's own command line refuses them, or its models do.
WRONG = {
    "a VLAN that is not there": ([hset("VLAN_MEMBER|Vlan700|Ethernet0", tagging_mode="tagged")], "Vlan700"),
    "a port that is not there": ([hset("VLAN_MEMBER|Vlan100|Ethernet99", tagging_mode="tagged")], "no such port"),
    "VLAN 1": ([hset("VLAN|Vlan1", vlanid="1")], "range"),
    "a VLAN of another id": ([hset("VLAN|Vlan700", vlanid="701")], "differ"),
    "no tagging_mode": ([hset(MEMBER)], "tagging_mode"),
    "a tagging_mode that is none": ([hset(MEMBER, tagging_mode="trunk")], "trunk"),
    "two untagged": ([hset(MEMBER, tagging_mode="untagged")], "at most one untagged"),
    "part of a LAG": ([TAGGED, hset("PORTCHANNEL|PortChannel001"), hset("PORTCHANNEL_MEMBER|PortChannel001|Ethernet0")],
                      "part of a port-channel"),
    "a router interface": ([TAGGED, hset("INTERFACE|Ethernet0")], "router interface"),
    "its address": ([TAGGED, hset("INTERFACE|Ethernet0|192.0.2.1/31")], "router interface"),
    "mirror destination": ([TAGGED, hset("MIRROR_SESSION|spy", type="SPAN", dst_port="Ethernet0")], "mirror"),
    "mode routed": ([TAGGED, hset("PORT|Ethernet0", mode="routed")], "mode routed"),
    "tagged in mode access": ([TAGGED, hset("PORT|Ethernet0", mode="access")], "mode access"),
}


@pytest.mark.parametrize("entry", WRONG)
def test_a_wrong_entry_is_refused(databases, entry):
    assert complaints(databases.config, databases.folder) == ""
    acts, words = WRONG[entry]
    for act in acts:
        act(databases.config)
    assert words in complaints(databases.config, databases.folder)


def test_what_is_written_keeps_the_rules(databases):
    """Whatever is asked for on ports of every kind, at every step."""
    databases.fill()
    config = databases.config
    for act in (hset("PORTCHANNEL|PortChannel001", admin_status="up"), hset("PORT|Ethernet4", mode="access"),
                hset("PORTCHANNEL_MEMBER|PortChannel001|Ethernet8"), hset("VLAN|Vlan4094", vlanid="4094")):
        act(config)
    config.delete("VLAN_MEMBER|Vlan4000|Ethernet8")
    databases.state.hset("LAG_TABLE|PortChannel001", "state", "ok")
    databases.ports.append("PortChannel001")
    databases.start_vlanmgrd()
    module = databases.config_module(allowed="1-4094")
    module.wait("state=ready")
    for add, remove in (("1-120,599-610,4000,4094", ""), ("200", "100-110"), ("", "2-4094")):
        module.say(*(f"new change id={port} port={port} add={add} remove={remove}" for port in databases.ports))
        for port in databases.ports:
            module.wait(f"new outcome id={port} ")
        assert complaints(config, databases.folder) == ""
        assert bool(databases.members("Ethernet0")) == bool(databases.members("PortChannel001")) == bool(add)
        assert not databases.members("Ethernet4") and not databases.members("Ethernet8")

"""The pool that most tests follow, and how to look at what a session tells of it."""
import copy

RACK = {
    "pool": "rack1", "master": "xs1",
    "hosts": [
        {"name": "xs1", "pifs": [{"device": "eth0", "mac": "02:00:00:00:01:00"}, {"device": "eth1", "mac": "02:00:00:00:01:01"},
                                 {"device": "eth2", "carrier": False}],
         "bonds": [{"device": "bond0", "members": ["eth0", "eth1"]}], "management": "bond0",
         "interfaces": [{"network": "storage", "ip": "198.51.100.1", "purpose": "Storage"}]},
        {"name": "xs2", "pifs": [{"device": "eth0"}, {"device": "eth1"}, {"device": "eth2"}],
         "bonds": [{"device": "bond0", "members": ["eth0", "eth1"]}], "management": "bond0"},
        {"name": "xs3", "pifs": [{"device": "eth0"}, {"device": "eth1"}, {"device": "eth2"}],
         "bonds": [{"device": "bond0", "members": ["eth0", "eth1"]}], "management": "bond0"}],
    "networks": [
        {"name": "blue & <green>", "vlan": 100, "device": "bond0"},
        {"name": "storage", "vlan": 200, "device": "bond0", "hosts": ["xs1"], "attached": ["xs1"]},
        {"name": "plain", "device": "eth2"},
        {"name": "internal"}],
    "machines": [
        {"name": "web1", "host": "xs1", "networks": ["blue & <green>", "plain"], "macs": ["02:00:00:00:10:01"], "power": "on"},
        {"name": "db \u2603 100%", "host": "xs2", "networks": ["blue & <green>", "internal"], "power": "on"},
        {"name": "off1", "networks": ["blue & <green>"], "power": "off"},
        {"name": "asleep", "networks": ["blue & <green>"], "power": "suspended"},
        {"name": "golden", "kind": "template", "networks": ["blue & <green>"]},
        {"name": "yesterday", "kind": "snapshot", "networks": ["blue & <green>"]}],
}


def rack(**changes):
    """A copy, with other members at its top."""
    return {**copy.deepcopy(RACK), **changes}


def host_id(session, name):
    return session.named("host", name)[0]


def host_of(session, machine):
    """The name of the host that a machine is on; "" when on none."""
    host = session.named("machine", machine)[1].get("host", "")
    return session.rows("host")["", host]["name"] if host else ""


def networks(session, host):
    """Networks of a host: {name: (mode, vlans, vswitch)}."""
    return {row["name"]: (row.get("mode"), row.get("vlans", ""), row.get("vswitch", ""))
            for row in session.rows("network", host_id(session, host)).values()}


def everything(session):
    """All rows that a full read may change."""
    return copy.deepcopy({table: session.rows(table) for table in session.tables if table not in ("session", "hint")})


def moves(session, machine):
    """The moves under way of a machine: {task: row}, hosts by name."""
    def name(host):
        return session.rows("host")["", host]["name"] if host else ""
    owner = session.named("machine", machine)[0]
    return {key[1]: {**row, "from": name(row.get("from", "")), "to": name(row.get("to", ""))}
            for key, row in session.rows("move", owner).items()}

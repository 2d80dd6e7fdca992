"""The pool of most tests."""
QUICK = ["-t-copy", "200ms", "-t-start", "50ms", "-t-step", "5ms", "-t-restart", "100ms", "-t-designate", "100ms",
         "-t-notice", "200ms", "-late", "0"]


def world(hosts=3, **more):
    """A pool with a bond on each host, a VLAN on it, and a machine."""
    names = [f"xs{n + 1}" for n in range(hosts)]
    return {
        "pool": "rack1",
        "hosts": [{"name": name, "management": "bond0", "pifs": [{"device": f"eth{n}"} for n in range(3)],
                   "bonds": [{"device": "bond0", "members": ["eth0", "eth1"]}]} for name in names],
        "networks": [{"name": "blue", "vlan": 100, "device": "bond0"}, {"name": "red <\"&é>", "vlan": 200, "device": "eth2"},
                     {"name": "inside"}],
        "machines": [{"name": "web1", "host": "xs1", "networks": ["blue"], "power": "on"},
                     {"name": "web2", "host": "xs1", "networks": ["blue", "inside"], "power": "on"},
                     {"name": "off1", "networks": ["red <\"&é>"]}],
        **more}

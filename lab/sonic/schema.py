#!/usr/bin/python3
"""Fills the databases of a SONiC switch.

    schema.py SOCKET PORT=ALIAS,PORT=ALIAS,... VLANS NATIVE

CONFIG_DB gets the ports, up and in mode trunk, the VLANs and each port as untagged member of NATIVE (0: of none);
STATE_DB and APPL_DB get what portsyncd and orchagent say of ports that are there and up.
"""
import sys

import redis

APPL, CONFIG, STATE = 0, 4, 6


def parse(text):
    """"2-10,12" as a list of numbers."""
    found = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def connect(socket):
    """The three databases by their number."""
    return {number: redis.Redis(unix_socket_path=socket, db=number, decode_responses=True)
            for number in (APPL, CONFIG, STATE)}


def fill(databases, ports, vlans, native):
    """'ports' is {name: alias}; whatever was there goes, as with "config reload"."""
    config = databases[CONFIG].pipeline(transaction=False)
    for database in databases.values():
        database.flushdb()
    config.hset("DEVICE_METADATA|localhost", mapping={"hostname": "sonic", "mac": "02:76:73:6e:ff:01", "type": "ToRRouter"})
    for number, (name, alias) in enumerate(ports.items()):
        config.hset(f"PORT|{name}", mapping={"alias": alias, "lanes": ",".join(str(4 * number + lane) for lane in range(4)),
                                             "speed": "100000", "index": str(number + 1), "mtu": "9100",
                                             "admin_status": "up", "mode": "trunk"})
        databases[STATE].hset(f"PORT_TABLE|{name}", mapping={"state": "ok", "netdev_oper_status": "up"})
        databases[APPL].hset(f"PORT_TABLE:{name}", mapping={"admin_status": "up", "oper_status": "up", "alias": alias})
    for vlan in sorted({*vlans, native} - {0}):
        config.hset(f"VLAN|Vlan{vlan}", "vlanid", vlan)
    for name in ports if native else []:
        config.hset(f"VLAN_MEMBER|Vlan{native}|{name}", "tagging_mode", "untagged")
    config.set("CONFIG_DB_INITIALIZED", "1")
    config.execute()


def main():
    socket, ports, vlans, native = sys.argv[1:]
    fill(connect(socket), dict(pair.split("=") for pair in ports.split(",")), parse(vlans), int(native))


if __name__ == "__main__":
    main()

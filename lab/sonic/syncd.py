#!/usr/bin/python3
"""A stand-in for the daemons that fill SONiC's databases with what the switch sees: portsyncd and orchagent (links),
fdborch (MAC addresses) and lldpsyncd (neighbours, sonic-dbsyncd).

    syncd.py SOCKET --bridge NAME [--lldpd SOCKET] [--every SECONDS]

Of the neighbours on a port only the last one that lldpd names is kept, as lldpsyncd does, and a row that changed is
deleted before it is written again. lldpsyncd looks every 10 s.
"""
import argparse
import json
import subprocess
import time

from schema import APPL, CONFIG, STATE, connect

# IEEE 802.1AB-2016 8.5.2.2 and 8.5.3.2, by lldpd's words.
CHASSIS_SUBTYPES = {"mac": 4, "ip": 5, "ifname": 6, "local": 7}
PORT_SUBTYPES = {"ifalias": 1, "mac": 3, "ip": 4, "ifname": 5, "local": 7}


def ask(*argv):
    return json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout or "[]")


def differ(database, before, now):
    """Writes what has changed of {key: {field: value}}."""
    pipeline = database.pipeline(transaction=False)
    for key in before:
        if before[key] != now.get(key):
            pipeline.delete(key)
    for key in now:
        if now[key] != before.get(key):
            pipeline.hset(key, mapping=now[key])
    pipeline.execute()
    return now


def links(ports):
    """An interface that is not there, or whose peer is not, is down."""
    return {f"PORT_TABLE:{link['ifname']}": "up" if link["operstate"] == "UP" else "down"
            for link in ask("ip", "-j", "link", "show") if link["ifname"] in ports}


def addresses(bridge, ports):
    rows = ask("bridge", "-j", "fdb", "show", "br", bridge, "dynamic")
    return {f"FDB_TABLE|Vlan{row['vlan']}:{row['mac']}": {"port": row["ifname"], "type": "dynamic"} for row in rows
            if "vlan" in row and row["ifname"] in ports and row.get("state") != "permanent"}


def value(values, *names):
    """Walks lldpd's json0, where every element is a list."""
    for name in names:
        values = (values or [{}])[0].get(name)
    return (values or [{}])[0]


def chassis_row(chassis, prefix):
    identity = value(chassis, "id")
    return {f"{prefix}_chassis_id_subtype": CHASSIS_SUBTYPES.get(identity.get("type"), 0),
            f"{prefix}_chassis_id": identity.get("value", ""), f"{prefix}_sys_name": value(chassis, "name").get("value", ""),
            f"{prefix}_sys_desc": value(chassis, "descr").get("value", "")}


def neighbours(lldpd, ports):
    found = {}
    for table in ask("lldpcli", "-u", lldpd, "-f", "json0", "show", "neighbors", "details").get("lldp", []):
        for entry in table.get("interface", []):
            identity = value(entry.get("port"), "id")
            row = {"lldp_rem_port_id_subtype": PORT_SUBTYPES.get(identity.get("type"), 0),
                   "lldp_rem_port_id": identity.get("value", ""),
                   "lldp_rem_port_desc": value(entry.get("port"), "descr").get("value", ""),
                   **chassis_row(entry.get("chassis"), "lldp_rem"), "lldp_rem_index": entry.get("rid", "")}
            if entry["name"] in ports:
                found[f"LLDP_ENTRY_TABLE:{entry['name']}"] = row
    for table in ask("lldpcli", "-u", lldpd, "-f", "json0", "show", "chassis").get("local-chassis", []):
        found["LLDP_LOC_CHASSIS"] = chassis_row(table.get("chassis"), "lldp_loc")
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("socket")
    parser.add_argument("--bridge", required=True)
    parser.add_argument("--lldpd")
    parser.add_argument("--every", type=float, default=10)
    arguments = parser.parse_args()
    databases = connect(arguments.socket)
    told, heard, learnt = {}, {}, {}
    while True:
        ports = {key.split("|")[1] for key in databases[CONFIG].scan_iter("PORT|*", count=1000)}
        for key, status in links(ports).items():
            if told.get(key) != status:
                databases[APPL].hset(key, "oper_status", status)
                told[key] = status
        learnt = differ(databases[STATE], learnt, addresses(arguments.bridge, ports))
        if arguments.lldpd:
            heard = differ(databases[APPL], heard, neighbours(arguments.lldpd, ports))
        time.sleep(arguments.every)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""A stand-in for SONiC's vlanmgrd, written anew from what it does (sonic-swss, cfgmgr/vlanmgr.cpp).

    vlanmgrd.py SOCKET [--bridge NAME] [--pace MS]

It follows VLAN and VLAN_MEMBER in CONFIG_DB by keyspace notifications, makes ports members of the bridge, and writes
VLAN_TABLE and VLAN_MEMBER_TABLE in STATE_DB. Without a bridge it only writes STATE_DB. Its manners:

- a member waits until its port and its VLAN are in STATE_DB;
- a member without tagging_mode is untagged, one with a word that it does not know is ignored;
- a member that is in STATE_DB already is "already set", whatever its row says now;
- a port that loses its last VLAN leaves the bridge;
- what fails on a port ends it.

What is otherwise: it speaks netlink, where the real one starts a shell for each member; there is no netdev per VLAN. --pace
makes each member take that long, as on a switch (10 ms and more).
"""
import argparse
import sys
import time

from netlink import Netlink
from schema import CONFIG, STATE, connect

UNTAGGED = ("untagged", "priority_tagged")


class Bridge:
    """A Linux bridge whose members and VLANs are changed. 'name' None: there is none. A failure is what throws the real one
    out of its loop."""

    def __init__(self, name):
        self.name, self.netlink, self.members = name, Netlink() if name else None, {}

    def add(self, port, vlan, untagged):
        members = self.members.setdefault(port, set())
        if self.name and not members:
            self.netlink.set_master(port, self.name)
            self.netlink.remove_vlan(port, 1)
        members.add(vlan)
        if self.name:
            self.netlink.add_vlan(port, vlan, untagged)

    def remove(self, port, vlan):
        print(port, "lost", vlan, flush=True)
        members = self.members.setdefault(port, set())
        members.discard(vlan)
        if self.name:
            self.netlink.remove_vlan(port, vlan)
        if self.name and not members:
            self.netlink.set_master(port, None)


class VlanManager:
    def __init__(self, databases, bridge, pace):
        self.config, self.state = databases[CONFIG], databases[STATE]
        self.bridge, self.pace, self.waiting = bridge, pace, {}

    def keys(self):
        """Every row that is there: where it begins."""
        return [f"{table}|{key.split('|', 1)[1]}" for table in ("VLAN", "VLAN_MEMBER")
                for key in self.config.scan_iter(f"{table}|*", count=1000)]

    def ready(self, port, vlan):
        table = "LAG_TABLE" if port.startswith("PortChannel") else "PORT_TABLE"
        return self.state.exists(f"{table}|{port}") and self.state.exists(f"VLAN_TABLE|Vlan{vlan}")

    def do_vlan(self, key, row):
        state = f"VLAN_TABLE|{key.split('|')[1]}"
        if row:
            self.state.hset(state, "state", "ok")
        else:
            self.state.delete(state)

    def do_member(self, key, row, is_set):
        _, vlan, port = key.split("|")
        vlan = int(vlan.removeprefix("Vlan"))
        if not row:
            if is_set:
                self.bridge.remove(port, vlan)
            return not is_set or "delete"
        if is_set:
            return True     # "already set"
        if not self.ready(port, vlan):
            return False
        mode = row.get("tagging_mode", "untagged")
        if mode not in ("tagged", *UNTAGGED):
            print(f"wrong tagging_mode {mode!r} for {key}", flush=True)
            return True
        self.bridge.add(port, vlan, mode in UNTAGGED)
        return "set"

    def process(self, keys):
        """Reads the rows again, as they are now; what has to wait is kept."""
        keys = list(dict.fromkeys(keys))
        for key in [key for key in keys if key.startswith("VLAN|")]:
            self.do_vlan(key, self.config.hgetall(key))
        members = [key for key in keys if key.startswith("VLAN_MEMBER|")]
        step = 1 if self.pace else 500
        for first in range(0, len(members), step):
            self.process_members(members[first:first + step])

    def process_members(self, keys):
        rows, states = self.config.pipeline(transaction=False), self.state.pipeline(transaction=False)
        for key in keys:
            rows.hgetall(key)
            states.exists(key.replace("VLAN_MEMBER|", "VLAN_MEMBER_TABLE|"))
        done = self.state.pipeline(transaction=False)
        for key, row, is_set in zip(keys, rows.execute(), states.execute()):
            verdict = self.do_member(key, row, is_set)
            state = key.replace("VLAN_MEMBER|", "VLAN_MEMBER_TABLE|")
            self.waiting.pop(key, None)
            if verdict == "set":
                done.hset(state, "state", "ok")
            elif verdict == "delete":
                done.delete(state)
            elif not verdict:
                self.waiting[key] = True
        time.sleep(self.pace / 1000)
        done.execute()

    def run(self):
        news = self.config.pubsub(ignore_subscribe_messages=True)
        news.psubscribe("__keyspace@4__:VLAN|*", "__keyspace@4__:VLAN_MEMBER|*", "__keyspace@6__:PORT_TABLE|*",
                        "__keyspace@6__:LAG_TABLE|*")
        news.get_message(timeout=5)
        self.process(self.keys())
        print("vlanmgrd is ready", flush=True)
        while True:
            message, keys = news.get_message(timeout=None), []
            while message:
                keys.append(message["channel"].split(":", 1)[1])
                message = news.get_message()
            self.process([key for key in keys if key.startswith("VLAN")] + list(self.waiting))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("socket")
    parser.add_argument("--bridge")
    parser.add_argument("--pace", type=float, default=0)
    arguments = parser.parse_args()
    try:
        VlanManager(connect(arguments.socket), Bridge(arguments.bridge), arguments.pace).run()
    except OSError as error:
        sys.exit(f"vlanmgrd ends: {error}")


if __name__ == "__main__":
    main()

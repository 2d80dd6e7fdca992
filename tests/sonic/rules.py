"""Holds CONFIG_DB against vsn-sonic.yang with yanglint of libyang."""
import json
import os
import subprocess

MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "vsn-sonic.yang")
# Table: its list, and the leaves that the parts of a key are.
TABLES = {"PORT": ("port", ["name"]), "PORTCHANNEL": ("portchannel", ["name"]),
          "PORTCHANNEL_MEMBER": ("portchannel-member", ["channel", "port"]), "VLAN": ("vlan", ["name"]),
          "VLAN_MEMBER": ("vlan-member", ["vlan", "port"]), "INTERFACE": ("interface", ["name"]),
          "PORTCHANNEL_INTERFACE": ("interface", ["name"]), "MIRROR_SESSION": ("mirror-session", ["name"])}
LEAVES = {"port": ["mode"], "portchannel": ["mode"], "vlan": ["vlanid"], "vlan-member": ["tagging_mode"],
          "mirror-session": ["dst_port"]}


def rows_of(config):
    """{list: [row]} of a CONFIG_DB; an address below an interface is the interface's row as well."""
    lists = {}
    for key in sorted(config.keys("*|*")):
        table, *parts = key.split("|")
        if table not in TABLES:
            continue
        name, leaves = TABLES[table]
        fields = config.hgetall(key)
        row = {**dict(zip(leaves, parts)), **{leaf: fields[leaf] for leaf in LEAVES.get(name, []) if leaf in fields}}
        if "vlanid" in row and row["vlanid"].isdigit():
            row["vlanid"] = int(row["vlanid"])
        if row not in lists.setdefault(name, []):
            lists[name].append(row)
    return lists


def complaints(config, folder):
    """What yanglint says against it; "" when it keeps the rules."""
    path = os.path.join(folder, "config.json")
    with open(path, "w") as file:
        json.dump({"vsn-sonic:config": rows_of(config)}, file)
    done = subprocess.run(["yanglint", "-t", "config", MODEL, path], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stderr + done.stdout

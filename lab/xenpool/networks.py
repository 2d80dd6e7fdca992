"""Networks, VLANs, bonds, tunnels and the interfaces of machines: made, plugged, and taken away."""
import itertools

from .calls import call
from .schema import NULL
from .values import Failure

# What every PIF has for a MAC address that is no card's.
NO_MAC = "fe:ff:ff:ff:ff:ff"


def bridges(pool):
    """The next free name of a bridge that is no card's own."""
    used = {record["bridge"] for _, record in pool.database.all("network")}
    return next(name for name in (f"xapi{n}" for n in itertools.count()) if name not in used)


def make_network(pool, name, bridge=None, **fields):
    return pool.database.create("network", name_label=name, bridge=bridge or bridges(pool), MTU=1500, managed=True, **fields)


def make_pif(pool, host, device, network, mac, metrics=True, **fields):
    database = pool.database
    if metrics:
        fields["metrics"] = database.create("PIF_metrics", carrier=fields.pop("carrier", True), speed=10000, duplex=True,
                                            pci_bus_path="0000:03:00.0", last_updated=pool.now())
    return database.create("PIF", host=host, device=device, network=network, MAC=mac, MTU=1500, managed=True,
                           **{"VLAN": -1, **fields})


def make_vlan(pool, trunk, network, tag, attached=False):
    """A VLAN on a physical or bond PIF: the ref of the VLAN object."""
    database = pool.database
    with database.lock:
        below = database.row("PIF", trunk).record
        if not 0 <= tag <= 4094:
            raise Failure("VLAN_TAG_INVALID", tag)
        if below["VLAN"] >= 0:
            raise Failure("PIF_IS_VLAN", trunk)
        if below["bond_slave_of"] != NULL:
            raise Failure("CANNOT_ADD_VLAN_TO_BOND_SLAVE", trunk)
        for vlan in below["VLAN_slave_of"]:
            if database.get("VLAN", vlan, "tag") == tag:
                raise Failure("PIF_VLAN_EXISTS", trunk)
        if any(database.get("PIF", pif, "host") == below["host"] for pif in database.get("network", network, "PIFs")):
            raise Failure("NETWORK_ALREADY_CONNECTED", below["host"], network)
        pif = make_pif(pool, below["host"], below["device"], network, NO_MAC, VLAN=tag, currently_attached=attached)
        vlan = database.create("VLAN", tagged_PIF=trunk, untagged_PIF=pif, tag=tag)
        database.write("PIF", pif, VLAN_master_of=vlan)
        return vlan


def drop_pif(pool, pif):
    metrics = pool.database.get("PIF", pif, "metrics")
    pool.database.destroy("PIF", pif)
    if pool.database.has("PIF_metrics", metrics):
        pool.database.destroy("PIF_metrics", metrics)


def drop_vlan(pool, vlan):
    database = pool.database
    with database.lock:
        pif = database.get("VLAN", vlan, "untagged_PIF")
        if any(database.get("VIF", vif, "currently_attached") and
               database.get("VM", database.get("VIF", vif, "VM"), "resident_on") == database.get("PIF", pif, "host")
               for vif in database.get("network", database.get("PIF", pif, "network"), "VIFs")):
            raise Failure("NETWORK_CONTAINS_VIF", "a machine uses it")
        database.write("PIF", pif, currently_attached=False)
        database.destroy("VLAN", vlan)
        drop_pif(pool, pif)


@call("network.create", 1, job=True)
def create_network(context, record):
    return make_network(context.pool, record.get("name_label", ""), name_description=record.get("name_description", ""),
                        other_config=record.get("other_config", {}))


@call("network.destroy", 1, job=True)
def destroy_network(context, network):
    record = context.database.row("network", network).record
    if record["PIFs"]:
        raise Failure("NETWORK_CONTAINS_PIF", *record["PIFs"])
    if record["VIFs"]:
        raise Failure("NETWORK_CONTAINS_VIF", *record["VIFs"])
    context.database.destroy("network", network)


@call("VLAN.create", 3, job=True)
def create_vlan(context, trunk, tag, network):
    return make_vlan(context.pool, trunk, network, int(tag))


@call("VLAN.destroy", 1, job=True)
def destroy_vlan(context, vlan):
    drop_vlan(context.pool, vlan)


@call("pool.create_VLAN_from_PIF", 3, job=True)
def create_vlan_everywhere(context, trunk, network, tag):
    """On every host, above the PIF of the same network."""
    pool, database = context.pool, context.database
    below = database.row("PIF", trunk).record
    made = []
    for each in database.get("network", below["network"], "PIFs"):
        made.append(database.get("VLAN", make_vlan(pool, each, network, int(tag)), "untagged_PIF"))
    return made


@call("pool.create_VLAN", 4, job=True)
def create_vlan_of_device(context, device, network, tag, host):
    for ref, record in context.database.all("PIF"):
        if (record["device"], record["host"], record["VLAN"]) == (device, host, -1):
            return create_vlan_everywhere(context, ref, network, tag)
    raise Failure("INVALID_VALUE", "device", device)


@call("PIF.plug", 1, job=True)
def plug_pif(context, pif):
    context.database.write("PIF", pif, currently_attached=True)


@call("PIF.unplug", 1, job=True)
def unplug_pif(context, pif):
    if context.database.get("PIF", pif, "disallow_unplug"):
        raise Failure("PIF_DOES_NOT_ALLOW_UNPLUG", pif)
    context.database.write("PIF", pif, currently_attached=False)


@call("PIF.destroy", 1, job=True)
def destroy_pif(context, pif):
    vlan = context.database.get("PIF", pif, "VLAN_master_of")
    if vlan == NULL:
        raise Failure("PIF_IS_PHYSICAL", pif)
    drop_vlan(context.pool, vlan)


# Bonds

def make_bond(pool, host, device, network, members, mode="balance-slb", mac=None, **fields):
    """The bond takes over what its primary slave had: management, address and VLANs."""
    database = pool.database
    with database.lock:
        if mode not in pool.release.bond_modes:
            raise Failure("VALUE_NOT_SUPPORTED", "mode", mode)
        first = database.row("PIF", members[0]).record
        for member in members:
            if database.get("PIF", member, "bond_slave_of") != NULL:
                raise Failure("PIF_ALREADY_BONDED", member)
        carried = {name: first[name] for name in ("management", "ip_configuration_mode", "IP", "netmask", "gateway")}
        master = make_pif(pool, host, device, network, mac or first["MAC"], currently_attached=True, **{**carried, **fields})
        bond = database.create("Bond", master=master, primary_slave=members[0], mode=mode, links_up=len(members))
        for member in members:
            vlans = list(database.get("PIF", member, "VLAN_slave_of"))
            database.write("PIF", member, bond_slave_of=bond, currently_attached=False, management=False,
                           ip_configuration_mode="None", IP="", netmask="", gateway="")
            for vlan in vlans:
                database.write("VLAN", vlan, tagged_PIF=master)
                database.write("PIF", database.get("VLAN", vlan, "untagged_PIF"), device=device)
        return bond


@call("Bond.create", 3, 5, since="miami", job=True)
def create_bond(context, network, members, mac, mode="balance-slb", _properties=None):
    database, pool = context.database, context.pool
    host = database.get("PIF", members[0], "host")
    used = {record["device"] for _, record in database.all("PIF") if record["host"] == host}
    device = next(name for name in (f"bond{n}" for n in itertools.count()) if name not in used)
    return make_bond(pool, host, device, network, members, mode, mac)


@call("Bond.destroy", 1, job=True)
def destroy_bond(context, bond):
    """What the bond had goes back to its primary slave."""
    database = context.database
    with database.lock:
        record = database.row("Bond", bond).record
        master = database.row("PIF", record["master"]).record
        first = record["primary_slave"]
        for vlan in list(master["VLAN_slave_of"]):
            database.write("VLAN", vlan, tagged_PIF=first)
            database.write("PIF", database.get("VLAN", vlan, "untagged_PIF"), device=database.get("PIF", first, "device"))
        for member in list(record["slaves"]):
            database.write("PIF", member, bond_slave_of=NULL, currently_attached=True)
        database.write("PIF", first, management=master["management"], IP=master["IP"],
                       ip_configuration_mode=master["ip_configuration_mode"])
        database.destroy("Bond", bond)
        drop_pif(context.pool, record["master"])


@call("Bond.set_mode", 2, since="boston", job=True)
def set_bond_mode(context, bond, mode):
    if mode not in context.pool.release.bond_modes:
        raise Failure("VALUE_NOT_SUPPORTED", "mode", mode)
    context.database.write("Bond", bond, mode=mode)


# Interfaces of machines

def attach_networks(pool, machine, host):
    """The VLANs of a machine come up on a host, where they were not: before the machine comes."""
    database = pool.database
    with database.lock:
        networks = {database.get("VIF", vif, "network") for vif in database.get("VM", machine, "VIFs")}
        for ref in database.get("host", host, "PIFs"):
            pif = database.row("PIF", ref).record
            if pif["network"] in networks and not pif["currently_attached"] and pif["bond_slave_of"] == NULL:
                database.write("PIF", ref, currently_attached=True)


def make_vif(pool, machine, network, mac, device, attached):
    return pool.database.create("VIF", VM=machine, network=network, MAC=mac, MTU=1500, device=str(device),
                                currently_attached=attached, MAC_autogenerated=True)


@call("VIF.create", 1, job=True)
def create_vif(context, record):
    database = context.database
    mac = record.get("MAC") or context.pool.new_mac()
    database.row("network", record["network"])
    taken = {database.get("VIF", vif, "device") for vif in database.get("VM", record["VM"], "VIFs")}
    if record.get("device", "0") in taken:
        raise Failure("DEVICE_ALREADY_EXISTS", record["device"])
    return make_vif(context.pool, record["VM"], record["network"], mac, record.get("device", "0"), False)


@call("VIF.plug", 1, job=True)
def plug_vif(context, vif):
    _attach(context, vif, True, "plug")


@call("VIF.unplug", 1, job=True)
def unplug_vif(context, vif):
    _attach(context, vif, False, "unplug")


def _attach(context, vif, attached, word):
    database, pool = context.database, context.pool
    machine = database.get("VIF", vif, "VM")
    host = database.get("VM", machine, "resident_on")
    if host == NULL:
        raise Failure("VM_BAD_POWER_STATE", machine, "running", "halted")
    key = pool.operation_key(context.job)
    database.change_map("VIF", vif, "current_operations", key, word)
    if attached:
        attach_networks(pool, machine, host)
    database.write("VIF", vif, currently_attached=attached)
    database.change_map("VIF", vif, "current_operations", key)


@call("VIF.move", 2, since="ely", job=True)
def move_vif(context, vif, network):
    database = context.database
    database.row("network", network)
    machine = database.get("VIF", vif, "VM")
    database.write("VIF", vif, network=network)
    if database.get("VM", machine, "resident_on") != NULL:
        attach_networks(context.pool, machine, database.get("VM", machine, "resident_on"))


@call("VIF.destroy", 1, job=True)
def destroy_vif(context, vif):
    context.database.destroy("VIF", vif)

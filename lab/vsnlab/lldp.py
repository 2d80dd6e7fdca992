"""lldpd in a world: one daemon, its socket, and what it heard."""
import json

from .until import until

# How a network card speaks. An ESXi standard switch only listens, and only to CDP; a distributed switch
# speaks and hears LLDP with the card's MAC address as port id.
MODES = {
    "cdp-listen": ["-r", "-ll", "-c"],
    "cdp": ["-ll", "-ccc"],
    "lldp": [],
    "both": ["-l", "-ccc"],
}


def _first(values, *names):
    """Walks lldpd's json0, where every element is a list: the first value found, or ''."""
    for name in names:
        values = (values or [{}])[0].get(name)
    return (values or [{}])[0].get("value", "")


def parse(text):
    """The neighbours in the output of `lldpcli -f json0 show neighbors details`, a list of dicts."""
    found = []
    for table in json.loads(text or "{}").get("lldp", []):
        for entry in table.get("interface", []):
            chassis, port = entry.get("chassis"), entry.get("port")
            # lldpd joins CDP's platform and software version to one text.
            platform, joined, version = _first(chassis, "descr").partition(" running on\n")
            found.append({
                "nic": entry["name"], "protocol": "CDP" if entry["via"].startswith("CDP") else "LLDP",
                "chassis_id": _first(chassis, "id"), "system": _first(chassis, "name"),
                "platform": platform if joined else "", "description": version if joined else platform,
                "address": _first(chassis, "mgmt-ip"),
                "port_id": _first(port, "id"), "port_description": _first(port, "descr")})
    return found


class Lldpd:
    """One lldpd on the interfaces 'nics' (names or a pattern) of a network namespace."""

    def __init__(self, plane, name, netns, nics, mode, port_id="ifname", address=None):
        folder = f"{plane.dir}/lldpd-{name}"
        self.plane, self.name, self.netns, self.nics, self.mode = plane, name, netns, list(nics), mode
        self.socket, self._log, self._conf = f"{folder}/socket", f"{folder}/log", f"{folder}/conf"
        self.hostname, self._port_id, self._address, self.process = name, port_id, address, None

    def start(self):
        self.plane.write(self._conf, f"configure system hostname {self.hostname}\n"
                         f"configure lldp portidsubtype {self._port_id}\n"
                         "configure lldp tx-interval 1\n")
        self.plane.run(["rm", "-f", self.socket])
        self.process = self.plane.spawn(
            ["lldpd", "-d", *MODES[self.mode], "-u", self.socket, "-O", self._conf, "-I", ",".join(self.nics),
             *(["-m", self._address] if self._address else [])],
            netns=self.netns, log=self._log)
        self.plane.wait_path(self.socket)
        return self

    def stop(self):
        """As a daemon that is killed: the neighbours learn it when their time to live ends."""
        self.process.kill()
        self.process.wait()

    def rename(self, hostname):
        self.hostname = hostname
        self.plane.run(["lldpcli", "-u", self.socket, "configure", "system", "hostname", hostname], check=True)

    def heard(self):
        done = self.plane.run(["lldpcli", "-u", self.socket, "-f", "json0", "show", "neighbors", "details"])
        return parse(done.stdout)

    def wait_heard(self, nics=None, timeout=10):
        """Waits until every one of 'nics' has heard somebody; returns all neighbours."""
        wanted = set(nics or self.nics)
        def complete():
            heard = self.heard()
            return heard if wanted <= {n["nic"] for n in heard} else None
        return until(f"{self.name}: neighbours on {sorted(wanted)}", complete, timeout, every=0.1)

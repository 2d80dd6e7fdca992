"""Two switches with a cable between them, each with an agent of its own that knows nothing of the other, and one vCenter."""
from advance_place import HOLD_DOWN_S, MOVE
from agent import Agent
from place import Place, Scene
from vsnlab import host_of


class TwoSwitches(Place):
    """
    tor-1   swp1: esx1 with web-1 (VLAN 100)    swp2: esx3 with far-1, the third station (VLANs 100 and 200)
            swp3: the uplink
    tor-2   swp11: esx2 with app-1 (VLAN 200)   swp19: the uplink
    """
    ports, station_port = ["swp1", "swp2", "swp3"], "swp4"

    def _populate(self, plane):
        self.tor1, self.tor2 = plane.switches[0], plane.create_second_switch(["swp11"], ("swp19", "swp3"))
        for host, port in (("esx1", "swp1"), ("esx2", "swp11"), ("esx3", "swp2")):
            plane.create_host(host, {"vmnic0": port}, {"dvs1": ["vmnic0"]}, discovery="lldp")
        self.web = plane.create_machine("web-1", plane.hosts["esx1"], 100, "dvs1")
        self.app = plane.create_machine("app-1", plane.hosts["esx2"], 200, "dvs1")
        self.far = plane.create_machine("far-1", plane.hosts["esx3"], "100,200", "dvs1")
        self.ports = ["swp1", "swp2", "swp3", "swp11", "swp19"]


class TwoAgents(Scene):
    """agents: by the name of their switch. At first each machine is where the place says."""
    wanted = {"tor-1": {"swp1": "100", "swp2": "100,200", "swp3": "100,200"},
              "tor-2": {"swp11": "200", "swp19": "200"}}

    def __init__(self, place, **more):
        super().__init__(place, settings=(f"prune hold-down {HOLD_DOWN_S}", "prune budget 1000"), flags=MOVE,
                         provision="machines", **more)
        self.agents = {}

    def _inventory(self):
        place = self.place
        local = {"name": "vSwitch0", "uplinks": [], "portgroups": [{"name": "Management Network"}]}
        return {
            "cluster": "rack1", "hosts": [host_of(host, vswitches=[local]) for host in place.hosts.values()],
            "dvs": [{"name": "dvs1", "uplinks": ["Uplink 1"], "discovery": "lldp/both",
                     "hosts": [{"host": name, "pnics": [{"device": "vmnic0"}]} for name in place.hosts],
                     "portgroups": [{"name": "red", "vlan": 100}, {"name": "green", "vlan": 200}]}],
            "machines": [
                {"name": name, "host": host, "networks": networks, "power": "on"}
                for name, host, networks in (("web-1", "esx1", ["red"]), ("app-1", "esx2", ["green"]),
                                             ("far-1", "esx3", ["red", "green"]))]}

    def _start_agents(self):
        for switch in self.plane.switches:
            agent = self._stack.enter_context(Agent(self.plane, switch.name))
            agent.configure(self._config_of(switch))
            self.agents[switch.name] = agent.start()

    def __enter__(self):
        try:
            self._stack.callback(self.place.close_ports)
            self._start_hypervisors()
            self._start_agents()
            return self
        except BaseException:
            self._stack.close()
            raise

    def _config_of(self, switch):
        uplinks = {"swp3", "swp19"}
        ports = [port for port in self.wanted[switch.name]]
        interfaces = "\n".join(f"interface {port}\n {'vsn uplink' if port in uplinks else 'vsn enable'}\n!" for port in ports)
        return "\n".join([f"hostname {switch.name}", switch.config, f"lldpd socket {switch.lldpd.socket}",
                          *self.blocks.values(), interfaces, "\n ".join(["vsn", *self.settings]), "!", "end", ""])

    def wait_both(self, **changes):
        """Waits until both switches carry what they should at first, with these changes."""
        for name, wanted in self.wanted.items():
            expected = {port: changes.get(port, vlans) for port, vlans in wanted.items()}
            self.agents[name].wait_ports(expected, 30)

    def ledger(self, switch, machine):
        """The newest entry of a machine in the ledger of a switch's agent."""
        return max(self.agents[switch].show("migration", machine), key=lambda row: int(row["id"]))

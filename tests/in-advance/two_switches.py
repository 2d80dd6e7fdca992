"""A scene on both switches: each has an agent of its own that knows nothing of the other, and there is one vCenter."""
from advance_place import KEEP, MOVE, PRUNE, inventory
from agent import Agent
from place import Scene


class TwoAgents(Scene):
    """agents: by the name of their switch. At first each machine is where the place says."""
    wanted = {"tor-1": {"swp1": "100", "swp2": "100,200", "swp3": "100,200"},
              "tor-2": {"swp11": "200", "swp19": "200"}}

    def __init__(self, place, **more):
        super().__init__(place, settings=KEEP, flags=MOVE, provision="machines", **more)
        self.agents = {}

    def _inventory(self):
        return inventory(self.place, ["esx1", "esx2", "esx3"],
                         {"web-1": ["red"], "app-1": ["green"], "far-1": ["red", "green"]})

    def _start_agents(self):
        for switch in self.plane.switches:
            agent = self._stack.enter_context(Agent(self.plane, switch.name))
            agent.configure(self._config_of(switch))
            self.agents[switch.name] = agent.start()

    def __enter__(self):
        try:
            self._stack.callback(self.place.close_ports)
            self.place.home()
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

    def prune(self):
        """From now on, on both."""
        self.settings = PRUNE
        for switch in self.plane.switches:
            agent = self.agents[switch.name]
            agent.configure(self._config_of(switch))
            status, said = agent.reload()
            assert status == 0, said

    def wait_both(self, **changes):
        """Waits until both switches carry what they should at first, with these changes."""
        for name, wanted in self.wanted.items():
            expected = {port: changes.get(port, vlans) for port, vlans in wanted.items()}
            self.agents[name].wait_ports(expected, 30)

    def ledger(self, switch, machine):
        """The newest entry of a machine in the ledger of a switch's agent."""
        return max(self.agents[switch].show("migration", machine), key=lambda row: int(row["id"]))

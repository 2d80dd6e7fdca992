"""The same with XenServer pools, as releases 5.6 and 8.2 behave: Debian's XenAPI.py moves a machine while it sends a frame
every millisecond."""
import os
import sys

import pytest

from advance_place import KEEP, PRUNE
from place import Place, Scene
from vsnlab import Passage, XenPool, watch, xen_host_of

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../xenpool"))

import clients  # noqa: E402

FRAMES = 200
# A copy of the memory as short as the issue of moves ahead names it.
QUICK = ["-t-copy", "300ms", "-late", "0s"]


class PoolPlace(Place):
    """
    xs1    swp1: its one card carries management and machines
    xs2    swp2: the same
    swp3   the station
    """
    ports, station_port = ["swp1", "swp2"], "swp3"

    def _populate(self, plane):
        for host, port in (("xs1", "swp1"), ("xs2", "swp2")):
            plane.create_host(host, {"eth0": port}, {"xenbr0": ["eth0"]}, discovery="dom0")
        self.web = plane.create_machine("web-1", plane.hosts["xs1"], 100, "xenbr0")


class PoolScene(Scene):
    wanted = {"swp1": "100", "swp2": ""}

    def __init__(self, place, release):
        super().__init__(place, settings=KEEP)
        self.release = release

    def _inventory(self):
        return {"pool": "rack1", "master": "xs1", "hosts": [xen_host_of(host) for host in self.place.hosts.values()],
                "networks": [{"name": "blue", "vlan": 100, "device": "eth0"}],
                "machines": [{"name": "web-1", "host": "xs1", "networks": ["blue"], "power": "on"}]}

    def _start_hypervisors(self):
        if self.place.web.host.name != "xs1":
            self.place.web.move(self.place.hosts["xs1"], announce=False)
        self.place.forget_stations()
        folder = os.path.join(self.plane.host_dir, f"pool-{self.release}")
        os.mkdir(folder, 0o755)
        self.pool = self._stack.enter_context(XenPool(folder, self._world, QUICK, self.release, self.plane))
        self.add_block("pool1", self.pool.url.rstrip("/"), self.pool.certificate, username="root", type="xen-citrix",
                       provision="machines")

    def _port_words(self):
        """Pinned: how a silent host is found is another test's matter, and takes seconds."""
        return {port: ["vsn enable", f"vsn bind pool1 {host} eth0"] for host, port in (("xs1", "swp1"), ("xs2", "swp2"))}


@pytest.fixture(scope="module")
def pool_place():
    with PoolPlace("ovs") as place:
        yield place


@pytest.mark.parametrize("release", ["5.6", "8.2"])
def test_in_advance_with_a_pool(pool_place, release, tell):
    place = pool_place
    with PoolScene(place, release) as scene, watch(scene.plane) as watcher:
        scene.wait_carried()
        end = scene.pool.follow(scene.plane)
        passage = Passage(place.web, place.station, place.ports)
        passage.wait_arrived(FRAMES)
        xen = clients.logged_in(scene.pool).xenapi
        machine, host = xen.VM.get_by_name_label("web-1")[0], xen.host.get_by_name_label("xs2")[0]
        xen.VM.pool_migrate(machine, host, {"live": "true"})
        passage.wait_at("swp2", FRAMES)
        account = passage.stop()
        end()
        tell(f"XenServer {release}: {account}")
        assert not account.for_want("swp2") and len(account.dropped) <= account.overruns, account
        assert account.at["swp1"] and account.at["swp2"]
        switched = scene.pool.moves()[-1]["switched"]
        assert watcher.added("swp2", 100).at * 1000 < switched
        entry = scene.agent.wait("the ledger knows", lambda: next(
            (row for row in scene.agent.show("migration", "web-1") if row["switched_over"]), None))
        assert (entry["from"], entry["to"], entry["outcome"]) == ("xs1", "xs2", "in-time")
        tell(f"XenServer {release}: ledger's lead {entry['lead_ms']} ms, watcher's "
             f"{switched - watcher.added('swp2', 100).at * 1000:.0f} ms")
        scene.reconfigure(settings=PRUNE)
        scene.wait_carried(swp1="", swp2="100")

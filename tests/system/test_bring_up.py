"""'port auto-enable': a port that is down and needed comes up with its VLANs, once. The whole on the Linux bridge; what
Open vSwitch's driver does is in tests/contract."""
import pytest

from administrator import Admin
from place import SOME_VLANS, Scene

pytestmark = pytest.mark.parametrize("place", ["uml"], indirect=True)
PORT = "swp4"
WORDS = ["vsn enable", "vsn bind vc1 esx3 vmnic0"]


class DownScene(Scene):
    def _port_words(self):
        return {**super()._port_words(), PORT: [*WORDS, "port auto-enable"]}


@pytest.fixture
def shut(place):
    place.plane.set_port(PORT, False)
    yield
    place.plane.set_port(PORT, True)


def is_up(plane):
    return "UP" in plane.run(["ip", "link", "show", "dev", PORT]).stdout.partition("<")[2].partition(">")[0].split(",")


def test_a_port_that_is_needed_comes_up_once(place, shut):
    with DownScene(place) as scene, Admin(scene.vcenter) as admin:
        agent, plane = scene.agent, scene.plane
        expected = scene.wait_carried()
        agent.wait(f"{PORT} is up", lambda: agent.port(PORT)["link"] == "up")
        assert is_up(plane)
        assert place.carries(expected, SOME_VLANS)
        row = next(row for row in agent.show("audit") if row["port"] == PORT)
        assert "brought up" in row["remark"] and row["problem"] == ""
        assert agent.log().count(f"port {PORT}: added 200-201,1000-1010,1020 brought up") == 1

        plane.set_port(PORT, False)
        agent.wait("somebody shut it", lambda: "somebody shut it again" in agent.port(PORT)["remark"])
        admin.add_distributed("dvs2", "wide", [(410, 410)])
        scene.wait_carried(swp4="200-201,410,1000-1010,1020")
        assert f"Nothing passes through {PORT} now: it is down" in agent.cli("why", PORT, "410").stdout
        agent.restart()
        scene.wait_carried(swp4="200-201,410,1000-1010,1020")
        assert "somebody shut it again" in agent.port(PORT)["remark"]
        assert not is_up(plane)

        scene.reconfigure(ports={PORT: WORDS})
        agent.wait("it may not come up", lambda: "'port auto-enable' would bring it up" in agent.port(PORT)["remark"])
        assert not is_up(plane)
        scene.reconfigure()
        agent.wait("it comes up again", lambda: is_up(plane))


def test_mode_check_brings_nothing_up(place, shut):
    with DownScene(place, mode="check") as scene:
        planned = lambda: next(row for row in scene.agent.show("plan") if row["port"] == PORT)
        scene.agent.wait("it is planned", lambda: planned()["bring_up"])
        assert planned()["mode"] == "check" and not is_up(scene.plane)
        assert scene.agent.cli("freeze").returncode == 0
        scene.blocks["vc1"] = scene.blocks["vc1"].replace("mode check", "mode config")
        scene.reconfigure()
        scene.agent.wait("it is planned", lambda: planned()["mode"] == "config" and "frozen" in planned()["problem"])
        assert not is_up(scene.plane)
        scene.agent.cli("thaw")
        scene.agent.wait("it comes up", lambda: is_up(scene.plane))
        scene.wait_carried()

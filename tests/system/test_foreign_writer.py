"""Another program that owns the switch's configuration, Cumulus' own: 'ifreload -a' of ifupdown2 takes every VLAN away that its
file does not name."""
import os
import subprocess

import pytest

from place import SOME_VLANS, Scene, WANTED
from vsnlab import BUILD, PROJECT, Traffic

TOOL = f"{BUILD}/lab/ifupdown2"
STRANGE = 3000    # what the file does name
INTERVAL_MS = 20

# It writes below /var and to /etc, which the guest has to read only.
RUN = """mkdir -p /run/ifreload /run/network
[ -e /run/ifreload/etc ] || cp -r /etc /run/ifreload/etc
mkdir -p /run/ifreload/etc/network
cp -r {tool}/etc/network/. /run/ifreload/etc/network/
ln -sf {tool}/usr/share/ifupdown2/__main__.py /run/ifreload/ifreload
cat >/run/ifreload/etc/network/interfaces <<FILE
{interfaces}
FILE
unshare --mount sh -c 'mount --bind /run/ifreload/etc /etc
    for folder in lib log tmp; do mount -t tmpfs none /var/$folder; done
    cd /run && exec /usr/bin/python3 /run/ifreload/ifreload -a'
"""


@pytest.fixture(scope="module")
def scene(place):
    subprocess.run([f"{PROJECT}/lab/ifupdown2/unpack"], check=True,
                   env={**os.environ, "VSN_BUILD_DIR": BUILD})
    with Scene(place) as scene:
        scene.wait_carried()
        yield scene


def ifreload(place, strange=STRANGE):
    """Has the bridge's ports as the file has them: nothing but one VLAN that no machine needs."""
    ports = [*place.ports, place.station_port]
    interfaces = (f"auto {place.plane.bridge}\niface {place.plane.bridge}\n    bridge-vlan-aware yes\n"
                  f"    bridge-ports {' '.join(ports)}\n    bridge-stp off\n    bridge-vids {strange}\n"
                  f"auto {place.station_port}\niface {place.station_port}\n    bridge-vids 2-4094\n")
    place.plane.sh(RUN.format(tool=TOOL, interfaces=interfaces))


def strange_ports(place):
    return [port for port, vlans in place.vlans().items() if STRANGE in vlans]


@pytest.fixture
def tidied(place):
    yield
    for port in strange_ports(place):
        place.plane.remove_vlans(port, str(STRANGE))


@pytest.mark.parametrize("place", ["uml"], indirect=True)
def test_vlans_that_ifreload_takes_away_are_back_within_a_second(scene, place, tidied):
    flow = Traffic(place.station, place.nic("swp1"), WANTED["swp1"], interval_ms=INTERVAL_MS)
    flow.wait_frame()
    ifreload(place)
    scene.agent.wait("all are back", lambda: scene.agent.port("swp1")["applied"] == WANTED["swp1"])
    result = flow.stop()
    assert "port swp1: somebody else took VLAN" in scene.agent.log()
    assert result["lost"] * INTERVAL_MS < 1000 * len(WANTED["swp1"].split("-")), result
    assert len(strange_ports(place)) == len(place.ports)    # somebody else's: it stays
    for port in strange_ports(place):
        place.plane.remove_vlans(port, str(STRANGE))
    assert place.carries({port: WANTED[port] for port in ("swp1", "swp3", "swp4")}, SOME_VLANS)


@pytest.mark.parametrize("place", ["uml"], indirect=True)
def test_a_freeze_lets_ifreload_have_its_way(scene, place, tidied):
    assert scene.agent.cli("freeze").returncode == 0
    ifreload(place)
    scene.agent.wait("it is seen", lambda: scene.agent.port("swp1")["applied"] == "")
    assert place.vlans(["swp1", "swp3"]) == {"swp1": {STRANGE}, "swp3": {STRANGE}}
    assert scene.agent.cli("thaw").returncode == 0
    scene.agent.wait("all are back", lambda: scene.agent.port("swp1")["applied"] == WANTED["swp1"])

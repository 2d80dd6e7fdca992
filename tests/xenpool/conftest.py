import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../lab"))
sys.path.insert(0, HERE)

from vsnlab.xenpool import XenPool  # noqa: E402

QUICK = ["-t-copy", "200ms", "-t-start", "50ms", "-t-step", "5ms", "-t-restart", "100ms", "-t-designate", "100ms",
         "-t-notice", "200ms", "-late", "0"]


def world(hosts=3, **more):
    """A pool with a bond on each host, a VLAN on it, and a machine."""
    names = [f"xs{n + 1}" for n in range(hosts)]
    return {
        "pool": "rack1",
        "hosts": [{"name": name, "management": "bond0", "pifs": [{"device": f"eth{n}"} for n in range(3)],
                   "bonds": [{"device": "bond0", "members": ["eth0", "eth1"]}]} for name in names],
        "networks": [{"name": "blue", "vlan": 100, "device": "bond0"}, {"name": "red <\"&é>", "vlan": 200, "device": "eth2"},
                     {"name": "inside"}],
        "machines": [{"name": "web1", "host": "xs1", "networks": ["blue"], "power": "on"},
                     {"name": "web2", "host": "xs1", "networks": ["blue", "inside"], "power": "on"},
                     {"name": "off1", "networks": ["red <\"&é>"]}],
        **more}


@pytest.fixture
def start(tmp_path):
    """Starts pools: start("5.6", *flags, inventory=...)."""
    running = []

    def run(release="8.2", *flags, inventory=None):
        folder = tmp_path / f"pool-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        running.append(XenPool(folder, inventory or world(), [*QUICK, *flags], release).start())
        return running[-1]

    yield run
    for pool in running:
        pool.stop()


@pytest.fixture(params=["5.6", "8.2"])
def release(request):
    """Both personalities."""
    return request.param


@pytest.fixture
def pool(start, release):
    return start(release)

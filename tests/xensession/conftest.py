import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../../lab"), os.path.join(HERE, "../session")]

from follow import Session  # noqa: E402
from vsnlab.xenpool import XenPool  # noqa: E402

FAST = ["-t-copy", "300ms", "-t-start", "200ms", "-t-restart", "300ms", "-t-designate", "300ms", "-late", "0s"]


@pytest.fixture
def pool(tmp_path):
    """Starts stand-ins: pool(inventory, *flags, release="8.2")."""
    running = []

    def start(inventory=None, *flags, release="8.2"):
        running.append(XenPool(tmp_path, inventory, [*FAST, *flags], release).start())
        return running[-1]

    yield start
    for each in running:
        each.stop()


@pytest.fixture
def follow():
    """Starts sessions with a stand-in: follow(pool, **target)."""
    running = []

    def start(server, url=None, **target):
        session = Session(url or server.url, **{"type": "xen-citrix", "username": "root", "ca_file": server.certificate,
                                                **target})
        running.append(session.__enter__())
        return session

    yield start
    for each in running:
        each.__exit__()

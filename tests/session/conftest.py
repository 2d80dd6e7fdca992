import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../lab"))
sys.path.insert(0, HERE)

from follow import Session  # noqa: E402
from vsnlab.vcenter import VCenter  # noqa: E402


@pytest.fixture
def vcenter(tmp_path):
    """Starts stand-ins: vcenter(inventory, *flags)."""
    running = []

    def start(inventory=None, *flags):
        running.append(VCenter(tmp_path, inventory, ["-tick", "10ms", *flags]).start())
        return running[-1]

    yield start
    for each in running:
        each.stop()


@pytest.fixture
def follow():
    """Starts sessions with a stand-in: follow(vcenter, **target)."""
    running = []

    def start(server, url=None, **target):
        session = Session(url or server.url, **{"ca_file": server.certificate, **target})
        running.append(session.__enter__())
        return session

    yield start
    for each in running:
        each.__exit__()

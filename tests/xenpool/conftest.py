import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../lab"))
sys.path.insert(0, HERE)

from small_pool import QUICK, world  # noqa: E402
from vsnlab.xenpool import XenPool  # noqa: E402


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

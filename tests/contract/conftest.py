import os
import sys

import pytest

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "../../lab")]

from config_module import HAND, driver_of  # noqa: E402  (the paths come first)
from vsnlab import BridgePlane, OvsPlane   # noqa: E402


@pytest.fixture(scope="module", params=[OvsPlane, BridgePlane], ids=["open-vswitch", "linux-bridge"])
def plane(request):
    with request.param() as world:
        world.create_switch(4)
        world.host = world.create_host("esx1", {"vmnic0": "swp4", "vmnic1": "swp3"}, {"vs0": []},
                                       discovery={"vmnic0": "lldp", "vmnic1": "cdp"})
        yield world


@pytest.fixture
def folder(plane):
    """A folder of its own for each test, on a switch whose ports are closed."""
    driver, _, where = driver_of(plane)
    for port in ("swp1", "swp2"):
        plane.run([HAND, driver, where, "unbar", port], check=True)
        if plane.vlans(port):
            plane.remove_vlans(port, plane.vlans(port))
    path = f"{plane.dir}/{plane.next_number()}"
    plane.run(["mkdir", "-p", path], check=True)
    return path

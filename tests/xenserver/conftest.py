"""The place that the tests happen at, made once for each data plane; the agent and the scene are those of tests/system."""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../../lab"), os.path.join(HERE, "../system"), os.path.join(HERE, "../session")]

pytest.register_assert_rewrite("place", "xen_place")

from report import pytest_runtest_makereport  # noqa: E402, F401  (pytest finds it here)
from xen_place import XenPlace  # noqa: E402


@pytest.fixture(scope="session")
def xen_places():
    """Makes each place when it is first asked for: xen_places("ovs")"""
    made = {}

    def place(kind):
        if kind not in made:
            made[kind] = XenPlace(kind).__enter__()
        return made[kind]

    yield place
    for each in made.values():
        each.__exit__()


@pytest.fixture
def xen_place(xen_places):
    return xen_places("ovs")

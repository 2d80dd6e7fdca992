"""The place that the tests happen at, made once for all of them; the agent and the scene are those of tests/system."""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../../lab"), os.path.join(HERE, "../system"), os.path.join(HERE, "../session")]

pytest.register_assert_rewrite("place", "xen_place")

from report import pytest_runtest_makereport  # noqa: E402, F401  (pytest finds it here)
from xen_place import XenPlace  # noqa: E402


@pytest.fixture(scope="session")
def xen_place():
    with XenPlace("ovs") as place:
        yield place

"""The place that the tests happen at, made once for all of them; the agent and the scene are those of tests/system."""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../../lab"), os.path.join(HERE, "../system")]

pytest.register_assert_rewrite("place", "sonic_place", "databases")

from databases import Databases  # noqa: E402
from report import pytest_runtest_makereport  # noqa: E402, F401  (pytest finds it here)
from sonic_place import SonicPlace  # noqa: E402


@pytest.fixture(scope="session")
def sonic_place():
    with SonicPlace() as place:
        yield place


@pytest.fixture
def databases(tmp_path):
    with Databases(str(tmp_path)) as databases:
        yield databases

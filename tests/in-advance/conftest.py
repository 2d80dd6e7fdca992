"""The places that the moves of these tests happen at, and the figures that are told at the end. Agent and scene are those of
tests/system."""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../../lab"), os.path.join(HERE, "../system")]

pytest.register_assert_rewrite("advance_place", "place")

from advance_place import AdvancePlace  # noqa: E402
from place import KINDS  # noqa: E402
from report import pytest_runtest_makereport  # noqa: E402, F401  (pytest finds it here)

figures = []


@pytest.fixture(scope="session", params=KINDS)
def advance_place(request):
    with AdvancePlace(request.param) as place:
        yield place


@pytest.fixture
def tell():
    """tell(text): a line of figures, shown at the end of the run."""
    return figures.append


def pytest_terminal_summary(terminalreporter):
    if figures:
        terminalreporter.section("frames and moves")
        for line in figures:
            terminalreporter.line(line)

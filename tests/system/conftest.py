"""The places that the tests happen at: one world per data plane, made once."""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../lab"))

pytest.register_assert_rewrite("place")

from place import KINDS, Place
from report import pytest_runtest_makereport  # noqa: F401  (pytest finds it here)


@pytest.fixture(scope="session", params=KINDS)
def place(request):
    with Place(request.param) as place:
        yield place

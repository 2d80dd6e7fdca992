"""The places that the tests happen at: one world per data plane, made once."""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../lab"))

from agent import Agent
from place import KINDS, Place


@pytest.fixture(scope="session", params=KINDS)
def place(request):
    with Place(request.param) as place:
        yield place


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that fails shows what the agents said last."""
    report = (yield).get_result()
    if report.failed:
        for agent in Agent.running:
            report.sections.append((f"log of {agent.name}", agent.tail()))

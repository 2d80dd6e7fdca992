"""What a test that fails shows beside its traceback; a conftest.py takes it up by importing it."""
import pytest

from agent import Agent


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """What the agents said last."""
    report = (yield).get_result()
    if report.failed:
        for agent in Agent.running:
            report.sections.append((f"log of {agent.name}", agent.tail()))

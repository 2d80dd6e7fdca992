"""For pytest -p: what the sanitizers find in the programs of a test's world is that test's failure."""
import pytest

from vsnlab import BUILD

FINDINGS = "ERROR: AddressSanitizer|ERROR: LeakSanitizer: detected|: runtime error: "


def take_reports(plane):
    """What was reported since it was last asked."""
    paths = plane.run(["grep", "-rlE", "--include=*.log", FINDINGS, plane.dir]).stdout.split()
    for path in paths:
        plane.run(["mv", path, f"{path}.seen"], check=True)
    return [plane.read(f"{path}.seen").decode(errors="replace") for path in paths]


@pytest.fixture(scope="module", autouse=True)
def nothing_passes_by(plane):
    """Every kind of mistake is found here, and vsn-config is built to find its own."""
    for mistake in ("overflow", "leak", "undefined"):
        assert plane.spawn([f"{BUILD}/mistaken", mistake]).wait() != 0
        assert len(take_reports(plane)) == 1, mistake
    flags = plane.run([f"{BUILD}/vsn-config"], env={"ASAN_OPTIONS": "help=1"}).stderr
    assert "flags for AddressSanitizer" in flags


@pytest.fixture(autouse=True)
def findings(plane):
    yield
    reports = take_reports(plane)
    assert not reports, "\n".join(reports)


def pytest_collection_modifyitems(config, items):
    """Only the tests of the plane that can be had here."""
    left = [item for item in items if "open-vswitch" in item.name]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]

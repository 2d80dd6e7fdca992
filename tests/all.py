#!/usr/bin/python3
"""Builds everything and runs every test; the last line says 'N passed, N failed, N skipped'.

Steps that do not need each other run side by side, WORKERS at a time: most of them wait for daemons rather than
compute. What a step prints goes to build/log/NAME.log and is shown when the step fails. A test that is skipped is named
with its reason.
"""
import glob
import os
import re
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOG = os.path.join(ROOT, "build", "log")
PYTEST = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rfEs"]
WORKERS = 5
# Folders of tests that are a step for each of these choices of pytest's -k; the others are one step.
PARTS = {"system": ["uml", "not uml"]}
LONG = ["system-xensession", "system-system-uml", "system-sonic", "system-xenserver", "system-contract", "system-session",
        "system-system-not-uml", "system-in-advance", "system-xenpool", "system-lab"]
SANITIZE = ["-Db_sanitize=address,undefined", "-Db_lundef=false"]


class Step:
    """A command, what must have ended well before it, and where its results are counted from."""

    def __init__(self, name, argv, after=(), junit=None, count=None, env=None):
        self.name, self.argv, self.after, self.junit, self.count = name, argv, after, junit, count
        self.env = {**os.environ, **(env or {})}
        self.log = os.path.join(LOG, name + ".log")
        self.status, self.seconds = None, 0     # status: None before the end, "not run" when it could not be

    def run(self):
        start = time.monotonic()
        if self.junit and os.path.exists(self.junit):
            os.unlink(self.junit)      # of an earlier run
        with open(self.log, "wb") as log:
            self.status = subprocess.run(self.argv, cwd=ROOT, env=self.env, stdin=subprocess.DEVNULL, stdout=log,
                                         stderr=subprocess.STDOUT).returncode
        self.seconds = time.monotonic() - start

    def tell(self):
        passed, failed, skipped = self.results()
        print(f"  {self.name:<24} {passed:4} passed {failed:3} failed {skipped:3} skipped  {self.seconds:6.1f} s"
              + ("" if self.status == 0 else f"   status {self.status}"), flush=True)

    def results(self):
        """(passed, failed, skipped); a step without counted tests is one test by itself."""
        counted = None
        if self.status != "not run":
            if self.junit and os.path.exists(self.junit):
                counted = count_junit(self.junit)
            elif self.count:
                counted = self.count(open(self.log, errors="replace").read())
        passed, failed, skipped = counted or ((1, 0, 0) if self.status == 0 else (0, 0, 0))
        if self.status != 0 and failed == 0:
            failed = 1
        return passed, failed, skipped


def count_junit(path):
    cases = list(ElementTree.parse(path).getroot().iter("testcase"))
    failed = sum(1 for case in cases if case.find("failure") is not None or case.find("error") is not None)
    skipped = sum(1 for case in cases if case.find("skipped") is not None)
    return len(cases) - failed - skipped, failed, skipped


def count_go(text):
    return tuple(len(re.findall(rf"^--- {word}:", text, re.M)) for word in ("PASS", "FAIL", "SKIP"))


def count_mutations(text):
    return len(re.findall(r"^ok - ", text, re.M)), len(re.findall(r"^not ok - ", text, re.M)), 0


def meson_test(build, *suites):
    return ["meson", "test", "-C", build, "--no-rebuild", "--print-errorlogs", "--num-processes", "2",
            *[f"--suite={suite}" for suite in suites]]


def pytest_step(name, path, after, *more):
    junit = os.path.join(LOG, name + ".xml")
    return Step(name, [*PYTEST, "--junitxml", junit, path, *more], after, junit)


def build_step(name, folder, *options, env=None):
    script = f"[ -f {folder}/build.ninja ] || meson setup {folder} {' '.join(options)}; ninja -C {folder}"
    return Step(name, ["sh", "-ec", script], env=env)


class Schedule:
    """Hands out steps in their order, each as soon as those before it have ended well."""

    def __init__(self, steps):
        self.steps = {step.name: step for step in steps}
        self.waiting, self.changed = list(steps), threading.Condition()

    def _next(self):
        """A step that may run now; None when there is none left. Called with the lock held."""
        while self.waiting:
            for step in self.waiting:
                before = [self.steps[name].status for name in step.after]
                if any(status not in (None, 0) for status in before):
                    step.status = "not run"
                elif any(status is None for status in before):
                    continue
                self.waiting.remove(step)
                return step
            self.changed.wait()
        return None

    def work(self):
        while True:
            with self.changed:
                step = self._next()
            if step is None:
                return
            if step.status is None:
                step.run()
            step.tell()
            with self.changed:
                self.changed.notify_all()


def all_steps():
    """What is long comes early."""
    junit = lambda build: os.path.join(ROOT, build, "meson-logs", "testlog.junit.xml")
    suites = [pytest_step(f"system-{name}", path, ["build", "vcenter"], *more) for name, path, *more in system_suites()]
    return [
        build_step("build", "build", "-Dwerror=true"),
        Step("vcenter", ["lab/vcenter/build"]),
        *sorted(suites, key=lambda step: LONG.index(step.name) if step.name in LONG else len(LONG)),
        build_step("build-sanitized", "build-asan", *SANITIZE),
        Step("unit", meson_test("build"), ["build"], junit("build")),
        Step("unit-sanitized", meson_test("build-asan", "unit", "replay", "contract", "golden", "fuzz", "sim"),
             ["build-sanitized"], junit("build-asan")),
        Step("vcenter-go", ["lab/vcenter/build", "test"], ["vcenter"], count=count_go),
        Step("mutations", ["tests/mutations/run", "build"], ["build"], count=count_mutations),
        Step("layers", ["tests/layers"]),
        Step("collect", [*PYTEST, "--collect-only", "tests"]),     # as 'make check-system' does, all folders at once
        Step("format", ["sh", "-c", "clang-format --dry-run -Werror $(git ls-files '*.c' '*.h')"]),
    ]


def system_suites():
    """(name, path, options) of each folder of tests that holds pytest files, or of each part of it."""
    for folder in sorted(os.listdir(os.path.join(ROOT, "tests"))):
        path = os.path.join("tests", folder)
        if not glob.glob(os.path.join(ROOT, path, "test_*.py")):
            continue
        if folder not in PARTS:
            yield folder, path
        for part in PARTS.get(folder, ()):
            yield f"{folder}-{part.replace(' ', '-')}", path, "-k", part


def show_skips(steps):
    for step in steps:
        if step.junit and os.path.exists(step.junit):
            for case in ElementTree.parse(step.junit).getroot().iter("testcase"):
                skip = case.find("skipped")
                if skip is not None:
                    print(f"skipped: {step.name}: {case.get('name')}: {skip.get('message')}")


def main():
    if os.geteuid() != 0:
        print("check: network namespaces and the switches in them need root; 'make check' runs what does not")
        return 1
    os.makedirs(LOG, exist_ok=True)
    schedule = Schedule(all_steps())
    steps = schedule.steps
    print("check: building and testing", flush=True)
    threads = [threading.Thread(target=schedule.work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for step in steps.values():
        if step.status not in (0, "not run"):
            print(f"\n---- {step.name}: {step.log}")
            print("".join(open(step.log, errors="replace").readlines()[-120:]))
    show_skips(steps.values())
    totals = [sum(column) for column in zip(*(step.results() for step in steps.values()))]
    print("{} passed, {} failed, {} skipped".format(*totals), flush=True)
    return 1 if totals[1] else 0


sys.exit(main())

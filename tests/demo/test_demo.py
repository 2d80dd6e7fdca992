"""./demo as somebody at a terminal sees it: the story, the prompt behind it, Ctrl-C."""
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest

PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEMO = os.path.join(PROJECT, "lab/demo")
SECONDS = 240
CTRL_C = "\x03"


class Terminal:
    """A program with a terminal."""

    def __init__(self, argv):
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)    # ignored where a shell started the tests in its background
            os.environ["COLUMNS"], os.environ["LINES"] = "400", "50"
            os.execvp(argv[0], argv)
        self._deadline = time.monotonic() + SECONDS

    def read_to(self, wanted):
        """What it prints up to 'wanted', or up to its end when that is None."""
        text = b""
        while wanted is None or not text.endswith(wanted.encode()):
            ready, _, _ = select.select([self._fd], [], [], max(0, self._deadline - time.monotonic()))
            assert ready, f"silent for too long: {text.decode()[-2000:]}"
            try:
                piece = os.read(self._fd, 1)
            except OSError:         # how a terminal says that the other side is gone
                piece = b""
            if not piece:
                assert wanted is None, f"it ended: {text.decode()[-4000:]}"
                break
            text += piece
        return re.sub("\033\\[[0-9;?]*[a-z]", "", text.decode()).replace("\r", "")

    def write(self, text):
        os.write(self._fd, text.encode())

    def wait(self):
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def kill(self):
        try:
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass    # it has ended, as it should
        os.close(self._fd)


@pytest.fixture(scope="module")
def terminal():
    one = Terminal(["/usr/bin/python3", "-B", DEMO])
    yield one
    one.kill()


def ask(terminal, line):
    terminal.write(line + "\n")
    return terminal.read_to("demo> ")


def test_every_claim_of_the_story_is_true(terminal):
    text = terminal.read_to("demo> ")
    assert "FALSE" not in text, text
    counts = re.search(r"(\d+) of (\d+) claims of the story were true", text)
    assert counts and counts[1] == counts[2] and int(counts[1]) >= 20, text
    assert len(re.findall(r"^\d+\. ", text, re.M)) == 11, text


def test_the_prompt_changes_the_world(terminal):
    assert "VLAN 300" in ask(terminal, "add store 300")
    deadline = time.monotonic() + 20
    while "100,300" not in (text := ask(terminal, "probe")):
        assert time.monotonic() < deadline, text
    assert "network \"store\"" in ask(terminal, "vsn why swp2 300")
    assert "web-1: on esx03" in ask(terminal, "move web-1 esx03")


@pytest.mark.parametrize("line, answer", [
    ("vsn nonsense", "unknown command"), ("remove web", "ResourceInUse"), ("move web-1 nowhere", "no host 'nowhere'"),
    ("vlan web 4095", "no VLAN id"), ("kill nothing", "expected: kill"), ("start vsnd", "expected: start"),
    ("\"", "No closing quotation"), ("what", "The world stays up")])
def test_the_prompt_refuses_in_words(terminal, line, answer):
    assert answer in ask(terminal, line)


def test_what_was_killed_at_the_prompt_comes_back(terminal):
    assert "killed" in ask(terminal, "kill vsnd")
    assert "is it running" in ask(terminal, "vsn show port")
    assert "started" in ask(terminal, "start vsnd")
    assert "swp2" in ask(terminal, "vsn show port")
    assert "killed" in ask(terminal, "kill vcenter")
    assert "refused" in ask(terminal, "list")
    assert "started" in ask(terminal, "start vcenter")


def test_ctrl_c_cleans_up(terminal):
    folder = re.search(r"(/\S+)/vsnd\.log", ask(terminal, "help"))[1]
    assert os.path.isdir(folder)
    terminal.write(CTRL_C)
    terminal.read_to(None)
    assert terminal.wait() == 0
    assert not os.path.exists(folder)


def test_a_false_claim_is_told_and_ends_in_failure():
    program = ("import sys; sys.path[:0] = sys.argv[1:]; import __main__ as m, runpy\n"
               "from stage import Stage; from story import Story\n"
               "Story.tell = lambda story: story.teller.check('the moon is on swp1', False, 'a host')\n"
               "sys.argv = ['demo', '--once']; runpy.run_path(sys.path[0], run_name='__main__')\n")
    done = subprocess.run([sys.executable, "-B", "-c", program, DEMO, os.path.join(PROJECT, "lab")],
                          capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 1 and "FALSE  the moon is on swp1" in done.stdout, done.stdout + done.stderr
    assert "0 of 1 claims" in done.stdout

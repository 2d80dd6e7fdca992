"""After the story: the world stays up, with hints to try and a prompt for those who have a terminal."""
import os
import select
import shlex
import signal
import sys

from admin import COMMANDS, Refused
from admin import run as administrate
from story import passed_text
from vsnlab import WorldError

HELP = """
The world stays up until Ctrl-C. Ask vsn, at the prompt or in another terminal, where these two lines come first:

    cd {folder}
    alias vsn='{vsn}'

    vsn show hypervisor                 also: host, machine, network, virtualwire, vlan, port, plan, audit
    vsn why swp2 100                    why a VLAN is on a port
    vsn why-not swp1 100                what is missing for it
    vsn show migration                  how far ahead of each machine its VLANs were
    vsn can-move web-1 esx03            whether it would find them there

Be the VMware administrator, at the prompt or in another terminal with lab/demo/admin.py {address} in front:

    list                                port groups and machines
    vlan web 101                        another VLAN for a port group
    add store 300                       a new port group; 'remove store' takes it away
    move web-1 esx03                    a machine moves

Break something, at the prompt, and look at it with vsn:

    kill vsn-config                     also: vsnd, vsn-session, vsn-neighbor, vsn-history, vcenter
    start vcenter                       also: vsnd; vsnd starts the others by itself
    probe                               real frames in every VLAN to every host: what arrives

vsnd's log: {log}
"""


def _kill(stage, name):
    if name == "vcenter" and stage.vcenter_up:
        stage.kill_vcenter()
    elif name in ("vsnd", "vsn-session", "vsn-neighbor", "vsn-config", "vsn-history"):
        stage.kill_process(name)
    else:
        return "expected: kill vsnd | vsn-session | vsn-neighbor | vsn-config | vsn-history | vcenter"
    return f"{name}: killed"


def _start(stage, name):
    if name == "vcenter" and not stage.vcenter_up:
        stage.revive_vcenter()
    elif name == "vsnd" and stage.vsnd.poll() is not None:
        stage.start_vsnd()
    else:
        return "expected: start vsnd | vcenter, when it was killed"
    return f"{name}: started"


def answer(stage, line):
    """What there is to say to one line of input."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        return str(error)
    if not words:
        return ""
    first, rest = words[0], words[1:]
    try:
        if first == "vsn":
            return stage.vsn(shlex.join(rest))[1].rstrip("\n")
        if first in COMMANDS:
            return administrate(stage.address, words)
        if first == "probe":
            return passed_text(stage.probe())
        if first in ("kill", "start") and len(rest) == 1:
            return (_kill if first == "kill" else _start)(stage, rest[0])
    except (Refused, WorldError) as error:
        return str(error)
    return help_text(stage)


def help_text(stage):
    return HELP.format(folder=stage.folder, vsn=stage.vsn_command, address=stage.address, log=stage.log_file)


class _Keyboard:
    """Lines from the terminal. A signal that comes between the prompt and the wait for a line would be heard of only with
    the next line: it writes into a pipe, too, and that ends the wait. Use as a context manager."""

    def __enter__(self):
        self._told, self._tell = os.pipe()
        os.set_blocking(self._tell, False)
        self._before = signal.set_wakeup_fd(self._tell)
        return self

    def __exit__(self, *_):
        signal.set_wakeup_fd(self._before)
        os.close(self._told)
        os.close(self._tell)

    def line(self, prompt):
        """One line; None at the end of the input. Without a terminal it waits for a signal, which is an exception."""
        terminal = [sys.stdin] if sys.stdin.isatty() else []
        sys.stdout.write(prompt if terminal else "")
        sys.stdout.flush()
        while select.select([*terminal, self._told], [], [])[0] != terminal:
            os.read(self._told, 1)      # of a signal that was handled and went by, as SIGWINCH
        return os.read(sys.stdin.fileno(), 4096).decode(errors="replace") or None


def stay(stage, teller):
    """Until Ctrl-C, 'quit' or the end of the input."""
    teller.line(help_text(stage))
    with _Keyboard() as keyboard:
        while True:
            line = keyboard.line("demo> ")
            if line is None or line.strip() in ("quit", "exit"):
                return
            teller.line(answer(stage, line))

"""Runs the story; see ./demo."""
import os
import signal
import sys
import time

sys.path.insert(1, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from prompt import stay                 # noqa: E402
from stage import Stage                 # noqa: E402
from story import Story                 # noqa: E402
from tell import Teller                 # noqa: E402
from vsnlab import WorldError           # noqa: E402

USAGE = """usage: ./demo [--once]

Installs what is missing, builds, and tells a story with a real switch, real frames and a vCenter. Then it stays up, to
be tried out, until Ctrl-C; with --once it ends by itself, exit status 0 only if every claim of the story was true."""


def end(*_):
    raise KeyboardInterrupt


def perform(once, teller):
    began = time.monotonic()
    teller.say("The stage: a switch, three hosts, two machines and a vCenter, all on this machine, none of it outside.")
    with Stage(teller.waiting) as stage:
        teller.line(f"  standing after {time.monotonic() - began:.1f} s")
        try:
            Story(stage, teller).tell()
        except Exception:
            teller.line(f"\nThe end of vsnd's log:\n{stage.log()}")
            raise
        teller.line()
        teller.line(f"{teller.held} of {teller.held + teller.failed} claims of the story were true, "
                    f"after {time.monotonic() - began:.0f} s.")
        if teller.failed:
            teller.line(f"\nThe end of vsnd's log:\n{stage.log(40)}")
        if not once:
            try:
                stay(stage, teller)
            except KeyboardInterrupt:
                teller.line()
            teller.line("Cleaning up.")


def main(words):
    if words not in ([], ["--once"]):
        asked = words in (["--help"], ["-h"])
        print(USAGE, file=sys.stdout if asked else sys.stderr)
        return 0 if asked else 2
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGHUP, end)
    teller = Teller()
    try:
        perform(bool(words), teller)
    except KeyboardInterrupt:
        teller.line("\nInterrupted; everything was cleaned up.")
        return 130
    except WorldError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    return 1 if teller.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

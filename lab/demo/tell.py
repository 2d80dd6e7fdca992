"""The narrator: headings, sentences, commands with what they answered, and claims with their verdict."""
import shutil
import sys
import textwrap

WIDTH = 100


class Teller:
    """Writes the story to 'out'; colours only on a terminal. 'held' and 'failed' count the claims."""

    def __init__(self, out=sys.stdout):
        self.out, self.colours = out, out.isatty()
        self.held, self.failed, self._step, self._waiting = 0, 0, 0, False

    def _paint(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self.colours else text

    def waiting(self, seconds):
        """On a terminal: that something goes on, until the next line."""
        if self.colours and seconds >= 1:
            self._waiting = True
            print(f"\r  waiting, {seconds:.0f} s ", end="", file=self.out, flush=True)

    def line(self, text=""):
        if self._waiting:
            self._waiting = False
            print("\r\033[K", end="", file=self.out)
        print(text, file=self.out, flush=True)

    def step(self, title):
        self._step += 1
        self.line()
        self.line(self._paint("1", f"{self._step}. {title}"))

    def say(self, text):
        for line in textwrap.wrap(" ".join(text.split()), WIDTH, break_long_words=False, break_on_hyphens=False):
            self.line(line)

    def ran(self, command, output="", most=30):
        """A command as somebody would type it, and what it answered."""
        self.line(f"    {self._paint('36', '$ ' + command)}")
        self._answer(output, most)

    def measured(self, how, output):
        """What the demo itself measured, and how."""
        self.line(f"    {self._paint('36', '# ' + how)}")
        self._answer(output, 30)

    def _answer(self, output, most):
        """Long answers are cut, and say so."""
        lines = output.rstrip("\n").splitlines()
        for line in lines[:most]:
            self.line(self._fitted(("    " + line).rstrip()))
        if len(lines) > most:
            self.line(f"    ... {len(lines) - most} more lines")

    def _fitted(self, line):
        """On a terminal, rows of wide tables are cut, as a folded table cannot be read; sentences are not."""
        columns = shutil.get_terminal_size().columns
        if not self.colours or len(line) <= columns or "  " not in line.strip():
            return line
        return line[:columns - 1] + ">"

    def check(self, claim, holds, otherwise=""):
        """One claim of the story; 'otherwise' is what was found instead."""
        if holds:
            self.held += 1
            self.line(f"  {self._paint('32', 'true')}   {claim}")
        else:
            self.failed += 1
            self.line(f"  {self._paint('31', 'FALSE')}  {claim}")
            if otherwise:
                self.line(f"         found instead: {otherwise}")
        return bool(holds)

"""What the lab is told of moves and starts: each with the instants of this machine's clock at which its steps were taken."""
import threading
import time

from .values import Failure


class Entry:
    """One machine on its way to a host. Times are milliseconds since the epoch, 0 = not yet.

    with pool.journal.enter(...) as entry: ...      its end is the entry's, and a Failure its outcome
    """

    def __init__(self, journal, number, **words):
        self._journal = journal
        self.words = {"id": number, **words, "started": 0, "switched": 0, "ended": 0, "outcome": "running"}

    def __enter__(self):
        """Right before the machine shows its operation."""
        self.words["started"] = now_ms()
        return self

    def switching(self):
        """Right before the machine is on its host."""
        self.words["switched"] = now_ms()

    def switched(self):
        self._journal.switched(self)

    def __exit__(self, kind, error, _):
        outcome = "success" if kind is None else "error"
        if isinstance(error, Failure) and error.code == "TASK_CANCELLED":
            outcome = "cancelled"
        self.words.update(ended=now_ms(), outcome=outcome)


def now_ms():
    return time.time() * 1000


class Journal:
    def __init__(self):
        self._entries, self._switched, self._changed = [], [], threading.Condition()

    def enter(self, **words):
        with self._changed:
            self._entries.append(Entry(self, len(self._entries) + 1, **words))
            return self._entries[-1]

    def switched(self, entry):
        with self._changed:
            self._switched.append(entry)
            self._changed.notify_all()

    def since(self, number):
        """Those with a number above that."""
        with self._changed:
            return [dict(entry.words) for entry in self._entries[max(number, 0):]]

    def switchovers(self, after, wait):
        """Those after the first 'after', as soon as there is one; none when the seconds are over."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._switched) > after, wait)
            return [{"seq": number, **entry.words} for number, entry in enumerate(self._switched[after:], after + 1)]

"""Both generations of events: a queue of every write (event.next), and the database asked what is newer (event.from)."""
import collections
import re
import threading
import time

from .schema import Int4
from .values import Failure

QUEUE_EVENTS, QUEUE_SECONDS, QUEUE_BYTES = 500, 15 * 60, 10_000_000
ABOUT = 6000        # bytes of an event, for the limit in bytes
GATHER = 0.05       # what event.from waits for more after it was woken
TOKEN = re.compile(r"(-?\d+),(-?\d+)(\.\d*)?\Z")


class Event:
    def __init__(self, number, operation, row):
        self.number, self.operation, self.time = number, operation, time.time()
        self.kind, self.ref, self.record = row.kind.lower(), row.ref, row.record


class Subscription:
    """What one session has registered for, and the first event it has not had."""

    def __init__(self, position):
        self.names, self.position, self.ended = [], position, False

    def wants(self, kind):
        return "*" in self.names or kind in self.names


class EventQueue:
    """event.register, event.next. It holds only what somebody is registered for. Who reads too slowly is told once that
    events were lost."""

    def __init__(self, database, release, del_snapshot=True):
        self._release, self._del_snapshot = release, del_snapshot
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._events, self._subscriptions = collections.deque(), {}
        self._next, self._forgotten = 0, -1
        database.listeners.append(self._add)

    @property
    def current(self):
        return self._next

    def _add(self, operation, row):
        with self._lock:
            if any(each.wants(row.kind.lower()) for each in self._subscriptions.values()):
                self._events.append(Event(self._next, operation, row))
                self._next += 1
                self._forget()
                self._changed.notify_all()

    def _forget(self):
        limit = QUEUE_EVENTS if self._release.queue_of_500 else QUEUE_BYTES // ABOUT
        oldest = time.time() - QUEUE_SECONDS
        while self._events and (len(self._events) > limit
                                or self._release.queue_of_500 and self._events[0].time < oldest):
            self._forgotten = self._events.popleft().number

    def register(self, session, names):
        with self._lock:
            mine = self._subscriptions.setdefault(session, Subscription(self._next))
            mine.names = [*map(str.lower, names), *mine.names]

    def unregister(self, session, names):
        with self._lock:
            mine = self._subscriptions.setdefault(session, Subscription(self._next))
            names = [name.lower() for name in names]
            mine.names = [name for name in mine.names if name not in names]

    def end(self, session):
        """The session is over: a wait of it ends with SESSION_INVALID."""
        with self._lock:
            mine = self._subscriptions.pop(session, None)
            if mine:
                mine.ended = True
                self._changed.notify_all()

    def next(self, session, alive):
        """Waits without limit; 'alive' says whether the asking connection still matters. A list, None when not."""
        with self._lock:
            if session not in self._subscriptions:
                raise Failure("SESSION_NOT_REGISTERED", f"trackid={session[-32:].replace('-', '')}")
            mine = self._subscriptions[session]
            while True:
                while mine.position == self._next and not mine.ended:
                    if not alive():
                        return None
                    self._changed.wait(1)
                if mine.ended:
                    raise Failure("SESSION_INVALID", session)
                first, mine.position = mine.position, self._next
                if self._forgotten >= first:
                    raise Failure("EVENTS_LOST")
                found = [self._entry(each) for each in self._events if each.number >= first and mine.wants(each.kind)]
                if found:
                    return found

    def _entry(self, event):
        entry = {"id": str(event.number), "timestamp": f"{int(event.time)}.", "class": event.kind,
                 "operation": event.operation, "ref": event.ref}
        if event.operation != "del" or self._del_snapshot:
            entry["snapshot"] = event.record
        return entry

    def inject(self, operation, row):
        """An event without a write, as the heartbeat's."""
        self._add(operation, row)


class Token:
    """A place in the database's history. Opaque to clients."""

    @staticmethod
    def read(text):
        if text == "":
            return 0
        match = TOKEN.match(text)
        if not match:
            raise Failure("EVENT_FROM_TOKEN_PARSE_FAILURE", text)
        return int(match.group(1))

    @staticmethod
    def write(generation, release):
        return f"{generation:020d},{0:020d}" if release.fixed_width_token else f"{generation},{0:f}"


class Wanted:
    """The class list of event.from: classes, "*", or single objects as "VM/OpaqueRef:..."."""

    def __init__(self, names):
        self._every = "*" in names
        self._kinds = {name.lower() for name in names if "/" not in name}
        self._objects = {}
        for name in names:
            kind, slash, ref = name.partition("/")
            if slash:
                self._objects.setdefault(kind.lower(), set()).add(ref)

    def kind(self, name):
        return self._every or name.lower() in self._kinds or name.lower() in self._objects

    def object(self, name, ref):
        return self._every or name.lower() in self._kinds or ref in self._objects.get(name.lower(), ())

    @property
    def only_tasks(self):
        return not self._every and self._kinds | set(self._objects) == {"task"}


class EventFrom:
    """event.from: the state now of what is newer than a token."""

    def __init__(self, database, release, shown, late):
        self._database, self._release, self._late = database, release, late
        self._kinds = [name for name in shown if name not in ("session", "event")]
        self._counted = sorted(shown)

    def read(self, names, token, timeout, alive):
        """Answers when there is something, or some time after the timeout; None when not 'alive' any more."""
        since, wanted = Token.read(token), Wanted(names)
        kinds = [kind for kind in self._kinds if wanted.kind(kind)]
        end = time.monotonic() + timeout + (self._late() if timeout > 0 else 0)
        with self._database.lock:
            while True:
                adds, mods, dels, newest = self._newer(kinds, wanted, since)
                if adds or mods or dels or time.monotonic() >= end:
                    return self._answer(adds + mods + dels, newest)
                if not alive():
                    return None
                if self._database.changed.wait(min(1, end - time.monotonic())) and not wanted.only_tasks:
                    self._gather()

    def _gather(self):
        """More may come at once; meanwhile others may write."""
        self._database.changed.wait_for(lambda: False, GATHER)

    def _newer(self, kinds, wanted, since):
        adds, mods, dels, newest = [], [], [], since
        for kind in kinds:
            table = self._database.tables[kind]
            if table.newest <= since:
                continue
            for row in table.rows.values():
                if row.modified > since and wanted.object(kind, row.ref):
                    newest = max(newest, row.modified)
                    new = row.created > since
                    (adds if new else mods).append(entry("add" if new else "mod", kind, row.ref,
                                                         row.created if new else row.modified, row.record))
            for created, deleted, ref in table.gone:
                if deleted > since and wanted.object(kind, ref):
                    newest = max(newest, deleted)
                    if created <= since:
                        dels.append(entry("del", kind, ref, deleted))
        return adds, mods, dels, newest

    def _answer(self, events, newest):
        counts = {kind.lower(): Int4(len(self._database.tables[kind].rows)) for kind in self._counted}
        return {"events": events, "valid_ref_counts": counts, "token": Token.write(newest, self._release)}


def entry(operation, kind, ref, generation, record=None):
    found = {"id": str(generation), "timestamp": "0.0", "class": kind.lower(), "operation": operation, "ref": ref}
    if record is not None:
        found["snapshot"] = record
    return found

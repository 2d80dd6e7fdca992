"""The sessions of one member: they are nowhere else and end with it."""
import threading


class Session:
    def __init__(self, ref, user, originator, local, peer):
        self.ref, self.user, self.originator, self.local, self.peer = ref, user, originator, local, peer


class Sessions:
    """'limit' is per originator and user; the oldest makes room, as in xapi."""

    def __init__(self, limit=500):
        self._limit, self._lock, self._open = limit, threading.Lock(), {}

    def __len__(self):
        return len(self._open)

    def open(self, session):
        """The one that had to make room, or None."""
        with self._lock:
            alike = [each for each in self._open.values()
                     if (each.user, each.originator) == (session.user, session.originator)]
            self._open[session.ref] = session
            return self._open.pop(alike[0].ref) if len(alike) >= self._limit else None

    def find(self, ref):
        return self._open.get(ref)

    def close(self, ref):
        with self._lock:
            return self._open.pop(ref, None)

    def close_all(self):
        with self._lock:
            gone, self._open = list(self._open.values()), {}
            return gone

    def list(self):
        with self._lock:
            return list(self._open.values())

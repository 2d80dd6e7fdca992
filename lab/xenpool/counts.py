"""What clients asked for, counted for tests."""
import collections
import threading


class Counts:
    def __init__(self):
        self._lock = threading.Lock()
        self.asked_by_name, self.answered_by_name = collections.Counter(), collections.Counter()
        self.logins = self.refused = self.redirected = self.logouts = 0

    def asked(self, method):
        with self._lock:
            self.asked_by_name[method] += 1

    def answered(self, method):
        with self._lock:
            self.answered_by_name[method] += 1

    def login(self, code=None):
        """Its outcome: None or an error code."""
        with self._lock:
            if code is None:
                self.logins += 1
            elif code == "SESSION_AUTHENTICATION_FAILED":
                self.refused += 1
            elif code == "HOST_IS_SLAVE":
                self.redirected += 1

    def describe(self):
        with self._lock:
            return {"calls": dict(self.asked_by_name), "answered": dict(self.answered_by_name), "logins": self.logins,
                    "refused_logins": self.refused, "redirected_logins": self.redirected, "logouts": self.logouts}

"""A pool that misbehaves on demand: rules for calls, answers and connections."""
import itertools
import os
import threading
import time

from .values import HEAD, Encoder, Failure

HTML = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body><p>It works!</p></body></html>"
# At a connection's beginning; in place of a call or its answer; of the answer itself.
KINDS = {
    "tls": "connection",
    "failure": "call", "fault": "call", "empty": "call", "stall": "call", "silent": "call", "close": "call",
    "reset": "call", "status": "call", "garbage": "call", "huge": "call", "endless": "call",
    "truncate": "reply", "drip": "reply",
}
MEGABYTE = 1 << 20


class Rule:
    """kind, call (empty: every one), host (a name; empty: every one), count (0: until it is deleted); the rest belongs
    to the kind."""

    def __init__(self, number, words):
        words = dict(words)
        self.number, self.kind = number, words.pop("kind", "")
        if self.kind not in KINDS:
            raise ValueError(f"no fault is called {self.kind!r}: {' '.join(KINDS)}")
        self.call, self.host = words.pop("call", ""), words.pop("host", "")
        self.count, self.used, self.words = int(words.pop("count", 0)), 0, words

    def of(self, member, method):
        return self.host in ("", member.name) and self.call in ("", method)

    def describe(self):
        return {"id": self.number, "kind": self.kind, "call": self.call, "host": self.host, "count": self.count,
                "used": self.used, **self.words}


class Faults:
    def __init__(self, pool):
        self._pool, self._lock, self._rules, self._numbers = pool, threading.Lock(), [], itertools.count(1)

    def add(self, words):
        with self._lock:
            rule = Rule(next(self._numbers), words)
            self._rules.append(rule)
            return rule.describe()

    def remove(self, number=None):
        with self._lock:
            self._rules = [] if number is None else [rule for rule in self._rules if rule.number != number]

    def list(self):
        with self._lock:
            return [rule.describe() for rule in self._rules]

    def _take(self, stage, member, method=""):
        """The first rule in force for this; it counts as used."""
        with self._lock:
            for rule in self._rules:
                if KINDS[rule.kind] == stage and rule.of(member, method):
                    rule.used += 1
                    if rule.count and rule.used >= rule.count:
                        self._rules.remove(rule)
                    return rule
        return None

    # Where front.py asks

    def connection(self, connection):
        """False: the connection ends here."""
        rule = self._take("connection", connection.front.member)
        if rule is None:
            return True
        form = rule.words.get("form", "close")
        if form == "plain":
            connection.raw.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        elif form == "garbage":
            connection.raw.sendall(os.urandom(512))
        elif form == "silent":
            while connection.alive():
                time.sleep(0.1)
        return False

    def call(self, connection, method, send):
        """None: the call is answered as always. A Failure, a value that is a map, or the bytes of an answer."""
        rule = self._take("call", connection.front.member, method)
        if rule is None:
            return None
        if rule.kind == "failure":
            return Failure(rule.words.get("code", "INTERNAL_ERROR"), *rule.words.get("parameters", []))
        if rule.kind == "fault":
            return Encoder.fault(int(rule.words.get("number", 0)), rule.words.get("text", "made up"))
        if rule.kind == "empty":
            return {}
        if rule.kind == "stall":
            self._wait(connection, float(rule.words.get("seconds", 5)))
            return None
        if rule.kind == "silent":
            self._wait(connection, float("inf"))
        elif rule.kind not in ("close", "reset"):
            getattr(self, f"_{rule.kind}")(connection, rule.words, send)
        connection.close(reset=rule.kind == "reset")
        raise ConnectionError("as the fault wants it")

    @staticmethod
    def _wait(connection, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end and connection.alive():
            time.sleep(min(0.05, max(0, end - time.monotonic())))

    def reply(self, connection, method, answer, send):
        """Sends the answer, or what a rule makes of it."""
        rule = self._take("reply", connection.front.member, method)
        if rule is None:
            send(answer)
        else:
            getattr(self, f"_{rule.kind}")(connection, rule.words, answer, send)
            connection.close()
            raise ConnectionError("as the fault wants it")

    @staticmethod
    def _status(connection, words, _send):
        status = f"{words.get('status', 500)} Made up"
        connection.send(connection.head(len(HTML), status, "text/html", on=False) + HTML)

    @staticmethod
    def _garbage(_connection, words, send):
        forms = {"binary": lambda: os.urandom(int(words.get("bytes", 4096))), "html": lambda: HTML,
                 "xml": lambda: f"{HEAD}<rss version=\"2.0\"><channel/></rss>".encode(), "empty": lambda: b"",
                 "deep": lambda: HEAD.encode() + b"<methodResponse><params><param>" + b"<value><array><data>" * 100000}
        send(forms[words.get("form", "binary")]())

    @staticmethod
    def _truncate(connection, words, answer, send):
        """'clean': HTTP is whole, the XML is not."""
        part = answer[:int(words.get("bytes", len(answer) // 2))]
        if words.get("form") == "clean":
            send(part)
        else:
            connection.send(connection.head(len(answer)) + part)

    @staticmethod
    def _drip(connection, words, answer, _send):
        """'bytes' at a time with a pause in between; all of it in the end."""
        size, pause = max(1, int(words.get("bytes", 1))), float(words.get("seconds", 0.1))
        connection.send(connection.head(len(answer), on=False))
        for start in range(0, len(answer), size):
            connection.send(answer[start:start + size])
            time.sleep(pause)

    def _huge(self, connection, words, _send):
        """'mb' megabytes of valid XML-RPC: one text, or 'records' of a map."""
        size = int(words.get("mb", 1024)) * MEGABYTE
        start = (f"{HEAD}<methodResponse><params><param><value><struct><member><name>Status</name><value>Success</value>"
                 "</member><member><name>Value</name><value>").encode()
        end = b"</value></member></struct></value></param></params></methodResponse>"
        if words.get("form") == "records":
            piece, start, end = self._members(), start + b"<struct>", b"</struct>" + end
        else:
            piece = b"x" * MEGABYTE
        pieces = size // len(piece)
        known = words.get("length", True)
        total = len(start) + pieces * len(piece) + len(end)
        connection.send(connection.head(total if known else None, on=False) + start)
        for _ in range(pieces):
            connection.send(piece)
        connection.send(end)

    def _members(self):
        """Some thousand records with the same names, as large as a megabyte."""
        one = self._pool.encoder.members([("uuid", "0" * 36), ("name_label", "one of very many")]).encode()
        names = (f"OpaqueRef:{number:036d}".encode() for number in itertools.count())
        parts, size = [], 0
        while size < MEGABYTE:
            parts.append(b"<member><name>" + next(names) + b"</name>" + one + b"</member>")
            size += len(parts[-1])
        return b"".join(parts)

    def _endless(self, connection, words, _send):
        """An answer to event.next that never ends."""
        xml = self._pool.encoder.xml
        pool = self._pool.database.all("pool")[0]
        event = xml({"id": "1", "timestamp": "1.", "class": "pool", "operation": "mod", "ref": pool[0],
                     "snapshot": pool[1]}).encode() * 16
        connection.send(connection.head(None, on=False) + (
            f"{HEAD}<methodResponse><params><param><value><struct><member><name>Status</name><value>Success</value>"
            "</member><member><name>Value</name><value><array><data>").encode())
        while connection.alive():
            connection.send(event)
            time.sleep(float(words.get("seconds", 0)))

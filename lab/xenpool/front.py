"""The listener of a member: TLS, HTTP the way xapi speaks it, and being away in several ways."""
import select
import socket
import ssl
import struct
import threading

from .values import Failure, JsonCall, Malformed, escape, read_xml

MOST_HEAD, MOST_BODY = 64 << 10, 64 << 20
NOT_FOUND = b"<html><body><h1>HTTP 404 not found</h1></body></html>"


class BadRequest(Exception):
    """Answered with HTTP 500 and a page, and the connection ends."""


def page(text):
    return ("<html><body><h1>HTTP 500 internal server error</h1>An unexpected error occurred; please wait a while and try "
            "again. If the problem persists, please contact your support representative.<h1> Additional information </h1>"
            f"{escape(text)}</body></html>").encode()


class Connection:
    """One client's connection. 'quiet' makes it say nothing any more."""

    def __init__(self, front, raw, peer):
        self.front, self.raw, self.peer, self.stream, self.quiet = front, raw, peer, raw, False
        self._buffer, self._closed = b"", threading.Event()

    # Bytes

    def _more(self):
        data = self.stream.recv(65536)
        if not data:
            raise ConnectionError("closed")
        self._buffer += data

    def _head(self):
        while b"\r\n\r\n" not in self._buffer:
            if len(self._buffer) > MOST_HEAD:
                raise BadRequest("the head is too long")
            self._more()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head.decode("latin-1")

    def _body(self, length):
        parts, have = [self._buffer], len(self._buffer)
        while have < length:
            data = self.stream.recv(min(1 << 20, max(65536, length - have)))
            if not data:
                raise ConnectionError("closed")
            parts.append(data)
            have += len(data)
        whole = b"".join(parts)
        self._buffer = whole[length:]
        return whole[:length]

    def send(self, data):
        if self.quiet:
            self._closed.wait()
            raise ConnectionError("silent")
        self.stream.sendall(data)

    def alive(self):
        """False when the other side has gone or this one has been closed."""
        if self._closed.is_set():
            return False
        poll = select.poll()
        try:
            poll.register(self.raw, select.POLLRDHUP)
            return not poll.poll(0)
        except (OSError, ValueError):
            return False

    def close(self, reset=False):
        """'reset' as a machine that crashed and came back: RST."""
        self._closed.set()
        try:
            if reset:
                self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                self.raw.shutdown(socket.SHUT_RDWR)
            self.stream.close()
        except OSError:
            pass

    # One connection's life

    def serve(self):
        try:
            self._greet()
            while self._one():
                pass
        except (OSError, ssl.SSLError, ValueError):
            pass        # the other side is gone, or we closed it
        finally:
            self.front.forget(self)
            self.close()

    def _greet(self):
        """TLS, unless the client speaks plainly and may."""
        self.raw.settimeout(30)
        first = self.raw.recv(1, socket.MSG_PEEK)
        if not first:
            raise ConnectionError("closed")
        if not self.front.faults.connection(self):
            raise ConnectionError("as the fault wants it")
        if first == b"\x16" or not self.front.plain:
            self.stream = self.front.context.wrap_socket(self.raw, server_side=True)
            self.raw = self.stream
        self.raw.settimeout(None)

    def _one(self):
        """One request; True when the connection goes on."""
        lines = self._head().split("\r\n")
        if self.quiet:
            self._closed.wait()
            return False
        words = lines[0].split(" ")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        version = words[2] if len(words) == 3 else "HTTP/1.0"
        on = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
        try:
            if words[0] != "POST":
                self.reply(NOT_FOUND, "404 Not Found", "text/html", version, False)
                return False
            self._post(words[1], self._body(self._length(headers)), version, on)
        except BadRequest as error:
            self.reply(page(str(error)), "500 Internal Error", "text/html", version, False)
            return False
        return on

    @staticmethod
    def _length(headers):
        if "chunked" in headers.get("transfer-encoding", "").lower() or "content-length" not in headers:
            raise BadRequest("We require a content-length: HTTP header")
        length = int(headers["content-length"])
        if not 0 <= length <= MOST_BODY:
            raise BadRequest("content-length")
        return length

    def _post(self, path, body, version, on):
        member, encoder = self.front.member, self.front.member.pool.encoder
        json_call = None
        try:
            if member.pool.release.json and path.startswith("/jsonrpc"):
                json_call = JsonCall(body, member.pool.release.json_second)
                method, arguments = json_call.method, json_call.arguments
            else:
                method, arguments = read_xml(body)
        except Malformed as error:
            raise BadRequest(str(error)) from error
        writer, kind = json_call or encoder, "application/json" if json_call else "text/xml"
        def send(data):
            self.reply(data, "200 OK", kind, version, on)
        member.pool.calls.asked(method)
        answer = self.front.faults.call(self, method, send)
        if answer is None:
            answer = self._answer(writer, method, arguments)
        elif isinstance(answer, Failure):
            answer = writer.failure(answer)
        elif isinstance(answer, dict):
            answer = writer.success(answer)
        self.front.faults.reply(self, method, answer, send)
        member.pool.calls.answered(method)

    def _answer(self, writer, method, arguments):
        member = self.front.member
        try:
            value = member.answer(method, arguments, self)
            if method == "session.login_with_password":
                member.pool.calls.login()
        except Failure as failure:
            if method == "session.login_with_password":
                member.pool.calls.login(failure.code)
            if isinstance(writer, JsonCall) and member.role == "emergency":
                return writer.early_failure(failure)
            return writer.failure(failure)
        if not self.alive():
            raise ConnectionError("nobody waits for this any more")
        return (writer.bare if method == "system.listMethods" else writer.success)(value)

    def head(self, length, status="200 OK", kind="text/xml", version="HTTP/1.1", on=True):
        """'length' None: until the connection ends."""
        fields = [("Content-Length", length), ("Connection", "keep-alive" if on else "close"),
                  ("Cache-Control", "no-cache, no-store"), ("Content-Type", kind)]
        lower = self.front.member.pool.release.lower_case_headers
        lines = [f"{name.lower() if lower else name}: {value}" for name, value in fields if value is not None]
        if lower and status.startswith("200"):
            lines += ["Access-Control-Allow-Origin: *", "Access-Control-Allow-Headers: X-Requested-With"]
        return "\r\n".join([f"{version} {status}", *lines, "", ""]).encode()

    def reply(self, data, status="200 OK", kind="text/xml", version="HTTP/1.1", on=True):
        self.send(self.head(len(data), status, kind, version, on) + data)


class Front:
    """Listens for a member. 'open' and 'close' make it come and go:

    refuse      the port is closed, connections are ended in order
    reset       the port is closed, connections are reset
    silent      connections stay and say nothing; new ones are not even accepted, once a queue of two is full
    """

    def __init__(self, member, port, context, faults, plain=False):
        self.member, self.port, self.context, self.faults, self.plain = member, port, context, faults, plain
        self._listener, self._connections, self._lock = None, set(), threading.Lock()
        self._fillers = []

    def bind(self):
        """Takes the port; 0 takes any. Returns it."""
        self._listener = socket.create_server((self.member.listen, self.port), backlog=64)
        self.port = self._listener.getsockname()[1]
        return self.port

    def serve(self):
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def open(self):
        self._drop_fillers()
        with self._lock:
            quiet = [each for each in self._connections if each.quiet]
        for each in quiet:
            each.close(reset=True)
        if self._listener is None:
            self.bind()
            self.serve()

    def close(self, how="refuse"):
        listener, self._listener = self._listener, None
        if listener:
            try:
                listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            listener.close()
        self._drop_fillers()
        with self._lock:
            connections = list(self._connections)
        for each in connections:
            if how == "silent":
                each.quiet = True
            else:
                each.close(reset=how == "reset")
        if how == "silent":
            self._fill()

    def _fill(self):
        """A listener whose queue is full: the kernel drops what else comes, as if there were no machine."""
        listener = socket.create_server((self.member.listen, self.port), backlog=0)
        self._fillers = [listener]
        for _ in range(2):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((self.member.listen, self.port))
            self._fillers.append(filler)

    def _drop_fillers(self):
        for each in self._fillers:
            each.close()
        self._fillers = []

    def _accept(self, listener):
        while True:
            try:
                raw, peer = listener.accept()
            except OSError:
                return
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self, raw, peer)
            with self._lock:
                self._connections.add(connection)
            threading.Thread(target=connection.serve, daemon=True).start()

    def forget(self, connection):
        with self._lock:
            self._connections.discard(connection)

    @property
    def connections(self):
        with self._lock:
            return len(self._connections)

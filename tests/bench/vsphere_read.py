"""Reading a vCenter of 1,000 hosts and 10,000 machines: vsn-session beside curl, both fetching the same replies.

A first, unmeasured run of vsn-session goes through a relay that writes its requests down. Then, in turn, vsn-session
reads the stand-in directly, and one curl process asks the same questions, in the same order, over one connection, and
throws the answers away: what the server and TLS cost by themselves.
"""
import contextlib
import os
import re
import socket
import ssl
import subprocess
import threading
import time

from measure import Timed, median
from vsnlab import BUILD, VCenter

RUNS = 5
SCALE = ["-cluster", "20", "-host", "50", "-vm", "500", "-standalone-host", "0", "-pg", "4", "-xsi=false"]
NO_HINTS = 86400


class Session:
    """A vsn-session of its own on a socket pair, followed line by line."""

    def __init__(self, folder, url, certificate, kind="vmware", username="vsn"):
        self.password = os.path.join(folder, "password")
        with open(self.password, "w") as file:
            file.write("secret\n")
        ours, theirs = socket.socketpair()
        # The channel is descriptor 3 in the child: a shell moves it there.
        with open(os.path.join(folder, "session.log"), "ab") as log:
            self.timed = Timed(["/bin/sh", "-c", f'exec 3<&{theirs.fileno()} "$0"', os.path.join(BUILD, "vsn-session")],
                               os.path.join(folder, "session.time"), pass_fds=[theirs.fileno()], stderr=log)
        theirs.close()
        self.lines = ours.makefile("rb", 1 << 20)
        ours.sendall(f"new target type={kind} url={url} username={username} password_file={self.password} "
                     f"ca_file={certificate} hint_interval_s={NO_HINTS}\n".encode())
        self.ours = ours

    def until_connected(self):
        """Reads until the session says that it has everything: (seconds, rows)."""
        rows = 0
        for line in self.lines:
            rows += line.startswith((b"new ", b"put "))
            if b" session " in line and b"state=connected" in line:
                return time.monotonic() - self.timed.started, rows
        raise RuntimeError("vsn-session ended before it had read everything")

    def wait_line(self, text):
        for line in self.lines:
            if text in line:
                return
        raise RuntimeError("vsn-session ended")

    def stop(self):
        # SHUT_WR first: what it still has to say is read, so that it can log out.
        self.ours.shutdown(socket.SHUT_WR)
        for _ in self.lines:
            pass
        return self.timed.finish()


class Relay:
    """Speaks TLS to both sides and keeps each request's body and each reply's first bytes."""

    def __init__(self, vcenter):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(vcenter.certificate, vcenter._key)
        self.vcenter, self.exchanges = vcenter, []
        self.listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except (OSError, ssl.SSLError):
                return
            threading.Thread(target=self._pass, args=(client,), daemon=True).start()

    def _pass(self, client):
        server = ssl._create_unverified_context().wrap_socket(socket.create_connection(("127.0.0.1", self.vcenter.port)))
        with contextlib.suppress(OSError):     # the session leaves in the middle of a wait
            while head := self._head(client):
                body = self._exactly(client, int(self._header(head, "content-length") or 0))
                server.sendall(head + body)
                self.exchanges.append((head, body, self._reply(server, client)))

    @staticmethod
    def _head(stream):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = stream.recv(1)
            if not byte:
                return None
            head += byte
        return head

    @staticmethod
    def _header(head, name):
        found = re.search(rb"(?im)^" + name.encode() + rb": *(.*?)\r$", head)
        return found.group(1).decode() if found else None

    @staticmethod
    def _exactly(stream, size):
        data = b""
        while len(data) < size:
            data += stream.recv(size - len(data))
        return data

    def _reply(self, server, client):
        """Passes a reply on and returns it whole: it is small enough here."""
        head = self._head(server)
        if not head:
            raise OSError("the server is gone")
        client.sendall(head)
        body = b""
        if self._header(head, "transfer-encoding") == "chunked":
            while True:
                line = b""
                while not line.endswith(b"\r\n"):
                    line += server.recv(1)
                chunk = self._exactly(server, int(line, 16) + 2)
                client.sendall(line + chunk)
                body += chunk[:-2]
                if int(line, 16) == 0:
                    return body
        body = self._exactly(server, int(self._header(head, "content-length") or 0))
        client.sendall(body)
        return body


def references(reply):
    """What a reply names that a later request may use: references and versions."""
    return re.findall(rb'<returnval[^>]*>([^<]+)</returnval>', reply)


class Questions:
    """The captured requests, asked anew: references that the server gives out anew take the old ones' place."""

    def __init__(self, exchanges, folder):
        self.exchanges, self.folder = exchanges, folder

    @staticmethod
    def method(body):
        return re.search(rb"<soapenv:Body><(\w+)", body).group(1).decode() if body else "GET"

    def curl(self, vcenter):
        """A configuration for one curl process that asks everything from the first big reply on; what comes before
        (login, view, filter) is asked here, as it decides the references."""
        jar, names = os.path.join(self.folder, "cookies"), {}
        if os.path.exists(jar):
            os.unlink(jar)
        rest = []
        for number, (head, body, reply) in enumerate(self.exchanges):
            for old, new in names.items():
                body = body.replace(b">" + old + b"<", b">" + new + b"<")
            path = os.path.join(self.folder, f"question-{number}.xml")
            with open(path, "wb") as file:
                file.write(body)
            if self.method(body) in ("WaitForUpdatesEx", "RetrievePropertiesEx") or rest:
                rest.append(path)
                continue
            answer = subprocess.run(["curl", "-sk", "-b", jar, "-c", jar, "-H", "Content-Type: text/xml; charset=utf-8",
                                     *(["--data-binary", "@" + path] if body else []),
                                     vcenter.url if body else vcenter.url + "/vimServiceVersions.xml"],
                                    check=True, capture_output=True).stdout
            names.update(zip(references(reply), references(answer)))
        config = os.path.join(self.folder, "curl.config")
        with open(config, "w") as file:
            file.write("next\n".join(
                f'url = "{vcenter.url}"\ninsecure\nsilent\ncookie = "{jar}"\noutput = "/dev/null"\n'
                f'header = "Content-Type: text/xml; charset=utf-8"\ndata-binary = "@{path}"\n'
                f'write-out = "%{{http_code}} %{{size_download}}\\n"\n' for path in rest))
        return config


def run_curl(config):
    timed = Timed(["curl", "--config", config], config + ".time", stdout=subprocess.PIPE)
    lines = timed.process.stdout.read().decode().split("\n")
    usage = timed.finish()
    answers = [line.split() for line in lines if line]
    if any(code != "200" for code, _ in answers):
        raise RuntimeError(f"curl was refused: {answers}")
    usage.bytes = sum(int(size) for _, size in answers)
    return usage


WATCH_METHODS = {"CurrentTime", "CreateCollectorForEvents", "SetCollectorPageSize", "ResetCollector", "ReadPreviousEvents",
                 "QueryEvents", "DestroyCollector"}


def without_watch(exchanges):
    """What is asked for the inventory only: the loop that watches moves has a property collector of its own, and waits
    for what may never come."""
    target = lambda body: re.search(rb"<_this[^>]*>([^<]*)<", body or b"<_this><")
    collectors = {target(body).group(1) for _, body, _ in exchanges
                  if Questions.method(body) == "CreateFilter" and re.search(b"latestPage|recentTask", body)}
    assert collectors, "nobody watches moves"
    return [(head, body, reply) for head, body, reply in exchanges
            if Questions.method(body) not in WATCH_METHODS and target(body).group(1) not in collectors
            and not (Questions.method(body) == "CreatePropertyCollector" and collectors & set(references(reply)))]


def capture(vcenter, folder):
    relay = Relay(vcenter)
    session = Session(folder, f"https://127.0.0.1:{relay.port}/sdk", vcenter.certificate)
    session.until_connected()
    exchanges = without_watch(list(relay.exchanges))
    session.stop()
    relay.listener.close()
    last = max(i for i, (_, body, _) in enumerate(exchanges) if Questions.method(body) == "WaitForUpdatesEx")
    return exchanges[:last + 1]


def follow(vcenter, folder, change):
    """Seconds from a change's acknowledgement until vsn-session has told it, at this size."""
    session = Session(folder, vcenter.url, vcenter.certificate)
    session.until_connected()
    change()
    started = time.monotonic()
    session.wait_line(b"vlans=777")
    seconds = time.monotonic() - started
    session.stop()
    return seconds


def run(report, folder):
    with VCenter(folder, flags=SCALE) as vcenter:
        questions = Questions(capture(vcenter, folder), folder)
        ours, theirs = [], []
        for _ in range(RUNS):
            session = Session(folder, vcenter.url, vcenter.certificate)
            seconds, rows = session.until_connected()
            usage = session.stop()
            usage.wall = seconds
            ours.append(usage)
            theirs.append(run_curl(questions.curl(vcenter)))
        report.bench("vsphere.read.rows", rows, "rows")
        report.bench("vsphere.read.bytes", theirs[0].bytes / 1e6, "MB")
        for figure, unit in (("wall", "s"), ("cpu", "s"), ("peak", "MB")):
            report.bench(f"vsphere.read.{figure}", median([getattr(each, figure) for each in ours]), unit, "curl",
                         median([getattr(each, figure) for each in theirs]))
        report.bench("vsphere.follow", follow(vcenter, folder, lambda: add_port_group(vcenter)), "s")


def add_port_group(vcenter):
    """By an independent client."""
    from pyVim.connect import Disconnect, SmartConnect
    from pyVmomi import vim
    si = SmartConnect(host="127.0.0.1", port=vcenter.port, user="vsn", pwd="secret",
                      sslContext=ssl._create_unverified_context())
    content = si.RetrieveContent()
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.HostSystem], True)
    view.view[0].configManager.networkSystem.AddPortGroup(vim.host.PortGroup.Specification(
        name="bench", vlanId=777, vswitchName="vSwitch0", policy=vim.host.NetworkPolicy()))
    Disconnect(si)

"""Two clients of XenAPI that the project did not write, and one by hand for what no client shows."""
import fcntl
import http.client
import importlib.util
import json
import os
import queue
import shutil
import ssl
import subprocess
import threading
import urllib.parse
import xmlrpc.client

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("VSN_BUILD") or os.path.join(ROOT, "build")
XENAPI = "/usr/lib/python3/dist-packages/os_xenapi/client/XenAPI.py"
NODE = os.path.join(BUILD, "xenpool-node")


def load_xenapi():
    """Debian's XenAPI.py, by its path: its package wants more of OpenStack than this file needs."""
    spec = importlib.util.spec_from_file_location("XenAPI", XENAPI)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


XenAPI = load_xenapi()


def trust(certificate):
    return ssl.create_default_context(cafile=certificate)


def session(pool, host=None):
    """XenAPI.py with a host of the pool, not logged in; it verifies the certificate."""
    url = pool.url_of(host) if host else pool.url
    return XenAPI.Session(url.rstrip("/"), transport=xmlrpc.client.SafeTransport(context=trust(pool.certificate)))


def logged_in(pool, host=None):
    made = session(pool, host)
    made.login_with_password("root", "secret", "1.0")
    return made


def events_from(xen, names, token="", timeout=5.0):
    """event.from, whose name is a word of Python's."""
    return xen.xenapi_request("event.from", (names, token, timeout))


# By hand

class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def value(self):
        """Of an XML-RPC reply; its one value, plain."""
        return xmlrpc.client.loads(self.body)[0][0]


def connection(pool, host=None, timeout=20):
    parts = urllib.parse.urlsplit(pool.url_of(host) if host else pool.url)
    return http.client.HTTPSConnection(parts.hostname, parts.port, context=trust(pool.certificate), timeout=timeout)


def post(pool, body, host=None, path="/", over=None, headers=()):
    """One request by hand: a Reply. 'over' is a connection() to be used again."""
    link = over or connection(pool, host)
    link.request("POST", path, body, dict(headers))
    reply = link.getresponse()
    found = Reply(reply.status, dict((name.lower(), value) for name, value in reply.getheaders()), reply.read())
    if over is None:
        link.close()
    return found


def call(method, *arguments):
    """The body of a request."""
    return xmlrpc.client.dumps(arguments, method)


def ask(pool, method, *arguments, **where):
    return post(pool, call(method, *arguments), **where).value


def login(pool, host=None, words=("root", "secret", "1.0")):
    """A session by hand: its ref."""
    answer = ask(pool, "session.login_with_password", *words, host=host)
    assert answer["Status"] == "Success", answer
    return answer["Value"]


# npm xen-api

def install_node():
    """npm ci, once for a lock file; two test runs at once wait for each other."""
    os.makedirs(NODE, exist_ok=True)
    with open(os.path.join(NODE, ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp, wanted = os.path.join(NODE, ".installed"), open(f"{HERE}/node/package-lock.json").read()
        for name in ("follow.mjs", "read.mjs"):
            shutil.copy(f"{HERE}/node/{name}", NODE)
        if os.path.exists(stamp) and open(stamp).read() == wanted:
            return
        for name in ("package.json", "package-lock.json"):
            shutil.copy(f"{HERE}/node/{name}", NODE)
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=NODE, text=True,
                              capture_output=True, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, f"npm could not fetch xen-api:\n{done.stderr[-2000:]}"
        with open(stamp, "w") as file:
            file.write(wanted)


class NodeClient:
    """xen-api, following a pool; see node/follow.mjs. It verifies the certificate."""

    def __init__(self, pool, host=None, transport="auto", timeout=30):
        self._timeout = timeout
        self._process = subprocess.Popen(
            ["node", "follow.mjs", pool.url_of(host) if host else pool.url, "root", "secret", transport], cwd=NODE, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "NODE_EXTRA_CA_CERTS": pool.certificate})
        self._lines, self.said = queue.Queue(), []
        self._errors = []
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=lambda: self._errors.extend(self._process.stderr), daemon=True).start()
        self.start = self.wait(lambda line: "fetched" in line)

    def _read(self):
        for line in self._process.stdout:
            self._lines.put(json.loads(line))
        self._lines.put(None)

    def wait(self, matches):
        """The next line that matches; all lines are kept in 'said'."""
        while True:
            try:
                line = self._lines.get(timeout=self._timeout)
            except queue.Empty:
                line = None
            assert line is not None, f"xen-api said no more than {self.said[-5:]}\n{''.join(self._errors)}"
            self.said.append(line)
            if matches(line):
                return line

    def wait_change(self, kind, matches):
        """The next change of an object of that class that matches."""
        return self.wait(lambda line: line.get("changed", {}).get("type") == kind and matches(line["changed"]))["changed"]

    def call(self, method, *arguments):
        self._process.stdin.write(json.dumps([method, *arguments]) + "\n")
        self._process.stdin.flush()

    @property
    def complaints(self):
        return "".join(self._errors)

    def close(self):
        """Ends in order. A wait for events that ends with it is worth a complaint to xen-api."""
        self._process.stdin.close()
        assert self._process.wait(20) == 0, self.complaints

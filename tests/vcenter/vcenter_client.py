"""The vCenter stand-in (lab/vcenter) and an independent client of it, Debian's python3-pyvmomi."""

import contextlib
import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import time
import urllib.request

from pyVim.connect import SmartConnect, Disconnect
from pyVmomi import vim, vmodl

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "lab/vcenter/build")
TOOL = os.path.join(os.environ.get("VSN_BUILD_DIR", os.path.join(ROOT, "build")), "lab/vcenter")
QUICK = ["-t-queue", "100ms", "-t-pre", "200ms", "-t-run", "200ms", "-tick", "20ms"]
ENVELOPE = ('<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
            'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>%s</soapenv:Body></soapenv:Envelope>')
CONTENT = ('<RetrieveServiceContent xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this>'
           '</RetrieveServiceContent>')
HOST_READ = ('<RetrieveProperties xmlns="urn:vim25"><_this type="PropertyCollector">propertyCollector</_this><specSet>'
             '<propSet><type>HostSystem</type><all>false</all>%s</propSet><objectSet><obj type="HostSystem">%s</obj>'
             '</objectSet></specSet></RetrieveProperties>')


class Server:
    """One stand-in, its control address and its sessions."""

    def __init__(self, *flags):
        subprocess.run([BUILD], check=True)
        self.sessions = []
        self.process = subprocess.Popen([TOOL, *QUICK, *flags], stdout=subprocess.PIPE, text=True,
                                        env=dict(os.environ, TMPDIR="/dev/shm"))
        line = self.process.stdout.readline()
        ready = re.fullmatch(r"READY https://127\.0\.0\.1:(\d+)/sdk pid=\d+ hosts=\d+ ctl=(\S+)\n", line)
        if not ready:
            self.process.kill()
            raise RuntimeError("the stand-in did not start: %r, exit %s" % (line, self.process.wait()))
        self.port, self.ctl = ready.groups()

    def control(self, path, body=None, method=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.ctl + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=20) as reply:
            return json.load(reply)

    def until(self, true, seconds=20):
        """Asks again and again: for what the server does by itself, and tells nobody."""
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, "never came true"
            time.sleep(0.02)

    def connect(self):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        session = SmartConnect(host="127.0.0.1", port=int(self.port), user="vsn", pwd="secret", sslContext=context)
        self.sessions.append(session)
        return session

    def post(self, body, cookie=None, action='"urn:vim25"', timeout=20):
        """One SOAP call by hand: status, cookie and body."""
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", int(self.port), context=context, timeout=timeout)
        head = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": action}
        if cookie:
            head["Cookie"] = cookie
        with contextlib.closing(connection):
            connection.request("POST", "/sdk", ENVELOPE % body, head)
            reply = connection.getresponse()
            return reply.status, (reply.getheader("Set-Cookie") or "").split(";")[0], reply.read().decode()

    def login(self, password="secret"):
        return self.post('<Login xmlns="urn:vim25"><_this type="SessionManager">%s</_this><userName>vsn</userName>'
                         '<password>%s</password></Login>' % (self.session_manager(), password))

    def session_manager(self):
        return re.search(r'<sessionManager type="SessionManager">([^<]*)<', self.post(CONTENT)[2]).group(1)

    def close(self):
        for session in self.sessions:
            with contextlib.suppress(Exception):
                Disconnect(session)
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0


class Watch:
    """Follows properties by WaitForUpdatesEx on a collector of its own, and keeps what it was told."""

    def __init__(self, session, **paths):
        content = session.content
        kinds = [getattr(vim, k, None) or getattr(vim.dvs, k) for k in paths]
        view = content.viewManager.CreateContainerView(content.rootFolder, kinds, True)
        Spec = vmodl.query.PropertyCollector
        self.collector = content.propertyCollector.CreatePropertyCollector()
        traversal = Spec.TraversalSpec(name="v", path="view", skip=False, type=vim.view.ContainerView)
        self.collector.CreateFilter(Spec.FilterSpec(
            objectSet=[Spec.ObjectSpec(obj=view, skip=True, selectSet=[traversal])],
            propSet=[Spec.PropertySpec(type=k, pathSet=paths[n]) for n, k in zip(paths, kinds)]), False)
        self.version, self.objects = "", {}
        self.turn(0)

    def turn(self, seconds):
        options = vmodl.query.PropertyCollector.WaitOptions(maxWaitSeconds=seconds)
        updates = self.collector.WaitForUpdatesEx(self.version, options)
        if not updates:
            return
        self.version = updates.version
        for f in updates.filterSet:
            for o in f.objectSet:
                if o.kind == "leave":
                    self.objects.pop(o.obj._moId, None)
                    continue
                if o.kind == "enter":
                    self.objects[o.obj._moId] = {}
                for c in o.changeSet:
                    self.objects[o.obj._moId][c.name] = c.val

    def until(self, true, seconds=10):
        end = time.monotonic() + seconds
        while not true(self.objects):
            left = end - time.monotonic()
            assert left > 0, "never came true: %r" % self.objects
            self.turn(max(1, int(left)))


def find(session, kind, name):
    content = session.content
    view = content.viewManager.CreateContainerView(content.rootFolder, [kind], True)
    try:
        return next(o for o in view.view if o.name == name)
    finally:
        view.Destroy()


def events_of(session, *ids):
    content = session.content
    spec = vim.event.EventFilterSpec(eventTypeId=list(ids))
    return content.eventManager.CreateCollectorForEvents(spec)


def events_in_order(session, chain):
    """(class or the id of an EventEx, event) of all that belong together, oldest first."""
    events = session.content.eventManager.QueryEvents(vim.event.EventFilterSpec(eventChainId=chain))
    events.sort(key=lambda e: e.key)
    return [(getattr(e, "eventTypeId", None) or type(e).__name__.rsplit(".", 1)[-1], e) for e in events]


def finish(task):
    while task.info.state in ("queued", "running"):
        time.sleep(0.02)
    if task.info.state == "error":
        raise task.info.error
    return task.info.result


def portgroups(properties):
    return {p.spec.name: p.spec.vlanId for p in properties.get("config.network.portgroup") or []}


def spec_of(name, vlan):
    return vim.host.PortGroup.Specification(name=name, vlanId=vlan, vswitchName="vSwitch0",
                                            policy=vim.host.NetworkPolicy())


def first_host(server):
    return server.control("/ctl/state")["hosts"][0]["ref"]

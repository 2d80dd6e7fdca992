"""A vSphere server in a few lines, whose every answer a test can replace: for what the stand-in does too well."""
import gzip
import http.server
import re
import ssl
import threading

from vsnlab.vcenter import make_certificate

ENVELOPE = ('<?xml version="1.0"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
            'xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>%s</soapenv:Body></soapenv:Envelope>')
COOKIE = 'vmware_soap_session="52fd+/=% 1d"'


class Fault(Exception):
    def __init__(self, kind, inside=""):
        super().__init__(kind)
        self.body = (f"<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>text</faultstring><detail>"
                     f'<{kind}Fault xmlns="urn:vim25" xsi:type="{kind}">{inside}</{kind}Fault></detail></soapenv:Fault>')


def change(name, value="", kind="xsd:string", op="assign"):
    inside = f'<val xsi:type="{kind}">{value}</val>' if value is not None else ""
    return f"<changeSet><name>{name}</name><op>{op}</op>{inside}</changeSet>"


def update(kind, type_, ref, *changes):
    return f'<objectSet><kind>{kind}</kind><obj type="{type_}">{ref}</obj>{"".join(changes)}</objectSet>'


def updates(version, *objects, more=""):
    return f"<returnval><version>{version}</version><filterSet>{''.join(objects)}</filterSet>{more}</returnval>"


def content(type_, ref, *changes):
    return f'<obj type="{type_}">{ref}</obj>' + re.sub("(</?)changeSet>", r"\1propSet>", "".join(changes))


class Scripted:
    """answers: {method: function(request body) -> what is inside the response element}; an answer may raise Fault.
    asked: the methods in order. 'silent' is set at the end: waits answer nothing when it is."""

    VERSIONS = ("<namespaces><namespace><name>urn:vim25</name><version>6.5</version>"
                "<priorVersions/></namespace></namespaces>")

    def __init__(self, folder, newest=None):
        self._newest = newest
        self.certificate, self._key = make_certificate(str(folder))
        self.asked, self.bodies, self.cookies, self.actions, self.ended = [], {}, set(), set(), threading.Event()
        self.gzip = self.redirect = False
        self.versions, self.api_type = self.VERSIONS, "VirtualCenter"
        self.waits = [updates("1", update("enter", "HostSystem", "host-1", change("name", "esx1")))]
        self.answers = {
            "RetrieveServiceContent": lambda _: (
                '<returnval><rootFolder type="Folder">root</rootFolder><propertyCollector type="PropertyCollector">pc'
                '</propertyCollector><viewManager type="ViewManager">vm</viewManager><about><fullName>Scripted</fullName>'
                f"<version>6.5</version><apiType>{self.api_type}</apiType><apiVersion>6.5</apiVersion></about>"
                '<sessionManager type="SessionManager">sm</sessionManager></returnval>'),
            "Login": lambda _: "<returnval><key>k</key></returnval>",
            "Logout": lambda _: "",
            "CreatePropertyCollector": lambda _: '<returnval type="PropertyCollector">pc2</returnval>',
            "CreateContainerView": lambda _: '<returnval type="ContainerView">view</returnval>',
            "CreateFilter": lambda _: '<returnval type="PropertyFilter">filter</returnval>',
            "RetrievePropertiesEx": lambda _: "",
            "WaitForUpdatesEx": self.next_wait,
        }

    def next_wait(self, _):
        if self.waits:
            return self.waits.pop(0)
        self.ended.wait(55)
        return ""

    def answer(self, method, body):
        self.asked.append(method)
        self.bodies.setdefault(method, []).append(body)
        if method not in self.answers:
            raise Fault("InvalidRequest")
        return f'<{method}Response xmlns="urn:vim25">{self.answers[method](body)}</{method}Response>'

    def __enter__(self):
        script = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def send(self, status, text):
                data = text.encode()
                if script.gzip:
                    data = gzip.compress(data)
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                if script.gzip:
                    self.send_header("Content-Encoding", "gzip")
                if script.redirect:
                    self.send_header("Location", "https://127.0.0.1:1/elsewhere")
                self.send_header("Set-Cookie", COOKIE + "; Path=/; HttpOnly; Secure; ")
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self):
                self.send(*(200, script.versions) if script.versions else (404, "no"))

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                script.cookies.add(self.headers.get("Cookie"))
                script.actions.add(self.headers.get("SOAPAction"))
                method = re.search("<soapenv:Body><(\\w+)", body).group(1)
                try:
                    answer = script.answer(method, body)
                    self.send(*(302, "") if script.redirect
                              else (200, ENVELOPE % answer if answer is not None else "<html>hello</html>"))
                except Fault as fault:
                    self.send(500, ENVELOPE % fault.body)

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if self._newest:    # as a server of its time
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, self._newest
        context.load_cert_chain(self.certificate, self._key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_port}/sdk"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()

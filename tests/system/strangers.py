"""Servers that are no vCenter, on this side's loopback."""
import contextlib
import os
import socket
import ssl
import threading


class Stranger:
    """Accepts connections on a loopback port and hands each to 'behave' in a thread of its own; closes it then."""

    def __init__(self, behave, certificate=None, key=None):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port, self._behave, self._open, self._context = self._listener.getsockname()[1], behave, [], None
        if certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate, key)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError):
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            self._behave(connection)
            connection.close()

    def close(self):
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def says_garbage(connection):
    connection.recv(1000)
    connection.sendall(os.urandom(100000))


def says_ssh(connection):
    connection.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n")
    connection.recv(1000)


def says_nothing(connection):
    """Takes whatever comes and keeps the connection."""
    while connection.recv(1000):
        pass


def web_server(connection):
    """A web server that has never heard of vSphere."""
    while request := connection.recv(65536):
        while b"\r\n\r\n" not in request:
            request += connection.recv(65536)
        page = b"<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>"
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nServer: nginx\r\nContent-Type: text/html\r\n"
                           b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(page), page))
        return


def closed_port():
    """A port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
